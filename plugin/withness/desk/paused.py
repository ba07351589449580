"""What is said of plans that an acute finding has paused (contracts I4), to who asked about that one person."""

from __future__ import annotations

from typing import Final

from withness.desk.context import Context
from withness.desk.shares import ACUTE, shared
from withness.errors import SealBroken
from withness.store.rows import Delivery, Sending
from withness.store.transaction import Transaction

_PAUSED: Final = {
    (False, True): "Their active plan was paused in the chart, with a neutral note.",
    (False, False): "Their active plan is being paused; the chart does not say so yet.",
    (True, True): "Their own part of a shared plan was paused in their own chart, with a neutral note.",
    (True, False): "Their own part of a shared plan is being paused; their chart does not say so yet.",
}
"""By whether the plan is of more than one, and whether the chart has it. Nothing of anybody else is told (I8)."""


def paused(context: Context, rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return a sentence for each kind of plan that these outbox rows pause as acute, once they were sent."""
    if not rows:
        return ()
    with context.store.transaction() as tx:
        said = [_said(tx, row) for row in rows]
    return tuple(dict.fromkeys(one for one in said if one))


def _said(tx: Transaction, id: str) -> str:
    try:
        row = tx.outbox(id)
        plan = tx.plan(row.plan_id) if row and row.kind is Sending.CHANGE and row.plan_id else None
    except SealBroken:
        return ""  # the verifier's to tell
    if row is None or plan is None:
        return ""
    change = row.content["changes"][0]
    if (change["how"], change.get("cause")) != ("on-hold", ACUTE):
        return ""
    return _PAUSED[shared(plan), row.state is Delivery.DELIVERED]
