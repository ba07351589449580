"""Where the gate is asked: screens and acts re-read under the lock, one decision, its sealed reasons, its records.

An import contract lists who may come here: nothing else can be blocked by the gate.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from withness.audit import log
from withness.audit.record import Kind, Record, instant, moment
from withness.core import gate
from withness.core.acts import Acts
from withness.core.gate import Decision, MemberDecision
from withness.core.holds import Source, all_sources, sources, standing_of
from withness.core.reading import Circumstance, Reading, Readings
from withness.core.risk import Domain, Observed, Override, RiskPolicy, Screen, Standing
from withness.core.terms import HOLDING, Acuity, Purpose, UnitKind
from withness.desk import gate_inputs
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.facts import Facts
from withness.fhir.answers import screen_from_canonical
from withness.store.rows import DecisionRow, ScreenRow
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Question:
    """What the gate is asked: for whom together, for what, in which encounter.

    `facts` are what the EHR said of each member, asked before the transaction; `in_unit` that somebody asked about
    alone takes part in conjoint work.
    """

    kind: UnitKind
    members: tuple[str, ...]
    purpose: Purpose
    encounter: str | None
    facts: Mapping[str, Facts] = field(default_factory=dict)
    in_unit: bool = False

    @property
    def people(self) -> frozenset[str]:
        """Everybody whose rows the question is about: the members under each of their known ids."""
        return frozenset((*self.members, *(one for known in self.facts.values() for one in known.aliases)))


@dataclass(frozen=True)
class Basis:
    """What one person's part is decided from: recorded inputs, the screens and acts that they name, the policy."""

    policy: RiskPolicy
    about: Circumstance
    history: tuple[Screen, ...]
    acts: Acts

    @cached_property
    def standing(self) -> Standing:
        """What is known of the person beyond what their screens say."""
        return standing_of(self.policy, self.history, self.acts, self.about)

    @cached_property
    def readings(self) -> Readings:
        """What the person's screens say, each read once."""
        return Readings(self.policy, self.standing, self.about)

    @property
    def alone(self) -> Basis:
        """The same of the person alone: whether conjoint work may go on is another question than what is acute."""
        return replace(self, about=replace(self.about, shared=False)) if self.about.shared else self


@dataclass(frozen=True)
class Answered:
    """A decision, each member's inputs as they are sealed, and what they were read from."""

    decision: Decision
    inputs: Mapping[str, Mapping[str, Any]]
    screens: Mapping[str, tuple[ScreenRow, ...]]
    acts: Mapping[str, Acts]
    bases: Mapping[str, Basis]

    @property
    def intact(self) -> bool:
        """Whether every member's screens and acts are those that the trail names."""
        return all(one["intact"] for one in self.inputs.values())


def ask(
    tx: Transaction, context: Context, question: Question, *, at: datetime, id: str, newest: datetime | None = None
) -> Answered:
    """Re-read every member's screens and acts and decide. Writes nothing.

    `newest` is the trail's newest time where the caller has added to the trail since it was asked for. A screen or
    act that does not open is not among those that the trail names, and holds.
    """
    last, trail = newest or log.newest_time(tx), gate_inputs.Trail.of(tx)
    asked = {
        "kind": question.kind.value,
        "shared": len(question.members) > 1,
        "purpose": question.purpose.value,
        "encounter": question.encounter,
        "in_unit": question.in_unit,
        "at": instant(at),
        "zone": context.settings.time_zone,
        "not_before": instant(last) if last else None,
    }
    read = gate_inputs.read(tx, context, {one: question.facts.get(one, Facts()) for one in question.members})
    inputs = {one: {**asked, **gate_inputs.inputs_of(tx, found, trail)} for one, found in read.items()}
    screens = {one: found.screens for one, found in read.items()}
    acts = {one: found.acts for one, found in read.items()}
    bases = {one: basis(context.policy, inputs[one], screens[one], acts[one]) for one in question.members}
    decision = Decision(
        id=id,
        kind=question.kind,
        members=tuple(_decide(one, found) for one, found in bases.items()),
        purpose=question.purpose,
        at=at,
        policy_version=context.policy.version,
        policy_digest=context.policy.digest,
        demo=context.policy.demo,
    )
    return Answered(decision, inputs, screens, acts, bases)


