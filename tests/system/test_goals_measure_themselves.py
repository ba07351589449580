"""Check-ins come in, and each goal says how far it has come: in the answer, and in the chart's own Goal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.system.check_ins import (
    ROSA,
    TOM,
    achievement,
    check_in,
    encounter,
    goal,
    observation,
    outcomes,
    own_list,
    parts,
    possibility,
)
from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from withness.errors import EhrUnavailable, InvalidInput
from withness.fhir import codes

NEXT = {"days": 7}


def planned(site: Site, *goals: dict[str, Any]) -> str:
    """Rosa's plan with these goals (default: heard)."""
    site.screen()
    start = {**make_draft()["frame"], "start": site.at.date().isoformat(), "review_by": "2099-01-01"}
    changes = {"goals": list(goals)} if goals else {}
    answer = site.save(make_draft(frame=start, **changes))
    assert answer["saved"]
    return str(answer["plan"])


def told(site: Site, response: dict[str, Any]) -> dict[str, Any]:
    """The one goal as the answer to a check-in tells it."""
    [one] = site.desk.check_in(response)["goals"]
    return dict(one)


def test_four_sessions_of_being_heard(site: Site) -> None:
    """The answer and the chart say the same at each step; skipped is not a no.

    Planted: the Goal written without its outcomes; statusDate moved at each check-in; both caught.
    """
    planned(site)
    seen = []
    for session, understood in enumerate(("yes", None, "yes", "yes"), start=1):
        one = told(site, check_in(site, session, understood))
        assert (one["achievement"], one["delivery"]) == (achievement(site), "delivered")
        seen.append((one["achievement"], one["now"], one["sessions_left"], one["skipped"], one["early"]))
        site.pass_time(**NEXT)
    assert seen == [
        ("in-progress", 1, 3, 0, False),
        ("in-progress", 1, 2, 1, False),
        ("in-progress", 2, 1, 1, False),
        ("achieved", 3, 0, 1, False),
    ]
    assert outcomes(site) == ["yes", "yes", "yes"]
    assert goal(site)["description"]["text"] == make_goal()["words"]
    day = goal(site)["statusDate"]
    told(site, check_in(site, 5, "no"))
    assert (achievement(site), goal(site)["statusDate"]) == ("achieved", day)
    site.desk.health()


@pytest.mark.parametrize(
    ("answers", "status", "system"),
    [
        (("yes", "yes", None, "no"), "not-measured", codes.CHECK_IN_RESULTS),
        (("yes", "no", "partly", "no"), "not-achieved", codes.GOAL_ACHIEVEMENT),
        (("yes", "no", "unsure", "yes"), "not-measured", codes.CHECK_IN_RESULTS),
    ],
)
def test_what_was_skipped_is_never_not_achieved(
    site: Site, answers: tuple[str | None, ...], status: str, system: str
) -> None:
    """Planted: `unsure` as a no; a skipped answer as a no; both caught."""
    planned(site)
    for session, understood in enumerate(answers, start=1):
        told(site, check_in(site, session, understood))
        site.pass_time(**NEXT)
    site.desk.count_goals(ROSA, actor=CLINICIAN)
    [coding] = goal(site)["achievementStatus"]["coding"]
    assert (coding["code"], coding["system"]) == (status, system)


def test_a_check_in_that_came_in_elsewhere_is_counted(site: Site) -> None:
    """Any form filler may write into the EHR; Encounters count without a check-in, cancelled ones never.

    Planted: only what was recorded here counted; a cancelled session counted; both caught.
    """
    planned(site)
    for session in (1, 2):
        site.write_to_chart(encounter(site, session), {**check_in(site, session, "yes"), "id": f"elsewhere-{session}"})
        site.pass_time(**NEXT)
    site.write_to_chart(encounter(site, 3, status="cancelled"))
    site.pass_time(**NEXT)
    site.write_to_chart(encounter(site, 4))
    [one] = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert [step["marks"]["felt-understood"] for step in one["sessions"]] == ["met", "met", "not-asked"]
    assert outcomes(site) == ["yes", "yes"]
    assert all(
        found["derivedFrom"][0]["reference"].startswith("QuestionnaireResponse/elsewhere-")
        for found in (stored.resource for stored in site.chart("Observation"))
    )
    before = len(site.chart("Goal"))
    assert [step["delivery"] for step in site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]] == ["delivered"]
    assert len(site.chart("Goal")) == before


