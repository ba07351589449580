"""The protocol opens at nine; Pat is in the next session and sees nothing of it.

Each step has its time. What is not done by then shows as overdue, and goes to the backup, once, with the next sync, in
the trail and in the chart's Task; that nobody has taken the protocol on shows too. Writing down the evidence of a need
is doing its step: nobody ticks a box beside it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.errors import InvalidInput

TOM = "Patient/tom"
ACUTE = {"suicide.now": "yes"}
NOW = {"stay-with", "emergency-evaluation"}
SESSION = {"full-assessment", "safety-plan", "means-safety", "crisis-contacts"}


def opened(site: Site) -> None:
    """Tom's protocol opens at nine, Pat's, with Sam as the backup."""
    site.morning()
    site.enrol()
    told = site.screen(TOM, answers=ACUTE)
    assert told["decision"] == "held-for-directive-protocol"


def episode(site: Site) -> dict[str, Any]:
    """Tom's one protocol as it stands."""
    [found] = site.desk.protocol(TOM, actor=CLINICIAN)["episodes"]
    return found


def steps(site: Site) -> dict[str, tuple[str, str]]:
    """State and owner of each step."""
    return {one["step"]: (one["state"], one["owner"]) for one in episode(site)["steps"]}


def owners(site: Site) -> dict[str, str]:
    """Who has the chart's Task of each text."""
    return {one.resource["code"]["text"]: one.resource["owner"]["reference"] for one in site.chart("Task")}


def test_what_is_late_goes_to_the_backup_once(site: Site) -> None:
    """Planted: `escalated` not remembered; the second sync caught it."""
    opened(site)
    assert set(steps(site).values()) == {("open", CLINICIAN)}
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0
    site.desk.step(TOM, "suicide", "acknowledge", actor=CLINICIAN)

    site.pass_time(minutes=15, seconds=1)
    late = {step for step, (state, _) in steps(site).items() if state == "overdue"}
    assert late == NOW
    assert {steps(site)[step][1] for step in late} == {SUPERVISOR}
    assert steps(site)["safety-plan"] == ("open", CLINICIAN)
    assert set(owners(site).values()) == {CLINICIAN}, "the chart hears of it with the next sync"
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 2
    assert {text for text, owner in owners(site).items() if owner == SUPERVISOR} == {
        "Stay with the person or keep the line open",
        "Emergency evaluation or crisis team when there is intent now",
    }
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0

    site.pass_time(hours=2)
    assert {step for step, (state, _) in steps(site).items() if state == "overdue"} == NOW | SESSION
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == len(SESSION)
    kept = [one for one in site.records() if one["kind"] == "protocol.step" and one["outcome"] == "step"]
    assert len(kept) == 1 + len(NOW | SESSION)
    assert site.desk.health()["records"] > 0


def test_an_overdue_step_that_is_done_is_done(site: Site) -> None:
    """Escalated is still to be done, by whomever. Planted: an escalation taken for done; caught."""
    opened(site)
    site.pass_time(minutes=20)
    site.desk.sync(actor=CLINICIAN)
    assert steps(site)["stay-with"][0] == "overdue"
    site.desk.step(TOM, "suicide", "stay-with", actor=SUPERVISOR)
    assert steps(site)["stay-with"][0] == "done"
    site.desk.step(
        TOM, "suicide", "crisis-contacts", outcome="declined-by-client", reason="He has them", actor=CLINICIAN
    )
    assert steps(site)["crisis-contacts"][0] == "declined-by-client"
    with pytest.raises(InvalidInput, match="A step that is not-applicable needs a reason"):
        site.desk.step(TOM, "suicide", "follow-up", outcome="not-applicable", actor=CLINICIAN)
    assert steps(site)["follow-up"][0] == "open"
    assert site.desk.health()["records"] > 0


def test_nobody_has_taken_it_on(site: Site) -> None:
    """After a quarter of an hour it shows, and the backup owns every step; whoever acts takes it on.

    Planted: acknowledged by its opening; caught.
    """
    opened(site)
    assert (episode(site)["unacknowledged"], episode(site)["acknowledged"]) == (False, None)
    site.pass_time(minutes=16)
    assert episode(site)["unacknowledged"] is True
    assert {owner for _, owner in steps(site).values()} == {SUPERVISOR}
    done = site.console("protocol", "show", TOM, "--actor", CLINICIAN)
    assert "suicide: unacknowledged, opened" in done.stdout
    assert f"Responsible: {CLINICIAN}; backup: {SUPERVISOR}." in done.stdout
    site.desk.step(TOM, "suicide", "acknowledge", actor=CLINICIAN)
    assert episode(site)["unacknowledged"] is False
    assert episode(site)["acknowledged"] is not None
    assert steps(site)["safety-plan"] == ("open", CLINICIAN)
    assert site.desk.health()["records"] > 0


