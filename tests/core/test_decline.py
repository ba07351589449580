"""Falling check-ins and the day of the next review.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from withness.core.decline import Raised, notices, review_due
from withness.core.review import Course, Level, Point, Series
from withness.errors import InvalidContent
from withness.packs.review_rules import load_review_rules, parse_review_rules

RULES = load_review_rules(None)
START = date(2026, 11, 2)


def course(*levels: int | None) -> Course:
    """One question's answers, from the first session; None where it was skipped."""
    points = tuple(
        Point(number, START + timedelta(weeks=number), "" if level is None else str(level), level)
        for number, level in enumerate(levels, start=1)
    )
    return Course(
        "How well did our talk fit?", (Level(0, "not"), Level(10, "right")), (Series("", points),), numbered=True
    )


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        ((8, 6, 5), "went down"),
        ((8, 6, None, 5), "went down"),
        ((2, 8, 6, 5), "went down"),
        ((9, 2, 2), "well below"),
        ((9, None, 5, 4), "went down"),
        ((9, 8, 3, 4), "well below"),
        ((0, 0), "the lowest answer, 2 times"),
        ((5, 0, None, 0), "well below"),
        ((8, 6, 6), ""),
        ((8, 5, 6), ""),
        ((8, 6), ""),
        ((9, 3), ""),
        ((9, 8, 5, 6), ""),
        ((5, 0, 5), ""),
        ((None, None, None), ""),
        ((), ""),
    ],
)
def test_what_falls_is_told(levels: tuple[int | None, ...], told: str) -> None:
    """Planted: a skipped session as the end of it; equal as falling; an old fall for ever; a deep drop; each caught."""
    said = notices([course(*levels)], [], RULES.told)
    assert told in " ".join(said)
    assert bool(said) is bool(told)


def test_the_sentence_names_the_question_and_concludes_nothing() -> None:
    """With the sources' caution. Planted: the sentence without its question; caught."""
    [said] = notices([course(8, 6, 5)], [], RULES.told)
    assert said.startswith("How well did our talk fit: the last 3 answers went down")
    assert "may need to change" in said
    assert "risk screen" in said


def test_some_answers_are_told_each_time() -> None:
    """Planted: only what has a line told; caught."""
    [said] = notices([], [Raised("Do you want to go on?", "No")], RULES.told)
    assert said.startswith("Do you want to go on: “No”. This says nothing yet about why.")


@pytest.mark.parametrize(
    ("reviewed", "due"),
    [
        ([], START + timedelta(days=60)),
        ([START + timedelta(days=30)], START + timedelta(days=60)),
        ([START + timedelta(days=60)], START + timedelta(days=150)),
        ([START + timedelta(days=50)], START + timedelta(days=140)),
        ([START + timedelta(days=10), START + timedelta(days=70)], START + timedelta(days=160)),
    ],
)
def test_a_review_is_due_by_the_plans_day_or_the_interval(reviewed: list[date], due: date) -> None:
    """Planted: the plan's own day for ever, though it was kept; caught."""
    assert review_due(START, START + timedelta(days=60), reviewed, RULES) == due


def test_the_interval_comes_first_where_it_is_earlier() -> None:
    assert review_due(START, START + timedelta(days=400), [], RULES) == START + timedelta(days=RULES.interval_days)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("interval_days = 90", "interval_days = 0"),
        ("{number}", "three"),
        ("in_a_row = 3", "in_a_row = 1"),
        ("due_days", "x"),
        ("“{answer}”", "{answer.x}"),
    ],
)
def test_a_sites_file_is_held_to_its_form(old: str, new: str) -> None:
    from withness import content

    text = (content.folder("catalogue") / "review.toml").read_text(encoding="utf-8").replace(old, new)
    with pytest.raises(InvalidContent):
        parse_review_rules(text.encode(), name="review.toml")
