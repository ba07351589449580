"""The tree's hashes of one segment, read from the leaves and the full tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property

from sqlalchemy import Connection, select

from withness.store import schema


class SqlNodes:
    """One segment's hashes inside a transaction (structurally `audit.tiles.Nodes`)."""

    def __init__(self, connection: Connection, segment: int) -> None:
        self._connection = connection
        self._segment = segment

    @cached_property
    def _first(self) -> int:
        head = schema.audit_head.c
        return self._connection.execute(select(head.first_seq).where(head.segment == self._segment)).scalar() or 0

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.leaf_hashes`. Raises ValueError when some are not there."""
        leaf = schema.audit_leaf.c
        within = leaf.seq.between(self._first + first, self._first + last - 1) & (leaf.segment == self._segment)
        found = self._connection.execute(select(leaf.leaf_hash).where(within).order_by(leaf.seq)).scalars()
        return _all(found, last - first)

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.tile_roots`. Raises ValueError when some are not there."""
        tile = schema.audit_tile.c
        within = (tile.segment == self._segment) & (tile.level == level) & tile.number.between(first, last - 1)
        found = self._connection.execute(select(tile.root).where(within).order_by(tile.number)).scalars()
        return _all(found, last - first)


def _all(found: Iterable[bytes], wanted: int) -> Sequence[bytes]:
    hashes = [one for one in found if isinstance(one, bytes)]
    if len(hashes) != wanted:
        raise ValueError("some of the tree's hashes are missing")
    return hashes
