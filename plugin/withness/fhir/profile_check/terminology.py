"""Whether a code is in a ValueSet, from the artefacts at hand: yes, no, or it cannot be told here (None).

FHIR R4 4.0.1: valueset (compose: includes are joined, what one include names is intersected), codesystem.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from withness.fhir.profile_check.definitions import Definitions

_US_CORE: Final = "http://hl7.org/fhir/us/core"
_SMALL: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    f"{_US_CORE}/ValueSet/us-core-narrative-status": {
        "http://hl7.org/fhir/narrative-status": frozenset(("additional", "generated"))
    },
    f"{_US_CORE}/ValueSet/us-core-documentreference-category": {
        f"{_US_CORE}/CodeSystem/us-core-documentreference-category": frozenset(("clinical-note",))
    },
    "http://hl7.org/fhir/ValueSet/goal-acceptance-status": {
        "http://terminology.hl7.org/CodeSystem/goal-acceptance-status": frozenset(("agree", "disagree", "pending"))
    },
}
"""ValueSets of others that our profiles bind to and that are small enough to know: system → codes."""

_DEEPEST: Final = 10


def member(known: Definitions, value_set: str, system: str | None, code: str, *, depth: int = 0) -> bool | None:
    """Return whether `code` of `system` is in a ValueSet; without a system (element type code) its code alone counts.

    None: the ValueSet, or a CodeSystem that it takes whole, is not here.
    """
    small = _SMALL.get(value_set.partition("|")[0])
    if small is not None:
        return any(code in codes for one, codes in small.items() if system in (None, one))
    found = known.find(value_set)
    if found is None or found["resourceType"] != "ValueSet" or depth > _DEEPEST:
        return None
    compose = found.get("compose") or {}
    inside = _any(_included(known, one, system, code, depth) for one in compose.get("include", ()))
    outside = _any(_included(known, one, system, code, depth) for one in compose.get("exclude", ()))
    if inside is False or outside is True:
        return False
    return None if inside is None or outside is None else True


def coding_wrong(known: Definitions, coding: Mapping[str, Any]) -> str | None:
    """Return why a Coding of one of the CodeSystems at hand cannot stand, None when it can or is another's."""
    system, code = coding.get("system"), coding.get("code")
    found = known.find(system) if isinstance(system, str) else None
    if found is None or found["resourceType"] != "CodeSystem" or found.get("content") != "complete":
        return None
    if code is None:
        return "has no code of the code system that it names"
    known_code = isinstance(code, str) and code in _concepts(found)
    return None if known_code else "has a code that its code system does not have"


def _included(known: Definitions, include: Mapping[str, Any], system: str | None, code: str, depth: int) -> bool | None:
    parts = [member(known, one, system, code, depth=depth + 1) for one in include.get("valueSet", ())]
    if "system" in include:
        parts.append(_of_system(known, include, system, code))
    return False if False in parts else None if None in parts else bool(parts)


def _of_system(known: Definitions, include: Mapping[str, Any], system: str | None, code: str) -> bool | None:
    if system not in (None, include["system"]):
        return False
    if "concept" in include:
        return any(one.get("code") == code for one in include["concept"])
    version = f"|{include['version']}" if "version" in include else ""
    found = known.find(f"{include['system']}{version}")
    if found is None or found["resourceType"] != "CodeSystem" or found.get("content") != "complete":
        return None
    concepts = _concepts(found)
    filters = [_passes(found, concepts, one, code) for one in include.get("filter", ())]
    return False if code not in concepts or False in filters else None if None in filters else True


def _passes(
    system: Mapping[str, Any], concepts: Mapping[str, Mapping[str, Any]], one: Mapping[str, Any], code: str
) -> bool | None:
    """Return whether a code passes a filter; is-a and descendent-of on the hierarchy are the ones known here."""
    above = concepts.get(str(one.get("value")))
    if one.get("property") != "concept" or one.get("op") not in ("is-a", "descendent-of") or above is None:
        return None
    if system.get("hierarchyMeaning", "is-a") != "is-a":
        return None
    return code in _below(above) or (one["op"] == "is-a" and code == above["code"])


def _below(concept: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return _concepts({"concept": concept.get("concept", ())})


def _concepts(system: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return code → concept, the whole hierarchy."""
    found: dict[str, Mapping[str, Any]] = {}
    waiting = list(system.get("concept", ()))
    while waiting:
        one = waiting.pop()
        found[str(one.get("code"))] = one
        waiting += one.get("concept", ())
    return found


def _any(answers: Iterator[bool | None]) -> bool | None:
    listed = list(answers)
    return True if True in listed else None if None in listed else False
