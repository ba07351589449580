"""Rosa was hit last winter by somebody she has left: it is acute, it stays true, and it need not hold her for ever.

Violence in the past year is acute for every unit (clinical facts 6 D). Rosa is asked alone; danger is assessed, her
record is sealed, the supervisor consulted. On the new screen "hit in the past year" is still a yes, for a year does
not pass in a day; that nothing has happened since is answered on its own, and two people sign the release.
"""

from __future__ import annotations

import pytest

from tests.system.site import CLINICIAN, SUPERVISOR, Site, make_draft
from withness.errors import Refused

HIT = {"violence.harmed-past-year": "yes"}
ENDED = {**HIT, "violence.harmed-past-year.new": "no"}
NEEDS = ["safety-plan-or-declined", "danger-level", "supervisor-consult", "confidentiality-flag"]


def test_evidence_a_new_screen_and_two_signers_lead_out(site: Site) -> None:
    """Planted: `.new` taken for a no of its own, whatever the needs; caught where the first screen has it."""
    site.morning()
    site.enrol()
    told = site.screen(answers=ENDED)  # before there is a hold, "nothing since" lowers nothing
    assert told["decision"] == "held-for-directive-protocol"
    assert site.save()["saved"] is False
    assert site.desk.protocol("Patient/rosa", actor=CLINICIAN)["missing_needs"] == {"violence": NEEDS}

    # the chart gets a neutral Flag and nothing else: no word of what it is about
    assert [one.resource["resourceType"] for one in site.chart("Flag", "Task", "DetectedIssue", "RiskAssessment")] == [
        "Flag"
    ]
    assert "violence" not in str(site.everything_about("Patient/rosa"))

    site.pass_time(minutes=30)
    site.evidence("danger-level", level="moderate", choking="no")
    site.all_evidence("violence")
    site.pass_time(minutes=30)
    assert site.screen(answers=ENDED)["decision"] == "held-for-directive-protocol"
    assert site.save(make_draft())["saved"] is False
    with pytest.raises(Refused, match="This needs a second signer"):
        site.desk.release("Patient/rosa", "violence", reason="She has left him.", signer=site.pat, second=None)

    told = site.release("violence")
    assert (told["decision"], told["by"]) == ("released-with-conditions", "release")
    assert "violence.harmed-past-year" in told["conditions"]
    answer = site.save(make_draft())
    assert answer["saved"] is True
    [record] = [one for one in site.records() if one["outcome"] == "released" and one["kind"] == "protocol.released"]
    assert (record["actor"], record["second_actor"]) == (CLINICIAN, SUPERVISOR)
    assert {one.resource["status"] for one in site.chart("Flag")} == {"inactive"}

    # a later session: the same yes, and still nothing new
    site.pass_time(days=7)
    assert site.screen(answers=ENDED)["decision"] == "released-with-conditions"
    assert site.save(make_draft())["saved"] is True
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("since", [None, "unsure", "yes", "declined", "not-asked"])
def test_only_an_explicit_no_says_that_nothing_has_happened_since(site: Site, since: str | None) -> None:
    """Anything else is a new acute finding, whose needs are written down anew.

    Planted: known history wherever `.new` is not a yes; "unsure" and the empty one caught it.
    """
    site.morning()
    site.enrol()
    site.screen(answers=HIT)
    site.pass_time(minutes=30)
    site.all_evidence("violence")
    site.pass_time(minutes=30)
    site.screen(answers={**HIT, "violence.harmed-past-year.new": since})
    with pytest.raises(Refused, match="Not written down yet: safety-plan-or-declined, danger-level"):
        site.release("violence")
    assert site.save()["decision"] == "held-for-directive-protocol"
    assert site.desk.health()["records"] > 0


def test_after_the_release_a_new_assault_is_a_new_hold(site: Site) -> None:
    """What was released was the old finding.

    Planted: a release, and the evidence before it, taken as good for findings made later; caught.
    """
    site.morning()
    site.enrol()
    site.screen(answers=HIT)
    site.pass_time(minutes=30)
    site.all_evidence("violence")
    site.pass_time(minutes=30)
    site.screen(answers=ENDED)
    site.release("violence")
    assert site.save()["saved"] is True
    site.pass_time(days=7)
    told = site.screen(answers={**HIT, "violence.harmed-past-year.new": "yes"})
    assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status() == "on-hold"
    assert site.desk.protocol("Patient/rosa", actor=CLINICIAN)["missing_needs"] == {"violence": NEEDS}
    site.pass_time(minutes=30)
    assert site.screen(answers=ENDED)["decision"] == "held-for-directive-protocol"
    assert site.save(make_draft())["saved"] is False
    assert site.desk.health()["records"] > 0
