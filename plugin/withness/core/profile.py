"""A profile's rules and the package's code lists as values: what a resource of ours must be, and why.

Paths are element ids of FHIR R4 ("CarePlan.identifier:plan.system"); `{base}` in a text is the canonical base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

BASE: Final = "{base}"
"""Stands in the files for the canonical base of every artefact."""


@dataclass(frozen=True)
class Choice:
    """A type that an element may have: `targets` of a Reference, the `profile` of an Extension, by their ids."""

    code: str
    targets: tuple[str, ...] = ()
    profile: str = ""


@dataclass(frozen=True)
class Held:
    """A value that must be there: exactly it where it is a primitive, at least its parts where it is none."""

    type: str
    value: Any


@dataclass(frozen=True)
class Below:
    """An element right below a rule's own: it must be there, with the value where one is given."""

    name: str
    held: Held | None


@dataclass(frozen=True)
class Rule:
    """One rule on one element, and why: each has an example that keeps it and one that breaks it.

    `min` and `max` are cardinalities ("*": any number), `types` what the element may be, `held` a value that it must
    have, `below` what must be right below it, `binding` a ValueSet of ours whose codes alone are allowed,
    `expression` FHIRPath that must be true on it, `context` where an extension may stand.
    """

    name: str
    path: str
    why: str
    source: str
    min: int | None = None
    max: str | None = None
    types: tuple[Choice, ...] = ()
    held: Held | None = None
    below: tuple[Below, ...] = ()
    binding: str = ""
    expression: str = ""
    context: tuple[str, ...] = ()


@dataclass(frozen=True)
class Slicing:
    """A list whose members are told apart by the value of `by`; others than those named may stand in it."""

    path: str
    by: str


@dataclass(frozen=True)
class Profile:
    """A profile or extension of ours: `type` is what it constrains, `base` what it builds on, by its id."""

    id: str
    name: str
    title: str
    description: str
    type: str
    base: str
    slicings: tuple[Slicing, ...]
    rules: tuple[Rule, ...]

    @property
    def extension(self) -> bool:
        """Whether it defines an extension."""
        return self.type == "Extension"


@dataclass(frozen=True)
class Concept:
    """A code of ours."""

    code: str
    display: str
    definition: str


@dataclass(frozen=True)
class System:
    """A code system of ours with all its codes."""

    id: str
    name: str
    title: str
    description: str
    concepts: tuple[Concept, ...]


@dataclass(frozen=True)
class Selection:
    """A value set of codes that are not ours: `includes` are (system, its codes)."""

    id: str
    name: str
    title: str
    description: str
    includes: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Naming:
    """A namespace of our identifiers, `{base}/sid/` and its id."""

    id: str
    name: str
    description: str


@dataclass(frozen=True)
class Terminology:
    """The package's code lists that neither the policy nor another text of the catalogue holds."""

    systems: tuple[System, ...]
    selections: tuple[Selection, ...]
    namings: tuple[Naming, ...]
