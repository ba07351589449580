"""Holding the log against a checkpoint that was kept outside: its size AND its root (audit.md 1.2).

What lies beyond the newest checkpoint is not proved by anything: how many records that are is always said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from withness.audit import checkpoint
from withness.audit.check import Damage
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import Head, acknowledgements
from withness.audit.proofs import fits
from withness.audit.publishing import state
from withness.audit.words import are, many, were
from withness.desk.log_keys import vkeys
from withness.errors import CannotTell
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Anchor:
    """A checkpoint from outside whose signature fits a key of this log."""

    segment: int
    said: Checkpoint


def read_anchors(
    tx: Transaction, notes: Iterable[str], pinned: Iterable[str] = (), *, field: str = "--anchor"
) -> tuple[Anchor, ...]:
    """Return the checkpoints of signed notes. `pinned` are vkeys that a reviewer knows: then only they count.

    Raises CannotTell for a note that cannot be read, is another log's or is signed by no key that counts.
    """
    known = tuple(pinned) or vkeys(tx)
    data_id = tx.facts().get("data_id", "")
    return tuple(_anchor(note, known, data_id, field) for note in notes)


def _anchor(note: str, known: Iterable[str], data_id: str, field: str) -> Anchor:
    try:
        said = checkpoint.verify(note, known)
    except ValueError as error:
        raise CannotTell(f"The checkpoint cannot be relied on: {error}", field=field) from None
    base, _, segment = said.origin.rpartition("/")
    if base != checkpoint.key_name(data_id) or not segment.isdecimal():
        raise CannotTell("The checkpoint is another log's.", field=field)
    return Anchor(int(segment), said)


def against(tx: Transaction, anchors: Iterable[Anchor]) -> Iterator[Damage]:
    """Yield how the log falls short of each anchor: fewer records, or another tree over as many."""
    heads = {head.segment: head for head in tx.heads()}
    for one in anchors:
        head = heads.get(one.segment)
        size = head.size if head is not None else 0
        if acknowledgement(tx, one) is not None:
            continue
        if size < one.said.size:
            yield Damage(
                f"segment {one.segment} has {many(size)}, and the anchor says {one.said.size}: "
                "records were cut off, or an older copy was put back"
            )
        elif not fits(tx.nodes(one.segment), one.said.size, one.said.root):
            yield Damage(f"the first {one.said.size} records of segment {one.segment} are not those of the anchor")


def acknowledgement(tx: Transaction, anchor: Anchor) -> tuple[Head, Mapping[str, Any]] | None:
    """Return how two people acknowledged that the records of an anchor beyond the copy's are lost (`acknowledgements`).

    They signed for what was published, and for where the segment ends now: what an anchor knows beyond that, which
    nobody published, is lost with it. None where the segment reaches so far, or ends in a state that nobody signed for.
    """
    head = next((one for one in tx.heads() if one.segment == anchor.segment), None)
    size, root = (head.size, head.root) if head is not None else (0, b"")
    if size >= anchor.said.size:
        return None
    left = state(anchor.segment, size, root)
    return next((one for one in acknowledgements(tx) if left in one[1]["have"]), None)


def lost_with(tx: Transaction, anchors: Iterable[Anchor]) -> Iterator[str]:
    """Yield a sentence for each anchor that is of records which two people acknowledged as lost."""
    for one in anchors:
        found = acknowledgement(tx, one)
        if found is None or (leaf := tx.leaf(found[0].first_seq)) is None:
            continue
        _, said = found
        known = next((told["size"] for told in said["lost"] if told["segment"] == one.segment), 0)
        more = f", {one.said.size - known} more than were published then" if one.said.size > known else ""
        yield (
            f"The anchor of {many(one.said.size)} of segment {one.segment} is of records that two people "
            f"acknowledged as lost on {leaf.recorded_at[:10]} (record {leaf.seq}){more}."
        )


def losses(tx: Transaction) -> tuple[str, ...]:
    """Return a sentence for each loss that two people have acknowledged."""
    return tuple(
        f"Record {head.first_seq} acknowledges that an older copy was restored: of segment {gone['segment']} "
        f"{many(gone['size'])} {were(gone['size'])} published, and {left['size']} {are(left['size'])} there."
        for head, said in acknowledgements(tx)
        for gone, left in zip(said["lost"], said["have"], strict=False)
    )


def beyond(tx: Transaction, anchors: Iterable[Anchor]) -> int:
    """Return how many records no anchor covers."""
    covered: dict[int, int] = {}
    for one in anchors:
        covered[one.segment] = max(covered.get(one.segment, 0), one.said.size)
    return sum(max(0, head.size - covered.get(head.segment, 0)) for head in tx.heads())
