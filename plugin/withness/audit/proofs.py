"""Proofs over the log's tree: inclusion and consistency (RFC 6962, 2.1.1 and 2.1.2; checked as RFC 9162, 2.1.3.2 and
2.1.4.2 say), and the two sides of a range of records, from which the root can be worked out again.

Subtrees are read through tiles, so a proof costs O(log n) short reads:

    level 0:  256 leaf hashes  ->  the tile's root stands for 2^8 records
    level 1:  256 roots of level 0's tiles  ->  2^16 records, and so on
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from withness.audit.merkle import EMPTY_ROOT, HASH_BYTES, Frontier, node_hash, root_of
from withness.audit.tiles import Nodes

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT


class MemoryNodes:
    """The tree of a list of leaf hashes."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves

    def leaf_hashes(self, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.leaf_hashes`."""
        return self._leaves[first:last]

    def tile_roots(self, level: int, first: int, last: int) -> Sequence[bytes]:
        """See `Nodes.tile_roots`."""
        width = TILE_WIDTH ** (level + 1)
        full = min(last, len(self._leaves) // width)
        return [root_of(self._leaves[number * width : (number + 1) * width]) for number in range(first, full)]


def root_at(nodes: Nodes, size: int) -> bytes:
    """Return the root of the tree's first `size` leaves. Raises ValueError when `nodes` holds fewer."""
    return _root(nodes, 0, size) if size else EMPTY_ROOT


def fits(nodes: Nodes, size: int, root: bytes) -> bool:
    """Whether the tree's first `size` leaves are there and have this root."""
    try:
        return root_at(nodes, size) == root
    except ValueError:
        return False


def inclusion(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree of `size` leaves (RFC 6962: PATH).

    Raises ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("the tree has no such leaf")
    proof, low, high = [], 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_root(nodes, middle, high))
            high = middle
        else:
            proof.append(_root(nodes, low, middle))
            low = middle
    return tuple(reversed(proof))


def consistency(nodes: Nodes, first: int, second: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of `second` leaves begins with that of `first` (RFC 6962: PROOF).

    It is empty for equal sizes and for an empty first tree. Raises ValueError when `first` is the larger.
    """
    if not 0 <= first <= second:
        raise ValueError("the first tree is larger than the second")
    if not first:
        return ()
    proof, low, high, left_edge = [], 0, second, True
    while first != high:
        middle = low + _split(high - low)
        if first <= middle:
            proof.append(_root(nodes, middle, high))
            high = middle
        else:
            proof.append(_root(nodes, low, middle))
            low, left_edge = middle, False
    if not left_edge:
        proof.append(_root(nodes, low, high))
    return tuple(reversed(proof))


def sides(nodes: Nodes, first: int, last: int, size: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the roots of the complete subtrees left of `first` and right of `last` (exclusive) in a tree of `size`.

    With the leaves between them they give the root (`root_of_range`). Raises ValueError for a range that is none.
    """
    if not 0 <= first <= last <= size:
        raise ValueError("the tree has no such range")
    left = tuple(_complete(nodes, at, height) for at, height in _subtrees(0, first))
    return left, tuple(_complete(nodes, at, height) for at, height in _subtrees(last, size))


def check_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that the tree of `size` leaves with `root` holds `leaf_hash` at `index`."""
    if not _hashes(leaf_hash, root, *proof) or not _counts(index, size) or index >= size:
        return False
    number, last, node = index, size - 1, leaf_hash
    for sibling in proof:
        if not last:
            return False
        if number & 1 or number == last:
            node = node_hash(sibling, node)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        number, last = number >> 1, last >> 1
    return not last and node == root


def check_consistency(first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree of `second` leaves only adds to the tree of `first` leaves."""
    if not _hashes(first_root, second_root, *proof) or not _counts(first, second) or first > second:
        return False
    if first == second:
        return not proof and first_root == second_root and (first > 0 or first_root == EMPTY_ROOT)
    if not first:
        return not proof and first_root == EMPTY_ROOT
    path = list(proof) if first & (first - 1) else [first_root, *proof]
    number, last = first - 1, second - 1
    while number & 1:
        number, last = number >> 1, last >> 1
    if not proof:
        return False
    old = new = path[0]
    for sibling in path[1:]:
        if not last:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        number, last = number >> 1, last >> 1
    return not last and old == first_root and new == second_root


def root_of_range(
    leaves: Iterable[bytes], first: int, size: int, left: Sequence[bytes], right: Sequence[bytes]
) -> bytes | None:
    """Return the root of a tree of `size` leaves from those at `first` and onwards and its two sides.

    None when the sides are not as many as the numbers demand.
    """
    if not _counts(first, size) or not _hashes(*left, *right) or len(left) != first.bit_count():
        return None
    frontier = Frontier(first, tuple(left))
    for leaf in leaves:
        frontier = frontier.append(leaf)
    if frontier.size > size:
        return None
    heights = [height for _, height in _subtrees(frontier.size, size)]
    if len(heights) != len(right):
        return None
    for node, height in zip(right, heights, strict=True):
        frontier = _append_subtree(frontier, node, height)
    return frontier.root()


def _append_subtree(frontier: Frontier, node: bytes, height: int) -> Frontier:
    """Return the frontier with a complete subtree of 2**`height` leaves more; its size is a multiple of that."""
    peaks, size = list(frontier.peaks), frontier.size >> height
    while size & 1:
        node = node_hash(peaks.pop(), node)
        size >>= 1
    return Frontier(frontier.size + (1 << height), (*peaks, node))


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def _subtrees(low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield place and height of the largest complete, aligned subtrees that fill the range, left to right."""
    while low < high:
        height = (high - low).bit_length() - 1
        if low:
            height = min(height, (low & -low).bit_length() - 1)
        yield low, height
        low += 1 << height


def _root(nodes: Nodes, low: int, high: int) -> bytes:
    """Return the root of the leaves from `low`, which is the beginning of a subtree, to `high`."""
    peaks = [_complete(nodes, at, height) for at, height in _subtrees(low, high)]
    node = peaks.pop()
    while peaks:
        node = node_hash(peaks.pop(), node)
    return node


def _complete(nodes: Nodes, at: int, height: int) -> bytes:
    """Return the root of the complete subtree of 2**`height` leaves at leaf `at`."""
    level, above = divmod(height, TILE_HEIGHT)
    width = 1 << above
    first = at >> TILE_HEIGHT * level
    found = nodes.tile_roots(level - 1, first, first + width) if level else nodes.leaf_hashes(first, first + width)
    if len(found) != width or not _hashes(*found):
        raise ValueError("the tree's stored hashes are not all there")
    return root_of(found)


def _hashes(*nodes: bytes) -> bool:
    return all(type(node) is bytes and len(node) == HASH_BYTES for node in nodes)


def _counts(*numbers: int) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)
