"""Our own check of what the model layer silently accepts: one walk over the resource, every problem named.

fhir.resources lets through wrong required codes, invariants, reference targets, blanks, empty lists, coerced
numbers, long ids and broken xhtml. What may be looked at where stands in `elements`, `risk_elements`,
`artefact_elements` and `record_elements`; the rules in `invariants` and its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from math import isfinite
from typing import Any, Final

from withness.errors import InvalidInput
from withness.fhir.artefact_elements import ARTEFACT_SHAPES
from withness.fhir.elements import ANY, COMMON, SHAPES, Part, Scalar, Shape
from withness.fhir.invariants import Wrong, care_plan, narrative
from withness.fhir.record_elements import RECORD_SHAPES
from withness.fhir.references import CANONICAL, ID, R4_TYPES, reference_wrong
from withness.fhir.risk_elements import RISK_SHAPES

DEEPEST: Final = 64
"""Objects nested deeper than this are no resource that anybody wrote."""

TOO_DEEP: Final = "is nested too deeply"

_ZONE: Final = re.compile(r".*T.*(Z|[+-][0-9]{2}:[0-9]{2})")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
_NUMBERS: Final = (int, float, Decimal)
_NUMERIC: Final = (Scalar.NUMBER, Scalar.INTEGER, Scalar.POSITIVE)
_SHAPES: Final = {**SHAPES, **RISK_SHAPES, **ARTEFACT_SHAPES, **RECORD_SHAPES}
_ELSEWHERE: Final[dict[Callable[..., Wrong] | None, Callable[..., Wrong] | None]] = {
    care_plan: None,
    narrative: partial(narrative, foreign=True),
}
"""What of our own rules is left for what somebody else wrote."""
_UNTYPED: Final = Shape(needs=("resourceType",))


@dataclass(frozen=True)
class Problem:
    """`path` is the element, `why` the rest of a sentence about it; neither holds a value of the resource."""

    path: str
    why: str

    def sentence(self) -> str:
        """Return the problem as a sentence for a person."""
        return f"{self.path} {self.why}."


def check(resource: Mapping[str, Any], *, known: Collection[str] = (), foreign: bool = False) -> tuple[Problem, ...]:
    """Return every problem of a resource or Bundle, in the order of its elements.

    In a Bundle each urn:uuid must be an entry's fullUrl or one of `known`; a relative reference (Type/id) may
    point outside, so it is judged by its form and type alone. What is `foreign` may also point at other servers, and
    is free of what only Withness asks of what it sends.
    """
    if not isinstance(resource, Mapping):
        return (Problem("resource", "is not an object"),)
    walk = _Walk(_entries(resource, known), foreign=foreign)
    walk.root(resource)
    return tuple(walk.problems)


def require_valid(bundle: Mapping[str, Any]) -> None:
    """Check a Bundle, and each entry's resource against the R4B models too.

    Raises InvalidInput with the first problem's element and sentence.
    """
    from withness.fhir.models import validate

    for problem in check(bundle):
        raise InvalidInput(problem.sentence(), field=problem.path)
    entries = bundle.get("entry")
    if bundle["resourceType"] != "Bundle" or not isinstance(entries, list):
        raise InvalidInput("A Bundle with entries is needed here.", field="Bundle.entry")
    for entry in entries:
        if "resource" in entry:
            validate(entry["resource"])


def _entries(resource: Mapping[str, Any], known: Collection[str]) -> dict[str, str] | None:
    """Return fullUrl → resource type of a Bundle's entries ("" for a `known` one), None for any other resource."""
    if resource.get("resourceType") != "Bundle":
        return None
    found = dict.fromkeys(known, "")
    listed = resource.get("entry")
    for entry in listed if isinstance(listed, list) else ():
        inner = entry.get("resource") if isinstance(entry, dict) else None
        url, kind = (entry.get("fullUrl"), inner.get("resourceType")) if isinstance(inner, dict) else (None, None)
        if isinstance(url, str) and isinstance(kind, str):
            found[url] = kind
    return found


