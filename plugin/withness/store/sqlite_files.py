"""How SQLite's files are opened, for writing and for reading, and which of them lie there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event

BEGIN: Final = "begin"
"""In a connection's `info`: how its next transaction begins, where that is not as its others do."""


def inodes(names: Iterable[str]) -> tuple[int | None, ...]:
    """Return which files lie there under these names."""
    found: list[int | None] = []
    for name in names:
        try:
            found.append(os.stat(name).st_ino)
        except OSError:
            found.append(None)
    return tuple(found)


def as_left(names: Sequence[str]) -> tuple[int, int]:
    """Return when a database's file was changed last, which nobody can set, and how long the log beside it is."""
    try:
        return os.stat(names[0]).st_ctime_ns, os.stat(names[1]).st_size
    except OSError:
        return 0, 0


def text(stored: bytes) -> str:
    """Return a stored text, whatever a forger wrote: of what is no UTF-8 the driver lets nobody read the row at all."""
    return stored.decode("utf-8", "backslashreplace")


def writing(path: Path) -> Engine:
    """Return an engine of one connection that writes: WAL, each COMMIT on disk before it is told."""
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "temp_store=MEMORY")
    return _engine(path, pragmas, "BEGIN IMMEDIATE")


def reading(path: Path) -> Engine:
    """Return an engine of one connection that reads alone."""
    return _engine(path, ("query_only=ON", "busy_timeout=10000", "temp_store=MEMORY"), "BEGIN")


def _engine(path: Path, pragmas: tuple[str, ...], begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: Any) -> None:
        connection.text_factory = text
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        opened: Any = connection.connection.driver_connection
        opened.execute(connection.info.pop(BEGIN, begin))

    return engine
