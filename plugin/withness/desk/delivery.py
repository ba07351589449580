"""Delivery of a released plan: look again, look up, send, confirm. At least once, with one effect.

Before every attempt the plan's id is read in the EHR, and the write is skipped when our decision is there. A plan is
called withheld only when it is certain that it is not in the EHR. The embedded chart is looked at and written under
the store's own lock: nothing can come in between. What others may still lose with a COMMIT that they share is no ground
to write on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, ParamSpec, TypeVar

from withness.audit.record import Kind, instant
from withness.core.terms import Purpose, UnitKind
from withness.desk import closing, conjoint, facts, opening, standing
from withness.desk.acts import broken
from withness.desk.amending import delivered, take_back
from withness.desk.context import Actor, Context
from withness.desk.doubt import refuse_in_doubt
from withness.desk.facts import Facts
from withness.desk.last_said import rests_on_undone
from withness.desk.outbox import Sent, failed, failed_in, move, put_back
from withness.desk.shares import ACUTE, MAY_BE_THERE, hold_plans, paused_by, plans_of
from withness.desk.telling import tell
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, TrailDamaged, WithnessError
from withness.fhir import codes
from withness.store.rows import OPEN, Delivery, OutboxRow, PlanState
from withness.store.transaction import Transaction

ENDED: Final = "The plan was ended while it was on its way; what reached the EHR is ended there."
LATE: Final = "The plan reached the EHR before something newer held it; where that is acute, it goes on hold now."
OTHER_VERSION: Final = "The EHR holds another version of this plan; the amendment was not written. Amend it again."
WITHHELD: Final = "A newer screen holds this plan; it was not sent."
_Known = Mapping[str, Facts]
T = TypeVar("T")
P = ParamSpec("P")


def deliver(context: Context, decision_id: str, actor: Actor) -> Sent:
    """Try to deliver one approved Bundle and record what became of it.

    Raises TrailDamaged, CannotTell for our own store; what the EHR says or fails to say is in the answer.
    """
    with context.store.transaction() as tx:
        row = tx.outbox(decision_id)
        if row is None or row.state not in OPEN:
            return Sent(row.state if row else Delivery.WAITING)
        was_put_back = put_back(tx, context, row, actor)
    if was_put_back is not None:
        return was_put_back
    known = facts.gather(context, tuple(row.content["screens"]))
    sent = _at_once(context, row, known, actor) if context.ehr.embedded else None
    if sent is not None:
        return sent
    if row.state is Delivery.SENDING:
        return _look_up(context, row, known, actor)
    return _start(context, row, known, actor)


def _at_once(context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent | None:
    """Look and write under one lock: what holds the plan is recorded either before the look or after the write.

    None where that rests on what others have recorded and may still lose: then it is written once that is durable, as
    into an EHR elsewhere.
    """
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is None or now.state not in OPEN:
            return Sent(now.state if now else row.state)
        if rests_on_undone(tx, now):
            return None
        was_put_back = put_back(tx, context, now, actor)
        if was_put_back is not None:
            return was_put_back
        there, failure = _tried(_there, context, now)
        if failure is None and not there:
            refused = _begin(tx, context, now, known, actor)
            if refused is not None:
                return refused
            now = replace(now, state=Delivery.SENDING)
            _, failure = _tried(context.ehr.transact, now.content["bundle"])
        if failure is None:
            return _confirmed(tx, context, now, known, actor)
        return _failed_at_once(tx, context, now, actor, failure)


def _failed_at_once(tx: Transaction, context: Context, row: OutboxRow, actor: Actor, failure: WithnessError) -> Sent:
    if isinstance(failure, EhrRefused | Conflict):
        return _refused(tx, context, row, actor, failure)
    return failed_in(tx, context, row, row.state, actor, Kind.PLAN_FAILED, failure)


def _tried(ask: Callable[P, T], *given: P.args, **named: P.kwargs) -> tuple[T | None, WithnessError | None]:
    """Return the EHR's answer, or what kept it from one: an open transaction is ended in order either way."""
    try:
        return ask(*given, **named), None
    except (EhrRefused, Conflict, EhrUnavailable, CannotTell) as failure:
        return None, failure


