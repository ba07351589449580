"""JSON in the spelling of RFC 8785 for values without floats, large numbers and astral keys, as fast as it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def _writer() -> Callable[[Any], str]:
    """Return the standard encoder's `encode`: where C does the work, made once and not anew for each value."""
    make, quote = getattr(encoder, "c_make_encoder", None), getattr(encoder, "encode_basestring", None)
    if make is None or quote is None:
        return _ENCODER.encode
    write = make(None, _ENCODER.default, quote, None, ":", ",", True, False, False)
    return lambda value: "".join(write(value, 0))


dumps: Final = _writer()
"""Write a value: keys sorted by code point, no blanks, nothing escaped that need not be."""
