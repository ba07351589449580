"""catalogue/review.toml: when a plan is looked at again; a site's own file takes its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from withness import content
from withness.core.decline import ReviewRules
from withness.errors import InvalidContent
from withness.packs.toml import Outside, Text, read, refusal

FILE: Final = "review.toml"
_HOLES: Final = ["number", "question"]

Days = Annotated[int, Field(strict=True, ge=1, le=3_650)]


class _Falling(Outside):
    in_a_row: Annotated[int, Field(strict=True, ge=2, le=20)]
    sentence: Text
    source: Text


class _Review(Outside):
    interval_days: Days
    due_days: Annotated[int, Field(strict=True, ge=0, le=365)]
    few_sessions_left: Annotated[int, Field(strict=True, ge=0, le=50)]
    falling: _Falling


def load_review_rules(packs: Path | None) -> ReviewRules:
    """Return the rules of the site's folder, else the shipped ones. Raises InvalidContent naming file and key."""
    own = packs / FILE if packs is not None else None
    try:
        text = (
            own.read_bytes() if own is not None and own.exists() else (content.folder("catalogue") / FILE).read_bytes()
        )
    except OSError:
        raise InvalidContent(f"{FILE} cannot be read.", field=FILE) from None
    return parse_review_rules(text, name=FILE)


def parse_review_rules(text: bytes, *, name: str) -> ReviewRules:
    """Return the rules in a TOML file. Raises InvalidContent naming file and key."""
    found = read(_Review, text, name=name)
    if sorted(re.findall(r"\{([a-z_]*)\}", found.falling.sentence)) != _HOLES:
        raise refusal(name, "falling.sentence", "must leave room for {question} and {number}")
    return ReviewRules(
        interval_days=found.interval_days,
        due_days=found.due_days,
        few_sessions_left=found.few_sessions_left,
        falling_in_a_row=found.falling.in_a_row,
        falling_sentence=found.falling.sentence,
    )
