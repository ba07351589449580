"""A plan review together: each goal with its course, on one's own page or, where all agreed, on one for all."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fhir.form_makers import CHECK_IN, chose, said, wrote
from tests.system.check_ins import ROSA, TOM, check_in, encounter, made, observation, parts
from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from tests.system.test_goals_measure_themselves import MONOLOGUE, planned, rewritten
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.errors import InvalidInput, Refused

COUPLE = (ROSA, TOM)
SECRET = "zebra, und sonst niemand"


def fit(site: Site, session: int, number: int, who: str = ROSA, words: str = "") -> dict[str, Any]:
    """A check-in with its scale, and words."""
    items = [said("fit", {"valueInteger": number})]
    return made(site, CHECK_IN, session, who, *items, *([wrote("words", words)] if words else []))


def couple(site: Site) -> str:
    """A couple's plan: one goal together, one of each alone."""
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    goals = [make_goal(words="We let each other finish", **MONOLOGUE), *(make_goal(who) for who in COUPLE)]
    frame = {**make_draft()["frame"], "start": site.at.date().isoformat(), "review_by": "2099-01-01"}
    answer = site.save(make_draft(*COUPLE, goals=goals, frame=frame))
    assert answer["saved"]
    return str(answer["plan"])


def test_each_goal_with_its_course_and_what_the_client_says(site: Site) -> None:
    """Words byte for byte. Planted: skipped sessions left out of the course; the words trimmed; caught."""
    plan = planned(site)
    for session, understood in enumerate(("yes", None, "no"), start=1):
        site.desk.check_in(check_in(site, session, understood))
        site.pass_time(days=7)
    site.desk.check_in(fit(site, 4, 7, words="  Inés, and *not* me <b>"))
    text = site.desk.review(plan, actor=CLINICIAN, format="text")["page"]
    assert "I want somebody to get it" in text
    assert "  Inés, and *not* me <b>" in text
    assert "skipped" in text.casefold()
    html = site.desk.review(plan, actor=CLINICIAN)["page"]
    assert "&lt;b&gt;" in html
    assert "<svg" in html
    assert "We look back again by" in text


def test_what_falls_is_told_to_the_clinician_and_concludes_nothing(site: Site) -> None:
    """In the answers; never on the page, never in the chart. Planted: hidden; caught."""
    plan = planned(site)
    told = []
    for session, number in enumerate((8, 6, 3), start=1):
        told.append(site.desk.check_in(fit(site, session, number))["told"])
        site.pass_time(days=7)
    assert [bool(one) for one in told] == [False, False, True]
    assert "may need to change" in told[2][0]
    looked = site.desk.review(plan, actor=CLINICIAN, format="text")
    assert looked["told"] == told[2] == site.desk.count_goals(ROSA, actor=CLINICIAN)["told"]
    assert site.desk.plans(goals=True)[0]["case"]["look_at_answers"] is True
    assert "may need to change" not in looked["page"]
    assert "may need to change" not in json.dumps(
        [one.resource for one in site.chart("Goal", "CarePlan", "Observation")]
    )
    assert site.desk.check_in(fit(site, 4, 2), actor=ROSA)["told"] == []


@pytest.mark.parametrize("answers", [{"go_on": "no"}, {"different": "hard"}])
def test_some_answers_are_told_at_once(site: Site, answers: dict[str, str]) -> None:
    """And stay so until they are answered otherwise. Planted: only what has a line; hidden by a skip; both caught."""
    planned(site)
    [told] = site.desk.check_in(parts(site, 1, **answers))["told"]
    assert "Ask the client, alone" in told
    site.pass_time(days=7)
    assert site.desk.check_in(check_in(site, 2, None))["told"] == [told]
    site.pass_time(days=7)
    assert site.desk.check_in(parts(site, 3, go_on="yes", different="good"))["told"] == []


def test_of_a_couple_each_has_a_page_of_their_own(site: Site) -> None:
    """I8. Planted: the plan's goals instead of the chart's; the other's remarks; both caught."""
    plan = couple(site)
    for who in COUPLE:
        site.write_to_chart(encounter(site, 1, who))
        site.desk.check_in(observation(site, 1, 1, who))
    site.desk.check_in(fit(site, 1, 9, TOM, words=SECRET))
    with pytest.raises(InvalidInput, match="page of their own"):
        site.desk.review(plan, actor=CLINICIAN)
    for format in ("html", "text"):
        hers = site.desk.review(plan, actor=CLINICIAN, member=ROSA, format=format)["page"]
        assert SECRET not in hers
        assert "tom" not in hers.casefold().replace("custom", "").replace("bottom", "").replace("tomorrow", "")
        assert SECRET in site.desk.review(plan, actor=CLINICIAN, member=TOM, format=format)["page"]


