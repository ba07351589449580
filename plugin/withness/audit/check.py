"""Checking a log's structure in one streaming pass: dense numbering, bytes, columns, trees, heads and tiles.

The pass can begin at a checkpoint (`Point`), and its parts can be looked at in several processes (`check_part`): what
one part finds irregular is named by going through all of it in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from withness.audit.growth import UNSEEN, Growth
from withness.audit.log import Head, Log, found_damaged, unsettled
from withness.audit.merkle import HASH_BYTES
from withness.audit.pruned import Pruned, row_damage, settle
from withness.audit.record import Leaf, damage_of
from withness.audit.tiles import WIDTH, Nodes, Tile
from withness.audit.words import many
from withness.audit.written import as_written

PART: Final = 64 * WIDTH
"""Records that are looked at in one go where several processes share the work."""

_FOUND_BEFORE: Final = "the trail was found damaged before"


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


@dataclass(frozen=True)
class Point:
    """Where a check begins: a segment's first `size` records are those whose tree has `root`, somebody says."""

    segment: int
    size: int
    root: bytes


@dataclass(frozen=True)
class Part:
    """What was found between two places of a segment: whether all is regular, its full tiles, and what is left."""

    segment: int
    first: int
    last: int
    regular: bool = False
    tiles: tuple[tuple[bytes, bytes], ...] = ()
    rest: tuple[bytes, ...] = ()


@dataclass
class _Trees:
    """The trees as they grow, one for each segment, and the sequence number that each begins with."""

    trees: dict[int, Growth]
    firsts: dict[int, int]
    expected: int = 0
    before: int = 0
    """Segments below this one lie before the point where the check began."""

    def begins(self, segment: object, seq: int) -> None:
        if type(segment) is int:
            self.firsts.setdefault(segment, seq)

    def extend(self, segment: object, hashes: Sequence[bytes]) -> None:
        if type(segment) is int:  # a forger may have written anything there
            self.trees.setdefault(segment, Growth()).extend(hashes)


class Readable(Pruned, Protocol):
    """What a check asks of a log (see `audit.log.Log`)."""

    def heads(self) -> tuple[Head, ...]: ...
    def leaf(self, seq: int) -> Leaf | None: ...
    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]: ...
    def tiles(self) -> Iterator[Tile]: ...
    def nodes(self, segment: int) -> Nodes: ...
    def schema_damage(self) -> str | None: ...
    def anchor_damage(self, *, prove: bool) -> str | None: ...


def check(
    log: Readable,
    seen: Callable[[Leaf], None] | None = None,
    *,
    start: Point | None = None,
    published: bool = True,
) -> Iterator[Damage]:
    """Yield every damage of the log's structure; `seen` is called with each leaf in order.

    With `start`, what lies before it is taken from it, unless the log does not bear it out: then all is checked.
    `published`: the log is held against the checkpoints that were published, too.
    """
    heads = {head.segment: head for head in log.heads()}
    begun, wrong = _begin(log, heads, start)
    first = begun.expected
    yield from wrong
    yield from _schema(log)
    yield from _rows(log, begun, seen)
    yield from _settled(log, first)
    yield from _finish(log, heads, begun, published=published)


def check_in_parts(
    log: Readable,
    run: Callable[[Sequence[Part]], Iterable[Part]],
    *,
    start: Point | None = None,
    published: bool = True,
) -> Iterator[Damage]:
    """Yield what `check` yields; `run` calls `check_part` for each part, in any process, and gives them in order."""
    heads = {head.segment: head for head in log.heads()}
    begun, wrong = _begin(log, heads, start, whole_tiles=True)
    first = begun.expected
    parts = None if wrong else _parts(log, heads, begun)
    if parts is None or not all(_folded(begun, part) for part in run(parts)) or not _nothing_beside(log, begun):
        yield from check(log, start=start, published=published)
        return
    yield from _schema(log)
    yield from _settled(log, first)
    yield from _finish(log, heads, begun, published=published)


