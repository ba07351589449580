"""Preview and save of a plan: draft, gate, record and outbox in one transaction; delivery after it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from withness.audit.record import Kind, Record, canonical, instant
from withness.core.catalogue import advisories
from withness.core.gate import Decision, release
from withness.core.plan import Plan, charts
from withness.core.terms import Purpose
from withness.desk import delivery, standing
from withness.desk.context import Actor, Context
from withness.desk.draft import read_draft
from withness.desk.screens import births_needed
from withness.desk.telling import RELEASED, tell
from withness.errors import Conflict, InvalidInput, TrailDamaged
from withness.fhir.bundle import plan_transaction
from withness.fhir.check import require_valid
from withness.fhir.making import Making
from withness.store.rows import Delivery, OutboxRow, PlanRow, PlanState
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Answer:
    """What a save or preview came to, as it is told to people and programs."""

    told: Mapping[str, Any]
    state: PlanState | None
    plan: str | None = None
    bundle: Mapping[str, Any] | None = None
    delivery: Delivery | None = None
    trouble: str | None = None
    advisories: tuple[str, ...] = ()
    decision_id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the contract's JSON document."""
        return {
            **self.told,
            "saved": self.state is PlanState.DELIVERED and self.trouble is None,
            "plan": self.plan,
            "care_plans": _care_plans(self.bundle),
            "bundle": self.bundle,
            "delivery": self.delivery.value if self.delivery else None,
            "trouble": self.trouble,
            "advisories": list(self.advisories),
        }


def _care_plans(bundle: Mapping[str, Any] | None) -> list[str]:
    entries = bundle["entry"] if bundle else []
    return [entry["request"]["url"] for entry in entries if entry["resource"]["resourceType"] == "CarePlan"]


def preview(context: Context, draft: Mapping[str, Any]) -> Answer:
    """Return what a save would decide and send now. Writes nothing. Raises InvalidInput for a bad draft."""
    case = _open(context, draft)
    with context.store.transaction() as tx:
        case = replace(case, at=context.now())
        answered = standing.ask(tx, context, case.question, at=case.at, id=case.decision_id)
    bundle = case.bundle(answered, context.new_id())
    return Answer(tell(answered.decision, context.policy), None, bundle=bundle, advisories=case.advice)


def save(context: Context, draft: Mapping[str, Any], actor: Actor) -> Answer:
    """Ask the gate and save the plan, or keep the draft as a working copy and say why.

    The answer is given only after decision, record and outbox row are durable together. Raises InvalidInput
    for a bad draft (before the gate is asked), Conflict for a request id used for something else,
    TrailDamaged, CannotTell.
    """
    case = _open(context, draft)
    answer = context.commit(
        lambda tx: _decide_and_keep(tx, case, actor),
        landed=lambda tx: tx.decision(case.decision_id, case.plan.unit.members[0]) is not None,
    )
    if answer.state is not PlanState.APPROVED or answer.delivery is not Delivery.WAITING:
        return answer
    sent = delivery.deliver(context, answer.decision_id, actor)
    return _after(answer, sent)


def _after(answer: Answer, sent: delivery.Sent) -> Answer:
    """Return the answer once delivery was tried; a newer screen's word replaces what was told before it."""
    moved = {Delivery.DELIVERED: PlanState.DELIVERED, Delivery.WITHHELD: PlanState.WITHHELD}
    state = moved.get(sent.state, PlanState.APPROVED)
    told = answer.told if sent.told is None else sent.told
    bundle = None if sent.state is Delivery.WITHHELD else answer.bundle
    return replace(answer, told=told, bundle=bundle, state=state, delivery=sent.state, trouble=sent.trouble)


@dataclass(frozen=True)
class _Case:
    """One draft on its way through preview or save."""

    context: Context
    draft: Mapping[str, Any]
    plan: Plan
    question: standing.Question
    decision_id: str
    at: datetime

    @property
    def advice(self) -> tuple[str, ...]:
        found = advisories(self.plan, self.context.catalogue)
        patients = [one for one in self.plan.unit.members if one.startswith("Patient/")]
        silent = not all(self.plan.has_yes_of(one) for one in patients)
        return (*found, "A member who has agreed to no goal gets no plan in the chart.") if silent else found

    def digest(self, actor: Actor) -> str:
        """What a repeated request must equal: the draft (RFC 8785) and who asks."""
        return hashlib.sha256(canonical({"draft": dict(self.draft), "actor": actor.ref})).hexdigest()

    def bundle(self, answered: standing.Answered, plan_id: str) -> dict[str, Any] | None:
        """Return the checked transaction Bundle, None when the gate holds: it takes a release to build one."""
        released = release(answered.decision)
        if released is None:
            return None
        making = Making(
            recorded=self.at,
            unit_plan=plan_id,
            organization=self.context.settings.organization,
            us_core=self.context.settings.us_core,
            enforces_labels=self.context.settings.ehr_enforces_labels,
            screens={member: rows[-1].content["resource"] for member, rows in answered.screens.items()},
            screen_ids={member: rows[-1].id for member, rows in answered.screens.items()},
            problem_titles={one.id: one.title for one in self.context.catalogue.problems.values()},
        )
        bundle = plan_transaction(charts(self.plan), released, making, self.context.policy)
        require_valid(bundle)
        return bundle


