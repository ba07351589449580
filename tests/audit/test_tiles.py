"""The tree's full tiles: which there are, what they hold, and that each root is the RFC's."""

from __future__ import annotations

import hashlib

import pytest

from withness.audit.merkle import leaf_hash, root_of
from withness.audit.tiles import TILE_BYTES, make_tile, root_of_hashes


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


@pytest.mark.parametrize("size", [1, 2, 4, 128, 256])
def test_a_root_over_hashes_is_the_trees(size: int) -> None:
    """Planted: the two sides of a node exchanged; this caught it."""
    assert root_of_hashes(b"".join(hashes(size))) == root_of(hashes(size))


@pytest.mark.parametrize("length", [0, 32, TILE_BYTES - 32, TILE_BYTES + 32])
def test_a_tile_is_full_or_none(length: int) -> None:
    """Planted: the length not looked at; this caught it."""
    with pytest.raises(ValueError, match="256 hashes"):
        make_tile(0, 0, 0, hashlib.sha256().digest() * (length // 32))
