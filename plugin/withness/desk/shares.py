"""Each member's share of a plan in the EHR: paused and resumed for a cause, closed, or entered in error.

A share is paused for as long as any cause stands: "acute" (contracts I4: only what ends the hold ends it) or one
member's decision on conjoint work, which only that member's next one ends. What happens to one member never touches
another's CarePlan (I8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, Record, details_of, instant
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue, move
from withness.errors import SealBroken
from withness.store.rows import OPEN, Delivery, OutboxRow, PlanRow, PlanState, Sending
from withness.store.transaction import Transaction

ACTIVE: Final = (PlanState.DELIVERED, PlanState.ON_HOLD)
"""Plans that the EHR holds and that are not over."""

MAY_BE_THERE: Final = (*ACTIVE, PlanState.APPROVED)
"""Plans that the EHR holds, or may hold by now."""

OVER: Final = (PlanState.CLOSED, PlanState.RETRACTED)
ACUTE: Final = "acute"

Queued = tuple[tuple[str, ...], tuple[Record, ...]]
"""Outbox rows to send once the transaction is durable, and records to append in it."""


def plans_of(tx: Transaction, person: str, *states: PlanState) -> Iterator[PlanRow]:
    """Yield a person's plans in these states, amendments left out: they are versions of another plan.

    One whose row does not open is the verifier's to tell.
    """
    for row in readable(tx, *states):
        if not row.content.get("amends") and person in members_of(row):
            yield row


def readable(tx: Transaction, *states: PlanState) -> Iterator[PlanRow]:
    """Yield every plan (in one of `states`, where given) whose row opens."""
    for id, state in tx.plan_states().items():
        if states and state not in states:
            continue
        try:
            row = tx.plan(id)
        except SealBroken:
            continue
        if row is not None:
            yield row


def unreadable(tx: Transaction) -> int:
    """Return how many plans do not open, or are gone: whose they are, and where they stand, cannot be known here.

    A state is bound to its row: one that was written over is found by opening the row alone. The trail names every plan
    that was approved.
    """
    states = tx.plan_states()
    approved = {str(details_of(leaf).get("plan", "")) for leaf in tx.leaves_of(Kind.PLAN_APPROVED)} - {""}
    return len(states) - sum(1 for _ in readable(tx)) + len(approved - states.keys())


def members_of(row: PlanRow) -> list[str]:
    """Return the members of a plan's unit."""
    found: list[str] = row.content["draft"]["unit"]["members"]
    return found


def shared(row: PlanRow) -> bool:
    """Whether a plan is of a unit of more than one."""
    return len(members_of(row)) > 1


def share_of(row: PlanRow, person: str) -> Mapping[str, Any]:
    """Return a member's share: its CarePlan, goals, state and what pauses it; empty for a member without one."""
    found: Mapping[str, Any] = row.content.get("charts", {}).get(person, {})
    return found if "care_plan" in found else {}


def paused_by(row: PlanRow, person: str) -> tuple[str, ...]:
    """Return the causes that pause a member's share."""
    return tuple(share_of(row, person).get("holds", ()))


def hold_plans(
    tx: Transaction, context: Context, person: str, actor: Actor, at: datetime, *, again: bool = False
) -> Queued:
    """Pause every plan of this person that is or may be in the EHR, in their own chart only (contracts I4).

    `again` sends the pause where it was sent before: something may have been written over it.
    """
    rows, records = [], []
    for row in plans_of(tx, person, *MAY_BE_THERE):
        causes = paused_by(row, person)
        if not share_of(row, person) or (ACUTE in causes and not again):
            continue
        moved = _note(tx, row, person, at, holds=(*causes, *((ACUTE,) if ACUTE not in causes else ())))
        note = context.policy.hold_note
        id, record = _queue(tx, context, row, person, "on-hold", actor, at, note=note, cause=ACUTE, moved=moved)
        rows.append(id)
        records.append(record)
    return tuple(rows), tuple(records)


