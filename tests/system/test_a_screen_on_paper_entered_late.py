"""The power was out on Tuesday: Rosa was asked on paper, and somebody types it in later, and says why.

What was found that day counts whenever it is typed in. That nothing was found says something about Tuesday only: a
screen entered more than a day late, or one that was made before another, raises and never clears.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import Refused

WHY = "No power on Tuesday; asked on paper."
THOUGHTS = {"suicide.ideation": "yes"}
NOW = {"suicide.now": "yes"}


def on_paper(site: Site, answers: Mapping[str, str] = {}, **ago: float) -> dict[str, Any]:
    """Type in what Rosa was asked so long ago."""
    response = make_screen(site.policy, authored=site.at - timedelta(**ago), answers=answers)
    return site.desk.screen(response, actor=CLINICIAN, late_reason=WHY)


def test_within_the_day_it_clears_and_the_reason_stays_sealed(site: Site) -> None:
    """Planted: every late entry stale; caught. The trail says that it was late, and not why."""
    site.morning()
    assert on_paper(site, hours=2)["decision"] == "released"
    assert site.save()["saved"] is True
    [record] = [one for one in site.records() if one["kind"] == "screen.recorded"]
    assert record["details"]["late"] is True
    assert WHY not in json.dumps(site.records())
    with site.context.store.transaction() as tx:
        [row] = tx.screens("Patient/rosa")
    assert row.content["late"]["why"] == WHY
    assert site.desk.health()["records"] > 0


def test_after_a_day_it_clears_nothing(site: Site) -> None:
    """Nor does a reason make it younger. Planted: no late entry is stale; caught by the amendment too."""
    site.morning()
    told = on_paper(site, hours=24, seconds=1)
    assert (told["decision"], told["missing"]) == ("held-incomplete", ["screen"])
    assert "the latest screen was filed too long after it was made: stale" in [one["why"] for one in told["findings"]]
    assert site.save()["saved"] is False

    # an amendment may rest on a screen of the last 30 days, and not on one that was typed in late
    site.screen()
    answer = site.save()
    assert answer["saved"] is True
    site.pass_time(days=3)
    amended = make_draft(supersedes={"plan": answer["plan"], "version": "1"}, lead="therapist-led")
    assert on_paper(site, hours=25)["decision"] == "held-incomplete"
    assert site.save(amended)["saved"] is False
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("hours", [1, 25, 24 * 60])
def test_what_was_found_counts_however_late(site: Site, hours: int) -> None:
    """Planted: a stale screen's answers unread; "25" and "1440" caught it."""
    site.morning()
    site.enrol()
    site.pass_time(hours=1)
    site.screen()
    assert site.save()["saved"] is True
    site.pass_time(hours=1)
    told = on_paper(site, NOW, hours=hours)
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status() == "on-hold"
    [episode] = site.desk.protocol("Patient/rosa", actor=CLINICIAN)["episodes"]
    assert episode["domain"] == "suicide"

    # and it stays: the screen that was made after it was recorded before it, and clears nothing
    assert site.save(make_draft())["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


def test_an_elevated_answer_on_paper_is_assessed_like_any_other(site: Site) -> None:
    """Thoughts on Tuesday's sheet hold until somebody has assessed them, and asked anew."""
    site.morning()
    site.enrol()
    assert on_paper(site, THOUGHTS, hours=30)["decision"] == "held-incomplete"
    site.pass_time(minutes=10)
    assert site.screen()["decision"] == "held-for-assessment"
    site.all_evidence("suicide")
    site.assess("suicide")
    assert site.save()["saved"] is True
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("days_later", [0, 2])
def test_no_sheet_of_paper_ends_an_acute_hold(site: Site, days_later: int) -> None:
    """Asked before the hold, or typed in too late: neither is the new screen that a release wants."""
    site.morning()
    site.enrol()
    site.screen(answers=NOW)
    site.pass_time(hours=1)
    site.all_evidence("suicide")
    site.pass_time(days=days_later)
    ago = {"hours": 2} if days_later == 0 else {"hours": 47}
    on_paper(site, **ago)
    with pytest.raises(Refused, match=r"no new screen|stale"):
        site.release("suicide")
    assert site.save()["saved"] is False
    assert site.desk.health()["records"] > 0
