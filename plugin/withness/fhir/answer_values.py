"""One answer of a QuestionnaireResponse: which value it has, and why it does not count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from withness.fhir.questionnaires import Field, Kind

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
)
_YEARS: Final = range(1000, 9000)
"""Years whose neighbours a clock can still reckon with: no window added to one leaves the calendar."""

_CODING: Final = frozenset(("id", "extension", "system", "version", "code", "display", "userSelected", "_display"))
_VALUE: Final = {Kind.CHOICE: "valueCoding", Kind.STRING: "valueString", Kind.DATE: "valueDate"}


def values(one: Field, item: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the item's readable values, and why its answer does not count (empty: it counts)."""
    listed = item["answer"]
    if one.kind in (Kind.GROUP, Kind.DISPLAY):
        return [], ["an answer stands where none belongs"]
    if not isinstance(listed, list) or not listed:
        return [], ["the answer cannot be read"]
    read = [_value(one, answer) for answer in listed]
    whys = [why for _, why in read if why]
    if len(listed) > 1:
        whys.insert(0, "the item has more than one answer")
    return [value for value, _ in read if value is not None], whys


def _value(one: Field, answer: object) -> tuple[str | None, str]:
    """Return the value and why it does not count; a value beside a why may still raise."""
    if not isinstance(answer, Mapping):
        return None, "the answer cannot be read"
    wanted = _VALUE[one.kind]
    if wanted not in answer:
        return None, "the answer has no value of the kind that the item asks for"
    why = "" if answer.keys() <= {wanted, "id", "extension", "item"} else "the answer has parts that are not known here"
    value = answer[wanted]
    if one.kind is Kind.CHOICE:
        return _coded(one, value, why)
    if not isinstance(value, str) or not _encodes(value):
        return None, "the answer is no text that can be read"
    if one.kind is Kind.DATE and day(value) is None:
        return None, "the answer is no date such as 2026-11-21"
    return value, why


def _coded(one: Field, coding: object, why: str) -> tuple[str | None, str]:
    if not isinstance(coding, Mapping):
        return None, "the answer cannot be read"
    code = coding.get("code")
    if coding.get("system") != one.system:
        return None, "the answer's code is from another code system"
    if not isinstance(code, str) or code not in one.options:
        return None, "the answer's code is not one that the item lists"
    return code, why if _CODING.issuperset(coding) else "the answer has parts that are not known here"


def _encodes(text: str) -> bool:
    """Whether the text is Unicode that can be written: half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def day(text: str) -> date | None:
    """A FHIR date with its day (R4 datatypes.html#date), None when it is none."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def moment(text: str) -> datetime | None:
    """A FHIR dateTime with time and zone (R4 datatypes.html#dateTime) as UTC, None when it is none."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.year in _YEARS else None
