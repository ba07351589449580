"""A tap on the wrong line: "thinking about it right now" says yes, and nobody meant it.

Nobody should have to invent a safety plan for it. Within a day the screen's own author asks Tom again, files the new
screen that cites the old one, and the supervisor confirms. The hold closes as entered in error, what it had stopped
goes on, and both screens stay on record. After a day it is no slip any more: the hold ends by its release only.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.errors import InvalidInput, Refused
from withness.fhir import codes

TAP = {"suicide.now": "yes"}
TOM = "Patient/tom"


def corrected(site: Site, old: str, *, by_reference: bool = False, **changes: Any) -> dict[str, Any]:
    """Tom's screen asked anew, citing the old one by its identifier (or by reference)."""
    cited = (
        {"reference": f"QuestionnaireResponse/{old}"}
        if by_reference
        else {"identifier": {"system": codes.SCREEN, "value": old}}
    )
    given = {"subject": TOM, "encounter": "Encounter/e2", "authored": site.at, **changes}
    return make_screen(site.policy, **given, extension=[{"url": codes.CORRECTS, "valueReference": cited}])


def with_an_active_plan(site: Site) -> str:
    """Tom's plan is active; an hour later comes the mistaken tap. Returns that screen's id."""
    site.morning()
    site.enrol()
    site.screen(TOM)
    assert site.save(make_draft(TOM))["saved"] is True
    site.pass_time(hours=1)
    told = site.screen(TOM, answers=TAP)
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status(TOM) == "on-hold"
    return str(told["screen"])


@pytest.mark.parametrize("by_reference", [False, True])
def test_the_author_asks_again_and_the_supervisor_confirms(site: Site, by_reference: bool) -> None:
    """Both screens stay. Planted: a correction that closes nothing; caught."""
    old = with_an_active_plan(site)
    site.pass_time(hours=2)
    told = site.desk.correct(corrected(site, old, by_reference=by_reference), signer=site.pat, second=site.sam)
    assert (told["decision"], told["by"]) == ("released", "entry-error")
    assert site.save(make_draft(TOM))["saved"] is True
    assert len(site.desk.protocol(TOM, actor=CLINICIAN)["screens"]) == 3
    [record] = [one for one in site.records() if one["outcome"] == "entry-error"]
    assert (record["actor"], record["second_actor"], record["asserted"]) == (CLINICIAN, SUPERVISOR, False)
    assert "screen.corrected" in [one["kind"] for one in site.records()]
    assert site.desk.health()["records"] > 0


def test_what_the_slip_had_stopped_goes_on(site: Site) -> None:
    """The hold is closed: the plan is active again, the protocol has ended, in the chart too, and nothing escalates.

    A plan that stayed on hold could never leave it: there is no acute finding any more that could be released.
    """
    old = with_an_active_plan(site)
    site.pass_time(hours=2)
    told = site.desk.correct(corrected(site, old), signer=site.pat, second=site.sam)
    assert site.plan_status(TOM) == "active"
    assert told["paused"] == ["Their plan is active again in the chart."], "it said nothing of the plan"
    assert {one.resource["status"] for one in site.chart("Flag")}.isdisjoint({"active"})
    assert {one.resource["status"] for one in site.chart("Task")}.isdisjoint({"requested"})
    shown = site.desk.protocol(TOM, actor=CLINICIAN)
    assert all(one["ended"] for one in shown["episodes"])
    site.pass_time(days=1)
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0
    assert site.desk.health()["records"] > 0


def test_after_a_day_it_is_no_slip_any_more(site: Site) -> None:
    """Planted: the limit taken from the new screen's time; caught."""
    old = with_an_active_plan(site)
    site.pass_time(hours=24)
    on_time = corrected(site, old)
    site.pass_time(seconds=1)
    late = corrected(site, old)
    with pytest.raises(Refused, match="The earlier screen was recorded more than 24 hours ago"):
        site.desk.correct(late, signer=site.pat, second=site.sam)
    with pytest.raises(Refused, match="more than 24 hours ago"):  # asked in time, but not said in time
        site.desk.correct(on_time, signer=site.pat, second=site.sam)
    assert [one["reason"] for one in site.records(2)] == ["entry-error-late"] * 2
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "held-for-directive-protocol"
    assert site.plan_status(TOM) == "on-hold"
    assert site.desk.health()["records"] > 0


def test_a_day_to_the_second_is_within_the_day(site: Site) -> None:
    """The limit itself still counts."""
    old = with_an_active_plan(site)
    site.pass_time(hours=24)
    assert site.desk.correct(corrected(site, old), signer=site.pat, second=site.sam)["decision"] == "released"
    assert site.desk.health()["records"] > 0


def test_a_correction_that_is_acute_itself_holds_anew(site: Site) -> None:
    """Asked again, Tom says yes to something else: the slip is closed, and what he said counts."""
    old = with_an_active_plan(site)
    site.pass_time(minutes=5)
    response = corrected(site, old, answers={"suicide.intent-or-plan": "yes"})
    told = site.desk.correct(response, signer=site.pat, second=site.sam)
    assert told["decision"] == "held-for-directive-protocol"
    assert {one["item"] for one in told["findings"] if one["acuity"] == "acute"} == {"intent-or-plan"}
    assert site.plan_status(TOM) == "on-hold"
    assert site.desk.health()["records"] > 0


def test_a_screen_recorded_in_the_ordinary_way_corrects_nothing(site: Site) -> None:
    """The extension alone is a claim: without the two signatures the hold stands.

    Planted: findings of a cited screen closed when the new one is recorded; caught.
    """
    old = with_an_active_plan(site)
    site.pass_time(minutes=5)
    told = site.desk.screen(corrected(site, old), actor=CLINICIAN)
    assert told["decision"] == "held-for-directive-protocol"
    assert site.save(make_draft(TOM))["saved"] is False
    assert site.desk.health()["records"] > 0


def test_asked_again_means_after_the_slip(site: Site) -> None:
    """A correcting screen whose time lies before the slip was recorded asked nobody again."""
    site.morning()
    site.enrol()
    before = site.at
    site.pass_time(minutes=10)
    old = str(site.screen(TOM, answers=TAP)["screen"])
    site.pass_time(minutes=10)
    with pytest.raises(Refused, match="The client is asked again after the mistaken screen"):
        site.desk.correct(corrected(site, old, authored=before), signer=site.pat, second=site.sam)
    with pytest.raises(InvalidInput, match="must cite the one that it corrects"):
        site.desk.correct(corrected(site, "no-such-screen"), signer=site.pat, second=site.sam)
    with pytest.raises(Refused, match="cites another person's"):
        site.desk.correct(corrected(site, old, subject="Patient/rosa"), signer=site.pat, second=site.sam)
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0