def test_a_correction_takes_the_place_of_what_it_corrects(site: Site) -> None:
    """The chart holds one response in its newer version; what was taken back is marked, and shown no more.

    Planted: a second response beside the first; the old Observation left as final; both caught.
    """
    planned(site)
    first = site.desk.check_in(check_in(site, 1, "no"))
    site.pass_time(minutes=5)
    cites = [{"url": codes.CORRECTS, "valueReference": {"reference": f"QuestionnaireResponse/{first['check_in']}"}}]
    again = site.desk.check_in(check_in(site, 1, "yes", extension=cites, status="amended"))
    assert again["check_in"] == first["check_in"]
    assert (again["goals"][0]["now"], outcomes(site)) == (1, ["yes"])
    assert len([one for one in site.chart("QuestionnaireResponse") if "check-in" in one.resource["questionnaire"]]) == 1
    site.pass_time(minutes=5)
    third = site.desk.check_in(check_in(site, 1, None, extension=cites, status="amended"))
    assert (third["goals"][0]["now"], outcomes(site)) == (0, [])
    assert [one.resource["status"] for one in site.chart("Observation")] == ["entered-in-error"]
    other = site.desk.check_in(check_in(site, 1, "yes", who=TOM, extension=cites))
    assert (other["counted"], other["delivery"]) == (False, "inside")
    site.desk.health()


def test_the_ehr_is_away(site: Site) -> None:
    """The check-in is kept, and arrives with its goal when the EHR is back. Planted: lost; caught."""
    planned(site)
    site.remote()
    with silent(site):
        answer = site.desk.check_in(check_in(site, 1, "yes"))
    assert answer["delivery"] == "waiting"
    assert answer["troubles"]
    assert achievement(site) == "in-progress"
    assert "outcomeReference" not in goal(site)
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["waiting"], done["troubles"]) == (0, [])
    assert outcomes(site) == ["yes"]
    site.desk.health()


@contextmanager
def silent(site: Site) -> Iterator[None]:
    """The EHR answers nothing while the block runs."""

    def nothing(*_: object) -> Any:
        raise EhrUnavailable("The EHR did not answer.")

    chart = site.context.ehr
    for name in ("read", "responses", "encounters", "transact"):
        setattr(chart, name, nothing)
    yield
    for name in ("read", "responses", "encounters", "transact"):
        delattr(chart, name)


def test_somebody_elses_write_in_between_is_kept(site: Site) -> None:
    """The Goal is written over the version that was read. Planted: without If-Match; caught."""
    planned(site)
    site.remote()
    chart = site.context.ehr
    real, once = chart.transact, [True]

    def overtaken(bundle: Any) -> Any:
        if once and any(entry["resource"]["resourceType"] == "Goal" for entry in bundle["entry"]):
            once.clear()
            theirs = {name: value for name, value in goal(site).items() if name != "meta"}
            site.write_to_chart({**theirs, "priority": {"text": "First"}})
        return real(bundle)

    chart.transact = overtaken  # type: ignore[method-assign]
    told(site, check_in(site, 1, "yes"))
    assert (goal(site)["priority"], outcomes(site)) == ({"text": "First"}, ["yes"])


def test_a_damaged_trail_stops_no_check_in(site: Site) -> None:
    """I7: recorded, counted, in the chart. Planted: the trail asked first; caught."""
    planned(site)
    site.damage_the_trail()
    site.pass_time(minutes=1)
    assert told(site, check_in(site, 1, "yes"))["now"] == 1
    assert outcomes(site) == ["yes"]


def test_a_plan_on_hold_is_counted_all_the_same(site: Site) -> None:
    """Achievement needs no release (I1), and the plan stays on hold."""
    planned(site)
    site.pass_time(minutes=5)
    site.screen(answers={"suicide.now": "yes"})
    assert told(site, check_in(site, 1, "yes"))["now"] == 1
    assert site.plan_status() == "on-hold"


COUPLE = (ROSA, TOM)
MONOLOGUE = {
    "template": "monologue",
    "by": None,
    "within": {"sessions": 6},
    "target": {"count": 2},
    "responsible": "partners",
    "acceptance": [{"who": who, "status": "agree"} for who in COUPLE],
}


