"""Fixed values, patterns and limits of an ElementDefinition (fixed[x], pattern[x], minValue[x], maxLength)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from withness.fhir.profile_check.definitions import Node


def holds(pattern: Any, value: Any) -> bool:
    """Return whether `value` has everything that `pattern` has: each key, and for each item of a list some item."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and holds(one, value[key]) for key, one in pattern.items())
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(holds(one, inner) for inner in value) for one in pattern)
    return same(pattern, value)


def same(fixed: Any, value: Any) -> bool:
    """Return whether two JSON values are equal; true is not 1."""
    if isinstance(fixed, bool) or isinstance(value, bool):
        return fixed is value
    return bool(fixed == value)


def limits_wrong(node: Node, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value's length or size."""
    longest = node.definition.get("maxLength")
    if isinstance(longest, int) and isinstance(value, str) and len(value) > longest:
        yield f"must be at most {longest} characters long"
    for prefix, less in (("minValue", True), ("maxValue", False)):
        limit = node.value(prefix)
        order = compared(value, limit) if limit is not None else 0
        if order is not None and order and (order < 0) is less:
            yield f"must be at {'least' if less else 'most'} {limit}"


def limits_untold(node: Node, value: Any) -> bool:
    """Return whether a limit stands there that cannot be compared with the value."""
    limits = [node.value(prefix) for prefix in ("minValue", "maxValue")]
    return any(limit is not None and compared(value, limit) is None for limit in limits)


def compared(value: Any, limit: Any) -> int | None:
    """Return -1, 0 or 1 as `value` is below, at or above `limit`; None when they cannot be compared here.

    Numbers are compared, and dates of the same precision; times with zones and quantities are not.
    """
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (value, limit))
    dates = isinstance(value, str) and isinstance(limit, str) and len(value) == len(limit) <= len("2026-11-22")
    if not numbers and not dates:
        return None
    return int(value > limit) - int(value < limit)
