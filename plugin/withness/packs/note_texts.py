"""The fixed words around a note: catalogue/note_texts.toml, every key there and none besides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from withness import content
from withness.core.note import NOT_SHOWN
from withness.packs.toml import Outside, Text, checked, refusal, table

FILE: Final = "note_texts.toml"

CLAIMS: Final = (
    "randomised-trials",
    "evidence-based",
    "effective",
    "outcome-figures",
    "superiority",
    "cure-or-guarantee",
    "manualised",
    "fidelity",
    "certified",
    "for-a-disorder",
    "borrowed-evidence",
    "benefits-as-outcomes",
    "no-knowledge",
    "just-nice",
    "rejects-diagnosis",
    "fixed-technique",
    "for-everybody",
    "replaces-care",
)
"""The shipped claims that say what to write instead."""

HOLES: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("yes", "no", "preview", "with", "date", "clinician", "encounter", "layout"), ()),
    **dict.fromkeys(("layout-dap", "layout-birp", "layout-girp", "layout-soap"), ()),
    **dict.fromkeys(("prefilled", "comments", "comments-before", "signature", "unsigned", "shown", "declined"), ()),
    **{f"not-shown-{code}": () for code in NOT_SHOWN},
    **dict.fromkeys(("together", "redisclosure"), ()),
    **{f"instead-{claim}": () for claim in CLAIMS},
    "instead": (),
    "amended": (),
    "amended-line": ("day", "version"),
    "origin-plan": ("version",),
    "prefilled-line": ("title", "origin"),
    "prefilled-changed-line": ("title", "origin"),
    "signed": ("who", "when"),
    "credentials": ("credentials",),
}
"""Every text, and what is filled into it."""

_HOLE: Final = re.compile(r"\{([a-z]*)\}")


class _Said(Outside):
    text: Text
    source: Text


class NoteTexts:
    """The texts by key, each with its holes filled in."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = MappingProxyType(dict(texts))

    def __call__(self, key: str, **given: str) -> str:
        """Return the text `key` with `given` in its holes: put in as they are, and never read again."""
        return _HOLE.sub(lambda hole: given[hole[1]], self._texts[key])


def instead_of(claim: str) -> str:
    """Return what to write in the place of a claim, by its id."""
    return note_texts()(f"instead-{claim}" if claim in CLAIMS else "instead")


@cache
def note_texts() -> NoteTexts:
    """Return the shipped texts. Raises InvalidContent naming file and key."""
    return parse_note_texts((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_note_texts(text: bytes, *, name: str) -> NoteTexts:
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
    return NoteTexts(texts)
