"""Where the gate is asked: screens re-read under the lock, one decision, its sealed reasons, its records.

Only plan save, the answer to a recorded screen, the delivery's second look and the verifier come here
(an import contract says so): nothing else can be blocked by the gate.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from withness.audit import log
from withness.audit.record import Kind, Record, canonical, instant, moment
from withness.core import gate
from withness.core.gate import Decision, MemberDecision
from withness.core.reading import Circumstance
from withness.core.risk import RiskPolicy, Screen
from withness.core.terms import Purpose, UnitKind
from withness.desk.context import Actor, Context
from withness.fhir.answers import screen_from_canonical
from withness.store.rows import DecisionRow, ScreenRow
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Question:
    """What the gate is asked: for whom together, for what, in which encounter.

    `birth_dates` are what the chart proves, read before the transaction (nothing remote happens inside).
    """

    kind: UnitKind
    members: tuple[str, ...]
    purpose: Purpose
    encounter: str | None
    birth_dates: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True)
class Answered:
    """A decision, and each member's inputs as they are sealed."""

    decision: Decision
    inputs: Mapping[str, Mapping[str, Any]]
    screens: Mapping[str, tuple[ScreenRow, ...]]

    @property
    def intact(self) -> bool:
        """Whether every member's screens are those that the trail names."""
        return all(one["intact"] for one in self.inputs.values())


def ask(
    tx: Transaction, context: Context, question: Question, *, at: datetime, id: str, newest: datetime | None = None
) -> Answered:
    """Re-read every member's screens and decide. Writes nothing.

    `newest` is the trail's newest time where the caller has added to the trail since it was asked for. Raises
    SealBroken for an unreadable screen.
    """
    rows = {member: tx.screens(member) for member in question.members}
    newest, whole = newest or log.newest_time(tx), not log.broken(tx)
    inputs = {
        member: {
            "person": member,
            "kind": question.kind.value,
            "shared": len(question.members) > 1,
            "purpose": question.purpose.value,
            "encounter": question.encounter,
            "at": instant(at),
            "zone": context.settings.time_zone,
            "not_before": instant(newest) if newest else None,
            "birth_date": question.birth_dates[member].isoformat() if member in question.birth_dates else None,
            "screens": [row.id for row in rows[member]],
            "intact": whole and tx.recorded_screens(member) == tuple(row.id for row in rows[member]),
        }
        for member in question.members
    }
    members = tuple(redecide(context.policy, inputs[member], rows[member]) for member in question.members)
    decision = Decision(
        id=id,
        kind=question.kind,
        members=members,
        purpose=question.purpose,
        at=at,
        policy_version=context.policy.version,
        policy_digest=context.policy.digest,
        demo=context.policy.demo,
    )
    return Answered(decision, inputs, rows)


def redecide(policy: RiskPolicy, inputs: Mapping[str, Any], rows: Sequence[ScreenRow]) -> MemberDecision:
    """Decide one person's part from recorded inputs alone: the save path and the verifier share this."""
    about = Circumstance(
        purpose=Purpose(inputs["purpose"]),
        encounter=inputs["encounter"],
        at=moment(inputs["at"]),
        zone=ZoneInfo(inputs["zone"]),
        shared=inputs["shared"],
        not_before=moment(inputs["not_before"]) if inputs["not_before"] else None,
        birth_date=date.fromisoformat(inputs["birth_date"]) if inputs["birth_date"] else None,
        intact=inputs["intact"],
    )
    return gate.decide_member(policy, inputs["person"], tuple(screen_of(row) for row in rows), (), about)


def screen_of(row: ScreenRow) -> Screen:
    """Return the screen that a row holds."""
    return screen_from_canonical(row.content["answers"], id=row.id)


def keep(tx: Transaction, answered: Answered, actor: Actor, *, request: str | None = None) -> tuple[Record, ...]:
    """Seal each member's decision and return the records that stand for it, one per member (contracts I8)."""
    records = []
    for member in answered.decision.members:
        content = {"inputs": dict(answered.inputs[member.person]), "outcome": outcome(member)}
        salt = secrets.token_hex(16)
        tx.put_decision(DecisionRow(answered.decision.id, member.person, {"salt": salt, **content}))
        records.append(
            Record(
                kind=Kind.GATE_DECIDED,
                actor=actor.ref,
                os_user=actor.os_user,
                patient=member.person,
                outcome=member.name,
                policy=answered.decision.policy_digest,
                request=request,
                details={
                    "decision": answered.decision.id,
                    "digest": digest(salt, content),
                    "screen": member.screen,
                    "demo": answered.decision.demo,
                },
            )
        )
    return tuple(records)


def outcome(member: MemberDecision) -> dict[str, Any]:
    """Return a member's decision with every reason, as JSON values."""
    return {
        "decision": member.name,
        "by": member.by,
        "findings": [one.said() for one in member.findings],
        "missing": list(member.missing),
        "conditions": list(member.conditions),
        "screen": member.screen,
        "expires": instant(member.expires) if member.expires else None,
    }


def digest(salt: str, content: Mapping[str, Any]) -> str:
    """Return SHA-256(salt || canonical content) in hex: what a record holds in the content's place."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(dict(content))).hexdigest()