def couple(site: Site) -> None:
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    frame = {**make_draft()["frame"], "start": site.at.date().isoformat(), "review_by": "2099-01-01"}
    draft = make_draft(*COUPLE, goals=[make_goal(words="We let each other finish", **MONOLOGUE)], frame=frame)
    assert site.save(draft)["saved"] is True


def test_what_a_couple_does_together_is_counted_over_both(site: Site) -> None:
    """And each chart holds its own member's Observations alone (I8): no answer names the other, or their share.

    Planted: the other's Observation named in this chart; a member named in `missing`; both caught.
    """
    couple(site)
    for who in COUPLE:
        site.write_to_chart(encounter(site, 1, who))
    hers = site.desk.check_in(observation(site, 1, 2))
    assert hers["goals"][0]["achievement"] == "in-progress"
    assert hers["goals"][0]["missing"] == []
    assert "tom" not in str(hers).casefold()
    his = site.desk.check_in(observation(site, 1, 1, TOM))
    assert "rosa" not in str(his).casefold()
    assert (achievement(site), achievement(site, TOM)) == ("achieved", "achieved")
    assert (outcomes(site), outcomes(site, TOM)) == ([2], [1])
    for who, other in ((ROSA, "tom"), (TOM, "rosa")):
        own = [one.resource for one in site.chart("Goal", "Observation") if one.resource["subject"]["reference"] == who]
        assert other not in str(own).casefold()


def test_what_each_of_a_couple_said_alone_counts_for_nobody_else(site: Site) -> None:
    """Each one's own goal is measured by their own check-ins. Planted: the whole unit's; caught."""
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    frame = {**make_draft()["frame"], "start": site.at.date().isoformat(), "review_by": "2099-01-01"}
    assert site.save(make_draft(*COUPLE, frame=frame))["saved"] is True
    told(site, check_in(site, 1, "yes"))
    assert (outcomes(site), outcomes(site, TOM) if "outcomeReference" in goal(site, TOM) else []) == (["yes"], [])


def test_the_other_measures(site: Site) -> None:
    """A list, two new possibilities, two parts: each from its own form."""
    planned(
        site,
        make_goal(template="own-list", words="my own list", within={"by_session": 3}, target={"exists": True}),
        make_goal(template="transition", words="new ways", within={"weeks": 6}, target={"count": 2}),
        make_goal(
            template="re-engage",
            words="another chance",
            within={"sessions": 2},
            target={"all": ["feels-different", "agrees-to-continue"]},
        ),
    )

    def now() -> dict[str, tuple[str, int]]:
        found = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
        return {one["template"]: (one["achievement"], one["now"]) for one in found}

    site.desk.check_in(own_list(site, 1, "Sleep", "Inés"))
    site.desk.check_in(possibility(site, 1, "An evening course"))
    site.desk.check_in(parts(site, 1, different="good", go_on="change"))
    assert now() == {"own-list": ("achieved", 1), "transition": ("in-progress", 1), "re-engage": ("in-progress", 1)}
    site.pass_time(**NEXT)
    site.desk.check_in(possibility(site, 2, "an  evening COURSE"))
    assert now()["transition"] == ("in-progress", 1)
    site.pass_time(minutes=5)
    site.desk.check_in(possibility(site, 2, "Asking Inés"))
    site.desk.check_in(parts(site, 2, go_on="yes"))
    assert now() == {"own-list": ("achieved", 1), "transition": ("achieved", 2), "re-engage": ("achieved", 2)}


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"status": "in-progress"}, False),
        ({"questionnaire": "https://withness.example/fhir/Questionnaire/session-check-in|0.0.1"}, False),
        ({"authored": None}, False),
        ({}, True),
    ],
)
def test_what_cannot_be_relied_on_is_kept_and_not_counted(site: Site, change: dict[str, Any], counted: bool) -> None:
    """Nothing of it is lost, nothing of it is in the chart. Planted: counted all the same; caught."""
    planned(site)
    answer = site.desk.check_in(check_in(site, 1, "yes", **change))
    assert (answer["counted"], answer["goals"][0]["now"]) == (counted, int(counted))
    assert bool(answer["faults"]) is not counted
    site.desk.health()


