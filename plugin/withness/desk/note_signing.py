"""Signing a note: its own author, when it is complete, claims nothing that may not be claimed, and gives nobody away.

A signed version never changes. Each member's chart gets that member's share as a document of its own, through the
outbox; an earlier document of the same note is superseded by it. Nothing here waits for a whole trail (contracts I7).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from withness.audit.record import Kind, instant
from withness.core.note import Kept, Note, NoteTemplate, stays_inside
from withness.core.people import Refusal
from withness.desk.acts import Signatures, enrolled, refuse
from withness.desk.amending import version_of
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.note_attested import Attested, as_signed, attestation, comments_before, said_when
from withness.desk.note_delivery import deliver_note
from withness.desk.note_documents import Earlier, documents, earlier_of
from withness.desk.note_pages import Page, look, pages
from withness.desk.note_release import may_carry
from withness.desk.note_withheld import require_days
from withness.desk.notes import (
    SIGNED,
    TAKE_UP,
    WAS_DISCARDED,
    digest_of,
    read,
    record_of,
    refusal_of,
    require,
    signed_text,
    whose,
)
from withness.desk.outbox import Sent, enqueue, move
from withness.desk.signing import keys_fault
from withness.errors import Conflict, InvalidInput, NoteNotReady
from withness.signing import Signer
from withness.store.rows import OPEN, Delivery, NoteRow, NoteState, Sending
from withness.store.sealed import readable
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Signed:
    """What a signature came to; `row` is None when the plan that the note carries is not released."""

    row: NoteRow | None
    sent: Mapping[str, Sent]


@dataclass(frozen=True)
class _Asked:
    """A version that is to be signed, and what is attested of it."""

    context: Context
    template: NoteTemplate
    note: Note
    row: NoteRow
    version: Mapping[str, Any]
    attested: Mapping[str, Any]

    @property
    def inside(self) -> bool:
        """Whether it stays inside Withness (contracts I8)."""
        labels = self.context.settings.ehr_enforces_labels
        return stays_inside(self.template, self.note, enforces_labels=labels)


@dataclass(frozen=True)
class _Ready:
    """What may be signed: its pages are rendered and its documents made before the lock is taken."""

    asked: _Asked
    pages: Mapping[str, Page]
    earlier: Mapping[str, Earlier]
    bundles: Mapping[str, Mapping[str, Any]]
    at: datetime


def sign(context: Context, id: str, actor: Actor, attested: Attested, signer: Signer | None = None) -> Signed:
    """Sign a note's newest version, and send its documents.

    The same signature once more answers where it stands. Raises InvalidInput and NoteNotReady (naming all that is
    missing), Refused for anybody but its author, Conflict when it was saved anew meanwhile, CannotTell.
    """
    with context.store.transaction() as tx:
        row = require(tx, id)
    version = row.content["versions"][-1]
    template, note = read(context, version["file"])
    _refuse_others(context, row, actor, signer)
    _require_day(context, note)
    require_days(attested.withheld, context.now().astimezone(context.settings.zone).date())
    said = attestation(template, note, attested, comments_before(row.content["versions"][:-1]))
    if row.state in SIGNED:
        return _signed_before(context, row, version, said)
    # What is attested is read with the note: it stands on the same pages.
    _require_ready(context, template, replace(note, attestation=as_signed(note, said, "")))
    rows = _written(_Asked(context, template, note, row, version, said), actor, signer)
    if rows is None:
        return Signed(None, {})
    sent = {member: deliver_note(context, outbox, actor) for member, outbox in rows.items()}
    with context.store.transaction() as tx:
        return Signed(require(tx, id), sent)


def _refuse_others(context: Context, row: NoteRow, actor: Actor, signer: Signer | None) -> None:
    """Refuse, on record, whoever is not the note's own author, and a key that is not theirs."""
    person = whose(row.kind, row.content["members"])
    fault: Refusal | None = None
    if actor.ref != row.content["author"] or (signer is not None and signer.who != actor.ref):
        fault = Refusal("not-the-author", "Only its own author signs a note.", "actor")
    elif signer is not None:
        with context.store.transaction() as tx:
            people = enrolled(tx)
        fault = keys_fault(people, Signatures(signer))
        if fault is None and (signer.who not in people or not people[signer.who].active):
            fault = Refusal("not-enrolled", "Whoever signs with a key is enrolled here: withness actor enrol.", "actor")
    if fault is not None:
        refuse(context, actor, Kind.NOTE_SAVED, fault, person=person)


