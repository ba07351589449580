"""Which slice a value belongs to, by the discriminators (R4 profiling.html#discriminator)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from withness.fhir.profile_check import terminology
from withness.fhir.profile_check.definitions import Definitions, Node, Structure
from withness.fhir.profile_check.items import Item, items, type_of
from withness.fhir.profile_check.values import holds, same

_STEP: Final = re.compile(r"(?:^|\.)(\$this|extension\('[^']+'\)|ofType\(\w+\)|resolve\(\)|[a-z]\w*)")
_DEEPEST: Final = 12


class Untold(Exception):
    """A discriminator that cannot be judged here."""


def belongs(known: Definitions, profile: Structure, base: Node, slice: Node, item: Item) -> bool | None:
    """Return whether a value is in a slice of `base`, None when a discriminator cannot be judged here."""
    told = base.definition.get("slicing", {}).get("discriminator", ())
    if not told or "/" in slice.slice:
        return None
    try:
        return all(_fits(known, profile, slice, str(one.get("type")), _steps(one.get("path")), item) for one in told)
    except Untold:
        return None


def _steps(path: Any) -> list[str]:
    text = str(path)
    steps = _STEP.findall(text)
    if "".join(f".{one}" for one in steps) != f".{text}":
        raise Untold
    return [one for one in steps if one != "$this"]


def _fits(known: Definitions, profile: Structure, slice: Node, kind: str, steps: list[str], item: Item) -> bool:
    if kind in ("value", "pattern") and steps == ["url"] and slice.name in ("extension", "modifierExtension"):
        return isinstance(item.value, dict) and item.value.get("url") == extension_url(slice)
    if kind == "type" and steps[-1:] == ["resolve()"]:
        return _refers(known, profile, slice, steps[:-1], item)
    node, reached = _walk(profile, slice, steps, item)
    match kind:
        case "value" | "pattern":
            return any(_like(known, profile, node, one.value, 0) for one in reached)
        case "exists":
            return bool(reached) if node.least else node.most != 0 or not reached
        case "type":
            return bool(reached) and all(_typed(node, one) for one in reached)
        case _:
            raise Untold


def extension_url(slice: Node) -> str | None:
    """Return the URL of the extension that a slice of `extension` is for."""
    inner = slice.children.get("url")
    if inner is not None and inner.value("fixed") is not None:
        return str(inner.value("fixed"))
    profiles = [one for kind in slice.types.values() for one in kind.get("profile", ())]
    return str(profiles[0]).partition("|")[0] if len(profiles) == 1 else None


def _walk(profile: Structure, node: Node, steps: list[str], item: Item) -> tuple[Node, list[Item]]:
    """Return the slice's element at a path and what the value has there.

    Where the slice stops defining elements, its own pattern above them decides: the value is looked at there.
    """
    reached = [item]
    for step in steps:
        if step.startswith("ofType("):
            wanted = step[7:-1]
            reached = [one for one in reached if type_of(node, one) == wanted]
            continue
        child = _child(profile, node, step)
        if child is None:
            if node.value("pattern") is None and node.value("fixed") is None:
                raise Untold
            return node, reached
        named = step.startswith("extension(")
        base = profile.inside(node)["extension"] if named else child
        found = [inner for one in reached if isinstance(one.value, dict) for inner in items(one.value, base, one.path)]
        reached = [one for one in found if not named or one.value.get("url") == extension_url(child)]
        node = child
    return node, reached


def _child(profile: Structure, node: Node, step: str) -> Node | None:
    inside = profile.inside(node)
    if step.startswith("extension("):
        url = step[len("extension('") : -2]
        slices = inside["extension"].slices.values() if "extension" in inside else ()
        return next((one for one in slices if extension_url(one) == url), None)
    if step == "resolve()":
        raise Untold
    return inside.get(step) or inside.get(f"{step}[x]")


def _like(known: Definitions, profile: Structure, node: Node, value: Any, depth: int) -> bool:
    """Return whether a value is what the slice fixes at `node`, or below it. Raises Untold when it fixes nothing."""
    fixed, pattern = node.value("fixed"), node.value("pattern")
    if fixed is not None or pattern is not None:
        return (fixed is None or same(fixed, value)) and (pattern is None or holds(pattern, value))
    decided = [one for one in profile.inside(node).values() if depth < _DEEPEST and _decides(profile, one, depth)]
    if decided:
        return isinstance(value, dict) and all(
            any(_like(known, profile, one, inner.value, depth + 1) for inner in items(value, one, ""))
            for one in decided
        )
    binding = node.definition.get("binding", {})
    if binding.get("strength") != "required" or "valueSet" not in binding:
        raise Untold
    answers = [terminology.member(known, binding["valueSet"], *one) for one in codings(value)]
    if True not in answers and None in answers:
        raise Untold
    return True in answers


def _decides(profile: Structure, node: Node, depth: int) -> bool:
    if node.value("fixed") is not None or node.value("pattern") is not None:
        return True
    return depth < _DEEPEST and any(_decides(profile, one, depth + 1) for one in profile.inside(node).values())


def codings(value: Any) -> list[tuple[str | None, str]]:
    """Return system and code of what a binding looks at: a code (no system: None), a Coding, a Quantity, or several."""
    if isinstance(value, str):
        return [(None, value)]
    if not isinstance(value, dict):
        return []
    listed = value.get("coding") if "coding" in value else [value]
    return [
        (str(one.get("system", "")), one["code"])
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, Mapping) and isinstance(one.get("code"), str)
    ]


def _typed(node: Node, item: Item) -> bool:
    if isinstance(item.value, dict) and "resourceType" in item.value:
        return item.value["resourceType"] in node.types
    return type_of(node, item) is not None


def _refers(known: Definitions, profile: Structure, slice: Node, steps: list[str], item: Item) -> bool:
    """Return whether a reference points at a type that the slice has at its end."""
    node, reached = _walk(profile, slice, steps, item)
    profiles = [one for kind in node.types.values() for one in kind.get("targetProfile", ())]
    wanted = [known.type_behind(one) for one in profiles]
    texts = [one.value.get("reference") for one in reached if isinstance(one.value, dict)]
    if not wanted or None in wanted or any(not isinstance(one, str) or "/" not in one for one in texts):
        raise Untold
    return all(str(one).split("/")[-2] in wanted for one in texts)
