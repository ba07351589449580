"""Recording a check-in: always, whatever the gate says and on a damaged trail too (contracts I7); then its goals.

The response is sealed in its row. What it says goes into the person's own chart as a response and survey Observations,
through the outbox; of a person who is no patient it stays inside Withness.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from withness.audit.record import Kind, Record
from withness.core.form import AnsweredBy, Entry, Form, FormAnswers, Skipped, Unreadable
from withness.core.risk import Fault
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.outbox import enqueue
from withness.errors import InvalidInput, WithnessError
from withness.fhir import codes
from withness.fhir.check import require_valid
from withness.fhir.extraction import observations
from withness.fhir.form_answers import CHECK_INS, read_response, response_of
from withness.fhir.status import ENTERED_IN_ERROR, put
from withness.packs.forms import load_forms
from withness.store.rows import CheckInRow, Sending
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Recorded:
    """A recorded check-in: `response` is what the chart calls it; `how` says whether it is new, was there already, or
    corrects one.
    """

    id: str
    response: str
    answers: FormAnswers
    outbox: str | None
    how: str = "recorded"


FORMS_HINT: Final = f"It answers one of: {', '.join(CHECK_INS)}. See: withness questionnaire"


def forms() -> dict[str, Form]:
    """Return the forms that a goal's achievement is counted from, by id."""
    return {form.id: form for form in load_forms() if form.id in CHECK_INS}


def form_of(resource: Mapping[str, Any]) -> Form:
    """Return the form that a response answers, whatever its version. Raises InvalidInput."""
    named = resource.get("questionnaire")
    url = named.partition("|")[0] if isinstance(named, str) else ""
    found = next((form for form in forms().values() if codes.questionnaire(form.id) == url), None)
    if found is None:
        raise InvalidInput("questionnaire names no check-in.", field="questionnaire", hint=FORMS_HINT)
    return found


def trusted(form: Form, answers: FormAnswers) -> FormAnswers:
    """Return the answers with a fault where somebody else gave them than this form asks, or wrote them down.

    A client's form holds that client's word, a therapist's the therapist's (R4 QuestionnaireResponse.source, author).
    """
    own = (None, answers.subject)
    by = (answers.source or "").partition("/")[0]
    may_answer = {
        AnsweredBy.CLIENT: answers.source in own or by == "RelatedPerson",
        AnsweredBy.CLINICIAN: by in ("", "Practitioner", "PractitionerRole"),
        AnsweredBy.TOGETHER: answers.source in own or by != "Patient",
    }
    faults = (
        [] if may_answer[form.answered_by] else [Fault("source", "somebody else answered than is asked", whole=True)]
    )
    if (answers.author or "").startswith("Patient/") and answers.author != answers.subject:
        faults.append(Fault("author", "another client wrote it down", whole=True))
    return replace(answers, faults=(*answers.faults, *faults))


def record(
    context: Context,
    resource: Mapping[str, Any],
    actor: Actor,
    *,
    then: Callable[[Transaction, str], Sequence[Record]] = lambda *_: (),
) -> Recorded:
    """Record a check-in; `resource` is a FHIR R4 QuestionnaireResponse as any form filler makes it.

    One that cannot be relied on as a whole (another version, not finished, without a date, another's word) is kept and
    not counted. A correction names the check-in that it corrects by the extension `corrects`; with status
    entered-in-error it takes it back. The same response once more answers what it was. `then` queues what follows for
    a person, in the same transaction. Raises InvalidInput only for what is no check-in, does not say whom it is about,
    or corrects another form, CannotTell when it cannot be made durable.
    """
    form = form_of(resource)
    answers = _in_own_encounter(context, trusted(form, read_response(form, resource)))
    id, at = context.new_id(), context.now()

    def work(tx: Transaction) -> Recorded:
        known = tx.check_ins(answers.subject)[0]
        again = next((row for row in known if row.content["resource"] == dict(resource)), None)
        if again is not None:
            return Recorded(again.id, again.content["response"], answers, again.content["outbox"], "again")
        before, said = _corrected(known, resource, answers)
        if any(form_of(one.content["resource"]).id != form.id for one in before):
            raise InvalidInput("questionnaire is another form than that of what it corrects.", field="questionnaire")
        response = before[-1].content["response"] if before else id
        bundle = _bundle(context, form, said, response, before)
        outbox, waiting = None, []
        if bundle is not None:
            outbox, queued = enqueue(
                tx,
                context,
                actor,
                at,
                kind=Sending.CHECK_IN,
                person=said.subject,
                plan=id,
                record=Kind.CHECKIN_RECORDED,
                content={"bundle": bundle, "response": response},
            )
            waiting = [queued]
        kept = {"salt": secrets.token_hex(16), "response": response, "resource": dict(resource), "outbox": outbox}
        tx.put_check_in(id, said.subject, kept)
        made = Record(
            kind=Kind.CHECKIN_RECORDED,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=said.subject,
            outcome="readable" if not said.faults else "unreadable-parts",
            details={"check_in": id, "digest": digest_of(kept)},
        )
        context.record(tx, actor, at, made, *waiting, *then(tx, said.subject))
        return Recorded(id, response, said, outbox, "corrected" if before else "recorded")

    return context.commit(work, lambda tx: tx.check_in(id) is not None)


