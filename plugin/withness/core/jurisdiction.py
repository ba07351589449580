"""When a mandated report is due, by the jurisdiction's table; from what age a minor may consent.

Pure dates and texts: nothing here decides, holds or clears a plan, and no report is filed by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, assert_never

from withness.errors import InvalidInput

UNREVIEWED: Final = "unassigned"
"""What `reviewed_by` says while no counsel has looked at the rules."""

HOLIDAYS_UNKNOWN: Final = (
    "Working days leave out Saturdays and Sundays. Public holidays are not known here: the report may be due later "
    "than this says, never earlier."
)
"""Stands beside every due time that was counted in working days."""


class Population(StrEnum):
    """Whom a report is about."""

    CHILD = "child"
    OLDER_OR_DEPENDENT = "older-or-dependent"


@dataclass(frozen=True)
class WorkingDays:
    """A time limit of `number` working days; the day that it is counted from is not one of them."""

    number: int


@dataclass(frozen=True)
class ReportRule:
    """When a report about this population is due, and to which kind of agency.

    `phone_within` is zero for "now". `written` is a length of time, or working days.
    """

    population: Population
    phone_within: timedelta
    written: timedelta | WorkingDays
    to_whom: str
    source: str
    notice: str = ""


@dataclass(frozen=True)
class Consent:
    """A minor's own consent to outpatient counselling: from which age (years), and on what terms."""

    from_age: int
    about: str
    source: str


@dataclass(frozen=True)
class Jurisdiction:
    """One jurisdiction's rules; `notice` stands wherever one of them is shown. `id` is ISO 3166-1 or 3166-2."""

    id: str
    title: str
    notice: str
    reviewed_by: str
    consent: Consent
    reports: tuple[ReportRule, ...]

    @property
    def reviewed(self) -> bool:
        """Whether somebody put their name to these rules."""
        return self.reviewed_by.strip().casefold() != UNREVIEWED

    def report(self, population: Population) -> ReportRule | None:
        """Return the rule for this population, None where the file has none."""
        return next((one for one in self.reports if one.population is population), None)


@dataclass(frozen=True)
class ReportDue:
    """When the report is due by phone and in writing (UTC); `notice` says what the count does not know."""

    phone: datetime
    written: datetime
    notice: str = ""


def report_due(rule: ReportRule, suspected_at: datetime, zone: tzinfo) -> ReportDue:
    """Return when the report is due, counted from when the clinician came to suspect.

    Hours are elapsed hours, whatever the clocks of `zone` do. Working days are days of `zone` without Saturday
    and Sunday, the day of the suspicion not counted, up to the end of the last one. Public holidays are not
    known: where one lies between, the law may give a day more, and the result's `notice` says so.
    Raises InvalidInput when `suspected_at` has no time zone.
    """
    if suspected_at.utcoffset() is None:
        raise InvalidInput("suspected_at must be a time with its zone.", field="suspected_at")
    since = suspected_at.astimezone(UTC)
    phone = since + rule.phone_within
    match rule.written:
        case timedelta():
            return ReportDue(phone, since + rule.written)
        case WorkingDays(number):
            last = _working_days_after(since.astimezone(zone).date(), number)
            return ReportDue(phone, _end_of(last, zone), HOLIDAYS_UNKNOWN)
        case _:
            assert_never(rule.written)


def _working_days_after(day: date, number: int) -> date:
    """Return the `number`-th working day after `day`."""
    while number:
        day += timedelta(days=1)
        number -= day.isoweekday() < 6
    return day


def _end_of(day: date, zone: tzinfo) -> datetime:
    """Return the day's last moment (UTC): the later one where the clocks are set back at midnight."""
    return datetime.combine(day, time.max.replace(fold=1), tzinfo=zone).astimezone(UTC)
