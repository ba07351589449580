"""Delivery of a check-in into the person's own chart: what is there is read first, and nobody's change is written over.

What the EHR's people marked as entered in error stays so. A version that lands after a newer one is followed by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from withness.audit.record import Kind
from withness.desk.context import Actor, Context
from withness.desk.outbox import Sent, due_row, failed, move, write_anew
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput
from withness.fhir.making import Resource
from withness.fhir.status import ENTERED_IN_ERROR, differs, put
from withness.store.rows import OPEN, Delivery, OutboxRow
from withness.store.transaction import Transaction


def deliver_check_in(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one check-in and record what became of it. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = due_row(tx, context, id, actor)
        if isinstance(row, Sent):
            return row
    try:
        _write(context, row)
    except (EhrRefused, Conflict, InvalidInput) as error:
        return failed(context, row, Delivery.REFUSED, actor, Kind.CHECKIN_RECORDED, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, Delivery.WAITING, actor, Kind.CHECKIN_RECORDED, error)
    with context.store.transaction() as tx:
        return _done(tx, context, row, actor)


def _write(context: Context, row: OutboxRow) -> None:
    """Write what the chart does not say yet, over the version that was read."""

    def make() -> Resource | None:
        entries = list(_entries(context, row))
        return {**row.content["bundle"], "entry": entries} if entries else None

    write_anew(context, make)


def _entries(context: Context, row: OutboxRow) -> Iterator[Resource]:
    for entry in row.content["bundle"]["entry"]:
        made = entry["resource"]
        stored = context.ehr.read(entry["request"]["url"])
        if stored is None:
            yield put(made, "")
        elif stored.resource.get("status") != ENTERED_IN_ERROR and differs(stored.resource, made):
            yield put(made, stored.version)


def _done(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent:
    """Record the delivery; a newer version that was delivered meanwhile is sent once more, over this one."""
    now = tx.outbox(row.decision_id)
    if now is not None and now.state in OPEN:
        move(tx, context, now, Delivery.DELIVERED, actor, Kind.CHECKIN_RECORDED, "delivered")
    newest = _newest(tx, row)
    if newest is None or newest.state is not Delivery.DELIVERED:
        return Sent(Delivery.DELIVERED)
    move(tx, context, newest, Delivery.WAITING, actor, Kind.CHECKIN_RECORDED, "again")
    return Sent(Delivery.DELIVERED, follow=(newest.decision_id,))


def _newest(tx: Transaction, row: OutboxRow) -> OutboxRow | None:
    """Return the outbox row of the newest version of the same check-in, None where this is it."""
    rows, _ = tx.check_ins(row.content["person"])
    ids = [one.content["outbox"] for one in rows if one.content["response"] == row.content["response"]]
    newest = next((id for id in reversed(ids) if id), None)
    return tx.outbox(newest) if newest and newest != row.decision_id else None
