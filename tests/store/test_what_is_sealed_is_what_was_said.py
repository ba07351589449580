"""Sealed content says the same when it is opened, whatever numbers and names it holds."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.furnishing import KEY

from withness.audit import plain_json
from withness.seal import Seal
from withness.store import sealed
from withness.store.sqlite import SqliteStore

SAID = [
    {"words": "Ich möchte, dass es jemand versteht. 🌱\x00\x1f\u2028", "none": None, "yes": True},
    {"z": 1, "a": [1, {"z": -1, "a": ()}], "\U0001f600": "name"},
    {"large": 2**53, "larger": 2**64, "largest": -(2**70)},
    {"half": 0.5, "long": 0.1 + 0.2, "tiny": 5e-324, "huge": 1.7e308},
    {"infinite": math.inf},
    {"answers": 1, "8FEDyp6911ReejJsnsbPLL.Uv_1_gztH12h9y0Zahg4D6k4cQVovBcqlJfYjwH2_": 2},
    {"deep": json.loads("[" * 400 + "]" * 400)},
]


@pytest.mark.parametrize("content", SAID)
def test_what_is_opened_is_what_was_sealed(tmp_path: Path, content: dict[str, object]) -> None:
    """In its order too. Planted: whatever comes written by the quick way, which makes an infinite number a null; the
    names sorted; what the quick way refuses refused; read by orjson, which takes one of two names for another and
    rounds; what the quick reader finds too deep not read; each caught.
    """
    store = SqliteStore(tmp_path / "w.sqlite3", Seal(KEY))
    store.set_up({"data_id": "x"})
    with store.transaction() as tx:
        tx.put_screen("one", "Patient/rosa", content)
    with store.transaction() as tx:
        row = tx.screen("one")
    store.close()
    assert row is not None
    assert json.dumps(row.content) == json.dumps(content)


@pytest.mark.parametrize("beside", [None, 2**70, math.inf])
def test_what_is_written_already_goes_in_as_it_stands(tmp_path: Path, beside: object) -> None:
    """Beside what is not. Planted: it is written once more; caught."""
    store = SqliteStore(tmp_path / "w.sqlite3", Seal(KEY))
    store.set_up({"data_id": "x"})
    bundle = {"resourceType": "Bundle", "entry": [{"value": 1.5}]}
    written = plain_json.Written(plain_json.in_order(bundle))
    with store.transaction() as tx:
        tx.put_screen("one", "Patient/rosa", {"bundle": written, "amends": beside})
    with store.transaction() as tx:
        row = tx.screen("one")
    store.close()
    assert row is not None
    assert json.dumps(row.content) == json.dumps({"bundle": bundle, "amends": beside})


_WORDS = st.text(st.characters(codec="utf-8"))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=4),
)


@given(st.dictionaries(_WORDS, _VALUES))
def test_whatever_is_sealed_is_read_as_the_standard_library_reads_it(content: dict[str, object]) -> None:
    """Types, order and every digit. Planted: read by orjson; caught."""
    text = sealed._written(content)
    assert repr(sealed._read(text)) == repr(json.loads(text)) == repr(content)
