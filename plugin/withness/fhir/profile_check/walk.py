"""One resource against one profile: its snapshot is read element by element (R4 profiling.html, elementdefinition).

Looked at: how often, slices, types, targets of references, fixed values and patterns, required bindings, lengths and
limits, and FHIRPath rules of severity error. What cannot be judged here becomes a sentence among the unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from withness.fhir.profile_check import constraints, primitives, r4, slices, terminology
from withness.fhir.profile_check.constraints import Around
from withness.fhir.profile_check.definitions import Definitions, Node, Structure
from withness.fhir.profile_check.findings import Findings
from withness.fhir.profile_check.items import Item, items, type_of
from withness.fhir.profile_check.values import holds, limits_untold, limits_wrong, same

_SIMPLE: Final = "http://hl7.org/fhir/StructureDefinition/SimpleQuantity"


_RULES: Final = "rules of profiles that could not be evaluated"


class Walk:
    """One profile, and where its findings go."""

    def __init__(self, known: Definitions, profile: Structure, findings: Findings, around: Around) -> None:
        self._known = known
        self._profile = profile
        self._findings = findings
        self._around = around

    def whole(self, value: Mapping[str, Any], path: str) -> None:
        """Check a resource, or an extension, against the whole profile."""
        for id in self._profile.unplaced:
            self._skipped(path, "elements whose parent the snapshot lacks", id)
        kind = self._profile.type
        self._element(self._profile.root, Item(value, None, path, kind), r4.Place(kind, kind), ())

    def _wrong(self, path: str, why: str) -> None:
        self._findings.wrong(path, f"{why} ({self._profile.name})")

    def _skipped(self, path: str, what: str, which: str) -> None:
        self._findings.skipped(path, what, f"{which} ({self._profile.name})")

    def _element(self, node: Node, item: Item, place: r4.Place, judged: tuple[str, ...]) -> None:
        """Check one value against one element or slice; rules with a key in `judged` were asked of it before."""
        if item.value is not None:
            self._type(node, item)
            for why in limits_wrong(node, item.value):
                self._wrong(item.path, why)
            if limits_untold(node, item.value):
                self._skipped(item.path, "least and greatest values that cannot be compared here", node.id)
            self._binding(node, item, place)
        self._given(node, item)
        self._rules(node, item, place, judged)
        if isinstance(item.value, dict):
            self._inside(node, item, place)

    def _given(self, node: Node, item: Item) -> None:
        fixed, pattern = node.value("fixed"), node.value("pattern")
        if fixed is not None and not same(fixed, item.value):
            self._wrong(item.path, f"must be {_said(fixed)}")
        if pattern is not None and not holds(pattern, item.value):
            self._wrong(item.path, f"must have {_said(pattern)}")

    # -- what an element has

    def _inside(self, node: Node, item: Item, place: r4.Place) -> None:
        for child in self._profile.inside(node).values():
            found = items(item.value, child, item.path)
            self._number(child, found, f"{item.path}.{child.name}")
            for one in found:
                key = one.path.rpartition(".")[2].partition("[")[0]
                self._element(child, one, r4.child(place.path, key) or r4.Place(key, key), ())
            self._slices(child, found, place, f"{item.path}.{child.name}")

    def _number(self, node: Node, found: list[Item], path: str) -> None:
        if len(found) < node.least:
            self._wrong(path, "is missing" if not found else f"must be there at least {node.least} times")
        elif node.most is not None and len(found) > node.most:
            self._wrong(path, "must not be there" if node.most == 0 else f"must be there at most {_times(node.most)}")

    def _slices(self, base: Node, found: list[Item], place: r4.Place, path: str) -> None:
        placed: set[int] = set()
        untold = False
        for name, slice in base.slices.items():
            if name == "@default":
                continue
            answers = [slices.belongs(self._known, self._profile, base, slice, one) for one in found]
            if None in answers:
                untold = True
                self._skipped(path, "slices whose discriminator cannot be judged here", slice.id)
                continue
            mine = [one for one, yes in zip(found, answers, strict=True) if yes]
            placed |= {id(one) for one in mine}
            self._slice(base, slice, mine, place, path)
        closed = base.definition.get("slicing", {}).get("rules") == "closed"
        for one in found if closed and not untold else ():
            if id(one) not in placed:
                self._wrong(one.path, "is none of the kinds that the profile allows here")

    def _slice(self, base: Node, slice: Node, mine: list[Item], place: r4.Place, path: str) -> None:
        if len(mine) < slice.least:
            self._wrong(path, f"has {len(mine) or 'no'} {slice.slice}, and needs {slice.least}")
        elif slice.most is not None and len(mine) > slice.most:
            allowed = f"allows {_times(slice.most)}" if slice.most else "allows none"
            self._wrong(path, f"has {slice.slice} {_times(len(mine))}, and the profile {allowed}")
        judged = tuple(one.get("key", "") for one in base.definition.get("constraint", ()))
        for one in mine:
            key = one.path.rpartition(".")[2].partition("[")[0]
            self._element(slice, one, r4.child(place.path, key) or r4.Place(key, key), judged)

    # -- what a value is

    def _type(self, node: Node, item: Item) -> None:
        if not node.types or "contentReference" in node.definition:
            return
        code = type_of(node, item)
        if code is None:
            self._wrong(item.path, f"must be one of the types {', '.join(node.types)}")
            return
        if code and code[0].islower() and code != "xhtml":
            why = primitives.wrong(code, item.value)
            if why is not None:
                self._wrong(item.path, why)
            return
        kind = node.types.get(code, {})
        if code == "Reference":
            self._target(node, kind, item)
        elif code not in ("Extension", "") and kind.get("profile"):
            self._profiled(kind["profile"], item)

    def _target(self, node: Node, kind: Mapping[str, Any], item: Item) -> None:
        profiles = kind.get("targetProfile", ())
        types = [self._known.type_behind(one) for one in profiles]
        if None in types:
            self._skipped(item.path, "what references may lead to, where it is not known what a profile is on", node.id)
            return
        text = item.value.get("reference") if isinstance(item.value, dict) else None
        told = isinstance(item.value, dict) and item.value.get("type")
        if isinstance(text, str):
            entry = self._around.entries.get(text)
            told = entry.get("resourceType") if entry else _literal(text) or told
        if types and told and "Resource" not in types and told not in types:
            self._wrong(item.path, f"must refer to {' or '.join(sorted({str(one) for one in types}))}")

    def _profiled(self, profiles: list[str], item: Item) -> None:
        """A data type or resource that has to fit a profile of its own: one of those named is enough."""
        if not isinstance(item.value, dict):
            return
        tried = []
        for canonical in profiles:
            if canonical.partition("|")[0] == _SIMPLE:
                tried.append(Findings())
                if "comparator" in item.value:
                    tried[-1].wrong(f"{item.path}.comparator", f"must not be there ({self._profile.name})")
                continue
            structure = self._known.structure(canonical)
            if structure is None:
                self._skipped(item.path, "profiles of single elements that are not here", canonical)
                return
            tried.append(Findings())
            Walk(self._known, structure, tried[-1], self._around).whole(item.value, item.path)
        best = min(tried, key=lambda one: len(one.problems))
        self._findings.problems.update(best.problems)
        self._findings.unchecked.update(best.unchecked)

    def _binding(self, node: Node, item: Item, place: r4.Place) -> None:
        binding = node.definition.get("binding") or {}
        if binding.get("strength") != "required" or not isinstance(binding.get("valueSet"), str):
            return
        if self._checked_as_r4(binding["valueSet"], node):
            return
        if isinstance(item.value, dict) and "extension" in item.value and "coding" not in item.value:
            return
        asked = slices.codings(item.value)
        answers = [terminology.member(self._known, binding["valueSet"], *one) for one in asked]
        if True in answers:
            return
        if None in answers:
            self._skipped(
                item.path, "required codes of value sets that are not here", f"{node.id}: {binding['valueSet']}"
            )
        else:
            self._wrong(item.path, f"must have a code of the value set {binding['valueSet'].rpartition('/')[2]}")

    def _checked_as_r4(self, value_set: str, node: Node) -> bool:
        """Whether the value set is FHIR's own for this element, and its codes were looked at without the profile."""
        before, _, name = str(node.definition.get("base", {}).get("path", "")).rpartition(".")
        known = f"{before}.{name}" in r4.MIME or r4.codes(before, name) is not None
        return value_set.startswith("http://hl7.org/fhir/ValueSet/") and known

    # -- rules

    def _rules(self, node: Node, item: Item, place: r4.Place, judged: tuple[str, ...]) -> None:
        for rule in self._profile.meant(node).definition.get("constraint", ()):
            key, expression = str(rule.get("key")), rule.get("expression")
            if rule.get("severity") != "error" or constraints.looked_at(rule) or key in judged:
                continue
            if not isinstance(expression, str):
                self._skipped(item.path, _RULES, f"{key}, it has no FHIRPath")
                continue
            if item.value is None:
                self._skipped(item.path, _RULES, f"{key}, on a value that only has extensions")
                continue
            try:
                holds_here = constraints.holds(expression, item.value, place.path, self._around)
            except constraints.NotEvaluated as why:
                self._skipped(item.path, _RULES, f"{key}, {why}")
                continue
            if not holds_here:
                human = str(rule.get("human", "")).strip().rstrip(".")
                self._wrong(item.path, f"breaks rule {key}: {human}" if human else f"breaks rule {key}")


def _literal(reference: str) -> str | None:
    """Return the resource type that a reference names itself, None for one that names none (urn:uuid, #id)."""
    parts = reference.partition("/_history/")[0].split("/")
    return parts[-2] if len(parts) > 1 and parts[-2][:1].isupper() else None


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _said(wanted: Any) -> str:
    """Say a fixed value or pattern of a profile: its leaves, in order."""
    if isinstance(wanted, dict):
        return " and ".join(
            _said(one) if isinstance(one, dict | list) else f"{key} {one}" for key, one in wanted.items()
        )
    if isinstance(wanted, list):
        return " and ".join(_said(one) for one in wanted)
    return f'"{wanted}"'