@pytest.mark.parametrize("change", [{"questionnaire": "https://x"}, {"subject": {}}, {"resourceType": "Patient"}])
def test_what_is_no_check_in_is_refused(site: Site, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        site.desk.check_in(check_in(site, 1, "yes", **change))
    assert refused.value.field in change


def test_an_amended_plan_keeps_how_far_its_goals_have_come(site: Site) -> None:
    """Planted: a goal written anew as in progress, without its outcomes; caught."""
    plan = planned(site)
    for session in (1, 2, 3):
        told(site, check_in(site, session, "yes"))
        site.pass_time(days=1)
    assert achievement(site) == "achieved"
    site.screen()
    frame = {**make_draft()["frame"], "start": goal(site)["startDate"], "review_by": "2099-06-01"}
    amended = make_draft(supersedes={"plan": plan, "version": "1"}, frame=frame)
    assert site.save(amended)["saved"] is True
    assert (achievement(site), outcomes(site)) == ("achieved", ["yes", "yes", "yes"])


def rewritten(site: Site, plan: str, *goals: dict[str, Any]) -> dict[str, Any]:
    """Amend Rosa's plan to these goals."""
    site.screen()
    start = site.desk.plan(plan)["draft"]["frame"]["start"]
    frame = {**make_draft()["frame"], "start": start, "review_by": "2099-06-01"}
    version = site.desk.plan(plan)["version"]
    return site.save(make_draft(supersedes={"plan": plan, "version": version}, frame=frame, goals=list(goals)))


def test_a_goal_that_is_rewritten_together_is_superseded_and_linked(site: Site) -> None:
    """The old one keeps its words and what it came to, and names the new one, which counts from its own day.

    Planted: the old one's sessions counted for the new one; the old one without a link; both caught.
    """
    plan = planned(site)
    for session in (1, 2):
        told(site, check_in(site, session, "yes"))
        site.pass_time(**NEXT)
    before = goal(site)
    assert rewritten(site, plan, make_goal(words="I want to be asked", replaces=0))["saved"] is True
    held = {one.resource["description"]["text"]: one.resource for one in site.chart("Goal")}
    old, new = held[make_goal()["words"]], held["I want to be asked"]
    assert (old["lifecycleStatus"], old["outcomeReference"]) == ("cancelled", before["outcomeReference"])
    [link] = [one for one in old["extension"] if one["url"] == codes.GOAL_RELATIONSHIP]
    kind, target = link["extension"]
    assert kind["valueCodeableConcept"]["coding"][0]["code"] == "replacement"
    assert target["valueReference"] == {"reference": f"Goal/{new['id']}"}
    assert new["startDate"] == site.at.date().isoformat()
    told_now = site.desk.check_in(check_in(site, 3, "yes"))["goals"]
    assert [(one["words"], one["now"]) for one in told_now] == [("I want to be asked", 1)]
    site.desk.health()


def test_a_goal_that_stays_keeps_its_first_day(site: Site) -> None:
    """Beside one that is added. Planted: every goal of the new version counted anew; caught."""
    plan = planned(site)
    told(site, check_in(site, 1, "yes"))
    first = goal(site)["startDate"]
    site.pass_time(**NEXT)
    added = make_goal(words="One more", template="story", within={"sessions": 8}, target={"count": 1})
    assert rewritten(site, plan, make_goal(), added)["saved"] is True
    starts = {one.resource["description"]["text"]: one.resource["startDate"] for one in site.chart("Goal")}
    assert starts == {make_goal()["words"]: first, "One more": site.at.date().isoformat()}
    found = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert {one["words"]: one["now"] for one in found} == {make_goal()["words"]: 1, "One more": 0}


@pytest.mark.parametrize("number", [1, 0])
def test_a_goal_takes_the_place_of_one_that_goes(site: Site, number: int) -> None:
    """Planted: a goal that stays named as replaced; caught."""
    plan = planned(site)
    goals = [make_goal(words="I want to be asked", replaces=number), *([] if number else [make_goal()])]
    with pytest.raises(InvalidInput) as refused:
        rewritten(site, plan, *goals)
    assert refused.value.field == "goals[0].replaces"
