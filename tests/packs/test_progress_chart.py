"""The pictures of a review: they show the numbers beside them, to anybody, in colour, in grey and aloud.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from xml.etree import ElementTree

import pytest
from tests.packs import review_samples as samples
from tests.packs.review_samples import GOALS, NAMES, ROSA, TOGETHER, TOM, fit, heard, series, together

from withness.core.achievement import Mark
from withness.core.review import Course
from withness.core.template import Count
from withness.packs import chart_signs
from withness.packs.chart_canvas import (
    BLUE,
    FONT,
    GREEN,
    GREY,
    INK,
    PAPER,
    VERMILLION,
    WIDTH,
    Canvas,
    length,
    room,
    style_of,
    wrapped,
)
from withness.packs.chart_signs import SIGNS
from withness.packs.course_chart import course_svg
from withness.packs.progress_chart import GUTTER, SLOTS, goal_svg
from withness.packs.report_chart import times_svg, weeks_svg
from withness.packs.review_texts import review_texts
from withness.packs.review_words import course_table, goal_table, marks_of

SVG = "{http://www.w3.org/2000/svg}"
ONLY = {
    "svg": {"width", "height", "viewBox", "role", "aria-labelledby"},
    "defs": set(),
    "title": {"id"},
    "desc": {"id"},
    "path": {"d", "fill", "stroke", "stroke-width", "stroke-dasharray"},
    "circle": {"cx", "cy", "r", "fill", "stroke", "stroke-width", "stroke-dasharray"},
    "text": {"x", "y", "font-size", "font-family", "font-weight", "text-anchor", "fill"},
}
"""Elements and attributes that can neither load, run nor move anything, nor be refused by a strict policy."""

COURSES: dict[str, Course] = {
    "one session": fit(series([5])),
    "a scale with a gap": fit(series([4, 6, None, 7, 9])),
    "a choice": together(series([1, 2, None, "I am not sure", 2], TOGETHER)),
    "two people": fit(series([4, 6, None, 7, 9], who=ROSA), series([6, 6, 5, 7, ...], who=TOM)),
    "twenty sessions": fit(series([(one * 7) % 11 for one in range(20)])),
    "two people, a choice": together(series([1, 2, 2], TOGETHER, ROSA), series([0, None, 2], TOGETHER, TOM)),
}
HOSTILE = '</text></svg><script>alert(1)</script><img src=x onerror=alert(2)>"\x00\x1b\u202e]]>&'


def pictures() -> dict[str, str]:
    """Every sample's picture that there is, by name."""
    goals = {name: make() for name, make in GOALS.items()}
    made = {name: goal_svg(one, shared=one.joint, id="g") for name, one in goals.items()}
    made["monologue, an own page"] = goal_svg(goals["monologue, one partner"], shared=False, id="g")
    made |= {name: course_svg(one, NAMES, id="c") for name, one in COURSES.items()}
    return {name: str(one) for name, one in made.items() if one is not None}


PICTURES = pictures()
every_picture = pytest.mark.parametrize("name", PICTURES)


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  our own picture


def tags(svg: str, tag: str) -> list[ElementTree.Element]:
    return parsed(svg).findall(f"{SVG}{tag}")


def words(svg: str) -> list[str]:
    return [one.text or "" for one in tags(svg, "text")]


Box = tuple[float, float, float, float]


def box(text: ElementTree.Element) -> Box:
    """About where a text stands: left, top, right, bottom."""
    wide, x, y = length(text.text or ""), float(text.attrib["x"]), float(text.attrib["y"])
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[text.attrib["text-anchor"]]
    return left, y - FONT * 0.75, left + wide, y + FONT * 0.2


# -- for everybody


@every_picture
def test_a_picture_is_told_as_one_and_needs_nothing_from_outside(name: str) -> None:
    """Planted and caught: a `style` attribute; an element with a link; the label naming an id that is not there."""
    root = parsed(PICTURES[name])
    assert root.attrib["role"] == "img"
    told = [one for one in root if one.attrib.get("id") in root.attrib["aria-labelledby"].split()]
    assert [one.tag for one in told] == [f"{SVG}title", f"{SVG}desc"]
    assert all((one.text or "").strip() for one in told)
    for one in root.iter():
        assert set(one.attrib) <= ONLY[one.tag.removeprefix(SVG)]


