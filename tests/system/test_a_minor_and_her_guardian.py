"""Ana is fourteen: her mother agrees to the plan, and Ana's own yes is another thing.

Guardian acceptance and the minor's assent are asked and written down apart, and neither stands for the other (clinical
facts 4, minors). A plan whose goals the minor has not agreed to is no collaborative plan, whoever else wants it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.site import Site, make_draft, make_goal
from withness.errors import InvalidInput
from withness.fhir import codes

ANA, MUM = "Patient/ana", "RelatedPerson/mum"
NO = "I do not want her to talk about us"


def guardian(status: str, **changes: Any) -> dict[str, Any]:
    """What her mother says to the plan."""
    return {"who": MUM, "for": ANA, "status": status, **changes}


def draft(ana: str, mum: str | None, **changes: Any) -> dict[str, Any]:
    """A plan with one goal, which Ana and her mother answer to, each for herself."""
    goal = make_goal(ANA, acceptance=[{"who": ANA, "status": ana}])
    return make_draft(ANA, goals=[goal], guardians=[guardian(mum)] if mum else [], **changes)


def accepted(site: Site) -> dict[str, str]:
    """Who said what to the goal in Ana's chart."""
    [goal] = [one.resource for one in site.chart("Goal")]
    found = {}
    for extension in goal["extension"]:
        if extension["url"] == codes.GOAL_ACCEPTANCE:
            parts = {part["url"]: part for part in extension["extension"]}
            found[parts["individual"]["valueReference"]["reference"]] = parts["status"]["valueCode"]
    return found


@pytest.mark.parametrize("ana", ["pending", "disagree"])
def test_a_guardians_yes_is_not_the_minors(site: Site, ana: str) -> None:
    """Nothing is saved, and no working copy is made of it. Planted: the guardian counts as a yes; caught."""
    site.morning()
    site.screen(ANA)
    with pytest.raises(InvalidInput, match="agree"):
        site.save(draft(ana, "agree"))
    assert (site.plans_in_chart(), site.desk.plans()) == (0, [])
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("mum", ["agree", "pending", "disagree"])
def test_both_answers_stand_beside_each_other(site: Site, mum: str) -> None:
    """Each in her own words, and the goal is active by Ana's yes. Planted: one status for both; caught."""
    site.morning()
    site.screen(ANA)
    assert site.save(draft("agree", mum))["saved"] is True
    assert accepted(site) == {ANA: "agree", MUM: mum}
    [goal] = [one.resource for one in site.chart("Goal")]
    assert (goal["lifecycleStatus"], goal["expressedBy"]) == ("active", {"reference": ANA})
    assert site.desk.health()["records"] > 0


def test_without_a_guardian_nothing_is_said_of_one(site: Site) -> None:
    """From the jurisdiction's age on a minor may consent alone: then her chart names nobody else."""
    site.morning()
    site.screen(ANA)
    assert site.save(draft("agree", None))["saved"] is True
    assert accepted(site) == {ANA: "agree"}
    assert MUM not in str(site.everything_about(ANA))
    assert site.desk.health()["records"] > 0


def test_in_a_family_plan_her_mothers_word_stands_in_nobodys_chart(site: Site) -> None:
    """A unit's charts name their own member and the clinician only; the draft keeps the guardian's answer."""
    site.morning()
    for who in (ANA, "Patient/rosa"):
        site.screen(who, encounter="Encounter/e3")
    family = make_draft(ANA, "Patient/rosa", guardians=[guardian("disagree", reason=NO)])
    family["unit"]["kind"] = "family"
    answer = site.save(family)
    assert (answer["saved"], len(answer["care_plans"])) == (True, 2)
    charts = str(site.everything_about(ANA) + site.everything_about("Patient/rosa"))
    assert MUM not in charts
    assert NO not in charts
    assert site.desk.plan(answer["plan"])["draft"]["guardians"] == [guardian("disagree", reason=NO)]
    assert site.desk.health()["records"] > 0


WRONG: dict[str, dict[str, Any]] = {
    "guardians[0].who": guardian("agree", who="Patient/rosa"),
    "guardians[0].for": guardian("agree", **{"for": "Patient/tom"}),
    "guardians[0].status": guardian("maybe"),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_guardian_is_somebody_else_of_somebody_here(site: Site, field: str) -> None:
    """The field is named. Planted: `for` unchecked; caught."""
    with pytest.raises(InvalidInput) as caught:
        site.save(make_draft(ANA, guardians=[WRONG[field]]))
    assert caught.value.field == field
    assert site.desk.health()["records"] == 0


def test_a_guardian_who_is_a_member_answers_to_each_goal(site: Site) -> None:
    """Her mother comes along: then she is of the unit, and screened, and no guardian of the draft."""
    family = make_draft(ANA, MUM, goals=[make_goal(ANA)], guardians=[guardian("agree")])
    with pytest.raises(InvalidInput, match="is a member of the unit: a member answers to each goal"):
        site.save(family)
    assert site.desk.health()["records"] == 0


def test_no_guardian_answers_in_the_minors_name(site: Site) -> None:
    """A goal's acceptance is the members' and the clinician's: her mother is not heard there."""
    goal = make_goal(ANA, acceptance=[{"who": ANA, "status": "pending"}, {"who": MUM, "status": "agree"}])
    with pytest.raises(InvalidInput) as caught:
        site.save(make_draft(ANA, goals=[goal]))
    assert caught.value.field == "goals[0].acceptance[1].who"
    assert site.desk.health()["records"] == 0
