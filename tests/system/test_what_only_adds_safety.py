"""Tom's plan is on hold; what keeps him safe is written into it that same hour.

An amendment that only adds goals of category safety, or a reference to the safety plan, is never asked of the gate
(contracts I1, I7): it saves on a hold and on a damaged trail, and leaves the plan's status as it is. Whatever else an
amendment changes, be it one word, makes it an ordinary one, and that is held.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from withness.errors import Conflict, TrailDamaged

TOM = "Patient/tom"
ACUTE = {"suicide.now": "yes"}
SAFE = "Call my sister before I am alone with it"
DOCUMENT = "DocumentReference/safety-plan-7"


def on_hold(site: Site) -> dict[str, Any]:
    """Tom's plan was saved, and an acute screen put it on hold. Returns the draft of an amendment of it."""
    site.morning()
    site.enrol()
    site.screen(TOM)
    draft = make_draft(TOM)
    answer = site.save(draft)
    assert answer["saved"] is True
    site.pass_time(hours=1)
    site.screen(TOM, answers=ACUTE)
    assert site.plan_status(TOM) == "on-hold"
    amended = make_draft(TOM, supersedes={"plan": answer["plan"], "version": "1"})
    return {**amended, "goals": list(draft["goals"]), "concern": dict(draft["concern"])}


def with_safety(draft: dict[str, Any]) -> dict[str, Any]:
    """The amendment that adds a safety goal and the safety plan, and nothing else."""
    goal = make_goal(TOM, words=SAFE, category="safety")
    return {**draft, "goals": [*draft["goals"], goal], "safety_plan": DOCUMENT}


def goals(site: Site) -> list[str]:
    """The words of the goals that Tom's CarePlan names."""
    [plan] = site.care_plans(TOM)
    found = [site.context.ehr.read(one["reference"]) for one in plan["goal"]]
    return [one.resource["description"]["text"] for one in found if one is not None]


def test_it_saves_on_a_hold_and_leaves_the_status(site: Site) -> None:
    """Planted: the amended CarePlan written as active; caught. The answer still says what the gate says."""
    draft = on_hold(site)
    before = goals(site)
    answer = site.save(with_safety(draft))
    assert (answer["saved"], answer["version"]) == (True, "2")
    assert answer["decision"] == "held-for-directive-protocol"
    [plan] = site.care_plans(TOM)
    assert plan["status"] == "on-hold"
    assert goals(site) == [*before, SAFE]
    assert {"reference": DOCUMENT} in plan["supportingInfo"]
    [added] = [one.resource for one in site.chart("Goal") if one.resource["description"]["text"] == SAFE]
    assert added["category"][0]["coding"][0]["code"] == "safety"
    assert added["lifecycleStatus"] == "active"
    assert site.desk.plan(str(draft["supersedes"]["plan"]))["version"] == "2"
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("part", ["goal", "reference"])
def test_each_of_the_two_is_enough(site: Site, part: str) -> None:
    """A goal of category safety alone, or the reference alone."""
    draft = on_hold(site)
    whole = with_safety(draft)
    amended = {**draft, "goals": whole["goals"]} if part == "goal" else {**draft, "safety_plan": DOCUMENT}
    assert site.save(amended)["saved"] is True
    assert site.plan_status(TOM) == "on-hold"
    assert site.desk.health()["records"] > 0


OTHERWISE: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "a goal that is no safety goal": lambda draft: {
        **draft,
        "goals": [*draft["goals"], make_goal(TOM, words="Be heard at work")],
    },
    "a word of an old goal": lambda draft: {
        **draft,
        "goals": [{**draft["goals"][0], "words": "Changed"}, *draft["goals"][1:]],
    },
    "an old goal made a safety goal": lambda draft: {
        **draft,
        "goals": [{**draft["goals"][0], "category": "safety"}, *draft["goals"][1:]],
    },
    "an old goal left out": lambda draft: {**draft, "goals": draft["goals"][1:]},
    "the goals in another order": lambda draft: {**draft, "goals": [draft["goals"][-1], *draft["goals"][:-1]]},
    "the concern": lambda draft: {**draft, "concern": {**draft["concern"], "words": "Something else"}},
    "the rhythm": lambda draft: {**draft, "frame": {**draft["frame"], "frequency_weeks": 2}},
    "who leads": lambda draft: {**draft, "lead": "therapist-led"},
    "a guardian": lambda draft: {
        **draft,
        "guardians": [{"who": "RelatedPerson/mum", "for": TOM, "status": "agree"}],
    },
    "nothing at all": lambda draft: {**draft, "goals": draft["goals"][:1], "safety_plan": None},
}


