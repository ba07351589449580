"""The artefacts that a check goes by, by canonical URL; a profile's snapshot as a tree of elements and slices.

FHIR R4 4.0.1: structuredefinition, elementdefinition (id: parts between dots, a slice's name after a colon), profiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Final

from withness import content
from withness.fhir import codes
from withness.fhir.references import R4_TYPES

_SMALL_LETTERS: Final = {one.lower(): one for one in R4_TYPES}
_VALUES: Final = ("fixed", "pattern", "minValue", "maxValue")
_TYPE: Final = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


@dataclass
class Node:
    """One ElementDefinition: its own elements by name ("value[x]" for a choice), its slices by their names."""

    definition: Mapping[str, Any]
    name: str
    slice: str = ""
    children: dict[str, Node] = field(default_factory=dict)
    slices: dict[str, Node] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The element's id, with the names of slices."""
        return str(self.definition.get("id") or self.definition.get("path"))

    @property
    def least(self) -> int:
        """min; 0 where it is left out."""
        return int(self.definition.get("min", 0))

    @property
    def most(self) -> int | None:
        """max; None for any number."""
        most = self.definition.get("max", "*")
        return None if most == "*" else int(most)

    @cached_property
    def types(self) -> dict[str, Mapping[str, Any]]:
        """Type code → type; those of ids and URLs by their FHIR names."""
        return {_code(one): one for one in self.definition.get("type", ())}

    def value(self, prefix: str) -> Any:
        """Return fixed[x], pattern[x], minValue[x] or maxValue[x], None without one."""
        return self._values.get(prefix)

    @cached_property
    def _values(self) -> dict[str, Any]:
        return {prefix: one for key, one in self.definition.items() for prefix in _VALUES if key.startswith(prefix)}


def _code(one: Mapping[str, Any]) -> str:
    code = str(one.get("code", ""))
    if not code.startswith("http://hl7.org/fhirpath/"):
        return code
    real = [more.get("valueUrl") for more in one.get("extension", ()) if more.get("url") == _TYPE]
    return str(real[0]) if real else "string"


@dataclass
class Structure:
    """A StructureDefinition with its tree; `unplaced` are elements whose parent the snapshot lacks."""

    definition: Mapping[str, Any]
    root: Node
    unplaced: tuple[str, ...]
    by_id: Mapping[str, Node]

    @property
    def url(self) -> str:
        """The canonical URL, without a version."""
        return str(self.definition["url"])

    @property
    def name(self) -> str:
        """What a person calls it: the last part of its URL."""
        return self.url.rpartition("/")[2]

    @property
    def type(self) -> str:
        """The resource or data type that it is about."""
        return str(self.definition["type"])

    def meant(self, node: Node) -> Node:
        """Return the node that defines an element: where a contentReference says so, or itself."""
        reference = node.definition.get("contentReference")
        found = self.by_id.get(reference.partition("#")[2]) if isinstance(reference, str) else None
        return found or node

    def inside(self, node: Node) -> Mapping[str, Node]:
        """Return the elements that an element has."""
        return node.children or self.meant(node).children


class Definitions:
    """Artefacts by canonical URL; of two with the same URL the later one counts."""

    def __init__(self, resources: Iterable[Mapping[str, Any]], *, bases: Iterable[str] = (codes.BASE,)) -> None:
        self._found = {
            str(one["url"]): one for one in resources if isinstance(one.get("url"), str) and "resourceType" in one
        }
        self._structures: dict[str, Structure | None] = {}
        self.bases = tuple(f"{base}/" for base in bases)

    def and_these(self, resources: Iterable[Mapping[str, Any]], bases: Iterable[str] = ()) -> Definitions:
        """Return these definitions with more; the given ones count where a URL is the same."""
        more = Definitions(resources)
        joined = Definitions((*self._found.values(), *more._found.values()))
        joined.bases = tuple(dict.fromkeys((*self.bases, *(f"{base}/" for base in bases))))
        return joined

    def ours(self, canonical: str) -> bool:
        """Whether a canonical is below the base of a package that is here."""
        return canonical.startswith(self.bases)

    def find(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the artefact; another version than the one that is asked for is not it."""
        url, _, version = canonical.partition("#")[0].partition("|")
        found = self._found.get(url)
        return None if found is None or (version and version != found.get("version")) else found

    def has_url(self, canonical: str) -> bool:
        """Whether an artefact with this URL is here, in any version."""
        return canonical.partition("#")[0].partition("|")[0] in self._found

    def profiles(self) -> list[str]:
        """Return the URL of every profile on a resource that is here."""
        return sorted(
            url
            for url, one in self._found.items()
            if one["resourceType"] == "StructureDefinition" and one.get("kind") == "resource"
        )

    def type_behind(self, canonical: str) -> str | None:
        """Return the resource type that a profile is on, None when that cannot be told here.

        US Core's are not here; their ids have the type's name in them first (us-core-observation-lab).
        """
        found = self.find(canonical)
        if found is not None:
            return str(found.get("type"))
        url, _, id = canonical.partition("|")[0].rpartition("/")
        if url == "http://hl7.org/fhir/StructureDefinition":
            return id if id in (*R4_TYPES, "Resource") else None
        if url != f"{codes.US_CORE}/StructureDefinition" or not id.startswith("us-core-"):
            return None
        named = [_SMALL_LETTERS[one] for one in id.split("-") if one in _SMALL_LETTERS]
        return named[0] if named else None

    def structure(self, canonical: str) -> Structure | None:
        """Return a profile or extension with its tree, None when it is not here or has no snapshot."""
        found = self.find(canonical)
        if found is None or found["resourceType"] != "StructureDefinition":
            return None
        url = str(found["url"])
        if url not in self._structures:
            self._structures[url] = tree(found)
        return self._structures[url]


def tree(definition: Mapping[str, Any]) -> Structure | None:
    """Return a StructureDefinition's snapshot as a tree, None without a snapshot or type."""
    listed = (definition.get("snapshot") or {}).get("element") or []
    if not listed or "type" not in definition or "url" not in definition:
        return None
    by_id: dict[str, Node] = {}
    unplaced = []
    for one in listed:
        id = str(one.get("id") or one.get("path"))
        before, _, last = id.rpartition(".")
        name, _, slice = last.partition(":")
        node = by_id[id] = Node(one, name, slice)
        if not before:
            continue
        parent = by_id.get(before)
        if parent is None or (slice and name not in parent.children):
            unplaced.append(id)
        elif slice:
            parent.children[name].slices[slice] = node
        else:
            parent.children[name] = node
    return Structure(definition, next(iter(by_id.values())), tuple(unplaced), by_id)


@cache
def shipped() -> Definitions:
    """Return the artefacts of our own package, as this installation carries them."""
    return Definitions(_artefacts())


def _artefacts() -> Iterator[dict[str, Any]]:
    from withness.fhir.package.contents import artefacts

    for file in artefacts(content.folder("fhir_profiles")):
        yield file.resource
