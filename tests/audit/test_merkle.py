"""The Merkle tree of RFC 6962 against known answers and against the RFC's own recursion, written naively here."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from withness.audit.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, root_of

# The eight records of the certificate-transparency test data, and the root after each.
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
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def naive(records: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1: split at the largest power of two below the size, and recurse."""
    if not records:
        return hashlib.sha256(b"").digest()
    if len(records) == 1:
        return hashlib.sha256(b"\x00" + records[0]).digest()
    middle = 1
    while middle * 2 < len(records):
        middle *= 2
    return hashlib.sha256(b"\x01" + naive(records[:middle]) + naive(records[middle:])).digest()


def grown(records: list[bytes]) -> Frontier:
    frontier = Frontier()
    for record in records:
        frontier = frontier.append(leaf_hash(record))
    return frontier


def numbered(size: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(size)]


def test_the_empty_tree_has_the_rfcs_root() -> None:
    """SHA-256 of nothing. Planted: 32 zero bytes; caught."""
    assert EMPTY_ROOT.hex() == Frontier().root().hex() == root_of([]).hex() == naive([]).hex() == EMPTY


@pytest.mark.parametrize("size", range(1, 9))
def test_the_known_answers(size: int) -> None:
    """Certificate transparency's vectors. Planted: 0x00 before a node, no prefix before a leaf; both caught."""
    records = [bytes.fromhex(text) for text in RECORDS[:size]]
    assert naive(records).hex() == ROOTS[size - 1]
    assert grown(records).root().hex() == ROOTS[size - 1]
    assert root_of(leaf_hash(one) for one in records).hex() == ROOTS[size - 1]


def test_a_leaf_can_never_pass_for_a_node() -> None:
    """RFC 6962: the prefixes keep second preimages away. Planted: the same prefix for both; caught."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert leaf_hash(b"\x01" + left + right) != node_hash(left, right)
    assert node_hash(left, right) != node_hash(right, left)


def test_the_frontier_agrees_with_the_recursion_for_every_size_to_300() -> None:
    """Peaks are joined from the smallest upwards. Planted: from the largest downwards; caught at size 7."""
    frontier = Frontier()
    for size in range(301):
        assert frontier.size == size
        assert frontier.root() == naive(numbered(size)), size
        assert len(frontier.peaks) == size.bit_count()
        frontier = frontier.append(leaf_hash(size.to_bytes(4, "big")))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=70))
def test_the_frontier_agrees_with_the_recursion_for_any_records(records: list[bytes]) -> None:
    """Equal, empty and short records too. Planted: equal leaves counted once; caught."""
    assert grown(records).root() == naive(records)


@settings(deadline=None)
@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40, unique=True), st.data())
def test_any_change_to_the_records_changes_the_root(records: list[bytes], data: st.DataObject) -> None:
    """Edited, dropped, added, swapped. Planted: the last peak left out of the root; caught."""
    root = grown(records).root()
    place = data.draw(st.integers(0, len(records) - 1))
    edited = [*records[:place], records[place] + b"!", *records[place + 1 :]]
    assert grown(edited).root() != root
    assert grown(records[:place] + records[place + 1 :]).root() != root
    assert grown([*records, b"one more record"]).root() != root
    other = data.draw(st.integers(0, len(records) - 1))
    if other != place:
        swapped = list(records)
        swapped[place], swapped[other] = swapped[other], swapped[place]
        assert grown(swapped).root() != root


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 255, 256, 257])
def test_a_stored_frontier_goes_on_where_it_stopped(size: int) -> None:
    """Stored as its peaks' bytes. Planted: peaks stored smallest first; caught."""
    frontier = grown(numbered(size))
    stored = frontier.to_bytes()
    assert len(stored) == 32 * size.bit_count()
    again = Frontier.from_bytes(size, stored)
    assert again == frontier
    assert again.append(leaf_hash(b"x")).root() == naive([*numbered(size), b"x"])


@pytest.mark.parametrize(
    ("size", "content"),
    [(-1, b""), (0, b"x"), (0, b"x" * 32), (1, b""), (1, b"x" * 31), (1, b"x" * 33), (2, b"x" * 64), (3, b"x" * 32)],
)
def test_peaks_that_do_not_fit_the_size_are_refused(size: int, content: bytes) -> None:
    """A damaged head is not continued. Planted: the length not looked at; caught."""
    with pytest.raises(ValueError, match="do not fit"):
        Frontier.from_bytes(size, content)


def test_appending_leaves_the_earlier_frontier_as_it_was() -> None:
    """Values, never changed in place: a rolled-back append leaves nothing. Planted: peaks kept as a list; caught."""
    sizes = [grown(numbered(size)) for size in range(5)]
    roots = [one.root() for one in sizes]
    for one in sizes:
        one.append(leaf_hash(b"x"))
    assert [one.root() for one in sizes] == roots
    assert all(before.root() != after.root() for before, after in pairwise(sizes))
