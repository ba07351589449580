"""The fixed words around a note: catalogue/note_texts.toml, every key there and none besides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from withness import content
from withness.core.note import NOT_SHOWN
from withness.packs.fixed_texts import FixedTexts, parse_fixed_texts

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


def instead_of(claim: str) -> str:
    """Return what to write in the place of a claim, by its id."""
    return note_texts()(f"instead-{claim}" if claim in CLAIMS else "instead")


@cache
def note_texts() -> FixedTexts:
    """Return the shipped texts. Raises InvalidContent naming file and key."""
    return parse_note_texts((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_note_texts(text: bytes, *, name: str) -> FixedTexts:
    """Return the texts in a TOML file. Raises InvalidContent naming file and key."""
    return parse_fixed_texts(text, HOLES, name=name)
