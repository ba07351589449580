# ruff: noqa: E501 - one row for each rule reads better as a table
"""Each kind of rule that an ElementDefinition can state: one resource that keeps it, one that breaks it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from tests.fhir.profile_check.makers import (
    SITE,
    Resource,
    code_system,
    element,
    found,
    goal,
    profile,
    refers,
    rule,
    said,
    skipped,
    types,
    value_set,
)

R4 = "http://hl7.org/fhir/StructureDefinition"
COLOUR = {"strength": "required", "valueSet": f"{SITE}/ValueSet/colours"}
KNOWN = (code_system("red", "green"), value_set({"system": f"{SITE}/CodeSystem/colours"}))
RED = {"system": f"{SITE}/CodeSystem/colours", "code": "red"}
BLUE = {**RED, "code": "blue"}
TARGET = element("Goal.target", type=types("BackboneElement"))

# fmt: off
# Name: the element's rules, what keeps them, what breaks them, the element named, words of the sentence.
RULES: dict[str, tuple[list[Resource], Resource, Resource, str, str]] = {
    "min": ([element("Goal.note", min=1)], goal(note=[{"text": "x"}]), goal(), "Goal.note", "is missing"),
    "min 2": ([element("Goal.note", min=2)], goal(note=[{"text": "x"}] * 2), goal(note=[{"text": "x"}]), "Goal.note", "at least 2 times"),
    "max": ([element("Goal.note", max="1")], goal(note=[{"text": "x"}]), goal(note=[{"text": "x"}] * 2), "Goal.note", "at most once"),
    "max 0": ([element("Goal.note", max="0")], goal(), goal(note=[{"text": "x"}]), "Goal.note", "must not be there"),
    "min of an inner element": ([TARGET, element("Goal.target.measure", min=1)], goal(target=[{"measure": {"text": "x"}}]), goal(target=[{"measure": {"text": "x"}}, {"dueDate": "2026-01-01"}]), "Goal.target[1].measure", "is missing"),
    "min of a choice": ([element("Goal.start[x]", min=1, type=types("date", "CodeableConcept"))], goal(startDate="2026-01-01"), goal(), "Goal.start[x]", "is missing"),
    "type of a choice": ([element("Goal.start[x]", type=types("date"))], goal(startDate="2026-01-01"), goal(startCodeableConcept={"text": "x"}), "Goal.startCodeableConcept", "must be one of the types date"),
    "form of a primitive": ([TARGET, element("Goal.target.detail[x]", type=types("integer"))], goal(target=[{"detailInteger": 3}]), goal(target=[{"detailInteger": "3"}]), "Goal.target[0].detailInteger", "whole number"),
    "target of a reference": ([element("Goal.subject", type=types(refers(f"{R4}/Patient")))], goal(), goal(subject={"reference": "Group/g"}), "Goal.subject", "must refer to Patient"),
    "target by type alone": ([element("Goal.subject", type=types(refers(f"{R4}/Patient")))], goal(subject={"display": "x"}), goal(subject={"type": "Group", "identifier": {"value": "1"}}), "Goal.subject", "must refer to Patient"),
    "target on US Core": ([element("Goal.subject", type=types(refers("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient")))], goal(), goal(subject={"reference": "Organization/o"}), "Goal.subject", "must refer to Patient"),
    "fixed": ([element("Goal.lifecycleStatus", fixedCode="active")], goal(), goal(lifecycleStatus="planned"), "Goal.lifecycleStatus", 'must be "active"'),
    "fixed is the whole of it": ([element("Goal.priority", fixedCodeableConcept={"text": "high"})], goal(priority={"text": "high"}), goal(priority={"text": "high", "coding": [RED]}), "Goal.priority", "must be text high"),
    "pattern": ([element("Goal.priority", patternCodeableConcept={"coding": [RED]})], goal(priority={"text": "x", "coding": [BLUE, RED]}), goal(priority={"coding": [BLUE]}), "Goal.priority", "must have system"),
    "pattern of a primitive": ([element("Goal.statusReason", patternString="because")], goal(statusReason="because"), goal(statusReason="why"), "Goal.statusReason", 'must have "because"'),
    "maxLength": ([element("Goal.statusReason", maxLength=3)], goal(statusReason="abc"), goal(statusReason="abcd"), "Goal.statusReason", "at most 3 characters"),
    "minValue": ([TARGET, element("Goal.target.detail[x]", minValueInteger=2)], goal(target=[{"detailInteger": 2}]), goal(target=[{"detailInteger": 1}]), "Goal.target[0].detailInteger", "at least 2"),
    "maxValue": ([element("Goal.start[x]", maxValueDate="2026-12-31")], goal(startDate="2026-12-31"), goal(startDate="2027-01-01"), "Goal.startDate", "at most 2026-12-31"),
    "binding of a CodeableConcept": ([element("Goal.priority", binding=COLOUR)], goal(priority={"coding": [{"system": "urn:x", "code": "y"}, RED]}), goal(priority={"coding": [BLUE]}), "Goal.priority", "value set colours"),
    "binding of a code without its system": ([element("Goal.priority", binding=COLOUR)], goal(priority={"coding": [RED]}), goal(priority={"coding": [{"code": "red"}]}), "Goal.priority", "value set colours"),
    "binding of a text alone": ([element("Goal.priority", binding=COLOUR)], goal(priority={"coding": [RED]}), goal(priority={"text": "red"}), "Goal.priority", "value set colours"),
    "binding of a code": ([element("Goal.lifecycleStatus", binding=COLOUR)], goal(lifecycleStatus="red"), goal(), "Goal.lifecycleStatus", "value set colours"),
    "rule": ([element("Goal.target", constraint=[rule("due.exists()")])], goal(target=[{"dueDate": "2026-01-01"}]), goal(target=[{"measure": {"text": "x"}}]), "Goal.target[0]", "breaks rule ours-1: It must be so"),
    "rule on the whole": ([element("Goal.note", constraint=[rule("%resource.lifecycleStatus = 'active'")])], goal(note=[{"text": "x"}]), goal(note=[{"text": "x"}], lifecycleStatus="planned"), "Goal.note[0]", "ours-1"),
    "SimpleQuantity": ([TARGET, element("Goal.target.detail[x]", type=types({"code": "Quantity", "profile": [f"{R4}/SimpleQuantity"]}))], goal(target=[{"detailQuantity": {"value": 1}}]), goal(target=[{"detailQuantity": {"value": 1, "comparator": "<"}}]), "Goal.target[0].detailQuantity.comparator", "must not be there"),
}
# fmt: on


@pytest.mark.parametrize("name", RULES)
def test_what_keeps_the_rule_passes(name: str) -> None:
    elements, keeps, _, _, _ = RULES[name]
    findings = found(profile(*elements), keeps, *KNOWN)
    assert (said(findings), skipped(findings)) == ([], [])


@pytest.mark.parametrize("name", RULES)
def test_what_breaks_the_rule_is_named(name: str) -> None:
    """Planted: each branch of Walk left out in turn; its row fails."""
    elements, _, breaks, path, why = RULES[name]
    problems = said(found(profile(*elements), breaks, *KNOWN))
    assert len(problems) == 1, problems
    assert problems[0][0] == path
    assert why in problems[0][1]
    assert problems[0][1].endswith("(ours)")


def test_the_resource_is_not_changed() -> None:
    """fhirpathpy's own words: "This resource will be modified"."""
    resource = goal(target=[{"dueDate": "2026-01-01"}])
    before = deepcopy(resource)
    found(profile(element("Goal.target", constraint=[rule("due.exists() and %resource.target.exists()")])), resource)
    assert resource == before


