"""What is proposed and advised: always a list, always advice, in a stable order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from withness.core.catalogue import advisories, proposals
from withness.core.goal import Frame, Goal
from withness.core.plan import Concern, Plan, Unit
from withness.core.terms import Lead, UnitKind
from withness.packs.load import load_catalogue
from withness.packs.templates import load_templates

TEMPLATES, CATALOGUE = load_templates(), load_catalogue()


def plan(
    *templates: str, kind: UnitKind = UnitKind.INDIVIDUAL, problems: tuple[str, ...] = (), wanted: str = "unsaid"
) -> Plan:
    members = ("Patient/a",) if kind is UnitKind.INDIVIDUAL else ("Patient/a", "Patient/b")
    return Plan(
        unit=Unit(kind, members),
        encounter="Encounter/e",
        author="Practitioner/p",
        lead=Lead.CLIENT,
        concern=Concern("nobody listens to me", (), problems),
        frame=Frame(date(2026, 1, 1), date(2026, 4, 1), 1, 50, "none", wanted),
        goals=tuple(goal(template) for template in templates),
        resources_named_by_client=(),
        psychoeducation={},
        signatures=(),
        supersedes=None,
        request_id="r",
    )


def goal(template: str) -> Goal:
    one = TEMPLATES[template]
    return Goal(one, "my words", None, None, one.limit, one.target, one.responsible, ())


def ids(problems: list[str], unit: UnitKind = UnitKind.COUPLE, lead: Lead = Lead.CLIENT) -> list[str]:
    return [one.id for one in proposals(problems, TEMPLATES, unit, lead)]


@pytest.mark.parametrize("unit", UnitKind)
@pytest.mark.parametrize("problem", CATALOGUE.problems)
def test_every_problem_proposes_something_to_every_unit(problem: str, unit: UnitKind) -> None:
    assert ids([problem], unit)


def test_proposals_stand_in_the_templates_order_whatever_the_problems_order() -> None:
    named = ["life-transitions", "feeling-unheard", "relationship-family-conflict"]
    assert ids(named) == ids(named[::-1]) == ["heard", "monologue", "own-list", "transition", "re-engage"]


def test_monologue_is_not_proposed_to_an_individual() -> None:
    assert ids(["relationship-family-conflict"], UnitKind.INDIVIDUAL) == ["own-list"]


def test_a_template_of_the_other_lead_is_not_proposed() -> None:
    led = replace(TEMPLATES["transition"], leads=(Lead.THERAPIST,))
    assert proposals(["life-transitions"], {"transition": led}, UnitKind.COUPLE, Lead.CLIENT) == ()
    assert proposals(["life-transitions"], {"transition": led}, UnitKind.COUPLE, Lead.THERAPIST) == (led,)


def test_no_problem_proposes_nothing() -> None:
    assert ids([]) == []


def test_a_plan_that_fits_has_no_advice() -> None:
    fits = plan("heard", "monologue", kind=UnitKind.COUPLE, problems=("communication-difficulties",), wanted="less")
    assert advisories(fits, CATALOGUE) == ()


def test_the_wish_for_more_structure_is_advised_about() -> None:
    (said,) = advisories(plan("heard", wanted="more"), CATALOGUE)
    assert "therapist-led" in said
    assert "referral" in said
    assert "blocks nothing" in said


def test_a_therapist_led_plan_is_advised_about_other_techniques() -> None:
    led = replace(plan("heard"), lead=Lead.THERAPIST)
    assert advisories(led, CATALOGUE) == (
        "Document cognitive-behavioural techniques under their own name; their evidence is not this approach's "
        "evidence.",
    )


def test_a_template_for_another_unit_is_advised_about_with_its_field() -> None:
    assert advisories(plan("heard", "monologue"), CATALOGUE) == (
        "goals[1].template: 'monologue' is written for units of the kind couple, family or group; "
        "this one is individual.",
    )


def test_a_template_for_another_lead_is_advised_about_with_its_field() -> None:
    led = replace(TEMPLATES["heard"], leads=(Lead.THERAPIST,))
    given = plan("heard")
    given = replace(given, goals=(replace(given.goals[0], template=led),))
    (said,) = advisories(given, CATALOGUE)
    assert said.startswith("goals[0].template: 'heard' ")
    assert said.endswith("therapist-led; this one is client-led.")


def test_depression_asks_about_an_evidence_based_treatment_once() -> None:
    given = plan("story", problems=("depression-anxiety-meaning", "depression-anxiety-meaning"))
    (said,) = advisories(given, CATALOGUE)
    assert said.startswith("Is an evidence-based treatment indicated?")


def test_advice_never_repeats_the_clients_words() -> None:
    given = plan("monologue", problems=("depression-anxiety-meaning",), wanted="more")
    said = " ".join(advisories(given, CATALOGUE))
    assert len(advisories(given, CATALOGUE)) == 3
    assert "nobody listens" not in said
    assert "Patient/" not in said
