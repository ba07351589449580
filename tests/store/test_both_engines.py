"""What both stores keep to, on SQLite and on a real PostgreSQL server: one contract, one set of tests."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from tests.servers import postgres
from tests.store.furnishing import AT, KEY, RECORD, WORDS, furnish

from withness.audit.check import check
from withness.audit.log import append
from withness.core.note import Kept
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import schema, sqlite
from withness.store.postgres import PostgresStore
from withness.store.rows import NoteRow, NoteState, PlanRow, PlanState
from withness.store.sql import CommitUnknown, Store
from withness.store.sqlite import SqliteStore
from withness.store.upgrading import upgrade


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store that is not set up yet."""
    if request.param == "SQLite":
        made: Store = SqliteStore(tmp_path / "home" / "withness.sqlite3", Seal(KEY))
    else:
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        made = PostgresStore(server.create_database(), Seal(KEY))
    yield made
    made.close()


@pytest.fixture
def store(bare: Store) -> Store:
    """A store with three rows in each table."""
    furnish(bare)
    return bare


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with store.transaction() as tx:
        ask = tx._connection.execute
        return {
            name: sorted(map(tuple, ask(text(f"SELECT * FROM {name}"))), key=repr) for name in schema.metadata.tables
        }


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
    def test_an_exception_leaves_nothing(self, store: Store, error: BaseException) -> None:
        """Whatever it is, it comes out as it was. Planted: a commit in the store's `finally`; caught."""
        before = contents(store)

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                append(tx, [RECORD], at=AT)
                raise error

        with pytest.raises(type(error)):
            write()
        assert contents(store) == before

    def test_an_error_of_the_database_is_cannot_tell_and_leaves_nothing(self, store: Store) -> None:
        """A sentence, without the statement's values. Planted: the driver's text passed on; caught."""
        before = contents(store)

        def write() -> None:
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/secret", {})
                tx.put_facts({"data_id": "twice"})

        with pytest.raises(CannotTell) as found:
            write()
        assert "secret" not in str(found.value)
        assert "twice" not in str(found.value)
        assert found.value.exit_code == 7
        assert found.value.__cause__ is None
        assert contents(store) == before


def test_a_transaction_that_is_over_answers_nobody(store: Store) -> None:
    """Else it would read, or write, outside every lock. Planted: its end not looked at; caught."""
    with store.transaction() as tx:
        pass
    with pytest.raises(SQLAlchemyError):
        tx.readable_screens("Patient/rosa")
    with pytest.raises(SQLAlchemyError):
        tx.put_screen("new", "Patient/rosa", {})


