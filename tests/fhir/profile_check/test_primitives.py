"""Each primitive type of R4: forms that it has, and forms that a lenient reader would take."""

from __future__ import annotations

from typing import Any

import pytest

from withness.fhir.profile_check.primitives import wrong

RIGHT: dict[str, tuple[Any, ...]] = {
    "base64Binary": ("eA==", "eHh4", "eHh4\neA=="),
    "boolean": (True, False),
    "canonical": ("http://x.example/a|1", "#a", "urn:oid:1.2"),
    "code": ("a", "a b", "<="),
    "date": ("2026", "2026-11", "2026-11-22"),
    "dateTime": ("2026", "2026-11-22", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.123+05:30"),
    "decimal": (0, 1.5, -3),
    "id": ("a", "A-1.b", "x" * 64),
    "instant": ("2026-11-22T10:00:00Z", "2026-11-22T23:59:60-14:00"),
    "integer": (0, -(2**31), 2**31 - 1),
    "markdown": ("x\ny",),
    "oid": ("urn:oid:1.2.3",),
    "positiveInt": (1,),
    "string": ("x", " x"),
    "time": ("10:00:00", "23:59:59.5"),
    "unsignedInt": (0,),
    "uri": ("urn:x", "relative/too"),
    "url": ("https://x.example",),
    "uuid": ("urn:uuid:00000000-0000-4000-8000-000000000001",),
}
WRONG: dict[str, tuple[Any, ...]] = {
    "base64Binary": ("x", "e===", "eA=", "ä===", 3),
    "boolean": ("true", 1, 0),
    "canonical": ("two words", 3),
    "code": (" a", "a ", "a  b", "a\t\tb", 3),
    "date": ("2026-13", "2026-11-32", "22.11.2026", "2026-11-22T10:00:00Z", "26", 2026),
    "dateTime": ("2026-11-22T10:00", "2026-11-22T10:00:00", "2026-11T10:00:00Z", "2026-11-22T24:00:00Z"),
    "decimal": ("1.5", True, None),
    "id": ("", "a b", "a_b", "x" * 65),
    "instant": ("2026-11-22", "2026-11-22T10:00:00"),
    "integer": ("3", 3.5, 3.0, True, 2**31),
    "markdown": (3,),
    "oid": ("1.2.3", "urn:oid:3.1", "urn:oid:1.02"),
    "positiveInt": (0, -1, "1"),
    "string": (3, True, {}),
    "time": ("10:00", "24:00:00", "10:00:00Z"),
    "unsignedInt": (-1,),
    "uri": ("a b",),
    "url": ("https://x example",),
    "uuid": ("urn:uuid:0000", "urn:uuid:00000000-0000-4000-8000-00000000000A"),
}


@pytest.mark.parametrize(("kind", "value"), [(kind, one) for kind, listed in RIGHT.items() for one in listed])
def test_a_right_form_passes(kind: str, value: Any) -> None:
    assert wrong(kind, value) is None


@pytest.mark.parametrize(("kind", "value"), [(kind, one) for kind, listed in WRONG.items() for one in listed])
def test_a_wrong_form_is_told(kind: str, value: Any) -> None:
    """Planted: booleans and numbers read out of text, as the models do."""
    assert str(wrong(kind, value)).startswith("must be")


def test_long_text_that_is_no_base64_is_told_at_once() -> None:
    """The specification's own expression takes exponential time on it."""
    assert wrong("base64Binary", "AAAA " * 100_000 + "!") is not None
