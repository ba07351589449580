"""Reading JSON from outside, strictly: one spelling, no surprises, a stated size and depth.

RFC 8259 with I-JSON's extra rules (RFC 7493): UTF-8, no duplicate keys, no lone surrogates, no NaN.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from withness.errors import InvalidInput

MAX_BYTES: Final = 2 * 1024 * 1024
"""Largest file taken, in bytes."""

MAX_DEPTH: Final = 40
"""Deepest nesting taken."""

MAX_PARTS: Final = 100_000
"""Most values taken of a screen: one that holds itself ends here."""

_READABLE_DEPTH: Final = 400
"""Deepest nesting that is read at all."""

_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?+|[\[{]|[\]}]', re.DOTALL)
"""A string (an unclosed one to the end: possessive, so that time grows with the size alone), or a bracket."""

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A key that may be repeated in a message: a name, never a sentence."""

_FORBIDDEN: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that a FHIR R4 string cannot hold (datatypes.html#string), and lone surrogates."""


def parse(content: bytes, *, name: str) -> dict[str, Any]:
    """Return the JSON object in `content`.

    Raises InvalidInput naming `name` or the place in it: too large, too deep, not UTF-8, not JSON, not an
    object, a key given twice, a character that a chart cannot hold. Messages never repeat the content.
    """
    _check_size(content, name)
    text = _text(content, name)
    _check_depth(text, name, MAX_DEPTH)

    def no_constant(_: str) -> NoReturn:
        raise InvalidInput(f"{name} holds a number that JSON does not know (NaN or Infinity).", field=name)

    def no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise InvalidInput(f"{name} gives a key twice in one object.", field=name)
        return found

    def finite(written: str) -> float:
        number = float(written)
        return number if math.isfinite(number) else no_constant(written)

    value = _load(text, name, object_pairs_hook=no_twice, parse_constant=no_constant, parse_float=finite)
    _check_characters(value, "", name)
    return value


def parse_leniently(content: bytes, *, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the JSON object in `content` with what is unreadable taken out, and a sentence for each blemish.

    For what must be recorded whatever else is wrong with it: a risk screen. Raises InvalidInput only when the
    file as a whole cannot be read.
    """
    _check_size(content, name)
    text, blemishes = _text(content, name), []
    _check_depth(text, name, _READABLE_DEPTH)

    def twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            blemishes.append("a key is given twice in one object")
        return found

    cleaned, more = clean(_load(text, name, object_pairs_hook=twice))
    return cleaned, tuple(dict.fromkeys((*blemishes, *more)))


def leniently(value: object, *, name: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return bytes or a mapping as a JSON object, and what was unreadable in it. Raises InvalidInput."""
    if isinstance(value, bytes):
        return parse_leniently(value, name=name)
    if isinstance(value, Mapping):
        return clean(value)
    raise InvalidInput("The screen must be one JSON object.", field=name)


def _load(text: str, name: str, **hooks: Any) -> dict[str, Any]:
    """Return the JSON object in `text`. Raises InvalidInput, without repeating the text."""
    try:
        value = json.loads(text, **hooks)
    except json.JSONDecodeError as error:
        raise InvalidInput(f"{name} is not JSON: line {error.lineno}, column {error.colno}.", field=name) from None
    except ValueError:
        raise InvalidInput(f"{name} holds a number that is too long.", field=name) from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{name} must hold one JSON object.", field=name)
    return value


def clean(value: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return `value` as plain JSON values with what cannot be kept taken out, and a sentence for each blemish."""
    blemishes: list[str] = []
    cleaned = _clean(value, 1, blemishes, [MAX_PARTS])
    return (cleaned if isinstance(cleaned, dict) else {}), tuple(dict.fromkeys(blemishes))


def _clean(  # noqa: PLR0911  one way out for each JSON type
    value: Any, depth: int, blemishes: list[str], left: list[int]
) -> Any:
    left[0] -= 1
    match value:
        case Mapping() | list() | tuple() if depth > MAX_DEPTH or left[0] < 0:
            blemishes.append(f"it is nested deeper than {MAX_DEPTH} levels, or has more than {MAX_PARTS} parts")
            return None
        case Mapping():
            return {
                _clean_text(str(key), blemishes): _clean(one, depth + 1, blemishes, left) for key, one in value.items()
            }
        case list() | tuple():
            return [_clean(one, depth + 1, blemishes, left) for one in value]
        case str():
            return _clean_text(value, blemishes)
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return value
        case _:
            blemishes.append("it holds something that JSON does not know")
            return None


def _clean_text(text: str, blemishes: list[str]) -> str:
    if not _FORBIDDEN.search(text):
        return text
    blemishes.append("it holds a control character")
    return _FORBIDDEN.sub("\ufffd", text)


def check(value: Any, *, name: str) -> None:
    """Check values handed over in memory by the same rules as a file's.

    Raises InvalidInput when they are no JSON values, too deep, too large or hold forbidden characters.
    """
    try:
        content = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(f"{name} does not consist of JSON values.", field=name) from None
    if not isinstance(value, dict):
        raise InvalidInput(f"{name} must be one JSON object.", field=name)
    _check_depth(content, name, MAX_DEPTH)
    _check_characters(value, "", name)
    if len(content.encode()) > MAX_BYTES:
        raise InvalidInput(f"{name} is larger than {MAX_BYTES // 1024 // 1024} MB.", field=name)


def _check_size(content: bytes, name: str) -> None:
    if len(content) > MAX_BYTES:
        size = len(content) / 1024 / 1024
        raise InvalidInput(f"{name} has {size:.1f} MB; the limit is {MAX_BYTES // 1024 // 1024} MB.", field=name)


def _text(content: bytes, name: str) -> str:
    try:
        return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput(f"{name} is not UTF-8 text.", field=name) from None


def _check_depth(text: str, name: str, limit: int) -> None:
    """Count brackets outside strings before parsing: the parser itself recurses."""
    depth = 0
    for token in _TOKEN.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth > limit:
                raise InvalidInput(f"{name} is nested deeper than {limit} levels.", field=name)
        elif token[0] in "]}":
            depth -= 1


def _check_characters(value: Any, path: str, name: str) -> None:
    match value:
        case str():
            if _FORBIDDEN.search(value):
                where = path or name
                raise InvalidInput(f"{where} holds a control character that a chart cannot hold.", field=where)
        case dict():
            for key, inner in value.items():
                if not isinstance(key, str) or _FORBIDDEN.search(key):
                    raise InvalidInput(f"{name} has a key that is no text that a chart can hold.", field=name)
                shown = key if _NAME.fullmatch(key) else "?"
                _check_characters(inner, f"{path}.{shown}" if path else shown, name)
        case list():
            for index, inner in enumerate(value):
                _check_characters(inner, f"{path}[{index}]", name)
        case None | bool() | int() | float():
            pass
        case _:
            raise InvalidInput(f"{name} does not consist of JSON values.", field=name)
