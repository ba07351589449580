"""When a mandated report is due: elapsed hours, working days of the site's zone, and what is not known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from withness.core.jurisdiction import HOLIDAYS_UNKNOWN, Population, ReportRule, WorkingDays, report_due
from withness.errors import InvalidInput

HERE = ZoneInfo("America/Los_Angeles")
NOW = timedelta(0)
CHILD = ReportRule(Population.CHILD, NOW, timedelta(hours=36), "an agency", "a source")
ELDER = ReportRule(Population.OLDER_OR_DEPENDENT, NOW, WorkingDays(2), "an agency", "a source")


def at(text: str, zone: tzinfo = HERE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def last_day(suspected: datetime, days: int = 2, zone: tzinfo = HERE) -> date:
    rule = ReportRule(Population.OLDER_OR_DEPENDENT, NOW, WorkingDays(days), "an agency", "a source")
    return report_due(rule, suspected, zone).written.astimezone(zone).date()


@pytest.mark.parametrize("rule", [CHILD, ELDER], ids=["child", "older-or-dependent"])
def test_by_phone_now_is_the_moment_itself(rule: ReportRule) -> None:
    suspected = at("2026-11-21T10:00:00")
    assert report_due(rule, suspected, HERE).phone == suspected


def test_by_phone_later_is_that_much_later() -> None:
    rule = ReportRule(Population.CHILD, timedelta(hours=4), timedelta(hours=36), "an agency", "a source")
    assert report_due(rule, at("2026-11-21T10:00:00"), HERE).phone == at("2026-11-21T14:00:00")


def test_36_hours_run_through_a_weekend() -> None:
    """A Friday evening's report is due on Sunday morning: hours do not wait for Monday."""
    due = report_due(CHILD, at("2026-11-20T20:00:00"), HERE)
    assert due.written == at("2026-11-22T08:00:00")
    assert due.notice == ""


@pytest.mark.parametrize(
    ("suspected", "written"),
    [("2026-03-07T20:00:00", "2026-03-09T09:00:00"), ("2026-10-31T20:00:00", "2026-11-02T07:00:00")],
    ids=["clocks forward", "clocks back"],
)
def test_36_hours_are_elapsed_hours_when_the_clocks_change(suspected: str, written: str) -> None:
    due = report_due(CHILD, at(suspected), HERE)
    assert due.written == at(written)
    assert due.written.astimezone(UTC) - at(suspected).astimezone(UTC) == timedelta(hours=36)


@pytest.mark.parametrize(
    ("suspected", "last"),
    [
        ("2026-11-16", "2026-11-18"),  # Monday: Wednesday
        ("2026-11-18", "2026-11-20"),  # Wednesday: Friday
        ("2026-11-19", "2026-11-23"),  # Thursday: Monday
        ("2026-11-20", "2026-11-24"),  # Friday: Tuesday
        ("2026-11-21", "2026-11-24"),  # Saturday: Tuesday
        ("2026-11-22", "2026-11-24"),  # Sunday: Tuesday
    ],
)
def test_working_days_skip_saturday_and_sunday(suspected: str, last: str) -> None:
    assert last_day(at(f"{suspected}T10:00:00")).isoformat() == last


def test_working_days_end_with_the_day_in_the_sites_zone() -> None:
    due = report_due(ELDER, at("2026-11-16T23:59:00"), HERE).written
    assert due == datetime(2026, 11, 19, 7, 59, 59, 999999, tzinfo=UTC)


def test_the_day_is_the_sites_day_and_not_that_of_utc() -> None:
    """Friday evening in Los Angeles is Saturday in UTC already: Monday counts as the first day, not as the second."""
    suspected = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    assert last_day(suspected, days=1).isoformat() == "2026-11-23"
    assert last_day(datetime(2026, 11, 19, 1, 0, tzinfo=UTC)).isoformat() == "2026-11-20"
    assert last_day(datetime(2026, 11, 19, 1, 0, tzinfo=UTC), zone=UTC).isoformat() == "2026-11-23"


def test_the_last_day_ends_by_its_own_clock_after_a_change_of_clocks() -> None:
    """Clocks go forward on Sunday, 8 March 2026: Tuesday ends by summer time."""
    due = report_due(ELDER, at("2026-03-06T10:00:00"), HERE).written
    assert due == datetime(2026, 3, 11, 6, 59, 59, 999999, tzinfo=UTC)


def test_a_last_hour_that_comes_twice_counts_to_its_second_end() -> None:
    """In Tehran the clocks went back at midnight of Tuesday, 21 September 2021: its last hour came twice."""
    zone = ZoneInfo("Asia/Tehran")
    due = report_due(ELDER, at("2021-09-19T10:00:00", zone), zone).written
    assert due == datetime(2021, 9, 21, 20, 29, 59, 999999, tzinfo=UTC)


def test_public_holidays_are_not_known_and_it_is_said() -> None:
    """26 November 2026 is a holiday in California: the law may give a day more, this count does not."""
    due = report_due(ELDER, at("2026-11-25T10:00:00"), HERE)
    assert due.written.astimezone(HERE).date().isoformat() == "2026-11-27"
    assert due.notice == HOLIDAYS_UNKNOWN
    assert "holidays are not known" in due.notice


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        report_due(CHILD, datetime(2026, 11, 21, 10, 0), HERE)  # noqa: DTZ001  what is refused
    assert refused.value.field == "suspected_at"


zones = st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "Atlantic/Azores"])


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(-14, 14), zones, st.integers(1, 31))  # noqa: DTZ001
def test_the_written_report_is_never_due_on_a_weekend_nor_before_its_days(
    moment: datetime, offset: int, name: str, days: int
) -> None:
    suspected, zone = moment.replace(tzinfo=timezone(timedelta(hours=offset))), ZoneInfo(name)
    last = last_day(suspected, days, zone)
    first = suspected.astimezone(zone).date()
    worked = [first + timedelta(days=one) for one in range(1, (last - first).days + 1)]
    assert last.isoweekday() < 6
    assert sum(day.isoweekday() < 6 for day in worked) == days
