"""Our own profiles: `ig check` tells each named failing example from its passing one, as an independent validator does.

The examples are those of tests/fhir/package: one for every rule of every profile.
"""

from __future__ import annotations

import pytest
from tests.fhir.package.failing import EXAMPLES, Failing, load_failing, passing

from withness.fhir.profile_check.definitions import shipped
from withness.fhir.profile_check.inspection import inspect

FAILING = load_failing()
PASSING = sorted(path.stem for path in EXAMPLES.glob("*.json"))


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_example_is_clean(name: str) -> None:
    findings, used = inspect(passing(name), shipped())
    assert list(findings.problems) == []
    named = {one.partition("|")[0] for one in passing(name).get("meta", {}).get("profile", ())}
    assert used == {one for one in named if shipped().ours(one)}


@pytest.mark.parametrize("name", PASSING)
def test_every_rule_of_our_profiles_is_evaluated_on_it(name: str) -> None:
    """Catches a rule that this evaluator cannot read: it would be said, and pass."""
    findings, _ = inspect(passing(name), shipped())
    left = [one for one in findings.unchecked.values() if "rules" in one.what or "slices" in one.what]
    assert left == []


@pytest.mark.parametrize("one", FAILING, ids=lambda one: one.name)
def test_a_failing_example_is_found_by_its_rule(one: Failing) -> None:
    """Planted: fhirpathpy's own union, and rules of the first level alone; three screens passed then."""
    findings, _ = inspect(one.resource(), shipped())
    found = [f"{problem.path} {problem.why}" for problem in findings.problems]
    assert found
    key = next((said for said in one.says if said.startswith("withness-")), None)
    assert key is None or any(f"rule {key}" in text for text in found), found
