"""Patterns found in a text, in a time that grows with the text's length and with nothing else in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from withness.core.patterns import NUMBER, Alternative, Element, Match, Occurrences, Pattern
from withness.core.wording import Flat, Grammar, Words

_REMEMBERED: Final = 20_000
"""How many words a matcher remembers; it forgets them all when there are more."""


@dataclass(frozen=True)
class _Begun:
    """What a word begins: elements that it is by itself, and alternatives of several words by their second one.

    `bits`: the elements that may begin here whatever follows; `bits_by_second`: those that need that second word.
    """

    bits: int
    whole: tuple[Element, ...]
    bits_by_second: Mapping[str, int]
    by_second: Mapping[str, list[Alternative]]
    opened: list[Alternative]


class Matcher:
    """Patterns made ready to look for. `beside` are elements that others look for beside a match."""

    def __init__(self, patterns: Sequence[Pattern], grammar: Grammar, beside: Iterable[Element] = ()) -> None:
        self.patterns = tuple(patterns)
        self._grammar = grammar
        self._beside = tuple(beside)
        self._bits: dict[Element, int] = {}
        self._owners: dict[Alternative, set[Element]] = {}
        for element in (*(one for each in self.patterns for one in _elements(each)), *self._beside):
            self._bits.setdefault(element, 1 << len(self._bits))
            for alternative in element.alternatives:
                self._owners.setdefault(alternative, set()).add(element)
        self._firsts: dict[str, list[Alternative]] = {}
        for alternative in self._owners:
            self._firsts.setdefault(alternative[0], []).append(alternative)
        self._later = {word for alternative in self._owners for word in alternative[1:]}
        self._lengths = sorted({len(word) - 1 for word in self._firsts if word.endswith("*")})
        self._by_key: dict[int, list[tuple[int, int]]] = {}
        for number, pattern in enumerate(self.patterns):
            need = sum({self._bits[one] for one in pattern.elements})
            self._by_key.setdefault(self._bits[_key(pattern)], []).append((need, number))
        self._keys = sum(self._by_key)
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
        by_second, opened = _by_second(one for one in found if len(one) > 1)
        if len(self._memory) >= _REMEMBERED:
            self._memory.clear()
        self._memory[word] = begun = _Begun(
            bits=self._of((one for one in found if len(one) == 1), opened),
            whole=tuple(whole),
            bits_by_second={second: self._of(some) for second, some in by_second.items()},
            by_second=by_second,
            opened=opened,
        )
        return begun

    def _of(self, *some: Iterable[Alternative]) -> int:
        """Return the elements that alternatives belong to, as bits."""
        bits = 0
        for element in (element for listed in some for one in listed for element in self._owners[one]):
            bits |= self._bits[element]
        return bits

    def matches(self, flat: Flat) -> tuple[Occurrences, list[Match]] | None:
        """Return what stands in the text and each pattern's matches in their order, excused or not.

        None where no pattern can match.
        """
        distinct = flat.words()
        there = 0
        for word in distinct:
            begun = self._begun(word)
            there |= begun.bits
            if begun.bits_by_second:
                for second in begun.bits_by_second.keys() & distinct:
                    there |= begun.bits_by_second[second]
        if not any(True for _ in self._possible(there)):
            return None
        words = Words(flat, self._grammar, {word for word in distinct if self._knows(word)})
        numbers, ranges = self._where(words)
        if not numbers:
            return None
        found = self._occurrences(words, numbers, ranges)
        matches = [one for number in numbers for one in _chains(number, self.patterns[number], found)]
        return found, sorted(matches, key=lambda one: (one.first, -one.last))

    def _knows(self, word: str) -> bool:
        """Whether a word, or one like it, is in any pattern: a word broken at a line's end is then taken whole."""
        begun = self._begun(word)
        return bool(begun.bits or begun.bits_by_second) or word in self._later

    def _possible(self, bits: int) -> Iterator[int]:
        """Yield the patterns whose elements may all be there: each has a word that begins it."""
        keys = bits & self._keys
        while keys:
            lowest = keys & -keys
            keys ^= lowest
            for need, number in self._by_key[lowest]:
                if bits & need == need:
                    yield number

    def _where(self, words: Words) -> tuple[list[int], list[range]]:
        """Return the patterns that a sentence may hold, and the words of such sentences and of those beside them."""
        begins = [*words.begins, len(words.text)]
        text = [*words.text, ""]
        numbers: set[int] = set()
        wanted: set[int] = set()
        for sentence in range(len(begins) - 1):
            bits = 0
            for number in range(begins[sentence], begins[sentence + 1]):
                begun = self._begun(text[number])
                bits |= begun.bits | begun.bits_by_second.get(text[number + 1], 0)
            if possible := list(self._possible(bits)):
                numbers.update(possible)
                wanted.update((sentence - 1, sentence, sentence + 1))
        kept = sorted(one for one in wanted if 0 <= one < len(begins) - 1)
        return sorted(numbers), [range(begins[one], begins[one + 1]) for one in kept]

    def _occurrences(self, words: Words, numbers: Sequence[int], ranges: Sequence[range]) -> Occurrences:
        wanted = {one for number in numbers for one in _elements(self.patterns[number])} | set(self._beside)
        spans: dict[Element, list[tuple[int, int]]] = {element: [] for element in wanted}
        for number in (number for some in ranges for number in some):
            begun = self._begun(words.text[number])
            for element in begun.whole:
                if element in spans:
                    spans[element].append((number, number))
            for alternative in _longer(begun, words, number):
                for element in self._owners[alternative]:
                    if element in spans:
                        spans[element].append((number, number + len(alternative) - 1))
        return Occurrences(words, spans)


def _elements(pattern: Pattern) -> tuple[Element, ...]:
    return (*pattern.elements, pattern.unless, pattern.not_after, pattern.not_before)


def _key(pattern: Pattern) -> Element:
    """Return the element that is rarest in a text, by the look of it: the one whose shortest word is longest."""
    return max(pattern.elements, key=lambda one: min(len(alternative[0]) for alternative in one.alternatives))


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