@pytest.mark.parametrize("durable", [False, True])
def test_a_failed_commit_is_unknown_until_it_is_looked_up(
    store: Store, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """The driver's commit is replaced: a real fsync error needs a broken disk. It fails before, or after its work.

    Planted: CommitUnknown raised as "nothing was saved"; the connection kept; both caught.
    """
    commits: Any = sqlite if isinstance(store, SqliteStore) else Connection
    real = commits.commit

    def fail(self: Connection) -> None:
        if durable:
            real(self)
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(commits, "commit", fail)
    with pytest.raises(CommitUnknown) as found, store.transaction() as tx:
        tx.put_screen("new", "Patient/rosa", {})
    assert found.value.exit_code == 7
    assert "nothing" not in found.value.message
    monkeypatch.setattr(commits, "commit", real)
    with store.transaction() as tx:
        assert (tx.screen("new") is not None) is durable
        append(tx, [RECORD], at=AT)
        assert list(check(tx)) == []


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


class TestTheSchema:
    def test_a_new_one_is_what_this_release_expects(self, store: Store) -> None:
        """The base line. Planted: an index without a name of its own; caught."""
        with store.transaction() as tx:
            assert tx.schema_damage() is None
            assert tx.revision() == schema.REVISION

    def test_setting_up_twice_changes_nothing(self, store: Store) -> None:
        """The first facts stay. Planted: facts written each time; caught."""
        before = contents(store)
        assert store.set_up({"data_id": "another"})["data_id"] == "x"
        assert contents(store) == before

    def test_a_store_is_there_once_it_is_set_up(self, bare: Store) -> None:
        """Planted: `exists` asks for any table; caught."""
        assert not bare.exists()
        bare.set_up({"data_id": "x"})
        assert bare.exists()

    def test_two_that_set_up_at_once_make_one(self, bare: Store) -> None:
        """Both are told the same facts. Planted: the lock left out of PostgreSQL's transactions; caught."""
        told: list[str] = []
        asked = [
            threading.Thread(target=lambda name=name: told.append(bare.set_up({"data_id": name})["data_id"]))
            for name in "abcd"
        ]
        for one in asked:
            one.start()
        for one in asked:
            one.join(30)
        assert len(told) == 4
        assert len(set(told)) == 1


class TestASnapshot:
    def test_stays_as_it_is_while_others_save(self, store: Store) -> None:
        """Nobody waits for it, and it sees nobody. Planted: READ COMMITTED; the lock kept for its time; both caught."""
        with store.snapshot() as seen:
            assert len(seen.screens("Patient/rosa")) == 3
            with store.transaction() as tx:
                tx.put_screen("new", "Patient/rosa", {})
                append(tx, [RECORD], at=AT)
            assert len(seen.screens("Patient/rosa")) == 3
            assert len(list(seen.leaves())) == 3
            assert list(check(seen)) == []
        with store.snapshot() as seen:
            assert len(seen.screens("Patient/rosa")) == 4


class TestAGlance:
    def test_sees_what_is_durable_and_goes_on(self, store: Store) -> None:
        """Planted: the transaction that it reads in left open; caught."""
        for number in range(3):
            with store.glance() as seen:
                assert len(seen.screens("Patient/rosa")) == 3 + number
            with store.transaction() as tx:
                tx.put_screen(f"new{number}", "Patient/rosa", {})

    def test_of_a_database_that_is_not_open_yet(self, store: Store) -> None:
        """Planted: a store that is closed cannot be glanced at; caught."""
        store.close()
        with store.glance() as seen:
            assert len(seen.screens("Patient/rosa")) == 3


@pytest.mark.parametrize("view", ["snapshot", "glance"])
class TestWhatOnlyReads:
    def test_refuses_to_write(self, store: Store, view: str) -> None:
        """Planted: `query_only`, what was written not looked for, READ ONLY, each left out; all caught."""
        before = contents(store)
        with pytest.raises(CannotTell), getattr(store, view)() as seen:
            seen.put_plan(PlanRow("p9", "r9", PlanState.HELD, None, "2026", {}))
        assert contents(store) == before
        with store.transaction() as tx:
            tx.put_plan(PlanRow("p9", "r9", PlanState.HELD, None, "2026", {}))

    def test_passes_on_what_is_raised_in_it(self, store: Store, view: str) -> None:
        """And is closed. Planted: what is raised swallowed; caught."""
        with pytest.raises(ValueError, match="x"), getattr(store, view)():
            raise ValueError("x")
        with getattr(store, view)() as seen:
            assert len(seen.screens("Patient/rosa")) == 3
        with store.transaction() as tx:
            assert len(tx.screens("Patient/rosa")) == 3


@pytest.fixture
def before_0003(store: Store) -> Store:
    """A database as the revision before this one left it."""
    with store.transaction() as tx:
        for statement in (
            "DROP INDEX audit_leaf_by_patient",
            "CREATE INDEX audit_leaf_by_patient ON audit_leaf (patient, seq)",
            "DROP INDEX outbox_by_plan",
            "DROP INDEX outbox_by_state",
            "UPDATE alembic_version SET version_num = '0002'",
        ):
            tx.execute_ddl(statement)
    return store


def test_a_database_of_the_revision_before_gets_its_indexes(before_0003: Store) -> None:
    """Not a row is touched. Planted: an index left out of 0003.sql; caught."""
    rows = {name: some for name, some in contents(before_0003).items() if name != "alembic_version"}
    assert upgrade(before_0003) is True
    assert upgrade(before_0003) is False
    with before_0003.transaction() as tx:
        assert tx.schema_damage() is None
        assert tx.revision() == schema.REVISION
        assert list(check(tx)) == []
    assert {name: some for name, some in contents(before_0003).items() if name != "alembic_version"} == rows


def test_one_at_a_time(store: Store) -> None:
    """Eight threads, twenty saves each: dense numbers, one tree. Planted: PostgreSQL's lock taken shared; caught."""

    def save(name: str) -> None:
        for number in range(20):
            with store.transaction() as tx:
                tx.put_screen(f"{name}{number}", "Patient/rosa", {"number": number})
                append(tx, [RECORD], at=AT)

    threads = [threading.Thread(target=save, args=(name,)) for name in "abefghij"]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with store.transaction() as tx:
        assert [row.number for row in tx.screens("Patient/rosa")][:3] == [1, 3, 5]
        rows = (*tx.screens("Patient/rosa"), *tx.acts("Patient/rosa"))
        assert sorted(row.number for row in rows) == list(range(1, 167))
        assert [leaf.seq for leaf in tx.leaves()] == list(range(163))
        assert list(check(tx)) == []
