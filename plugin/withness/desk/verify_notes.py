"""Verifying the notes: each version and each process note opens, and is the one that its record stands for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf
from withness.core.people import People
from withness.desk.digests import digest
from withness.desk.note_discarding import discard_digest
from withness.desk.notes import digest_of, discarded_versions, signed_text
from withness.desk.verify_ledger import Ledger
from withness.errors import SealBroken
from withness.signing import verifies
from withness.store.rows import NoteRow
from withness.store.transaction import Transaction

_CHANGED = "the note that it records was changed"
_UNSIGNED = "the note that it records is not signed by its author's key"


@dataclass(frozen=True)
class NotesRun:
    """What the records so far say of the notes, to hold the rows against."""

    tx: Transaction
    ledger: Ledger

    def take(self, leaf: Leaf, details: Mapping[str, Any], people: People) -> None:
        """Take in one record; `people` are those enrolled before it."""
        if leaf.kind != Kind.NOTE_SAVED:
            return
        if "process_note" in details:
            self.ledger.say("process-note", details["process_note"], details["digest"], leaf.seq, leaf.actor)
        if "note" not in details or not ("digest" in details or "discarded" in details):
            return
        note, number = details["note"], details["version"]
        self.ledger.say("note", note, details["note_state"], leaf.seq)
        if "discarded" in details:
            self.ledger.add_part("discarded", note, number, details["discarded"], leaf.seq)
            return
        if "rendered" in details:
            author = people.get(leaf.actor)
            key = author.key if author is not None and author.active else ""
            self.ledger.add_part("signed", note, number, json.dumps(details), leaf.seq, key)
        else:
            self.ledger.add_part("version", note, number, details["digest"], leaf.seq)
            self.ledger.say("note-request", leaf.request_id or "", note, leaf.seq)
            self.ledger.say_first("note-kind", note, details.get("kept", ""), leaf.seq)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        self.ledger.found("note", self.tx.pairs("note", "id", "state"))
        for said in self.ledger.missing("note"):
            yield Damage("the note that it records is missing", said.seq)
        for said, state in self.ledger.both("note"):
            if state != said.value:
                yield Damage("the note that it records does not stand where the trail says", said.seq)
        for _ in range(self.ledger.unnamed("note")):
            yield Damage("a note is there that no record names")
        if self.tx.opens:
            for said, _ in self.ledger.both("note"):
                yield from self._note(said.id, said.seq)
        yield from self._requests()
        yield from self._process_notes()

    def _note(self, id: str, newest: int) -> Iterator[Damage]:
        try:
            row = self.tx.note(id)
        except SealBroken:
            yield Damage(_CHANGED, newest)
            return
        if row is None:
            return
        said = {one.number: one for one in self.ledger.parts("version", id)}
        kind = self.ledger.said("note-kind", id)
        numbers = [one["number"] for one in row.content["versions"]]
        if numbers != list(range(1, len(numbers) + 1)) or row.kind.value != (kind.value if kind else None):
            yield Damage(_CHANGED, newest)
        kept = {one["number"]: one for one in row.content["versions"]}
        for number, wanted in said.items():
            if number not in kept or digest_of(kept[number]) != wanted.value or not _of(row, kept[number]):
                yield Damage(_CHANGED, wanted.seq)
        if kept.keys() - said.keys():
            yield Damage("a version of a note is there that no record names", newest)
        mine = self.ledger.parts("signed", id)
        for one in mine:
            yield from self._signature(id, kept.get(one.number, {}), json.loads(one.value), one.key, one.seq)
        if {number for number, one in kept.items() if "signed" in one} != {one.number for one in mine}:
            yield Damage("a note is signed otherwise than its records say", newest)
        discarded = [one.value for one in self.ledger.parts("discarded", id)]
        if [discard_digest(one) for one in row.content.get("discarded", ())] != discarded:
            yield Damage("a draft was discarded otherwise than its records say", newest)
        if {one.number for one in mine} & {*discarded_versions(row)}:
            yield Damage("a version of a note was discarded and signed", newest)

    def _signature(
        self, id: str, version: Mapping[str, Any], details: Mapping[str, Any], key: str, seq: int
    ) -> Iterator[Damage]:
        signed = version.get("signed", {})
        rendered = digest(signed["salt"], signed["pages"]) if signed else ""
        if rendered != details["rendered"] or digest_of(version, signed=True) != details["digest"]:
            yield Damage(_CHANGED, seq)
        elif "key" in signed:
            text = signed_text(self.tx.facts().get("data_id", ""), id, version)
            if signed["key"] != key or not verifies(key, text, signed["signature"]):
                yield Damage(_UNSIGNED, seq)

    def _requests(self) -> Iterator[Damage]:
        """Each request is known by the note that it saved: else a repeated one would save a second note."""
        self.ledger.found("note-request", self.tx.pairs("note_request", "request_id", "note"))
        others = any(said.value != note for said, note in self.ledger.both("note-request"))
        missing = next(self.ledger.missing("note-request"), None) is not None
        if others or missing or self.ledger.unnamed("note-request"):
            yield Damage("the requests that saved notes are not those that the trail records")

    def _process_notes(self) -> Iterator[Damage]:
        self.ledger.found("process-note", self.tx.pairs("process_note", "id", "author"), person=True)
        for said, _ in self.ledger.both("process-note"):
            if self.tx.opens and not self._fits(said.id, said.person, said.value):
                yield Damage("the process note that it records was changed", said.seq)
        for _ in range(self.ledger.unnamed("process-note")):
            yield Damage("a process note is there that no record names")
        for said in self.ledger.missing("process-note"):
            yield Damage("the process note that it records is missing", said.seq)

    def _fits(self, id: str, author: str, said: str) -> bool:
        try:
            row = self.tx.process_note(id)
        except SealBroken:
            return False
        return row is not None and row.author == author and digest(row.content["salt"], row.content["file"]) == said


def _of(row: NoteRow, version: Mapping[str, Any]) -> bool:
    """Whether a version is one of this note: the same template, members and author."""
    return all(version["file"].get(name) == row.content[name] for name in ("template", "members", "author"))
