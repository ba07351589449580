"""The couple's plan is active when Rosa, alone with the clinician, says that she is afraid of Tom.

What she said must not reach him by any way: her share of the plan pauses in her own chart, and on his side nothing
moves, no version, no time, no word, no other sentence than one that he could have heard any day. Later the clinician
decides that conjoint work pauses, chooses a neutral reason and a day that gives nobody away, and only on that day does
Tom's plan change, saying that and no more (clinical facts 2.4, 4: sealed fields never propagate; contracts I8).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft, make_goal

ROSA, TOM = "Patient/rosa", "Patient/tom"
COUPLE = (ROSA, TOM)
HERE = "Encounter/e1"
SAID = {"violence.afraid": "yes", "violence.severe-danger": "yes", "setting.location-now": "zebra-shelter"}
TRACES = (
    *("violence", "afraid", "severe", "danger", "zebra", "abuse", "harm", "acute", "directive", "protocol-opened"),
    *("conjoint", "SDV", "safety talk", "shelter"),
)
"""What nothing on Tom's side may say: domain, items, words, acuity, and what followed from them."""


def couple_draft(**changes: Any) -> dict[str, Any]:
    """The couple's plan, each with a goal of their own; it names no words of TRACES."""
    goals = [make_goal(ROSA, words="Be heard at the table"), make_goal(TOM, words="Not be judged")]
    return make_draft(*COUPLE, **{"goals": goals, **changes})


def couple_with_a_plan(site: Site) -> str:
    """Both were asked alone and the plan is active in both charts. Returns the plan's id."""
    site.morning()
    site.enrol()
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    answer = site.save(couple_draft())
    assert answer["saved"] is True
    return str(answer["plan"])


def disclose(site: Site) -> dict[str, Any]:
    """Days later, alone with the clinician, in an appointment of her own."""
    site.pass_time(hours=3)
    return site.screen(ROSA, encounter="Encounter/e9", answers=SAID)


def toms_side(site: Site, plan: str, tmp_path: Path) -> dict[str, str]:
    """Everything that Tom's side can produce, by where it comes from, written out."""
    amended = couple_draft(supersedes={"plan": plan, "version": "1"}, resources_named_by_client=["The garden"])
    files = {"new": couple_draft(), "amended": amended}
    for name, draft in files.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(draft), encoding="utf-8")
    told: dict[str, Any] = {
        "preview": site.desk.preview(files["new"]),
        "preview of an amendment": site.desk.preview(amended),
        "save": site.save(files["new"]),
        "amend": site.save(amended),
        "gate on the couple": site.desk.decide(COUPLE, actor=CLINICIAN, encounter=HERE, kind="couple"),
        "gate on Tom": site.desk.decide([TOM], actor=CLINICIAN, encounter=HERE),
        "Tom's protocol": site.desk.protocol(TOM, actor=CLINICIAN),
        "plans": [one for one in site.desk.plans() if TOM in one["members"]],
        "the couple's plan": site.desk.plan(plan),
        "records": site.records(patient=TOM),
    }
    for name, command in {
        "plan list": ("plan", "list"),
        "plan show": ("plan", "show", plan),
        "plan preview": ("plan", "preview", str(tmp_path / "new.json")),
        "plan save": ("plan", "save", str(tmp_path / "new.json")),
        "plan amend": ("plan", "amend", str(tmp_path / "amended.json")),
        "gate": ("gate", TOM, "--with", ROSA, "--encounter", HERE),
        "protocol show": ("protocol", "show", TOM),
        "audit show": ("audit", "show", "--patient", TOM),
        "sync": ("sync",),
    }.items():
        for form in ((), ("--json",)):
            done = site.console(*command, *form)
            told[" ".join((name, *form))] = (done.returncode, done.stdout, done.stderr)
    return {name: json.dumps(value, ensure_ascii=False, default=str) for name, value in told.items()}


