"""On what grounds a page is kept from somebody: catalogue/withholding.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from withness import content
from withness.packs.toml import Flag, Outside, Slug, Text, no_twice, read

FILE: Final = "withholding.toml"

Reader = Literal["client", "guardian", "representative"]


@dataclass(frozen=True)
class Ground:
    """One ground: `readers` from whom a page may be kept on it. `individual`: somebody licensed judged this one case;
    `review`: whoever is refused may have that looked at again.
    """

    id: str
    readers: tuple[str, ...]
    text: str
    individual: bool
    review: bool
    source: str


class _Ground(Outside):
    id: Slug
    readers: Annotated[tuple[Reader, ...], Field(alias="from", min_length=1)]
    text: Text
    individual: Flag
    review: Flag
    source: Text


class _Grounds(Outside):
    ground: Annotated[tuple[_Ground, ...], Field(min_length=1)]


@cache
def grounds() -> Mapping[str, Ground]:
    """Return the shipped grounds by id. Raises InvalidContent naming file and key."""
    return parse_grounds((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_grounds(text: bytes, *, name: str) -> Mapping[str, Ground]:
    """Return the grounds in a TOML file, by id in its order. Raises InvalidContent naming file and key."""
    found = read(_Grounds, text, name=name).ground
    no_twice([one.id for one in found], name=name, key="ground")
    return MappingProxyType({one.id: Ground(**dict(one)) for one in found})
