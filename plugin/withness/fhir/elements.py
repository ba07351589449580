"""What the elements of the resources that we write may hold: required codes, reference targets, needed parts.

FHIR R4 4.0.1: careplan, goal, questionnaire, questionnaireresponse, provenance, bundle, datatypes, narrative; the
risk gate's own resources stand in `risk_elements`. A resource type without a table is still walked: forms, blanks
and data types are looked at everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from withness.fhir import bundle_invariants, invariants
from withness.fhir.references import R4_TYPES


class Scalar(Enum):
    """Forms that the model layer would coerce or let through."""

    NUMBER = auto()
    INTEGER = auto()
    POSITIVE = auto()
    BOOLEAN = auto()
    CANONICAL = auto()
    MOMENT = auto()
    INSTANT = auto()


@dataclass(frozen=True, eq=False)
class Shape:
    """An object: its `parts` that are looked at, those it `needs`, a `rule` on it as a whole.

    `targets` is filled for a Reference: the resource types that it may point at.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    rule: Callable[[Mapping[str, Any]], invariants.Wrong] | None = None
    targets: frozenset[str] | None = None


Part = Shape | frozenset[str] | Scalar


def one_of(listed: str) -> frozenset[str]:
    """Return the codes of a required binding, given with blanks between them."""
    return frozenset(listed.split())


def to(listed: str) -> Shape:
    """Return a Reference to one of the resource types given with blanks between them."""
    return Shape(targets=frozenset(listed.split()))


ANY: Final = Shape()
ANYTHING: Final = Shape(targets=R4_TYPES)
PEOPLE: Final = "Practitioner PractitionerRole RelatedPerson Patient"
_PARTIES: Final = to(f"{PEOPLE} Device Organization")
ENCOUNTER: Final = to("Encounter")
_PUBLICATION: Final = one_of("draft active retired unknown")
OBSERVED: Final = one_of("registered preliminary final amended corrected cancelled entered-in-error unknown")
_COMPARATOR: Final = one_of("< <= >= >")
_NOTE: Final = Shape({"authorReference": to("Practitioner Patient RelatedPerson Organization")}, needs=("text",))

_NUMBERED: Final[dict[str, Part]] = {"value": Scalar.NUMBER, "comparator": _COMPARATOR}
QUANTITY: Final = Shape(_NUMBERED, rule=invariants.quantity)
DURATION: Final = Shape(_NUMBERED, rule=invariants.duration)
RANGE: Final = Shape({"low": QUANTITY, "high": QUANTITY})
RATIO: Final = Shape({"numerator": QUANTITY, "denominator": QUANTITY}, rule=invariants.ratio)
REPEAT: Final = Shape(
    {
        **dict.fromkeys(("count", "countMax", "frequency", "frequencyMax"), Scalar.POSITIVE),
        **dict.fromkeys(("duration", "durationMax", "period", "periodMax"), Scalar.NUMBER),
        **dict.fromkeys(("durationUnit", "periodUnit"), one_of("s min h d wk mo a")),
        "offset": Scalar.INTEGER,
        "boundsDuration": DURATION,
        "boundsRange": RANGE,
    },
    rule=invariants.repeat,
)
PERIOD: Final = Shape(rule=invariants.period)
EXTENSION: Final = Shape(needs=("url",), rule=invariants.extension)
NARRATIVE: Final = Shape(
    {"status": one_of("generated extensions additional empty")}, needs=("status", "div"), rule=invariants.narrative
)
_SIGNATURE: Final = Shape({"who": _PARTIES, "onBehalfOf": _PARTIES}, needs=("type", "when", "who"))

COMMON: Final[dict[str, Part]] = {
    "extension": EXTENSION,
    "modifierExtension": EXTENSION,
    "meta": Shape({"profile": Scalar.CANONICAL}, rule=invariants.meta),
    "note": _NOTE,
    "repeat": REPEAT,
    "signature": _SIGNATURE,
    "text": NARRATIVE,
    "valueReference": ANYTHING,
    **dict.fromkeys(("valueRatio", "detailRatio"), RATIO),
    **dict.fromkeys(("valueQuantity", "detailQuantity", "answerQuantity"), QUANTITY),
    **dict.fromkeys(("valueRange", "detailRange"), RANGE),
    **dict.fromkeys(("valueDuration", "dueDuration"), DURATION),
    **dict.fromkeys(("valueInteger", "detailInteger", "answerInteger"), Scalar.INTEGER),
    **dict.fromkeys(("valueBoolean", "detailBoolean", "answerBoolean"), Scalar.BOOLEAN),
    "valuePositiveInt": Scalar.POSITIVE,
    "valueDecimal": Scalar.NUMBER,
    **dict.fromkeys(("lastUpdated", "recorded", "issued", "valueInstant"), Scalar.INSTANT),
    **dict.fromkeys(
        ("authored", "authoredOn", "created", "date", "start", "end", "time", "when", "statusDate", "valueDateTime"),
        Scalar.MOMENT,
    ),
    **dict.fromkeys(("effectiveDateTime", "occurredDateTime", "occurrenceDateTime"), Scalar.MOMENT),
    **dict.fromkeys(("identifiedDateTime", "lastModified"), Scalar.MOMENT),
    **dict.fromkeys(
        ("period", "boundsPeriod", "executionPeriod", "identifiedPeriod", "occurrencePeriod", "valuePeriod"), PERIOD
    ),
}
"""Elements that mean the same wherever they stand (data types, choice values)."""

