"""The SQLite store: one writer at a time, WAL with synchronous=FULL, a file lock for each COMMIT.

SQLite up to 3.51.2 can corrupt a database that two connections write and checkpoint at one instant, so
every batch of transactions (its checkpoint and the close included) holds the lock file beside the database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from filelock import Timeout
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from withness.audit.publishing import Publisher
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import schema, sql
from withness.store.batch import Batch, unknown
from withness.store.dropped import put_back_in
from withness.store.file_lock import LockFile
from withness.store.sql import CommitUnknown, Store, busy
from withness.store.sqlite_files import NONE_THERE, begin, commit, look, look_again, reading, roll_back, writing
from withness.store.trail import Memory
from withness.store.transaction import Transaction
from withness.store.turns import Turns

_TO_WRITE: Final = "BEGIN IMMEDIATE"
_PARENTS: Final[list[object]] = []
"""What a forked process found open, never used there and never closed."""


class SqliteStore(Store):
    """A store in one file.

    Threads that wait for each other share one COMMIT: whoever ends a block hands the open database on to the first who
    waits, and each returns only when the COMMIT of all of them is durable.
    """

    engine = schema.SQLITE

    def __init__(self, path: Path, seal: Seal | None, publisher: Publisher | None = None) -> None:
        super().__init__(seal, publisher)
        self._path, self._folder = path, path.parent
        self._names = tuple(f"{path}{end}" for end in ("", "-wal", "-shm"))  # its log and that log's index beside it
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Hold nothing open yet, in this process."""
        self._process = os.getpid()
        self._turns = Turns()
        self._file_lock = LockFile(Path(f"{self._path}.lock"))
        self._connection: Connection | None = None
        self._files = NONE_THERE  # how this process left its files, or found them
        self._version: int | None = None  # see `_version`
        self._memory: Memory = {}
        self._unsure = False
        self._batch: Batch | None = None

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
        self._take_turn()
        yield from self._block()

    def _block(self) -> Iterator[Transaction]:
        """Run one transaction in the turn that was taken, and end that."""
        try:
            batch = self._joined()
            tx = Transaction(batch.connection, self._seal, self.publisher)
            tx.go_by(batch.known)
            try:
                yield tx
                batch.keep()
            except (SQLAlchemyError, sqlite3.Error) as error:
                self._undo(batch)
                raise _cannot_tell(error) from None
            except BaseException:
                self._undo(batch)
                raise
            batch.members.append(tx)
        finally:
            self._end_turn()
        batch.wait()

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """See `Store.snapshot`: on a connection of its own, which the lock is held for only to open and close it."""
        engine = reading(self._path)
        try:
            try:
                with self._locked():
                    self._require_file()
                    connection = engine.connect()
                    begin(connection)
                    connection.exec_driver_sql("SELECT 1 FROM sqlite_master").first()  # here the snapshot is taken
                yield Transaction(connection, self._seal, self.publisher)
            except (SQLAlchemyError, sqlite3.Error) as error:
                raise _cannot_tell(error) from None
        finally:
            with self._locked():
                engine.dispose()

    @contextlib.contextmanager
    def glance(self) -> Iterator[Transaction]:
        """See `Store.glance`: without the file lock where the database is open, for a reader checkpoints nothing."""
        self._take_turn()
        there = self._batch is None and look(self._names).inodes == self._files.inodes
        at_hand = self._connection if there else None
        if at_hand is None or _version(at_hand) != self._version:
            yield from self._block()
            return
        try:
            with self._reading(at_hand):
                yield Transaction(at_hand, self._seal, self.publisher)
        finally:
            self._end_turn()

    @contextlib.contextmanager
    def _reading(self, connection: Connection) -> Iterator[None]:
        """Let the open database be read for a while: whatever is written in it is taken back, and told."""
        driver: Any = connection.connection.driver_connection
        try:
            begin(connection)
            before = driver.total_changes  # `query_only` would do, but that forgets every statement that is prepared
            try:
                yield
                if driver.total_changes != before:
                    raise sqlite3.OperationalError("attempt to write in a glance")
            finally:
                self._roll_back(connection)
        except (SQLAlchemyError, sqlite3.Error) as error:
            self._discard()
            raise _cannot_tell(error) from None

    def close(self) -> None:
        """Close the database; its last checkpoint runs under the lock."""
        if self._connection is not None and self._process == os.getpid():
            with self._locked():
                self._discard()
                self._file_lock.close()

    # -- turns and batches

    def _take_turn(self) -> None:
        if self._process != os.getpid():
            # What came along with a fork is the parent's: to use it, or only to close it, would end the parent's locks.
            _PARENTS.append((self._connection, self._batch))
            self._begin_anew()
        if not self._turns.acquire(sql.LOCK_SECONDS):
            raise busy()

    def _end_turn(self) -> None:
        """Hand the open batch on to the first who waits, or end it."""
        try:
            if self._batch is not None and (self._batch.full or not self._turns.wanted):
                self._end_batch()
        finally:
            self._turns.release()

    def _joined(self) -> Batch:
        """Return the open batch, ready for a block of its own, or begin one."""
        try:
            if self._batch is not None:
                self._batch.begin_block()
                return self._batch
            self._acquire()
            try:
                connection = self._begun()
                version = _version(connection)
                anew = version is None or version != self._version
                if anew:  # another connection has written since: what is known of the trail's end may not be so
                    self._version, self._memory = version, {}
                self._batch = Batch(connection, self._memory)
                if anew and self._seal is not None:
                    self._put_back(self._batch)
            except BaseException:
                self._batch = None
                self._discard()
                self._file_lock.release()
                raise
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _cannot_tell(error) from None
        return self._batch

    def _put_back(self, batch: Batch) -> None:
        """Put back the tables that somebody dropped while this process ran, in a block of its own (contracts I7)."""
        tx = Transaction(batch.connection, self._seal, self.publisher)
        with contextlib.suppress(SQLAlchemyError, sqlite3.Error, CannotTell):
            with batch.connection.begin_nested():
                mended = put_back_in(tx, self.now())
            if mended:
                batch.members.append(tx)
                batch.begin_block()

    def _undo(self, batch: Batch) -> None:
        """Take back what a block did, and nothing of the blocks before it."""
        if batch.members:
            with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
                batch.connection.exec_driver_sql("ROLLBACK TO block")
                batch.connection.exec_driver_sql("RELEASE block")
                return
        # There is nothing before it; or SQLite has taken all of it back itself, as it does when a disk is full.
        self._batch = None
        try:
            self._roll_back(batch.connection)
        finally:
            self._file_lock.release()
            batch.end()

    def _end_batch(self) -> None:
        """Make every block of the batch durable at once; all of its threads go on."""
        batch, self._batch = self._batch, None
        if batch is None:
            return
        self._memory = {}  # however the COMMIT ends, by a signal too: what is not known to lie there is read anew
        try:
            with contextlib.suppress(CommitUnknown):
                self._commit(batch.connection)
                batch.durable = True
                self._memory = batch.known
                self._publish(*batch.members)
        finally:
            self._file_lock.release()
            batch.end()

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock, with no transaction open."""
        self._take_turn()
        try:
            self._end_batch()
            self._acquire()
            try:
                yield
            finally:
                self._file_lock.release()
        finally:
            self._end_turn()

    def _acquire(self) -> None:
        try:
            try:
                self._file_lock.acquire(sql.LOCK_SECONDS)
            except FileNotFoundError:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                self._file_lock.acquire(sql.LOCK_SECONDS)
        except Timeout:
            raise busy() from None
        except OSError as error:
            message = f"The data directory cannot be used: {error.strerror}."
            raise CannotTell(message, field="WITHNESS_HOME") from None

    def _require_file(self) -> None:
        """Raise CannotTell where there is no file: SQLite would begin a new, empty one."""
        if not self._path.exists():
            raise CannotTell(
                "The database file is missing; nothing was saved.",
                field="WITHNESS_HOME",
                hint=f"Put {self._path.name} back, or go on with a backup that verifies.",
            )

    def _begun(self) -> Connection:
        """Return the open database, with a transaction begun."""
        files = look(self._names)
        if files.inodes[0] is None:
            self._require_file()
        # What is open may lie there no more: whatever was written to it would be lost. Or somebody wrote over the file
        # itself, or cut its log: SQLite would go on with the pages that it has, and after the end of the log that was.
        if self._connection is not None and (self._files.inodes != files.inodes or files.touched_since(self._files)):
            self._discard()
        if self._connection is None:
            self._connection = self._opened()
            begin(self._connection, _TO_WRITE)
            self._files = look(self._names)
        else:
            begin(self._connection, _TO_WRITE)
        return self._connection

    def _opened(self) -> Connection:
        engine = writing(self._path)
        try:
            self._take_in_what_is_left(engine)
            return engine.connect()
        except BaseException:
            engine.dispose()
            raise

    def _take_in_what_is_left(self, engine: Engine) -> None:
        """Put what lies in the write-ahead log into the database, durably.

        Whoever wrote it may have been told that it is not durable, and the system does not say so a second time. After
        a failed COMMIT of our own this must succeed: what did not come through is taken out of the log.
        """
        opened: Any = engine.raw_connection()
        with contextlib.closing(opened), contextlib.suppress(*() if self._unsure else (sqlite3.Error,)):
            mode = "TRUNCATE" if self._unsure else "PASSIVE"
            if opened.driver_connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0] and self._unsure:
                raise sqlite3.OperationalError("somebody reads what must be taken in")
        self._unsure = False

    def _commit(self, connection: Connection) -> None:
        try:
            commit(connection)
            self._files = look_again(self._names, self._files)  # as they were opened: others may lie there by now
        except BaseException as error:  # a signal's too
            self._unsure = True
            self._discard()
            if isinstance(error, (SQLAlchemyError, sqlite3.Error)):
                raise unknown() from None
            raise

    def _roll_back(self, connection: Connection) -> None:
        try:
            roll_back(connection)
        except (SQLAlchemyError, sqlite3.Error):
            self._discard()

    def _discard(self) -> None:
        if self._connection is None:
            return
        discarded, self._connection = self._connection, None
        self._version, self._memory = None, {}
        with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
            discarded.close()
        discarded.engine.dispose()


def _version(connection: Connection) -> int | None:
    """Return SQLite's number for what other connections have written, None where it cannot be read."""
    driver: Any = connection.connection.driver_connection
    try:
        return int(driver.execute("PRAGMA data_version").fetchone()[0])
    except sqlite3.Error:
        return None


def _cannot_tell(error: Exception) -> CannotTell:
    kind = getattr(error, "orig", error).__class__.__name__
    return CannotTell(
        f"The database cannot be read or written ({kind}); nothing was saved.",
        hint="Keep this directory as it is; go on with a backup that verifies.",
    )