def _require_day(context: Context, note: Note) -> None:
    """A draft may be made ready beforehand; nobody signs for a day to come. Raises InvalidInput."""
    if note.held_on > context.now().astimezone(context.settings.zone).date():
        raise InvalidInput("held_on is a day to come: a note is signed once it was held.", field="held_on")


def _signed_before(context: Context, row: NoteRow, version: Mapping[str, Any], said: Mapping[str, Any]) -> Signed:
    """Answer a repeated signature where it stands now. Raises Conflict for another one."""
    if version["signed"]["attestation"] != dict(said):
        raise Conflict(
            "This note is signed already; a signed version never changes.",
            field="ID",
            hint="Run: withness note amend ID FILE --reason TEXT",
        )
    ids = {id: who for who, id in version["signed"]["rows"].items()}
    with context.store.transaction() as tx:
        stands, _ = readable(tx.outbox, tuple(ids))
    return Signed(row, {ids[one.decision_id]: Sent(one.state) for one in stands})


def _require_ready(context: Context, template: NoteTemplate, note: Note) -> None:
    found = look(context, template, note, to_sign=True)
    if found.ready:
        return
    sentences = [f"Missing: {one['section']}, {one['title']} ({one['field']}). {one['help']}" for one in found.missing]
    sentences += [
        f"Not to be claimed: {one['field']}: {one['sentence']} {one['reason']} Write instead: {one['instead']}"
        for one in found.claims
    ]
    sentences += [f"{one['section']}, {one['title']} names a member. {one['help']}" for one in found.named]
    first = (*found.missing, *found.claims, *found.named)[0]["field"]
    raise NoteNotReady(
        "\n".join(("The note is kept as a draft, and cannot be signed yet.", *sentences)),
        field=first,
        answer={**found.as_dict(), "claims": [_wordless(one) for one in found.claims], "warnings": []},
    )


def _wordless(claim: Mapping[str, str]) -> dict[str, str]:
    """An error names the field and what is refused, and repeats nothing that was written there."""
    return {name: value for name, value in claim.items() if name != "words"}


class _Moved(Conflict):
    """An earlier document of the same note was sent, or began to be, since this one's was made."""


def _written(asked: _Asked, actor: Actor, signer: Signer | None) -> dict[str, str] | None:
    """Make the pages and documents without the lock, and write under it; made anew where an earlier one has moved."""
    for last in (False, False, True):
        write = partial(_write, ready=_prepare(asked), actor=actor, signer=signer)
        try:
            return asked.context.commit(write, lambda tx: require(tx, asked.row.id).state in SIGNED)
        except _Moved:
            if last:
                raise
    return None


def _prepare(asked: _Asked) -> _Ready:
    context, template, note, row = asked.context, asked.template, asked.note, asked.row
    at = context.now()
    signed = replace(note, attestation=as_signed(note, asked.attested, said_when(at, context.settings)))
    made = pages(context, template, signed)
    with context.store.transaction() as tx:
        charts = () if asked.inside or template.kept is not Kept.RECORD else note.members
        earlier = {who: earlier_of(tx, row, who) for who in charts}
        bundles = documents(tx, context, template, signed, row.id, asked.version["number"], made, earlier, at)
    return _Ready(asked, made, earlier, bundles, at)


