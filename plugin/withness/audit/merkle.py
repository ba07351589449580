"""The Merkle tree of RFC 6962, section 2.1: leaf hash, node hash, and the frontier that grows it.

    leaf = SHA-256(0x00 || record)        node = SHA-256(0x01 || left || right)

The frontier holds the roots of the complete subtrees, largest first: one for each 1 bit of the size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the empty tree (RFC 6962, section 2.1)."""


def leaf_hash(record: bytes) -> bytes:
    """Return the leaf hash of a record's bytes."""
    return sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """A tree of `size` leaves, as the roots of its complete subtrees, largest first."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf hash."""
        peaks, size = list(self.peaks), self.size
        node = leaf
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, node))

    def root(self) -> bytes:
        """Return the root over all leaves."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node

    def to_bytes(self) -> bytes:
        """Return the peaks one after another, 32 bytes each."""
        return b"".join(self.peaks)

    @classmethod
    def from_bytes(cls, size: int, content: bytes) -> Frontier:
        """Return the frontier of `size` leaves. Raises ValueError when the peaks do not fit the size."""
        if size < 0 or len(content) != HASH_BYTES * size.bit_count():
            raise ValueError("the frontier's hashes do not fit the tree's size")
        return cls(size, tuple(content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes: level by level, a last one without a neighbour goes up as it is."""
    nodes = list(leaves)
    while len(nodes) > 1:
        above = [sha256(b"\x01" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
        if len(nodes) % 2:
            above.append(nodes[-1])
        nodes = above
    return nodes[0] if nodes else EMPTY_ROOT
