"""Three people who never met before make a plan as a group; weeks later one of them is in danger.

A group's plan waits until each member, asked alone, is released. Once it is active, one member's acute screen stops
that member's share and nobody else's: the others' charts do not move, and hear nothing of it.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft

GROUP = ("Patient/rosa", "Patient/tom", "Patient/ana")
HERE = "Encounter/e1"
HELD: dict[str, dict[str, str | None] | None] = {
    "unscreened": None,
    "left open": {"medical.acute-sign": None},
    "elevated": {"eating.rapid-loss": "yes"},
    "acute": {"suicide.now": "yes"},
    "not asked alone": {"violence.asked-alone": "no"},
}


def ask(site: Site, who: str, **changes: Any) -> dict[str, Any]:
    """A private screen in the group's encounter."""
    return site.screen(who, encounter=HERE, **changes)


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("last", GROUP)
def test_it_waits_for_each_of_them(site: Site, name: str, last: str) -> None:
    """Whoever of the three it is. Planted: `any` released member is enough; caught."""
    site.morning()
    for who in GROUP:
        if who != last:
            ask(site, who)
    if HELD[name] is not None:
        ask(site, last, answers=HELD[name])
    answer = site.save(make_draft(*GROUP))
    assert (answer["saved"], answer["decision"], answer["sentence"]) == (False, "held", site.policy.unit_sentence)
    assert (answer["findings"], answer["missing"], answer["protocol"]) == ([], [], [])
    assert site.plans_in_chart() == 0
    assert site.desk.health()["records"] > 0


def active_group(site: Site) -> str:
    """All three are released and the plan is active in three charts. Returns the plan's id."""
    site.morning()
    site.enrol()
    for who in GROUP:
        ask(site, who)
    answer = site.save(make_draft(*GROUP))
    assert (answer["saved"], len(answer["care_plans"])) == (True, 3)
    return str(answer["plan"])


@pytest.mark.parametrize("acute", GROUP)
def test_only_the_one_who_turns_acute_goes_on_hold(site: Site, acute: str) -> None:
    """Whoever it is. Planted: the whole plan put on hold; caught."""
    active_group(site)
    others = [who for who in GROUP if who != acute]
    before = {who: site.everything_about(who) for who in others}
    site.pass_time(days=20)
    told = ask(site, acute, answers={"suicide.intent-or-plan": "yes"})
    said = "Their own part of a shared plan was paused in their own chart, with a neutral note."
    assert told["paused"] == [said], "and nothing about anybody else"
    assert {who: site.plan_status(who) for who in GROUP} == {
        who: "on-hold" if who == acute else "active" for who in GROUP
    }
    assert {who: site.everything_about(who) for who in others} == before
    for who in others:
        assert acute not in str(site.records(patient=who))
    assert site.save(make_draft(others[0], encounter=HERE))["decision"] == "held-incomplete"  # their own screen is old
    ask(site, others[0])
    assert site.save(make_draft(others[0], encounter=HERE))["saved"] is True
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("answers", [{"violence.controlled": "yes"}, {"eating.rapid-loss": "unsure"}])
def test_what_is_less_than_acute_stops_no_active_plan(site: Site, answers: dict[str, str]) -> None:
    """Elevated or unknown after activation blocks what is new, for the whole group, and pauses nothing."""
    plan = active_group(site)
    site.pass_time(hours=1)
    ask(site, "Patient/ana", answers=answers)
    assert {site.plan_status(who) for who in GROUP} == {"active"}
    amendment = make_draft(*GROUP, supersedes={"plan": plan, "version": "1"}, lead="therapist-led")
    assert site.save(amendment)["decision"] == "held"
    assert site.desk.health()["records"] > 0


def test_her_release_brings_her_back_among_them(site: Site) -> None:
    """Ana's share is active again; the others' never moved, and one amendment is possible for all."""
    plan = active_group(site)
    before = site.everything_about("Patient/rosa")
    site.pass_time(hours=1)
    ask(site, "Patient/ana", answers={"suicide.now": "yes"})
    site.pass_time(hours=1)
    site.all_evidence("suicide", "Patient/ana")
    site.pass_time(hours=1)
    ask(site, "Patient/ana")
    assert site.release("suicide", "Patient/ana")["decision"] == "released"
    assert {site.plan_status(who) for who in GROUP} == {"active"}
    assert site.everything_about("Patient/rosa") == before
    amendment = make_draft(*GROUP, supersedes={"plan": plan, "version": "1"}, lead="therapist-led")
    assert (site.save(amendment)["saved"], site.desk.plan(plan)["version"]) == (True, "2")
    assert site.desk.protocol("Patient/ana", actor=CLINICIAN)["decision"] == "released"
    assert site.desk.health()["records"] > 0
