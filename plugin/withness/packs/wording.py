"""Patterns of words in TOML: named groups, alternatives and stems, checked and bounded."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sized
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from withness.core.patterns import NOTHING, NUMBER, Alternative, Element, Pattern
from withness.core.wording import fold, parts
from withness.packs.toml import Flag, Outside, Slug, Text, refusal

MOST_WORDS: Final = 6
"""Longest alternative, in words."""

MOST_ALTERNATIVES: Final = 500
"""Most alternatives in one place of a pattern, its groups written out."""

SHORTEST_STEM: Final = 2
"""Fewest letters before a *."""

_ADDS: Final = "is shipped; a site's file only adds, under an id of its own"

_WORD: Final = re.compile(r"%|#|[^\W_]+(?:[.,][0-9]+)*(?:'[^\W_]+)*\*?")

Words = Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_ALTERNATIVES)]

Gap = Annotated[int, Field(strict=True, ge=0, le=20)]
"""How many other words may stand between two elements."""


def _gaps(value: Any) -> Any:
    return (value,) if isinstance(value, int) else value


class PatternTable(Outside):
    """One pattern as a file writes it."""

    words: Annotated[tuple[Text, ...], Field(min_length=1, max_length=8)]
    within: Annotated[tuple[Gap, ...], Field(min_length=1, max_length=7), BeforeValidator(_gaps)] = (3,)
    unless: tuple[Text, ...] = ()
    not_after: tuple[Text, ...] = ()
    not_before: tuple[Text, ...] = ()
    back: Flag = False
    one_clause: Flag = False
    ends: Flag = False


class Groups:
    """Named lists of alternatives, `@name` in a pattern. A group may use those that stand before it."""

    def __init__(self, tables: Mapping[Slug, Words], *, name: str, known: Groups | None = None) -> None:
        self._name = name
        self._made: dict[tuple[str, ...], Element] = {(): NOTHING}
        self._groups: dict[str, Element] = dict(known._groups) if known else {}
        for group, lines in tables.items():
            if group in self._groups:
                raise refusal(name, f"words.{group}", "is there already; a site's file only adds")
            self._groups[group] = self.element(lines, key=f"words.{group}")

    def element(self, lines: tuple[str, ...], *, key: str) -> Element:
        """Return what may stand in one place: the alternatives of every line. Raises InvalidContent."""
        if lines in self._made:
            return self._made[lines]
        found = tuple(dict.fromkeys(one for line in lines for text in line.split("|") for one in self._of(text, key)))
        if len(found) > MOST_ALTERNATIVES:
            raise refusal(self._name, key, f"has more than {MOST_ALTERNATIVES} alternatives")
        return self._made.setdefault(lines, Element(found))

    def pattern(self, table: PatternTable, *, key: str) -> Pattern:
        """Return a pattern with its groups written out. Raises InvalidContent."""
        gaps = len(table.words) - 1
        within = table.within * gaps if len(table.within) == 1 else table.within
        if len(within) != gaps:
            raise refusal(self._name, f"{key}.within", "must be one number, or one for each gap between its words")
        return Pattern(
            elements=tuple(self.element((one,), key=key) for one in table.words),
            within=within,
            unless=self.element(table.unless, key=key),
            not_after=self.element(table.not_after, key=key),
            not_before=self.element(table.not_before, key=key),
            back=table.back,
            one_clause=table.one_clause,
            ends=table.ends,
        )

    def _of(self, text: str, key: str) -> Iterator[Alternative]:
        text = text.strip()
        if text.startswith("@"):
            if text[1:] not in self._groups:
                raise refusal(self._name, key, f"names the group {text}, which does not stand before it")
            yield from self._groups[text[1:]].alternatives
            return
        yield self._alternative(text, key)

    def _alternative(self, text: str, key: str) -> Alternative:
        folded = fold(text.replace("*", "\ue000")).text.replace("\ue000", "*")
        words = tuple(part for word in _WORD.findall(folded) for part in _stem_or_parts(word))
        if _WORD.sub("", folded).strip(" -") or not words:
            raise refusal(self._name, key, "holds an alternative that is not words, stems (word*), # or %")
        if len(words) > MOST_WORDS:
            raise refusal(self._name, key, f"holds an alternative of more than {MOST_WORDS} words")
        if any(word.endswith("*") and len(word) <= SHORTEST_STEM for word in words):
            raise refusal(self._name, key, f"holds a stem of fewer than {SHORTEST_STEM} letters")
        return words


def _stem_or_parts(word: str) -> tuple[str, ...]:
    return (word,) if word.endswith("*") or word in ("%", NUMBER) else parts(word)


def only_adds(ids: Iterable[str], shipped: Container[str], *, name: str, key: str) -> None:
    """Raise InvalidContent when a site's file `name` brings a `key` anew that is shipped."""
    for id in ids:
        if id in shipped:
            raise refusal(name, f"{key}.{id}", _ADDS)


def not_too_many(patterns: Iterable[Sized], most: int, *, name: str, key: str) -> None:
    """Raise InvalidContent when the patterns of a file's `key`s together are more than `most`."""
    if sum(map(len, patterns)) > most:
        raise refusal(name, key, f"holds more than {most} patterns")
