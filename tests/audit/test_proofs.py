"""Inclusion, consistency and ranges: published vectors, the RFC's own recursion written naively, and every mutation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from withness.audit.merkle import EMPTY_ROOT, leaf_hash
from withness.audit.proofs import (
    MemoryNodes,
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
    root_at,
    root_of_range,
    sides,
)

# The records, roots and proofs of certificate transparency's test data (github.com/transparency-dev/merkle, proof/).
RECORDS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION: list[tuple[int, int, list[str]]] = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")
SIZES = sorted({size for power in range(10) for size in (2**power - 1, 2**power, 2**power + 1)})
"""0, 1, and each power of two with its neighbours, past two full tiles."""


def published(size: int) -> list[bytes]:
    return [leaf_hash(bytes.fromhex(text)) for text in RECORDS[:size]]


@cache
def numbered(size: int) -> tuple[bytes, ...]:
    return tuple(leaf_hash(number.to_bytes(4, "big")) for number in range(size))


# The RFC's definitions, word for word: MTH, PATH, PROOF and SUBPROOF over lists of leaf hashes.


def split(size: int) -> int:
    middle = 1
    while middle * 2 < size:
        middle *= 2
    return middle


@cache
def mth(leaves: tuple[bytes, ...]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return hashlib.sha256(b"\x01" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: tuple[bytes, ...]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return [*path(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: tuple[bytes, ...], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_the_published_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    """Made and checked. Planted: siblings listed from the root down; caught."""
    made = inclusion(MemoryNodes(published(8)), index, size)
    assert [one.hex() for one in made] == proof
    assert check_inclusion(published(8)[index], index, size, made, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("first", "second", "proof"), CONSISTENCY)
def test_the_published_consistency_proofs(first: int, second: int, proof: list[str]) -> None:
    """Made and checked. Planted: the old root sent along for a power of two; caught."""
    made = consistency(MemoryNodes(published(8)), first, second)
    assert [one.hex() for one in made] == proof
    assert check_consistency(first, second, bytes.fromhex(ROOTS[first - 1]), bytes.fromhex(ROOTS[second - 1]), made)


@pytest.mark.parametrize(("index", "size", "texts"), INCLUSION)
def test_the_published_wrong_inclusion_proofs_are_refused(index: int, size: int, texts: list[str]) -> None:
    """Every corruption of the published test. Planted: what is left over of a proof ignored; caught."""
    proof, root, leaf = [bytes.fromhex(text) for text in texts], bytes.fromhex(ROOTS[size - 1]), published(8)[index]
    wrong: list[tuple[bytes, int, int, list[bytes], bytes]] = [
        (leaf, index - 1, size, proof, root),
        (leaf, index + 1, size, proof, root),
        (leaf, index ^ 2, size, proof, root),
        (leaf, index, size * 2, proof, root),
        (leaf, index, size // 2, proof, root),
        (b"WrongLeaf", index, size, proof, root),
        (leaf, index, size, proof, EMPTY_ROOT),
        (leaf, index, size, proof, SOME_HASH),
        (leaf, index, size, [*proof, b""], root),
        (leaf, index, size, [*proof, root], root),
        (leaf, index, size, [b"", *proof], root),
        (leaf, index, size, [root, *proof], root),
    ]
    wrong += [(leaf, index, size, proof[:-1], root)] if proof else []
    for number, one in enumerate(wrong):
        assert not check_inclusion(*one), number


@pytest.mark.parametrize(("first", "second", "texts"), CONSISTENCY[1:])
def test_the_published_wrong_consistency_proofs_are_refused(first: int, second: int, texts: list[str]) -> None:
    """Every corruption of the published test. Planted: only the new root compared; caught."""
    proof, old, new = [bytes.fromhex(one) for one in texts], *(bytes.fromhex(ROOTS[n - 1]) for n in (first, second))
    wrong: list[tuple[int, int, bytes, bytes, list[bytes]]] = [
        (first - 1, second, old, new, proof),
        (first + 1, second, old, new, proof),
        (first ^ 2, second, old, new, proof),
        (first, second * 2, old, new, proof),
        (first, second // 2, old, new, proof),
        (first, second, b"WrongRoot", new, proof),
        (first, second, old, b"WrongRoot", proof),
        (first, second, new, old, proof),
        (first, second, SOME_HASH, new, proof),
        (first, second, old, SOME_HASH, proof),
        (first, second, old, new, []),
        *((first, second, old, new, [*proof, more]) for more in (b"", old, new)),
        *((first, second, old, new, [more, *proof]) for more in (b"", old, new, proof[0])),
        (first, second, old, new, proof[:-1]),
    ]
    for number, one in enumerate(wrong):
        assert not check_consistency(*one), number


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (0, 7), (1, 0), (2, 1), (1, 1)])
def test_trees_of_nothing_and_of_one(first: int, second: int) -> None:
    """An empty tree has one root, and no proof to give. Planted: any root taken for an empty tree; caught."""
    roots = [EMPTY_ROOT, *(bytes.fromhex(text) for text in ROOTS)]
    whole = first <= second
    assert check_consistency(first, second, roots[first], roots[second], []) is whole
    assert not check_consistency(first, second, SOME_HASH, roots[second], [])
    assert not check_consistency(first, second, roots[first], roots[second], [SOME_HASH])
    if whole:
        assert consistency(MemoryNodes(published(8)), first, second) == ()


@pytest.mark.parametrize("size", SIZES)
def test_every_proof_is_the_one_of_the_recursion(size: int) -> None:
    """Roots, paths, proofs of every place. Planted: a tree split in the middle; caught."""
    leaves, nodes = numbered(size), MemoryNodes(numbered(size))
    assert root_at(nodes, size) == mth(leaves)
    for index in {*range(min(size, 5)), size // 2, size - 2, size - 1} & set(range(size)):
        proof = inclusion(nodes, index, size)
        assert list(proof) == path(index, leaves), index
        assert check_inclusion(leaves[index], index, size, proof, mth(leaves)), index
    for first in {one for one in SIZES if 0 < one <= size}:
        proof = consistency(nodes, first, size)
        assert list(proof) == subproof(first, leaves, True), first
        assert check_consistency(first, size, mth(leaves[:first]), mth(leaves), proof), first


class Counting:
    """A tree of many equal leaves, so large that only tiles can answer, and a count of what is read."""

    def __init__(self, size: int) -> None:
        self.size, self.read = size, 0
        self._heights = [b"\x00" * 32]
        for _ in range(40):
            self._heights.append(hashlib.sha256(b"\x01" + self._heights[-1] * 2).digest())

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        assert 0 <= first <= last <= self.size
        self.read += last - first
        return [self._heights[0]] * (last - first)

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        assert last * 256 ** (level + 1) <= self.size, "only full tiles are there"
        self.read += last - first
        return [self._heights[8 * (level + 1)]] * (last - first)


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 10_000_001, 2**24 + 2**16 + 257])
def test_a_proof_in_a_large_tree_reads_little(size: int) -> None:
    """A few tiles, whatever the size. Planted: leaf hashes read below the second level; caught (65,000 reads)."""
    nodes = Counting(size)
    root = root_at(nodes, size)
    for index in (0, size // 3, size - 1):
        assert check_inclusion(b"\x00" * 32, index, size, inclusion(nodes, index, size), root)
    assert check_consistency(size // 2, size, root_at(nodes, size // 2), root, consistency(nodes, size // 2, size))
    assert nodes.read < 256 * 3 * 6 * 2


@settings(deadline=None)
@given(st.integers(1, 70), st.data())
def test_any_mutated_byte_of_a_proof_is_refused(size: int, data: st.DataObject) -> None:
    """A bit flipped anywhere. Planted: a consistency proof's sibling not hashed into the old root; caught."""
    nodes, root = MemoryNodes(numbered(size)), mth(numbered(size))
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    mutate = _mutation(data)
    included = inclusion(nodes, index, size)
    leaf = numbered(size)[index]
    assert check_inclusion(leaf, index, size, included, root)
    assert not check_inclusion(mutate([leaf])[0], index, size, included, root)
    assert not check_inclusion(leaf, index, size, included, mutate([root])[0])
    old, kept = mth(numbered(first)), consistency(nodes, first, size)
    assert check_consistency(first, size, old, root, kept)
    assert not check_consistency(first, size, mutate([old])[0], root, kept)
    assert not check_consistency(first, size, old, mutate([root])[0], kept)
    if included:
        assert not check_inclusion(leaf, index, size, mutate(included), root)
    if kept:
        assert not check_consistency(first, size, old, root, mutate(kept))


