"""A goal's course as one small picture: how many so far, up to the line that was agreed, and a sign for each session.

Every letter keeps its size on a narrow screen: a long course goes on below, eight sessions in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from withness.core.achievement import Mark, Step
from withness.core.review import ReviewGoal
from withness.core.template import Both, Count, Exists, LimitKind, Ratio
from withness.packs import chart_signs
from withness.packs.chart_canvas import BLUE, FONT, GREY, INK, LINE, WIDTH, Canvas, Style, room
from withness.packs.chart_signs import ROW, SIGNS, Entry, key, number, stretch
from withness.packs.review_texts import review_texts
from withness.packs.review_words import (
    counted,
    heading,
    mark_words,
    marks_of,
    month_words,
    standing,
    still_to_come,
)

if TYPE_CHECKING:
    from markupsafe import Markup

SLOTS: Final = 8
"""Most sessions side by side."""

GUTTER: Final = 52
"""Least room for words at the left, in pixels."""

_WIDEST: Final = 48
_TALL: Final = 84
_PLAIN: Final = Style("", "", BLUE)
_ORDER: Final = (
    *("mark-number", *(f"mark-{mark.value}" for mark in Mark)),
    *("mark-unwritten", "mark-unnoted", "mark-nothing", "mark-to-come"),
)
"""In which order the key says what the signs mean."""


@dataclass(frozen=True)
class _Column:
    """One session, held or to come, or the day on which the window ends; `flag` is written above it."""

    lines: tuple[str, ...]
    step: Step | None = None
    so_far: int = 0
    flag: str = ""
    awaited: bool = False


@dataclass(frozen=True)
class _Row:
    """One row of signs: the word left of it, and the sign of a session."""

    label: str
    sign: Callable[[Step], Entry]


def goal_svg(goal: ReviewGoal, *, shared: bool, id: str) -> Markup | None:
    """Return a goal's picture as an SVG element, None where no session counts for it so far.

    `shared` says whose page it is for: that of all, or of one. `id` is unique on the page, a slug of ours.
    """
    if not goal.progress.steps:
        return None
    canvas, columns, rows, y = Canvas(), _columns(goal), _rows(goal, shared=shared), 0.0
    flagged = any(one.flag for one in columns)
    gutter = _gutter(goal, rows)
    wide = min(_WIDEST, (WIDTH - gutter - 2) / min(SLOTS, len(columns)))
    for start in range(0, len(columns), SLOTS):
        panel = columns[start : start + SLOTS]
        before = columns[start - 1].so_far if start else 0
        y = _flags(canvas, panel, y, wide, gutter) if flagged else y
        y = _plot(canvas, goal, panel, before, y, wide, gutter) if goal.so_far and _climbs(goal) else y + 4
        y = _signs(canvas, rows, panel, y, wide, gutter)
        y = _labels(canvas, goal, panel, y, wide, gutter) + 12
    y = key(canvas, _entries(goal, columns, rows), y - 6)
    said = review_texts()
    return canvas.svg(
        y,
        id=id,
        title=heading(goal),
        said=said("picture-said", sentence=standing(goal, shared=shared)),
    )


def _gutter(goal: ReviewGoal, rows: Sequence[_Row]) -> float:
    """Return the room for the words at the left: they end there, and one that is wider would be cut off."""
    said = review_texts()
    words = [*(row.label for row in rows), said("axis-day"), said("axis-session")]
    return 4 + max(GUTTER - 4, room(said("axis-goal", number=goal.progress.needed), bold=True), *map(room, words))


def _climbs(goal: ReviewGoal) -> bool:
    return isinstance(goal.objective.target, (Ratio, Count))


# -- what is drawn


def _columns(goal: ReviewGoal) -> list[_Column]:
    said, limit, until = review_texts(), goal.objective.within, goal.progress.until
    totals = goal.so_far or (0,) * len(goal.progress.steps)
    found = [
        _Column(_day(step) if until else (str(step.number),), step, total)
        for step, total in zip(goal.progress.steps, totals, strict=True)
    ]
    if until is not None:
        last = totals[-1] if totals else 0
        return [*found, _Column((str(until.day), month_words(until)), None, last, said("axis-end"))]
    found += [_Column((str(one),), awaited=True) for one in still_to_come(goal)]
    if limit.kind is LimitKind.BY_SESSION and found:
        found[-1] = _Column(
            found[-1].lines, found[-1].step, found[-1].so_far, said("axis-due"), awaited=found[-1].awaited
        )
    return found


def _day(step: Step) -> tuple[str, ...]:
    return str(step.session.day.day), month_words(step.session.day)


def _rows(goal: ReviewGoal, *, shared: bool) -> list[_Row]:
    said, target = review_texts(), goal.objective.target
    if isinstance(target, Count):
        return [_Row(said("axis-added"), _number_of_all(goal, shared=shared))]
    if isinstance(target, Both):
        places = range(len(target.codes))
        return [_Row(said("part", number=place + 1), _mark_of(goal, place, shared=shared)) for place in places]
    label = said("axis-there" if isinstance(target, Exists) else "axis-answer")
    return [_Row(label, _mark_of(goal, 0, shared=shared))]


def _mark_of(goal: ReviewGoal, place: int, *, shared: bool) -> Callable[[Step], Entry]:
    return lambda step: _marked(goal, marks_of(goal, step, shared=shared)[place])


def _marked(goal: ReviewGoal, mark: Mark | None) -> Entry:
    return Entry(SIGNS[mark] if mark else chart_signs.not_asked, mark_words(goal, mark))


def _number_of_all(goal: ReviewGoal, *, shared: bool) -> Callable[[Step], Entry]:
    def found(step: Step) -> Entry:
        text = counted(goal, step, shared=shared)
        if text.isdecimal():
            return Entry(number(text), review_texts()("mark-number"))
        return _marked(goal, marks_of(goal, step, shared=shared)[0])

    return found


# -- how it is drawn


def _middles(panel: Sequence[_Column], wide: float, gutter: float) -> Iterator[tuple[_Column, float]]:
    for place, column in enumerate(panel):
        yield column, gutter + (place + 0.5) * wide


def _flags(canvas: Canvas, panel: Sequence[_Column], y: float, wide: float, gutter: float) -> float:
    for column, x in _middles(panel, wide, gutter):
        if column.flag:
            canvas.words(column.flag, x, y + FONT, anchor="middle", bold=True)
            canvas.polygon([(x - 4, y + 15), (x + 4, y + 15), (x, y + 21)], INK)
    return y + 22


def _plot(
    canvas: Canvas, goal: ReviewGoal, panel: Sequence[_Column], before: int, y: float, wide: float, gutter: float
) -> float:
    """Draw the line of how many so far, climbing to what was agreed, and return the height below it."""
    needed = goal.progress.needed
    most = max(needed, *goal.so_far)
    unit = min(28.0, max(4.0, _TALL / most))
    base, right = y + 10 + most * unit, gutter + len(panel) * wide
    canvas.line([(gutter, base), (right, base)], GREY)
    for level in range(0, most + 1, ceil(LINE / unit)):
        if abs(level - needed) * unit >= LINE:
            canvas.column([str(level)], gutter - 8, base - level * unit, anchor="end")
    canvas.column(
        [review_texts()("axis-goal", number=needed)], gutter - 4, base - needed * unit, anchor="end", bold=True
    )
    canvas.line([(gutter, base - needed * unit), (right, base - needed * unit)], INK, 1.5, "5 4")
    places, level = [], before
    for column, x in _middles(panel, wide, gutter):
        if column.step is not None:
            places.append((x - wide / 2, base - level * unit))
            level = column.so_far
            places += [(x - wide / 2, base - level * unit), (x + wide / 2, base - level * unit)]
    if places:
        canvas.line(places, BLUE, 3)
    return base + 6


def _signs(
    canvas: Canvas, rows: Sequence[_Row], panel: Sequence[_Column], y: float, wide: float, gutter: float
) -> float:
    for row in rows:
        middle = y + ROW / 2
        canvas.column([row.label], gutter - 4, middle, anchor="end")
        for column, x in _middles(panel, wide, gutter):
            if column.step is not None:
                row.sign(column.step).sign(canvas, x, middle)
            elif column.awaited:
                chart_signs.to_come(canvas, x, middle)
        y += ROW
    return y


def _labels(canvas: Canvas, goal: ReviewGoal, panel: Sequence[_Column], y: float, wide: float, gutter: float) -> float:
    name = review_texts()("axis-day" if goal.progress.until else "axis-session")
    lines = max(len(column.lines) for column in panel)
    canvas.words(name, gutter - 4, y + FONT, anchor="end")
    for column, x in _middles(panel, wide, gutter):
        for place, text in enumerate(column.lines):
            canvas.words(text, x, y + FONT + place * LINE, anchor="middle")
    return y + lines * LINE


def _entries(goal: ReviewGoal, columns: Sequence[_Column], rows: Sequence[_Row]) -> list[Entry]:
    """Return the key: the line, then each kind of sign that stands in the picture, once."""
    said = review_texts()
    line = [Entry(stretch(_PLAIN), said("mark-all"), 26)] if goal.so_far and _climbs(goal) else []
    found: dict[str, Entry] = {}
    for column in columns:
        for row in rows:
            if column.step is not None:
                entry = row.sign(column.step)
                found.setdefault(entry.text, entry)
            elif column.awaited:
                found.setdefault(said("mark-to-come"), Entry(chart_signs.to_come, said("mark-to-come")))
    return [*line, *(found[text] for key in _ORDER if (text := said(key)) in found)]
