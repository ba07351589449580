"""What a save found of the trail's end is gone by in the next one, until anybody else has written (SQLite)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection
from tests.store.furnishing import AT, KEY, RECORD

from withness.audit import log
from withness.audit.folder import Folder
from withness.audit.log_key import make_log_key
from withness.audit.publishing import Publisher
from withness.audit.record import Kind, Record
from withness.seal import Seal
from withness.store import sqlite
from withness.store.sql import CommitUnknown
from withness.store.sqlite import SqliteStore

ENROLLED = Record(Kind.ACTOR_CHANGED, "Practitioner/p1", "somebody", details={"act": "a1"})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "w.sqlite3"


@pytest.fixture
def store(path: Path, tmp_path: Path) -> Iterator[SqliteStore]:
    """An open store with three records, the last of them just saved, and its checkpoint outside."""
    publisher = Publisher(
        "x", Folder(tmp_path / "out"), make_log_key(tmp_path / "log-key", "x"), now=lambda: datetime.now(UTC)
    )
    publisher.begin()
    made = SqliteStore(path, Seal(KEY), publisher)
    made.set_up({"data_id": "x"})
    for _ in range(3):
        save(made)
    yield made
    made.close()


def save(store: SqliteStore, record: Record = RECORD) -> None:
    with store.transaction() as tx:
        log.append(tx, [record], at=AT)
        assert log.damage(tx, prove=True) is None


def enrol(store: SqliteStore, who: str) -> None:
    with store.transaction() as tx:
        tx.put_act(who, who, "enrolled", {"statement": {}})
        log.append(tx, [RECORD], at=AT)


def directory(store: SqliteStore) -> list[str]:
    with store.transaction() as tx:
        log.damage(tx, prove=True)
        return [row.person for row in tx.directory()]


def broken(store: SqliteStore) -> bool:
    with store.transaction() as tx:
        return log.broken(tx)


def asked(store: SqliteStore, work: Callable[[], None]) -> str:
    """Every statement that the store's open connection runs in `work`."""
    said: list[str] = []
    assert store._connection is not None
    driver = store._connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    driver.set_trace_callback(said.append)
    work()
    driver.set_trace_callback(None)
    return "\n".join(said)


def test_what_nobody_has_changed_is_not_read_again(store: SqliteStore) -> None:
    """Neither schema nor head nor newest record. Planted: nothing taken over; caught."""
    said = asked(store, lambda: save(store))
    assert "sqlite_master" not in said
    assert "FROM audit_" not in said


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_head SET root = x'00'",
        "UPDATE audit_head SET size = 2",
        "DROP TRIGGER audit_leaf_no_update",
        "DROP INDEX outbox_by_plan",
        "UPDATE alembic_version SET version_num = '9'",
        "DROP TRIGGER audit_leaf_no_delete; DELETE FROM audit_leaf WHERE seq = 2",
    ],
)
def test_what_another_connection_has_changed_is_seen_at_once(store: SqliteStore, path: Path, change: str) -> None:
    """By a process that has just saved. Planted: SQLite's number of others' changes not compared; all six caught."""
    assert not broken(store)
    with closing(sqlite3.connect(path)) as other:
        other.executescript(change)
    assert broken(store)


def test_who_may_sign_is_opened_once_for_many_saves(store: SqliteStore) -> None:
    """As long as nobody has changed it. Planted: the directory not taken over; caught."""
    enrol(store, "Practitioner/p1")
    assert directory(store) == ["Practitioner/p1"]
    assert "FROM act" not in asked(store, lambda: save(store))
    assert "FROM act" not in asked(store, lambda: directory(store))


def test_who_may_sign_from_now_on_is_known_at_once(store: SqliteStore) -> None:
    """Planted: the directory kept when somebody is enrolled; caught."""
    enrol(store, "Practitioner/p1")
    assert directory(store) == ["Practitioner/p1"]
    enrol(store, "Practitioner/p2")
    assert directory(store) == ["Practitioner/p1", "Practitioner/p2"]


@pytest.mark.parametrize("change", ["DELETE FROM act", "UPDATE act SET content = x'00'"])
def test_who_may_sign_is_read_again_when_another_connection_has_written(
    store: SqliteStore, path: Path, change: str
) -> None:
    """Planted: SQLite's number of others' changes not compared; caught."""
    enrol(store, "Practitioner/p1")
    assert directory(store) == ["Practitioner/p1"]
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER IF EXISTS act_no_delete")
        other.execute("DROP TRIGGER IF EXISTS act_no_update")
        other.execute(change)
        other.commit()
    assert directory(store) == []


def test_what_was_written_over_the_file_itself_is_seen_at_once(store: SqliteStore, path: Path) -> None:
    """Not by SQLite, whose count of changes then says nothing, and which goes on with the pages that it has.

    Planted: the file's own time not compared; caught.
    """
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert not broken(store)
    with store.transaction() as tx:
        hashed = [leaf.leaf_hash for leaf in tx.leaves()]
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content.replace(hashed[0], bytes(32)))
    assert broken(store)


