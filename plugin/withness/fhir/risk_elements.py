"""What the elements of the risk gate's resources may hold: RiskAssessment, GuidanceResponse, DetectedIssue, Flag, Task.

FHIR R4 4.0.1: riskassessment, guidanceresponse, detectedissue, flag, task. The tables are read as those of `elements`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from withness.fhir import codes
from withness.fhir.elements import ANYTHING, ENCOUNTER, OBSERVED, PEOPLE, RANGE, Scalar, Shape, one_of, to
from withness.fhir.invariants import Element, Wrong, starts
from withness.fhir.moments import later

_REASON: Final = to("Condition Observation DiagnosticReport DocumentReference")
_CLINICIAN: Final = to("Practitioner PractitionerRole")
_ASSESSOR: Final = to("Practitioner PractitionerRole Device")
_PERSON: Final = to("Patient Group")


def prediction(element: Element) -> Wrong:
    """ras-1 and ras-2: a probability is a percentage, at most 100."""
    number = element.get("probabilityDecimal")
    if isinstance(number, int | float | Decimal) and number > 100:
        yield "probabilityDecimal", "must be at most 100 (ras-2)"
    limits = element.get("probabilityRange")
    for name in ("low", "high"):
        limit = limits.get(name) if isinstance(limits, dict) else None
        if isinstance(limit, dict) and (limit.get("system"), limit.get("code")) != (codes.UCUM, "%"):
            yield f"probabilityRange.{name}", "must be a percentage (ras-1)"


def guidance(element: Element) -> Wrong:
    """A guidance response names the one module that was asked (module[x] is 1..1)."""
    if len(starts(element, "module")) != 1:
        yield "module", "must be there, once"


def task(element: Element) -> Wrong:
    """inv-1: a task is not changed before it was written."""
    authored, modified = element.get("authoredOn"), element.get("lastModified")
    if isinstance(authored, str) and isinstance(modified, str) and later(authored, modified):
        yield "lastModified", "is before authoredOn (inv-1)"


RISK_ASSESSMENT: Final = Shape(
    {
        "basedOn": ANYTHING,
        "parent": ANYTHING,
        "status": OBSERVED,
        "subject": _PERSON,
        "encounter": ENCOUNTER,
        "condition": to("Condition"),
        "performer": _ASSESSOR,
        "reasonReference": _REASON,
        "basis": ANYTHING,
        "prediction": Shape(
            {"probabilityDecimal": Scalar.NUMBER, "probabilityRange": RANGE, "relativeRisk": Scalar.NUMBER},
            rule=prediction,
        ),
    },
    needs=("status", "subject"),
)
GUIDANCE_RESPONSE: Final = Shape(
    {
        "moduleCanonical": Scalar.CANONICAL,
        "status": one_of("success data-requested data-required in-progress failure entered-in-error"),
        "subject": _PERSON,
        "encounter": ENCOUNTER,
        "performer": to("Device"),
        "reasonReference": _REASON,
        "evaluationMessage": to("OperationOutcome"),
        "outputParameters": to("Parameters"),
        "result": to("CarePlan RequestGroup"),
    },
    needs=("status",),
    rule=guidance,
)
DETECTED_ISSUE: Final = Shape(
    {
        "status": OBSERVED,
        "severity": one_of("high moderate low"),
        "patient": to("Patient"),
        "author": _ASSESSOR,
        "implicated": ANYTHING,
        "evidence": Shape({"detail": ANYTHING}),
        "mitigation": Shape({"author": _CLINICIAN}, needs=("action",)),
    },
    needs=("status",),
)
FLAG: Final = Shape(
    {
        "status": one_of("active inactive entered-in-error"),
        "subject": to("Patient Location Group Organization Practitioner PlanDefinition Medication Procedure"),
        "encounter": ENCOUNTER,
        "author": to("Device Organization Patient Practitioner PractitionerRole"),
    },
    needs=("status", "code", "subject"),
)
_PARAMETER: Final = Shape(needs=("type",))
TASK: Final = Shape(
    {
        "instantiatesCanonical": Scalar.CANONICAL,
        "basedOn": ANYTHING,
        "partOf": to("Task"),
        "status": one_of(
            "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
            "entered-in-error"
        ),
        "intent": one_of("unknown proposal plan order original-order reflex-order filler-order instance-order option"),
        "priority": one_of("routine urgent asap stat"),
        "focus": ANYTHING,
        "for": ANYTHING,
        "encounter": ENCOUNTER,
        "requester": to(f"{PEOPLE} Device Organization"),
        "owner": to(f"{PEOPLE} Organization CareTeam HealthcareService Device"),
        "location": to("Location"),
        "reasonReference": ANYTHING,
        "insurance": to("Coverage ClaimResponse"),
        "relevantHistory": to("Provenance"),
        "restriction": Shape({"repetitions": Scalar.POSITIVE, "recipient": to(f"{PEOPLE} Group Organization")}),
        "input": _PARAMETER,
        "output": _PARAMETER,
    },
    needs=("status", "intent"),
    rule=task,
)

RISK_SHAPES: Final[dict[str, Shape]] = {
    "RiskAssessment": RISK_ASSESSMENT,
    "GuidanceResponse": GUIDANCE_RESPONSE,
    "DetectedIssue": DETECTED_ISSUE,
    "Flag": FLAG,
    "Task": TASK,
}
