"""Psychotherapy process notes (45 CFR 164.501): a class apart, in a table of its own, for its author's eyes alone.

They are in no list of notes, no export and no outbox. A plan, a screen or a resource can never be put into one: what
the law leaves out of them belongs to the record. Each view is recorded; no record names the client.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from withness import strict_json
from withness.audit.record import Kind, Record, instant
from withness.core.people import Refusal
from withness.core.terms import reference
from withness.desk.acts import refuse
from withness.desk.context import Actor, Context
from withness.desk.digests import digest
from withness.errors import InvalidInput
from withness.store.rows import ProcessNoteRow
from withness.store.transaction import Transaction

KEYS: Final = ("members", "author", "held_on", "words")
OUTCOME: Final = "process-note"

_MOST_WORDS: Final = 50_000
_MOST_MEMBERS: Final = 30
_OURS: Final = ("resourceType", "unit", "goals", "template", "linkId", "items", "decision", "fields")
"""Keys by which a resource, a plan draft, a screen, an answer of ours or a note file is known."""

_BEGINS: Final = re.compile(r"[{\[]")
_PASTED: Final = re.compile(rf'"(?:{"|".join(_OURS)})"\s*:|xmlns\s*=\s*["\']http://hl7\.org/fhir', re.IGNORECASE)
"""Such data as it was pasted, whole or in part, as JSON or XML."""

_NOT_WORDS: Final = (
    "words holds data of the record (a plan, a screen, a note or a FHIR resource): a process note holds your own "
    "words alone."
)


def save(context: Context, file: Mapping[str, Any], actor: Actor) -> str:
    """Append a process note and return its id.

    Raises InvalidInput naming what cannot be taken, Refused for anybody but its author, CannotTell.
    """
    strict_json.check(file, name="the process note")
    _check(file)
    if actor.ref != file["author"]:
        _refuse(context, actor)
    id, at, salt = context.new_id(), context.now(), secrets.token_hex(16)
    content = {name: file[name] for name in KEYS}

    def work(tx: Transaction) -> str:
        tx.put_process_note(id, file["author"], instant(at), {"salt": salt, "file": content})
        details = {"process_note": id, "digest": digest(salt, content)}
        context.record(tx, actor, at, _record(Kind.NOTE_SAVED, actor, details))
        return id

    return context.commit(work, lambda tx: id in tx.process_note_ids(file["author"]))


def show(context: Context, id: str, actor: Actor) -> ProcessNoteRow:
    """Return a process note to its author, on record. Raises InvalidInput, Refused, SealBroken."""
    with context.store.transaction() as tx:
        mine = id in tx.process_note_ids(actor.ref)
        there = mine or id in tx.process_note_ids()
        row = tx.process_note(id) if mine else None
        if row is not None:
            context.record(tx, actor, context.now(), _record(Kind.TRAIL_VIEWED, actor, {"process_note": id}))
    if there and not mine:
        _refuse(context, actor, Kind.TRAIL_VIEWED)
    if row is None:
        raise InvalidInput("There is no process note with this id.", field="ID")
    return row


def own(context: Context, actor: Actor) -> tuple[tuple[str, str], ...]:
    """Return id and time of the author's own process notes, newest first; nobody sees that others have any."""
    with context.store.transaction() as tx:
        return tx.process_notes_of(actor.ref)


def _refuse(context: Context, actor: Actor, kind: Kind = Kind.NOTE_SAVED) -> None:
    fault = Refusal("not-the-author", "A process note is written and read by its own author alone.", "actor")
    refuse(context, actor, kind, fault, person=None)


def _record(kind: Kind, actor: Actor, details: Mapping[str, Any]) -> Record:
    return Record(kind=kind, actor=actor.ref, os_user=actor.os_user, outcome=OUTCOME, details=details)


def _check(file: Mapping[str, Any]) -> None:
    for name in file:
        if name not in KEYS:
            said = f"A process note holds {', '.join(KEYS)} and nothing else."
            raise InvalidInput(said, field=name if name.isidentifier() else "the process note")
    for name in KEYS:
        if name not in file:
            raise InvalidInput(f"{name} is missing.", field=name)
    members = file["members"]
    if not isinstance(members, list) or not 1 <= len(members) <= _MOST_MEMBERS:
        raise InvalidInput("members must name whom it is about.", field="members")
    for index, who in enumerate(members):
        reference(str(who), "Patient", "RelatedPerson", field=f"members[{index}]")
    reference(str(file["author"]), "Practitioner", "PractitionerRole", field="author")
    _check_day(file["held_on"])
    _check_words(file["words"])


def _check_day(day: object) -> None:
    try:
        date.fromisoformat(day if isinstance(day, str) and len(day) == len("2026-11-21") else "")
    except ValueError:
        raise InvalidInput("held_on must be a day, YYYY-MM-DD.", field="held_on") from None


def _check_words(words: object) -> None:
    if not isinstance(words, str) or not words.strip() or len(words) > _MOST_WORDS:
        raise InvalidInput(f"words must be your own words, at most {_MOST_WORDS} characters.", field="words")
    if _PASTED.search(words) or any(_is_data(one) for one in _objects(words)):
        raise InvalidInput(_NOT_WORDS, field="words", hint="What belongs to the record goes into a note: see note list")


def _objects(text: str) -> Iterator[Any]:
    """Yield each JSON object or list that stands in a text, wherever it begins."""
    decoder, at = json.JSONDecoder(), 0
    while (begins := _BEGINS.search(text, at)) is not None:
        try:
            value, at = decoder.raw_decode(text, begins.start())
        except (ValueError, RecursionError):
            at = begins.end()
            continue
        yield value


def _is_data(value: Any) -> bool:
    """Whether a JSON value, or anything in it, is a resource or a file of the record."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            if any(key in _OURS for key in one):
                return True
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return False