def check_part(log: Readable, part: Part) -> Part:
    """Return the part with what is found in its records. One that is not regular is not looked at to its end."""
    tree, expected = Growth(), part.first
    for row in log.rows(part.first, part.last):
        if row[0] != expected or row[1] != part.segment or not (as_written(row) or _row_damage(row) is None):
            return Part(part.segment, part.first, part.last)
        tree.extend((row[2],))
        expected += 1
    return Part(
        part.segment,
        part.first,
        part.last,
        regular=expected == part.last,
        tiles=tuple(tree.tiles()),
        rest=tuple(tree.rest),
    )


def _row_damage(row: tuple[Any, ...]) -> str | None:
    """Return what is wrong with one row on its own; whether somebody signed for one without bytes is settled later."""
    return row_damage(row) if row[3] == b"" and type(row[3]) is bytes else damage_of(Leaf(*row))


def _settled(log: Readable, first: int) -> Iterator[Damage]:
    """Hold every record without bytes against what was signed for."""
    for what, seq in settle(log, first):
        yield Damage(what, seq)


def _schema(log: Readable) -> Iterator[Damage]:
    schema = log.schema_damage()
    if schema:
        yield Damage(schema)


def _rows(log: Readable, begun: _Trees, seen: Callable[[Leaf], None] | None) -> Iterator[Damage]:
    segment: object = None
    block: list[bytes] = []
    expected = begun.expected
    for row in log.rows(expected or None):
        seq = row[0]
        if seq != expected and type(seq) is int:
            yield Damage(f"the record is missing; the next one there is {seq}", expected)
        elif seq != expected:
            seq = expected  # in a table that somebody made anew it may be anything
        expected = seq + 1
        wrong = None if as_written(row) else _row_damage(row)
        if wrong:
            yield Damage(wrong, seq)
        if row[1] != segment or len(block) == WIDTH:
            begun.extend(segment, block)
            segment, block = row[1], []
            begun.begins(segment, seq)
        if not wrong or (type(row[2]) is bytes and len(row[2]) == HASH_BYTES):
            block.append(row[2])
        if seen is not None:
            seen(Leaf(*row))
    begun.extend(segment, block)


def _begin(
    log: Readable, heads: Mapping[int, Head], start: Point | None, *, whole_tiles: bool = False
) -> tuple[_Trees, tuple[Damage, ...]]:
    """Return the trees at the point of beginning, and how the log falls short of it (they are empty then).

    With `whole_tiles` they stop at the last full tile before it.
    """
    if start is None:
        return _Trees({}, {}), ()
    head, full = heads.get(start.segment), start.size // WIDTH
    if head is None or type(head.size) is not int or type(head.first_seq) is not int or head.size < start.size:
        return _Trees({}, {}), (Damage(f"segment {start.segment} is shorter than its checkpoint of {start.size}"),)
    nodes, tree = log.nodes(start.segment), Growth()
    try:
        for first in range(0, full, WIDTH):
            for root in nodes.tile_roots(0, first, min(first + WIDTH, full)):
                tree.add_tile(root)
        rest = nodes.leaf_hashes(full * WIDTH, start.size) if start.size % WIDTH else ()
    except ValueError:
        return _Trees({}, {}), (Damage(f"the tree of segment {start.segment} is not there up to its checkpoint"),)
    if tree.frontier(rest).root() != start.root:
        wrong = Damage(f"segment {start.segment} is not the one of its checkpoint of {start.size}")
        return _Trees({}, {}), (wrong,)
    if not whole_tiles:
        tree.extend(rest)
    begun = _Trees({start.segment: tree}, {start.segment: head.first_seq}, head.first_seq + tree.size, start.segment)
    return begun, ()


