"""What a transaction Bundle asks the local chart to write, checked and with its references resolved."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.core.terms import REFERENCE
from withness.ehr.port import Resource
from withness.errors import EhrRefused

_IF_MATCH: Final = re.compile(r'W/"([^"]*)"')
_REQUEST_KEYS: Final = {"PUT": {"method", "url", "ifMatch"}, "POST": {"method", "url"}}


@dataclass(frozen=True)
class Entry:
    """One checked Bundle entry: what to write where. `content` goes without the server's part of meta."""

    type: str
    id: str
    if_match: str | None
    content: dict[str, Any]
    full_url: str


def entries_of(bundle: Resource, new_id: Callable[[], str]) -> list[Entry]:
    """Check the Bundle and return its entries, references between them resolved. Raises EhrRefused."""
    if not isinstance(bundle, Mapping) or (bundle.get("resourceType"), bundle.get("type")) != ("Bundle", "transaction"):
        raise EhrRefused("The local chart takes transaction Bundles only.", field="Bundle.type")
    given = bundle.get("entry", [])
    if not isinstance(given, list):
        raise EhrRefused("The Bundle's entries must be a list.", field="Bundle.entry")
    entries = [_entry(one, f"Bundle.entry[{index}]", new_id) for index, one in enumerate(given)]
    if len({(entry.type, entry.id) for entry in entries}) != len(entries):
        raise EhrRefused("A resource may stand in a transaction only once.", field="Bundle.entry")
    names = {entry.full_url: f"{entry.type}/{entry.id}" for entry in entries if entry.full_url.startswith("urn:uuid:")}
    for entry in entries:
        _resolve(entry.content, names)
    return entries


def _entry(given: Any, place: str, new_id: Callable[[], str]) -> Entry:
    request = given.get("request") if isinstance(given, Mapping) else None
    resource = given.get("resource") if isinstance(given, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(resource, Mapping):
        raise EhrRefused(f"{place} must have a resource and a request.", field=place)
    method, full_url = request.get("method"), given.get("fullUrl", "")
    if method not in ("PUT", "POST") or not set(request) <= _REQUEST_KEYS[method] or not isinstance(full_url, str):
        raise EhrRefused(
            f"{place} asks for more than a PUT, with or without ifMatch, or a POST.", field=f"{place}.request"
        )
    type, id = _target(str(request.get("url", "")), method, new_id, place)
    if resource.get("resourceType") != type or (method == "PUT" and resource.get("id") != id):
        raise EhrRefused(f"{place} holds another resource than its request names.", field=f"{place}.resource")
    return Entry(type, id, _if_match(request, place), {**_content(resource, place), "id": id}, full_url)


def _target(url: str, method: str, new_id: Callable[[], str], place: str) -> tuple[str, str]:
    reference = url if method == "PUT" else f"{url}/{new_id()}"
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise EhrRefused(f"{place} must PUT to Type/id or POST to Type.", field=f"{place}.request.url")
    return found["type"], found["id"]


def _if_match(request: Mapping[str, Any], place: str) -> str | None:
    if "ifMatch" not in request:
        return None
    found = _IF_MATCH.fullmatch(str(request["ifMatch"]))
    if found is None:
        raise EhrRefused(f'{place} must give one version as W/"n".', field=f"{place}.request.ifMatch")
    return found[1]


def _content(resource: Resource, place: str) -> dict[str, Any]:
    """Return a copy of `resource` without what the chart itself says in meta. Raises EhrRefused."""
    try:
        content: dict[str, Any] = json.loads(json.dumps(resource, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise EhrRefused(f"{place} does not consist of JSON values.", field=f"{place}.resource") from None
    meta = content.pop("meta", {})
    if not isinstance(meta, dict):
        raise EhrRefused(f"{place} has a meta that is no object.", field=f"{place}.resource.meta")
    kept = {key: value for key, value in meta.items() if key not in ("versionId", "lastUpdated")}
    return {**content, "meta": kept} if kept else content


def _resolve(value: Any, names: Mapping[str, str]) -> None:
    """Replace references by urn:uuid with the Type/id that the named entry gets (http.html#trules, step 5)."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            value["reference"] = names.get(value["reference"], value["reference"])
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _resolve(inner, names)
