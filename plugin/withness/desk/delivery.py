"""Delivery of what was approved: look again, look up, send, confirm. At least once, with one effect.

Before every attempt the plan's id is read in the EHR, and the write is skipped when our decision is there. A
plan is called withheld only when it is certain that it is not in the EHR.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

from withness.audit import log
from withness.audit.record import Kind, Record, instant
from withness.core.gate import Decision
from withness.core.terms import Purpose, UnitKind
from withness.desk import standing
from withness.desk.context import Actor, Context
from withness.desk.screens import births_needed
from withness.desk.telling import tell
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, SealBroken, TrailDamaged
from withness.fhir import codes
from withness.store.rows import OPEN, Delivery, OutboxRow, PlanState
from withness.store.transaction import Transaction

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
PATIENCE: Final = 30.0
"""How long `sync` waits for an EHR that names a time (Retry-After), in seconds."""

LATE: Final = "The plan reached the EHR before a newer screen held it. Put it on hold in the EHR now."
WITHHELD: Final = "A newer screen holds this plan; it was not sent."


@dataclass(frozen=True)
class Sent:
    """What an attempt came to; `trouble` is a sentence, `told` what a newer screen makes of the plan."""

    state: Delivery
    trouble: str | None = None
    retry_after: float | None = None
    told: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Synced:
    """What `sync` came to: what it delivered, what still waits, what it withheld, and a sentence for each trouble."""

    delivered: int
    waiting: int
    withheld: int
    troubles: tuple[str, ...]


def deliver(context: Context, decision_id: str, actor: Actor) -> Sent:
    """Try to deliver one approved Bundle and record what became of it.

    Raises TrailDamaged, CannotTell for our own store; what the EHR says or fails to say is in the answer.
    """
    with context.store.transaction() as tx:
        row = tx.outbox(decision_id)
    if row is None or row.state not in OPEN:
        return Sent(row.state if row else Delivery.WAITING)
    births = births_needed(context, tuple(row.content["screens"]))
    if row.state is Delivery.SENDING:
        return _look_up(context, row, births, actor)
    return _start(context, row, births, actor)


def _start(context: Context, row: OutboxRow, births: Mapping[str, date], actor: Actor) -> Sent:
    """Begin to send, unless another process has moved the row since it was read."""
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is None or now.state is not row.state:
            return Sent(now.state if now else row.state, "Another process is delivering this plan.")
        refused = _begin(tx, context, now, births, actor)
    return refused or _send(context, replace(now, state=Delivery.SENDING), births, actor)


def _begin(tx: Transaction, context: Context, row: OutboxRow, births: Mapping[str, date], actor: Actor) -> Sent | None:
    """Look again under the lock, and note that sending begins; None when it may."""
    if row.ehr != context.ehr.address:
        return Sent(row.state, f"The plan was approved for another EHR, {row.ehr}: set WITHNESS_EHR_URL to it.")
    if log.broken(tx):
        raise TrailDamaged("The audit trail is damaged, so no plan is sent.", hint="Run: withness audit verify")
    held = _newer_hold(tx, context, row, births)
    if held is not None:
        return _withhold(tx, context, row, held, actor)
    _move(tx, context, row, Delivery.SENDING, actor, Kind.PLAN_SENT, "sending")
    return None


def _look_up(context: Context, row: OutboxRow, births: Mapping[str, date], actor: Actor) -> Sent:
    """Find out what became of an attempt that may have reached the EHR; only then go on."""
    if row.ehr != context.ehr.address:
        return Sent(row.state, f"The plan may have reached another EHR, {row.ehr}: set WITHNESS_EHR_URL to it.")
    try:
        there = _there(context, row)
    except (EhrUnavailable, EhrRefused, Conflict, CannotTell) as error:
        return _failed(context, row, Delivery.SENDING, actor, error)
    if there:
        return _confirm(context, row, births, actor)
    return _start(context, row, births, actor)


def _send(context: Context, row: OutboxRow, births: Mapping[str, date], actor: Actor) -> Sent:
    """Write the Bundle; a failure before the write leaves it waiting, one after it leaves its fate unknown."""
    state = Delivery.WAITING
    try:
        if not _there(context, row):
            state = Delivery.SENDING
            context.ehr.transact(row.content["bundle"])
    except (EhrRefused, Conflict) as error:
        return _failed(context, row, Delivery.REFUSED, actor, error)
    except (EhrUnavailable, CannotTell) as error:
        return _failed(context, row, state, actor, error)
    return _confirm(context, row, births, actor)


def _there(context: Context, row: OutboxRow) -> bool:
    """Whether the EHR holds this plan. Raises EhrRefused when something else has its id."""
    first = row.content["bundle"]["entry"][0]
    found = context.ehr.read(first["request"]["url"])
    if found is None:
        return False
    if not set(_marks(first["resource"])) & set(_marks(found.resource)):
        raise EhrRefused("The EHR holds something else under this plan's id.")
    return True


def _marks(resource: Mapping[str, Any]) -> list[str]:
    """Return the decisions that a CarePlan names as its own."""
    identifiers = [one for one in resource.get("identifier") or [] if isinstance(one, Mapping)]
    return [str(one.get("value")) for one in identifiers if one.get("system") == codes.DECISION]


def _confirm(context: Context, row: OutboxRow, births: Mapping[str, date], actor: Actor) -> Sent:
    """Record the delivery, and look once more: a screen may have come in while it was on its way."""
    with context.store.transaction() as tx:
        late = _newer_hold(tx, context, row, births)
        now = tx.outbox(row.decision_id)
        if now is not None and now.state is not Delivery.DELIVERED:
            outcome = "delivered" if late is None else "delivered-before-newer-screen"
            done = replace(row, attempts=row.attempts + 1)
            _move(tx, context, done, Delivery.DELIVERED, actor, Kind.PLAN_CONFIRMED, outcome)
            _tell_plan(tx, context, row, PlanState.DELIVERED, late)
    if late is None:
        return Sent(Delivery.DELIVERED)
    return Sent(Delivery.DELIVERED, LATE, told=tell(late, context.policy))


def _newer_hold(tx: Transaction, context: Context, row: OutboxRow, births: Mapping[str, date]) -> Decision | None:
    """Return the decision that a screen recorded after the approval makes, in its own encounter, if it holds."""
    approved = row.content["screens"]
    members = tuple(approved)
    for index, member in enumerate(members):
        if list(tx.recorded_screens(member)) == approved[member]:
            continue
        rows = tx.screens(member)
        encounter = standing.screen_of(rows[-1]).encounter if rows else None
        kind, purpose = UnitKind(row.content["kind"]), Purpose(row.content["purpose"])
        question = standing.Question(kind, members, purpose, encounter, births)
        answered = standing.ask(tx, context, question, at=context.now(), id=row.decision_id)
        if not answered.decision.members[index].released:
            return answered.decision
    return None


def _withhold(tx: Transaction, context: Context, row: OutboxRow, held: Decision, actor: Actor) -> Sent:
    _move(tx, context, row, Delivery.WITHHELD, actor, Kind.PLAN_HELD, "withheld-by-newer-screen")
    _tell_plan(tx, context, row, PlanState.WITHHELD, held)
    return Sent(Delivery.WITHHELD, None if held.shared else WITHHELD, told=tell(held, context.policy))


def _failed(context: Context, row: OutboxRow, state: Delivery, actor: Actor, error: Exception) -> Sent:
    named = error.retry_after if isinstance(error, EhrUnavailable) else None
    grown = min(FIRST_WAIT * 2 ** min(row.attempts, 10), LONGEST_WAIT)
    pause = timedelta(seconds=named) if named is not None else grown
    code = getattr(error, "code", "unknown")
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is not None and now.state in OPEN:
            later = replace(row, attempts=now.attempts + 1, not_before=instant(context.now() + pause))
            _move(tx, context, later, state, actor, Kind.PLAN_FAILED, code)
    return Sent(state, str(error), named)


def _move(
    tx: Transaction, context: Context, row: OutboxRow, state: Delivery, actor: Actor, kind: Kind, outcome: str
) -> None:
    """Put the row into `state` and record it: the trail says where every row stands."""
    tx.put_outbox(replace(row, state=state))
    members = list(row.content["screens"])
    context.record(
        tx,
        actor,
        context.now(),
        Record(
            kind=kind,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=members[0] if len(members) == 1 else None,
            outcome=outcome,
            details={"plan": row.plan_id, "decision": row.decision_id, "state": state.value},
        ),
    )


def _tell_plan(tx: Transaction, context: Context, row: OutboxRow, state: PlanState, newer: Decision | None) -> None:
    plan = tx.plan(row.plan_id)
    if plan is None or plan.decision_id != row.decision_id:
        return
    told = {"told": tell(newer, context.policy)} if newer is not None else {}
    tx.put_plan(replace(plan, state=state, updated_at=instant(context.now()), content={**plan.content, **told}))


def sync(context: Context, actor: Actor, *, sleep: Callable[[float], None] = time.sleep) -> Synced:
    """Try everything that waits at once, honouring a short Retry-After.

    A row that does not open is told and left; it never stops the others. Raises TrailDamaged, CannotTell.
    """
    with context.store.transaction() as tx:
        waiting = tx.outbox_ids(*OPEN)
    troubles, delivered, withheld, left = [], 0, 0, PATIENCE
    for decision_id in waiting:
        sent = _attempt(context, decision_id, actor)
        while sent.retry_after is not None and sent.retry_after <= left:
            sleep(sent.retry_after)
            left -= max(sent.retry_after, 1.0)
            sent = _attempt(context, decision_id, actor)
        delivered += sent.state is Delivery.DELIVERED
        withheld += sent.state is Delivery.WITHHELD
        troubles += [sent.trouble] if sent.trouble else []
    with context.store.transaction() as tx:
        still = len(tx.outbox_ids(*OPEN))
    return Synced(delivered, still, withheld, tuple(troubles))


def _attempt(context: Context, decision_id: str, actor: Actor) -> Sent:
    try:
        return deliver(context, decision_id, actor)
    except SealBroken as error:
        return Sent(Delivery.WAITING, error.message)
