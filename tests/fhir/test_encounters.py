"""Which Encounter of a chart is a session. Bugs that were planted and seen caught stand beside the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from withness.core.checkin import Meeting
from withness.fhir.encounters import meeting

ROSA, P1 = "Patient/rosa", "Practitioner/p1"


def encounter(**changes: Any) -> dict[str, Any]:
    """Rosa's Encounter with the plan's clinician; a None drops an element."""
    made = {
        "resourceType": "Encounter",
        "id": "e1",
        "status": "finished",
        "subject": {"reference": ROSA},
        "participant": [{"individual": {"reference": P1}}],
        "period": {"start": "2026-11-21T10:30:00Z"},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def read(**changes: Any) -> Meeting | None:
    return meeting(encounter(**changes), ROSA, P1, UTC)


# R4 encounter-status, every code: (held, counted without a check-in).
STATUSES = {
    "planned": (True, False),
    "arrived": (True, True),
    "triaged": (True, True),
    "in-progress": (True, True),
    "onleave": (True, True),
    "finished": (True, True),
    "cancelled": (False, False),
    "entered-in-error": (False, False),
    "unknown": (True, False),
    "no such status": (False, False),
    None: (False, False),
}


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_every_status_says_whether_it_was_held(status: str | None, expected: tuple[bool, bool]) -> None:
    """Planted: `cancelled` among what was held; `planned` counted without a check-in; both caught."""
    found = read(status=status)
    assert found is not None
    assert (found.id, found.who, found.held, found.ours) == ("Encounter/e1", ROSA, *expected)


@pytest.mark.parametrize(
    "period",
    [None, {}, {"end": "2026-11-21T11:00:00Z"}, {"start": "2026-11"}, {"start": "2026-11-21"}, {"start": 7}, "now"],
)
def test_one_that_was_held_and_does_not_say_when_is_no_session(period: Any) -> None:
    """Planted: the day of asking taken for it; caught."""
    assert read(period=period) is None


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_one_that_was_called_off_is_so_without_a_time(status: str) -> None:
    """It never began, so it mostly has no period; a check-in that names it must not count.

    Planted: None for every Encounter without a period; caught.
    """
    found = read(status=status, period=None)
    assert found is not None
    assert (found.id, found.held, found.ours) == ("Encounter/e1", False, False)


@pytest.mark.parametrize(
    "participant",
    [
        None,
        [],
        [{}],
        [{"individual": {"reference": "Practitioner/p2"}}],
        [{"individual": {"display": P1}}],
        [{"individual": {"reference": "Practitioner/p11"}}],
        "Practitioner/p1",
        [P1],
    ],
)
def test_a_session_with_somebody_else_counts_only_by_a_check_in(participant: Any) -> None:
    """Planted: whoever took part, taken for ours; caught."""
    found = read(participant=participant)
    assert found is not None
    assert (found.held, found.ours) == (True, False)


def test_the_plans_clinician_may_be_one_of_several() -> None:
    """Planted: the first participant alone looked at; caught."""
    others = [{"individual": {"reference": "Practitioner/p2"}}, {"type": [{"text": "room"}]}]
    found = read(participant=[*others, {"individual": {"reference": P1}}])
    assert found is not None
    assert found.ours


def test_the_day_is_the_sites() -> None:
    """Planted: the UTC day; caught."""
    late = encounter(period={"start": "2026-11-21T23:30:00-05:00"})
    days = {zone: meeting(late, ROSA, P1, ZoneInfo(zone)) for zone in ("UTC", "America/New_York", "Asia/Tokyo")}
    at = datetime(2026, 11, 22, 4, 30, tzinfo=UTC)
    assert {one.at for one in days.values() if one} == {at}
    assert {zone: one.day.day for zone, one in days.items() if one} == {
        "UTC": 22,
        "America/New_York": 21,
        "Asia/Tokyo": 22,
    }
    assert read() == Meeting(
        "Encounter/e1", ROSA, datetime(2026, 11, 21, 10, 30, tzinfo=UTC), date(2026, 11, 21), held=True, ours=True
    )