def lift(tx: Transaction, context: Context, person: str, cause: str, note: str, actor: Actor, at: datetime) -> Queued:
    """End one cause of this person's pauses; a share that nothing else pauses becomes active again."""
    rows, records = [], []
    for row in plans_of(tx, person, *MAY_BE_THERE):
        causes = paused_by(row, person)
        if cause not in causes:
            continue
        left = tuple(one for one in causes if one != cause)
        moved = _note(tx, row, person, at, holds=left)
        if not left:
            id, record = _queue(tx, context, row, person, "active", actor, at, note=note, cause=cause, moved=moved)
            rows.append(id)
            records.append(record)
    return tuple(rows), tuple(records)


def wait_for(tx: Transaction, row: PlanRow, person: str, cause: str, at: datetime) -> None:
    """Note that a share which is on hold already waits for this cause too, whatever else ends meanwhile."""
    causes = paused_by(row, person)
    if causes and cause not in causes:
        _note(tx, row, person, at, holds=(*causes, cause))


def plan_change(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    person: str,
    how: str,
    actor: Actor,
    at: datetime,
    *,
    note: str,
    cause: str,
    from_: datetime,
) -> tuple[str, Record]:
    """Queue a change of one member's share for a time that the clinician chose; nothing moves before it."""
    found, record = _queue(tx, context, row, person, how, actor, at, note=note, cause=cause, moved={}, from_=from_)
    # An extract of this member's records says nothing of it before its time.
    return found, replace(record, patient=None)


def replace_planned(tx: Transaction, context: Context, row: PlanRow, person: str, cause: str, actor: Actor) -> None:
    """Take back what was planned for a member's share by the same cause: a newer decision stands."""
    for id in tx.outbox_ids(*OPEN, plan=row.id):
        sent = tx.outbox(id)
        if sent is None or sent.kind is not Sending.CHANGE or sent.content["person"] != person:
            continue
        first = sent.content["changes"][0]
        if first.get("planned") and first["cause"] == cause:
            kind = Kind(sent.content["record"])
            move(tx, context, sent, Delivery.REPLACED, actor, kind, "replaced", quiet=True)


def end_share(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    person: str,
    how: str,
    actor: Actor,
    at: datetime,
    *,
    note: str,
    also: tuple[Mapping[str, Any], ...],
) -> tuple[str, Record]:
    """End one member's share (completed, revoked, entered-in-error) with `also` their other resources."""
    moved = _note(tx, row, person, at, ended=_ENDED[how])
    return _queue(tx, context, row, person, how, actor, at, note=note, cause="", moved=moved, also=also)


_ENDED: Final = {
    "completed": PlanState.CLOSED,
    "revoked": PlanState.CLOSED,
    "entered-in-error": PlanState.RETRACTED,
}
_RECORDS: Final = {
    "on-hold": Kind.PLAN_ON_HOLD,
    "active": Kind.PLAN_ON_HOLD,
    "completed": Kind.PLAN_CLOSED,
    "revoked": Kind.PLAN_CLOSED,
    "entered-in-error": Kind.PLAN_RETRACTED,
}


def _queue(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    person: str,
    how: str,
    actor: Actor,
    at: datetime,
    *,
    note: str,
    cause: str,
    moved: Mapping[str, str],
    from_: datetime | None = None,
    also: tuple[Mapping[str, Any], ...] = (),
) -> tuple[str, Record]:
    try:
        sent = tx.outbox(row.decision_id or "")
    except SealBroken:
        if how == "active":
            raise
        sent = None  # what only stops goes on (contracts I4, I7), to the EHR of now; the verifier names the row
    change = {
        "reference": share_of(row, person)["care_plan"],
        "how": how,
        "at": instant(from_ or at),
        "note": note,
        # R4 Annotation.author[x]: neither a role nor a device writes a note; the practice does.
        "author": actor.ref if actor.ref.startswith("Practitioner/") else context.settings.organization,
        "cause": cause,
        "planned": from_ is not None,
        "must_be_there": how == "on-hold" and row.state in ACTIVE,
    }
    id, record = enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.CHANGE,
        person=person,
        plan=row.id,
        record=_RECORDS[how],
        content={"changes": [change, *also]},
        not_before=from_,
        ehr=sent.ehr if sent else context.ehr.address,
    )
    return id, replace(record, details={**record.details, "status": how, **moved})


