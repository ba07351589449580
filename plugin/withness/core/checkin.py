"""Check-ins: what a client or therapist said of one session, and which sessions took place.

A session is an Encounter that was held, or the day of a check-in that names none. A check-in that was skipped says
nothing, and its session took place all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from withness.core.form import (
    Answered,
    AnsweredBy,
    Entry,
    Form,
    FormAnswers,
    FormItem,
    ItemKind,
    Skipped,
    Unreadable,
    whole_entries,
)

AT_HOME: Final = timedelta(days=3)
"""How long after a session its check-in may be filled in, where it names no Encounter: our choice."""

BEGUN_TOGETHER: Final = timedelta(minutes=10)
"""How far apart the Encounters of two people with one clinician may begin and be one session: our choice."""

Value = bool | int | frozenset[str]
"""Whether a measure was met, how many times, or the different things that were named."""


@dataclass(frozen=True, slots=True)
class Said:
    """What one response says of one measure in one person's session; `value` is None where nothing was said.

    `session` is a session's id, None for what is tied to no session (a list is written when it is written). `open`:
    something was answered, and it decides nothing.
    """

    measure: str
    who: str
    session: str | None
    at: datetime
    day: date
    response: str
    by: AnsweredBy
    value: Value | None
    open: bool = False


@dataclass(frozen=True, slots=True)
class Session:
    """One session that took place; `members` are those who took part in it."""

    id: str
    at: datetime
    day: date
    members: frozenset[str]


def in_order(one: Session) -> tuple[date, datetime, str]:
    """Return what sessions are put in order by: a check-in may be written down days after its session."""
    return (one.day, one.at, one.id)


@dataclass(frozen=True)
class Meeting:
    """An Encounter of one person, as the EHR has it. `held`: it took place; `ours`: with the plan's own clinician."""

    id: str
    who: str
    at: datetime
    day: date
    held: bool
    ours: bool


@dataclass(frozen=True)
class Filled:
    """When one response was made, by or about whom, of which day's session, and in which Encounter ("" for none).

    `seen`: the therapist filled it in, of what was seen in the room.
    """

    response: str
    who: str
    encounter: str
    at: datetime
    day: date
    seen: bool = False


@dataclass(frozen=True)
class Sessions:
    """The sessions in the order in which they took place, and the session of each response that has one."""

    held: tuple[Session, ...]
    of: Mapping[str, str] = field(default_factory=dict)


def gather(meetings: Iterable[Meeting], filled: Iterable[Filled]) -> Sessions:
    """Return the sessions that took place, in whatever order they became known.

    An Encounter counts when it was held and was with the plan's clinician, or when a check-in names it; a cancelled
    one never does, nor do check-ins of it. A check-in without Encounter belongs to its person's latest one of the days
    before (`AT_HOME`), and to a session of its own day where there is none: of several people's days only what the
    therapist saw is one session. Their Encounters are one where they began together with the plan's clinician
    (`BEGUN_TOGETHER`).
    """
    answers = sorted(filled, key=lambda one: (one.at, one.response))
    named = {one.encounter for one in answers}
    called_off = {one.id for one in meetings if not one.held}
    counted = [one for one in meetings if one.held and (one.ours or one.id in named)]
    known = {one.id for one in counted}
    seen = {(one.day, one.who) for one in answers if one.seen and not one.encounter}
    of: dict[str, str] = {}
    made: list[tuple[str, datetime, date, str]] = [(one.id, one.at, one.day, one.who) for one in counted]
    for one in answers:
        if one.encounter in called_off:
            continue
        id = one.encounter or _latest(counted, one) or _day(one, seen)
        of[one.response] = id
        if id not in known:
            made.append((id, one.at, one.day, one.who))
    return _ordered(made, counted, of)


def _latest(counted: Iterable[Meeting], one: Filled) -> str:
    """Return the person's latest Encounter of the last days up to the day that this is about, "" for none."""
    mine = [met for met in counted if met.who == one.who and one.day - AT_HOME <= met.day <= one.day]
    return max(mine, key=lambda met: (met.at, met.id)).id if mine else ""


