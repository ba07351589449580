"""What the charts are drawn with: a sheet of lines, signs and words, written as SVG by the library drawsvg.

Everything differs in shape before it differs in colour: a print in black and white says the same. Presentation
attributes only, and nothing from outside: a strict Content-Security-Policy lets all of it stand. drawsvg does not
escape what stands in attributes: no word of anybody's goes there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from withness.packs.note_text import visible

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH: Final = 288
"""Of every picture, in pixels: what fits on a screen of 320 with its margins, so that no letter is ever shrunk."""

FONT: Final = 12
LINE: Final = 15
"""Pixels: size of every letter, and from one line to the next."""

INK, GREY, PAPER = "#000000", "#595959", "#ffffff"
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
"""Of the palette by Okabe and Ito (2008, Color Universal Design), those with 3:1 on white (WCAG 2.2, 1.4.11)."""

_FACE: Final = "Arial, Helvetica, sans-serif"
_NARROW: Final = frozenset("iIjl.,:;'|!()[] ftr-")
_WIDE: Final = frozenset("mwMW@%–—…")

Place = tuple[float, float]


@dataclass(frozen=True)
class Style:
    """How a person's line looks: sign, dash and colour, each of them another one."""

    shape: str
    dash: str
    colour: str


_SHAPES: Final = ("circle", "square", "triangle", "diamond", "plus", "wedge")
_DASHES: Final = ("", "7 4", "2 3", "9 3 2 3")
_COLOURS: Final = (BLUE, VERMILLION, GREEN, INK)
_LOOKS: Final = (0, 1, 2, 3, 1, 2, 3, 0, 3, 0, 0, 1)
"""Which dash each of twelve people gets: nobody shares it with one of the same shape, or of the same colour."""


def style_of(place: int) -> Style:
    """Return the look of the series at `place`, from 0; the first four differ in shape, dash and colour at once."""
    dash = _DASHES[_LOOKS[place % len(_LOOKS)]]
    return Style(_SHAPES[place % len(_SHAPES)], dash, _COLOURS[place % len(_COLOURS)])


def length(text: str) -> float:
    """Return about how wide a text is, in pixels: rather too much than too little, for no font is at hand."""
    return sum(_em(one) for one in unicodedata.normalize("NFKC", text)) * FONT


def room(text: str, *, bold: bool = False) -> float:
    """Return how much room a text needs in a wide face too (DejaVu Sans, which Linux prints with), in pixels."""
    return length(text) * (_WIDE_BOLD if bold else _WIDE_FACE)


_WIDE_FACE, _WIDE_BOLD = 1.12, 1.27


def _em(one: str) -> float:
    if unicodedata.east_asian_width(one) in ("W", "F") or not one.isprintable():
        return 1.1
    if unicodedata.combining(one):
        return 0.0
    if one in _NARROW:
        return 0.35
    return 0.92 if one in _WIDE else 0.72 if one.isupper() or not one.isascii() else 0.57


def wrapped(text: str, room: float, lines: int) -> tuple[str, ...]:
    """Return a text in at most so many lines that fit into `room` pixels; what is cut ends with "…"."""
    found: list[str] = []
    for word in text.split():
        joined = f"{found[-1]} {word}" if found else word
        if found and length(joined) <= room:
            found[-1] = joined
        else:
            found.append(word)
    cut = [_cut(one, room, more=False) for one in found[:lines]]
    if len(found) > lines:
        cut[-1] = _cut(found[lines - 1], room, more=True)
    return tuple(cut)