def _start(context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent:
    """Begin to send, unless another process has moved the row since it was read."""
    with context.store.transaction() as tx:
        now = tx.outbox(row.decision_id)
        if now is None or now.state is not row.state:
            return Sent(now.state if now else row.state, "Another process is delivering this plan.")
        refused = _begin(tx, context, now, known, actor)
    return refused or _send(context, replace(now, state=Delivery.SENDING), known, actor)


def _begin(tx: Transaction, context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent | None:
    """Look again under the lock, and note that sending begins; None when it may."""
    if row.ehr != context.ehr.address:
        return Sent(row.state, f"The plan was approved for another EHR, {row.ehr}: set WITHNESS_EHR_URL to it.")
    if broken(tx):
        refuse_in_doubt(tx)
        raise TrailDamaged("The audit trail is damaged, so no plan is sent.", hint="Run: withness audit verify")
    was_put_back = put_back(tx, context, row, actor)
    if was_put_back is not None:
        return was_put_back
    held = _newer_hold(tx, context, row, known)
    if held is not None:
        return _withhold(tx, context, row, held, actor)
    move(tx, context, row, Delivery.SENDING, actor, Kind.PLAN_SENT, "sending")
    return None


def _look_up(context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent:
    """Find out what became of an attempt that may have reached the EHR; only then go on."""
    if row.ehr != context.ehr.address:
        return Sent(row.state, f"The plan may have reached another EHR, {row.ehr}: set WITHNESS_EHR_URL to it.")
    try:
        there = _there(context, row)
    except (EhrUnavailable, EhrRefused, Conflict, CannotTell) as error:
        return failed(context, row, Delivery.SENDING, actor, Kind.PLAN_FAILED, error)
    if there:
        return _confirm(context, row, known, actor)
    return _start(context, row, known, actor)


def _send(context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent:
    """Write the Bundle; a failure before the write leaves it waiting, one after it leaves its fate unknown."""
    state = Delivery.WAITING
    try:
        if not _there(context, row):
            state = Delivery.SENDING
            context.ehr.transact(row.content["bundle"])
    except (EhrRefused, Conflict) as error:
        with context.store.transaction() as tx:
            return _refused(tx, context, row, actor, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, state, actor, Kind.PLAN_FAILED, error)
    return _confirm(context, row, known, actor)


def _refused(tx: Transaction, context: Context, row: OutboxRow, actor: Actor, error: EhrRefused | Conflict) -> Sent:
    """Keep what the EHR refused; an amendment over another version can never be sent again, and is taken back."""
    now = tx.outbox(row.decision_id)
    if now is not None and now.state is Delivery.REPLACED:
        return Sent(Delivery.REPLACED, ENDED)
    if now is not None and now.state not in OPEN:
        return Sent(now.state)  # another process has settled it meanwhile
    if not isinstance(error, Conflict) or not row.content.get("amends"):
        return failed_in(tx, context, row, Delivery.REFUSED, actor, Kind.PLAN_FAILED, error)
    move(
        tx,
        context,
        row,
        Delivery.WITHHELD,
        actor,
        Kind.PLAN_FAILED,
        "version-changed",
        details={"plan_state": "withheld"},
    )
    take_back(tx, row.content["amends"], row.decision_id, context.now())
    _tell_plan(tx, context, row, PlanState.WITHHELD, None)
    return Sent(Delivery.WITHHELD, OTHER_VERSION)


def _there(context: Context, row: OutboxRow) -> bool:
    """Whether the EHR holds what this decision released. Raises EhrRefused when something else has its id."""
    first = row.content["bundle"]["entry"][0]
    found = context.ehr.read(first["request"]["url"])
    if found is None:
        return False
    wanted, there = _marks(first["resource"]), _marks(found.resource)
    if wanted[codes.DECISION] & there[codes.DECISION]:
        return True
    if row.content.get("amends") and wanted[codes.PLAN] & there[codes.PLAN]:
        return False
    raise EhrRefused("The EHR holds something else under this plan's id.")


def _marks(resource: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the decisions and plans that a CarePlan names as its own."""
    identifiers = [one for one in resource.get("identifier") or [] if isinstance(one, Mapping)]
    return {
        system: {str(one.get("value")) for one in identifiers if one.get("system") == system}
        for system in (codes.DECISION, codes.PLAN)
    }


def _confirm(context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent:
    with context.store.transaction() as tx:
        return _confirmed(tx, context, row, known, actor)


def _confirmed(tx: Transaction, context: Context, row: OutboxRow, known: _Known, actor: Actor) -> Sent:
    """Record the delivery, and look once more: something may have come in while it was on its way."""
    now = tx.outbox(row.decision_id)
    if now is not None and now.state is Delivery.REPLACED:
        return _ended_meanwhile(tx, context, now, actor)
    late = _newer_hold(tx, context, row, known)
    follow = _arrived(tx, context, row, late, actor) if now is not None and now.state is not Delivery.DELIVERED else ()
    if late is None:
        return Sent(Delivery.DELIVERED, follow=follow)
    opened = opening.follow(tx, context, late, actor, context.now())
    follow = (*follow, *opened, *_pause_again(tx, context, late, actor))
    return Sent(Delivery.DELIVERED, LATE, told=tell(late.decision, context.policy, actor.ref), follow=follow)


def _arrived(
    tx: Transaction, context: Context, row: OutboxRow, late: standing.Answered | None, actor: Actor
) -> tuple[str, ...]:
    """Record that the plan is in the EHR; return the rows by which it changes there, as was decided meanwhile."""
    outcome = "delivered" if late is None else "delivered-before-newer-screen"
    done = replace(row, attempts=row.attempts + 1)
    move(tx, context, done, Delivery.DELIVERED, actor, Kind.PLAN_CONFIRMED, outcome)
    _tell_plan(tx, context, row, PlanState.DELIVERED, late)
    if row.content.get("amends"):
        delivered(tx, row.content["amends"], row.decision_id, context.now())
    return conjoint.settle_arrived(tx, context, row, actor, context.now())


def _ended_meanwhile(tx: Transaction, context: Context, row: OutboxRow, actor: Actor) -> Sent:
    """The plan was ended while it was on its way, perhaps before it was there: it is ended there now."""
    plan = tx.plan(row.plan_id)
    kind, details = Kind.PLAN_CONFIRMED, {"plan_state": plan.state.value} if plan is not None else {}
    move(tx, context, row, Delivery.DELIVERED, actor, kind, "delivered-after-it-was-ended", details=details)
    follow = closing.end_again(tx, context, row.content.get("amends") or row.plan_id, actor)
    return Sent(Delivery.DELIVERED, ENDED, follow=follow)


def _pause_again(tx: Transaction, context: Context, late: standing.Answered, actor: Actor) -> tuple[str, ...]:
    """Send the pause of whoever something acute pauses once more: the plan may have been written over it.

    Asked of each person alone: whoever may not take part in conjoint work goes on with a plan of their own.
    """
    rows: list[str] = []
    for member in late.decision.members:
        for one in (member.person, *late.inputs[member.person]["aliases"]):
            if any(ACUTE in paused_by(plan, one) for plan in plans_of(tx, one, *MAY_BE_THERE)):
                held, records = hold_plans(tx, context, one, actor, context.now(), again=True)
                rows.extend(held)
                context.record(tx, actor, context.now(), *records)
    return tuple(rows)


def _newer_hold(tx: Transaction, context: Context, row: OutboxRow, known: _Known) -> standing.Answered | None:
    """Return the decision that a screen or an act recorded after the approval makes, if it holds."""
    approved: Mapping[str, Mapping[str, Any]] = row.content["screens"]
    members = tuple(approved)
    for index, member in enumerate(members):
        seen, facts_now = approved[member], known.get(member, Facts())
        people = sorted({*approved[member]["people"], *facts_now.aliases})
        if _recorded(tx, people) == (set(seen["screens"]), set(seen["acts"])) and not facts_now.chart:
            continue
        rows = sorted((one for who in people for one in tx.readable_screens(who)[0]), key=lambda one: one.number)
        encounter = standing.screen_of(rows[-1]).encounter if rows else None
        if Purpose(row.content["purpose"]) is Purpose.AMENDMENT:
            encounter = row.content["encounter"]
        kind, purpose = UnitKind(row.content["kind"]), Purpose(row.content["purpose"])
        question = standing.Question(kind, members, purpose, encounter, known)
        answered = standing.ask(tx, context, question, at=context.now(), id=row.decision_id)
        if not answered.decision.members[index].released:
            return answered
    return None


def _recorded(tx: Transaction, people: list[str]) -> tuple[set[str], set[str]]:
    named = [tx.named_of(who) for who in people]
    return {id for one in named for id in one.screens}, {id for one in named for id in one.acts}


def _withhold(tx: Transaction, context: Context, row: OutboxRow, held: standing.Answered, actor: Actor) -> Sent:
    move(tx, context, row, Delivery.WITHHELD, actor, Kind.PLAN_HELD, "withheld-by-newer-screen")
    if row.content.get("amends"):
        take_back(tx, row.content["amends"], row.decision_id, context.now())
    _tell_plan(tx, context, row, PlanState.WITHHELD, held)
    follow = opening.follow(tx, context, held, actor, context.now())
    trouble = None if held.decision.shared else WITHHELD
    return Sent(Delivery.WITHHELD, trouble, told=tell(held.decision, context.policy, actor.ref), follow=follow)


def _tell_plan(
    tx: Transaction, context: Context, row: OutboxRow, state: PlanState, newer: standing.Answered | None
) -> None:
    plan = tx.plan(row.plan_id)
    if plan is None or plan.decision_id != row.decision_id:
        return
    told = {"told": tell(newer.decision, context.policy)} if newer is not None else {}
    tx.put_plan(replace(plan, state=state, updated_at=instant(context.now()), content={**plan.content, **told}))
