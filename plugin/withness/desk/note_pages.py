"""A note's text: what is missing, what may not be claimed, what to look at again, and each member's page of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from withness.core.note import (
    GUARDED,
    FieldKind,
    Kept,
    Layout,
    Note,
    NoteField,
    NoteTemplate,
    Whose,
    for_chart,
    missing,
)
from withness.desk import note_amended
from withness.desk.context import Context
from withness.errors import InvalidContent, InvalidInput

WHOLE: Final = ""
"""Whose page it is, where a note is kept outside the client's record and has one page for its author."""


@dataclass(frozen=True)
class Found:
    """What was found in a note: `missing`, `claims` and `named` keep it from being signed, `warnings` do not.

    `unread` says which file of the site's could not be used, so that something was not looked for.
    """

    missing: tuple[dict[str, str], ...]
    claims: tuple[dict[str, str], ...]
    named: tuple[dict[str, str], ...]
    warnings: tuple[dict[str, str], ...]
    unread: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        """Whether nothing that was looked for keeps it from being signed."""
        return not (self.missing or self.claims or self.named)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "missing": list(self.missing),
            "claims": list(self.claims),
            "named": list(self.named),
            "warnings": list(self.warnings),
            "unread": list(self.unread),
        }


NOTHING_FOUND: Final = Found((), (), (), ())


def preview_mark() -> str:
    """Return what stands on every page of a document that carries a plan which is not released (contracts I7)."""
    from withness.packs.note_texts import note_texts

    return note_texts()("preview")


@dataclass(frozen=True)
class Page:
    """One member's page, in each form."""

    markdown: str
    html: str
    text: str


def look(context: Context, template: NoteTemplate, note: Note, *, to_sign: bool = False) -> Found:
    """Return what is found in a note. The client's own words are never looked at.

    A file of the site's that cannot be used never keeps a draft from being saved; raises InvalidContent `to_sign` what
    its claims should have been held against.
    """
    claims, warnings, unread = [], [], list(context.note_faults)
    try:
        claims = list(_claims(context, template, note, wordless=to_sign))
    except InvalidContent as error:
        if to_sign:
            raise
        unread.append(error.message)
    try:
        warnings = list(_warnings(context, template, note))
    except InvalidContent as error:
        unread.append(error.message)
    return Found(
        missing=tuple(vars(one) for one in missing(template, note.fields)),
        claims=tuple(claims),
        named=tuple(_named(template, note)),
        warnings=tuple(warnings),
        unread=tuple(unread),
    )


def share(context: Context, template: NoteTemplate, note: Note, member: str) -> Note:
    """Return what of a note is one member's, as that member's chart may hold it (contracts I8).

    A shared encounter would link the charts by a reference, and so would a voice that nobody looks for.
    """
    labels = context.settings.ehr_enforces_labels
    mine = for_chart(template, _with_whom(template, note), member, enforces_labels=labels)
    names = {who: name for who, name in note.names.items() if who in (member, note.author)}
    return replace(mine, names=names, encounter="" if len(note.members) > 1 else note.encounter)


def _with_whom(template: NoteTemplate, note: Note) -> Note:
    """Return the note without blanks for whom an entry is about: an entry about nobody in particular is everybody's."""
    fields = dict(note.fields)
    for _, one in template.fields():
        if one.kind is FieldKind.ENTRIES and isinstance(fields.get(one.id), list | tuple):
            fields[one.id] = [_but_blank(entry) for entry in fields[one.id]]
    return replace(note, fields=fields)


def _but_blank(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "who" or value}


def in_layout(template: NoteTemplate, note: Note, layout: str) -> Note:
    """Return the same note in another layout ("": its own). Raises InvalidInput for one that the template has not."""
    there = [Layout.DIALOGIC.value, *(one.value for one in template.layouts)]
    if layout and layout not in there:
        raise InvalidInput(f"layout must be one of: {', '.join(dict.fromkeys(there))}.", field="layout")
    return replace(note, layout=Layout(layout)) if layout else note


def page(context: Context, template: NoteTemplate, note: Note, *, preview: str = "") -> Page:
    """Render one page. Nothing is asked for here that is another member's or may not be in this chart.

    Raises InvalidInput naming the template.
    """
    from withness.packs import note_render

    known = context.claims.statements if template.statements else {}
    statements = {id: one.text for id, one in known.items()}
    markdown = note_render.markdown(template, note, statements, preview=preview, partial=True)
    markdown = note_amended.marked(context, note, markdown, preview=bool(preview))
    return Page(markdown, note_render.page(markdown, title=template.title), note_render.text(markdown))


