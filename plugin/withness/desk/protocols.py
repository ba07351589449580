"""The way through a hold: the protocol's steps, typed evidence, the assessment of what is elevated."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from withness.audit.record import Kind
from withness.core.acts import Act, ActKind, Acts, of
from withness.core.episodes import ACKNOWLEDGE, OUTCOMES, EpisodeState, episodes
from withness.core.evidence import read_evidence
from withness.core.holds import CONJOINT, missing_needs, needs_of
from withness.core.people import People, Refusal, clinician_fault, second_fault
from withness.core.risk import Domain
from withness.core.terms import REFERENCE, Acuity, Purpose, UnitKind
from withness.desk import facts, standing
from withness.desk.acts import Signatures, act_at, acts_of, enrolled, refuse, write
from withness.desk.conjoint import settle
from withness.desk.context import Actor, Context
from withness.desk.opening import backup_now
from withness.desk.screens import send
from withness.desk.shares import plans_of, shared
from withness.desk.signing import keys_fault
from withness.errors import InvalidInput
from withness.store.rows import PlanState
from withness.store.transaction import Transaction

LEVELS = ("low", "moderate", "high")


@dataclass(frozen=True)
class Shown:
    """One person's holds: the standing decision's answer, each protocol, and what each domain still needs."""

    answered: standing.Answered
    episodes: tuple[EpisodeState, ...]
    missing: Mapping[str, tuple[str, ...]]


def domain_of(context: Context, id: str) -> Domain:
    """Return a domain of the policy. Raises InvalidInput when there is none."""
    found = context.policy.domain(id)
    if found is None:
        names = ", ".join(one.id for one in context.policy.domains)
        raise InvalidInput(f"There is no such domain; choose one of: {names}.", field="domain")
    return found


def look(tx: Transaction, context: Context, person: str, known: Mapping[str, facts.Facts], at: datetime) -> Shown:
    """Return how one person's holds stand. Writes nothing."""
    encounter = _encounter(tx, person)
    shared_work = in_unit(tx, person)
    question = standing.Question(UnitKind.INDIVIDUAL, (person,), Purpose.NEW_PLAN, encounter, known, shared_work)
    answered = standing.ask(tx, context, question, at=at, id=context.new_id())
    acts = answered.acts[person]
    missing = {
        domain.id: needs_now(tx, context, answered, person, domain)
        for domain in context.policy.domains
        if any(one.domain == domain.id and one.acuity in _EVIDENCED for one in answered.decision.members[0].findings)
    }
    opened = episodes(context.policy, acts, at, backup_now(tx, context))
    return Shown(answered, opened, missing)


_EVIDENCED = (Acuity.ELEVATED, Acuity.ACUTE)


def _encounter(tx: Transaction, person: str) -> str | None:
    rows = tx.readable_screens(person)[0]
    return standing.screen_of(rows[-1]).encounter if rows else None


def needs_now(
    tx: Transaction, context: Context, answered: standing.Answered, person: str, domain: Domain
) -> tuple[str, ...]:
    """Return the needs of a domain's standing findings that have no evidence yet, recorded since they were made."""
    member = next(one for one in answered.decision.members if one.person == person)
    mine = [one for one in member.findings if one.domain == domain.id and one.acuity in _EVIDENCED]
    acuity = Acuity.ACUTE if any(one.acuity is Acuity.ACUTE for one in mine) else Acuity.ELEVATED
    items = tuple(one.item for one in mine if one.acuity is acuity)
    needs = needs_of(domain, acuity, items, shared=in_unit(tx, person))
    found = standing.newest(answered, person, acuity).get(domain.id)
    return missing_needs(answered.acts[person], needs, since=found.number if found else None, conjoint=None)


def in_unit(tx: Transaction, person: str) -> bool:
    """Whether this person is a member of a unit of more than one that has a plan or working copy."""
    going_on = [one for one in PlanState if one not in (PlanState.CLOSED, PlanState.RETRACTED)]
    return any(shared(row) for row in plans_of(tx, person, *going_on))


def show(context: Context, person: str) -> Shown:
    """Return how one person's holds stand. Raises CannotTell."""
    known = facts.gather(context, (person,))
    with context.store.transaction() as tx:
        return look(tx, context, person, known, context.now())


