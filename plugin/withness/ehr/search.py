"""A search in a FHIR EHR, from its first page to its last (R4 http.html#search, bundle.html#searchset).

What is searched for goes in a form, never in an address: it names a person (contracts I9).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin

from withness.ehr.port import Resource
from withness.ehr.reference import PEOPLE, below
from withness.ehr.wire import Wire, json_object, unreadable
from withness.errors import EhrRefused, EhrUnavailable

PAGES: Final = 50
"""How many pages of one answer are followed."""

ALL_PAGES: Final = 10_000
"""How many pages are followed where everybody's resources are gone through: a million of them."""

_COUNT: Final = "100"
_FRESH: Final = {"Cache-Control": "no-cache"}  # a kept answer may be older than a result that matters
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NAMING: Final = {"patient", "subject", "_id", "link"}


@dataclass(frozen=True)
class _Step:
    """The request for one page: a form to post, or (None) a path to get."""

    path: str
    form: str | None


def search(wire: Wire, type: str, query: Mapping[str, str]) -> tuple[Resource, ...]:
    """Return every resource of `type` that the EHR gives for `query`, each once.

    Raises EhrRefused, and EhrUnavailable also when the pages are too many or lead elsewhere. Whether a resource is
    what was asked for is the caller's to check: an EHR may ignore a parameter that it does not know.
    """
    return tuple(stream(wire, type, query))


def stream(wire: Wire, type: str, query: Mapping[str, str], *, pages: int = PAGES) -> Iterator[Resource]:
    """Yield what `search` returns, a page at a time: no more than one page is held. Raises as `search` does."""
    given: set[str] = set()
    step = _Step(f"/{type}/_search", urlencode({**query, "_count": _COUNT}))
    for _ in range(pages):
        bundle = _page(wire, type, step)
        fresh = {one["id"]: one for one in _resources(bundle, type) if one["id"] not in given}
        given |= fresh.keys()
        yield from fresh.values()
        following = _next(bundle, type, wire.address)
        if following is None:
            return
        step = following
    raise EhrUnavailable("The EHR's answer has more pages than can be followed.")


def _page(wire: Wire, type: str, step: _Step) -> Resource:
    if step.form is None:
        answer = wire.ask("GET", step.path, headers=_FRESH)
    else:
        answer = wire.ask("POST", step.path, step.form.encode(), headers=_FRESH | _FORM)
    if answer.status in (409, 412):  # no conflict: a search changes nothing
        raise EhrRefused(f"The EHR refused the search (HTTP {answer.status}).")
    wire.check_status(answer, {type})
    bundle = json_object(answer.body)
    if (bundle.get("resourceType"), bundle.get("type")) != ("Bundle", "searchset"):
        unreadable()
    return bundle


def _resources(bundle: Resource, type: str) -> Iterator[dict[str, Any]]:
    """Give the resources found. An OperationOutcome beside them is passed over unless it tells of an error."""
    for entry in _objects(bundle.get("entry", [])):
        resource = entry.get("resource")
        if not isinstance(resource, dict):
            unreadable()
        if resource.get("resourceType") == "OperationOutcome" and not _tells_of_an_error(resource):
            continue
        if resource.get("resourceType") != type or not isinstance(resource.get("id"), str):
            unreadable()
        yield resource


def _tells_of_an_error(outcome: Resource) -> bool:
    return any(one.get("severity") in ("fatal", "error") for one in _objects(outcome.get("issue", [])))


def _next(bundle: Resource, type: str, address: str) -> _Step | None:
    """Return the request for the next page, None after the last. Raises EhrUnavailable when it lies elsewhere."""
    urls = [one.get("url") for one in _objects(bundle.get("link", [])) if one.get("relation") == "next"]
    if not urls:
        return None
    path, _, query = _below(urls[0], address).partition("?")
    if not _names_a_person(path, query):
        return _Step(f"{path}?{query}" if query else path, None)
    if path.removesuffix("/") not in (f"/{type}", f"/{type}/_search"):
        raise EhrUnavailable("The address of the EHR's next page names a person, so it is not asked for.")
    return _Step(f"/{type}/_search", query)


def _below(url: object, address: str) -> str:
    try:
        found = below(urljoin(f"{address}/", url), address) if isinstance(url, str) else None
    except ValueError:
        found = None
    if found is None:
        raise EhrUnavailable("The EHR's next page lies at another address, which is never followed.")
    return found


def _names_a_person(path: str, query: str) -> bool:
    names = {re.split("[:.]", name)[0] for name, _ in parse_qsl(query, keep_blank_values=True)}
    steps = path.strip("/").split("/")
    return not names.isdisjoint(_NAMING) or (steps[0] in PEOPLE and steps[1:] not in ([], ["_search"]))


def _objects(value: object) -> list[dict[str, Any]]:
    """Return `value` when it is a list of JSON objects. Raises EhrUnavailable."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        unreadable()
    return value
