"""A package as a whole: its description, its indexes, and its guide's list against what is there (packages.html)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from withness.fhir.package.intake import Intake

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
_VERSION: Final = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_CORE: Final = ("hl7.fhir.r4.core", "hl7.fhir.core")


def check(taken: Intake) -> Iterator[tuple[str, str, str]]:
    """Yield (file, element, why) for what is wrong with a package beyond its single resources."""
    if taken.description is None:
        return
    files = {one.where.rpartition(": ")[2]: one.resource for one in taken.pieces}
    yield from (("package/package.json", element, why) for element, why in _description(taken.description))
    for folder, index in taken.index.items():
        here = {path.rpartition("/")[2]: one for path, one in files.items() if path.rpartition("/")[0] == folder}
        yield from ((f"{folder}/.index.json", element, why) for element, why in _index(index, here))
    for path, resource in files.items():
        if resource.get("resourceType") == "ImplementationGuide":
            yield from ((path, element, why) for element, why in _guide(resource, taken.description, files))


def _description(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, form, said in (
        ("name", _NAME, "must be small letters in two or more parts with dots between"),
        ("version", _VERSION, "must be a version such as 1.2.3"),
    ):
        if not isinstance(found.get(key), str) or not form.fullmatch(found[key]):
            yield key, said
    for key in ("author", "description"):
        if not isinstance(found.get(key), str):
            yield key, "is missing"
    if found.get("type") in ("IG", "fhir.ig") and not isinstance(found.get("canonical"), str):
        yield "canonical", "is missing, and a guide's package has one"
    needed = found.get("dependencies")
    if not isinstance(needed, dict) or not any(one in needed for one in _CORE):
        yield "dependencies", "must name hl7.fhir.r4.core"


def _index(index: Mapping[str, Any], here: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    listed = index.get("files")
    rows = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    names = [str(one.get("filename")) for one in rows]
    for position, row in enumerate(rows):
        resource = here.get(str(row.get("filename")))
        if resource is None:
            yield f"files[{position}]", "names a file that is not there"
            continue
        for key in ("resourceType", "id", "url", "version"):
            if key in row and row[key] != resource.get(key):
                yield f"files[{position}].{key}", "is not what the file says"
    if len(set(names) & set(here)) < len(here):
        yield "files", "does not name every file that is there"


def _guide(
    guide: Mapping[str, Any], description: Mapping[str, Any], files: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    if guide.get("packageId") != description.get("name"):
        yield "ImplementationGuide.packageId", "is not the package's name"
    if guide.get("version") != description.get("version"):
        yield "ImplementationGuide.version", "is not the package's version"
    definition = guide.get("definition")
    listed = definition.get("resource") if isinstance(definition, dict) else None
    there = {f"{one.get('resourceType')}/{one.get('id')}" for one in files.values()}
    for position, one in enumerate(listed if isinstance(listed, list) else ()):
        reference = one.get("reference") if isinstance(one, dict) else None
        if isinstance(reference, dict) and reference.get("reference") not in there:
            yield f"ImplementationGuide.definition.resource[{position}].reference", "names what is not in the package"
