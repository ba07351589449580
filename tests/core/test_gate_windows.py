"""How old, how late and how far ahead a screen may be (risk gate: windows, latest, tolerances). All edges are exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.core.makers import AT, DOMAINS, HERE, TICK, TOM, decide, named, screen

from withness.core.terms import Purpose

DAY = timedelta(hours=24)
MONTH = timedelta(days=30)
NEW, AMEND = Purpose.NEW_PLAN, Purpose.AMENDMENT
HAS_RESULT_OF = "suicide.validated.date"


def stale(*domains: str) -> dict[tuple[str, str], str]:
    return {(domain, ""): "unknown" for domain in domains}


@pytest.mark.parametrize(
    ("screened_in", "asked_in"),
    [("Encounter/e2", HERE), (None, HERE), (HERE, None), (HERE, ""), (None, None), ("", ""), ("Encounter/E1", HERE)],
)
def test_a_new_plan_needs_a_screen_of_its_own_encounter(screened_in: str | None, asked_in: str | None) -> None:
    """Same-encounter; two Nones are no encounter. Planted: `==` alone, so that None fits None; caught."""
    found = decide(screen(encounter=screened_in), encounter=asked_in)
    assert found.name == "held-incomplete"
    assert named(found) == stale(*DOMAINS)
    assert found.missing == ("screen",)


@pytest.mark.parametrize("encounter", ["Encounter/e2", None])
def test_an_amendment_asks_for_no_encounter(encounter: str | None) -> None:
    """Its window is thirty days. Planted: the new plan's window for every purpose; caught."""
    assert decide(screen(encounter=encounter), purpose=AMEND).released


@pytest.mark.parametrize(("purpose", "window"), [(NEW, DAY), (AMEND, MONTH)])
def test_the_window_ends_to_the_microsecond(purpose: Purpose, window: timedelta) -> None:
    """At its end it clears, a microsecond later no more. Planted: `>=`, and a second of grace; both caught."""
    given = screen({HAS_RESULT_OF: (AT + window - timedelta(days=1)).date().isoformat()})
    at_the_end = decide(given, at=AT + window, purpose=purpose)
    assert at_the_end.released
    assert at_the_end.expires == AT + window
    too_late = decide(given, at=AT + window + TICK, purpose=purpose)
    assert too_late.name == "held-incomplete"
    assert named(too_late) == stale(*DOMAINS)


def test_a_screen_made_earlier_expires_earlier_however_late_it_was_filed() -> None:
    """Age counts from when it was made. Planted: age from `recorded`; caught."""
    filed_late = screen(authored=AT - timedelta(hours=20), recorded=AT)
    assert decide(filed_late, at=AT + timedelta(hours=4)).released
    assert not decide(filed_late, at=AT + timedelta(hours=4) + TICK).released


@pytest.mark.parametrize(("purpose", "days"), [(NEW, 0), (NEW, 1), (AMEND, 0), (AMEND, 20), (AMEND, 30)])
def test_expires_is_the_last_instant_that_still_clears(purpose: Purpose, days: int) -> None:
    """It stops clearing then, its validated result's own date included. Planted: that date left out; caught."""
    given = screen({HAS_RESULT_OF: (AT - timedelta(days=days)).date().isoformat()})
    found = decide(given, purpose=purpose)
    assert found.released
    assert found.expires is not None
    assert decide(given, at=found.expires, purpose=purpose).released
    assert not decide(given, at=found.expires + TICK, purpose=purpose).released


POSITIVE = {
    "suicide": {"suicide.ideation": "declined"},
    "medical": {"medical.intoxicated": "yes"},
}


