"""A review as a page to print and as plain text: for one member, or for all who agreed to be shown on it.

An own page speaks to the one whose page it is. On a page for all nothing says who agreed to what, or lacks what.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from withness import content
from withness.core.goal import AcceptanceStatus
from withness.core.review import Course, Page, Remark, Review, ReviewGoal, SharedReview
from withness.packs.course_chart import course_svg
from withness.packs.note_text import visible
from withness.packs.paper_page import FOLDER, page
from withness.packs.progress_chart import goal_svg
from withness.packs.review_texts import review_texts
from withness.packs.review_words import (
    Table,
    answered,
    changes,
    course_table,
    day_words,
    goal_table,
    heading,
    in_lines,
    meaning,
    standing,
    target_words,
    with_day_words,
)

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class PageGoal:
    """One goal in the words of a page; `acceptance` is "" on a page for all, `course` None for what is not agreed."""

    title: str
    words: str
    acceptance: str
    course: GoalCourse | None = None


@dataclass(frozen=True)
class GoalCourse:
    """How an agreed goal is measured, and how it went; `picture` and `table` are None where no session counts yet."""

    payer_words: str
    facts: tuple[tuple[str, str], ...]
    standing: str
    meaning: tuple[str, ...]
    picture: Markup | None
    table: Table | None
    changes: tuple[str, ...]


@dataclass(frozen=True)
class PageCourse:
    """One question's course on a page; `picture` is None where its answers are in no order, `table` where none is."""

    title: str
    picture: Markup | None
    table: Table | None


def paper_review(review: Review | SharedReview) -> str:
    """Return the review as one HTML page to read and print; deterministic bytes.

    Everybody's words stand byte for byte. Raises InvalidContent naming the template.
    """
    names, (style, style_hash) = _names(review), _style()
    return page(
        "review",
        style=style,
        style_hash=style_hash,
        title=_title(review),
        notices=review.notices,
        opening=_opening(review),
        frame=_frame(review),
        due=review.due,
        heads=_heads(),
        goals=[_goal(one, review, id=f"goal-{place}") for place, one in enumerate(review.goals, start=1)],
        courses=[
            PageCourse(one.title, course_svg(one, names, id=f"course-{place}"), _table(one, names))
            for place, one in enumerate(review.courses, start=1)
        ],
        remarks=[(_asked(one), one.words) for one in review.remarks if one.words.strip()],
        closing=review_texts()("closing"),
    )


def text_review(review: Review | SharedReview) -> str:
    """Return the review as plain text, each picture as a line of words for each session.

    Only headings begin at the left edge: nobody's words look like one. A control character is shown as a mark, such
    as [U+001B], and never acted on. Raises InvalidContent naming file and key of our own words.
    """
    return "\n".join(_lines(review)).rstrip("\n") + "\n"


# -- the page


@cache
def _style() -> tuple[Markup, str]:
    import base64
    import hashlib

    from markupsafe import Markup

    style = (content.folder("catalogue") / FOLDER / "review.css").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Markup(style), f"sha256-{digest}"  # noqa: S704  our own style sheet


def _names(review: Page) -> Mapping[str, str]:
    return {id: _flat(name) for id, name in review.names.items()} if isinstance(review, SharedReview) else {}


def _title(review: Review | SharedReview) -> str:
    named = ", ".join(_names(review).values()) if isinstance(review, SharedReview) else _flat(review.member)
    return review_texts()("title-of", name=named) if named else review_texts()("title")


def _opening(review: Page) -> tuple[str, ...]:
    if isinstance(review, SharedReview):
        keys = ("together-answers" if review.courses else "together", "about", "skipping")
    else:
        keys = ("about", "skipping", "yours")
    return tuple(map(review_texts(), keys))


def _frame(review: Page) -> tuple[tuple[str, str], ...]:
    said = review_texts()
    days = {"start": review.start, "review-by": review.review_by, "today": review.today}
    return ((said("plan"), review.title), *((said(key), day_words(day)) for key, day in days.items()))


def _heads() -> Mapping[str, str]:
    keys = ("frame", "words", "payer-words", "how", "course", "change", "courses", "remarks", "unanswered", "by-hand")
    return {key.replace("-", "_"): review_texts()(key) for key in keys}


