"""The conjoint-suitability decision: when, and with which neutral reason, the other members' CarePlans change.

Nothing of the others' is touched before the clinician chooses the time, and their charts say nothing but a neutral
reason of the policy's own list (contracts I4, I8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from withness.desk.changes import ACTIVE, care_plan_of, change_plan, chart_state, plans_of, shared
from withness.desk.context import Actor, Context
from withness.store.rows import PlanState
from withness.store.transaction import Transaction

_HOW: Final = {"pause": "on-hold", "end": "revoked", "resume": "active"}


def settle(
    tx: Transaction, context: Context, person: str, fields: Mapping[str, str], actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Queue what the decision asks of every shared plan of this person, from the time that it names."""
    how, note = _HOW[fields["decision"]], context.policy.neutral_reasons[fields["reason"]]
    from_ = max(at, datetime.fromisoformat(fields["from"]))
    rows = []
    for plan in plans_of(tx, person, *ACTIVE):
        for member in plan.content["draft"]["unit"]["members"] if shared(plan) else ():
            now = tx.plan(plan.id) or plan
            if care_plan_of(now, member) is None or not _asks(how, member, person, chart_state(now, member)):
                continue
            id, record = change_plan(tx, context, now, member, how, actor, at, note=note, from_=from_)
            context.record(tx, actor, at, record)
            rows.append(id)
    return tuple(rows)


def _asks(how: str, member: str, person: str, state: str) -> bool:
    """Resuming is for those who were paused, and never for the person themself: only their release resumes theirs."""
    if how == "active":
        return member != person and state == PlanState.ON_HOLD
    return how == "revoked" or state != PlanState.ON_HOLD