@pytest.mark.parametrize(
    ("zone", "made", "last"),
    [
        ("UTC", "2026-11-21T00:00:00Z", "2026-11-21T23:59:59.999999Z"),
        ("UTC", "2026-11-21T23:59:00Z", "2026-11-21T23:59:59.999999Z"),
        ("America/Los_Angeles", "2026-11-22T07:30:00Z", "2026-11-22T07:59:59.999999Z"),  # 23:30 on the 21st there
        ("America/Los_Angeles", "2026-11-21T08:00:00Z", "2026-11-22T07:59:59.999999Z"),
        ("Asia/Kolkata", "2026-11-21T18:29:00Z", "2026-11-21T18:29:59.999999Z"),  # half past midnight is UTC + 5:30
        ("Asia/Kolkata", "2026-11-21T18:30:00Z", "2026-11-22T18:29:59.999999Z"),
        ("America/Los_Angeles", "2026-03-08T09:30:00Z", "2026-03-09T06:59:59.999999Z"),  # a day of 23 hours
        ("America/Los_Angeles", "2026-11-01T07:30:00Z", "2026-11-02T07:59:59.999999Z"),  # a day of 25 hours
        ("Pacific/Chatham", "2026-11-21T10:15:00Z", "2026-11-22T10:14:59.999999Z"),  # UTC + 13:45 in summer
    ],
)
@pytest.mark.parametrize("domain", POSITIVE)
def test_after_a_positive_screen_only_the_same_day_of_the_site_clears(
    domain: str, zone: str, made: str, last: str
) -> None:
    """after_positive, for that domain alone. Planted: the day in UTC; 24 hours for a day; every domain; all caught."""
    made_at, last_at, where = datetime.fromisoformat(made), datetime.fromisoformat(last), ZoneInfo(zone)
    day = {HAS_RESULT_OF: made_at.astimezone(where).date().isoformat()}
    history = (
        screen({**day, **POSITIVE[domain]}, authored=made_at - timedelta(minutes=10)),
        screen(day, authored=made_at),
    )
    in_time = decide(*history, at=last_at, purpose=AMEND, zone=where)
    assert in_time.released
    assert in_time.expires == last_at
    next_day = decide(*history, at=last_at + TICK, purpose=AMEND, zone=where)
    assert next_day.name == "held-incomplete"
    about_the_result = {("suicide", "validated.date"): "unknown"} if domain == "suicide" else {}
    assert named(next_day) == {**stale(domain), **about_the_result}


def test_a_day_that_has_its_last_hour_twice_ends_with_the_second() -> None:
    """Santiago, 4 April 2026: 23:00 to midnight comes twice. Planted: `fold=0`; caught."""
    where = ZoneInfo("America/Santiago")
    made_at = datetime(2026, 4, 4, 15, 0, tzinfo=UTC)
    history = (screen({"medical.intoxicated": "yes"}, authored=made_at - timedelta(hours=1)), screen(authored=made_at))
    midnight = datetime(2026, 4, 5, 4, 0, tzinfo=UTC)
    assert (midnight - TICK).astimezone(where).date() == made_at.astimezone(where).date()
    assert decide(*history, at=midnight - TICK, purpose=AMEND, zone=where).released
    assert not decide(*history, at=midnight, purpose=AMEND, zone=where).released


def test_two_screens_after_a_positive_one_the_usual_window_is_back() -> None:
    """after_positive looks at the screen before the latest. Planted: the whole history looked at; caught."""
    positive = screen({"suicide.ideation": "declined"}, authored=AT - timedelta(minutes=2))
    clear = [screen(authored=AT - timedelta(minutes=minute)) for minute in (1, 0)]
    assert decide(positive, *clear, at=AT + timedelta(days=20), purpose=AMEND).released
    assert not decide(positive, clear[0], at=AT + timedelta(days=20), purpose=AMEND).released


def test_a_new_plan_after_a_positive_screen_needs_encounter_and_day() -> None:
    """Both windows hold. Planted: after_positive in the purpose's place; caught."""
    positive = screen({"medical.intoxicated": "yes"}, authored=AT - timedelta(minutes=1))
    elsewhere = decide(positive, screen(encounter="Encounter/e2"))
    assert named(elsewhere) == stale(*DOMAINS)
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    assert decide(positive, screen(), at=midnight - TICK).released
    assert not decide(positive, screen(), at=midnight).released


@pytest.mark.parametrize(("late", "released"), [(timedelta(0), True), (DAY, True), (DAY + TICK, False)])
def test_a_screen_filed_more_than_a_day_after_it_was_made_is_stale(late: timedelta, released: bool) -> None:
    """late_entry, exact. Planted: `>=`, and the rule left out; both caught."""
    given = screen(authored=AT - late, recorded=AT)
    found = decide(given, purpose=AMEND)
    assert found.released is released
    assert (("screen", "authored") in named(found)) is not released


