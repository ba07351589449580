"""Whatever a forger writes into a row of the trail: records go on, plans do not, and the verifier names it (I7)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.audit.forging import forge, forge_number

from withness.audit.check import check, check_in_parts, check_part
from withness.audit.log import Head, append, hurt, unsettled
from withness.audit.record import Kind, Leaf, Record
from withness.audit.tiles import Tile
from withness.desk.asking import actor_of
from withness.desk.verify import verify
from withness.seal import Seal
from withness.store.sqlite import SqliteStore

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
SEEN = Record(Kind.TRAIL_VIEWED, "Practitioner/p1", "somebody", outcome="looked")
ACTOR = actor_of("Practitioner/c1")
VALUES: dict[str, Any] = {
    "text": "text",
    "NULL": None,
    "blob": b"\xff\x00",
    "negative": -1,
    "huge": 2**62,
    "large": 2**50,
    "the largest of JSON": 2**53 - 1,
    "0": 0,
}
TABLES = {"audit_head": Head, "audit_leaf": Leaf, "audit_tile": Tile}
CELLS = [(table, column.name, name) for table, of in TABLES.items() for column in fields(of) for name in VALUES]


@cache
def made(records: int) -> bytes:
    """The file of a database with so many records, made once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "w.sqlite3"
        store = SqliteStore(path, None)
        store.set_up({"data_id": "x"})
        with store.transaction() as tx:
            append(tx, [SEEN] * records, at=AT)
        store.close()
        return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "w.sqlite3"
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize(("table", "column", "name"), CELLS)
def test_records_go_on_and_the_verifier_names_it(path: Path, table: str, column: str, name: str) -> None:
    """Every column of head, leaf and tile.

    Planted: `Head(*row)` as it stands; a forged tile let stop the next one; a number beyond JSON's largest refused;
    parts counted by a forged size (it ran out of memory); the rows of each saw it.
    """
    tiles = table == "audit_tile"
    path.write_bytes(made(510 if tiles else 5))
    if not forge(path, table, column, VALUES[name]):
        return
    store = SqliteStore(path, Seal(b"k" * 32))
    with closing(store):
        with store.transaction() as tx:
            assert tx.schema_damage() is None
            assert tiles or hurt(tx), "no plan may pass"
        for number in range(3):
            with store.transaction() as tx:
                append(tx, [replace(SEEN, outcome="went on")], at=AT + timedelta(seconds=number))
        with store.transaction() as tx:
            assert [one.outcome for one in tx.newest_leaves(3)] == ["went on"] * 3
            assert tiles or hurt(tx)
            assert list(check(tx))
            assert list(check_in_parts(tx, lambda parts: [check_part(tx, one) for one in parts]))
        verdict = verify(store, ACTOR, AT + timedelta(hours=1))
        assert verdict.whole is False
        with store.transaction() as tx:
            assert unsettled(tx), "what was found once stays so"
            assert len(tx.heads()) <= 3 or column == "seq", "one break is one segment, where numbers go on"


@pytest.mark.parametrize("value", ["zzz", b"\xff", "2026-13-01T00:00:00.000000Z"])
def test_an_older_records_time_that_cannot_be_read_is_no_free_pass(path: Path, value: Any) -> None:
    """Planted: no newest time, so none that is later than now; the clock then said to be right; each was seen here."""
    path.write_bytes(made(5))
    assert forge(path, "audit_leaf", "recorded_at", value, where="seq = 1")
    with closing(SqliteStore(path, Seal(b"k" * 32))) as store, store.transaction() as tx:
        assert hurt(tx)
        [leaf] = append(tx, [SEEN], at=AT)
        assert json.loads(leaf.body)["clock"] == "suspect"
        assert hurt(tx)


@pytest.mark.parametrize("value", [2**62, 2**63 - 1, -1, 0])
def test_a_forged_number_of_an_act_stops_no_screen(path: Path, value: int) -> None:
    """Planted: the largest number counted up; caught (by SQLite's own error)."""
    store = SqliteStore(path, Seal(b"k" * 32))
    store.set_up({"data_id": "x"})
    with closing(store):
        with store.transaction() as tx:
            tx.put_screen("s1", "Patient/rosa", {"words": "first"})
            tx.put_act("a1", "Patient/rosa", "step", {"of": 1})
        forge_number(path, value)
        for number in range(2, 4):
            with store.transaction() as tx:
                tx.put_screen(f"s{number}", "Patient/rosa", {"words": "later"})
        with store.transaction() as tx:
            assert [one.id for one in tx.screens("Patient/rosa")] == ["s1", "s2", "s3"]
