"""Delivery of a check-in into the person's own chart: what is there is read first, and nobody's change is written over.

What the EHR's people marked as entered in error stays so. A version that lands after a newer one is followed by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from withness.audit.record import Kind
from withness.desk.context import Actor, Context
from withness.desk.outbox import OTHER_EHR, Sent, failed, move
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput
from withness.fhir.making import Resource
from withness.fhir.status import ENTERED_IN_ERROR, put
from withness.store.rows import OPEN, Delivery, OutboxRow
from withness.store.transaction import Transaction

_TRIES: Final = 3


def deliver_check_in(context: Context, id: str, actor: Actor) -> Sent:
    """Try to send one check-in and record what became of it. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = tx.outbox(id)
        if row is None or row.state not in OPEN:
            return Sent(row.state if row else Delivery.WAITING)
        if row.ehr != context.ehr.address:
            return Sent(row.state, OTHER_EHR.format(row.ehr))
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
    for last in range(_TRIES - 1, -1, -1):
        entries = list(_entries(context, row))
        if not entries:
            return
        try:
            context.ehr.transact({**row.content["bundle"], "entry": entries})
            return
        except Conflict:
            if not last:
                raise


def _entries(context: Context, row: OutboxRow) -> Iterator[Resource]:
    for entry in row.content["bundle"]["entry"]:
        made = entry["resource"]
        stored = context.ehr.read(entry["request"]["url"])
        if stored is None:
            yield put(made, "")
        elif stored.resource.get("status") != ENTERED_IN_ERROR and _differs(stored.resource, made):
            yield put(made, stored.version)


def _differs(stored: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    return any(stored.get(name) != made.get(name) for name in {*made, "item"} - {"meta"})


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
