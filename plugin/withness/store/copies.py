"""Opening a copy of a database to look at it: nothing is written into it or beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import StaticPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from withness.errors import CannotTell
from withness.store.sqlite_files import text
from withness.store.transaction import Transaction


@contextmanager
def opened_copy(path: Path) -> Iterator[tuple[Transaction, str | None]]:
    """Yield a transaction that only reads (and opens nothing sealed), and what is wrong with the pages, if so.

    Raises CannotTell when the file cannot be read as a database.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(uri, uri=True)
        connection.text_factory = text
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=opened, poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
            yield Transaction(connection, None), None if found == "ok" else "The copy's pages are damaged."
    except (SQLAlchemyError, sqlite3.Error):
        raise CannotTell("The copy cannot be read as a database.", hint="Take the backup again.") from None
    finally:
        engine.dispose()
