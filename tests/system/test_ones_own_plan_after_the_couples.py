"""Rosa is safe now and wants to go on, alone: her own hold has been released, the couple's work has not.

Conjoint work is a decision of its own (clinical facts 2.4: some are excluded from it). Rosa's release opens the way to
a plan of her own; the couple's plan stays held, for both, until the clinician decides that conjoint work resumes.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from withness.errors import EhrUnavailable, InvalidInput, Refused

ROSA, TOM = "Patient/rosa", "Patient/tom"
COUPLE = (ROSA, TOM)
HERE = "Encounter/e1"
AFRAID = {"violence.afraid": "yes"}


class DiesError(BaseException):
    """The process dies here."""


def couple_draft(**changes: Any) -> dict[str, Any]:
    """The couple's plan."""
    return make_draft(*COUPLE, **changes)


def decide_on_conjoint_work(site: Site, decision: str, *, in_hours: float = 0) -> None:
    """The conjoint-suitability decision about Rosa's couple, from that hour on and with a neutral reason."""
    from_ = (site.at + timedelta(hours=in_hours)).isoformat()
    fields = {"decision": decision, "reason": "change-of-format", "from": from_}
    site.evidence("conjoint-suitability", ROSA, **fields)


def released_alone(site: Site) -> str:
    """The couple's plan was active; Rosa's hold has been released while conjoint work pauses. Returns the plan."""
    site.morning()
    site.enrol()
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    answer = site.save(couple_draft())
    assert answer["saved"] is True
    site.pass_time(hours=1)
    site.screen(ROSA, encounter=HERE, answers=AFRAID)
    assert "conjoint-suitability" in site.desk.protocol(ROSA, actor=CLINICIAN)["missing_needs"]["violence"]
    site.pass_time(hours=1)
    decide_on_conjoint_work(site, "pause")
    site.all_evidence("violence", ROSA)
    site.pass_time(hours=1)
    site.screen(ROSA, encounter=HERE)
    told = site.release("violence", ROSA)
    assert told["decision"] == "released"
    return str(answer["plan"])


def test_her_own_plan_is_saved_and_the_couples_is_not(site: Site) -> None:
    """Planted: the release resumes every plan of hers; caught. Planted: the pause taken for a resume; caught."""
    plan = released_alone(site)
    site.screen(TOM, encounter=HERE)
    assert site.save(make_draft(ROSA, goals=[make_goal(words="Sleep through the night")]))["saved"] is True

    # both have fresh clear screens, and still the couple's plan is held, a new one and an amended one
    for draft in (couple_draft(), couple_draft(supersedes={"plan": plan, "version": "1"}, lead="therapist-led")):
        answer = site.save(draft)
        assert (answer["saved"], answer["decision"], answer["sentence"]) == (False, "held", site.policy.unit_sentence)
    hers = {one["status"]: one for one in site.care_plans(ROSA)}
    assert sorted(hers) == ["active", "on-hold"]
    assert site.plan_status(TOM) == "on-hold"
    assert site.desk.health()["records"] > 0


def test_without_the_decision_there_is_no_release(site: Site) -> None:
    """Who shares a plan has one need more. Planted: `unit-of-more-than-one` left out of the needs; caught."""
    site.morning()
    site.enrol()
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    site.save(couple_draft())
    site.pass_time(hours=1)
    site.screen(ROSA, encounter=HERE, answers=AFRAID)
    for need in ("safety-plan-or-declined", "danger-level", "supervisor-consult", "confidentiality-flag"):
        site.evidence(need, ROSA)
    site.pass_time(hours=1)
    site.screen(ROSA, encounter=HERE)
    with pytest.raises(Refused, match="Not written down yet: conjoint-suitability"):
        site.release("violence", ROSA)
    assert site.save(make_draft(ROSA))["saved"] is False
    assert site.desk.health()["records"] > 0


def test_when_conjoint_work_resumes_the_couples_plan_does(site: Site) -> None:
    """Both members' shares are active again, hers too, and the couple's plan can be amended."""
    plan = released_alone(site)
    site.pass_time(hours=1)
    decide_on_conjoint_work(site, "resume")
    site.desk.sync(actor=CLINICIAN)
    assert {who: site.plan_status(who) for who in COUPLE} == {ROSA: "active", TOM: "active"}
    amended = site.save(couple_draft(supersedes={"plan": plan, "version": "1"}, lead="therapist-led"))
    assert (amended["saved"], amended["version"]) == (True, "2")
    assert site.desk.health()["records"] > 0


