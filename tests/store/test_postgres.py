"""What only PostgreSQL has: triggers of its own words, a schema in its own catalogue, a server that can be away."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.servers.postgres import PostgresServer
from tests.store.furnishing import AT, KEY, RECORD, furnish

from withness.audit.check import check
from withness.audit.log import append
from withness.errors import CannotTell, InvalidInput
from withness.seal import Seal
from withness.settings import Settings
from withness.store import schema, sql, triggers
from withness.store.opening import store_of
from withness.store.postgres import PostgresStore
from withness.store.sql import CommitUnknown


@pytest.fixture(scope="module")
def furnished(postgres_server: PostgresServer) -> str:
    """The name of a database with three rows in each table, to be copied."""
    address = postgres_server.create_database()
    made = PostgresStore(address, Seal(KEY))
    furnish(made)
    made.close()
    return name_of(address)


def name_of(address: str) -> str:
    """Return the database's name in an address."""
    return address.partition("@/")[2].partition("?")[0]


@pytest.fixture
def address(postgres_server: PostgresServer, furnished: str) -> str:
    """The address of a copy with three rows in each table."""
    return postgres_server.create_database(template=furnished)


@pytest.fixture
def store(address: str) -> Iterator[PostgresStore]:
    """A store with three rows in each table."""
    made = PostgresStore(address, Seal(KEY))
    yield made
    made.close()


