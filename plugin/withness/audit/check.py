"""Checking a whole log in one streaming pass: dense numbering, bytes, columns, tree and heads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from withness.audit.log import Head, Log, unsettled
from withness.audit.merkle import Frontier
from withness.audit.record import Leaf, damage_of


@dataclass(frozen=True)
class Damage:
    """One thing wrong: `record` is its sequence number (None: not one record's), `what` a sentence's end."""

    what: str
    record: int | None = None

    def sentence(self) -> str:
        """Return the damage as one sentence."""
        return (
            f"Record {self.record}: {self.what}."
            if self.record is not None
            else f"{self.what[:1].upper()}{self.what[1:]}."
        )


def check(log: Log, seen: Callable[[Leaf], None] = lambda leaf: None) -> Iterator[Damage]:
    """Yield every damage of the log's structure; `seen` is called with each leaf in order."""
    schema = log.schema_damage()
    if schema:
        yield Damage(schema)
    heads = {head.segment: head for head in log.heads()}
    frontiers: dict[int, Frontier] = {}
    firsts: dict[int, int] = {}
    expected = 0
    for leaf in log.leaves():
        if leaf.seq != expected:
            yield Damage(f"the record is missing; the next one there is {leaf.seq}", expected)
        expected = leaf.seq + 1
        wrong = damage_of(leaf)
        if wrong:
            yield Damage(wrong, leaf.seq)
        if isinstance(leaf.segment, int) and isinstance(leaf.leaf_hash, bytes):
            frontiers[leaf.segment] = frontiers.get(leaf.segment, Frontier()).append(leaf.leaf_hash)
            firsts.setdefault(leaf.segment, leaf.seq)
        seen(leaf)
    for segment in sorted(heads.keys() | frontiers.keys()):
        yield from _check_head(segment, heads.get(segment), frontiers.get(segment, Frontier()), firsts.get(segment))
    before = found_before(log)
    if before is not None:
        yield before


def found_before(log: Log) -> Damage | None:
    """Return what the log's segments tell of breaks that nobody acknowledged, None where they tell of none."""
    if not unsettled(log):
        return None
    return Damage(f"the trail was found damaged before: it has {len(log.heads())} segments")


def _check_head(segment: int, head: Head | None, found: Frontier, first: int | None) -> Iterator[Damage]:
    if head is None:
        yield Damage(f"segment {segment} has records but its head is missing")
    elif head.size != found.size:
        yield Damage(f"segment {segment} should have {head.size} records by its tree, and has {found.size}")
    elif head.first_seq != first:
        yield Damage(f"segment {segment} should begin with record {head.first_seq}, and begins with {first}")
    elif head.root != found.root() or head.peaks != found.to_bytes():
        yield Damage(f"the root of segment {segment} does not fit its records")
