"""The release of an acute hold, the judgement that raises, and the narrow override (policy: release, raise, override).

Every refusal is recorded with its reason before it is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from withness.audit import log
from withness.audit.record import Kind, Record, instant
from withness.core.acts import ActKind
from withness.core.judgement import SCREEN
from withness.core.people import Refusal, clinician_fault, second_fault
from withness.core.risk import SILENT, Domain
from withness.core.terms import HOLDING, Acuity, Purpose, UnitKind
from withness.desk import facts, standing
from withness.desk.acts import Signatures, act_at, enrolled, refuse, require_directory, write
from withness.desk.context import Actor, Context
from withness.desk.ending import end_over, lift_acute
from withness.desk.paused import paused
from withness.desk.protocols import Shown, authors_of, domain_of, look
from withness.desk.screens import Decided, conclude, send
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput
from withness.store.transaction import Transaction


def release(
    context: Context, person: str, domain_id: str, reason: str, actor: Actor, signatures: Signatures
) -> Decided:
    """End a domain's acute hold: all needs, a new screen below acute made after it, and the second signer (I3).

    Returns the decision that stands afterwards. Raises InvalidInput, Refused, TrailDamaged, CannotTell.
    """
    domain = domain_of(context, domain_id)
    if not reason.strip():
        raise InvalidInput("A release needs the clinician's reason.", field="reason")
    known, id = facts.gather(context, (person,)), context.new_id()
    with context.store.transaction() as tx:
        require_directory(tx)
        people, shown = enrolled(tx), look(tx, context, person, known, context.now())
        authors = authors_of(tx, context, shown.answered, person, domain)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    wrong = wrong or second_fault(context.policy, people, signatures.by, signatures.also, authors)
    wrong = wrong or release_fault(context, shown, person, domain)
    if wrong:
        refuse(context, actor, Kind.PROTOCOL_RELEASED, wrong, person=person, second=signatures.also)

    def work(tx: Transaction) -> tuple[Any, tuple[str, ...]] | Refusal:
        at, newest = context.now(), log.newest_time(tx)
        again = look(tx, context, person, known, at)
        fault = release_fault(context, again, person, domain)  # a screen may have come in meanwhile
        if fault:
            return fault
        body = {"domain": domain.id, "reason": reason, "screen": again.answered.decision.members[0].screen}
        act = act_at(at, context, ActKind.RELEASED, person, body, signatures)
        context.record(tx, actor, at, write(tx, context, actor, act, signatures))
        aliases = again.answered.inputs[person]["aliases"]
        ended = end_over(tx, context, (person, *aliases), actor, at)
        question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, _where(again, person), known)
        decision, opened = conclude(tx, context, question, actor, id, newest=newest)
        # An EHR that is away may hide this person's other record: what paused the plan is looked at again by `sync`.
        lifted = known[person].reached
        resumed = lift_acute(tx, context, decision.members[0], aliases, actor, at) if lifted else ()
        return decision, (*ended, *opened, *resumed)

    done = context.commit(work, lambda tx: tx.decision(id, person) is not None)
    if isinstance(done, Refusal):
        refuse(context, actor, Kind.PROTOCOL_RELEASED, done, person=person, second=signatures.also)
    decision, rows = done
    return Decided(decision, send(context, rows, actor))


def _where(shown: Shown, person: str) -> str | None:
    encounter: str | None = shown.answered.inputs[person]["encounter"]
    return encounter


def release_fault(context: Context, shown: Shown, person: str, domain: Domain) -> Refusal | None:
    """Return why a domain's acute hold may not be released now, None when it may."""
    return next(_release_faults(context, shown, person, domain), None)


def releases(context: Context, shown: Shown, person: str) -> dict[str, Refusal | None]:
    """Return each domain with something acute, and what its release still lacks; None where it may be signed now."""
    acute = standing.newest(shown.answered, person, Acuity.ACUTE)
    domains = [one for one in context.policy.domains if one.id in acute]
    return {one.id: release_fault(context, shown, person, one) for one in domains}