KEYS = {
    "audit_leaf": "seq",
    "audit_tile": "number",
    "screen": "number",
    "act": "number",
    "decision": "id",
    "policy": "digest",
    "check_in": "number",
    "note_request": "request_id",
    "process_note": "id",
}
COLUMN = {table: [column.name for column in schema.metadata.tables[table].columns][-1] for table in KEYS}
CHANGES = [
    *(f"UPDATE {table} SET {key} = {key}" for table, key in KEYS.items()),
    *(f"DELETE FROM {table}" for table in KEYS),
    *(f"TRUNCATE {table}" for table in KEYS),
    *(f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1" for table in KEYS),
    *(
        f"INSERT INTO {table} SELECT * FROM {table} LIMIT 1 ON CONFLICT ({', '.join(keys)}) "
        f"DO UPDATE SET {COLUMN[table]} = EXCLUDED.{COLUMN[table]}"
        for table in KEYS
        for keys in [[column.name for column in schema.metadata.tables[table].primary_key]]
    ),
    "INSERT INTO screen VALUES (99, 's0', 'Patient/tom', '') ON CONFLICT (id) DO UPDATE SET person = 'Patient/tom'",
    "INSERT INTO screen VALUES (0, 'new', 'Patient/rosa', '')",
    "INSERT INTO screen VALUES (-5, 'new', 'Patient/rosa', '')",
    "INSERT INTO check_in VALUES (0, 'new', 'Patient/rosa', '')",
    "SET session_replication_role = replica; DELETE FROM audit_leaf",
    "MERGE INTO screen USING (SELECT 's0' AS id) AS s ON screen.id = s.id WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_append_only_table_refuses_every_change(postgres_server: PostgresServer, address: str, change: str) -> None:
    """By any tool, and by the owner too. Planted: each trigger left out in turn; one not ALWAYS; all caught."""
    name = name_of(address)
    postgres_server.execute("INSERT INTO audit_tile VALUES (0, 0, 0, '', '')", name)
    before = [postgres_server.execute(f"SELECT * FROM {table}", name) for table in KEYS]
    with pytest.raises(psycopg.Error, match=r"append-only|unique constraint"):
        postgres_server.execute(change, name)
    assert [postgres_server.execute(f"SELECT * FROM {table}", name) for table in KEYS] == before


def test_the_list_of_this_file_is_the_schemas() -> None:
    """Planted: `policy` taken out of it; caught."""
    assert set(KEYS) == set(triggers.APPEND_ONLY)
    names = {one.split()[2] for one in schema.triggers("postgresql") if one.startswith("CREATE TRIGGER")}
    assert names == {f"{one}_no_{verb}" for one in KEYS for verb in ("update", "delete", "truncate", "replace")}


ALTERATIONS = [
    "DROP TRIGGER screen_no_update ON screen",
    "DROP TRIGGER audit_leaf_no_truncate ON audit_leaf",
    "ALTER TABLE audit_leaf DISABLE TRIGGER audit_leaf_no_delete",
    "ALTER TABLE audit_leaf ENABLE TRIGGER audit_leaf_no_delete",
    "CREATE OR REPLACE FUNCTION withness_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "ALTER FUNCTION act_no_replace() SET search_path = pg_temp",
    "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP INDEX screen_by_person",
    "DROP INDEX screen_by_person; CREATE INDEX screen_by_person ON screen (number, person)",
    "UPDATE pg_index SET indisready = false WHERE indexrelid = 'screen_by_person'::regclass",
    "ALTER TABLE screen DROP CONSTRAINT screen_id_key",
    "DROP TABLE outbox",
    "ALTER TABLE plan ADD COLUMN note text",
    "ALTER TABLE plan ALTER COLUMN state TYPE text",
    "ALTER TABLE plan ALTER COLUMN state DROP NOT NULL",
    "ALTER TABLE plan ALTER COLUMN state SET DEFAULT 'held'",
    "ALTER TABLE plan ADD CONSTRAINT c CHECK (state <> '')",
    "ALTER TABLE audit_feed SET UNLOGGED",
    "ALTER TABLE plan ENABLE ROW LEVEL SECURITY",
    "CREATE RULE r AS ON DELETE TO plan DO INSTEAD NOTHING",
    "CREATE TRIGGER other BEFORE INSERT ON plan FOR EACH ROW EXECUTE FUNCTION withness_append_only()",
    "CREATE TABLE heir () INHERITS (audit_leaf)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE TABLE other (x int)",
    "UPDATE alembic_version SET version_num = '0001'",
    "DELETE FROM alembic_version",
]


@pytest.mark.parametrize("change", ALTERATIONS)
def test_any_change_of_the_schema_is_said(
    postgres_server: PostgresServer, store: PostgresStore, address: str, change: str
) -> None:
    """Their absence is seen. Planted: each part of the catalogue's question in turn; caught."""
    postgres_server.execute(change, name_of(address))
    with store.transaction() as tx:
        assert tx.schema_damage()


def test_a_data_directory_may_have_a_schema_of_its_own(postgres_server: PostgresServer) -> None:
    """Others' tables beside it are no damage. Planted: "public" for the current schema; caught."""
    address = postgres_server.create_database()
    name = name_of(address)
    postgres_server.execute("CREATE TABLE another (x int)", name)
    postgres_server.execute("CREATE SCHEMA clinic", name)
    made = PostgresStore(f"{address}&options=-csearch_path%3Dclinic", Seal(KEY))
    furnish(made)
    with made.transaction() as tx:
        assert tx.schema_damage() is None
        assert list(check(tx)) == []
    made.close()
    assert postgres_server.execute("SELECT count(*) FROM clinic.screen", name) == [(3,)]


class TestAServerThatIsAway:
    SECRET = "correct-horse-battery"

    @pytest.mark.parametrize(
        "address",
        [
            "postgresql+psycopg://w:{}@127.0.0.1:1/w",
            "postgresql+psycopg://w:{}@no-such-host.invalid/w",
            "postgresql+psycopg://w:{}@/w?host=/no/such/folder",
        ],
    )
    def test_is_one_sentence_without_the_password(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, address: str
    ) -> None:
        """Exit 7. Planted: the driver's text passed on; the error chained to it; both caught."""
        caplog.set_level(logging.DEBUG)
        settings = Settings(home=tmp_path, database_url=address.format(self.SECRET))
        store = store_of(settings, None)
        with pytest.raises(CannotTell, match="cannot be reached") as found:
            store.exists()
        assert found.value.exit_code == 7
        assert found.value.__cause__ is None
        said = f"{found.value!r} {found.value.hint} {settings!r} {store!r} {caplog.text}"
        assert self.SECRET not in said
        assert "no-such-host" not in said

    def test_an_address_that_is_none_is_refused(self, tmp_path: Path) -> None:
        """The setting named, nothing of it repeated. Planted: ValueError not caught; caught."""
        with pytest.raises(InvalidInput, match="no address") as found:
            store_of(Settings(home=tmp_path, database_url="postgresql+psycopg://w:s3cret@host:port/w"), None)
        assert found.value.field == "WITHNESS_DATABASE_URL"
        assert "s3cret" not in f"{found.value!r} {found.value.hint}"

    def test_a_wrong_role_is_cannot_tell(self, tmp_path: Path, address: str) -> None:
        """Planted: only OperationalError of a running connection caught; caught."""
        store = store_of(Settings(home=tmp_path, database_url=address.replace("postgres@", "nobody@")), None)
        with pytest.raises(CannotTell, match="cannot be reached"):
            store.exists()

    def test_and_comes_back_is_used_again(self) -> None:
        """Killed with what was acknowledged durable; a waiting desk goes on by itself. Planted: no pre-ping; caught."""
        with PostgresServer() as server:
            store = PostgresStore(server.create_database(), Seal(KEY))
            furnish(store)
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                append(tx, [RECORD], at=AT)
            server.kill()
            with pytest.raises(CannotTell), store.transaction() as tx:
                tx.put_screen("lost", "Patient/rosa", {})
            server.start()
            with store.transaction() as tx:
                tx.put_screen("newer", "Patient/rosa", {})
            server.kill()
            server.start()
            with store.transaction() as tx:
                assert [row.id for row in tx.screens("Patient/rosa")] == ["s0", "s1", "s2", "new", "newer"]
                assert list(check(tx)) == []
            store.close()

    def test_that_goes_away_in_a_transaction_saves_nothing(
        self, postgres_server: PostgresServer, store: PostgresStore, address: str
    ) -> None:
        """The connection is cut by the server. Planted: an error before COMMIT told as a commit unknown; caught."""

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                cut_off(postgres_server, address)
                tx.put_screen("newer", "Patient/rosa", {})

        with pytest.raises(CannotTell) as found:
            write()
        assert not isinstance(found.value, CommitUnknown)
        with store.transaction() as tx:
            assert tx.screen("new") is None

    def test_that_goes_away_at_the_commit_is_unknown(
        self, postgres_server: PostgresServer, store: PostgresStore, address: str
    ) -> None:
        """A real lost connection. Planted: CannotTell for it; the dead connection kept; both caught."""

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                cut_off(postgres_server, address)

        with pytest.raises(CommitUnknown):
            write()
        with store.transaction() as tx:
            assert tx.screen("new") is None
            tx.put_screen("new", "Patient/rosa", {})


def cut_off(server: PostgresServer, address: str) -> None:
    """End every connection to a database, as a fault of the network would."""
    said = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name_of(address)}'"
    server.execute(said)
    time.sleep(0.2)


def test_a_database_that_another_holds_is_cannot_tell_in_time(
    address: str, store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait has an end, and one sentence; it is fair to who comes after. Planted: no lock_timeout; caught."""
    monkeypatch.setattr(sql, "LOCK_SECONDS", 0.3)
    other = PostgresStore(address, Seal(KEY))
    with store.transaction():
        started = time.monotonic()
        with pytest.raises(CannotTell, match="busy"), other.transaction():
            pytest.fail("it entered while another held the lock")
        assert time.monotonic() - started < 3
    with other.transaction() as tx:
        assert tx.count("screen") == 3
    other.close()


def test_what_a_look_up_asks_waits_for_the_commit_that_it_looks_for(address: str, store: PostgresStore) -> None:
    """Whoever lost the answer to COMMIT must not see "nothing" a moment too early. Planted: no lock; caught."""
    other, seen = PostgresStore(address, Seal(KEY)), []

    def look() -> None:
        with other.transaction() as tx:
            seen.append(tx.screen("new"))

    with store.transaction(people=["Patient/rosa"]) as tx:
        tx.put_screen("new", "Patient/rosa", {})
        asked = threading.Thread(target=look)
        asked.start()
        asked.join(0.3)
        assert seen == []
    asked.join(10)
    assert [row is not None for row in seen] == [True]
    other.close()


@pytest.mark.parametrize("asked", ["off", "local", "remote_apply", "on"])
def test_durability_is_asked_for(address: str, asked: str) -> None:
    """A server set to lose the last moments does not lose ours. Planted: the setting left as it is; caught."""
    store = PostgresStore(f"{address}&options=-csynchronous_commit%3D{asked}", Seal(KEY))
    with store.transaction() as tx:
        found = tx._connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    store.close()
    assert found == (asked if asked in ("on", "remote_apply") else "on")


def test_a_server_that_is_set_otherwise_meanwhile_changes_no_open_session(
    postgres_server: PostgresServer, store: PostgresStore
) -> None:
    """What it confirms there is on disk. Planted: nothing set for the session where the setting was right; caught."""
    store.exists()
    postgres_server.execute("ALTER SYSTEM SET synchronous_commit = off")
    try:
        reloaded(postgres_server, "synchronous_commit", "off")
        with store.transaction() as tx:
            tx.count("screen")
        with store.transaction() as tx:
            assert tx._connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
    finally:
        postgres_server.execute("ALTER SYSTEM RESET synchronous_commit")
        reloaded(postgres_server, "synchronous_commit", "on")


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_what_it_confirms_is_refused(
    postgres_server: PostgresServer, address: str, setting: str
) -> None:
    """At the first connection, in a sentence. Planted: only `synchronous_commit` looked at; each row saw it."""
    postgres_server.execute(f"ALTER SYSTEM SET {setting} = off")
    try:
        reloaded(postgres_server, setting, "off")
        with pytest.raises(InvalidInput, match=f"{setting} = off") as refused:
            PostgresStore(address, Seal(KEY)).exists()
        assert refused.value.field == "WITHNESS_DATABASE_URL"
    finally:
        postgres_server.execute(f"ALTER SYSTEM RESET {setting}")
        reloaded(postgres_server, setting, "on")
    store = PostgresStore(address, Seal(KEY))
    assert store.exists()
    store.close()


def reloaded(server: PostgresServer, setting: str, wanted: str) -> None:
    """Let the server read its settings again, and wait until it has."""
    server.execute("SELECT pg_reload_conf()")
    end = time.monotonic() + 10
    while server.execute(f"SHOW {setting}") != [(wanted,)] and time.monotonic() < end:
        time.sleep(0.05)
    assert server.execute(f"SHOW {setting}") == [(wanted,)]


def test_the_time_is_the_servers(store: PostgresStore) -> None:
    """Machines whose clocks differ save by one clock. Planted: this machine's clock; caught."""
    with store.transaction() as tx:
        store._clock.tell(AT)
        assert 0 <= (store.now() - AT).total_seconds() < 1
        tx.count("screen")
    with store.transaction():
        assert (store.now() - AT).total_seconds() > 1
