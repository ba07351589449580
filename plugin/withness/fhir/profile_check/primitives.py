"""The forms of FHIR R4's primitive types in JSON (datatypes.html#primitive, json.html#primitive)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

_DATE: Final = r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[1-2][0-9]|3[0-1]))?)?"
_CLOCK: Final = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE: Final = r"(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DAY: Final = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[1-2][0-9]|3[0-1])"

_FORMS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = {
    name: (re.compile(form), said)
    for name, form, said in (
        ("canonical", r"\S*", "must be a URL without spaces"),
        ("code", r"[^\s]+(\s[^\s]+)*", "must be a code: no spaces at its ends, none doubled"),
        ("date", _DATE, "must be a date such as 2026, 2026-11 or 2026-11-22"),
        ("dateTime", rf"{_DATE}|{_DAY}T{_CLOCK}{_ZONE}", "must be a date, or a date and time with its time zone"),
        ("id", r"[A-Za-z0-9\-.]{1,64}", "must be at most 64 letters, digits, hyphens and dots"),
        ("instant", rf"{_DAY}T{_CLOCK}{_ZONE}", "must be an instant with date, time and time zone"),
        ("oid", r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+", "must be an OID such as urn:oid:1.2.3"),
        ("time", _CLOCK, "must be a time such as 09:30:00"),
        ("uri", r"\S*", "must be a URI without spaces"),
        ("url", r"\S*", "must be a URL without spaces"),
        (
            "uuid",
            "urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "must be a UUID such as urn:uuid:…, in small letters",
        ),
    )
}
_BASE64: Final = re.compile(r"[0-9a-zA-Z+/]+={0,2}")
_LEAST: Final = {"integer": -(2**31), "unsignedInt": 0, "positiveInt": 1}
_MOST: Final = 2**31 - 1


def wrong(kind: str, value: Any) -> str | None:
    """Return why `value` cannot be a primitive of type `kind` in JSON, None when it can.

    Numbers and booleans must be JSON's own: the model layer would read them out of text.
    """
    match kind:
        case "boolean":
            return None if isinstance(value, bool) else "must be true or false"
        case "decimal":
            fits = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
            return None if fits else "must be a number"
        case "integer" | "unsignedInt" | "positiveInt":
            return _integer_wrong(kind, value)
    if not isinstance(value, str):
        return "must be text"
    if kind == "base64Binary":
        packed = "".join(value.split())
        return None if len(packed) % 4 == 0 and _BASE64.fullmatch(packed) else "must be base64 text"
    form = _FORMS.get(kind)
    return form[1] if form is not None and not form[0].fullmatch(value) else None


def _integer_wrong(kind: str, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return "must be a whole number"
    if not _LEAST[kind] <= value <= _MOST:
        return f"must be a whole number from {_LEAST[kind]} to {_MOST}"
    return None
