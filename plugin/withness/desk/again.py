"""Deciding again, by itself, what only an EHR that could not be asked held up (policy: chart_evidence)."""

from __future__ import annotations

from withness.desk import facts, plans
from withness.desk.answer import Answer
from withness.desk.context import Actor, Context
from withness.errors import Conflict, InvalidInput
from withness.store.rows import PlanRow, PlanState


def decide_again(context: Context, actor: Actor) -> tuple[int, int]:
    """Decide again what only the unreachable chart held up (policy: chart_evidence).

    Returns how many plans were saved by it, and how many still wait for the chart.
    """
    saved = waiting = 0
    with context.store.transaction() as tx:
        held = [row for id, state in tx.plan_states().items() if state == PlanState.HELD and (row := tx.plan(id))]
    for row in held:
        if not row.content.get("waits_for_chart"):
            continue
        answer = _decided_again(context, row, actor)
        saved += answer is not None and answer.state is PlanState.DELIVERED
        waiting += answer is None
    return saved, waiting


def _decided_again(context: Context, row: PlanRow, actor: Actor) -> Answer | None:
    """Return what a working copy comes to now, None while the chart cannot be asked."""
    members = tuple(row.content["draft"]["unit"]["members"])
    if not _reached(context, members):
        return None
    try:
        return plans.save(context, row.content["draft"], Actor(row.content["actor"], actor.os_user))
    except (InvalidInput, Conflict):
        return Answer(row.content["told"], None)  # whoever saves it again is told why


def _reached(context: Context, members: tuple[str, ...]) -> bool:
    return all(one.reached for one in facts.gather(context, members).values())