_ACTIVITY_DETAIL: Final = Shape(
    {
        "kind": one_of(
            "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder Task ServiceRequest "
            "VisionPrescription"
        ),
        "status": one_of(
            "not-started scheduled in-progress on-hold completed cancelled stopped unknown entered-in-error"
        ),
        "instantiatesCanonical": Scalar.CANONICAL,
        "reasonReference": to("Condition Observation DiagnosticReport DocumentReference"),
        "goal": to("Goal"),
        "location": to("Location"),
        "performer": to(f"{PEOPLE} Organization CareTeam HealthcareService Device"),
        "productReference": to("Medication Substance"),
    },
    needs=("status",),
)
_ACTIVITY: Final = Shape(
    {
        "outcomeReference": ANYTHING,
        "progress": _NOTE,
        "reference": to(
            "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder Task ServiceRequest "
            "VisionPrescription RequestGroup"
        ),
        "detail": _ACTIVITY_DETAIL,
    },
    rule=invariants.activity,
)
CARE_PLAN: Final = Shape(
    {
        "instantiatesCanonical": Scalar.CANONICAL,
        "basedOn": to("CarePlan"),
        "replaces": to("CarePlan"),
        "partOf": to("CarePlan"),
        "status": one_of("draft active on-hold revoked completed entered-in-error unknown"),
        "intent": one_of("proposal plan order option"),
        "subject": to("Patient Group"),
        "encounter": ENCOUNTER,
        "author": to(f"{PEOPLE} Device Organization CareTeam"),
        "contributor": to(f"{PEOPLE} Device Organization CareTeam"),
        "careTeam": to("CareTeam"),
        "addresses": to("Condition"),
        "supportingInfo": ANYTHING,
        "goal": to("Goal"),
        "activity": _ACTIVITY,
    },
    needs=("status", "intent", "subject"),
    rule=invariants.care_plan,
)
GOAL: Final = Shape(
    {
        "lifecycleStatus": one_of(
            "proposed planned accepted active on-hold completed cancelled entered-in-error rejected"
        ),
        "subject": to("Patient Group Organization"),
        "expressedBy": to(PEOPLE),
        "addresses": to("Condition Observation MedicationStatement NutritionOrder ServiceRequest RiskAssessment"),
        "outcomeReference": to("Observation"),
        "target": Shape(rule=invariants.goal_target),
    },
    needs=("lifecycleStatus", "description", "subject"),
    rule=invariants.goal,
)

_RESPONSE_PARTS: Final[dict[str, Part]] = {}
_RESPONSE_ITEM: Final = Shape(_RESPONSE_PARTS, needs=("linkId",), rule=invariants.response_item)
_RESPONSE_PARTS["item"] = _RESPONSE_ITEM
_RESPONSE_PARTS["answer"] = Shape({"item": _RESPONSE_ITEM}, rule=invariants.response_siblings)
QUESTIONNAIRE_RESPONSE: Final = Shape(
    {
        "basedOn": to("CarePlan ServiceRequest"),
        "partOf": to("Observation Procedure"),
        "questionnaire": Scalar.CANONICAL,
        "status": one_of("in-progress completed amended entered-in-error stopped"),
        "subject": ANYTHING,
        "encounter": ENCOUNTER,
        "author": _PARTIES,
        "source": to(PEOPLE),
        "item": _RESPONSE_ITEM,
    },
    needs=("status",),
    rule=invariants.response_siblings,
)

_ITEM_PARTS: Final[dict[str, Part]] = {
    "type": one_of(
        "group display boolean decimal integer date dateTime time string text url choice open-choice attachment "
        "reference quantity"
    ),
    "enableWhen": Shape(
        {"operator": one_of("exists = != > < >= <="), "answerReference": ANYTHING}, needs=("question", "operator")
    ),
    "enableBehavior": one_of("all any"),
    "maxLength": Scalar.INTEGER,
    "answerValueSet": Scalar.CANONICAL,
    **dict.fromkeys(("required", "repeats", "readOnly"), Scalar.BOOLEAN),
}
_ITEM: Final = Shape(_ITEM_PARTS, needs=("linkId", "type"), rule=invariants.questionnaire_item)
_ITEM_PARTS["item"] = _ITEM
QUESTIONNAIRE: Final = Shape(
    {"status": _PUBLICATION, "derivedFrom": Scalar.CANONICAL, "subjectType": R4_TYPES, "item": _ITEM},
    needs=("status",),
    rule=invariants.questionnaire,
)

_AGENT: Final = Shape({"who": _PARTIES, "onBehalfOf": _PARTIES}, needs=("who",))
PROVENANCE: Final = Shape(
    {
        "target": ANYTHING,
        "location": to("Location"),
        "agent": _AGENT,
        "entity": Shape(
            {"role": one_of("derivation revision quotation source removal"), "what": ANYTHING, "agent": _AGENT},
            needs=("role", "what"),
        ),
    },
    needs=("recorded",),
    rule=invariants.provenance,
)
BUNDLE: Final = Shape(
    {
        "type": one_of(
            "document message transaction transaction-response batch batch-response history searchset collection"
        ),
        "total": Scalar.INTEGER,
        "entry": Shape(
            {"request": Shape({"method": one_of("GET HEAD POST PUT DELETE PATCH")}, needs=("method", "url"))}
        ),
    },
    needs=("type",),
    rule=bundle_invariants.bundle,
)

SHAPES: Final[dict[str, Shape]] = {
    "Bundle": BUNDLE,
    "CarePlan": CARE_PLAN,
    "Goal": GOAL,
    "Provenance": PROVENANCE,
    "Questionnaire": QUESTIONNAIRE,
    "QuestionnaireResponse": QUESTIONNAIRE_RESPONSE,
}
