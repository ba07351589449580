"""Check-ins → how far a goal has come: a pure function, whatever the order in which they became known.

Skipped is not a no. A skipped answer uses up its session in the window; where it could have decided the goal, the goal
is "not measured" and never "not achieved". The numbers were agreed in conversation: nothing here is a score of anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import assert_never

from withness.core.achievement import UNKNOWN, Achievement, Mark, Objective, Progress, Step
from withness.core.checkin import FIRST_SESSION, Said, Session, Value, in_order
from withness.core.form import AnsweredBy
from withness.core.template import Both, Count, Exists, Limit, LimitKind, Ratio, Yes


@dataclass(frozen=True)
class _Window:
    """The sessions that count, and whether more can come. `places` is how many there are at most, None for no end.

    `today` is waited for: a check-in of a session of today may still be on its way.
    """

    held: tuple[Session, ...]
    today: date
    places: int | None
    until: date | None
    over: bool


@dataclass(frozen=True)
class _Verdict:
    """What the target says: reached `on`, `possible` with what is to come, `doubtful` for what was skipped."""

    on: date | None
    now: int
    needed: int
    missing: tuple[str, ...]
    possible: bool
    doubtful: bool
    late: date | None = None


def progress(objective: Objective, sessions: Iterable[Session], said: Iterable[Said], today: date) -> Progress:
    """Return how far a goal has come by `today`, from all sessions and check-ins so far, in any order."""
    book = _Book(objective, said)
    window = _window(objective, sessions, book, today)
    steps = tuple(
        Step(number, one, {code: book.mark(one, code) for code in book.codes}, book.counts(one))
        for number, one in enumerate(window.held, start=1)
    )
    verdict = _verdict(objective, window, steps, book)
    left = None if window.places is None else window.places - len(window.held)
    last = window.held[-1].day if window.held else objective.start
    closed = window.until if window.over and window.until else last
    return Progress(
        status=_status(verdict, over=window.over),
        on=verdict.on or (closed if window.over else last),
        now=verdict.now,
        needed=verdict.needed,
        missing=() if verdict.on else verdict.missing,
        left=left,
        until=window.until,
        early=verdict.on is not None and (bool(left) or (window.until is not None and verdict.on < window.until)),
        steps=steps,
        late=verdict.late,
    )


def _status(verdict: _Verdict, *, over: bool) -> Achievement:
    if verdict.on is not None:
        return Achievement.ACHIEVED
    if verdict.possible and not over:
        return Achievement.IN_PROGRESS
    if verdict.doubtful:
        return Achievement.NOT_MEASURED
    return Achievement.NOT_ACHIEVED if over else Achievement.NOT_ATTAINABLE


def _verdict(objective: Objective, window: _Window, steps: tuple[Step, ...], book: _Book) -> _Verdict:
    target = objective.target
    match target:
        case Ratio():
            return _ratio(target, window, steps, objective.measure.code)
        case Count():
            return _count(target, objective, window, steps, book)
        case Exists():
            return _exists(objective, window, book)
        case Yes():
            return _parts((objective.measure.code,), window, steps, book)
        case Both():
            return _parts(target.codes, window, steps, book)
        case _:
            assert_never(target)


# -- the window


def _window(objective: Objective, sessions: Iterable[Session], book: _Book, today: date) -> _Window:
    counted = sorted((one for one in sessions if _counts(one, objective, book, today)), key=in_order)
    number = objective.within.number
    if objective.within.kind is LimitKind.WEEKS:
        until = objective.start + timedelta(weeks=number)
        return _Window(tuple(one for one in counted if one.day <= until), today, None, until, today > until)
    held = tuple(counted[:number])
    over = len(held) == number and (today > held[-1].day or book.answered(held[-1]))
    return _Window(held, today, number, None, over)


def _counts(one: Session, objective: Objective, book: _Book, today: date) -> bool:
    """Whether a session counts: none to come, and what several people do together needs two of them in the room."""
    if one.day > today or (len(objective.members) > 1 and len(one.members.intersection(objective.members)) < 2):
        return False
    if book.first is not None and objective.within == Limit(LimitKind.BY_SESSION, 1):
        return one.id == book.first
    return one.day >= objective.start or one.id == objective.first


class _Book:
    """What was said, by session, code and person; the last word of a person on one session counts."""

    def __init__(self, objective: Objective, said: Iterable[Said]) -> None:
        target = objective.target
        self.codes = target.codes if isinstance(target, Both) else (objective.measure.code,)
        self.members = objective.members
        told = tuple(said)
        mine = [one for one in told if one.measure in self.codes and one.who in self.members]
        # Of one response a yes comes last: another question of it may have met the measure.
        self.said = sorted(mine, key=lambda one: (one.at, one.response, one.value is True))
        firsts = [one for one in told if one.measure == FIRST_SESSION and one.who in self.members]
        self.first = min(firsts, key=lambda one: (one.day, one.at, one.response)).session if firsts else None
        self._asked = {(one.session, one.measure, one.who) for one in self.said}
        self._open = {(one.session, one.measure, one.who) for one in self.said if one.open}
        self._word: dict[tuple[str | None, str, str], Value] = {}
        self._named: dict[tuple[str | None, str, str, AnsweredBy], frozenset[str]] = {}
        for one in self.said:
            if one.value is None:
                continue
            self._word[one.session, one.measure, one.who] = one.value
            if isinstance(one.value, frozenset):
                key = (one.session, one.measure, one.who, one.by)
                self._named[key] = self._named.get(key, frozenset()) | one.value

    def here(self, session: Session) -> tuple[str, ...]:
        """Return those whose answers count and who took part in this session."""
        return tuple(one for one in self.members if one in session.members)

    def word(self, session: Session, code: str, who: str) -> Value | None:
        """Return a person's last word on a session, None where nothing was said."""
        return self._word.get((session.id, code, who))

    def named(self, session: Session, code: str, who: str, by: AnsweredBy) -> frozenset[str]:
        """Return all that a person named in a session, on this party's forms."""
        return self._named.get((session.id, code, who, by), frozenset())

    def mark(self, session: Session, code: str) -> Mark:
        """Return what became known of a code in one session; of several people it is known when each one's word is."""
        here = self.here(session)
        if not here:
            return Mark.ABSENT
        words = [self.word(session, code, who) for who in here]
        if any(words):
            return Mark.MET
        if None not in words:
            return Mark.NOT_MET
        if any((session.id, code, who) in self._open for who in here):
            return Mark.OPEN
        asked = any((session.id, code, who) in self._asked for who in here)
        return Mark.SKIPPED if asked else Mark.NOT_ASKED

    def counts(self, session: Session) -> dict[str, int]:
        """Return how many were counted in a session, by person; of what is named the longer of both parties' lists."""
        found = {}
        for who in self.here(session):
            word = self.word(session, self.codes[0], who)
            if isinstance(word, frozenset):
                found[who] = max(len(self.named(session, self.codes[0], who, by)) for by in AnsweredBy)
            elif word is not None and not isinstance(word, bool):
                found[who] = word
        return found

    def answered(self, session: Session) -> bool:
        """Whether everybody whose answer counts has said something of each code in this session."""
        return all(self.word(session, code, who) is not None for code in self.codes for who in self.here(session))


