"""Rosa made an attempt years ago and lives well with it: her clinician assesses it once, and it is not asked anew.

A past attempt is elevated, and stays in her life for good (clinical facts 2.2: a lifetime behaviour longer ago than
three months is a moderate finding). Her treating clinician looks at it, writes down level, safety plan and follow-up,
and ends the hold alone, since the level is low. On later screens the same answer cites that assessment, for half a
year; then somebody looks again.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import Refused

PAST = {"suicide.past-behaviour": "yes"}


def test_assessed_once_by_the_clinician_alone_and_cited_for_half_a_year(site: Site) -> None:
    """Planted: the assessment closes nothing; caught. Planted: `unchanged` never ends; caught on the 181st day."""
    site.morning()
    site.enrol()
    told = site.screen(answers=PAST)
    assert told["decision"] == "held-for-assessment"
    assert [(one["item"], one["acuity"]) for one in told["findings"]] == [("past-behaviour", "elevated")]
    assert told["needs"] == ["risk-assessment", "safety-plan-or-declined", "follow-up-date"]
    assert told["sentence"].startswith("The plan waits. Next: assess this person, today")
    held = site.save()
    assert (held["decision"], held["saved"]) == ("held-for-assessment", False)
    assert site.plans_in_chart() == 0

    # nothing elevated opens a directive protocol, and no assessment ends it before all is written down
    assert site.desk.protocol("Patient/rosa", actor=CLINICIAN)["episodes"] == []
    site.evidence("risk-assessment", level="low")
    with pytest.raises(Refused, match="Not written down yet: safety-plan-or-declined, follow-up-date"):
        site.assess("suicide")
    assert site.save()["saved"] is False

    site.pass_time(minutes=30)
    site.all_evidence("suicide")
    shown = site.assess("suicide")
    assert (shown["decision"], shown["by"]) == ("released-with-conditions", "assessment")
    answer = site.save()
    assert (answer["decision"], answer["saved"]) == ("released-with-conditions", True)
    assert site.plan_status() == "active"

    # the record names the clinician who signed, and nobody beside them
    refused, record = [one for one in site.records() if one["kind"] == "assessment.recorded"]
    assert (refused["outcome"], refused["reason"]) == ("refused", "need-missing")
    assert (record["actor"], record["second_actor"], record["asserted"]) == (CLINICIAN, None, False)

    assessed = site.at
    for days in (100, 179):
        site.at = assessed + timedelta(days=days)
        told = site.screen(answers=PAST)
        assert (told["decision"], told["by"]) == ("released-with-conditions", "assessment"), days
        assert site.save(make_draft())["saved"] is True
    site.at = assessed + timedelta(days=180, seconds=1)
    assert site.screen(answers=PAST)["decision"] == "held-for-assessment"
    assert site.save(make_draft())["saved"] is False
    assert site.desk.health()["records"] > 0


def test_an_answer_that_is_new_is_not_the_old_one(site: Site) -> None:
    """What was assessed is one answer: thoughts that were not there before are held, the past attempt is not.

    Planted: `_unchanged` by domain instead of by item; caught.
    """
    site.morning()
    site.enrol()
    site.screen(answers=PAST)
    site.all_evidence("suicide")
    site.assess("suicide")
    site.pass_time(days=30)
    told = site.screen(answers={**PAST, "suicide.ideation": "yes"})
    assert told["decision"] == "held-for-assessment"
    assert [one["item"] for one in told["findings"] if one["acuity"] == "elevated"] == ["ideation"]
    assert site.save()["saved"] is False
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("level", ["moderate", "high"])
def test_a_level_above_low_wants_a_second_signer(site: Site, level: str) -> None:
    """Planted: the second signer asked for at `high` alone; "moderate" caught it."""
    site.morning()
    site.enrol()
    site.screen(answers=PAST)
    site.all_evidence("suicide")
    with pytest.raises(Refused, match="This needs a second signer"):
        site.desk.assess("Patient/rosa", "suicide", level=level, signer=site.pat)
    assert site.save()["saved"] is False
    assert site.assess("suicide", level=level)["decision"] == "released-with-conditions"
    assert site.save()["saved"] is True
    assert site.desk.health()["records"] > 0


def test_nobody_signs_alone_what_was_written_down_as_high(site: Site) -> None:
    """The evidence says high: an assessment that calls the same finding low would spare itself the second signer."""
    site.morning()
    site.enrol()
    site.screen(answers=PAST)
    site.evidence("risk-assessment", level="high")
    site.all_evidence("suicide")
    with pytest.raises(Refused):
        site.assess("suicide", level="low")
    assert site.save()["saved"] is False
    assert site.desk.health()["records"] > 0