def _open(context: Context, draft: Mapping[str, Any]) -> _Case:
    """Read the draft, and ask the chart what the gate will need: nothing remote happens under the lock."""
    plan = read_draft(draft, context.templates)
    if plan.supersedes is not None:
        raise InvalidInput(
            "supersedes must be null: this version saves new plans and does not amend them yet.", field="supersedes"
        )
    births = births_needed(context, plan.unit.members)
    question = standing.Question(plan.unit.kind, plan.unit.members, Purpose.NEW_PLAN, plan.encounter, births)
    return _Case(context, draft, plan, question, context.new_id(), context.now())


def _decide_and_keep(tx: Transaction, case: _Case, actor: Actor) -> Answer:
    context, plan = case.context, case.plan
    kept, digest = tx.plan_of(plan.request_id), case.digest(actor)
    if kept is not None:
        if not hmac.compare_digest(str(kept.content["digest"]), digest):
            raise Conflict(
                "request_id was used before, with another draft or by another actor.",
                field="request_id",
                hint="Repeat it as it was (see withness plan list); only a really new plan gets a new request_id.",
            )
        if kept.state in (PlanState.APPROVED, PlanState.DELIVERED):
            return _present(tx, kept, case)
    case = replace(case, at=context.now())  # the time of the decision is a time under the lock
    answered = standing.ask(tx, context, case.question, at=case.at, id=case.decision_id)
    if not answered.intact:
        raise TrailDamaged("The audit trail is damaged, so no plan can be saved.", hint="Run: withness audit verify")
    plan_id = kept.id if kept else context.new_id()
    bundle = case.bundle(answered, plan_id)
    told = tell(answered.decision, context.policy)
    content = {"draft": dict(case.draft), "actor": actor.ref, "digest": digest, "told": told}
    state = PlanState.HELD if bundle is None else PlanState.APPROVED
    if bundle is not None:
        _replace(tx, plan_id)
        _put_outbox(tx, case, answered, plan_id, bundle)
    tx.put_plan(PlanRow(plan_id, plan.request_id, state, case.decision_id, instant(case.at), content))
    records = standing.keep(tx, answered, actor, request=plan.request_id)
    context.record(tx, actor, case.at, *records, _record(case, answered.decision, actor, plan_id, bundle))
    waiting = Delivery.WAITING if bundle else None
    return Answer(told, state, plan_id, bundle, waiting, None, case.advice, case.decision_id)


def _present(tx: Transaction, kept: PlanRow, case: _Case) -> Answer:
    """Answer a repeated request with the present state; nothing is decided or written again."""
    row = tx.outbox(kept.decision_id or "")
    bundle, state = (row.content["bundle"], row.state) if row else (None, None)
    told = kept.content["told"]
    late = delivery.LATE if kept.state is PlanState.DELIVERED and told["decision"] not in RELEASED else None
    return Answer(told, kept.state, kept.id, bundle, state, late, case.advice, kept.decision_id or "")


def _put_outbox(
    tx: Transaction, case: _Case, answered: standing.Answered, plan_id: str, bundle: Mapping[str, Any]
) -> None:
    content = {
        "bundle": bundle,
        "kind": answered.decision.kind.value,
        "purpose": answered.decision.purpose.value,
        "screens": {person: [row.id for row in rows] for person, rows in answered.screens.items()},
    }
    at, ehr = instant(case.at), case.context.ehr.address
    tx.put_outbox(OutboxRow(case.decision_id, plan_id, ehr, Delivery.WAITING, 0, at, at, content))


def _replace(tx: Transaction, plan_id: str) -> None:
    """Bundles that were withheld before are replaced by the newly approved one and never sent."""
    for decision_id in tx.outbox_ids(Delivery.WITHHELD, plan=plan_id):
        earlier = tx.outbox(decision_id)
        if earlier is not None:
            tx.put_outbox(replace(earlier, state=Delivery.REPLACED))


def _record(case: _Case, decision: Decision, actor: Actor, plan_id: str, bundle: Mapping[str, Any] | None) -> Record:
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
