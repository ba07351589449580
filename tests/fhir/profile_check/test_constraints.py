"""FHIRPath rules: evaluated as validators do, and never passed when they are not."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from tests.fhir.profile_check.makers import Resource, goal

from withness.fhir.profile_check.constraints import Around, NotEvaluated, holds, looked_at

RESPONSE: Resource = {
    "resourceType": "QuestionnaireResponse",
    "status": "completed",
    "item": [
        {
            "linkId": "a",
            "item": [
                {"linkId": "b", "answer": [{"valueCoding": {"system": "urn:x", "code": "y"}}]},
                {"linkId": "c", "answer": [{"valueString": "x", "item": [{"linkId": "d", "answer": []}]}]},
            ],
        }
    ],
}


def ask(expression: str, value: Any, place: str, around: Around | None = None) -> bool:
    return holds(expression, value, place, around or Around(value, value))


@pytest.mark.parametrize(
    ("expression", "yes"),
    [
        ("lifecycleStatus = 'active'", True),
        ("lifecycleStatus = 'planned'", False),
        ("start.empty()", True),
        ("statusReason = 'x'", False),  # empty: as HAPI's validator says
        ("description", True),  # no boolean, but there
        ("description.text.matches('^I want')", True),
        ("subject.reference.startsWith('Patient/')", True),
        ("extension('urn:x').value.empty()", True),
    ],
)
def test_a_rule_holds_or_not(expression: str, yes: bool) -> None:
    assert ask(expression, goal(), "Goal") is yes


def test_an_element_knows_the_types_of_its_choices() -> None:
    """Catches a model that is not set: `value` would then be nothing, and the rule would pass."""
    component = {"code": {"text": "x"}, "valueQuantity": {"value": 1, "system": "urn:x", "code": "y"}}
    ucum = "value.ofType(Quantity).system = 'http://unitsofmeasure.org'"
    assert not ask(ucum, component, "Observation.component", Around(component, component))
    assert ask("value.exists()", component, "Observation.component", Around(component, component))


def test_a_union_keeps_the_types_of_its_elements() -> None:
    """Planted: fhirpathpy's own union, which forgets them; then no answer is a Coding."""
    answers = "repeat(item | answer.item).answer.value"
    assert ask(f"{answers}.ofType(Coding).count() = 1", RESPONSE, "QuestionnaireResponse")
    assert ask(f"{answers}.count() = 2", RESPONSE, "QuestionnaireResponse")
    assert ask("('a' | 'b' | 'a').count() = 2 and (1 | true).count() = 2", RESPONSE, "QuestionnaireResponse")


@pytest.mark.parametrize(
    ("who", "yes"),
    [("Practitioner/p", False), ("Device/d", False), ("Patient/p", True), ("urn:uuid:1", False), ("#p", False)],
)
def test_what_a_reference_leads_to_is_known_by_its_type(who: str, yes: bool) -> None:
    """US Core provenance-1. Planted: resolve() as nothing, and the rule passes for everybody."""
    expression = "who.exists((resolve() is Practitioner) or (resolve() is Device)) implies onBehalfOf.exists()"
    agent = {"who": {"reference": who}}
    record = {"agent": [agent], "contained": [{"resourceType": "Practitioner", "id": "p"}]}
    around = Around(record, record, {"urn:uuid:1": {"resourceType": "Practitioner"}})
    assert holds(expression, agent, "Provenance.agent", around) is yes


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("foo bar((", "does not parse"),
        ("lifecycleStatus = ", "does not parse"),
        ("lifecycleStatus = 'a' 'b'", "does not parse"),
        ("memberOf('urn:x')", "function memberOf is not known"),
        ("conformsTo('urn:x')", "function conformsTo is not known"),
        ("%nowhere.exists()", "evaluation failed"),
        ("subject.resolve().active", "a resource that is not here"),
        ("start is DateTime implies true", "a type of FHIRPath's own"),
        ("start is System.Date", "a type of FHIRPath's own"),
        ("(start as Date).exists()", "a type of FHIRPath's own"),
        ("target.distinct().detail.exists()", "after distinct()"),
    ],
)
def test_what_cannot_be_evaluated_is_never_passed(expression: str, why: str) -> None:
    """Planted: the library's own parser, to which "foo bar((" is an empty expression."""
    with pytest.raises(NotEvaluated, match=why.replace("(", "\\(").replace(")", "\\)")):
        ask(expression, goal(), "Goal")


def test_nothing_of_a_resource_is_in_a_reason() -> None:
    with pytest.raises(NotEvaluated) as caught:
        ask("description.text.toInteger() + %secret", goal(description={"text": "Rosa said"}), "Goal")
    assert "Rosa" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_trace_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Catches the library's print, which would stand in front of the one JSON document."""
    assert ask("description.trace('x').exists()", goal(), "Goal")
    assert capsys.readouterr().out == ""


def test_a_resource_is_left_as_it_was() -> None:
    before = deepcopy(RESPONSE)
    ask("repeat(item).where(answer.exists()).count() > 0", RESPONSE, "QuestionnaireResponse")
    assert before == RESPONSE


def test_rules_of_r4_that_our_own_check_looks_at_are_not_asked_again() -> None:
    """ras-2 fails as published where there is no probability; only R4's own rules are left out by their key."""
    r4 = "http://hl7.org/fhir/StructureDefinition/RiskAssessment"
    assert looked_at({"key": "ras-2", "source": r4})
    assert looked_at({"key": "ele-1"})
    assert not looked_at({"key": "inv-1", "source": "https://site.example/fhir/StructureDefinition/x"})
    assert not looked_at({"key": "us-core-1", "source": r4})
