"""What is done to a recorded screen: a mistaken tap corrected, the wrong chart retracted, a trainee's co-signed.

Nothing is deleted and nothing is lowered but by a new screen (policy: entry_error, retraction).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from withness.audit import log
from withness.audit.record import Kind
from withness.core.acts import ActKind
from withness.core.gate import Decision
from withness.core.people import People, Refusal, clinician_fault, second_fault
from withness.core.reading import Circumstance, Ended, readings_of
from withness.core.risk import Screen, Standing
from withness.core.terms import Acuity, Purpose, UnitKind
from withness.desk import facts, standing
from withness.desk.acts import Signatures, act_at, enrolled, enrolled_acts, refuse, write
from withness.desk.context import Actor, Context
from withness.desk.ending import end_over, lift_acute
from withness.desk.outbox import enqueue
from withness.desk.paused import paused, still_paused
from withness.desk.protocols import in_unit
from withness.desk.screens import Decided, Incoming, conclude, keep, send
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput
from withness.fhir.plan_resources import screen_copy_id
from withness.store.rows import Sending
from withness.store.transaction import Transaction


def correct(
    context: Context,
    resource: Mapping[str, Any],
    actor: Actor,
    signatures: Signatures,
    *,
    blemishes: tuple[str, ...] = (),
) -> Decided:
    """Record a screen that corrects a mistaken one; the earlier screen's findings close as entered in error.

    The author of both signs, the client having been asked again, within the policy's time; a second signer confirms.
    Raises InvalidInput, Refused (the attempt is recorded; the new screen is NOT: record it on its own), CannotTell.
    """
    incoming, id = Incoming(resource, blemishes), context.new_id()
    coming = incoming.read(context, id, context.now())
    known, decision_id = facts.gather(context, (coming.person,), coming=coming), context.new_id()
    with context.store.transaction() as tx:
        row = tx.screen(coming.corrects.rpartition("/")[2]) if coming.corrects else None
        people, conjoint = enrolled(tx), in_unit(tx, coming.person)
    about = Circumstance(
        purpose=Purpose.NEW_PLAN,
        encounter=coming.encounter,
        at=context.now(),
        zone=context.settings.zone,
        birth_date=known[coming.person].birth_date,
        in_unit=conjoint,
    )
    if row is None:
        raise InvalidInput("The screen must cite the one that it corrects (extension corrects).", field="corrects")
    old = standing.screen_of(row)
    wrong = keys_fault(people, signatures) or _correction_fault(context, people, old, coming, signatures, about)
    if wrong:
        refuse(context, actor, Kind.PROTOCOL_RELEASED, wrong, person=old.person, second=signatures.also)

    def work(tx: Transaction) -> tuple[Any, tuple[str, ...]]:
        newest = log.newest_time(tx)
        screen = keep(tx, context, incoming, actor, id)
        body = {"screen": old.id, "corrected_by": screen.id}
        act = act_at(context.now(), context, ActKind.ENTRY_ERROR, old.person, body, signatures)
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))
        question = standing.Question(UnitKind.INDIVIDUAL, (screen.person,), Purpose.NEW_PLAN, screen.encounter, known)
        decision, rows = conclude(tx, context, question, actor, decision_id, newest=newest)
        return decision, (*rows, *ended(tx, context, decision, known, actor))

    decision, rows = context.commit(work, lambda tx: tx.screen(id) is not None)
    return _decided(context, coming.person, decision, rows, actor)


def _decided(context: Context, person: str, decision: Decision, rows: tuple[str, ...], actor: Actor) -> Decided:
    """Send what follows, and say which plans go on, which are paused, and which stay so."""
    troubles = send(context, rows, actor)
    moved = paused(context, rows)
    return Decided(decision, troubles, moved or still_paused(context, person))


def ended(
    tx: Transaction, context: Context, decision: Decision, known: Mapping[str, facts.Facts], actor: Actor
) -> tuple[str, ...]:
    """Queue what ends with the holds that were entered in error: their protocols, and the pause of plans."""
    [member], at = decision.members, context.now()
    aliases = known[member.person].aliases
    if not known[member.person].reached:
        return ()
    over = end_over(tx, context, (member.person, *aliases), actor, at)
    return (*over, *lift_acute(tx, context, member, aliases, actor, at))


def _correction_fault(
    context: Context, people: People, old: Screen, new: Screen, signatures: Signatures, about: Circumstance
) -> Refusal | None:
    return next(_correction_faults(context, people, old, new, signatures, about), None)


def _correction_faults(
    context: Context, people: People, old: Screen, new: Screen, signatures: Signatures, about: Circumstance
) -> Iterator[Refusal]:
    limit = context.policy.times.entry_error
    if new.person != old.person:
        said = "The screen cites another person's: a screen in the wrong chart is retracted, not corrected."
        yield Refusal("other-person", said, "subject")
    if new.faults:
        said = "The correcting screen cannot be read in full, so it corrects nothing."
        yield Refusal("unreadable", said, "screen")
    if signatures.by != old.author or new.author != old.author:
        said = "Only the author of the earlier screen corrects a mistaken entry."
        yield Refusal("not-the-author", said, "actor")
    if not timedelta(0) <= context.now() - old.recorded <= limit:
        hours = int(limit.total_seconds() // 3600)
        said = (
            f"The earlier screen was recorded more than {hours} hours ago: a mis-keyed screen is now retracted by two "
            "people (withness screen retract), then the client is asked afresh."
        )
        yield Refusal("entry-error-late", said, "corrects")
    if new.effective <= old.recorded:
        said = "The client is asked again after the mistaken screen: this one was made before it was recorded."
        yield Refusal("not-asked-again", said, "authored")
    yield from _open_in(context, new, about)
    authors = (old.author or "",)
    clinical = clinician_fault(people, signatures.by)
    second = second_fault(context.policy, people, signatures.by, signatures.also, authors)
    yield from (one for one in (clinical, second) if one is not None)


def _open_in(context: Context, screen: Screen, about: Circumstance) -> Iterator[Refusal]:
    """Yield what keeps a correcting screen from being relied on: a correction never rests on silence."""
    policy = context.policy
    if screen.authored is None or screen.authored > about.at + policy.future_tolerance:
        yield Refusal("not-asked-again", "The correcting screen is dated in the future.", "authored")
    for domain in policy.domains:
        for one in readings_of(policy, domain, screen, Ended(Standing(), latest=True), about):
            if one.acuity is Acuity.UNKNOWN:
                said = f"The client is asked again about everything: {domain.id}.{one.item} is left open ({one.why})."
                yield Refusal("left-open", said, "screen")


def retract(
    context: Context,
    screen_id: str,
    actor: Actor,
    signatures: Signatures,
    *,
    reason: str,
    belongs_to: str | None = None,
) -> tuple[Decided, ...]:
    """Mark a screen as entered in error (the wrong chart, or mis-keyed); each patient then needs a fresh one.

    Returns the decisions on the screen's patient and, where named, on the one it belongs to. Raises InvalidInput,
    Refused, CannotTell.
    """
    with context.store.transaction() as tx:
        row, people = tx.screen(screen_id), enrolled(tx)
    if row is None:
        raise InvalidInput("There is no screen with this id.", field="SCREEN", hint="See: withness protocol show")
    if not reason.strip():
        raise InvalidInput("A retraction needs a reason.", field="reason")
    if belongs_to == row.person:
        raise InvalidInput("The screen is in this person's chart already.", field="belongs_to")
    old = standing.screen_of(row)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    wrong = wrong or second_fault(context.policy, people, signatures.by, signatures.also, (old.author or "",))
    if wrong:
        refuse(context, actor, Kind.SCREEN_RETRACTED, wrong, person=row.person, second=signatures.also)
    concerned = (row.person, *((belongs_to,) if belongs_to else ()))
    known, ids = facts.gather(context, concerned), {one: context.new_id() for one in concerned}

    def work(tx: Transaction) -> list[tuple[Any, tuple[str, ...]]]:
        newest, found = log.newest_time(tx), []
        for person in concerned:
            # The other patient's act names no screen: nothing of one chart stands in another's (contracts I8).
            body = {"screen": old.id if person == row.person else "", "reason": reason}
            act = act_at(context.now(), context, ActKind.RETRACTED, person, body, signatures)
            context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))
        found_rows = _mark_copy(tx, context, old, actor)
        for person in concerned:
            question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, old.encounter, known)
            decision, rows = conclude(tx, context, question, actor, ids[person], newest=newest)
            found.append((decision, (*rows, *(found_rows if person == row.person else ()))))
        return found

    decided = context.commit(work, lambda tx: tx.decision(ids[row.person], row.person) is not None)
    return tuple(
        _decided(context, who, decision, rows, actor) for who, (decision, rows) in zip(concerned, decided, strict=True)
    )


def _mark_copy(tx: Transaction, context: Context, old: Screen, actor: Actor) -> tuple[str, ...]:
    """Queue the mark "entered in error" for the copy of a screen that a plan may have put into the chart."""
    if not old.person.startswith("Patient/"):
        return ()
    at = context.now()
    change = {"reference": f"QuestionnaireResponse/{screen_copy_id(old.id)}", "how": "entered-in-error"}
    id, record = enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.CHANGE,
        person=old.person,
        plan="",
        record=Kind.SCREEN_RETRACTED,
        content={"changes": [change]},
    )
    context.record(tx, actor, at, record)
    return (id,)


def cosign(context: Context, screen_id: str, actor: Actor, signatures: Signatures) -> None:
    """Record a supervisor's signature under a trainee's screen. Raises InvalidInput, Refused, CannotTell."""
    with context.store.transaction() as tx:
        row, people, enrolments = tx.screen(screen_id), enrolled(tx), enrolled_acts(tx)
    if row is None:
        raise InvalidInput("There is no screen with this id.", field="SCREEN", hint="See: withness protocol show")
    author = standing.screen_of(row).author or ""
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    if wrong is None and signatures.by not in [one.body["trainee_of"] for one in enrolments if one.person == author]:
        said = "Only the supervisor whom the trainee is enrolled with co-signs their screen."
        wrong = Refusal("not-the-supervisor", said, "actor")
    if wrong:
        refuse(context, actor, Kind.ASSESSMENT_RECORDED, wrong, person=row.person)
    act = act_at(context.now(), context, ActKind.COSIGNED, row.person, {"screen": row.id}, signatures)

    def work(tx: Transaction) -> None:
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))

    context.commit(work, lambda tx: tx.act(act.id) is not None)
