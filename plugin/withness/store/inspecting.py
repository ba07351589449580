"""What a database looks like from inside, asked of each engine's own catalogue, and what this release expects there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    select,
    text,
)

from withness.store import schema, triggers
from withness.store.prepared import Prepared

Thing = tuple[str, str]
"""Kind and name of one thing in a database."""


def has_table(connection: Connection, name: str) -> bool:
    """Whether a table is there."""
    asked = _SQLITE_TABLE if connection.dialect.name == schema.SQLITE else _POSTGRES_TABLE
    return connection.execute(text(asked), {"name": name}).first() is not None


_SQLITE_TABLE: Final = "SELECT 1 FROM sqlite_master WHERE name = :name"
_POSTGRES_TABLE: Final = (
    "SELECT 1 FROM pg_catalog.pg_class WHERE relname = :name AND relnamespace = current_schema()::regnamespace"
)


_SQLITE_TABLES: Final = "SELECT name FROM sqlite_master WHERE type = 'table'"
_POSTGRES_TABLES: Final = (
    "SELECT relname FROM pg_catalog.pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)


def missing_tables(connection: Connection) -> tuple[str, ...]:
    """Return the schema's tables that are not there, none where there is none of them at all."""
    asked = _SQLITE_TABLES if connection.dialect.name == schema.SQLITE else _POSTGRES_TABLES
    there = set(connection.exec_driver_sql(asked).scalars())
    gone = tuple(name for name in schema.metadata.tables if name not in there)
    return gone if len(gone) < len(schema.metadata.tables) else ()


_STAMP: Final = Prepared(select(schema.alembic_version.c.version_num))
_SQLITE_CATALOGUE: Final = (
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    " AND NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat2', 'sqlite_stat3', 'sqlite_stat4'))"
)
_ON_SQLITE: Final = Prepared(text(_SQLITE_CATALOGUE))
_SQLITE_AT_ONCE: Final = _SQLITE_CATALOGUE.replace(
    "type, name, sql",
    "sum(typeof(type) = 'text' AND typeof(name) = 'text' AND typeof(sql) = 'text'), count(*), "
    "group_concat(type || char(1) || name || char(1) || sql, char(2))",
)
"""The whole catalogue as one text: every save looks at it, and nearly always finds what it expects."""

_AT_ONCE: Final = Prepared(text(_SQLITE_AT_ONCE))


def revision(connection: Connection) -> str | None:
    """Return the revision that the schema is stamped with, None where there is no stamp."""
    if not has_table(connection, schema.alembic_version.name):
        return None
    found = connection.execute(schema.alembic_version.select()).scalar()
    return None if found is None else str(found)


def damage(connection: Connection) -> str | None:
    """Return what differs from the schema that this release expects, None when nothing does.

    It is read each time: the number by which SQLite counts changes of the schema can be set back.
    """
    if connection.dialect.name == schema.SQLITE:
        if _AT_ONCE.first(connection) == _expected_at_once():
            return _stamp_damage(connection)
        found, expected = _on_sqlite(connection), _expected_sqlite()
    else:
        name = str(connection.exec_driver_sql("SELECT current_schema()").scalar())
        found, expected = _on_postgres(connection), _expected_postgres(name)
    if found == expected:
        return _stamp_damage(connection)
    # A table that is gone is named before the indexes and triggers that went with it.
    for kind, name in sorted(expected.keys() | found.keys(), key=lambda one: (one[0] != "table", *one)):
        if (kind, name) not in found:
            return f"the {kind} {name} is missing from the database"
        if (kind, name) not in expected:
            return f"the {kind} {name} does not belong in the database"
        if found[kind, name] != expected[kind, name]:
            return f"the {kind} {name} is not as this release made it"
    return None


def page_damage(connection: Connection) -> str | None:
    """Return what SQLite's own check finds first, None where it finds nothing: an index without some of its rows, say.

    A table's statement says nothing of that, and an index that was emptied and then described as ever hides rows from
    whoever looks for them. On PostgreSQL nothing is looked at.
    """
    if connection.dialect.name != schema.SQLITE:
        return None
    found = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
    return None if found == "ok" else f"the database's own check of its pages finds: {found.splitlines()[-1]}"


def _stamp_damage(connection: Connection) -> str | None:
    return None if _STAMP.scalars(connection) == [schema.REVISION] else "the stamp of the schema is not this release's"


def _on_sqlite(connection: Connection) -> dict[Thing, str]:
    return {(kind, name): sql for kind, name, sql in _ON_SQLITE.all(connection)}


def _expected_sqlite() -> Mapping[Thing, str]:
    return {(kind, name): sql for kind, name, sql in _made_on_sqlite(_SQLITE_CATALOGUE)}


@cache
def _expected_at_once() -> tuple[Any, ...]:
    return _made_on_sqlite(_SQLITE_AT_ONCE)[0]


