"""The FHIR package's generated files: made from the policy, checked in under fhir_profiles/, watched for drift."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from withness.core.risk import RiskPolicy
from withness.fhir import codes
from withness.fhir.questionnaires import (
    PUBLISHER,
    answer_code_system,
    informant_code_system,
    risk_screen,
    validated_result_code_system,
)


def artefacts(policy: RiskPolicy) -> dict[str, dict[str, Any]]:
    """Return each generated file's path in the package → its content."""
    resources = [
        risk_screen(policy),
        answer_code_system(policy),
        informant_code_system(policy),
        validated_result_code_system(policy),
    ]
    listed = {f"{one['resourceType'].lower()}/{one['id']}.json": one for one in resources}
    return {"package.json": package(), **listed}


def package() -> dict[str, Any]:
    """Return the package's own description (FHIR NPM packages, packages.html)."""
    return {
        "name": "example.withness.fhir",
        "version": codes.VERSION,
        "canonical": codes.BASE,
        "title": "Withness FHIR artefacts",
        "description": "Questionnaires and code systems of Withness: collaborative plans behind a risk screen",
        "author": PUBLISHER,
        "license": "Apache-2.0",
        "type": "IG",
        "fhirVersions": ["4.0.1"],
        "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
    }


def drift(policy: RiskPolicy, folder: Path) -> list[str]:
    """Return the paths of generated files that are missing from `folder` or differ by a byte."""
    return [path for path, content in artefacts(policy).items() if not _same(folder / path, _text(content))]


def write(policy: RiskPolicy, folder: Path) -> None:
    """Write every generated file below `folder`."""
    for path, content in artefacts(policy).items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_text(content))


def _same(file: Path, text: bytes) -> bool:
    return file.is_file() and file.read_bytes() == text


def _text(content: dict[str, Any]) -> bytes:
    """Two spaces, the content's own order, one line break at the end."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