def _goal(goal: ReviewGoal, review: Page, *, id: str) -> PageGoal:
    """Return a goal in the words of a page; its picture only where it gets an id."""
    shared = isinstance(review, SharedReview)
    acceptance = "" if shared else review_texts()(goal.acceptance.value)
    told = shared or goal.acceptance is AcceptanceStatus.AGREE
    return PageGoal(heading(goal), goal.words, acceptance, _course(goal, shared=shared, id=id) if told else None)


def _course(goal: ReviewGoal, *, shared: bool, id: str) -> GoalCourse:
    return GoalCourse(
        payer_words=goal.payer_words if goal.payer_words.strip() else "",
        facts=tuple(_facts(goal)),
        standing=standing(goal, shared=shared),
        meaning=meaning(goal),
        picture=goal_svg(goal, shared=shared, id=id) if id else None,
        table=goal_table(goal, shared=shared) if goal.progress.steps else None,
        changes=changes(goal),
    )


def _facts(goal: ReviewGoal) -> Iterator[tuple[str, str]]:
    said = review_texts()
    yield said("measure"), goal.measure
    for number, text in enumerate(goal.parts.values(), start=1):
        yield said("part", number=number), text
    yield said("target"), target_words(goal)
    yield said("limit"), with_day_words(goal.limit)


def _table(course: Course, names: Mapping[str, str]) -> Table | None:
    return course_table(course, names) if answered(course) else None


def _asked(remark: Remark) -> str:
    return review_texts()("remark", day=day_words(remark.day), question=remark.question)


# -- the text


def _lines(review: Review | SharedReview) -> Iterator[str]:
    heads = _heads()
    yield from _headed(_title(review), "=")
    for one in (*review.notices, *_opening(review)):
        yield f"  {_flat(one)}"
    yield from ("", *_pairs(_frame(review)), f"  {_flat(review.due)}", "")
    for goal in review.goals:
        yield from _goal_lines(goal, review, heads)
    if review.courses:
        yield from _headed(heads["courses"], "-")
    for course in review.courses:
        table = _table(course, _names(review))
        lines = in_lines(table) if table else (heads["unanswered"],)
        yield from (f"  {_flat(course.title)}", *_indented(lines), "")
    remarks = [one for one in review.remarks if one.words.strip()]
    if remarks:
        yield from _headed(heads["remarks"], "-")
    for remark in remarks:
        yield from (f"  {_flat(_asked(remark))}", *_quoted(remark.words), "")
    yield f"  {_flat(review_texts()('closing'))}"


def _goal_lines(goal: ReviewGoal, review: Page, heads: Mapping[str, str]) -> Iterator[str]:
    shown = _goal(goal, review, id="")
    yield from _headed(shown.title, "-")
    yield from (f"  {heads['words']}", *_quoted(goal.words))
    if shown.course and shown.course.payer_words:
        yield from (f"  {heads['payer_words']}", *_quoted(shown.course.payer_words))
    yield from ((f"  {shown.acceptance}", "") if shown.acceptance else ("",))
    if shown.course:
        yield from _course_lines(shown.course, heads)
    yield from (f"  {heads['by_hand']}", "")


def _course_lines(shown: GoalCourse, heads: Mapping[str, str]) -> Iterator[str]:
    yield from (*_pairs(shown.facts), "")
    yield from (f"  {heads['course']}", *_indented((shown.standing, *shown.meaning)))
    if shown.table:
        yield from _indented(in_lines(shown.table))
    yield from ("", f"  {heads['change']}", *_indented(shown.changes), "")


def _flat(text: str) -> str:
    """Return a text of ours, or a name, as one line."""
    return " ".join(visible(text).split())


def _headed(text: str, rule: str) -> tuple[str, ...]:
    line = _flat(text)
    return line, rule * max(1, len(line)), ""


def _pairs(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    said = review_texts()
    return (f"  {_flat(said('pair', what=what, said=text))}" for what, text in rows)


def _indented(lines: Sequence[str]) -> Iterator[str]:
    return (f"    {_flat(line)}" for line in lines)


def _quoted(words: str) -> Iterator[str]:
    return (f"  > {line}" for line in visible(words).split("\n"))
