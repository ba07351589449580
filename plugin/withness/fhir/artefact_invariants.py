"""FHIR R4 invariants of published artefacts: each rule yields (path below the element, why), as in `invariants`.

Each is named by its key in the R4 definitions. Not here, and so not checked: sdf-2, sdf-9, sdf-10, sdf-15, sdf-19 to
sdf-22, eld-4, eld-11, eld-19 to eld-21.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from withness.fhir.invariants import Element, Wrong, no_subject_canonical, starts

Rule = Callable[[Element], Wrong]

_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}")
_SLICE: Final = re.compile(r"[A-Za-z0-9/\-_\[\]@]+")
_MAX: Final = re.compile(r"\*|[0-9]+")
_MIME: Final = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[\w!#$&^.+*-]+( *;.*)?")


def together(*rules: Rule) -> Rule:
    """Return a rule that asks each of `rules`."""

    def rule(element: Element) -> Wrong:
        for one in rules:
            yield from one(element)

    return rule


def named(key: str) -> Rule:
    """Return the rule that an artefact's name can stand in code; `key` is the invariant's (csd-0, sdf-0, …)."""

    def rule(element: Element) -> Wrong:
        name = element.get("name")
        if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
            yield "name", f"must be usable as a name in code ({key})"

    return rule


def one_choice(prefix: str) -> Rule:
    """Return the rule that the choice element `prefix`[x] is there, once."""

    def rule(element: Element) -> Wrong:
        if len({name.removeprefix("_") for name in starts(element, prefix)}) != 1:
            yield prefix, "must be there, once"

    return rule


def listed(element: Element, name: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list element, none when it is something else."""
    items = element.get(name)
    return [one for one in items if isinstance(one, Mapping)] if isinstance(items, list) else []


def _twice(values: Iterable[Any]) -> list[Any]:
    counted = Counter(one for one in values if isinstance(one, str))
    return [one for one, times in counted.items() if times > 1]


# --- terminology


def code_system(element: Element) -> Wrong:
    """csd-0 and csd-1; count says how many concepts there are (codesystem.html: count)."""
    yield from named("csd-0")(element)
    codes = list(_concept_codes(element))
    if _twice(codes):
        yield "concept", "has a code more than once (csd-1)"
    if element.get("content") == "complete" and element.get("count", len(codes)) != len(codes):
        yield "count", "is not the number of concepts, though the content is complete"


def _concept_codes(element: Element) -> Iterator[Any]:
    waiting = [element]
    while waiting:
        for one in listed(waiting.pop(), "concept"):
            yield one.get("code")
            waiting.append(one)


def included(element: Element) -> Wrong:
    """vsd-1 to vsd-3: an include names a system or value sets; concepts and filters need their system, and one only."""
    if "valueSet" not in element and "system" not in element:
        yield "", "must name a system or a value set (vsd-1)"
    if ("concept" in element or "filter" in element) and "system" not in element:
        yield "system", "is missing beside concept or filter (vsd-2)"
    if "concept" in element and "filter" in element:
        yield "", "must not have both concept and filter (vsd-3)"


def contained_code(element: Element) -> Wrong:
    """vsd-6, vsd-9 and vsd-10: what an expansion contains has a code with its system, or is abstract with a display."""
    if "code" not in element and "display" not in element:
        yield "", "must have a code or a display (vsd-6)"
    if "code" not in element and element.get("abstract") is not True:
        yield "", "has no code and is not abstract (vsd-9)"
    if "code" in element and "system" not in element:
        yield "system", "is missing beside the code (vsd-10)"


def naming_system(element: Element) -> Wrong:
    """nsd-0 to nsd-2: a root has no uuid; one id of each type at most is the preferred one."""
    yield from named("nsd-0")(element)
    ids = listed(element, "uniqueId")
    if element.get("kind") == "root" and any(one.get("type") == "uuid" for one in ids):
        yield "uniqueId", "must not be a uuid on a root (nsd-1)"
    if _twice(one.get("type") for one in ids if one.get("preferred") is True):
        yield "uniqueId", "has more than one preferred id of a type (nsd-2)"


# --- profiles


