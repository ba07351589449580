"""The public API's notes as they are looked at: the list, one with its versions, and each member's page of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from withness import strict_json
from withness.core.note import Kept, Note, NoteTemplate
from withness.desk import note_own, note_pages, note_told, notes
from withness.desk.context import Context
from withness.desk.note_attested import signed_when
from withness.desk.note_documents import documents
from withness.desk.note_release import may_carry
from withness.desk.telling import may_see
from withness.errors import Conflict, InvalidInput, Refused
from withness.store.rows import NoteRow, NoteState
from withness.store.transaction import Transaction

FORMATS: Final = ("md", "html", "text", "fhir")


class NoteViews:
    """What stands, and the pages of it: looking writes nothing."""

    _context: Context

    def notes(self, *, actor: str = "", discarded: bool = False) -> list[dict[str, Any]]:
        """Return the saved notes, the one changed last first, without their words; the `discarded` drafts if asked for.

        What is kept outside the client's record is listed for its author alone. One whose row does not open is listed
        as unreadable; it never hides the others.
        """
        _refuse_proxy(actor)
        with self._context.store.transaction() as tx:
            listed = [note_told.listed(tx, id, self._context.note_templates, actor) for id in tx.note_ids()]
        left_out = "" if discarded else NoteState.DISCARDED.value
        return [one for one in listed if one is not None and one["state"] != left_out]

    def note(self, id: str, *, actor: str = "") -> dict[str, Any]:
        """Return one note with every version of its text. Raises InvalidInput when there is none, Refused.

        Its own author is told what stays `inside`, which no page shows; and its `words`, where its template is gone.
        """
        _refuse_proxy(actor)
        with self._context.store.transaction() as tx:
            row = notes.require(tx, id)
            _refuse_others(row, actor)
            versions = [note_told.version(tx, row, one) for one in row.content["versions"]]
        head = note_told.head(row, self._context.note_templates)
        found = self._found(row.content["versions"][-1]["file"], mine=actor == row.content["author"])
        return {**head, "discarded": note_told.discardings(row), "versions": versions, **found}

    def _found(self, file: Mapping[str, Any], *, mine: bool) -> dict[str, Any]:
        """Return what is found in a saved text, and what its author alone is shown beside the pages.

        Of one whose template is gone or has changed since, nothing can be found.
        """
        try:
            template, note = notes.read(self._context, file)
        except InvalidInput as error:
            gone = note_own.unreadable(self._context, file, error)
            told = {"unreadable": gone, "inside": [], "words": note_own.words(file) if mine else []}
            return {**note_pages.NOTHING_FOUND.as_dict(), **told}
        labels = self._context.settings.ehr_enforces_labels
        kept = note_own.inside(template, note, enforces_labels=labels) if mine else []
        told = {"unreadable": "", "inside": kept, "words": []}
        return {**note_pages.look(self._context, template, note).as_dict(), **told}

    def _read(self, row: NoteRow, file: Mapping[str, Any]) -> tuple[NoteTemplate, Note]:
        """Return a saved text's template and note. Raises InvalidInput saying where one that is gone came from."""
        try:
            return notes.read(self._context, file)
        except InvalidInput as error:
            hint = f"To read its words, as its author: withness note show {row.id} --actor {row.content['author']}"
            said = note_own.unreadable(self._context, file, error)
            raise InvalidInput(said, field=error.field, hint=hint) from None

    def render_note(
        self,
        note: Mapping[str, Any] | str,
        *,
        format: str = "md",
        layout: str = "",
        member: str = "",
        version: int = 0,
        copy: bool = False,
        actor: str = "",
    ) -> str:
        """Return one member's page of a note file, or of a saved note by its id, as md, html, text or fhir (a Bundle).

        Without `version` a saved note's newest one; one that is signed is shown as it was signed. A document whose plan
        is not released is marked as a preview. `copy`: the page that the client takes home, where a note has one.
        """
        _refuse_proxy(actor)
        if format not in FORMATS:
            raise InvalidInput(f"format must be one of: {', '.join(FORMATS)}.", field="format")
        if copy and (format == "fhir" or layout):
            raise InvalidInput(
                "The copy is a page to take home: it has no layouts and goes into no chart.", field="copy"
            )
        if isinstance(note, str):
            return self._render_saved(note, format, layout, member, version, actor, copy=copy)
        if version:
            raise InvalidInput("A version is a saved note's: name the note by its id.", field="version")
        strict_json.check(note, name="the note")
        template, read = notes.read(self._context, note)
        if copy:
            return self._copy(template, read, format, member)
        return self._render(template, read, format, layout, member, note_id=self._context.new_id())

    def _copy(self, template: NoteTemplate, note: Note, format: str, member: str) -> str:
        from withness.packs.note_copy import copy_of, taken_home

        own = copy_of(template)
        if own is None:
            hint = "Its page is shown without --copy."
            raise InvalidInput("This note has no copy of its own to take home.", field="copy", hint=hint)
        who = _whose_page(template.kept, note.members, member)
        return _form(vars(self._page(own, taken_home(note, note.attestation), who)), format)

    def _render_saved(
        self, id: str, format: str, layout: str, member: str, version: int, actor: str, *, copy: bool
    ) -> str:
        with self._context.store.transaction() as tx:
            row = notes.require(tx, id)
            _refuse_others(row, actor)
            found = next((one for one in reversed(row.content["versions"]) if version in (0, one["number"])), None)
            if found is None:
                raise InvalidInput("This note has no such version.", field="version")
            if "signed" in found and not layout and not copy and self._may_be_shown(tx, found):
                return _as_signed(tx, row, found, format, member)
        template, note = self._read(row, found["file"])
        if copy:
            signed = signed_when(note, found["signed"], self._context.settings) if "signed" in found else None
            return self._copy(template, replace(note, attestation=signed), format, member)
        return self._render(template, note, format, layout, member, note_id=id, number=found["number"])

    def _may_be_shown(self, tx: Transaction, version: Mapping[str, Any]) -> bool:
        """Whether a signed page may be shown as it was signed: one that carries a plan only while that is released."""
        template = self._context.note_templates.get(version["file"]["template"])
        if template is None or not template.needs_release:
            return True
        try:
            return may_carry(tx, *notes.read(self._context, version["file"]))
        except Conflict:  # it carries another version of the plan than the one that stands
            return False

    def _render(
        self,
        template: NoteTemplate,
        note: Note,
        format: str,
        layout: str,
        member: str,
        *,
        note_id: str,
        number: int = 1,
    ) -> str:
        laid_out = note_pages.in_layout(template, note, layout)
        who = _whose_page(template.kept, note.members, member)
        pages = {who: self._page(template, laid_out, who)}
        if format != "fhir":
            return _form(vars(pages[who]), format)
        with self._context.store.transaction() as tx:
            made = documents(
                tx,
                self._context,
                template,
                laid_out,
                note_id,
                number,
                pages,
                {},
                self._context.now(),
                signed=False,
            )
        return _bundle(made.get(who))

    def _page(self, template: NoteTemplate, note: Note, who: str) -> note_pages.Page:
        mine = note_pages.share(self._context, template, note, who) if who else note
        return note_pages.page(self._context, template, mine, preview=self._preview(template, note))

    def _preview(self, template: NoteTemplate, note: Note) -> str:
        if not template.needs_release:
            return ""
        with self._context.store.transaction() as tx:
            try:
                carried = bool(note.plan) and may_carry(tx, template, note)
            except Conflict:
                carried = False
        return "" if carried else note_pages.preview_mark()


