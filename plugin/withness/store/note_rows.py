"""The notes' rows inside one transaction, and, in a table of their own, the process notes'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, insert, select

from withness.audit.record import Kind, Leaf
from withness.core.note import Kept
from withness.store import schema
from withness.store.rows import NoteRow, NoteState, ProcessNoteRow
from withness.store.sealed import Sealed


class NoteRows(Sealed):
    """Notes: one row each, every version of its text in it. Process notes: appended, and never changed."""

    # -- notes

    def put_note(self, row: NoteRow) -> None:
        """Insert a note or replace what is kept of it."""
        plain = (row.id, row.kind.value, row.state.value, row.updated_at)
        values = dict(zip(_NOTE, plain, strict=True)) | {"content": self._close(row.content, "note", *plain)}
        self._upsert(schema.note, values, "id")

    def note(self, id: str) -> NoteRow | None:
        """Return one note. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.note).where(schema.note.c.id == id)).first()
        return self._note(row) if row else None

    def _note(self, row: Row[Any]) -> NoteRow:
        content = self._open(row.content, "note", row.id, row.kind, row.state, row.updated_at)
        return NoteRow(row.id, Kept(row.kind), NoteState(row.state), row.updated_at, content)

    def note_ids(self) -> tuple[str, ...]:
        """Return every note's id, the one changed last first, without opening any."""
        query = select(schema.note.c.id).order_by(schema.note.c.updated_at.desc(), schema.note.c.id)
        return tuple(self._connection.execute(query).scalars())

    def note_states(self) -> dict[str, str]:
        """Return the state of every note by id, without opening any."""
        return {row.id: row.state for row in self._connection.execute(select(schema.note.c.id, schema.note.c.state))}

    def put_note_request(self, request_id: str, note: str) -> None:
        """Append that this request saved this note."""
        self._connection.execute(insert(schema.note_request), {"request_id": request_id, "note": note})

    def note_requests(self) -> dict[str, str]:
        """Return the note that each request saved."""
        columns = (schema.note_request.c.request_id, schema.note_request.c.note)
        return {row.request_id: row.note for row in self._connection.execute(select(*columns))}

    def note_of(self, request_id: str) -> str | None:
        """Return the id of the note that a request saved, None for a new request."""
        query = select(schema.note_request.c.note).where(schema.note_request.c.request_id == request_id)
        return self._connection.execute(query).scalar()

    # -- what a note is prefilled with

    def last_decision(self, person: str) -> Leaf | None:
        """Return the newest record of a decision about this person: nothing is decided by reading it."""
        return self._newest(person, Kind.GATE_DECIDED)

    def last_screen(self, person: str) -> Leaf | None:
        """Return the newest record of a screen of this person, without opening the screen."""
        return self._newest(person, Kind.SCREEN_RECORDED, Kind.SCREEN_CORRECTED)

    def _newest(self, person: str, *kinds: Kind) -> Leaf | None:
        leaf = schema.audit_leaf.c
        mine = (leaf.patient == person) & leaf.kind.in_([one.value for one in kinds])
        query = select(schema.audit_leaf).where(mine, leaf.outcome.is_distinct_from("refused"))
        row = self._connection.execute(query.order_by(leaf.seq.desc()).limit(1)).first()
        return Leaf(*row) if row else None

    # -- process notes

    def put_process_note(self, id: str, author: str, written_at: str, content: Mapping[str, Any]) -> None:
        """Append a process note."""
        sealed = self._close(content, "process_note", id, author, written_at)
        values = {"id": id, "author": author, "written_at": written_at, "content": sealed}
        self._connection.execute(insert(schema.process_note), values)

    def process_note(self, id: str) -> ProcessNoteRow | None:
        """Return one process note. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.process_note).where(schema.process_note.c.id == id)).first()
        if row is None:
            return None
        content = self._open(row.content, "process_note", row.id, row.author, row.written_at)
        return ProcessNoteRow(row.id, row.author, row.written_at, content)

    def process_notes_of(self, author: str) -> tuple[tuple[str, str], ...]:
        """Return id and time of an author's process notes, newest first, without opening any."""
        note = schema.process_note.c
        query = select(note.id, note.written_at).where(note.author == author)
        return tuple(
            (row.id, row.written_at)
            for row in self._connection.execute(query.order_by(note.written_at.desc(), note.id))
        )

    def process_note_ids(self, author: str | None = None) -> tuple[str, ...]:
        """Return the ids of the process notes, of one author where given, newest first, without opening any."""
        query = select(schema.process_note.c.id).order_by(
            schema.process_note.c.written_at.desc(), schema.process_note.c.id
        )
        if author is not None:
            query = query.where(schema.process_note.c.author == author)
        return tuple(self._connection.execute(query).scalars())


_NOTE = ("id", "kind", "state", "updated_at")
