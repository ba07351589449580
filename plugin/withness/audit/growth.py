"""One segment's tree, grown from its leaf hashes in blocks: its frontier, and what each full tile of it must be.

    264 leaves:   [ tile 0: 256 hashes ]  [ 8 hashes ]
    frontier:       root of tile 0         root of the 8

A full tile is kept as 64 bytes: its root, and SHA-256 of its hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from withness.audit.merkle import HASH_BYTES, Frontier
from withness.audit.tiles import WIDTH, root_of_hashes

_KEPT: Final = 2 * HASH_BYTES

UNSEEN: Final = bytes(HASH_BYTES)
"""The digest of a tile whose hashes nobody has looked at."""


class Growth:
    """A tree that grows by leaf hashes, or by whole tiles that somebody else has hashed (`add_tile`)."""

    def __init__(self) -> None:
        self._levels: list[bytearray] = []
        self._tiles = Frontier()
        self._rest: list[bytes] = []

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._tiles.size * WIDTH + len(self._rest)

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Append leaf hashes."""
        self._rest.extend(hashes)
        while len(self._rest) >= WIDTH:
            block, self._rest = b"".join(self._rest[:WIDTH]), self._rest[WIDTH:]
            self._add(root_of_hashes(block), hashlib.sha256(block).digest())

    def add_tile(self, root: bytes, digest: bytes = UNSEEN) -> None:
        """Append the leaves of a full tile. Raises ValueError where hashes wait for a tile of their own."""
        if self._rest:
            raise ValueError("a tile begins where another ends")
        self._add(root, digest)

    def _add(self, root: bytes, digest: bytes) -> None:
        self._tiles = self._tiles.append(root)
        self._keep(0, root, digest)

    def _keep(self, level: int, root: bytes, digest: bytes) -> None:
        if level == len(self._levels):
            self._levels.append(bytearray())
        kept = self._levels[level]
        kept += root + digest
        if len(kept) % (_KEPT * WIDTH) == 0:
            newest = kept[-_KEPT * WIDTH :]
            block = b"".join(bytes(newest[at : at + HASH_BYTES]) for at in range(0, len(newest), _KEPT))
            self._keep(level + 1, root_of_hashes(block), hashlib.sha256(block).digest())

    def frontier(self, more: Sequence[bytes] = ()) -> Frontier:
        """Return the tree's frontier, with a few more leaf hashes where given (fewer than a tile takes)."""
        rest = Frontier()
        for one in (*self._rest, *more):
            rest = rest.append(one)
        return Frontier(self._tiles.size * WIDTH + rest.size, (*self._tiles.peaks, *rest.peaks))

    def tile(self, level: int, number: int) -> tuple[bytes, bytes] | None:
        """Return root and digest of a full tile, None for one that is not full."""
        kept = self._levels[level] if 0 <= level < len(self._levels) else b""
        found = bytes(kept[number * _KEPT : (number + 1) * _KEPT]) if number >= 0 else b""
        return (found[:HASH_BYTES], found[HASH_BYTES:]) if found else None

    def counts(self) -> Sequence[int]:
        """Return the number of full tiles at each level, lowest first."""
        return [len(one) // _KEPT for one in self._levels]

    def tiles(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield root and digest of every full tile of leaf hashes."""
        for number in range(self._tiles.size):
            found = self.tile(0, number)
            if found:
                yield found

    @property
    def rest(self) -> Sequence[bytes]:
        """The leaf hashes that lie in no full tile yet."""
        return self._rest
