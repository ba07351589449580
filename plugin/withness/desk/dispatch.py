"""Sending what the gate never asks about: a directive protocol, and changes that stop, hold, end or resume.

At least once with one effect: a directive's resources have ids of our making, and a change is made
only where the EHR does not hold it yet, under If-Match. Nothing here waits for a whole trail (contracts I7).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from withness.audit.record import Kind, instant
from withness.desk.changes import changed
from withness.desk.context import Actor, Context
from withness.desk.outbox import Sent, due_row, failed, move, write_anew
from withness.desk.shares import hold_plans, may_send, overtaken
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput
from withness.fhir.making import Resource
from withness.fhir.status import change_transaction
from withness.store.rows import OPEN, Delivery, OutboxRow, Sending


def dispatch(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one directive or change. Raises CannotTell for our own store."""
    row = _begin(context, id, actor)
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


def _begin(context: Context, id: str, actor: Actor) -> OutboxRow | Sent:
    """Return the row to send now, or why it is not: planned for later, for another EHR, or no longer so."""
    with context.store.transaction() as tx:
        at, row = context.now(), due_row(tx, context, id)
        if isinstance(row, Sent):
            return row
        if row.kind is not Sending.CHANGE:
            return row
        if row.not_before > instant(at):
            return Sent(row.state)
        good, moved = may_send(tx, row, at)
        if moved or not good:
            state = row.state if good else Delivery.REPLACED
            move(
                tx,
                context,
                row,
                state,
                actor,
                Kind(row.content["record"]),
                "due" if good else "overtaken",
                details=moved,
            )
        return row if good else Sent(Delivery.REPLACED)


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
