"""The public API's notes: begin, save, sign, amend and discard them. Values in, JSON-ready values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from withness import strict_json
from withness.core.terms import reference
from withness.desk import note_told, notes
from withness.desk.asking import actor_of
from withness.desk.note_release import HELD, PREVIEW_HINT
from withness.desk.note_views import NoteViews
from withness.errors import InvalidInput
from withness.signing import Signer
from withness.store.rows import NoteState

if TYPE_CHECKING:
    from withness.desk.note_signing import Signed


class Notes(NoteViews):
    """Progress notes, letters and statements. Drafts always save; a signature asks; the gate is asked about neither."""

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
        withheld: Sequence[Mapping[str, Any]] = (),
        signer: Signer | None = None,
    ) -> dict[str, Any]:
        """Sign a note's newest version and put each member's share into that member's chart.

        `shown`: whether the client saw their page first: shown, declined, or not-shown (`why_not` says why, and stays
        inside; `why_code` is what the page says); of several people by member, and so `written_together`. `comments`
        are members' own words about it, by member. `withheld`: a record of each page that is kept from somebody.
        """
        from withness.desk.note_attested import Attested
        from withness.desk.note_signing import sign

        self._require_signable(id)
        attested = Attested(shown, why_not, comments, written_together, credentials, why_code, list(withheld))
        strict_json.check({"attestation": vars(attested)}, name="the attestation")
        who = actor_of(signer.who if signer is not None and not actor else actor)
        return self._signed(id, sign(self._context, id, who, attested, signer))

    def _require_signable(self, id: str) -> None:
        """Raise InvalidInput for a draft that was discarded, or that its template cannot read now."""
        with self._context.store.transaction() as tx:
            row = notes.require(tx, id)
        if row.state is NoteState.DISCARDED:
            raise InvalidInput(notes.WAS_DISCARDED, field="ID", hint=notes.TAKE_UP)
        self._read(row, row.content["versions"][-1]["file"])

    def discard_note(self, id: str, *, reason: str, actor: str) -> dict[str, Any]:
        """Put a draft away: it is marked as discarded and left out of the list; nothing of it is deleted.

        Saving it anew takes it up again. What was ever signed is never discarded.
        """
        from withness.desk.note_discarding import discard

        strict_json.check({"reason": reason}, name="the reason")
        return note_told.discarded(discard(self._context, id, reason, actor_of(actor)))

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