def test_an_older_copy_of_the_end_is_seen_at_once(store: SqliteStore, path: Path) -> None:
    """A rewritten trail with the same number of records. Planted: as above; caught."""
    with closing(SqliteStore(path.with_name("other.sqlite3"), Seal(KEY))) as forged:
        forged.set_up({"data_id": "x"})
        with forged.transaction() as tx:
            log.append(tx, [RECORD] * 3, at=AT)
    with closing(sqlite3.connect(path)) as other:
        other.executescript("DROP TRIGGER audit_leaf_no_delete; DROP TRIGGER audit_leaf_no_replace")
        triggers = [one for one in _triggers(path.with_name("other.sqlite3")) if "audit_leaf_no" in one]
        other.execute("ATTACH ? AS forged", (str(path.with_name("other.sqlite3")),))
        for table in ("audit_leaf", "audit_head"):
            other.execute(f"DELETE FROM {table}")
            other.execute(f"INSERT INTO {table} SELECT * FROM forged.{table}")
        for one in triggers:
            if "no_delete" in one or "no_replace" in one:
                other.execute(one)
        other.commit()
    with store.transaction() as tx:
        assert tx.schema_damage() is None
    assert broken(store)


def _triggers(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")]


def test_a_checkpoint_that_was_published_meanwhile_is_held_against_it(store: SqliteStore, tmp_path: Path) -> None:
    """Of a longer log: another copy went on. Planted: what fitted once fits for ever; caught."""
    assert not broken(store)
    publisher = store.publisher
    assert publisher is not None
    with closing(SqliteStore(tmp_path / "copy.sqlite3", Seal(KEY), publisher)) as copy:
        copy.set_up({"data_id": "x"})
        with copy.transaction() as tx:
            log.append(tx, [RECORD] * 300, at=AT)
    assert broken(store)


def test_what_the_store_itself_changes_by_another_way_is_seen(store: SqliteStore) -> None:
    """DDL of its own, as migrations run it. Planted: it is gone by what was known all the same; caught."""
    with store.transaction() as tx:
        assert log.damage(tx) is None
        tx.execute_ddl("DROP TRIGGER audit_leaf_no_update")
    assert broken(store)


def test_a_block_that_was_undone_leaves_nothing_behind(store: SqliteStore) -> None:
    """Nor does a new kind of record. Planted: what an undone block found is kept; enrolments not forgotten; caught."""

    def fail() -> None:
        with store.transaction() as tx:
            log.append(tx, [RECORD], at=AT)
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    with store.transaction() as tx:
        assert tx.recorded_enrolments() == ()
        last = tx.last()
        assert last is not None
        assert last.seq == 2
    save(store, ENROLLED)
    with store.transaction() as tx:
        assert tx.recorded_enrolments() == ("a1",)
    assert not broken(store)


def test_what_another_wrote_is_seen_after_a_block_that_failed(store: SqliteStore, path: Path) -> None:
    """Planted: the new number noted and what was known kept, where the first block after it fails; caught."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE audit_head SET size = 2")
    with pytest.raises(ZeroDivisionError), store.transaction():
        raise ZeroDivisionError
    assert broken(store)


def test_a_log_in_anothers_place_takes_no_save_with_it(store: SqliteStore, path: Path) -> None:
    """What went into the one that is gone would be lost. Planted: which files they are not compared; caught."""
    log_file = path.with_name(f"{path.name}-wal")
    other = path.with_name("other-wal")
    other.write_bytes(log_file.read_bytes())
    other.replace(log_file)
    save(store)
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM audit_leaf").fetchone() == (4,)


@pytest.mark.parametrize("landed", [True, False])
def test_after_a_commit_that_a_signal_broke_off_records_go_on(
    store: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch, landed: bool
) -> None:
    """Whether it is durable or not: what lies there is read anew. Planted: the connection kept, and what was known with
    it, which left no record saved until the process began anew; caught.
    """
    real = sqlite.commit

    def broken_off(connection: Connection) -> None:
        if landed:
            real(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(sqlite, "commit", broken_off)
    with pytest.raises(KeyboardInterrupt):
        save(store)
    monkeypatch.setattr(sqlite, "commit", real)
    save(store)
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT count(*) FROM audit_leaf").fetchone() == (4 + landed,)


def test_what_was_known_before_a_commit_is_forgotten_with_its_answer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: kept where the COMMIT's answer is lost; caught, and by the gate's whole life."""
    real = SqliteStore._commit

    def unanswered(self: SqliteStore, connection: Connection) -> None:
        real(self, connection)
        raise CommitUnknown("lost")

    monkeypatch.setattr(SqliteStore, "_commit", unanswered)
    with pytest.raises(CommitUnknown):
        save(store)
    monkeypatch.setattr(SqliteStore, "_commit", real)
    save(store)
