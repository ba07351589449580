"""The rights of the role that runs Withness on PostgreSQL: it adds, and changes what moves on; it deletes nothing."""

from __future__ import annotations

import re
from typing import Final

from withness.errors import InvalidInput
from withness.store import schema
from withness.store.sql import Store

CHANGES: Final = ("plan", "note", "outbox", "audit_head", "audit_feed", "person")
"""The tables whose rows may be changed; `person` only so that its rows can be locked."""

_READ_ONLY: Final = ("alembic_version",)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")


def statements(role: str) -> tuple[str, ...]:
    """Return what takes every right from a role and gives it those that it needs. Raises InvalidInput."""
    if not _NAME.fullmatch(role):
        raise InvalidInput("ROLE is not the name of a role.", field="ROLE", hint="It is letters, digits, _ and -.")
    tables = sorted(schema.metadata.tables)
    said = [f'REVOKE ALL ON {", ".join(tables)} FROM "{role}"']
    said.append(f'GRANT SELECT ON {", ".join(tables)} TO "{role}"')
    said.append(f'GRANT INSERT ON {", ".join(one for one in tables if one not in _READ_ONLY)} TO "{role}"')
    said.append(f'GRANT UPDATE ON {", ".join(CHANGES)} TO "{role}"')
    return tuple(said)


def grant(store: Store, role: str) -> None:
    """Give a role its rights, and no more. Raises InvalidInput on SQLite and for a name, CannotTell."""
    if store.engine != schema.POSTGRES:
        raise InvalidInput(
            "There are no roles on SQLite: whoever can write its file can write the database.",
            field="WITHNESS_DATABASE_URL",
        )
    said = statements(role)
    with store.transaction() as tx:
        tx.execute_ddl(f"DO $$BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO \"{role}\"', current_schema()); END$$")
        for statement in said:
            tx.execute_ddl(statement)
