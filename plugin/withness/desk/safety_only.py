"""An amendment that only adds safety goals or a safety plan: saved whatever the gate says, the status left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from withness.audit.record import Kind, Record, instant
from withness.core.plan import Plan, charts
from withness.desk import amending, opening, standing
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue
from withness.desk.telling import tell
from withness.errors import Conflict
from withness.fhir.making import Making
from withness.fhir.plan_resources import goal_key, safety_additions
from withness.store.rows import PlanRow, PlanState, Sending
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Asked:
    """An amendment that only adds safety: its draft, what it amends, the numbers of its new goals, its digest."""

    draft: Mapping[str, Any]
    plan: Plan
    base: amending.Base
    added: tuple[int, ...]
    question: standing.Question
    digest: str


def save(context: Context, asked: Asked, actor: Actor) -> tuple[Mapping[str, Any], str, tuple[str, ...]]:
    """Queue the additions for each member's chart; return what the gate says now, the new version and the rows.

    Raises Conflict when another version stands meanwhile, CannotTell.
    """
    id, plan, base = context.new_id(), asked.plan, asked.base

    def work(tx: Transaction) -> tuple[Mapping[str, Any], str, tuple[str, ...]]:
        at = context.now()
        now = amending.require(tx.plan(base.row.id), plan)
        if amending.version_of(now) != base.version:
            raise Conflict("Another version of this plan was saved meanwhile.", field="supersedes.version")
        answered = standing.ask(tx, context, asked.question, at=at, id=id)
        context.record(tx, actor, at, *standing.keep(tx, answered, actor, request=plan.request_id))
        follow = opening.follow(tx, context, answered, actor, at)
        found, rows = _add(tx, context, asked, now, answered, actor, at)
        told = tell(answered.decision, context.policy, actor.ref)
        amending.supersede(tx, now, asked.draft, id, found, at, added=asked.added)
        _keep_request(tx, context, asked, told, id, actor, at)
        return told, str(int(base.version) + 1), (*rows, *follow)

    return context.commit(work, lambda tx: tx.decision(id, plan.unit.members[0]) is not None)


def _add(
    tx: Transaction,
    context: Context,
    asked: Asked,
    now: PlanRow,
    answered: standing.Answered,
    actor: Actor,
    at: datetime,
) -> tuple[dict[str, Any], list[str]]:
    """Queue each member's additions; return their charts as they will be, and the outbox rows."""
    making, rows, found = _making(context, asked.base, at), [], {}
    for chart in charts(asked.plan):
        known = now.content["charts"].get(chart.member)
        if known is None:
            continue
        goals = safety_additions(chart, asked.added, making, decision=answered.decision)
        numbers = [one for one in chart.goals if one.number in asked.added]
        keys = {goal_key(one.goal): made["id"] for one, made in zip(numbers, goals, strict=True)}
        found[chart.member] = {**known, "goals": {**known["goals"], **keys}}
        change = {
            "reference": known["care_plan"],
            "how": "add-safety",
            "goals": goals,
            "safety_plan": chart.safety_plan,
        }
        row, record = enqueue(
            tx,
            context,
            actor,
            at,
            kind=Sending.CHANGE,
            person=chart.member,
            plan=asked.base.row.id,
            record=Kind.GOAL_UPDATED,
            content={"changes": [change]},
        )
        context.record(tx, actor, at, replace(record, request=asked.plan.request_id))
        rows.append(row)
    return found, rows


def _keep_request(
    tx: Transaction, context: Context, asked: Asked, told: Mapping[str, Any], id: str, actor: Actor, at: datetime
) -> None:
    """Remember the request, so that sending it twice adds nothing twice."""
    plan_id = context.new_id()
    content = {"draft": dict(asked.draft), "actor": actor.ref, "digest": asked.digest, "told": dict(told)}
    content["amends"] = asked.base.row.id
    tx.put_plan(PlanRow(plan_id, asked.plan.request_id, PlanState.DELIVERED, id, instant(at), content))
    details = {"plan": plan_id, "plan_state": PlanState.DELIVERED.value}
    kept = Record(
        kind=Kind.GOAL_UPDATED,
        actor=actor.ref,
        os_user=actor.os_user,
        outcome="safety-added",
        request=asked.plan.request_id,
        details=details,
    )
    context.record(tx, actor, at, kept)


def _making(context: Context, base: amending.Base, at: datetime) -> Making:
    return Making(
        recorded=at,
        unit_plan=base.row.id,
        organization=context.settings.organization,
        us_core=context.settings.us_core,
        enforces_labels=context.settings.ehr_enforces_labels,
        screens={},
        screen_ids={},
    )
