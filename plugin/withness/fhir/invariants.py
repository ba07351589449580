"""FHIR R4 invariants that fhir.resources does not look at: each rule yields (path below the element, why).

Each is named in its sentence by the key that it has in the R4 definitions (gol-1, que-2, …).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from withness.fhir import codes
from withness.fhir.moments import later
from withness.fhir.references import reference_wrong
from withness.fhir.xhtml import div_wrong

Wrong = Iterator[tuple[str, str]]
Element = Mapping[str, Any]

_NOT_R4_VALUES: Final = frozenset(("valueCodeableReference", "valueRatioRange", "valueInteger64"))
_ACCEPTERS: Final = frozenset(("Patient", "Practitioner", "RelatedPerson"))
_ACCEPTANCE: Final = ("agree", "disagree", "pending")
_LIMITED: Final = ("boolean", "decimal", "integer", "string", "text", "url", "open-choice")
_TIME_UNITS: Final = ("ms", "s", "min", "h", "d", "wk", "mo", "a")
_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9_]{0,254}")


def starts(element: Element, prefix: str) -> list[str]:
    """Return the names of the choice element `prefix`[x] that are there, extension-only ones too."""
    return [key for key in element if key.removeprefix("_").startswith(prefix)]


def extension(element: Element) -> Wrong:
    """ext-1: a value or nested extensions, never both; one value only; R4's types only."""
    if not isinstance(element.get("url"), str):
        yield "url", "is missing"
    values = {key.removeprefix("_") for key in starts(element, "value")}
    if len(values) > 1:
        yield "", "has more than one value"
    elif bool(values) == ("extension" in element):
        yield "", "must have either a value or extensions (ext-1)"
    if values & _NOT_R4_VALUES:
        yield "", "has a value of a type that FHIR R4 does not have"
    if element.get("url") == codes.GOAL_ACCEPTANCE:
        yield from _acceptance(element)


def _acceptance(element: Element) -> Wrong:
    parts = element.get("extension")
    inner = [one for one in parts if isinstance(one, Mapping)] if isinstance(parts, list) else []
    who = [one.get("valueReference") for one in inner if one.get("url") == "individual"]
    if len(who) != 1 or not isinstance(who[0], Mapping):
        yield "extension", "must name exactly one individual (goal-acceptance)"
    elif reference_wrong(who[0], _ACCEPTERS, None):
        yield "extension", "must name a Patient, a Practitioner or a RelatedPerson (goal-acceptance)"
    if any(one.get("url") not in ("individual", "status", "priority") for one in inner):
        yield "extension", "has a part that goal-acceptance does not have"
    answers = [one for one in inner if one.get("url") == "status"]
    if len(answers) > 1 or any(one.get("valueCode") not in _ACCEPTANCE for one in answers):
        yield "extension", "must give one status as a code: agree, disagree or pending (goal-acceptance)"


def narrative(element: Element, *, foreign: bool = False) -> Wrong:
    """txt-1, txt-2: the div is basic xhtml and says something; what is `foreign` may point at the web."""
    div = element.get("div")
    if isinstance(div, str):
        why = div_wrong(div, foreign=foreign)
        if why:
            yield "div", why


def ratio(element: Element) -> Wrong:
    """rat-1: numerator and denominator stand together, or an extension says why not."""
    both = ("numerator" in element) + ("denominator" in element)
    if both == 1 or (both == 0 and "extension" not in element):
        yield "", "must have both numerator and denominator (rat-1)"


def quantity(element: Element) -> Wrong:
    """qty-3: a coded unit names its system."""
    if "code" in element and "system" not in element:
        yield "system", "is missing beside the unit's code (qty-3)"


def duration(element: Element) -> Wrong:
    """drt-1: a duration's unit is a unit of time in UCUM (sessions do not fit)."""
    code, system = element.get("code"), element.get("system")
    if "value" in element and code is None:
        yield "code", "is missing beside the duration's value (drt-1)"
    if (code is not None and code not in _TIME_UNITS) or (system is not None and system != codes.UCUM):
        yield "code", "must be a UCUM unit of time (drt-1)"


def repeat(element: Element) -> Wrong:
    """tim-1, tim-2, tim-4 to tim-8, tim-10: a timing's number stands with its unit, a maximum with its minimum."""
    pairs = (
        ("duration", "durationUnit", "tim-1"),
        ("period", "periodUnit", "tim-2"),
        ("periodMax", "period", "tim-6"),
        ("durationMax", "duration", "tim-7"),
        ("countMax", "count", "tim-8"),
    )
    for one, other, key in pairs:
        if one in element and other not in element:
            yield other, f"is missing beside {one} ({key})"
    for one, key in (("duration", "tim-4"), ("period", "tim-5")):
        if isinstance(element.get(one), int | float | Decimal) and element[one] < 0:
            yield one, f"must not be negative ({key})"
    if "timeOfDay" in element and "when" in element:
        yield "when", "stands beside a time of day (tim-10)"


def goal_target(element: Element) -> Wrong:
    """gol-1: a target's detail stands with its measure."""
    if starts(element, "detail") and "measure" not in element:
        yield "measure", "is missing beside the target's detail (gol-1)"


def goal(element: Element) -> Wrong:
    """A goal is one person's: expressedBy is at most one."""
    if isinstance(element.get("expressedBy"), list):
        yield "expressedBy", "must be one reference, not a list"


