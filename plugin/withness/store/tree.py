"""The tree's hashes of one segment, read from the leaves and the full tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Final

from sqlalchemy import Connection, select

from withness.audit.plain_json import LARGEST
from withness.audit.tiles import WIDTH
from withness.store import schema
from withness.store.prepared import Prepared, given


class SqlNodes:
    """One segment's hashes inside a transaction (structurally `audit.tiles.Nodes`)."""

    def __init__(self, connection: Connection, segment: int) -> None:
        self._connection = connection
        self._segment = segment
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    @cached_property
    def _first(self) -> int:
        found = _FIRST.scalar(self._connection, {"segment": self._segment}) or 0
        if type(found) is not int or not 0 <= found <= LARGEST:
            raise ValueError("the segment's first number cannot be read")
        return found

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.leaf_hashes`. Raises ValueError when some are not there."""
        return self._hashes(-1, first, last)

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.tile_roots`. Raises ValueError when some are not there."""
        return self._hashes(level, first, last)

    def _hashes(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """Return the leaves' (-1) or a level's hashes; what lies in one tile is read at once and kept.

        An old root asks for one stretch after another of the same tile.
        """
        tile = first // WIDTH
        if last > (tile + 1) * WIDTH:
            return _all(self._read(level, first, last), last - first)
        if (level, tile) not in self._tiles:
            found = self._read(level, tile * WIDTH, (tile + 1) * WIDTH)
            self._tiles[level, tile] = [one for one in found if isinstance(one, bytes)]
        start = first - tile * WIDTH
        return _all(self._tiles[level, tile][start : start + last - first], last - first)

    def _read(self, level: int, first: int, last: int) -> Iterable[bytes]:
        places = {"segment": self._segment, "first": first, "last": last - 1}
        if level < 0:
            places |= {"first": self._first + first, "last": self._first + last - 1}
            return _LEAVES.scalars(self._connection, places)
        return _ROOTS.scalars(self._connection, {**places, "level": level})


_FIRST: Final = Prepared(select(schema.audit_head.c.first_seq).where(schema.audit_head.c.segment == given("segment")))
_LEAVES: Final = Prepared(
    select(schema.audit_leaf.c.leaf_hash)
    .where(
        schema.audit_leaf.c.seq.between(given("first"), given("last")),
        schema.audit_leaf.c.segment == given("segment"),
    )
    .order_by(schema.audit_leaf.c.seq)
)
_ROOTS: Final = Prepared(
    select(schema.audit_tile.c.root)
    .where(
        schema.audit_tile.c.segment == given("segment"),
        schema.audit_tile.c.level == given("level"),
        schema.audit_tile.c.number.between(given("first"), given("last")),
    )
    .order_by(schema.audit_tile.c.number)
)


def _all(found: Iterable[bytes], wanted: int) -> Sequence[bytes]:
    hashes = [one for one in found if isinstance(one, bytes)]
    if len(hashes) != wanted:
        raise ValueError("some of the tree's hashes are missing")
    return hashes
