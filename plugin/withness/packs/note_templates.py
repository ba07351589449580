"""Note templates: a folder of template.toml and note.md.j2 to NoteTemplate, the shipped ones and a site's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from withness import content
from withness.core.note import (
    Audience,
    Copy,
    FieldKind,
    Kept,
    Layout,
    LayoutPart,
    NoteField,
    NoteTemplate,
    OnlyIf,
    Option,
    Part,
    Section,
    Sensitivity,
    Whose,
)
from withness.core.terms import UnitKind
from withness.errors import InvalidContent
from withness.packs import note_syntax
from withness.packs.note_copy import copy_faults, copy_of
from withness.packs.note_language import MAX_BYTES
from withness.packs.note_rules import check_override, check_template
from withness.packs.toml import Flag, Outside, Slug, Text, Version, read, refusal

FOLDER: Final = "note_templates"
FILE: Final = "template.toml"

SHIPPED: Final = (
    "first-conversation",
    "session",
    "couple-family-session",
    "plan-for-client",
    "safety",
    "directive-protocol",
    "medical-necessity",
    "supervision-reflection",
    "transition-closing",
    "consent-and-approach",
    "pre-visit-worksheet",
)
"""The eleven, in the order of the contracts."""

MAX_FILE: Final = 512 * 1024
"""Largest template.toml, in bytes."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=64)]
"""A name of a body: lower case, digits, single underscores."""

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$", max_length=64)]
Line = Annotated[str, StringConstraints(pattern=r"^[^\S\r\n]*\S[^\r\n]*$", max_length=300)]
"""A text that says something on one line."""

Prefill = Literal["patient-name", "goals", "last-check-in", "standing-decision", "concern", "plan-frame", "screen"]
Grade = Annotated[int, Field(strict=True, ge=1, le=12)]


class _Code(Outside):
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}-[0-9]$")]
    text: Line
    source: Text


class _Option(Outside):
    code: Slug
    text: Line


class _Part(Outside):
    id: Name
    title: Line
    whose: Whose = Whose.CLINICIAN
    required: Flag = False


class _When(Outside):
    field: Name
    any: Annotated[tuple[Slug, ...], Field(min_length=1)]


class _Field(Outside):
    id: Name
    title: Line
    kind: FieldKind
    help: Text
    source: Text
    required: Flag = False
    whose: Whose | None = None
    unless: Name | None = None
    when: _When | None = None
    option: Annotated[tuple[_Option, ...], Field(max_length=200)] = ()
    part: Annotated[tuple[_Part, ...], Field(max_length=12)] = ()
    sensitivity: Literal["SDV", "ETH"] | None = None
    prefill: Prefill | None = None


class _Section(Outside):
    id: Id
    title: Line
    about: Text | None = None
    field: Annotated[tuple[_Field, ...], Field(min_length=1, max_length=200)]


class _LayoutPart(Outside):
    title: Line
    fields: Annotated[tuple[Name, ...], Field(min_length=1)]


class _Copy(Outside):
    title: Line
    opening: Text
    part: Annotated[tuple[_LayoutPart, ...], Field(min_length=1, max_length=100)]


class _Template(Outside):
    id: Slug
    version: Version
    title: Line
    purpose: Text
    audience: Audience
    kept: Kept
    needs_release: Flag
    always_saves: Flag
    units: Annotated[tuple[UnitKind, ...], Field(min_length=1)]
    loinc: _Code | None = None
    statements: tuple[Slug, ...] = ()
    reading_grade: Grade | None = None
    source: Text
    copy_: Annotated[_Copy | None, Field(alias="copy")] = None
    section: Annotated[tuple[_Section, ...], Field(min_length=1, max_length=100)]
    layout: Annotated[
        Mapping[Literal["dap", "birp", "girp", "soap"], Annotated[tuple[_LayoutPart, ...], Field(min_length=1)]],
        Field(default_factory=dict),
    ]


def load_note_templates(packs: Path | None = None) -> Mapping[str, NoteTemplate]:
    """Return the templates by id: the shipped ones in the contracts' order, then a site's own by folder name.

    A site's template (`packs`/note_templates/ID) with a shipped id stands in the shipped one's place, and may not
    loosen what that one guards. Raises InvalidContent naming file and key.
    """
    found, faults = usable_note_templates(packs)
    if faults:
        raise faults[0]
    return found


def usable_note_templates(packs: Path | None) -> tuple[Mapping[str, NoteTemplate], tuple[InvalidContent, ...]]:
    """Return every template that can be used, and what is wrong with the others.

    One bad folder of a site's stops no other note (contracts I7); a shipped template stands where its override cannot.
    """
    found, faults = dict(_shipped()), []
    try:
        folders = [] if packs is None else list(site_folders(packs))
    except InvalidContent as error:
        folders, faults = [], [error]
    for folder in folders:
        try:
            one = read_folder(folder, folder.name, origin="site")
            if one.id in found:
                check_override(one, found[one.id], name=f"{FOLDER}/{one.id}/{FILE}")
        except InvalidContent as error:
            faults.append(error)
        else:
            found[one.id] = one
    return MappingProxyType(found), tuple(faults)