def _write(tx: Transaction, ready: _Ready, actor: Actor, signer: Signer | None) -> dict[str, str] | None:
    """Write signature, records and outbox rows together; None when the plan that it carries is not released now."""
    asked, context = ready.asked, ready.asked.context
    row = require(tx, asked.row.id)
    stood = row.content["versions"][-1]["number"] == asked.version["number"]
    if row.state is NoteState.DISCARDED:
        raise Conflict(WAS_DISCARDED, field="ID", hint=TAKE_UP)
    if row.state in SIGNED or not stood:
        raise Conflict("This note was saved anew meanwhile: look at it, and sign what stands now.", field="ID")
    if any(earlier_of(tx, row, who) != one for who, one in ready.earlier.items()):
        raise _Moved("An earlier version of this note is on its way to the EHR: try again.", field="ID")
    if not may_carry(tx, asked.template, asked.note):
        context.record(tx, actor, ready.at, refusal_of(asked.template, asked.note, actor, row.id))
        return None
    rows, records = {}, []
    for who, bundle in ready.bundles.items():
        _stop(tx, context, ready.earlier[who], actor)
        content = {
            "bundle": bundle,
            "before": list(ready.earlier[who].documents),
            **_carried(tx, asked),
        }
        rows[who], queued = enqueue(
            tx,
            context,
            actor,
            ready.at,
            kind=Sending.NOTE,
            person=who,
            plan=row.id,
            record=Kind.NOTE_SAVED,
            content=content,
        )
        records.append(queued)
    version = _signed_version(tx, ready, rows, signer)
    state = NoteState.SIGNED if row.state is NoteState.DRAFT else NoteState.AMENDED
    kept = replace(
        row,
        state=state,
        updated_at=instant(ready.at),
        content={**row.content, "versions": [*row.content["versions"][:-1], version]},
    )
    tx.put_note(kept)
    made = record_of(kept, version, actor, state.value, digest_of(version, signed=True))
    rendered = digest(version["signed"]["salt"], version["signed"]["pages"])
    made = replace(
        made, asserted=signer is None, details={**made.details, "rendered": rendered, "documents": len(rows)}
    )
    context.record(tx, actor, ready.at, made, *records)
    return rows


def _carried(tx: Transaction, asked: _Asked) -> dict[str, str]:
    """Return the plan that the documents carry, and in which version: what is looked at again before they go."""
    row = tx.plan(asked.note.plan) if asked.template.needs_release else None
    return {"plan": row.id, "plan_version": version_of(row)} if row else {"plan": "", "plan_version": ""}


def _signed_version(tx: Transaction, ready: _Ready, rows: Mapping[str, str], signer: Signer | None) -> dict[str, Any]:
    """Return the version with what was attested, its pages as they were signed, and where they are on their way."""
    signed = {
        "at": instant(ready.at),
        "attestation": dict(ready.asked.attested),
        "pages": {who: vars(one) for who, one in ready.pages.items()},
        "rows": dict(rows),
        "inside": ready.asked.inside,
        "salt": secrets.token_hex(16),
    }
    version = {**ready.asked.version, "signed": signed}
    return {**version, "signed": {**signed, **_signature(tx, ready.asked.row.id, version, signer)}}


def _signature(tx: Transaction, note: str, version: Mapping[str, Any], signer: Signer | None) -> dict[str, str]:
    """Return a signature over what was written and attested, where the author's own key is at hand."""
    if signer is None:
        return {}
    return {"key": signer.public, "signature": signer.sign(signed_text(tx.facts().get("data_id", ""), note, version))}


def _stop(tx: Transaction, context: Context, earlier: Earlier, actor: Actor) -> None:
    """What still waits of an earlier version is sent no more: this one takes its place."""
    for id in earlier.rows:
        row = tx.outbox(id)
        if row is not None and row.state in OPEN:
            begun = row.attempts + (row.state is Delivery.SENDING)
            move(tx, context, replace(row, attempts=begun), Delivery.REPLACED, actor, Kind.NOTE_SAVED, "replaced")
