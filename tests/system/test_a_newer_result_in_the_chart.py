"""Somebody else asked Rosa: her family doctor's questionnaire, newer than our screen, is in the same chart.

A result in the EHR that is newer than the screen raises (PHQ-9 item 9, C-SSRS, a coded risk level), and never clears;
an older one is history that the screen has already asked about. An acute one, once seen, stands as any acute finding
does, whatever becomes of the Observation.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from withness.desk import plans
from withness.desk.case import Case
from withness.errors import Refused
from withness.fhir import codes

ROSA = "Patient/rosa"
PHQ9_ITEM_9, INTENT, BEHAVIOUR, LEVEL = "44260-8", "93249-1", "93269-9", "93374-7"
YES = {"valueCodeableConcept": {"coding": [{"system": codes.LOINC, "code": "LA33-6"}]}}
NO = {"valueCodeableConcept": {"coding": [{"system": codes.LOINC, "code": "LA32-8"}]}}


def result(loinc: str, at: datetime, value: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An Observation about Rosa."""
    return {
        "resourceType": "Observation",
        "id": "from-the-family-doctor",
        "status": "final",
        "code": {"coding": [{"system": codes.LOINC, "code": loinc}]},
        "subject": {"reference": ROSA},
        "effectiveDateTime": at.isoformat(),
        **value,
        **changes,
    }


def text(words: str) -> dict[str, Any]:
    """A value as written words."""
    return {"valueCodeableConcept": {"text": words}}


RAISES: dict[str, tuple[str, dict[str, Any], str]] = {
    "PHQ-9 item 9, a number": (PHQ9_ITEM_9, {"valueInteger": 1}, "held-for-assessment"),
    "PHQ-9 item 9, a quantity": (PHQ9_ITEM_9, {"valueQuantity": {"value": 3}}, "held-for-assessment"),
    "PHQ-9 item 9, a code": (
        PHQ9_ITEM_9,
        {"valueCodeableConcept": {"coding": [{"system": codes.LOINC, "code": "LA6569-3"}]}},
        "held-for-assessment",
    ),
    "C-SSRS, some intent": (INTENT, YES, "held-for-directive-protocol"),
    "C-SSRS, behaviour": (BEHAVIOUR, {"valueBoolean": True}, "held-for-directive-protocol"),
    "a high level": (LEVEL, text("High"), "held-for-directive-protocol"),
    "a moderate level": (LEVEL, text("moderate"), "held-for-assessment"),
    "a value that nobody can read": (LEVEL, text("see the letter"), "held-incomplete"),
    "no value at all": (INTENT, {}, "held-incomplete"),
}


@pytest.mark.parametrize("name", RAISES)
def test_a_newer_one_raises(site: Site, name: str) -> None:
    """Planted: quantities unread; "a quantity" caught it. A plan is held by it before anybody looks."""
    loinc, value, decision = RAISES[name]
    site.morning()
    site.screen()
    site.pass_time(hours=1)
    site.write_to_chart(result(loinc, site.at, value))
    site.pass_time(minutes=5)
    answer = site.save()
    assert (answer["saved"], answer["decision"]) == (False, decision)
    assert [one["why"] for one in answer["findings"]] == ["a newer result in the chart"]
    assert site.plans_in_chart() == 0
    assert site.desk.health()["records"] > 0


