"""What is said of plans that an acute finding has paused, keeps paused or no longer does (contracts I4)."""

from __future__ import annotations

from typing import Final

from withness.desk.context import Context
from withness.desk.shares import ACUTE, MAY_BE_THERE, paused_by, plans_of, shared
from withness.errors import SealBroken
from withness.store.rows import Delivery, Sending
from withness.store.transaction import Transaction

_SAID: Final = {
    ("on-hold", False, True): "Their active plan was paused in the chart, with a neutral note.",
    ("on-hold", False, False): "Their active plan is being paused; the chart does not say so yet.",
    ("on-hold", True, True): "Their own part of a shared plan was paused in their own chart, with a neutral note.",
    ("on-hold", True, False): "Their own part of a shared plan is being paused; their chart does not say so yet.",
    ("active", False, True): "Their plan is active again in the chart.",
    ("active", False, False): "Their plan goes on; the chart does not say so yet.",
    ("active", True, True): "Their own part of a shared plan is active again in their own chart.",
    ("active", True, False): "Their own part of a shared plan goes on; their chart does not say so yet.",
}
"""By what was done, whether the plan is of more than one, and whether the chart has it.

Nothing of anybody else is told (I8).
"""


_STAYS: Final = {
    False: "Their plan stays paused in the chart: withness protocol show {person} says what that waits for.",
    True: "Their own part of a shared plan stays paused: withness protocol show {person} says what that waits for.",
}


def still_paused(context: Context, person: str) -> tuple[str, ...]:
    """Return a sentence for each kind of plan of one person that something acute keeps paused."""
    with context.store.transaction() as tx:
        rows = [row for row in plans_of(tx, person, *MAY_BE_THERE) if ACUTE in paused_by(row, person)]
    return tuple(dict.fromkeys(_STAYS[shared(row)].format(person=person) for row in rows))


def paused(context: Context, rows: tuple[str, ...]) -> tuple[str, ...]:
    """Return a sentence for each kind of plan that these outbox rows pause as acute, or let go on, once sent."""
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
    if change.get("cause") != ACUTE:
        return ""
    return _SAID.get((change["how"], shared(plan), row.state is Delivery.DELIVERED), "")