def _cut(text: str, room: float, *, more: bool) -> str:
    if not more and length(text) <= room:
        return text
    while text and length(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"


class Canvas:
    """One picture while it is drawn; `y` goes down. Coordinates are pixels."""

    def __init__(self) -> None:
        self._library = _drawsvg()
        self._drawn: list[Any] = []

    def line(self, places: Sequence[Place], colour: str = INK, width: float = 1, dash: str = "") -> None:
        """Draw a line through these places."""
        path = " ".join(f"{'L' if at else 'M'}{_number(x)},{_number(y)}" for at, (x, y) in enumerate(places))
        self._path(path, fill="none", stroke=colour, stroke_width=width, **({"stroke_dasharray": dash} if dash else {}))

    def words(self, text: str, x: float, y: float, *, anchor: str = "start", bold: bool = False) -> None:
        """Write one line of words; `y` is the line that the letters stand on."""
        weight = {"font_weight": "bold"} if bold else {}
        self._drawn.append(
            self._library.Text(
                visible(text),
                FONT,
                _number(x),
                _number(y),
                fill=INK,
                font_family=_FACE,
                text_anchor=anchor,
                **weight,
            )
        )

    def column(self, lines: Sequence[str], x: float, y: float, *, anchor: str = "middle", bold: bool = False) -> None:
        """Write lines of words around the height `y`."""
        first = y - (len(lines) - 1) * LINE / 2 + FONT * 0.35
        for place, text in enumerate(lines):
            self.words(text, x, first + place * LINE, anchor=anchor, bold=bold)

    def circle(self, x: float, y: float, radius: float, fill: str, stroke: str = "none", dash: str = "") -> None:
        """Draw a circle."""
        more = {"stroke_dasharray": dash} if dash else {}
        self._drawn.append(
            self._library.Circle(_number(x), _number(y), radius, fill=fill, stroke=stroke, stroke_width=2, **more)
        )

    def polygon(self, places: Iterable[Place], fill: str, stroke: str = "none", width: float = 1) -> None:
        """Draw a closed shape."""
        path = " ".join(f"{'L' if at else 'M'}{_number(x)},{_number(y)}" for at, (x, y) in enumerate(places))
        self._path(f"{path} Z", fill=fill, stroke=stroke, stroke_width=width)

    def point(self, style: Style, x: float, y: float) -> None:
        """Draw a person's sign."""
        if style.shape == "circle":
            self.circle(x, y, 4.5, style.colour)
            return
        self.polygon([(x + right, y + down) for right, down in _OUTLINES[style.shape]], style.colour)

    def svg(self, height: float, *, id: str, title: str, said: str) -> Markup:
        """Return the picture as an SVG element to stand in a page; `id` is unique there, a slug of ours.

        The same drawing makes the same bytes. A screen reader hears `title` and `said`.
        """
        from markupsafe import Markup

        names = {"role": "img", "aria_labelledby": f"{id}-title {id}-desc"}
        drawing = self._library.Drawing(WIDTH, round(height), id_prefix=f"{id}-", **names)
        drawing.append(self._library.Title(visible(title), id=f"{id}-title"))
        drawing.append(_desc(visible(said), id=f"{id}-desc"))
        drawing.extend(self._drawn)
        return Markup(drawing.as_svg(header=""))  # noqa: S704  drawsvg escapes texts, and attributes are ours

    def _path(self, d: str, **look: Any) -> None:
        self._drawn.append(self._library.Path(d, **look))


_OUTLINES: Final[dict[str, tuple[Place, ...]]] = {
    "square": ((-4.5, -4.5), (4.5, -4.5), (4.5, 4.5), (-4.5, 4.5)),
    "triangle": ((0, -6), (6, 5), (-6, 5)),
    "diamond": ((0, -6.5), (6.5, 0), (0, 6.5), (-6.5, 0)),
    "wedge": ((0, 6), (6, -5), (-6, -5)),
    "plus": (
        *((-2, -6), (2, -6), (2, -2), (6, -2), (6, 2), (2, 2)),
        *((2, 6), (-2, 6), (-2, 2), (-6, 2), (-6, -2), (-2, -2)),
    ),
}


def _number(value: float) -> float | int:
    short = round(value, 1)
    return int(short) if short == int(short) else short


def _drawsvg() -> Any:
    import drawsvg  # type: ignore[import-untyped]

    return drawsvg


def _desc(text: str, *, id: str) -> Any:
    """Return an SVG description; drawsvg has a class for a title, and none for this."""
    title = _drawsvg().Title

    class Description(title):  # type: ignore[misc, valid-type]
        TAG_NAME = "desc"

    return Description(text, id=id)
