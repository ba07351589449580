"""The suicide domain also needs a validated instrument's result: listed, complete, dated and old enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.core.makers import AT, POLICY, TICK, decide, named, screen

from withness.core.terms import Acuity, Purpose

TODAY = AT.date()
PARTS = ("instrument", "version", "date", "by")
TOO_YOUNG = {
    "suicide.validated.result": "not-applicable-age",
    **{f"suicide.validated.{part}": None for part in PARTS},
}


def part(name: str, said: str | None) -> dict[str, str | None]:
    return {f"suicide.validated.{name}": said}


@pytest.mark.parametrize(
    ("result", "name", "acuity"),
    [
        ("negative", "released", None),
        ("positive", "held-for-assessment", "elevated"),
        ("acute-positive", "held-for-directive-protocol", "acute"),
        ("not-applicable-age", "held-incomplete", "unknown"),  # the chart proves no birth date here
        (None, "held-incomplete", "unknown"),
        ("", "held-incomplete", "unknown"),
        ("Negative", "held-incomplete", "unknown"),
        ("no", "held-incomplete", "unknown"),
        ("declined", "held-incomplete", "unknown"),
        ("missing", "held-incomplete", "unknown"),
    ],
)
def test_each_result_means_what_the_source_says(result: str | None, name: str, acuity: str | None) -> None:
    """Only a negative clears by itself. Planted: an unlisted result read as none; caught."""
    found = decide(screen(part("result", result)))
    assert found.name == name
    assert named(found).get(("suicide", "validated.result")) == acuity
    assert ("suicide.validated.result" in found.missing) is (acuity == "unknown")


@pytest.mark.parametrize(
    ("meant", "missing", "acuity"),
    [
        (Acuity.UNKNOWN, Acuity.ACUTE, "acute"),
        (Acuity.UNKNOWN, Acuity.ELEVATED, "elevated"),
        (Acuity.UNKNOWN, Acuity.UNKNOWN, "unknown"),
        (Acuity.CAUTION, Acuity.ACUTE, "caution"),
        (Acuity.ELEVATED, Acuity.UNKNOWN, "elevated"),
    ],
)
def test_a_result_of_a_sites_own_never_passes_in_silence(meant: Acuity, missing: Acuity, acuity: str) -> None:
    """A site's stricter `missing` once let a result that says nothing through. Planted: that line; caught."""
    first = POLICY.domains[0]
    assert first.validated is not None
    rule = replace(first.validated, results={**first.validated.results, "indeterminate": meant}, missing=missing)
    policy = replace(POLICY, domains=(replace(first, validated=rule), *POLICY.domains[1:]))
    found = decide(screen(part("result", "indeterminate")), policy=policy)
    assert named(found) == {("suicide", "validated.result"): acuity}
    assert found.name != "released"


@pytest.mark.parametrize("instrument", ["ASQ", "C-SSRS-screener"])
def test_a_listed_instrument_counts(instrument: str) -> None:
    """The base line of the next test."""
    assert decide(screen(part("instrument", instrument))).name == "released"


@pytest.mark.parametrize("instrument", ["asq", "ASQ ", "PHQ-9", "our own questions", "N/A", "", " ", None])
def test_an_unlisted_instrument_counts_as_missing(instrument: str | None) -> None:
    """A home-made wording is no validated screen. Planted: the list not asked; caught."""
    found = decide(screen(part("instrument", instrument)))
    assert found.name == "held-incomplete"
    assert named(found) == {("suicide", "validated.instrument"): "unknown"}
    assert found.missing == ("suicide.validated.instrument",)


@pytest.mark.parametrize("said", [None, "", " ", "N/A", "unknown", "?"])
@pytest.mark.parametrize("name", PARTS)
def test_a_result_without_one_of_its_parts_holds_and_names_it(name: str, said: str | None) -> None:
    """Name, version, date and who: all four. Planted: `by` left out of the loop; caught."""
    found = decide(screen(part(name, said)))
    assert found.name == "held-incomplete"
    assert set(found.missing) == {f"suicide.validated.{name}"}


@pytest.mark.parametrize(("result", "acuity"), [("positive", "elevated"), ("acute-positive", "acute")])
def test_a_positive_result_raises_even_without_its_parts(result: str, acuity: str) -> None:
    """What raises is never lost for want of paperwork. Planted: parts judged first, then return; caught."""
    bare = {f"suicide.validated.{one}": None for one in PARTS}
    found = decide(screen({**bare, "suicide.validated.result": result}))
    assert named(found)["suicide", "validated.result"] == acuity
    assert not found.released


@pytest.mark.parametrize(
    ("purpose", "days", "released"),
    [
        (Purpose.NEW_PLAN, 0, True),
        (Purpose.NEW_PLAN, 1, True),  # within 24 hours a day's date may be yesterday's
        (Purpose.NEW_PLAN, 2, False),
        (Purpose.NEW_PLAN, -1, False),
        (Purpose.AMENDMENT, 0, True),
        (Purpose.AMENDMENT, 30, True),
        (Purpose.AMENDMENT, 31, False),
        (Purpose.AMENDMENT, 365, False),
        (Purpose.AMENDMENT, -1, False),
    ],
)
def test_the_results_date_lies_inside_the_same_window(purpose: Purpose, days: int, released: bool) -> None:
    """Its date obeys the domain's window and is never ahead. Planted: no lower bound, no upper one; both caught."""
    day = TODAY - timedelta(days=days)
    found = decide(screen(part("date", day.isoformat())), purpose=purpose)
    assert found.released is released
    assert ("suicide.validated.date" in found.missing) is not released


