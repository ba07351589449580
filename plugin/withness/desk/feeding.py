"""Telling an audit repository of every record, as AuditEvents, in order and at least once.

A record's event has the same id each time, so one that was told twice is there once. The repository being down holds
nothing up: what it has not been told waits for the next `withness sync`. It is an anchor too: each event holds its
record's hash and a signed checkpoint, where this directory's administrator does not write.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from withness.audit.record import Leaf, instant
from withness.desk.checkpoints import present, signed
from withness.desk.context import Context
from withness.desk.export_fhir import around_of, event_of
from withness.desk.stretch import Part
from withness.ehr.port import Ehr
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, TrailDamaged
from withness.store.transaction import Transaction

BATCH: Final = 100
"""Records in one Bundle."""
MOST: Final = 50
"""Bundles in one run: what is left waits for the next."""


@dataclass(frozen=True)
class Fed:
    """What a run came to: how many records the repository was told, how many wait, and why where it stopped."""

    told: int = 0
    waiting: int = 0
    trouble: str = ""


def feed(context: Context) -> Fed:
    """Tell the audit repository what it has not been told yet; nothing where none is set. Never raises for its sake.

    Raises CannotTell when the store cannot be read.
    """
    repository = context.repository
    if repository is None:
        return Fed()
    told, trouble = 0, ""
    for _ in range(MOST):
        try:
            done, events = _batch(context, repository)
        except (EhrUnavailable, EhrRefused, Conflict, TrailDamaged, CannotTell) as error:
            trouble = f"The audit repository has not been told everything: {error.message}"
            break
        told += events
        if done < BATCH:
            break
    with context.store.transaction() as tx:
        waiting = _waiting(tx, repository.address)
    return Fed(told, waiting, trouble)


def _waiting(tx: Transaction, address: str) -> int:
    """Return how many records wait: all of them where it cannot be known which."""
    try:
        return _end(tx) - _first(tx, address)
    except TrailDamaged:
        return _end(tx)


def _end(tx: Transaction) -> int:
    last = tx.last()
    return last.seq + 1 if last else 0


def _first(tx: Transaction, address: str) -> int:
    """Return the first record that this repository has not been told.

    A segment that began after it was told last is new to it, though its numbers were given before: what it was told
    under them was lost with a restored copy. It goes on with that segment's first record.

    Raises TrailDamaged for a place behind the log's end: nobody can say what it has been told.
    """
    first, at = tx.fed(address), tx.fed_at(address)
    for head in tx.heads():
        begun = tx.leaf(head.first_seq)
        if begun is not None and at < begun.recorded_at:
            first = min(first, head.first_seq)
    if first > _end(tx):
        said = (
            f"it is said to have been told {first} records, and the log has {_end(tx)}: nobody knows what it was told."
        )
        raise TrailDamaged(said, hint="Run: withness audit verify")
    return first


def _batch(context: Context, repository: Ehr) -> tuple[int, int]:
    """Tell one Bundle of records, and remember that; return how many were passed, and told: not what was pruned."""
    with context.store.transaction() as tx:
        first = _first(tx, repository.address)
        leaves = tx.leaves_between(first, first + BATCH)
        events = _events(context, tx, leaves) if leaves else []
    if not leaves:
        return 0, 0
    entries = [
        {
            "resource": one,
            "request": {"method": "PUT", "url": f"AuditEvent/{one['id']}"},
            "fullUrl": f"urn:uuid:{one['id']}",
        }
        for one in events
    ]
    if entries:
        repository.transact({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    with context.store.transaction() as tx:
        # Never earlier than before, whatever the clock does: by its time it is known what it was told of.
        at = max(instant(context.now()), tx.fed_at(repository.address), *(one.recorded_at for one in leaves))
        tx.put_fed(repository.address, leaves[-1].seq + 1, at)
    return len(leaves), len(events)


def _events(context: Context, tx: Transaction, leaves: tuple[Leaf, ...]) -> list[dict[str, Any]]:
    """Return the records' events, each under its segment's present checkpoint."""
    present(context.store, tx)
    publisher = context.store.publisher
    if publisher is None:
        raise CannotTell("The log key is not at hand.", field="WITHNESS_KEY_FILE")
    needed = {one.segment for one in leaves}
    heads = (head for head in tx.heads() if head.segment in needed)
    parts = {head.segment: Part(head, 0, head.size, signed(publisher, tx, head), (), ()) for head in heads}
    around = around_of(tx, tx.facts().get("data_id", ""), context.settings.organization)
    missing = next((one for one in leaves if one.segment not in parts), None)
    if missing is not None:
        raise TrailDamaged(f"Record {missing.seq} stands in no segment.", hint="Run: withness audit verify")
    return [event_of(one, parts[one.segment], around) for one in leaves if one.body]  # the others were pruned
