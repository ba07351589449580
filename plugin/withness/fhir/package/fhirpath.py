"""FHIRPath (N1) as text, in the few functions that every engine has.

No union of elements (fhirpathpy forgets their type) and no backslash (engines read it differently). Every condition
made from these is true or false, never empty, so that nothing is decided by what an engine makes of an empty one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

END: Final = "(?!.)"
"""The end of a text in a regular expression: `$` would let a line break follow."""

_LINK: Final = re.compile(r"[a-z0-9.-]+")


def expression(text: str) -> dict[str, str]:
    """Return an Expression in FHIRPath (R4 metadatatypes.html#Expression)."""
    return {"language": "text/fhirpath", "expression": text}


def quoted(value: str) -> str:
    """Return a string literal. Raises ValueError for a text with a backslash."""
    if "\\" in value:
        raise ValueError("a text in a condition must not hold a backslash")
    return "'" + value.replace("'", "\\'") + "'"


def listed(values: Iterable[str]) -> str:
    """Return a list of string literals for `in` and `subsetOf`, the empty list for none."""
    return f"({' | '.join(quoted(one) for one in values) or '{}'})"


def among(path: str, values: Iterable[str]) -> str:
    """Return whether the one value of `path` is one of `values`; for use in a `where`, that leaves out the empty."""
    found = tuple(values)
    return f"{path} = {quoted(found[0])}" if len(found) == 1 else f"{path} in {listed(found)}"


def linked(links: Iterable[str]) -> str:
    """Return whether an item is one of these, by its linkId; for use in a `where`.

    A pattern, since engines would make a list anew for each item that they look at. Raises ValueError for a linkId
    that is no pattern of itself.
    """
    found = tuple(links)
    if not all(_LINK.fullmatch(one) for one in found):
        raise ValueError("a linkId must be of small letters, digits, hyphens and dots")
    if len(found) == 1:
        return f"linkId = {quoted(found[0])}"
    return f"linkId.{matches('(' + '|'.join(found).replace('.', '[.]') + ')')}"


def matches(pattern: str) -> str:
    """Return whether a text is wholly of the form `pattern`, a regular expression."""
    return f"matches({quoted(f'^{pattern}{END}')})"


def both(*parts: str) -> str:
    """Return whether all of `parts` hold; true for none."""
    return " and ".join(f"({one})" if " or " in one and len(parts) > 1 else one for one in parts) or "true"


def either(*parts: str) -> str:
    """Return whether any of `parts` holds; false for none."""
    return " or ".join(f"({one})" if " and " in one and len(parts) > 1 else one for one in parts) or "false"


def negated(part: str) -> str:
    """Return whether `part` does not hold."""
    return f"({part}).not()"
