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
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from filelock import FileLock
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from withness.audit.check import check
from withness.audit.log import append
from withness.audit.record import Kind, Record
from withness.audit.tiles import Tile
from withness.core.note import Kept
from withness.errors import CannotTell, SealBroken
from withness.seal import Seal
from withness.store import schema, sql
from withness.store.rows import DecisionRow, Delivery, NoteRow, NoteState, OutboxRow, PlanRow, PlanState, Sending
from withness.store.sql import CommitUnknown, Store

KEY = b"k" * 32
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
RECORD = Record(Kind.TRAIL_VIEWED, "Practitioner/p1", "somebody", patient="Patient/rosa")
WORDS = "I want somebody to get it"
APPEND_ONLY = (
    "audit_leaf",
    "audit_tile",
    "screen",
    "act",
    "decision",
    "policy",
    "check_in",
    "note_request",
    "process_note",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "withness.sqlite3"


@cache
def furnished() -> bytes:
    """The file of a database with three rows in each table, made once."""
    with TemporaryDirectory() as folder:
        made = Store(Path(folder) / "w.sqlite3", Seal(KEY))
        made.set_up({"data_id": "x"})
        with made.transaction() as tx:
            append(tx, [RECORD] * 3, at=AT)
            for number in range(3):
                tx.put_tile(Tile(0, 0, number, b"r" * 32, b"h" * 8192))
                tx.put_screen(f"s{number}", "Patient/rosa", {"words": f"{WORDS} {number}"})
                tx.put_act(f"a{number}", "Patient/rosa", "step", {"number": number})
                tx.put_decision(DecisionRow(f"d{number}", "Patient/rosa", {"number": number}))
                tx.put_policy(f"digest{number}", "0.1.0", b"policy")
                tx.put_plan(PlanRow(f"p{number}", f"r{number}", PlanState.HELD, None, "2026", {"number": number}))
                tx.put_note(NoteRow(f"n{number}", Kept.RECORD, NoteState.DRAFT, "2026", {"number": number}))
                tx.put_check_in(f"c{number}", "Patient/rosa", {"words": f"{WORDS} {number}"})
                tx.put_note_request(f"r{number}", f"n{number}")
                tx.put_process_note(f"a{number}", "Practitioner/p1", "2026", {"words": f"{WORDS} {number}"})
                tx.put_outbox(
                    OutboxRow(
                        f"d{number}", Sending.PLAN, "p0", "local", Delivery.WAITING, 0, "", "2026", {"number": number}
                    )
                )
        made.close()
        return (Path(folder) / "w.sqlite3").read_bytes()


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    """A store with three rows in each table."""
    path.parent.mkdir(mode=0o700)
    path.touch(0o600)
    path.write_bytes(furnished())
    made = Store(path, Seal(KEY))
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
def test_an_append_only_table_refuses_every_change(store: Store, path: Path, change: str) -> None:
    """By any tool, not by our code alone. Planted: each trigger left out in turn; `=` for `>=`; all caught."""
    store.close()
    before = dump(path)
    database = sqlite3.connect(path)
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


def test_our_own_code_cannot_change_a_screen_either(store: Store) -> None:
    """The same id twice is refused, and nothing of that transaction stays. Planted: a screen there skipped; caught."""

    def write() -> None:
        with store.transaction() as tx:
            tx.put_screen("new", "Patient/rosa", {})
            tx.put_screen("s0", "Patient/rosa", {})

    with pytest.raises(CannotTell):
        write()
    with store.transaction() as tx:
        assert [row.id for row in tx.screens("Patient/rosa")] == ["s0", "s1", "s2"]


class TestAllOrNothing:
    @pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1), GeneratorExit()])
    def test_an_exception_leaves_nothing(self, store: Store, path: Path, error: BaseException) -> None:
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

    def test_an_error_of_the_database_is_cannot_tell_and_leaves_nothing(self, store: Store, path: Path) -> None:
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

    def test_what_was_committed_is_there_for_the_next_connection(self, store: Store, path: Path) -> None:
        """The block's end commits. Planted: the commit left out; caught."""
        with store.transaction() as tx:
            tx.put_screen("new", "Patient/rosa", {"words": WORDS})
        with Store(path, Seal(KEY)).transaction() as tx:
            found = tx.screen("new")
            assert found is not None
            assert found.content == {"words": WORDS}


