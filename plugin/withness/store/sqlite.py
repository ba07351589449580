"""The SQLite store: one writer at a time, WAL with synchronous=FULL, a file lock for each transaction.

SQLite up to 3.51.2 can corrupt a database that two connections write and checkpoint at one instant, so
every transaction (its checkpoint and the close included) holds the lock file beside the database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from withness.audit.publishing import Publisher
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import schema, sql
from withness.store.sql import CommitUnknown, Store, busy
from withness.store.transaction import Transaction


class SqliteStore(Store):
    """A store in one file."""

    engine = schema.SQLITE

    def __init__(self, path: Path, seal: Seal | None, publisher: Publisher | None = None) -> None:
        super().__init__(seal, publisher)
        self._path = path
        self._thread_lock = threading.RLock()
        self._file_lock = FileLock(f"{path}.lock", mode=0o600)
        self._engine: Engine | None = None

    def exists(self) -> bool:
        """Whether the database file has been set up."""
        with self._locked():
            return self._path.exists() and self._path.stat().st_size > 0

    def set_up(self, facts: dict[str, str]) -> dict[str, str]:
        """Create file and schema where they are missing and return the stored facts (`facts` when new)."""
        with self._locked():
            if not self._path.exists():
                os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            return super().set_up(facts)

    @contextlib.contextmanager
    def transaction(self, people: Iterable[str] = ()) -> Iterator[Transaction]:
        """See `Store.transaction`: whoever is named, it runs alone."""
        with self._locked():
            try:
                connection = self._connection()
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._discard()
                raise _cannot_tell(error) from None
            tx = Transaction(connection, self._seal, self.publisher)
            try:
                yield tx
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._roll_back(connection)
                raise _cannot_tell(error) from None
            except BaseException:
                self._roll_back(connection)
                raise
            self._commit(connection)
            self._publish(tx)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """See `Store.snapshot`: on a connection of its own, which the lock is held for only to open and close it."""
        try:
            with self._locked():
                engine = _reading(self._path)
                connection = engine.connect()
                connection.begin()
                connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first()  # here the snapshot is taken
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _cannot_tell(error) from None
        try:
            yield Transaction(connection, self._seal, self.publisher)
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _cannot_tell(error) from None
        finally:
            with self._locked():
                connection.close()
                engine.dispose()

    def close(self) -> None:
        """Close the database; its last checkpoint runs under the lock."""
        if self._engine is not None:
            with self._locked():
                self._discard()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._thread_lock.acquire(timeout=sql.LOCK_SECONDS):
            raise busy()
        try:
            self._acquire()
            try:
                yield
            finally:
                self._file_lock.release()
        finally:
            self._thread_lock.release()

    def _acquire(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file_lock.acquire(timeout=sql.LOCK_SECONDS)
        except Timeout:
            raise busy() from None
        except OSError as error:
            message = f"The data directory cannot be used: {error.strerror}."
            raise CannotTell(message, field="WITHNESS_HOME") from None

    def _connection(self) -> Connection:
        if self._engine is None:
            self._engine = _writing(self._path)
        connection = self._engine.connect()
        connection.begin()
        return connection

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except (SQLAlchemyError, sqlite3.Error):
            self._discard()
            raise CommitUnknown("The database could not confirm that the record is durable.") from None
        connection.close()

    def _roll_back(self, connection: Connection) -> None:
        try:
            connection.rollback()
            connection.close()
        except (SQLAlchemyError, sqlite3.Error):
            self._discard()

    def _discard(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None


def _cannot_tell(error: Exception) -> CannotTell:
    kind = getattr(error, "orig", error).__class__.__name__
    return CannotTell(
        f"The database cannot be read or written ({kind}); nothing was saved.",
        hint="Keep this directory as it is; go on with a backup that verifies.",
    )


def _writing(path: Path) -> Engine:
    pragmas = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000", "temp_store=MEMORY")
    return _engine(path, pragmas, "BEGIN IMMEDIATE")


def _reading(path: Path) -> Engine:
    return _engine(path, ("query_only=ON", "busy_timeout=10000", "temp_store=MEMORY"), "BEGIN")


def _engine(path: Path, pragmas: tuple[str, ...], begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=StaticPool,
        connect_args={"check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
