"""Which store a site's settings name."""

from __future__ import annotations

from sqlalchemy.exc import SQLAlchemyError

from withness.audit.publishing import Publisher
from withness.errors import InvalidInput
from withness.seal import Seal
from withness.settings import Settings
from withness.store.sql import Store
from withness.store.sqlite import SqliteStore


def store_of(settings: Settings, seal: Seal | None, publisher: Publisher | None = None) -> Store:
    """Return the store that the settings name; nothing is opened yet. A server's driver is imported only here.

    Raises InvalidInput for an address that is none, and where the driver is missing.
    """
    if not settings.on_server:
        return SqliteStore(settings.database, seal, publisher)
    try:
        from withness.store.postgres import PostgresStore

        return PostgresStore(settings.database_url, seal, publisher)
    except ImportError:
        raise InvalidInput(
            "PostgreSQL needs the driver psycopg, which is not installed.",
            field="WITHNESS_DATABASE_URL",
            hint='Install it: pip install "withness[postgres]".',
        ) from None
    except (SQLAlchemyError, ValueError):
        raise InvalidInput(
            "WITHNESS_DATABASE_URL is no address of a database.",
            field="WITHNESS_DATABASE_URL",
            hint="It looks like postgresql+psycopg://role:password@host:5432/database.",
        ) from None
