"""The head of every artefact: its name, version and terms (FHIR facts 7.2: CRMI shareable and publishable)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from withness.core.publication import Publication
from withness.fhir import codes


def published(
    kind: str,
    id: str,
    publication: Publication,
    *,
    name: str,
    title: str,
    description: str,
    version: str = "",
    experimental: bool = False,
) -> dict[str, Any]:
    """Return an artefact of this resource type with its head alone; the rest is the caller's to add.

    `version` is the package's where the artefact has none of its own; `experimental` says that it is not for real
    use (a policy without an owner).
    """
    return {
        "resourceType": kind,
        "id": id,
        "url": f"{codes.BASE}/{kind}/{id}",
        "version": version or codes.VERSION,
        "name": name,
        "title": title,
        "status": "active",
        "experimental": experimental,
        "date": publication.date,
        "publisher": publication.publisher,
        "contact": [{"telecom": [{"system": "url", "value": publication.contact}]}],
        "description": description,
        "jurisdiction": [{"coding": [{"system": "urn:iso:std:iso:3166", "code": publication.jurisdiction}]}],
        "copyright": publication.copyright,
    }


def name_of(id: str) -> str:
    """Return the name that programs use for the artefact of an id (R4: PascalCase, as in RiskGate)."""
    return "".join(part.capitalize() for part in id.split("-"))


def code_system(
    id: str,
    publication: Publication,
    concepts: Mapping[str, tuple[str, str]],
    *,
    name: str,
    title: str,
    description: str,
    version: str = "",
    experimental: bool = False,
) -> dict[str, Any]:
    """Return a CodeSystem with all its codes (R4 codesystem.html); `concepts` maps code → (display, definition)."""
    head = published(
        "CodeSystem",
        id,
        publication,
        name=name,
        title=title,
        description=description,
        version=version,
        experimental=experimental,
    )
    listed = [
        {"code": code, "display": display, "definition": meaning} for code, (display, meaning) in concepts.items()
    ]
    whole = {"caseSensitive": True, "valueSet": f"{codes.BASE}/ValueSet/{id}", "content": "complete"}
    return {**head, **whole, "count": len(listed), "concept": listed}


def whole_value_set(system: Mapping[str, Any], publication: Publication) -> dict[str, Any]:
    """Return the ValueSet of every code of one of our CodeSystems, under the same id (R4 codesystem.html: valueSet)."""
    head = published(
        "ValueSet",
        system["id"],
        publication,
        name=system["name"],
        title=system["title"],
        description=f"Every code of: {system['title']}.",
        version=system["version"],
        experimental=system["experimental"],
    )
    return {**head, "immutable": True, "compose": {"include": [{"system": system["url"]}]}}