class _Walk:
    """One walk: the path to where it is, and the problems found."""

    def __init__(self, entries: dict[str, str] | None, *, foreign: bool = False) -> None:
        self.entries = entries
        self.foreign = foreign
        self.path: list[str | int] = []
        self.problems: list[Problem] = []
        self.local: set[str] = set()

    def wrong(self, why: str, below: str = "") -> None:
        parts = [
            f"[{one}]" if isinstance(one, int) else f".{one if _NAME.fullmatch(str(one)) else '?'}" for one in self.path
        ]
        path = "".join(parts).removeprefix(".")
        self.problems.append(Problem(f"{path}.{below}" if below else path, why))

    def root(self, value: Mapping[str, Any]) -> None:
        """Walk the resource that was handed in."""
        kind = value.get("resourceType")
        self.path.append(kind if type(kind) is str else "resource")
        self.element(value, _UNTYPED)

    def element(self, value: Mapping[str, Any], shape: Shape) -> None:
        if not value:
            self.wrong("is empty")
            return
        if len(self.path) > DEEPEST:
            self.wrong(TOO_DEEP)
            return
        if "resourceType" in value:
            self._as_resource(value)
            return
        self._parts(value, shape)

    def _parts(self, value: Mapping[str, Any], shape: Shape) -> None:
        """The one loop: every element once."""
        path, parts = self.path, shape.parts
        for key, item in value.items():
            kind = type(item)
            part = parts.get(key) or COMMON.get(key)
            path.append(key)
            if kind is str:
                self._text(item, part)
            elif kind is dict:
                self.element(item, part if type(part) is Shape else ANY)
            elif kind is list:
                self._list(item, part, padded=key[0] == "_" or f"_{key}" in value)
            else:
                self._other(item, part)
            path.pop()
        for name in shape.needs:
            if name not in value and f"_{name}" not in value:
                self.wrong("is missing", name)
        if shape.targets is not None or type(value.get("reference")) is str:
            self._reference(value, shape.targets or R4_TYPES)
        rule = _ELSEWHERE.get(shape.rule, shape.rule) if self.foreign else shape.rule
        if rule is not None:
            for below, why in rule(value):
                self.wrong(why, below)

    def _list(self, items: list[Any], part: Part | None, *, padded: bool) -> None:
        """`padded`: null holds a place in a list of values that stands beside the list of their extensions."""
        if not items:
            self.wrong("is an empty list")
        path = self.path
        for position, item in enumerate(items):
            kind = type(item)
            path.append(position)
            if kind is dict:
                self.element(item, part if type(part) is Shape else ANY)
            elif kind is str:
                self._text(item, part)
            elif kind is list:
                self.wrong("is a list within a list")
            elif item is not None or not padded:
                self._other(item, part)
            path.pop()

    def _text(self, item: str, part: Part | None) -> None:
        if not item or item.isspace():
            self.wrong("is blank")
        elif not item.isprintable() and _NOT_TEXT.search(item):
            self.wrong("holds a character that FHIR text cannot have")
        elif type(part) is frozenset:
            if item not in part:
                self.wrong("is not one of the codes that FHIR R4 requires here")
        elif type(part) is Scalar:
            self._scalar(item, part)

    def _scalar(self, item: str, form: Scalar) -> None:
        match form:
            case Scalar.CANONICAL:
                if not CANONICAL.fullmatch(item):
                    self.wrong("must be a canonical url, with its version after a bar")
            case Scalar.MOMENT:
                if "T" in item and not _ZONE.fullmatch(item):
                    self.wrong("has a time without a time zone")
            case Scalar.INSTANT:
                if not _INSTANT.fullmatch(item):
                    self.wrong("must be an instant with date, time and time zone")
            case Scalar.BOOLEAN:
                self.wrong("must be true or false, not text")
            case _:
                self.wrong("must be a number, not text")

    def _other(self, item: object, part: Part | None) -> None:
        """A boolean, a number, null, or something that JSON does not have."""
        if item is None:
            self.wrong("is null")
        elif isinstance(item, bool):
            if part in _NUMERIC or type(part) is frozenset:
                self.wrong("must not be a boolean")
        elif not isinstance(item, _NUMBERS):
            self.wrong("is not a JSON value")
        elif not isfinite(item):
            self.wrong("is not a number that JSON can hold")
        elif part is Scalar.BOOLEAN or type(part) is frozenset:
            self.wrong("must not be a number")
        elif part is Scalar.POSITIVE and not (isinstance(item, int) and item > 0):
            self.wrong("must be a positive whole number")
        elif part is Scalar.INTEGER and not isinstance(item, int):
            self.wrong("must be a whole number")

    def _reference(self, value: Mapping[str, Any], targets: frozenset[str]) -> None:
        why = reference_wrong(value, targets, self.entries, foreign=self.foreign)
        if why:
            self.wrong(why)
        text = value.get("reference")
        if type(text) is str and text.startswith("#"):
            self.local.add(text)

    def _as_resource(self, value: Mapping[str, Any]) -> None:
        """A resource at the root, in an entry or contained: its type, its id, and dom-2 to dom-5."""
        kind, id = value["resourceType"], value.get("id")
        if type(kind) is not str or kind not in R4_TYPES:
            self.wrong("is not a FHIR R4 resource type", "resourceType")
            return
        if id is not None and not (type(id) is str and ID.fullmatch(id)):
            self.wrong("must be at most 64 letters, digits, hyphens and dots", "id")
        outer, self.local = self.local, set()
        self._parts(value, _SHAPES.get(kind, ANY))
        contained = self.path[-2:-1] == ["contained"]
        if not contained:
            for below, why in _contained(value, self.local):
                self.wrong(why, below)
            self.local = outer
        else:
            self.local |= outer


def _contained(resource: Mapping[str, Any], local: set[str]) -> Iterator[tuple[str, str]]:
    """dom-2 to dom-5, and ref-1: what is contained is pointed at, and what is pointed at is contained."""
    listed = resource.get("contained", ())
    inside = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    ids = {f"#{one.get('id')}" for one in inside}
    for one in inside:
        meta = one.get("meta")
        meta = meta if isinstance(meta, dict) else {}
        if "contained" in one:
            yield "contained", "must not contain resources itself (dom-2)"
        if f"#{one.get('id')}" not in local and "#" not in local:
            yield "contained", "is not referred to from the resource (dom-3)"
        if "versionId" in meta or "lastUpdated" in meta:
            yield "contained", "must not have a version or time of update (dom-4)"
        if "security" in meta:
            yield "contained", "must not have a security label (dom-5)"
    if local - ids - {"#"}:
        yield "", "refers to a contained resource that is not there (ref-1)"
