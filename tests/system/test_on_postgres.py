"""Stories told again on a real PostgreSQL server, under a role that can delete nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.servers.postgres import PostgresServer
from tests.system import test_the_race
from tests.system.site import Site, make_draft

# The stories themselves: each is told here with the `site` of this file.
from tests.system.test_a_clear_screen_saves import (  # noqa: F401
    test_a_held_request_is_decided_again_and_then_saved,
    test_a_preview_writes_nothing,
    test_a_request_id_used_for_something_else_is_a_conflict_that_says_nothing,
    test_the_plan_is_in_the_chart_in_the_clients_own_words,
    test_the_same_request_never_makes_a_second_plan,
)
from withness.directory import open_store
from withness.errors import InvalidInput
from withness.settings import Settings
from withness.store import roles, schema, triggers
from withness.store.opening import store_of
from withness.store.sqlite import SqliteStore

ROLE = "withness_app"

test_the_race = pytest.mark.campaign(test_the_race.test_an_acute_screen_and_a_plan_at_the_same_instant)


def address_for(server: PostgresServer, home: Path, key_file: Path) -> str:
    """Let the owner make a database and give the role its rights; return the role's address."""
    owner = Settings(home=home, key_file=key_file, database_url=server.create_database())
    if not server.execute(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'"):
        server.execute(f"CREATE ROLE {ROLE} LOGIN")
    store, _ = open_store(owner)
    with closing(store):
        roles.grant(store, ROLE)
    return owner.database_url.replace("postgres@", f"{ROLE}@")


@pytest.fixture
def site(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Site]:
    """A site on PostgreSQL, run by the role."""
    home, key_file = tmp_path / "home", tmp_path / "keys" / "site.key"
    with Site(home, key_file, database_url=address_for(postgres_server, home, key_file)) as made:
        yield made


def name_of(site: Site) -> str:
    """Return the name of the site's database."""
    return site.settings.database_url.partition("@/")[2].partition("?")[0]


def test_the_role_cannot_take_anything_away(postgres_server: PostgresServer, site: Site) -> None:
    """Beside the triggers. Planted: GRANT ALL; UPDATE given on act; both caught."""
    with postgres_server.connect(name_of(site), ROLE) as connection:
        for table, known in schema.metadata.tables.items():
            column = known.columns.keys()[0]
            changes = [f"DELETE FROM {table}", f"TRUNCATE {table}", f"DROP TABLE {table}"]
            changes.append(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            if table not in roles.CHANGES:
                changes.append(f"UPDATE {table} SET {column} = {column}")
            for one in changes:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(one.encode())
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(b"CREATE TABLE other (x int)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(b"CREATE OR REPLACE FUNCTION withness_append_only() RETURNS int LANGUAGE sql AS ''")


@pytest.mark.parametrize("role", ["", "a; DROP TABLE act", 'x" TO public; --', "1", "x" * 64])
def test_a_role_is_a_name(role: str) -> None:
    """Planted: the name not looked at; caught."""
    with pytest.raises(InvalidInput, match="ROLE"):
        roles.statements(role)


def test_sqlite_has_no_roles(tmp_path: Path) -> None:
    """Planted: the statements run there; caught."""
    with pytest.raises(InvalidInput, match="no roles"):
        roles.grant(SqliteStore(tmp_path / "w.sqlite3", None), ROLE)


def test_what_may_be_changed_is_nothing_that_is_only_added_to() -> None:
    """Planted: `act` among what may be changed; caught."""
    assert not set(roles.CHANGES) & set(triggers.APPEND_ONLY)


def test_a_whole_life_under_the_role(site: Site) -> None:
    """Screen, hold, protocol, release, save; verify finds it whole. Planted: UPDATE on plan left out; caught."""
    site.enrol()
    site.screen(answers={"suicide.now": "yes"})
    assert site.save()["saved"] is False
    site.pass_time(hours=1)
    site.all_evidence("suicide")
    site.pass_time(hours=1)
    site.screen()
    site.release("suicide")
    site.screen()
    assert site.save()["saved"] is True
    site.catch_up()
    assert site.console("plan", "list").returncode == 0
    verified = site.console("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


EDITS = [
    "UPDATE audit_leaf SET outcome = 'cleared' WHERE seq = 2",
    "UPDATE audit_leaf SET recorded_at = '2020-01-01T00:00:00.000000Z' WHERE seq = 2",
    "UPDATE audit_leaf SET body = body || '\\x20' WHERE seq = 2",
    "UPDATE audit_leaf SET leaf_hash = '\\x00' WHERE seq = 2",
    "DELETE FROM audit_leaf WHERE seq = 2",
    "DELETE FROM audit_leaf WHERE seq = (SELECT max(seq) FROM audit_leaf)",
    "UPDATE audit_head SET size = size - 1",
    "DELETE FROM audit_head",
    "DELETE FROM screen",
    "UPDATE screen SET person = 'Patient/tom'",
    "DELETE FROM decision",
    "UPDATE decision SET content = '\\x00'",
]


@pytest.mark.parametrize("edit", EDITS)
def test_the_trail_shows_every_edit(postgres_server: PostgresServer, site: Site, edit: str) -> None:
    """By the owner, with the triggers off and on again. Planted: what a record says not held against it; caught."""
    site.screen()
    assert site.save()["saved"]
    site.catch_up()
    with postgres_server.connect(name_of(site)) as connection:
        changed = edit.split()[2 if edit.startswith("DELETE") else 1]
        connection.execute(f"ALTER TABLE {changed} DISABLE TRIGGER USER".encode())
        assert connection.execute(edit.encode()).rowcount
        for trigger, (table, _) in triggers.postgres_triggers().items():
            if table == changed:
                connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}".encode())
    verified = site.console("audit", "verify")
    assert verified.returncode == 4, verified.stdout + verified.stderr
    assert site.console("plan", "save", "-", stdin=json.dumps(make_draft())).returncode in (3, 4)


def test_a_server_that_is_away_is_exit_7(site: Site, tmp_path: Path) -> None:
    """At every command, in one sentence. Planted: the error of the first look let through; caught."""
    site.desk.close()
    away = f"postgresql+psycopg://w:s3cret@/w?host={tmp_path}"
    object.__setattr__(site.settings, "database_url", away)
    for command in (("plan", "list"), ("audit", "verify"), ("audit", "show"), ("sync",), ("database", "migrate")):
        done = site.console(*command)
        assert done.returncode == 7, done.stdout + done.stderr
        assert "cannot be reached" in done.stderr
        assert "s3cret" not in done.stdout + done.stderr


def test_two_schemas_are_two_data_directories(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Planted: the locks' key without the schema; caught (each waits for the other)."""
    address = postgres_server.create_database()
    name = address.partition("@/")[2].partition("?")[0]
    stores = []
    for one in ("north", "south"):
        postgres_server.execute(f"CREATE SCHEMA {one}", name)
        url = f"{address}&options=-csearch_path%3D{one}"
        stores.append(store_of(Settings(home=tmp_path, database_url=url), None))
    north, south = stores
    for store in stores:
        store.set_up({"data_id": "x"})
    with north.transaction(), south.transaction() as tx:
        assert tx.facts()["data_id"] == "x"
    for store in stores:
        store.close()
