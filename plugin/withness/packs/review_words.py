"""A goal's course in words and in tables: what its picture shows, for those who read or hear it.

Skipped, left open, not asked and absent are told apart from a no; nothing here is a score of anybody. What several
people do together is one number: what came from each of them is nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from withness.core.achievement import UNKNOWN, Achievement, Mark, Progress, Step
from withness.core.review import Course, Point, ReviewGoal, Series
from withness.core.template import Both, Count, Exists, LimitKind, Ratio, Yes
from withness.packs.review_texts import review_texts

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SEEN: Final = "instances"
"""The unit of what the therapist saw and counted, and no client was asked for."""

_ISO: Final = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")
_IS: Final = re.compile(r"\b(?:is|are)\b")


@dataclass(frozen=True)
class Table:
    """A table of words: the first cell of a row says what the row is."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def wide(self) -> bool:
        """Whether it has too many columns to stand beside its picture."""
        return len(self.heads) > 4


def day_words(day: date) -> str:
    """Return a day as people write it, and nobody takes the month for the day: 2 Nov 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def month_words(day: date) -> str:
    """Return the short name of a day's month: Nov."""
    return _MONTHS[day.month - 1]


def due_sentence(day: date, today: date) -> str:
    """Return by when a plan is looked back at again, or was to be; on that day itself it is not late."""
    return review_texts()("overdue" if day < today else "due", day=day_words(day))


def with_day_words(sentence: str) -> str:
    """Return a sentence with each day in it as people write it: "by 2026-11-23" becomes "by 23 Nov 2026"."""
    return _ISO.sub(lambda found: _day_or_same(found[0]), sentence)


def _day_or_same(text: str) -> str:
    try:
        return day_words(date.fromisoformat(text))
    except ValueError:
        return text


# -- where a goal stands


def heading(goal: ReviewGoal) -> str:
    """Return what a goal is called; of a joint one not by whom, since that would say who agreed to it."""
    return review_texts()("goal", number=goal.number, title=goal.title)


def target_words(goal: ReviewGoal) -> str:
    """Return the target; where the window is longer than the run of sessions that counts, it says that it is a run."""
    in_a_row = _run(goal) and goal.target.endswith(goal.objective.measure.unit or " ")
    return review_texts()("target-run", target=goal.target) if in_a_row else goal.target


def _run(goal: ReviewGoal) -> int:
    """Return of how many sessions in a row a ratio is, 0 where its whole window is one such run."""
    target, within = goal.objective.target, goal.objective.within
    if not isinstance(target, Ratio):
        return 0
    return target.of if within.kind is LimitKind.WEEKS or within.number > target.of else 0


def standing(goal: ReviewGoal, *, shared: bool) -> str:
    """Return where a goal stands in one line: "2 of 3 sessions so far; 1 session left; 1 skipped."."""
    said, found = review_texts(), goal.progress
    told = [_count(goal, found)]
    if found.until is not None and found.status is not Achievement.ACHIEVED:
        told.append(said("left-until" if _open(found) else "closed-on", day=day_words(found.until)))
    elif found.left is not None:
        told.append(_left(found.left))
    if not hidden(goal, shared=shared):
        told += _undecided(goal)
    return f"{'; '.join(told)}."


def _undecided(goal: ReviewGoal) -> Iterator[str]:
    """Yield in how many sessions nothing was said that decides anything, by the reason, each session once."""
    marks = [set(step.marks.values()) for step in goal.progress.steps]
    silent = [one for one in marks if one <= set(UNKNOWN)]
    for reason in UNKNOWN:
        number = sum(next(mark for mark in UNKNOWN if mark in one) is reason for one in silent)
        if number:
            yield review_texts()(f"number-{_said_as(goal, reason)}", number=number)


def _count(goal: ReviewGoal, found: Progress) -> str:
    said, measure = review_texts(), goal.objective.measure
    if isinstance(goal.objective.target, Exists):
        there = "there" if found.now else "there-late" if found.late else "not-there"
        late = {"day": day_words(found.late)} if there == "there-late" and found.late else {}
        return said(there, artefact=_capital(measure.artefact or goal.title), **late)
    above = found.now > found.needed
    unit = measure.unit_one if found.needed == 1 and measure.unit_one and not above else measure.unit
    if isinstance(goal.objective.target, (Both, Yes)):
        unit = said("parts-unit")
    more = "open" if _open(found) and found.status is not Achievement.ACHIEVED else "closed"
    told = said(f"{'above' if above else 'count'}-{more}", now=found.now, needed=found.needed, unit=unit).rstrip()
    return said("count-run", count=told, number=_run(goal)) if _run(goal) else told


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _open(found: Progress) -> bool:
    """Whether more can come: its window has sessions left, or its day has not passed."""
    if found.until is None:
        return bool(found.left)
    return found.status in (Achievement.IN_PROGRESS, Achievement.NOT_ATTAINABLE)


