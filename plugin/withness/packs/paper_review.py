"""A review as a page to print and as plain text: for one member, or for all who agreed to be shown on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from withness import content
from withness.core.review import Page, Remark, Review, ReviewGoal, SharedReview
from withness.packs.course_chart import course_svg
from withness.packs.note_text import visible
from withness.packs.paper_page import FOLDER, page
from withness.packs.progress_chart import goal_svg
from withness.packs.review_texts import review_texts
from withness.packs.review_words import (
    Table,
    changes,
    course_table,
    day_words,
    goal_table,
    heading,
    in_lines,
    meaning,
    standing,
)

if TYPE_CHECKING:
    from markupsafe import Markup


@dataclass(frozen=True)
class PageGoal:
    """One goal in the words of a page; `picture` is None where no session counts for it so far."""

    title: str
    words: str
    payer_words: str
    acceptance: str
    facts: tuple[tuple[str, str], ...]
    standing: str
    meaning: tuple[str, ...]
    picture: Markup | None
    table: Table
    changes: tuple[str, ...]


@dataclass(frozen=True)
class PageCourse:
    """One question's course on a page; `picture` is None where its answers are in no order."""

    title: str
    picture: Markup | None
    table: Table


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
        heads=_heads(review),
        goals=[_goal(one, review, id=f"goal-{place}") for place, one in enumerate(review.goals, start=1)],
        courses=[
            PageCourse(one.title, course_svg(one, names, id=f"course-{place}"), course_table(one, names))
            for place, one in enumerate(review.courses, start=1)
        ],
        remarks=[(_asked(one, review), one.words) for one in review.remarks if one.words.strip()],
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
    keys = ["about", "skipping", *(["consent"] if isinstance(review, SharedReview) else [])]
    return tuple(map(review_texts(), keys))


def _frame(review: Page) -> tuple[tuple[str, str], ...]:
    said = review_texts()
    days = {"start": review.start, "review-by": review.review_by, "today": review.today}
    return ((said("plan"), review.title), *((said(key), day_words(day)) for key, day in days.items()))


def _heads(review: Page) -> Mapping[str, str]:
    said, shared = review_texts(), "-shared" if isinstance(review, SharedReview) else ""
    keys = ("frame", "payer-words", "how", "course", "change", "courses", "by-hand")
    heads = {key.replace("-", "_"): said(key) for key in keys}
    heads["unasked"] = said("never-asked")
    return {**heads, "words": said(f"words{shared}"), "remarks": said(f"remarks{shared}")}


def _goal(goal: ReviewGoal, review: Page, *, id: str) -> PageGoal:
    """Return a goal in the words of a page; its picture only where it gets an id."""
    said, names = review_texts(), _names(review)
    shared = "-shared" if names and len(goal.objective.members) > 1 else ""
    return PageGoal(
        title=heading(goal, names),
        words=goal.words,
        payer_words=goal.payer_words if goal.payer_words.strip() else "",
        acceptance=said(f"{goal.acceptance.value}{shared}"),
        facts=tuple(_facts(goal)),
        standing=standing(goal, names),
        meaning=meaning(goal, names),
        picture=goal_svg(goal, names, id=id) if id else None,
        table=goal_table(goal, names),
        changes=changes(goal),
    )


def _facts(goal: ReviewGoal) -> Iterator[tuple[str, str]]:
    said = review_texts()
    yield said("measure"), goal.measure
    for number, text in enumerate(goal.parts.values(), start=1):
        yield said("part", number=number), text
    yield said("target"), goal.target
    yield said("limit"), goal.limit


def _asked(remark: Remark, review: Page) -> str:
    said, given = review_texts(), {"day": day_words(remark.day), "question": remark.question}
    names = _names(review)
    return said("remark-of", name=names[remark.who], **given) if names else said("remark", **given)


# -- the text


def _lines(review: Review | SharedReview) -> Iterator[str]:
    heads = _heads(review)
    yield from _headed(_title(review), "=")
    for one in (*review.notices, *_opening(review)):
        yield f"  {_flat(one)}"
    yield from ("", *_pairs(_frame(review)), f"  {_flat(review.due)}", "")
    for goal in review.goals:
        yield from _goal_lines(goal, review, heads)
    if review.courses:
        yield from _headed(heads["courses"], "-")
    for course in review.courses:
        lines = in_lines(course_table(course, _names(review))) or (heads["unasked"],)
        yield from (f"  {_flat(course.title)}", *_indented(lines), "")
    remarks = [one for one in review.remarks if one.words.strip()]
    if remarks:
        yield from _headed(heads["remarks"], "-")
    for remark in remarks:
        yield from (f"  {_flat(_asked(remark, review))}", *_quoted(remark.words), "")


def _goal_lines(goal: ReviewGoal, review: Page, heads: Mapping[str, str]) -> Iterator[str]:
    shown = _goal(goal, review, id="")
    yield from _headed(shown.title, "-")
    yield from (f"  {heads['words']}", *_quoted(goal.words))
    if shown.payer_words:
        yield from (f"  {heads['payer_words']}", *_quoted(shown.payer_words))
    yield from (f"  {shown.acceptance}", "", *_pairs(shown.facts), "")
    yield from (f"  {heads['course']}", *_indented((shown.standing, *shown.meaning)))
    if goal.progress.steps:
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
