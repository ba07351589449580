"""A request that was answered before: the present state of its plan, and what the gate says of its people now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from withness.audit.record import moment
from withness.core.gate import Decision
from withness.core.terms import Acuity
from withness.desk import delivery, standing
from withness.desk.answer import Answer
from withness.desk.case import Case
from withness.desk.context import Actor
from withness.desk.shares import OVER
from withness.desk.telling import RELEASED, tell
from withness.errors import Conflict
from withness.store.rows import OutboxRow, PlanRow, PlanState
from withness.store.transaction import Transaction

NOTHING_AGAIN: Final = "Nothing was saved again, and nothing needs to be."
PAUSED: Final = "It is paused in the chart because of what is listed above."
PAUSED_YET: Final = "It is paused in the chart: withness protocol show PERSON says what that waits for."
ENDED: Final = "It has ended since."
WOULD_WAIT: Final = "What is said above is of today: a new plan or an amendment would wait."


def present(tx: Transaction, kept: PlanRow, case: Case, actor: Actor) -> Answer:
    """Answer a repeated request with the present state and the present decision; nothing is written.

    Raises Conflict for a working copy that was put away: what held it then is nothing to say of today.
    """
    row = tx.outbox(kept.decision_id or "")
    if row is None and kept.state in OVER:
        said = "This draft was a working copy and has been put away."
        raise Conflict(said, field="request_id", hint="To save it after all, give it a new request_id.")
    told = _told(tx, kept, case, actor)
    bundle = row.content["bundle"] if row and kept.state in _STANDS else None
    return Answer(
        told,
        kept.state,
        kept.content.get("amends", kept.id),
        bundle,
        row.state if row else None,
        _late(kept, row),
        case.advice,
        kept.decision_id or "",
        repeated=None if kept.state is PlanState.APPROVED else _said(kept, row, told, case),
        care_plans=tuple(one["care_plan"] for one in kept.content.get("charts", {}).values() if "care_plan" in one),
    )


_STANDS: Final = (PlanState.APPROVED, PlanState.DELIVERED)


def _late(kept: PlanRow, row: OutboxRow | None) -> str | None:
    """Say that something newer held a plan once it was there; safety that was added was never asked about."""
    held = kept.content["told"]["decision"] not in RELEASED
    return delivery.LATE if row and kept.state is PlanState.DELIVERED and held else None


def _told(tx: Transaction, kept: PlanRow, case: Case, actor: Actor) -> Mapping[str, Any]:
    """Return what the gate says now; what it said then where a plan stands and only the EHR cannot be asked."""
    answered = standing.ask(tx, case.context, case.question, at=case.context.now(), id=case.context.new_id())
    if kept.state in _STANDS and _only_unreached(answered.decision):
        then: Mapping[str, Any] = kept.content["told"]
        return then
    return tell(answered.decision, case.context.policy, actor.ref)


def _only_unreached(decision: Decision) -> bool:
    waits = [one for one in decision.members if not one.released]
    unknown = all(one.acuity is Acuity.UNKNOWN and set(one.missing) == {"chart-evidence"} for one in waits)
    graver = any(one.acuity is Acuity.ELEVATED for member in waits for one in member.findings)
    return bool(waits) and unknown and not graver


def _said(kept: PlanRow, row: OutboxRow | None, told: Mapping[str, Any], case: Case) -> str:
    day = moment(row.approved_at if row else kept.updated_at).astimezone(case.context.settings.zone).date()
    saved = f"This plan was saved on {day}."
    if kept.state in OVER:
        return f"{saved} {ENDED} {NOTHING_AGAIN}"
    held = told["decision"] not in RELEASED
    if kept.state is PlanState.ON_HOLD and told["person"]:
        return f"{saved} {PAUSED if held else PAUSED_YET} {NOTHING_AGAIN}"
    return f"{saved} {WOULD_WAIT} {NOTHING_AGAIN}" if held else f"{saved} {NOTHING_AGAIN}"