@pytest.mark.parametrize("consents", [(ROSA,), (TOM,), (ROSA, "Patient/ana"), (ROSA, TOM, "Patient/ana"), (ROSA, ROSA)])
def test_together_only_where_each_agreed(site: Site, consents: tuple[str, ...]) -> None:
    """Planted: one consent for all; a stranger's; both caught."""
    plan = couple(site)
    with pytest.raises(InvalidInput) as refused:
        site.desk.review(plan, actor=CLINICIAN, consents=consents)
    assert refused.value.field == "consents"
    assert site.records()[-1]["outcome"] != "shown-together"


@pytest.mark.parametrize("answers", [False, True])
def test_together_shows_what_they_do_together(site: Site, answers: bool) -> None:
    """Marked answers only by a second yes; words never; and that it was made is on record.

    Planted: words on the page for all; answers by the first yes; no record; each caught.
    """
    plan = couple(site)
    for who in COUPLE:
        site.write_to_chart(encounter(site, 1, who))
        site.desk.check_in(observation(site, 1, 1, who))
        site.desk.check_in(fit(site, 1, 9, who, words=f"{SECRET} {who}"))
    page = site.desk.review(plan, actor=CLINICIAN, consents=COUPLE, answers=answers, format="text")["page"]
    assert page.count("We let each other finish") >= 1
    assert SECRET not in page
    assert ("How well did our talk fit" in page) is answers
    record = site.records()[-1]
    assert (record["outcome"], record["patient"]) == ("shown-together", None)
    assert record["details"] == {"plan": plan, "answers": answers}


@pytest.mark.parametrize("answers", [{"violence.afraid": "yes"}, {"suicide.now": "yes"}])
def test_no_page_for_all_while_anything_is_paused(site: Site, answers: dict[str, str]) -> None:
    """One sentence whatever it is; each one's own page can be made. Planted: made all the same; caught."""
    plan = couple(site)
    site.pass_time(minutes=5)
    site.screen(ROSA, encounter="Encounter/e1", answers=answers)
    with pytest.raises(InvalidInput) as refused:
        site.desk.review(plan, actor=CLINICIAN, consents=COUPLE)
    assert refused.value.message == "A page for all cannot be made now. Each member's own page can."
    for who in COUPLE:
        assert site.desk.review(plan, actor=CLINICIAN, member=who)["page"]


def test_a_partner_makes_no_review_and_counts_nobody_elses_goals(site: Site) -> None:
    """Nor is a proxy told of what they bring in. Planted: any actor taken; caught."""
    plan = couple(site)
    for refused in (
        lambda: site.desk.review(plan, actor=TOM, member=TOM),
        lambda: site.desk.reviewed(plan, actor=TOM, member=TOM),
        lambda: site.desk.count_goals(ROSA, actor=TOM),
        lambda: site.desk.count_goals(ROSA, actor="RelatedPerson/mum"),
    ):
        with pytest.raises(Refused):
            refused()
    brought = site.desk.check_in(check_in(site, 1, "no"), actor=TOM)
    assert (brought["goals"], brought["told"]) == ([], [])
    assert site.desk.check_in(check_in(site, 1, "no"), actor=ROSA)["goals"]


def test_looked_back_on_with_one_is_not_with_the_other(site: Site) -> None:
    """Planted: one member's review kept for all; caught."""
    plan = couple(site)
    due = site.desk.plans()[0]["case"]["review_due"]
    site.pass_time(days=40)
    site.desk.reviewed(plan, actor=CLINICIAN, member=ROSA)
    assert site.desk.plans()[0]["case"]["review_due"] == due
    site.desk.reviewed(plan, actor=CLINICIAN, together=True)
    assert site.desk.plans()[0]["case"]["review_due"] > due
    site.desk.health()


def test_what_counts_for_no_goal_is_said(site: Site) -> None:
    """A mistyped year is seen. Planted: passed over; caught."""
    planned(site)
    assert site.desk.check_in(check_in(site, 1, "yes"))["in_time"] is True
    late = (site.at + timedelta(days=400)).isoformat()
    early = (site.at - timedelta(days=400)).isoformat()
    for session, authored in ((2, late), (3, early)):
        answer = site.desk.check_in(check_in(site, session, "yes", authored=authored))
        assert (answer["in_time"], answer["goals"][0]["now"]) == (False, 1)


def test_a_goal_that_was_rewritten_today_is_no_unchanged_one(site: Site) -> None:
    """Planted: compared with the day before it began; caught."""
    plan = planned(site)
    site.desk.reviewed(plan, actor=CLINICIAN)
    assert rewritten(site, plan, make_goal(words="I want to be asked", replaces=0))["saved"] is True
    assert "Nothing has changed" not in site.desk.review(plan, actor=CLINICIAN, format="text")["page"]


def test_what_changed_since_the_last_review_is_said(site: Site) -> None:
    """Planted: what came before the last review taken for new; caught."""
    plan = planned(site)
    site.desk.check_in(check_in(site, 1, "yes"))
    site.pass_time(days=1)
    assert site.desk.reviewed(plan, actor=CLINICIAN)["reviewed"] == site.at.date().isoformat()
    site.pass_time(days=6)
    for session in (2, 3):
        site.desk.check_in(check_in(site, session, "yes"))
        site.pass_time(days=7)
    text = site.desk.review(plan, actor=CLINICIAN, format="text")["page"]
    assert "1 of 3" in text
    assert "3 of 3" in text
    site.desk.health()


