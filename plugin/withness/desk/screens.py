"""Recording a risk screen, and the standing decision on a person or a unit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from withness.audit import log
from withness.audit.record import Kind, Record, instant
from withness.audit.words import many
from withness.core.acts import ActKind
from withness.core.gate import Decision
from withness.core.judgement import SCREEN
from withness.core.risk import Fault, Screen
from withness.core.terms import Purpose, UnitKind
from withness.desk import facts, opening, standing
from withness.desk.acts import acts_of
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.dispatch import dispatch
from withness.desk.ending import end_over, lift_acute
from withness.desk.paused import paused
from withness.desk.shares import unreadable
from withness.fhir.answers import canonical_answers, read_screen
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Decided:
    """A recorded decision, and a sentence for each thing that follows from it and could not be sent yet.

    `paused`: what an acute finding has just paused, keeps paused or no longer does, in sentences for who asked about
    this one person.
    """

    decision: Decision
    troubles: tuple[str, ...] = ()
    paused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Incoming:
    """A screen as it comes in: the resource, what was unreadable in its file, and why it is entered late."""

    resource: Mapping[str, Any]
    blemishes: tuple[str, ...] = ()
    late_reason: str = ""

    def read(self, context: Context, id: str, recorded: Any) -> Screen:
        """Return the screen. Raises InvalidInput when its subject cannot be read."""
        screen = read_screen(self.resource, context.policy, id=id, recorded=recorded)
        faults = tuple(Fault("file", f"the file cannot be read as it is: {one}", whole=True) for one in self.blemishes)
        return replace(screen, faults=(*screen.faults, *faults))


def record(
    context: Context, resource: Mapping[str, Any], actor: Actor, *, blemishes: tuple[str, ...] = (), late: str = ""
) -> Decided:
    """Record a screen and decide for a new individual plan in the screen's own encounter.

    A screen whose person can be read is always recorded, whatever else is wrong with it; `blemishes` are what
    was unreadable in its file, `late` why it is entered late. An acute finding opens its protocol and puts active
    plans on hold in the same transaction. Raises InvalidInput only when it is no QuestionnaireResponse or its
    subject cannot be read, CannotTell when it cannot be made durable.
    """
    incoming, id, decision_id = Incoming(resource, blemishes, late), context.new_id(), context.new_id()
    person = incoming.read(context, id, context.now()).person

    def first(tx: Transaction) -> tuple[Screen, datetime | None, tuple[str, ...]]:
        newest = log.newest_time(tx)
        screen = keep(tx, context, incoming, actor, id)
        asked = question(screen, {screen.person: facts.Facts(reached=False)})
        answered = standing.ask(tx, context, asked, at=context.now(), id=decision_id, newest=newest)
        return screen, newest, opening.follow(tx, context, answered, actor, context.now())

    # Nothing stands between an acute screen and its record, its protocol and its hold: the EHR is asked afterwards.
    screen, newest, held = context.commit(first, lambda tx: tx.screen(id) is not None, people=(person,))
    troubles = send(context, held, actor)
    known = facts.gather(context, (screen.person,))

    def second(tx: Transaction) -> tuple[Decision, tuple[str, ...]]:
        decision, rows = conclude(tx, context, question(screen, known), actor, decision_id, newest=newest)
        return decision, (*rows, *_after_retraction(tx, context, decision, known[screen.person], actor))

    decision, rows = context.commit(
        second, lambda tx: tx.decision(decision_id, person) is not None, people=question(screen, known).people
    )
    troubles = (*troubles, *send(context, rows, actor))
    return Decided(decision, troubles, paused(context, (*held, *rows)))


def question(screen: Screen, known: Mapping[str, facts.Facts]) -> standing.Question:
    """Return what a screen's own answer is asked for: a new individual plan in its own encounter."""
    return standing.Question(UnitKind.INDIVIDUAL, (screen.person,), Purpose.NEW_PLAN, screen.encounter, known)


def _after_retraction(
    tx: Transaction, context: Context, decision: Decision, known: facts.Facts, actor: Actor
) -> tuple[str, ...]:
    """A retraction clears nothing: what it paused goes on with the fresh screen, where nothing else is acute."""
    [member], at = decision.members, context.now()
    retracted = any(one.kind is ActKind.RETRACTED for one in acts_of(tx, member.person))
    if not retracted or not known.reached or any(one.domain == SCREEN for one in member.findings):
        return ()
    people = (member.person, *known.aliases)
    ended = end_over(tx, context, people, actor, at)
    return (*ended, *lift_acute(tx, context, member, known.aliases, actor, at))


def keep(tx: Transaction, context: Context, incoming: Incoming, actor: Actor, id: str) -> Screen:
    """Seal a screen in its row and append its record. The caller goes on in the same transaction."""
    at = context.now()
    screen = incoming.read(context, id, at)
    answers, salt = canonical_answers(screen), secrets.token_hex(16)
    content: dict[str, Any] = {"salt": salt, "answers": answers, "resource": dict(incoming.resource)}
    if incoming.late_reason:
        content["late"] = {"who": actor.ref, "at": instant(at), "why": incoming.late_reason}
    tx.put_screen(screen.id, screen.person, content)
    details = {"screen": screen.id, "digest": digest(salt, answers), "author": screen.author}
    made = Record(
        kind=Kind.SCREEN_CORRECTED if screen.corrects else Kind.SCREEN_RECORDED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=screen.person,
        outcome="unreadable-parts" if screen.faults else "readable",
        policy=context.policy.digest,
        details=details | ({"late": True} if incoming.late_reason else {}),
    )
    context.record(tx, actor, at, made)
    return screen


def conclude(
    tx: Transaction, context: Context, question: standing.Question, actor: Actor, id: str, *, newest: Any = None
) -> tuple[Decision, tuple[str, ...]]:
    """Decide, record the decision, and open what it calls for; return the outbox rows to send afterwards."""
    newest = newest or log.newest_time(tx)
    at = context.now()
    answered = standing.ask(tx, context, question, at=at, id=id, newest=newest)
    context.record(tx, actor, at, *standing.keep(tx, answered, actor))
    return answered.decision, opening.follow(tx, context, answered, actor, at)


def send(context: Context, rows: tuple[str, ...], actor: Actor) -> tuple[str, ...]:
    """Send what follows from a decision now; what cannot be sent waits, and its sentence is returned."""
    if not rows:
        return ()
    troubles = [sent.trouble for sent in (dispatch(context, row, actor) for row in rows) if sent.trouble]
    with context.store.transaction() as tx:
        lost = unreadable(tx)
    said = f"{many(lost, 'plan')} cannot be read here, and so not be paused: look for this person's plans in the EHR."
    return tuple([*troubles, said] if lost else troubles)


def decide(
    context: Context, members: tuple[str, ...], kind: UnitKind, purpose: Purpose, encounter: str | None, actor: Actor
) -> Decided:
    """Return the standing decision and record that it was asked for. Writes no plan. Raises CannotTell."""
    id = context.new_id()
    question = standing.Question(kind, members, purpose, encounter, facts.gather(context, members))
    decision, rows = context.commit(
        lambda tx: conclude(tx, context, question, actor, id),
        lambda tx: tx.decision(id, members[0]) is not None,
        people=question.people,
    )
    return Decided(decision, send(context, rows, actor), paused(context, rows))
