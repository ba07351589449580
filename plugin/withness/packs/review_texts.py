"""The fixed words of a review page: catalogue/review_texts.toml, every key there and none besides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from withness import content
from withness.packs.toml import Outside, Text, checked, refusal, table

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

_HOLE: Final = re.compile(r"\{([a-z]*)\}")


class _Said(Outside):
    text: Text
    source: Text


class ReviewTexts:
    """The texts by key, each with its holes filled in."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = MappingProxyType(dict(texts))

    def __call__(self, key: str, **given: object) -> str:
        """Return the text `key` with `given` in its holes: put in as they are, and never read again."""
        return _HOLE.sub(lambda hole: str(given[hole[1]]), self._texts[key])


@cache
def review_texts() -> ReviewTexts:
    """Return the shipped texts. Raises InvalidContent naming file and key."""
    return parse_review_texts((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_review_texts(text: bytes, *, name: str) -> ReviewTexts:
    """Return the texts in a TOML file. Raises InvalidContent naming file and key."""
    found: dict[str, Any] = table(text, name=name)
    texts = {}
    for key in (*HOLES, *found):
        if key not in HOLES:
            raise refusal(name, key, "is not a key of this file")
        if not isinstance(found.get(key), dict):
            raise refusal(name, key, "is missing" if key not in found else "should be a table")
        texts[key] = checked(_Said, found[key], name=f"{name}: {key}").text
        if sorted(_HOLE.findall(texts[key])) != sorted(HOLES[key]):
            holes = ", ".join(f"{{{hole}}}" for hole in HOLES[key]) or "nothing"
            raise refusal(name, key, f"must leave room for {holes}")
    return ReviewTexts(texts)
