"""The package's files as this installation carries them: artefacts, and examples beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any, Final

from withness.errors import InvalidContent

EXAMPLES: Final = "example"


@dataclass(frozen=True)
class File:
    """One resource: its name in the package, its bytes as they lie there, and read."""

    name: str
    text: bytes
    resource: dict[str, Any]

    @property
    def reference(self) -> str:
        """Type/id."""
        return f"{self.resource['resourceType']}/{self.resource['id']}"


def description(folder: Traversable) -> dict[str, Any]:
    """Return the package's own description (package.json). Raises InvalidContent."""
    return _object(_bytes(folder / "package.json", "package.json"), "package.json")


def artefacts(folder: Traversable) -> list[File]:
    """Return every artefact, by its name in the package: Type-id.json. Raises InvalidContent, naming the file."""
    kinds = sorted((one for one in folder.iterdir() if one.is_dir() and one.name != EXAMPLES), key=lambda one: one.name)
    found: dict[str, File] = {}
    for place, file in (file for kind in kinds for file in _files(kind)):
        one = _resource(place, file, "")
        if one.name in found:
            raise InvalidContent(f"fhir_profiles/{place} is there twice, as {one.name}.", field=place)
        found[one.name] = one
    return [found[name] for name in sorted(found)]


def examples(folder: Traversable) -> list[File]:
    """Return every example, by its own name; there may be none. Raises InvalidContent, naming the file.

    One resource may be there in several states of its life, so its type and id cannot be its name.
    """
    place = folder / EXAMPLES
    return [_resource(name, file, file.name) for name, file in _files(place)] if place.is_dir() else []


def _files(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".json"):
            yield f"{folder.name}/{file.name}", file


def _resource(place: str, file: Traversable, name: str) -> File:
    text = _bytes(file, place)
    resource = _object(text, place)
    kind, id = resource.get("resourceType"), resource.get("id")
    if not isinstance(kind, str) or not isinstance(id, str):
        raise InvalidContent(f"fhir_profiles/{place} is no FHIR resource with an id.", field=place)
    return File(name or f"{kind}-{id}.json", text, resource)


def _bytes(file: Traversable, place: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise _unreadable(place) from None


def _unreadable(place: str) -> InvalidContent:
    return InvalidContent(f"fhir_profiles/{place} cannot be read as JSON.", field=place)


def _object(text: bytes, place: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except ValueError:
        raise _unreadable(place) from None
    if not isinstance(read, dict):
        raise InvalidContent(f"fhir_profiles/{place} holds no JSON object.", field=place)
    return read
