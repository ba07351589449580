"""Patterns of words as data: what they are made of, where their parts stand in a text, and what excuses a match."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from withness.core.wording import Words

REACH: Final = 30
"""How many words beside a match are read for what may excuse it."""

NUMBER: Final = "#"
"""Stands for any number written in digits."""

Alternative = tuple[str, ...]
"""Words that follow each other; a word that ends with * stands for all that begin so."""


@dataclass(frozen=True, eq=False)
class Element:
    """What may stand in one place of a pattern. Each is its own equal: patterns that use one group share it."""

    alternatives: tuple[Alternative, ...]


NOTHING: Final = Element(())
"""The element that stands nowhere."""


@dataclass(frozen=True)
class Pattern:
    """Elements in their order in one sentence; between two of them at most as many other words as `within` says.

    `unless`: what excuses the match when it stands in the same clause (`back`: or in the sentence before, when the
    match's own begins with a pronoun). `not_after`, `not_before`: what excuses it directly before or behind the match.
    `one_clause`: no clause ends inside; `ends`: one ends with the match.
    """

    elements: tuple[Element, ...]
    within: tuple[int, ...]
    unless: Element = NOTHING
    not_after: Element = NOTHING
    not_before: Element = NOTHING
    back: bool = False
    one_clause: bool = False
    ends: bool = False


@dataclass(frozen=True)
class Match:
    """A pattern by number, and the numbers of the words that its elements took."""

    pattern: int
    taken: tuple[tuple[int, int], ...]

    @property
    def first(self) -> int:
        return self.taken[0][0]

    @property
    def last(self) -> int:
        return self.taken[-1][1]


class Occurrences:
    """Where elements stand in a text: for each the spans (first word, last word), by their first word."""

    def __init__(self, words: Words, spans: dict[Element, list[tuple[int, int]]]) -> None:
        self.words = words
        self._spans = spans
        self._begins = {element: [first for first, _ in found] for element, found in spans.items()}

    def of(self, element: Element) -> Sequence[tuple[int, int]]:
        """Return every span of an element."""
        return self._spans.get(element, ())

    def between(self, element: Element, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield an element's spans that lie within the words `low` to `high`."""
        begins = self._begins.get(element, [])
        for index in range(bisect_left(begins, low), len(begins)):
            if begins[index] > high:
                return
            if self._spans[element][index][1] <= high:
                yield self._spans[element][index]


def excused(pattern: Pattern, match: Match, found: Occurrences) -> bool:
    """Whether what stands in or beside a match excuses it."""
    words = found.words
    ahead = found.between(pattern.not_after, match.first - REACH, match.first)
    if any(last == match.first - 1 and words.sentence[last] == words.sentence[match.first] for _, last in ahead):
        return True
    behind = found.between(pattern.not_before, match.last + 1, match.last + REACH)
    if any(first == match.last + 1 and words.sentence[first] == words.sentence[match.last] for first, _ in behind):
        return True
    low, high = clause_around(words, match)
    if pattern.back:
        low = min(low, _with_sentence_before(words, match))
    return any(True for _ in found.between(pattern.unless, low, high))


def _with_sentence_before(words: Words, match: Match) -> int:
    """Return where the sentence before begins, when the match's own begins with a pronoun that may mean its subject."""
    sentence, low = words.sentence, match.first
    while low > 0 and match.first - low < REACH and sentence[low - 1] == sentence[match.first]:
        low -= 1
    begin = low
    if words.text[begin] in words.grammar.pronouns:
        while low > 0 and begin - low < REACH and sentence[low - 1] == sentence[begin - 1]:
            low -= 1
    return low


def clause_around(words: Words, match: Match) -> tuple[int, int]:
    """Return the first and last word of the clauses that a match stands in, at most `REACH` words beside it."""
    low, high = match.first, match.last
    while low > 0 and match.first - low < REACH and words.clause[low - 1] == words.clause[match.first]:
        low -= 1
    end = len(words.text) - 1
    while high < end and high - match.last < REACH and words.clause[high + 1] == words.clause[match.last]:
        high += 1
    return low, high