def pages(context: Context, template: NoteTemplate, note: Note, *, preview: str = "") -> dict[str, Page]:
    """Return the page of each member; of a note outside the client's record, one page under `WHOLE`."""
    if template.kept is Kept.SUPERVISION:
        return {WHOLE: page(context, template, note, preview=preview)}
    return {who: page(context, template, share(context, template, note, who), preview=preview) for who in note.members}


def _claims(context: Context, template: NoteTemplate, note: Note, *, wordless: bool) -> Iterator[dict[str, str]]:
    """Yield each claim with what to write instead; `wordless` for an error, which repeats no sentence of the note."""
    from withness.core.claims import claims_in_note, clinicians_texts
    from withness.packs.note_texts import instead_of

    if template.audience not in GUARDED:
        return
    texts = dict(clinicians_texts(template, note))
    for field, found in claims_in_note(template, note, context.claims.claims):
        written = "" if wordless else _sentence(texts[field], found.start, found.start + len(found.words))
        yield {
            "field": field,
            "claim": found.claim.id,
            "words": found.words,
            "sentence": found.claim.sentence,
            "reason": found.claim.reason,
            "instead": instead_of(found.claim.id),
            "source": found.claim.source,
            "written": written,
        }


_SENTENCE_ENDS: Final = re.compile(r"[.!?](?=\s)|\n")


def _sentence(text: str, start: int, end: int) -> str:
    """Return the sentence in which a stretch of a text stands."""
    before = [one.end() for one in _SENTENCE_ENDS.finditer(text, 0, start)]
    after = _SENTENCE_ENDS.search(text, end)
    return text[before[-1] if before else 0 : after.end() if after else len(text)].strip()


def _warnings(context: Context, template: NoteTemplate, note: Note) -> Iterator[dict[str, str]]:
    from withness.core.language import lint_note

    for field, found in lint_note(template, note, context.language):
        yield {"field": field, "words": found.words, "suggestion": found.suggestion, "reason": found.rule.reason}


def _named(template: NoteTemplate, note: Note) -> Iterator[dict[str, str]]:
    """Yield each field that would carry a member's name into another member's chart (contracts I8).

    Each member's own words may say what they say; what the clinician writes for everybody names nobody.
    """
    if len(note.members) < 2 or template.kept is Kept.SUPERVISION:
        return
    if not all(note.names.get(who, "").strip() for who in note.members):
        yield {"field": "names", "section": "", "title": "Names", "help": NAMELESS}
    around = {f"prefilled.{id}": source for id, source in note.prefilled.items()}
    around |= {"names": note.names.get(note.author, "")}
    around |= {"credentials": note.attestation.credentials} if note.attestation else {}
    for field, text in around.items():
        if any(_says(text, member, note.names) for member in note.members):
            yield {"field": field, "section": "", "title": field, "help": NAMED}
    for section, one in template.fields():
        for who, text in _everybodys(one, note.fields.get(one.id)):
            if any(_says(text, member, note.names) for member in note.members if member != who):
                yield {"field": one.id, "section": section.title, "title": one.title, "help": NAMED}
                break


NAMELESS: Final = "Name every member in names: what is written for all charts is looked through for these names."
NAMED: Final = "Say it without the name, or in an entry of that member's own: this goes into another member's chart."


def _everybodys(one: NoteField, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the clinician's texts of a field, each with the one member into whose chart it goes ("" for all)."""
    if one.kind is FieldKind.TEXT and one.whose is Whose.CLINICIAN and isinstance(value, str):
        yield "", value
    if one.kind is FieldKind.ENTRIES and isinstance(value, list | tuple):
        for entry in value:
            for part in one.parts:
                if part.id != "who" and part.whose is Whose.CLINICIAN:
                    yield entry.get("who", ""), entry.get(part.id, "")


def _says(text: str, member: str, names: Mapping[str, str]) -> bool:
    """Whether a text holds a member's reference, its id, or a part of the member's name, however it is written."""
    parts = [one for one in re.split(r"[\s\-\u2010-\u2015]+", names.get(member, "")) if one]
    capitals = any(one[0].isupper() for one in parts)
    own = [one for one in parts if not (capitals and one[0].islower())]  # not the "van" of a name
    return any(_holds(text, one) for one in (member, member.partition("/")[2], *own))


def _holds(text: str, name: str) -> bool:
    """Short names count as they are written; scripts without capitals set no spaces between words."""
    if len(name) > 2 or not name.isascii():
        text, name = _folded(text), _folded(name)
    if not any(one.isdigit() or one.lower() != one.upper() for one in name):
        return name in text
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _folded(words: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", words).casefold())
