"""Delivery of a signed note: at least once, with one effect, and never asked of the gate.

A document that carries a plan is looked at again under the lock: it is withheld for good when the plan is not released
any more, or was amended since (contracts I7). Before every retry the document's id is read, and what is there is not
written again. Earlier documents of the same note are marked as superseded, each over the version that was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from withness.audit.record import Kind
from withness.desk.amending import version_of
from withness.desk.context import Actor, Context
from withness.desk.last_said import rests_on_undone
from withness.desk.note_documents import tried
from withness.desk.note_release import released
from withness.desk.outbox import Sent, due_row, failed, failed_in, move, write_anew
from withness.desk.shares import ended_in_trail
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput, SealBroken
from withness.fhir.making import Resource
from withness.fhir.note_resources import never_arrived, require_note, superseding
from withness.store.rows import OPEN, Delivery, OutboxRow
from withness.store.transaction import Transaction

WITHHELD: Final = (
    "The plan that this document carries is not released any more, or was amended; it was not sent. Once the plan is "
    "released, amend the document to what stands and sign it."
)
_REFUSALS: Final = (EhrRefused, Conflict, InvalidInput)
_AWAY: Final = (EhrUnavailable, CannotTell)


def deliver_note(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one member's document and record what became of it. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = due_row(tx, context, id, actor)
        if isinstance(row, Sent):
            return row
        undone, released_now = rests_on_undone(tx, row), _may_go(tx, row)
        if not released_now and not tried(row):
            return _withhold(tx, context, row, actor)
        # One lock spans the look and the write, so that nothing comes in between; but never what may yet be undone.
        if released_now and context.ehr.embedded and not undone:
            return _write_in(tx, context, row, actor)
        begun = replace(row, state=Delivery.SENDING)
        if released_now:
            move(tx, context, row, Delivery.SENDING, actor, Kind.NOTE_SAVED, "sending")
    return _send(context, row, begun, actor) if released_now else _settle(context, row, actor)


def _may_go(tx: Transaction, row: OutboxRow) -> bool:
    """Whether what the document carries stands, and is released in this member's own chart; another's is not asked."""
    if not row.content["plan"]:
        return True
    try:
        plan = tx.plan(row.content["plan"])
    except SealBroken:
        return False
    if plan is None or version_of(plan) != row.content["plan_version"]:
        return False
    person = row.content["person"]
    return released(plan, (person,)) and not ended_in_trail(tx, plan.id, person)


def _withhold(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent:
    move(tx, context, row, Delivery.WITHHELD, actor, Kind.NOTE_SAVED, "withheld-plan-not-released")
    return Sent(Delivery.WITHHELD, WITHHELD)


def _settle(context: Context, row: OutboxRow, actor: Actor) -> Sent:
    """Find out whether an earlier try brought the document into the EHR; only one that is not there is withheld."""
    try:
        there = not _document(context, row)
    except (*_REFUSALS, *_AWAY) as error:
        return failed(context, row, row.state, actor, Kind.NOTE_SAVED, error)
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if there or now is None or now.state not in OPEN:
            return _done(tx, context, row, actor)
        return _withhold(tx, context, now, actor)


def _write_in(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent:
    try:
        _write(context, row)
    except _REFUSALS as error:
        return failed_in(tx, context, row, Delivery.REFUSED, actor, Kind.NOTE_SAVED, error)
    except _AWAY as error:
        return failed_in(tx, context, row, Delivery.WAITING, actor, Kind.NOTE_SAVED, error)
    return _done(tx, context, row, actor)


def _send(context: Context, row: OutboxRow, begun: OutboxRow, actor: Actor) -> Sent:
    try:
        _write(context, row)
    except _REFUSALS as error:
        return failed(context, begun, Delivery.REFUSED, actor, Kind.NOTE_SAVED, error)
    except _AWAY as error:
        return failed(context, begun, Delivery.SENDING, actor, Kind.NOTE_SAVED, error)
    with context.store.transaction() as tx:
        return _done(tx, context, begun, actor)


def _done(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent:
    """Record the delivery; a document that landed after the one that takes its place is superseded once more."""
    now = tx.outbox(row.decision_id)
    if now is not None and now.state in OPEN:
        done = replace(now, attempts=now.attempts + 1)
        move(tx, context, done, Delivery.DELIVERED, actor, Kind.NOTE_SAVED, "delivered")
        return Sent(Delivery.DELIVERED)
    again = _newest(tx, row)
    if now is None or now.state is not Delivery.REPLACED or again is None:
        return Sent(Delivery.DELIVERED)
    move(tx, context, again, Delivery.WAITING, actor, Kind.NOTE_SAVED, "again")
    return Sent(Delivery.REPLACED, follow=(again.decision_id,))


def _newest(tx: Transaction, row: OutboxRow) -> OutboxRow | None:
    """Return the outbox row of the newest signed version in the same chart; one that does not open is sent no more."""
    try:
        note = tx.note(row.plan_id)
        signed = [one["signed"]["rows"] for one in note.content["versions"] if "signed" in one] if note else []
        ids = [rows[row.content["person"]] for rows in signed if row.content["person"] in rows]
        return tx.outbox(ids[-1]) if ids and ids[-1] != row.decision_id else None
    except SealBroken:
        return None


def _write(context: Context, row: OutboxRow) -> None:
    """Write what is not there yet, in one transaction; somebody else's write in between is read again."""

    def make() -> Resource | None:
        bundle = _superseding(context, row, require_note({**row.content["bundle"], "entry": _document(context, row)}))
        return bundle if bundle["entry"] else None

    write_anew(context, make)


def _document(context: Context, row: OutboxRow) -> list[Mapping[str, Any]]:
    """Return the document's entries; none where an earlier attempt has brought it into the EHR."""
    entries: list[Mapping[str, Any]] = row.content["bundle"]["entry"]
    if not tried(row):
        return entries
    stored = context.ehr.read(entries[0]["request"]["url"])
    if stored is None:
        return entries
    if stored.resource.get("identifier") != entries[0]["resource"]["identifier"]:
        raise EhrRefused("The EHR holds something else under this document's id.")
    return []


def _superseding(context: Context, row: OutboxRow, bundle: Resource) -> Resource:
    """Return the Bundle that marks earlier documents, too.

    One that never arrived is written as superseded without its words, so that its place is taken if it comes late. Of
    one whose outbox row does not open the id is all that is known: it is marked where it is there.
    """
    for before in row.content["before"]:
        stored = context.ehr.read(f"DocumentReference/{before['id']}")
        if stored is not None:
            bundle = superseding(bundle, stored.resource, stored.version)
        elif "content" in before:
            bundle = superseding(bundle, never_arrived(before), "")
    return bundle
