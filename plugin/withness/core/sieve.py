"""A quick look at which patterns a text may hold: most texts hold none, and are never read word by word.

It looks at neighbouring words and errs to one side only: no pattern that stands in a text is held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
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


class Sieve:
    """Patterns made ready for a quick look at folded texts."""

    def __init__(self, patterns: Sequence[Pattern], abbreviations: Iterable[str]) -> None:
        self._ends = sure_end(abbreviations)
        self._numbers = range(len(patterns))
        self._words = _Neighbours(dict.fromkeys(element for pattern in patterns for element in pattern.elements))
        self._by_key: dict[int, list[tuple[int, int]]] = {}
        for number, pattern in enumerate(patterns):
            need = sum({self._words.bits[element] for element in pattern.elements})
            self._by_key.setdefault(self._words.bits[_rarest(pattern)], []).append((need, number))
        self._keys = sum(self._by_key)

    def passing(self, texts: Sequence[str]) -> list[int]:
        """Return the numbers of the texts that have a sentence which may hold a pattern."""
        return [number for number, one in enumerate(self.possible(texts)) if one and self._again(texts[number])]

    def _again(self, text: str) -> bool:
        """Look at the sentences of a text each by itself."""
        sentences = self._ends.split(text)
        return len(sentences) == 1 or _broken(text) or any(self.possible(sentences))

    def possible(self, texts: Sequence[str]) -> list[Sequence[int]]:
        """Return for each text the numbers of the patterns whose elements may all be there, in whatever order."""
        return [
            self._numbers if _broken(text) else self._having(bits)
            for text, bits in zip(texts, self._words.there(texts), strict=True)
        ]

    def _having(self, bits: int) -> list[int]:
        """Return the patterns whose elements are all among `bits`."""
        found = []
        keys = bits & self._keys
        while keys:
            lowest = keys & -keys
            keys ^= lowest
            for need, number in self._by_key[lowest]:
                if bits & need == need:
                    found.append(number)
        return found


class _Neighbours:
    """Elements as bits, found by each word and the next one.

    Of an alternative of several words only the rarest two neighbours are looked for. In what is remembered of a word
    an element has a second bit, `_many` above its own: it stands there whatever follows.
    """

    def __init__(self, elements: Iterable[Element]) -> None:
        self.bits = {element: 1 << number for number, element in enumerate(elements)}
        self._many = len(self.bits)
        self._every = (1 << self._many) - 1
        self._alone, self._first, self._second = _Vocabulary(), _Vocabulary(), _Vocabulary()
        for element, bit in self.bits.items():
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

    def there(self, texts: Sequence[str]) -> Iterator[int]:
        """Yield for each folded text the elements that may stand in it."""
        # In bytes and by `map`, so that no word costs a step of Python: this is most of what a note takes.
        joined = "".join([f"{text} {_END} " for text in texts]).encode("utf-8", "surrogatepass")
        chunks = joined.translate(_SHAPE).decode("utf-8", "surrogatepass").split()
        ahead, behind = map(self._ahead.__getitem__, chunks), map(self._behind.__getitem__, chunks[1:])
        pairs = list(map(and_, ahead, behind))
        begin = 0
        for _ in texts:
            end = chunks.index(_END, begin)
            found: int = reduce(or_, filter(None, pairs[begin:end]), 0)
            yield found & self._every | found >> self._many
            begin = end + 1

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


def _words(chunk: str) -> list[str]:
    return [part for word in WORD.findall(chunk) for part in parts(word)]


def _rarest(pattern: Pattern) -> Element:
    """Return the element that stands in the fewest texts, by the look of it: short words are the frequent ones."""
    return min(pattern.elements, key=lambda one: sum(3.0 ** -sum(map(len, some)) for some in one.alternatives))
