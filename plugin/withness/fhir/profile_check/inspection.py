"""The whole check of one resource or Bundle: FHIR R4, the models, and the profiles it names or is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from withness.fhir import models
from withness.fhir.check import TOO_DEEP, check
from withness.fhir.profile_check import extensions, r4
from withness.fhir.profile_check.base import Base
from withness.fhir.profile_check.constraints import Around
from withness.fhir.profile_check.definitions import Definitions
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.walk import Walk
from withness.fhir.references import R4_TYPES

ALWAYS: Final = (
    "codes of code systems that the package does not hold: whether they exist and are active (SNOMED CT, LOINC, UCUM "
    "and others); whether a display is the code's",
    "extensible, preferred and example bindings",
    "profiles that are not in the package; what US Core asks is checked as far as our profiles repeat it",
    "references that lead outside what is given: whether somebody is there, and who; and whether what is referred to "
    "fits the profile that the element asks for, beyond its type",
    "answers against the Questionnaire that they answer",
    "FHIRPath and CQL inside artefacts: whether it parses and says what is meant",
    "invariants of FHIR R4 that docs/integrators.md does not list; licence and currency codes",
    "whether the narrative says what the data say, and whether anything is clinically right",
)
"""What no run looks at: said every time."""


def inspect(
    resource: Mapping[str, Any],
    known: Definitions,
    *,
    profiles: Sequence[str] = (),
    package: bool = False,
) -> tuple[Findings, set[str]]:
    """Return what is wrong with a resource, what was not checked, and the profiles that it was checked against.

    `profiles` are asked of every resource of their type, besides those in meta.profile. `package`: the resource is
    part of a package, so what it names below the package's base must be there.
    """
    findings = Findings()
    for one in check(resource, foreign=True):
        findings.wrong(one.path, one.why)
    if not isinstance(resource.get("resourceType"), str) or resource["resourceType"] not in R4_TYPES:
        return findings, set()
    if any(one.why == TOO_DEEP for one in findings.problems):
        return findings, set()
    second = Findings()
    entries = _entries(resource)
    base = Base(known, second, {url: str(one["resourceType"]) for url, one in entries.items()} or None, package=package)
    base.resource(resource, resource["resourceType"])
    _merge(findings, second)
    _models(findings, resource, base.resources)
    used: set[str] = set()
    for path, inner in base.resources:
        used |= _profiled(findings, known, inner, path, profiles, _around(inner, path, base.resources, entries))
    for extended in base.extensions:
        path, owner = extended.owner
        extensions.check(known, extended, findings, _around(owner, path, base.resources, entries))
    return findings, used


def sounds(resource: Mapping[str, Any]) -> bool:
    """Return whether an artefact is well-formed enough to measure others by."""
    if check(resource, foreign=True):
        return False
    return not models.faults(resource, models.model(str(resource["resourceType"])))


def _merge(findings: Findings, more: Findings) -> None:
    """Add problems of elements that have none yet: the same mistake shows in more than one layer."""
    named = {one.path for one in findings.problems}
    for one in more.problems:
        if one.path not in named:
            findings.wrong(one.path, one.why)
    findings.unchecked.update(more.unchecked)


def _models(findings: Findings, resource: Mapping[str, Any], resources: list[tuple[str, Mapping[str, Any]]]) -> None:
    """Ask the R4B models of fhir.resources; they stumble over inner resources of types that they do not have."""
    second = Findings()
    kinds = [(path, str(one.get("resourceType"))) for path, one in resources]
    for path, kind in kinds:
        if kind in R4_TYPES and not r4.modelled(kind):
            findings.skipped(path, "resource types that the models lack (fhir.resources has R4B), against them", kind)
    if all(kind in R4_TYPES and r4.modelled(kind) for _, kind in kinds):
        for path, why in models.faults(resource, models.model(str(resource["resourceType"]))):
            # Which elements R4 has is told by the base walk, exactly; the models lack some (an extension's _valueCode).
            if why != models.NOT_R4:
                second.wrong(path, why)
        _merge(findings, second)


def _profiled(
    findings: Findings,
    known: Definitions,
    resource: Mapping[str, Any],
    path: str,
    asked: Sequence[str],
    around: Around,
) -> set[str]:
    kind, used = resource.get("resourceType"), set()
    for canonical in dict.fromkeys((*_named(resource), *asked)):
        structure = known.structure(canonical)
        if structure is None:
            _unknown(findings, known, canonical, path)
        elif structure.type == kind:
            Walk(known, structure, findings, around).whole(resource, path)
            used.add(structure.url)
        elif canonical not in asked:
            findings.wrong(f"{path}.meta.profile", f"names a profile on {structure.type} ({structure.name})")
    return used


def _named(resource: Mapping[str, Any]) -> Iterator[str]:
    meta = resource.get("meta")
    listed = meta.get("profile") if isinstance(meta, Mapping) else None
    yield from (one for one in (listed if isinstance(listed, list) else ()) if isinstance(one, str))


def _unknown(findings: Findings, known: Definitions, canonical: str, path: str) -> None:
    if known.find(canonical) is not None:
        findings.skipped(path, "profiles without a snapshot here", canonical)
    elif known.has_url(canonical):
        findings.skipped(path, "profiles that are here in another version", canonical)
    elif known.ours(canonical):
        findings.wrong(f"{path}.meta.profile", "names a profile that the package does not have")
    else:
        findings.skipped(path, "profiles that are not in the package", canonical)


def _entries(resource: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return fullUrl and Type/id → resource of a Bundle's entries."""
    listed = resource.get("entry") if resource.get("resourceType") == "Bundle" else None
    found: dict[str, Mapping[str, Any]] = {}
    for entry in listed if isinstance(listed, list) else ():
        inner = entry.get("resource") if isinstance(entry, Mapping) else None
        if not isinstance(inner, Mapping) or not isinstance(inner.get("resourceType"), str):
            continue
        for name in (entry.get("fullUrl"), f"{inner['resourceType']}/{inner.get('id')}"):
            if isinstance(name, str):
                found[name] = inner
    return found


def _around(
    resource: Mapping[str, Any],
    path: str,
    resources: list[tuple[str, Mapping[str, Any]]],
    entries: Mapping[str, Mapping[str, Any]],
) -> Around:
    """Return what a rule may look at: of a contained resource, the one that contains it too."""
    outer = path.rpartition(".contained[")[0]
    root = next((one for at, one in resources if at == outer), resource) if outer else resource
    return Around(resource, root, entries)
