"""Delivery of what was approved: look again, look up, send, confirm. At least once, with one effect.

Before every attempt the plan's id is read in the EHR and the write is skipped when our decision is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from withness.audit import log
from withness.audit.record import Kind, Record, instant
from withness.core.terms import Purpose, UnitKind
from withness.desk import standing
from withness.desk.context import Actor, Context
from withness.errors import Conflict, EhrRefused, EhrUnavailable, TrailDamaged
from withness.fhir import codes
from withness.store.rows import Delivery, OutboxRow, PlanRow, PlanState
from withness.store.transaction import Transaction

FIRST_WAIT: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
PATIENCE: Final = 30.0
"""How long `sync` waits for an EHR that names a time (Retry-After), in seconds."""


@dataclass(frozen=True)
class Sent:
    """What an attempt came to; `trouble` is a sentence when it was not delivered."""

    state: Delivery
    trouble: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True)
class Synced:
    """What `sync` came to: how many plans stand where, and a sentence for each that was not delivered."""

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
        if row is None or row.state not in (Delivery.WAITING, Delivery.REFUSED):
            return Sent(row.state if row else Delivery.WAITING)
        if row.ehr != context.ehr.address:
            return Sent(row.state, "The plan was approved for another EHR than the one set now; it waits for that one.")
        if log.broken(tx):
            raise TrailDamaged("The audit trail is damaged, so no plan is sent.", hint="Run: withness audit verify")
        if _newer_screen_holds(tx, context, row):
            _withhold(tx, context, row, actor)
            return Sent(Delivery.WITHHELD, "A newer screen holds this plan; it was not sent.")
        context.record(tx, actor, context.now(), _record(Kind.PLAN_SENT, row, actor, "sending"))
    try:
        versions = _send(context, row.content["bundle"], row.decision_id)
    except (EhrUnavailable, EhrRefused, Conflict) as error:
        return _failed(context, row, actor, error)
    with context.store.transaction() as tx:
        now = tx.outbox(decision_id)
        if now is not None and now.state is not Delivery.DELIVERED:
            _confirm(tx, context, row, actor, versions)
    return Sent(Delivery.DELIVERED)


def sync(context: Context, actor: Actor, *, sleep: Callable[[float], None] = time.sleep) -> Synced:
    """Try everything that waits at once, honouring a short Retry-After. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        rows = tx.outbox_rows(Delivery.WAITING, Delivery.REFUSED)
    troubles, delivered, left = [], 0, PATIENCE
    for row in rows:
        sent = deliver(context, row.decision_id, actor)
        while sent.retry_after is not None and sent.retry_after <= left:
            sleep(sent.retry_after)
            left -= max(sent.retry_after, 1.0)
            sent = deliver(context, row.decision_id, actor)
        delivered += sent.state is Delivery.DELIVERED
        if sent.trouble:
            troubles.append(sent.trouble)
    with context.store.transaction() as tx:
        waiting = len(tx.outbox_rows(Delivery.WAITING, Delivery.REFUSED))
        withheld = len(tx.outbox_rows(Delivery.WITHHELD))
    return Synced(delivered, waiting, withheld, tuple(troubles))


def _newer_screen_holds(tx: Transaction, context: Context, row: OutboxRow) -> bool:
    """Whether a screen recorded after the approval is anything but clear, asked in that screen's own encounter."""
    members = tuple(row.content["versions"])
    for index, member in enumerate(members):
        if tx.version(member) == row.content["versions"][member]:
            continue
        encounter = standing.screen_of(tx.screens(member)[-1]).encounter
        question = standing.Question(UnitKind(row.content["kind"]), members, Purpose(row.content["purpose"]), encounter)
        answered = standing.ask(tx, context, question, at=context.now(), id=row.decision_id)
        if not answered.decision.members[index].released:
            return True
    return False


def _withhold(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> None:
    tx.mark_outbox(row.decision_id, Delivery.WITHHELD, attempts=row.attempts, not_before=row.not_before)
    _move_plan(tx, row, PlanState.WITHHELD, context)
    context.record(tx, actor, context.now(), _record(Kind.PLAN_HELD, row, actor, "withheld-by-newer-screen"))


def _send(context: Context, bundle: Mapping[str, Any], decision_id: str) -> list[str]:
    """Write the Bundle unless it is there already; return "Type/id/version" of what the EHR holds."""
    first = bundle["entry"][0]["request"]["url"]
    there = context.ehr.read(first)
    if there is not None:
        marks = [(one.get("system"), one.get("value")) for one in there.resource.get("identifier", [])]
        if (codes.DECISION, decision_id) not in marks:
            raise EhrRefused("The EHR holds something else under this plan's id.")
        return [f"{first}/{there.version}"]
    return [f"{one.reference}/{one.version}" for one in context.ehr.transact(bundle)]


def _confirm(tx: Transaction, context: Context, row: OutboxRow, actor: Actor, versions: list[str]) -> None:
    tx.mark_outbox(row.decision_id, Delivery.DELIVERED, attempts=row.attempts + 1, not_before=row.not_before)
    _move_plan(tx, row, PlanState.DELIVERED, context)
    context.record(
        tx, actor, context.now(), _record(Kind.PLAN_CONFIRMED, row, actor, "delivered", {"resources": len(versions)})
    )


def _failed(context: Context, row: OutboxRow, actor: Actor, error: EhrUnavailable | EhrRefused | Conflict) -> Sent:
    unavailable = isinstance(error, EhrUnavailable)
    state = Delivery.WAITING if unavailable else Delivery.REFUSED
    named = error.retry_after if isinstance(error, EhrUnavailable) else None
    at = context.now()
    pause = (
        timedelta(seconds=named) if named is not None else min(FIRST_WAIT * 2 ** min(row.attempts, 10), LONGEST_WAIT)
    )
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is not None and now.state in (Delivery.WAITING, Delivery.REFUSED):
            tx.mark_outbox(row.decision_id, state, attempts=now.attempts + 1, not_before=instant(at + pause))
            context.record(tx, actor, at, _record(Kind.PLAN_FAILED, row, actor, error.code))
    return Sent(state, error.message, named)


def _move_plan(tx: Transaction, row: OutboxRow, state: PlanState, context: Context) -> None:
    plan = tx.plan(row.plan_id)
    if plan is not None and plan.decision_id == row.decision_id:
        at = instant(context.now())
        tx.put_plan(PlanRow(plan.id, plan.request_id, state, plan.decision_id, at, plan.content))


def _record(kind: Kind, row: OutboxRow, actor: Actor, outcome: str, details: Mapping[str, Any] | None = None) -> Record:
    members = list(row.content["versions"])
    return Record(
        kind=kind,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=members[0] if len(members) == 1 else None,
        outcome=outcome,
        details={"plan": row.plan_id, "decision": row.decision_id, **(details or {})},
    )