def structure(element: Element) -> Wrong:
    """sdf-0, sdf-1, sdf-4 to sdf-6, sdf-11, sdf-14, sdf-16 to sdf-18 and sdf-23."""
    yield from named("sdf-0")(element)
    if "snapshot" not in element and "differential" not in element:
        yield "", "must have a snapshot or a differential (sdf-6)"
    if element.get("abstract") is not True and "baseDefinition" not in element:
        yield "baseDefinition", "is missing (sdf-4)"
    extension = element.get("type") == "Extension"
    if extension and element.get("derivation") != "specialization" and "context" not in element:
        yield "context", "is missing on an extension (sdf-5)"
    if "contextInvariant" in element and not extension:
        yield "contextInvariant", "stands on what is no extension (sdf-18)"
    for name, key in (("snapshot", "sdf-16"), ("differential", "sdf-17")):
        view = element.get(name)
        if isinstance(view, Mapping):
            yield from _view(element, name, listed(view, "element"), key)


def _view(structure: Element, name: str, elements: list[Mapping[str, Any]], key: str) -> Wrong:
    below = f"{name}.element"
    if any("id" not in one for one in elements):
        yield below, "has an element without id (sdf-14)"
    if _twice(one.get("id") for one in elements):
        yield below, f"has an id more than once ({key})"
    paths = [one.get("path") for one in elements]
    if structure.get("derivation") != "constraint" and name == "snapshot" and _twice(paths):
        yield below, "has a path more than once (sdf-1)"
    if any("sliceName" in one for one in elements if "." not in str(one.get("path"))):
        yield below, "names a slice on the whole resource (sdf-23)"
    if structure.get("kind") == "logical" or not paths:
        return
    if name == "snapshot" and paths[0] != structure.get("type"):
        yield f"{below}[0].path", "must be the type that is defined (sdf-11)"
    root = f"{str(paths[0]).partition('.')[0]}."
    if any(not str(path).startswith(root) for path in paths[1:]):
        yield below, f"has a path that does not begin with the type ({'sdf-8' if name == 'snapshot' else 'sdf-8a'})"


def snapshot(element: Element) -> Wrong:
    """sdf-3 and sdf-8b: each element of a snapshot has its definition, min, max and base."""
    for position, one in enumerate(listed(element, "element")):
        for name in ("definition", "min", "max"):
            if name not in one:
                yield f"element[{position}].{name}", "is missing in a snapshot (sdf-3)"
        if "base" not in one:
            yield f"element[{position}].base", "is missing in a snapshot (sdf-8b)"


def element_definition(element: Element) -> Wrong:
    """eld-2, eld-3, eld-5 to eld-8, eld-13 to eld-16, eld-18 and eld-22."""
    yield from _limits(element)
    types, fixed, pattern = listed(element, "type"), starts(element, "fixed"), starts(element, "pattern")
    if "contentReference" in element and (types or fixed or pattern or "binding" in element):
        yield "contentReference", "stands beside a type, value or binding (eld-5)"
    if fixed and len(types) > 1:
        yield "", "fixes a value of more than one type (eld-6)"
    if pattern and len(types) > 1:
        yield "", "has a pattern for more than one type (eld-7)"
    if fixed and pattern:
        yield "", "must not have both a fixed value and a pattern (eld-8)"
    if _twice(one.get("code") for one in types):
        yield "type", "names a type more than once (eld-13)"
    if _twice(one.get("key") for one in listed(element, "constraint")):
        yield "constraint", "has a key more than once (eld-14)"
    if starts(element, "defaultValue") and "meaningWhenMissing" in element:
        yield "meaningWhenMissing", "stands beside a default value (eld-15)"
    slice_name = element.get("sliceName")
    if isinstance(slice_name, str) and not _SLICE.fullmatch(slice_name):
        yield "sliceName", "must be a single token (eld-16)"
    if element.get("isModifier") is True and "isModifierReason" not in element:
        yield "isModifierReason", "is missing on a modifier (eld-18)"
    if "sliceIsConstraining" in element and "sliceName" not in element:
        yield "sliceName", "is missing beside sliceIsConstraining (eld-22)"


def _limits(element: Element) -> Wrong:
    low, high = element.get("min"), element.get("max")
    if isinstance(high, str) and not _MAX.fullmatch(high):
        yield "max", "must be a number or * (eld-3)"
    elif isinstance(high, str) and high != "*" and type(low) is int and low > int(high):
        yield "max", "is less than min (eld-2)"


