"""Emptying old records of the trail in an SQLite database: the one change that an append-only table ever sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection, text

from withness.store import schema

_TRIGGER: Final = "audit_leaf_no_update"

_EMPTY: Final = text(
    "UPDATE audit_leaf SET body = x'', actor = '', second_actor = NULL, patient = NULL, outcome = NULL,"
    " reason_code = NULL, policy_hash = NULL, request_id = NULL"
    " WHERE seq BETWEEN :first AND :last AND length(body) > 0"
)


def empty(connection: Connection, spans: Iterable[Sequence[int]]) -> int:
    """Empty the records of these runs (first and last), overwriting their bytes in the file; return how many.

    Dropping and making a trigger belongs to the transaction: it is undone with it. Raises ValueError on another engine.
    """
    if connection.dialect.name != schema.SQLITE:
        raise ValueError("only on SQLite")
    [ddl] = [one for one in schema.triggers() if one.startswith(f"CREATE TRIGGER {_TRIGGER} ")]
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    connection.exec_driver_sql(f"DROP TRIGGER {_TRIGGER}")
    done = sum(connection.execute(_EMPTY, {"first": first, "last": last}).rowcount for first, last in spans)
    connection.exec_driver_sql(ddl)
    return done