@every_picture
def test_every_letter_can_be_read(name: str) -> None:
    """12 pixels at least, black on white, on the sheet. Planted and caught: letters of 10; a label too far left."""
    root = parsed(PICTURES[name])
    assert int(root.attrib["width"]) == WIDTH <= 320 - 2 * 15
    for one in tags(PICTURES[name], "text"):
        left, top, right, bottom = box(one)
        assert (int(one.attrib["font-size"]) >= 12, one.attrib["fill"]) == (True, INK)
        assert left >= -0.1
        assert top >= -1
        assert right <= WIDTH + 8  # rather too wide: `length` says too much
        assert bottom <= int(root.attrib["height"])


@every_picture
def test_no_two_words_lie_on_each_other(name: str) -> None:
    """Planted and caught: every level named where the levels lie close together."""
    for one, other in itertools.combinations(tags(PICTURES[name], "text"), 2):
        (left, top, right, bottom), (from_, above, to, below) = box(one), box(other)
        assert right <= from_ + 1 or to <= left + 1 or bottom <= above or below <= top, (one.text, other.text)


def brightness(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    light = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]


@pytest.mark.parametrize("colour", [BLUE, VERMILLION, GREEN, INK, GREY])
def test_every_colour_stands_out_from_the_paper(colour: str) -> None:
    """3:1 (WCAG 2.2, 1.4.11). Planted and caught: the palette's orange, #E69F00."""
    assert 1.05 / (brightness(colour) + 0.05) >= 3


@every_picture
def test_no_other_colour_is_used(name: str) -> None:
    """Planted and caught: red for what was not met."""
    used = set(re.findall(r'(?:fill|stroke)="(#?\w+)"', PICTURES[name]))
    assert used <= {BLUE, VERMILLION, GREEN, INK, GREY, "#ffffff", "none"}


def test_two_people_differ_in_sign_dash_and_colour_at_once() -> None:
    """And of twelve, no two with one sign or one colour have one dash. Planted and caught: the dash left out."""
    for one, other in itertools.combinations(map(style_of, range(4)), 2):
        assert one.shape != other.shape
        assert one.dash != other.dash
        assert one.colour != other.colour
    for one, other in itertools.combinations(map(style_of, range(12)), 2):
        assert (one.shape, one.dash) != (other.shape, other.dash)
        assert (one.colour, one.dash) != (other.colour, other.dash)


def test_the_words_at_the_left_have_room() -> None:
    """What a site writes there instead must fit, too. Planted and caught: "answered"."""
    said = review_texts()
    axes = [said(f"axis-{one}") for one in ("session", "day", "answer", "there", "added")]
    for text in (*axes, said("axis-goal", number=99), said("part", number=2)):
        assert length(text) <= GUTTER - 4, text


def test_nothing_is_cut_off_at_the_left_in_a_wide_face() -> None:
    """A print in DejaVu Sans cut words off there: "goal 12" in bold takes 50 pixels, and had 48."""
    assert (room("goal 12", bold=True) >= 49.9, room("to the protocol") >= 88.6) == (True, True)
    weeks = [(date(2026, 11, 2), 12_000, 3), (date(2026, 11, 9), 9, 400_000)]
    times = [("to the protocol", [60.0]), ("to the first step", [7200.0])]
    more = {"weeks": str(weeks_svg(weeks, id="w")), "times": str(times_svg(times, id="t"))}
    for name, picture in {**PICTURES, **more}.items():
        for text in ElementTree.fromstring(picture).iter(f"{SVG}text"):  # noqa: S314  our own
            if text.attrib.get("text-anchor") == "end":
                bold = text.attrib.get("font-weight") == "bold"
                assert float(text.attrib["x"]) - room(text.text or "", bold=bold) >= -0.1, (name, text.text)