def _left(number: int) -> str:
    said = review_texts()
    return said("left-more", number=number) if number > 1 else said("left-one" if number else "left-none")


def meaning(goal: ReviewGoal) -> tuple[str, ...]:
    """Return what that means, in sentences, and what is still missing."""
    found = goal.progress
    begun = found.steps or found.now or found.late or found.status is not Achievement.IN_PROGRESS
    told = _status(goal) if begun else (review_texts()("no-session"),)
    return (*told, *_missing(goal))


def _status(goal: ReviewGoal) -> tuple[str, ...]:
    said, found = review_texts(), goal.progress
    if found.late is not None:
        return (said("is-late", artefact=_capital(_was(goal)), day=day_words(found.late)),)
    told = (said(f"is-{found.status.value}", day=day_words(found.on)),)
    if found.status is Achievement.NOT_MEASURED and _open(found):
        return (said("no-longer-measured"), *told)
    return (*told, said("is-early")) if found.early else told


def _was(goal: ReviewGoal) -> str:
    """Return what an artefact's words say now, as it was: "the list is written" becomes "the list was written"."""
    return _IS.sub(lambda found: "was" if found[0] == "is" else "were", goal.objective.measure.artefact, count=1)


def hidden(goal: ReviewGoal, *, shared: bool) -> bool:
    """Whether several people share the goal on a page of one of them: what each of them said is not told (I8)."""
    return goal.joint and not shared


def _missing(goal: ReviewGoal) -> Iterator[str]:
    """Yield which part is still asked; of several people the rule alone, and never who lacks how many (I8)."""
    said, objective, found = review_texts(), goal.objective, goal.progress
    for code in found.missing:
        if code in goal.parts:
            yield said("missing-part", part=goal.parts[code])
    lacking = set(found.missing) & set(objective.members)
    if found.status is Achievement.IN_PROGRESS and objective.each and lacking:
        once = objective.each == 1
        yield said("missing-each") if once else said("missing-each-more", number=objective.each)


def changes(goal: ReviewGoal) -> tuple[str, ...]:
    """Return what changed since the last review, in sentences."""
    said, now, before = review_texts(), goal.progress, goal.before
    if before is None:
        return (said("first-review"),)
    if _seen(now) == _seen(before):
        return (said("unchanged"),)
    told = [said("changed", before=_stand(goal, before), now=_stand(goal, now))]
    more = len(now.steps) - len(before.steps)
    told += [said("more-many", number=more) if more > 1 else said("more-one")] if more > 0 else []
    return tuple(told)


def _seen(found: Progress) -> tuple[object, ...]:
    return found.status, found.now, len(found.steps), found.late


def _stand(goal: ReviewGoal, found: Progress) -> str:
    said = review_texts()
    count = _of(found.now, found.needed)
    status = said("short-late" if found.late else f"short-{found.status.value}")
    return status if isinstance(goal.objective.target, Exists) else said("stand", count=count, status=status)


def _of(now: int, needed: int) -> str:
    """Return "1 of 3", and the number alone where it is more than was needed."""
    return review_texts()("of-needed", now=now, needed=needed) if now <= needed else str(now)


# -- tables


def goal_table(goal: ReviewGoal, *, shared: bool) -> Table:
    """Return the numbers of a goal's picture, session by session; of several people one number, on every page."""
    said = review_texts()
    answers = _answer_heads(goal)
    line = (said("head-so-far"),) if goal.so_far else ()
    rows = [_row(goal, place, shared=shared) for place in range(len(goal.progress.steps))]
    width = 2 + len(answers) + len(line)
    if to_come := still_to_come(goal):
        first, last = to_come[0], to_come[-1]
        number = str(first) if first == last else said("from-to", first=first, last=last)
        rows.append((number, "", said("mark-to-come"), *[""] * (width - 3)))
    heads = (said("head-session"), said("head-day"), *answers, *line)
    return Table(said("table-goal", number=goal.number), heads, tuple(rows))


