"""The R4B model layer as a check: what it refuses, and what its refusal may say."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.fhir.makers import (
    HARD_WORDS,
    HEARD,
    MONOLOGUE,
    OWN_LIST,
    POLICY,
    RE_ENGAGE,
    SHARED_YES,
    TRANSITION,
    couple,
    goal,
    making,
    plan,
    released,
    resources,
)

from withness.core.plan import Plan, charts
from withness.errors import InvalidInput
from withness.fhir.bundle import plan_transaction
from withness.fhir.models import validate

EVERY_TARGET = plan(*(goal(one, HARD_WORDS) for one in (HEARD, MONOLOGUE, OWN_LIST, TRANSITION, SHARED_YES, RE_ENGAGE)))


@pytest.mark.parametrize(
    ("one", "members"),
    [
        pytest.param(EVERY_TARGET, ("Patient/rosa",), id="every-target"),
        pytest.param(couple(), ("Patient/rosa", "Patient/ben"), id="couple"),
    ],
)
@pytest.mark.parametrize("enforces", [False, True])
def test_every_resource_of_a_plan_is_valid(one: Plan, members: tuple[str, ...], enforces: bool) -> None:
    """Catches: a misspelt element, a wrong type, a missing requirement; and a check that changes what it checks."""
    proof = released(*members, demo=True, conditions=("psychosis.known-illness",))
    bundle = plan_transaction(charts(one), proof, making(enforces_labels=enforces), POLICY)
    before = json.dumps(bundle)
    for entry in bundle["entry"]:
        validate(entry["resource"])
    validate(bundle)
    assert json.dumps(bundle) == before


def aim(**changes: Any) -> dict[str, Any]:
    """Return a valid Goal with `changes`; None takes an element away."""
    made = {**resources()[1], **changes}
    return {name: value for name, value in made.items() if value is not None}


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        pytest.param(aim(lifecycleStatus=None), "Goal.lifecycleStatus", id="missing-required"),
        pytest.param(aim(subject=None), "Goal.subject", id="missing-reference"),
        pytest.param(aim(startDate="secret"), "Goal.startDate", id="no-date"),
        pytest.param(aim(secretName="secret"), "Goal.secretName", id="unknown-element"),
        pytest.param(aim(**{"Secret Person": 1}), "Goal.?", id="unknown-key-that-is-no-name"),
        pytest.param(aim(description={"text": ""}), "Goal.description.text", id="empty-string"),
        pytest.param(aim(note=[{"text": "x"}, {"text": 7.5}]), "Goal.note[1].text", id="second-of-a-list"),
        pytest.param(aim(resourceType="Secret"), "resourceType", id="unknown-type"),
        pytest.param(aim(resourceType="Coding"), "resourceType", id="a-datatype"),
        pytest.param(aim(resourceType="../secret"), "resourceType", id="a-path"),
        pytest.param({"id": "secret"}, "resourceType", id="no-type"),
    ],
)
def test_refusal_names_the_element_and_never_the_value(resource: dict[str, Any], field: str) -> None:
    """Catches: the library's own message, which repeats the input."""
    with pytest.raises(InvalidInput) as caught:
        validate(resource)
    assert caught.value.field == field
    assert "\n" not in caught.value.message
    assert "secret" not in caught.value.message.lower().replace("goal.secretname", "")


def test_the_values_do_not_travel_in_the_exceptions_context() -> None:
    """Catches: raising inside the handler, where logging would print the library's error with the client's words."""
    with pytest.raises(InvalidInput) as caught:
        validate(aim(description={"text": ["the client's words"]}))
    assert caught.value.__context__ is None


def test_models_are_imported_on_first_use_only() -> None:
    """Catches: an import at the top of a module, which the gate and `--help` would wait for."""
    modules = "withness.fhir.models, withness.fhir.bundle, withness.fhir.plan_resources, withness.fhir.provenance"
    code = f"import sys; import {modules}; print([m for m in sys.modules if m.split('.')[0] in ('fhir', 'pydantic')])"
    path = ["-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"]
    done = subprocess.run([sys.executable, *path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
