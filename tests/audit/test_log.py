"""The log's contract, kept by the one in memory and the one in the database: order, damage, segments, every edit."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from tests.audit.memory_log import MemoryLog

from withness.audit.check import check
from withness.audit.log import Head, Log, append, broken, damage, newest_time
from withness.audit.merkle import leaf_hash, root_of
from withness.audit.record import Kind, Leaf, Record, canonical, damage_of, instant, make_leaf, moment
from withness.errors import WithnessError
from withness.seal import Seal
from withness.store.sqlite import SqliteStore

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
Opener = Callable[[], AbstractContextManager[Log]]


def record(number: int = 0) -> Record:
    return Record(
        kind=Kind.GATE_DECIDED,
        actor="Practitioner/p1",
        os_user="somebody",
        patient="Patient/rosa",
        outcome="released",
        reason="code",
        second_actor="Practitioner/p2",
        policy="0" * 64,
        request="5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11",
        details={"number": number},
    )


@pytest.fixture(params=["memory", "database"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """A fresh log; each opening is one transaction."""
    if request.param == "memory":
        kept = MemoryLog()

        @contextmanager
        def in_memory() -> Iterator[Log]:
            yield kept

        yield in_memory
        return
    store = SqliteStore(tmp_path / "w.sqlite3", Seal(b"k" * 32))
    store.set_up({"data_id": "x"})
    yield store.transaction
    store.close()


def fill(log: Opener, number: int, start: int = 0) -> None:
    for one in range(start, start + number):
        with log() as tx:
            append(tx, [record(one)], at=AT + timedelta(seconds=one))


def sentences(log: Opener) -> list[str]:
    with log() as tx:
        return [one.sentence() for one in check(tx)]


class TestTheContract:
    def test_an_empty_log_is_whole(self, log: Opener) -> None:
        """Nothing is not damage. Planted: a missing head called damage; caught."""
        with log() as tx:
            assert (tx.head(), tx.last(), list(tx.leaves()), tx.heads()) == (None, None, [], ())
            assert damage(tx) is None
            assert not broken(tx)
            assert newest_time(tx) is None
        assert sentences(log) == []

    def test_records_are_kept_in_order_with_dense_numbers(self, log: Opener) -> None:
        """From 0, one after another. Planted: numbering from 1; caught."""
        fill(log, 5)
        with log() as tx:
            leaves = list(tx.leaves())
            assert [one.seq for one in leaves] == [0, 1, 2, 3, 4]
            assert [json.loads(one.body)["details"]["number"] for one in leaves] == [0, 1, 2, 3, 4]
            assert tx.last() == leaves[-1]
            assert newest_time(tx) == AT + timedelta(seconds=4)
        assert sentences(log) == []

    def test_several_records_of_one_append_keep_their_order(self, log: Opener) -> None:
        """One transaction, several records. Planted: the head not carried on within an append; caught."""
        with log() as tx:
            written = append(tx, [record(0), record(1), record(2)], at=AT)
            assert list(tx.leaves()) == list(written)
            assert [one.seq for one in written] == [0, 1, 2]
        assert sentences(log) == []

    def test_the_head_is_the_tree_over_all_leaves(self, log: Opener) -> None:
        """RFC 6962's root over the stored hashes. Planted: the root of the leaves before the last; caught."""
        for size in range(1, 20):
            fill(log, 1, start=size)
            with log() as tx:
                head = tx.head()
                assert head is not None
                assert (head.segment, head.first_seq, head.size) == (0, 0, size)
                assert head.root == root_of(one.leaf_hash for one in tx.leaves())
                assert head.frontier().root() == head.root
                assert tx.heads() == (head,)

    def test_a_leafs_columns_are_what_its_bytes_say(self, log: Opener) -> None:
        """Read back as written, types too. Planted: `reason` and `outcome` exchanged in `columns`; caught."""
        with log() as tx:
            (written,) = append(tx, [record()], at=AT)
        with log() as tx:
            assert tx.last() == written
        assert written.leaf_hash == leaf_hash(written.body)
        assert (written.kind, written.actor, written.second_actor) == (
            "gate.decided",
            "Practitioner/p1",
            "Practitioner/p2",
        )
        assert (written.patient, written.outcome, written.reason_code) == ("Patient/rosa", "released", "code")
        assert (written.recorded_at, written.policy_hash, written.v) == ("2026-11-21T10:00:00.000000Z", "0" * 64, 1)
        assert written.request_id == record().request

    def test_a_sequence_number_that_is_there_is_refused(self, log: Opener) -> None:
        """Append-only. Planted: the check in MemoryLog left out, the trigger dropped with the key; both caught."""
        fill(log, 3)
        with log() as tx:
            leaf, head = tx.last(), tx.head()
        assert leaf is not None
        assert head is not None
        for seq in (2, 0):
            with pytest.raises((ValueError, WithnessError)), log() as tx:
                tx.put((replace(leaf, seq=seq), head))
        assert sentences(log) == []

    def test_a_clock_gone_backwards_is_marked_in_the_record(self, log: Opener) -> None:
        """The order is the number's, never the clock's. Planted: `clock` always ok; caught."""
        for at in (AT, AT, AT - timedelta(microseconds=1), AT + timedelta(days=1)):
            with log() as tx:
                append(tx, [record()], at=at)
        with log() as tx:
            assert [json.loads(one.body)["clock"] for one in tx.leaves()] == ["ok", "ok", "suspect", "ok"]
        assert sentences(log) == []

    def test_what_is_asked_for_anew_begins_a_second_segment(self, log: Opener) -> None:
        """A damaged segment is never continued. Planted: `fresh_segment` not asked; caught."""
        fill(log, 3)
        with log() as tx:
            append(tx, [record(3), record(4)], at=AT + timedelta(seconds=9), fresh_segment=True)
            leaves, heads = list(tx.leaves()), tx.heads()
            assert [(one.seq, one.segment) for one in leaves] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)]
            assert [(one.segment, one.first_seq, one.size) for one in heads] == [(0, 0, 3), (1, 3, 2)]
            assert heads[0].root == root_of(one.leaf_hash for one in leaves[:3])
            assert heads[1].root == root_of(one.leaf_hash for one in leaves[3:])
            told = [json.loads(one.body)["details"].get("after_break") for one in leaves]
            assert told == [None, None, None, "found damaged", None]
            assert tx.head() == heads[1]
            assert damage(tx) is None
            assert broken(tx)
        assert sentences(log) == ["The trail was found damaged before: it has 2 segments."]

    def test_after_a_break_the_new_segment_goes_on(self, log: Opener) -> None:
        """One new segment for a break, not one for each append. Planted: a new one while `broken`; caught."""
        fill(log, 2)
        with log() as tx:
            append(tx, [record(2)], at=AT, fresh_segment=True)
        fill(log, 3, start=3)
        with log() as tx:
            assert [one.segment for one in tx.leaves()] == [0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda head: replace(head, size=head.size - 1),
        lambda head: replace(head, size=head.size + 1),
        lambda head: replace(head, root=b"x" * 32),
        lambda head: replace(head, peaks=b"x" * len(head.peaks)),
        lambda head: replace(head, peaks=head.peaks[:-1]),
        lambda head: replace(head, first_seq=head.first_seq + 1),
        lambda head: replace(head, first_seq="x"),
        lambda head: replace(head, size="x"),
        lambda head: replace(head, size=0.5),
        lambda head: replace(head, root="text"),
        lambda head: replace(head, peaks="text"),
    ],
)
@pytest.mark.parametrize("segment", [0, 1])
def test_a_damaged_head_is_seen_at_once_and_never_continued(change: Callable[[Head], Head], segment: int) -> None:
    """Cheap signs stop the next save; its record goes into a new segment that names the break (I7).

    Planted: the root not compared; the count not compared; both caught.
    """
    log = MemoryLog()
    append(log, [record(one) for one in range(3)], at=AT)
    append(log, [record(one) for one in (3, 4)], at=AT, fresh_segment=bool(segment))
    log._heads[segment] = change(log._heads[segment])
    assert damage(log)
    assert broken(log)
    (written,) = append(log, [record(5)], at=AT)
    assert (written.seq, written.segment) == (5, segment + 1)
    assert json.loads(written.body)["details"]["after_break"]
    assert log.head() == Head(segment + 1, 5, 1, leaf_hash(written.body), leaf_hash(written.body))


