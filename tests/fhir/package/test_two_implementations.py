"""The package parses where Withness is not: in fhir.resources R4B (Python) and in fhirkit (Rust), nothing lost."""

from __future__ import annotations

import json

import fhirkit
import pytest

from withness import content
from withness.fhir.models import faults, model
from withness.fhir.package import archive
from withness.packs.publication import load_publication

BUILT = archive.build(content.folder("fhir_profiles"), load_publication())
RESOURCES = sorted(name for name, data in BUILT.entries.items() if "resourceType" in json.loads(data))


@pytest.mark.parametrize("name", RESOURCES)
def test_fhir_resources_parses_it(name: str) -> None:
    resource = json.loads(BUILT.entries[name])
    assert faults(resource, model(resource["resourceType"])) == []


@pytest.mark.parametrize("name", RESOURCES)
def test_fhirkit_parses_it_and_says_the_same(name: str) -> None:
    """fhirkit is made from the R4 4.0.1 definitions. Planted: PlanDefinition.subjectCanonical, which R4B has."""
    parsed = fhirkit.parse(BUILT.entries[name])
    assert [str(one) for one in parsed.issues] == []
    assert parsed.to_dict() == json.loads(BUILT.entries[name])


def test_both_are_asked_about_everything() -> None:
    assert len(RESOURCES) == BUILT.artefacts + BUILT.examples
    assert fhirkit.FHIR_VERSION.startswith("4.0")
    asked = fhirkit.validate(
        {"resourceType": "PlanDefinition", "status": "draft", "subjectCanonical": "http://x.example"}
    )
    assert asked
