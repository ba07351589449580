"""Records that are not as they were written, found in one pass, for whoever reads a trail by its search columns.

Columns say where to look, and somebody may have edited them: what such a record is, its bytes say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Final, Protocol

from withness.audit.check import Damage
from withness.audit.merkle import leaf_hash
from withness.audit.pruned import Pruned, ranges, settle, stored_damage
from withness.audit.record import Leaf, columns
from withness.audit.words import many
from withness.audit.written import as_written

KEPT: Final = 10_000
"""Records that are read by their bytes; where more are not as they were written, the others are counted alone."""

_SHOWN: Final = 10
"""Kinds of damage, and runs of records of each, in one sentence."""


class Readable(Pruned, Protocol):
    """What the pass asks of a log (see `audit.log.Log`)."""

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]: ...


@dataclass(frozen=True)
class Edited:
    """One record that is not as it was written: `leaf` is what its bytes say, None where they are no record.

    `hashed`: its bytes fit its hash, so it is the columns that were edited.
    """

    damage: Damage
    leaf: Leaf | None = None
    hashed: bool = False


@dataclass(frozen=True)
class Misread:
    """What one pass found; `more` records are not as they were written, and were not kept."""

    found: tuple[Edited, ...] = ()
    more: int = 0

    @cached_property
    def by_number(self) -> Mapping[int, Leaf]:
        """What their bytes say, by the number of the row that has them."""
        return {one.damage.record: one.leaf for one in self.found if one.damage.record is not None and one.leaf}

    def doubts(self, number: int) -> bool:
        """Whether nothing bears out a record's bytes, or may not: nobody has signed anything off by it."""
        return bool(self.more) or number in self._unsworn

    @cached_property
    def _unsworn(self) -> frozenset[int]:
        return frozenset(number for one in self.found if not one.hashed for number in _numbers(one))

    @property
    def damages(self) -> tuple[Damage, ...]:
        """Every damage, by record; the last says how many more there are."""
        rest = (Damage(f"{many(self.more)} more not as written: withness audit verify names each"),)
        return (*(one.damage for one in self.found), *(rest if self.more else ()))


def _numbers(one: Edited) -> Iterator[int]:
    if one.damage.record is not None:
        yield one.damage.record
    if one.leaf is not None:
        yield one.leaf.seq


AS_WRITTEN: Final = Misread()
"""Nothing was found, or nobody looked."""


def misread(log: Readable) -> Misread:
    """Go through every record once, in small memory, and return those that are not as they were written."""
    pass_through = _edited(log)
    found = tuple(islice(pass_through, KEPT))
    return Misread(found, sum(1 for _ in pass_through))


def _edited(log: Readable) -> Iterator[Edited]:
    expected, emptied = 0, False
    for row in log.rows():
        seq = row[0] if type(row[0]) is int else expected
        if seq != expected:
            yield Edited(Damage(f"the record is missing; the next one there is {seq}", expected))
        expected = seq + 1
        if as_written(row):
            continue
        emptied = emptied or row[3] == b""
        stored = Leaf(*row)
        wrong = stored_damage(stored)
        if wrong:
            yield _read(stored, Damage(wrong, seq)) if type(row[0]) is int else Edited(Damage(wrong, seq))
    if emptied:  # only then can a record be empty that nobody signed for
        yield from (Edited(Damage(what, seq)) for what, seq in settle(log))


def _read(stored: Leaf, damage: Damage) -> Edited:
    """Return a record as its bytes say it is."""
    try:
        said = columns(json.loads(stored.body))
    except (ValueError, KeyError, TypeError, RecursionError):
        return Edited(damage)
    leaf = Leaf(leaf_hash=stored.leaf_hash, body=stored.body, **said)
    if not isinstance(stored.body, bytes) or not _plain(leaf):
        return Edited(damage)
    return Edited(damage, leaf, stored.leaf_hash == leaf_hash(stored.body))


def _plain(leaf: Leaf) -> bool:
    """Whether every part is of the kind that a record has there."""
    texts = (leaf.recorded_at, leaf.kind, leaf.actor)
    maybe = (leaf.second_actor, leaf.patient, leaf.outcome, leaf.reason_code, leaf.policy_hash, leaf.request_id)
    numbers = (leaf.seq, leaf.segment, leaf.v)
    return (
        all(type(one) is str for one in texts)
        and all(one is None or type(one) is str for one in maybe)
        and all(type(one) is int for one in numbers)
    )


def sentence(damages: Sequence[Damage]) -> str:
    """Return which records are not as they were written and why, a sentence's end; "" where all are.

    Of very many some are named, and that there are more.
    """
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for one in damages:
        if one.record is not None:
            numbers[one.what].append(one.record)
    said = [f"{_records(some)}: {what}" for what, some in islice(numbers.items(), _SHOWN)]
    left = [one.what for one in damages if one.record is None]
    if len(numbers) > _SHOWN:
        left.append("and more: withness audit verify names each")
    return "; ".join((*said, *left))


def hurt(damage: str, damages: Sequence[Damage]) -> str:
    """Return what is wrong with a trail and with its records, a sentence's end; "" where nothing is."""
    return "; ".join(filter(None, (damage, sentence(damages))))


def _records(some: Iterable[int]) -> str:
    runs = ranges(sorted(set(some)))
    named = ", ".join(f"{first}" if first == last else f"{first} to {last}" for first, last in runs[:_SHOWN])
    if len(runs) == 1 and runs[0][0] == runs[0][1]:
        return f"record {named}"
    return f"records {named}{' and more' if len(runs) > _SHOWN else ''}, of each"