def test_it_resumes_from_the_day_that_was_chosen(site: Site) -> None:
    """From Thursday on is not today: until then neither share goes on, and no plan of the couple's is saved."""
    plan = released_alone(site)
    site.pass_time(hours=1)
    decide_on_conjoint_work(site, "resume", in_hours=48)
    amended = couple_draft(supersedes={"plan": plan, "version": "1"}, lead="therapist-led")
    for hours in (0, 24):
        site.pass_time(hours=hours)
        site.desk.sync(actor=CLINICIAN)
        assert {who: site.plan_status(who) for who in COUPLE} == {ROSA: "on-hold", TOM: "on-hold"}, hours
        assert site.save(amended)["saved"] is False, hours
    site.pass_time(hours=25)
    site.desk.sync(actor=CLINICIAN)
    assert {who: site.plan_status(who) for who in COUPLE} == {ROSA: "active", TOM: "active"}
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    assert site.save(amended)["saved"] is True
    assert site.desk.health()["records"] > 0


def test_when_conjoint_work_ends_neither_share_goes_on(site: Site) -> None:
    """The end closes both CarePlans with the neutral reason, and no amendment is possible any more."""
    plan = released_alone(site)
    site.pass_time(hours=1)
    decide_on_conjoint_work(site, "end")
    site.desk.sync(actor=CLINICIAN)
    assert {who: site.plan_status(who) for who in COUPLE} == {ROSA: "revoked", TOM: "revoked"}
    assert {one["note"][-1]["text"] for one in site.care_plans()} == {"The format of the conversations changes"}
    assert site.desk.plan(plan)["state"] == "closed"
    with pytest.raises(InvalidInput, match="cannot be amended: it is over"):
        site.save(couple_draft(supersedes={"plan": plan, "version": "1"}))
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize(("decision", "found"), [("end", "revoked"), ("pause", "on-hold"), ("resume", "active")])
@pytest.mark.parametrize("in_hours", [0, 2])
def test_what_is_decided_while_the_couples_plan_is_on_its_way(
    site: Site, decision: str, found: str, in_hours: int
) -> None:
    """It holds for that plan too, once it is found in the charts and at its time; her own plan goes on.

    Planted: whoever the couple's decision holds paused as acute; what was on its way left as it is; its time not kept;
    each caught.
    """
    released_alone(site)
    decide_on_conjoint_work(site, "resume")
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    hers = site.save(make_draft(ROSA, goals=[make_goal(words="Sleep through the night")]))["plan"]
    before = {one["id"] for one in site.care_plans()}
    real = site.context.ehr.transact

    def answer_is_lost(bundle: Any) -> Any:
        real(bundle)
        raise EhrUnavailable("The answer was lost.")

    site.context.ehr.transact = answer_is_lost  # type: ignore[method-assign]
    assert site.desk.plan(site.save(couple_draft())["plan"])["state"] == "approved"
    site.context.ehr.transact = real  # type: ignore[method-assign]
    decide_on_conjoint_work(site, decision, in_hours=in_hours)
    for hours in (1, 2):
        site.pass_time(hours=hours)
        site.desk.sync(actor=CLINICIAN)
        theirs = {one["status"] for one in site.care_plans() if one["id"] not in before}
        assert theirs == ({found} if hours >= in_hours else {"active"})
        assert site.desk.plan(hers)["state"] == "delivered"
    assert site.desk.health()["records"] > 0


def test_an_end_that_stopped_halfway_and_was_taken_back(site: Site) -> None:
    """One share is over, the other goes on: safety may still be added, and anything else is a new plan's.

    Planted: the ended share asked of the EHR as if it went on; caught.
    """
    plan = released_alone(site)
    real = site.context.ehr.transact

    def dies_after_it(bundle: Any) -> Any:
        real(bundle)
        raise DiesError

    site.context.ehr.transact = dies_after_it  # type: ignore[method-assign]
    with pytest.raises(DiesError):
        decide_on_conjoint_work(site, "end")
    site.context.ehr.transact = real  # type: ignore[method-assign]
    decide_on_conjoint_work(site, "resume")
    site.desk.sync(actor=CLINICIAN)
    statuses = {site.plan_status(who) for who in COUPLE}
    assert statuses == {"revoked", "active"}
    for who in COUPLE:
        site.screen(who, encounter=HERE)
    amends = {"plan": plan, "version": "1"}
    for ask in (site.save, site.desk.preview):
        with pytest.raises(InvalidInput, match="a part of it is over"):
            ask(couple_draft(supersedes=amends, lead="therapist-led"))
    with_safety = couple_draft(supersedes=amends)
    with_safety["goals"] = [*with_safety["goals"], make_goal(ROSA, words="Call my sister", category="safety")]
    assert site.save(with_safety)["saved"] is True
    assert {site.plan_status(who) for who in COUPLE} == statuses
    assert site.desk.health()["records"] > 0