def test_evidence_of_a_need_is_its_step_done(site: Site) -> None:
    """And a step that was said to be done is no evidence. Planted: `evidences` left out of the safety plan; caught."""
    opened(site)
    pairs = {
        "risk-assessment": "full-assessment",
        "safety-plan": "safety-plan",
        "means-counselling": "means-safety",
        "supervisor-consult": "consult",
    }
    for need, step in pairs.items():
        assert steps(site)[step][0] == "open", step
        site.evidence(need, TOM)
        assert steps(site)[step][0] == "done", step
    assert {step for step, (state, _) in steps(site).items() if state == "open"} == {
        "stay-with",
        "emergency-evaluation",
        "crisis-contacts",
        "follow-up",
    }
    for step in steps(site):
        site.desk.step(TOM, "suicide", step, actor=CLINICIAN)
    missing = site.desk.protocol(TOM, actor=CLINICIAN)["missing_needs"]["suicide"]
    assert missing == ["disposition", "follow-up-date"]
    assert site.desk.health()["records"] > 0


def test_a_safety_plan_that_he_declined_is_written_down_and_not_done(site: Site) -> None:
    """The need is complete, nobody forces him; and the step does not say that a plan was made."""
    opened(site)
    site.evidence("safety-plan", TOM, outcome="declined")
    assert steps(site)["safety-plan"][0] not in ("done", "open", "overdue")
    assert "safety-plan" not in site.desk.protocol(TOM, actor=CLINICIAN)["missing_needs"]["suicide"]
    assert site.desk.health()["records"] > 0


def test_a_protocol_that_has_ended_escalates_nothing(site: Site) -> None:
    """Planted: `ended` unread; caught. The steps that were never done stay as they were."""
    opened(site)
    site.pass_time(minutes=10)
    site.all_evidence("suicide", TOM)
    site.pass_time(minutes=1)
    site.screen(TOM)
    site.release("suicide", TOM)
    site.pass_time(days=4)
    assert episode(site)["ended"] is not None
    assert steps(site)["follow-up"][0] == "open"
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0
    assert site.screen(TOM)["decision"] == "released"
    assert site.save(make_draft(TOM))["saved"] is True
    assert site.desk.health()["records"] > 0


def test_without_a_supervisor_the_one_on_call_is_the_backup(tmp_path: Path) -> None:
    """Solo practice: the setting names the backup; where nobody is named, the console asks for one."""
    with Site(tmp_path / "a", tmp_path / "a.key", on_call="Practitioner/call") as site:
        site.morning()
        site.screen(TOM, answers=ACUTE)
        assert episode(site)["backup"] == "Practitioner/call"
        site.pass_time(minutes=20)
        assert site.desk.sync(actor=CLINICIAN)["escalated"] == 2
        assert site.desk.health()["records"] > 0
    with Site(tmp_path / "b", tmp_path / "b.key") as site:
        site.morning()
        site.screen(TOM, answers=ACUTE)
        site.pass_time(minutes=20)
        assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0
        assert {owner for _, owner in steps(site).values()} == {CLINICIAN}
        done = site.console("protocol", "show", TOM, "--actor", CLINICIAN)
        said = " ".join(done.stdout.split())
        assert "Nobody has taken it on. " in said
        assert "backup: nobody. No backup is named. Call your own supervisor or crisis line now. Name one: " in said
        assert f"overdue: {CLINICIAN} answers" not in said
        assert site.desk.health()["records"] > 0


def test_a_supervisor_who_is_enrolled_later_is_the_backup(site: Site) -> None:
    """The act of opening stays as it is. Planted: the backup fixed at the opening; looked up once it has ended."""
    site.morning()
    site.screen(TOM, answers=ACUTE)
    assert episode(site)["backup"] == ""
    site.enrol()
    site.pass_time(minutes=16)
    assert episode(site)["backup"] == SUPERVISOR
    assert {owner for _, owner in steps(site).values()} == {SUPERVISOR}
    done = " ".join(site.console("protocol", "show", TOM, "--actor", CLINICIAN).stdout.split())
    assert f"Nobody has taken it on: {SUPERVISOR} answers now. Responsible: {CLINICIAN}; backup: {SUPERVISOR}." in done
    assert done.count("Withness calls nobody: call them yourself.") == 1
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == len(NOW)
    assert SUPERVISOR in owners(site).values()
    site.all_evidence("suicide", TOM)
    site.pass_time(minutes=1)
    site.screen(TOM)
    site.release("suicide", TOM)
    assert (episode(site)["ended"] is not None, episode(site)["backup"]) == (True, "")
    assert site.desk.health()["records"] > 0


def test_a_screen_that_pauses_a_plan_says_so(site: Site, tmp_path: Path) -> None:
    """Once, where it was paused. Planted: said of each acute screen, or of none; caught."""
    site.morning()
    assert site.screen(TOM)["paused"] == []
    assert site.save(make_draft(TOM))["saved"] is True
    site.pass_time(hours=1)
    answers = make_screen(site.policy, subject=TOM, authored=site.at, answers=ACUTE)
    file = tmp_path / "screen.json"
    file.write_text(json.dumps(answers), encoding="utf-8")
    said = "Their active plan was paused in the chart, with a neutral note."
    assert site.console("screen", str(file)).stdout.count(said) == 1
    assert site.plan_status(TOM) == "on-hold"
    assert site.screen(TOM, answers=ACUTE)["paused"] == []
