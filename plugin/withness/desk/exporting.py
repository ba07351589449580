"""Exporting a stretch of the trail: what it holds is settled and recorded first, then it is written page by page.

The trail only grows, so the pages are read one after another without holding anybody up. A stretch is the records
from the first of a period to its last, with nothing left out between them: only that can prove itself.

A damaged trail is exported too, for then an inquiry needs it: what a published checkpoint still covers as ever, then
the rest as it lies there, and all of it marked with what was found.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from withness import files
from withness.audit import log
from withness.audit.proofs import sides
from withness.audit.pruned import stored_damage
from withness.audit.record import Kind, Leaf, Record
from withness.desk.checkpoints import present, publisher_of, signed
from withness.desk.context import Actor, Context
from withness.desk.damaged import Covered, covered, finding, found_before, losses, said_of
from withness.desk.sign_off import Matter, sign_off
from withness.desk.stretch import Gap, Held, Part, Period, Read, Rest, Stretch, Write
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


def settle(store: Store, tx: Transaction, period: Period, at: datetime) -> Stretch:
    """Return what an export of `period` holds.

    Raises InvalidInput for a period without records, CannotTell without the log key.
    """
    publisher = publisher_of(store, tx, unsound=True)
    bounds = tx.seqs_within(period.start, period.end)
    if bounds is None:
        raise InvalidInput("The trail holds no record of this period.", field="--from, --to")
    found, low, high = finding(tx), bounds[0], bounds[1] + 1
    parts: tuple[Part, ...] = ()
    rest: tuple[Rest, ...] = ()
    if not found:
        try:
            present(store, tx)
            for head in tx.heads():
                head.frontier()
            parts = tuple(_parts(tx, (Covered(one, signed(publisher, tx, one)) for one in tx.heads()), low, high))
            found = _missing(parts, low, high)
        except ValueError as error:
            found = str(error)
        except TrailDamaged as error:
            found = said_of(error)
    if found:
        parts = tuple(_parts(tx, covered(publisher, tx), low, high))
        rest = tuple(_rest(parts, low, high))
    counts = tx.count_leaves(low, high), tx.count_emptied(low, high)
    id = tx.facts().get("data_id", "")
    return Stretch(parts, id, publisher.key.vkey, at, *counts, found, found_before(tx), rest, losses(tx))


def _parts(tx: Transaction, some: Iterable[Covered], low: int, high: int) -> Iterator[Part]:
    for one in some:
        head = one.head
        first, last = max(low - head.first_seq, 0), min(high - head.first_seq, head.size)
        if first < last:
            left, right = sides(tx.nodes(head.segment), first, last, head.size)
            yield Part(head, first, last, one.note, left, right)


def _rest(parts: Iterable[Part], low: int, high: int) -> Iterator[Rest]:
    """Yield what lies between `low` and `high` (exclusive) in none of the parts."""
    for part in parts:
        if low < part.head.first_seq + part.first:
            yield Rest(low, part.head.first_seq + part.first)
        low = part.head.first_seq + part.last
    if low < high:
        yield Rest(low, high)


def _missing(parts: Iterable[Part], low: int, high: int) -> str:
    """Return which record stands in no segment, "" where each stands in one."""
    gap = next(_rest(parts, low, high), None)
    return f"record {gap.first} stands in no segment" if gap is not None else ""


Done = tuple[Stretch, Held]
"""A stretch as it was written, and what the file holds of it."""


def export(store: Store, period: Period, out: Path, write: Write, actor: Actor, at: datetime, form: Form) -> Done:
    """Record that `period` is exported, and write it to the new file `out`.

    What cannot be written as it should be is damage: then it is written as what a damaged trail holds. Raises what
    `settle` raises, Refused for a partner or proxy, InvalidInput naming --out.
    """
    if not may_see(actor.ref, ""):
        raise Refused("Only clinicians and compliance export the trail.", field="actor")
    with new_file(out) as file:
        with store.transaction() as tx:
            stretch = settle(store, tx, period, at)
            log.append(tx, [exported(actor, form.value, stretch.details())], at=at)
        return _write(store, stretch, write, file)


def export_signed(
    context: Context, period: Period, out: Path, write: Write, signer: Signer, actor: Actor, form: Form
) -> Done:
    """Do the same, signed by somebody enrolled as compliance. Raises Refused too, and what `sign_off` raises."""
    store = context.store
    with new_file(out) as file:
        with store.transaction() as tx:
            stretch = settle(store, tx, period, context.now())
        details = stretch.details()
        matter = Matter(form.value, body=details, plain=details, kind=Kind.TRAIL_EXPORTED)
        sign_off(context, matter, signer, actor=actor)
        return _write(store, stretch, write, file)


def _write(store: Store, stretch: Stretch, write: Write, file: IO[str]) -> Done:
    """Write a stretch, marked as damaged where a record turns out to be none; return it as it was written."""
    try:
        return stretch, write(stretch, _reader(store, stretch), file)
    except TrailDamaged as error:
        file.seek(0)
        file.truncate()
        stretch = replace(stretch, finding=said_of(error))
        return stretch, write(stretch, _reader(store, stretch), file)


def exported(actor: Actor, outcome: str, details: Mapping[str, int | str], patient: str | None = None) -> Record:
    """Return the record of an export that nobody signed."""
    return Record(
        kind=Kind.TRAIL_EXPORTED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=patient,
        outcome=outcome,
        details=details,
    )


def _reader(store: Store, stretch: Stretch) -> Read:
    """Return what reads the records of a stretch.

    It raises TrailDamaged, unless that is known, for one that is missing, or whose bytes, hash and columns disagree.
    """

    def read(first: int, last: int) -> Iterator[Leaf | Gap]:
        for one in _with_gaps(_leaves(store, first, last), first, last):
            if not stretch.finding:
                _require_sound(one)
            yield one

    return read


def _leaves(store: Store, first: int, last: int) -> Iterator[Leaf]:
    """Yield the records that lie from `first` up to, not including, `last`, a page of them in each transaction."""
    while first < last:
        with store.transaction() as tx:
            page = tx.leaves_between(first, last, PAGE)
        if not page:
            return
        yield from page
        first = int(page[-1].seq) + 1


def _with_gaps(leaves: Iterable[Leaf], first: int, last: int) -> Iterator[Leaf | Gap]:
    """Yield each record in its place, and a gap in the place of each run of numbers that none of them has."""
    for leaf in leaves:
        if type(leaf.seq) is not int or leaf.seq < first:  # no number of a record, or there twice: a table made anew
            continue
        if first < leaf.seq:
            yield Gap(first, leaf.seq - 1)
        yield leaf
        first = leaf.seq + 1
    if first < last:
        yield Gap(first, last - 1)


def _require_sound(one: Leaf | Gap) -> None:
    """Raise TrailDamaged for a gap, or bytes, hash and columns that do not agree: the CSV is made of the columns."""
    if isinstance(one, Gap):
        raise TrailDamaged(f"{one.said.capitalize()}.", hint="Run: withness audit verify")
    wrong = stored_damage(one)
    if wrong:
        raise TrailDamaged(f"Record {one.seq}: {wrong}.", hint="Run: withness audit verify")


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