def still_to_come(goal: ReviewGoal) -> range:
    """Return the numbers of the sessions that the window still has."""
    held = len(goal.progress.steps)
    return range(held + 1, held + 1 + (goal.progress.left or 0))


def _answer_heads(goal: ReviewGoal) -> tuple[str, ...]:
    said, target = review_texts(), goal.objective.target
    if isinstance(target, Both):
        return tuple(said("part", number=number) for number, _ in enumerate(target.codes, start=1))
    if isinstance(target, Count):
        return (said("head-added"),)
    return (said("head-there" if isinstance(target, Exists) else "head-answer"),)


def _row(goal: ReviewGoal, place: int, *, shared: bool) -> tuple[str, ...]:
    step = goal.progress.steps[place]
    line = (_of(goal.so_far[place], goal.progress.needed),) if goal.so_far else ()
    return (str(step.number), day_words(step.session.day), *_answers(goal, step, shared=shared), *line)


def _answers(goal: ReviewGoal, step: Step, *, shared: bool) -> tuple[str, ...]:
    if isinstance(goal.objective.target, Count):
        return (counted(goal, step, shared=shared),)
    return tuple(mark_words(goal, mark) for mark in marks_of(goal, step, shared=shared))


def marks_of(goal: ReviewGoal, step: Step, *, shared: bool) -> tuple[Mark | None, ...]:
    """Return what became known in a session, of each part; once a thing is there, it is there in each later one.

    None is what an own page does not tell of several people: whether it was a no, a skipped answer or an absence.
    """
    found = goal.progress
    there = isinstance(goal.objective.target, Exists) and found.status is Achievement.ACHIEVED
    if there and step.session.day >= found.on:
        return (Mark.MET,)
    untold = hidden(goal, shared=shared)
    return tuple(None if untold and mark is not Mark.MET else mark for mark in step.marks.values())


def mark_words(goal: ReviewGoal, mark: Mark | None) -> str:
    """Return what became known in a session, in words; None is what is not told apart."""
    return review_texts()(f"mark-{_said_as(goal, mark) if mark else 'nothing'}")


def _said_as(goal: ReviewGoal, mark: Mark) -> str:
    """Return what a mark is called: nobody has skipped what the therapist counts, or what asks for one's words."""
    if mark is not Mark.SKIPPED:
        return mark.value
    objective = goal.objective
    if objective.each or objective.measure.unit == _SEEN:
        return "unnoted"
    return "unwritten" if isinstance(objective.target, (Count, Exists)) else mark.value


def counted(goal: ReviewGoal, step: Step, *, shared: bool) -> str:
    """Return how many were counted in a session of all whose answer counts, or why there is no number."""
    [mark] = marks_of(goal, step, shared=shared)
    return str(sum(step.counts.values())) if mark in (Mark.MET, Mark.NOT_MET) else mark_words(goal, mark)


def course_table(course: Course, names: Mapping[str, str]) -> Table:
    """Return the answers of a course, session by session, a column for each person."""
    said = review_texts()
    apart = tuple(names.get(one.who, said("head-answer")) for one in course.series)
    rows = tuple(
        (str(number), day_words(day), *(_answer(one, number) for one in course.series))
        for number, day in sessions_of(course).items()
    )
    return Table(said("table-course"), (said("head-session"), said("head-day"), *apart), rows)


def answered(course: Course) -> bool:
    """Whether anything was answered to a question: else it has neither picture nor table."""
    return any(point.text for one in course.series for point in one.points)


def sessions_of(course: Course) -> Mapping[int, date]:
    """Return the day of each session of a course, in order."""
    return dict(sorted({point.number: point.day for one in course.series for point in one.points}.items()))


def point_at(series: Series, number: int) -> Point | None:
    """Return a person's point of a session, None where this person was not asked."""
    return next((one for one in series.points if one.number == number), None)


def _answer(series: Series, number: int) -> str:
    point = point_at(series, number)
    if point is None:
        return review_texts()("mark-not-asked")
    return point.text or review_texts()("mark-skipped")


def in_lines(table: Table) -> tuple[str, ...]:
    """Return a table as sentences, one for each row: what a screen reader or a plain text says."""
    said = review_texts()
    lines = []
    for number, day, *cells in table.rows:
        told = [
            cell if head == said("head-answer") or not day else said("pair", what=head, said=cell)
            for head, cell in zip(table.heads[2:], cells, strict=True)
            if cell
        ]
        key = "said-session" if day else "said-to-come"
        lines.append(said(key, number=number, day=day, said="; ".join(told)))
    return tuple(lines)
