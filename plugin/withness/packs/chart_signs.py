"""The signs of a session in a chart, and the key below it that says what each one means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from withness.core.achievement import Mark
from withness.packs.chart_canvas import BLUE, FONT, GREY, INK, LINE, PAPER, WIDTH, Canvas, Style, length, wrapped

ROW = 26
"""From one row of signs to the next, in pixels."""

Sign = Callable[[Canvas, float, float], None]


def met(canvas: Canvas, x: float, y: float) -> None:
    """A filled disc with a tick."""
    canvas.circle(x, y, 8, BLUE, BLUE)
    canvas.line([(x - 4, y), (x - 1, y + 3.5), (x + 4, y - 3.5)], PAPER, 2)


def not_met(canvas: Canvas, x: float, y: float) -> None:
    """An open circle."""
    canvas.circle(x, y, 8, PAPER, INK)


def skipped(canvas: Canvas, x: float, y: float) -> None:
    """A bar."""
    canvas.line([(x - 7, y), (x + 7, y)], INK, 3)


def not_asked(canvas: Canvas, x: float, y: float) -> None:
    """A dot."""
    canvas.circle(x, y, 2, INK, INK)


def absent(canvas: Canvas, x: float, y: float) -> None:
    """A circle of dots."""
    canvas.circle(x, y, 8, PAPER, GREY, "2 3")


def to_come(canvas: Canvas, x: float, y: float) -> None:
    """An empty square."""
    canvas.polygon([(x - 7, y - 7), (x + 7, y - 7), (x + 7, y + 7), (x - 7, y + 7)], PAPER, GREY)


def other(canvas: Canvas, x: float, y: float) -> None:
    """A question mark: an answer that has no place on the line, or decides nothing."""
    canvas.words("?", x, y + FONT * 0.35, anchor="middle", bold=True)


SIGNS: dict[Mark, Sign] = {
    Mark.MET: met,
    Mark.NOT_MET: not_met,
    Mark.SKIPPED: skipped,
    Mark.OPEN: other,
    Mark.NOT_ASKED: not_asked,
    Mark.ABSENT: absent,
}


def number(text: str) -> Sign:
    """Return the sign of a number: the number."""

    def drawn(canvas: Canvas, x: float, y: float) -> None:
        canvas.words(text, x, y + FONT * 0.35, anchor="middle", bold=True)

    return drawn


def stretch(style: Style) -> Sign:
    """Return the sign of a line: a piece of it, with a person's sign on it where it has one."""

    def drawn(canvas: Canvas, x: float, y: float) -> None:
        canvas.line([(x - 13, y), (x + 13, y)], style.colour, 2.5, style.dash)
        if style.shape:
            canvas.point(style, x, y)

    return drawn


@dataclass(frozen=True)
class Entry:
    """One entry of the key: a sign, how wide it is, and what it means."""

    sign: Sign
    text: str
    wide: float = 18


def key(canvas: Canvas, entries: Sequence[Entry], y: float) -> float:
    """Draw the key from the height `y` on, and return the height below it; an entry stands whole on its lines."""
    x = 0.0
    for one in entries:
        lines = wrapped(one.text, WIDTH - one.wide - 8, 2)
        needs = one.wide + 6 + max(map(length, lines), default=0) + 14
        if x and (x + needs > WIDTH + 14 or len(lines) > 1):
            x, y = 0.0, y + 22
        one.sign(canvas, x + one.wide / 2, y + 11)
        canvas.column(lines[:1], x + one.wide + 6, y + 11, anchor="start")
        if len(lines) > 1:
            canvas.column(lines[1:], x + one.wide + 6, y + 11 + LINE, anchor="start")
            y += LINE
            x = WIDTH
        else:
            x += needs
    return y + 24 if entries else y