def _release_faults(context: Context, shown: Shown, person: str, domain: Domain) -> Iterator[Refusal]:
    acute = standing.newest(shown.answered, person, Acuity.ACUTE).get(domain.id)
    if acute is None:
        said = "Nothing in this domain is acute, so there is nothing to release."
        yield Refusal("nothing-acute", said, "domain")
        return
    missing = shown.missing.get(domain.id, ())
    if missing:
        yield Refusal("need-missing", f"Not written down yet: {', '.join(missing)}.", "needs")
    rows = shown.answered.screens[person]
    latest = standing.screen_of(rows[-1]) if rows else None
    older = standing.holding(shown.answered, person, {domain.id})
    if latest is not None and latest.id == acute.id and any(one.id != latest.id for one in older):
        yield Refusal("still-acute", "The newest screen is itself acute in this domain.", "screen")
    if latest is None or latest.number < acute.number or latest.effective <= acute.at:
        said = "There is no new screen made after the hold: ask again, and record it."
        yield Refusal("no-new-screen", said, "screen")
        return
    for one in shown.answered.decision.members[0].findings:
        # An EHR that is away lets nothing through, and holds up no release.
        if one.domain == SCREEN and one.item != "chart-evidence":
            yield Refusal("not-current", f"The newest screen cannot be relied on: {one.why}.", "screen")
    readings = standing.latest_readings(shown.answered, person, domain)
    if any(one.acuity is Acuity.ACUTE for one in readings):
        yield Refusal("still-acute", "The newest screen is itself acute in this domain.", "screen")
    if any(one.acuity is Acuity.UNKNOWN for one in readings):
        yield Refusal("screen-incomplete", "The newest screen leaves something open in this domain.", "screen")


def raise_acuity(context: Context, person: str, domain_id: str, acuity: str, reason: str, actor: Actor) -> Decided:
    """Raise a domain by judgement, one way; an acute one opens its protocol at once. Raises InvalidInput, CannotTell.

    Any clinician may, trainees included, enrolled or not: judgement is never made to wait for a key.
    """
    domain = domain_of(context, domain_id)
    if acuity not in [one.value for one in HOLDING]:
        raise InvalidInput(f"Acuity is raised to one of: {', '.join(HOLDING)}.", field="to")
    if not reason.strip():
        raise InvalidInput("Raising needs a reason.", field="reason")
    if not actor.ref.startswith(("Practitioner/", "PractitionerRole/")):
        raise InvalidInput("Only a clinician raises acuity.", field="actor")
    known, id = facts.gather(context, (person,)), context.new_id()

    def work(tx: Transaction) -> tuple[Any, tuple[str, ...]]:
        at, newest = context.now(), log.newest_time(tx)
        body = {"domain": domain.id, "acuity": acuity, "source": "clinician", "reason": reason, "who": actor.ref}
        act = act_at(at, context, ActKind.RAISED, person, body, Signatures())
        context.record(tx, actor, at, write(tx, context, actor, act))
        encounter = _where(look(tx, context, person, known, at), person)
        question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, encounter, known)
        return conclude(tx, context, question, actor, id, newest=newest)

    decision, rows = context.commit(work, lambda tx: tx.decision(id, person) is not None)
    return Decided(decision, send(context, rows, actor), paused(context, rows))


@dataclass(frozen=True)
class Asked:
    """What an override is asked for: whose, which items by name, and why."""

    person: str
    items: tuple[str, ...]
    reason_code: str
    rationale: str
    purpose: Purpose = Purpose.NEW_PLAN


@dataclass(frozen=True)
class Granted:
    """An override: when it expires, and how each item that it covers stands on the screen (`stands`)."""

    expires: datetime
    stands: Mapping[str, str]