def _day(one: Filled, seen: Collection[tuple[date, str]]) -> str:
    day = f"day/{one.day.isoformat()}"
    return day if (one.day, one.who) in seen else f"{day}/{one.who}"


def _ordered(
    made: list[tuple[str, datetime, date, str]], counted: Iterable[Meeting], of: Mapping[str, str]
) -> Sessions:
    """Put together what is one session, and put the sessions in order."""
    same = _together(counted)
    found = []
    for id, group in groupby(sorted((same.get(one[0], one[0]), *one[1:]) for one in made), key=lambda one: one[0]):
        parts = list(group)
        found.append(Session(id, parts[0][1], parts[0][2], frozenset(one[3] for one in parts)))
    found.sort(key=in_order)
    return Sessions(tuple(found), {response: same.get(id, id) for response, id in of.items()})


def _together(counted: Iterable[Meeting]) -> dict[str, str]:
    """Return the session of each Encounter: those of different people that began together are one."""
    same: dict[str, str] = {}
    first: Meeting | None = None
    there: set[str] = set()
    for one in sorted(counted, key=lambda one: (one.at, one.id)):
        apart = first is None or one.at - first.at > BEGUN_TOGETHER or not (one.ours and first.ours)
        if apart or one.who in there:
            first, there = one, set()
        there.add(one.who)
        same[one.id] = first.id if first is not None else one.id
    return same


FIRST_SESSION: Final = "first-session"
"""The tick by which a therapist says that a session was the first: what stands in `Said.measure` for it."""


def said_in(form: Form, answers: FormAnswers, *, response: str, session: str | None, day: date) -> tuple[Said, ...]:
    """Return what a response says of each measure that its form asks about: nothing at all of one not relied on."""
    if not answers.relied_on or answers.authored is None or answers.form != form.id:
        return ()
    at, who, by = answers.authored, answers.subject, form.answered_by
    return tuple(
        Said(measure, who, session, at, day, response, by, value, open=undecided)
        for item, _ in form.walk()
        for measure, value, undecided in _measured(item, answers, form)
    )


def _measured(item: FormItem, answers: FormAnswers, form: Form) -> Iterator[tuple[str, Value | None, bool]]:
    """Yield each measure that an item says something of, what it says, and whether its answer decides nothing."""
    chosen = answers.chosen(item)
    if item.measure:
        yield item.measure, _value(item, answers, form), chosen is not None and chosen.open
    if chosen is not None and chosen.also_meets:
        yield chosen.also_meets, True, False
    if item.link == FIRST_SESSION and answers.given(item.link) == (Answered((True,)),):
        yield FIRST_SESSION, True, False


def _value(item: FormItem, answers: FormAnswers, form: Form) -> Value | None:
    """Return what was said to one item, None where it was skipped, cannot be read, or decides nothing."""
    if item.repeats:
        names = frozenset(_plain(str(parts[0][0])) for parts in whole_entries(item, answers.entry))
        return names or (frozenset() if item.none_yet and _wrote(form, answers.entry) else None)
    if item.kind is ItemKind.CHOICE:
        option = answers.chosen(item)
        return None if option is None or option.open else option.meets
    given = next(iter(answers.given(item.link)), Skipped())
    [value] = given.values if isinstance(given, Answered) else (None,)
    return value if isinstance(value, int) else None


def _wrote(form: Form, entry: Entry) -> bool:
    """Whether anything was answered but what may have been filled in beforehand; what cannot be read says nothing."""
    ready = {item.link for item, _ in form.walk() if item.prefill}
    own = {link: one for link, one in entry.given.items() if link not in ready}
    return any(isinstance(one, Answered) for one in own.values()) and not any(
        isinstance(one, Unreadable) for one in own.values()
    )


def _plain(text: str) -> str:
    """Return a text as it is compared: one thing written twice is one thing."""
    return " ".join(text.casefold().split())
