"""Adopting what stood in the EHR before the gate: the signing of a baseline."""

from __future__ import annotations

from datetime import timedelta

from withness.core.people import Refusal
from withness.desk.context import Actor, Context
from withness.desk.sign_off import Matter, sign_off
from withness.desk.sweep import Progress, known_of, looks_of
from withness.desk.sweep_baseline import BASELINE, baseline_day
from withness.signing import Signer
from withness.store.transaction import Transaction


def adopt(
    context: Context, signer: Signer, second: Signer | None, *, actor: Actor, days: int, progress: Progress
) -> tuple[str, int]:
    """Adopt the plans that stand in the EHR without a decision of this trail; return the review's day and how many.

    Raises InvalidInput, Refused (the attempt is recorded) for signers who may not or a second baseline, TrailDamaged,
    EhrUnavailable, EhrRefused, CannotTell.
    """
    known, address = known_of(context), context.ehr.address
    looks = looks_of(context, progress).values()
    plans = [
        {"resource": one.resource, "version": one.version, "person": one.person}
        for one in sorted(looks, key=lambda one: one.resource)
        if not one.over and one.resource not in known.shares
    ]
    day = context.now().astimezone(context.settings.zone).date() + timedelta(days=days)
    body = {"ehr": address, "plans": plans, "review_by": day.isoformat()}
    plain = {"ehr": address, "plans": len(plans), "review_by": day.isoformat()}
    matter = Matter(BASELINE, body, of_two=True, plain=plain)
    sign_off(context, matter, signer, second, actor=actor, fault=lambda tx: _one_only(tx, address))
    return day.isoformat(), len(plans)


def _one_only(tx: Transaction, ehr: str) -> Refusal | None:
    day = baseline_day(tx, ehr)
    if not day:
        return None
    said = "This EHR has its baseline already: what came after it is a finding, and each one is looked at."
    return Refusal("baseline-there", said, "baseline")
