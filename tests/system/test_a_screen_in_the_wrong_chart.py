"""Two clients after one another: Ana's acute answers were filed in Tom's chart.

Two people mark the screen as entered in error. It is not deleted, and it clears nobody: Tom has no screen that speaks
for him, and Ana's answers are on no screen of hers. Both are asked, each gets a fresh screen, and until then nobody's
plan is saved.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.errors import InvalidInput, Refused

TOM, ANA = "Patient/tom", "Patient/ana"
ACUTE = {"suicide.intent-or-plan": "yes", "suicide.validated.result": "acute-positive"}


def filed_in_the_wrong_chart(site: Site) -> str:
    """Tom and Ana are clear and Tom has a plan; Ana's acute answers go into Tom's chart. Returns that screen's id."""
    site.morning()
    site.enrol()
    site.screen(TOM)
    site.screen(ANA)
    assert site.save(make_draft(TOM))["saved"] is True
    site.pass_time(hours=1)
    told = site.screen(TOM, answers=ACUTE)
    assert site.plan_status(TOM) == "on-hold"
    return str(told["screen"])


def test_both_wait_for_a_fresh_screen(site: Site) -> None:
    """Planted: no fresh screen asked of the other patient; Ana's save caught it."""
    wrong = filed_in_the_wrong_chart(site)
    site.pass_time(minutes=10)
    told = site.desk.retract_screen(wrong, reason="Ana's", signer=site.pat, second=site.sam, belongs_to=ANA)
    assert [one["person"] for one in told] == [TOM, ANA]
    assert all(one["decision"].startswith("held") and "screen" in one["missing"] for one in told)
    stays = f"Their plan stays paused in the chart: withness protocol show {TOM} says what that waits for."
    assert [one["paused"] for one in told] == [[stays], []], "it said nothing of the plan"
    for who in (TOM, ANA):
        answer = site.save(make_draft(who))
        assert (answer["saved"], "screen" in answer["missing"]) == (False, True), who

    # nothing of one chart stands in the other's records, and both signed
    records = {who: [one for one in site.records(patient=who) if one["outcome"] == "retracted"] for who in (TOM, ANA)}
    assert {who: len(found) for who, found in records.items()} == {TOM: 1, ANA: 1}
    assert all((one["actor"], one["second_actor"]) == (CLINICIAN, SUPERVISOR) for [one] in records.values())
    assert TOM not in str(site.records(patient=ANA))
    assert ANA not in str(site.records(patient=TOM))

    # a fresh screen each: Tom never had such thoughts; Ana has
    site.pass_time(minutes=10)
    fresh = site.screen(TOM)
    assert (fresh["decision"], fresh["paused"]) == ("released", ["Their plan is active again in the chart."])
    assert site.save(make_draft(TOM))["saved"] is True
    assert site.save(make_draft(ANA))["saved"] is False
    assert site.screen(ANA, answers=ACUTE)["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


def test_the_acute_answers_never_clear_by_the_retraction_alone(site: Site) -> None:
    """Planted: a retracted screen left out of the history; Tom's earlier clear screen caught it."""
    wrong = filed_in_the_wrong_chart(site)
    site.pass_time(minutes=10)
    [told] = site.desk.retract_screen(wrong, reason="Wrong chart", signer=site.pat, second=site.sam)
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status(TOM) == "on-hold"
    with pytest.raises(Refused):
        site.release("suicide", TOM)
    assert site.save(make_draft(TOM))["saved"] is False

    # a screen that was made before the retraction and is filed after it is not a fresh one of the latest rule
    asked = site.at - timedelta(minutes=30)
    site.pass_time(minutes=5)
    assert site.screen(TOM, authored=asked)["decision"].startswith("held")
    assert site.desk.health()["records"] > 0


def test_the_fresh_screen_ends_what_the_wrong_one_began(site: Site) -> None:
    """Tom's plan is active again and the protocol is over once his fresh screen is clear.

    Nothing of his was ever acute, so there is nothing that a release could be signed for.
    """
    wrong = filed_in_the_wrong_chart(site)
    site.pass_time(minutes=10)
    site.desk.retract_screen(wrong, reason="Wrong chart", signer=site.pat, second=site.sam)
    site.pass_time(minutes=10)
    assert site.screen(TOM)["decision"] == "released"
    assert site.plan_status(TOM) == "active"
    assert {one.resource["status"] for one in site.chart("Flag")}.isdisjoint({"active"})
    assert all(one["ended"] for one in site.desk.protocol(TOM, actor=CLINICIAN)["episodes"])
    site.pass_time(days=1)
    assert site.desk.sync(actor=CLINICIAN)["escalated"] == 0
    assert site.desk.health()["records"] > 0


def test_two_people_sign_it_and_say_why(site: Site) -> None:
    """Nobody alone, not the screen's author as second signer, not without a reason; the screen stays as it was."""
    wrong = filed_in_the_wrong_chart(site)
    with pytest.raises(Refused, match="This needs a second signer"):
        site.desk.retract_screen(wrong, reason="Wrong chart", signer=site.pat, second=None)
    with pytest.raises(Refused, match="The same person cannot sign twice"):
        site.desk.retract_screen(wrong, reason="Wrong chart", signer=site.sam, second=site.sam)
    with pytest.raises(InvalidInput, match="A retraction needs a reason"):
        site.desk.retract_screen(wrong, reason=" ", signer=site.pat, second=site.sam)
    with pytest.raises(InvalidInput, match="The screen is in this person's chart already"):
        site.desk.retract_screen(wrong, reason="Wrong", signer=site.pat, second=site.sam, belongs_to=TOM)
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0
