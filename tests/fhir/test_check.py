"""Our own check: one passing and one failing example for each thing that fhir.resources silently accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fhir.check_examples import FAILING, MAKERS, PASSING, POLICY, SECRET, URNS, Resource, bundle, care_plan, goal

from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import Problem, check, require_valid
from withness.fhir.models import validate
from withness.fhir.questionnaires import risk_screen
from withness.fhir.references import R4_TYPES
from withness.packs.publication import load_publication


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_good_resource_passes(make: Callable[[], Resource]) -> None:
    assert check(make()) == ()


def test_our_own_questionnaire_passes() -> None:
    assert check(risk_screen(POLICY, load_publication())) == ()


@pytest.mark.parametrize("name", FAILING)
def test_one_wrong_thing_is_found(name: str) -> None:
    make, change, path, why = FAILING[name]
    resource = deepcopy(make())
    change(resource)
    found = check(resource)
    assert any(one.path == path and why in one.why for one in found), found


ACCEPTED_BY_THE_MODELS = [
    "wrong required code", "gol-1", "blank string", "reference to the wrong type", "junk reference", "empty reference",
    "empty list", "integer as text", "id of 65 characters", "broken xhtml", "R5 item type coding", "duplicate linkId",
    "empty group", "R4B element", "cpl-3", "rat-1", "txt-1 script", "outcomeReference", "control character",
]  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED_BY_THE_MODELS)
def test_the_models_would_let_it_through(name: str) -> None:
    """Shows that the check is needed; a version of fhir.resources that refuses it too may drop the row."""
    make, change, _, _ = FAILING[name]
    resource = deepcopy(make())
    change(resource)
    validate(resource)
    assert check(resource)


# --- what must keep passing ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PASSING)
def test_right_thing_passes(name: str) -> None:
    make, change = PASSING[name]
    resource = deepcopy(make())
    change(resource)
    assert check(resource) == ()


def test_known_reference_from_outside_the_bundle_passes() -> None:
    resource = bundle()
    resource["entry"][0]["resource"]["goal"][0]["reference"] = URNS[5]
    assert check(resource, known=[URNS[5]]) == ()


def test_resource_by_itself_may_point_at_a_bundle_it_will_be_in() -> None:
    resource = care_plan()
    resource["goal"][0]["reference"] = URNS[1]
    assert check(resource) == ()


# --- the whole -----------------------------------------------------------------------------------------------------


def test_every_problem_is_named_in_order() -> None:
    resource = goal()
    resource["lifecycleStatus"] = "bogus"
    resource["subject"] = {}
    del resource["target"][0]["measure"]
    assert [one.path for one in check(resource)] == ["Goal.lifecycleStatus", "Goal.subject", "Goal.target[0].measure"]


def test_problem_holds_no_value() -> None:
    resource = goal()
    resource["lifecycleStatus"] = resource["subject"]["reference"] = resource["id"] = SECRET
    resource[SECRET] = ""
    found = check(resource)
    assert len(found) == 4
    assert SECRET not in repr(found)
    assert Problem("Goal.?", "is blank") in found


def test_check_changes_nothing() -> None:
    resource = bundle()
    before = deepcopy(resource)
    check(resource)
    assert resource == before


def test_endless_nesting_is_a_problem() -> None:
    inner: Resource = {"linkId": "x"}
    for _ in range(5_000):
        inner = {"linkId": "x", "item": [inner]}
    found = check({"resourceType": "QuestionnaireResponse", "status": "completed", "item": [inner]})
    assert "is nested too deeply" in [one.why for one in found]


@pytest.mark.parametrize("entry", ["x", None, [], 3, True])
def test_entry_that_is_no_object_is_refused(entry: Any) -> None:
    with pytest.raises(InvalidInput, match=r"entry\[0\]"):
        require_valid({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_what_is_no_object_is_a_problem(value: Any) -> None:
    assert check(value) == (Problem("resource", "is not an object"),)


NAMES = sorted(
    {"resourceType", "contained", "url", "system", "code"}
    | {name for _, _, path, _ in FAILING.values() for name in re.findall("[A-Za-z]+", path)}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from([*sorted(R4_TYPES)[:60], "urn:uuid:", "#x", "Patient/1", codes.GOAL_ACCEPTANCE, "exists", "PUT"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=30,
)
KINDS = st.sampled_from(["Bundle", "CarePlan", "Goal", "Questionnaire", "QuestionnaireResponse", "Provenance", "Flag"])


@given(kind=KINDS, body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8))
def test_garbage_never_raises(kind: str, body: Resource) -> None:
    check({**body, "resourceType": kind})


# --- require_valid -------------------------------------------------------------------------------------------------


def test_valid_bundle_is_let_through() -> None:
    require_valid(bundle())


def test_first_problem_is_raised_with_its_element() -> None:
    wrong = bundle()
    wrong["entry"][1]["resource"]["lifecycleStatus"] = SECRET
    with pytest.raises(InvalidInput) as refused:
        require_valid(wrong)
    assert refused.value.field == "Bundle.entry[1].resource.lifecycleStatus"
    assert refused.value.message.startswith("Bundle.entry[1].resource.lifecycleStatus is not one of the codes")
    assert SECRET not in refused.value.message


def test_what_only_the_models_know_is_refused_too() -> None:
    wrong = bundle()
    wrong["entry"][1]["resource"]["colour"] = "blue"
    assert check(wrong) == ()
    with pytest.raises(InvalidInput, match=r"Goal\.colour"):
        require_valid(wrong)


@pytest.mark.parametrize("value", [{}, goal(), {"resourceType": "Bundle", "type": "transaction"}])
def test_something_else_than_a_bundle_is_refused(value: Resource) -> None:
    with pytest.raises(InvalidInput):
        require_valid(value)
