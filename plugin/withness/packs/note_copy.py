"""The client's own copy of a note: a page to take home, without what was written for the record.

A template says in `[copy]` which of its fields stand there, under headings of the copy's own. What tells of violence
never does, whatever the EHR does with labels: nobody can say who finds a paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from withness.core.note import Attestation, Audience, Layout, Note, NoteTemplate, Section, Sensitivity
from withness.packs.note_body import PerTemplate

_EVERY: Final = "{{ sections() }}"


def copy_of(template: NoteTemplate) -> NoteTemplate | None:
    """Return the template of the copy: only its own fields, in their standard form. None where a note has no copy."""
    return _copy_of(template)


def _made(template: NoteTemplate) -> NoteTemplate | None:
    copy = template.copy
    if copy is None:
        return None
    fields = {one.id: one for _, one in template.fields()}
    parts = enumerate(copy.parts)
    sections = (Section(f"copy-{at}", part.title, tuple(fields[id] for id in part.fields)) for at, part in parts)
    return replace(
        template,
        title=copy.title,
        audience=Audience.CLIENT,
        sections=tuple(sections),
        layouts={},
        statements=(),
        body=f"{copy.opening}\n\n{_EVERY}",
        copy=None,
    )


_copy_of: Final = PerTemplate(_made)


def taken_home(note: Note, signed: Attestation | None) -> Note:
    """Return a note as its copy shows it: who signed it and when, and nothing else that is about the record."""
    by = Attestation(signed.signed_by, signed.signed_at, signed.credentials) if signed else None
    return replace(note, layout=Layout.DIALOGIC, encounter="", prefilled={}, changed=frozenset(), attestation=by)


def copy_faults(template: NoteTemplate) -> Iterator[tuple[str, str]]:
    """Yield key and fault of what a copy may not hold."""
    if template.copy is None:
        return
    if template.reading_grade is None:
        yield "reading_grade", "is missing: a client reads the copy"
    listed = [id for part in template.copy.parts for id in part.fields]
    for id in listed:
        one = template.field(id)
        if one is None:
            yield "copy", f"holds {id!r}, which is no field of this file"
        elif one.sensitivity is Sensitivity.VIOLENCE:
            yield "copy", f"holds {id!r}, which tells of violence: nobody can say who finds a paper"
        if listed.count(id) > 1:
            yield "copy", f"holds {id!r} twice"
