"""JSON of plain values, written by orjson: canonical as RFC 8785 wants it, and in the order that it has.

A value is plain where RFC 8785 leaves no question of numbers and of the order of names: no float, no number beyond
2**53 - 1, no name beyond U+FFFF. Whoever writes another one writes it by a slower way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import orjson

LARGEST: Final = 2**53 - 1
"""The largest whole number that RFC 8785 writes."""

_ASTRAL: Final = "\U00010000"


def plain(value: Any) -> bool:
    """Whether `value` is plain. RFC 8785 sorts names by UTF-16 code units: as code points are, up to U+FFFF."""
    kind = type(value)
    members: Iterable[Any] = (value,)
    if kind is dict:
        try:
            names = "".join(value)
        except TypeError:
            return False
        if not names.isascii() and max(names) >= _ASTRAL:
            return False
        members = value.values()
    elif kind is list or kind is tuple:
        members = value
    for one in members:  # the kinds in the order of how many there are of each
        kind = type(one)
        if kind is str:
            continue
        if kind is dict or kind is list or kind is tuple:
            if not plain(one):
                return False
        elif kind is int:
            if not -LARGEST <= one <= LARGEST:
                return False
        elif kind is not bool and one is not None:
            return False
    return True


Written: TypeAlias = orjson.Fragment
"""A text of JSON that stands for its value where it is put into another (`in_order`)."""


def canonical(value: Any) -> bytes:
    """Write a plain value: names sorted by code point, no blanks, nothing escaped that need not be.

    Raises ValueError for what has no such form (half of a surrogate pair, a name that is no `str` itself).
    """
    return _written(value, orjson.OPT_SORT_KEYS)


def in_order(value: Any) -> bytes:
    """Write a value without infinite numbers, names in the order that they have. Raises ValueError as `canonical`."""
    return _written(value, None)


def _written(value: Any, option: int | None) -> bytes:
    try:
        return orjson.dumps(value, None, option)
    except TypeError as error:
        raise ValueError(str(error)) from None
