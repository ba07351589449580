"""What waits for the EHR: its rows, how they move, and the record of each move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from withness.audit.record import Kind, Record, instant
from withness.desk.context import Actor, Context
from withness.desk.last_said import stands
from withness.desk.sweep_findings import keep_put_back
from withness.errors import Conflict, EhrUnavailable, TrailDamaged
from withness.store.rows import OPEN, Delivery, OutboxRow, Sending
from withness.store.transaction import Transaction

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)

TRIES: Final = 3
"""How often a write is made anew from the version that somebody else has just written."""

OTHER_EHR: Final = "It is for another EHR, {}: set WITHNESS_EHR_URL to it."
"""Of a directive, a change or a note; a plan says so in its own words."""


@dataclass(frozen=True)
class Sent:
    """What an attempt came to; `trouble` is a sentence, `told` what a newer screen makes of the plan.

    `follow` are further rows that the attempt put into the outbox. `damaged`: the trail does not bear out the row, or
    does not let it through, so it was left as it is.
    """

    state: Delivery
    trouble: str | None = None
    retry_after: float | None = None
    told: Mapping[str, Any] | None = None
    follow: tuple[str, ...] = ()
    damaged: bool = False


def due_row(tx: Transaction, context: Context, id: str, actor: Actor) -> OutboxRow | Sent:
    """Return a row that may be sent to this EHR, or why it may not: it is over, for another EHR, or was put back."""
    row = tx.outbox(id)
    if row is None or row.state not in OPEN:
        return Sent(row.state if row else Delivery.WAITING)
    if row.ehr != context.ehr.address:
        return Sent(row.state, OTHER_EHR.format(row.ehr))
    try:
        return put_back(tx, context, row, actor) or row
    except TrailDamaged as damaged:
        return Sent(row.state, damaged.message, damaged=True)


PUT_BACK: Final = (
    "What waits here is not what the trail says of it: an old row was put back into the database. It was not sent. "
    "Run: withness audit verify"
)


def put_back(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent | None:
    """Leave a row alone that is not where the trail has it, and record that once; None for one that is.

    Raises TrailDamaged when the trail cannot say so of a plan.
    """
    if stands(tx, row):
        return None
    keep_put_back(tx, context, row, actor)
    return Sent(row.state, PUT_BACK, damaged=True)


def write_anew(context: Context, make: Callable[[], Mapping[str, Any] | None]) -> None:
    """Write the transaction that `make` makes from what was read; None is nothing to write.

    Somebody else's write in between is read again. Raises what the EHR raises; Conflict after `TRIES` times.
    """
    for last in range(TRIES - 1, -1, -1):
        bundle = make()
        if bundle is None:
            return
        try:
            context.ehr.transact(bundle)
            return
        except Conflict:
            if not last:
                raise


def enqueue(
    tx: Transaction,
    context: Context,
    actor: Actor,
    at: datetime,
    *,
    kind: Sending,
    person: str,
    plan: str,
    record: Kind,
    content: Mapping[str, Any],
    not_before: datetime | None = None,
    ehr: str = "",
) -> tuple[str, Record]:
    """Put a directive, a change or a note into the outbox; return its id, and the record that the caller appends.

    `ehr` is where what it changes is (default: the present one).
    """
    id = context.new_id()
    body = {**content, "person": person, "record": record.value}
    row = OutboxRow(
        decision_id=id,
        kind=kind,
        plan_id=plan,
        ehr=ehr or context.ehr.address,
        state=Delivery.WAITING,
        attempts=0,
        not_before=instant(not_before or at),
        approved_at=instant(at),
        content=body,
    )
    tx.put_outbox(row)
    return id, _record(row, actor, record, Delivery.WAITING, "waiting")


def move(
    tx: Transaction,
    context: Context,
    row: OutboxRow,
    state: Delivery,
    actor: Actor,
    kind: Kind,
    outcome: str,
    *,
    quiet: bool = False,
    details: Mapping[str, str] | None = None,
) -> None:
    """Put the row into `state` and record it: the trail says where every row stands.

    `quiet` leaves out whom it is about: what was planned and never happened is nothing of theirs.
    """
    tx.put_outbox(replace(row, state=state))
    made = _record(row, actor, kind, state, outcome)
    made = replace(made, patient=None) if quiet else made
    context.record(tx, actor, context.now(), replace(made, details={**made.details, **(details or {})}))


_WHAT: Final = {Sending.NOTE: "note", Sending.CHECK_IN: "check_in"}
"""What a row's `plan_id` names, where it is no plan."""


def _record(row: OutboxRow, actor: Actor, kind: Kind, state: Delivery, outcome: str) -> Record:
    members = [row.content["person"]] if "person" in row.content else list(row.content["screens"])
    what = _WHAT.get(row.kind, "plan")
    return Record(
        kind=kind,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=members[0] if len(members) == 1 else None,
        outcome=outcome,
        details={what: row.plan_id, "decision": row.decision_id, "state": state.value},
    )


def failed(context: Context, row: OutboxRow, state: Delivery, actor: Actor, kind: Kind, error: Exception) -> Sent:
    """Record a failed attempt and when the next one may follow."""
    with context.store.transaction() as tx:
        return failed_in(tx, context, row, state, actor, kind, error)


def failed_in(
    tx: Transaction, context: Context, row: OutboxRow, state: Delivery, actor: Actor, kind: Kind, error: Exception
) -> Sent:
    """Do what `failed` does in a transaction that is open."""
    pause_named = error.retry_after if isinstance(error, EhrUnavailable) else None
    grown = min(FIRST_WAIT * 2 ** min(row.attempts, 10), LONGEST_WAIT)
    pause = timedelta(seconds=pause_named) if pause_named is not None else grown
    now = tx.outbox(row.decision_id)
    if now is not None and now.state in OPEN:
        after = context.now() + pause if row.kind is Sending.PLAN else context.now()
        later = replace(row, attempts=now.attempts + 1, not_before=instant(after))
        move(tx, context, later, state, actor, kind, getattr(error, "code", "unknown"))
    return Sent(state, str(error), pause_named)
