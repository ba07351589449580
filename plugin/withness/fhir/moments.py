"""Moments as FHIR writes them (R4 datatypes.html#dateTime): `2026-11-21`, `2026-11-21T10:30:00Z`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from withness.errors import InvalidInput

_DATE: Final = len("2026-11-21")


def instant(when: datetime, *, field: str) -> str:
    """Return `when` as a FHIR instant in UTC, to the second. Raises InvalidInput for a time without zone."""
    if when.tzinfo is None:
        raise InvalidInput(f"{field} must name its time zone.", field=field)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(one: str, other: str) -> bool:
    """Whether `one` is certainly after `other`, as far as both are precise (a month says nothing of its days)."""
    if (first := _exact(one)) is not None and (second := _exact(other)) is not None:
        return first > second
    shared = min(len(one), len(other), _DATE)
    return one[:shared] > other[:shared]


def _exact(text: str) -> datetime | None:
    """Return the instant that `text` names, None for a date, a time without zone and what is no time at all."""
    if "T" not in text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment
