"""Writing how far goals have come into one member's chart: counted when it is sent, and no release needed (I1).

Each Goal is written over the version that was read (If-Match), with the survey Observations that show it, in one
transaction. Somebody else's write in between is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from withness.audit.record import Kind, Record
from withness.desk.context import Actor, Context
from withness.desk.goal_entries import goal_entries
from withness.desk.goals import Tracked, all_known, done_together, tracked
from withness.desk.outbox import Sent, due_row, enqueue, failed, move, write_anew
from withness.desk.shares import ACTIVE, members_of, readable, share_of
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput, SealBroken, WithnessError
from withness.fhir.making import Resource
from withness.store.rows import OPEN, Delivery, OutboxRow, PlanRow, Sending
from withness.store.transaction import Transaction

SOFTWARE: Final = "Device/withness"
"""Who writes into a chart what somebody else's check-in has moved: nobody is named there (contracts I8)."""


@dataclass(frozen=True)
class Counted:
    """The goals of one member's chart as they were counted; `sent` is what became of writing them, None for no need."""

    plan: str
    member: str
    goals: tuple[Tracked, ...]
    sent: Sent | None = None


def count(context: Context, row: PlanRow, member: str) -> tuple[Tracked, ...]:
    """Return how far the goals of one member's chart have come. Writes nothing. Raises what the EHR raises."""
    return tracked(context, row, member, all_known(context, row, member))


def queue(tx: Transaction, context: Context, person: str, actor: Actor, at: datetime) -> tuple[list[str], list[Record]]:
    """Queue the counting of every goal that a person's check-in may move; return the rows and their records.

    That is every active plan that this person is in: their own share, and the others' where something is done together.
    """
    ids, records = [], []
    for row in _active(tx, person):
        for member in _moved_by(context, row, person):
            id, record = _enqueue(tx, context, row, member, _actor(actor, member, person), at)
            ids.append(id)
            records.append(record)
    return ids, records


def send_queued(context: Context, ids: Iterable[str], person: str, actor: Actor) -> tuple[Counted, ...]:
    """Send what was queued, and return how far each of these goals has come. Raises CannotTell for our own store."""
    found = []
    for id in ids:
        with context.store.transaction() as tx:
            row = tx.outbox(id)
            plan = tx.plan(row.plan_id) if row else None
        if row is not None and plan is not None:
            member = row.content["person"]
            sent = send_goals(context, id, _actor(actor, member, person))
            found.append(Counted(plan.id, member, _counted(context, plan, member), sent))
    return tuple(found)


def refresh(context: Context, person: str, actor: Actor) -> tuple[Counted, ...]:
    """Count the goals that a person's check-ins may have moved, and write those that have; what cannot be, waits.

    Raises CannotTell for our own store.
    """
    found = []
    with context.store.transaction() as tx:
        rows = list(_active(tx, person))
    for row in rows:
        for member in _moved_by(context, row, person):
            found.append(_refresh(context, row, member, _actor(actor, member, person)))
    return tuple(found)


def _refresh(context: Context, row: PlanRow, member: str, actor: Actor) -> Counted:
    """Count one member's goals and send what has changed through the outbox."""
    try:
        goals = count(context, row, member)
        if not goal_entries(context, row, goals):
            return Counted(row.id, member, goals)
    except WithnessError:
        goals = ()  # what waits in the outbox says why, and is tried again
    with context.store.transaction() as tx:
        at = context.now()
        id, record = _enqueue(tx, context, row, member, actor, at)
        context.record(tx, actor, at, record)
    return Counted(row.id, member, goals, send_goals(context, id, actor))


def _active(tx: Transaction, person: str) -> Iterator[PlanRow]:
    for row in readable(tx, *ACTIVE):
        if not row.content.get("amends") and person in members_of(row):
            yield row


def _moved_by(context: Context, row: PlanRow, person: str) -> Iterator[str]:
    """Yield whose chart a person's check-in may move."""
    together = done_together(context, row)
    for member in members_of(row):
        if "care_plan" in share_of(row, member) and (member == person or together):
            yield member


def _actor(actor: Actor, member: str, person: str) -> Actor:
    return actor if member == person else replace(actor, ref=SOFTWARE)


def _counted(context: Context, row: PlanRow, member: str) -> tuple[Tracked, ...]:
    try:
        return count(context, row, member)
    except WithnessError:
        return ()


def _enqueue(
    tx: Transaction, context: Context, row: PlanRow, member: str, actor: Actor, at: datetime
) -> tuple[str, Record]:
    """Put one member's goals into the outbox; what waited of them before is replaced."""
    for older in tx.outbox_ids(*OPEN, plan=row.id):
        try:
            waiting = tx.outbox(older)
        except SealBroken:
            continue
        if waiting is not None and waiting.kind is Sending.GOALS and waiting.content["person"] == member:
            move(tx, context, waiting, Delivery.REPLACED, actor, Kind.GOAL_UPDATED, "replaced")
    return enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.GOALS,
        person=member,
        plan=row.id,
        record=Kind.GOAL_UPDATED,
        content={},
    )


def send_goals(context: Context, id: str, actor: Actor) -> Sent:
    """Count one member's goals now and write those that have moved. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = due_row(tx, context, id, actor)
        if isinstance(row, Sent):
            return row
        plan = tx.plan(row.plan_id)
        if plan is None or plan.state not in ACTIVE:
            move(tx, context, row, Delivery.REPLACED, actor, Kind.GOAL_UPDATED, "plan-not-active")
            return Sent(Delivery.REPLACED)
    try:
        _transact(context, plan, row)
    except (EhrRefused, Conflict, InvalidInput) as error:
        return failed(context, row, Delivery.REFUSED, actor, Kind.GOAL_UPDATED, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, Delivery.WAITING, actor, Kind.GOAL_UPDATED, error)
    with context.store.transaction() as tx:
        now = tx.outbox(id)
        if now is not None and now.state in OPEN:
            move(tx, context, now, Delivery.DELIVERED, actor, Kind.GOAL_UPDATED, "delivered")
    return Sent(Delivery.DELIVERED)


def _transact(context: Context, plan: PlanRow, row: OutboxRow) -> None:
    def make() -> Resource | None:
        entries = goal_entries(context, plan, count(context, plan, row.content["person"]))
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries} if entries else None

    write_anew(context, make)