# -- the targets


def _ratio(target: Ratio, window: _Window, steps: Sequence[Step], code: str) -> _Verdict:
    """At least `count` of `of` sessions that follow one another, within the window."""
    marks = [step.marks[code] for step in steps]
    met = [one is Mark.MET for one in marks]
    best = [sum(met[max(0, end - target.of) : end]) for end in range(1, len(met) + 1)]
    on = next((step.session.day for step, now in zip(steps, best, strict=True) if now >= target.count), None)
    to_come = 0 if window.over else target.of if window.places is None else window.places - len(met)
    awaited = [one in UNKNOWN and step.session.day >= window.today for one, step in zip(marks, steps, strict=True)]
    hoped = [*(one or more for one, more in zip(met, awaited, strict=True)), *[True] * to_come]
    doubted = [*(one is Mark.MET or one in UNKNOWN for one in marks), *[True] * to_come]
    now = max(best, default=0)
    return _Verdict(
        on=on,
        now=now,
        needed=target.count,
        missing=(code,),
        possible=_reaches(hoped, target),
        doubtful=_reaches(doubted, target),
    )


def _reaches(met: Sequence[bool], target: Ratio) -> bool:
    return any(sum(met[at : at + target.of]) >= target.count for at in range(max(1, len(met) - target.of + 1)))


