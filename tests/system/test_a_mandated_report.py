"""What Ana, fourteen, says gives reason to think that a child at home is being harmed: the law asks for a report.

The duty is the licence-holder's own, by phone at once and then in writing, by the jurisdiction's table (clinical facts
2.4); telling a supervisor does not discharge it, so it is no evidence here. Her mother, who may act for her in much,
sees neither the report nor that there is one: it may be about her house.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import InvalidInput, Refused

ANA, MUM = "Patient/ana", "RelatedPerson/mum"
HARMED = {"violence.dependant-harmed": "yes"}
NEED = "report-reference-or-reason-none"
WEDNESDAY = datetime(2026, 11, 18, 9, tzinfo=UTC)


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Site]:
    """A practice in California, on a Wednesday morning."""
    home = tmp_path / "home"
    with Site(home, tmp_path / "keys" / "site.key", jurisdiction="US-CA") as made:
        (home / "withness.toml").write_text('jurisdiction = "US-CA"\n', encoding="utf-8")
        made.at = WEDNESDAY
        made.enrol()
        yield made


def steps(site: Site) -> dict[str, dict[str, Any]]:
    """The steps of Ana's one opened protocol, by name."""
    [episode] = site.desk.protocol(ANA, actor=CLINICIAN)["episodes"]
    return {one["step"]: one for one in episode["steps"]}


def test_the_step_opens_with_its_times(clinic: Site) -> None:
    """Child: phone at once, written within 36 hours; elder: two working days. Planted: 36 hours as 48; caught."""
    told = clinic.screen(ANA, answers=HARMED)
    assert told["decision"] == "held-for-directive-protocol"
    assert "mandated-report" in [one["step"] for one in told["protocol"]]
    [episode] = clinic.desk.protocol(ANA, actor=CLINICIAN)["episodes"]
    rules = {one["population"]: (one["phone_by"], one["written_by"]) for one in episode["report"]}
    assert rules == {
        "child": ("2026-11-18T09:00:00.000000Z", "2026-11-19T21:00:00.000000Z"),
        "older-or-dependent": ("2026-11-18T09:00:00.000000Z", "2026-11-20T23:59:59.999999Z"),
    }
    assert all(one["notice"].startswith("An example; needs review by local counsel") for one in episode["report"])
    assert "Public holidays are not known here" in episode["report"][1]["notice"]
    assert steps(clinic)["mandated-report"]["state"] == "open"
    clinic.pass_time(minutes=16)
    assert steps(clinic)["mandated-report"]["state"] == "overdue"

    done = clinic.console("protocol", "show", ANA, "--actor", CLINICIAN)
    assert "Mandated report: the duty is your own" in done.stdout
    assert "2026-11-19 21:00" in done.stdout
    assert clinic.desk.health()["records"] > 0


def test_no_other_acute_answer_opens_it(clinic: Site) -> None:
    """Planted: `when` of a step unread; caught."""
    clinic.screen(ANA, answers={"violence.afraid": "yes"})
    assert "mandated-report" not in steps(clinic)
    [episode] = clinic.desk.protocol(ANA, actor=CLINICIAN)["episodes"]
    assert episode["report"] is None
    assert NEED not in clinic.desk.protocol(ANA, actor=CLINICIAN)["missing_needs"]["violence"]
    assert clinic.desk.health()["records"] > 0


NO_EVIDENCE: dict[str, dict[str, str]] = {
    "told my supervisor, as an outcome": {"outcome": "told-my-supervisor"},
    "told my supervisor, as a reason": {"outcome": "no-report", "reason": "told-my-supervisor"},
    "the team will report": {"outcome": "no-report", "reason": "other"},
    "reported, to nobody": {"outcome": "reported", "agency": "n/a"},
    "reported, without its reference": {"outcome": "reported", "reference": "pending"},
    "reported, tomorrow": {"outcome": "reported", "phoned": "2026-11-19T09:00:00Z"},
    "no report, and no rationale": {"outcome": "no-report", "rationale": "No."},
    "somebody else did, and no reference": {
        "outcome": "no-report",
        "reason": "report-already-made-by-another-with-reference",
        "other_reference": "unknown",
    },
}


@pytest.mark.parametrize("name", NO_EVIDENCE)
def test_telling_somebody_is_no_report(clinic: Site, name: str) -> None:
    """Planted: the outcome a free text; "told my supervisor" caught it. The hold stays whatever else is done."""
    clinic.screen(ANA, answers=HARMED)
    clinic.pass_time(minutes=5)
    with pytest.raises(InvalidInput, match=NEED):
        clinic.evidence(NEED, ANA, **NO_EVIDENCE[name])
    clinic.desk.step(ANA, "violence", "mandated-report", actor=CLINICIAN)  # said to be done: that shows nothing
    for need in ("safety-plan-or-declined", "danger-level", "supervisor-consult", "confidentiality-flag"):
        clinic.evidence(need, ANA)
    clinic.pass_time(minutes=30)
    clinic.screen(ANA, answers={**HARMED, "violence.dependant-harmed.new": "no"})
    with pytest.raises(Refused, match=NEED):
        clinic.release("violence", ANA)
    assert clinic.desk.health()["records"] > 0