def override(context: Context, asked: Asked, actor: Actor, signatures: Signatures) -> Granted:
    """Grant an override for named silent items of the current screen; return what it covers, and until when.

    Signed by the clinician who asks and by the second signer who grants it. Raises Refused (the attempt is
    recorded), TrailDamaged, CannotTell.
    """
    known = facts.gather(context, (asked.person,))
    with context.store.transaction() as tx:
        require_directory(tx)
        people, shown = enrolled(tx), look(tx, context, asked.person, known, context.now())
        authors = authors_of(tx, context, shown.answered, asked.person)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    wrong = wrong or second_fault(context.policy, people, signatures.by, signatures.also, authors)
    wrong = wrong or _reason_fault(context, asked) or override_fault(context, shown, asked)
    if wrong:
        refuse(context, actor, Kind.OVERRIDE_REFUSED, wrong, person=asked.person, second=signatures.also)
    at = context.now()
    expires = at + context.policy.times.override
    body: Mapping[str, Any] = {
        "screen": shown.answered.decision.members[0].screen,
        "items": list(asked.items),
        "reason_code": asked.reason_code,
        "rationale": asked.rationale,
        "purpose": asked.purpose.value,
        "expires": instant(expires),
    }
    act = act_at(at, context, ActKind.OVERRIDE, asked.person, body, signatures)

    def work(tx: Transaction) -> None:
        record = write(tx, context, actor, act, signatures)
        context.record(tx, actor, at, Record(**{**vars(record), "reason": asked.reason_code}))

    context.commit(work, lambda tx: tx.act(act.id) is not None)
    answers = standing.screen_of(shown.answered.screens[asked.person][-1]).answers
    return Granted(expires, {item: answers.get(item) or NOT_ANSWERED for item in asked.items})


NOT_ANSWERED: Final = "not-answered"
"""How an item stands that the screen leaves out."""


def _reason_fault(context: Context, asked: Asked) -> Refusal | None:
    rule = context.policy.override
    if not asked.items:
        return Refusal("no-item", "An override names each item that it covers; this one names none.", "item")
    if asked.reason_code not in rule.reason_codes:
        said = f"The reason must be one of: {', '.join(rule.reason_codes)}."
        return Refusal("reason-code", said, "reason_code")
    said = " ".join(asked.rationale.split())
    letters = sum(one.isalnum() for one in said)
    if len(said) < rule.rationale_min_chars or letters * 2 < rule.rationale_min_chars:
        said = f"The rationale must have at least {rule.rationale_min_chars} characters."
        return Refusal("rationale-short", said, "rationale")
    return None


def override_fault(context: Context, shown: Shown, asked: Asked) -> Refusal | None:
    """Return why these items cannot be covered: the screen is not current, or an item is not merely silent."""
    member = shown.answered.decision.members[0]
    rows = shown.answered.screens[asked.person]
    if not rows or standing.screen_of(rows[-1]).faults:
        return Refusal("unreadable", "There is no readable screen that an override could stand on.", "screen")
    whole = [one for one in member.findings if one.domain == "screen" or not one.item]
    if whole:
        said = f"An override needs a current screen: {whole[0].why}."
        return Refusal("not-current", said, "screen")
    silent, answered = _silent(context, shown, asked.person)
    for item in asked.items:
        if item in silent:
            continue
        if item in answered:
            said = f"{item} was answered: an override covers only what was left open, unsure, declined or not asked."
            return Refusal("not-silent", said, "item")
        return Refusal("not-coverable", f"{item} is no item that an override can cover.", "item")
    return None


def _silent(context: Context, shown: Shown, person: str) -> tuple[Collection[str], Collection[str]]:
    readings = [
        one for domain in context.policy.domains for one in standing.latest_readings(shown.answered, person, domain)
    ]
    silent = {one.missing for one in readings if one.silent and one.acuity is Acuity.UNKNOWN}
    answers = standing.screen_of(shown.answered.screens[person][-1]).answers
    return silent, {link for link, answer in answers.items() if answer not in SILENT or link not in silent}
