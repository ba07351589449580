"""How far a goal has come, in its Goal. Bugs that were planted and seen caught stand beside the tests."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.servers.validator import Validator

from withness.core.achievement import Achievement, Progress
from withness.fhir import codes
from withness.fhir.goal_progress import achievement, carried_over, goal_with
from withness.fhir.models import validate

ON = date(2026, 11, 28)
OURS, THEIRS = "Observation/ours", "Observation/theirs"


def progress(status: Achievement = Achievement.ACHIEVED, on: date = ON) -> Progress:
    return Progress(status, on, 1, 3, (), 2, None, early=False, steps=())


def goal(**changes: Any) -> dict[str, Any]:
    """A Goal as a plan's save leaves it; a None drops an element."""
    made = {
        "resourceType": "Goal",
        "id": "g1",
        "meta": {"versionId": "4", "lastUpdated": "2026-11-21T10:00:00Z"},
        "lifecycleStatus": "active",
        "achievementStatus": achievement(Achievement.IN_PROGRESS),
        "description": {"text": "  I want somebody to get it \n"},
        "subject": {"reference": "Patient/rosa"},
        "startDate": "2026-11-21",
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def changed(stored: dict[str, Any], *outcomes: str, with_: Progress | None = None, ours: Any = (OURS,)) -> Any:
    """The Goal as it would be written; what is stored is never touched."""
    before = deepcopy(stored)
    made = goal_with(stored, with_ or progress(), outcomes, ours=ours)
    assert stored == before
    return made


STANDARD, OWN = codes.GOAL_ACHIEVEMENT, codes.CHECK_IN_RESULTS


@pytest.mark.parametrize(
    ("status", "system", "code"),
    [
        (Achievement.IN_PROGRESS, STANDARD, "in-progress"),
        (Achievement.ACHIEVED, STANDARD, "achieved"),
        (Achievement.NOT_ATTAINABLE, STANDARD, "not-attainable"),
        (Achievement.NOT_ACHIEVED, STANDARD, "not-achieved"),
        (Achievement.NOT_MEASURED, OWN, "not-measured"),
    ],
)
def test_each_achievement_has_its_code(status: Achievement, system: str, code: str) -> None:
    """Those of goal-achievement in that system, `not-measured` in ours; each says so in words.

    Planted: `not-measured` in HL7's system, which has no such code; caught.
    """
    made = achievement(status)
    assert made["coding"] == [{"system": system, "code": code}]
    assert made["text"]
    validate(goal(achievementStatus=made, meta=None))


def test_each_is_valid(validator: Validator) -> None:
    """By an independent validator. Planted: `not-measured` in HL7's system; caught here, too."""
    found = [validator.errors(goal(achievementStatus=achievement(one), meta=None)) for one in Achievement]
    assert found == [[]] * len(Achievement)


def test_the_code_moves_with_its_day_and_all_else_stays() -> None:
    """Planted: the Goal built anew, without what it held; the day of writing as statusDate; both caught."""
    stored = goal(priority={"text": "First"}, note=[{"text": "theirs"}])
    expected = {**stored, "achievementStatus": achievement(Achievement.ACHIEVED), "statusDate": "2026-11-28"}
    assert changed(stored) == expected


@pytest.mark.parametrize("beside", [[], [{"system": "urn:their-ehr", "code": "ok"}]])
def test_the_day_moves_only_when_the_code_does(beside: list[dict[str, str]]) -> None:
    """What an EHR says beside it in a code system of its own is no other code, and stays.

    Planted: statusDate written each time; any further coding taken for another status; both caught.
    """
    said = achievement(Achievement.ACHIEVED)
    said = {"coding": [*beside, *said["coding"]], "text": "their words"}
    stored = goal(achievementStatus=said, statusDate="2026-11-25")
    assert changed(stored) is None
    made = changed(stored, OURS)
    assert (made["achievementStatus"], made["statusDate"]) == (said, "2026-11-25")
    assert made["outcomeReference"] == [{"reference": OURS}]


@pytest.mark.parametrize(
    "status",
    [
        None,
        {"text": "achieved"},
        {"coding": [{"system": "urn:their-ehr", "code": "achieved"}]},
        {"coding": [{"code": "achieved"}]},
        {"coding": "achieved"},
        {"coding": ["achieved"]},
        "achieved",
    ],
)
def test_what_is_no_status_of_ours_is_replaced(status: Any) -> None:
    """Planted: the code compared without its system; caught."""
    made = changed(goal(achievementStatus=status))
    assert (made["achievementStatus"], made["statusDate"]) == (achievement(Achievement.ACHIEVED), "2026-11-28")


def outcomes(made: Any) -> list[str]:
    return [one["reference"] for one in made.get("outcomeReference", [])]


def test_what_others_named_as_an_outcome_stays() -> None:
    """Planted: the list written anew; ours named once more each time; both caught."""
    theirs = {"reference": THEIRS, "display": "A scale of theirs"}
    stored = goal(outcomeReference=[theirs, {"reference": OURS}])
    made = changed(stored, "Observation/new", ours=(OURS, "Observation/new"))
    assert made["outcomeReference"] == [theirs, {"reference": "Observation/new"}]
    assert changed({**made}, "Observation/new", ours=(OURS, "Observation/new")) is None


def test_the_last_outcome_leaves_no_empty_list() -> None:
    """FHIR knows no empty list. Planted: one left; caught."""
    made = changed(goal(outcomeReference=[{"reference": OURS}]))
    assert "outcomeReference" not in made


@pytest.mark.parametrize("named", ["Observation/ours", [None, 7, OURS], {}, None])
def test_a_list_that_is_none_stops_nothing(named: Any) -> None:
    """Planted: read as it should be, which ended in a traceback; caught."""
    assert outcomes(changed(goal(outcomeReference=named), OURS)) == [OURS]


@pytest.mark.parametrize(
    ("lifecycle", "written"),
    [
        ("proposed", False),
        ("planned", False),
        ("accepted", True),
        ("active", True),
        ("on-hold", True),
        ("completed", False),
        ("cancelled", False),
        ("rejected", False),
        ("entered-in-error", False),
        (None, False),
    ],
)
def test_a_goal_that_is_over_or_was_never_agreed_to_is_left_as_it_is(lifecycle: str | None, written: bool) -> None:
    """Planted: `completed` and `proposed` among those that are open; both caught."""
    stored = goal(lifecycleStatus=lifecycle)
    assert (changed(stored, OURS) is not None) is written
    assert changed({**stored, "resourceType": "CarePlan"}, OURS) is None


def test_nothing_new_is_nothing_to_write() -> None:
    """Planted: a version for each count; caught."""
    made = changed(goal(), OURS)
    assert changed(made, OURS, with_=replace(progress(), on=date(2026, 12, 24), now=3)) is None


@pytest.mark.parametrize(
    ("lifecycle", "taken"), [("active", True), ("accepted", True), ("on-hold", True), ("rejected", False)]
)
def test_an_amendment_takes_nothing_back(lifecycle: str, taken: bool) -> None:
    """First day, achievement, its day and outcomes go on; a goal that is refused now has none of them.

    Planted: carried into whatever the goal became; the outcomes left out; both caught.
    """
    stored = changed(goal(), OURS)
    new = {"description": {"text": "Other words"}, "achievementStatus": None, "startDate": "2026-12-01"}
    made = goal(lifecycleStatus=lifecycle, **new)
    found = carried_over(made, stored)
    names = ("achievementStatus", "statusDate", "outcomeReference")
    assert {name: found.get(name) for name in names} == {name: stored[name] if taken else None for name in names}
    assert found["startDate"] == ("2026-11-21" if taken else "2026-12-01")
    assert found["description"]["text"] == "Other words"
    assert carried_over(made, goal(achievementStatus=None, startDate=None)) == made
