"""Falling check-ins, and when a plan is looked at again: what a clinician is told, never a conclusion.

Nothing is computed about a client: a course is lower in each of the last answered sessions, or it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from withness.core.review import Course, Point


@dataclass(frozen=True)
class ReviewRules:
    """The site's rules: in days, in sessions, in answered sessions in a row; and the sentence for the clinician."""

    interval_days: int
    due_days: int
    few_sessions_left: int
    falling_in_a_row: int
    falling_sentence: str


@dataclass(frozen=True)
class Falling:
    """A question whose answers fall: `points` are the answered sessions, the oldest first."""

    question: str
    points: tuple[Point, ...]


def falling(courses: Sequence[Course], rules: ReviewRules) -> tuple[Falling, ...]:
    """Return the courses that are lower in each of the last answered sessions than in the one before.

    A skipped session says nothing, and hides nothing either: the answered ones are compared across it.
    """
    return tuple(
        Falling(course.title, tuple(last))
        for course in courses
        for series in course.series
        if len(last := _answered(series.points)[-rules.falling_in_a_row :]) == rules.falling_in_a_row and _falls(last)
    )


def _answered(points: Sequence[Point]) -> list[Point]:
    return [one for one in points if one.level is not None]


def _falls(points: Sequence[Point]) -> bool:
    levels = [one.level for one in points if one.level is not None]
    return all(later < earlier for earlier, later in pairwise(levels))


def sentences(found: Sequence[Falling], rules: ReviewRules) -> Iterator[str]:
    """Yield what the clinician is told of each, with the sources' caution."""
    for one in found:
        yield rules.falling_sentence.format(question=one.question.rstrip("?. "), number=len(one.points))


def review_due(start: date, review_by: date, reviewed: Sequence[date], rules: ReviewRules) -> date:
    """Return the day by which a plan is looked at again: the plan's own, or the interval's where that is earlier.

    A review on or after the plan's own day leaves only the interval.
    """
    last = max(reviewed, default=start)
    by_interval = last + timedelta(days=rules.interval_days)
    return by_interval if last >= review_by else min(review_by, by_interval)
