"""Preview, save and amendment of a plan: draft, gate, record and outbox in one transaction; delivery after it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from withness.audit import log, plain_json
from withness.audit.record import Kind, Record, canonical, instant
from withness.core.gate import Decision
from withness.core.terms import Purpose
from withness.desk import amending, delivery, facts, opening, repeated, safety_only, standing, unsaved
from withness.desk.answer import Answer
from withness.desk.case import Case, open_case
from withness.desk.context import Actor, Context
from withness.desk.draft import read_draft
from withness.desk.outbox import Sent
from withness.desk.overrides import note_overrides
from withness.desk.screens import send
from withness.desk.telling import tell
from withness.errors import CannotTell, Conflict, InvalidInput, TrailDamaged
from withness.store.rows import Delivery, OutboxRow, PlanRow, PlanState, Sending
from withness.store.transaction import Transaction


def preview(context: Context, draft: Mapping[str, Any], viewer: str = "") -> Answer:
    """Return what a save would decide and send now. Writes nothing. Raises InvalidInput for a bad draft."""
    case = open_case(context, draft)
    if case.base is not None:
        case.base.require_whole()
    with context.store.transaction() as tx:
        case = replace(case, at=context.now())
        answered = standing.ask(tx, context, case.question, at=case.at, id=case.decision_id)
    bundle = case.bundle(answered, context.new_id())
    return Answer(tell(answered.decision, context.policy, viewer), None, bundle=bundle, advisories=case.advice)


def save(context: Context, draft: Mapping[str, Any], actor: Actor) -> Answer:
    """Ask the gate and save the plan, or keep the draft as a working copy and say why.

    A draft that supersedes a plan amends it; one that only adds safety to it is saved whatever the gate says. The
    answer is given only after decision, record and outbox row are durable together. Raises InvalidInput for a bad
    draft (before the gate is asked), Conflict for a request id used for something else or a version that is no
    longer the newest, TrailDamaged, CannotTell.
    """
    again = _asked_again(context, draft, actor)
    if again is not None:
        return again
    case = open_case(context, draft)
    added = amending.only_safety(case.base.row.content["draft"], draft) if case.base else None
    if case.base is not None and added is not None:
        return _add_safety(case, case.base, added, actor)
    if case.base is not None:
        case.base.require_whole()
    if case.base is not None and case.base.version == case.base.current and case.base.row.content.get("pending"):
        said = "An amendment of this plan waits for the EHR: run withness sync, then amend the version that stands."
        raise InvalidInput(said, field="supersedes.plan")
    try:
        answer = context.commit(
            lambda tx: _decide_and_keep(tx, case, actor),
            landed=lambda tx: tx.decision(case.decision_id, case.plan.unit.members[0]) is not None,
            people=case.question.people,
        )
    except (TrailDamaged, CannotTell) as refused:
        if refused.answer:
            unsaved.follow(case, actor)
        raise
    try:
        return _sent(case, answer, actor)
    except CannotTell:  # what was decided is durable: that the database went away since does not undo it
        if answer.conflict is not None:
            raise
        return replace(answer, trouble=KEPT)


KEPT: Final = "The database went away while this was being sent. What was decided is kept: run withness sync."


def _sent(case: Case, answer: Answer, actor: Actor) -> Answer:
    """Send what a decision has queued, and return the answer as it stands then. Raises Conflict, CannotTell."""
    context = case.context
    try:
        send(context, answer.follow, actor)
    except CannotTell:  # it waits for `withness sync`; that one member has something to send is no unit's to hear (I8)
        if len(case.plan.unit.members) == 1:
            raise
    if answer.conflict is not None:
        raise Conflict(
            "Another version of this plan was saved meanwhile; yours was not.",
            field="supersedes.version",
            hint="Look at what differs, take it into your draft, and name the newest version in supersedes.",
            answer={"diff": list(answer.conflict), "version": answer.version, **answer.told},
        )
    if answer.state is not PlanState.APPROVED or answer.delivery is not Delivery.WAITING:
        return answer
    try:
        sent = delivery.deliver(context, answer.decision_id, actor)
    except TrailDamaged as damaged:
        damaged.answer = {**answer.told, "saved": False}
        raise
    send(context, sent.follow, actor)
    return _after(answer, sent)


def _after(answer: Answer, sent: Sent) -> Answer:
    """Return the answer once delivery was tried; a newer screen's word replaces what was told before it."""
    moved = {Delivery.DELIVERED: PlanState.DELIVERED, Delivery.WITHHELD: PlanState.WITHHELD}
    state = moved.get(sent.state, PlanState.APPROVED)
    told = answer.told if sent.told is None else sent.told
    bundle = None if sent.state is Delivery.WITHHELD else answer.bundle
    return replace(answer, told=told, bundle=bundle, state=state, delivery=sent.state, trouble=sent.trouble)


