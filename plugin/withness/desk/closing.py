"""Ending a plan: closed by whoever ends it, or retracted as entered in error by two people. Never asked of the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, Record, instant
from withness.core.acts import ActKind
from withness.core.people import clinician_fault, second_fault
from withness.desk.acts import Signatures, act_at, enrolled, refuse, write
from withness.desk.amending import take_back
from withness.desk.context import Actor, Context
from withness.desk.outbox import move
from withness.desk.screens import send
from withness.desk.shares import ACTIVE, MAY_BE_THERE, OVER, end_share
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput
from withness.store.rows import OPEN, Delivery, PlanRow, PlanState
from withness.store.transaction import Transaction

CLOSING: Final = ("completed", "revoked")
_GOALS: Final = {
    "completed": "goal-completed",
    "revoked": "goal-cancelled",
    "entered-in-error": "entered-in-error",
}
_KINDS: Final = {PlanState.CLOSED: Kind.PLAN_CLOSED, PlanState.RETRACTED: Kind.PLAN_RETRACTED}


def close(context: Context, plan_id: str, how: str, reason: str, actor: Actor) -> tuple[str, ...]:
    """Close a plan as completed or revoked, or put a working copy away; return a sentence for what waits.

    Always saves (contracts I7). Raises InvalidInput, CannotTell.
    """
    if how not in CLOSING:
        raise InvalidInput(f"A plan is closed as one of: {', '.join(CLOSING)}.", field="as")
    return _end(context, plan_id, how, reason, PlanState.CLOSED, actor)


def retract(context: Context, plan_id: str, reason: str, actor: Actor, signatures: Signatures) -> tuple[str, ...]:
    """Mark a plan, and all that came with it, as entered in error: it was saved to the wrong patient.

    Two enrolled people sign (policy: retraction). Raises InvalidInput, Refused, CannotTell.
    """
    with context.store.transaction() as tx:
        row, people = _plan(tx, plan_id), enrolled(tx)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    author = str(row.content["draft"]["author"])
    wrong = wrong or second_fault(context.policy, people, signatures.by, signatures.also, (author,))
    if wrong:
        members = row.content["draft"]["unit"]["members"]
        person = members[0] if len(members) == 1 else None
        refuse(context, actor, Kind.PLAN_RETRACTED, wrong, person=person, second=signatures.also)
    signed = replace(actor, ref=signatures.by)
    return _end(context, plan_id, "entered-in-error", reason, PlanState.RETRACTED, signed, signatures)


def _end(
    context: Context,
    plan_id: str,
    how: str,
    reason: str,
    state: PlanState,
    actor: Actor,
    signatures: Signatures | None = None,
) -> tuple[str, ...]:
    if not reason.strip():
        raise InvalidInput("Ending a plan needs a reason.", field="reason")

    def work(tx: Transaction) -> tuple[str, ...]:
        at, row = context.now(), _plan(tx, plan_id)
        if signatures is not None:
            body = {"plan": plan_id, "reason": reason}
            act = act_at(at, context, ActKind.PLAN_RETRACTED, signatures.by, body, signatures)
            context.record(tx, actor, at, write(tx, context, actor, act, signatures))
        if row.state in MAY_BE_THERE and row.content.get("charts") and not row.content.get("amends"):
            _stop(tx, context, row, _KINDS[state], actor)
            return _end_in_charts(tx, context, row, how, reason, actor, at, signatures.also if signatures else "")
        _put_away(tx, context, row, state, actor, at)
        return ()

    rows = context.commit(work, lambda tx: (found := tx.plan(plan_id)) is not None and found.state in OVER)
    return send(context, rows, actor)


def _plan(tx: Transaction, plan_id: str) -> PlanRow:
    row = tx.plan(plan_id)
    if row is None:
        raise InvalidInput("There is no plan or working copy with this id.", field="ID", hint="Run: withness plan list")
    if row.state in OVER:
        raise InvalidInput(f"This plan is {row.state.value} already.", field="ID")
    if row.content.get("amends") and row.state in ACTIVE:
        whole = row.content["amends"]
        raise InvalidInput(f"This is a version of plan {whole}: end that one.", field="ID")
    return row


def _stop(tx: Transaction, context: Context, row: PlanRow, kind: Kind, actor: Actor) -> None:
    """A plan that was not confirmed is sent no more; what it may have left in the EHR is ended there all the same."""
    sent = tx.outbox(row.decision_id or "") if row.state is PlanState.APPROVED else None
    if sent is not None and sent.state in OPEN:
        move(tx, context, sent, Delivery.REPLACED, actor, kind, "ended-before-it-was-confirmed")


def _end_in_charts(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    how: str,
    reason: str,
    actor: Actor,
    at: datetime,
    second: str,
) -> tuple[str, ...]:
    """End each member's share; the reason stays inside Withness, where only those who may see the plan read it."""
    _stop_pending(tx, context, row, actor)
    reasons = [*row.content.get("ended", []), {"how": how, "reason": reason, "who": actor.ref, "at": instant(at)}]
    tx.put_plan(replace(row, content={**row.content, "ended": reasons}))
    going_on = [member for member, chart in row.content["charts"].items() if chart.get("state") not in OVER]
    return _end_shares(tx, context, row, going_on, how, actor, at, second)


