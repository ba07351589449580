"""A tree grown in blocks has the frontier of one grown leaf by leaf, and knows what each of its full tiles must be."""

from __future__ import annotations

import hashlib

import pytest
from tests.audit.memory_log import MemoryLog

from withness.audit.growth import Growth
from withness.audit.merkle import Frontier, leaf_hash
from withness.audit.tiles import WIDTH, filled, make_tile


def hashes(size: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(size)]


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 1000, WIDTH * WIDTH + WIDTH + 5])
@pytest.mark.parametrize("block", [1, 7, 256, 1000])
def test_the_frontier_is_the_one_grown_leaf_by_leaf(size: int, block: int) -> None:
    """Planted: the leaves after the last full tile left out; the tile's peaks put behind them; both caught."""
    if block == 1 and size > 1000:
        return
    leaves, tree, wanted = hashes(size), Growth(), Frontier()
    for at in range(0, size, block):
        tree.extend(leaves[at : at + block])
    for one in leaves:
        wanted = wanted.append(one)
    assert (tree.size, tree.frontier()) == (size, wanted)


def test_each_full_tile_is_the_one_that_the_log_keeps() -> None:
    """Two levels. Planted: the upper level given digests for roots; a number below 0 looked up; both caught."""
    log, tree, leaves = MemoryLog(), Growth(), hashes(WIDTH * WIDTH + WIDTH + 5)
    tree.extend(leaves)

    class Nodes:
        def leaf_hashes(self, first: int, last: int) -> list[bytes]:
            return leaves[first:last]

        def tile_roots(self, level: int, first: int, last: int) -> list[bytes]:
            return [one.root for one in log.tiles() if one.level == level and first <= one.number < last]

    for size in range(WIDTH, len(leaves), WIDTH):
        for tile in filled(Nodes(), 0, size):
            log.put_tile(tile)
    kept = list(log.tiles())
    assert tree.counts() == [WIDTH + 1, 1]
    assert len(kept) == WIDTH + 2
    for tile in kept:
        assert tree.tile(tile.level, tile.number) == (tile.root, hashlib.sha256(tile.hashes).digest())
    assert [tree.tile(*place) for place in ((0, WIDTH + 1), (1, 1), (2, 0), (0, -2), (-1, 0))] == [None] * 5


def test_whole_tiles_stand_for_their_leaves() -> None:
    """As somebody else has hashed them. Planted: a tile put in after loose leaves; this caught it."""
    leaves, tree = hashes(2 * WIDTH + 3), Growth()
    for number in range(2):
        tree.add_tile(make_tile(0, 0, number, b"".join(leaves[number * WIDTH : (number + 1) * WIDTH])).root)
    tree.extend(leaves[2 * WIDTH :])
    whole = Growth()
    whole.extend(leaves)
    assert tree.frontier() == whole.frontier()
    with pytest.raises(ValueError, match="begins where another ends"):
        tree.add_tile(bytes(32))
