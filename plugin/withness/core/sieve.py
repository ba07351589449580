"""A quick look at which patterns a text may hold: most texts hold none, and are never read word by word.

It looks at neighbouring words and errs to one side only: no pattern that stands in a text is held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import pairwise
from operator import and_, or_
from typing import Final

from withness.core.patterns import NUMBER, Alternative, Element, Pattern
from withness.core.wording import BROKEN, WORD, parts, sure_end

_REMEMBERED: Final = 20_000
"""How many words a sieve remembers; it forgets them all when there are more."""

_HELD: Final = b"Aabcdefghijklmnopqrstuvwxyz'.,%"
_SHAPE: Final = bytes(
    sign if sign in _HELD or sign > 0x7F else ord("0") if chr(sign).isdigit() else ord(" ") for sign in range(256)
)
"""Every figure reads as 0, so that no number is ever remembered; a mark that no word holds reads as a blank."""

_FIGURE: Final = re.compile("[0-9]")

_SINGLE: Final = re.compile(rf"[.,']*(?:{WORD.pattern})?[.,'%]*")
_LONGEST: Final = 40
"""Only single words are remembered, and none longer than this: no piece of what somebody wrote."""

_END: Final = "A"
"""Stands behind each text, where no pattern goes on: folded texts hold no capital letter."""

_GLANCED: Final = 4
"""At a glance so many elements of each pattern are looked for, its rarest; more would let hardly fewer texts pass."""


class Sieve:
    """Patterns made ready for a quick look at folded texts: a glance at each text, a closer look at few sentences."""

    def __init__(self, patterns: Sequence[Pattern], abbreviations: Iterable[str]) -> None:
        self._ends = sure_end(abbreviations)
        self._numbers = range(len(patterns))
        self._glance = _Glance(patterns)
        self._look = _Look(patterns)

    def passing(self, texts: Sequence[str]) -> list[int]:
        """Return the numbers of the texts that have a sentence which may hold a pattern."""
        seen = self._glance.at(texts)
        return [
            number
            for number, text in enumerate(texts)
            if (seen[number] and self._again(text, seen[number])) or _broken(text)
        ]

    def _again(self, text: str, seen: Sequence[int]) -> bool:
        """Look at the sentences of a text each by itself."""
        sentences = self._ends.split(text)
        if len(sentences) == 1:
            return bool(self._look.at(text, seen))
        return any(some and self._look.at(sentences[at], some) for at, some in enumerate(self._glance.at(sentences)))

    def possible(self, texts: Sequence[str]) -> list[Sequence[int]]:
        """Return for each text the numbers of the patterns that may stand in it, read as one sentence."""
        return [
            self._numbers if _broken(text) else seen and self._look.at(text, seen)
            for text, seen in zip(texts, self._glance.at(texts), strict=True)
        ]


class _Glance:
    """Patterns by single words: of an alternative of several words only the longest one is looked for.

    Each of a pattern's rarest elements has a bit, in as many rows of bits as elements are looked for.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._row = len(patterns)
        self._first_row = (1 << self._row) - 1
        self._needless = 0
        known = _Vocabulary()
        for number, pattern in enumerate(patterns):
            rare = sorted(dict.fromkeys(pattern.elements), key=_frequency)[:_GLANCED]
            for row in range(_GLANCED):
                bit = 1 << row * self._row + number
                if row >= len(rare):
                    self._needless |= bit
                    continue
                for alternative in rare[row].alternatives:
                    known.add(max(alternative, key=len), bit)
        self._memory = _Memory(lambda chunk: reduce(or_, map(known.of, _words(chunk)), 0))

    def at(self, texts: Sequence[str]) -> list[list[int]]:
        """Return for each text the numbers of the patterns whose rarest elements may all be there, in any order."""
        # In bytes and by `map`, so that no word costs a step of Python: this is most of what a note takes.
        pieces = _shaped(_END.join(texts)).split(_END) if texts else ()
        seen, needless = self._memory.__getitem__, self._needless
        return [self._having(reduce(or_, map(seen, piece.split()), needless)) for piece in pieces]

    def _having(self, bits: int) -> list[int]:
        """Return the patterns that have their bit in every row."""
        row = self._row
        every = bits & self._first_row
        for _ in range(_GLANCED - 1):
            bits >>= row
            every &= bits
        found = []
        while every:
            lowest = every & -every
            every ^= lowest
            found.append(lowest.bit_length() - 1)
        return found


