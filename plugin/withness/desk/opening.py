"""What follows at once from an acute finding: the directive protocol opens, and active plans go on hold (I4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, Record, instant
from withness.core.acts import ActKind, of
from withness.core.gate import MemberDecision
from withness.core.people import People
from withness.core.protocol import Episode, due_steps, steps
from withness.core.terms import HOLDING, Acuity, Purpose, UnitKind, worst
from withness.desk import standing
from withness.desk.acts import Signatures, act_at, enrolled, write
from withness.desk.context import Actor, Context
from withness.desk.ending import protocol_open
from withness.desk.facts import Facts
from withness.desk.outbox import enqueue
from withness.desk.shares import hold_plans
from withness.fhir.provenance import VIOLENCE
from withness.fhir.risk_resources import Opening, directive_transaction
from withness.store.rows import Sending
from withness.store.transaction import Transaction

NOBODY: Final = Signatures()


@dataclass(frozen=True)
class Followed:
    """What was written: the outbox rows to send once the transaction is durable, and the records to append."""

    rows: tuple[str, ...]
    records: tuple[Record, ...]


def follow(
    tx: Transaction, context: Context, answered: standing.Answered, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Open what the decision calls for, for each member on their own; return the outbox rows to send."""
    rows: list[str] = []
    for member in answered.decision.members:
        one = _follow_member(tx, context, answered, member, actor, at)
        if one.records:
            context.record(tx, actor, at, *one.records)
        rows.extend(one.rows)
    return tuple(rows)


@dataclass(frozen=True)
class Resumable:
    """Whether what paused one person's plans is over, as the gate sees it now; `intact`: the trail bears it out."""

    answered: standing.Answered
    held: bool

    @property
    def intact(self) -> bool:
        """Whether the trail is whole, and the person's screens and acts are those that it names."""
        return self.answered.intact


def resumable(tx: Transaction, context: Context, person: str, known: Mapping[str, Facts], at: datetime) -> Resumable:
    """Ask the gate whether anything of a person is acute, or a protocol of theirs stands open. Writes nothing."""
    rows = tx.readable_screens(person)[0]
    encounter = standing.screen_of(rows[-1]).encounter if rows else None
    question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, encounter, known)
    answered = standing.ask(tx, context, question, at=at, id=context.new_id())
    [member] = answered.decision.members
    acute = any(one.acuity is Acuity.ACUTE for one in member.findings)
    newest = max((row.number for row in answered.screens[person]), default=0)
    return Resumable(answered, acute or protocol_open(answered.acts[person], newest))


