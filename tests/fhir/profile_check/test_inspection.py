"""The whole check of one resource: layers joined, extensions followed, nothing raised, nothing repeated."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fhir.check_examples import FAILING, MAKERS, bundle
from tests.fhir.profile_check.makers import SITE, Resource, code_system, element, goal, profile, said, skipped, types
from tests.fhir.test_check import JSON, NAMES

from withness.fhir.profile_check import r4
from withness.fhir.profile_check.definitions import Definitions, shipped
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.inspection import inspect

OURS_ALONE = {"two categories", "no category", "goal of a directive protocol"}
POINTS_OUT = {"absolute reference", "txt-1 external image", "txt-1 style with url"}
NO_FILE = {"not JSON", "not a number", "half a surrogate pair", "txt-1 half a pair"}
WINDOW = profile(
    element("Extension.extension", max="0"),
    element("Extension.url", fixedUri=f"{SITE}/StructureDefinition/window"),
    element("Extension.value[x]", min=1, type=types("positiveInt")),
    on="Extension",
    id="window",
    context=[{"type": "element", "expression": "Goal.target"}],
)


def check(
    resource: Resource, *definitions: Resource, package: bool = False, profiles: tuple[str, ...] = ()
) -> Findings:
    return inspect(resource, Definitions(definitions, bases=(SITE,)), package=package, profiles=profiles)[0]


# --- base R4


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_good_resource_is_clean(make: Any) -> None:
    assert said(check(make())) == []


@pytest.mark.parametrize("name", sorted(set(FAILING) - OURS_ALONE - POINTS_OUT - NO_FILE))
def test_whatever_our_own_check_finds_is_found(name: str) -> None:
    make, change, path, why = FAILING[name]
    resource = deepcopy(make())
    change(resource)
    found = said(check(resource))
    assert any(one == path and why in sentence for one, sentence in found), found


@pytest.mark.parametrize("name", sorted((OURS_ALONE | POINTS_OUT) & set(FAILING)))
def test_what_only_withness_asks_of_itself_is_not_asked_of_others(name: str) -> None:
    make, change, _, _ = FAILING[name]
    resource = deepcopy(make())
    change(resource)
    assert said(check(resource)) == []


def _only_in_r4b() -> Iterator[tuple[str, str]]:
    """Every element that the R4B models have and FHIR R4 has not."""
    for kind in ("ActivityDefinition", "Evidence", "EvidenceVariable", "PlanDefinition"):
        module = importlib.import_module(f"fhir.resources.R4B.{kind.lower()}")
        for field in getattr(module, kind).model_fields.values():
            name = field.alias or ""
            if name.isalpha() and name != "resourceType" and r4.child(kind, name) is None:
                yield kind, name


def test_elements_of_r4b_are_no_elements_of_r4() -> None:
    """Planted: the models' elements taken for R4's."""
    listed = list(_only_in_r4b())
    assert {("PlanDefinition", "subjectCanonical"), ("ActivityDefinition", "subjectCanonical")} < set(listed)
    for kind, name in listed:
        found = said(check({"resourceType": kind, "status": "draft", name: "x"}))
        assert (f"{kind}.{name}", "is not an element of FHIR R4") in found


def test_elements_that_only_the_models_lack_are_r4s() -> None:
    """fhir.resources 8.3.0 refuses _valueCode of an extension, which R4 has."""
    more = {"url": "urn:x", "valueCode": "a", "_valueCode": {"extension": [{"url": "urn:y", "valueString": "b"}]}}
    assert said(check(goal(extension=[more]))) == []


def test_a_resource_type_that_the_models_lack_is_said_to_be_unchecked_by_them() -> None:
    resource = {"resourceType": "MedicinalProduct", "name": [{"productName": "x"}], "nmae": "x"}
    findings = check(resource)
    assert said(findings) == [("MedicinalProduct.nmae", "is not an element of FHIR R4")]
    assert any("MedicinalProduct" in one for one in skipped(findings))


def test_two_values_of_a_choice_are_one_problem() -> None:
    found = said(check(goal(startDate="2026-01-01", startCodeableConcept={"text": "x"})))
    assert ("Goal.start[x]", "has more than one value: an element with a choice has one") in found


def test_null_holds_a_place_beside_an_extension_and_nowhere_else() -> None:
    absent = {"extension": [{"url": "urn:x", "valueCode": "unknown"}]}
    patient = {"resourceType": "Patient", "name": [{"given": ["Rosa", None], "_given": [None, absent]}]}
    assert said(check(patient)) == []
    assert said(check({"resourceType": "Patient", "name": [{"given": ["Rosa", None]}]})) != []


def test_each_mistake_is_named_once() -> None:
    """Catches the same element named by our check, the models and a profile."""
    definition = profile(element("Goal.subject", min=1))
    resource = goal(subject=None, meta={"profile": [definition["url"]]})
    assert [path for path, _ in said(check(resource, definition))].count("Goal.subject") <= 2
    assert [path for path, _ in said(check(goal(subject=None)))] == ["Goal.subject"]


# --- profiles


def test_a_profile_in_meta_is_asked_and_one_of_another_type_refused() -> None:
    definition = profile(element("Goal.note", min=1))
    resource = goal(meta={"profile": [f"{definition['url']}|1.0.0"]})
    assert said(check(resource, definition)) == [("Goal.note", "is missing (ours)")]
    wrong = {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/rosa"},
    }
    found = said(check({**wrong, "meta": resource["meta"]}, definition))
    assert found == [("Flag.meta.profile", "names a profile on Goal (ours)")]


def test_a_profile_inside_a_bundle_is_asked_at_its_entry() -> None:
    definition = profile(element("Goal.note", min=1))
    resource = bundle()
    resource["entry"][1]["resource"]["meta"] = {"profile": [definition["url"]]}
    assert said(check(resource, definition)) == [("Bundle.entry[1].resource.note", "is missing (ours)")]


@pytest.mark.parametrize(
    ("canonical", "what"),
    [
        (f"{SITE}/StructureDefinition/ours|9.9.9", "in another version"),
        ("http://hl7.org/fhir/us/core/StructureDefinition/us-core-goal", "not in the package"),
        (f"{SITE}/StructureDefinition/bare", "without a snapshot"),
    ],
)
def test_a_profile_that_is_not_here_is_said(canonical: str, what: str) -> None:
    """Planted: left out in silence."""
    bare = {**profile(id="bare"), "snapshot": None}
    findings = check(goal(meta={"profile": [canonical]}), profile(element("Goal.note", min=1)), bare)
    assert said(findings) == []
    assert any(what in one and canonical in one for one in skipped(findings))


def test_an_unknown_profile_below_our_base_is_a_problem() -> None:
    findings = check(goal(meta={"profile": [f"{SITE}/StructureDefinition/misspelt"]}))
    assert said(findings) == [("Goal.meta.profile", "names a profile that the package does not have")]


def test_a_further_profile_is_asked_of_its_type_alone() -> None:
    definition = profile(element("Goal.note", min=1))
    found = said(check(bundle(), definition, profiles=(definition["url"],)))
    assert found == [("Bundle.entry[1].resource.note", "is missing (ours)")]


# --- extensions, codes and canonicals of ours


URL = WINDOW["url"]
NESTED = {"url": URL, "valuePositiveInt": 4, "extension": [{"url": "a", "valueCode": "b"}]}


@pytest.mark.parametrize(
    ("resource", "path", "why"),
    [
        (goal(target=[{"extension": [{"url": URL, "valuePositiveInt": 4}]}]), None, ""),
        (
            goal(target=[{"extension": [{"url": URL, "valueString": "4"}]}]),
            "target[0].extension[0].valueString",
            "type",
        ),
        (goal(target=[{"extension": [NESTED]}]), "target[0].extension[0].extension", "must not be there"),
        (goal(extension=[{"url": URL, "valuePositiveInt": 4}]), "extension[0]", "may not stand on this element"),
        (goal(extension=[{"url": f"{SITE}/StructureDefinition/no", "valueCode": "x"}]), "extension[0]", "not define"),
        (goal(_statusReason={"extension": [NESTED]}), "_statusReason.extension[0]", "may not stand"),
    ],
)
def test_an_extension_of_ours_is_asked_wherever_it_stands(resource: Resource, path: str | None, why: str) -> None:
    """Planted: asked only where a profile has a slice for it."""
    found = said(check(resource, WINDOW))
    assert found == [] if path is None else any(one == f"Goal.{path}" and why in text for one, text in found), found


@pytest.mark.parametrize("expression", ["Goal.target", "BackboneElement", "Element"])
def test_an_extension_may_stand_on_a_type_or_its_parents(expression: str) -> None:
    definition = {**WINDOW, "context": [{"type": "element", "expression": expression}]}
    resource = goal(target=[{"extension": [{"url": WINDOW["url"], "valuePositiveInt": 4}]}])
    assert said(check(resource, definition)) == []


def test_codes_of_our_code_systems_are_looked_up_everywhere() -> None:
    colours = code_system("red")
    resource = goal(category=[{"coding": [{"system": colours["url"], "code": "blue"}]}])
    assert said(check(resource, colours)) == [
        ("Goal.category[0].coding[0]", "has a code that its code system does not have")
    ]


def test_what_an_artefact_names_below_the_packages_base_is_in_the_package() -> None:
    """Outside of a package it may be from a newer one, and is said to be unchecked."""
    plan = {"resourceType": "PlanDefinition", "status": "draft", "library": [f"{SITE}/Library/no|1.0.0"]}
    assert said(check(plan, package=True)) == [
        ("PlanDefinition.library[0]", "names an artefact that is not in the package, or not in this version")
    ]
    findings = check(plan)
    assert said(findings) == []
    assert any(f"{SITE}/Library/no|1.0.0" in one for one in skipped(findings))


# --- nothing raises


KINDS = st.sampled_from(["Bundle", "CarePlan", "Goal", "Questionnaire", "StructureDefinition", "ValueSet", "Flag"])
KEYS = st.sampled_from([*NAMES, "item", "entry", "resource", "extension", "coding"])


@given(kind=KINDS, body=st.dictionaries(KEYS, JSON, max_size=6))
def test_garbage_never_raises(kind: str, body: Resource) -> None:
    inspect({**body, "resourceType": kind}, shipped())


def test_endless_nesting_is_a_problem() -> None:
    inner: Resource = {"linkId": "x"}
    for _ in range(300):
        inner = {"linkId": "x", "item": [inner]}
    found = said(check({"resourceType": "QuestionnaireResponse", "status": "completed", "item": [inner]}))
    assert "is nested too deeply" in [why for _, why in found]
