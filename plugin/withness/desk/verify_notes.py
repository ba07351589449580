"""Verifying the notes: each version and each process note opens, and is the one that its record stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf
from withness.core.people import People
from withness.desk.digests import digest
from withness.desk.note_discarding import discard_digest
from withness.desk.notes import digest_of, discarded_versions, signed_text
from withness.errors import SealBroken
from withness.signing import verifies
from withness.store.rows import NoteRow
from withness.store.transaction import Transaction

_CHANGED = "the note that it records was changed"
_UNSIGNED = "the note that it records is not signed by its author's key"


@dataclass
class NotesRun:
    """What the records so far say of the notes, to hold the rows against."""

    tx: Transaction
    states: dict[str, tuple[str, int]] = field(default_factory=dict)
    versions: dict[str, dict[int, tuple[str, int]]] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    signed: list[tuple[str, int, Mapping[str, Any], str, int]] = field(default_factory=list)
    discarded: dict[str, list[str]] = field(default_factory=dict)
    apart: dict[str, tuple[str, str, int]] = field(default_factory=dict)

    def take(self, leaf: Leaf, details: Mapping[str, Any], people: People) -> None:
        """Take in one record; `people` are those enrolled before it."""
        if leaf.kind != Kind.NOTE_SAVED:
            return
        if "process_note" in details:
            self.apart[details["process_note"]] = (leaf.actor, details["digest"], leaf.seq)
        if "note" not in details or not ("digest" in details or "discarded" in details):
            return
        note, number = details["note"], details["version"]
        self.states[note] = (details["note_state"], leaf.seq)
        if "discarded" in details:
            self.discarded.setdefault(note, []).append(details["discarded"])
            return
        if "rendered" in details:
            author = people.get(leaf.actor)
            key = author.key if author is not None and author.active else ""
            self.signed.append((note, number, details, key, leaf.seq))
        else:
            self.versions.setdefault(note, {})[number] = (details["digest"], leaf.seq)
            self.requests[leaf.request_id or ""] = note
            self.kinds.setdefault(note, details.get("kept", ""))

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        found = self.tx.note_states()
        for id, (state, seq) in self.states.items():
            if id not in found:
                yield Damage("the note that it records is missing", seq)
            elif found[id] != state:
                yield Damage("the note that it records does not stand where the trail says", seq)
        for _ in found.keys() - self.states.keys():
            yield Damage("a note is there that no record names")
        if self.tx.opens:
            for id, (_, seq) in self.states.items():
                if id in found:
                    yield from self._note(id, seq)
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
        said = self.versions.get(id, {})
        numbers = [one["number"] for one in row.content["versions"]]
        if numbers != list(range(1, len(numbers) + 1)) or row.kind.value != self.kinds.get(id):
            yield Damage(_CHANGED, newest)
        kept = {one["number"]: one for one in row.content["versions"]}
        for number, (wanted, seq) in said.items():
            if number not in kept or digest_of(kept[number]) != wanted or not _of(row, kept[number]):
                yield Damage(_CHANGED, seq)
        if kept.keys() - said.keys():
            yield Damage("a version of a note is there that no record names", newest)
        mine = [one for one in self.signed if one[0] == id]
        for _, number, details, key, seq in mine:
            yield from self._signature(id, kept.get(number, {}), details, key, seq)
        if {number for number, one in kept.items() if "signed" in one} != {one[1] for one in mine}:
            yield Damage("a note is signed otherwise than its records say", newest)
        if [discard_digest(one) for one in row.content.get("discarded", ())] != self.discarded.get(id, []):
            yield Damage("a draft was discarded otherwise than its records say", newest)
        if {one[1] for one in mine} & {*discarded_versions(row)}:
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
        if dict(self.tx.note_requests()) != self.requests:
            yield Damage("the requests that saved notes are not those that the trail records")

    def _process_notes(self) -> Iterator[Damage]:
        wanted = dict(self.apart)
        for id in self.tx.process_note_ids():
            author, said, seq = wanted.pop(id, ("", "", -1))
            if seq < 0:
                yield Damage("a process note is there that no record names")
            elif self.tx.opens and not self._fits(id, author, said):
                yield Damage("the process note that it records was changed", seq)
        for _, _, seq in wanted.values():
            yield Damage("the process note that it records is missing", seq)

    def _fits(self, id: str, author: str, said: str) -> bool:
        try:
            row = self.tx.process_note(id)
        except SealBroken:
            return False
        return row is not None and row.author == author and digest(row.content["salt"], row.content["file"]) == said


def _of(row: NoteRow, version: Mapping[str, Any]) -> bool:
    """Whether a version is one of this note: the same template, members and author."""
    return all(version["file"].get(name) == row.content[name] for name in ("template", "members", "author"))
