"""Sending what the gate never asks about: a directive protocol, and changes that stop, hold, end or resume.

At least once with one effect: a directive's resources have ids of our making, and a change is made only where the
EHR does not hold it yet, under If-Match. Nothing here waits for a whole trail (contracts I7).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind
from withness.desk.changes import changed, note_share
from withness.desk.context import Actor, Context
from withness.desk.outbox import Sent, failed, move
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable
from withness.fhir.status import change_transaction
from withness.store.rows import OPEN, Delivery, OutboxRow, Sending
from withness.store.transaction import Transaction

TRIES: Final = 3
"""How often a change is made anew from the version that somebody else has just written."""

_OTHER: Final = "It is for another EHR, {}: set WITHNESS_EHR_URL to it."


def dispatch(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one directive or change. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = tx.outbox(id)
        if row is None or row.state not in OPEN:
            return Sent(row.state if row else Delivery.WAITING)
        if row.ehr != context.ehr.address:
            return Sent(row.state, _OTHER.format(row.ehr))
    kind = Kind(row.content["record"])
    try:
        if row.kind is Sending.DIRECTIVE:
            context.ehr.transact(row.content["bundle"])
        else:
            _change(context, row.content["changes"])
    except (EhrRefused, Conflict) as error:
        return failed(context, row, Delivery.REFUSED, actor, kind, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, Delivery.WAITING, actor, kind, error)
    return _done(context, row, actor, kind)


def _done(context: Context, row: OutboxRow, actor: Actor, kind: Kind) -> Sent:
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is not None and now.state in OPEN:
            stands = _stands(tx, row, context.now())
            move(tx, context, row, Delivery.DELIVERED, actor, kind, "delivered", **stands)
    return Sent(Delivery.DELIVERED)


def _stands(tx: Transaction, row: OutboxRow, at: datetime) -> dict[str, str]:
    """Note where the plan stands once the EHR holds the change: one planned for later counts from now."""
    if row.kind is not Sending.CHANGE or not row.plan_id:
        return {}
    return note_share(tx, row.plan_id, row.content["person"], row.content["changes"][0]["how"], at)


def _change(context: Context, changes: list[Mapping[str, Any]]) -> None:
    """Read, change and write under If-Match; another's write in between is read again."""
    for last in range(TRIES - 1, -1, -1):
        made: list[tuple[Mapping[str, Any], str]] = []
        for one in changes:
            stored = context.ehr.read(one["reference"])
            resource = changed(stored.resource, one) if stored else None
            if stored is not None and resource is not None:
                made.extend((goal, "") for goal in one.get("goals", ()))
                made.append((resource, stored.version))
        if not made:
            return
        try:
            context.ehr.transact(change_transaction(made))
            return
        except Conflict:
            if not last:
                raise
