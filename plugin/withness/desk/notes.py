"""Saving a note: a draft is always kept, complete or not, on a damaged trail too, and with the EHR away (contracts I7).

Every text that was saved stays as a version of its note. A record holds ids, states and digests, never a word:

    {"digest":"<sha-256>","kept":"record","note":"<uuid>","note_state":"draft","version":2}
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness import strict_json
from withness.audit.record import Kind, Record, canonical, instant
from withness.core.note import Kept, Note, NoteTemplate
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.note_pages import Found, look
from withness.desk.note_release import may_carry
from withness.errors import CannotTell, Conflict, InvalidInput
from withness.store.rows import NoteRow, NoteState
from withness.store.transaction import Transaction

LIST: Final = "Run: withness note show"
MOST_REASON: Final = 2_000
WAS_DISCARDED: Final = "This draft was discarded: it is not signed."
TAKE_UP: Final = "To take it up again, save it anew: withness note save FILE --id ID"
SIGNED: Final = (NoteState.SIGNED, NoteState.AMENDED)
"""Notes whose newest version is signed: a change of them is an amendment."""

_DRAFTS: Final = {
    None: NoteState.DRAFT,
    NoteState.DRAFT: NoteState.DRAFT,
    NoteState.DISCARDED: NoteState.DRAFT,
    NoteState.SIGNED: NoteState.AMENDING,
    NoteState.AMENDED: NoteState.AMENDING,
    NoteState.AMENDING: NoteState.AMENDING,
}
"""Where a note stands once a draft was saved, by where it stood before."""


@dataclass(frozen=True)
class Saved:
    """What a save came to; `row` is None when the plan that the note carries is not released."""

    row: NoteRow | None
    number: int
    found: Found
    template: NoteTemplate
    note: Note


@dataclass(frozen=True)
class _Asked:
    """One note on its way into the store. `id` is the note that it is a further version of, `reason` an amendment's."""

    context: Context
    file: Mapping[str, Any]
    template: NoteTemplate
    note: Note
    actor: Actor
    id: str
    reason: str

    @property
    def digest(self) -> str:
        """What a repeated request must equal: the file (RFC 8785), who asks, and of which note."""
        asked = {"file": dict(self.file), "actor": self.actor.ref, "id": self.id, "reason": self.reason}
        return hashlib.sha256(canonical(asked)).hexdigest()


def read(context: Context, file: Mapping[str, Any]) -> tuple[NoteTemplate, Note]:
    """Return a note file's template and note. Raises InvalidInput naming the first field that cannot be taken."""
    from withness.packs.note_file import read_note

    try:
        note = read_note(file, context.note_templates)
    except InvalidInput as error:
        if error.field == "template":
            error.hint = "Run: withness note list. Templates of your own are in the folder that WITHNESS_PACKS names."
        raise
    return context.note_templates[note.template], note


def save(context: Context, file: Mapping[str, Any], actor: Actor, *, id: str = "") -> Saved:
    """Save a draft, or with `id` a further version of one; say what is still missing.

    The two documents that carry a plan are saved from a released one only. The same request with the same file and
    actor answers again. Raises InvalidInput (before anything is written), Conflict, CannotTell.
    """
    return _save(_asked(context, file, actor, id, ""))


def amend(context: Context, id: str, file: Mapping[str, Any], reason: str, actor: Actor) -> Saved:
    """Save the draft of an amendment: the signed version stands until this one is signed. Raises as `save`."""
    if not isinstance(reason, str) or not reason.strip() or len(reason) > MOST_REASON:
        said = f"An amendment needs a reason, at most {MOST_REASON} characters."
        raise InvalidInput(said, field="reason")
    strict_json.check({"reason": reason}, name="the reason")
    return _save(_asked(context, file, actor, id, reason))


def _asked(context: Context, file: Mapping[str, Any], actor: Actor, id: str, reason: str) -> _Asked:
    template, note = read(context, file)
    if not note.request_id:
        raise InvalidInput("request_id is missing: a UUID of its own for each save.", field="request_id")
    if actor.ref != note.author:
        said = "A note is saved by its own author: nobody signs what somebody else put in."
        raise InvalidInput(said, field="actor", hint="Name the author with --actor, or be the author.")
    return _Asked(context, file, template, note, actor, id, reason)


def _save(asked: _Asked) -> Saved:
    found = look(asked.context, asked.template, asked.note)
    row, number = asked.context.commit(
        lambda tx: _keep(tx, asked), lambda tx: tx.note_of(asked.note.request_id) is not None
    )
    return Saved(row, number, found, asked.template, asked.note)


