"""The built package loads into a real FHIR server: every artefact is PUT, and read back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.servers.hapi import HapiServer
from withness import content
from withness.fhir.package import archive
from withness.packs.publication import load_publication

pytestmark = pytest.mark.xdist_group("hapi")

JSON = {"Content-Type": "application/fhir+json"}
FRESH = {"Cache-Control": "no-cache"}
FIRST = ("CodeSystem", "ValueSet", "StructureDefinition")
"""What others name comes before them."""


def artefacts() -> list[dict[str, Any]]:
    built = archive.build(content.folder("fhir_profiles"), load_publication())
    found = [json.loads(data) for name, data in built.entries.items() if "/example/" not in name]
    listed = [one for one in found if "resourceType" in one]
    return sorted(listed, key=lambda one: FIRST.index(one["resourceType"]) if one["resourceType"] in FIRST else 9)


def test_every_artefact_is_put_and_read_back(hapi_server: HapiServer) -> None:
    """Catches an id that a server refuses, a reference that leads nowhere, an element that R4 does not have.

    HAPI checks references when it writes; the guide comes last, since it refers to everything.
    """
    listed = artefacts()
    guide = [one for one in listed if one["resourceType"] == "ImplementationGuide"]
    for one in (*(one for one in listed if one not in guide), *_as_far_as_loaded(guide)):
        url = f"{hapi_server.base_url}/{one['resourceType']}/{one['id']}"
        answer = requests.put(url, json=one, headers=JSON, timeout=120)
        assert answer.status_code in (200, 201), (url, answer.text[:500])
        back = requests.get(url, headers=FRESH, timeout=60).json()
        assert _plain(back) == _plain(one), url


def test_an_artefact_is_found_by_its_canonical(hapi_server: HapiServer) -> None:
    for kind in ("Questionnaire", "StructureDefinition", "PlanDefinition", "ValueSet"):
        one = next(artefact for artefact in artefacts() if artefact["resourceType"] == kind)
        url = f"{hapi_server.base_url}/{kind}/{one['id']}"
        if requests.get(url, timeout=60).status_code == 404:
            assert requests.put(url, json=one, headers=JSON, timeout=120).ok
        query = {"url": one["url"]}
        found = requests.get(
            f"{hapi_server.base_url}/{kind}", params=query, headers={"Cache-Control": "no-cache"}, timeout=60
        )
        assert [entry["resource"]["id"] for entry in found.json().get("entry", [])] == [one["id"]]


def _as_far_as_loaded(guides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The guide without its examples, which are people's records and not loaded here."""
    return [
        {**one, "definition": {**one["definition"], "resource": _artefacts_of(one["definition"]["resource"])}}
        for one in guides
    ]


def _artefacts_of(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in listed if one.get("exampleBoolean") is False]


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    """Without what a server adds to meta."""
    meta = {
        key: one for key, one in resource.get("meta", {}).items() if key not in ("versionId", "lastUpdated", "source")
    }
    return {**{key: one for key, one in resource.items() if key != "meta"}, **({"meta": meta} if meta else {})}
