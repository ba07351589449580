"""The one database: append-only by trigger, all or nothing, one writer at a time, sealed and its owner's alone."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from filelock import FileLock
from tests.store.furnishing import AT, KEY, RECORD, WORDS, furnish

from withness.audit.check import check
from withness.audit.log import append, broken
from withness.core.note import Kept
from withness.errors import CannotTell, SealBroken
from withness.seal import Seal
from withness.store import schema, sql, triggers
from withness.store.rows import NoteRow, NoteState, PlanRow, PlanState
from withness.store.sqlite import SqliteStore

APPEND_ONLY = tuple(triggers.APPEND_ONLY)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "withness.sqlite3"


@cache
def furnished() -> bytes:
    """The file of a database with three rows in each table, made once."""
    with TemporaryDirectory() as folder:
        made = SqliteStore(Path(folder) / "w.sqlite3", Seal(KEY))
        furnish(made)
        made.close()
        return (Path(folder) / "w.sqlite3").read_bytes()


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    """A store with three rows in each table."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    path.write_bytes(furnished())
    made = SqliteStore(path, Seal(KEY))
    yield made
    made.close()


def dump(path: Path) -> list[str]:
    """The database's content and schema, read by nobody but the sqlite3 module."""
    database = sqlite3.connect(path)
    try:
        return list(database.iterdump())
    finally:
        database.close()


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
CHANGES = [
    *(f"UPDATE {table} SET {key} = {key}" for table, key in KEYS.items()),
    *(f"UPDATE OR REPLACE {table} SET {key} = {key}" for table, key in KEYS.items()),
    *(f"DELETE FROM {table}" for table in KEYS),
    *(f"DELETE FROM {table} WHERE {key} = (SELECT min({key}) FROM {table})" for table, key in KEYS.items()),
    *(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} LIMIT 1" for table in KEYS),
    *(f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1" for table in KEYS),
    *(f"INSERT OR IGNORE INTO {table} SELECT * FROM {table} LIMIT 1" for table in KEYS),
    # into the row's place by its own number or by another unique column
    "INSERT OR REPLACE INTO decision (rowid, id, person, content) VALUES (1, 'new', 'Patient/rosa', x'00')",
    "INSERT OR REPLACE INTO policy (rowid, digest, version, content) VALUES (1, 'new', '1', x'00')",
    "INSERT OR REPLACE INTO process_note VALUES ('a0', 'Practitioner/s1', '2026', x'00')",
    "INSERT OR REPLACE INTO note_request VALUES ('r0', 'n1')",
    "INSERT OR REPLACE INTO check_in VALUES (99, 'c0', 'Patient/rosa', x'00')",
    "INSERT INTO check_in VALUES (0, 'new', 'Patient/rosa', x'00')",
    "INSERT OR REPLACE INTO screen VALUES (99, 's0', 'Patient/rosa', x'00')",
    "INSERT INTO screen VALUES (99, 's0', 'Patient/tom', x'00') ON CONFLICT (id) DO UPDATE SET person = 'Patient/tom'",
    # before the end
    "INSERT INTO screen VALUES (0, 'new', 'Patient/rosa', x'00')",
    "INSERT INTO screen VALUES (-5, 'new', 'Patient/rosa', x'00')",
    "INSERT INTO audit_leaf (seq, segment, leaf_hash, body, recorded_at, kind, actor, v)"
    " VALUES (-1, 0, x'00', x'00', '', '', '', 1)",
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_append_only_table_refuses_every_change(store: SqliteStore, path: Path, change: str) -> None:
    """By any tool, not by our code alone. Planted: each trigger left out in turn; `=` for `>=`; all caught."""
    store.close()
    database = sqlite3.connect(path)
    database.execute("INSERT INTO audit_tile VALUES (0, 0, 0, x'00', x'00')")
    database.commit()
    before = dump(path)
    with pytest.raises(sqlite3.DatabaseError, match=r"append-only|UNIQUE|no (such )?column( named|:) rowid"):
        database.execute(change)
    database.commit()
    database.close()
    assert dump(path) == before


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_every_append_only_table_has_its_three_triggers(table: str) -> None:
    """The list of this file is the schema's. Planted: `policy` taken out of it; caught."""
    assert set(KEYS) == set(APPEND_ONLY)
    names = {statement.split()[2] for statement in schema.triggers()}
    assert names == {f"{one}_no_{verb}" for one in APPEND_ONLY for verb in ("update", "delete", "replace")}
    assert any(f" {table} " in statement for statement in schema.triggers())


class TestAllOrNothing:
    @pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
    def test_an_exception_leaves_nothing(self, store: SqliteStore, path: Path, error: BaseException) -> None:
        """Whatever it is, it comes out as it was. Planted: `except Exception` for the roll back; caught."""
        before = dump(path)

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                append(tx, [RECORD], at=AT)
                raise error

        with pytest.raises(type(error)):
            write()
        assert dump(path) == before
        with store.transaction() as tx:
            assert tx.screen("new") is None
            append(tx, [RECORD], at=AT)
            assert list(check(tx)) == []

    def test_an_error_of_the_database_is_cannot_tell_and_leaves_nothing(self, store: SqliteStore, path: Path) -> None:
        """A sentence, without the statement's values. Planted: the driver's text passed on; caught."""
        before = dump(path)

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/secret", {})
                tx.put_facts({"data_id": "twice"})

        with pytest.raises(CannotTell) as found:
            write()
        assert "secret" not in str(found.value)
        assert "twice" not in str(found.value)
        assert found.value.exit_code == 7
        assert dump(path) == before

    def test_what_was_committed_is_there_for_the_next_connection(self, store: SqliteStore, path: Path) -> None:
        """The block's end commits. Planted: the commit left out; caught."""
        with store.transaction() as tx:
            tx.put_screen("new", "Patient/rosa", {"words": WORDS})
        with SqliteStore(path, Seal(KEY)).transaction() as tx:
            found = tx.screen("new")
            assert found is not None
            assert found.content == {"words": WORDS}


class TestAFailedCommit:
    """COMMIT's failure says nothing about durability: audit notes 3.4, a failed COMMIT can become durable."""

    def test_on_a_full_disk_acknowledges_nothing_that_is_lost(self, path: Path) -> None:
        """A real one: the file may not grow (RLIMIT_FSIZE). All that was acknowledged is there after, and whole.

        Planted: an error of COMMIT swallowed; caught.
        """
        made = SqliteStore(path, Seal(KEY))
        made.set_up({"data_id": "x"})
        made.close()
        said = textwrap.dedent("""
            import sys
            from pathlib import Path
            from tests.store.test_sql import write_until_it_fails
            write_until_it_fails(Path(sys.argv[1]))
        """)
        root = Path(__file__).resolve().parents[2]
        command = [sys.executable, "-c", said, path]
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        *acknowledged, end = done.stdout.split()
        assert end in ("CannotTell", "CommitUnknown")
        assert len(acknowledged) > 5
        after = SqliteStore(path, Seal(KEY))
        with after.transaction() as tx:
            kept = [row.id for row in tx.screens("Patient/rosa")]
            assert kept[: len(acknowledged)] == acknowledged
            assert len(kept) <= len(acknowledged) + 1
            assert tx.count("audit_leaf") == len(kept)
            assert list(check(tx)) == []
            append(tx, [RECORD], at=AT)  # it recovers by itself when there is room again
        after.close()


def write_until_it_fails(path: Path) -> None:
    """In a process of its own: print each acknowledged id, then the error that ended it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
    store = SqliteStore(path, Seal(KEY))
    for number in range(10_000):
        try:
            with store.transaction() as tx:
                tx.put_screen(f"n{number}", "Patient/rosa", {"words": WORDS * 20})
                append(tx, [RECORD], at=AT)
        except CannotTell as error:
            print(type(error).__name__)  # noqa: T201
            return
        print(f"n{number}", flush=True)  # noqa: T201


class TestOneWriterAtATime:
    def test_a_store_that_another_process_holds_is_cannot_tell_in_time(
        self, path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The wait has an end, and one sentence. Planted: a lock without a limit; caught (the test's own limit)."""
        monkeypatch.setattr(sql, "LOCK_SECONDS", 0.3)
        waiting = SqliteStore(path, Seal(KEY))
        said = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]):\n    print('held', flush=True)\n    input()"
        command = [sys.executable, "-c", said, f"{path}.lock"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            started = datetime.now(UTC)
            with pytest.raises(CannotTell, match="busy"), waiting.transaction():
                pytest.fail("it entered while another process held the lock")
            assert datetime.now(UTC) - started < timedelta(seconds=3)
            holder.communicate("\n")
        with waiting.transaction() as tx:
            assert tx.count("screen") == 3
        waiting.close()

    def test_a_store_that_another_thread_holds_is_cannot_tell_in_time(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same limit holds within one process. Planted: the thread lock without a limit; caught."""
        monkeypatch.setattr(sql, "LOCK_SECONDS", 0.3)
        shared = SqliteStore(path, Seal(KEY))
        shared.set_up({"data_id": "x"})
        held, done = threading.Event(), threading.Event()
        came: list[str] = []

        def hold() -> None:
            with shared.transaction():
                held.set()
                done.wait(10)

        def ask() -> None:
            try:
                with shared.transaction():
                    came.append("entered")
            except CannotTell:
                came.append("cannot tell")

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(5)
        asker = threading.Thread(target=ask)
        asker.start()
        asker.join(3)
        in_time = list(came)
        done.set()
        holder.join(5)
        asker.join(5)
        shared.close()
        assert in_time == ["cannot tell"]

    def test_two_processes_lose_nothing_of_each_other(self, path: Path) -> None:
        """A hundred rows each, dense numbers, one tree. Planted: no file lock and a deferred BEGIN; caught."""
        made = SqliteStore(path, Seal(KEY))
        made.set_up({"data_id": "x"})
        made.close()
        processes = multiprocessing.get_context("spawn")
        writers = [processes.Process(target=write_rows, args=(path, name)) for name in ("a", "b")]
        for one in writers:
            one.start()
        for one in writers:
            one.join(60)
        assert [one.exitcode for one in writers] == [0, 0]
        with made.transaction() as tx:
            ids = [row.id for row in tx.screens("Patient/rosa")]
            assert sorted(ids) == sorted(f"{name}{number}" for name in "ab" for number in range(100))
            for name in "ab":
                own = [id for id in ids if id.startswith(name)]
                assert own == [f"{name}{number}" for number in range(100)]
            assert [leaf.seq for leaf in tx.leaves()] == list(range(200))
            assert [row.number for row in tx.screens("Patient/rosa")] == list(range(1, 201))
            assert list(check(tx)) == []
        made.close()

    def test_the_lock_is_held_for_the_whole_transaction_and_no_longer(self, store: SqliteStore, path: Path) -> None:
        """Planted: the lock released before the block runs; kept after it; both caught."""
        from filelock import Timeout

        another = FileLock(f"{path}.lock", timeout=0.05)
        with store.transaction(), pytest.raises(Timeout):
            another.acquire()
        with another:
            pass
        with pytest.raises(ValueError, match="x"), store.transaction():
            raise ValueError("x")
        with another:
            pass


def write_rows(path: Path, name: str) -> None:
    """In a process of its own: a hundred transactions."""
    store = SqliteStore(path, Seal(KEY))
    for number in range(100):
        with store.transaction() as tx:
            tx.put_screen(f"{name}{number}", "Patient/rosa", {"number": number})
            append(tx, [RECORD], at=AT)
    store.close()


class TestAtRest:
    def test_every_file_is_its_owners_alone(self, path: Path) -> None:
        """0600, its folder 0700; database, log, shared memory and lock. Planted: the file made by sqlite3; caught."""
        before = os.umask(0o022)
        try:
            fresh = SqliteStore(path, Seal(KEY))
            fresh.set_up({"data_id": "x"})
            with fresh.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
        finally:
            os.umask(before)
        modes = {one.name: oct(one.stat().st_mode & 0o777) for one in path.parent.iterdir()}
        assert set(modes) >= {path.name, f"{path.name}-wal", f"{path.name}-shm", f"{path.name}.lock"}
        assert set(modes.values()) == {"0o600"}
        assert path.parent.stat().st_mode & 0o777 == 0o700
        fresh.close()

    def test_a_schema_is_read_whatever_sqlite_counts(self, store: SqliteStore, path: Path) -> None:
        """A trigger dropped under a running store. Planted: looked at only where `schema_version` moved; caught."""
        with store.transaction() as tx:
            assert tx.schema_damage() is None
        with closing(sqlite3.connect(path)) as other:
            version = other.execute("PRAGMA schema_version").fetchone()[0]
            other.execute("DROP TRIGGER audit_leaf_no_update")
            other.execute(f"PRAGMA schema_version = {version}")
            other.commit()
        with store.transaction() as tx:
            assert tx.schema_damage() == "the trigger audit_leaf_no_update is missing from the database"

    def test_the_words_are_in_no_file(self, store: SqliteStore, path: Path) -> None:
        """I6, in the database and in its log. Planted: `_close` returns the plain bytes; caught."""
        with store.transaction() as tx:
            tx.put_plan(PlanRow("p9", "r9", PlanState.HELD, None, "2026", {"draft": WORDS}))
            tx.put_note(NoteRow("n9", Kept.RECORD, NoteState.DRAFT, "2026", {"versions": [WORDS]}))
            tx.put_process_note("a9", "Practitioner/p1", "2026", {"words": WORDS})
            tx.put_check_in("c9", "Patient/rosa", {"resource": WORDS})
        for one in path.parent.iterdir():
            assert WORDS.encode() not in one.read_bytes()
        store.close()
        for one in path.parent.iterdir():
            assert WORDS.encode() not in one.read_bytes()

    @pytest.mark.parametrize(
        ("from_row", "into"),
        [
            ("screen WHERE id = 's0'", "screen WHERE id = 's1'"),
            ("decision WHERE id = 'd0'", "decision WHERE id = 'd1'"),
            ("plan WHERE id = 'p0'", "plan WHERE id = 'p1'"),
            ("outbox WHERE decision_id = 'd0'", "outbox WHERE decision_id = 'd1'"),
            ("screen WHERE id = 's0'", "plan WHERE id = 'p1'"),
            ("outbox WHERE decision_id = 'd1'", "decision WHERE id = 'd1'"),
            ("note WHERE id = 'n0'", "note WHERE id = 'n1'"),
            ("process_note WHERE id = 'a0'", "process_note WHERE id = 'a1'"),
            ("process_note WHERE id = 'a0'", "note WHERE id = 'n1'"),
            ("note WHERE id = 'n0'", "process_note WHERE id = 'a1'"),
            ("check_in WHERE id = 'c0'", "check_in WHERE id = 'c1'"),
            ("screen WHERE id = 's0'", "check_in WHERE id = 'c1'"),
        ],
    )
    def test_a_sealed_column_does_not_open_in_another_row(
        self, store: SqliteStore, path: Path, from_row: str, into: str
    ) -> None:
        """Bound to table, column and row. Planted: the row left out of the place; caught."""
        store.close()
        table, _, where = into.partition(" WHERE ")
        database = sqlite3.connect(path)
        for name in [f"{one}_no_update" for one in APPEND_ONLY]:
            database.execute(f"DROP TRIGGER {name}")
        content = f"(SELECT content FROM {from_row})"
        assert database.execute(f"UPDATE {table} SET content = {content} WHERE {where}").rowcount == 1
        database.commit()
        database.close()
        ask: dict[str, Any] = {
            "screen": lambda tx: tx.screen("s1"),
            "decision": lambda tx: tx.decision("d1", "Patient/rosa"),
            "plan": lambda tx: tx.plan("p1"),
            "outbox": lambda tx: tx.outbox("d1"),
            "note": lambda tx: tx.note("n1"),
            "process_note": lambda tx: tx.process_note("a1"),
            "check_in": lambda tx: tx.check_in("c1"),
        }
        with pytest.raises(SealBroken), store.transaction() as tx:
            ask[table](tx)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE note SET state = 'signed' WHERE id = 'n1'",
            "UPDATE note SET kind = 'supervision' WHERE id = 'n1'",
            "UPDATE note SET updated_at = '2027' WHERE id = 'n1'",
            "UPDATE process_note SET author = 'Practitioner/s1' WHERE id = 'a1'",
            "UPDATE process_note SET written_at = '2027' WHERE id = 'a1'",
        ],
    )
    def test_a_note_is_bound_to_its_plain_columns(self, store: SqliteStore, path: Path, change: str) -> None:
        """Planted: the state left out of what a note is sealed to; a process note's author; both caught."""
        store.close()
        database = sqlite3.connect(path)
        database.execute("DROP TRIGGER process_note_no_update")
        database.execute(change)
        database.commit()
        database.close()
        with pytest.raises(SealBroken), store.transaction() as tx:
            tx.note("n1") if "UPDATE note" in change else tx.process_note("a1")

    def test_without_the_key_nothing_sealed_is_read_or_written(self, store: SqliteStore, path: Path) -> None:
        """The trail's structure is read without a key, the words are not. Planted: a zero key in its place; caught."""
        store.close()
        bare = SqliteStore(path, None)
        with bare.transaction() as tx:
            assert list(check(tx)) == []
            assert not tx.opens
            assert tx.screen_ids() == (("s0", "Patient/rosa"), ("s1", "Patient/rosa"), ("s2", "Patient/rosa"))
            for ask in (lambda: tx.screens("Patient/rosa"), lambda: tx.put_screen("n", "Patient/rosa", {})):
                with pytest.raises(CannotTell):
                    ask()
        bare.close()


class TestTheSchema:
    @pytest.mark.parametrize(
        "change",
        [
            *(f"DROP TRIGGER {statement.split()[2]}" for statement in schema.triggers()),
            "DROP INDEX screen_by_person",
            "DROP TABLE outbox",
            "ALTER TABLE plan ADD COLUMN note",
            "CREATE VIEW v AS SELECT 1",
            "CREATE TABLE other (x)",
        ],
    )
    def test_any_change_of_it_is_said(self, store: SqliteStore, path: Path, change: str) -> None:
        """Triggers stop accidents; their absence is seen. Planted: only tables compared; caught."""
        store.close()
        database = sqlite3.connect(path)
        database.execute(change)
        database.commit()
        database.close()
        with closing(SqliteStore(path, None)) as bare, bare.transaction() as tx:  # with its key it would mend
            assert tx.schema_damage()
        with store.transaction() as tx:
            assert broken(tx)

    def test_setting_up_twice_changes_nothing(self, store: SqliteStore, path: Path) -> None:
        """The first facts stay. Planted: facts written each time; caught."""
        before = dump(path)
        assert store.set_up({"data_id": "another"})["data_id"] == "x"
        assert dump(path) == before

    def test_durability_is_asked_for(self, store: SqliteStore, path: Path) -> None:
        """WAL with synchronous=FULL: NORMAL lost acknowledged rows at a power cut. Planted: NORMAL; caught."""
        with store.transaction() as tx:
            ask = tx._connection.exec_driver_sql
            said = {name: ask(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous", "temp_store")}
        assert said == {"journal_mode": "wal", "synchronous": 2, "temp_store": 2}

    def test_every_statement_of_it_is_made_once(self) -> None:
        """Planted: a trigger twice; caught."""
        statements = schema.ddl()
        assert len(set(statements)) == len(statements)
        assert len([one for one in statements if one.startswith("CREATE TABLE")]) == len(schema.metadata.tables)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_file_that_is_no_database_is_cannot_tell(tmp_path: Path, content: bytes) -> None:
    """Exit 7, never a traceback, and the file stays as it was. Planted: DatabaseError not caught; caught."""
    path = tmp_path / "w.sqlite3"
    path.write_bytes(content)
    store = SqliteStore(path, Seal(KEY))
    assert store.exists() is bool(content)
    with pytest.raises(CannotTell), store.transaction() as tx:
        tx.screens("Patient/rosa")
    store.close()
    assert path.read_bytes() == content or not content
