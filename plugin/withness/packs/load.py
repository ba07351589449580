"""The catalogue's texts: TOML to frozen values. Templates and the gate's policy have files of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from withness import content
from withness.core.catalogue import (
    Catalogue,
    Document,
    Format,
    Problem,
    Sources,
    Statement,
    StructureOption,
    Suitability,
    Term,
    Unsourced,
)
from withness.core.terms import Lead, UnitKind
from withness.errors import InvalidContent
from withness.packs.policy import load_policy, parse_policy, policy_bytes, shipped_digest
from withness.packs.templates import PROBLEMS, ProblemId, load_templates
from withness.packs.toml import Model, Outside, References, Slug, Text, no_twice, read, refusal

__all__ = [
    "load_catalogue",
    "load_glossary",
    "load_policy",
    "load_problems",
    "load_sources",
    "load_suitability",
    "load_templates",
    "parse_policy",
    "policy_bytes",
    "shipped_digest",
]

Provenance = Literal["", "LLM"]
"""The source's own mark on a sentence that a model wrote."""


class _Problem(Outside):
    id: ProblemId
    title: Text
    why: Text
    references: References
    provenance: Provenance
    proposes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    prompts: tuple[Text, ...]


class _Problems(Outside):
    problem: tuple[_Problem, ...]


class _Term(Outside):
    id: Slug
    term: Text
    meaning: Text
    references: References


class _Glossary(Outside):
    term: tuple[_Term, ...]


class _Format(Outside):
    id: Slug
    title: Text
    meaning: Text
    no_plan_because: Text | None = None
    advisory: Text | None = None


class _Option(Outside):
    id: Literal["more", "same", "less", "unsaid"]
    text: Text
    advisory: Text | None = None


class _Structure(Outside):
    question: Text
    option: tuple[_Option, ...]


class _Statement(Outside):
    text: Text
    source: Text
    references: References
    provenance: Provenance = ""


class _Caution(_Statement):
    id: Slug
    title: Text


class _Populations(Outside):
    notice: Text
    text: tuple[_Statement, ...]


class _Suitability(Outside):
    lead: tuple[_Format, ...]
    unit: tuple[_Format, ...]
    structure: _Structure
    populations: _Populations
    caution: tuple[_Caution, ...]


class _Document(Outside):
    number: Annotated[int, Field(strict=True, ge=1)]
    title: Text
    about: Text


class _Resource(Outside):
    number: Annotated[int, Field(strict=True, ge=1)]
    title: Text


class _Unsourced(Outside):
    where: Text
    statement: Text
    references: References


class _Sources(Outside):
    document: tuple[_Document, ...]
    resource: tuple[_Resource, ...]
    printed: dict[str, References]
    unsourced: tuple[_Unsourced, ...]


def load_catalogue() -> Catalogue:
    """Return every text of the catalogue. Raises InvalidContent naming file and key."""
    return Catalogue(load_problems(), load_glossary(), load_suitability(), load_sources())


def load_problems() -> Mapping[str, Problem]:
    """Return the six problems-for-work by id, in the source's order. Raises InvalidContent naming file and key."""
    name = "problems.toml"
    found = _read(_Problems, name).problem
    ids = [one.id for one in found]
    no_twice(ids, name=name, key="problem")
    _all_there(PROBLEMS, ids, name=name, key="problem")
    return MappingProxyType({one.id: Problem(**dict(one)) for one in found})


def load_glossary() -> Mapping[str, Term]:
    """Return the key terms by id, in the source's order. Raises InvalidContent naming file and key."""
    name = "glossary.toml"
    found = _read(_Glossary, name).term
    no_twice([one.id for one in found], name=name, key="term")
    return MappingProxyType({one.id: Term(**dict(one)) for one in found})


def load_suitability() -> Suitability:
    """Return the formats and the suitability texts. Raises InvalidContent naming file and key."""
    name = "suitability.toml"
    found = _read(_Suitability, name)
    _all_there(tuple(Lead), [one.id for one in found.lead], name=name, key="lead")
    _all_there(tuple(UnitKind), [one.id for one in found.unit if not one.no_plan_because], name=name, key="unit")
    no_twice([one.id for one in found.unit], name=name, key="unit")
    no_twice([one.id for one in found.structure.option], name=name, key="structure.option")
    no_twice([one.id for one in found.caution], name=name, key="caution")
    return Suitability(
        leads=tuple(_format(one) for one in found.lead),
        units=tuple(_format(one) for one in found.unit),
        structure_question=found.structure.question,
        structure_options=tuple(
            StructureOption(one.id, one.text, one.advisory or "") for one in found.structure.option
        ),
        populations_notice=found.populations.notice,
        populations=tuple(Statement(**dict(one)) for one in found.populations.text),
        cautions=MappingProxyType({one.id: Statement(**dict(one)) for one in found.caution}),
    )


def load_sources() -> Sources:
    """Return where the content comes from. Raises InvalidContent naming file and key."""
    name = "sources.toml"
    found = _read(_Sources, name)
    for index, one in enumerate(found.resource, start=1):
        if one.number != index:
            raise refusal(name, "resource", f"must be numbered in order: {index} is missing")
    return Sources(
        documents=tuple(Document(**dict(one)) for one in found.document),
        resources=MappingProxyType({one.number: one.title for one in found.resource}),
        printed=MappingProxyType(dict(found.printed)),
        unsourced=tuple(Unsourced(**dict(one)) for one in found.unsourced),
    )


def _read(model: type[Model], name: str) -> Model:
    try:
        text = (content.folder("catalogue") / name).read_bytes()
    except OSError:
        raise InvalidContent(f"{name} cannot be read.", field=name) from None
    return read(model, text, name=name)


def _all_there(wanted: tuple[str, ...], ids: Sequence[str], *, name: str, key: str) -> None:
    if tuple(ids) != wanted:
        raise refusal(name, key, f"must hold these, in this order: {', '.join(wanted)}")


def _format(one: _Format) -> Format:
    return Format(one.id, one.title, one.meaning, one.no_plan_because or "", one.advisory or "")