def step(
    context: Context, person: str, domain_id: str, step_id: str, outcome: str, actor: Actor, *, reason: str = ""
) -> None:
    """Record what became of a step: done, declined by the client, or not applicable, the latter two with a reason.

    Always saves, by whoever says it (contracts I7); a hold's end rests on needs, not on steps. Raises InvalidInput.
    """
    domain = domain_of(context, domain_id)
    known = [one.id for one in domain.directive]
    if step_id != ACKNOWLEDGE and step_id not in known:
        raise InvalidInput(f"There is no such step; choose one of: {', '.join((ACKNOWLEDGE, *known))}.", field="step")
    if outcome not in OUTCOMES:
        raise InvalidInput(f"A step's outcome is one of: {', '.join(OUTCOMES)}.", field="outcome")
    if outcome != "done" and not reason.strip():
        raise InvalidInput(f"A step that is {outcome} needs a reason.", field="reason")
    body = {"domain": domain.id, "step": step_id, "outcome": outcome, "reason": reason}
    keep(context, person, ActKind.STEP, body, actor)


def evidence(
    context: Context,
    person: str,
    need: str,
    given: Mapping[str, Any],
    actor: Actor,
    signatures: Signatures,
) -> tuple[str, ...]:
    """Record typed evidence for a need, signed by the clinician; return a sentence for what waits to be sent.

    The conjoint-suitability decision also plans what it asks of the other members' CarePlans. Raises InvalidInput
    naming the field, Refused, CannotTell.
    """
    form = context.policy.evidence.get(need)
    if form is None:
        names = ", ".join(context.policy.evidence)
        raise InvalidInput(f"There is no such need; choose one of: {names}.", field="need")
    fields = read_evidence(
        form,
        given,
        now=context.now(),
        words_for_nothing=context.policy.not_an_answer,
        tolerance=context.policy.future_tolerance,
        since=_since(context, person),
    )
    people = _people(context)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    if wrong is None and need == CONSULT and _words(people[signatures.by].name) <= _words(fields["with"]):
        said = "A consultation is with somebody else: name whom you spoke with."
        wrong = Refusal("own-consultation", said, "with")
    if wrong is None and form.medical:
        wrong = _medical_fault(people, fields, signatures)
    if wrong:
        refuse(context, actor, Kind.PROTOCOL_STEP, wrong, person=person)
    body = {"need": need, "serves": list(form.serves), "fields": fields}
    act = act_at(context.now(), context, ActKind.EVIDENCE, person, body, signatures)

    def work(tx: Transaction) -> tuple[str, ...]:
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))
        return settle(tx, context, person, fields, actor, act.at) if need == CONJOINT else ()

    return send(context, context.commit(work, lambda tx: tx.act(act.id) is not None), actor)


def _medical_fault(people: People, fields: Mapping[str, str], signatures: Signatures) -> Refusal | None:
    """A therapist writes a medical clinician's finding down, never makes it."""
    named = _words(fields.get("clinician", ""))
    given = fields.get("clinician", "")
    known = people.get(given)
    if REFERENCE.fullmatch(given) is not None and (known is None or not known.medical):
        return Refusal("not-medical", "Whoever is named by reference must be enrolled here as medical.", "clinician")
    therapists = (one for one in people.values() if not one.medical)
    if not any(_words(one.name) <= named for one in therapists):
        return None
    said = "A medical clinician's finding is needed here: whoever is named is enrolled here, and not as one."
    return Refusal("not-medical", said, "clinician")


def _since(context: Context, person: str) -> date | None:
    """Return the day before the oldest open protocol was opened: what was done earlier is not for this hold.

    One day earlier, because a day is the site's, and is compared with days of UTC.
    """
    opened = [
        one.episode.opened for one in episodes(context.policy, acts(context, person), context.now()) if not one.ended
    ]
    return min(opened).astimezone(context.settings.zone).date() - timedelta(days=1) if opened else None


