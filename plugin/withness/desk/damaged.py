"""Exporting and proving from a damaged trail: what still lies under a checkpoint that was published, and the rest.

Nothing new is signed there. A published checkpoint counts where the log's present key signed it and the tree still has
the root that it states: what it covers can be proved as ever, and of what lies beyond nothing can be told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from withness.audit import checkpoint, log
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import Head
from withness.audit.proofs import fits
from withness.audit.publishing import Publisher
from withness.audit.record import details_of
from withness.desk.acts import forged
from withness.errors import TrailDamaged
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Covered:
    """A segment as far as a published checkpoint still fits it: its head at that size, and the checkpoint's note."""

    head: Head
    note: str


def finding(tx: Transaction) -> str:
    """Return what is wrong with the trail as it stands, "" where its cheap signs and what was published agree."""
    return log.damage(tx, prove=True) or ""


def breaks(tx: Transaction) -> Iterator[tuple[int, str]]:
    """Yield, of each segment that was begun because of damage, its first record and what that says was found.

    "" where only `withness audit verify` had seen what.
    """
    for head in tx.heads():
        first = tx.leaf(head.first_seq) if log.found_damaged(tx, head) else None
        why = details_of(first).get("after_break") if first is not None else None
        if first is not None and isinstance(why, str):
            yield first.seq, "" if why == log.FOUND else why


def found_before(tx: Transaction) -> str:
    """Return what was wrong when the trail was found damaged, whatever it looks like now; "" where it never was."""
    told = "; ".join(f"before record {seq}{why and f': {why}'}" for seq, why in breaks(tx))
    found = any(log.found_damaged(tx, head) for head in tx.heads())
    return f"it was found damaged {told or 'before'}" if found else ""


def losses(tx: Transaction) -> tuple[str, ...]:
    """Return in a sentence each loss that two people signed for: of the records that were there nothing else tells."""
    if forged(tx):
        return ()
    return tuple(
        f"Record {head.first_seq} says that an older copy was restored, and that two people signed for what was lost."
        for head, _ in log.acknowledgements(tx)
    )


_DAMAGED: Final = "The trail is damaged: "


def damaged(what: str) -> TrailDamaged:
    """Return the error that names what is wrong and says what to do."""
    return TrailDamaged(f"{_DAMAGED}{what}.", hint="Run: withness audit verify")


def said_of(error: TrailDamaged) -> str:
    """Return what such an error says is wrong, a sentence's end."""
    return error.message.removeprefix(_DAMAGED).rstrip(".")


def covered(publisher: Publisher, tx: Transaction) -> Iterator[Covered]:
    """Yield each segment of which something is still covered, with the largest published checkpoint that fits it."""
    for head in sorted(tx.heads(), key=lambda one: one.segment):
        for said, note in sorted(_notes(publisher, head.segment), key=lambda one: -one[0].size):
            if said.size > 0 and fits(tx.nodes(head.segment), said.size, said.root):
                yield Covered(Head(head.segment, head.first_seq, said.size, said.root, b""), note)
                break


def _notes(publisher: Publisher, segment: int) -> Iterator[tuple[Checkpoint, str]]:
    """Yield the published checkpoints of a segment, the daily ones too, that the log's present key signed."""
    for note in publisher.folder.notes(segment):
        try:
            said = checkpoint.verify(note, [publisher.key.vkey])
        except ValueError:
            continue
        if said.origin == f"{publisher.key.vkey.partition('+')[0]}/{segment}":
            yield said, note
