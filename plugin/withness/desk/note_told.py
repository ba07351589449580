"""How notes are told: their templates, what a save came to, and what stands of each note. JSON-ready values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from withness.core.note import Kept, NoteField, NoteTemplate
from withness.desk.note_pages import NOTHING_FOUND
from withness.desk.note_release import HELD, PREVIEW_HINT
from withness.desk.notes import TAKE_UP, Saved
from withness.errors import InvalidInput, SealBroken
from withness.fhir.note_resources import document_id
from withness.store.rows import NoteRow, NoteState
from withness.store.transaction import Transaction


def saved(done: Saved) -> dict[str, Any]:
    """Return what a save came to; of a document whose plan is not released nothing but that (contracts I8)."""
    if done.row is None:
        held = {"note": None, "saved": False, "state": "held", "version": None}
        return {**held, "sentence": HELD, "hint": PREVIEW_HINT, **NOTHING_FOUND.as_dict()}
    ready = "It can be signed." if done.found.ready else "It cannot be signed yet; see what is listed."
    sentence, hint = f"Saved as a draft. {ready}", ""
    if done.row.state is NoteState.DISCARDED:
        sentence, hint = "This text is kept already, in a draft that was discarded.", TAKE_UP
    return {
        "note": done.row.id,
        "saved": True,
        "state": done.row.state.value,
        "version": done.number,
        "sentence": sentence,
        "hint": hint,
        **done.found.as_dict(),
    }


def discarded(row: NoteRow) -> dict[str, Any]:
    """Return how a draft that was put away is told."""
    return {
        "note": row.id,
        "state": row.state.value,
        "version": row.content["discarded"][-1]["version"],
        "sentence": "Discarded. The list leaves it out, and nothing of it is deleted: withness note show --all",
        "hint": TAKE_UP,
    }


INSIDE: Final = "Signed, and kept inside Withness: the EHR does not enforce security labels."
STAYS: Final = "What an earlier version put into the chart stays there as it is."


def signed(row: NoteRow) -> dict[str, str]:
    """Return how a signature is told: a version that stays inside changes nothing in the chart (contracts I8)."""
    *earlier, last = row.content["versions"]
    if not last["signed"].get("inside"):
        return {"sentence": "Signed.", "hint": ""}
    sent = any("signed" in one and one["signed"]["rows"] for one in earlier)
    return {"sentence": INSIDE, "hint": STAYS if sent else ""}


def listed(tx: Transaction, id: str, templates: Mapping[str, NoteTemplate], actor: str) -> dict[str, Any] | None:
    """Return a note without its words; None for one that is kept outside the record and is not the actor's own."""
    try:
        row = tx.note(id)
    except SealBroken:
        row = None
    if row is None:
        empty: dict[str, Any] = {"template": "", "title": "", "kept": "", "members": [], "author": "", "held_on": ""}
        empty |= {"template_there": False, "version": None, "updated": "", "delivery": {}}
        return {"note": id, "state": "unreadable", **empty}
    if row.kind is Kept.SUPERVISION and row.content["author"] != actor:
        return None
    signed = [one["signed"]["rows"] for one in row.content["versions"] if "signed" in one]
    return {**head(row, templates), "delivery": _delivery(tx, signed[-1] if signed else {})}


def head(row: NoteRow, templates: Mapping[str, NoteTemplate]) -> dict[str, Any]:
    """Return what a note is, where it stands and whose it is."""
    content = row.content
    template = templates.get(content["template"])
    return {
        "note": row.id,
        "state": row.state.value,
        "template": content["template"],
        "title": template.title if template else content["template"],
        "template_there": template is not None,
        "kept": row.kind.value,
        "members": list(content["members"]),
        "author": content["author"],
        "held_on": content["versions"][-1]["file"]["held_on"],
        "version": content["versions"][-1]["number"],
        "updated": row.updated_at,
    }


def discardings(row: NoteRow) -> list[dict[str, Any]]:
    """Return each time that a note was discarded as a draft: which version, by whom, when and why."""
    listed = row.content.get("discarded", ())
    return [{name: one[name] for name in ("version", "at", "actor", "reason")} for one in listed]


def version(tx: Transaction, row: NoteRow, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return one version of a note with its text, and where its documents are on their way."""
    signed = one.get("signed")
    return {
        "version": one["number"],
        "saved_by": one["actor"],
        "saved": one["at"],
        "reason": one["reason"],
        "file": one["file"],
        "signed": signed["at"] if signed else None,
        "attestation": signed["attestation"] if signed else None,
        "kept_inside": bool(signed and signed.get("inside")),
        "with_key": bool(signed and signed.get("key")),
        "documents": documents_of(row, one),
        "delivery": _delivery(tx, signed["rows"]) if signed else {},
    }


def documents_of(row: NoteRow, version: Mapping[str, Any]) -> dict[str, str]:
    """Return the document of each member into whose chart a signed version goes."""
    rows = version["signed"]["rows"] if "signed" in version else {}
    return {who: f"DocumentReference/{document_id(row.id, version['number'], who)}" for who in rows}


def _delivery(tx: Transaction, rows: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for who, id in rows.items():
        try:
            sent = tx.outbox(id)
        except SealBroken:
            sent = None
        found[who] = sent.state.value if sent else "unreadable"
    return found


def template_values(found: Mapping[str, NoteTemplate], id: str) -> list[dict[str, Any]]:
    """Return every template as JSON values; with an `id` that one alone, whole. Raises InvalidInput for an unknown."""
    chosen = [require_template(found, id, field="TEMPLATE")] if id else found.values()
    return [template_value(one, whole=bool(id)) for one in chosen]


def require_template(found: Mapping[str, NoteTemplate], id: str, *, field: str) -> NoteTemplate:
    """Return the template with this id. Raises InvalidInput naming those that there are."""
    if id not in found:
        hint = f"Choose one of: {', '.join(found)}."
        raise InvalidInput("There is no such note template.", field=field, hint=hint)
    return found[id]


def template_value(template: NoteTemplate, *, whole: bool) -> dict[str, Any]:
    """Return a note template as JSON values; `whole` with its sections and fields."""
    value = {
        "id": template.id,
        "version": template.version,
        "title": template.title,
        "purpose": template.purpose,
        "audience": template.audience.value,
        "kept": template.kept.value,
        "needs_release": template.needs_release,
        "always_saves": template.always_saves,
        "units": list(template.units),
        "layouts": ["dialogic", *(one.value for one in template.layouts if one.value != "dialogic")],
        "loinc": template.loinc.code if template.loinc else None,
        "origin": template.origin,
    }
    if not whole:
        return value
    sections = [
        {"id": one.id, "title": one.title, "about": one.about, "fields": [_field(field) for field in one.fields]}
        for one in template.sections
    ]
    return {**value, "source": template.source, "sections": sections}


def _field(one: NoteField) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "kind": one.kind.value,
        "whose": one.whose.value,
        "required": one.required,
        "unless": one.unless,
        "when": {"field": one.when.field, "any": list(one.when.any)} if one.when else None,
        "options": [{"code": option.code, "text": option.text} for option in one.options],
        "parts": [
            {"id": part.id, "title": part.title, "whose": part.whose.value, "required": part.required}
            for part in one.parts
        ],
        "sensitivity": one.sensitivity.value,
        "prefill": one.prefill,
        "help": one.help,
        "source": one.source,
    }
