"""Tiles: the tree's hashes, 256 to a tile, so that a proof or an old root needs few reads (C2SP tlog-tiles).

Level 0 holds leaf hashes, each further level the roots of the tiles below. Only full tiles are kept; the rest is read
from the leaves, or from the roots of the level below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from withness.audit.merkle import root_of

WIDTH: Final = 256
"""Hashes in a full tile (C2SP tlog-tiles: height 8)."""


@dataclass(frozen=True)
class Tile:
    """One full tile: `hashes` are its 256 hashes one after another, `root` the root over them."""

    segment: int
    level: int
    number: int
    root: bytes
    hashes: bytes


class Nodes(Protocol):
    """The hashes of one segment, by place. `last` is exclusive; the leaves are counted from the segment's first."""

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """Return leaf hashes."""

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """Return the roots of full tiles of a level."""


def filled(nodes: Nodes, segment: int, size: int) -> Iterator[Tile]:
    """Yield the tiles that the leaf which made the segment `size` leaves long has filled, lowest level first."""
    level, number = 0, size
    while number and number % WIDTH == 0:
        number //= WIDTH
        first, last = (number - 1) * WIDTH, number * WIDTH
        hashes = nodes.tile_roots(level - 1, first, last) if level else nodes.leaf_hashes(first, last)
        yield Tile(segment, level, number - 1, root_of(hashes), b"".join(hashes))
        level += 1
