"""Tom comes to the session drunk and wants his plan today.

Nothing is agreed with somebody who is not sober. That is elevated, and it passes by itself: what ends it is a new
screen when he is sober. It is nothing to be assessed away, to be overridden, or to be ended by a half-answered screen.
"""

from __future__ import annotations

import pytest

from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import Refused

TOM = "Patient/tom"
DRUNK = {"medical.intoxicated": "yes"}


def test_a_new_screen_when_sober_ends_it(site: Site) -> None:
    """Planted: `passing` dropped from the policy's item; caught: it stood after the sober screen."""
    site.morning()
    site.screen(TOM)
    assert site.save(make_draft(TOM))["saved"] is True
    site.pass_time(hours=1)
    told = site.screen(TOM, answers=DRUNK)
    assert (told["decision"], told["protocol"]) == ("held-for-assessment", [])
    assert [(one["item"], one["acuity"]) for one in told["findings"]] == [("intoxicated", "elevated")]
    assert site.save(make_draft(TOM))["saved"] is False
    assert site.plan_status(TOM) == "active", "elevated blocks new plan writes, never the active plan"

    # still drunk an hour later, then a screen that leaves it open: neither ends it
    for answer in ("yes", "unsure", None):
        site.pass_time(hours=1)
        told = site.screen(TOM, answers={"medical.intoxicated": answer})
        assert told["decision"].startswith("held"), answer
        assert ("intoxicated", "elevated") in [(one["item"], one["acuity"]) for one in told["findings"]], answer
    site.pass_time(hours=4)
    told = site.screen(TOM)
    assert (told["decision"], told["by"]) == ("released", "screen")
    assert site.save(make_draft(TOM))["saved"] is True
    assert site.desk.health()["records"] > 0


def test_an_assessment_cannot_end_it(site: Site) -> None:
    """Not even with a physician's disposition and two signers. Planted: passing items assessed like others; caught."""
    site.morning()
    site.enrol()
    site.screen(TOM, answers=DRUNK)
    site.evidence("medical-disposition", TOM, clinician="Dr. Lena Ortiz, MD")
    for level in ("low", "high"):
        with pytest.raises(Refused):
            site.assess("medical", TOM, level=level)
        assert site.records(1)[0]["outcome"] == "refused"
    assert site.desk.protocol(TOM, actor=CLINICIAN)["decision"] == "held-for-assessment"
    assert site.save(make_draft(TOM))["decision"] == "held-for-assessment"
    assert site.desk.health()["records"] > 0


def test_the_refusal_says_what_does_end_it(site: Site) -> None:
    """To say that nothing is elevated would be untrue: the sentence sends the clinician to the sober screen."""
    site.morning()
    site.enrol()
    site.screen(TOM, answers=DRUNK)
    site.evidence("medical-disposition", TOM, clinician="Dr. Lena Ortiz, MD")
    with pytest.raises(Refused, match="new screen"):
        site.assess("medical", TOM)
    assert site.desk.health()["records"] > 0


def test_an_override_cannot_cover_it(site: Site) -> None:
    """It is an answer, and an elevated one. Planted: any item of the screen coverable; caught."""
    site.morning()
    site.enrol()
    site.screen(TOM, answers=DRUNK)
    with pytest.raises(Refused, match="was answered: an override covers only what was left open"):
        site.desk.override(
            TOM,
            ["medical.intoxicated"],
            reason_code="client-cannot-answer-collateral-used",
            rationale="His brother is with him and says that he can talk as well as on any other day.",
            signer=site.pat,
            second=site.sam,
        )
    assert site.save(make_draft(TOM))["saved"] is False
    assert site.desk.health()["records"] > 0


def test_what_else_he_said_while_drunk_outlives_it(site: Site) -> None:
    """Sober, the drink is over; his thoughts of that evening are assessed. Planted: every finding passing; caught."""
    site.morning()
    site.enrol()
    site.screen(TOM, answers={**DRUNK, "suicide.ideation": "yes"})
    site.pass_time(hours=10)
    told = site.screen(TOM)
    assert told["decision"] == "held-for-assessment"
    assert {one["item"] for one in told["findings"]} == {"ideation"}
    site.all_evidence("suicide", TOM)
    assert site.assess("suicide", TOM)["by"] == "assessment"
    assert site.save(make_draft(TOM))["saved"] is True
    assert site.desk.health()["records"] > 0