def _words(text: str) -> frozenset[str]:
    """Return the words of a name in one case and width: titles, order and commas make nobody else of them."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return frozenset("".join(one if one.isalnum() else " " for one in folded).split())


def assess(
    context: Context, person: str, domain_id: str, level: str, actor: Actor, signatures: Signatures
) -> tuple[str, ...]:
    """Record the assessment that ends a domain's elevated findings; return the findings it covers.

    Low: the treating clinician alone; moderate or high: a second signer. Raises InvalidInput, Refused, CannotTell.
    """
    domain = domain_of(context, domain_id)
    if level not in LEVELS:
        raise InvalidInput(f"level must be one of: {', '.join(LEVELS)}.", field="level")
    known, people = facts.gather(context, (person,)), _people(context)
    with context.store.transaction() as tx:
        shown = look(tx, context, person, known, context.now())
        authors = authors_of(tx, context, shown.answered, person, domain)
    items = _elevated(shown, person, domain)
    wrong = keys_fault(people, signatures) or clinician_fault(people, signatures.by)
    wrong = wrong or _assessment_fault(shown, person, domain, items, level)
    trainee = signatures.by in people and bool(people[signatures.by].trainee_of)
    if wrong is None and (level != "low" or trainee):
        wrong = second_fault(context.policy, people, signatures.by, signatures.also, authors)
    if wrong:
        refuse(context, actor, Kind.ASSESSMENT_RECORDED, wrong, person=person, second=signatures.also)
    body = {"domain": domain.id, "level": level, "items": [list(one) for one in items.items()]}
    keep(context, person, ActKind.ASSESSED, body, actor, signatures)
    return tuple(items)


def _assessment_fault(
    shown: Shown, person: str, domain: Domain, items: Mapping[str, str], level: str
) -> Refusal | None:
    member = shown.answered.decision.members[0]
    if any(one.domain == domain.id and one.acuity is Acuity.ACUTE for one in member.findings):
        said = "This domain is acute: an assessment cannot end that, only a release with its needs and a new screen."
        return Refusal("acute", said, "domain")
    if not items and any(one.domain == domain.id and one.acuity is Acuity.ELEVATED for one in member.findings):
        said = "What is elevated here ends with a new screen only, never with an assessment."
        return Refusal("new-screen", said, "domain")
    if not items:
        return Refusal("nothing-elevated", "Nothing in this domain is elevated, so there is nothing to end.", "domain")
    missing = shown.missing.get(domain.id, ())
    if missing:
        return Refusal("need-missing", f"Not written down yet: {', '.join(missing)}.", "needs")
    written = {one.body["need"]: one.body["fields"].get("level") for one in of(shown.answered.acts[person], EVIDENCE)}
    levels = [written[need] for need in domain.assessment_needs if written.get(need) in LEVELS]
    if any(LEVELS.index(one) > LEVELS.index(level) for one in levels):
        said = "What was written down says a higher level than this assessment: it is that level which counts."
        return Refusal("level", said, "level")
    return None


EVIDENCE = ActKind.EVIDENCE


def _elevated(shown: Shown, person: str, domain: Domain) -> dict[str, str]:
    """Return each elevated finding of the domain with the answer that made it (the newest one)."""
    member = shown.answered.decision.members[0]
    passing = {one.id for one in domain.questions if one.passing}
    found: dict[str, str] = {}
    for one in member.findings:
        if one.domain != domain.id or one.acuity is not Acuity.ELEVATED or f"{domain.id}.{one.item}" in passing:
            continue
        answers = (
            standing.screen_of(row).answers.get(f"{domain.id}.{one.item}") for row in shown.answered.screens[person]
        )
        found[one.item] = [answer for answer in answers if answer][-1:][0] if one.item not in _RAISED else "raised"
    return found


_RAISED = ("raised", "chart-evidence")


def authors_of(
    tx: Transaction, context: Context, answered: standing.Answered, person: str, domain: Domain | None = None
) -> tuple[str, ...]:
    """Return who made the plans, the screens and the evidence that a second signature is about.

    The screens are the latest one and those that `domain` holds by, the evidence what was written down since; who
    gave the consultation may sign second all the same (policy: second_signer).
    """
    domains = context.policy.domains if domain is None else (domain,)
    held = standing.holding(answered, person, {one.id for one in domains})
    rows, sources = answered.screens[person], {one.id for one in held}
    screens = [standing.screen_of(row).author or "" for row in rows if row.id in sources or row is rows[-1]]
    since = min((one.number for one in held), default=0)
    evidence = [one for one in of(answered.acts[person], ActKind.EVIDENCE) if one.number > since]
    signed = [one.by for one in evidence if one.body["need"] != CONSULT]
    going_on = [one for one in PlanState if one not in (PlanState.CLOSED, PlanState.RETRACTED)]
    plans = [str(row.content["draft"]["author"]) for row in plans_of(tx, person, *going_on)]
    raised = [one.body.get("who", "") for one in of(answered.acts[person], ActKind.RAISED) if one.id in sources]
    return tuple(dict.fromkeys((*screens, *signed, *raised, *plans)))


CONSULT = "supervisor-consult"


def keep(
    context: Context,
    person: str,
    kind: ActKind,
    body: Mapping[str, Any],
    actor: Actor,
    signatures: Signatures = Signatures(),  # noqa: B008  frozen and empty
) -> Act:
    """Write one act and its record in a transaction of their own. Raises TrailDamaged, CannotTell."""
    act = act_at(context.now(), context, kind, person, body, signatures)

    def work(tx: Transaction) -> None:
        context.record(tx, actor, act.at, write(tx, context, actor, act, signatures))

    context.commit(work, lambda tx: tx.act(act.id) is not None)
    return act


def _people(context: Context) -> People:
    with context.store.transaction() as tx:
        return enrolled(tx)


def acts(context: Context, person: str) -> Acts:
    """Return what was recorded about a person, in order."""
    with context.store.transaction() as tx:
        return acts_of(tx, person)
