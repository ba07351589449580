"""Six in the evening, Tom on the telephone: what `withness protocol show` says first, and in words that can be used.

Where he is and how to call him back come before anything else; times are the practice's own, with their zone; a need
is called by its title, with the command that writes it down; a step's state is said in words, with who answers now.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, SUPERVISOR, Site

TOM = "Patient/tom"
ACUTE = {"suicide.now": "yes"}
SETTING = {
    "setting.modality": "telephone",
    "setting.location-now": "12 Elm Street, flat 3",
    "setting.call-back-number": "555 0100",
}
ZONE = "America/Los_Angeles"
NOT_ON_RECORD = "Not on record: ask now where they are and a number to call back."
IN_UTC = "Times and 'same day' are in UTC: set WITHNESS_TIME_ZONE to the practice's own."


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Site]:
    """A practice in Los Angeles, which the console knows from the data directory's file."""
    home = tmp_path / "home"
    with Site(home, tmp_path / "keys" / "site.key", time_zone=ZONE, jurisdiction="US-CA") as made:
        said = f'time_zone = "{ZONE}"\njurisdiction = "US-CA"\n'
        (home / "withness.toml").write_text(said, encoding="utf-8")
        made.enrol()
        yield made


def shown(site: Site, who: str = TOM) -> list[str]:
    """The lines of what the console says of somebody's protocol, each in single spaces."""
    done = site.console("protocol", "show", who, "--actor", CLINICIAN)
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.splitlines()]


def test_where_he_is_comes_first(practice: Site) -> None:
    """Planted: the setting said after the decision; caught."""
    practice.screen(TOM, answers={**ACUTE, **SETTING})
    said = "Where they are: 12 Elm Street, flat 3. Call back: 555 0100. How the conversation is held: telephone."
    assert shown(practice)[:2] == [said, TOM]
    assert NOT_ON_RECORD not in shown(practice)


@pytest.mark.parametrize("left_out", ["setting.location-now", "setting.call-back-number"])
def test_what_is_not_on_record_is_asked_for_now(practice: Site, left_out: str) -> None:
    """One of the two alone helps no crisis team. Planted: asked for only where both are missing; caught."""
    answers = {link: text for link, text in {**ACUTE, **SETTING}.items() if link != left_out}
    practice.screen(TOM, answers=answers)
    assert shown(practice)[1:3] == [NOT_ON_RECORD, TOM]
    practice.screen("Patient/ana", authored=practice.at.astimezone(ZoneInfo(ZONE)))
    assert NOT_ON_RECORD not in shown(practice, "Patient/ana"), "nothing holds her plan"


def test_a_need_has_its_title_and_its_command(practice: Site) -> None:
    """In `protocol show`, and where the screen is recorded. Planted: titles not handed on; caught."""
    practice.screen(TOM, answers=ACUTE)
    command = "withness protocol evidence"
    said = (
        f"- Full suicide risk assessment (risk-assessment): {command} {TOM} risk-assessment FILE; the form: {command} "
    )
    said += "--form risk-assessment"
    again = "And before the release: a new screen below acute, made after the hold (rescreen-below-acute)."
    lines = shown(practice)
    assert lines.index("Still to be written down for suicide:") < lines.index(said) < lines.index(again)
    assert (lines.count(said), lines.count(again)) == (1, 1)
    told = practice.console("gate", TOM, "--actor", CLINICIAN).stdout.splitlines()
    again = "- A new screen below acute, made after the hold (rescreen-below-acute): withness screen FILE"
    assert told.index("To be written down, unless it is already:") < told.index(said) < told.index(again)
    practice.evidence("risk-assessment", TOM)
    assert said not in shown(practice)


def test_times_are_the_sites_own(practice: Site) -> None:
    """The day only where it is not today. Planted: instants said as they are stored; caught."""
    practice.pass_time(days=-2)
    practice.screen(TOM, answers=ACUTE)
    opened = practice.at.astimezone(ZoneInfo(ZONE))
    lines = shown(practice)
    assert any(line.endswith(f"opened {opened:%Y-%m-%d %H:%M} ({ZONE})") for line in lines)
    assert not any("UTC" in line for line in lines)
    practice.at = datetime.now(UTC).replace(microsecond=0)
    practice.screen("Patient/ana", answers=ACUTE)
    today = practice.at.astimezone(ZoneInfo(ZONE))
    if datetime.now(ZoneInfo(ZONE)).date() == today.date():
        assert f"suicide: open, opened {today:%H:%M} ({ZONE})" in shown(practice, "Patient/ana")


