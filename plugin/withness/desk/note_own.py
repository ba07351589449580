"""What a note's own author reads beside its pages: what they wrote that stays inside, and words without a template.

Nobody else is told of it, and it stands on no page, in no document and in no export (contracts I8).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from withness.core.note import Note, NoteField, NoteTemplate, Sensitivity, filled
from withness.desk.context import Context
from withness.errors import InvalidInput

_FOLDER: Final = "note_templates"


def inside(template: NoteTemplate, note: Note, *, enforces_labels: bool) -> list[dict[str, str]]:
    """Return what was written about abuse or violence, where the pages leave it out."""
    if enforces_labels:
        return []
    return [
        {
            "field": one.id,
            "section": section.title,
            "title": one.title,
            "words": _words(note.fields[one.id], note.names, one),
        }
        for section, one in template.fields()
        if one.sensitivity is Sensitivity.VIOLENCE and filled(note.fields.get(one.id))
    ]


def words(file: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return all that was written in a note file, by field: what its fields mean, its template alone knew."""
    names = file.get("names", {})
    return [
        {"field": id, "section": "", "title": "", "words": _words(value, names)}
        for id, value in file["fields"].items()
        if filled(value)
    ]


def unreadable(context: Context, file: Mapping[str, Any], error: InvalidInput) -> str:
    """Say why a note that was saved cannot be read by its template now, and where that template came from."""
    id = file["template"]
    if id in context.note_templates:
        return f"The template {id!r} has changed since this note was saved: {error.message}"
    fault = next((one for one in context.note_faults if one.startswith(f"{_FOLDER}/{id}/")), "")
    if fault:
        return f"The template {id!r} of this note cannot be used now: {fault} Run: withness note check DIR"
    packs = context.settings.packs
    place = (
        f"{packs / _FOLDER / id}, of the setting WITHNESS_PACKS" if packs else "WITHNESS_PACKS, which is not set now"
    )
    return (
        f"The template {id!r} of this note is not there any more. It is none of the shipped ones: it came from "
        f"{place}. Put it back there to go on with the note."
    )


def _words(value: Any, names: Mapping[str, str], one: NoteField | None = None) -> str:
    from withness.packs.note_text import visible

    listed = value if isinstance(value, list | tuple) else [value]
    return visible("\n".join(_said(each, names, one) for each in listed))


def _said(value: Any, names: Mapping[str, str], one: NoteField | None) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, Mapping):
        titles = {part.id: part.title for part in one.parts} if one else {}
        said = {titles.get(key, key): names.get(part) or part for key, part in value.items() if filled(part)}
        return "\n".join(f"{key}: {part}" for key, part in said.items())
    options = {option.code: option.text for option in one.options} if one else {}
    return options.get(value, str(value))
