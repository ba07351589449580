"""What becomes of an override when a plan is decided: used once, or refused because it has expired or was used."""

from __future__ import annotations

from datetime import datetime

from withness.audit.record import Kind, Record
from withness.core.acts import ActKind
from withness.core.risk import Override
from withness.desk import standing
from withness.desk.acts import Signatures, act_at, write
from withness.desk.context import Actor, Context
from withness.store.transaction import Transaction


def note_overrides(
    tx: Transaction, context: Context, answered: standing.Answered, actor: Actor, at: datetime, *, approved: bool
) -> tuple[dict[str, list[str]], tuple[Record, ...]]:
    """Note that each override which let this plan through is used up, and each one that could not.

    Returns the acts of use by person, which the approval knows, and the records that the caller appends.
    """
    used: dict[str, list[str]] = {}
    records: list[Record] = []
    for member in answered.decision.members:
        for one in standing.overrides(answered, member.person):
            spent = _spent(one, at)
            if spent:
                records.append(_refused(context, actor, member.person, spent))
            elif approved:
                body = {"override": one.id, "decision": answered.decision.id}
                act = act_at(at, context, ActKind.OVERRIDE_USED, member.person, body, Signatures())
                records.append(write(tx, context, actor, act))
                used.setdefault(member.person, []).append(act.id)
    return used, tuple(records)


def _spent(one: Override, at: datetime) -> str:
    return "override-used" if one.used else "override-expired" if at >= one.expires else ""


def _refused(context: Context, actor: Actor, person: str, code: str) -> Record:
    return Record(
        kind=Kind.OVERRIDE_REFUSED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=person,
        outcome="refused",
        reason=code,
        policy=context.policy.digest,
    )