def _count(target: Count, objective: Objective, window: _Window, steps: Sequence[Step], book: _Book) -> _Verdict:
    """At least `count` in all, and of each partner what the measure asks of each."""
    code, each = book.codes[0], objective.each
    totals = list(_totals(steps, book, code))
    reached = (sum(one.values()) >= target.count and min(one.values()) >= each for one in totals)
    on = next((step.session.day for step, enough in zip(steps, reached, strict=True) if enough), None)
    total = totals[-1] if totals else dict.fromkeys(book.members, 0)
    short = [who for who, number in total.items() if number < each]
    silent = {who for step in steps for who in book.here(step.session) if book.word(step.session, code, who) is None}
    lacking = sum(total.values()) < target.count
    return _Verdict(
        on=on,
        now=sum(total.values()),
        needed=target.count,
        missing=tuple(short) or (code,),
        possible=not window.over,
        doubtful=all(who in silent for who in short) and (bool(silent) or not lacking),
    )


def _totals(steps: Iterable[Step], book: _Book, code: str) -> Iterator[dict[str, int]]:
    """Yield each person's total after each session: what is counted adds up, what is named counts once.

    The client's and the therapist's lists are not added to each other: one thing may stand on both.
    """
    summed = dict.fromkeys(book.members, 0)
    listed: dict[tuple[str, AnsweredBy], set[str]] = {}
    for step in steps:
        for who in book.here(step.session):
            for by in AnsweredBy:
                listed.setdefault((who, by), set()).update(book.named(step.session, code, who, by))
            word = book.word(step.session, code, who)
            summed[who] += word if isinstance(word, int) else 0
        yield {who: max(summed[who], *(len(listed.get((who, by), ())) for by in AnsweredBy)) for who in book.members}


def _exists(objective: Objective, window: _Window, book: _Book) -> _Verdict:
    """The artefact is there by the limit; who wrote something and not the artefact has said: not yet.

    One that came later was not measured in time: that it is there is no failure.
    """
    order = {one.id: place for place, one in enumerate(window.held)}
    in_time = [one for one in book.said if _in_time(one, objective, window, order)]
    there = [one.day for one in in_time if one.value]
    later = [one.day for one in book.said if one.value and one not in in_time]
    said_no = bool(in_time) and in_time[-1].value == frozenset()
    return _Verdict(
        on=min(there, default=None),
        now=int(bool(there)),
        needed=1,
        missing=book.codes,
        possible=not window.over,
        doubtful=not said_no or bool(later),
        late=min(later, default=None) if not there else None,
    )


def _in_time(one: Said, objective: Objective, window: _Window, order: Mapping[str, int]) -> bool:
    if window.until is not None:
        return one.day <= window.until
    place = order.get(one.session or "", sum(held.day < one.day for held in window.held))
    return place < objective.within.number and (one.session is None or one.session in order)


def _parts(codes: Sequence[str], window: _Window, steps: Sequence[Step], book: _Book) -> _Verdict:
    """Every part was met: the last word on each counts, since a person may change their mind."""
    last: dict[str, Step] = {}
    silent: set[str] = set()
    for step in steps:
        for code in codes:
            if step.marks[code] in (Mark.MET, Mark.NOT_MET):
                last[code] = step
                silent.discard(code)
            elif step.marks[code] in UNKNOWN:
                silent.add(code)
    missing = tuple(code for code in codes if code not in last or last[code].marks[code] is not Mark.MET)
    return _Verdict(
        on=max(step.session.day for step in last.values()) if not missing else None,
        now=len(codes) - len(missing),
        needed=len(codes),
        missing=missing,
        possible=not window.over,
        doubtful=all(code in silent or code not in last for code in missing),
    )
