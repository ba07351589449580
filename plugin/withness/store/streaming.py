"""A table's rows in the order of a number, whatever their count: one statement, read a little at a time.

One, because a second would look for the place to go on at, and what somebody laid before that place it would not see.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Executable, Table, literal_column, select, text

from withness.audit.record import LAST
from withness.store.prepared import Prepared, given, wrapped

AT_A_TIME: Final = 256
"""Rows that are read at a time: as many as a processor keeps near while they are looked at."""


class Stream:
    """Every row of a table, or those whose number lies in a range."""

    def __init__(self, table: Table, number: str) -> None:
        column: ColumnElement[int] = literal_column(number)
        from_on, up_to = column >= given("first"), column < given("last")
        self._statements: Final = {
            (begins, ends): Prepared(partial(_select, table, column, [from_on] * begins + [up_to] * ends))
            for begins in (False, True)
            for ends in (False, True)
        }

    def rows(self, connection: Connection, first: int | None, last: int | None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows from `first` up to, not including, `last`, in order, as the driver gives them.

        Raises DBAPIError, or sqlite3.Error.
        """
        if first is not None and first > LAST:
            return iter(())
        end = None if last is None or last > LAST else last
        statement = self._statements[first is not None, end is not None]
        asked = {"first": first, "last": end}
        read = _rows_of_sqlite if connection.dialect.name == "sqlite" else _rows_of_a_server
        return read(statement, connection, asked)


def _select(table: Table, number: ColumnElement[int], where: Sequence[ColumnElement[bool]], engine: str) -> Executable:
    # An index may lack a row, and whoever forges the statistics can have it chosen.
    source = text(f"{table.name} NOT INDEXED") if engine == "sqlite" else table
    columns: list[ColumnElement[Any]] = [literal_column(one.name) for one in table.c]
    return select(*columns).select_from(source).where(*where).order_by(number)


def _rows_of_sqlite(statement: Prepared, connection: Connection, asked: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Text is taken as it is, and only from where some is no UTF-8 by the slower way that the connection has."""
    driver: Any = connection.connection.driver_connection
    slower, done = driver.text_factory, 0
    with closing(statement.cursor(connection, asked)) as cursor:
        while True:
            driver.text_factory = str
            try:
                page = cursor.fetchmany(AT_A_TIME)
            except sqlite3.OperationalError:
                break  # said below, where it is more than that
            finally:
                driver.text_factory = slower
            if not page:
                return
            yield from page
            done += len(page)
    with closing(statement.cursor(connection, asked)) as cursor:
        yield from islice(cursor, done, None)


def _rows_of_a_server(
    statement: Prepared, connection: Connection, asked: Mapping[str, Any]
) -> Iterator[tuple[Any, ...]]:
    """They stay on the server until they are asked for."""
    with wrapped(connection), closing(statement.cursor(connection, asked, name=f"rows_{id(asked)}")) as cursor:
        while page := cursor.fetchmany(AT_A_TIME):
            yield from page
