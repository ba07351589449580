"""Terry is in training and asks the questions well; what Terry writes down waits for Sam, who answers for it.

A trainee's screen is recorded and raises at once, like anybody's. It clears only when the supervisor whom the trainee
is enrolled with has signed it too (policy: trainee_needs_cosignature; the practice's licence is Sam's).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.makers import make_evidence, make_screen
from tests.system.site import COMPLIANCE, SUPERVISOR, Site, make_draft
from withness.desk import gate_inputs
from withness.errors import Refused
from withness.signing import Signer

TERRY = "Practitioner/t1"


def with_a_trainee(site: Site) -> Signer:
    """Everybody is enrolled, Terry as Sam's trainee. Returns Terry's key."""
    site.morning()
    site.enrol()
    return site.join(TERRY, "Terry Moss", "T-1", "clinician", trainee_of=SUPERVISOR)


def terrys_screen(site: Site, **changes: Any) -> dict[str, Any]:
    """Record Rosa's screen as Terry's."""
    response = make_screen(site.policy, **{"authored": site.at, "author": TERRY, **changes})
    return site.desk.screen(response, actor=TERRY)


def test_it_clears_once_the_supervisor_has_signed(site: Site) -> None:
    """Planted: a co-signature of any screen counts for all; caught by the second screen."""
    with_a_trainee(site)
    told = terrys_screen(site)
    assert (told["decision"], told["missing"]) == ("held-incomplete", ["co-signature"])
    assert [one["why"] for one in told["findings"]] == ["a trainee's screen waits for the co-signature"]
    draft = make_draft()
    assert site.save(draft)["missing"] == ["co-signature"]

    site.pass_time(minutes=30)
    site.desk.cosign(told["screen"], signer=site.sam)
    answer = site.save(draft)
    assert (answer["decision"], answer["saved"]) == ("released", True)
    [record] = [one for one in site.records() if one["outcome"] == "cosigned"]
    assert (record["actor"], record["asserted"]) == (SUPERVISOR, False)

    site.pass_time(hours=1)
    assert terrys_screen(site)["missing"] == ["co-signature"]
    assert site.save(make_draft())["saved"] is False
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("taken", [False, True])
def test_a_decision_that_took_her_for_another_is_named(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """Or another for a trainee: the verifier asks who was enrolled as what. Planted: it is not asked; both caught."""
    with_a_trainee(site)
    if taken:
        site.screen()
    else:
        terrys_screen(site)
    monkeypatch.setattr(gate_inputs, "by_trainee", lambda *_: taken)
    assert site.save()["saved"] is not taken
    monkeypatch.undo()
    done = site.console("audit", "verify")
    assert (done.returncode, "a trainee's screen for another's" in done.stdout) == (4, True)


def test_only_their_own_supervisor_signs(site: Site) -> None:
    """Not the trainee, not another supervisor, not a colleague. Planted: any supervisor may; caught."""
    terry = with_a_trainee(site)
    other = site.join("Practitioner/s2", "Lou Ray", "L-400", "supervisor")
    screen = terrys_screen(site)["screen"]
    for signer in (terry, other, site.pat):
        with pytest.raises(
            Refused, match="Only the supervisor whom the trainee is enrolled with co-signs their screen"
        ):
            site.desk.cosign(screen, signer=signer)
        assert site.records(1)[0]["reason"] == "not-the-supervisor"
    with pytest.raises(Refused, match="is enrolled without a clinical role"):
        site.desk.cosign(screen, signer=site.keys[COMPLIANCE])
    assert site.save()["missing"] == ["co-signature"]
    assert site.desk.health()["records"] > 0


def test_what_raises_waits_for_nobody(site: Site) -> None:
    """An acute answer puts the plan on hold at once, before any signature. Planted: unsigned screens unread; caught."""
    with_a_trainee(site)
    site.screen()
    assert site.save()["saved"] is True
    site.pass_time(hours=1)
    told = terrys_screen(site, answers={"suicide.now": "yes"})
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status() == "on-hold"
    assert site.desk.health()["records"] > 0


def test_a_screen_of_the_licensed_clinician_takes_its_place(site: Site) -> None:
    """Pat asks herself: the unsigned screen before hers holds nothing up."""
    with_a_trainee(site)
    terrys_screen(site)
    site.pass_time(minutes=30)
    assert site.screen()["decision"] == "released"
    assert site.save()["saved"] is True
    assert site.desk.health()["records"] > 0


def test_leaving_the_practice_clears_nothing(site: Site) -> None:
    """A revoked enrolment is no signature: what Terry left unsigned goes on waiting."""
    with_a_trainee(site)
    terrys_screen(site)
    site.pass_time(minutes=10)
    site.desk.revoke(TERRY, reason="The placement has ended", by=site.keys[COMPLIANCE])
    answer = site.save()
    assert (answer["saved"], answer["missing"]) == (False, ["co-signature"])
    assert site.desk.health()["records"] > 0


def test_a_trainee_ends_no_hold_alone(site: Site) -> None:
    """What a trainee documents about a hold counts only when a licensed clinician signs it too."""
    terry = with_a_trainee(site)
    site.screen(answers={"suicide.past-behaviour": "yes"})
    with pytest.raises(Refused):
        assessed_alone(site, terry)
    assert site.save()["saved"] is False
    assert site.desk.health()["records"] > 0


def assessed_alone(site: Site, terry: Signer) -> None:
    """Terry writes everything down and ends the hold, with nobody beside."""
    for need in ("risk-assessment", "safety-plan-or-declined", "follow-up-date"):
        site.desk.evidence("Patient/rosa", need, make_evidence(site.policy, need, site.at), signer=terry)
    site.desk.assess("Patient/rosa", "suicide", level="low", signer=terry)
