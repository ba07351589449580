"""The catalogue's profiles as StructureDefinitions with a differential (R4 profiling.html).

Each rule says its reason in the element's `requirements` and its source in `comment`. A snapshot is a tool's work and
is added to the checked-in files by `make snapshots`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from withness.core.knowledge import Knowledge
from withness.core.profile import BASE, Choice, Held, Profile, Rule, Slicing
from withness.fhir import codes
from withness.fhir.package.published import published

Element = dict[str, Any]

_R4: Final = "http://hl7.org/fhir/StructureDefinition"
_US_CORE: Final = "us-core-"


def structure_definitions(knowledge: Knowledge) -> Iterator[dict[str, Any]]:
    """Yield a StructureDefinition for each profile and extension of the catalogue."""
    for profile in knowledge.profiles.values():
        head = published(
            "StructureDefinition",
            profile.id,
            knowledge.publication,
            name=profile.name,
            title=profile.title,
            description=profile.description,
        )
        yield {**head, **_definition(profile, knowledge), "differential": {"element": _elements(profile, knowledge)}}


def _definition(profile: Profile, knowledge: Knowledge) -> Element:
    context = [{"type": "element", "expression": place} for rule in profile.rules for place in rule.context]
    return {
        "fhirVersion": "4.0.1",
        "kind": "complex-type" if profile.extension else "resource",
        "abstract": False,
        **({"context": context} if context else {}),
        "type": profile.type,
        "baseDefinition": canonical(profile.base, knowledge),
        "derivation": "constraint",
    }


def canonical(id: str, knowledge: Knowledge) -> str:
    """Return the url of a profile or resource type by its id: one of ours, of US Core, or R4's own."""
    if id in knowledge.profiles:
        return f"{codes.BASE}/StructureDefinition/{id}"
    if id.startswith(_US_CORE):
        return f"{codes.US_CORE}/StructureDefinition/{id}"
    return f"{_R4}/{id}"


def _elements(profile: Profile, knowledge: Knowledge) -> list[Element]:
    """Return the differential in the order of the rules; rules on one element stand in it together."""
    made: dict[str, Element] = {}
    _at(made, profile.type)
    if profile.extension:
        made[profile.type]["short"] = profile.title
        _at(made, "Extension.extension")["max"] = "0"
        _at(made, "Extension.url")["fixedUri"] = canonical(profile.id, knowledge)
    for rule in profile.rules:
        for slicing in profile.slicings:
            if rule.path.startswith(f"{slicing.path}:"):
                _at(made, slicing.path)["slicing"] = _slicing(slicing)
        _add(made, rule, knowledge)
    return list(made.values())


def _at(made: dict[str, Element], id: str) -> Element:
    """Return the element with this id, made where it is not there yet."""
    if id not in made:
        last = id.rpartition(".")[2]
        path = ".".join(part.partition(":")[0] for part in id.split("."))
        name = {"sliceName": last.partition(":")[2]} if ":" in last else {}
        made[id] = {"id": id, "path": path, **name}
    return made[id]


def _slicing(slicing: Slicing) -> Element:
    return {"discriminator": [{"type": "value", "path": slicing.by}], "rules": "open"}


def _add(made: dict[str, Element], rule: Rule, knowledge: Knowledge) -> None:
    element = _at(made, rule.path)
    said = {"comment": f"Source: {rule.source}.", "requirements": rule.why}
    if "." not in rule.path:  # sdf-9: a root has no requirements; there a constraint's own words say why
        del said["requirements"]
    for name, text in said.items():
        element[name] = f"{element[name]} {text}" if name in element else text
    if rule.min is not None:
        element["min"] = rule.min
    if rule.max is not None:
        element["max"] = rule.max
    if rule.types:
        element["type"] = [_type(one, knowledge) for one in rule.types]
    if rule.held is not None:
        _hold(element, rule.held)
    if rule.expression:
        element.setdefault("constraint", []).append(_constraint(rule))
    if rule.binding:
        element["binding"] = {"strength": "required", "valueSet": f"{codes.BASE}/ValueSet/{rule.binding}"}
    for below in rule.below:
        inner = _at(made, f"{rule.path}.{below.name}")
        inner["min"] = 1
        if below.held is not None:
            _hold(inner, below.held)


def _type(choice: Choice, knowledge: Knowledge) -> Element:
    targets = [canonical(one, knowledge) for one in choice.targets]
    profile = [canonical(choice.profile, knowledge)] if choice.profile else []
    return {
        "code": choice.code,
        **({"profile": profile} if profile else {}),
        **({"targetProfile": targets} if targets else {}),
    }


def _hold(element: Element, held: Held) -> None:
    """A primitive is fixed, a pattern asks for the parts that it has and lets others stand (R4 elementdefinition)."""
    kind = "fixed" if held.type[0].islower() else "pattern"
    element[f"{kind}{held.type[0].upper()}{held.type[1:]}"] = _based(held.value)


def _constraint(rule: Rule) -> Element:
    return {
        "key": f"withness-{rule.name}",
        "severity": "error",
        "human": rule.why,
        "expression": _based(rule.expression),
    }


def _based(value: Any) -> Any:
    """Return a value with the canonical base put in."""
    if isinstance(value, str):
        return value.replace(BASE, codes.BASE)
    if isinstance(value, list):
        return [_based(one) for one in value]
    if isinstance(value, dict):
        return {name: _based(one) for name, one in value.items()}
    return value