def end_again(tx: Transaction, context: Context, plan_id: str, actor: Actor) -> tuple[str, ...]:
    """Queue the end of an ended plan once more: a write that was under way has reached the EHR after it."""
    row, at = tx.plan(plan_id), context.now()
    ends = row.content.get("ended") if row is not None else None
    if row is None or not ends:
        return ()
    ended = [member for member, chart in row.content["charts"].items() if chart.get("state") in OVER]
    return _end_shares(tx, context, row, ended, ends[-1]["how"], actor, at, "")


def _end_shares(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    members: list[str],
    how: str,
    actor: Actor,
    at: datetime,
    second: str,
) -> tuple[str, ...]:
    rows = []
    for member in members:
        chart = row.content["charts"][member]
        if "care_plan" not in chart:
            continue
        also = tuple(_also(tx, row, chart, member, how, actor, at))
        id, record = end_share(tx, context, row, member, how, actor, at, note=_NOTES[how], also=also)
        context.record(tx, actor, at, replace(record, second_actor=second or None, reason=how))
        rows.append(id)
    return tuple(rows)


def _stop_pending(tx: Transaction, context: Context, row: PlanRow, actor: Actor) -> None:
    """An amendment is sent no more once its plan has ended; what it may have left in the EHR is ended with it."""
    sent = tx.outbox(row.content.get("pending") or "")
    if sent is None or sent.state not in OPEN:
        return
    ended = {"plan_state": PlanState.CLOSED.value}
    said = "ended-before-it-was-confirmed" if sent.state is Delivery.SENDING else "never-sent"
    move(tx, context, sent, Delivery.REPLACED, actor, Kind.PLAN_CLOSED, said, details=ended)
    amendment = tx.plan(sent.plan_id)
    if amendment is not None:
        tx.put_plan(replace(amendment, state=PlanState.CLOSED, updated_at=instant(context.now())))


_NOTES: Final = {"completed": "Completed", "revoked": "Ended", "entered-in-error": "Entered in error"}


def _also(
    tx: Transaction,
    row: PlanRow,
    chart: Mapping[str, Any],
    member: str,
    how: str,
    actor: Actor,
    at: datetime,
) -> Iterator[Mapping[str, Any]]:
    change = {"at": instant(at), "note": _NOTES[how], "author": actor.ref}
    for id in _goals(row, chart, member):
        yield {**change, "reference": f"Goal/{id}", "how": _GOALS[how]}
    if how != "entered-in-error":
        return
    decisions = (row.decision_id or "", *(one["by"] for one in row.content.get("versions", ())))
    bundles = [sent.content["bundle"] for one in decisions if (sent := tx.outbox(one)) is not None]
    copies = (entry for bundle in bundles for entry in bundle["entry"])
    mine = (one for one in copies if one["resource"]["resourceType"] == "QuestionnaireResponse")
    urls = {one["request"]["url"] for one in mine if one["resource"]["subject"]["reference"] == member}
    yield from ({**change, "reference": url, "how": how} for url in sorted(urls))


def _goals(row: PlanRow, chart: Mapping[str, Any], member: str) -> tuple[str, ...]:
    """Return a member's goals: where an amendment was not confirmed, also those that it would have replaced."""
    pending = row.content.get("pending")
    before = (one["goals"].get(member, {}) for one in row.content.get("versions", ()) if one["by"] == pending)
    return tuple(dict.fromkeys(id for goals in (chart.get("goals", {}), *before) for id in goals.values()))


def _put_away(tx: Transaction, context: Context, row: PlanRow, state: PlanState, actor: Actor, at: datetime) -> None:
    """End what never reached the EHR; what may be on its way there is looked up first."""
    sent = tx.outbox(row.decision_id or "") if row.state is PlanState.APPROVED else None
    if sent is not None and sent.state is Delivery.SENDING:
        said = "This plan may be on its way to the EHR: run withness sync, then end it."
        raise InvalidInput(said, field="ID")
    if sent is not None:
        move(tx, context, sent, Delivery.REPLACED, actor, _KINDS[state], "never-sent")
    tx.put_plan(replace(row, state=state, updated_at=instant(at)))
    if sent is not None and row.content.get("amends"):
        take_back(tx, row.content["amends"], sent.decision_id, at)
    members = row.content["draft"]["unit"]["members"]
    record = Record(
        kind=_KINDS[state],
        actor=actor.ref,
        os_user=actor.os_user,
        patient=members[0] if len(members) == 1 else None,
        outcome=state.value,
        request=row.request_id,
        details={"plan": row.id, "plan_state": state.value},
    )
    context.record(tx, actor, at, record)
