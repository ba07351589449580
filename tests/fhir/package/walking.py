"""A PlanDefinition's conditions by fhirpathpy, as its `usage` says: an action applies within its parents."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import fhirpathpy
from fhirpathpy.engine.invocations import filtering
from fhirpathpy.models import models

Element = dict[str, Any]


def _criterion(expression: Callable[[Any], list[Any]], element: Any) -> Any:
    """fhirpathpy 2.2.4 asks each criterion of `where` twice, four times where two are nested; once says the same."""
    found = expression(element)
    return found[0] if found else False


filtering.check_macro_expr = _criterion


@cache
def compiled(expression: str) -> Callable[[Element], list[Any]]:
    """The expression, parsed once."""
    found: Callable[[Element], list[Any]] = fhirpathpy.compile(expression, model=models["r4"])
    return found


class Response:
    """One response with what each expression says of it, asked once.

    `(…).not()` is taken from what stands in the brackets, unless `plainly` asks the engine for each of them too.
    """

    def __init__(self, resource: Element, *, plainly: bool = False) -> None:
        self.resource, self.plainly = copy.deepcopy(resource), plainly
        self.known: dict[str, bool] = {}

    def holds(self, expression: str) -> bool:
        """Whether the expression is true; it must be true or false, never empty."""
        if expression not in self.known:
            inner = None if self.plainly else _negated(expression)
            self.known[expression] = self._asked(expression) if inner is None else not self.holds(inner)
        return self.known[expression]

    def _asked(self, expression: str) -> bool:
        found = compiled(expression)(self.resource)
        assert found in ([True], [False]), (expression, found)
        return bool(found[0])

    def applies(self, action: Element) -> bool:
        """Whether all of the action's own conditions hold."""
        return all(self.holds(one["expression"]["expression"]) for one in action.get("condition", []))

    def innermost(self, action: Element) -> Iterator[Element]:
        """Every innermost action that applies, within actions that apply."""
        if not self.applies(action):
            return
        if "action" not in action:
            yield action
        for one in action.get("action", []):
            yield from self.innermost(one)


@cache
def _negated(expression: str) -> str | None:
    """What `(…).not()` negates, None for any other expression."""
    if not (expression.startswith("(") and expression.endswith(").not()")):
        return None
    depth, quoted = 0, False
    for place, letter in enumerate(expression):
        quoted ^= letter == "'"
        depth += 0 if quoted else (letter == "(") - (letter == ")")
        if depth == 0:
            return expression[1:place] if expression[place:] == ").not()" else None
    return None


def actions(definition: Element) -> Iterator[Element]:
    """Every action of a PlanDefinition, each before those in it."""
    waiting = list(reversed(definition["action"]))
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(one.get("action", [])))


def by_id(definition: Element) -> dict[str, Element]:
    """Every action of a PlanDefinition by its id."""
    return {one["id"]: one for one in actions(definition)}