def test_elements_defined_elsewhere_keep_their_rules_at_every_depth() -> None:
    """contentReference: nested items of a Questionnaire are those of the first level. Planted: rules of the first only."""
    definition = profile(
        element("Questionnaire.item", constraint=[rule("linkId != 'bad'")]),
        element("Questionnaire.item.text", min=1),
        element("Questionnaire.item.item", contentReference="#Questionnaire.item"),
        on="Questionnaire",
    )
    inner: Resource = {"linkId": "bad", "type": "string"}
    nested = {"linkId": "a", "text": "x", "type": "group", "item": [{**inner, "type": "group", "item": [inner]}]}
    resource = {"resourceType": "Questionnaire", "status": "draft", "item": [nested]}
    where = "Questionnaire.item[0].item[0]"
    assert [path for path, _ in said(found(definition, resource))] == [
        where,
        f"{where}.text",
        f"{where}.item[0]",
        f"{where}.item[0].text",
    ]


def test_a_primitive_that_only_has_an_extension_is_there() -> None:
    absent = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}
    findings = found(profile(element("Goal.statusReason", min=1)), goal(_statusReason=absent))
    assert said(findings) == []


def test_a_reference_is_followed_into_the_bundle() -> None:
    definition = profile(element("Goal.subject", type=types(refers(f"{R4}/Patient"))))
    resource = goal(subject={"reference": "urn:uuid:1"})
    for kind, problems in (("Patient", 0), ("Group", 1)):
        entries = {"urn:uuid:1": {"resourceType": kind}}
        assert len(said(found(definition, resource, entries=entries))) == problems