def _mutation(data: st.DataObject) -> Callable[[Sequence[bytes]], list[bytes]]:
    def mutate(hashes: Sequence[bytes]) -> list[bytes]:
        changed = list(hashes)
        which, place = data.draw(st.integers(0, len(hashes) - 1)), data.draw(st.integers(0, 31))
        edited = bytearray(changed[which])
        edited[place] ^= 1 << data.draw(st.integers(0, 7))
        changed[which] = bytes(edited)
        return changed

    return mutate


@settings(deadline=None)
@given(st.integers(0, 70), st.data())
def test_a_range_gives_the_root_with_its_sides_and_nothing_else(size: int, data: st.DataObject) -> None:
    """Records left out, added, moved or edited change it. Planted: right subtrees joined as leaves; caught."""
    first = data.draw(st.integers(0, size))
    last = data.draw(st.integers(first, size))
    leaves, root = numbered(size), mth(numbered(size))
    left, right = sides(MemoryNodes(leaves), first, last, size)
    assert root_of_range(leaves[first:last], first, size, left, right) == root
    assert root_of_range(leaves[first : max(first, last - 1)], first, size, left, right) != root or first == last
    assert root_of_range([*leaves[first:last], SOME_HASH], first, size, left, right) != root
    assert root_of_range(leaves[first:last], first, size, [*left, SOME_HASH], right) is None
    assert root_of_range(leaves[first:last], first, size, left, [*right, SOME_HASH]) is None
    mutate = _mutation(data)
    if left:
        assert root_of_range(leaves[first:last], first, size, mutate(left), right) != root
    if right:
        assert root_of_range(leaves[first:last], first, size, left, mutate(right)) != root
    if last > first:
        assert root_of_range(mutate(leaves[first:last]), first, size, left, right) != root


def test_numbers_that_fit_no_tree_are_refused() -> None:
    """Negative, past the end, no integers. Planted: True taken for 1; caught."""
    nodes = MemoryNodes(numbered(5))
    for index, size in [(-1, 5), (5, 5), (0, 0)]:
        with pytest.raises(ValueError, match="no such leaf"):
            inclusion(nodes, index, size)
    with pytest.raises(ValueError, match="larger"):
        consistency(nodes, 5, 4)
    for first, last, size in [(-1, 2, 5), (3, 2, 5), (0, 6, 5)]:
        with pytest.raises(ValueError, match="no such range"):
            sides(nodes, first, last, size)
    with pytest.raises(ValueError, match="not all there"):
        root_at(nodes, 8)
    one = numbered(1)[0]
    assert check_inclusion(one, 0, 1, [], one)
    assert not check_inclusion(one, False, 1, [], one)
    assert not check_inclusion(one, 0, True, [], one)
    assert not check_consistency(True, 1, one, one, [])
