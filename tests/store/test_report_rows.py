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
from withness.audit.misread import misread, sentence
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


def test_records_that_are_not_as_written_are_found_and_passed_over(store: Store) -> None:
    """Planted: a record's bytes not held against its hash, and `but` left out of each reader; each was caught."""
    with store.transaction() as tx:
        trigger = "" if store.engine == "sqlite" else " ON audit_leaf"
        tx._connection.execute(text(f"DROP TRIGGER audit_leaf_no_update{trigger}"))
        tx._connection.execute(text("UPDATE audit_leaf SET kind = 'trail.viewed', recorded_at = '1' WHERE seq = 3"))
        swapped = "UPDATE audit_leaf SET leaf_hash = (SELECT leaf_hash FROM audit_leaf WHERE seq = 0) WHERE seq = 4"
        tx._connection.execute(text(swapped))
    with store.snapshot() as tx:
        found = misread(tx)
        assert [(one.record, one.what) for one in found.damages] == [
            (3, "its column recorded_at does not say what its bytes say"),
            (4, "its bytes do not fit its hash"),
        ]
        assert {seq: leaf.outcome for seq, leaf in found.by_number.items()} == {3: "held-incomplete", 4: "released"}
        assert (found.doubts(3), found.doubts(4)) == (False, True)
        but = found.by_number.keys()
        assert [one.seq for one in tx.recorded(["gate.decided", "trail.viewed"], but=but)] == [0, 1, 2, 5]
        assert sum(one.count for one in tx.counted("", "", but=but)) == 4
        assert tx.span(but) == (instant(AT), instant(AT + 20 * HOUR))
        assert (tx.backward(but), len(tx.backward())) == ((), 2)


def test_of_very_many_that_are_not_as_written_some_are_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: those beyond them not counted, and a sign-off among them believed; each was caught."""
    monkeypatch.setattr("withness.audit.misread.KEPT", 2)
    with store.transaction() as tx:
        trigger = "" if store.engine == "sqlite" else " ON audit_leaf"
        tx._connection.execute(text(f"DROP TRIGGER audit_leaf_no_update{trigger}"))
        tx._connection.execute(text("UPDATE audit_leaf SET kind = 'x'"))
    with store.snapshot() as tx:
        found = misread(tx)
    assert (len(found.found), found.more, found.doubts(5)) == (2, 4, True)
    said = "records 0 to 1, of each: its column kind does not say what its bytes say; 4 records more not as written"
    assert sentence(found.damages).startswith(said)


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
