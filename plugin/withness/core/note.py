"""Notes before rendering: templates of sections and fields, and what a clinician and a client wrote into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

Value = Any
"""A field's value: str, bool, int, or a list of str or of {part: str} (see `FieldKind`)."""


class FieldKind(StrEnum):
    """What a field holds: text a str, voices [{who, words}], entries [{part: str}], choice a code, choices codes."""

    TEXT = "text"
    VOICES = "voices"
    ENTRIES = "entries"
    CHOICE = "choice"
    CHOICES = "choices"
    FLAG = "flag"
    DATE = "date"
    NUMBER = "number"


LISTS: Final = (FieldKind.VOICES, FieldKind.ENTRIES, FieldKind.CHOICES)
"""What a template may loop over."""


class Whose(StrEnum):
    """Whose words a field holds. The client's are quoted, never checked and never edited."""

    CLIENT = "client"
    CLINICIAN = "clinician"


class Audience(StrEnum):
    """For whom a note is written. The claim guard reads what goes to clients and payers."""

    CLINICAL = "clinical"
    CLIENT = "client"
    PAYER = "payer"
    SUPERVISION = "supervision"


GUARDED: Final = (Audience.CLIENT, Audience.PAYER)
"""Audiences whose documents claim nothing that the sources do not support (contracts I10)."""


class Kept(StrEnum):
    """Where a note is kept: in the client's record, or outside it."""

    RECORD = "record"
    SUPERVISION = "supervision"


class Sensitivity(StrEnum):
    """A security label of v3-ActCode (FHIR facts 4.3): abuse and violence stay inside, substance use is redisclosed
    only with its notice."""

    NONE = ""
    VIOLENCE = "SDV"
    SUBSTANCE_USE = "ETH"


class Layout(StrEnum):
    """The order and headings under which one session's fields are shown (clinical facts 4)."""

    DIALOGIC = "dialogic"
    DAP = "dap"
    BIRP = "birp"
    GIRP = "girp"
    SOAP = "soap"


@dataclass(frozen=True)
class Option:
    """One answer to choose."""

    code: str
    text: str


@dataclass(frozen=True)
class Part:
    """One column of a field of entries."""

    id: str
    title: str
    whose: Whose
    required: bool


@dataclass(frozen=True)
class OnlyIf:
    """A field is asked for only where another one holds one of these codes."""

    field: str
    any: tuple[str, ...]


@dataclass(frozen=True)
class NoteField:
    """One thing to write down. `unless` names a field that, once filled, makes this one needless."""

    id: str
    title: str
    kind: FieldKind
    help: str
    source: str
    required: bool
    whose: Whose
    unless: str = ""
    when: OnlyIf | None = None
    options: tuple[Option, ...] = ()
    parts: tuple[Part, ...] = ()
    sensitivity: Sensitivity = Sensitivity.NONE
    prefill: str = ""


@dataclass(frozen=True)
class Section:
    """A heading and its fields."""

    id: str
    title: str
    fields: tuple[NoteField, ...]
    about: str = ""


@dataclass(frozen=True)
class LayoutPart:
    """One heading of a layout, and the ids of the fields under it."""

    title: str
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Copy:
    """The page of a note that the client takes home: `opening` is Markdown, the parts name what stands below it."""

    title: str
    opening: str
    parts: tuple[LayoutPart, ...]


@dataclass(frozen=True)
class NoteTemplate:
    """One note template. `body` is its Jinja source; `origin` is "shipped" or "site"."""

    id: str
    version: str
    title: str
    purpose: str
    audience: Audience
    kept: Kept
    needs_release: bool
    always_saves: bool
    units: tuple[str, ...]
    loinc: Option | None
    sections: tuple[Section, ...]
    layouts: Mapping[Layout, tuple[LayoutPart, ...]]
    statements: tuple[str, ...]
    reading_grade: int | None
    source: str
    body: str
    origin: str = "shipped"
    copy: Copy | None = None

    def fields(self) -> Iterator[tuple[Section, NoteField]]:
        """Yield every field with its section, in the template's order."""
        return iter(self._fields)

    @cached_property
    def _fields(self) -> tuple[tuple[Section, NoteField], ...]:
        return tuple((section, one) for section in self.sections for one in section.fields)

    @cached_property
    def demanded(self) -> tuple[tuple[Section, NoteField, tuple[Part, ...]], ...]:
        """The fields of which something may be missing, each with its section and its required parts."""
        found = []
        for section, one in self._fields:
            parts = tuple(part for part in one.parts if part.required) if one.kind is FieldKind.ENTRIES else ()
            if one.required or parts:
                found.append((section, one, parts))
        return tuple(found)

    @cached_property
    def clinicians(self) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
        """The fields with words of the clinician's, by id: None for a text, of entries the parts that are theirs."""
        return tuple(
            (one.id, tuple(part.id for part in one.parts if part.whose is Whose.CLINICIAN) if entries else None)
            for _, one in self._fields
            if (entries := one.kind is FieldKind.ENTRIES)
            or (one.kind is FieldKind.TEXT and one.whose is Whose.CLINICIAN)
        )

    def field(self, id: str) -> NoteField | None:
        """Return a field by id."""
        return next((one for _, one in self.fields() if one.id == id), None)


NOT_SHOWN: Final = ("clinician-can-say-more", "no-time", "client-not-present")
"""What a page says of why it was not shown; the first, which tells nobody anything, where nothing else is chosen."""


