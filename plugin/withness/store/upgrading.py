"""Bringing a data directory of an earlier release up to this one's schema, whole or not at all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from withness.errors import InvalidInput
from withness.store import schema
from withness.store.sql import Store
from withness.store.transaction import Transaction

_FIRST: Final = "0001"
_KNOWN: Final = (_FIRST, "0002", schema.REVISION)
_NEW_IN_0002: Final = "audit_tile"
_STAMP: Final = re.compile("[0-9]{4}", re.ASCII)
"""What any release stamps a schema with."""


def upgrade(store: Store) -> bool:
    """Bring the schema up to this release's revision; whether there was anything to do.

    It happens in one transaction, alone. A database that is not what its stamp says is left as it is: that is damage,
    which the verifier tells, and which stops no note (contracts I7). Raises InvalidInput for a schema of a later
    release, CannotTell.
    """
    try:
        return _upgrade(store)
    except _NotWhatItSays:
        return False


class _NotWhatItSays(Exception):
    """Something that the next revision makes is there already, or something that it changes is not."""


_AMISS: Final = re.compile("already exists|no such|does not exist")


def _upgrade(store: Store) -> bool:
    with store.transaction() as tx:
        revision = _revision(tx)
        if revision is None or revision == schema.REVISION:
            return False
        if revision not in _KNOWN:
            raise InvalidInput(
                "The database was made by a later release of Withness than this one.",
                field="WITHNESS_HOME",
                hint="Install that release, or a later one.",
            )
        if tx.revision() is None:
            tx.execute_ddl(_stamp_table(store.engine))
            tx.stamp(revision)
        try:
            _migrate(tx)
        except DBAPIError as error:
            if _AMISS.search(str(error.orig)):
                raise _NotWhatItSays from None
            raise
        return True


def _revision(tx: Transaction) -> str | None:
    """Return the schema's revision, None where it cannot be known: what is damaged is the verifier's to tell."""
    stamped = tx.revision()
    if stamped == _FIRST and tx.has_table(_NEW_IN_0002):
        return None
    if stamped is not None or not tx.has_table("meta"):
        return stamped if stamped is None or _STAMP.fullmatch(stamped) else None
    damaged = tx.has_table(schema.alembic_version.name) or tx.has_table(_NEW_IN_0002)
    return None if damaged else _FIRST


def _stamp_table(engine: str) -> str:
    return next(one for one in schema.ddl(engine) if one.startswith(f"CREATE TABLE {schema.alembic_version.name} "))


def _migrate(tx: Transaction) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx.connection
    command.upgrade(config, schema.REVISION)
