"""One question's answers over the sessions as a line: with a gap where an answer was skipped, and never a guess."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from withness.core.review import Course, Point, Series
from withness.packs import chart_signs
from withness.packs.chart_canvas import FONT, GREY, LINE, WIDTH, Canvas, Style, room, style_of, wrapped
from withness.packs.chart_signs import Entry, Sign, key, stretch
from withness.packs.progress_chart import SLOTS
from withness.packs.review_texts import review_texts
from withness.packs.review_words import answered, point_at, sessions_of

if TYPE_CHECKING:
    from markupsafe import Markup

_ROOM: Final = 92
"""Most room for the words at the left, in pixels."""

_LEAST: Final = 48
_TALL: Final = 110
_STEP: Final = 34
_ROW: Final = 22


@dataclass(frozen=True)
class _Frame:
    """Where things stand: the words' room at the left, a session's width, and the upright line's scale."""

    gutter: float
    wide: float
    unit: float
    low: int
    high: int
    head: float
    labels: Mapping[int, tuple[str, ...]]

    def x(self, place: float) -> float:
        """Return the middle of the session at `place` of its row, from 0."""
        return self.gutter + (place + 0.5) * self.wide


def course_svg(course: Course, names: Mapping[str, str], *, id: str) -> Markup | None:
    """Return the course's picture as an SVG element, None where its answers are in no order or nothing was answered.

    `names` are the people of a shared page by id, none on an own page; `id` is unique on the page, a slug of ours.
    """
    numbers = list(sessions_of(course))
    if not course.levels or not answered(course):
        return None
    canvas, frame, y = Canvas(), _frame(course, len(numbers)), 0.0
    for start in range(0, len(numbers), SLOTS):
        y = _panel(canvas, course, frame, numbers, start, y) + 12
    y = key(canvas, list(_entries(course, names)), y - 6)
    said = review_texts()
    return canvas.svg(y, id=id, title=course.title, said=said("picture-course"))


def _frame(course: Course, sessions: int) -> _Frame:
    values = [one.value for one in course.levels]
    low, high = min(values), max(values)
    labels = {one.value: wrapped(_label(course, one.value, one.text), _ROOM, 3) for one in course.levels}
    if course.numbered and (low + high) % 2 == 0:
        labels.setdefault((low + high) // 2, (str((low + high) // 2),))
    most = max(map(len, labels.values()))
    tall = _TALL if course.numbered else max(_STEP, most * LINE + 8) * (high - low)
    words = [*(line for lines in labels.values() for line in lines), review_texts()("axis-session")]
    widest = max(map(room, words))
    gutter = max(_LEAST, widest) + 8
    wide = min(_LEAST, (WIDTH - gutter - 4) / min(SLOTS, sessions))
    return _Frame(gutter, wide, tall / max(1, high - low), low, high, max(LINE, most * LINE) / 2 + 4, labels)


def _label(course: Course, value: int, text: str) -> str:
    return review_texts()("level-number", number=value, text=text) if course.numbered else text


def _panel(canvas: Canvas, course: Course, frame: _Frame, numbers: Sequence[int], start: int, y: float) -> float:
    shown = numbers[start : start + SLOTS]
    base, right = y + frame.head + (frame.high - frame.low) * frame.unit, frame.gutter + len(shown) * frame.wide
    for value, lines in frame.labels.items():
        height = base - (value - frame.low) * frame.unit
        canvas.line([(frame.gutter, height), (right, height)], GREY, 0.75, "1 3")
        canvas.column(lines, frame.gutter - 8, height, anchor="end")
    for place, series in enumerate(course.series):
        shift = (place - (len(course.series) - 1) / 2) * min(10, frame.wide * 0.7 / len(course.series))
        _drawn(canvas, series, style_of(place), frame, numbers, start, base, shift)
    y = base + frame.head - 4
    for place, series in enumerate(course.series):
        y = _below(canvas, course, series, style_of(place), frame, shown, y)
    canvas.words(review_texts()("axis-session"), frame.gutter - 8, y + FONT + 2, anchor="end")
    for place, number in enumerate(shown):
        canvas.words(str(number), frame.x(place), y + FONT + 2, anchor="middle")
    return y + LINE + 2


def _drawn(
    canvas: Canvas,
    series: Series,
    style: Style,
    frame: _Frame,
    numbers: Sequence[int],
    start: int,
    base: float,
    shift: float,
) -> None:
    """Draw one person's line and signs; it goes on to the edge where the next row goes on with it."""
    levels = [point.level if (point := point_at(series, number)) else None for number in numbers]
    end = min(start + SLOTS, len(numbers))

    def at(place: float, level: float) -> tuple[float, float]:
        return frame.x(place - start) + shift, base - (level - frame.low) * frame.unit

    for place in range(max(0, start - 1), end):
        here, then = levels[place], levels[place + 1] if place + 1 < len(levels) else None
        if here is None or then is None:
            continue
        middle = (here + then) / 2
        first = at(place, here) if place >= start else at(start - 0.5, middle)
        second = at(place + 1, then) if place + 1 < end else at(end - 0.5, middle)
        canvas.line([first, second], style.colour, 2.5, style.dash)
    for place in range(start, end):
        level = levels[place]
        if level is not None:
            canvas.point(style, *at(place, level))


def _below(
    canvas: Canvas, course: Course, series: Series, style: Style, frame: _Frame, shown: Sequence[int], y: float
) -> float:
    """Draw what has no place on the line, below it, in a row for each person who has any."""
    asides = {number: _aside(point_at(series, number)) for number in sessions_of(course)}
    if not any(asides.values()):
        return y
    if len(course.series) > 1:
        canvas.point(style, frame.gutter - 14, y + _ROW / 2)
    for place, number in enumerate(shown):
        if sign := asides[number]:
            sign(canvas, frame.x(place), y + _ROW / 2)
    return y + _ROW


def _aside(point: Point | None) -> Sign | None:
    if point is None:
        return chart_signs.not_asked
    if point.level is not None:
        return None
    return chart_signs.other if point.text else chart_signs.skipped


def _entries(course: Course, names: Mapping[str, str]) -> Iterator[Entry]:
    said = review_texts()
    if len(course.series) > 1:
        for place, series in enumerate(course.series):
            yield Entry(stretch(style_of(place)), names[series.who], 30)
    shown = {_aside(point_at(one, number)) for one in course.series for number in sessions_of(course)}
    meant = {
        chart_signs.skipped: "mark-skipped",
        chart_signs.not_asked: "mark-not-asked",
        chart_signs.other: "mark-other",
    }
    for sign, said_as in meant.items():
        if sign in shown:
            yield Entry(sign, said(said_as))
