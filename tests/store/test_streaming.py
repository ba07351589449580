"""Reading the trail's rows: all of them, in order, whatever somebody who owns the database made of the table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import insert
from tests.store.furnishing import AT, KEY, RECORD
from tests.store.test_both_engines import bare  # noqa: F401  a store on each engine

from withness.audit.check import check
from withness.audit.log import append
from withness.desk.asking import actor_of
from withness.desk.verify import verify
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import schema
from withness.store.postgres import PostgresStore
from withness.store.sql import Store
from withness.store.sqlite import SqliteStore


def fill(store: Store) -> None:
    """Let its trail have 600 records."""
    store.set_up({"data_id": "x"})
    with store.transaction() as tx:
        append(tx, [RECORD] * 600, at=AT)


REST = ", ".join(one.name for one in schema.audit_leaf.c if one.name != "seq")


@pytest.fixture
def long(bare: Store) -> Store:  # noqa: F811
    """A store whose trail has 600 records."""
    fill(bare)
    return bare


class TestTheRowsOfTheTrail:
    """They are read a few at a time. Planted: none after the first ones, the end as well; caught."""

    @pytest.mark.parametrize(
        ("first", "last"),
        [(None, None), (0, 600), (0, 256), (0, 257), (255, 513), (599, None), (600, None), (None, 1), (7, 7), (9, 3)],
    )
    def test_are_those_of_the_range_in_order(self, long: Store, first: int | None, last: int | None) -> None:
        with long.transaction() as tx:
            wanted = list(range(600))[first if first is not None else 0 : last]
            assert [row[0] for row in tx.rows(first, last)] == wanted

    def test_hold_one_that_somebody_put_at_the_end_of_all_numbers(self, long: Store) -> None:
        with long.transaction() as tx:
            row = dict(zip(schema.audit_leaf.c.keys(), next(tx.rows()), strict=True))
            tx._connection.execute(insert(schema.audit_leaf), row | {"seq": 2**63 - 1})
            assert [row[0] for row in tx.rows()] == [*range(600), 2**63 - 1]
            assert [row[0] for row in tx.rows(2**62)] == [2**63 - 1]

    @pytest.mark.parametrize(("first", "last"), [(2**63, None), (2**80, 2**81), (600, 2**90)])
    def test_none_lies_beyond_what_a_column_holds(self, long: Store, first: int, last: int | None) -> None:
        with long.transaction() as tx:
            assert list(tx.rows(first, last)) == []


@pytest.mark.parametrize("number", [0, 255, 256, 300, 599])
def test_each_row_comes_once_where_some_text_is_no_utf8(tmp_path: Path, number: int) -> None:
    """And others read as ever in between. Planted: the slower way not skipping, skipping one more, kept on; caught."""
    path = tmp_path / "withness.sqlite3"
    with closing(SqliteStore(path, Seal(KEY))) as store:
        fill(store)
        with store.transaction() as tx:
            tx.put_screen("s", "Patient/rosa", {})
    with closing(sqlite3.connect(path)) as database:
        change = f"UPDATE audit_leaf SET outcome = CAST(x'ff' AS TEXT) WHERE seq = {number}"
        (trigger,) = database.execute("SELECT sql FROM sqlite_master WHERE name = 'audit_leaf_no_update'").fetchone()
        database.executescript(f"DROP TRIGGER audit_leaf_no_update; {change}; {trigger}")
    with closing(SqliteStore(path, Seal(KEY))) as store, store.snapshot() as tx:
        driver: Any = tx._connection.connection.driver_connection
        as_ever = driver.text_factory
        found = []
        for row in tx.rows():
            found.append(row[0])
            assert driver.text_factory == as_ever
        assert found == list(range(600))
        assert [damage.record for damage in check(tx)] == [number]


def test_a_reader_who_stops_half_way_holds_nothing_up(long: Store) -> None:
    """The transaction ends, and the next one saves and reads."""
    with long.transaction() as tx:
        rows = tx.rows()
        next(rows)
    with long.transaction() as tx:
        append(tx, [RECORD], at=AT)
    with long.transaction() as tx:
        assert len(list(tx.rows())) == 601


def with_the_table_made_anew(path: Path, column: str, change: str) -> None:
    """Let a trail of 600 have a table that somebody made anew, with another kind of number."""
    with closing(SqliteStore(path, Seal(KEY))) as store:
        fill(store)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            f"CREATE TABLE kept ({column}, {REST}); INSERT INTO kept SELECT * FROM audit_leaf;"
            f"DROP TABLE audit_leaf; ALTER TABLE kept RENAME TO audit_leaf; {change}"
        )


NUMBERS = ["-5", "9e18", "-9e999", "9e999", "'a'", "x'00'", "NULL"]
ANEW = {number: ("seq", f"UPDATE audit_leaf SET seq = {number}") for number in NUMBERS} | {
    "REAL": ("seq REAL PRIMARY KEY", ""),
    "REAL, many alike": ("seq REAL", "UPDATE audit_leaf SET seq = -1e17 WHERE seq < 300"),
}


@pytest.mark.parametrize("name", ANEW)
def test_a_trail_is_read_and_goes_on_whatever_its_numbers_are(tmp_path: Path, name: str) -> None:
    """Planted: pages, of which the next begins at the last number and one: it never ended; caught."""
    path = tmp_path / "withness.sqlite3"
    with_the_table_made_anew(path, *ANEW[name])
    with closing(SqliteStore(path, Seal(KEY))) as store:
        with store.snapshot() as tx:
            assert len(list(islice(tx.rows(), 2000))) == 600
            damages = list(islice(check(tx), 5000))
            spanned = tx.seqs_within(None, None)
        assert damages[0].what == "the table audit_leaf is not as this release made it"
        assert spanned is None or {type(one) for one in spanned} == {int}
        assert verify(store, actor_of("Practitioner/c1"), AT).damages
        with store.transaction() as tx:
            (leaf,) = append(tx, [RECORD], at=AT)
        assert type(leaf.seq) is int


def test_a_row_that_an_index_lacks_is_read_though_forged_statistics_recommend_it(tmp_path: Path) -> None:
    """Planted: the statement without NOT INDEXED; caught."""
    path = tmp_path / "withness.sqlite3"
    with closing(SqliteStore(path, Seal(KEY))) as store:
        fill(store)
    index = "sqlite_master WHERE name = 'audit_leaf_by_kind'"
    with closing(sqlite3.connect(path)) as database:
        (kept,) = database.execute(f"SELECT * FROM {index}").fetchall()
        database.executescript(f"PRAGMA writable_schema = ON; DELETE FROM {index}")
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"INSERT INTO audit_leaf SELECT 5000, {REST} FROM audit_leaf WHERE seq = 1")
        database.execute("ANALYZE")
        database.execute("DELETE FROM sqlite_stat1 WHERE tbl = 'audit_leaf'")
        told = [("audit_leaf_by_kind", "100 1000 100"), (None, "2 sz=1000000")]
        database.executemany("INSERT INTO sqlite_stat1 VALUES ('audit_leaf', ?, ?)", told)
        database.execute("PRAGMA writable_schema = ON")
        database.execute("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", kept)
        database.commit()
    with closing(SqliteStore(path, Seal(KEY))) as store, store.snapshot() as tx:
        assert [row[0] for row in tx.rows(0, 10_000)][-1] == 5000
        assert next(damage.record for damage in check(tx)) == 600


@pytest.mark.parametrize("number", [5, 255, 256, 511])
def test_a_second_row_with_the_same_number_is_read_on_postgresql(postgres_server: Any, number: int) -> None:
    """Whoever owns the server can put it there. Planted: pages that begin after the last number; caught for 255."""
    address = postgres_server.create_database()
    store = PostgresStore(address, Seal(KEY))
    fill(store)
    unique = "UPDATE pg_index SET indisunique = {} WHERE indexrelid = 'audit_leaf_pkey'::regclass"
    with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as owner:
        owner.execute("ALTER TABLE audit_leaf DISABLE TRIGGER ALL")
        owner.execute(unique.format("false"))
        owner.execute(f"INSERT INTO audit_leaf (seq, {REST}) SELECT {number}, {REST} FROM audit_leaf WHERE seq = 0")
        owner.execute(unique.format("true"))
    with store.snapshot() as tx:
        assert len(list(tx.rows())) == 601
        assert number in {damage.record for damage in check(tx)}
    store.close()


def test_a_server_that_goes_away_half_way_is_cannot_tell(postgres_server: Any) -> None:
    """Planted: the driver's error passed on; caught."""
    address = postgres_server.create_database()
    with closing(PostgresStore(address, Seal(KEY))) as store:
        fill(store)

        def read() -> None:
            with store.snapshot() as tx:
                rows = tx.rows()
                next(rows)
                with psycopg.connect(address.replace("+psycopg", ""), autocommit=True) as owner:
                    owner.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid()"
                    )
                list(rows)

        with pytest.raises(CannotTell, match="cannot be read"):
            read()
        with store.snapshot() as tx:
            assert len(list(tx.rows())) == 600
