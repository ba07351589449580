"""Writing what does not belong there into a database, as the file's owner can: triggers and schema are as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def forge(path: Path, table: str, column: str, value: Any, where: str = "") -> bool:
    """Write into a table's newest row, or `where`, as the file's owner can; False where SQLite refuses the value."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        schema = database.execute("SELECT name, sql FROM sqlite_master").fetchall()
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE name = ?", (table,))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        by = {"audit_head": "segment", "audit_leaf": "seq", "audit_tile": "number"}[table]
        [before] = database.execute(f"SELECT {column} FROM {table} ORDER BY {by} DESC LIMIT 1").fetchone()
        where = where or f"{by} = (SELECT max({by}) FROM {table})"
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value,))
        except sqlite3.Error:
            return False
        database.execute("PRAGMA writable_schema = ON")
        for name, sql in schema:
            database.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, name))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        for _, sql in triggers:
            database.execute(sql)
        [count] = database.execute(f"SELECT count(*) FROM {table} WHERE {column} IS ?", (before,)).fetchone()
        [whole] = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return bool(count < whole or column in ("segment", "level", "v")) and before != value


def forge_number(path: Path, value: int) -> None:
    """Give the act another number."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        [sql] = database.execute("SELECT sql FROM sqlite_master WHERE name = 'act_no_update'").fetchone()
        database.execute("DROP TRIGGER act_no_update")
        database.execute("UPDATE act SET number = ?", (value,))
        database.execute(sql)
