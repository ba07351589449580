"""The statements of a revision."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection


def run(connection: Connection, revision: str) -> None:
    """Run the statements of a revision's file."""
    text = (Path(__file__).parent / "versions" / f"{revision}.sql").read_text(encoding="utf-8")
    for statement in text.split("\n;\n"):
        if statement.strip():
            connection.exec_driver_sql(statement)
