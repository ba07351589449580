"""Ana cannot answer one question today; her sister, who lives with her, can, and two people take it on themselves.

The override is the narrow door of the gate: named items that were left open on the current screen, one plan, three
days, a coded reason and a rationale, two signers, and a place in the trail for the compliance desk. It never covers
what was found: a refusal about suicide is a finding (NIMH ASQ pathway).
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.cli.protocol import granted_said
from withness.errors import Refused

ANA = "Patient/ana"
LEFT_OPEN = {"eating.rapid-loss": "not-asked"}
RATIONALE = "Her sister, who lives with her and was present, says that her weight has not changed at all."
COLLATERAL = "client-cannot-answer-collateral-used"


def override(site: Site, *items: str, **changes: Any) -> dict[str, Any]:
    """Ask for an override of these items of Ana's screen, signed by Pat and Sam."""
    given = {"reason_code": COLLATERAL, "rationale": RATIONALE, "signer": site.pat, "second": site.sam, **changes}
    return site.desk.override(ANA, list(items or LEFT_OPEN), **given)


def with_an_active_plan(site: Site) -> str:
    """Ana's plan is active; on a later screen one question was not asked. Returns the plan's id."""
    site.morning()
    site.enrol()
    site.screen(ANA)
    plan = site.save(make_draft(ANA))
    assert plan["saved"] is True
    site.pass_time(hours=1)
    assert site.screen(ANA, answers=LEFT_OPEN)["missing"] == ["eating.rapid-loss"]
    return str(plan["plan"])


def amendment(plan: str, version: int = 1, **changes: Any) -> dict[str, Any]:
    """An amendment of Ana's plan: its screen may be a month old, so an override can outlive a day."""
    return make_draft(ANA, supersedes={"plan": plan, "version": str(version)}, lead="therapist-led", **changes)


def test_it_lets_one_plan_through_and_no_second_one(site: Site) -> None:
    """Planted: its use not noted; the second save caught it."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers=LEFT_OPEN)
    draft = make_draft(ANA)
    assert site.save(draft)["decision"] == "held-incomplete"
    granted = override(site)
    assert granted["items"] == ["eating.rapid-loss"]
    assert granted["open"] == [{"item": "eating.rapid-loss", "stands": "not-asked"}]
    answer = site.save(draft)
    assert (answer["decision"], answer["by"], answer["saved"]) == ("released-with-conditions", "override", True)
    assert answer["conditions"] == ["eating.rapid-loss"]
    second = site.save(make_draft(ANA))
    assert (second["saved"], second["missing"]) == (False, ["eating.rapid-loss"])

    kept = [(one["kind"], one["outcome"], one["reason"]) for one in site.records() if "override" in one["kind"]]
    assert kept == [
        ("override.granted", "override", COLLATERAL),
        ("override.granted", "override-used", None),
        ("override.refused", "refused", "override-used"),
    ]
    [record] = [one for one in site.records() if one["outcome"] == "override"]
    assert (record["actor"], record["second_actor"], record["asserted"]) == (CLINICIAN, SUPERVISOR, False)
    assert "sister" not in str(site.records())
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize(("hours", "saved"), [(71, True), (73, False)])
def test_it_ends_by_itself_after_three_days(site: Site, hours: int, saved: bool) -> None:
    """Planted: `expires` never asked; the row of 73 hours caught it."""
    plan = with_an_active_plan(site)
    override(site, purpose="amendment")
    site.pass_time(hours=hours)
    answer = site.save(amendment(plan))
    assert (answer["saved"], answer["decision"]) == (
        (True, "released-with-conditions") if saved else (False, "held-incomplete")
    )
    refusals = [one["reason"] for one in site.records() if one["kind"] == "override.refused"]
    assert refusals == ([] if saved else ["override-expired"])
    assert site.desk.health()["records"] > 0


def test_it_covers_nothing_else(site: Site) -> None:
    """Another purpose, another item, another screen, another person. Planted: purpose unread; caught."""
    plan = with_an_active_plan(site)
    override(site)  # for a new plan
    assert site.save(amendment(plan))["missing"] == ["eating.rapid-loss"]

    # a newer screen with two items open: what was granted was granted for the one before
    site.pass_time(minutes=10)
    site.screen(ANA, answers={**LEFT_OPEN, "medical.acute-sign": "not-asked"})
    assert site.save(make_draft(ANA))["missing"] == ["eating.rapid-loss", "medical.acute-sign"]
    override(site)
    assert site.save(make_draft(ANA))["missing"] == ["medical.acute-sign"]
    site.screen("Patient/rosa", answers=LEFT_OPEN)
    assert site.save()["missing"] == ["eating.rapid-loss"]
    assert len(site.care_plans()) == 1
    assert site.desk.health()["records"] > 0


FOUND = {
    "a refusal about suicide": ({"suicide.ideation": "declined"}, "suicide.ideation"),
    "a sure yes": ({"violence.controlled": "yes"}, "violence.controlled"),
    "something acute": ({"suicide.now": "yes"}, "suicide.now"),
    "a question answered with no": ({}, "eating.rapid-loss"),
}


@pytest.mark.parametrize("name", FOUND)
def test_it_never_covers_what_was_found(site: Site, name: str) -> None:
    """Planted: silence by the answer's word instead of its acuity; "a refusal about suicide" caught it."""
    answers, item = FOUND[name]
    site.morning()
    site.enrol()
    site.screen(ANA, answers=answers)
    with pytest.raises(Refused, match="an override covers only"):
        override(site, item)
    assert site.records(1)[0]["reason"] == "not-silent"
    assert [one for one in site.records() if one["kind"] == "override.granted"] == []
    assert site.desk.health()["records"] > 0