@pytest.mark.parametrize("day", ["2026-11-31", "2026-13-01", "21.11.2026", "yesterday", "2026", "2026-11", "today"])
def test_a_date_that_is_no_day_of_the_calendar_holds(day: str) -> None:
    """An unreadable date is unknown. Planted: an unreadable date read as today; caught."""
    found = decide(screen(part("date", day)))
    assert found.name == "held-incomplete"
    assert found.missing == ("suicide.validated.date",)


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Asia/Kolkata"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-01", "9999-12-31"])
def test_a_day_at_either_end_of_the_calendar_holds_and_never_fails(day: str, zone: str) -> None:
    """A screen is always decided on, whatever day somebody typed. Planted: the window added to it first; caught."""
    for purpose in Purpose:
        odd = screen({**part("date", day), "medical.intoxicated": "yes"})
        found = decide(odd, screen(part("date", day)), purpose=purpose, zone=ZoneInfo(zone))
        assert not found.released
        assert "suicide.validated.date" in found.missing


@pytest.mark.parametrize(
    ("zone", "day", "released"),
    [
        ("UTC", "2026-11-21", True),
        ("UTC", "2026-11-22", False),
        ("Asia/Kolkata", "2026-11-22", True),  # 01:30 of the next day there
        ("Asia/Kolkata", "2026-11-23", False),
        ("America/Los_Angeles", "2026-11-21", True),
        ("America/Los_Angeles", "2026-11-22", False),
    ],
)
def test_the_results_day_is_a_day_of_the_sites_time_zone(zone: str, day: str, released: bool) -> None:
    """Days are the site's days. Planted: `today` taken in UTC; caught."""
    at = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    found = decide(screen(part("date", day), authored=at), at=at, zone=ZoneInfo(zone))
    assert found.released is released


def test_just_after_midnight_a_result_of_the_day_before_is_a_day_old() -> None:
    """Twenty-four hours before 00:30 is yesterday, not the day before it. Planted: a span of one more day; caught."""
    at = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert decide(screen(part("date", "2026-11-20"), authored=at), at=at).released
    assert not decide(screen(part("date", "2026-11-19"), authored=at), at=at).released


def test_a_clock_a_little_slow_before_midnight_takes_the_next_days_date() -> None:
    """The tolerance for the future holds for the date too, and no longer. Planted: a day of tolerance; caught."""
    late = datetime(2026, 11, 21, 23, 56, tzinfo=UTC)
    tomorrow = part("date", "2026-11-22")
    assert decide(screen(tomorrow, authored=late), at=late).released
    early = datetime(2026, 11, 21, 23, 54, tzinfo=UTC)
    assert not decide(screen(tomorrow, authored=early), at=early).released


@pytest.mark.parametrize(
    ("born", "released"),
    [
        (None, False),
        (date(2026, 11, 21), True),  # born today
        (date(2026, 11, 22), False),  # not born yet: the chart is wrong, so it proves nothing
        (date(2018, 11, 22), True),  # eight tomorrow
        (date(2018, 11, 21), False),  # eight today
        (date(2018, 11, 20), False),
        (date(1990, 1, 1), False),
    ],
)
def test_not_for_this_age_counts_only_when_the_chart_proves_it(born: date | None, released: bool) -> None:
    """Below eight, by the chart. Planted: `<=` for the age, no birth date as young, the unborn too; all caught."""
    found = decide(screen(TOO_YOUNG), birth_date=born)
    assert found.released is released
    if not released:
        assert found.name == "held-incomplete"
        assert found.missing == ("suicide.validated.result",)


@pytest.mark.parametrize(
    ("born", "at", "released"),
    [
        (date(2016, 2, 29), datetime(2024, 2, 28, 12, tzinfo=UTC), True),
        (date(2016, 2, 29), datetime(2024, 2, 29, 12, tzinfo=UTC), False),
        (date(2017, 3, 1), datetime(2025, 2, 28, 12, tzinfo=UTC), True),
        (date(2017, 3, 1), datetime(2025, 3, 1, 12, tzinfo=UTC), False),
        (date(2016, 12, 31), datetime(2024, 12, 30, 12, tzinfo=UTC), True),
        (date(2016, 12, 31), datetime(2024, 12, 31, 12, tzinfo=UTC), False),
    ],
)
def test_the_birthday_itself_ends_childhood_on_any_calendar(born: date, at: datetime, released: bool) -> None:
    """Leap days and year's ends. Planted: age as days // 365; caught."""
    assert decide(screen(TOO_YOUNG, authored=at), at=at, birth_date=born).released is released


@pytest.mark.parametrize(("zone", "released"), [("Pacific/Auckland", False), ("UTC", True), ("America/New_York", True)])
def test_the_birthday_begins_at_the_sites_midnight(zone: str, released: bool) -> None:
    """The eve in UTC is the birthday in Auckland. Planted: the age taken in UTC; caught."""
    at = datetime(2026, 11, 20, 23, 59, tzinfo=UTC)
    young = screen(TOO_YOUNG, authored=at)
    assert decide(young, at=at, zone=ZoneInfo(zone), birth_date=date(2018, 11, 21)).released is released


def test_a_yes_of_a_child_still_holds() -> None:
    """The age excuses the instrument, never an answer. Planted: a proven child not asked the questions; caught."""
    young = date(2020, 1, 1)
    found = decide(screen({**TOO_YOUNG, "suicide.now": "yes"}), birth_date=young)
    assert found.name == "held-for-directive-protocol"
    assert not decide(screen({**TOO_YOUNG, "suicide.now": None}), birth_date=young).released


def test_the_birth_date_excuses_nothing_but_that_result() -> None:
    """A proven child without any result is still unscreened. Planted: a missing result of a child cleared; caught."""
    found = decide(screen(part("result", None)), birth_date=date(2020, 1, 1), at=AT + TICK)
    assert found.name == "held-incomplete"
