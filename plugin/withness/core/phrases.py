"""Patterns found in a text, in a time that grows with the text's length and with nothing else in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from withness.core.patterns import NUMBER, Alternative, Element, Match, Occurrences, Pattern
from withness.core.sieve import Sieve
from withness.core.wording import Flat, Grammar, Words, fold, folded, parts

_REMEMBERED: Final = 20_000
"""How many words a matcher remembers; it forgets them all when there are more."""


@dataclass(frozen=True)
class _Begun:
    """What a word begins: elements that it is by itself, and alternatives of several words by their second one."""

    whole: tuple[Element, ...]
    by_second: Mapping[str, list[Alternative]]
    opened: list[Alternative]


class Matcher:
    """Patterns made ready to look for. `beside` are elements that others look for beside a match."""

    def __init__(self, patterns: Sequence[Pattern], grammar: Grammar, beside: Iterable[Element] = ()) -> None:
        self.patterns = tuple(patterns)
        self.sieve = Sieve(self.patterns, grammar.abbreviations)
        self._grammar = grammar
        self._beside = tuple(beside)
        self._owners: dict[Alternative, set[Element]] = {}
        for element in (*(one for each in self.patterns for one in _elements(each)), *self._beside):
            for alternative in element.alternatives:
                self._owners.setdefault(alternative, set()).add(element)
        self._firsts: dict[str, list[Alternative]] = {}
        for alternative in self._owners:
            self._firsts.setdefault(alternative[0], []).append(alternative)
        self._later = {word for alternative in self._owners for word in alternative[1:]}
        self._lengths = sorted({len(word) - 1 for word in self._firsts if word.endswith("*")})
        self._memory: dict[str, _Begun] = {}

    def _begun(self, word: str) -> _Begun:
        """Return what may begin with `word`."""
        known = self._memory.get(word)
        if known is not None:
            return known
        keys = [word, *(word[:length] + "*" for length in self._lengths if length <= len(word))]
        keys += [NUMBER] if word[0].isdigit() else []
        found = [one for key in keys for one in self._firsts.get(key, ())]
        whole = {element: None for one in found if len(one) == 1 for element in self._owners[one]}
        if len(self._memory) >= _REMEMBERED:
            self._memory.clear()
        self._memory[word] = begun = _Begun(tuple(whole), *_by_second(one for one in found if len(one) > 1))
        return begun

    def matches(self, texts: Sequence[str]) -> Iterator[tuple[int, Occurrences, list[Match]]]:
        """Yield what `read` returns for each text that may hold a match, behind the text's number."""
        for number in self.sieve.passing(folded(texts)):
            found, matches = self.read(fold(texts[number]))
            yield number, found, matches

    def read(self, flat: Flat) -> tuple[Occurrences, list[Match]]:
        """Return what stands in the text and each pattern's matches in their order, excused or not."""
        words = Words(flat, self._grammar, self._knows)
        numbers, ranges = self._where(words, flat.text)
        found = self._occurrences(words, numbers, ranges)
        return found, self._chained(numbers, found)

    def _chained(self, numbers: Sequence[int], found: Occurrences) -> list[Match]:
        """Return the matches of some patterns in the text's order, of those that begin together the longest first."""
        matches = [one for number in numbers for one in _chains(number, self.patterns[number], found)]
        return sorted(matches, key=lambda one: (one.first, -one.last))

    def _knows(self, word: str) -> bool:
        """Whether a word, or one like it, is in any pattern: a word broken at a line's end is then taken whole."""
        begun = self._begun(word)
        known = bool(begun.whole or begun.by_second or begun.opened) or word in self._later
        return known and parts(word) == (word,)

    def _where(self, words: Words, text: str) -> tuple[list[int], list[range]]:
        """Return the patterns that a sentence may hold, and the words of such sentences and of those beside them."""
        sentences = [range(first, end) for first, end in pairwise((*words.begins, len(words.text)))]
        numbers: set[int] = set()
        wanted: set[int] = set()
        for at, possible in enumerate(self.sieve.possible([_said(words, text, one) for one in sentences])):
            if possible:
                numbers.update(possible)
                wanted.update((at - 1, at, at + 1))
        return sorted(numbers), [sentences[at] for at in sorted(wanted) if 0 <= at < len(sentences)]

    def _occurrences(self, words: Words, numbers: Sequence[int], ranges: Sequence[range]) -> Occurrences:
        wanted = {one for number in numbers for one in _elements(self.patterns[number])} | set(self._beside)
        spans: dict[Element, list[tuple[int, int]]] = {element: [] for element in wanted}
        for number in (number for some in ranges for number in some):
            begun = self._begun(words.text[number])
            for element in begun.whole:
                if element in spans:
                    spans[element].append((number, number))
            for alternative in _longer(begun, words, number) if begun.by_second or begun.opened else ():
                for element in self._owners[alternative]:
                    if element in spans:
                        spans[element].append((number, number + len(alternative) - 1))
        return Occurrences(words, spans)