def test_leaves_without_a_head_and_a_head_without_leaves_are_damage() -> None:
    """Planted: a missing head read as an empty log; caught."""
    log = MemoryLog()
    append(log, [record(one) for one in range(3)], at=AT)
    leaves, heads = list(log._leaves), dict(log._heads)
    log._heads = {}
    assert damage(log)
    log._heads, log._leaves = heads, []
    assert damage(log)
    log._heads, log._leaves = heads, leaves
    assert damage(log) is None


def test_a_log_that_lost_its_heads_is_broken_for_good() -> None:
    """Its next record does not pass for the first of a fresh log. Planted: the lost segment begun again; caught."""
    log = MemoryLog()
    append(log, [record(one) for one in range(3)], at=AT)
    log._heads = {}
    (written,) = append(log, [record(3)], at=AT)
    assert (written.seq, written.segment) == (3, 1)
    assert "after_break" in json.loads(written.body)["details"]
    assert broken(log)
    append(log, [record(4)], at=AT)
    assert broken(log)


def test_a_damaged_schema_begins_one_segment_and_not_one_for_each_record() -> None:
    """It stays damaged until people mend it. Planted: `head.segment == 0` left out; caught."""

    class Altered(MemoryLog):
        def schema_damage(self) -> str | None:
            return "the trigger is missing"

    log = Altered()
    for one in range(3):
        append(log, [record(one), record(one)], at=AT)
    assert {leaf.segment for leaf in log.leaves()} <= {0, 1}
    assert broken(log)


