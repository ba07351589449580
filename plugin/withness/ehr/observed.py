"""Which Observations count as new evidence (what cannot be told does), which answers are to a form, what is marked."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from withness.ehr.port import Resource
from withness.ehr.reference import local_name

LOINC: Final = "http://loinc.org"

Coding = tuple[str, str]
"""A code's system and the code."""

_VOID: Final = ("entered-in-error", "cancelled")
_TIMES: Final = ("effectiveDateTime", "effectiveInstant", "effectiveTiming", "issued")
_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_INSTANT: Final = re.compile(r"[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_LAST_ZONE: Final = timezone(timedelta(hours=-12))


def counts(observation: Resource, codes: Collection[str], since: datetime) -> bool:
    """Return whether `observation` stands, has one of the LOINC `codes` (a component's too) and is new.

    It is new when any of its times may lie after `since` (with its zone) or cannot be read, or when it has none.
    """
    return (
        observation.get("status") not in _VOID
        and any(code in codes for code in _loinc_codes(observation))
        and _is_new(observation, since)
    )


def answers(response: Resource, questionnaires: Collection[str]) -> bool:
    """Return whether a QuestionnaireResponse stands, and answers one of these forms (canonicals), in any version."""
    named = response.get("questionnaire")
    return response.get("status") not in _VOID and str(named).partition("|")[0] in questionnaires


def subject(resource: Resource, address: str) -> str | None:
    """Return "Type/id" of whom `resource` is about; None when it does not say so in the EHR at `address`."""
    about = resource.get("subject")
    return local_name(about.get("reference"), address) if isinstance(about, dict) else None


def marked(resource: Resource, systems: Collection[str], categories: Collection[Coding]) -> bool:
    """Return whether `resource` has an identifier of one of these systems, or a category's coding among these."""
    if any(one.get("system") in systems for one in _objects(resource.get("identifier"))):
        return True
    codings = (one for concept in _objects(resource.get("category")) for one in _objects(concept.get("coding")))
    return any((one.get("system"), one.get("code")) in categories for one in codings)


def _loinc_codes(observation: Resource) -> Iterator[str]:
    for part in (observation, *_objects(observation.get("component"))):
        code = part.get("code")
        for coding in _objects(code.get("coding") if isinstance(code, dict) else None):
            if coding.get("system") == LOINC and isinstance(coding.get("code"), str):
                yield coding["code"]


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _is_new(observation: Resource, since: datetime) -> bool:
    times = [observation[name] for name in _TIMES if name in observation]
    period = observation.get("effectivePeriod", {})
    times += [period[name] for name in ("start", "end") if name in period] if isinstance(period, dict) else [period]
    latest = [_latest(time) for time in times]
    return not latest or any(one is None or one > since for one in latest)


def _latest(time: object) -> datetime | None:
    """Return the latest instant that a FHIR date, dateTime or instant can mean; None when it cannot be read."""
    text = time if isinstance(time, str) else ""
    try:
        if day := _DATE.fullmatch(text):
            year, month = int(day[1]), int(day[2] or 12)
            last = int(day[3] or monthrange(year, month)[1])
            # A date says no zone: it ends last of all where clocks are furthest behind.
            return datetime(year, month, last, 23, 59, 59, 999_999, tzinfo=_LAST_ZONE)
        found = _INSTANT.fullmatch(text)
        instant = datetime.fromisoformat(text) if found else None
    except ValueError:
        return None
    return instant.replace(microsecond=999_999) if instant and found and not found[1] else instant
