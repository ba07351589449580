"""Two charts open side by side: Rosa's plan was saved into Tom's chart.

Two people mark it as entered in error: the plan, its goals and the copy of the screen that came with it. Nothing is
deleted. A plan that merely ends is closed by whoever ends it; neither is ever asked of the gate, and both save on a
damaged trail too (contracts I7).
"""

from __future__ import annotations

import pytest

from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft, make_goal
from withness.errors import InvalidInput, Refused

TOM = "Patient/tom"
WHY = "zebra: the words are another client's"


def in_the_wrong_chart(site: Site) -> str:
    """A plan with two goals in Tom's chart, one of them declined. Returns the plan's id."""
    site.morning()
    site.enrol()
    site.screen(TOM)
    declined = make_goal(TOM, words="Not this one", acceptance=[{"who": TOM, "status": "disagree"}])
    answer = site.save(make_draft(TOM, goals=[make_goal(TOM), declined]))
    assert answer["saved"] is True
    site.pass_time(hours=1)
    return str(answer["plan"])


def statuses(site: Site) -> dict[str, set[str]]:
    """The status of each kind of resource that came with the plan."""
    names = {"CarePlan": "status", "Goal": "lifecycleStatus", "QuestionnaireResponse": "status"}
    return {kind: {one.resource[name] for one in site.chart(kind)} for kind, name in names.items()}


def test_two_people_mark_it_as_entered_in_error(site: Site) -> None:
    """Planted: the goals forgotten; caught. Every version stays to be read, and the reason stays inside."""
    plan = in_the_wrong_chart(site)
    before = site.everything_about(TOM)
    done = site.desk.retract_plan(plan, reason=WHY, signer=site.pat, second=site.sam)
    assert done == {"plan": plan, "retracted": True, "troubles": []}
    assert statuses(site) == {
        "CarePlan": {"entered-in-error"},
        "Goal": {"entered-in-error"},
        "QuestionnaireResponse": {"entered-in-error"},
    }
    after = site.everything_about(TOM)
    assert all(one in after for one in before)
    assert "zebra" not in str(after) + str(site.records())
    assert site.desk.plan(plan)["state"] == "retracted"
    records = [one for one in site.records() if one["kind"] == "plan.retracted" and one["second_actor"]]
    assert {(one["actor"], one["second_actor"]) for one in records} == {(CLINICIAN, SUPERVISOR)}

    with pytest.raises(InvalidInput, match="This plan is retracted already"):
        site.desk.retract_plan(plan, reason=WHY, signer=site.pat, second=site.sam)
    with pytest.raises(InvalidInput, match="cannot be amended: it is over"):
        site.save(make_draft(TOM, supersedes={"plan": plan, "version": "1"}))
    assert site.save(make_draft(TOM))["saved"] is True
    assert site.desk.health()["records"] > 0


def test_nobody_does_it_alone_or_without_a_reason(site: Site) -> None:
    """Planted: the plan's author as second signer; caught."""
    plan = in_the_wrong_chart(site)
    with pytest.raises(Refused, match="This needs a second signer"):
        site.desk.retract_plan(plan, reason=WHY, signer=site.pat, second=None)
    with pytest.raises(Refused, match="The same person cannot sign twice"):
        site.desk.retract_plan(plan, reason=WHY, signer=site.sam, second=site.sam)
    with pytest.raises(InvalidInput, match="Ending a plan needs a reason"):
        site.desk.retract_plan(plan, reason="  ", signer=site.pat, second=site.sam)
    assert [one["reason"] for one in site.records() if one["outcome"] == "refused"] == [
        "no-second-signer",
        "same-person",
    ]

    # Lou, a supervisor, wrote another plan: Lou is nobody's second signer about it
    lou = site.join("Practitioner/s2", "Lou Ray", "L-400", "supervisor")
    own = site.save(make_draft(TOM, author="Practitioner/s2", request_id=make_draft()["request_id"]))
    with pytest.raises(Refused, match="The second signer made the plan"):
        site.desk.retract_plan(own["plan"], reason=WHY, signer=site.pat, second=lou)
    assert {one["state"] for one in site.desk.plans()} == {"delivered"}
    assert site.desk.health()["records"] > 0


def test_the_screen_it_rested_on_still_speaks_for_him(site: Site) -> None:
    """Only the copy in the chart is marked: what Tom answered holds or clears as it did."""
    plan = in_the_wrong_chart(site)
    site.screen(TOM, answers={"suicide.now": "yes"})
    assert statuses(site)["CarePlan"] >= {"on-hold"}
    site.desk.retract_plan(plan, reason=WHY, signer=site.pat, second=site.sam)
    assert {one["status"] for one in site.care_plans(TOM)} == {"entered-in-error"}
    assert site.save(make_draft(TOM))["decision"] == "held-for-directive-protocol"
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("how", ["completed", "revoked"])
def test_a_plan_is_closed_whatever_the_gate_says(site: Site, how: str) -> None:
    """On a hold, with no fresh screen, by a clinician who is not enrolled. Planted: the gate asked; caught."""
    plan = in_the_wrong_chart(site)
    site.screen(TOM, answers={"suicide.now": "yes"})
    site.pass_time(days=40)
    assert site.desk.close_plan(plan, how=how, reason=WHY, actor="Practitioner/new")["closed"] == how
    [care_plan] = site.care_plans(TOM)
    assert care_plan["status"] == how
    wanted = {"completed": {"completed", "rejected"}, "revoked": {"cancelled", "rejected"}}[how]
    assert statuses(site)["Goal"] == wanted
    assert site.desk.plan(plan)["state"] == "closed"
    assert "zebra" not in str(site.everything_about(TOM))
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("how", ["close", "retract"])
def test_both_save_on_a_damaged_trail(site: Site, how: str) -> None:
    """Planted: a whole trail asked for; caught. What was damaged stays damaged, in the open."""
    plan = in_the_wrong_chart(site)
    site.damage_the_trail()
    if how == "close":
        site.desk.close_plan(plan, how="completed", reason=WHY, actor=CLINICIAN)
    else:
        site.desk.retract_plan(plan, reason=WHY, signer=site.pat, second=site.sam)
    [care_plan] = site.care_plans(TOM)
    assert care_plan["status"] == {"close": "completed", "retract": "entered-in-error"}[how]
    assert site.records(1)[0]["segment"] == 1
    assert site.console("audit", "verify").returncode == 4


def test_a_working_copy_is_put_away(site: Site) -> None:
    """A held plan was never in the chart: closing it touches no chart, and its words stay readable."""
    site.morning()
    held = site.save(make_draft(TOM))
    assert held["saved"] is False
    site.desk.close_plan(held["plan"], how="revoked", reason=WHY, actor=CLINICIAN)
    shown = site.desk.plan(held["plan"])
    assert (shown["state"], shown["draft"]["goals"][0]["words"]) == ("closed", make_goal(TOM)["words"])
    assert site.everything_about(TOM) == []
    assert site.desk.health()["records"] > 0
