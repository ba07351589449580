"""Recording a risk screen, and the standing decision on a person or a unit."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from withness.audit import log
from withness.audit.record import Kind, Record
from withness.core.gate import Decision
from withness.core.risk import Fault, Screen
from withness.core.terms import Purpose, UnitKind
from withness.desk import standing
from withness.desk.context import Actor, Context
from withness.errors import WithnessError
from withness.fhir.answers import canonical_answers, read_screen
from withness.store.transaction import Transaction


def record(context: Context, resource: Mapping[str, Any], actor: Actor, *, blemishes: tuple[str, ...] = ()) -> Decision:
    """Record a screen and decide for a new individual plan in the screen's own encounter.

    A screen whose person can be read is always recorded, whatever else is wrong with it; `blemishes` are what
    was unreadable in its file. Raises InvalidInput only when it is no QuestionnaireResponse or its subject
    cannot be read, CannotTell when it cannot be made durable.
    """
    id, decision_id = context.new_id(), context.new_id()
    first = read_screen(resource, context.policy, id=id, recorded=context.now())
    births = birth_dates(context, (first.person,)) if wants_age(context, first) else {}

    def work(tx: Transaction) -> Decision:
        at, newest = context.now(), log.newest_time(tx)
        screen = read_screen(resource, context.policy, id=id, recorded=at)
        faults = tuple(Fault("file", f"the file cannot be read as it is: {one}", whole=True) for one in blemishes)
        screen = replace(screen, faults=(*screen.faults, *faults))
        context.record(tx, actor, at, _keep(tx, context, screen, resource, actor))
        question = standing.Question(UnitKind.INDIVIDUAL, (screen.person,), Purpose.NEW_PLAN, screen.encounter, births)
        answered = standing.ask(tx, context, question, at=at, id=decision_id, newest=newest)
        context.record(tx, actor, at, *standing.keep(tx, answered, actor))
        return answered.decision

    return context.commit(work, lambda tx: tx.screen(id) is not None)


def _keep(tx: Transaction, context: Context, screen: Screen, resource: Mapping[str, Any], actor: Actor) -> Record:
    answers, salt = canonical_answers(screen), secrets.token_hex(16)
    tx.put_screen(screen.id, screen.person, {"salt": salt, "answers": answers, "resource": dict(resource)})
    return Record(
        kind=Kind.SCREEN_CORRECTED if screen.corrects else Kind.SCREEN_RECORDED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=screen.person,
        outcome="unreadable-parts" if screen.faults else "readable",
        policy=context.policy.digest,
        details={"screen": screen.id, "digest": standing.digest(salt, answers), "author": screen.author},
    )


def decide(
    context: Context, members: tuple[str, ...], kind: UnitKind, purpose: Purpose, encounter: str | None, actor: Actor
) -> Decision:
    """Return the standing decision and record that it was asked for. Writes no plan. Raises CannotTell."""
    id = context.new_id()
    question = standing.Question(kind, members, purpose, encounter, births_needed(context, members))

    def work(tx: Transaction) -> Decision:
        at = context.now()
        answered = standing.ask(tx, context, question, at=at, id=id)
        context.record(tx, actor, at, *standing.keep(tx, answered, actor))
        return answered.decision

    return context.commit(work, lambda tx: tx.decision(id, members[0]) is not None)


def births_needed(context: Context, members: tuple[str, ...]) -> dict[str, date]:
    """Return the birth dates of the members whose latest screen relies on their age."""
    with context.store.transaction() as tx:
        latest = {member: rows[-1] for member in members if (rows := tx.screens(member))}
    return birth_dates(
        context, tuple(one for one, row in latest.items() if wants_age(context, standing.screen_of(row)))
    )


def wants_age(context: Context, screen: Screen) -> bool:
    """Whether a screen answers a validated instrument with "not for this age"."""
    return any(
        domain.validated is not None
        and screen.answers.get(f"{domain.id}.validated.result") == domain.validated.age_result
        for domain in context.policy.domains
    )


def birth_dates(context: Context, people: tuple[str, ...]) -> dict[str, date]:
    """Return what the chart proves of birth dates; an EHR that cannot be asked proves nothing."""
    found = {}
    for person in people:
        try:
            stored = context.ehr.read(person)
        except WithnessError:
            continue
        written = stored.resource.get("birthDate") if stored else None
        try:
            found[person] = datetime.strptime(str(written), "%Y-%m-%d").date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    return found
