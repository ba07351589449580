"""The conjoint-suitability decision: when, and with which neutral reason, the members' CarePlans change.

Nothing of the others' is touched before the clinician chooses the time, and their charts say nothing but a neutral
reason of the policy's own list (contracts I4, I8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

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
from withness.store.transaction import Transaction

_HOW: Final = {"pause": "on-hold", "end": "revoked", "resume": "active"}


def settle(
    tx: Transaction, context: Context, person: str, fields: Mapping[str, str], actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Queue what the decision asks of every shared plan of this person, for the time that it names.

    Resuming ends the conjoint pause alone: whoever is acute stays on hold until their own release.
    """
    how, note = _HOW[fields["decision"]], context.policy.neutral_reasons[fields["reason"]]
    from_ = max(at, datetime.fromisoformat(fields["from"]))
    rows = []
    for plan in plans_of(tx, person, *ACTIVE):
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
            rows.append(id)
    return tuple(rows)
