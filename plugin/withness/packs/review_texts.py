"""The fixed words of a review page: catalogue/review_texts.toml, every key there and none besides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from withness import content
from withness.packs.fixed_texts import FixedTexts, parse_fixed_texts

FILE: Final = "review_texts.toml"

HOLES: Final[Mapping[str, tuple[str, ...]]] = {
    # the page
    **dict.fromkeys(("title", "about", "skipping", "yours", "closing"), ()),
    **dict.fromkeys(("frame", "plan", "start", "review-by", "today"), ()),
    **dict.fromkeys(("together", "together-answers", "words", "payer-words", "how", "measure", "target", "limit"), ()),
    **dict.fromkeys(("agree", "pending", "disagree"), ()),
    **dict.fromkeys(("course", "change", "courses", "remarks", "unanswered", "by-hand"), ()),
    **dict.fromkeys(("due", "overdue"), ("day",)),
    "title-of": ("name",),
    "goal": ("number", "title"),
    "part": ("number",),
    "remark": ("day", "question"),
    "target-run": ("target",),
    # where a goal stands
    "count-open": ("now", "needed", "unit"),
    "count-closed": ("now", "needed", "unit"),
    "above-open": ("now", "needed", "unit"),
    "above-closed": ("now", "needed", "unit"),
    "count-run": ("count", "number"),
    "there": ("artefact",),
    "there-late": ("artefact", "day"),
    "not-there": ("artefact",),
    **dict.fromkeys(("parts-unit", "left-none", "left-one", "no-session"), ()),
    **dict.fromkeys(("left-more", "missing-each-more", "more-many"), ("number",)),
    **dict.fromkeys(("number-skipped", "number-unwritten", "number-unnoted"), ("number",)),
    **dict.fromkeys(("number-open", "number-not-asked"), ("number",)),
    **dict.fromkeys(("left-until", "closed-on", "is-achieved"), ("day",)),
    **dict.fromkeys(("is-in-progress", "is-early", "is-not-attainable", "is-not-achieved", "is-not-measured"), ()),
    "no-longer-measured": (),
    "is-late": ("artefact", "day"),
    "missing-part": ("part",),
    "missing-each": (),
    # what changed
    **dict.fromkeys(("first-review", "unchanged", "more-one"), ()),
    "changed": ("before", "now"),
    "stand": ("count", "status"),
    **dict.fromkeys(("short-in-progress", "short-achieved", "short-not-measured"), ()),
    **dict.fromkeys(("short-not-attainable", "short-not-achieved", "short-late"), ()),
    # the pictures and their tables
    "table-goal": ("number",),
    **dict.fromkeys(
        ("table-course", "head-session", "head-day", "head-answer", "head-there", "head-added", "head-so-far"), ()
    ),
    "of-needed": ("now", "needed"),
    "from-to": ("first", "last"),
    **dict.fromkeys(("mark-met", "mark-not-met", "mark-skipped", "mark-not-asked", "mark-absent", "mark-to-come"), ()),
    **dict.fromkeys(("mark-open", "mark-unwritten", "mark-unnoted"), ()),
    **dict.fromkeys(("mark-other", "mark-nothing", "mark-number", "mark-all"), ()),
    **dict.fromkeys(
        ("axis-session", "axis-day", "axis-answer", "axis-there", "axis-added", "axis-due", "axis-end"), ()
    ),
    "axis-goal": ("number",),
    "level-number": ("number", "text"),
    "picture-said": ("sentence",),
    "picture-course": (),
    "said-session": ("number", "day", "said"),
    "said-to-come": ("number", "said"),
    "pair": ("what", "said"),
}
"""Every text, and what is filled into it."""


@cache
def review_texts() -> FixedTexts:
    """Return the shipped texts. Raises InvalidContent naming file and key."""
    return parse_review_texts((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_review_texts(text: bytes, *, name: str) -> FixedTexts:
    """Return the texts in a TOML file. Raises InvalidContent naming file and key."""
    return parse_fixed_texts(text, HOLES, name=name)
