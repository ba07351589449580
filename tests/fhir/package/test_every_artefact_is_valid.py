"""Everything in the package is shown to a validator that is not ours, and every profile's snapshot is made anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import snapshots
from tests.servers.validator import PROFILES, Validator

from withness import content
from withness.fhir.package import archive
from withness.packs.publication import load_publication

FOLDERS = sorted(one.name for one in PROFILES.iterdir() if one.is_dir() and one.name != "example")


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_generated_has_no_error(folder: str, validator: Validator) -> None:
    """Planted: requirements at a profile's root (sdf-9), an unknown trigger in the gate; each caught."""
    found = {
        path.name: [f"{one.location}: {one.message}" for one in validator.errors(path.read_text(encoding="utf-8"))]
        for path in sorted((PROFILES / folder).glob("*.json"))
    }
    assert found
    assert {name: said for name, said in found.items() if said} == {}


def test_the_packages_own_guide_has_no_error(validator: Validator) -> None:
    built = archive.build(content.folder("fhir_profiles"), load_publication())
    [guide] = [json.loads(data) for name, data in built.entries.items() if "ImplementationGuide" in name]
    assert [f"{one.location}: {one.message}" for one in validator.errors(guide)] == []


def test_the_snapshots_are_those_that_the_differentials_make(tmp_path: Path, validator: Validator) -> None:
    """Planted: an element's min changed in a snapshot alone; caught."""
    with Validator(tmp_path) as own:  # it is given the profiles without their snapshots
        assert snapshots.outdated(PROFILES, own) == []