def _note(
    tx: Transaction,
    row: PlanRow,
    person: str,
    at: datetime,
    *,
    holds: tuple[str, ...] | None = None,
    ended: PlanState | None = None,
) -> dict[str, str]:
    """Note where a member's share stands; return what the record says of the whole plan, where that has moved."""
    now = tx.plan(row.id) or row
    charts = dict(now.content["charts"])
    share = dict(charts[person])
    if holds is not None:
        share |= {"holds": list(holds)}
    if ended is not None:
        share |= {"state": ended.value}
    charts[person] = share
    state = _whole(now, charts)
    # When one member's share of a unit's plan moves, nobody else is told the time of it (contracts I8).
    updated = now.updated_at if shared(now) and state is now.state else instant(at)
    tx.put_plan(replace(now, state=state, updated_at=updated, content={**now.content, "charts": charts}))
    return {"plan_state": state.value} if state is not now.state else {}


def _whole(row: PlanRow, charts: Mapping[str, Mapping[str, Any]]) -> PlanState:
    """Return where the whole plan stands: over with its last share; paused as a whole only where it has one member.

    What pauses one member of a unit is nobody else's to see (contracts I8).
    """
    shares = [one for one in charts.values() if "care_plan" in one]
    ended = [PlanState(one["state"]) for one in shares if one["state"] in OVER]
    if len(ended) == len(shares):
        return max(ended, key=OVER.index)
    if row.state not in ACTIVE or shared(row):
        return row.state
    return PlanState.ON_HOLD if shares[0].get("holds") else PlanState.DELIVERED


def may_send(tx: Transaction, row: OutboxRow, at: datetime) -> tuple[bool, dict[str, str]]:
    """Whether a queued change still holds good when it is to be sent, and what it moves only now.

    A share that is over is left alone, and nothing is made active while any cause pauses it.
    """
    change = row.content["changes"][0]
    plan = tx.plan(row.plan_id) if row.plan_id else None
    if plan is None or "cause" not in change:
        return True, {}
    person, how, cause = row.content["person"], change["how"], change["cause"]
    if share_of(plan, person).get("state") in OVER and how in ("on-hold", "active"):
        return False, {}
    causes = paused_by(plan, person)
    if not change["planned"]:
        stands = {"active": not causes, "on-hold": cause in causes}
        return stands.get(how, True), {}
    if how == "on-hold":
        return True, _note(tx, plan, person, at, holds=tuple(dict.fromkeys((*causes, cause))))
    if how == "active":
        left = tuple(one for one in causes if one != cause)
        return not left, _note(tx, plan, person, at, holds=left)
    return True, _note(tx, plan, person, at, ended=_ENDED[how])


def ended_in_trail(tx: Transaction, plan: str, person: str) -> bool:
    """Whether the trail says that a member's share of a plan was ended, whatever the plan's own row says."""
    mine = (one for one in tx.newest_leaves(_ALL, person) if one.kind in (Kind.PLAN_CLOSED, Kind.PLAN_RETRACTED))
    return any(details_of(one).get("plan") == plan for one in mine)


_ALL: Final = 2**31 - 1


def overtaken(tx: Transaction, row: OutboxRow) -> bool:
    """Whether a share that was just made active has been paused meanwhile."""
    plan = tx.plan(row.plan_id) if row.plan_id else None
    if plan is None or row.content["changes"][0]["how"] != "active":
        return False
    return ACUTE in paused_by(plan, row.content["person"])