def _in_own_encounter(context: Context, answers: FormAnswers) -> FormAnswers:
    """Return the answers with a fault where they name another person's Encounter; one that cannot be read is taken."""
    if answers.encounter is None or not answers.subject.startswith("Patient/"):
        return answers
    try:
        stored = context.ehr.read(answers.encounter)
    except WithnessError:
        return answers
    subject = stored.resource.get("subject") if stored is not None else None
    whose = subject.get("reference") if isinstance(subject, Mapping) else None
    if not isinstance(whose, str) or not whose.startswith("Patient/") or whose == answers.subject:
        return answers
    fault = Fault("encounter", "the encounter is another person's", whole=True)
    return replace(answers, faults=(*answers.faults, fault))


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the salted digest of a check-in's row: what its record holds."""
    # As text: what a form filler wrote may hold numbers that canonical JSON does not know.
    said = json.dumps(content["resource"], ensure_ascii=False, sort_keys=True)
    return digest(content["salt"], {**content, "resource": said, "salt": ""})


def _corrected(
    known: Sequence[CheckInRow], resource: Mapping[str, Any], answers: FormAnswers
) -> tuple[list[CheckInRow], FormAnswers]:
    """Return the versions of the check-in that this one corrects, the newest last, and the answers.

    None for no correction; one that names nothing of this person is kept with a fault, and not counted.
    """
    listed = resource.get("extension")
    named = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    cited = [one.get("valueReference") for one in named if one.get("url") == codes.CORRECTS]
    if not cited:
        return [], answers
    reference = cited[0].get("reference") if isinstance(cited[0], Mapping) else None
    found = [row for row in known if reference == f"QuestionnaireResponse/{row.content['response']}"]
    if found:
        return found, answers
    fault = Fault("extension", "corrects names no check-in of this person", whole=True)
    return [], replace(answers, faults=(*answers.faults, fault))


def _bundle(
    context: Context, form: Form, answers: FormAnswers, response: str, before: Sequence[CheckInRow]
) -> dict[str, Any] | None:
    """Return the Bundle that puts a check-in into the person's own chart, None for what does not go there."""
    taken_back = bool(before) and answers.status == ENTERED_IN_ERROR
    if not answers.subject.startswith("Patient/") or not (answers.relied_on or taken_back):
        return None
    made = [] if taken_back else _resources(context, form, _as_kept(answers, before), response)
    now = {one["id"] for one in made}
    gone: dict[str, dict[str, Any]] = {}
    for one in before:
        earlier = trusted(form, read_response(form, one.content["resource"]))
        gone |= {old["id"]: old for old in _resources(context, form, earlier, response) if old["id"] not in now}
    made += [{**one, "status": ENTERED_IN_ERROR} for one in gone.values()]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [put(one, "") for one in made]}
    require_valid(bundle)
    return bundle if made else None


def _as_kept(answers: FormAnswers, before: Sequence[CheckInRow]) -> FormAnswers:
    return replace(answers, status="amended" if before else answers.status)


def _resources(context: Context, form: Form, answers: FormAnswers, response: str) -> list[dict[str, Any]]:
    """Return the response and its Observations: nothing of what is not relied on."""
    if not answers.relied_on:
        return []
    said, us_core = replace(answers, entry=_readable(answers.entry), faults=()), context.settings.us_core
    made = [response_of(form, said, id=response, us_core=us_core)]
    made += observations(form, said, response_id=response, us_core=us_core)
    return marked(context, made)


def marked(context: Context, made: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return resources as they go out: under a demonstration policy as test data (contracts I1)."""
    if not context.policy.demo:
        return list(made)
    return [{**one, "meta": {**one["meta"], "security": [codes.TEST_DATA]}} for one in made]


def _readable(entry: Entry) -> Entry:
    """Return the answers without those that could not be read: they stay in the sealed row as they came."""
    given = {link: Skipped() if isinstance(one, Unreadable) else one for link, one in entry.given.items()}
    below = {link: tuple(_readable(one) for one in listed) for link, listed in entry.entries.items()}
    return Entry(given, below)


def resource_of(row: CheckInRow) -> dict[str, Any]:
    """Return a recorded response under the id that the chart calls it by."""
    return {**row.content["resource"], "id": row.content["response"]}
