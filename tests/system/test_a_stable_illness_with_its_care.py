"""Ana lives with a bipolar illness, stable for years, and has a psychiatrist: that is a caution, and no hold.

The first document asks for medical care, structured supports and clear risk management beside the conversations, and
for no more (clinical facts 1.3). So her plan is saved with conditions where that care is written down, and waits,
saying which part is missing, where it is not. "She declines to have them talk to each other" is an answer.
"""

from __future__ import annotations

import json

import pytest

from tests.makers import make_screen
from tests.system.site import INTEGRATION, Site, make_draft
from withness.errors import Refused

ANA = "Patient/ana"
ILLNESS = {"psychosis.known-illness": "yes"}
NAMES = [name.removeprefix("integration.") for name in INTEGRATION]


def test_with_her_care_written_down_the_plan_is_saved_with_conditions(site: Site) -> None:
    """Planted: a caution that holds; caught. It is no finding to assess and opens no protocol."""
    site.morning()
    told = site.screen(ANA, answers={**ILLNESS, **INTEGRATION})
    assert (told["decision"], told["by"], told["missing"]) == ("released-with-conditions", "screen", [])
    assert (told["conditions"], told["protocol"], told["needs"]) == (["psychosis.known-illness"], [], [])
    assert told["sentence"].startswith("A plan may be saved. What the caution asks for is on record")
    answer = site.save(make_draft(ANA))
    assert (answer["decision"], answer["saved"]) == ("released-with-conditions", True)
    [plan] = site.care_plans(ANA)
    assert plan["status"] == "active"

    # the caution lasts as long as the illness: a session later it is asked, and written down, again
    site.pass_time(days=7)
    told = site.screen(ANA, answers=ILLNESS)
    assert (told["decision"], len(told["missing"])) == ("held-incomplete", 5)
    assert site.save(make_draft(ANA))["saved"] is False
    assert site.plan_status(ANA) == "active"
    assert site.desk.health()["records"] > 0


@pytest.mark.parametrize("name", NAMES)
def test_each_part_of_it_is_wanted_and_named(site: Site, name: str) -> None:
    """Planted: `relapse-plan` dropped from the record's fields; its row caught it."""
    site.morning()
    for nothing in (None, "n/a", "  ", "none", "unknown"):
        site.pass_time(minutes=1)
        told = site.screen(ANA, answers={**ILLNESS, **INTEGRATION, f"integration.{name}": nothing})
        assert (told["decision"], told["missing"]) == ("held-incomplete", [f"integration.{name}"]), nothing
    answer = site.save(make_draft(ANA))
    assert (answer["saved"], answer["missing"]) == (False, [f"integration.{name}"])
    assert site.plans_in_chart() == 0
    assert site.desk.health()["records"] > 0


def test_a_caution_is_nothing_that_an_override_could_spare(site: Site) -> None:
    """The record is not a silent item of the screen. Planted: `missing` alone made an item coverable; caught."""
    site.morning()
    site.enrol()
    site.screen(ANA, answers=ILLNESS)
    said = "Her psychiatrist is away this week and she is stable; the plan is wanted today, as agreed."
    with pytest.raises(Refused, match="is no item that an override can cover"):
        site.desk.override(
            ANA,
            ["integration.provider"],
            reason_code="client-cannot-answer-collateral-used",
            rationale=said,
            signer=site.pat,
            second=site.sam,
        )
    assert site.save(make_draft(ANA))["decision"] == "held-incomplete"
    assert site.desk.health()["records"] > 0


def test_the_console_says_what_is_missing_in_a_sentence(site: Site) -> None:
    """Exit 3, and the part by its wording. Console."""
    response = make_screen(
        site.policy, subject=ANA, authored=site.at, answers={**ILLNESS, **INTEGRATION, "integration.supports": None}
    )
    done = site.console("screen", "-", stdin=json.dumps(response))
    assert done.returncode == 3
    assert "Missing: Structured supports (integration.supports)" in done.stdout
    response = make_screen(site.policy, subject=ANA, authored=site.at, answers={**ILLNESS, **INTEGRATION})
    done = site.console("screen", "-", stdin=json.dumps(response))
    assert done.returncode == 0
    assert "released-with-conditions: A plan may be saved. What the caution asks for is on record" in done.stdout
    site.catch_up()
    assert site.desk.health()["records"] > 0
