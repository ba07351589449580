"""What a reference or an address names within one EHR."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from withness.core.terms import REFERENCE
from withness.errors import EhrRefused

PEOPLE: Final = ("Patient", "RelatedPerson")
"""The resource types that stand for a person."""

_PLAIN: Final = re.compile(r"[\x21-\x7e]+")
_VERSION: Final = re.compile(r"/_history/[A-Za-z0-9\-.]{1,64}\Z")
_USUAL: Final = {"http": 80, "https": 443}


def person_type(person: str) -> str:
    """Return "Patient" or "RelatedPerson". Raises EhrRefused when `person` is no reference to one."""
    found = REFERENCE.fullmatch(person)
    if found is None or found["type"] not in PEOPLE:
        raise EhrRefused("A person must be Patient/id or RelatedPerson/id.", field="reference")
    return found["type"]


def local_name(reference: object, address: str) -> str | None:
    """Return "Type/id" for a relative reference, or an absolute one into the EHR at `address`; None for any other.

    A version that it names is left out: it is the same resource.
    """
    if not isinstance(reference, str):
        return None
    absolute = below(reference, address) if ":" in reference else None
    name = _VERSION.sub("", reference if absolute is None else absolute.removeprefix("/"))
    return name if REFERENCE.fullmatch(name) else None


def below(url: str, address: str) -> str | None:
    """Return what follows the base `address` in `url` ("" or "/...", with its query), None when it lies elsewhere.

    Scheme, host, port and path must be the base's, and the path must not climb out of it.
    """
    try:
        base, found = urlsplit(address), urlsplit(url)
        same = bool(base.netloc) and _origin(base) == _origin(found)
    except ValueError:
        return None
    rest = found.path.removeprefix(base.path)
    inside = found.path.startswith(base.path) and rest[:1] in ("", "/")
    climbs = any(step in (".", "..") for step in re.split(r"[/\\;]", unquote(rest)))
    odd = "@" in found.netloc or found.fragment or not _PLAIN.fullmatch(url)
    if not (same and inside) or climbs or odd:
        return None
    return f"{rest}?{found.query}" if found.query else rest


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _USUAL.get(parts.scheme)