# -- the caseload


def test_the_caseload_says_what_is_due_and_what_grows_stale(site: Site) -> None:
    """Planted: the interval left out; a screen that never grows stale; both caught."""
    plan = planned(site)
    [case] = [one["case"] for one in site.desk.plans()]
    assert (case["review"], case["stale"], case["goals_at_risk"]) == ("", False, None)
    due = date.fromisoformat(case["review_due"])
    assert due == site.at.date() + timedelta(days=90)
    site.pass_time(days=80)
    [case] = [one["case"] for one in site.desk.plans()]
    assert (case["review"], case["stale"]) == ("due", True)
    site.pass_time(days=30)
    assert site.desk.plans()[0]["case"]["review"] == "overdue"
    site.desk.reviewed(plan, actor=CLINICIAN)
    assert site.desk.plans()[0]["case"]["review"] == ""


def test_goals_that_ask_for_a_second_look_are_counted(site: Site) -> None:
    """Planted: what is not measured passed over; caught."""
    planned(site)
    assert site.desk.plans(goals=True)[0]["case"]["goals_at_risk"] == 0
    for session in (1, 2):
        site.desk.check_in(check_in(site, session, None))
        site.pass_time(days=7)
    assert site.desk.plans(goals=True)[0]["case"]["goals_at_risk"] == 1


def test_a_plan_that_does_not_open_is_in_every_list(site: Site) -> None:
    """Planted: left out by a filter; caught."""
    plan = planned(site)
    with behind_our_back(site) as database:
        database.execute("UPDATE plan SET content = x'00'")
    site.open()
    for option in ("--due", "--stale", "--at-risk"):
        code, found = site.console_json("plan", "list", option)
        assert (code, [(one["plan"], one["state"]) for one in found]) == (0, [(plan, "unreadable")])


def test_a_goal_that_two_share_is_looked_at_once(site: Site) -> None:
    """Planted: counted in each chart; caught."""
    couple(site)
    for session in range(1, 7):
        for who in COUPLE:
            site.write_to_chart(encounter(site, session, who))
        site.pass_time(days=7)
    assert site.desk.plans(goals=True)[0]["case"]["goals_at_risk"] == 3


def test_a_working_copy_has_no_case(site: Site) -> None:
    site.save()
    assert [one["case"] for one in site.desk.plans()] == [None]


def test_the_console_shows_it(site: Site, tmp_path: Path) -> None:
    """The check-in, the review and the list; exit 2 for what cannot be read. Planted: the filters ignored; caught."""
    plan = planned(site)
    file = tmp_path / "check-in.json"
    file.write_text(json.dumps(check_in(site, 1, "yes")), encoding="utf-8")
    done = site.console("checkin", str(file))
    assert done.returncode == 0, done.stderr
    assert "in progress, 1 of 3" in done.stdout
    assert "3 sessions" in done.stdout
    assert site.console("checkin", "--for", ROSA).returncode == 0
    assert site.console("checkin").returncode == 2
    assert "Was recorded already" in site.console("checkin", str(file)).stdout
    assert "has no goal" in site.console("checkin", "--for", TOM).stdout
    for wrong in (("--member", ROSA, "--consent", ROSA), ("--answers",), ("--for-clinician", "--out", "x.html")):
        assert site.console("plan", "review", plan, *wrong).returncode == 2
    page = tmp_path / "review.html"
    assert site.console("plan", "review", plan, "--out", str(page)).returncode == 0
    assert "<svg" in page.read_text(encoding="utf-8")
    shown = site.console("plan", "review", plan, "--done", "--actor", CLINICIAN)
    assert "1 of 3" in shown.stdout
    assert "Noted as looked back on" in shown.stdout
    page = tmp_path / "again.html"
    code, answer = site.console_json("plan", "review", plan, "--out", str(page), "--done", "--actor", CLINICIAN)
    assert (code, answer["page"], answer["told"]) == (0, str(page), [])
    assert "Nothing in the answers" in site.console("plan", "review", plan, "--for-clinician").stdout
    code, found = site.console_json("plan", "list", "--due")
    assert (code, found) == (0, [])
    code, found = site.console_json("plan", "list")
    assert [one["plan"] for one in found] == [plan]
    file.write_text(json.dumps({**check_in(site, 1, "yes"), "subject": {}}), encoding="utf-8")
    code, answer = site.console_json("checkin", str(file))
    assert (code, answer["field"]) == (2, "subject")


def test_an_unfinished_choice_has_no_place_on_the_line(site: Site) -> None:
    """`unsure` is shown in words and drawn nowhere. Planted: drawn as the lowest; caught by the chart's own form."""
    plan = planned(site)
    site.desk.check_in(made(site, CHECK_IN, 1, ROSA, chose(CHECK_IN, "understood", "unsure")))
    assert "I am not sure" in site.desk.review(plan, actor=CLINICIAN, format="text")["page"]
