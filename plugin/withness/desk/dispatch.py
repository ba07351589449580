"""Sending what the gate never asks about: a directive protocol, and changes that stop, hold, end or resume.

At least once with one effect: a directive's resources have ids of our making, and a change is made
only where the EHR does not hold it yet, under If-Match. What stops, holds or ends waits for no whole trail (contracts
I7); what makes a plan active again asks the gate once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, instant
from withness.desk import facts
from withness.desk.changes import changed
from withness.desk.context import Actor, Context
from withness.desk.last_said import makes_active
from withness.desk.opening import Resumable, hold_again, resumable
from withness.desk.outbox import PUT_BACK, Sent, due_row, failed, move, write_anew
from withness.desk.shares import ended_in_trail, hold_plans, may_send, overtaken
from withness.desk.sweep_findings import keep_put_back
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput
from withness.fhir.making import Resource
from withness.fhir.status import change_transaction
from withness.store.rows import OPEN, Delivery, OutboxRow, Sending
from withness.store.transaction import Transaction

NOT_ASKED: Final = "The EHR cannot be asked about this person, so their plan is not made active again yet."
DAMAGED: Final = (
    "The audit trail does not bear out this person's screens and acts, so their plan is not made active again. "
    "Run: withness audit verify"
)


def dispatch(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one directive or change. Raises CannotTell for our own store."""
    row, held = _begin(context, id, actor)
    for again in held:
        dispatch(context, again, actor)
    if isinstance(row, Sent):
        return row
    kind = Kind(row.content["record"])
    try:
        if row.kind is Sending.DIRECTIVE:
            context.ehr.transact(row.content["bundle"])
        else:
            _change(context, row.content["changes"])
    except (EhrRefused, Conflict, InvalidInput) as error:
        return failed(context, row, Delivery.REFUSED, actor, kind, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, Delivery.WAITING, actor, kind, error)
    return _done(context, row, actor, kind)


def _begin(context: Context, id: str, actor: Actor) -> tuple[OutboxRow | Sent, tuple[str, ...]]:
    """Return the row to send now, or why it is not: planned for later, for another EHR, no longer so, or damage.

    And the rows that pause a plan again, where the gate says so.
    """
    known = _known(context, id)
    with context.store.transaction() as tx:
        at, row = context.now(), due_row(tx, context, id, actor)
        if isinstance(row, Sent) or row.kind is not Sending.CHANGE:
            return row, ()
        if row.not_before > instant(at):
            return Sent(row.state), ()
        found = _resumable(tx, context, row, known, actor, at) if makes_active(row) else None
        if isinstance(found, Sent):
            return found, ()
        good, moved = may_send(tx, row, at)
        good = good and not (found is not None and found.held)
        if moved or not good:
            state, outcome = (row.state, "due") if good else (Delivery.REPLACED, "overtaken")
            move(tx, context, row, state, actor, Kind(row.content["record"]), outcome, details=moved)
        if found is None or not found.held:
            return (row if good else Sent(Delivery.REPLACED)), ()
        return Sent(Delivery.REPLACED), hold_again(tx, context, found, row.content["person"], actor, at)


def _known(context: Context, id: str) -> Mapping[str, facts.Facts]:
    """Return what the EHR says of whom the gate will be asked about: nothing remote happens under the lock."""
    with context.store.transaction() as tx:
        row = tx.outbox(id)
    due = row is not None and row.state in OPEN and row.not_before <= instant(context.now())
    return facts.gather(context, (row.content["person"],)) if row is not None and due and makes_active(row) else {}


def _resumable(
    tx: Transaction, context: Context, row: OutboxRow, known: Mapping[str, facts.Facts], actor: Actor, at: datetime
) -> Resumable | Sent:
    """Ask the gate once more before a plan becomes active (contracts I3, I4): a plan's row alone proves nothing."""
    person = row.content["person"]
    if ended_in_trail(tx, row.plan_id, person):
        keep_put_back(tx, context, row, actor)
        move(tx, context, row, Delivery.REPLACED, actor, Kind(row.content["record"]), "overtaken")
        return Sent(Delivery.REPLACED, PUT_BACK, damaged=True)
    if person not in known or not known[person].reached:
        return Sent(row.state, NOT_ASKED)
    found = resumable(tx, context, person, known, at)
    return found if found.intact else Sent(row.state, DAMAGED, damaged=True)


def _done(context: Context, row: OutboxRow, actor: Actor, kind: Kind) -> Sent:
    """Record that it was sent; a share that was made active and paused meanwhile is paused again."""
    with context.store.transaction() as tx:
        at, now = context.now(), tx.outbox(row.decision_id)
        if now is not None and now.state in OPEN:
            move(tx, context, now, Delivery.DELIVERED, actor, kind, "delivered")
        if row.kind is not Sending.CHANGE or not overtaken(tx, row):
            return Sent(Delivery.DELIVERED)
        rows, records = hold_plans(tx, context, row.content["person"], actor, at, again=True)
        context.record(tx, actor, at, *records)
    for again in rows:
        dispatch(context, again, actor)
    return Sent(Delivery.DELIVERED)


def _change(context: Context, changes: list[Mapping[str, Any]]) -> None:
    """Read, change and write under If-Match; another's write in between is read again."""

    def make() -> Resource | None:
        made: list[tuple[Mapping[str, Any], str]] = []
        for one in changes:
            stored = context.ehr.read(one["reference"])
            if stored is None and one.get("must_be_there"):
                raise EhrRefused("The EHR does not hold the plan that goes on hold: look for it there.")
            resource = changed(stored.resource, one) if stored else None
            if stored is not None and resource is not None:
                made.extend((goal, "") for goal in one.get("goals", ()))
                made.append((resource, stored.version))
        return change_transaction(made) if made else None

    write_anew(context, make)
