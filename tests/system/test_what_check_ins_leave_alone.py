"""What a check-in never does: speak for somebody else, write over somebody's change, or edit a goal in silence."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.check_ins import ROSA, TOM, achievement, check_in, encounter, goal, observation, outcomes
from tests.system.site import CLINICIAN, Site, make_goal
from tests.system.test_goals_measure_themselves import couple, planned, rewritten, told
from withness.fhir import codes


@pytest.mark.parametrize(
    ("who", "item"),
    [
        ({"source": {"reference": TOM}}, "source"),
        ({"source": {"reference": CLINICIAN}}, "source"),
        ({"author": {"reference": TOM}}, "author"),
        ({"encounter": {"reference": "Encounter/tom-1"}}, "encounter"),
    ],
)
def test_nobody_else_speaks_for_the_client(site: Site, who: dict[str, Any], item: str) -> None:
    """Kept, not counted, and no other client is named in the chart. Planted: counted at the next look; caught."""
    planned(site)
    site.write_to_chart(encounter(site, 1, TOM))
    answer = site.desk.check_in(check_in(site, 1, "yes", **who), actor=CLINICIAN)
    assert (answer["counted"], answer["delivery"], answer["goals"][0]["now"]) == (False, "inside", 0)
    assert [one["item"] for one in answer["faults"]] == [item]
    hers = [one.resource for one in site.chart("QuestionnaireResponse", "Observation", "Goal")]
    assert not [one for one in hers if one["subject"]["reference"] == ROSA and "tom" in str(one).casefold()]


def test_the_therapists_form_is_no_clients_word(site: Site) -> None:
    """Planted: whoever answered taken for the therapist; caught."""
    couple(site)
    answer = site.desk.check_in({**observation(site, 1, 3), "source": {"reference": ROSA}})
    assert answer["counted"] is False


def test_what_the_ehr_marked_as_a_mistake_stays_so(site: Site) -> None:
    """An Observation that somebody took back. Planted: both looks before it is written left out; caught."""
    planned(site)
    told(site, check_in(site, 1, "yes"))
    [seen] = [one.resource for one in site.chart("Observation")]
    theirs = {name: value for name, value in seen.items() if name != "meta"} | {
        "meta": {"profile": seen["meta"]["profile"]}
    }
    site.write_to_chart({**theirs, "status": "entered-in-error", "note": [{"text": "Wrong client."}]})
    site.pass_time(days=7)
    told(site, check_in(site, 2, "yes"))
    first = next(one.resource for one in site.chart("Observation") if one.resource["id"] == seen["id"])
    assert (first["status"], first["note"]) == ("entered-in-error", [{"text": "Wrong client."}])


def test_the_same_check_in_twice_is_one(site: Site) -> None:
    """After an exit 5 or 7 people try again. Planted: recorded twice; caught."""
    planned(site)
    response = check_in(site, 1, "yes")
    first, again = site.desk.check_in(response), site.desk.check_in(response)
    assert (again["check_in"], again["how"]) == (first["check_in"], "again")
    assert outcomes(site) == ["yes"]


def test_the_same_words_with_another_target_are_another_goal(site: Site) -> None:
    """It counts from its own day, and the old one names it. Planted: a goal's identity without its target; caught."""
    plan = planned(site)
    told(site, check_in(site, 1, "yes"))
    site.pass_time(days=7)
    assert rewritten(site, plan, make_goal(within={"sessions": 2}, target={"count": 1, "of": 2}))["saved"] is True
    old, new = sorted((one.resource for one in site.chart("Goal")), key=lambda one: str(one["startDate"]))
    assert (old["lifecycleStatus"], new["lifecycleStatus"]) == ("cancelled", "active")
    assert codes.GOAL_RELATIONSHIP in [one["url"] for one in old["extension"]]
    assert site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"][0]["now"] == 0


def test_a_goal_that_was_dropped_and_agreed_to_again_begins_again(site: Site) -> None:
    """Planted: its first life counted; caught."""
    plan = planned(site)
    told(site, check_in(site, 1, "yes"))
    for words in ("Something else", make_goal()["words"]):
        site.pass_time(days=7)
        assert rewritten(site, plan, make_goal(words=words))["saved"] is True
    [now] = site.desk.count_goals(ROSA, actor=CLINICIAN)["goals"]
    assert (now["now"], now["achievement"]) == (0, "in-progress")


def test_nobody_is_named_in_the_trail_of_the_others_chart(site: Site) -> None:
    """I8: what his check-in moves in her chart was written by the software. Planted: by him; caught."""
    couple(site)
    for who in (ROSA, TOM):
        site.write_to_chart(encounter(site, 1, who))
        site.desk.check_in(observation(site, 1, 1, who), actor=CLINICIAN)
    assert achievement(site) == "achieved"
    site.pass_time(days=7)
    site.desk.check_in(check_in(site, 2, "yes", TOM), actor=TOM)
    hers = [one for one in site.records() if one["patient"] == ROSA]
    assert "tom" not in str(hers).casefold()
    assert goal(site)["subject"] == {"reference": ROSA}
