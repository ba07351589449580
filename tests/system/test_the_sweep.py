"""`withness audit sweep`: plans in the EHR that the gate did not release, and the reverse, each found once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.system.site import COMPLIANCE, ENCOUNTERS, Site, make_draft
from withness.desk.asking import actor_of
from withness.desk.context import Context
from withness.desk.sweep import Swept, sweep
from withness.desk.sweep_adopting import adopt
from withness.desk.worklists import sign_items, worklist
from withness.errors import EhrUnavailable, Refused, TrailDamaged
from withness.fhir import codes
from withness.store import sql, sqlite

ACTOR = actor_of("Device/withness")


def swept(site: Site) -> Swept:
    return sweep(site.context, ACTOR)


def told(found: Swept) -> list[tuple[str, str, str | None]]:
    """What stands: the finding, its resource, whom it is about."""
    return [(one.finding.what.value, one.finding.resource, one.finding.person) for one in found.findings]


def outcomes(site: Site) -> list[str]:
    return [one["outcome"] for one in site.records(500) if one["kind"] == "sweep.finding"]


def typed_in(id: str = "typed-1", who: str = "Patient/rosa", **more: Any) -> dict[str, Any]:
    """A care plan that somebody wrote straight into the EHR."""
    plan = {
        "resourceType": "CarePlan",
        "id": id,
        "status": "active",
        "intent": "plan",
        "category": [codes.CARE_PLAN_CATEGORY],
        "subject": {"reference": who},
    }
    return {**plan, **more}


def saved(site: Site, *members: str) -> list[dict[str, Any]]:
    """Screen and save a plan; return the CarePlans in the chart."""
    encounter = {"encounter": ENCOUNTERS[members[0]]} if len(members) > 1 else {}
    for one in members or ("Patient/rosa",):
        site.screen(one, **encounter)
    assert site.save(make_draft(*members))["saved"]
    return site.care_plans()


def changed(resource: dict[str, Any], **elements: Any) -> dict[str, Any]:
    return {**{name: value for name, value in deepcopy(resource).items() if name != "meta"}, **elements}


def test_what_the_gate_released_and_delivered_is_no_finding(site: Site) -> None:
    """A plan, a couple's plan, an amendment, a closed one. Planted: the first decision expected after an amendment."""
    saved(site)
    saved(site, "Patient/tom", "Patient/ana")
    answer = site.save(make_draft("Patient/rosa"))
    draft = make_draft("Patient/rosa", supersedes={"plan": answer["plan"], "version": "1"})
    draft["goals"][0]["words"] = "I want to be heard at home"
    assert site.save(draft)["saved"]
    closed = site.save(make_draft("Patient/rosa"))["plan"]
    site.desk.close_plan(closed, how="completed", reason="Done.", actor="Practitioner/p1")
    found = swept(site)
    assert (told(found), found.seen, found.known, found.waiting) == ([], 5, 5, 0)
    assert outcomes(site) == ["swept"]


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", "unknown"])
def test_a_plan_around_the_gate_is_found_in_any_open_status_and_recorded_once(site: Site, status: str) -> None:
    """Planted: only `active` looked at; and a standing finding recorded again."""
    saved(site)
    site.write_to_chart(typed_in(status=status))
    found = swept(site)
    assert told(found) == [("written-around-gate", "CarePlan/typed-1", "Patient/rosa")]
    again = swept(site)
    assert told(again) == told(found)
    assert (len(found.new), len(again.new)) == (1, 0)
    assert outcomes(site) == ["written-around-gate", "swept", "swept"]


def test_a_finding_that_is_gone_is_cleared_and_found_anew_when_it_comes_back(site: Site) -> None:
    """Planted: what is cleared taken for standing."""
    site.screen()
    site.write_to_chart(typed_in())
    swept(site)
    site.write_to_chart(typed_in(status="revoked"))
    done = swept(site)
    assert (told(done), [one.resource for one in done.cleared]) == ([], ["CarePlan/typed-1"])
    site.write_to_chart(typed_in())
    assert len(swept(site).new) == 1
    kinds = ["written-around-gate", "swept", "cleared", "swept", "written-around-gate", "swept"]
    assert outcomes(site) == kinds
    assert site.console("audit", "verify").returncode == 0


