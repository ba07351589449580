"""Canonical JSON: the fast way writes byte for byte what the RFC 8785 library writes, and refuses what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from withness.audit.record import Kind, canonical

# Where the two could part: control characters, quotes, U+007F, line separators, surrogates, both sides of U+FFFF.
ODD = '\x00\x08\x09\x0a\x0c\x0d\x1f "\\/\x7f\x80é\u2028\u2029\ud800\udfff\ue000\ufffd\uffff\U00010000\U0001f600'
CHARACTERS = st.sampled_from(ODD) | st.characters(codec=None, exclude_categories=())
TEXT = st.text(CHARACTERS, max_size=6)
EDGES = [2**53 - 1, 2**53, 2**53 + 1, 1 - 2**53, -(2**53), 0, -1]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(EDGES) | st.floats() | TEXT | st.binary(max_size=2)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXT, inner, max_size=5)
        | st.dictionaries(st.integers() | TEXT, inner, max_size=2)
    ),
    max_leaves=12,
)


def told(write: Any, value: Any) -> bytes | str:
    try:
        return bytes(write(value))
    except ValueError:
        return "refused"


@settings(max_examples=400, deadline=None)
@given(VALUES)
@example({"\ue000": 1, "\U0001f600": 2})
@example({"\ue000": 1, "\U0001f600 and \U0001f600 more": 2})
@example({"\ue000": 1, '\U0001f600"quoted': 2})
@example({"\ue000": 1, "\U0001f600\\": 2})
@example({"\ue000": 1, "\U00050000": 2})
@example({"\ue000": 1, "\U0010ffff": 2})
@example({"said": '\U0001f600": ', "again": "\U0001f600"})
@example({"\ud800": 1})
@example({"a": "\udfff"})
@example([1.0, -0.0, 1e21, 1e-7])
@example([float("nan")])
@example({"b": {"z": [], "a": {}}, "a": ()})
@example([2**53])
@example({1: 2})
@example({True: 2})
@example({None: 2})
@example(True)
@example({"a": Kind.GATE_DECIDED})
def test_the_fast_way_writes_what_the_library_writes(value: Any) -> None:
    """Planted, one at a time: keys not looked at for astral characters; only those of the first planes looked at; a
    quote inside of a key taken for its end; floats let through; 2**53 let through; a key that is a number let through;
    this caught each.
    """
    assert told(canonical, value) == told(rfc8785.dumps, value)


@pytest.mark.parametrize("one", [chr(number) for number in (*range(0x100), 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x10FFFF)])
def test_each_character_is_escaped_as_the_rfc_says(one: str) -> None:
    """All of Latin 1, as value and as key. Planted: an end of line behind it; this caught it."""
    assert canonical({one: one}) == rfc8785.dumps({one: one})