def _refuse_proxy(actor: str) -> None:
    """Notes are the clinician's to show: a partner or proxy is never told by a list (contracts I8)."""
    if not may_see(actor, ""):
        raise Refused("Only clinicians see notes here; the client is shown theirs by the clinician.", field="actor")


def _refuse_others(row: NoteRow, actor: str) -> None:
    if row.kind is Kept.SUPERVISION and row.content["author"] != actor:
        raise Refused(
            "Only its own author sees a note about their own work: name yourself with --actor.", field="actor"
        )


def _whose_page(kept: Kept, members: Sequence[str], member: str) -> str:
    """Return whose page is meant: each member has their own, and nobody sees another's (contracts I8)."""
    if kept is Kept.SUPERVISION:
        return note_pages.WHOLE
    if not member and len(members) > 1:
        raise InvalidInput("Each member has a page of their own: name one.", field="member", hint="--for Patient/ID")
    if member and member not in members:
        raise InvalidInput("This note is not about this person.", field="member")
    return member or members[0]


def _as_signed(tx: Transaction, row: NoteRow, version: Mapping[str, Any], format: str, member: str) -> str:
    signed = version["signed"]
    who = _whose_page(row.kind, row.content["members"], member)
    if format != "fhir":
        return _form(signed["pages"][who], format)
    sent = tx.outbox(signed["rows"].get(who, ""))
    return _bundle(sent.content["bundle"] if sent else None)


def _form(page: Mapping[str, str], format: str) -> str:
    return page["markdown" if format == "md" else format]


def _bundle(made: Mapping[str, Any] | None) -> str:
    if made is None:
        said = (
            "This goes into no chart: it stays inside Withness, outside the client's record, or is about somebody who "
            "is no patient."
        )
        raise InvalidInput(said, field="format")
    return json.dumps(made, ensure_ascii=False, indent=2) + "\n"