def test_the_report_is_phoned_now_and_written_by_a_day(practice: Site) -> None:
    """A Wednesday at nine in the morning in Los Angeles: thirty-six hours later is Thursday evening there."""
    practice.at = datetime(2026, 11, 18, 17, tzinfo=UTC)
    practice.screen(TOM, answers={"violence.dependant-harmed": "yes"})
    lines = shown(practice)
    assert any(line.startswith("child now Thu 2026-11-19 21:00 ") for line in lines)
    assert sum(f"({ZONE})" in line for line in lines) == 3, "since when, and above the times of steps and report"


def test_a_steps_state_is_said_in_words(practice: Site) -> None:
    """Overdue says who answers now. Planted: the codes said as they are stored; caught."""
    practice.morning()
    practice.screen(TOM, answers=ACUTE)
    lines = shown(practice)
    assert f"Nobody has taken it on: {SUPERVISOR} answers now." in lines
    assert "Steps (times are this site's proposals, not a legal or professional standard)" in lines
    assert any(line.startswith("stay-with ") and f"overdue: {SUPERVISOR} answers now" in line for line in lines)
    practice.pass_time(minutes=1)
    practice.desk.step(TOM, "suicide", "stay-with", actor=CLINICIAN)
    for step, outcome in (("crisis-contacts", "declined-by-client"), ("consult", "not-applicable")):
        practice.desk.step(TOM, "suicide", step, outcome=outcome, reason="He has them", actor=CLINICIAN)
    practice.evidence("risk-assessment", TOM)
    declined = {"outcome": "declined", "reason": "She knows the steps by heart and wants none of it on paper today."}
    practice.evidence("safety-plan", TOM, **declined)
    states = {
        "stay-with": "done",
        "crisis-contacts": "declined by the client",
        "consult": "not applicable",
        "full-assessment": "done",
        "safety-plan": "written down",
        "follow-up": "open",
    }
    lines = shown(practice)
    for step, state in states.items():
        assert any(line.startswith(f"{step} ") and line.endswith(f" {state} {CLINICIAN}") for line in lines), step
    assert any(line.startswith("For later, with a colleague or supervisor: ") for line in lines)
    assert practice.desk.health()["records"] > 0


def test_what_is_due_at_once_says_now(practice: Site) -> None:
    """And since when it is overdue; what is due later has its time. Planted: clock times for all; caught."""
    practice.at = datetime.now(UTC)
    practice.screen(TOM, answers=ACUTE)
    due = {one["step"]: one for one in practice.desk.protocol(TOM, actor=CLINICIAN)["episodes"][0]["steps"]}
    assert (due["stay-with"]["within"], due["safety-plan"]["within"]) == ("now", "same-session")
    rows = {line.split(" ")[0]: line for line in shown(practice)}
    assert " now open " in rows["stay-with"]
    assert " now " not in rows["safety-plan"]
    practice.morning()
    practice.screen("Patient/ana", answers=ACUTE)
    assert sum("now, overdue since " in line for line in shown(practice, "Patient/ana")) == 2


def test_a_time_zone_that_nobody_set_is_said(tmp_path: Path, practice: Site) -> None:
    """At the end, to people alone. Planted: said to programs; caught."""
    file = tmp_path / "screen.json"
    file.write_text(json.dumps(make_screen(practice.policy, subject=TOM, authored=practice.at)), encoding="utf-8")
    with Site(tmp_path / "new", tmp_path / "new.key") as site:
        site.screen(TOM, answers=ACUTE)
        assert shown(site)[-1] == IN_UTC
        assert site.console("screen", str(file)).stdout.splitlines()[-1] == IN_UTC
        for command in (("protocol", "show", TOM), ("screen", str(file))):
            assert IN_UTC not in site.console(*command, "--json").stdout
    practice.screen(TOM, answers=ACUTE)
    assert IN_UTC not in [*shown(practice), *practice.console("screen", str(file)).stdout.splitlines()]
