"""The FHIR package's generated files: made from the catalogue, checked in under fhir_profiles/, watched for drift."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from withness.core.knowledge import Knowledge
from withness.core.publication import Publication
from withness.fhir import codes
from withness.fhir.package.forms import form_questionnaires, form_terminology
from withness.fhir.package.knowledge_artefacts import knowledge_artefacts
from withness.fhir.package.profiles import structure_definitions
from withness.fhir.package.published import whole_value_set
from withness.fhir.package.terminology import terminology
from withness.fhir.questionnaires import (
    answer_code_system,
    informant_code_system,
    risk_screen,
    validated_result_code_system,
)


def artefacts(knowledge: Knowledge) -> dict[str, dict[str, Any]]:
    """Return each generated file's path in the package → its content."""
    made = list(_resources(knowledge))
    made += [whole_value_set(one, knowledge.publication) for one in made if one["resourceType"] == "CodeSystem"]
    listed = {f"{one['resourceType'].lower()}/{one['id']}.json": one for one in made}
    return {"package.json": package(knowledge.publication), **listed}


def _resources(knowledge: Knowledge) -> Iterator[dict[str, Any]]:
    policy, publication = knowledge.policy, knowledge.publication
    yield risk_screen(policy, publication)
    yield answer_code_system(policy, publication)
    yield informant_code_system(policy, publication)
    yield validated_result_code_system(policy, publication)
    yield from form_questionnaires(knowledge)
    yield from form_terminology(knowledge)
    yield from structure_definitions(knowledge)
    yield from terminology(knowledge)
    yield from knowledge_artefacts(knowledge)


def package(publication: Publication) -> dict[str, Any]:
    """Return the package's own description (FHIR NPM packages, packages.html)."""
    return {
        "name": codes.PACKAGE,
        "version": codes.VERSION,
        "canonical": codes.BASE,
        "title": "Withness FHIR artefacts",
        "description": "Profiles, terminology, forms and knowledge artefacts of collaborative plans behind a risk gate",
        "author": publication.publisher,
        "license": publication.license,
        "type": "IG",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.us.core": publication.us_core_base},
    }


def drift(knowledge: Knowledge, folder: Path) -> list[str]:
    """Return the paths of generated files that are missing from `folder` or differ by a byte.

    A profile's snapshot is a tool's work and looked at where that tool runs; here the rest of the file is.
    """
    return [path for path, content in artefacts(knowledge).items() if not _same(folder / path, content)]


def write(knowledge: Knowledge, folder: Path) -> None:
    """Write every generated file below `folder`; a profile that changed loses its snapshot (`make snapshots`)."""
    for path, content in artefacts(knowledge).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not _same(file, content):
            file.write_bytes(text(content))


def _same(file: Path, content: dict[str, Any]) -> bool:
    if not file.is_file():
        return False
    found = file.read_bytes()
    if content.get("resourceType") != "StructureDefinition":
        return found == text(content)
    there = json.loads(found)
    return found == text(there) and {**there, "snapshot": None} == {**content, "snapshot": None}


def text(content: dict[str, Any]) -> bytes:
    """Return the file's bytes: two spaces, the content's own order, one line break at the end."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
