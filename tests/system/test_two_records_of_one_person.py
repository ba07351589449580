"""Rosa was registered twice, and the clinic has merged her records: she is one person.

`Patient.link` says so, from either end. What was found under the one id holds under the other, a plan under the old
id is paused by a screen under the new one, and one release ends it for her, not for one of her ids.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from withness.fhir import codes

OLD, NEW = "Patient/rosa", "Patient/rosa-2"
HERE = "Encounter/e1"
ACUTE = {"suicide.now": "yes"}


def merge(site: Site, *, from_new: bool = True) -> None:
    """The clinic links the two records: the new one replaces the old, or the old says what it was replaced by."""
    holder, other, kind = (NEW, OLD, "replaces") if from_new else (OLD, NEW, "replaced-by")
    link = [{"other": {"reference": other}, "type": kind}]
    site.write_to_chart(*(_patient(one, link if one == holder else []) for one in (OLD, NEW)))


def _patient(ref: str, link: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": ref.partition("/")[2], "active": True, **({"link": link} if link else {})}


@pytest.mark.parametrize("from_new", [True, False])
def test_a_hold_is_carried_over(site: Site, from_new: bool) -> None:
    """Planted: links read from one end only; caught by the other."""
    site.morning()
    site.screen(OLD, answers=ACUTE)
    site.pass_time(hours=1)
    assert site.screen(NEW, encounter=HERE)["decision"] == "released", "nobody has said that she is the same"
    merge(site, from_new=from_new)
    site.pass_time(minutes=5)
    assert site.screen(NEW, encounter=HERE)["decision"] == "held-for-directive-protocol"
    assert site.save(make_draft(NEW, encounter=HERE))["saved"] is False
    assert site.save(make_draft(OLD))["saved"] is False
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("asked", [OLD, NEW])
def test_a_plan_under_either_id_pauses(site: Site, asked: str) -> None:
    """Planted: only the plans of the id that was screened; the other one caught it."""
    site.morning()
    site.enrol()
    for who in (OLD, NEW):
        site.screen(who, encounter=HERE)
        assert site.save(make_draft(who, encounter=HERE))["saved"] is True
    merge(site)
    site.pass_time(hours=1)
    site.screen(asked, encounter=HERE, answers=ACUTE)
    assert {who: site.plan_status(who) for who in (OLD, NEW)} == {OLD: "on-hold", NEW: "on-hold"}
    assert site.desk.health()["records"] > 0


def test_one_release_ends_it_for_her(site: Site) -> None:
    """Screened acute under the old id, asked again and released under the new one."""
    site.morning()
    site.enrol()
    for who in (OLD, NEW):
        site.screen(who, encounter=HERE)
        site.save(make_draft(who, encounter=HERE))
    site.pass_time(hours=1)
    site.screen(OLD, encounter=HERE, answers=ACUTE)
    merge(site)
    site.pass_time(hours=1)
    site.all_evidence("suicide", NEW)
    site.pass_time(minutes=10)
    site.screen(NEW, encounter=HERE)
    assert site.release("suicide", NEW)["decision"] == "released"
    assert {who: site.plan_status(who) for who in (OLD, NEW)} == {OLD: "active", NEW: "active"}
    for who in (OLD, NEW):
        assert site.desk.protocol(who, actor=CLINICIAN)["decision"] == "released", who
        assert site.save(make_draft(who, encounter=HERE))["saved"] is True, who
    assert {one.resource["status"] for one in site.chart("Flag")} == {"inactive"}
    assert all(one["ended"] for one in site.desk.protocol(NEW, actor=CLINICIAN)["episodes"])
    assert site.desk.health()["records"] > 0


def test_a_result_under_the_other_id_is_hers(site: Site) -> None:
    """An Observation about the old record raises for the new one. Planted: only the asked id's; caught."""
    site.morning()
    site.screen(NEW, encounter=HERE)
    site.pass_time(hours=1)
    site.write_to_chart(
        {
            "resourceType": "Observation",
            "id": "under-the-old-id",
            "status": "final",
            "code": {"coding": [{"system": codes.LOINC, "code": "93249-1"}]},
            "subject": {"reference": OLD},
            "effectiveDateTime": site.at.isoformat(),
            "valueCodeableConcept": {"coding": [{"system": codes.LOINC, "code": "LA33-6"}]},
        }
    )
    merge(site)
    site.pass_time(minutes=5)
    assert site.save(make_draft(NEW, encounter=HERE))["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


def test_a_link_that_cannot_be_read_proves_nothing(site: Site) -> None:
    """A record that says "and another one" without saying which: held, missing the chart's word."""
    site.morning()
    site.screen(NEW, encounter=HERE)
    site.write_to_chart(
        {**_patient(NEW, []), "link": [{"other": {"reference": "urn:uuid:somebody"}, "type": "seealso"}]}
    )
    answer = site.save(make_draft(NEW, encounter=HERE))
    assert (answer["decision"], answer["missing"]) == ("held-incomplete", ["chart-evidence"])
    assert site.desk.health()["records"] > 0