def _parts(log: Readable, heads: Mapping[int, Head], begun: _Trees) -> tuple[Part, ...] | None:
    """Return the log cut up, each part but a segment's last made of whole tiles; None where heads do not fit."""
    found: list[Part] = []
    expected = begun.expected
    for segment, head in sorted(heads.items()):
        if segment < begun.before:
            continue
        numbers = (head.segment, head.first_seq, head.size)
        done = begun.trees[segment].size if segment in begun.trees else 0
        if not all(type(one) is int for one in numbers) or head.first_seq + done != expected:
            return None
        end = head.first_seq + head.size
        if end > expected and log.leaf(end - 1) is None:
            return None  # a forged size may name more parts than anybody could count
        found.extend(Part(segment, first, min(first + PART, end)) for first in range(expected, end, PART))
        begun.firsts.setdefault(segment, head.first_seq)
        expected = end
    return tuple(found)


def _folded(begun: _Trees, part: Part) -> bool:
    """Append a part's tiles to its tree; False where that cannot be."""
    tree = begun.trees.setdefault(part.segment, Growth())
    if not part.regular or tree.rest:
        return False
    for root, digest in part.tiles:
        tree.add_tile(root, digest)
    tree.extend(part.rest)
    begun.expected = part.last
    return True


def _nothing_beside(log: Readable, begun: _Trees) -> bool:
    """Whether there is no record before the first part or after the last."""
    return next(log.rows(None, 0), None) is None and next(log.rows(begun.expected), None) is None


def _finish(log: Readable, heads: Mapping[int, Head], begun: _Trees, *, published: bool) -> Iterator[Damage]:
    for segment in sorted(heads.keys() | begun.trees.keys()):
        if segment >= begun.before:
            tree = begun.trees.get(segment, Growth())
            yield from _check_head(segment, heads.get(segment), tree, begun.firsts.get(segment))
    yield from _check_tiles(log, begun)
    fallen_short = log.anchor_damage(prove=True) if published else None
    if fallen_short:
        yield Damage(fallen_short)
    if unsettled(log):
        yield Damage(f"{_FOUND_BEFORE}: it has {len(heads)} segments")


def but_for_a_loss(log: Log) -> tuple[Damage, ...]:
    """Return every damage of the structure but that the log is shorter than, or other than, the one published."""
    found = tuple(check(log, published=False))
    found_damage = any(found_damaged(log, one) for one in log.heads())
    return found if found_damage else tuple(one for one in found if not one.what.startswith(_FOUND_BEFORE))


def _check_head(segment: int, head: Head | None, found: Growth, first: int | None) -> Iterator[Damage]:
    if head is None:
        if found.size:
            yield Damage(f"segment {segment} has records but its head is missing")
    elif head.size != found.size:
        yield Damage(f"segment {segment} should have {many(head.size)} by its tree, and has {found.size}")
    elif head.first_seq != first:
        yield Damage(f"segment {segment} should begin with record {head.first_seq}, and begins with {first}")
    elif head.root != (frontier := found.frontier()).root() or head.peaks != frontier.to_bytes():
        yield Damage(f"the root of segment {segment} does not fit its records")


def _check_tiles(log: Readable, begun: _Trees) -> Iterator[Damage]:
    """Every full tile is there, holds the hashes that its records have, and no other is."""
    found: dict[tuple[Any, Any], int] = {}
    for tile in log.tiles():
        if type(tile.segment) is int and tile.segment < begun.before:
            continue
        place = f"tile {tile.number} of level {tile.level} in segment {tile.segment}"
        tree = begun.trees.get(tile.segment)
        numbered = type(tile.level) is int and type(tile.number) is int
        wanted = tree.tile(tile.level, tile.number) if tree is not None and numbered else None
        if wanted is None:
            yield Damage(f"{place} is there, and no full tile of the tree")
            continue
        root, digest = wanted
        found[tile.segment, tile.level] = found.get((tile.segment, tile.level), 0) + 1
        whole = type(tile.hashes) is bytes and digest in (UNSEEN, hashlib.sha256(tile.hashes).digest())
        if tile.root != root or not whole:
            yield Damage(f"{place} does not hold the hashes of its records")
    for segment, tree in sorted(begun.trees.items()):
        for level, count in enumerate(tree.counts()):
            there = found.get((segment, level), 0)
            if there != count:
                yield Damage(f"segment {segment} should have {count} full tiles of level {level}, and has {there}")
