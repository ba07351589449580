"""Whether a written answer says something, as FHIRPath: `core.reading.blank` for the scripts named here.

FHIRPath knows neither Unicode's letters nor its normal forms. So the letters are listed: those that keep their form
when they are folded (NFKC, one case). An answer in other letters alone says nothing here: stricter than the software,
never looser.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from withness.fhir.package.fhirpath import listed, negated, quoted

LETTERS: Final = (
    "0-9a-z"
    "\u00e0-\u00f6\u00f8-\u00ff"  # Latin-1, without the sharp s, which folds to two letters
    "\u0101-\u0131\u0135-\u0137\u013a-\u013e\u0142-\u0148\u014b-\u017e"  # Latin Extended-A
    "\u03ac-\u03af\u03b1-\u03c1\u03c3-\u03ce"  # Greek, without the final sigma
    "\u0430-\u045f"  # Cyrillic
    "\u05d0-\u05ea"  # Hebrew
    "\u0621-\u063a\u0641-\u064a"  # Arabic
    "\u0905-\u0939"  # Devanagari
    "\u0e01-\u0e30"  # Thai
    "\u3041-\u3096\u30a1-\u30fa"  # Hiragana, Katakana
    "\u4e00-\u9fff"  # Han
    "\uac00-\ud7a3"  # Hangul
)
"""A character class of a regular expression, in lower case."""


def says(words: Iterable[str]) -> str:
    """Return whether a string says something; `words` are the policy's words for nothing."""
    known = dict.fromkeys(["", *(form for word in words for form in _forms(word))])
    return negated(f"lower().replaceMatches({quoted(f'[^{LETTERS}]')}, '') in {listed(known)}")


def _forms(word: str) -> tuple[str, str]:
    """A word as FHIRPath leaves it, and as the software folds it."""
    folded = unicodedata.normalize("NFKC", word).casefold()
    return _stripped(word.lower()), _stripped(folded)


def _stripped(word: str) -> str:
    return re.sub(f"[^{LETTERS}]", "", word)
