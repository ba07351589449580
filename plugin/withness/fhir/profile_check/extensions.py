"""Each extension that a package at hand defines: where it may stand, and what it holds (R4 extensibility, defining)."""

from __future__ import annotations

from withness.fhir.profile_check import r4
from withness.fhir.profile_check.base import Extended
from withness.fhir.profile_check.constraints import Around
from withness.fhir.profile_check.definitions import Definitions, Structure
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.walk import Walk


def check(known: Definitions, extended: Extended, findings: Findings, around: Around) -> None:
    """Check one extension; another's is said to be unchecked, one inside another belongs to that."""
    url = extended.value.get("url")
    if not isinstance(url, str) or ":" not in url:
        if isinstance(url, str) and extended.within is None:
            findings.wrong(f"{extended.path}.url", "must be an absolute URL")
        return
    structure = known.structure(url)
    if structure is None or structure.type != "Extension":
        if known.ours(url) and not known.has_url(url):
            findings.wrong(extended.path, "is an extension that the package does not define")
        else:
            findings.skipped(extended.path, "what extensions hold that are not in the package with a snapshot", url)
        return
    if not _may_stand(structure, extended, findings):
        findings.wrong(extended.path, f"may not stand on this element ({structure.name})")
    Walk(known, structure, findings, around).whole(extended.value, extended.path)


def _may_stand(structure: Structure, extended: Extended, findings: Findings) -> bool:
    """Return whether one of the extension's contexts is where it stands."""
    names = {name for one in extended.on if one for name in (one, *r4.owners(one))}
    for context in structure.definition.get("context", ()):
        kind, expression = context.get("type"), str(context.get("expression"))
        if kind == "fhirpath":
            findings.skipped(extended.path, "where extensions may stand whose context is FHIRPath", structure.url)
            return True
        if kind == "element" and expression in names:
            return True
        if kind == "extension" and extended.within == expression:
            return True
    return False
