"""catalogue/review.toml: when a plan is looked at again; a site's own file takes its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from withness import content
from withness.core.decline import ReviewRules, Told
from withness.errors import InvalidContent
from withness.files import read_regular
from withness.packs.toml import Outside, Text, read, refusal

FILE: Final = "review.toml"
_HOLES: Final = {
    "falling": ["number", "question"],
    "below": ["question"],
    "lowest": ["number", "question"],
    "answer": ["answer", "question"],
    "then": [],
}

Days = Annotated[int, Field(strict=True, ge=1, le=3_650)]
Few = Annotated[int, Field(strict=True, ge=2, le=20)]


class _Told(Outside):
    in_a_row: Few
    below_percent: Annotated[int, Field(strict=True, ge=1, le=100)]
    lowest_in_a_row: Few
    falling: Text
    below: Text
    lowest: Text
    answer: Text
    then: Text
    source: Text


class _Review(Outside):
    interval_days: Days
    due_days: Annotated[int, Field(strict=True, ge=0, le=365)]
    few_sessions_left: Annotated[int, Field(strict=True, ge=0, le=50)]
    told: _Told


def load_review_rules(packs: Path | None) -> ReviewRules:
    """Return the rules of the site's folder, else the shipped ones. Raises InvalidContent naming file and key."""
    own = packs / FILE if packs is not None else None
    path = own if own is not None and own.exists() else content.folder("catalogue") / FILE
    try:
        text = read_regular(path) if isinstance(path, Path) else path.read_bytes()
    except OSError:
        raise InvalidContent(f"{FILE} cannot be read.", field=FILE) from None
    return parse_review_rules(text, name=FILE)


def parse_review_rules(text: bytes, *, name: str) -> ReviewRules:
    """Return the rules in a TOML file. Raises InvalidContent naming file and key."""
    found = read(_Review, text, name=name)
    said = found.told.model_dump(exclude={"source"})
    for key, holes in _HOLES.items():
        if sorted(re.findall(r"\{([^{}]*)\}", said[key])) != holes or said[key].count("{") != len(holes):
            room = " and ".join(f"{{{hole}}}" for hole in holes) or "nothing"
            raise refusal(name, f"told.{key}", f"must leave room for {room}")
    return ReviewRules(found.interval_days, found.due_days, found.few_sessions_left, Told(**said))