def test_one_of_several_profiles_of_a_data_type_is_enough() -> None:
    """Planted: all of them asked."""
    inner = [
        profile(element("Quantity.unit", fixedString=unit), on="Quantity", id=unit) for unit in ("weeks", "months")
    ]
    kind = {"code": "Quantity", "profile": [one["url"] for one in inner]}
    definition = profile(TARGET, element("Goal.target.detail[x]", type=types(kind)))
    for unit, problems in (("weeks", 0), ("months", 0), ("days", 1)):
        resource = goal(target=[{"detailQuantity": {"value": 1, "unit": unit}}])
        assert len(said(found(definition, resource, *inner))) == problems


def test_rules_of_severity_warning_and_bindings_that_are_not_required_are_left_alone() -> None:
    loose = {**COLOUR, "strength": "extensible"}
    definition = profile(
        element("Goal.priority", binding=loose), element("Goal.note", constraint=[rule("false", severity="warning")])
    )
    assert said(found(definition, goal(priority={"coding": [BLUE]}, note=[{"text": "x"}]), *KNOWN)) == []


@pytest.mark.parametrize(
    ("one", "resource", "what"),
    [
        (element("Goal.priority", binding={**COLOUR, "valueSet": "http://x.example/vs"}), goal(priority={"coding": [RED]}), "required codes of value sets that are not here: Goal.priority: http://x.example/vs"),
        (element("Goal.subject", type=types(refers("http://x.example/StructureDefinition/p"))), goal(), "what references may lead to"),
        (element("Goal.description", type=types({"code": "CodeableConcept", "profile": ["http://x.example/p"]})), goal(), "profiles of single elements that are not here: http://x.example/p"),
        (element("Goal.start[x]", minValueDate="2026"), goal(startDate="2026-01-01"), "least and greatest values"),
        (element("Goal.note", constraint=[rule("memberOf('x')")]), goal(note=[{"text": "x"}]), "ours-1, the function memberOf is not known here"),
        (element("Goal.note", constraint=[{"key": "x-1", "severity": "error", "human": "x"}]), goal(note=[{"text": "x"}]), "x-1, it has no FHIRPath"),
        (element("Goal.nowhere.inner", min=1), goal(), "elements whose parent the snapshot lacks: Goal.nowhere.inner"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_said(one: Resource, resource: Resource, what: str) -> None:
    """Planted: nothing said; a check that silently passes reads as a clean one."""
    findings = found(profile(one), resource)
    assert said(findings) == []
    assert any(what in text for text in skipped(findings)), skipped(findings)


@pytest.mark.parametrize("odd", [None, "x", 3, [], {}, [None], [{}], {"coding": "x"}, [["x"]]])
@pytest.mark.parametrize("name", RULES)
def test_odd_values_never_raise(name: str, odd: Any) -> None:
    elements = RULES[name][0]
    for key in ("note", "target", "priority", "subject", "start", "startDate", "lifecycleStatus", "statusReason"):
        found(profile(*elements), {**goal(), key: odd}, *KNOWN)
