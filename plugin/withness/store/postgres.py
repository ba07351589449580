"""The PostgreSQL store: several processes on several machines, one at a time or each with their own people."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, create_engine, event, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError

from withness.audit.publishing import Publisher
from withness.errors import CannotTell, InvalidInput
from withness.seal import Seal
from withness.store import inspecting, schema, sql
from withness.store.beside import WHOLE, Beside, Clock
from withness.store.sql import CommitUnknown, Store, TryAgain, busy
from withness.store.transaction import Transaction

IDLE: Final = "60s"
"""How long a transaction may say nothing: one whose machine was lost does not stop the others for longer."""

_SESSION: Final = (
    "SELECT set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false), set_config('client_min_messages', 'warning', false), "
    "set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit') IN ('off', 'local') "
    "THEN 'on' ELSE current_setting('synchronous_commit') END, false)"
)
"""A record is acknowledged when the server has it on disk; what a site set more strictly stays.

What is set for the session is not taken back by a reload of the server's settings.
"""

_DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
"""Settings of a server without which a record that it confirms may be lost; the first two are its own alone."""

_BUSY: Final = ("55P03",)
_IN_THE_WAY: Final = ("40001", "40P01")
_TWICE: Final = "23505"


class PostgresStore(Store):
    """A store in one schema of a PostgreSQL database. `address` may hold a password, and is never shown."""

    engine = schema.POSTGRES

    def __init__(self, address: str, seal: Seal | None, publisher: Publisher | None = None) -> None:
        super().__init__(seal, publisher)
        self._clock = Clock()
        self._engine = create_engine(
            address,
            hide_parameters=True,
            pool_size=16,
            max_overflow=16,
            pool_timeout=sql.LOCK_SECONDS,
            pool_pre_ping=True,
            connect_args={"connect_timeout": int(sql.LOCK_SECONDS), "application_name": "withness"},
        )
        event.listen(self._engine, "connect", _begin_session)

    def exists(self) -> bool:
        """Whether the database has been set up."""
        with self._connected() as connection:
            return inspecting.has_table(connection, schema.meta.name)

    @contextlib.contextmanager
    def transaction(self, people: Iterable[str] = ()) -> Iterator[Transaction]:
        """See `Store.transaction`."""
        with self._connected() as connection:
            beside = Beside(connection, self._clock)
            named = sorted(set(people))
            with _told(shared=bool(named)):
                _lock(connection, beside, named)
                tx = Transaction(connection, self._seal, self.publisher)
                tx.beside = beside if named else None
                yield tx
            self._commit(connection)
            self._publish(tx)

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """See `Store.snapshot`."""
        with self._connected() as connection, _told(shared=False):
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            connection.begin()
            yield Transaction(connection, self._seal, self.publisher)

    def glance(self) -> contextlib.AbstractContextManager[Transaction]:
        """See `Store.glance`: what a snapshot costs here is one connection of the pool."""
        return self.snapshot()

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def now(self) -> datetime:
        """See `Store.now`: the server's clock."""
        return self._clock.now()

    def _commit(self, connection: Connection) -> None:
        try:
            connection.commit()
        except SQLAlchemyError:
            connection.invalidate()
            raise CommitUnknown("The database could not confirm that the record is durable.") from None

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise _unreachable(error) from None
        try:
            yield connection
        finally:
            try:
                connection.close()
            except SQLAlchemyError:
                connection.invalidate()


def _lock(connection: Connection, beside: Beside, people: list[str]) -> None:
    """Wait until nothing is in the way: alone, or, with `people`, until nobody else works with one of them."""
    limits = f"SET LOCAL lock_timeout = {int(sql.LOCK_SECONDS * 1000)}"
    connection.execute(text(f"{limits}; SET LOCAL idle_in_transaction_session_timeout = '{IDLE}'"))
    shared = "_shared" if people else ""
    beside.tell(f"SELECT pg_advisory_xact_lock{shared}({WHOLE}), clock_timestamp()")
    if people:
        person = schema.person
        connection.execute(insert(person).values([{"id": one} for one in people]).on_conflict_do_nothing())
        connection.execute(select(person.c.id).where(person.c.id.in_(people)).order_by(person.c.id).with_for_update())


def _begin_session(connection: Any, _: object) -> None:
    before, connection.autocommit = connection.autocommit, True
    connection.execute(_SESSION)
    asked = ", ".join(f"current_setting('{name}')" for name in _DURABLE)
    found = dict(zip(_DURABLE, connection.execute(f"SELECT {asked}").fetchone(), strict=True))
    connection.autocommit = before
    weak = next((name for name, value in found.items() if value in ("off", "local")), None)
    if weak is not None:
        connection.close()
        raise InvalidInput(
            f"The database server runs with {weak} = {found[weak]}: a record that it confirms may be lost.",
            field="WITHNESS_DATABASE_URL",
            hint=f"Set {weak} = on in its postgresql.conf, and reload it.",
        )


@contextlib.contextmanager
def _told(*, shared: bool) -> Iterator[None]:
    """Say what went wrong in the database in a sentence, without a value or an address."""
    try:
        yield
    except SQLAlchemyError as error:
        state = getattr(getattr(error, "orig", None), "sqlstate", None)
        if state in _BUSY:
            raise busy() from None
        if state in _IN_THE_WAY or (shared and state == _TWICE):
            raise TryAgain("Another save was in the way; nothing was saved.", hint="Try again.") from None
        raise CannotTell(
            f"The database cannot be read or written ({_kind(error)}); nothing was saved.",
            hint="Look whether the database server runs, and whether its role may do this.",
        ) from None


def _unreachable(error: SQLAlchemyError) -> CannotTell:
    return CannotTell(
        f"The database server cannot be reached ({_kind(error)}).",
        field="WITHNESS_DATABASE_URL",
        hint="Look whether it runs, and whether address, role and password are right.",
    )


def _kind(error: SQLAlchemyError) -> str:
    found: object = getattr(error, "orig", None) or error
    return type(found).__name__