def _seen(said: Mapping[str, Any]) -> Observed:
    return Observed(said["id"], said["domain"], Acuity(said["acuity"]), moment(said["at"]) if said["at"] else None)


def circumstance(inputs: Mapping[str, Any]) -> Circumstance:
    """Return what a decision was asked for, from its recorded inputs."""
    return Circumstance(
        purpose=Purpose(inputs["purpose"]),
        encounter=inputs["encounter"],
        at=moment(inputs["at"]),
        zone=ZoneInfo(inputs["zone"]),
        shared=inputs["shared"],
        not_before=moment(inputs["not_before"]) if inputs["not_before"] else None,
        birth_date=date.fromisoformat(inputs["birth_date"]) if inputs["birth_date"] else None,
        intact=inputs["intact"],
        in_doubt=inputs.get("in_doubt", False),
        aliases=frozenset(inputs["aliases"]),
        chart=tuple(_seen(one) for one in inputs["chart"]),
        chart_reached=inputs["chart_reached"],
        trainee_screens=frozenset(inputs["trainee_screens"]),
        in_unit=inputs["in_unit"],
    )


def basis(policy: RiskPolicy, inputs: Mapping[str, Any], rows: Sequence[ScreenRow], acts: Acts) -> Basis:
    """Return what recorded inputs make of a person's screens and acts."""
    return Basis(policy, circumstance(inputs), tuple(screen_of(row) for row in rows), acts)


def redecide(policy: RiskPolicy, inputs: Mapping[str, Any], rows: Sequence[ScreenRow], acts: Acts) -> MemberDecision:
    """Decide one person's part from recorded inputs alone: the save path and the verifier share this."""
    return _decide(inputs["person"], basis(policy, inputs, rows, acts))


def _decide(person: str, found: Basis) -> MemberDecision:
    return gate.decide_member(found.readings, person, found.history)


def newest(answered: Answered, person: str, acuity: Acuity) -> dict[str, Source]:
    """Return the newest screen or raise that makes each of a person's domains this acute now."""
    on = answered.bases[person].alone
    return sources(on.readings, on.history, acuity)


def holding(answered: Answered, person: str, domains: Collection[str]) -> tuple[Source, ...]:
    """Return every screen and raise by which these domains hold now."""
    on = answered.bases[person].alone
    found = [one for acuity in HOLDING for one in all_sources(on.readings, on.history, acuity)]
    return tuple(one for domain, one in found if domain in domains)


def latest_readings(answered: Answered, person: str, domain: Domain) -> tuple[Reading, ...]:
    """Return what a person's latest screen says in one domain, known history and assessments applied."""
    on = answered.bases[person]
    if not on.history:
        return ()
    return on.readings.of(domain, on.history[-1], latest=True)


def overrides(answered: Answered, person: str) -> tuple[Override, ...]:
    """Return the overrides, spent ones too, that name an item which the latest screen left open for this purpose."""
    on = answered.bases[person]
    latest = on.history[-1].id if on.history else None
    purpose = on.about.purpose.value
    mine = [one for one in on.standing.overrides if one.screen == latest and one.purpose == purpose]
    silent = {
        one.missing
        for domain in on.policy.domains
        for one in (latest_readings(answered, person, domain) if mine else ())
        if one.silent and one.acuity is Acuity.UNKNOWN
    }
    return tuple(one for one in mine if not silent.isdisjoint(one.items))


def screen_of(row: ScreenRow) -> Screen:
    """Return the screen that a row holds."""
    return screen_from_canonical(row.content["answers"], id=row.id, number=row.number)


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
