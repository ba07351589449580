"""A profile's FHIRPath rules, evaluated by fhirpathpy; what it cannot evaluate is said, never passed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

_R4: Final = "http://hl7.org/fhir/StructureDefinition/"
_NATIVE: Final = frozenset(
    (
        *("ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "txt-1", "txt-2", "ref-1"),
        *("att-1", "cpt-2", "drt-1", "exp-1", "per-1", "qty-3", "rat-1", "tim-1", "tim-2", "tim-6", "tim-7"),
        *("bdl-1", "bdl-2", "bdl-3", "bdl-4", "bdl-5", "bdl-7", "bdl-8", "cpl-3", "gol-1", "inv-1", "sev-1"),
        *("obs-3", "obs-6", "obs-7", "qrs-1", "ras-1", "ras-2", *(f"que-{number}" for number in range(14))),
    )
)
"""R4's own rules that `withness.fhir.check` looks at. In FHIRPath some are wrong as published: ras-2 fails where there
is no probability, que-12 lets two conditions pass; validators mend them in silence."""

_BY_TYPE: Final = re.compile(r"resolve\(\)\s*(\.\s*(ofType|is)\s*\(|(is|as)\s)")
_SYSTEM_TYPE: Final = re.compile(
    r"\b(?:is|as|ofType)\b\s*\(?\s*(System\.\w+|`?(?:DateTime|Date|Time|String|Boolean|Integer|Decimal)\b)"
)


_DISTINCT: Final = re.compile(r"\bdistinct\(\)(?!\s*\.\s*count\(\))")


_UNION: Final = "withness:union"


class NotEvaluated(Exception):
    """A rule that cannot be evaluated here; the text says why and holds no value of the resource."""


@dataclass(frozen=True)
class Around:
    """What a rule may look at beside its element: the resource, what contains it, and what a reference leads to.

    `entries` is fullUrl or Type/id → resource, of the Bundle that the resource is in.
    """

    resource: Mapping[str, Any]
    root: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def behind(self, reference: str, *, by_type: bool) -> Mapping[str, Any]:
        """Return the resource that a reference leads to.

        `by_type`: only its type is asked for, which the reference itself says. Raises NotEvaluated.
        """
        if reference.startswith("#"):
            inside = self.root.get("contained", ())
            found: Mapping[str, Any] | None = next((one for one in inside if f"#{one.get('id')}" == reference), None)
        else:
            found = self.entries.get(reference)
        if found is not None:
            return found
        kind, _, id = reference.rpartition("/")
        if by_type and id:
            return {"resourceType": kind.rpartition("/")[2]}
        raise NotEvaluated("it asks for a resource that is not here")


def looked_at(rule: Mapping[str, Any]) -> bool:
    """Return whether a rule is R4's own and `withness.fhir.check` looks at it."""
    return rule.get("key") in _NATIVE and str(rule.get("source", _R4)).startswith(_R4)


def holds(expression: str, value: Any, place: str, around: Around) -> bool:
    """Return whether a rule holds for an element's value; `place` is where R4 defines the element ("Goal.target").

    As validators do, an empty result is no, and one that is no boolean is yes. Raises NotEvaluated.
    """
    from fhirpathpy import apply_parsed_path
    from fhirpathpy.engine.nodes import ResourceNode, TypeInfo
    from fhirpathpy.models import models

    parsed = _parsed(expression)
    by_type = len(_BY_TYPE.findall(expression)) == expression.count("resolve()")

    def node(one: Any, path: str | None = None) -> Any:
        return ResourceNode.create_node(one, path)  # type: ignore[no-untyped-call]

    def resolve(found: list[Any]) -> list[Any]:
        texts = [one.get("reference") if isinstance(one, Mapping) else one for one in found]
        return [node(around.behind(one, by_type=by_type)) for one in texts if isinstance(one, str)]

    def has_value(found: list[Any]) -> list[bool]:
        return [len(found) == 1 and not isinstance(found[0], Mapping)]

    own = {"resolve": {"fn": resolve, "arity": {0: []}}, "hasValue": {"fn": has_value, "arity": {0: []}}}
    # The library reads the model from here, and sets it only when an expression has `is` or `as`.
    TypeInfo.model = models["r4"]  # type: ignore[assignment]
    try:
        result = apply_parsed_path(  # type: ignore[no-untyped-call]
            node(value, place),
            parsed,
            {"resource": around.resource, "rootResource": around.root},
            models["r4"],
            {"userInvocationTable": own, "traceFn": lambda *_: None},
        )
    except NotEvaluated:
        raise
    except Exception as error:  # noqa: BLE001  the library raises bare Exception; nothing is passed by it
        raise NotEvaluated(_why(error)) from None
    return result[0] if len(result) == 1 and isinstance(result[0], bool) else bool(result)


def _why(error: Exception) -> str:
    unknown = re.match(r"Not implemented: ([A-Za-z]\w*)", str(error))
    return f"the function {unknown[1]} is not known here" if unknown else "its evaluation failed"


@cache
def _parsed(expression: str) -> Any:
    """Return a parsed expression. Raises NotEvaluated when it does not parse: the library would return nothing."""
    from antlr4 import CommonTokenStream, InputStream, Token
    from antlr4.error.ErrorListener import ErrorListener
    from fhirpathpy.parser import parse
    from fhirpathpy.parser.generated.FHIRPathLexer import FHIRPathLexer
    from fhirpathpy.parser.generated.FHIRPathParser import FHIRPathParser

    class Strict(ErrorListener):
        def syntaxError(self, *_: object) -> None:
            raise NotEvaluated("it does not parse")

    if _SYSTEM_TYPE.search(expression):
        # fhirpathpy tells FHIR's dateTime from FHIRPath's DateTime and answers false, where validators answer true.
        raise NotEvaluated("it asks for a type of FHIRPath's own")
    if _DISTINCT.search(expression):
        raise NotEvaluated("it goes on after distinct(), which forgets the types of elements")
    lexer = FHIRPathLexer(InputStream(expression))
    parser = FHIRPathParser(CommonTokenStream(lexer))
    for one in (lexer, parser):
        one.removeErrorListeners()
        one.addErrorListener(Strict())
    parser.expression()
    if getattr(parser.getCurrentToken(), "type", None) != Token.EOF:
        raise NotEvaluated("it does not parse")
    return _with_unions_kept(parse(expression))  # type: ignore[no-untyped-call]


def _with_unions_kept(parsed: Any) -> Any:
    """Return a parsed expression whose unions keep their elements' types: the library's own forget them."""
    from fhirpathpy.engine.evaluators import evaluators

    evaluators.setdefault(_UNION, _union)
    waiting = [parsed]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("type") == "UnionExpression":
                one["type"] = _UNION
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return parsed


def _union(context: Any, parent: Any, node: Any) -> list[Any]:
    """Both sides, each value once (FHIRPath: union)."""
    from fhirpathpy.engine import make_param
    from fhirpathpy.engine.util import get_data

    kept: list[Any] = []
    values: list[Any] = []
    for side in node["children"]:
        found = make_param(context, parent, "Any", side)  # type: ignore[no-untyped-call]
        for one in found if isinstance(found, list) else [found]:
            value = get_data(one)  # type: ignore[no-untyped-call]
            if not any(type(value) is type(other) and value == other for other in values):
                kept.append(one)
                values.append(value)
    return kept
