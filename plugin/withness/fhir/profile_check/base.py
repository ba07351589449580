"""A resource against FHIR R4 4.0.1 as such, beyond `withness.fhir.check`: every element by its type.

Elements that R4 does not have (R4B's too), values that a lenient reader would turn into their type, required codes and
targets of references everywhere, and whatever names an artefact of a package at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.fhir.models import NOT_R4
from withness.fhir.profile_check import primitives, r4, terminology
from withness.fhir.profile_check.definitions import Definitions
from withness.fhir.profile_check.findings import Findings
from withness.fhir.references import R4_TYPES, reference_wrong

_A_URI: Final = "urn:ietf:rfc:3986"
"""The system of an Identifier whose value is a URI (R4 datatypes.html#Identifier)."""


@dataclass(frozen=True)
class Extended:
    """An extension that was met: where, on what (R4's path and type of the element), and in which extension (url).

    `owner` is the resource that it is in, with its path.
    """

    value: Mapping[str, Any]
    path: str
    on: tuple[str, ...]
    within: str | None
    owner: tuple[str, Mapping[str, Any]]


class Base:
    """One walk; `extensions` and `resources` (inner ones, with their paths) are what it met on its way."""

    def __init__(
        self, known: Definitions, findings: Findings, entries: Mapping[str, str] | None, *, package: bool
    ) -> None:
        self._known = known
        self._findings = findings
        self._entries = entries
        self._package = package
        self._owner: tuple[str, Mapping[str, Any]] = ("", {})
        self.extensions: list[Extended] = []
        self.resources: list[tuple[str, Mapping[str, Any]]] = []

    def resource(self, value: Mapping[str, Any], path: str) -> None:
        """Walk a resource; one inside it is walked too."""
        self.resources.append((path, value))
        outer, self._owner = self._owner, (path, value)
        kind = value.get("resourceType")
        if isinstance(kind, str) and kind in R4_TYPES:
            inner = {key: one for key, one in value.items() if key != "resourceType"}
            self._object(inner, r4.Place(kind, kind), path, (kind,), None)
        self._owner = outer

    def _object(
        self, value: Mapping[str, Any], place: r4.Place, path: str, on: tuple[str, ...], within: str | None
    ) -> None:
        """`on` says what is walked, for what it is extended with; `within` is the url of the extension it is in."""
        chosen: dict[str, str] = {}
        for key, item in value.items():
            name = key.removeprefix("_")
            child = r4.child(place.path, name)
            if child is None or (key != name and not child.primitive):
                self._findings.wrong(f"{path}.{_shown(key)}", NOT_R4)
                continue
            stem = r4.choice(place.path, name)
            if stem and chosen.setdefault(stem, name) != name:
                self._findings.wrong(f"{path}.{stem}[x]", "has more than one value: an element with a choice has one")
            for one, at in _each(item, f"{path}.{key}"):
                if key != name:
                    self._beside(one, at, place, name, within)
                elif child.primitive:
                    self._primitive(one, at, place, name, child)
                else:
                    self._complex(one, at, place, name, child, on, within)

    def _beside(self, item: Any, path: str, place: r4.Place, name: str, within: str | None) -> None:
        """Extensions and id of a primitive."""
        if isinstance(item, dict):
            kind = r4.child(place.path, name)
            on = (f"{place.path}.{name}", kind.type if kind else "")
            self._object(item, r4.Place("Element", "Element"), path, on, within)

    def _primitive(self, item: Any, path: str, place: r4.Place, name: str, child: r4.Place) -> None:
        if item is None or (isinstance(item, str) and not item.strip()):
            return
        why = primitives.wrong(child.type, item)
        if why is not None:
            self._findings.wrong(path, why)
            return
        wanted = r4.codes(place.path, name)
        if wanted is not None and item not in wanted:
            self._findings.wrong(path, "is not one of the codes that FHIR R4 requires here")
        if f"{place.path}.{name}" in r4.MIME and not r4.MIME_TYPE.fullmatch(item):
            self._findings.wrong(path, "is not a MIME type")
        if f"{place.path}.{name}" in r4.ABSOLUTE and ":" not in item:
            self._findings.wrong(path, "must be an absolute URI")
        if child.type == "canonical" and f"{place.path}.{name}" != "Meta.profile":
            self._canonical(item, path)

    def _canonical(self, item: str, path: str) -> None:
        if not self._known.ours(item) or self._known.find(item) is not None:
            return
        if self._package:
            self._findings.wrong(path, "names an artefact that is not in the package, or not in this version")
        else:
            self._findings.skipped(path, "artefacts that are not in the package, or in another version", item)

    def _complex(
        self, item: Any, path: str, place: r4.Place, name: str, child: r4.Place, on: tuple[str, ...], within: str | None
    ) -> None:
        if not isinstance(item, dict):
            if item is not None:
                self._findings.wrong(path, "must be an object")
            return
        if child.type == "Resource":
            self.resource(item, path)
            return
        stem = r4.choice(place.path, name)
        full = child.path if "." in child.path else f"{place.path}.{f'{stem}[x]' if stem else name}"
        inner = within
        own: tuple[str, ...] = (full, child.type)
        if child.type == "Extension":
            self.extensions.append(Extended(item, path, on, within, self._owner))
            inner = item.get("url") if isinstance(item.get("url"), str) else None
            own = ("Extension",)
        elif child.type == "Reference":
            why = reference_wrong(item, r4.targets(place.path, name) or R4_TYPES, self._entries, foreign=True)
            if why is not None:
                self._findings.wrong(path, why)
        elif child.type == "Coding":
            self._coding(item, path)
        elif child.type == "Identifier" and item.get("system") == _A_URI and ":" not in str(item.get("value", ":")):
            self._findings.wrong(f"{path}.value", "must be a URI, as its system says")
        self._object(item, child, path, own, inner)

    def _coding(self, coding: Mapping[str, Any], path: str) -> None:
        why = terminology.coding_wrong(self._known, coding)
        system = coding.get("system")
        if why is not None:
            self._findings.wrong(path, why)
        elif isinstance(system, str) and "/CodeSystem/" in system and not self._known.has_url(system):
            self._canonical(system, path)


def _each(item: Any, path: str) -> Iterator[tuple[Any, str]]:
    if not isinstance(item, list):
        yield item, path
        return
    for position, one in enumerate(item):
        yield one, f"{path}[{position}]"


def _shown(key: str) -> str:
    """A key that cannot be an element's name is not repeated: it could be anything."""
    bare = key.removeprefix("_")
    return key if bare.isascii() and bare.isalnum() and bare[:1].isalpha() and len(bare) <= 64 else "?"