class _Look:
    """Patterns by their elements in their order, each found by a word and the next one.

    Of an alternative of several words only the rarest two neighbours are looked for. Each element has a bit, and in
    what is remembered of a word a second one, `_many` above: it stands there whatever follows.
    """

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        bits = {
            element: 1 << number
            for number, element in enumerate(dict.fromkeys(one for pattern in patterns for one in pattern.elements))
        }
        self._many = len(bits)
        self._every = (1 << self._many) - 1
        self._orders = [tuple(bits[element] for element in pattern.elements) for pattern in patterns]
        self._needs = [reduce(or_, order, 0) for order in self._orders]
        self._alone, self._first, self._second = _Vocabulary(), _Vocabulary(), _Vocabulary()
        for element, bit in bits.items():
            for alternative in element.alternatives:
                self._learn(alternative, bit)
        self._ahead, self._behind = _Memory(self._begins), _Memory(self._ends)

    def _learn(self, alternative: Alternative, bit: int) -> None:
        if len(alternative) == 1:
            self._alone.add(alternative[0], bit)
            return
        first, second = max(pairwise(alternative), key=lambda pair: len(pair[0]) + len(pair[1]))
        self._first.add(first, bit)
        self._second.add(second, bit)

    def at(self, sentence: str, numbers: Iterable[int]) -> list[int]:
        """Return those of some patterns, by number, whose elements may stand in a folded sentence in their order."""
        chunks = [*_shaped(sentence).split(), _END]
        ahead, behind = map(self._ahead.__getitem__, chunks), map(self._behind.__getitem__, chunks[1:])
        found = list(map(and_, ahead, behind))
        there: int = reduce(or_, found, 0)
        there = (there | there >> self._many) & self._every
        return [
            number
            for number in numbers
            if there & self._needs[number] == self._needs[number] and self._follow(self._orders[number], found, chunks)
        ]

    def _follow(self, order: Sequence[int], found: Sequence[int], chunks: Sequence[str]) -> bool:
        """Whether elements stand behind each other: each is taken where it ends first, none begins before that."""
        at = 0
        for bit in order:
            whole = bit << self._many
            at = next((place for place in range(at, len(found)) if found[place] & (bit | whole)), len(found))
            if at == len(found):
                return False
            at += not found[at] & whole
            # The next one may begin in the chunk that this one ends in, if words are left there.
            at += len(_words(chunks[at])) == 1
        return True

    def _begins(self, chunk: str) -> int:
        """Return what a chunk holds by itself, and what its last word may begin."""
        words = _words(chunk)
        if not words:
            return 0
        whole = reduce(or_, map(self._alone.of, words))
        for first, second in pairwise(words):
            whole |= self._first.of(first) & self._second.of(second)
        return self._first.of(words[-1]) | whole << self._many

    def _ends(self, chunk: str) -> int:
        """Return what a chunk may end that the one before it began; what that one held by itself is there anyway.

        A chunk without a word may end anything: the next word behind it may.
        """
        words = _words(chunk)
        return (self._second.of(words[0]) if words else self._every) | self._every << self._many


class _Vocabulary:
    """Bits by the words of patterns, found by the words of a text. All numbers are one: a line's may be cut off."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._stems: set[int] = set()

    def add(self, word: str, bit: int) -> None:
        """Note that `word` stands for `bit`."""
        key = NUMBER if word[0].isdigit() else _FIGURE.sub("0", word)
        self._bits[key] = self._bits.get(key, 0) | bit
        if key.endswith("*"):
            self._stems.add(len(key) - 1)

    def of(self, word: str) -> int:
        """Return the bits of a text's word, also by its beginnings."""
        keys = [word, *(f"{word[:length]}*" for length in self._stems)]
        keys += [NUMBER] if word[0].isdigit() else []
        return reduce(or_, (self._bits.get(key, 0) for key in keys))


class _Memory(dict[str, int]):
    """What was found out about a word, by the word: never what stood beside it."""

    def __init__(self, find: Callable[[str], int]) -> None:
        super().__init__()
        self._find = find
        self._known: dict[int, int] = {}

    def __missing__(self, word: str) -> int:
        found = self._find(word)
        if len(word) <= _LONGEST and _SINGLE.fullmatch(word):
            if len(self) >= _REMEMBERED:
                self.clear()
                self._known.clear()
            # Equal numbers are one object: most words begin nothing, and a processor's cache is small.
            self[word] = found = self._known.setdefault(found, found)
        return found


def _broken(text: str) -> bool:
    """Whether a word may go on in the next line: such a text is always read."""
    return "\n" in text and BROKEN.search(text) is not None


def _shaped(text: str) -> str:
    """Return a folded text as it is looked at: see `_SHAPE`."""
    return text.encode("utf-8", "surrogatepass").translate(_SHAPE).decode("utf-8", "surrogatepass")


def _words(chunk: str) -> list[str]:
    return [part for word in WORD.findall(chunk) for part in parts(word)]


def _frequency(element: Element) -> float:
    """Return how often an element may stand in texts, by the look of it: short words are the frequent ones."""
    return sum(3.0 ** -sum(map(len, some)) for some in element.alternatives)
