"""A goal's course in words and in tables: what its picture shows, for those who read or hear it.

Skipped, not asked and absent are told apart from a no; nothing here is a score of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from withness.core.progress import Achievement, Mark, Progress, Step
from withness.core.review import Course, Point, ReviewGoal, Series
from withness.core.template import Both, Count, Exists, Yes
from withness.packs.review_texts import review_texts

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UNKNOWN: Final = frozenset((Mark.SKIPPED, Mark.NOT_ASKED))


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


# -- where a goal stands


def heading(goal: ReviewGoal, names: Mapping[str, str]) -> str:
    """Return what a goal is called: on a shared page also whose it is, where it is not everybody's."""
    said, whose = review_texts(), [names[who] for who in goal.objective.members if who in names]
    if len(whose) < len(names):
        return said("goal-of", number=goal.number, name=", ".join(whose), title=goal.title)
    return said("goal", number=goal.number, title=goal.title)


def standing(goal: ReviewGoal, names: Mapping[str, str]) -> str:
    """Return where a goal stands in one line: "2 of 3 sessions so far; 1 session left; 1 skipped."."""
    said, found = review_texts(), goal.progress
    told = [_count(goal, found)]
    if found.until is not None and found.status is not Achievement.ACHIEVED:
        told.append(said("left-until" if _open(found) else "closed-on", day=day_words(found.until)))
    elif found.left is not None:
        told.append(_left(found.left))
    if joint(goal, names):
        return f"{'; '.join(told)}."
    silent = [marks for marks in (set(step.marks.values()) for step in found.steps) if marks <= _UNKNOWN]
    skipped = sum(Mark.SKIPPED in marks for marks in silent)
    told += [said("skipped-number", number=skipped)] if skipped else []
    told += [said("not-asked-number", number=len(silent) - skipped)] if len(silent) > skipped else []
    return f"{'; '.join(told)}."


def _count(goal: ReviewGoal, found: Progress) -> str:
    said, measure = review_texts(), goal.objective.measure
    if isinstance(goal.objective.target, Exists):
        artefact = measure.artefact or goal.title
        key = "there" if found.now else "not-there"
        return said(key, artefact=artefact[:1].upper() + artefact[1:])
    above = found.now > found.needed
    unit = measure.unit_one if found.needed == 1 and measure.unit_one and not above else measure.unit
    if isinstance(goal.objective.target, (Both, Yes)):
        unit = said("parts-unit")
    more = "open" if _open(found) and found.status is not Achievement.ACHIEVED else "closed"
    return said(f"{'above' if above else 'count'}-{more}", now=found.now, needed=found.needed, unit=unit).rstrip()


def _open(found: Progress) -> bool:
    """Whether more can come: its window has sessions left, or its day has not passed."""
    if found.until is None:
        return bool(found.left)
    return found.status in (Achievement.IN_PROGRESS, Achievement.NOT_ATTAINABLE)


def _left(number: int) -> str:
    said = review_texts()
    return said("left-more", number=number) if number > 1 else said("left-one" if number else "left-none")


