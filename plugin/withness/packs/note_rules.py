"""What makes a note template one that can be filled in, and what a site's own may not loosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from withness.core.note import GUARDED, Audience, FieldKind, Kept, NoteField, NoteTemplate, Whose
from withness.packs.note_language import RESERVED
from withness.packs.toml import no_twice, refusal

RELEASED: Final = ("plan-for-client", "medical-necessity")
"""The two documents that carry the plan itself (contracts I7)."""

_WITH_OPTIONS: Final = (FieldKind.CHOICE, FieldKind.CHOICES)


def check_template(template: NoteTemplate, *, name: str) -> None:
    """Raise InvalidContent naming file and key of the first rule that the template breaks."""
    fields = [one for _, one in template.fields()]
    no_twice([one.id for one in template.sections], name=name, key="section")
    no_twice([one.id for one in fields], name=name, key="section.field")
    no_twice(template.units, name=name, key="units")
    no_twice(template.statements, name=name, key="statements")
    for one in fields:
        no_twice([option.code for option in one.options], name=name, key=f"{one.id}.option")
        no_twice([part.id for part in one.parts], name=name, key=f"{one.id}.part")
        for key, why in _field_faults(one, template):
            raise refusal(name, f"{one.id}.{key}", why)
    for key, why in (*_template_faults(template), *_layout_faults(template)):
        raise refusal(name, key, why)


def _template_faults(template: NoteTemplate) -> Iterator[tuple[str, str]]:
    if (template.kept is Kept.SUPERVISION) != (template.audience is Audience.SUPERVISION):
        yield "kept", "must be supervision exactly where the audience is"
    if (template.kept is Kept.SUPERVISION) != (template.loinc is None):
        yield "loinc", "must stand exactly where the note is kept in the record"
    if template.needs_release != _carries_the_plan(template):
        yield "needs_release", "must be true exactly where a client or payer is shown a plan that is prefilled"
    if template.always_saves and template.needs_release:
        yield "always_saves", "cannot be true of a document that needs a released plan"
    if template.audience in GUARDED and not template.statements:
        yield "statements", "is missing: a document for clients or payers shows an honest statement"
    if template.audience is Audience.CLIENT and template.reading_grade is None:
        yield "reading_grade", "is missing: a client reads this"


def _carries_the_plan(template: NoteTemplate) -> bool:
    """Whether this is a document that carries the plan itself (contracts I7), under whatever id."""
    shown = {one.prefill for _, one in template.fields()} & _OF_THE_PLAN
    return template.id in RELEASED or (template.audience in GUARDED and bool(shown))


_OF_THE_PLAN: Final = frozenset(("goals", "plan-frame"))


def _field_faults(one: NoteField, template: NoteTemplate) -> Iterator[tuple[str, str]]:
    if one.id in RESERVED:
        yield "id", "means something else in a body; choose another name"
    if bool(one.options) != (one.kind in _WITH_OPTIONS):
        yield "option", "must stand exactly in a field of kind choice or choices"
    if bool(one.parts) != (one.kind is FieldKind.ENTRIES):
        yield "part", "must stand exactly in a field of kind entries"
    if one.kind is FieldKind.VOICES and one.whose is not Whose.CLIENT:
        yield "whose", "must be client: voices are nobody else's"
    if {"who", "name"} <= {part.id for part in one.parts}:
        yield "part", "cannot have both who and name: the name of who stands there already"
    if one.unless and (one.unless == one.id or template.field(one.unless) is None):
        yield "unless", "names no other field of this file"
    if one.when is not None:
        other = template.field(one.when.field)
        if other is None or other.id == one.id or other.kind not in _WITH_OPTIONS:
            yield "when.field", "names no other field of kind choice or choices"
        elif unknown := set(one.when.any) - {option.code for option in other.options}:
            yield "when.any", f"holds {min(unknown)!r}, which is no answer of {other.id}"


def _layout_faults(template: NoteTemplate) -> Iterator[tuple[str, str]]:
    declared = [one.id for _, one in template.fields()]
    for layout, parts in template.layouts.items():
        listed = [id for part in parts for id in part.fields]
        for id in listed:
            if id not in declared:
                yield f"layout.{layout.value}", f"holds {id!r}, which is no field of this file"
            if listed.count(id) > 1:
                yield f"layout.{layout.value}", f"holds {id!r} twice"
        for id in declared:
            if id not in listed:
                yield f"layout.{layout.value}", f"leaves out {id!r}"


def check_override(own: NoteTemplate, shipped: NoteTemplate, *, name: str) -> None:
    """Raise InvalidContent naming file and key of what a site's template would loosen in the shipped one."""
    for key, why in _loosened(own, shipped):
        raise refusal(name, key, why)


def _loosened(own: NoteTemplate, shipped: NoteTemplate) -> Iterator[tuple[str, str]]:
    for key in ("kept", "needs_release", "always_saves"):
        if getattr(own, key) != getattr(shipped, key):
            yield key, f"must stay as in the shipped template: {_written(getattr(shipped, key))}"
    if shipped.audience in GUARDED and own.audience not in GUARDED:
        yield "audience", "may not be changed to one whose claims nobody checks"
    for id in shipped.statements:
        if id not in own.statements:
            yield "statements", f"may not leave out {id!r}, which the shipped template shows"
    for _, was in shipped.fields():
        one = own.field(was.id)
        if one is not None and was.sensitivity.value and one.sensitivity is not was.sensitivity:
            yield f"{one.id}.sensitivity", f"must stay {was.sensitivity.value}"
        if one is not None and one.whose is Whose.CLIENT and was.whose is Whose.CLINICIAN:
            yield f"{one.id}.whose", "must stay clinician: the client's words are never checked for claims"


def _written(value: object) -> str:
    return str(value).lower()
