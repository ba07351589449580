"""Full tiles of the tree, as a store keeps them (C2SP tlog-tiles): 256 hashes each, the shape of every proof.

Level 0 holds leaf hashes, 256 after 256; each further level holds the roots of 256 full tiles of the level below:

    level 1   |           root of tile 0            |           root of tile 1            | …
    level 0   | leaf 0 | leaf 1 | … | leaf 255      | leaf 256 | …  | leaf 511            | …

`Tile.root` is the root over the tile's own 256 hashes (RFC 6962, 2.1). A tile that is not full is not stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from withness.audit.merkle import HASH_BYTES, node_hash

WIDTH: Final = 256
"""Hashes in a full tile."""

TILE_BYTES: Final = WIDTH * HASH_BYTES


@dataclass(frozen=True)
class Tile:
    """One full tile: its place, its 256 hashes one after another, and the root over them."""

    segment: int
    level: int
    number: int
    root: bytes
    hashes: bytes


def root_of_hashes(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes, given one after another: 256 of a tile, 128 of half of one."""
    level = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(level) > 1:
        level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
    return level[0]


def make_tile(segment: int, level: int, number: int, hashes: bytes) -> Tile:
    """Return the tile over 256 hashes. Raises ValueError for fewer or more."""
    if len(hashes) != TILE_BYTES:
        raise ValueError(f"a tile holds {WIDTH} hashes of {HASH_BYTES} bytes")
    return Tile(segment, level, number, root_of_hashes(hashes), hashes)


class Nodes(Protocol):
    """The hashes of one segment, by place. `last` is exclusive; the leaves are counted from the segment's first."""

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """Return leaf hashes. Raises ValueError when some are not there."""

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """Return the roots of full tiles of a level. Raises ValueError when some are not there."""


def filled(nodes: Nodes, segment: int, size: int) -> Iterator[Tile]:
    """Yield the tiles that the leaf which made the segment `size` leaves long has filled, lowest level first.

    Each is to be kept before the next is asked for: the level above reads its root.
    """
    level, number = 0, size
    while number and number % WIDTH == 0:
        number //= WIDTH
        first, last = (number - 1) * WIDTH, number * WIDTH
        hashes = nodes.tile_roots(level - 1, first, last) if level else nodes.leaf_hashes(first, last)
        yield make_tile(segment, level, number - 1, b"".join(hashes))
        level += 1
