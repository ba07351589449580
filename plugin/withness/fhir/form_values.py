"""One answer of a form's response: which value it has, and why it has none.

{"valueCoding": {"system": "…/CodeSystem/go-on-answer", "code": "yes"}} → "yes"
{"valueInteger": 7} → 7        {"valueDecimal": 7.0} → 7        {"valueInteger": true} → no whole number
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from withness.core.form import FormItem, ItemKind, Value
from withness.fhir import codes
from withness.fhir.answer_values import day

Read = tuple[Value | None, str]
"""A value and "", or None and why it has none; None and "" for a blank text, which says nothing."""

_NOT_TEXT: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NAMES: Final = {
    ItemKind.WORDS: ("valueString",),
    ItemKind.LINE: ("valueString",),
    ItemKind.CHOICE: ("valueCoding",),
    ItemKind.SCALE: ("valueInteger", "valueDecimal"),
    ItemKind.COUNT: ("valueInteger", "valueDecimal"),
    ItemKind.DAY: ("valueDate",),
    ItemKind.TICK: ("valueBoolean",),
}
_BESIDE: Final = frozenset(("id", "extension", "item"))


def read_value(item: FormItem, answer: object) -> Read:
    """Return the value of one answer to `item`, or why it has none; the why never repeats what was written."""
    if not isinstance(answer, Mapping):
        return None, "the answer cannot be read"
    there = [name for name in _NAMES[item.kind] if name in answer]
    if not there:
        return None, "the answer has no value of the kind that the item asks for"
    if len(there) > 1 or not answer.keys() <= {*there, *_BESIDE}:
        return None, "the answer has parts that are not known here"
    value = answer[there[0]]
    match item.kind:
        case ItemKind.CHOICE:
            read = _code(item, value)
        case ItemKind.SCALE | ItemKind.COUNT:
            read = _number(item, value, whole=there[0] == "valueInteger")
        case ItemKind.DAY:
            read = _day(value)
        case ItemKind.TICK:
            read = (value, "") if isinstance(value, bool) else (None, "the answer is neither true nor false")
        case _:
            read = _text(value)
    return read


def _code(item: FormItem, coding: object) -> Read:
    if not isinstance(coding, Mapping):
        return None, "the answer cannot be read"
    if coding.get("system") != codes.answer_set(item.answers.id):
        return None, "the answer's code is from another code system"
    code = coding.get("code")
    if not isinstance(code, str) or item.option(code) is None:
        return None, "the answer's code is not one that the item offers"
    return code, ""


def _number(item: FormItem, value: object, *, whole: bool) -> Read:
    """A decimal that is a whole number says that number; a boolean is none, though Python would take it for one."""
    if not whole and isinstance(value, float | Decimal) and isfinite(value) and value == int(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None, "the answer is no whole number"
    number, scale = value, item.scale
    if scale is None or not scale.low <= number <= scale.high or (number - scale.low) % scale.step:
        return None, "the answer lies outside what the item offers"
    return number, ""


def _day(value: object) -> Read:
    found = day(value) if isinstance(value, str) else None
    return found, "" if found else "the answer is no day such as 2026-11-21"


def _text(value: object) -> Read:
    if not isinstance(value, str) or _NOT_TEXT.search(value):
        return None, "the answer is no text that can be read"
    return (value if value.strip() else None), ""


def write_value(item: FormItem, value: Value) -> dict[str, Any]:
    """Return a value as an answer of the response; `read_value` reads it back."""
    match item.kind:
        case ItemKind.CHOICE:
            option = item.option(str(value))
            display = {} if option is None else {"display": option.text}
            return {"valueCoding": {"system": codes.answer_set(item.answers.id), "code": value, **display}}
        case ItemKind.DAY:
            return {"valueDate": str(value)}
        case _:
            return {_NAMES[item.kind][0]: value}
