"""What an export will hold: a stretch of the trail, the parts of it that a checkpoint covers, and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from withness.audit.log import Head
from withness.audit.plain_json import LARGEST
from withness.audit.record import Leaf


@dataclass(frozen=True)
class Period:
    """From `start` up to, not including, `end`: instants as records write them, None for no bound."""

    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Part:
    """The records of one segment: `first` and `last` (exclusive) count within it; `note` is its signed checkpoint.

    `left` and `right` are the roots of the complete subtrees on both sides of them.
    """

    head: Head
    first: int
    last: int
    note: str
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]

    @property
    def records(self) -> int:
        """How many records it is."""
        return self.last - self.first

    @property
    def span(self) -> tuple[int, int]:
        """The first sequence number, and the one behind the last."""
        return self.head.first_seq + self.first, self.head.first_seq + self.last


@dataclass(frozen=True)
class Rest:
    """Records that no checkpoint covers: their first sequence number, and the one behind the last."""

    first: int
    last: int


@dataclass(frozen=True)
class Gap:
    """A run of numbers that no record has, though later ones do: the first of them, and the last."""

    first: int
    last: int

    @property
    def said(self) -> str:
        """What is said of it in a sentence's end."""
        one = self.first == self.last
        return f"record {self.first} is missing" if one else f"records {self.first} to {self.last} are missing"


@dataclass
class Held:
    """How many records a file tells of, those that were pruned too, and the numbers of the first and the last."""

    records: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, seq: int) -> None:
        """Count a record."""
        self.records += 1
        self.first = seq if self.first is None else min(self.first, seq)
        self.last = seq if self.last is None else max(self.last, seq)


@dataclass(frozen=True)
class Stretch:
    """What an export will hold: its parts, the log's vkey, the data directory's id, and when it was settled."""

    parts: tuple[Part, ...]
    data_id: str
    vkey: str
    at: datetime
    records: int
    """How many records lie there."""
    pruned: int = 0
    """How many of the records were pruned: an export can only give their hashes, or leave them out."""
    finding: str = ""
    """What is wrong with the trail now, where it is damaged: the export says so."""
    before: str = ""
    """What was found wrong before, where the trail went on in a new segment: the export says that too."""
    rest: tuple[Rest, ...] = ()
    """What no checkpoint covers; only where it is damaged."""
    losses: tuple[str, ...] = ()
    """The losses that two people signed for, each in a sentence."""

    @property
    def told(self) -> str:
        """What the export says of damage, "" where there was never any."""
        return "; ".join(filter(None, (self.finding, self.before)))

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """The first sequence number and the one behind the last, of each part and then of the rest."""
        return (*(one.span for one in self.parts), *((one.first, one.last) for one in self.rest))

    @property
    def first(self) -> int:
        """The first record's sequence number."""
        return min(first for first, _ in self.spans)

    @property
    def size(self) -> int:
        """The size that the last checkpoint states; 0 where no checkpoint covers anything."""
        return self.parts[-1].head.size if self.parts else 0

    def details(self) -> dict[str, int | str]:
        """Return what the record of the export says about it."""
        return {"first": in_json(self.first), "records": self.records, "size": self.size}


Read = Callable[[int, int], Iterator[Leaf | Gap]]
"""Reads the records from one sequence number up to, not including, another, in order.

Of a trail that is known to be damaged a gap stands for each run of those that are missing.
"""

Write = Callable[[Stretch, Read, IO[str]], Held]
"""Writes the records of a stretch, in order, in one form, and returns what it has written."""


def in_json(number: int) -> int | str:
    """Return a record's number as canonical JSON can hold it: as text where somebody forged one beyond 2**53 - 1."""
    return number if abs(number) <= LARGEST else str(number)
