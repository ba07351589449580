"""An Observation in the chart → what it raises by the policy's chart evidence (R4 observation.html).

It raises, never clears: a value that says "no" or "Low" raises nothing, and one that cannot be read is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from withness.core.risk import ChartEvidence, Observed, RiskPolicy
from withness.core.terms import Acuity
from withness.fhir import codes
from withness.fhir.answer_values import moment

# Answer codes as the FHIR facts 4.4 name them (BHP, SPIER): LOINC answer lists and SNOMED yes/no.
_MEANINGS: Final = {
    "LA33-6": "yes",
    "373066001": "yes",
    "LA32-8": "no",
    "373067005": "no",
    "LA9194-7": "low",
    "LA6751-7": "moderate",
    "LA9193-9": "high",
    "LA6568-5": "0",
    "LA6569-3": "1",
    "LA6570-1": "2",
    "LA6571-9": "3",
}
_QUIET: Final = ("no", "low", "none", "moderate", "high", "yes")
"""Values that can be read: one that a rule does not name raises nothing by that rule."""


def observed(resource: Mapping[str, Any], policy: RiskPolicy) -> tuple[Observed, ...]:
    """Return what one Observation raises; every rule that it meets, and unknown where its value cannot be read."""
    id, at = _name(resource), _time(resource)
    found: dict[tuple[str, Acuity], None] = {}
    for part in (resource, *_mappings(resource.get("component"))):
        for rule in policy.chart_evidence:
            if not _coded(part).isdisjoint(rule.loinc):
                acuity = _acuity(rule, part)
                if acuity is not Acuity.NONE:
                    found[rule.domain, acuity] = None
    return tuple(Observed(id, domain, acuity, at) for domain, acuity in found)


def _name(resource: Mapping[str, Any]) -> str:
    meta = resource.get("meta")
    version = meta.get("versionId", "") if isinstance(meta, Mapping) else ""
    return f"Observation/{resource.get('id', '')}|{version}"


def _time(resource: Mapping[str, Any]) -> datetime | None:
    """Return the newest time that the Observation names, None where it names none with date, time and zone."""
    period = resource.get("effectivePeriod")
    ends = period.get("end") or period.get("start") if isinstance(period, Mapping) else None
    written = (resource.get("effectiveDateTime"), resource.get("effectiveInstant"), ends, resource.get("issued"))
    times = [found for one in written if isinstance(one, str) and (found := moment(one)) is not None]
    return max(times, default=None)


def _coded(part: Mapping[str, Any]) -> set[str]:
    code = part.get("code")
    codings = _mappings(code.get("coding")) if isinstance(code, Mapping) else []
    return {str(one.get("code")) for one in codings if one.get("system") == codes.LOINC}


def _acuity(rule: ChartEvidence, part: Mapping[str, Any]) -> Acuity:
    values = list(_values(part))
    if rule.when.startswith("> "):
        numbers = [_number(one) for one in values]
        if any(one is not None and one > float(rule.when[2:]) for one in numbers):
            return rule.acuity
        return Acuity.NONE if numbers and None not in numbers else Acuity.UNKNOWN
    if rule.when.casefold() in values:
        return rule.acuity
    return Acuity.NONE if values and all(one in _QUIET for one in values) else Acuity.UNKNOWN


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _values(part: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the value says, each way it says it, in small letters."""
    concept, quantity = part.get("valueCodeableConcept"), part.get("valueQuantity")
    if isinstance(concept, Mapping):
        known = [
            _MEANINGS[one] for one in (str(c.get("code")) for c in _mappings(concept.get("coding"))) if one in _MEANINGS
        ]
        yield from known or [str(concept.get("text") or _display(concept)).strip().casefold()]
    if isinstance(quantity, Mapping):
        yield str(quantity.get("value"))
    for name in ("valueInteger", "valueString"):
        if part.get(name) is not None:
            yield str(part[name]).strip().casefold()
    if isinstance(part.get("valueBoolean"), bool):
        yield "yes" if part["valueBoolean"] else "no"


def _display(concept: Mapping[str, Any]) -> object:
    return next((one.get("display") for one in _mappings(concept.get("coding")) if one.get("display")), "")


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
