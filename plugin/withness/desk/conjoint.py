"""The conjoint-suitability decision: when, and with which neutral reason, the members' CarePlans change.

Nothing of the others' is touched before the clinician chooses the time, and their charts say nothing but a neutral
reason of the policy's own list (contracts I4, I8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from withness.core.acts import ActKind, of
from withness.core.holds import CONJOINT, RESUME
from withness.desk.acts import acts_of
from withness.desk.context import Actor, Context
from withness.desk.shares import (
    ACTIVE,
    OVER,
    members_of,
    plan_change,
    plans_of,
    replace_planned,
    share_of,
    shared,
    wait_for,
)
from withness.store.rows import OutboxRow, PlanRow
from withness.store.transaction import Transaction

_HOW: Final = {"pause": "on-hold", "end": "revoked", "resume": "active"}


def settle(
    tx: Transaction, context: Context, person: str, fields: Mapping[str, str], actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Queue what the decision asks of every shared plan of this person, for the time that it names.

    Resuming ends the conjoint pause alone: whoever is acute stays on hold until their own release.
    """
    rows: list[str] = []
    for plan in plans_of(tx, person, *ACTIVE):
        rows.extend(_settle(tx, context, plan, person, fields, actor, at))
    return tuple(rows)


def settle_arrived(tx: Transaction, context: Context, row: OutboxRow, actor: Actor, at: datetime) -> tuple[str, ...]:
    """Queue what was decided of conjoint work while a unit's plan was on its way: it was not there to be changed then.

    `row` is what has just been delivered. An amendment's plan was there.
    """
    approved: Mapping[str, Mapping[str, Any]] = row.content["screens"]
    plan = tx.plan(row.plan_id) if len(approved) > 1 and not row.content.get("amends") else None
    rows: list[str] = []
    for person, seen in approved.items() if plan is not None else ():
        since = [one for one in of(acts_of(tx, person), ActKind.EVIDENCE) if one.id not in seen["acts"]]
        fields = next((one.body["fields"] for one in reversed(since) if one.body["need"] == CONJOINT), None)
        if plan is not None and fields is not None and fields["decision"] != RESUME:
            rows.extend(_settle(tx, context, plan, person, fields, actor, at))
    return tuple(rows)


def _settle(
    tx: Transaction,
    context: Context,
    plan: PlanRow,
    person: str,
    fields: Mapping[str, str],
    actor: Actor,
    at: datetime,
) -> Iterator[str]:
    how, note = _HOW[fields["decision"]], context.policy.neutral_reasons[fields["reason"]]
    from_ = max(at, datetime.fromisoformat(fields["from"]))
    for member in members_of(plan) if shared(plan) else ():
        share = share_of(plan, member)
        if not share or share["state"] in OVER:
            continue
        cause = f"conjoint:{person}"
        if how == "active" and from_ > at and member == person:
            wait_for(tx, plan, member, cause, at)
        replace_planned(tx, context, plan, member, cause, actor)
        id, record = plan_change(tx, context, plan, member, how, actor, at, note=note, cause=cause, from_=from_)
        context.record(tx, actor, at, record)
        yield id
