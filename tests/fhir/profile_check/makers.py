"""Small profiles in their real R4 shape, and what a check against them finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from withness.fhir.profile_check.constraints import Around
from withness.fhir.profile_check.definitions import Definitions
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.walk import Walk

Resource = dict[str, Any]
SITE = "https://site.example/fhir"


def element(id: str, **more: Any) -> Resource:
    """An ElementDefinition of a snapshot; `id` has slice names, the path has none."""
    path = ".".join(part.partition(":")[0] for part in id.split("."))
    base = {"path": more.pop("base", path), "min": 0, "max": "*"}
    return {"id": id, "path": path, "min": 0, "max": "*", "base": base, **more}


def types(*codes: str | Resource) -> list[Resource]:
    return [one if isinstance(one, dict) else {"code": one} for one in codes]


def refers(*profiles: str) -> Resource:
    return {"code": "Reference", "targetProfile": list(profiles)}


def profile(*elements: Resource, on: str = "Goal", id: str = "ours", **more: Any) -> Resource:
    """A StructureDefinition with a snapshot of these elements; the first is the type itself."""
    root = element(on, definition="x", **more.pop("root", {}))
    return {
        "resourceType": "StructureDefinition",
        "id": id,
        "url": f"{SITE}/StructureDefinition/{id}",
        "version": "1.0.0",
        "name": "Ours",
        "status": "draft",
        "fhirVersion": "4.0.1",
        "kind": "complex-type" if on == "Extension" else "resource",
        "abstract": False,
        "type": on,
        "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{on}",
        "derivation": "constraint",
        "snapshot": {"element": [root, *elements]},
        **more,
    }


def rule(expression: str, key: str = "ours-1", severity: str = "error") -> Resource:
    return {"key": key, "severity": severity, "human": "It must be so.", "expression": expression}


def found(
    definition: Resource,
    resource: Mapping[str, Any],
    *more: Resource,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
) -> Findings:
    """Check a resource against one profile alone."""
    known = Definitions([definition, *more], bases=(SITE,))
    structure = known.structure(definition["url"])
    assert structure is not None
    findings = Findings()
    around = Around(resource, resource, entries or {})
    Walk(known, structure, findings, around).whole(resource, str(resource["resourceType"]))
    return findings


def said(findings: Findings) -> list[tuple[str, str]]:
    """Path and sentence of each problem."""
    return [(one.path, one.why) for one in findings.problems]


def skipped(findings: Findings) -> list[str]:
    """What was not checked, each as one text."""
    return [f"{one.what}: {one.which}" for one in findings.unchecked.values()]


def goal(**changes: Any) -> Resource:
    made = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "I want somebody to get it"},
        "subject": {"reference": "Patient/rosa"},
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def code_system(*codes: str, id: str = "colours", **more: Any) -> Resource:
    return {
        "resourceType": "CodeSystem",
        "url": f"{SITE}/CodeSystem/{id}",
        "status": "draft",
        "content": "complete",
        "concept": [{"code": one, "display": one.capitalize()} for one in codes],
        **more,
    }


def value_set(*include: Resource, id: str = "colours", exclude: Iterable[Resource] = ()) -> Resource:
    return {
        "resourceType": "ValueSet",
        "url": f"{SITE}/ValueSet/{id}",
        "status": "draft",
        "compose": {"include": list(include), "exclude": list(exclude)},
    }
