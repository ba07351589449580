"""How SQLite's files are opened, for writing and for reading, and which of them lie there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event


class Files(NamedTuple):
    """A database's file, its log and that log's index as they lie there: which they are, when the first was changed
    last, which nobody can set, and how long the log is."""

    inodes: tuple[int | None, ...]
    changed: int = 0
    log: int = 0

    def touched_since(self, left: Files) -> bool:
        """Whether somebody wrote over the file itself, or cut its log: SQLite's own count of changes tells neither."""
        return self.changed != left.changed or self.log < left.log


NONE_THERE: Final = Files(())


def look(names: Sequence[str]) -> Files:
    """Return what lies there under the names of a database's file, of its log and of that log's index."""
    first, log, index = _stat(names[0]), _stat(names[1]), _stat(names[2])
    inodes = (first and first.st_ino, log and log.st_ino, index and index.st_ino)
    return Files(inodes, *_changed(first, log))


def look_again(names: Sequence[str], before: Files) -> Files:
    """Return how the files that `before` saw are now; which they are is not asked again."""
    return Files(before.inodes, *_changed(_stat(names[0]), _stat(names[1])))


def _changed(first: os.stat_result | None, log: os.stat_result | None) -> tuple[int, int]:
    return (first.st_ctime_ns, log.st_size) if first and log else (0, 0)


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.stat(name)
    except OSError:
        return None


def text(stored: bytes) -> str:
    """Return a stored text, whatever a forger wrote: of what is no UTF-8 the driver lets nobody read the row at all."""
    return stored.decode("utf-8", "backslashreplace")


def writing(path: Path) -> Engine:
    """Return an engine of one connection that writes: WAL, each COMMIT on disk before it is told."""
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "temp_store=MEMORY")
    return _engine(path, pragmas)


def reading(path: Path) -> Engine:
    """Return an engine of one connection that reads alone."""
    return _engine(path, ("query_only=ON", "busy_timeout=10000", "temp_store=MEMORY"))


def begin(connection: Connection, how: str = "BEGIN") -> None:
    """Begin a transaction by the driver alone: SQLAlchemy's own takes longer than all that a save asks in it.

    It begins one of its own, of which the driver knows nothing, with the first statement that is not `Prepared`.
    """
    driver: Any = connection.connection.driver_connection
    driver.execute(how)


def commit(connection: Connection) -> None:
    """End a transaction, durably. Raises SQLAlchemyError or sqlite3.Error."""
    connection.commit()  # SQLAlchemy's own, if it has begun one
    connection.connection.commit()


def roll_back(connection: Connection) -> None:
    """Take a transaction back. Raises SQLAlchemyError or sqlite3.Error."""
    connection.rollback()  # SQLAlchemy's own, if it has begun one
    connection.connection.rollback()


def _engine(path: Path, pragmas: tuple[str, ...]) -> Engine:
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

    return engine
