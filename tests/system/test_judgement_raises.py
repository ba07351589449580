"""The screen says no to everything, and Terry, in training and not enrolled yet, does not believe it.

A clinician's judgement may raise what a screen left low, at once and alone, with a reason; no rule is so sure of
itself that it would stop that (clinical facts 2.1.5). It only raises: acute ends by its release, elevated by its
assessment, and a word taken back ends nothing.
"""

from __future__ import annotations

import pytest

from tests.system.site import SUPERVISOR, Site, make_draft
from withness.errors import InvalidInput, Refused

TERRY = "Practitioner/t1"
WHY = "zebra: she says no, and gives away her things"


def active_plan(site: Site) -> None:
    """Rosa's screen is clear and her plan active."""
    site.morning()
    site.enrol()
    site.screen()
    assert site.save()["saved"] is True
    site.pass_time(minutes=30)


def test_raised_to_acute_by_somebody_in_training(site: Site) -> None:
    """Planted: a raise asked for an enrolment; caught. Planted: a clear screen ends it; caught."""
    active_plan(site)
    told = site.desk.raise_acuity("Patient/rosa", "suicide", to="acute", reason=WHY, actor=TERRY)
    assert told["decision"] == "held-for-directive-protocol"
    assert [(one["item"], one["why"]) for one in told["findings"]] == [("raised", "raised by a clinician's judgement")]
    assert site.plan_status() == "on-hold"
    shown = site.desk.protocol("Patient/rosa", actor=TERRY)
    [episode] = shown["episodes"]
    assert (episode["domain"], episode["backup"]) == ("suicide", SUPERVISOR)
    assert {one["step"] for one in episode["steps"]} >= {"stay-with", "full-assessment", "safety-plan", "follow-up"}
    assert "zebra" not in str(site.records())
    [record] = [one for one in site.records() if one["kind"] == "acuity.raised"]
    assert (record["actor"], record["asserted"]) == (TERRY, True)

    # a clear screen, an assessment, a lower judgement: none of them ends it
    site.pass_time(minutes=30)
    assert site.screen()["decision"] == "held-for-directive-protocol"
    with pytest.raises(Refused, match="This domain is acute: an assessment cannot end that"):
        site.assess("suicide")
    site.desk.raise_acuity("Patient/rosa", "suicide", to="elevated", reason="It is less than I thought", actor=TERRY)
    assert site.save(make_draft())["decision"] == "held-for-directive-protocol"
    site.all_evidence("suicide")
    assert site.save(make_draft())["saved"] is False
    site.pass_time(minutes=30)
    site.screen()
    assert site.release("suicide")["by"] == "release"
    assert site.plan_status() == "active"
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


def test_a_screen_from_before_the_judgement_does_not_release_it(site: Site) -> None:
    """The clear screen that Terry disbelieved is no new screen. Planted: any screen is new enough; caught."""
    active_plan(site)
    site.desk.raise_acuity("Patient/rosa", "suicide", to="acute", reason=WHY, actor=TERRY)
    site.pass_time(minutes=30)
    site.all_evidence("suicide")
    with pytest.raises(Refused, match="There is no new screen made after the hold"):
        site.release("suicide")
    assert site.desk.health()["records"] > 0


def test_raised_to_elevated_ends_by_an_assessment(site: Site) -> None:
    """No protocol opens and the active plan goes on; new plans wait. Planted: it ends with the next screen; caught."""
    active_plan(site)
    told = site.desk.raise_acuity("Patient/rosa", "violence", to="elevated", reason=WHY, actor=TERRY)
    assert (told["decision"], told["protocol"]) == ("held-for-assessment", [])
    assert site.plan_status() == "active"
    assert site.desk.protocol("Patient/rosa", actor=TERRY)["episodes"] == []
    site.pass_time(minutes=30)
    assert site.screen()["decision"] == "held-for-assessment"
    assert site.save(make_draft())["saved"] is False
    with pytest.raises(Refused, match="Not written down yet: danger-level, safety-plan-or-declined"):
        site.assess("violence")
    site.all_evidence("violence")
    shown = site.assess("violence")
    assert (shown["by"], shown["decision"].startswith("released")) == ("assessment", True)
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


def test_it_works_where_nobody_was_ever_screened(site: Site) -> None:
    """A call from her sister, before the first appointment: the protocol opens all the same."""
    site.morning()
    told = site.desk.raise_acuity("Patient/rosa", "suicide", to="acute", reason=WHY, actor=TERRY)
    assert told["decision"] == "held-for-directive-protocol"
    [episode] = site.desk.protocol("Patient/rosa", actor=TERRY)["episodes"]
    assert episode["responsible"] == TERRY
    site.pass_time(minutes=10)
    assert site.screen()["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


def test_it_only_raises(site: Site) -> None:
    """Not to none, not to caution, not without a reason, and not by a client, a proxy or a device."""
    active_plan(site)
    for to in ("none", "caution", "unknown", "clear"):
        with pytest.raises(InvalidInput, match="Acuity is raised to one of: elevated, acute"):
            site.desk.raise_acuity("Patient/rosa", "suicide", to=to, reason=WHY, actor=TERRY)
    with pytest.raises(InvalidInput, match="Raising needs a reason"):
        site.desk.raise_acuity("Patient/rosa", "suicide", to="acute", reason=" \n", actor=TERRY)
    for actor in ("Patient/tom", "RelatedPerson/mum", "Device/withness"):
        with pytest.raises(InvalidInput, match="Only a clinician raises acuity"):
            site.desk.raise_acuity("Patient/rosa", "suicide", to="acute", reason=WHY, actor=actor)
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


def test_the_console_says_what_to_do_now(site: Site) -> None:
    """Exit 3, the sentence that leads, and the way on; and no word of the reason."""
    command = ("acuity", "raise", "Patient/rosa", "suicide", "--to", "acute", "--reason", WHY, "--actor", TERRY)
    done = site.console(*command)
    assert done.returncode == 3
    assert "held-for-directive-protocol: The plan waits. Act now, by the steps below" in done.stdout
    assert "The way on: withness protocol show Patient/rosa" in done.stdout
    assert "zebra" not in done.stdout + done.stderr
    site.catch_up()
    assert site.desk.health()["records"] > 0
