"""Which data directory a database is of: its table of facts, and its first record, which names them too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, select

from withness.audit.record import Kind, Leaf
from withness.store import schema
from withness.store.prepared import Prepared

DATA_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""What the id of a data directory looks like: files are named after it."""

_FACTS: Final = Prepared(select(schema.meta))
_FIRST: Final = Prepared(select(schema.audit_leaf).where(schema.audit_leaf.c.seq == 0))


class Facts:
    """A data directory's facts in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def stored_facts(self) -> dict[str, Any]:
        """Return the data directory's facts as their table has them now, whatever was written there."""
        return {row[0]: row[1] for row in _FACTS.all(self._connection)}

    def facts(self) -> dict[str, str]:
        """Return the data directory's facts: as the first record names them, wherever their table says otherwise."""
        stored = {key: value for key, value in self.stored_facts().items() if type(key) is type(value) is str}
        if not DATA_ID.fullmatch(stored.get("data_id", "")):
            stored.pop("data_id", None)
        return {**stored, **(self._first_named() or {})}

    def _first_named(self) -> Mapping[str, str] | None:
        """Return the facts that the first record names, none where it is of no such kind; None where it was changed."""
        first = _FIRST.first(self._connection)
        if first is None or first[3] == b"" or Leaf(*first).kind != Kind.POLICY_CHANGED:
            return {}
        return (_directory(first[3]) if type(first[3]) is bytes else {}) or None

    def misnamed(self) -> str | None:
        """Return that the facts are not as the first record has them, None where they agree, or nothing says."""
        named = self._first_named()
        if named is None:
            return "the first record, which names the data directory, was changed"
        return "the facts of the data directory were changed" if named and named != self.stored_facts() else None


@lru_cache(maxsize=8)
def _directory(body: bytes) -> Mapping[str, str]:
    """Return the facts that a record's bytes name, none where it names none."""
    try:
        found = json.loads(body)["details"]["directory"]
        named = {str(key): str(value) for key, value in found.items()}
        return named if DATA_ID.fullmatch(named.get("data_id", "")) else {}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
