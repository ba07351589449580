"""FHIR R4 invariants of a Bundle and its entries: each rule yields (path below the element, why)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from withness.fhir.invariants import Element, Wrong
from withness.fhir.references import R4_TYPES

_REQUESTED: Final = ("batch", "transaction", "history")


def bundle(element: Element) -> Wrong:
    """bdl-1 to bdl-5, bdl-7 and bdl-8."""
    kind = element.get("type")
    entries = element.get("entry")
    if "total" in element and kind not in ("searchset", "history"):
        yield "total", "stands on a bundle that is no search result or history (bdl-1)"
    seen: set[tuple[str, str]] = set()
    for position, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, Mapping):
            yield f"entry[{position}]", "is not an object"
            continue
        for path, why in _entry(entry, kind, seen):
            yield f"entry[{position}]{'.' if path else ''}{path}", why


def _entry(entry: Element, kind: object, seen: set[tuple[str, str]]) -> Wrong:
    request, resource, url = entry.get("request"), entry.get("resource"), entry.get("fullUrl")
    if "search" in entry and kind != "searchset":
        yield "search", "stands in a bundle that is no search result (bdl-2)"
    if (request is not None) != (kind in _REQUESTED):
        yield "request", "is there exactly in a batch, a transaction or a history (bdl-3)"
    if ("response" in entry) != (kind in ("batch-response", "transaction-response", "history")):
        yield "response", "is there exactly in a response or a history (bdl-4)"
    if resource is None and request is None and "response" not in entry:
        yield "", "has neither resource nor request nor response (bdl-5)"
    if isinstance(url, str):
        meta = resource.get("meta") if isinstance(resource, Mapping) else None
        version = str(meta.get("versionId", "")) if isinstance(meta, Mapping) else ""
        if (url, version) in seen:
            yield "fullUrl", "stands more than once in the bundle (bdl-7)"
        seen.add((url, version))
        if "/_history/" in url:
            yield "fullUrl", "must not be version-specific (bdl-8)"
    if isinstance(request, Mapping):
        yield from _request(request, resource)


def _request(request: Element, resource: object) -> Wrong:
    """The method fits the address and the resource (R4 http.html#transaction)."""
    method, url = request.get("method"), request.get("url")
    if "ifNoneMatch" in request and method not in ("GET", "HEAD"):
        yield "request.ifNoneMatch", "is for conditional reads only"
    if not isinstance(url, str):
        yield "request.url", "is missing"
        return
    if not isinstance(resource, Mapping):
        if method in ("POST", "PUT"):
            yield "resource", "is missing beside a write"
        return
    name = resource.get("resourceType")
    if not isinstance(name, str) or name not in R4_TYPES:
        return
    if method == "POST" and url != name:
        yield "request.url", "must be the resource's type"
    if method == "PUT" and "?" not in url and url != f"{name}/{resource.get('id')}":
        yield "request.url", "must be the resource's type and id"
    if method == "PUT" and "?" in url and not url.startswith(f"{name}?"):
        yield "request.url", "must be the resource's type and a search"
    if method in ("GET", "HEAD", "DELETE"):
        yield "resource", "stands beside a method that sends none"
