"""What reports read: the same on SQLite and on a real PostgreSQL server, and whatever does not open is counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.servers import postgres
from tests.store.furnishing import AT, KEY, furnish

from withness.audit.log import append
from withness.audit.record import Kind, Record, instant
from withness.seal import Seal
from withness.store.postgres import PostgresStore
from withness.store.rows import DecisionRow, PlanRow, PlanState
from withness.store.sql import Store
from withness.store.sqlite import SqliteStore

HELD = Record(
    Kind.GATE_DECIDED, "Practitioner/p1", "pat", patient="Patient/rosa", outcome="held-incomplete", policy="x"
)
LET = Record(Kind.GATE_DECIDED, "Practitioner/p1", "pat", patient="Patient/tom", outcome="released", policy="y")
HOUR = timedelta(hours=1)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A furnished store with two decisions a day later, and one after the clock went back."""
    if request.param == "SQLite":
        made: Store = SqliteStore(tmp_path / "home" / "withness.sqlite3", Seal(KEY))
    else:
        server: postgres.PostgresServer = request.getfixturevalue("postgres_server")
        made = PostgresStore(server.create_database(), Seal(KEY))
    furnish(made)
    with made.transaction() as tx:
        append(tx, [HELD, LET], at=AT + 24 * HOUR)
        append(tx, [HELD], at=AT + 20 * HOUR)
    yield made
    made.close()


def test_records_are_counted_and_read_by_kind_span_and_policy(store: Store) -> None:
    """Planted: the policy left out of `_within`; this caught it."""
    day, end = instant(AT + 10 * HOUR), instant(AT + 24 * HOUR)
    with store.snapshot() as tx:
        counted = {(one.kind, one.outcome, one.day): one.count for one in tx.counted("", "")}
        assert counted == {
            ("trail.viewed", None, "2026-11-21"): 3,
            ("gate.decided", "held-incomplete", "2026-11-22"): 2,
            ("gate.decided", "released", "2026-11-22"): 1,
        }
        assert [one.count for one in tx.counted(day, end)] == [1]
        assert [one.seq for one in tx.recorded(["gate.decided"])] == [3, 4, 5]
        assert [one.seq for one in tx.recorded(["gate.decided"], policy="y")] == [4]
        assert [one.seq for one in tx.recorded(["gate.decided"], day, end, outcome="held-incomplete")] == [5]
        assert len(list(tx.bodies("gate.decided", "", "", held=True))) == 2
        assert tx.span() == (instant(AT), end)
        first = tx.first_of_segment(0)
        assert first is not None
        assert first.seq == 0


def test_a_record_earlier_than_one_before_it_is_found(store: Store) -> None:
    """Planted: compared with its neighbour alone, so that only the first of a run is found; this caught it."""
    with store.transaction() as tx:
        append(tx, [LET], at=AT + 21 * HOUR)
    with store.snapshot() as tx:
        newest = instant(AT + 24 * HOUR)
        assert tx.backward() == (
            (5, instant(AT + 20 * HOUR), newest),
            (6, instant(AT + 21 * HOUR), newest),
        )


def test_what_does_not_open_is_counted_and_hides_nothing_else(store: Store) -> None:
    """Planted: SealBroken let through; this caught it."""
    with store.transaction() as tx:
        for person in ("Patient/rosa", "Patient/tom"):
            tx.put_decision(DecisionRow("d9", person, {"of": person}))
        for table in ("act", "decision"):
            trigger = "" if store.engine == "sqlite" else f" ON {table}"
            tx._connection.execute(text(f"DROP TRIGGER {table}_no_update{trigger}"))
        tx._connection.execute(
            text("UPDATE act SET content = (SELECT content FROM act WHERE id = 'a1') WHERE id = 'a0'")
        )
        moved = "UPDATE decision SET content = (SELECT content FROM decision WHERE id = 'd1') WHERE id = 'd0'"
        tx._connection.execute(text(moved))
    with store.snapshot() as tx:
        rows, broken = tx.acts_that_open("step")
        assert ([one.id for one in rows], broken) == (["a1", "a2"], 1)
        found = sorted(
            (id, content and content.get("of")) for id, content in tx.decisions_of(["d9", "d0", "d9", "gone"])
        )
        assert found == [("d0", None), ("d9", "Patient/rosa"), ("d9", "Patient/tom")]


def test_plans_on_their_way_and_orphans_are_told_apart(store: Store) -> None:
    """Planted: a plan with something on its way told as an orphan; this caught it."""
    with store.transaction() as tx:
        for id in ("p0", "p1"):
            tx.put_plan(PlanRow(id, f"r{id[1]}", PlanState.APPROVED, None, "2026-11-21", {}))
    with store.snapshot() as tx:
        assert {(one.id, one.plan, one.state) for one in tx.undelivered()} == {
            (f"d{n}", "p0", "waiting") for n in range(3)
        }
        assert tx.orphans() == (("p1", "2026-11-21"),)


def test_a_pseudonym_is_the_keys_and_the_texts_own() -> None:
    """Planted: the text left out of the code; this caught it."""
    one, other = Seal(b"k" * 32), Seal(b"l" * 32)
    assert one.pseudonym("Patient/rosa") == one.pseudonym("Patient/rosa")
    assert one.pseudonym("Patient/rosa") != one.pseudonym("Patient/tom")
    assert one.pseudonym("Patient/rosa") != other.pseudonym("Patient/rosa")
    assert len(one.pseudonym("Patient/rosa")) == 9
