"""Exporting a stretch of the trail: what it holds is settled and recorded first, then it is written page by page.

The trail only grows, so the pages are read one after another without holding anybody up. A stretch is the records
from the first of a period to its last, with nothing left out between them: only that can prove itself.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from withness import files
from withness.audit import log
from withness.audit.log import Head
from withness.audit.proofs import sides
from withness.audit.record import Kind, Leaf, Record
from withness.desk.checkpoints import present
from withness.desk.context import Actor, Context
from withness.desk.sign_off import Matter, sign_off
from withness.desk.telling import may_see
from withness.errors import CannotTell, InvalidInput, Refused, TrailDamaged
from withness.signing import Signer
from withness.store.sql import Store
from withness.store.transaction import Transaction

PAGE: Final = 1000
"""Records that are read in one transaction."""


class Form(StrEnum):
    """The forms of an export."""

    NDJSON = "ndjson"
    CSV = "csv"
    FHIR = "fhir"


@dataclass(frozen=True)
class Period:
    """From `start` up to, not including, `end`: instants as records write them, None for no bound."""

    start: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Part:
    """The records of one segment: `first` and `last` (exclusive) count within it; `note` is its signed checkpoint.

    `left` and `right` are the roots of the complete subtrees on both sides of them.
    """

    head: Head
    first: int
    last: int
    note: str
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]

    @property
    def records(self) -> int:
        """How many records it is."""
        return self.last - self.first


@dataclass(frozen=True)
class Stretch:
    """What an export will hold: its parts, the log's vkey, the data directory's id, and when it was settled."""

    parts: tuple[Part, ...]
    data_id: str
    vkey: str
    at: datetime
    pruned: int = 0
    """How many of the records were pruned: an export can only give their hashes, or leave them out."""

    @property
    def first(self) -> int:
        """The first record's sequence number."""
        return self.parts[0].head.first_seq + self.parts[0].first

    @property
    def records(self) -> int:
        """How many records it is."""
        return sum(part.records for part in self.parts)

    @property
    def size(self) -> int:
        """The size that the last checkpoint states."""
        return self.parts[-1].head.size

    def details(self) -> dict[str, int]:
        """Return what the record of the export says about it."""
        return {"first": self.first, "records": self.records, "size": self.size}


Write = Callable[[Stretch, Iterator[Leaf], IO[str]], None]
"""Writes a stretch and its records, in order, in one form."""


def settle(store: Store, tx: Transaction, period: Period, at: datetime) -> Stretch:
    """Return what an export of `period` holds.

    Raises InvalidInput for a period without records, TrailDamaged where the tree does not bear a checkpoint, CannotTell
    without the log key.
    """
    present(store, tx)
    bounds = tx.seqs_within(period.start, period.end)
    if bounds is None:
        raise InvalidInput("The trail holds no record of this period.", field="--from, --to")
    try:
        parts = tuple(_parts(store, tx, *bounds))
    except ValueError as error:
        raise TrailDamaged(f"The trail is damaged: {error}.", hint="Run: withness audit verify") from None
    publisher = store.publisher
    assert publisher is not None  # noqa: S101  `present` has seen it
    pruned = tx.count_emptied(bounds[0], bounds[1] + 1)
    return Stretch(parts, tx.facts().get("data_id", ""), publisher.key.vkey, at, pruned)


def _parts(store: Store, tx: Transaction, low: int, high: int) -> Iterator[Part]:
    publisher = store.publisher
    assert publisher is not None  # noqa: S101  see `settle`
    for head in tx.heads():
        head.frontier()
        first, last = max(low - head.first_seq, 0), min(high + 1 - head.first_seq, head.size)
        if first < last:
            left, right = sides(tx.nodes(head.segment), first, last, head.size)
            yield Part(head, first, last, publisher.note(head), left, right)


def export(store: Store, period: Period, out: Path, write: Write, actor: Actor, at: datetime, form: Form) -> Stretch:
    """Record that `period` is exported, and write it to the new file `out`.

    Raises what `settle` raises, Refused for a partner or proxy, InvalidInput naming --out.
    """
    if not may_see(actor.ref, ""):
        raise Refused("Only clinicians and compliance export the trail.", field="actor")
    with new_file(out) as file:
        with store.transaction() as tx:
            stretch = settle(store, tx, period, at)
            log.append(tx, [exported(actor, form.value, stretch.details())], at=at)
        write(stretch, _leaves(store, stretch), file)
    return stretch


def export_signed(
    context: Context, period: Period, out: Path, write: Write, signer: Signer, actor: Actor, form: Form
) -> Stretch:
    """Do the same, signed by somebody enrolled as compliance. Raises Refused too, and what `sign_off` raises."""
    store = context.store
    with new_file(out) as file:
        with store.transaction() as tx:
            stretch = settle(store, tx, period, context.now())
        details = stretch.details()
        matter = Matter(form.value, body=details, plain=details, kind=Kind.TRAIL_EXPORTED)
        sign_off(context, matter, signer, actor=actor)
        write(stretch, _leaves(store, stretch), file)
    return stretch


def exported(actor: Actor, outcome: str, details: dict[str, int], patient: str | None = None) -> Record:
    """Return the record of an export that nobody signed."""
    return Record(
        kind=Kind.TRAIL_EXPORTED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=patient,
        outcome=outcome,
        details=details,
    )


def _leaves(store: Store, stretch: Stretch) -> Iterator[Leaf]:
    """Yield the records in order. Raises TrailDamaged when one is not there."""
    wanted = stretch.first
    end = wanted + stretch.records
    while wanted < end:
        with store.transaction() as tx:
            page = tx.leaves_between(wanted, min(wanted + PAGE, end))
        for leaf in page:
            if leaf.seq != wanted:
                break
            yield leaf
            wanted += 1
        if not page or page[-1].seq != wanted - 1:
            raise TrailDamaged(f"Record {wanted} is missing.", hint="Run: withness audit verify")


@contextlib.contextmanager
def new_file(path: Path, option: str = "--out") -> Iterator[IO[str]]:
    """Yield a new file that only its owner reads; it is removed again when the block raises.

    Raises InvalidInput naming the option for one that is there or cannot be written.
    """
    made = contextlib.ExitStack()
    try:
        raw = made.enter_context(files.new_file(path))
    except FileExistsError:
        raise InvalidInput(f"{path} is there already and is never overwritten.", field=option) from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be written: {error.strerror}.", field=option) from None
    try:
        with made:
            file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            yield file
            file.detach()  # what it holds back is handed on
    except OSError as error:
        raise CannotTell(f"{path} could not be written: {error.strerror}.", field=option) from None