class TestAFailedCommit:
    """COMMIT's failure says nothing about durability: audit notes 3.4, a failed COMMIT can become durable."""

    @pytest.mark.parametrize("durable", [False, True])
    def test_is_unknown_until_it_is_looked_up(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, durable: bool
    ) -> None:
        """The driver's commit is replaced: a real fsync error needs a broken disk. It fails before, or after its work.

        Planted: CommitUnknown raised as "nothing was saved"; the connection kept; both caught.
        """
        real = Connection.commit

        def fail(self: Connection) -> None:
            if durable:
                real(self)
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

        monkeypatch.setattr(Connection, "commit", fail)
        with pytest.raises(CommitUnknown) as found, store.transaction() as tx:
            tx.put_screen("new", "Patient/rosa", {})
        assert found.value.exit_code == 7
        assert "nothing" not in found.value.message
        monkeypatch.setattr(Connection, "commit", real)
        with store.transaction() as tx:
            assert (tx.screen("new") is not None) is durable
            append(tx, [RECORD], at=AT)
            assert list(check(tx)) == []

    def test_on_a_full_disk_acknowledges_nothing_that_is_lost(self, path: Path) -> None:
        """A real one: the file may not grow (RLIMIT_FSIZE). All that was acknowledged is there after, and whole.

        Planted: an error of COMMIT swallowed; caught.
        """
        made = Store(path, Seal(KEY))
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
        after = Store(path, Seal(KEY))
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
    store = Store(path, Seal(KEY))
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
        self, path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The wait has an end, and one sentence. Planted: a lock without a limit; caught (the test's own limit)."""
        monkeypatch.setattr(sql, "LOCK_SECONDS", 0.3)
        waiting = Store(path, Seal(KEY))
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
        shared = Store(path, Seal(KEY))
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
        made = Store(path, Seal(KEY))
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

    def test_the_lock_is_held_for_the_whole_transaction_and_no_longer(self, store: Store, path: Path) -> None:
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
    store = Store(path, Seal(KEY))
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
            fresh = Store(path, Seal(KEY))
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

    def test_the_words_are_in_no_file(self, store: Store, path: Path) -> None:
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
        self, store: Store, path: Path, from_row: str, into: str
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
    def test_a_note_is_bound_to_its_plain_columns(self, store: Store, path: Path, change: str) -> None:
        """Planted: the state left out of what a note is sealed to; a process note's author; both caught."""
        store.close()
        database = sqlite3.connect(path)
        database.execute("DROP TRIGGER process_note_no_update")
        database.execute(change)
        database.commit()
        database.close()
        with pytest.raises(SealBroken), store.transaction() as tx:
            tx.note("n1") if "UPDATE note" in change else tx.process_note("a1")

    def test_without_the_key_nothing_sealed_is_read_or_written(self, store: Store, path: Path) -> None:
        """The trail's structure is read without a key, the words are not. Planted: a zero key in its place; caught."""
        store.close()
        bare = Store(path, None)
        with bare.transaction() as tx:
            assert list(check(tx)) == []
            assert not tx.opens
            assert tx.screen_ids() == (("s0", "Patient/rosa"), ("s1", "Patient/rosa"), ("s2", "Patient/rosa"))
            for ask in (lambda: tx.screens("Patient/rosa"), lambda: tx.put_screen("n", "Patient/rosa", {})):
                with pytest.raises(CannotTell):
                    ask()
        bare.close()


class TestTheSchema:
    def test_a_fresh_one_is_what_this_release_expects(self, store: Store) -> None:
        """The base line. Planted: an index without a name of its own; caught."""
        with store.transaction() as tx:
            assert tx.schema_damage() is None

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
    def test_any_change_of_it_is_said(self, store: Store, path: Path, change: str) -> None:
        """Triggers stop accidents; their absence is seen. Planted: only tables compared; caught."""
        store.close()
        database = sqlite3.connect(path)
        database.execute(change)
        database.commit()
        database.close()
        with store.transaction() as tx:
            assert tx.schema_damage()

    def test_setting_up_twice_changes_nothing(self, store: Store, path: Path) -> None:
        """The first facts stay. Planted: facts written each time; caught."""
        before = dump(path)
        assert store.set_up({"data_id": "another"})["data_id"] == "x"
        assert dump(path) == before

    def test_durability_is_asked_for(self, store: Store, path: Path) -> None:
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
    store = Store(path, Seal(KEY))
    assert store.exists() is bool(content)
    with pytest.raises(CannotTell), store.transaction() as tx:
        tx.screens("Patient/rosa")
    store.close()
    assert path.read_bytes() == content or not content


class TestNotes:
    def test_one_row_holds_a_note_and_moves_with_it(self, store: Store) -> None:
        """Saved again it is the same row. Planted: INSERT OR IGNORE for the upsert; caught."""
        with store.transaction() as tx:
            tx.put_note(NoteRow("n1", Kept.RECORD, NoteState.SIGNED, "2027", {"versions": [WORDS]}))
            assert tx.note_ids() == ("n1", "n0", "n2")
            assert tx.note_states() == {"n0": "draft", "n1": "signed", "n2": "draft"}
            found = tx.note("n1")
        assert found == NoteRow("n1", Kept.RECORD, NoteState.SIGNED, "2027", {"versions": [WORDS]})

    def test_a_request_is_known_by_the_note_that_it_saved(self, store: Store) -> None:
        """Planted: the first row's note for every request; caught."""
        with store.transaction() as tx:
            assert (tx.note_of("r2"), tx.note_of("r9")) == ("n2", None)
            assert tx.note_requests() == {"r0": "n0", "r1": "n1", "r2": "n2"}

    def test_process_notes_are_listed_by_author(self, store: Store) -> None:
        """Planted: the author left out of the query; caught."""
        with store.transaction() as tx:
            tx.put_process_note("a9", "Practitioner/s1", "2027", {"words": WORDS})
            assert tx.process_note_ids("Practitioner/s1") == ("a9",)
            assert set(tx.process_note_ids("Practitioner/p1")) == {"a0", "a1", "a2"}
            assert len(tx.process_note_ids()) == 4
            assert tx.process_note("none") is None


def test_words_come_back_as_they_were(store: Store) -> None:
    """Sealed JSON keeps every character. Planted: `errors="replace"`; caught."""
    words = {"a": "👩‍👧 e\u0301 \u202e\r\n\t\U0010ffff", "b": [1, 2.5, None, True]}
    with store.transaction() as tx:
        tx.put_screen("new", "Patient/rosa", words)
        found = tx.screen("new")
    assert found is not None
    assert found.content == words