def test_the_report_made_completes_it(clinic: Site) -> None:
    """Agency, time of the call and reference: the step is done, and with the rest Ana is released."""
    clinic.screen(ANA, answers=HARMED)
    clinic.pass_time(minutes=20)
    clinic.evidence(NEED, ANA, outcome="reported", population="child")
    assert steps(clinic)["mandated-report"]["state"] == "done"
    clinic.all_evidence("violence", ANA)
    clinic.pass_time(hours=1)
    clinic.screen(ANA, answers={**HARMED, "violence.dependant-harmed.new": "no"})
    assert clinic.release("violence", ANA)["decision"] == "released-with-conditions"
    assert clinic.desk.health()["records"] > 0


def as_her_mother(site: Site) -> dict[str, Callable[[], Any]]:
    """Every answer that somebody can ask for as Ana's mother."""
    left_open = {"eating.rapid-loss": "not-asked"}
    anew = make_screen(
        site.policy, subject=ANA, encounter="Encounter/e3", authored=site.at, author=MUM, answers=left_open
    )
    return {
        "gate": lambda: site.desk.decide([ANA], actor=MUM, encounter="Encounter/e3"),
        "gate on a family": lambda: site.desk.decide([ANA, MUM], actor=MUM, kind="family"),
        "protocol": lambda: site.desk.protocol(ANA, actor=MUM),
        "step": lambda: site.desk.step(ANA, "violence", "mandated-report", actor=MUM),
        "acknowledge": lambda: site.desk.step(ANA, "violence", "acknowledge", actor=MUM),
        "save": lambda: site.save(make_draft(ANA), actor=MUM),
        "screen": lambda: site.desk.screen(anew, actor=MUM),
    }


ASKED = ("gate", "gate on a family", "protocol", "step", "acknowledge", "save", "screen")


@pytest.mark.parametrize("name", ASKED)
def test_her_mother_sees_neither_it_nor_that_it_is_there(tmp_path: Path, name: str) -> None:
    """She hears the same as when Ana has merely left a question open. Planted: a proxy shown the steps; caught."""
    heard = []
    for number, answers in enumerate((HARMED, {"eating.rapid-loss": "not-asked"})):
        with Site(tmp_path / f"{number}", tmp_path / f"{number}.key", jurisdiction="US-CA") as site:
            site.at = WEDNESDAY
            site.screen(ANA, answers=answers)
            site.pass_time(minutes=5)
            heard.append(_heard(as_her_mother(site)[name]))
            assert site.desk.health()["records"] > 0
    text = json.dumps(heard[0])
    assert [word for word in ("violence", "dependant", "mandated", "acute", "directive") if word in text] == []
    assert heard[0] == heard[1]


def _heard(ask: Callable[[], Any]) -> Any:
    """The answer without its random ids, or the refusal as it is said."""
    try:
        told = ask()
    except (Refused, InvalidInput) as error:
        return error.as_dict()
    return {**told, "plan": None}


def test_nobody_but_a_clinician_says_that_a_step_is_done(clinic: Site) -> None:
    """A refused question leaves nothing behind: no step done, no protocol taken on, no word in its reasons."""
    clinic.screen(ANA, answers=HARMED)
    for actor in (MUM, ANA):
        with pytest.raises(Refused):
            clinic.desk.step(ANA, "violence", "mandated-report", actor=actor)
    [episode] = clinic.desk.protocol(ANA, actor=CLINICIAN)["episodes"]
    assert steps(clinic)["mandated-report"]["state"] == "open"
    assert episode["acknowledged"] is None
    assert clinic.desk.health()["records"] > 0


@pytest.mark.parametrize("command", [("protocol", "show", ANA), ("audit", "show", "--patient", ANA)])
def test_the_console_shows_her_mother_nothing(clinic: Site, command: tuple[str, ...]) -> None:
    """Asked as her mother, neither the protocol nor its records are told."""
    clinic.screen(ANA, answers=HARMED)
    clinic.evidence(NEED, ANA, outcome="reported", population="child")
    done = clinic.console(*command, "--actor", MUM)
    said = done.stdout + done.stderr
    assert [word for word in ("protocol.", "directive", "mandated", "violence", "acute") if word in said] == []
    assert done.returncode == 3
    clinic.catch_up()
    assert clinic.desk.health()["records"] > 0
