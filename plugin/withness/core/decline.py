"""What a clinician is told of falling or low check-ins, and when a plan is looked at again: never a conclusion.

Nothing is computed about a client: a course is lower in each of the last answered sessions, or it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from withness.core.review import Course, Point


@dataclass(frozen=True)
class Told:
    """When a clinician is told of answers (in answered sessions, and percent of the line), and the sentences."""

    in_a_row: int
    below_percent: int
    lowest_in_a_row: int
    falling: str
    below: str
    lowest: str
    answer: str
    then: str


@dataclass(frozen=True)
class ReviewRules:
    """The site's rules: days between reviews, days of notice, sessions; and what a clinician is told of answers."""

    interval_days: int
    due_days: int
    few_sessions_left: int
    told: Told


@dataclass(frozen=True)
class Raised:
    """An answer of the latest check-in that a clinician is always told of, such as: I do not want to go on."""

    question: str
    answer: str


def notices(courses: Iterable[Course], raised: Iterable[Raised], rules: Told) -> tuple[str, ...]:
    """Return what the clinician is told: a sentence for each question at most, each with the sources' caution."""
    said = [_course(course, rules) for course in courses]
    said += [rules.answer.format(question=_plain(one.question), answer=one.answer) for one in raised]
    return tuple(f"{one} {rules.then}" for one in said if one)


def _course(course: Course, rules: Told) -> str:
    """Return what is told of one question's answers: that they fall, lie far below, or are the lowest; or nothing.

    A skipped session says nothing, and hides nothing either: the answered ones are compared across it.
    """
    question = _plain(course.title)
    for levels in _levels(course):
        values = [level.value for level in course.levels]
        low, span = min(values, default=0), max(values, default=0) - min(values, default=0)
        last = levels[-rules.in_a_row :]
        if len(last) == rules.in_a_row and all(later < earlier for earlier, later in pairwise(last)):
            return rules.falling.format(question=question, number=len(last))
        if len(levels) > 2 and max(levels[-2:]) <= max(levels[:-2]) - span * rules.below_percent / 100:
            return rules.below.format(question=question)
        lowest = levels[-rules.lowest_in_a_row :]
        if len(lowest) == rules.lowest_in_a_row and set(lowest) == {low}:
            return rules.lowest.format(question=question, number=len(lowest))
    return ""


def _levels(course: Course) -> Iterator[list[int]]:
    for series in course.series:
        yield [level for level in map(_level, series.points) if level is not None]


def _level(point: Point) -> int | None:
    return point.level


def _plain(question: str) -> str:
    return question.rstrip("?. ")


def review_due(start: date, review_by: date, reviewed: Sequence[date], rules: ReviewRules) -> date:
    """Return the day by which a plan is looked at again: the plan's own, or the interval's where that is earlier.

    A review in the days of notice before the plan's own day, or later, is that review.
    """
    last = max(reviewed, default=start)
    by_interval = last + timedelta(days=rules.interval_days)
    kept = bool(reviewed) and last >= review_by - timedelta(days=rules.due_days)
    return by_interval if kept else min(review_by, by_interval)
