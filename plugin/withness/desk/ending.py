"""What follows from a release: the protocol's resources in the EHR end, and plans it had paused become active again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, instant
from withness.core.acts import ActKind, of
from withness.core.episodes import episodes
from withness.core.gate import MemberDecision
from withness.core.terms import Acuity
from withness.desk.acts import acts_of
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue, move
from withness.desk.shares import ACUTE, lift
from withness.store.rows import OPEN, Delivery, OutboxRow, Sending
from withness.store.transaction import Transaction

RELEASED: Final = "released"
ERROR: Final = "entered-in-error"
_ENDS: Final = {"Flag": "flag-ended", "CarePlan": "completed", "DetectedIssue": "mitigated", "Task": "task-ended"}
"""How each resource of a released protocol ends; an assessment that was made stays as it is."""
_MISTAKEN: Final = dict.fromkeys(("Flag", "CarePlan", "DetectedIssue", "RiskAssessment", "GuidanceResponse"), ERROR)
"""What was opened by a mistake was entered in error; only its tasks are cancelled."""
_TEXTS: Final = {"DetectedIssue": "Released", "CarePlan": "The protocol has ended"}
_UNDONE: Final = {
    "declined-by-client": "The protocol has ended; the client declined this step",
    "not-applicable": "The protocol has ended; this step did not apply",
}


def end_protocol(
    tx: Transaction, context: Context, person: str, domain: str, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Queue the end of a protocol's resources in the EHR; the Flag waits for the last protocol opened with it."""
    acts = acts_of(tx, person)
    opened = {one.id: one.body["domain"] for one in of(acts, ActKind.OPENED)}
    released = {one.body["domain"]: one.at for one in of(acts, ActKind.RELEASED)}
    began = {one.id: one.at for one in of(acts, ActKind.OPENED)}
    rows: list[str] = []
    for row in tx.directives(person):
        mine = [one for one in row.content["episodes"] if one in opened]
        if domain not in [opened[one] for one in mine]:
            continue
        if all(released.get(opened[one], began[one]) > began[one] for one in mine):
            rows.extend(_end(tx, context, row, actor, at, mistaken=False))
    return tuple(rows)


def _end(
    tx: Transaction, context: Context, row: OutboxRow, actor: Actor, at: datetime, *, mistaken: bool
) -> tuple[str, ...]:
    """End what a directive put into the EHR; one that still waits is never sent."""
    if row.state in OPEN:
        move(tx, context, row, Delivery.REPLACED, actor, Kind.PROTOCOL_OPENED, "ended-before-it-was-sent")
    clinician = actor.ref if actor.ref.startswith(_CLINICIANS) else row.content["responsible"]
    known = episodes(context.policy, acts_of(tx, row.content["person"]), at)
    steps = {step.due.step.text: step.state for one in known for step in one.steps}
    entries = list(row.content["bundle"]["entry"])
    changes = [found for entry in entries for found in _change(entry, clinician, at, steps, mistaken=mistaken)]
    id, record = enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.CHANGE,
        person=row.content["person"],
        plan="",
        record=Kind.PROTOCOL_RELEASED,
        content={"changes": changes},
        ehr=row.ehr,
    )
    context.record(tx, actor, at, record)
    return (id,)


_CLINICIANS: Final = ("Practitioner/", "PractitionerRole/")


def _change(
    entry: Mapping[str, Any], clinician: str, at: datetime, steps: Mapping[str, str], *, mistaken: bool
) -> list[Mapping[str, Any]]:
    resource = entry["resource"]
    kind = resource["resourceType"]
    hows = {**_MISTAKEN, "Task": "task-ended"} if mistaken else _ENDS
    if kind not in hows:
        return []
    # R4: a DetectedIssue's mitigation may name a role, a note's author may not.
    author = clinician if kind == "DetectedIssue" or clinician.startswith("Practitioner/") else ""
    change = {"reference": entry["request"]["url"], "how": hows[kind], "at": instant(at), "author": author}
    note, extra = _TEXTS.get(kind, ""), {"code": RELEASED} if kind == "DetectedIssue" else {}
    if kind == "Task":
        done = not mistaken and steps.get(resource["code"]["text"]) == "done"
        undone = _UNDONE.get(steps.get(resource["code"]["text"], ""), "The protocol has ended; not recorded as done")
        note = "Entered in error" if mistaken else "The protocol has ended" if done else undone
        extra = {"status": "completed" if done else "cancelled"}
    return [{**change, "note": note, **extra}]


def lift_acute(
    tx: Transaction, context: Context, member: MemberDecision, aliases: Iterable[str], actor: Actor, at: datetime
) -> tuple[str, ...]:
    """End the pause of this person's plans, under each of their ids, once nothing of theirs is acute (contracts I4)."""
    if any(one.acuity is Acuity.ACUTE for one in member.findings):
        return ()
    found: list[str] = []
    for person in (member.person, *aliases):
        rows, records = lift(tx, context, person, ACUTE, context.policy.resume_note, actor, at)
        context.record(tx, actor, at, *records)
        found.extend(rows)
    return tuple(found)


def end_corrected(
    tx: Transaction, context: Context, member: MemberDecision, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """End what an entry error or a retraction leaves open: protocols of domains that are acute no longer."""
    acute = {one.domain for one in member.findings if one.acuity is Acuity.ACUTE}
    ended: list[str] = []
    for row in tx.directives(member.person):
        mine = row.content["episodes"]
        domains = {one.body["domain"] for one in acts_of(tx, member.person) if one.id in mine}
        if domains.isdisjoint(acute):
            ended.extend(_end(tx, context, row, actor, at, mistaken=True))
    return tuple(ended)