def site_folders(packs: Path) -> Iterator[Path]:
    """Yield the folders of a site's own templates, by name. Raises InvalidContent when `packs` is no folder."""
    if not packs.is_dir():
        raise InvalidContent("WITHNESS_PACKS does not name a folder.", field="WITHNESS_PACKS")
    own = packs / FOLDER
    yield from sorted(one for one in own.iterdir() if folder_of_one(one)) if own.is_dir() else ()


def folder_of_one(path: Path) -> bool:
    """Whether a path is a folder that should hold a template."""
    return path.is_dir() and not path.name.startswith((".", "_"))


@cache
def _shipped() -> Mapping[str, NoteTemplate]:
    root = content.folder(FOLDER)
    there = {one.name: one for one in root.iterdir() if one.is_dir() and (one / FILE).is_file()}
    ids = [*(id for id in SHIPPED if id in there), *sorted(set(there) - set(SHIPPED))]
    return MappingProxyType({id: read_folder(there[id], id, origin="shipped") for id in ids})


def read_folder(folder: Traversable, id: str, *, origin: str) -> NoteTemplate:
    """Return the template in a folder called `id`. Raises InvalidContent naming file and key."""
    name = f"{FOLDER}/{id}/{FILE}"
    toml = _bytes(folder / FILE, name, MAX_FILE)
    body = _bytes(folder / note_syntax.BODY, f"{FOLDER}/{id}/{note_syntax.BODY}", MAX_BYTES)
    try:
        source = body.decode("utf-8")
    except UnicodeDecodeError:
        said = f"{FOLDER}/{id}/{note_syntax.BODY}"
        raise InvalidContent(f"{said} is not UTF-8 text.", field=said) from None
    template = parse_note_template(toml, source, name=name, origin=origin)
    if template.id != id:
        raise refusal(name, "id", f"must be {id!r}, as the folder is called")
    return template


def _bytes(path: Traversable, name: str, most: int) -> bytes:
    try:
        found = path.read_bytes() if path.is_file() else None
    except OSError:
        found = None
    if found is None:
        raise InvalidContent(f"{name} cannot be read.", field=name)
    if len(found) > most:
        raise InvalidContent(f"{name} is larger than {most // 1024} KiB.", field=name)
    return found


def parse_note_template(toml: bytes, body: str, *, name: str, origin: str) -> NoteTemplate:
    """Return the template of a template.toml and its body. Raises InvalidContent naming file and key, or line."""
    template = parse_toml(toml, body, name=name, origin=origin)
    note_syntax.check(template)
    return template


def parse_toml(toml: bytes, body: str, *, name: str, origin: str) -> NoteTemplate:
    """Return the template of a template.toml, its body not looked at. Raises InvalidContent naming file and key."""
    found = read(_Template, toml, name=name)
    template = NoteTemplate(
        id=found.id,
        version=found.version,
        title=found.title,
        purpose=found.purpose,
        audience=found.audience,
        kept=found.kept,
        needs_release=found.needs_release,
        always_saves=found.always_saves,
        units=tuple(one.value for one in found.units),
        loinc=None if found.loinc is None else Option(found.loinc.code, found.loinc.text),
        sections=tuple(
            Section(one.id, one.title, tuple(_field(each) for each in one.field), one.about or "")
            for one in found.section
        ),
        layouts=MappingProxyType(
            {
                Layout(id): tuple(LayoutPart(part.title, part.fields) for part in parts)
                for id, parts in found.layout.items()
            }
        ),
        statements=found.statements,
        reading_grade=found.reading_grade,
        source=found.source,
        body=body,
        origin=origin,
        copy=None if found.copy_ is None else _copy(found.copy_),
    )
    check_template(template, name=name)
    for key, why in copy_faults(template):
        raise refusal(name, key, why)
    if (own := copy_of(template)) is not None:
        for fault in note_syntax.faults(own):
            raise refusal(name, "copy.opening", f"cannot stand there: {fault.said}")
    return template


def _copy(found: _Copy) -> Copy:
    return Copy(found.title, found.opening, tuple(LayoutPart(one.title, one.fields) for one in found.part))


def _field(found: _Field) -> NoteField:
    theirs = Whose.CLIENT if found.kind is FieldKind.VOICES else Whose.CLINICIAN
    return NoteField(
        id=found.id,
        title=found.title,
        kind=found.kind,
        help=found.help,
        source=found.source,
        required=found.required,
        whose=found.whose or theirs,
        unless=found.unless or "",
        when=None if found.when is None else OnlyIf(found.when.field, found.when.any),
        options=tuple(Option(one.code, one.text) for one in found.option),
        parts=tuple(Part(one.id, one.title, one.whose, one.required) for one in found.part),
        sensitivity=Sensitivity(found.sensitivity or ""),
        prefill=found.prefill or "",
    )
