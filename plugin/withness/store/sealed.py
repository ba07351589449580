"""Sealing and opening inside one transaction: every plain column of a row is bound to its sealed content."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Final, TypeVar

from pydantic_core import from_json
from sqlalchemy import Connection

from withness.audit import plain_json
from withness.audit.publishing import Publisher
from withness.errors import CannotTell, SealBroken
from withness.seal import Seal
from withness.store.trail import Trail

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))
_PLACE: Final = json.JSONEncoder(separators=(",", ":"), default=repr)

R = TypeVar("R")
K = TypeVar("K")


class Sealed(Trail):
    """A transaction that has the data key, or goes without it (`opens`)."""

    def __init__(self, connection: Connection, seal: Seal | None, publisher: Publisher | None = None) -> None:
        super().__init__(connection, publisher)
        self._seal = seal

    @property
    def opens(self) -> bool:
        """Whether sealed content can be opened here."""
        return self._seal is not None

    def _close(self, content: Mapping[str, Any], table: str, *plain: object) -> bytes:
        """Seal content to its row: every plain column of the row is bound to it."""
        return self._key().close(_written(content), table=table, column="content", row=_row(plain))

    def _open(self, sealed: bytes, table: str, *plain: object) -> dict[str, Any]:
        return _read(self._key().open(sealed, table=table, column="content", row=_row(plain)))

    def _key(self) -> Seal:
        if self._seal is None:
            raise CannotTell("This needs the data key, which is not at hand.", field="WITHNESS_KEY_FILE")
        return self._seal


def readable(read: Callable[[K], R | None], rows: Sequence[K]) -> tuple[tuple[R, ...], bool]:
    """Return the rows that open, and whether all of them do: one broken row never silences the others.

    `read` opens a row, or finds one by its id and opens it.
    """
    found: list[R] = []
    for one in rows:
        try:
            row = read(one)
        except SealBroken:
            continue
        if row is not None:
            found.append(row)
    return tuple(found), len(found) == len(rows)


def _read(text: bytes) -> dict[str, Any]:
    """Read content. Never by orjson, which may take one name for another (`plain_json`)."""
    found: dict[str, Any]
    try:
        found = from_json(text, cache_strings="none")  # its cache would keep clients' words
    except ValueError:  # it goes less deep than what may have been sealed
        found = json.loads(text)
    return found


def _written(content: Mapping[str, Any]) -> bytes:
    """Write content, whatever numbers it holds and however deep it goes; what is `Written` goes in as it stands."""
    with contextlib.suppress(ValueError):
        text = plain_json.in_order(content)
        if plain_json.plain([one for one in content.values() if type(one) is not plain_json.Written]):
            return text
    return plain_json.in_order({name: _value(one) for name, one in content.items()})


def _value(one: Any) -> plain_json.Written:
    return one if type(one) is plain_json.Written else plain_json.Written(_ENCODER.encode(one).encode())


def _row(plain: tuple[object, ...]) -> str:
    if all(type(one) is str or type(one) is int for one in plain):  # written as the encoder does, and sooner
        return f"[{','.join([encode_basestring_ascii(one) if type(one) is str else str(one) for one in plain])}]"
    return _PLACE.encode(plain)  # what a forger wrote is no row's place, nor a fault
