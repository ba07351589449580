"""A site's own copy of the package: the same artefacts under the site's canonical base, and under a name of its own.

The name follows the base and ends with a digest of it: two packages with one name and version and different content
would stand in each other's place in every package cache.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any, Final
from urllib.parse import urlsplit

from withness.errors import InvalidInput
from withness.fhir import codes

_OURS: Final = re.compile(re.escape(codes.BASE) + r"(?![A-Za-z0-9_-])")
_BASE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*")
_LONGEST: Final = 64
"""A package's name is the guide's id too (R4 datatypes.html#id)."""


def read_base(text: str) -> str:
    """Return a canonical base without a slash at its end. Raises InvalidInput (field --canonical)."""
    base = text.rstrip("/")
    steps = urlsplit(base).path.split("/") if _BASE.fullmatch(base) else [".."]
    if {".", ".."} & set(steps) or not urlsplit(base).hostname:
        raise InvalidInput(
            "--canonical must be an http or https URL of host and path alone.",
            field="--canonical",
            hint="Such as: https://fhir.clinic.example/withness",
        )
    if f".{urlsplit(base).hostname}".endswith(".hl7.org"):
        raise InvalidInput("--canonical must be a base of your own, not HL7's.", field="--canonical")
    return base


def package_name(base: str) -> str:
    """Return the package's name below a canonical base: the host from its end, port and path, a digest of the base.

    Raises InvalidInput (field --canonical) when it would be longer than a FHIR id.
    """
    if base == codes.BASE:
        return codes.PACKAGE
    parts = urlsplit(base)
    host = [*reversed(str(parts.hostname).split(".")), *([str(parts.port)] if parts.port else [])]
    path = re.split("[./]", parts.path.strip("/"))
    name = ".".join(re.sub("[^a-z0-9-]", "-", one.lower()) for one in (*host, *path) if one)
    if not re.match(r"[a-z][a-z0-9-]*\.", name):
        name = f"site.{name}"
    name = f"{name}.x{hashlib.sha256(base.encode()).hexdigest()[:8]}"
    if len(name) > _LONGEST:
        raise InvalidInput(
            f"--canonical gives the package a name of more than {_LONGEST} characters.", field="--canonical"
        )
    return name


def rebased(value: Any, base: str) -> Any:
    """Return JSON values with every occurrence of our base replaced, in text that is packed as base64 too."""
    match value:
        case dict():
            return {key: _data(one, base) if key == "data" else rebased(one, base) for key, one in value.items()}
        case list():
            return [rebased(one, base) for one in value]
        case str():
            return _OURS.sub(lambda _: base, value)
        case _:
            return value


def _data(value: Any, base: str) -> Any:
    """Attachment.data: rebased when it is text that names our base."""
    if not isinstance(value, str):
        return rebased(value, base)
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return rebased(value, base)
    changed = rebased(text, base)
    return value if changed == text else base64.b64encode(changed.encode()).decode()