def hold_again(
    tx: Transaction, context: Context, found: Resumable, person: str, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Open what the gate calls for now, and pause the person's plans; return the outbox rows to send."""
    opened = follow(tx, context, found.answered, actor, at)
    rows, records = hold_plans(tx, context, person, actor, at)
    context.record(tx, actor, at, *records)
    return (*opened, *rows)


def _follow_member(
    tx: Transaction,
    context: Context,
    answered: standing.Answered,
    member: MemberDecision,
    actor: Actor,
    at: datetime,
) -> Followed:
    acute = standing.newest(answered, member.person, Acuity.ACUTE)
    sources = {domain: one.id for domain, one in acute.items()}
    raised, records = _raise_by_chart(tx, context, answered, member, actor, at)
    sources |= raised
    acts = answered.acts[member.person]
    over = {one.body["domain"]: one.number for one in of(acts, ActKind.RELEASED)}
    opened = {
        one.body["domain"]: one.body["screen"]
        for one in of(acts, ActKind.OPENED)
        if one.number > over.get(one.body["domain"], 0)
    }
    fresh = {domain: source for domain, source in sources.items() if opened.get(domain) != source}
    rows: tuple[str, ...] = ()
    for one in (member.person, *answered.inputs[member.person]["aliases"]) if sources else ():
        held, holding = hold_plans(tx, context, one, actor, at)
        rows, records = (*rows, *held), (*records, *holding)
    if not fresh:
        return Followed(rows, records)
    responsible = _responsible(context, answered, member.person, actor)
    backup = backup_now(tx, context)(responsible)
    episodes = []
    for domain, source in fresh.items():
        episode, record = _open(tx, context, member, domain, source, responsible, backup, actor, at)
        episodes.append(episode)
        records = (*records, record)
    opened_rows, sent = _put_into_ehr(tx, context, answered, member, tuple(episodes), actor, at)
    return Followed((*rows, *opened_rows), (*records, *sent))


def _raise_by_chart(
    tx: Transaction,
    context: Context,
    answered: standing.Answered,
    member: MemberDecision,
    actor: Actor,
    at: datetime,
) -> tuple[dict[str, str], tuple[Record, ...]]:
    """Make an act of each result that raised: a finding, once recorded, outlives what it was read from."""
    told = {(one.domain, one.acuity) for one in member.findings if one.item == "chart-evidence"}
    acute, records = {}, []
    for seen in answered.inputs[member.person]["chart"]:
        acuity = Acuity(seen["acuity"])
        if acuity not in HOLDING or (seen["domain"], acuity) not in told:
            continue
        body = {"domain": seen["domain"], "acuity": acuity.value, "source": "chart", "observation": seen["id"]}
        act = act_at(at, context, ActKind.RAISED, member.person, {**body, "reason": ""}, NOBODY)
        records.append(write(tx, context, actor, act))
        if acuity is Acuity.ACUTE:
            acute[seen["domain"]] = act.id
    return acute, tuple(records)


def _responsible(context: Context, answered: standing.Answered, person: str, actor: Actor) -> str:
    """The clinician who asked; else who acts; else who is on call."""
    rows = answered.screens[person]
    author = standing.screen_of(rows[-1]).author if rows else None
    named = (author or "", actor.ref, context.settings.on_call)
    return next((one for one in named if one.startswith(("Practitioner/", "PractitionerRole/"))), "")


def backup_now(tx: Transaction, context: Context) -> Callable[[str], str]:
    """Return what tells who would be the backup now of a responsible clinician."""
    return lambda responsible: _backup(context, enrolled(tx), responsible)


def _backup(context: Context, people: People, responsible: str) -> str:
    """Who is on call, else the supervisor who was enrolled first; never the responsible clinician."""
    supervisors = (one.ref for one in people.values() if one.active and "supervisor" in one.roles)
    named = (context.settings.on_call, *supervisors)
    return next((one for one in named if one and one != responsible), "")


def _open(
    tx: Transaction,
    context: Context,
    member: MemberDecision,
    domain: str,
    source: str,
    responsible: str,
    backup: str,
    actor: Actor,
    at: datetime,
) -> tuple[Episode, Record]:
    called = tuple(one for one in steps(context.policy, member) if one.domain == domain)
    if not called:
        called = tuple(one for found in context.policy.domains if found.id == domain for one in found.directive)
    due = due_steps(called, at, context.policy.times, context.settings.zone)
    body = {
        "domain": domain,
        "screen": source,
        "responsible": responsible,
        "backup": backup,
        "steps": [{"step": one.step.id, "due": instant(one.due)} for one in due],
    }
    act = act_at(at, context, ActKind.OPENED, member.person, body, NOBODY)
    episode = Episode(act.id, member.person, domain, at, source, responsible, backup, due)
    return episode, write(tx, context, actor, act)


def _put_into_ehr(
    tx: Transaction,
    context: Context,
    answered: standing.Answered,
    member: MemberDecision,
    episodes: tuple[Episode, ...],
    actor: Actor,
    at: datetime,
) -> tuple[tuple[str, ...], tuple[Record, ...]]:
    """Queue the directive's resources; somebody who is no patient stays inside Withness (contracts)."""
    if not member.person.startswith("Patient/"):
        return (), ()
    domains = context.policy.domains
    opening = Opening(
        episodes=episodes,
        findings=_worst(member, tuple(one.id for one in domains)),
        recorded=at,
        organization=context.settings.organization,
        demo=answered.decision.demo,
        enforces_labels=context.settings.ehr_enforces_labels,
        policy_version=context.policy.version,
        decision_id=context.new_id(),
        inside=frozenset({VIOLENCE, *(one.id for one in domains if one.sensitivity == "SDV")}),
    )
    bundle = directive_transaction(opening, {one.id: one.title for one in domains})
    content: Mapping[str, Any] = {
        "bundle": bundle,
        "episodes": [one.id for one in episodes],
        "responsible": episodes[0].responsible,
    }
    id, record = enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.DIRECTIVE,
        person=member.person,
        plan=member.person,
        record=Kind.PROTOCOL_OPENED,
        content=content,
    )
    return (id,), (replace(record),)


def _worst(member: MemberDecision, domains: tuple[str, ...]) -> tuple[tuple[str, Acuity], ...]:
    found = {domain: [one.acuity for one in member.findings if one.domain == domain] for domain in domains}
    return tuple((domain, worst(acuities)) for domain, acuities in found.items() if acuities)
