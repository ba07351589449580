"""Statements that every save runs: put together once for each engine, and run by its driver.

Putting a statement together and wrapping what it found takes longer than running it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Executable, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, InvalidRequestError


def given(name: str) -> BindParameter[Any]:
    """Return the place of a value that is given when the statement is run."""
    return bindparam(name, None)


class Prepared:
    """One statement; its bound values are given by name, those that it was built with need not be.

    `statement` may be a function of the engine's name, where engines differ.
    """

    def __init__(self, statement: Executable | Callable[[str], Executable]) -> None:
        self._statement: Final = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any] = {}) -> None:
        """Run it for its effect. Raises DBAPIError."""
        self.cursor(connection, values).close()

    def all(self, connection: Connection, values: Mapping[str, Any] = {}) -> Sequence[tuple[Any, ...]]:
        """Return every row that it finds. Raises DBAPIError."""
        cursor = self.cursor(connection, values)
        try:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise _said(connection, error) from error
        finally:
            cursor.close()
        return found

    def first(self, connection: Connection, values: Mapping[str, Any] = {}) -> tuple[Any, ...] | None:
        """Return the first row that it finds, None for none. Raises DBAPIError."""
        found = self.all(connection, values)
        return found[0] if found else None

    def scalar(self, connection: Connection, values: Mapping[str, Any] = {}) -> Any:
        """Return the first column of the first row, None for none. Raises DBAPIError."""
        found = self.first(connection, values)
        return found[0] if found else None

    def scalars(self, connection: Connection, values: Mapping[str, Any] = {}) -> list[Any]:
        """Return the first column of every row. Raises DBAPIError."""
        return [row[0] for row in self.all(connection, values)]

    def cursor(self, connection: Connection, values: Mapping[str, Any], **options: str) -> Any:
        """Run it and return the driver's cursor, made with its own options, for the caller to close.

        Raises DBAPIError.
        """
        driver = connection.connection.dbapi_connection
        # SQLite's driver alone knows of a transaction that `sqlite_files.begin` began.
        if driver is None or not (getattr(driver, "in_transaction", False) or connection.in_transaction()):
            raise InvalidRequestError("the transaction is over")  # what it asked for now would be nobody's
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        cursor = driver.cursor(**options)
        try:
            cursor.execute(compiled.text, compiled.values(values))
        except connection.dialect.loaded_dbapi.Error as error:
            cursor.close()
            raise _said(connection, error) from error
        return cursor

    def _compile(self, dialect: Dialect) -> _Compiled:
        built = self._statement(dialect.name) if callable(self._statement) else self._statement
        return self._compiled.setdefault(dialect.name, _Compiled(built, dialect))


class _Compiled:
    """A statement's text for one engine, and how its driver wants the values."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text: Final = str(compiled)
        self._places: Final[Sequence[str] | None] = compiled.positiontup
        self._fixed: Final[Mapping[str, Any]] = {
            name: value for name, value in compiled.params.items() if value is not None
        }

    def values(self, given: Mapping[str, Any]) -> Mapping[str, Any] | Sequence[Any]:
        """Return the values as the driver takes them. Raises KeyError for one that is missing."""
        every = {**self._fixed, **given} if self._fixed else given
        return every if self._places is None else [every[name] for name in self._places]


@contextmanager
def wrapped(connection: Connection) -> Iterator[None]:
    """Raise the driver's errors as SQLAlchemy wraps them, as DBAPIError."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise _said(connection, error) from error


def _said(connection: Connection, error: Exception) -> BaseException:
    """Return a driver's error as SQLAlchemy raises it, without a value; a connection that it ended is given up."""
    dialect = connection.dialect
    gone = dialect.is_disconnect(error, connection.connection.driver_connection, None)  # type: ignore[arg-type]
    if gone:
        connection.invalidate(error)
    every = dialect.loaded_dbapi.Error
    return DBAPIError.instance(None, None, error, every, True, connection_invalidated=gone, dialect=dialect)
