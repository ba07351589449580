"""Tom is at risk; his plan is paused, the protocol opens, and the way back is documented (I3, I4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import Refused

ACUTE = {"suicide.ideation": "yes", "suicide.now": "yes", "suicide.validated.result": "acute-positive"}


def test_from_an_active_plan_to_a_hold_and_back(site: Site) -> None:
    """Each step is on record, and the trail verifies at the end."""
    site.enrol()
    site.screen()
    draft = make_draft()
    assert site.save(draft)["saved"] is True
    site.pass_time(hours=1)
    told = site.screen(answers=ACUTE)
    assert told["decision"] == "held-for-directive-protocol"
    assert told["troubles"] == []

    # the plan is on hold, the directive protocol is in the chart
    [plan] = site.care_plans()
    assert plan["status"] == "on-hold"
    assert {one.resource["resourceType"] for one in site.chart("Flag", "Task", "RiskAssessment", "DetectedIssue")} == {
        "Flag",
        "Task",
        "RiskAssessment",
        "DetectedIssue",
    }
    shown = site.desk.protocol("Patient/rosa", actor=CLINICIAN)
    [episode] = shown["episodes"]
    assert episode["responsible"] == CLINICIAN
    assert episode["backup"] == "Practitioner/s1"

    # nothing shorter than the whole way leads out
    with pytest.raises(Refused, match="Not written down yet"):
        site.release("suicide")
    site.pass_time(minutes=10)
    site.all_evidence("suicide")
    with pytest.raises(Refused, match="no new screen"):
        site.release("suicide")
    site.pass_time(minutes=10)
    site.screen()
    assert site.save(make_draft())["decision"] == "held-for-directive-protocol"
    told = site.release("suicide")
    assert told["decision"] == "released", told
    assert told["by"] == "release"

    # the plan is active again, the protocol has ended
    [plan] = site.care_plans()
    assert plan["status"] == "active"
    assert {one.resource["status"] for one in site.chart("Flag")} == {"inactive"}
    assert {one.resource["status"] for one in site.chart("Task")} == {"completed", "cancelled"}
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


def test_whoever_has_everything_is_told_so(site: Site) -> None:
    """What a release waits for is said in order, and that nothing is missing. Planted: never ready; caught."""
    site.catch_up()
    site.pass_time(hours=-2)
    site.enrol()
    site.screen(answers={"suicide.now": "yes"})
    assert releases(site)["waits_for"].startswith("Not written down yet:")
    site.all_evidence("suicide")
    waits = "There is no new screen made after the hold: ask again, and record it."
    assert releases(site) == {"ready": False, "waits_for": waits}
    site.pass_time(hours=1)
    site.screen()
    assert releases(site) == {"ready": True, "waits_for": ""}
    said = site.console("protocol", "show", "Patient/rosa", "--actor", CLINICIAN).stdout
    assert "Everything for the release of suicide is there" in said


def releases(site: Site) -> dict[str, Any]:
    """What the release of the suicide hold waits for."""
    found: dict[str, Any] = site.desk.protocol("Patient/rosa", actor=CLINICIAN)["releases"]["suicide"]
    return found
