"""The public API's notes: begin, save, look at, sign and amend them. Values in, JSON-ready values out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from withness import strict_json
from withness.core.note import Kept, Note, NoteTemplate
from withness.core.terms import reference
from withness.desk import note_pages, note_told, notes
from withness.desk.asking import actor_of
from withness.desk.context import Context
from withness.desk.note_documents import documents
from withness.desk.note_release import HELD, PREVIEW_HINT, may_carry
from withness.desk.telling import may_see
from withness.errors import InvalidInput, Refused
from withness.signing import Signer
from withness.store.rows import NoteRow
from withness.store.transaction import Transaction

if TYPE_CHECKING:
    from withness.desk.note_signing import Signed

FORMATS: Final = ("md", "html", "text", "fhir")


class Notes:
    """Progress notes, letters and statements. Drafts always save; a signature asks; the gate is asked about neither."""

    _context: Context

    # -- templates

    def note_templates(self, id: str = "") -> list[dict[str, Any]]:
        """Return the note templates; with an id one of them, with its sections and fields."""
        return note_told.template_values(self._context.note_templates, id)

    def start_note(
        self,
        template: str,
        members: Sequence[str],
        *,
        actor: str,
        plan: str = "",
        encounter: str = "",
        layout: str = "",
    ) -> dict[str, Any]:
        """Return a note file (`file`) with what is known filled in, and why something else is not (`left`)."""
        from withness.desk import note_prefill

        people = tuple(reference(one, "Patient", "RelatedPerson", field="members") for one in members)
        author = reference(actor, "Practitioner", "PractitionerRole", field="actor")
        where = reference(encounter, "Encounter", field="encounter") if encounter else ""
        begun = note_prefill.begin(self._context, template, people, author, plan=plan, encounter=where, layout=layout)
        return {"file": begun.file, "left": begun.left}

    # -- saving and signing

    def save_note(self, file: Mapping[str, Any], *, actor: str = "", note: str = "") -> dict[str, Any]:
        """Save a draft (with `note` a further version of that one); say what is missing and may not be claimed."""
        strict_json.check(file, name="the note")
        who = actor_of(actor or file.get("author"), field="actor" if actor else "author")
        return note_told.saved(notes.save(self._context, file, who, id=note))

    def amend_note(self, id: str, file: Mapping[str, Any], *, reason: str, actor: str = "") -> dict[str, Any]:
        """Save the draft of an amendment of a signed note, which stands until this one is signed."""
        strict_json.check(file, name="the note")
        who = actor_of(actor or file.get("author"), field="actor" if actor else "author")
        return note_told.saved(notes.amend(self._context, id, file, reason, who))

    def sign_note(
        self,
        id: str,
        *,
        actor: str,
        shown: str | Mapping[str, str] = "",
        why_not: str = "",
        comments: Mapping[str, str] | None = None,
        written_together: bool | Sequence[str] = False,
        credentials: str = "",
        why_code: str = "",
        signer: Signer | None = None,
    ) -> dict[str, Any]:
        """Sign a note's newest version and put each member's share into that member's chart.

        `shown`: whether the client saw their page first: shown, declined, or not-shown (`why_not` says why, and stays
        inside; `why_code` is what the page says); of several people by member, and so `written_together`. `comments`
        are members' own words about it, by member.
        """
        from withness.desk.note_attested import Attested
        from withness.desk.note_signing import sign

        attested = Attested(shown, why_not, comments, written_together, credentials, why_code)
        strict_json.check({"attestation": vars(attested)}, name="the attestation")
        who = actor_of(signer.who if signer is not None and not actor else actor)
        return self._signed(id, sign(self._context, id, who, attested, signer))

    def _signed(self, id: str, done: Signed) -> dict[str, Any]:
        if done.row is None:
            return {"note": id, "signed": False, "state": "held", "sentence": HELD, "hint": PREVIEW_HINT, **_UNSENT}
        troubles = [one.trouble for one in done.sent.values() if one.trouble]
        return {
            "note": id,
            "signed": True,
            "state": done.row.state.value,
            "version": done.row.content["versions"][-1]["number"],
            **note_told.signed(done.row),
            "documents": note_told.documents_of(done.row, done.row.content["versions"][-1]),
            "delivery": {who: one.state.value for who, one in done.sent.items()},
            "troubles": list(dict.fromkeys(troubles)),
        }

    # -- looking

    def notes(self, *, actor: str = "") -> list[dict[str, Any]]:
        """Return the saved notes, the one changed last first, without their words.

        What is kept outside the client's record is listed for its author alone. One whose row does not open is listed
        as unreadable; it never hides the others.
        """
        _refuse_proxy(actor)
        with self._context.store.transaction() as tx:
            listed = [note_told.listed(tx, id, self._context.note_templates, actor) for id in tx.note_ids()]
        return [one for one in listed if one is not None]

    def note(self, id: str, *, actor: str = "") -> dict[str, Any]:
        """Return one note with every version of its text. Raises InvalidInput when there is none, Refused."""
        _refuse_proxy(actor)
        with self._context.store.transaction() as tx:
            row = notes.require(tx, id)
            _refuse_others(row, actor)
            versions = [note_told.version(tx, row, one) for one in row.content["versions"]]
        head = note_told.head(row, self._context.note_templates)
        return {**head, "versions": versions, **self._found(row.content["versions"][-1]["file"])}

    def _found(self, file: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is found in a saved text; of one whose template has changed since, nothing can be said."""
        try:
            return note_pages.look(self._context, *notes.read(self._context, file)).as_dict()
        except InvalidInput:
            return note_pages.NOTHING_FOUND.as_dict()

    def render_note(
        self,
        note: Mapping[str, Any] | str,
        *,
        format: str = "md",
        layout: str = "",
        member: str = "",
        version: int = 0,
        actor: str = "",
    ) -> str:
        """Return one member's page of a note file, or of a saved note by its id, as md, html, text or fhir (a Bundle).

        Without `version` a saved note's newest one; one that is signed is shown as it was signed. A document whose plan
        is not released is marked as a preview.
        """
        _refuse_proxy(actor)
        if format not in FORMATS:
            raise InvalidInput(f"format must be one of: {', '.join(FORMATS)}.", field="format")
        if isinstance(note, str):
            return self._render_saved(note, format, layout, member, version, actor)
        strict_json.check(note, name="the note")
        template, read = notes.read(self._context, note)
        return self._render(template, read, format, layout, member, note_id=self._context.new_id())

    def _render_saved(self, id: str, format: str, layout: str, member: str, version: int, actor: str) -> str:
        with self._context.store.transaction() as tx:
            row = notes.require(tx, id)
            _refuse_others(row, actor)
            found = next((one for one in reversed(row.content["versions"]) if version in (0, one["number"])), None)
            if found is None:
                raise InvalidInput("This note has no such version.", field="version")
            if "signed" in found and not layout and self._may_be_shown(tx, found):
                return _as_signed(tx, row, found, format, member)
        template, note = notes.read(self._context, found["file"])
        return self._render(template, note, format, layout, member, note_id=id, number=found["number"])

    def _may_be_shown(self, tx: Transaction, version: Mapping[str, Any]) -> bool:
        """Whether a signed page may be shown as it was signed: one that carries a plan only while that is released."""
        template = self._context.note_templates.get(version["file"]["template"])
        if template is None or not template.needs_release:
            return True
        return may_carry(tx, *notes.read(self._context, version["file"]))

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
            return "" if note.plan and may_carry(tx, template, note) else note_pages.preview_mark()

    # -- process notes: a class apart

    def save_process_note(self, file: Mapping[str, Any], *, actor: str) -> dict[str, Any]:
        """Save a psychotherapy process note: members, author, held_on and words, and nothing else."""
        from withness.desk import process_notes

        return {"process_note": process_notes.save(self._context, file, actor_of(actor))}

    def process_note(self, id: str, *, actor: str) -> dict[str, Any]:
        """Return a process note to its author; the view is recorded."""
        from withness.desk import process_notes

        row = process_notes.show(self._context, id, actor_of(actor))
        return {"process_note": row.id, "written": row.written_at, **row.content["file"]}

    def process_notes(self, *, actor: str) -> list[dict[str, Any]]:
        """Return the ids of the process notes that the actor wrote, newest first."""
        from withness.desk import process_notes

        return [{"process_note": id, "written": at} for id, at in process_notes.own(self._context, actor_of(actor))]


_UNSENT: Final[dict[str, Any]] = {"version": None, "documents": {}, "delivery": {}, "troubles": []}


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