def test_one_that_came_while_the_draft_was_read_raises(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded chart is asked under the lock: nothing is approved that the delivery would have to withhold.

    Planted: asked when the draft is read; what it says left out; each caught.
    """
    site.morning()
    site.screen()
    site.pass_time(hours=1)
    read = plans.open_case

    def read_slowly(*given: Any) -> Case:
        case = read(*given)
        site.write_to_chart(result(INTENT, site.at, YES))
        return case

    monkeypatch.setattr(plans, "open_case", read_slowly)
    assert site.save()["decision"] == "held-for-directive-protocol"
    assert [plan["state"] for plan in site.desk.plans()] == ["held"]
    assert site.desk.health()["records"] > 0


QUIET: dict[str, dict[str, Any]] = {
    "an older one": {"effectiveDateTime": "2020-01-01T10:00:00Z"},
    "entered in error": {"status": "entered-in-error"},
    "another person's": {"subject": {"reference": "Patient/tom"}},
    "another code": {"code": {"coding": [{"system": codes.LOINC, "code": "8480-6"}]}},
    "another system": {"code": {"coding": [{"system": "http://example.org", "code": INTENT}]}},
    "a no": NO,
}


@pytest.mark.parametrize("name", QUIET)
def test_what_says_nothing_newer_about_her_raises_nothing(site: Site, name: str) -> None:
    """Planted: time unread; "an older one" caught it."""
    site.morning()
    site.screen()
    site.pass_time(hours=1)
    site.write_to_chart(result(INTENT, site.at, YES, **QUIET[name]))
    assert site.save()["saved"] is True
    assert site.desk.health()["records"] > 0


def test_it_never_clears(site: Site) -> None:
    """A negative result after an elevated screen is shown by nobody as the way out."""
    site.morning()
    site.screen(answers={"suicide.ideation": "yes"})
    site.pass_time(hours=1)
    site.write_to_chart(
        result(LEVEL, site.at, text("Low")), result(PHQ9_ITEM_9, site.at, {"valueInteger": 0}, id="other")
    )
    assert site.save()["decision"] == "held-for-assessment"
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("afterwards", ["gone quiet", "in error", "screened anew"])
def test_an_acute_one_outlives_its_observation(site: Site, afterwards: str) -> None:
    """The active plan pauses, the protocol opens, and only the release ends it.

    Planted: no act made of it; caught: nothing paused.
    """
    site.morning()
    site.enrol()
    site.screen()
    assert site.save()["saved"] is True
    site.pass_time(hours=1)
    seen = result(INTENT, site.at, YES)
    site.write_to_chart(seen)
    site.pass_time(minutes=5)
    told = site.desk.decide([ROSA], actor=CLINICIAN, encounter="Encounter/e1")
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status() == "on-hold"
    [episode] = site.desk.protocol(ROSA, actor=CLINICIAN)["episodes"]
    assert episode["domain"] == "suicide"

    site.pass_time(minutes=5)
    if afterwards == "gone quiet":
        site.write_to_chart({**seen, **NO})
    elif afterwards == "in error":
        site.write_to_chart({**seen, "status": "entered-in-error"})
    else:
        site.screen()
    assert site.save(make_draft())["decision"] == "held-for-directive-protocol"

    site.pass_time(minutes=5)
    site.all_evidence("suicide")
    if afterwards != "screened anew":
        with pytest.raises(Refused, match="There is no new screen made after the hold"):
            site.release("suicide")
    site.pass_time(minutes=5)
    site.screen()
    assert site.release("suicide")["by"] == "release"
    assert site.plan_status() == "active"
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


def test_an_elevated_one_is_assessed_and_then_seen_no_more(site: Site) -> None:
    """Item 9 is looked at, written down and ended by an assessment; the same Observation is not news again.

    Planted: the Observation counts anew at each look; caught.
    """
    site.morning()
    site.enrol()
    site.screen()
    site.pass_time(hours=1)
    site.write_to_chart(result(PHQ9_ITEM_9, site.at, {"valueInteger": 1}))
    site.pass_time(minutes=5)
    assert site.save()["decision"] == "held-for-assessment"
    site.all_evidence("suicide")
    assert site.assess("suicide")["by"] == "assessment"
    assert site.save(make_draft())["saved"] is True

    # a second answer of hers, a day later, is another one
    site.pass_time(hours=2)
    site.write_to_chart(result(PHQ9_ITEM_9, site.at, {"valueInteger": 2}, id="the-day-after"))
    site.pass_time(minutes=5)
    assert site.save(make_draft())["decision"] == "held-for-assessment"
    assert site.desk.health()["records"] > 0


def test_a_date_without_a_time_is_as_new_as_it_can_be(site: Site) -> None:
    """A result of the screen's own day may be newer: what cannot be told raises."""
    site.morning()
    site.screen()
    site.pass_time(hours=1)
    day = (site.at - timedelta(hours=1)).date().isoformat()
    site.write_to_chart(result(INTENT, site.at, YES, effectiveDateTime=day))
    assert site.save()["saved"] is False
    assert site.desk.health()["records"] > 0
