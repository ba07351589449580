"""Realism: US Core's own examples pass US Core's own profiles, and each stops passing with a required element gone.

The packages are never part of the project: WITHNESS_FHIR_PACKAGES names their folder, else ../shared/fhir beside it.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tests.servers.validator import PACKAGES_VARIABLE, packages

from withness.fhir.profile_check.definitions import Definitions, Structure
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.inspection import inspect

VERSIONS = ("6.1.0", "7.0.0", "8.0.0")
BASE = "http://hl7.org/fhir/us/core"
DEFINING = ("StructureDefinition-", "ValueSet-", "CodeSystem-")


def package(version: str) -> Path:
    """The package's file; without it the test is skipped, or fails where servers and packages are required."""
    file = packages() / f"hl7.fhir.us.core-{version}.tgz"
    if not file.is_file():
        reason = f"{file.name} is not in {file.parent}; {PACKAGES_VARIABLE} names the folder of the US Core packages"
        if os.environ.get("WITHNESS_REQUIRE_SERVERS"):
            pytest.fail(reason)
        pytest.skip(reason)
    return file


@cache
def contents(file: Path) -> dict[str, dict[str, Any]]:
    with tarfile.open(file) as tar:
        entries = {entry.name: tar.extractfile(entry) for entry in tar if entry.name.endswith(".json")}
        return {name: json.load(one) for name, one in entries.items() if one is not None}


@cache
def definitions(file: Path) -> Definitions:
    found = contents(file).items()
    return Definitions([one for name, one in found if name.rpartition("/")[2].startswith(DEFINING)], bases=(BASE,))


def examples(file: Path) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in contents(file).items() if name.startswith("package/example/")}


def check(resource: dict[str, Any], file: Path) -> Findings:
    return inspect(resource, definitions(file))[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_each_example_is_clean(version: str) -> None:
    """Catches a check that finds what is not wrong: about 180 resources of 30 types, made by others."""
    file = package(version)
    wrong = {
        name: [one.sentence() for one in check(resource, file).problems]
        for name, resource in examples(file).items()
        if "resourceType" in resource
    }
    assert len(wrong) > 150
    assert {name: found for name, found in wrong.items() if found} == {}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_example_without_an_element_that_its_profile_requires_is_found(version: str) -> None:
    """Every example, every required element of the first level, one at a time. Planted: cardinality of R4 alone."""
    file = package(version)
    tried = 0
    for name, resource in examples(file).items():
        for key in _required(resource, definitions(file)):
            changed = deepcopy(resource)
            del changed[key]
            changed.pop(f"_{key}", None)
            tried += 1
            assert check(changed, file).problems, f"{name} without {key}"
    assert tried > 400


def _required(resource: dict[str, Any], known: Definitions) -> Iterator[str]:
    for canonical in (resource.get("meta") or {}).get("profile", ()):
        structure = known.structure(canonical)
        if structure is not None and structure.type == resource["resourceType"]:
            yield from _present(resource, structure)


def _present(resource: dict[str, Any], structure: Structure) -> Iterator[str]:
    for node in structure.root.children.values():
        if node.least:
            stem = node.name.removesuffix("[x]")
            yield from [key for key in resource if key == node.name or (stem != node.name and key.startswith(stem))]


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_reference_to_a_us_core_profile_leads_to_is_told_without_the_package(version: str) -> None:
    """Our own profiles refer to US Core's, which are not in our package: their ids name the type."""
    known, alone = definitions(package(version)), Definitions([])
    named = {
        target
        for one in contents(package(version)).values()
        if one.get("resourceType") == "StructureDefinition"
        for element in one["snapshot"]["element"]
        for kind in element.get("type", ())
        for target in kind.get("targetProfile", ())
        if target.startswith(BASE)
    }
    assert len(named) > 15
    assert {one: alone.type_behind(one) for one in named} == {one: known.type_behind(one) for one in named}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_value_sets_that_are_known_by_heart_are_us_cores(version: str) -> None:
    from withness.fhir.profile_check.terminology import member

    known = definitions(package(version))
    for id, system, codes in (
        ("us-core-narrative-status", "http://hl7.org/fhir/narrative-status", ("additional", "generated", "empty")),
        (
            "us-core-documentreference-category",
            f"{BASE}/CodeSystem/us-core-documentreference-category",
            ("clinical-note", "other"),
        ),
    ):
        listed = known.find(f"{BASE}/ValueSet/{id}")
        assert listed is not None
        concepts = listed["compose"]["include"][0].get("concept")
        own = known.find(system)
        inside = {one["code"] for one in (concepts or (own or {})["concept"])}
        for code in codes:
            assert member(Definitions([]), f"{BASE}/ValueSet/{id}", system, code) is (code in inside)
