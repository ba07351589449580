"""`withness database migrate|grant`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from withness.cli import say


@click.group(epilog="\b\nExamples:\n  withness database migrate\n  withness database grant withness_app\n")
def database() -> None:
    """The database itself. On PostgreSQL its owner runs these, and another role runs Withness."""


@database.command(epilog="\b\nExample:\n  withness database migrate\n")
@say.common
def migrate(home: Path | None, as_json: bool) -> None:
    """Make the database where there is none, or bring an earlier release's up to this one's schema.

    A SQLite file needs no such command: it is made, and brought up to date, when it is opened.
    """
    from withness.directory import open_store
    from withness.settings import read_settings

    store, _ = open_store(read_settings({"home": home}), log_key=False)
    with closing(store), store.transaction() as tx:
        revision = tx.revision()
    if as_json:
        say.document({"engine": store.engine, "revision": revision})
    else:
        click.echo(f"The database is there, with revision {revision} of the schema.")


@database.command(epilog="\b\nExample:\n  withness database grant withness_app\n")
@click.argument("role")
@say.common
def grant(role: str, home: Path | None, as_json: bool) -> None:
    """Give ROLE the rights to run Withness on PostgreSQL, and take every other: it can never delete a row.

    Only what moves on (plans, notes, what waits, the log's head) can be changed by it; all else is only added to.
    """
    from withness.directory import open_store
    from withness.settings import read_settings
    from withness.store import roles

    store, _ = open_store(read_settings({"home": home}), fresh=False, log_key=False)
    with closing(store):
        roles.grant(store, role)
    if as_json:
        say.document({"role": role, "changes": list(roles.CHANGES)})
    else:
        click.echo(f"{role} may read and add; it may change {', '.join(roles.CHANGES)}, and delete nothing.")
