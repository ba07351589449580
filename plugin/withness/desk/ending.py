"""What follows from a release: the protocol's resources in the EHR end, and plans it had paused become active again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, instant
from withness.core.acts import ActKind, of
from withness.core.gate import MemberDecision
from withness.core.holds import CONJOINT, RESUME
from withness.core.terms import Acuity
from withness.desk.acts import acts_of
from withness.desk.changes import ACTIVE, change_plan, chart_state, plans_of, shared
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue
from withness.store.rows import PlanState, Sending
from withness.store.transaction import Transaction

RELEASED: Final = "released"
_HOWS: Final = {"Flag": "flag-ended", "CarePlan": "completed", "DetectedIssue": "mitigated", "Task": "task-ended"}
"""How each resource of a directive protocol ends; an assessment that was made stays as it is."""


def end_protocol(
    tx: Transaction, context: Context, person: str, domain: str, reason: str, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Queue the end of a protocol's resources in the EHR; the Flag waits for the last protocol opened with it."""
    acts = acts_of(tx, person)
    opened = {one.id: one.body["domain"] for one in of(acts, ActKind.OPENED)}
    released = {one.body["domain"]: one.at for one in of(acts, ActKind.RELEASED)}
    began = {one.id: one.at for one in of(acts, ActKind.OPENED)}
    rows = []
    for content in tx.directives(person):
        mine = content["episodes"]
        if domain not in [opened.get(one) for one in mine]:
            continue
        if all(released.get(opened[one], began[one]) > began[one] for one in mine if one in opened):
            changes = [found for entry in content["bundle"]["entry"] for found in _change(entry, actor, at)]
            id, record = enqueue(
                tx,
                context,
                actor,
                at,
                kind=Sending.CHANGE,
                person=person,
                plan="",
                record=Kind.PROTOCOL_RELEASED,
                content={"changes": changes},
            )
            context.record(tx, actor, at, record)
            rows.append(id)
    return tuple(rows)


def _change(entry: Mapping[str, Any], actor: Actor, at: datetime) -> list[Mapping[str, Any]]:
    kind = entry["resource"]["resourceType"]
    if kind not in _HOWS:
        return []
    change = {"reference": entry["request"]["url"], "how": _HOWS[kind], "at": instant(at), "author": actor.ref}
    texts = {"DetectedIssue": "Released", "Task": "The protocol has ended", "CarePlan": "The protocol has ended"}
    extra = {"status": "completed"} if kind == "Task" else {"code": RELEASED} if kind == "DetectedIssue" else {}
    return [{**change, "note": texts.get(kind, ""), **extra}]


def resume_plans(
    tx: Transaction, context: Context, member: MemberDecision, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Make this person's paused plans active again once nothing of theirs is acute (I4: only the release does)."""
    if member.acuity is Acuity.ACUTE:
        return ()
    rows = []
    for plan in plans_of(tx, member.person, *ACTIVE):
        if chart_state(plan, member.person) != PlanState.ON_HOLD or not _may_resume(tx, plan, member.person):
            continue
        id, record = change_plan(tx, context, plan, member.person, "active", actor, at, note=context.policy.resume_note)
        context.record(tx, actor, at, record)
        rows.append(id)
    return tuple(rows)


def _may_resume(tx: Transaction, plan: Any, person: str) -> bool:
    """Conjoint work resumes only by the conjoint-suitability decision; a person's own plan by their release."""
    if not shared(plan):
        return True
    said = [one for one in of(acts_of(tx, person), ActKind.EVIDENCE) if one.body["need"] == CONJOINT]
    return not said or said[-1].body["fields"].get("decision") == RESUME