def meaning(goal: ReviewGoal, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return what that means, in sentences, and what is still missing; `names` are those of a shared page."""
    said, found = review_texts(), goal.progress
    begun = found.steps or found.now or found.status is not Achievement.IN_PROGRESS
    status = _status(found, told_apart=not joint(goal, names))
    told = [said(f"is-{status}", day=day_words(found.on)) if begun else said("no-session")]
    told += [said("is-early")] if found.early else []
    return (*told, *_missing(goal, names))


def joint(goal: ReviewGoal, names: Mapping[str, str]) -> bool:
    """Whether several people share the goal on a page of one of them: what each of them said is not told (I8)."""
    return len(goal.objective.members) > 1 and not names


def _status(found: Progress, *, told_apart: bool) -> str:
    if found.status is not Achievement.NOT_MEASURED:
        return found.status.value
    marks = {mark for step in found.steps for mark in step.marks.values()} & _UNKNOWN
    if marks and (len(marks) > 1 or not told_apart):
        return f"{found.status.value}-both"
    return "-".join((found.status.value, *(one.value for one in marks)))


def _missing(goal: ReviewGoal, names: Mapping[str, str]) -> Iterator[str]:
    """Yield what is still asked of a part or a partner; an own page does not say by whom (contracts I8)."""
    said, objective = review_texts(), goal.objective
    for code in goal.progress.missing:
        if code in goal.parts:
            yield said("missing-part", part=goal.parts[code])
        elif code in names and objective.measure.each_partner:
            yield said("missing-by", number=objective.measure.each_partner, name=names[code])
    if not names and set(goal.progress.missing) & set(objective.members) and objective.measure.each_partner:
        yield said("missing-each", number=objective.measure.each_partner)


def changes(goal: ReviewGoal) -> tuple[str, ...]:
    """Return what changed since the last review, in sentences."""
    said, now, before = review_texts(), goal.progress, goal.before
    if before is None:
        return (said("first-review"),)
    if now == before or (now.status, now.now, len(now.steps)) == (before.status, before.now, len(before.steps)):
        return (said("unchanged"),)
    told = [said("changed", before=_stand(goal, before), now=_stand(goal, now))]
    more = len(now.steps) - len(before.steps)
    told += [said("more-many", number=more) if more > 1 else said("more-one")] if more > 0 else []
    return tuple(told)


def _stand(goal: ReviewGoal, found: Progress) -> str:
    said = review_texts()
    count = _of(found.now, found.needed)
    status = said(f"short-{found.status.value}")
    return status if isinstance(goal.objective.target, Exists) else said("stand", count=count, status=status)


def _of(now: int, needed: int) -> str:
    """Return "1 of 3", and the number alone where it is more than was needed."""
    return review_texts()("of-needed", now=now, needed=needed) if now <= needed else str(now)


# -- tables


def goal_table(goal: ReviewGoal, names: Mapping[str, str]) -> Table:
    """Return the numbers of a goal's picture, session by session; those of each person only on a shared page."""
    said = review_texts()
    answers = _answer_heads(goal, names)
    line = (said("head-so-far"),) if goal.so_far else ()
    rows = [_row(goal, place, names) for place in range(len(goal.progress.steps))]
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


def _answer_heads(goal: ReviewGoal, names: Mapping[str, str]) -> tuple[str, ...]:
    said, target = review_texts(), goal.objective.target
    if isinstance(target, Both):
        return tuple(said("part", number=number) for number, _ in enumerate(target.codes, start=1))
    if isinstance(target, Count):
        return tuple(names[who] for who in counted_apart(goal, names)) or (said("head-added"),)
    return (said("head-there" if isinstance(target, Exists) else "head-answer"),)


def counted_apart(goal: ReviewGoal, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the people whose numbers stand apart: those of a count that several share, on their shared page."""
    members = goal.objective.members
    return members if names and len(members) > 1 and isinstance(goal.objective.target, Count) else ()


def _row(goal: ReviewGoal, place: int, names: Mapping[str, str]) -> tuple[str, ...]:
    step = goal.progress.steps[place]
    line = (_of(goal.so_far[place], goal.progress.needed),) if goal.so_far else ()
    return (str(step.number), day_words(step.session.day), *_answers(goal, step, names), *line)


def _answers(goal: ReviewGoal, step: Step, names: Mapping[str, str]) -> tuple[str, ...]:
    if isinstance(goal.objective.target, Count):
        apart = counted_apart(goal, names)
        return tuple(counted_by(step, who) for who in apart) or (counted(goal, step, names),)
    return tuple(mark_words(mark) for mark in marks_of(goal, step, names))


def marks_of(goal: ReviewGoal, step: Step, names: Mapping[str, str]) -> tuple[Mark | None, ...]:
    """Return what became known in a session, of each part; once a thing is there, it is there in each later one.

    None is what an own page does not tell of several people: whether it was a no, a skipped answer or an absence.
    """
    found = goal.progress
    there = isinstance(goal.objective.target, Exists) and found.status is Achievement.ACHIEVED
    if there and step.session.day >= found.on:
        return (Mark.MET,)
    hidden = joint(goal, names)
    return tuple(None if hidden and mark is not Mark.MET else mark for mark in step.marks.values())


def mark_words(mark: Mark | None) -> str:
    """Return what became known in a session, in words; None is what is not told apart."""
    return review_texts()(f"mark-{mark.value if mark else 'nothing'}")


def counted(goal: ReviewGoal, step: Step, names: Mapping[str, str]) -> str:
    """Return how many were counted in a session of all whose answer counts, or why there is no number."""
    [mark] = marks_of(goal, step, names)
    return str(sum(step.counts.values())) if mark in (Mark.MET, Mark.NOT_MET) else mark_words(mark)


def counted_by(step: Step, who: str) -> str:
    """Return how many were counted of one person in a session, or why there is no number."""
    if who in step.counts:
        return str(step.counts[who])
    return review_texts()("mark-silent") if who in step.session.members else mark_words(Mark.ABSENT)


def course_table(course: Course, names: Mapping[str, str]) -> Table:
    """Return the answers of a course, session by session, a column for each person."""
    said = review_texts()
    apart = tuple(names.get(one.who, said("head-answer")) for one in course.series)
    rows = tuple(
        (str(number), day_words(day), *(_answer(one, number) for one in course.series))
        for number, day in sessions_of(course).items()
    )
    return Table(said("table-course"), (said("head-session"), said("head-day"), *apart), rows)


def sessions_of(course: Course) -> Mapping[int, date]:
    """Return the day of each session of a course, in order."""
    return dict(sorted({point.number: point.day for one in course.series for point in one.points}.items()))


def point_at(series: Series, number: int) -> Point | None:
    """Return a person's point of a session, None where this person was not asked."""
    return next((one for one in series.points if one.number == number), None)


def _answer(series: Series, number: int) -> str:
    point = point_at(series, number)
    if point is None:
        return mark_words(Mark.NOT_ASKED)
    return point.text or mark_words(Mark.SKIPPED)


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