def _asked_again(context: Context, draft: Mapping[str, Any], actor: Actor) -> Answer | None:
    """Return the present state of a request that was answered before; whatever became of its plan since."""
    plan = read_draft(draft, context.templates)
    question = standing.Question(plan.unit.kind, plan.unit.members, Purpose.NEW_PLAN, plan.encounter)
    case = Case(context, draft, plan, question, "", context.now(), None)
    with context.store.transaction() as tx:
        kept = tx.plan_of(plan.request_id)
    if kept is None or kept.state in UNDECIDED:
        return None
    _require_same(kept, case.digest(actor))
    purpose = Purpose.AMENDMENT if draft.get("supersedes") else Purpose.NEW_PLAN
    known = facts.gather(context, plan.unit.members)  # the EHR is asked outside the transaction
    case = replace(case, question=replace(question, purpose=purpose, facts=known))
    with context.store.transaction() as tx:
        kept = tx.plan_of(plan.request_id) or kept
        return None if kept.state in UNDECIDED else repeated.present(tx, kept, case, actor)


UNDECIDED: Final = (PlanState.HELD, PlanState.WITHHELD, PlanState.APPROVED)
"""Where the same request asks anew, or is sent."""


def _add_safety(case: Case, base: amending.Base, added: tuple[int, ...], actor: Actor) -> Answer:
    """Save what only adds safety: no release is asked for, and the plan's status stays as it is (contracts I1)."""
    with case.context.store.transaction() as tx:
        kept = tx.plan_of(case.plan.request_id)
        if kept is not None:
            _require_same(kept, case.digest(actor))
            return repeated.present(tx, kept, case, actor)
    asked = safety_only.Asked(case.draft, case.plan, base, added, case.question, case.digest(actor))
    told, version, rows = safety_only.save(case.context, asked, actor)
    troubles = send(case.context, rows, actor)
    state = PlanState.APPROVED if troubles else PlanState.DELIVERED
    sent = Delivery.WAITING if troubles else Delivery.DELIVERED
    trouble = " ".join(troubles) or None
    return Answer(told, state, base.row.id, None, sent, trouble, case.advice, case.decision_id, version)


def _decide_and_keep(tx: Transaction, case: Case, actor: Actor) -> Answer:
    context, plan = case.context, case.plan
    kept, digest = tx.plan_of(plan.request_id), case.digest(actor)
    if kept is not None:
        _require_same(kept, digest)
        if kept.state not in (PlanState.HELD, PlanState.WITHHELD):
            return repeated.present(tx, kept, case, actor)
    newest = log.newest_time(tx)
    case = replace(case, at=context.now())  # the time of the decision is a time under the lock
    answered = standing.ask(tx, context, case.question, at=case.at, id=case.decision_id, newest=newest)
    told = tell(answered.decision, context.policy, actor.ref)
    if not answered.intact:
        unsaved.refuse(tx, case, told)
    decided, stale = standing.keep(tx, answered, actor, request=plan.request_id), _stale(tx, case)
    if stale is not None:
        context.record(tx, actor, case.at, *decided)
        follow = opening.follow(tx, context, answered, actor, case.at)
        return Answer(told, None, version=stale[0], follow=follow, conflict=stale[1])
    plan_id = kept.id if kept else context.new_id()
    bundle = case.bundle(answered, plan_id)
    content = _content(case, actor, digest, told, answered.decision, bundle)
    state = PlanState.HELD if bundle is None else PlanState.APPROVED
    used, noted = note_overrides(tx, context, answered, actor, case.at, approved=bundle is not None)
    if bundle is not None:
        if kept is not None:
            _replace(tx, plan_id)
        _put_outbox(tx, case, answered, plan_id, bundle, used)
        if case.base is not None:
            amending.supersede(tx, case.base.row, case.draft, case.decision_id, content["charts"], case.at)
    tx.put_plan(PlanRow(plan_id, plan.request_id, state, case.decision_id, instant(case.at), content))
    kept_as = _record(case, answered.decision, actor, plan_id, bundle)
    context.record(tx, actor, case.at, *decided, *noted, kept_as)
    follow = opening.follow(tx, context, answered, actor, case.at)
    version = str(int(case.base.current) + (bundle is not None)) if case.base else "1"
    shown = case.base.row.id if case.base and bundle else plan_id
    waiting = Delivery.WAITING if bundle else None
    advice = (*(() if bundle else unsaved.safety_waits(case)), *case.advice)
    return Answer(told, state, shown, bundle, waiting, None, advice, case.decision_id, version, follow)