@pytest.mark.parametrize(
    ("ahead", "released"),
    [(timedelta(minutes=5), True), (timedelta(minutes=5) + TICK, False), (timedelta(days=400), False)],
)
def test_a_screen_dated_ahead_of_its_recording_holds(ahead: timedelta, released: bool) -> None:
    """future_tolerance, exact. Planted: `>=`, and the rule left out; both caught."""
    given = screen({HAS_RESULT_OF: AT.date().isoformat()}, authored=AT + ahead, recorded=AT)
    for purpose in (NEW, AMEND):
        found = decide(given, purpose=purpose)
        assert found.released is released
        assert (("screen", "authored") in named(found)) is not released


def test_a_screen_without_a_time_holds() -> None:
    """Nobody knows how old it is. Planted: `recorded` taken instead; caught."""
    found = decide(screen(authored=None))
    assert found.name == "held-incomplete"
    assert named(found) == {("screen", "authored"): "unknown"}


@pytest.mark.parametrize(("back", "released"), [(timedelta(0), True), (TICK, False), (timedelta(days=365), False)])
def test_a_clock_behind_the_last_record_holds(back: timedelta, released: bool) -> None:
    """I2: a clock gone backwards. Planted: `not_before` not asked; caught."""
    found = decide(screen(), not_before=AT + back)
    assert found.released is released
    assert (("screen", "clock") in named(found)) is not released
    assert ("clock" in found.missing) is not released


def test_a_clock_behind_the_screen_itself_holds() -> None:
    """A decision before its screen was recorded. Planted: `recorded` not asked; caught."""
    found = decide(screen(), at=AT - TICK)
    assert not found.released
    assert named(found)["screen", "clock"] == "unknown"


class TestTheLatest:
    """The clearing screen is the last one recorded AND made no earlier than any other."""

    def test_no_screen_at_all_holds(self) -> None:
        """Planted: an empty history decided as none; caught."""
        found = decide()
        assert (found.name, found.missing, found.screen, found.expires) == ("held-incomplete", ("screen",), None, None)

    @pytest.mark.parametrize(
        ("made", "released"),
        [(timedelta(0), True), (-TICK, False), (-timedelta(hours=3), False), (TICK, True)],
    )
    def test_a_back_dated_clear_screen_does_not_clear(self, made: timedelta, released: bool) -> None:
        """It can raise, never clear; made at the same time it may. Planted: `<=`; the rule left out; both caught."""
        first = screen()
        second = screen(authored=AT + made, recorded=AT + timedelta(minutes=1))
        found = decide(first, second, at=AT + timedelta(minutes=2))
        assert found.released is released
        assert (("screen", "authored") in named(found)) is not released

    def test_a_back_dated_screen_still_raises(self) -> None:
        """What it raises counts. Planted: back-dated screens taken out of the history; caught."""
        found = decide(screen(), screen({"violence.afraid": "yes"}, authored=AT - timedelta(hours=1), recorded=AT))
        assert found.name == "held-for-directive-protocol"

    def test_a_clear_screen_does_not_clear_what_a_later_one_leaves_open(self) -> None:
        """Only the last one recorded counts. Planted: the latest screen that is complete chosen; caught."""
        assert not decide(screen(), screen({"eating.rapid-loss": None}, authored=AT + TICK), at=AT + TICK).released

    def test_late_filing_of_an_older_clear_screen_does_not_replace_a_newer_open_one(self) -> None:
        """Filed last but made first. Planted: the order of authorship not asked; caught."""
        open_one = screen({"eating.rapid-loss": "unsure"})
        older = screen(authored=AT - timedelta(hours=2), recorded=AT + timedelta(minutes=5))
        assert not decide(open_one, older, at=AT + timedelta(minutes=5)).released

    def test_a_screen_dated_ahead_does_not_block_the_ones_after_it(self) -> None:
        """A mistyped year counts as made when it was recorded. Planted: the order by `authored` alone; caught."""
        mistyped = screen(authored=AT + timedelta(days=730), recorded=AT)
        good = screen(authored=AT + timedelta(minutes=1))
        assert not decide(mistyped).released
        assert decide(mistyped, good, at=AT + timedelta(minutes=1)).released

    def test_another_persons_screens_neither_clear_nor_raise(self) -> None:
        """Another patient's screen is nobody's evidence. Planted: the filter by person left out; caught both ways."""
        assert decide(screen(person=TOM)).missing == ("screen",)
        acute_of_another = screen({"suicide.now": "yes"}, person=TOM, authored=AT + TICK)
        assert decide(screen(), acute_of_another, at=AT + TICK).released
        assert not decide(screen({"eating.rapid-loss": None}), screen(person=TOM), at=AT + TICK).released
