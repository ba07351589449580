"""Every profile rule has a passing and a failing example, and an independent validator tells them apart.

Planted and caught: a constraint that is always true, a maximum that is lost, a slice without its identifier, a binding
that is only preferred, references to anything, fixed values and patterns left out, an extension that may stand
anywhere, resources that do not claim their profile.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest
from benchmarks import examples
from fhirpathpy import evaluate
from fhirpathpy.models import models
from tests.fhir.package.failing import EXAMPLES, ROOT, Failing, load_failing, passing
from tests.servers.validator import Validator

from withness.core.profile import BASE, Profile, Rule
from withness.fhir import codes
from withness.fhir.check import check
from withness.packs.profiles import load_profiles

PROFILES = load_profiles()
FAILING = load_failing()
PASSING = sorted(path.stem for path in EXAMPLES.glob("*.json"))
RULES = {f"{profile.id}/{rule.name}" for profile in PROFILES.values() for rule in profile.rules}
US_CORE = ("6.1.0", "7.0.0", "8.0.0")


# -- coverage, both ways


def test_every_rule_has_one_failing_example_and_every_failing_example_a_rule() -> None:
    assert Counter(one.rule for one in FAILING) == Counter(RULES)


def test_a_failing_example_has_a_name_of_its_own_and_starts_from_a_passing_one() -> None:
    assert max(Counter(one.name for one in FAILING).values()) == 1
    assert {one.example for one in FAILING} <= set(PASSING)


@pytest.mark.parametrize("one", FAILING, ids=lambda one: one.name)
def test_the_passing_example_of_a_rule_claims_its_profile(one: Failing) -> None:
    profile = PROFILES[one.rule.partition("/")[0]]
    assert _claims(passing(one.example), profile)


def _claims(resource: dict[str, Any], profile: Profile) -> bool:
    """An extension is claimed by being there, a profile by meta.profile."""
    url = f"{codes.BASE}/StructureDefinition/{profile.id}"
    return (
        f"'url': '{url}'" in str(resource) if profile.extension else codes.versioned(url) in resource["meta"]["profile"]
    )


def test_every_profile_that_a_passing_example_claims_is_ours_or_us_cores() -> None:
    for name in PASSING:
        for claimed in passing(name).get("meta", {}).get("profile", []):
            url, _, version = claimed.partition("|")
            ours = url.removeprefix(f"{codes.BASE}/StructureDefinition/") in PROFILES and version == codes.VERSION
            assert ours or (url.startswith(f"{codes.US_CORE}/StructureDefinition/us-core-") and version == "6.1.0"), (
                name
            )


# -- the documents


def test_the_documents_list_every_profile_with_its_rules() -> None:
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    for profile in PROFILES.values():
        rules = ", ".join(rule.name.replace("-", " ") for rule in profile.rules)
        assert f"| `{profile.id}` | {profile.base} | {rules} |" in text


def test_the_documents_name_every_code_system_of_ours() -> None:
    text = (ROOT / "docs" / "integrators.md").read_text(encoding="utf-8")
    assert [one for one in vars(codes).values() if _ours(one) and f"`{_id(one)}`" not in text] == []


def _ours(value: object) -> bool:
    return isinstance(value, str) and "/CodeSystem/" in value and value.startswith(codes.BASE)


def _id(url: str) -> str:
    return url.rpartition("/")[2]


# -- FHIRPath by another engine than the validator's


@pytest.mark.parametrize("name", PASSING)
def test_every_constraint_holds_on_the_passing_examples(name: str) -> None:
    resource = passing(name)
    claimed = [one.partition("|")[0].rpartition("/")[2] for one in resource["meta"].get("profile", [])]
    profiles = [PROFILES[one] for one in claimed if one in PROFILES]
    rules = [rule for profile in profiles for rule in profile.rules if rule.expression]
    assert [rule.name for rule in rules if not _holds(rule, resource)] == []


@pytest.mark.parametrize(
    "one", [one for one in FAILING if one.says[0].startswith("withness-")], ids=lambda one: one.name
)
def test_a_constraint_fails_on_its_failing_example(one: Failing) -> None:
    profile, _, name = one.rule.partition("/")
    [rule] = [rule for rule in PROFILES[profile].rules if rule.name == name]
    assert not _holds(rule, one.resource())


def _holds(rule: Rule, resource: dict[str, Any]) -> bool:
    expression = rule.expression.replace(BASE, codes.BASE)
    if "." in rule.path:
        expression = f"{rule.path}.all({expression})"
    found: list[Any] = evaluate(resource, expression, {"resource": resource}, models["r4"])
    return found == [True]


# -- the validator


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_example_passes(name: str, validator: Validator) -> None:
    assert validator.errors(passing(name)) == []
    assert check(passing(name)) == ()


@cache
def _made_for(version: str) -> dict[str, dict[str, Any]]:
    return examples.examples(version)


@pytest.mark.parametrize("version", US_CORE)
def test_what_is_made_for_a_version_of_us_core_says_so_and_passes_it(version: str, validator: Validator) -> None:
    made = _made_for(version)
    named = {one["resourceType"] for one in made.values() if _us_core(one)}
    assert named == {"CarePlan", "Goal", "QuestionnaireResponse", "DocumentReference", "Provenance", "Observation"}
    for name, one in made.items():
        assert all(profile.endswith(f"|{version}") for profile in _us_core(one))
        assert (name, validator.errors(one, us_core=version)) == (name, [])


def _us_core(resource: dict[str, Any]) -> list[str]:
    return [one for one in resource["meta"].get("profile", []) if one.startswith(codes.US_CORE)]


@pytest.mark.parametrize("one", FAILING, ids=lambda one: one.name)
def test_a_failing_example_fails_because_of_its_rule(one: Failing, validator: Validator) -> None:
    said = _said(one.resource(), validator)
    fitting = {each for each in said if all(part in each for part in one.says)}
    assert fitting, said
    profile = PROFILES[one.rule.partition("/")[0]]
    if not profile.extension:  # without our profile nobody says so
        assert fitting - _said(_unclaimed(one.resource(), profile), validator)


def _said(resource: dict[str, Any], validator: Validator) -> set[str]:
    return {f"{issue.location}: {issue.message}" for issue in validator.errors(resource)}


def _unclaimed(resource: dict[str, Any], profile: Profile) -> dict[str, Any]:
    ours = codes.versioned(f"{codes.BASE}/StructureDefinition/{profile.id}")
    kept = [one for one in resource["meta"]["profile"] if one != ours]
    meta = {name: value for name, value in resource["meta"].items() if name != "profile"}
    return {**resource, "meta": {**meta, **({"profile": kept} if kept else {})}}