def _made_on_sqlite(question: str) -> list[tuple[Any, ...]]:
    """Return what an empty database of this release answers."""
    with closing(sqlite3.connect(":memory:")) as scratch:
        for statement in schema.ddl():
            scratch.execute(statement)
        return scratch.execute(question).fetchall()


def _on_postgres(connection: Connection) -> dict[Thing, str]:
    return {(row[0], row[1]): row[2] for row in connection.exec_driver_sql(_CATALOGUE)}


@cache
def _expected_postgres(name: str) -> Mapping[Thing, str]:
    """Return what PostgreSQL says of a database made by `schema.ddl`, in the schema of this name."""
    found: dict[Thing, str] = {}
    for table in schema.metadata.sorted_tables:
        found["table", table.name] = "r p"
        for column in table.columns:
            found["column", f"{table.name}.{column.name}"] = _column(column)
        for index, columns in _indexes(table).items():
            found["index", index] = columns.format(name)
    for trigger, (on, firing) in triggers.postgres_triggers(f"{name}.").items():
        found["trigger", f"{trigger} on {on}"] = f"A CREATE TRIGGER {trigger} {firing}"
    for function, body in triggers.functions().items():
        found["function", f"{function}()"] = f"plpgsql trigger {body}"
    return found


def _column(column: Column[object]) -> str:
    kind = column.type
    if isinstance(kind, LargeBinary):
        said = "bytea"
    elif isinstance(kind, String):
        size = f"({kind.length})" if kind.length else ""
        said = f"character varying{size} {'default' if kind.length else 'C'}"
    else:
        said = "bigint"
    return said if column.nullable else f"{said} not null"


def _indexes(table: Table) -> dict[str, str]:
    """Return how PostgreSQL writes each index of a table; `{}` stands for the schema."""
    found = {}
    for one in table.constraints:
        if not isinstance(one, PrimaryKeyConstraint | UniqueConstraint):
            continue
        names = ", ".join(column.name for column in one.columns)
        where = f"{{}}.{table.name} USING btree ({names})"
        if isinstance(one, PrimaryKeyConstraint):
            name = str(one.name or f"{table.name}_pkey")
            found[name] = f"p CREATE UNIQUE INDEX {name} ON {where}"
        else:
            name = f"{table.name}_{one.columns[0].name}_key"
            found[name] = f"u CREATE UNIQUE INDEX {name} ON {where}"
    for index in table.indexes:
        names = ", ".join(column.name for column in index.columns)
        found[str(index.name)] = f"CREATE INDEX {index.name} ON {{}}.{table.name} USING btree ({names})"
    return found


_CATALOGUE: Final = """
WITH here AS (SELECT current_schema()::regnamespace::oid AS oid),
     tables AS (SELECT c.* FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.relkind = 'r')
SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'relation' END,
       c.relname::text,
       concat_ws(' ', c.relkind, c.relpersistence, CASE WHEN c.relrowsecurity THEN 'row security' END,
                 CASE WHEN c.relhasrules THEN 'rules' END, CASE WHEN c.relhassubclass THEN 'heirs' END,
                 array_to_string(c.reloptions, ' '))
FROM pg_catalog.pg_class c, here WHERE c.relnamespace = here.oid AND c.relkind NOT IN ('i', 't', 'c')
UNION ALL
SELECT 'column', t.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                 (SELECT o.collname FROM pg_catalog.pg_collation o WHERE o.oid = a.attcollation),
                 CASE WHEN a.attnotnull THEN 'not null' END, CASE WHEN a.atthasdef THEN 'default' END)
FROM pg_catalog.pg_attribute a JOIN tables t ON t.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'index', i.relname::text,
       concat_ws(' ', (SELECT n.contype FROM pg_catalog.pg_constraint n
                       WHERE n.conindid = x.indexrelid AND n.contype <> 'f'),
                 pg_get_indexdef(x.indexrelid),
                 CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN 'invalid' END)
FROM pg_catalog.pg_index x JOIN tables t ON t.oid = x.indrelid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'constraint', n.conname::text, pg_get_constraintdef(n.oid)
FROM pg_catalog.pg_constraint n JOIN tables t ON t.oid = n.conrelid WHERE n.contype NOT IN ('p', 'u', 'n')
UNION ALL
SELECT 'trigger', g.tgname || ' on ' || t.relname, concat_ws(' ', g.tgenabled, pg_get_triggerdef(g.oid))
FROM pg_catalog.pg_trigger g JOIN tables t ON t.oid = g.tgrelid WHERE NOT g.tgisinternal
UNION ALL
SELECT 'function', f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')',
       concat_ws(' ', l.lanname, format_type(f.prorettype, NULL), CASE WHEN f.prosecdef THEN 'security definer' END,
                 array_to_string(f.proconfig, ' '), f.prosrc)
FROM pg_catalog.pg_proc f JOIN here ON f.pronamespace = here.oid JOIN pg_catalog.pg_language l ON l.oid = f.prolang
"""
