"""Telling how far a verification has come: a log that counts what is read from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from withness.audit.check import Part
from withness.audit.log import Log

Progress = Callable[[int, int], None]
"""Told how many records are done, and how many there are."""

_EVERY = 500


class Watched:
    """What a check asks of a log (`audit.check.Readable`), each row of it counted."""

    def __init__(self, log: Log, progress: Progress) -> None:
        self._log = log
        self._progress = progress
        self.whole = sum(head.size for head in log.heads() if type(head.size) is int)
        self.heads, self.leaf, self.tiles, self.nodes = log.heads, log.leaf, log.tiles, log.nodes
        self.leaves_of, self.emptied = log.leaves_of, log.emptied
        self.schema_damage, self.anchor_damage = log.schema_damage, log.anchor_damage

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]:
        """See `Log.rows`."""
        for number, row in enumerate(self._log.rows(first, last), 1 + (first or 0)):
            yield row
            if number % _EVERY == 0:
                self._progress(number, self.whole)
        self._progress(self.whole, self.whole)

    def parts(self, parts: Iterable[Part], *, told: bool) -> Iterator[Part]:
        """Pass on the parts that others have looked at, and tell of them where nobody else does."""
        for part in parts:
            if told:
                self._progress(part.last, self.whole)
            yield part