class TestOneLeaf:
    def test_its_bytes_are_canonical_and_its_nonce_fresh(self) -> None:
        """RFC 8785, made once. Planted: `json.dumps` with its blanks; a constant nonce; both caught."""
        leaves = [make_leaf(record(), seq=0, segment=0, at=AT, clock="ok") for _ in range(50)]
        assert len({one.leaf_hash for one in leaves}) == 50
        for one in leaves:
            assert damage_of(one) is None
            assert canonical(json.loads(one.body)) == one.body
            assert json.dumps(json.loads(one.body), sort_keys=True, separators=(",", ":")).encode() == one.body
            assert len(bytes.fromhex(json.loads(one.body)["nonce"])) == 16

    @pytest.mark.parametrize(
        "respell",
        [
            lambda body: body + b" ",
            lambda body: b"\xef\xbb\xbf" + body,
            lambda body: body.replace(b'":', b'": ', 1),
            lambda body: body.replace(b'"v":1', b'"v":1.0'),
            lambda body: body.replace(b'"v":1', b'"v":1e0'),
            lambda body: body.replace(b"released", b"\\u0072eleased"),
            lambda body: body.replace(b"Patient/rosa", b"Patient\\/rosa"),
            lambda body: body.replace(b'"v":1', b'"v":1,"v":1'),
            lambda body: json.dumps(json.loads(body)).encode(),
            lambda body: json.dumps(json.loads(body), sort_keys=False, separators=(",", ":"))[::1].encode() + b"\n",
            lambda body: json.dumps(dict(reversed(json.loads(body).items())), separators=(",", ":")).encode(),
        ],
    )
    def test_a_second_spelling_is_refused_even_with_a_hash_that_fits(self, respell: Callable[[bytes], bytes]) -> None:
        """One spelling only. Planted: bytes not compared with their canonical form; caught."""
        leaf = make_leaf(record(), seq=0, segment=0, at=AT, clock="ok")
        body = respell(leaf.body)
        assert body != leaf.body
        assert damage_of(replace(leaf, body=body, leaf_hash=leaf_hash(body)))

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"x",
            b"\xff",
            b"5",
            b"[]",
            b"null",
            b"{}",
            b'"text"',
            b'{"v":1}',
            b'{"a":1e999}',
            b'{"a":NaN}',
            b'{"a":99999999999999999999}',
            b"[" * 100_000,
        ],
        ids=lambda body: repr(body[:20]),
    )
    def test_bytes_that_are_no_record_are_named_never_a_traceback(self, body: bytes) -> None:
        """The verifier reads what a forger wrote. Planted: TypeError not caught; caught by the number and the list."""
        leaf = make_leaf(record(), seq=0, segment=0, at=AT, clock="ok")
        assert damage_of(replace(leaf, body=body, leaf_hash=leaf_hash(body)))

    def test_a_time_has_one_spelling(self) -> None:
        """UTC to the microsecond. Planted: `%z` for the Z; caught."""
        kolkata = datetime.fromisoformat("2026-11-21T15:30:00.000001+05:30")
        assert instant(kolkata) == "2026-11-21T10:00:00.000001Z"
        assert moment(instant(kolkata)) == kolkata
        for other in ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000000+00:00", "2026-11-21 10:00:00.000000Z"):
            with pytest.raises(ValueError, match="does not match"):
                moment(other)


def other(column: str, value: Any) -> list[Any]:
    """What a forger might write in a value's place: another of its kind, and one of each other kind."""
    if column == "seq":
        return [99, -1]  # the row's own number: SQLite takes no other type
    match value:
        case int():
            return [value + 1, -1, f"{value}x", 0.5, b"\x00"]
        case bytes():
            return [value[:-1] + bytes([value[-1] ^ 1]), b"", value + b"\x00", "text", 5]
        case str():
            return [value + " ", "", "x", b"\x00", 5]
        case _:
            return ["somebody", 5]


def edits() -> Iterator[tuple[str, int]]:
    """Each column of a record, and each wrong value for it."""
    leaf = make_leaf(replace(record(), second_actor=None), seq=2, segment=0, at=AT, clock="ok")
    for column, value in asdict(leaf).items():
        for number in range(len(other(column, value))):
            yield column, number


