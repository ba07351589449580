"""The two pictures of the compliance report: decisions of each week, and how long acute holds took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from math import ceil, log10
from typing import TYPE_CHECKING, Final

from withness.packs.chart_canvas import GREY, INK, WIDTH, Canvas, room, style_of
from withness.packs.chart_signs import Entry, key, stretch

if TYPE_CHECKING:
    from markupsafe import Markup

Weeks = Sequence[tuple[date, int, int]]
"""The Monday of each week, how many decisions released, how many held."""

Times = Sequence[tuple[str, Sequence[float]]]
"""What was waited for, and how many seconds each one took."""

_LEFT, _TOP, _TALL, _ROW = 44, 8, 120, 34
_DOTTED: Final = 16
"""Most weeks that have a sign each; more of them are a line alone."""

_TICKS: Final = ((60, "1 min"), (3600, "1 h"), (86_400, "1 d"), (2_592_000, "30 d"))


def weeks_svg(weeks: Weeks, *, id: str) -> Markup | None:
    """Return the picture of the weeks as an SVG element, None of fewer than two; `id` is a slug of ours."""
    if len(weeks) < 2:
        return None
    canvas = Canvas()
    most = _round(max(max(released, held) for _, released, held in weeks))
    left = max(_LEFT, room(f"{most:,}") + 6)
    wide = (WIDTH - left - 12) / (len(weeks) - 1)

    def place(number: int, count: int) -> tuple[float, float]:
        return left + 6 + number * wide, _TOP + _TALL * (1 - count / most)

    for count in (0, most // 2, most) if most % 2 == 0 else (0, most):
        y = place(0, count)[1]
        canvas.line([(left, y), (WIDTH, y)], GREY if count else INK, 1, "2 3" if count else "")
        canvas.column([f"{count:,}"], left - 6, y, anchor="end")
    for row in range(2):
        style = style_of(row)
        places = [place(number, (one[1], one[2])[row]) for number, one in enumerate(weeks)]
        canvas.line(places, style.colour, 2, style.dash)
        for x, y in places if len(weeks) <= _DOTTED else ():
            canvas.point(style, x, y)
    canvas.words(f"{weeks[0][0]:%Y-%m-%d}", left, _TOP + _TALL + 18)
    canvas.words(f"{weeks[-1][0]:%Y-%m-%d}", WIDTH, _TOP + _TALL + 18, anchor="end")
    entries = [Entry(stretch(style_of(row)), name, 30) for row, name in enumerate(("released", "held"))]
    y = key(canvas, entries, _TOP + _TALL + 24)
    held, total = sum(one[2] for one in weeks), sum(one[1] + one[2] for one in weeks)
    said = (
        f"{len(weeks)} weeks from {weeks[0][0]:%Y-%m-%d} to {weeks[-1][0]:%Y-%m-%d}: {total:,} decisions, {held:,} of "
        "them held. The table below has the numbers."
    )
    return canvas.svg(y, id=id, title="Decisions of each week", said=said)


def _round(most: int) -> int:
    """Return a round number that is not less: 1, 2, 4, 6, 8 or 10 times a power of ten."""
    size: int = 10 ** max(0, ceil(log10(max(most, 1))) - 1)
    return next(step * size for step in (1, 2, 4, 6, 8, 10) if step * size >= most)


def times_svg(times: Times, *, id: str) -> Markup | None:
    """Return the picture of how long was waited, one sign for each, None where nobody waited for anything."""
    rows = [(name, found) for name, found in times if found]
    if not rows:
        return None
    canvas, left = Canvas(), max(92, *(room(name) + 8 for name, _ in rows))
    least, most = log10(_TICKS[0][0]), log10(max(_TICKS[-1][0], *(max(found) for _, found in rows)))

    def across(seconds: float) -> float:
        return left + 8 + (WIDTH - left - 26) * (log10(max(seconds, _TICKS[0][0])) - least) / (most - least)

    bottom = _TOP + _ROW * len(rows)
    for seconds, _ in _TICKS:
        canvas.line([(across(seconds), _TOP), (across(seconds), bottom)], GREY, 1, "2 3")
    for (seconds, text), (after, _) in pairwise((*_TICKS, (10**12, ""))):
        if across(after) - across(seconds) > 20:
            canvas.words(text, across(seconds), bottom + 16, anchor="middle")
    for row, (name, found) in enumerate(rows):
        y = _TOP + _ROW * (row + 0.5)
        canvas.column([name], left - 8, y, anchor="end")
        canvas.line([(left, y), (WIDTH, y)], INK)
        for x in sorted({round(across(one)) for one in found}):
            canvas.point(style_of(row), x, y)
    said = "; ".join(f"{name}: {len(found)}" for name, found in rows)
    told = f"How long after it was flagged, for each acute hold, from a minute to a month. {said}. The table has each."
    return canvas.svg(bottom + 24, id=id, title="From flagged to the end", said=told)