def meta(element: Element) -> Wrong:
    """Profiles, security labels and tags are sets (R4 resource.html#tag-updates): each stands there once."""
    profiles = element.get("profile")
    if isinstance(profiles, list) and len({str(one) for one in profiles}) < len(profiles):
        yield "profile", "names a profile more than once"
    for name in ("security", "tag"):
        listed = element.get(name)
        codings = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
        if len({(str(one.get("system")), str(one.get("code"))) for one in codings}) < len(codings):
            yield name, "has a code more than once"


def period(element: Element) -> Wrong:
    """per-1: a period does not end before it starts."""
    start, end = element.get("start"), element.get("end")
    if isinstance(start, str) and isinstance(end, str) and later(start, end):
        yield "end", "is before the period's start (per-1)"


def care_plan(element: Element) -> Wrong:
    """Ours: one category concept (US Core 6.1.0 has a slice of 1..1); a directive protocol has no client's goals."""
    category, meta = element.get("category"), element.get("meta")
    if not isinstance(category, list) or len(category) != 1:
        yield "category", "must be one CodeableConcept with all its codings"
    if "goal" in element and isinstance(meta, Mapping) and codes.DIRECTIVE_CARE_PLAN in str(meta.get("profile")):
        yield "goal", "stands on a directive protocol, which has none"


def activity(element: Element) -> Wrong:
    """cpl-3: an activity is a reference or a detail."""
    if "reference" in element and "detail" in element:
        yield "", "must not have both reference and detail (cpl-3)"


def no_subject_canonical(element: Element) -> Wrong:
    """R4B has PlanDefinition.subjectCanonical, R4 has not."""
    if "subjectCanonical" in element:
        yield "subjectCanonical", "is not an element of FHIR R4"


def questionnaire(element: Element) -> Wrong:
    """que-0 and que-2: a name that code can use; every linkId once in the whole form."""
    name = element.get("name")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        yield "name", "must be usable as a name in code (que-0)"
    seen: set[str] = set()
    waiting: list[Any] = [element.get("item")]
    while waiting:
        items = waiting.pop()
        for item in items if isinstance(items, list) else ():
            link = item.get("linkId") if isinstance(item, Mapping) else None
            if not isinstance(link, str):
                continue
            if link in seen:
                yield "item", "has a linkId more than once (que-2)"
            seen.add(link)
            waiting.append(item.get("item"))


def questionnaire_item(item: Element) -> Wrong:
    """que-1 and que-3 to que-13, as far as R4 states them for one item."""
    kind = item.get("type")
    option, value_set = "answerOption" in item, "answerValueSet" in item
    initial = starts(item, "initial")
    if kind == "group" and "item" not in item:
        yield "", "is a group without items (que-1)"
    if kind == "display":
        yield from _display(item)
    if option and value_set:
        yield "", "must not have both answerOption and answerValueSet (que-4)"
    if value_set and kind not in ("choice", "open-choice"):
        yield "answerValueSet", "stands on an item that offers no choice (que-5)"
    if initial and kind in ("group", "display"):
        yield "initial", "stands on a group or display (que-8)"
    if "maxLength" in item and kind not in _LIMITED:
        yield "maxLength", "stands on an item whose answer is no simple text (que-10)"
    if option and initial:
        yield "initial", "must be left out where there are answer options (que-11)"
    if initial and not item.get("repeats") and isinstance(item.get("initial"), list) and len(item["initial"]) > 1:
        yield "initial", "has more than one value on an item that does not repeat (que-13)"
    conditions = item.get("enableWhen")
    if isinstance(conditions, list):
        if len(conditions) > 1 and "enableBehavior" not in item:
            yield "enableBehavior", "is missing beside more than one enableWhen (que-12)"
        for one in conditions:
            if (
                isinstance(one, Mapping)
                and one.get("operator") == "exists"
                and type(one.get("answerBoolean")) is not bool
            ):
                yield "enableWhen", "asks for existence without a boolean (que-7)"


def _display(item: Element) -> Wrong:
    if "item" in item:
        yield "", "is a display with items (que-1)"
    if "code" in item:
        yield "code", "stands on a display (que-3)"
    if "required" in item or "repeats" in item:
        yield "", "is a display that is required or repeats (que-6)"
    if "readOnly" in item:
        yield "readOnly", "stands on a display (que-9)"


def response_item(item: Element) -> Wrong:
    """qrs-1: nested items stand under the item or under its answers, not both."""
    if "item" in item and "answer" in item:
        yield "", "has items under itself and an answer too (qrs-1)"
    yield from response_siblings(item)


def response_siblings(element: Element) -> Wrong:
    """The answers of one question stand in one item (R5 states it as qrs-2)."""
    items = element.get("item")
    listed = items if isinstance(items, list) else ()
    links = [item.get("linkId") for item in listed if isinstance(item, Mapping) and "answer" in item]
    if len(links) > 1 and len({link for link in links if isinstance(link, str)}) < len(links):
        yield "item", "has a linkId more than once (qrs-2)"


def provenance(element: Element) -> Wrong:
    """A Provenance is of something, by somebody."""
    for name in ("target", "agent"):
        if not isinstance(element.get(name), list):
            yield name, "is missing"
