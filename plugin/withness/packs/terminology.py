"""catalogue/terminology.toml: the code lists of the FHIR package that no other file of the catalogue holds."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field, StringConstraints

from withness import content
from withness.core.profile import Concept, Naming, Selection, System, Terminology
from withness.packs.toml import Outside, Slug, Text, no_twice, read

FILE: Final = "terminology.toml"

_Name = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$")]
_Code = Annotated[str, StringConstraints(pattern=r"^\S+$")]


class _Concept(Outside):
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z.-]*$")]
    display: Text
    definition: Text


class _System(Outside):
    id: Slug
    name: _Name
    title: Text
    description: Text
    concept: Annotated[tuple[_Concept, ...], Field(min_length=1)]


class _Include(Outside):
    system: _Code
    codes: Annotated[tuple[_Code, ...], Field(min_length=1)]


class _Selection(Outside):
    id: Slug
    name: _Name
    title: Text
    description: Text
    include: Annotated[tuple[_Include, ...], Field(min_length=1)]


class _Naming(Outside):
    id: Slug
    name: _Name
    description: Text


class _Terminology(Outside):
    system: tuple[_System, ...]
    selection: tuple[_Selection, ...]
    naming: tuple[_Naming, ...]


def load_terminology() -> Terminology:
    """Return the code lists. Raises InvalidContent naming file and key."""
    return parse_terminology((content.folder("catalogue") / FILE).read_bytes())


def parse_terminology(text: bytes) -> Terminology:
    """Return the code lists in a file's bytes. Raises InvalidContent naming file and key."""
    found = read(_Terminology, text, name=FILE)
    no_twice([*(one.id for one in found.system), *(one.id for one in found.selection)], name=FILE, key="id")
    no_twice([one.id for one in found.naming], name=FILE, key="naming")
    for one in found.system:
        no_twice([concept.code for concept in one.concept], name=FILE, key=f"{one.id}.concept")
    for chosen in found.selection:
        listed = [code for include in chosen.include for code in include.codes]
        no_twice(listed, name=FILE, key=f"{chosen.id}.include")
    return Terminology(
        systems=tuple(
            System(one.id, one.name, one.title, one.description, tuple(Concept(**dict(c)) for c in one.concept))
            for one in found.system
        ),
        selections=tuple(
            Selection(
                one.id, one.name, one.title, one.description, tuple((each.system, each.codes) for each in one.include)
            )
            for one in found.selection
        ),
        namings=tuple(Naming(one.id, one.name, one.description) for one in found.naming),
    )
