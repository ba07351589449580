"""What follows from a release: the protocol's resources in the EHR end, and plans it had paused become active again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, instant
from withness.core.acts import ActKind, Acts, of
from withness.core.episodes import episodes
from withness.core.gate import MemberDecision
from withness.core.terms import Acuity
from withness.desk.acts import acts_of
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue, move
from withness.desk.shares import ACUTE, lift
from withness.fhir import codes
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


def end_over(tx: Transaction, context: Context, people: Iterable[str], actor: Actor, at: datetime) -> tuple[str, ...]:
    """Queue the end of every resource whose protocols are over: released, or opened by what was entered in error.

    A resource of several protocols, and the Flag of them all, waits for the last one.
    """
    rows: list[str] = []
    same = tuple(people)
    acts = tuple(sorted((one for who in same for one in acts_of(tx, who)), key=lambda one: one.number))
    newest = max((row.number for who in same for row in tx.readable_screens(who)[0]), default=0)
    for person in same:
        for row in tx.directives(person):
            over = {one: how for one in row.content["episodes"] if (how := _over(acts, one, newest))}
            if over:
                rows.extend(_end(tx, context, row, over, actor, at))
    return tuple(rows)


def protocol_open(acts: Acts, newest: int) -> bool:
    """Whether a protocol that was opened is not over; `newest` is the number of the person's newest screen."""
    return any(not _over(acts, one.id, newest) for one in of(acts, ActKind.OPENED))


def _over(acts: Acts, episode: str, newest: int) -> str:
    """Return how a protocol ended ("released", "mistaken"), "" while it stands.

    What a retracted screen began ends with the fresh screen that the retraction asks for.
    """
    opened = next((one for one in of(acts, ActKind.OPENED) if one.id == episode), None)
    if opened is None:
        return ""
    source = opened.body["screen"]
    for one in of(acts, ActKind.ENTRY_ERROR, ActKind.RETRACTED):
        if one.body["screen"] == source and (one.kind is ActKind.ENTRY_ERROR or newest > one.number):
            return "mistaken"
    domain = opened.body["domain"]
    released = (one for one in of(acts, ActKind.RELEASED) if one.body["domain"] == domain)
    return "released" if any(one.number > opened.number for one in released) else ""


def _end(
    tx: Transaction, context: Context, row: OutboxRow, over: Mapping[str, str], actor: Actor, at: datetime
) -> tuple[str, ...]:
    """End what a directive put into the EHR, each resource once; one that still waits is never sent."""
    all_over = set(over) == set(row.content["episodes"])
    if row.state in OPEN and all_over:
        move(tx, context, row, Delivery.REPLACED, actor, Kind.PROTOCOL_OPENED, "ended-before-it-was-sent")
    before = set(row.content.get("ended", ()))
    entries = [one for one in row.content["bundle"]["entry"] if one["request"]["url"] not in before]
    due = [(one, hows) for one in entries if (hows := _hows(one["resource"], row, over))]
    clinician = actor.ref if actor.ref.startswith(_CLINICIANS) else row.content["responsible"]
    known = episodes(context.policy, acts_of(tx, row.content["person"]), at)
    steps = {step.due.step.text: step.state for one in known for step in one.steps}
    changes = [
        found for one, hows in due for found in _change(one, clinician, at, steps, mistaken="released" not in hows)
    ]
    if not changes:
        return ()
    ended = sorted({*before, *(one["request"]["url"] for one, _ in due)})
    now = tx.outbox(row.decision_id) or row
    tx.put_outbox(replace(now, content={**now.content, "ended": ended}))
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


def _hows(resource: Mapping[str, Any], row: OutboxRow, over: Mapping[str, str]) -> set[str]:
    """Return how the protocols of one resource ended, nothing while one of them stands."""
    marks = {one.get("value") for one in resource.get("identifier", ()) if one.get("system") == codes.PROTOCOL}
    mine = marks & set(row.content["episodes"]) or set(row.content["episodes"])
    return {over[one] for one in mine} if mine <= over.keys() else set()


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