def _elements(pattern: Pattern) -> tuple[Element, ...]:
    return (*pattern.elements, pattern.unless, pattern.not_after, pattern.not_before)


def _said(words: Words, text: str, some: range) -> str:
    """Return the stretch of folded text that words by their numbers stand in."""
    return text[words.span[some[0]][0] : words.span[some[-1]][1]]


def _by_second(alternatives: Iterable[Alternative]) -> tuple[dict[str, list[Alternative]], list[Alternative]]:
    """Return alternatives of several words by their second one, and those whose second one is open."""
    known: dict[str, list[Alternative]] = {}
    opened = []
    for one in alternatives:
        if one[1].endswith("*") or one[1] == NUMBER:
            opened.append(one)
        else:
            known.setdefault(one[1], []).append(one)
    return known, opened


def _longer(begun: _Begun, words: Words, number: int) -> Iterator[Alternative]:
    """Yield the alternatives of several words that stand at `number`."""
    if number + 1 < len(words.text):
        for alternative in (*begun.by_second.get(words.text[number + 1], ()), *begun.opened):
            if _goes_on(words, number, alternative):
                yield alternative


def _goes_on(words: Words, number: int, alternative: Alternative) -> bool:
    """Whether the words behind `number` are the alternative's other words, in the same sentence."""
    last = number + len(alternative) - 1
    if last >= len(words.text) or words.sentence[last] != words.sentence[number]:
        return False
    return all(
        _is(wanted, word) for wanted, word in zip(alternative[1:], words.text[number + 1 : last + 1], strict=True)
    )


def _is(wanted: str, word: str) -> bool:
    if wanted == NUMBER:
        return word[0].isdigit()
    return word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted


def _chains(number: int, pattern: Pattern, found: Occurrences) -> Iterator[Match]:
    """Yield a match for each place where the pattern's last element ends it.

    Of the ways to get there each step takes the nearest place of the element before: where any way is near enough,
    this one is.
    """
    sentence, clause = found.words.sentence, found.words.clause
    chains: list[tuple[tuple[int, int], ...]] = [(span,) for span in found.of(pattern.elements[0])]
    for element, within in zip(pattern.elements[1:], pattern.within, strict=True):
        longer: list[tuple[tuple[int, int], ...]] = []
        chains.sort(key=lambda chain: chain[-1][1])
        ends = [chain[-1][1] for chain in chains]
        for first, last in found.of(element):
            before = bisect_left(ends, first) - 1
            if before < 0 or first - ends[before] - 1 > within:
                continue
            if sentence[first] == sentence[ends[before]]:
                longer.append((*chains[before], (first, last)))
        chains = longer
    for chain in chains:
        first, last = chain[0][0], chain[-1][1]
        whole = not pattern.one_clause or clause[first] == clause[last]
        ended = not pattern.ends or last + 1 == len(clause) or clause[last + 1] != clause[last]
        if whole and ended:
            yield Match(number, chain)
