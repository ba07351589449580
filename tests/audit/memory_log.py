"""A log in memory: what unit tests dock the trail to in place of a store; it keeps the same rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from withness.audit.log import Doubt, Head
from withness.audit.record import Kind, Leaf
from withness.audit.tiles import Nodes, Tile

T = TypeVar("T")


class MemoryLog:
    """The log in memory: what unit tests use; it keeps the same rules."""

    def __init__(self) -> None:
        self._leaves: list[Leaf] = []
        self._heads: dict[int, Head] = {}
        self._tiles: dict[tuple[int, int, int], Tile] = {}

    def head(self) -> Head | None:
        """See `Log.head`."""
        return self._heads[max(self._heads)] if self._heads else None

    def last(self) -> Leaf | None:
        """See `Log.last`."""
        return self._leaves[-1] if self._leaves else None

    def leaf(self, seq: int) -> Leaf | None:
        """See `Log.leaf`."""
        return next((one for one in self._leaves if one.seq == seq), None)

    def newest_time(self) -> str | None:
        """See `Log.newest_time`."""
        return max((leaf.recorded_at for leaf in self._leaves), default=None)

    def schema_damage(self) -> str | None:
        """See `Log.schema_damage`: memory has no schema."""
        return None

    def put(self, *grown: tuple[Leaf, Head]) -> None:
        """See `Log.put`. Raises ValueError for a sequence number that is there already."""
        for leaf, head in grown:
            if self._leaves and leaf.seq <= self._leaves[-1].seq:
                raise ValueError("the log is append-only")
            self._leaves.append(leaf)
            self._heads[head.segment] = head

    def once(self, what: str, read: Callable[[], T]) -> T:
        """See `Log.once`: read anew each time."""
        return read()

    def put_tile(self, tile: Tile) -> None:
        """See `Log.put_tile`."""
        self._tiles[tile.segment, tile.level, tile.number] = tile

    def nodes(self, segment: int) -> Nodes:
        """See `Log.nodes`."""
        return _MemoryNodes([one.leaf_hash for one in self._leaves if one.segment == segment], segment, self._tiles)

    def tiles(self) -> Iterator[Tile]:
        """See `Log.tiles`."""
        return iter([self._tiles[key] for key in sorted(self._tiles)])

    def anchor_damage(self, *, prove: bool) -> str | None:
        """See `Log.anchor_damage`: memory publishes nothing."""
        return None

    def doubt(self) -> Doubt | None:
        """See `Log.doubt`: memory publishes nothing."""
        return None

    def newest_published(self) -> int:
        """See `Log.newest_published`."""
        return -1

    def leaves(self) -> Iterator[Leaf]:
        """See `Log.leaves`."""
        return iter(self._leaves)

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]:
        """See `Log.rows`."""
        for leaf in self._leaves:
            if (first is None or first <= leaf.seq) and (last is None or leaf.seq < last):
                yield tuple(vars(leaf).values())

    def heads(self) -> tuple[Head, ...]:
        """See `Log.heads`."""
        return tuple(self._heads[key] for key in sorted(self._heads))

    def leaves_of(self, kind: Kind) -> tuple[Leaf, ...]:
        """See `Log.leaves_of`."""
        return tuple(leaf for leaf in self._leaves if leaf.kind == kind)

    def emptied(self, first: int = 0) -> Iterator[Leaf]:
        """See `Log.emptied`."""
        return (leaf for leaf in self._leaves if leaf.body == b"" and leaf.seq >= first)


@dataclass(frozen=True)
class _MemoryNodes:
    """One segment's hashes in memory (`tiles.Nodes`)."""

    leaves: Sequence[bytes]
    segment: int
    tiles: Mapping[tuple[int, int, int], Tile]

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.leaf_hashes`."""
        return self.leaves[first:last]

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.tile_roots`."""
        return [self.tiles[self.segment, level, number].root for number in range(first, last)]
