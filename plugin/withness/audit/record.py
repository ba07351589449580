"""Audit records: what is written down, its canonical bytes, and the search columns derived from them.

The stored body is RFC 8785 JSON, made once and hashed as stored:

    {"actor":"Practitioner/p1","asserted":true,"at":"2026-11-22T09:00:00.000000Z","clock":"ok",
     "details":{…},"kind":"gate.decided","nonce":"…","os_user":"…","outcome":"released",
     "patient":"Patient/rosa","policy":"<sha-256>","reason":null,"request":null,"second_actor":null,
     "segment":0,"seq":4,"v":1}

A body never holds an answer, a client's word or a reason's text: digests of sealed rows stand for them.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from withness.audit import plain_json
from withness.audit.merkle import leaf_hash
from withness.errors import CannotTell

FORMAT: Final = 1
_NONCE_BYTES: Final = 16


class Kind(StrEnum):
    """The kinds of record (contracts: audit record kinds)."""

    SCREEN_RECORDED = "screen.recorded"
    SCREEN_CORRECTED = "screen.corrected"
    SCREEN_RETRACTED = "screen.retracted"
    GATE_DECIDED = "gate.decided"
    PLAN_HELD = "plan.held"
    PLAN_APPROVED = "plan.approved"
    PLAN_SENT = "plan.sent"
    PLAN_CONFIRMED = "plan.confirmed"
    PLAN_FAILED = "plan.failed"
    PLAN_ON_HOLD = "plan.on-hold"
    PLAN_CLOSED = "plan.closed"
    PLAN_RETRACTED = "plan.retracted"
    PROTOCOL_OPENED = "protocol.opened"
    PROTOCOL_STEP = "protocol.step"
    PROTOCOL_RELEASED = "protocol.released"
    ASSESSMENT_RECORDED = "assessment.recorded"
    OVERRIDE_GRANTED = "override.granted"
    OVERRIDE_REFUSED = "override.refused"
    ACUITY_RAISED = "acuity.raised"
    CHECKIN_RECORDED = "checkin.recorded"
    GOAL_UPDATED = "goal.updated"
    NOTE_SAVED = "note.saved"
    ACTOR_CHANGED = "actor.changed"
    POLICY_CHANGED = "policy.changed"
    TRAIL_VIEWED = "trail.viewed"
    TRAIL_EXPORTED = "trail.exported"
    TRAIL_VERIFIED = "trail.verified"
    TRAIL_SIGNED_OFF = "trail.signed-off"
    SWEEP_FINDING = "sweep.finding"
    KEY_ROTATED = "key.rotated"


@dataclass(frozen=True)
class Record:
    """One thing that happened. `details` holds ids, counts, codes and digests only.

    `asserted`: who acted is what they said; signed acts are not merely asserted.
    """

    kind: Kind
    actor: str
    os_user: str
    patient: str | None = None
    outcome: str | None = None
    reason: str | None = None
    second_actor: str | None = None
    policy: str | None = None
    request: str | None = None
    asserted: bool = True
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Leaf:
    """A record as the store keeps it: its bytes, their leaf hash, and copies of some fields for search."""

    seq: int
    segment: int
    leaf_hash: bytes
    body: bytes
    recorded_at: str
    kind: str
    actor: str
    second_actor: str | None
    patient: str | None
    outcome: str | None
    reason_code: str | None
    policy_hash: str | None
    request_id: str | None
    v: int


def instant(at: datetime) -> str:
    """Return `at` in UTC to the microsecond, in the one spelling that records use."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Return the time that `instant` wrote. Raises ValueError for another spelling."""
    at = datetime.fromisoformat(text)
    if instant(at) != text:
        raise ValueError("the time does not match its one spelling")
    return at


def canonical(value: Any) -> bytes:
    """Return `value` in canonical JSON (RFC 8785). Raises ValueError for what has no such form."""
    with contextlib.suppress(ValueError):  # what cannot be written is refused below, in one place
        written = plain_json.canonical_if_plain(value)
        if written is not None:
            return written
    import rfc8785

    return rfc8785.dumps(value)


LAST: Final = 2**63 - 1
"""The largest number that a database holds: after a record that somebody put there nothing can be appended."""


class NoRoom(CannotTell):
    """A record with the largest number lies in the trail: nothing can be recorded after it (exit 7)."""

    code = "no-room"

    def __init__(self) -> None:
        super().__init__(
            "Somebody put a record with the largest number into the audit trail: nothing can be recorded or was saved.",
            hint="Run: withness audit verify. Keep this directory as it is, and go on with a backup that verifies.",
        )


def make_leaf(record: Record, *, seq: int, segment: int, at: datetime, clock: str) -> Leaf:
    """Return the leaf for `record` at its place; a random nonce keeps its hash unguessable."""
    value: dict[str, Any] = {
        "v": FORMAT,
        "seq": seq,
        "segment": segment,
        "at": instant(at),
        "clock": clock,
        "kind": record.kind.value,
        "actor": record.actor,
        "asserted": record.asserted,
        "os_user": record.os_user,
        "second_actor": record.second_actor,
        "patient": record.patient,
        "outcome": record.outcome,
        "reason": record.reason,
        "policy": record.policy,
        "request": record.request,
        "nonce": secrets.token_hex(_NONCE_BYTES),
        "details": dict(record.details),
    }
    try:
        body = canonical(value)
    except ValueError:
        if seq <= plain_json.LARGEST:
            raise
        body = plain_json.by_name(value)  # after a row whose number somebody forged; the log is damaged anyway
    return Leaf(leaf_hash=leaf_hash(body), body=body, **columns(value))


def columns(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the search columns that a body's value stands for. Raises KeyError when a field is missing."""
    return {
        "seq": value["seq"],
        "segment": value["segment"],
        "recorded_at": value["at"],
        "kind": value["kind"],
        "actor": value["actor"],
        "second_actor": value["second_actor"],
        "patient": value["patient"],
        "outcome": value["outcome"],
        "reason_code": value["reason"],
        "policy_hash": value["policy"],
        "request_id": value["request"],
        "v": value["v"],
    }


def details_of(leaf: Leaf) -> Mapping[str, Any]:
    """Return what a stored record details, nothing where its bytes are not a record."""
    try:
        found = json.loads(leaf.body)["details"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def damage_of(leaf: Leaf) -> str | None:
    """Return what is wrong with one stored leaf on its own, None when its parts agree."""
    if not isinstance(leaf.body, bytes) or not isinstance(leaf.leaf_hash, bytes):
        return "it is not stored as bytes, as every record is"
    if leaf.leaf_hash != leaf_hash(leaf.body):
        return "its bytes do not fit its hash"
    try:
        value = json.loads(leaf.body)
        if canonical(value) != leaf.body:
            return "its bytes are not canonical"
        derived = columns(value)
    except (ValueError, KeyError, TypeError, RecursionError):
        return "its bytes are not a record"
    for name, wanted in derived.items():
        stored = getattr(leaf, name)
        if stored != wanted or type(stored) is not type(wanted):
            return f"its column {name} does not say what its bytes say"
    return None
