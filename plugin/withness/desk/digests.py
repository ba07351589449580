"""The digests that records hold in the place of what is sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from withness.audit.record import canonical


def digest(salt: str, content: Mapping[str, Any]) -> str:
    """Return SHA-256(salt || canonical content) in hex: what a record holds in the content's place."""
    return hashlib.sha256(bytes.fromhex(salt) + canonical(dict(content))).hexdigest()