@pytest.mark.parametrize(("column", "number"), list(edits()))
def test_each_edit_of_a_column_is_found_by_the_check(tmp_path: Path, column: str, number: int) -> None:
    """By an owner of the file, triggers put aside; of another type too, and never a traceback.

    Planted: one column at a time not compared; all caught (numbering and tree hold `seq` and `segment` besides).
    """
    with edited(tmp_path) as (store, database):
        [value] = database.execute(f"SELECT {column} FROM audit_leaf WHERE seq = 2").fetchone()
        wrong = other(column, value)[number]
        database.execute(f"UPDATE audit_leaf SET {column} = ? WHERE seq = 2", (wrong,))
    assert found(store)


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("column", [one.name for one in fields(Head) if one.name != "segment"])
def test_each_edit_of_a_head_is_found_by_the_check(tmp_path: Path, column: str, number: int) -> None:
    """What stops a save must be what `verify` finds, too. Planted: the root not compared, the size not; both caught."""
    with edited(tmp_path) as (store, database):
        [value] = database.execute(f"SELECT {column} FROM audit_head").fetchone()
        database.execute(f"UPDATE audit_head SET {column} = ?", (other(column, value)[number],))
    assert found(store)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM audit_leaf WHERE seq = 4",
        "DELETE FROM audit_leaf WHERE seq = 2",
        "DELETE FROM audit_leaf WHERE seq = 0",
        "DELETE FROM audit_leaf",
        "DELETE FROM audit_head",
        "UPDATE audit_leaf SET seq = 99 WHERE seq = 4",
        "UPDATE audit_leaf SET segment = 1 WHERE seq >= 3",
        "UPDATE audit_head SET segment = 1",
        "INSERT INTO audit_head SELECT 1, 5, 0, root, peaks FROM audit_head",
        "INSERT INTO audit_leaf SELECT 5, segment, leaf_hash, body, recorded_at, kind, actor, second_actor, patient,"
        " outcome, reason_code, policy_hash, request_id, v FROM audit_leaf WHERE seq = 4",
        "DROP TABLE audit_head",
        "DROP INDEX audit_leaf_by_kind",
        "CREATE TABLE other (x)",
        "CREATE TRIGGER swallow BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(IGNORE); END",
    ],
)
def test_rows_taken_added_or_moved_are_found_by_the_check(tmp_path: Path, sql: str) -> None:
    """Gaps, tails, segments, schema. Planted: the density not looked at; the schema not; both caught."""
    with edited(tmp_path) as (store, database):
        database.execute(sql)
    assert found(store)


def test_two_records_exchanged_are_found_by_the_check(tmp_path: Path) -> None:
    """Whole rows in each other's place. Planted: `seq` left out of the compared columns; caught."""
    with edited(tmp_path) as (store, database):
        for one, two in ((1, -1), (3, 1), (-1, 3)):
            database.execute("UPDATE audit_leaf SET seq = ? WHERE seq = ?", (two, one))
    assert {1, 3} <= {one for one in found(store) if one is not None}


def test_a_record_rewritten_with_its_hash_is_found_by_the_tree(tmp_path: Path) -> None:
    """A forger who hashes anew still has the tree against them. Planted: heads not checked; caught."""
    with edited(tmp_path) as (store, database):
        [body] = database.execute("SELECT body FROM audit_leaf WHERE seq = 2").fetchone()
        forged = body.replace(b'"number":2', b'"number":7')
        digest = hashlib.sha256(b"\x00" + forged).digest()
        database.execute("UPDATE audit_leaf SET body = ?, leaf_hash = ? WHERE seq = 2", (forged, digest))
    assert found(store) == [None]


def test_an_untouched_database_has_nothing_to_find(tmp_path: Path) -> None:
    """The base line: putting triggers aside and back is no damage. Planted: any text compared by its blanks; caught."""
    with edited(tmp_path) as (store, _):
        pass
    assert found(store) == []


@cache
def five_records() -> bytes:
    """The file of a database with five records, made once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "w.sqlite3"
        store = SqliteStore(path, None)
        store.set_up({"data_id": "x"})
        with store.transaction() as tx:
            append(tx, [replace(record(one), second_actor=None) for one in range(5)], at=AT)
        store.close()
        return path.read_bytes()


@contextmanager
def edited(folder: Path) -> Iterator[tuple[SqliteStore, sqlite3.Connection]]:
    """A log of five records, opened as the file's owner opens it: triggers are put aside, and put back after."""
    path = folder / "w.sqlite3"
    path.write_bytes(five_records())
    store = SqliteStore(path, Seal(b"k" * 32))
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    yield store, database
    for _, sql in triggers:
        database.execute(sql)
    database.close()


def found(store: SqliteStore) -> list[int | None]:
    """The records that the check names; a database that cannot be read at all is found too (CannotTell)."""
    seen: list[Leaf] = []
    try:
        with store.transaction() as tx:
            return [one.record for one in check(tx, seen.append)]
    except WithnessError:
        return [None]
    finally:
        store.close()