def test_the_same_goal_makes_the_same_bytes() -> None:
    """In every process. Planted and caught: the key in the order of a set."""
    made = "from tests.packs.test_progress_chart import PICTURES; import hashlib; "
    made += "print(hashlib.sha256(repr(sorted(PICTURES.items())).encode()).hexdigest())"
    found = {
        subprocess.run(
            [sys.executable, "-c", made],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_name_stays_a_word() -> None:
    """Planted and caught: a name put into an attribute, which drawsvg does not escape; a control character left."""
    course = fit(series([1], who=ROSA), series([2], who=TOM))
    svg = str(course_svg(course, {ROSA: HOSTILE, TOM: "Tom"}, id="c"))
    assert {one.tag.removeprefix(SVG) for one in parsed(svg).iter()} <= set(ONLY)
    assert any("</text></svg>" in one for one in words(svg))


# -- the picture and its table say the same


@pytest.mark.parametrize("name", GOALS)
def test_the_line_is_as_high_as_the_numbers_of_the_table(name: str) -> None:
    """Planted and caught: the numbers of the sessions added up, where one thing was named twice."""
    goal = GOALS[name]()
    svg = str(goal_svg(goal, shared=goal.joint, id="g"))
    lines = (
        [one.attrib["d"] for one in tags(svg, "path") if one.attrib.get("stroke-width") == "3"] if goal.so_far else []
    )
    lines = [one for one in lines if one.count("L") > 1]
    if not lines:
        assert not goal.so_far or type(goal.objective.target).__name__ == "Both"
        return
    most = max(goal.progress.needed, *goal.so_far)
    unit = min(28.0, max(4.0, 84 / most))
    drawn: list[int] = []
    for line in lines:
        heights = [float(one.split(",")[1]) for one in re.findall(r"[ML]\S+", line)]
        before = drawn[-1] if drawn else 0
        base = heights[0] + before * unit
        drawn += [round((base - one) / unit) for one in heights[2::3]]
    assert tuple(drawn) == goal.so_far
    assert [row[-1] for row in goal_table(goal, shared=goal.joint).rows if row[-1]] == [
        f"{one} of {goal.progress.needed}" if one <= goal.progress.needed else str(one) for one in goal.so_far
    ]


@pytest.mark.parametrize("name", GOALS)
def test_a_sign_for_each_session(name: str) -> None:
    """As many ticks, and as many empty squares, as the table has. Planted and caught: a skipped one shown as met."""
    goal = GOALS[name]()
    if not goal.progress.steps:
        return
    svg = str(goal_svg(goal, shared=goal.joint, id="g"))
    marks = [mark for step in goal.progress.steps for mark in marks_of(goal, step, shared=goal.joint)]
    signed = not isinstance(goal.objective.target, Count)
    ticks = sum(one.attrib["stroke"] == "#ffffff" for one in tags(svg, "path"))
    key = "yes" in words(svg)
    assert ticks - key == (sum(one is not None and one.value == "met" for one in marks) if signed else 0)
    rows = len(getattr(goal.objective.target, "codes", "1"))
    squares = sum(one.attrib["d"].endswith("Z") and one.attrib["stroke"] == GREY for one in tags(svg, "path"))
    assert squares - ("still to come" in words(svg)) == rows * (goal.progress.left or 0)


def test_what_is_skipped_left_open_not_asked_and_absent_looks_different() -> None:
    """In grey, too; left open looks as it does in a course. Planted and caught: one sign for skipped and left open."""
    drawn = []
    for sign in (*SIGNS.values(), chart_signs.to_come):
        canvas = Canvas()
        sign(canvas, 20, 20)
        drawn.append(re.sub("#[0-9a-fA-F]{6}", lambda one: PAPER if one[0] == PAPER else INK, str(svg_of(canvas))))
    assert len(set(drawn)) == len(Mark) + 1
    assert SIGNS[Mark.OPEN] is chart_signs.other


def svg_of(canvas: Canvas) -> str:
    return str(canvas.svg(40, id="s", title="a sign", said="a sign"))


def test_a_goal_without_a_session_has_no_picture() -> None:
    assert goal_svg(heard(), shared=False, id="g") is None


@pytest.mark.parametrize("shared", [True, False])
def test_what_several_do_together_is_one_row_of_signs(shared: bool) -> None:
    """On either page. Planted and caught: a row, a sign and a name in the key for each partner."""
    svg = str(goal_svg(GOALS["monologue, one partner"](), shared=shared, id="g"))
    assert not {"Rosa", "Tom"} & set(words(svg))
    assert words(svg).count("new") == 1
    assert VERMILLION not in svg


def test_a_long_course_goes_on_below() -> None:
    """Planted and caught: twenty sessions in one row."""
    svg = PICTURES["heard, twenty sessions"]
    heights: dict[str, int] = {}
    for one in tags(svg, "text"):
        if one.attrib["text-anchor"] == "middle" and (one.text or "").isdecimal():
            heights[one.attrib["y"]] = heights.get(one.attrib["y"], 0) + 1
    assert list(heights.values()) == [SLOTS, SLOTS, 4]


# -- courses


def segments(svg: str, colour: str) -> int:
    """How many stretches a person's line has; the key holds one more where there are several people."""
    return sum(one.attrib.get("stroke") == colour and one.attrib["fill"] == "none" for one in tags(svg, "path"))


@pytest.mark.parametrize(
    ("values", "stretches"),
    [
        ([4, 6, 7], 2),
        ([4, None, 7], 0),
        ([4, 6, None, 7, 9], 2),
        ([None, 4, None], 0),
        ([4, "I am not sure", 5, 6], 1),
        ([1] * (SLOTS + 2), SLOTS + 2),
    ],
)
def test_a_line_has_a_gap_where_an_answer_was_skipped(values: list[object], stretches: int) -> None:
    """A line that goes on below is drawn to the edge. Planted and caught: the gap bridged; a skipped one as 0."""
    course = fit(series(values))
    assert segments(str(course_svg(course, {}, id="c")), BLUE) == stretches
    said = [row[2] for row in course_table(course, {}).rows]
    assert said == ["skipped" if one is None else str(one) for one in values]


def test_an_answer_without_a_place_is_no_skipped_one() -> None:
    """Planted and caught: "I am not sure" drawn as a bar."""
    svg = str(course_svg(together(series([1, "I am not sure"], TOGETHER)), {}, id="c"))
    assert "?" in words(svg)
    assert "skipped" not in words(svg)


def test_two_people_stand_beside_each_other_where_they_said_the_same() -> None:
    """Planted and caught: the second sign exactly on the first."""
    svg = str(course_svg(fit(series([6], who=ROSA), series([6], who=TOM)), NAMES, id="c"))
    [rosa, *_] = [float(one.attrib["cx"]) for one in tags(svg, "circle")]
    [tom, *_] = [one.attrib["d"] for one in tags(svg, "path") if one.attrib["fill"] == VERMILLION]
    assert float(tom[1:].split(",")[0]) + 4.5 - rosa >= 9


def test_answers_in_no_order_have_no_picture() -> None:
    """Nor has what nobody answered. Planted and caught: an empty sheet with two bars below it."""
    assert course_svg(samples.DIFFERENT, {}, id="c") is None
    assert course_svg(fit(series([])), {}, id="c") is None
    assert course_svg(fit(series([None, None])), {}, id="c") is None


@pytest.mark.parametrize(
    ("text", "room", "lines", "made"),
    [
        ("Some of both", 200, 2, ("Some of both",)),
        ("Talking together", 70, 3, ("Talking", "together")),
        ("one two three four", 30, 2, ("one", "tw…")),
        ("W" * 40, 60, 2, ("WWWW…",)),
    ],
)
def test_words_are_put_into_lines(text: str, room: float, lines: int, made: tuple[str, ...]) -> None:
    """What is cut says so. Planted and caught: cut without a sign."""
    assert wrapped(text, room, lines) == made


def test_days_stand_below_a_window_of_weeks() -> None:
    """With the day on which it ends. Planted and caught: the session's number there."""
    svg = str(goal_svg(GOALS["transition, still open"](), shared=False, id="g"))
    assert {"9", "14", "Nov", "Dec", "end"} <= set(words(svg))


def test_the_session_by_which_it_is_due_is_named() -> None:
    """Planted and caught: no word above it."""
    svg = str(goal_svg(GOALS["own-list, due"](), shared=False, id="g"))
    due = next(one for one in tags(svg, "text") if one.text == "due")
    third = [one for one in tags(svg, "text") if one.text == "3"][-1]
    assert due.attrib["x"] == third.attrib["x"]


def test_a_list_that_is_there_stays_there() -> None:
    """Written in session 2, it is there in 3, asked or not. Planted and caught: "not asked" in session 3."""
    goal = GOALS["own-list, written"]()
    assert [row[2] for row in goal_table(goal, shared=False).rows] == ["not asked", "yes", "yes"]
    later = replace(goal.progress, on=goal.progress.on + timedelta(days=30))
    assert [row[2] for row in goal_table(replace(goal, progress=later), shared=False).rows] == [
        "not asked",
        "yes",
        "not asked",
    ]
