"""JSON in the spelling of RFC 8785 for values without floats, large numbers and astral keys, as fast as it goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from json import encoder
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)


def writer(form: json.JSONEncoder) -> Callable[[Any], str]:
    """Return an encoder's `encode`, looking for no circle: where C does the work, made once and not for each value."""
    make, quote = getattr(encoder, "c_make_encoder", None), getattr(encoder, "encode_basestring", None)
    if make is None or quote is None or form.ensure_ascii:
        return form.encode
    marks = (form.key_separator, form.item_separator, form.sort_keys, form.skipkeys, form.allow_nan)
    write = make(None, form.default, quote, None, *marks)
    return lambda value: "".join(write(value, 0))


dumps: Final = writer(_ENCODER)
"""Write a value: keys sorted by code point, no blanks, nothing escaped that need not be."""
