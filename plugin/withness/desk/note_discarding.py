"""Putting a draft away: its author marks it as discarded, and the list leaves it out. Nothing of it is deleted.

Saving it anew takes it up again. A record holds ids and a salted digest, never the reason:

    {"discarded":"<sha-256>","kept":"record","note":"<uuid>","note_state":"discarded","version":2}
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from withness.audit.record import Kind, Record, instant
from withness.core.people import Refusal
from withness.desk.acts import refuse
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.desk.notes import LIST, require, whose
from withness.errors import Conflict, InvalidInput
from withness.store.rows import NoteRow, NoteState
from withness.store.transaction import Transaction


def discard(context: Context, id: str, reason: str, actor: Actor) -> NoteRow:
    """Mark a draft as discarded. The same once more answers where it stands.

    Raises InvalidInput for no reason, no note or one that was ever signed, Refused for anybody but its author, Conflict
    when it was discarded for another reason, CannotTell.
    """
    if not reason.strip():
        raise InvalidInput("reason must say why the draft is put away.", field="reason")
    with context.store.transaction() as tx:
        row = require(tx, id)
    if actor.ref != row.content["author"]:
        fault = Refusal("not-the-author", "Only its own author discards a draft.", "actor")
        refuse(context, actor, Kind.NOTE_SAVED, fault, person=whose(row.kind, row.content["members"]))
    return context.commit(
        lambda tx: _put_away(tx, context, id, reason, actor),
        lambda tx: require(tx, id).state is NoteState.DISCARDED,
    )


def _put_away(tx: Transaction, context: Context, id: str, reason: str, actor: Actor) -> NoteRow:
    row = require(tx, id)
    if row.state is NoteState.DISCARDED:
        return _again(row, reason)
    if any("signed" in one for one in row.content["versions"]):
        said = "This note was signed: it can never be discarded."
        raise InvalidInput(said, field="ID", hint="Amend it: withness note amend ID FILE --reason TEXT")
    at = context.now()
    entry = {
        "version": row.content["versions"][-1]["number"],
        "at": instant(at),
        "actor": actor.ref,
        "reason": reason,
        "salt": secrets.token_hex(16),
    }
    entries = [*row.content.get("discarded", ()), entry]
    content = {**row.content, "discarded": entries}
    kept = replace(row, state=NoteState.DISCARDED, updated_at=instant(at), content=content)
    tx.put_note(kept)
    context.record(tx, actor, at, _record(kept, entry, actor))
    return kept


def _again(row: NoteRow, reason: str) -> NoteRow:
    if row.content["discarded"][-1]["reason"] != reason:
        said = "This draft was discarded before, for another reason: that one stands."
        raise Conflict(said, field="ID", hint=f"{LIST} --all")
    return row


def discard_digest(entry: Mapping[str, Any]) -> str:
    """Return the salted digest of one discarding: what its record holds."""
    return digest(entry["salt"], {name: value for name, value in entry.items() if name != "salt"})


def _record(row: NoteRow, entry: Mapping[str, Any], actor: Actor) -> Record:
    return Record(
        kind=Kind.NOTE_SAVED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=whose(row.kind, row.content["members"]),
        outcome=row.state.value,
        details={
            "note": row.id,
            "version": entry["version"],
            "note_state": row.state.value,
            "kept": row.kind.value,
            "discarded": discard_digest(entry),
        },
    )
