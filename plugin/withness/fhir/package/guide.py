"""The package's ImplementationGuide: what it is, what it depends on, and everything that is in it.

FHIR NPM packages (packages.html): a package SHOULD hold one, its url {canonical}/ImplementationGuide/{packageId}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from withness.core.publication import Publication
from withness.errors import InvalidContent
from withness.fhir.package.contents import File
from withness.fhir.package.published import published

_GUIDES: Final = {
    "hl7.fhir.us.core": "http://hl7.org/fhir/us/core/ImplementationGuide/hl7.fhir.us.core",
    "hl7.fhir.uv.sdc": "http://hl7.org/fhir/uv/sdc/ImplementationGuide/hl7.fhir.uv.sdc",
}
"""What a package depends on, by its guide's url; FHIR itself is named by fhirVersion."""
_CORE: Final = "hl7.fhir.r4.core"
_GROUPS: Final = {
    "profiles": ("Profiles and extensions", ("StructureDefinition",)),
    "terminology": ("Terminology", ("CodeSystem", "ValueSet", "NamingSystem", "ConceptMap")),
    "forms": ("Forms", ("Questionnaire",)),
    "knowledge": ("Knowledge artefacts", ("PlanDefinition", "ActivityDefinition", "Library")),
}


def guide(
    description: Mapping[str, Any], publication: Publication, artefacts: Sequence[File], examples: Sequence[File]
) -> dict[str, Any]:
    """Return the ImplementationGuide of the package that `description` (package.json) is about.

    Raises InvalidContent when package.json depends on a package whose guide is not known here.
    """
    name = str(description["name"])
    head = published(
        "ImplementationGuide",
        name,
        publication,
        name="Withness",
        title=str(description["title"]),
        description=str(description["description"]),
        version=str(description["version"]),
    )
    shown = {one.reference: one for one in reversed(examples)}
    listed = [_listed(one) for one in artefacts] + [_example(shown[one], artefacts) for one in reversed(shown)]
    used = {one["groupingId"] for one in listed if "groupingId" in one}
    return {
        **head,
        "url": f"{description['canonical']}/ImplementationGuide/{name}",
        "packageId": name,
        "license": str(description["license"]),
        "fhirVersion": list(description["fhirVersions"]),
        "dependsOn": [
            _dependency(one, str(version)) for one, version in description["dependencies"].items() if one != _CORE
        ],
        "definition": {
            "grouping": [
                *({"id": id, "name": title} for id, (title, _) in _GROUPS.items() if id in used),
                *([{"id": "examples", "name": "Examples"}] if "examples" in used else []),
            ],
            "resource": listed,
        },
    }


def _dependency(package: str, version: str) -> dict[str, str]:
    if package not in _GUIDES:
        raise InvalidContent(f"package.json depends on {package}, whose guide is not known.", field="dependencies")
    return {"id": package.replace(".", "-"), "uri": _GUIDES[package], "packageId": package, "version": version}


def _listed(file: File) -> dict[str, Any]:
    kind = file.resource["resourceType"]
    group = next((id for id, (_, kinds) in _GROUPS.items() if kind in kinds), None)
    return {**_named(file), "exampleBoolean": False, **({"groupingId": group} if group else {})}


def _example(file: File, artefacts: Sequence[File]) -> dict[str, Any]:
    """An example shows the first profile of ours that it names, else it is just an example."""
    ours = {str(one.resource.get("url")) for one in artefacts}
    profiles = [str(one).partition("|")[0] for one in (file.resource.get("meta") or {}).get("profile", ())]
    shown = next((one for one in profiles if one in ours), None)
    said: dict[str, Any] = {"exampleCanonical": shown} if shown else {"exampleBoolean": True}
    return {**_named(file), **said, "groupingId": "examples"}


def _named(file: File) -> dict[str, Any]:
    one = file.resource
    reference = {"reference": {"reference": file.reference}}
    said = {"name": one.get("title") or one.get("name"), "description": one.get("description")}
    return {**reference, **{key: text for key, text in said.items() if isinstance(text, str)}}