def _require_same(kept: PlanRow, digest: str) -> None:
    if not hmac.compare_digest(str(kept.content["digest"]), digest):
        raise Conflict(
            "request_id was used before, with another draft or by another actor.",
            field="request_id",
            hint="Repeat it as it was (see withness plan list); only a really new plan gets a new request_id.",
        )


def _stale(tx: Transaction, case: Case) -> tuple[str, tuple[Mapping[str, Any], ...]] | None:
    """Return the newest version and what differs when another version than the one named stands now."""
    if case.base is None:
        return None
    now = amending.require(tx.plan(case.base.row.id), case.plan)
    if amending.version_of(now) == case.base.version:
        return None
    return amending.version_of(now), tuple(amending.differences(now.content["draft"], dict(case.draft)))


def _content(
    case: Case,
    actor: Actor,
    digest: str,
    told: Mapping[str, Any],
    decision: Decision,
    bundle: Mapping[str, Any] | None,
) -> dict[str, Any]:
    content: dict[str, Any] = {"draft": dict(case.draft), "actor": actor.ref, "digest": digest, "told": told}
    waits = [one for one in decision.members if not one.released]
    content["waits_for_chart"] = bool(waits) and all(set(one.missing) == {"chart-evidence"} for one in waits)
    if bundle is not None:
        content["charts"] = amending.charts_in(bundle, case.plan)
    if case.base is not None:
        content["amends"] = case.base.row.id
    return content


def _put_outbox(
    tx: Transaction,
    case: Case,
    answered: standing.Answered,
    plan_id: str,
    bundle: Mapping[str, Any],
    used: Mapping[str, list[str]],
) -> None:
    content = {
        "bundle": plain_json.Written(plain_json.in_order(bundle)),
        "kind": answered.decision.kind.value,
        "purpose": answered.decision.purpose.value,
        "encounter": case.plan.encounter,
        "amends": case.base.row.id if case.base else None,
        "screens": {
            person: {
                "people": [person, *one["aliases"]],
                "screens": one["screens"],
                "acts": [*one["acts"], *used.get(person, ())],
            }
            for person, one in answered.inputs.items()
        },
    }
    at, ehr = instant(case.at), case.context.ehr.address
    row = OutboxRow(case.decision_id, Sending.PLAN, plan_id, ehr, Delivery.WAITING, 0, at, at, content)
    tx.put_outbox(row)


def _replace(tx: Transaction, plan_id: str) -> None:
    """Bundles that were withheld before are replaced by the newly approved one and never sent."""
    for decision_id in tx.outbox_ids(Delivery.WITHHELD, plan=plan_id):
        earlier = tx.outbox(decision_id)
        if earlier is not None:
            tx.put_outbox(replace(earlier, state=Delivery.REPLACED))


def _record(case: Case, decision: Decision, actor: Actor, plan_id: str, bundle: Mapping[str, Any] | None) -> Record:
    details: dict[str, Any] = {"plan": plan_id, "decision": decision.id, "members": len(decision.members)}
    if bundle is not None:
        details |= {"bundle": hashlib.sha256(canonical(dict(bundle))).hexdigest(), "ehr": case.context.ehr.address}
    return Record(
        kind=Kind.PLAN_HELD if bundle is None else Kind.PLAN_APPROVED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=None if decision.shared else decision.members[0].person,
        outcome="held" if bundle is None else "approved",
        policy=decision.policy_digest,
        request=case.plan.request_id,
        details=details,
    )