def test_an_open_item_beside_a_finding_does_not_carry_the_finding_through(site: Site) -> None:
    """The open item is covered, and the elevated one holds as before."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers={**LEFT_OPEN, "violence.controlled": "yes"})
    override(site)
    answer = site.save(make_draft(ANA))
    assert (answer["saved"], answer["decision"], answer["missing"]) == (False, "held-for-assessment", [])
    assert site.desk.health()["records"] > 0


REASONS: dict[str, tuple[dict[str, Any], str]] = {
    "time pressure": ({"reason_code": "time-pressure"}, "reason-code"),
    "the clinician knows the client": ({"reason_code": "clinician-knows-client"}, "reason-code"),
    "other": ({"reason_code": "other"}, "reason-code"),
    "no code": ({"reason_code": ""}, "reason-code"),
    "free text alone": ({"reason_code": RATIONALE}, "reason-code"),
    "a word": ({"rationale": "Needed today."}, "rationale-short"),
    "blanks": ({"rationale": "Needed." + " " * 60}, "rationale-short"),
    "blanks in the middle": ({"rationale": "Needed" + " " * 60 + "today."}, "rationale-short"),
    "one signer": ({"second": None}, "no-second-signer"),
}


@pytest.mark.parametrize("name", REASONS)
def test_reasons_that_are_none(site: Site, name: str) -> None:
    """Planted: the rationale's blanks counted as words; "blanks" caught it."""
    changes, code = REASONS[name]
    site.morning()
    site.enrol()
    site.screen(ANA, answers=LEFT_OPEN)
    with pytest.raises(Refused):
        override(site, **changes)
    record = site.records(1)[0]
    assert (record["kind"], record["outcome"], record["reason"]) == ("override.refused", "refused", code)
    assert site.save(make_draft(ANA))["saved"] is False
    assert site.desk.health()["records"] > 0


def test_it_says_what_is_still_open(site: Site) -> None:
    """By the questions' own text, and how each stands. Planted: linkIds alone; `not asked` of what was left out."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers={**LEFT_OPEN, "medical.acute-sign": None})
    granted = override(site, "eating.rapid-loss", "medical.acute-sign")
    assert [one["stands"] for one in granted["open"]] == ["not-asked", "not-answered"]
    made = CliRunner().invoke(_override_said, obj=(granted, site.desk.questions()))
    said = " ".join(made.output.split())
    assert f"- {site.desk.questions()['eating.rapid-loss']} (not asked)" in said
    assert f"- {site.desk.questions()['medical.acute-sign']} (not answered)" in said
    assert said.endswith("They are still open: ask as soon as you can. An override says nothing about safety.")


@click.command()
@click.pass_obj
def _override_said(obj: tuple[dict[str, Any], dict[str, str]]) -> None:
    granted_said(*obj, UTC)
