"""A quick look at one stored leaf: whether its bytes are exactly what `make_leaf` writes for its columns.

The bytes are read, and written once more with the columns in the places that are theirs. What does not fit, and what
another way of writing would spell otherwise, is no damage yet: `record.damage_of` decides that.
"""

from __future__ import annotations

from hashlib import sha256 as _sha256
from itertools import product
from typing import Any, Final

import orjson

from withness.audit import plain_json

_SIX: Final = product((str, type(None)), repeat=6)
_TYPES: Final = frozenset((int, int, bytes, bytes, str, str, str, *six, int) for six in _SIX)
"""The types that a leaf's columns may have, in `Leaf`'s order."""

_LARGEST: Final = plain_json.LARGEST
_write, _SORTED = orjson.dumps, orjson.OPT_SORT_KEYS  # `plain_json.by_name`, uncalled


def as_written(row: tuple[Any, ...]) -> bool:
    """Whether a leaf's hash, bytes and columns agree and its bytes are canonical; False where it takes a closer look.

    `row` holds the fields of a `Leaf` in their order.
    """
    if tuple(map(type, row)) not in _TYPES:
        return False
    seq, segment, hashed, body, at, kind, actor, second, patient, outcome, reason, policy, request, v = row
    if hashed != _sha256(b"\x00" + body).digest():  # `merkle.leaf_hash`, uncalled
        return False
    try:
        value = orjson.loads(body)
        details, clock, nonce, user = value["details"], value["clock"], value["nonce"], value["os_user"]
        again = {
            "actor": actor,
            "asserted": value["asserted"] is True,
            "at": at,
            "clock": clock,
            "details": details,
            "kind": kind,
            "nonce": nonce,
            "os_user": user,
            "outcome": outcome,
            "patient": patient,
            "policy": policy,
            "reason": reason,
            "request": request,
            "second_actor": second,
            "segment": segment,
            "seq": seq,
            "v": v,
        }
        return (
            _write(again, None, _SORTED) == body
            and str is type(clock) is type(nonce) is type(user)
            and 0 <= seq <= _LARGEST
            and 0 <= segment <= _LARGEST
            and 0 <= v <= _LARGEST
            and (body.isascii() or plain_json.ranked_alike(body))
            and plain_json.plain(details)
        )
    except (ValueError, KeyError, TypeError):
        return False
