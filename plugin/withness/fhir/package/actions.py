"""Parts that the PlanDefinitions of the package share (FHIR R4 plandefinition.html)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from withness.fhir import codes
from withness.fhir.package.fhirpath import expression

Element = dict[str, Any]

ATTRIBUTES_LIBRARY: Final = f"{codes.BASE}/Library/gate-source-attributes"
CLINICAL_PROTOCOL: Final = "clinical-protocol"
ECA_RULE: Final = "eca-rule"

_TYPES: Final = {CLINICAL_PROTOCOL: "Clinical Protocol", ECA_RULE: "ECA Rule"}
_TYPE_SYSTEM: Final = "http://terminology.hl7.org/CodeSystem/plan-definition-type"


def plan_type(code: str) -> Element:
    """Return PlanDefinition.type (R4 plan-definition-type)."""
    return {"coding": [{"system": _TYPE_SYSTEM, "code": code, "display": _TYPES[code]}]}


def action(id: str, title: str, **parts: Any) -> Element:
    """Return PlanDefinition.action with what it has of `parts`, in R4's order; `applies` are (words, FHIRPath)."""
    parts["condition"] = [applicable(*one) for one in parts.pop("applies", ())]
    listed = {"id": id, "title": title, **{name: parts.pop(name, None) for name in _ORDER}, **parts}
    return {name: value for name, value in listed.items() if value}


_ORDER: Final = (
    "description",
    "textEquivalent",
    "priority",
    "code",
    "documentation",
    "goalId",
    "trigger",
    "condition",
    "input",
    "timingDuration",
    "participant",
    "groupingBehavior",
    "selectionBehavior",
    "definitionCanonical",
    "action",
)


def applicable(words: str, condition: str) -> Element:
    """Return a condition; all of an action's conditions must be true for it to apply."""
    return {"kind": "applicability", "expression": {"description": words, **expression(condition)}}


def recorded_screen() -> Element:
    """Return the trigger: a risk screen, in whatever version, was recorded (R4 TriggerDefinition)."""
    form = f"questionnaire.where(startsWith('{codes.QUESTIONNAIRE_RISK_SCREEN}')).exists()"
    return {
        "type": "data-added",
        "name": "risk-screen-recorded",
        "data": [{"type": "QuestionnaireResponse"}],
        "condition": expression(form),
    }


def citation(source: str) -> Element:
    """Return a source as a RelatedArtifact."""
    return {"type": "citation", "citation": source}


def attributes_of(rule: str, version: str) -> Element:
    """Return the pointer to a rule's source attributes; its label is the rule's id in the Library's rows."""
    return {
        "type": "documentation",
        "label": rule,
        "display": "Source attributes of this rule",
        "resource": f"{ATTRIBUTES_LIBRARY}|{version}",
    }


def participants(types: Iterable[str], role: str = "") -> list[Element]:
    """Return who takes part (R4 action-participant-type)."""
    told = {"role": {"text": role}} if role else {}
    return [{"type": one, **told} for one in types]
