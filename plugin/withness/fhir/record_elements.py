"""What the elements of records may hold: DocumentReference, AuditEvent, Observation.

FHIR R4 4.0.1: documentreference, auditevent, observation. The tables are read as those of `elements`.
"""

from __future__ import annotations

from typing import Any, Final

from withness.fhir.artefact_invariants import listed, one_choice
from withness.fhir.elements import (
    ANYTHING,
    ENCOUNTER,
    OBSERVED,
    PEOPLE,
    PERIOD,
    QUANTITY,
    RANGE,
    Part,
    Scalar,
    Shape,
    one_of,
    to,
)
from withness.fhir.invariants import Element, Wrong, starts
from withness.fhir.metadata_elements import ATTACHMENT, IDENTIFIER


def observation(element: Element) -> Wrong:
    """obs-6 and obs-7: a value or the reason for none; not both a value and a component of the same code."""
    value = starts(element, "value")
    if "dataAbsentReason" in element and value:
        yield "dataAbsentReason", "stands beside a value (obs-6)"
    own = _codings(element.get("code"))
    if value and any(own & _codings(one.get("code")) for one in listed(element, "component")):
        yield "component", "has the code of the whole observation, which has a value itself (obs-7)"


def _codings(code: Any) -> set[tuple[str, str]]:
    found = listed(code, "coding") if isinstance(code, dict) else []
    return {(str(one.get("system")), str(one.get("code"))) for one in found}


def reference_range(element: Element) -> Wrong:
    """obs-3: a range has a limit or a text."""
    if not {"low", "high", "text"} & element.keys():
        yield "", "must have low, high or text (obs-3)"


def audit_entity(element: Element) -> Wrong:
    """sev-1: an entity has a name or a query."""
    if "name" in element and "query" in element:
        yield "", "must not have both name and query (sev-1)"


_PARTIES: Final = to(f"{PEOPLE} Device Organization")
_RANGE: Final = Shape({"low": QUANTITY, "high": QUANTITY, "age": RANGE}, rule=reference_range)
_MEASURED: Final[dict[str, Part]] = {"referenceRange": _RANGE}
OBSERVATION: Final = Shape(
    {
        **_MEASURED,
        "identifier": IDENTIFIER,
        "basedOn": to(
            "CarePlan DeviceRequest ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest"
        ),
        "partOf": to(
            "MedicationAdministration MedicationDispense MedicationStatement Procedure Immunization ImagingStudy"
        ),
        "status": OBSERVED,
        "subject": to("Patient Group Device Location"),
        "focus": ANYTHING,
        "encounter": ENCOUNTER,
        "effectivePeriod": PERIOD,
        "effectiveInstant": Scalar.INSTANT,
        "performer": to(f"{PEOPLE} Organization CareTeam"),
        "specimen": to("Specimen"),
        "device": to("Device DeviceMetric"),
        "hasMember": to("Observation QuestionnaireResponse MolecularSequence"),
        "derivedFrom": to("DocumentReference ImagingStudy Media QuestionnaireResponse Observation MolecularSequence"),
        "component": Shape(_MEASURED, needs=("code",)),
    },
    needs=("status", "code"),
    rule=observation,
)
DOCUMENT_REFERENCE: Final = Shape(
    {
        "masterIdentifier": IDENTIFIER,
        "identifier": IDENTIFIER,
        "status": one_of("current superseded entered-in-error"),
        "docStatus": one_of("preliminary final amended entered-in-error"),
        "subject": to("Patient Practitioner Group Device"),
        "date": Scalar.INSTANT,
        "author": _PARTIES,
        "authenticator": to("Practitioner PractitionerRole Organization"),
        "custodian": to("Organization"),
        "relatesTo": Shape(
            {"code": one_of("replaces transforms signs appends"), "target": to("DocumentReference")},
            needs=("code", "target"),
        ),
        "content": Shape({"attachment": ATTACHMENT}, needs=("attachment",)),
        "context": Shape(
            {
                "encounter": to("Encounter EpisodeOfCare"),
                "period": PERIOD,
                "sourcePatientInfo": to("Patient"),
                "related": ANYTHING,
            }
        ),
    },
    needs=("status", "content"),
)
AUDIT_EVENT: Final = Shape(
    {
        "action": one_of("C R U D E"),
        "period": PERIOD,
        "outcome": one_of("0 4 8 12"),
        "agent": Shape(
            {
                "who": _PARTIES,
                "requestor": Scalar.BOOLEAN,
                "location": to("Location"),
                "network": Shape({"type": one_of("1 2 3 4 5")}),
            },
            needs=("requestor",),
        ),
        "source": Shape({"observer": _PARTIES}, needs=("observer",)),
        "entity": Shape(
            {"what": ANYTHING, "detail": Shape(needs=("type",), rule=one_choice("value"))}, rule=audit_entity
        ),
    },
    needs=("type", "recorded", "agent", "source"),
)

RECORD_SHAPES: Final[dict[str, Shape]] = {
    "AuditEvent": AUDIT_EVENT,
    "DocumentReference": DOCUMENT_REFERENCE,
    "Observation": OBSERVATION,
}