def _keep(tx: Transaction, asked: _Asked) -> tuple[NoteRow | None, int]:
    """Keep the text as a version of its note, in one transaction with its record."""
    context, at = asked.context, asked.context.now()
    known = tx.note_of(asked.note.request_id)
    if known is not None:
        return _again(require(tx, known), asked)
    row = _continued(require(tx, asked.id), asked) if asked.id else None
    if not may_carry(tx, asked.template, asked.note):
        context.record(tx, asked.actor, at, refusal_of(asked.template, asked.note, asked.actor, asked.id))
        return None, 0
    earlier = list(row.content["versions"]) if row else []
    version = _version(asked, len(earlier) + 1, at)
    content = {**(row.content if row else _head(asked)), "versions": [*earlier, version]}
    state = _DRAFTS[row.state if row else None]
    kept = NoteRow(row.id if row else context.new_id(), asked.template.kept, state, instant(at), content)
    tx.put_note(kept)
    tx.put_note_request(asked.note.request_id, kept.id)
    context.record(tx, asked.actor, at, record_of(kept, version, asked.actor, "draft", digest_of(version)))
    return kept, version["number"]


def require(tx: Transaction, id: str) -> NoteRow:
    """Return a note. Raises InvalidInput when there is none, SealBroken when it does not open."""
    row = tx.note(id)
    if row is None:
        raise InvalidInput("There is no note with this id.", field="ID", hint=LIST)
    return row


def _again(row: NoteRow, asked: _Asked) -> tuple[NoteRow, int]:
    """Answer a repeated request where the note stands now; nothing is written again."""
    version = next((one for one in row.content["versions"] if one["request_id"] == asked.note.request_id), None)
    if version is None:
        raise CannotTell("The note that this request saved does not say so: the database was changed.")
    if not hmac.compare_digest(str(version["asked"]), asked.digest):
        raise Conflict(
            "request_id was used before, with another note or by another actor.",
            field="request_id",
            hint="Repeat it as it was, or give what you changed a new request_id.",
        )
    return row, version["number"]


def _continued(row: NoteRow, asked: _Asked) -> NoteRow:
    """Check that a further version is one of the same note, and is asked for in the right way."""
    head = row.content
    for field, now in (
        ("template", asked.note.template),
        ("members", list(asked.note.members)),
        ("author", asked.note.author),
    ):
        if head[field] != now:
            said = f"{field} is another than this note's: begin a new note for that."
            raise InvalidInput(said, field=field)
    if row.state in SIGNED and not asked.reason:
        raise InvalidInput("This note is signed: it is amended, never changed.", field="id", hint=_AMEND)
    if row.state not in SIGNED and asked.reason:
        said = "There is no signed version to amend; this note has a draft already."
        raise InvalidInput(said, field="ID", hint="Run: withness note save FILE --id ID")
    return row


_AMEND: Final = "Run: withness note amend ID FILE --reason TEXT"


def _head(asked: _Asked) -> dict[str, Any]:
    note = asked.note
    return {"template": note.template, "members": list(note.members), "author": note.author}


def _version(asked: _Asked, number: int, at: datetime) -> dict[str, Any]:
    return {
        "number": number,
        "file": dict(asked.file),
        "actor": asked.actor.ref,
        "at": instant(at),
        "request_id": asked.note.request_id,
        "asked": asked.digest,
        "reason": asked.reason,
        "salt": secrets.token_hex(16),
    }


def digest_of(version: Mapping[str, Any], *, signed: bool = False) -> str:
    """Return the salted digest of a version as it was saved, or as it was signed: what its record holds."""
    left_out = ("salt",) if signed else ("salt", "signed")
    return digest(version["salt"], {name: value for name, value in version.items() if name not in left_out})


def signed_text(directory: str, note: str, version: Mapping[str, Any]) -> bytes:
    """Return the bytes that a key signs: the version, what was attested, and the pages, in this data directory."""
    signed = {name: version["signed"][name] for name in ("at", "attestation", "pages")}
    said = {**{name: value for name, value in version.items() if name != "salt"}, "signed": signed}
    return canonical({"directory": directory, "note": note, "version": said})


def record_of(row: NoteRow, version: Mapping[str, Any], actor: Actor, outcome: str, said: str) -> Record:
    """Return the record of a version. Of a unit, or of what is kept outside the record, it names nobody."""
    return Record(
        kind=Kind.NOTE_SAVED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=whose(row.kind, row.content["members"]),
        outcome=outcome,
        request=version["request_id"],
        details={
            "note": row.id,
            "version": version["number"],
            "note_state": row.state.value,
            "kept": row.kind.value,
            "digest": said,
        },
    )


def discarded_versions(row: NoteRow) -> tuple[int, ...]:
    """Return the numbers of the versions that were the newest when the draft was discarded."""
    return tuple(one["version"] for one in row.content.get("discarded", ()))


def whose(kept: Kept, members: list[str]) -> str | None:
    """Return whose record a note's record is in: one person's, or nobody's."""
    return members[0] if kept is Kept.RECORD and len(members) == 1 else None


def refusal_of(template: NoteTemplate, note: Note, actor: Actor, id: str) -> Record:
    """Return the record that a document was held because its plan is not released."""
    record = Record(
        kind=Kind.NOTE_SAVED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=whose(template.kept, list(note.members)),
        outcome="held",
        reason="plan-not-released",
        request=note.request_id,
        details={"plan": note.plan},
    )
    return replace(record, details={**record.details, "note": id}) if id else record
