"""A quick look at one stored leaf: whether its bytes are exactly what `make_leaf` writes for its columns.

Nearly every record is made of plain characters, and its bytes then follow from its columns, but for five places:

    {"actor":"…","asserted":?,"at":"…","clock":"?","details":?,"kind":"…","nonce":"?","os_user":"?","outcome":…, …}

What does not fit is no damage yet: `record.damage_of` decides that.
"""

from __future__ import annotations

import json
from hashlib import sha256 as _sha256
from itertools import product
from json.scanner import make_scanner
from typing import Any, Final

from withness.audit import plain_json

_NONCE_CHARACTERS: Final = 32
_LARGEST: Final = 2**53 - 1
_QUOTES_BEFORE: Final = 14
_PLAIN: Final = bytes(range(0x20, 0x7F)).replace(b"\\", b"")
"""Printable ASCII but for the backslash."""


def _form(six: tuple[object, ...]) -> tuple[str, int]:
    """Return the form of what follows `details`, for which of the six columns hold text, and its quotation marks."""
    second, patient, outcome, reason, policy, request = ('"%s"' if one is str else "null%.0s" for one in six)
    form = (
        f'%s","nonce":"%s","os_user":"%s","outcome":{outcome},"patient":{patient},"policy":{policy},'
        f'"reason":{reason},"request":{request},"second_actor":{second},"segment":%d,"seq":%d,"v":1}}'
    )
    return form, form.count('"')


_FORMS: Final = {
    (int, int, bytes, bytes, str, str, str, *six, int): _form(six) for six in product((str, type(None)), repeat=6)
}
"""By the types of a leaf's columns, in `Leaf`'s order."""


def as_written(row: tuple[Any, ...]) -> bool:
    """Whether a leaf's hash, bytes and columns agree and its bytes are canonical; False where it takes a closer look.

    `row` holds the fields of a `Leaf` in their order.
    """
    form = _FORMS.get(tuple(map(type, row)))
    if form is None:
        return False
    seq, segment, hashed, body, at, kind, actor, second, patient, outcome, reason, policy, request, v = row
    if hashed != _sha256(b"\x00" + body).digest() or body.translate(None, _PLAIN):  # `merkle.leaf_hash`, uncalled
        return False
    if v != 1 or not (0 <= seq <= _LARGEST and 0 <= segment <= _LARGEST):
        return False
    text = body.decode("ascii")
    before, _, rest = text.partition(',"details":')
    details, _, after = rest.rpartition(',"kind":"')
    nonce_at = len(kind) + len('","nonce":"')
    user_at = nonce_at + _NONCE_CHARACTERS + len('","os_user":"')
    nonce, user = after[nonce_at : nonce_at + _NONCE_CHARACTERS], after[user_at : after.find('"', user_at)]
    wanted = form[0] % (kind, nonce, user, outcome, patient, policy, reason, request, second, segment, seq)
    asserted_at = len(actor) + len('{"actor":"","asserted":')
    asserted = "true" if before[asserted_at : asserted_at + 1] == "t" else "false"
    return (
        after == wanted
        and before == f'{{"actor":"{actor}","asserted":{asserted},"at":"{at}","clock":"ok"'
        # A quotation mark inside a text would need a backslash: as many as the form has, so none is out of its place.
        and before.count('"') == _QUOTES_BEFORE
        and after.count('"') == form[1]
        and _canonical(details)
    )


def _canonical(text: str) -> bool:
    """Whether printable ASCII text without a backslash is canonical JSON; False where it takes a closer look.

    Without a blank there is one way to write a value, but for the order of its names and for "-0".
    """
    try:
        if " " not in text:
            return bool(_IN_ORDER(text, 0)[1] == len(text))
        value, _ = _DECODER.raw_decode(text)
        return plain_json.dumps(value) == text
    except (ValueError, RecursionError, StopIteration):
        return False


def _small(number: str) -> int:
    if len(number) > len(str(_LARGEST)) - 1 or number == "-0":
        raise ValueError("a closer look is needed")
    return int(number)


def _closer(number: str) -> Any:
    raise ValueError("a closer look is needed")


def _in_order(members: list[tuple[str, object]]) -> None:
    last = None
    for name, _ in members:
        if last is not None and name <= last:
            raise ValueError("a closer look is needed")
        last = name


_DECODER: Final = json.JSONDecoder(parse_int=_small, parse_float=_closer, parse_constant=_closer)
_ORDERED: Final = json.JSONDecoder(
    object_pairs_hook=_in_order, parse_int=_small, parse_float=_closer, parse_constant=_closer
)
_IN_ORDER: Final = make_scanner(_ORDERED)  # type: ignore[arg-type]  # what the library itself gives it