@dataclass(frozen=True)
class Attestation:
    """What stands under a signed note; nothing is said of a member who is not named.

    `shown`: shown, declined or not-shown, by member; `why_code`: a neutral code of why it was not (the reason itself
    stays inside Withness, contracts I8); `comments`: clients' words, by who, and `comments_before` what they said of an
    earlier version; `written_together`: members who took part.
    """

    signed_by: str
    signed_at: str
    credentials: str = ""
    shown: Mapping[str, str] = field(default_factory=dict)
    why_code: str = ""
    comments: Mapping[str, str] = field(default_factory=dict)
    comments_before: Mapping[str, str] = field(default_factory=dict)
    written_together: tuple[str, ...] = ()

    def of(self, member: str) -> Attestation:
        """Return what of it is one member's: nothing is said of another, and nothing of this one that was not said."""
        shown = {who: how for who, how in self.shown.items() if who == member}
        return replace(
            self,
            shown=shown,
            why_code=self.why_code if "not-shown" in shown.values() else "",
            comments={who: words for who, words in self.comments.items() if who == member},
            comments_before={who: words for who, words in self.comments_before.items() if who == member},
            written_together=tuple(who for who in self.written_together if who == member),
        )


@dataclass(frozen=True)
class Note:
    """One note: what was written, about whom, when and by whom.

    `prefilled` says where a value came from, by field; `changed` names those that were written over since.
    """

    template: str
    version: str
    layout: Layout
    members: tuple[str, ...]
    author: str
    held_on: date
    fields: Mapping[str, Value]
    encounter: str = ""
    plan: str = ""
    request_id: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    prefilled: Mapping[str, str] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    attestation: Attestation | None = None


@dataclass(frozen=True)
class Missing:
    """A required field without a value, as a person finds it."""

    field: str
    section: str
    title: str
    help: str


_SEVERAL: Final = (list, tuple, Mapping)


def filled(value: Value) -> bool:
    """Whether something was written: blanks and empty lists are nothing; False and 0 are something."""
    if isinstance(value, str):
        return bool(value.strip())
    if isinstance(value, _SEVERAL):
        return bool(value)
    return value is not None


def asked(one: NoteField, values: Mapping[str, Value]) -> bool:
    """Whether a field is asked for, beside what else was written."""
    if one.unless and filled(values.get(one.unless)):
        return False
    if one.when is None:
        return True
    held = values.get(one.when.field)
    codes = [held] if isinstance(held, str) else held
    return isinstance(codes, list | tuple) and any(code in one.when.any for code in codes)


def missing(template: NoteTemplate, values: Mapping[str, Value]) -> tuple[Missing, ...]:
    """Return every required field without a value, and every required part of an entry, all at once."""
    found: list[Missing] = []
    for section, one, parts in template.demanded:
        value = values.get(one.id)
        lacking = [(one.id, one.title)] if one.required and not filled(value) else []
        if parts and isinstance(value, list | tuple):
            lacking += _lacking(one, parts, value)
        if lacking and asked(one, values):
            found += (Missing(path, section.title, title, one.help) for path, title in lacking)
    return tuple(found)


def _lacking(one: NoteField, parts: Sequence[Part], entries: Sequence[Mapping[str, Value]]) -> list[tuple[str, str]]:
    """Return path and title of each of some parts that holds nothing in one of a field's entries."""
    lacking = []
    for number, entry in enumerate(entries):
        for part in parts:
            if not filled(entry.get(part.id)):
                lacking.append((f"{one.id}[{number}].{part.id}", part.title))
    return lacking


def labels(template: NoteTemplate, note: Note) -> tuple[Sensitivity, ...]:
    """Return the security labels that a note's written fields ask for, each once."""
    written = [one.sensitivity for _, one in template.fields() if filled(note.fields.get(one.id))]
    return tuple(one for one in Sensitivity if one in written and one is not Sensitivity.NONE)


def stays_inside(template: NoteTemplate, note: Note, *, enforces_labels: bool) -> bool:
    """Whether no document of a note may leave Withness (contracts I8).

    Of a note about safety that tells of violence, what would be left out of the document gives the violence away.
    """
    return template.always_saves and Sensitivity.VIOLENCE in labels(template, note) and not enforces_labels


def for_chart(template: NoteTemplate, note: Note, member: str, *, enforces_labels: bool) -> Note:
    """Return what of a note goes into one member's chart (contracts I8).

    Of several voices only this member's; of entries that name somebody only those that name this member; and
    nothing about abuse or violence, unless the EHR enforces security labels.
    """
    kept: dict[str, Value] = {}
    for _, one in template.fields():
        if one.id not in note.fields:
            continue
        if one.sensitivity is Sensitivity.VIOLENCE and not enforces_labels:
            continue
        value = note.fields[one.id]
        if len(note.members) > 1 and one.kind in (FieldKind.VOICES, FieldKind.ENTRIES):
            value = [entry for entry in value if entry.get("who", member) == member]
            if not value and note.fields[one.id]:
                continue
        kept[one.id] = value
    names = {who: name for who, name in note.names.items() if who == member}
    prefilled = {id: source for id, source in note.prefilled.items() if id in kept}
    attestation = note.attestation.of(member) if note.attestation is not None else None
    return replace(note, members=(member,), fields=kept, names=names, prefilled=prefilled, attestation=attestation)