def slicing(element: Element) -> Wrong:
    """eld-1: slices are told apart by a discriminator, or a description says how."""
    if "discriminator" not in element and "description" not in element:
        yield "discriminator", "is missing, and no description stands in for it (eld-1)"


def element_type(element: Element) -> Wrong:
    """eld-17: only a Reference or canonical has profiles of its target."""
    if "targetProfile" in element and element.get("code") not in ("Reference", "canonical"):
        yield "targetProfile", "stands on a type that points at nothing (eld-17)"


def element_binding(element: Element) -> Wrong:
    """eld-12: a value set is named by a URL."""
    named_set = element.get("valueSet")
    if isinstance(named_set, str) and not named_set.startswith(("http:", "https:", "urn:")):
        yield "valueSet", "must be a URL (eld-12)"


# --- knowledge artefacts, guide, attachments


def trigger(element: Element) -> Wrong:
    """trd-1 to trd-3: a trigger has the data, name or timing that its type asks for."""
    kind, timing = element.get("type"), starts(element, "timing")
    if "data" in element and timing:
        yield "", "must not have both data and timing (trd-1)"
    if "condition" in element and "data" not in element:
        yield "data", "is missing beside the condition (trd-2)"
    wanted = {"named-event": "name", "periodic": "timing"}.get(str(kind))
    if wanted is not None and not starts(element, wanted):
        yield wanted, f"is missing on a trigger of type {kind} (trd-3)"
    if str(kind).startswith("data-") and "data" not in element:
        yield "data", "is missing on a trigger by data (trd-3)"


def data_filter(key: str) -> Rule:
    """Return drq-1 or drq-2: a filter has a path or a search parameter, and one of the two."""

    def rule(element: Element) -> Wrong:
        if ("path" in element) == ("searchParam" in element):
            yield "", f"must have either a path or a search parameter ({key})"

    return rule


def expression(element: Element) -> Wrong:
    """exp-1: an expression is written out or referred to."""
    if "expression" not in element and "reference" not in element:
        yield "expression", "is missing, and no reference stands in for it (exp-1)"


def plan_definition(element: Element) -> Wrong:
    """pdf-0, R4's elements only, and every relatedAction names an action of the definition."""
    yield from named("pdf-0")(element)
    yield from no_subject_canonical(element)
    ids: set[Any] = set()
    related: set[Any] = set()
    waiting = [element]
    while waiting:
        for action in listed(waiting.pop(), "action"):
            ids.add(str(action.get("id")))
            related |= {str(one.get("actionId")) for one in listed(action, "relatedAction")}
            waiting.append(action)
    if related - ids:
        yield "action", "is related to an action that is not there (PlanDefinition.action.relatedAction.actionId)"


def guide(element: Element) -> Wrong:
    """ig-0 to ig-2: groups and FHIR versions that resources name are the guide's own."""
    yield from named("ig-0")(element)
    definition = element.get("definition")
    if not isinstance(definition, Mapping):
        return
    groups = {str(one.get("id")) for one in listed(definition, "grouping")}
    versions = element.get("fhirVersion")
    for position, one in enumerate(listed(definition, "resource")):
        if "groupingId" in one and str(one["groupingId"]) not in groups:
            yield f"definition.resource[{position}].groupingId", "names a group that is not there (ig-1)"
        own = one.get("fhirVersion")
        if isinstance(own, list) and isinstance(versions, list) and any(version not in versions for version in own):
            yield f"definition.resource[{position}].fhirVersion", "is not a version of the guide (ig-2)"


def attachment(element: Element) -> Wrong:
    """att-1: data stand with their content type; that is a MIME type (required binding, BCP 13)."""
    kind = element.get("contentType")
    if "data" in element and kind is None and "_contentType" not in element:
        yield "contentType", "is missing beside the data (att-1)"
    if isinstance(kind, str) and not _MIME.fullmatch(kind):
        yield "contentType", "is not a MIME type"


def contact_point(element: Element) -> Wrong:
    """cpt-2: a value stands with its system."""
    if "value" in element and "system" not in element and "_system" not in element:
        yield "system", "is missing beside the value (cpt-2)"