def test_a_decision_that_did_not_release_the_plan_is_no_release(site: Site) -> None:
    """A made-up decision, and a copy that names a real one. Planted: any decision identifier taken for a release."""
    [plan] = saved(site)
    made_up = typed_in(
        "forged", identifier=[{"system": codes.DECISION, "value": "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"}]
    )
    site.write_to_chart(
        made_up, changed(plan, id="copied"), changed(plan, id="toms", subject={"reference": "Patient/tom"})
    )
    assert sorted(told(swept(site))) == [
        ("unknown-plan", "CarePlan/copied", "Patient/rosa"),
        ("unknown-plan", "CarePlan/forged", "Patient/rosa"),
        ("unknown-plan", "CarePlan/toms", "Patient/tom"),
    ]


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "decision taken out": ({"identifier": []}, "decision-replaced"),
    "decision exchanged": ({"identifier": [{"system": codes.DECISION, "value": "another"}]}, "decision-replaced"),
    "given to another person": ({"subject": {"reference": "Patient/tom"}}, "decision-replaced"),
    "every mark taken out": ({"identifier": [], "category": []}, "decision-replaced"),
    "the concern reworded": ({"description": "She is difficult."}, "words-changed"),
    "ended": ({"status": "completed"}, "ended-in-ehr"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_in_the_ehr_behind_us_is_found(site: Site, name: str) -> None:
    """Planted: each comparison of `judge` left out; its row caught it. The record names whom it was released for."""
    [plan] = saved(site)
    elements, what = CHANGES[name]
    site.write_to_chart(changed(plan, **elements))
    assert told(swept(site)) == [(what, f"CarePlan/{plan['id']}", "Patient/rosa")]
    site.write_to_chart(changed(plan))
    assert told(swept(site)) == []


def test_reworded_and_missing_goals_are_found(site: Site) -> None:
    """The client's words, byte for byte. Planted: words compared stripped of blanks."""
    saved(site)
    [goal] = [one.resource for one in site.chart("Goal")]
    site.write_to_chart(changed(goal, description={"text": goal["description"]["text"].strip()}))
    assert told(swept(site)) == [("words-changed", f"Goal/{goal['id']}", "Patient/rosa")]


def test_a_plan_that_is_not_there_any_more_is_found(site: Site) -> None:
    """Its goal too. Planted: only what the search gives looked at."""
    [plan] = saved(site)
    ehr = site.context.ehr
    real, gone = ehr.read, {f"CarePlan/{plan['id']}", *(f"Goal/{one.resource['id']}" for one in site.chart("Goal"))}
    ehr.read = lambda reference: None if reference in gone else real(reference)  # type: ignore[method-assign]
    ehr.held = lambda *_: iter(())  # type: ignore[method-assign]
    assert sorted(told(swept(site))) == [("missing-in-ehr", one, "Patient/rosa") for one in sorted(gone)]


def test_a_search_that_leaves_out_what_is_there_makes_no_finding_and_clears_none(site: Site) -> None:
    """What is new or gone is read by its id first. Planted: a search's silence believed."""
    saved(site)
    site.write_to_chart(typed_in())
    assert len(swept(site).findings) == 1
    site.context.ehr.held = lambda *_: iter(())  # type: ignore[method-assign]
    silent = swept(site)
    assert (told(silent), silent.cleared) == ([("written-around-gate", "CarePlan/typed-1", "Patient/rosa")], ())


def test_a_held_and_an_ended_plan_that_go_on_in_the_ehr_are_found(site: Site) -> None:
    """Planted: a share's causes of pause left out; and of its end."""
    [plan] = saved(site)
    site.screen(answers={"suicide.now": "yes"})
    assert site.plan_status() == "on-hold"
    assert told(swept(site)) == []
    site.write_to_chart(changed(plan, status="active"))
    assert told(swept(site)) == [("still-active-after-hold", f"CarePlan/{plan['id']}", "Patient/rosa")]
    [row] = site.desk.plans(actor="Practitioner/p1")
    site.desk.close_plan(row["plan"], how="revoked", reason="Ended.", actor="Practitioner/p1")
    site.write_to_chart(changed(plan, status="active"))
    assert told(swept(site)) == [("still-active-after-end", f"CarePlan/{plan['id']}", "Patient/rosa")]


def test_of_a_couple_each_finding_names_one_member_alone(site: Site) -> None:
    """I8. Planted: the unit's decision, which both members' records would share, in the finding's record."""
    plans = saved(site, "Patient/rosa", "Patient/tom")
    toms = next(one for one in plans if one["subject"]["reference"] == "Patient/tom")
    site.write_to_chart(changed(toms, description="Other words"))
    assert told(swept(site)) == [("words-changed", f"CarePlan/{toms['id']}", "Patient/tom")]
    records = [one for one in site.records(500) if one["kind"] in ("sweep.finding", "plan.approved")]
    [unit] = {one["details"]["decision"] for one in records if one["kind"] == "plan.approved"}
    [finding] = [one for one in records if one["outcome"] == "words-changed"]
    assert finding["patient"] == "Patient/tom"
    assert "rosa" not in str(finding)
    assert unit not in str(finding)


def test_of_what_is_on_its_way_nothing_is_said(site: Site) -> None:
    """Approved and not delivered; then a plan saved while the sweep looks. Planted: `moving` always false."""
    saved(site)
    site.screen("Patient/tom")
    ehr = site.context.ehr
    real = ehr.transact

    def down(bundle: Any) -> Any:
        raise EhrUnavailable("The EHR cannot be reached.")

    ehr.transact = down  # type: ignore[method-assign]
    assert not site.save(make_draft("Patient/tom"))["saved"] or site.plans_in_chart() == 2
    ehr.transact = real  # type: ignore[method-assign]
    found = swept(site)
    assert (told(found), found.waiting) == ([], 1)

    held = ehr.held

    def slow(type: str, *rest: Any) -> Any:
        given = list(held(type, *rest))
        if type == "CarePlan":
            site.screen("Patient/ana")
            site.save(make_draft("Patient/ana"))
            given = list(held(type, *rest))  # the search sees it, what was known before does not
        return iter(given)

    ehr.held = slow  # type: ignore[method-assign]
    assert told(swept(site)) == []


def test_an_ehr_that_cannot_be_asked_is_exit_5_and_nothing_is_recorded(site: Site) -> None:
    """Planted: an unreachable EHR taken for an empty one."""
    saved(site)
    before = site.records(1)[0]["seq"]
    site.settings = site.settings.__class__(home=site.home, key_file=site.key_file, ehr_url="http://127.0.0.1:9/fhir")
    code, said = site.console_json("audit", "sweep")
    assert (code, said["error"]) == (5, "ehr-unavailable")
    assert site.records(1)[0]["seq"] == before


def test_a_sweep_whose_commit_was_lost_is_found_behind_others_records(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was durable, and somebody else has recorded since. Planted: the newest record alone looked at; caught."""
    real, looked = sqlite.SqliteStore._commit, Context._look_up
    lost: list[bool] = []

    def commit(store: sqlite.SqliteStore, connection: Any) -> None:
        those = "SELECT count(*) FROM audit_leaf WHERE outcome = 'swept'"
        if lost or not connection.exec_driver_sql(those).scalar():
            return real(store, connection)
        lost.append(True)
        connection.commit()
        store._discard()
        raise sql.CommitUnknown("The database could not confirm that the record is durable.")

    def look_up(context: Context, landed: Any) -> bool:
        assert site.console("audit", "show").returncode == 0
        return looked(context, landed)

    monkeypatch.setattr(sqlite.SqliteStore, "_commit", commit)
    monkeypatch.setattr(Context, "_look_up", look_up)
    assert swept(site).seen == 0
    assert lost
    assert [one["outcome"] for one in site.records() if one["kind"] == "sweep.finding"] == ["swept"]


def test_a_damaged_trail_is_nothing_to_hold_the_ehr_against(site: Site) -> None:
    """Planted: the question whether the trail is whole left out."""
    saved(site)
    site.damage_the_trail()
    with pytest.raises(TrailDamaged):
        swept(site)


def test_whoever_may_not_see_reasons_does_not_sweep(site: Site) -> None:
    """Planted: anybody's sweep let through."""
    with pytest.raises(Refused):
        sweep(site.context, actor_of("Patient/tom"))


class TestTheBaseline:
    def adopt(self, site: Site, days: int = 90) -> tuple[str, int]:
        kim = site.keys[COMPLIANCE]
        return adopt(site.context, kim, site.sam, actor=ACTOR, days=days, progress=lambda _: None)

    def test_what_stood_before_is_pre_gate_and_what_comes_after_is_a_finding(self, site: Site) -> None:
        """Planted: what has no decision adopted whatever the baseline lists."""
        site.enrol()
        site.write_to_chart(typed_in("old"), typed_in("over", status="completed"))
        assert self.adopt(site)[1] == 1
        site.write_to_chart(typed_in("new"))
        found = swept(site)
        assert [one[:2] for one in sorted(told(found))] == [
            ("pre-gate", "CarePlan/old"),
            ("written-around-gate", "CarePlan/new"),
        ]
        [due] = [one.finding.review_by for one in found.findings if one.finding.what == "pre-gate"]
        assert due > site.at.date().isoformat()
        assert site.console("audit", "verify").returncode == 0

    def test_it_is_overdue_after_its_day_and_another_version_is_told(self, site: Site) -> None:
        """Planted: the day not looked at; and the version."""
        site.enrol()
        site.write_to_chart(typed_in("old"), typed_in("edited"))
        self.adopt(site, days=2)
        site.write_to_chart(typed_in("edited", title="More"))
        assert {one[:2] for one in told(swept(site))} == {
            ("pre-gate", "CarePlan/old"),
            ("pre-gate-changed", "CarePlan/edited"),
        }
        site.pass_time(days=4)
        assert {one[0] for one in told(swept(site))} == {"pre-gate-overdue", "pre-gate-changed"}

    def test_two_people_sign_it_and_only_once(self, site: Site) -> None:
        """Planted: the second signer left out of the question; and the question whether there is a baseline."""
        site.enrol()
        site.write_to_chart(typed_in("old"))
        kim = site.keys[COMPLIANCE]
        with pytest.raises(Refused):
            adopt(site.context, kim, None, actor=ACTOR, days=90, progress=lambda _: None)
        with pytest.raises(Refused):
            adopt(site.context, site.pat, site.sam, actor=ACTOR, days=90, progress=lambda _: None)
        self.adopt(site)
        with pytest.raises(Refused, match="baseline"):
            self.adopt(site)

    def test_a_baseline_that_the_trail_does_not_name_adopts_nothing(self, site: Site) -> None:
        """Planted: the records not asked for the act."""
        site.enrol()
        site.write_to_chart(typed_in("old"))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("withness.store.trail.Trail.leaves_of", lambda *_: ())
            self.adopt(site)
            from withness.desk.sweep_baseline import adopted

            with site.context.store.transaction() as tx:
                assert adopted(tx, "local") == {}


def test_what_stands_is_on_the_worklist_and_leaves_it_when_it_is_gone(site: Site) -> None:
    """The sweep's own record is no item. Planted: `swept` left out of what is over; and `cleared`."""
    site.enrol()
    site.write_to_chart(typed_in())
    [finding] = swept(site).findings
    assert findings_on_the_worklist(site) == [f"finding-{finding.finding.id}"]
    site.write_to_chart(typed_in(status="revoked"))
    swept(site)
    assert findings_on_the_worklist(site) == []


def findings_on_the_worklist(site: Site) -> list[str]:
    return [one.id for one in worklist(site.context.store, ACTOR, site.at) if one.kind == "finding"]


def test_an_adopted_plan_that_is_signed_off_by_itself_is_reviewed_and_one_around_the_gate_stands(site: Site) -> None:
    """Planted: sign-offs not read; and any finding that was signed off taken for gone."""
    site.enrol()
    site.write_to_chart(typed_in("old"))
    TestTheBaseline().adopt(site)
    site.write_to_chart(typed_in("new"))
    ids = {one.finding.resource: one.finding.id for one in swept(site).findings}
    items = [f"finding-{one}" for one in ids.values()]
    sign_items(site.context, items, "Read with the clinician.", site.keys[COMPLIANCE], ACTOR)
    assert told(swept(site)) == [("written-around-gate", "CarePlan/new", "Patient/rosa")]
    site.pass_time(days=200)
    assert told(swept(site)) == [("written-around-gate", "CarePlan/new", "Patient/rosa")]
    site.write_to_chart(typed_in("old", title="More"))
    assert ("pre-gate-changed", "CarePlan/old", "Patient/rosa") in told(swept(site))
