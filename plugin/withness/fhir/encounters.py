"""An Encounter in the chart → the session that it is, or is not (R4 encounter.html, encounter-status)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from withness.core.checkin import Meeting
from withness.fhir.answer_values import moment

_NEVER: Final = datetime(1970, 1, 2, tzinfo=UTC)
_HELD: Final = ("arrived", "triaged", "in-progress", "onleave", "finished")
_MAY_BE: Final = ("planned", "unknown")
"""What a check-in alone shows to have taken place: the EHR does not say so."""


def meeting(resource: Mapping[str, Any], who: str, clinician: str, zone: tzinfo) -> Meeting | None:
    """Return the session of `who` that an Encounter is, None for one that was held and does not say when it began.

    `clinician` is who leads the plan: only what they took part in counts without a check-in. A cancelled Encounter, and
    one entered in error, was not held; when it should have been does not matter, and mostly it does not say.
    """
    period, status = resource.get("period"), resource.get("status")
    start = period.get("start") if isinstance(period, Mapping) else None
    at = moment(start) if isinstance(start, str) else None
    held = status in (*_HELD, *_MAY_BE)
    if at is None and held:
        return None
    at = at or _NEVER
    ours = status in _HELD and clinician in _taking_part(resource)
    return Meeting(f"Encounter/{resource.get('id')}", who, at, at.astimezone(zone).date(), held, ours)


def _taking_part(resource: Mapping[str, Any]) -> set[str]:
    listed = resource.get("participant")
    people = [one.get("individual") for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    return {str(one.get("reference")) for one in people if isinstance(one, Mapping)}