def test_nothing_on_toms_side_says_or_shows_it(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Only Rosa's own CarePlan goes on hold. Planted: `hold_plans` for every member of the plan; caught."""
    caplog.set_level(logging.DEBUG)
    plan = couple_with_a_plan(site)
    before = site.everything_about(TOM)
    told = disclose(site)
    assert (told["decision"], told["person"]) == ("held-for-directive-protocol", ROSA)
    assert {ROSA: site.plan_status(ROSA), TOM: site.plan_status(TOM)} == {ROSA: "on-hold", TOM: "active"}
    assert site.everything_about(TOM) == before, "every version, and when it was written, as it was"
    assert len(before) >= 4

    site.pass_time(minutes=30)
    for where, text in toms_side(site, plan, tmp_path).items():
        assert [word for word in TRACES if word in text] == [], where
    assert site.everything_about(TOM) == before

    # his own plan goes on, and so does his chart: of Rosa, and of what she said, there is nothing in it
    site.catch_up()
    site.pass_time(minutes=1)
    site.screen(TOM, encounter=HERE)
    alone = site.save(make_draft(TOM, encounter=HERE, goals=[make_goal(TOM, words="Find my own words")]))
    assert alone["saved"] is True
    everything = json.dumps(site.everything_about(TOM))
    assert [word for word in ("rosa", "zebra", "violence", "afraid", "SDV", "on-hold") if word in everything] == []
    assert [word for word in (*TRACES, "Patient/rosa", "Patient/tom") if word in caplog.text] == []
    assert site.desk.health()["records"] > 0


def test_the_unit_hears_the_sentence_that_it_would_hear_any_day(tmp_path: Path) -> None:
    """An amendment after the disclosure answers as it does when Rosa has merely not been asked everything.

    Planted: `expires` of the members in the unit's answer; caught.
    """
    reasons = {
        "disclosed": SAID,
        "left open": {"eating.rapid-loss": None},
        "elevated": {"violence.controlled": "yes"},
        "ill": {"medical.acute-sign": "yes"},
    }
    heard = {}
    for number, (name, answers) in enumerate(reasons.items()):
        with Site(tmp_path / f"home{number}", tmp_path / f"{number}.key") as site:
            plan = couple_with_a_plan(site)
            site.pass_time(hours=3)
            site.screen(ROSA, encounter=HERE, answers=answers)
            supersedes = {"plan": plan, "version": "1"}
            answers_heard = [
                site.save(couple_draft(supersedes=supersedes, resources_named_by_client=["The garden"])),
                site.desk.preview(couple_draft(supersedes=supersedes)),
                site.save(couple_draft()),
                site.desk.decide(COUPLE, actor=CLINICIAN, encounter=HERE, kind="couple"),
            ]
            for one in answers_heard:
                one.pop("plan", None)
            heard[name] = answers_heard
    assert all(one == heard["left open"] for one in heard.values())


def test_the_couples_plan_looks_as_it_did_before(site: Site) -> None:
    """`plan list` and `plan show` of the couple's plan are both partners': neither state nor time of it moves."""
    plan = couple_with_a_plan(site)
    shown, listed = site.desk.plan(plan), site.desk.plans()
    disclose(site)
    assert (site.desk.plan(plan), site.desk.plans()) == (shown, listed)
    assert site.desk.health()["records"] > 0


def test_no_question_put_to_the_ehr_about_tom_names_rosa(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of an EHR stands in its URLs and its access log. Planted: the unit's members asked for; caught."""
    couple_with_a_plan(site)
    disclose(site)
    asked: list[str] = []
    for name in ("read", "observations", "linked", "transact"):
        real = getattr(site.context.ehr, name)
        monkeypatch.setattr(site.context.ehr, name, _noting(real, asked))
    site.pass_time(minutes=30)
    site.screen(TOM, encounter=HERE)
    site.desk.decide([TOM], actor=CLINICIAN, encounter=HERE)
    assert site.save(make_draft(TOM, encounter=HERE))["saved"] is True
    site.desk.protocol(TOM, actor=CLINICIAN)
    site.desk.sync(actor=CLINICIAN)
    assert any("tom" in one for one in asked)
    assert [one for one in asked if "rosa" in one or any(word in one for word in ("violence", "zebra"))] == []
    assert site.desk.health()["records"] > 0


def _noting(real: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    def ask(*given: Any) -> Any:
        asked.append(json.dumps(given, default=str))
        return real(*given)

    return ask


def paused(site: Site, *, hours: int) -> str:
    """The conjoint-suitability decision: pause, for a neutral reason, from a later hour. Returns that hour."""
    from_ = (site.at + timedelta(hours=hours)).isoformat()
    fields = {"decision": "pause", "reason": "scheduling", "from": from_}
    site.evidence("conjoint-suitability", ROSA, **fields)
    return from_


def test_toms_plan_changes_at_the_chosen_time_and_with_the_neutral_words_alone(site: Site) -> None:
    """Planted: sent before its time; caught. Planted: the rationale as the note; caught."""
    plan = couple_with_a_plan(site)
    before = site.everything_about(TOM)
    disclose(site)
    site.pass_time(hours=1)
    from_ = paused(site, hours=72)
    for hours in (0, 24, 47):
        site.pass_time(hours=hours)
        site.desk.sync(actor=CLINICIAN)
        assert site.everything_about(TOM) == before, hours

    site.pass_time(hours=2)
    assert site.desk.sync(actor=CLINICIAN)["changed"] == 2  # hers, on hold already, and his
    assert site.plan_status(TOM) == "on-hold"
    [now] = site.care_plans(TOM)
    [was] = [one for one in before if one["resourceType"] == "CarePlan"]
    note = now["note"][-1]
    assert note["text"] == site.policy.neutral_reasons["scheduling"] == "The appointments are arranged anew"
    assert datetime.fromisoformat(note["time"]) == datetime.fromisoformat(from_)
    assert note["authorReference"] == {"reference": CLINICIAN}
    changed = {name for name in now if now[name] != was.get(name)}
    assert changed == {"meta", "status", "note"}
    assert not any(word in json.dumps(now) for word in (*TRACES, "rosa"))
    assert site.desk.plan(plan)["plan"] == plan
    assert site.desk.health()["records"] > 0


def test_no_record_about_tom_is_written_before_that_time(site: Site) -> None:
    """An extract of Tom's records would tell the hour in which Rosa's clinician decided, were it written then."""
    couple_with_a_plan(site)
    before = site.records(patient=TOM)
    disclose(site)
    site.pass_time(hours=1)
    paused(site, hours=72)
    assert site.records(patient=TOM) == before
    assert site.desk.health()["records"] > 0