BESIDES = {
    "a goal that is no safety goal": "this amendment also changes: goals[1]. Leave that as it stands and it saves now.",
    "a word of an old goal": "also changes: goals[0].words.",
    "the goals in another order": "also changes: goals.",
    "the rhythm": "also changes: frame.frequency_weeks.",
    "who leads": "also changes: lead.",
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_with_anything_else_it_is_held(site: Site, name: str) -> None:
    """Planted: goals compared by number alone; "a word of an old goal" caught it. Who only forgot something is told
    what else is changed; planted: no word of it."""
    draft = on_hold(site)
    before = site.everything_about(TOM)
    answer = site.save(OTHERWISE[name](with_safety(draft)))
    assert (answer["saved"], answer["decision"]) == (False, "held-for-directive-protocol")
    assert site.everything_about(TOM) == before
    assert site.desk.health()["records"] > 0
    said = [one for one in answer["advisories"] if one.startswith("The safety goal or safety plan is not saved yet")]
    assert [one for one in said if BESIDES.get(name, "") not in one] == []
    assert len(said) == (name != "nothing at all")


def test_it_saves_on_a_damaged_trail_and_nothing_else_does(site: Site) -> None:
    """Its record goes into a new segment. Planted: a whole trail asked for; caught."""
    draft = on_hold(site)
    site.damage_the_trail()
    answer = site.save(with_safety(draft))
    assert answer["saved"] is True
    assert SAFE in goals(site)
    assert site.plan_status(TOM) == "on-hold"
    other = {**draft, "supersedes": {**draft["supersedes"], "version": "2"}, "lead": "therapist-led"}
    other["request_id"] = make_draft(TOM)["request_id"]
    with pytest.raises(TrailDamaged, match="the audit trail is damaged, so no plan can be saved"):
        site.save(other)
    assert goals(site)[-1] == SAFE
    assert site.records(1)[0]["segment"] == 1
    assert site.console("audit", "verify").returncode == 4


@pytest.mark.parametrize("words", [SAFE, "Leave the car keys with my brother"])
def test_it_keeps_to_the_newest_version_too(site: Site, words: str) -> None:
    """Two clinicians add safety to one version, the same or another: the second one looks first. Console: exit 6."""
    draft = on_hold(site)
    assert site.save(with_safety(draft))["saved"] is True
    second = with_safety({**draft, "request_id": make_draft(TOM)["request_id"]})
    second["goals"][-1]["words"] = words
    with pytest.raises(Conflict, match="Another version of this plan was saved meanwhile"):
        site.save(second, actor="Practitioner/p2")
    code, said = site.console_json("plan", "amend", "-", stdin=json.dumps(second))
    assert (code, said["error"]) == (6, "conflict")
    site.catch_up()
    assert goals(site)[1:] == [SAFE]
    assert site.desk.health()["records"] > 0


def test_the_release_finds_the_plan_with_its_safety_goal(site: Site) -> None:
    """What was added stays when the hold ends."""
    draft = on_hold(site)
    site.save(with_safety(draft))
    site.pass_time(minutes=10)
    site.all_evidence("suicide", TOM)
    site.pass_time(minutes=10)
    site.screen(TOM)
    assert site.release("suicide", TOM)["decision"] == "released"
    assert site.plan_status(TOM) == "active"
    assert SAFE in goals(site)
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "released"
    assert site.desk.health()["records"] > 0
