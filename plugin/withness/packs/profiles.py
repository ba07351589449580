"""catalogue/profiles/*.toml: the profiles and extensions of the FHIR package, one a file.

[[rule]]
name = "has-goals"
path = "CarePlan.goal"
min = 1
why = "A plan without a goal of the client's is none."
source = "contracts: a draft with no agreed goal is refused"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import Field, StringConstraints

from withness import content
from withness.core.profile import Below, Choice, Held, Profile, Rule, Slicing
from withness.errors import InvalidContent
from withness.packs.toml import Outside, Slug, Text, no_twice, read, refusal

FOLDER: Final = "profiles"

_TYPE: Final = re.compile(r"(?P<code>[A-Za-z]+)(\((?P<of>[A-Za-z-]+( \| [A-Za-z-]+)*)\))?")
_TYPE_NAME: Final = re.compile(r"[A-Za-z]+")
_NAME_LENGTH: Final = 50
"""A constraint's key is the rule's name behind `withness-`, and an id of R4 has at most 64 characters."""

_Path = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*(\.[a-z][A-Za-z]*(\[x\])?(:[a-z-]+)?)*$")]
_Value = dict[str, Any]


class _Rule(Outside):
    name: Annotated[Slug, StringConstraints(max_length=_NAME_LENGTH)]
    path: _Path
    why: Text
    source: Text
    min: Annotated[int, Field(strict=True, ge=0, le=1)] | None = None
    max: Annotated[str, StringConstraints(pattern=r"^[01]$")] | None = None
    types: tuple[Text, ...] = ()
    holds: _Value | None = None
    where: dict[str, _Value] = Field(default_factory=dict)
    binding: Slug | None = None
    expression: Text | None = None
    context: tuple[Text, ...] = ()


class _Slicing(Outside):
    path: _Path
    by: Text


class _Profile(Outside):
    id: Slug
    name: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$")]
    title: Text
    description: Text
    type: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]*$")]
    base: Text
    slicing: tuple[_Slicing, ...] = ()
    rule: Annotated[tuple[_Rule, ...], Field(min_length=1)]


def load_profiles() -> Mapping[str, Profile]:
    """Return every profile by id, in the order of their ids. Raises InvalidContent naming file and key."""
    try:
        files = sorted(
            (one for one in (content.folder("catalogue") / FOLDER).iterdir() if one.name.endswith(".toml")),
            key=lambda one: one.name,
        )
    except OSError:
        raise InvalidContent(f"{FOLDER} cannot be read.", field=FOLDER) from None
    return MappingProxyType({one.id: one for one in (parse_profile(file.read_bytes(), file.name) for file in files)})


def parse_profile(text: bytes, name: str) -> Profile:
    """Return the profile in a file's bytes. Raises InvalidContent naming file and key."""
    found = read(_Profile, text, name=name)
    if name != f"{found.id}.toml":
        raise refusal(name, "id", "must be the file's name without .toml")
    no_twice([one.name for one in found.rule], name=name, key="rule")
    no_twice([one.path for one in found.slicing], name=name, key="slicing")
    sliced = {one.path for one in found.slicing}
    for one in found.rule:
        _check(one, found, sliced, name=name)
    _once(found, name=name)
    return Profile(
        id=found.id,
        name=found.name,
        title=found.title,
        description=found.description,
        type=found.type,
        base=found.base,
        slicings=tuple(Slicing(one.path, one.by) for one in found.slicing),
        rules=tuple(_rule(one, name=name) for one in found.rule),
    )


def _check(rule: _Rule, profile: _Profile, sliced: set[str], *, name: str) -> None:
    key = f"rule.{rule.name}"
    if rule.path.partition(".")[0] != profile.type:
        raise refusal(name, f"{key}.path", f"must begin with {profile.type}")
    if ":" in rule.path and rule.path.rpartition(":")[0] not in sliced:
        raise refusal(name, f"{key}.path", "names a slice of what has no slicing")
    if not any((rule.min, rule.max, rule.types, rule.holds, rule.where, rule.binding, rule.expression, rule.context)):
        raise refusal(name, key, "asks for nothing")
    if rule.context and rule.path != "Extension":
        raise refusal(name, f"{key}.context", "is for an extension's own root")


def _once(profile: _Profile, *, name: str) -> None:
    """Two rules may stand on one element, but not with the same key: one would be lost."""
    for key in ("min", "max", "types", "holds", "binding"):
        no_twice(
            [one.path for one in profile.rule if getattr(one, key) not in (None, ())], name=name, key=f"rule.{key}"
        )


def _rule(rule: _Rule, *, name: str) -> Rule:
    key = f"rule.{rule.name}"
    return Rule(
        name=rule.name,
        path=rule.path,
        why=rule.why,
        source=rule.source,
        min=rule.min,
        max=rule.max,
        types=tuple(_choice(one, name=name, key=f"{key}.types") for one in rule.types),
        held=None if rule.holds is None else _held(rule.holds, name=name, key=f"{key}.holds"),
        below=tuple(_below(rule.where, name=name, key=f"{key}.where")),
        binding=rule.binding or "",
        expression=rule.expression or "",
        context=rule.context,
    )


def _choice(text: str, *, name: str, key: str) -> Choice:
    match = _TYPE.fullmatch(text)
    if match is None:
        raise refusal(name, key, 'must be written as "date", "Reference(Patient | Group)" or "Extension(id)"')
    of = tuple(match["of"].split(" | ")) if match["of"] else ()
    if match["code"] == "Extension":
        return Choice("Extension", profile="".join(of))
    return Choice(match["code"], targets=of)


def _held(value: _Value, *, name: str, key: str) -> Held:
    if len(value) != 1 or not _TYPE_NAME.fullmatch(next(iter(value))):
        raise refusal(name, key, "must be one value by its type, as in {code = …}")
    [(kind, held)] = value.items()
    return Held(kind, held)


def _below(where: dict[str, _Value], *, name: str, key: str) -> Iterator[Below]:
    for element, value in where.items():
        yield Below(element, _held(value, name=name, key=f"{key}.{element}") if value else None)
