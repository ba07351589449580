"""Plan templates: TOML to PlanTemplate, the shipped seven and a site's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal, get_args

from pydantic import Field

from withness import content
from withness.core.template import (
    Both,
    Count,
    Exists,
    Limit,
    LimitKind,
    Measure,
    Part,
    PlanTemplate,
    Ratio,
    Target,
    Yes,
    unmeetable,
)
from withness.core.terms import Lead, UnitKind
from withness.errors import InvalidContent
from withness.files import read_regular
from withness.packs.toml import Number, Outside, References, Slug, Text, Version, no_twice, read, refusal

FOLDER: Final = "plan_templates"

ProblemId = Literal[
    "relationship-family-conflict",
    "communication-difficulties",
    "identity-concerns",
    "life-transitions",
    "depression-anxiety-meaning",
    "feeling-unheard",
]
PROBLEMS: Final[tuple[str, ...]] = get_args(ProblemId)

SHIPPED: Final = ("heard", "monologue", "story", "own-list", "transition", "re-engage", "shared-intake")
"""The seven, in the order of the source's table."""


class _Part(Outside):
    code: Slug
    text: Text


class _Measure(Outside):
    code: Slug
    text: Text
    unit: Text | None = None
    unit_one: Text | None = None
    each_partner: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 0
    artefact: Text | None = None
    parts: tuple[_Part, ...] = ()


class _Target(Outside):
    count: Number | None = None
    of: Number | None = None
    exists: Literal[True] | None = None
    yes: Literal[True] | None = None
    all: Annotated[tuple[Slug, ...], Field(min_length=2, max_length=2)] | None = None


class _Limit(Outside):
    sessions: Number | None = None
    by_session: Number | None = None
    weeks: Number | None = None


class _Template(Outside):
    id: Slug
    version: Version
    title: Text
    goal: Text
    objective: Text
    responsible: Literal["client", "partners", "family", "therapist", "client-and-therapist"]
    mechanism: Text
    references: References
    source: Text
    problems: tuple[ProblemId, ...]
    leads: Annotated[tuple[Lead, ...], Field(min_length=1)]
    units: Annotated[tuple[UnitKind, ...], Field(min_length=1)]
    evidence: Text
    measure: _Measure
    target: _Target
    limit: _Limit


def load_templates(extra: Path | None = None) -> Mapping[str, PlanTemplate]:
    """Return the templates by id: the shipped seven in the table's order, then the site's own by file name.

    A site's template (`extra`/plan_templates/*.toml) with a shipped id stands in the shipped one's place.
    Raises InvalidContent naming file and key.
    """
    found = {one.id: one for one in _templates(content.folder("catalogue") / FOLDER, SHIPPED)}
    if extra is not None:
        found.update((one.id, one) for one in _templates(*_own(extra)))
    return MappingProxyType(found)


def _own(extra: Path) -> tuple[Path, tuple[str, ...]]:
    if not extra.is_dir():
        raise InvalidContent("WITHNESS_PACKS does not name a folder.", field="WITHNESS_PACKS")
    folder = extra / FOLDER
    return folder, tuple(sorted(path.stem for path in folder.glob("*.toml")))


def _templates(folder: Traversable, names: tuple[str, ...]) -> Iterator[PlanTemplate]:
    for stem in names:
        name = f"{FOLDER}/{stem}.toml"
        try:
            file = folder / f"{stem}.toml"
            text = read_regular(file) if isinstance(file, Path) else file.read_bytes()
        except OSError:
            raise InvalidContent(f"{name} cannot be read.", field=name) from None
        template = parse_template(text, name=name)
        if template.id != stem:
            raise refusal(name, "id", f"must be {stem!r}, as the file is called")
        yield template


def parse_template(text: bytes, *, name: str) -> PlanTemplate:
    """Return the template in a TOML file. Raises InvalidContent naming file and key."""
    given = read(_Template, text, name=name)
    for key in ("problems", "leads", "units"):
        no_twice(getattr(given, key), name=name, key=key)
    limit, target = _limit(given.limit, name=name), _target(given.target, name=name)
    _check_target(given, target, limit, name=name)
    measure = given.measure
    return PlanTemplate(
        id=given.id,
        version=given.version,
        title=given.title,
        goal=given.goal,
        objective=given.objective,
        measure=Measure(
            code=measure.code,
            text=measure.text,
            unit=measure.unit or "",
            unit_one=measure.unit_one or "",
            each_partner=measure.each_partner,
            artefact=measure.artefact or "",
            parts=tuple(Part(one.code, one.text) for one in measure.parts),
        ),
        target=target,
        limit=limit,
        responsible=given.responsible,
        mechanism=given.mechanism,
        references=given.references,
        source=given.source,
        problems=given.problems,
        leads=given.leads,
        units=given.units,
        evidence=given.evidence,
    )


def _limit(given: _Limit, *, name: str) -> Limit:
    match given.model_dump(exclude_none=True):
        case {"sessions": int(number), **rest} if not rest:
            return Limit(LimitKind.SESSIONS, number)
        case {"by_session": int(number), **rest} if not rest:
            return Limit(LimitKind.BY_SESSION, number)
        case {"weeks": int(number), **rest} if not rest:
            return Limit(LimitKind.WEEKS, number)
        case _:
            raise refusal(name, "limit", "must be one of sessions, by_session and weeks")


def _target(given: _Target, *, name: str) -> Target:
    match given.model_dump(exclude_none=True):
        case {"count": int(count), **rest} if not rest:
            return Count(count)
        case {"count": int(count), "of": int(of), **rest} if not rest:
            return Ratio(count, of)
        case {"exists": True, **rest} if not rest:
            return Exists()
        case {"yes": True, **rest} if not rest:
            return Yes()
        case {"all": (first, second), **rest} if not rest:
            return Both((first, second))
        case _:
            raise refusal(name, "target", "must be one of {count}, {count, of}, {exists}, {yes} and {all}")


def _check_target(given: _Template, target: Target, limit: Limit, *, name: str) -> None:
    """Refuse a target that could never be met, or that does not belong to its measure."""
    measure = given.measure
    larger_than = {"count": "target.of", "of": "the number of sessions"}
    if part := unmeetable(target, limit):
        raise refusal(name, f"target.{part}", f"can never be met: it is larger than {larger_than[part]}")
    if isinstance(target, Count | Ratio) and measure.unit is None:
        raise refusal(name, "measure.unit", "is missing: a count needs the counted thing")
    if measure.each_partner and not (isinstance(target, Count) and target.count >= 2 * measure.each_partner):
        raise refusal(name, "measure.each_partner", "needs a count of at least twice as many")
    codes = [part.code for part in measure.parts]
    no_twice(codes, name=name, key="measure.parts")
    if set(codes) != set(target.codes if isinstance(target, Both) else ()):
        raise refusal(name, "measure.parts", "must be the two parts that target.all names, and none for another target")
