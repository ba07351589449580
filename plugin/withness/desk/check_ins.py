"""Recording a check-in: always, whatever the gate says and on a damaged trail too (contracts I7); then its goals.

The response is sealed in its row. What it says goes into the person's own chart as a response and survey Observations,
through the outbox; of a person who is no patient it stays inside Withness.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from withness.audit.record import Kind, Record
from withness.core.form import Entry, Form, FormAnswers, Skipped, Unreadable
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.outbox import enqueue, move
from withness.errors import InvalidInput, SealBroken
from withness.fhir import codes
from withness.fhir.check import require_valid
from withness.fhir.extraction import observations
from withness.fhir.form_answers import CHECK_INS, read_response, response_of
from withness.fhir.status import ENTERED_IN_ERROR, put
from withness.packs.forms import load_forms
from withness.store.rows import OPEN, CheckInRow, Delivery, Sending
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Recorded:
    """A recorded check-in: `response` is what the chart calls it, `faults` what of it could not be taken."""

    id: str
    response: str
    answers: FormAnswers
    outbox: str | None


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


def record(context: Context, resource: Mapping[str, Any], actor: Actor) -> Recorded:
    """Record a check-in; `resource` is a FHIR R4 QuestionnaireResponse as any form filler makes it.

    One that cannot be relied on as a whole (another version, not finished, without a date) is kept and not counted. A
    correction names the check-in that it corrects by the extension `corrects`. Raises InvalidInput only for what is no
    check-in, or does not say whom it is about, CannotTell when it cannot be made durable.
    """
    form = form_of(resource)
    answers = read_response(form, resource)
    id, at = context.new_id(), context.now()

    def work(tx: Transaction) -> Recorded:
        earlier = _corrected(tx, resource, answers.subject)
        response = earlier[-1].content["response"] if earlier else id
        bundle = _bundle(context, form, answers, response, earlier)
        outbox, waiting = None, []
        if bundle is not None:
            _overtake(tx, context, earlier, actor)
            outbox, queued = enqueue(
                tx,
                context,
                actor,
                at,
                kind=Sending.CHECK_IN,
                person=answers.subject,
                plan=id,
                record=Kind.CHECKIN_RECORDED,
                content={"bundle": bundle},
            )
            waiting = [queued]
        salt = secrets.token_hex(16)
        kept = {"salt": salt, "response": response, "resource": dict(resource), "outbox": outbox}
        tx.put_check_in(id, answers.subject, kept)
        details = {"check_in": id, "digest": digest_of(kept)}
        made = Record(
            kind=Kind.CHECKIN_RECORDED,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=answers.subject,
            outcome="readable" if not answers.faults else "unreadable-parts",
            details=details,
        )
        context.record(tx, actor, at, made, *waiting)
        return Recorded(id, response, answers, outbox)

    return context.commit(work, lambda tx: tx.check_in(id) is not None)


def digest_of(content: Mapping[str, Any]) -> str:
    """Return the salted digest of a check-in's row: what its record holds."""
    # As text: what a form filler wrote may hold numbers that canonical JSON does not know.
    said = json.dumps(content["resource"], ensure_ascii=False, sort_keys=True)
    return digest(content["salt"], {**content, "resource": said, "salt": ""})


def _corrected(tx: Transaction, resource: Mapping[str, Any], person: str) -> tuple[CheckInRow, ...]:
    """Return every version of the check-in that this one corrects, the newest last; none for no correction.

    Raises InvalidInput.
    """
    listed = resource.get("extension")
    named = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    cited = [one.get("valueReference") for one in named if one.get("url") == codes.CORRECTS]
    if not cited:
        return ()
    reference = cited[0].get("reference") if isinstance(cited[0], Mapping) else None
    rows = tx.check_ins(person)[0]
    found = tuple(row for row in rows if f"QuestionnaireResponse/{row.content['response']}" == reference)
    if not found:
        raise InvalidInput("corrects names no check-in of this person.", field="extension", hint=_CORRECTS)
    return found


_CORRECTS: Final = "It names QuestionnaireResponse/ID: the id that the check-in had in its answer."


def _overtake(tx: Transaction, context: Context, earlier: Sequence[CheckInRow], actor: Actor) -> None:
    """Stop versions that still wait for the EHR: sent later, they would be written over the correction."""
    for one in earlier:
        try:
            waiting = tx.outbox(one.content["outbox"]) if one.content["outbox"] else None
        except SealBroken:
            continue  # it is sent by nobody
        if waiting is not None and waiting.state in OPEN:
            move(tx, context, waiting, Delivery.REPLACED, actor, Kind.CHECKIN_RECORDED, "replaced")


def _bundle(
    context: Context, form: Form, answers: FormAnswers, response: str, earlier: Sequence[CheckInRow]
) -> dict[str, Any] | None:
    """Return the Bundle that puts a check-in into the person's own chart, None for what does not go there."""
    if not answers.relied_on or not answers.subject.startswith("Patient/"):
        return None
    said = replace(answers, status="amended" if earlier else answers.status)
    made = _resources(context, form, said, response)
    now: set[str] = {one["id"] for one in made}
    gone: dict[str, dict[str, Any]] = {}
    for before in earlier:
        said_then = read_response(form, before.content["resource"])
        gone |= {one["id"]: one for one in _resources(context, form, said_then, response) if one["id"] not in now}
    made += [{**one, "status": ENTERED_IN_ERROR} for one in gone.values()]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [put(one, "") for one in made]}
    require_valid(bundle)
    return bundle


def _resources(context: Context, form: Form, answers: FormAnswers, response: str) -> list[dict[str, Any]]:
    """Return the response and its Observations: nothing of what is not relied on."""
    if not answers.relied_on:
        return []
    said, us_core = replace(answers, entry=_readable(answers.entry), faults=()), context.settings.us_core
    made = [response_of(form, said, id=response, us_core=us_core)]
    made += observations(form, said, response_id=response, us_core=us_core)
    if not context.policy.demo:
        return made
    return [{**one, "meta": {**one["meta"], "security": [codes.TEST_DATA]}} for one in made]


def _readable(entry: Entry) -> Entry:
    """Return the answers without those that could not be read: they stay in the sealed row as they came."""
    given = {link: Skipped() if isinstance(one, Unreadable) else one for link, one in entry.given.items()}
    below = {link: tuple(_readable(one) for one in listed) for link, listed in entry.entries.items()}
    return Entry(given, below)


def resource_of(row: CheckInRow) -> dict[str, Any]:
    """Return a recorded response under the id that the chart calls it by."""
    return {**row.content["resource"], "id": row.content["response"]}
