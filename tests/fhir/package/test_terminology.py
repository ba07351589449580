"""Every code of ours that can be emitted is in a code system of the package, and each system has its value set.

Planted and caught: a release reason under another code, measures without their parts, code systems without value sets.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from benchmarks import examples
from tests.fhir.makers import couple, making, released, resources

from withness.audit.record import Kind
from withness.core.plan import charts
from withness.core.terms import Acuity, Lead, UnitKind
from withness.desk.draft_form import DraftFile
from withness.fhir import codes
from withness.fhir.package.artefacts import artefacts
from withness.fhir.plan_resources import chart_resources
from withness.packs.knowledge import load_knowledge

KNOWLEDGE = load_knowledge()
SYSTEMS = f"{codes.BASE}/CodeSystem/"


@cache
def made() -> dict[str, dict[str, Any]]:
    return {path: one for path, one in artefacts(KNOWLEDGE).items() if "resourceType" in one}


@cache
def known() -> dict[str, dict[str, Any]]:
    """Each code system by URL: its codes with their concepts."""
    systems = [one for one in made().values() if one["resourceType"] == "CodeSystem"]
    return {one["url"]: {concept["code"]: concept for concept in one["concept"]} for one in systems}


def codings(value: Any) -> Iterator[tuple[str, str]]:
    """Every (system, code) of ours in a resource, at every depth."""
    if isinstance(value, dict):
        system, code = value.get("system"), value.get("code")
        if isinstance(system, str) and system.startswith(SYSTEMS) and isinstance(code, str):
            yield system, code
        for one in value.values():
            yield from codings(one)
    if isinstance(value, list):
        for one in value:
            yield from codings(one)


def test_every_code_of_ours_in_what_the_desk_writes_is_known() -> None:
    found = {pair for one in examples.examples().values() for pair in codings(one)}
    assert {system for system, _ in found} >= {codes.ANSWERS, codes.GOAL_MEASURES, codes.PROBLEMS}
    assert [pair for pair in sorted(found) if pair[1] not in known().get(pair[0], {})] == []


def test_every_code_of_ours_in_an_artefact_is_known() -> None:
    found = {pair for one in made().values() for pair in codings(one)}
    assert [pair for pair in sorted(found) if pair[1] not in known().get(pair[0], {})] == []


def test_every_system_of_ours_that_the_code_names_is_there() -> None:
    named = {value for value in vars(codes).values() if isinstance(value, str) and value.startswith(SYSTEMS)}
    assert named <= known().keys()


def test_the_makers_of_the_tests_name_no_other_system() -> None:
    two = [
        chart_resources(one, released("Patient/rosa", "Patient/ben"), making(), _policy()) for one in charts(couple())
    ]
    assert {system for one in (resources(), *two) for system, _ in codings(list(one))} <= known().keys()


def _policy() -> Any:
    from tests.fhir.makers import POLICY

    return POLICY


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        ("acuity", [one.value for one in Acuity]),
        ("gate-decision", [*(KNOWLEDGE.policy.decisions[one] for one in Acuity), "held"]),
        ("gate-decided-by", ["screen", "assessment", "override", "release", "entry-error"]),
        ("gate-audit-subtype", ["gate-evaluate", "gate-block", "gate-release", "gate-override"]),
        ("override-reason", list(KNOWLEDGE.policy.override.reason_codes)),
        ("problem-for-work", list(KNOWLEDGE.catalogue.problems)),
        ("dialogic-term", list(KNOWLEDGE.catalogue.glossary)),
        ("plan-lead", [one.value for one in Lead]),
        ("unit-kind", [one.value for one in UnitKind]),
    ],
)
def test_a_code_system_has_every_code_and_no_other(system: str, wanted: list[str]) -> None:
    assert sorted(known()[SYSTEMS + system]) == sorted(set(wanted))


def test_the_code_system_of_records_has_the_contracts_kinds() -> None:
    """Every kind that is written, and those of the contracts that come later."""
    later = {"note.saved", "checkin.recorded", "trail.exported", "trail.signed-off", "sweep.finding", "key.rotated"}
    assert set(known()[SYSTEMS + "audit-record-kind"]) == {kind.value for kind in Kind} | later


def test_the_eight_key_terms_are_there() -> None:
    assert len(known()[codes.KEY_TERMS]) == 8


def test_every_measure_that_a_template_or_a_form_asks_for_is_a_code() -> None:
    measures = {one.measure.code for one in KNOWLEDGE.templates.values()}
    measures |= {part.code for one in KNOWLEDGE.templates.values() for part in one.measure.parts}
    asked = {item.measure for form in KNOWLEDGE.forms for item, _ in form.walk() if item.measure}
    assert measures == set(known()[codes.GOAL_MEASURES]) >= asked


def test_every_concept_says_what_it_is() -> None:
    for url, concepts in known().items():
        for code, concept in concepts.items():
            assert concept["display"].strip(), f"{url}#{code}"
            assert concept["definition"].strip(), f"{url}#{code}"


def test_every_code_system_has_its_value_set() -> None:
    sets = {one["url"]: one for one in made().values() if one["resourceType"] == "ValueSet"}
    for one in made().values():
        if one["resourceType"] == "CodeSystem":
            assert sets[one["valueSet"]]["compose"] == {"include": [{"system": one["url"]}]}


def test_every_value_set_that_a_profile_binds_to_is_in_the_package() -> None:
    bound = {rule.binding for profile in KNOWLEDGE.profiles.values() for rule in profile.rules if rule.binding}
    assert {f"valueset/{one}.json" for one in bound} <= made().keys()


def test_every_namespace_of_our_identifiers_has_its_naming_system() -> None:
    named = {value for value in vars(codes).values() if isinstance(value, str) and "/sid/" in value}
    systems = [one for one in made().values() if one["resourceType"] == "NamingSystem"]
    assert {one["uniqueId"][0]["value"] for one in systems} == named
    used = {pair for one in examples.examples().values() for pair in _identifiers(one)}
    assert used <= named


def _identifiers(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        system = value.get("system")
        if isinstance(system, str) and "/sid/" in system:
            yield system
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _identifiers(one)


def test_a_draft_names_no_problem_without_a_code() -> None:
    """The draft's schema and the code system are of one mind about the problems-for-work."""
    schema = DraftFile.model_json_schema()
    assert set(known()[codes.PROBLEMS]) == set(_enums(schema, "feeling-unheard"))


def _enums(value: Any, having: str) -> list[str]:
    if isinstance(value, dict):
        if having in value.get("enum", ()):
            return list(value["enum"])
        return next((found for one in value.values() if (found := _enums(one, having))), [])
    return next((found for one in value if (found := _enums(one, having))), []) if isinstance(value, list) else []
