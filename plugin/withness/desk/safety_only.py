"""An amendment that only adds safety goals or a safety plan: saved whatever the gate says, the status left as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from withness.audit.record import Kind
from withness.core.plan import Plan, charts
from withness.desk import amending, standing
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue
from withness.desk.telling import tell
from withness.errors import Conflict
from withness.fhir.making import Making
from withness.fhir.plan_resources import goal_key, safety_additions
from withness.store.rows import Sending
from withness.store.transaction import Transaction


def save(
    context: Context,
    draft: Mapping[str, Any],
    plan: Plan,
    base: amending.Base,
    added: tuple[int, ...],
    question: standing.Question,
    actor: Actor,
) -> tuple[Mapping[str, Any], str, tuple[str, ...]]:
    """Queue the additions for each member's chart; return what the gate says now, the new version and the rows.

    Raises Conflict when another version stands meanwhile, CannotTell.
    """
    id = context.new_id()

    def work(tx: Transaction) -> tuple[Mapping[str, Any], str, tuple[str, ...]]:
        at = context.now()
        now = amending.require(tx.plan(base.row.id), plan)
        if amending.version_of(now) != base.version:
            raise Conflict("Another version of this plan was saved meanwhile.", field="supersedes.version")
        answered = standing.ask(tx, context, question, at=at, id=id)
        context.record(tx, actor, at, *standing.keep(tx, answered, actor, request=plan.request_id))
        making = _making(context, answered, base, at)
        rows, found = [], {}
        for chart in charts(plan):
            known = now.content["charts"].get(chart.member)
            if known is None:
                continue
            goals = safety_additions(chart, added, making, decision=answered.decision)
            numbers = [one for one in chart.goals if one.number in added]
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
                plan=base.row.id,
                record=Kind.GOAL_UPDATED,
                content={"changes": [change]},
            )
            context.record(tx, actor, at, replace(record, request=plan.request_id))
            rows.append(row)
        amending.supersede(tx, now, draft, id, found, at)
        return tell(answered.decision, context.policy), str(int(base.version) + 1), tuple(rows)

    return context.commit(work, lambda tx: tx.decision(id, plan.unit.members[0]) is not None)


def _making(context: Context, answered: standing.Answered, base: amending.Base, at: Any) -> Making:
    return Making(
        recorded=at,
        unit_plan=base.row.id,
        organization=context.settings.organization,
        us_core=context.settings.us_core,
        enforces_labels=context.settings.ehr_enforces_labels,
        screens={},
        screen_ids={},
    )
