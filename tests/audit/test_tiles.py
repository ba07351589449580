"""The tree's full tiles: which there are, what they hold, and that each root is the RFC's."""

from __future__ import annotations

import hashlib

import pytest

from withness.audit.merkle import leaf_hash, root_of
from withness.audit.tiles import TILE_BYTES, WIDTH, Growth, make_tile, root_of_hashes


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


@pytest.mark.parametrize("size", [1, 2, 4, 128, 256])
def test_a_root_over_hashes_is_the_trees(size: int) -> None:
    """Planted: the two sides of a node exchanged; this caught it."""
    assert root_of_hashes(b"".join(hashes(size))) == root_of(hashes(size))


def test_a_growing_tree_fills_its_tiles_in_order() -> None:
    """Two levels of them. Planted: the number counted from one; the upper level given leaf hashes; both caught."""
    leaves = hashes(WIDTH * WIDTH + WIDTH + 5)
    growth = Growth(3)
    tiles = [tile for leaf in leaves for tile in growth.add(leaf)]
    lower, upper = [one for one in tiles if one.level == 0], [one for one in tiles if one.level == 1]
    assert [one.number for one in lower] == list(range(WIDTH + 1))
    assert [(one.segment, one.number) for one in upper] == [(3, 0)]
    assert b"".join(one.hashes for one in lower) == b"".join(leaves[: WIDTH * (WIDTH + 1)])
    assert upper[0].hashes == b"".join(one.root for one in lower[:WIDTH])
    assert upper[0].root == root_of(leaves[: WIDTH * WIDTH])


def test_a_tree_grows_on_from_what_lies_in_no_tile() -> None:
    """The same tile, whether grown in one go or in two. Planted: `start` left out; this caught it."""
    leaves = hashes(WIDTH)
    growth = Growth(0, [b"".join(leaves[:200])], 200)
    [tile] = [tile for leaf in leaves[200:] for tile in growth.add(leaf)]
    assert tile == make_tile(0, 0, 0, b"".join(leaves))


@pytest.mark.parametrize("length", [0, 32, TILE_BYTES - 32, TILE_BYTES + 32])
def test_a_tile_is_full_or_none(length: int) -> None:
    """Planted: the length not looked at; this caught it."""
    with pytest.raises(ValueError, match="256 hashes"):
        make_tile(0, 0, 0, hashlib.sha256().digest() * (length // 32))
