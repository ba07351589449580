"""JSON of plain values, written by orjson: canonical as RFC 8785 wants it, and in the order that it has.

A value is plain where RFC 8785 leaves no question of numbers: no float, no number beyond 2**53 - 1. Whoever writes
another one writes it by a slower way.

orjson writes and does not read: it knows a name again by 64 bits of its hash alone, so that whoever chooses a name can
have another one read in its place, in anybody's row. It rounds numbers of 2**64 and more, too. What it reads in
`audit/written.py` is written once more and held against the bytes.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import orjson

LARGEST: Final = 2**53 - 1
"""The largest whole number that RFC 8785 writes."""

_BEYOND: Final = (b"\xf0", (b"\xf1", b"\xf2", b"\xf3", b"\xf4"))
"""What a character beyond U+FFFF begins with in UTF-8: as far as U+3FFFF, where all that are in use are, and others."""


def plain(value: Any) -> bool:
    """Whether a value that one of these functions has written, and so goes in no circle, is plain."""
    parts = [value]
    for one in parts:  # the kinds in the order of how many there are of each
        kind = type(one)
        if kind is str:
            continue
        if kind is dict:
            parts += one.values()
        elif kind is list or kind is tuple:
            parts += one
        elif kind is int:
            if not -LARGEST <= one <= LARGEST:
                return False
        elif kind is not bool and one is not None:
            return False
    return True


Written: TypeAlias = orjson.Fragment
"""A text of JSON that stands for its value where it is put into another (`in_order`)."""


def canonical_if_plain(value: Any) -> bytes | None:
    """Write a plain value as RFC 8785 wants it; None for one that takes the slower way.

    Raises ValueError as `by_name` does.
    """
    text = by_name(value)
    return text if ranked_alike(text) and plain(value) else None


def ranked_alike(text: bytes) -> bool:
    """Whether the names in a text rank by code point as by UTF-16 code unit, which RFC 8785 wants: up to U+FFFF.

    False also where that would take a closer look.
    """
    if text.isascii():
        return True
    first, others = _BEYOND
    if any(one in text for one in others):
        return False
    return first not in text or not any(_in_a_name(part) for part in text.split(first)[1:])


def _in_a_name(rest: bytes) -> bool:
    """Whether what goes on with `rest` may be a name: a colon follows its next quote, or that one is escaped."""
    end = rest.find(b'"')
    return end > 0 and (rest.startswith(b":", end + 1) or rest[end - 1 : end] == b"\\")


def by_name(value: Any) -> bytes:
    """Write a value without infinite numbers: names sorted by code point, no blanks, only what must be is escaped.

    Raises ValueError for what has no such form (half of a surrogate pair, a name that is no `str` itself, a circle).
    """
    return _written(value, orjson.OPT_SORT_KEYS)


def in_order(value: Any) -> bytes:
    """Write a value without infinite numbers, names in the order that they have. Raises ValueError as `by_name`."""
    return _written(value, None)


def _written(value: Any, option: int | None) -> bytes:
    try:
        return orjson.dumps(value, None, option)
    except TypeError as error:
        raise ValueError(str(error)) from None
