"""Threads that wait for each other on SQLite share one COMMIT; each returns when it is durable, and loses nobody."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock, Timeout
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from tests.store.furnishing import AT, KEY, RECORD

from withness.audit.check import check
from withness.audit.log import append
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import batch, sql, sqlite
from withness.store.sql import CommitUnknown
from withness.store.sqlite import SqliteStore
from withness.store.transaction import Transaction
from withness.store.turns import Turns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "w.sqlite3"


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine ends no batch here before its time."""
    monkeypatch.setattr(batch, "LONGEST", 60)


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path, Seal(KEY))
    made.set_up({"data_id": "x"})
    yield made
    made.close()


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many COMMITs there were, one entry each."""
    found: list[int] = []
    real = sqlite.commit

    def commit(self: Connection) -> None:
        found.append(1)
        real(self)

    monkeypatch.setattr(sqlite, "commit", commit)
    return found


def save(store: SqliteStore, id: str, then: Callable[[Transaction], None] = lambda _: None) -> None:
    """Save one screen with its record, and go on in the same transaction."""
    with store.transaction() as tx:
        tx.put_screen(id, "Patient/rosa", {"id": id})
        append(tx, [RECORD], at=AT)
        then(tx)


def together(store: SqliteStore, *works: Callable[[], None]) -> list[BaseException | None]:
    """Let the works ask for their turn in this order while the first holds it; return how each ended."""
    ended: list[BaseException | None] = [None] * len(works)

    def run(number: int) -> None:
        try:
            works[number]()
        except BaseException as error:  # noqa: BLE001  a thread's end is the test's to look at
            ended[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for number, one in enumerate(threads):
        one.start()
        until(lambda number=number: store._batch is not None and len(store._turns._waiting) >= number)  # type: ignore[misc]
    for one in threads:
        one.join(30)
    return ended


def until(come: Callable[[], bool]) -> None:
    """Wait for something, at most ten seconds."""
    end = time.monotonic() + 10
    while not come() and time.monotonic() < end:
        time.sleep(0.001)


def first(store: SqliteStore, id: str, others: int) -> None:
    """Save, and keep the turn until the others wait for it."""

    def hold(_: Transaction) -> None:
        until(lambda: len(store._turns._waiting) >= others)

    save(store, id, hold)


def kept(store: SqliteStore) -> list[str]:
    """The screens that are there, by order of recording; the trail is whole."""
    with store.transaction() as tx:
        assert list(check(tx)) == []
        found = [row.id for row in tx.screens("Patient/rosa")]
        assert tx.count("audit_leaf") == len(found)
    return found


def test_who_waits_shares_one_commit(store: SqliteStore, commits: list[int]) -> None:
    """In the order in which they asked. Planted: a batch ended by its first block; a stack for the queue; caught."""
    ended = together(
        store,
        lambda: first(store, "a", 3),
        *(lambda name=name: save(store, name) for name in "bcd"),  # type: ignore[misc]
    )
    assert ended == [None] * 4
    assert len(commits) == 1
    assert kept(store) == ["a", "b", "c", "d"]


def test_sixteen_threads_lose_nothing(store: SqliteStore, path: Path, commits: list[int]) -> None:
    """What was acknowledged is there for everybody. Planted: a batch's members told before its COMMIT; caught."""
    acknowledged: list[str] = []

    def work(name: str) -> None:
        for number in range(10):
            save(store, f"{name}{number}")
            database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
            assert database.execute("SELECT 1 FROM screen WHERE id = ?", (f"{name}{number}",)).fetchone()
            database.close()
            acknowledged.append(f"{name}{number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdefghijklmnop"]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(acknowledged) == 160
    assert len(commits) < 160
    assert sorted(kept(store)) == sorted(acknowledged)


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), CannotTell("x")])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_block_that_raises_loses_only_itself(store: SqliteStore, place: int, error: BaseException) -> None:
    """The first, one between, the last. Planted: ROLLBACK for all; no savepoint; both caught."""

    def fails(id: str, others: int) -> None:
        def hold_and_raise(_: Transaction) -> None:
            until(lambda: len(store._turns._waiting) >= others)
            raise error

        save(store, id, hold_and_raise)

    works: list[Callable[[], None]] = [
        lambda: first(store, "a", 2),
        lambda: save(store, "b"),
        lambda: save(store, "c"),
    ]
    works[place] = lambda: fails("abc"[place], 2 if place == 0 else 0)
    ended = together(store, *works)
    assert ended == [error if number == place else None for number in range(3)]
    assert kept(store) == [name for name in "abc" if name != "abc"[place]]


@pytest.mark.parametrize("durable", [False, True])
def test_a_failed_commit_is_unknown_for_each_of_its_batch(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """And for nobody else. The driver's commit is replaced, as in test_both_engines.

    Planted: only the thread that commits is told; the others wait for ever; both caught.
    """
    real = sqlite.commit

    def fail(self: Connection) -> None:
        if durable:
            real(self)
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))

    monkeypatch.setattr(sqlite, "commit", fail)
    ended = together(store, lambda: first(store, "a", 2), lambda: save(store, "b"), lambda: save(store, "c"))
    assert [type(one) for one in ended] == [CommitUnknown] * 3
    monkeypatch.setattr(sqlite, "commit", real)
    save(store, "d")
    assert kept(store) == (["a", "b", "c", "d"] if durable else ["d"])


def test_what_sqlite_takes_back_itself_is_claimed_by_nobody(store: SqliteStore) -> None:
    """A full disk ends the blocks before it too. Planted: they are told that all is durable; caught."""

    def full(tx: Transaction) -> None:
        tx._connection.exec_driver_sql("ROLLBACK")
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))

    ended = together(store, lambda: first(store, "a", 2), lambda: save(store, "b", full), lambda: save(store, "c"))
    assert [type(one) for one in ended] == [CommitUnknown, CannotTell, type(None)]
    assert kept(store) == ["c"]


def test_a_batch_has_an_end(store: SqliteStore, commits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits, it is ended after so many or so long. Planted: each limit left out in turn; both caught."""
    monkeypatch.setattr(batch, "MOST", 2)
    names = "bcdef"
    works = [lambda name=name: save(store, name) for name in names]
    assert together(store, lambda: first(store, "a", 5), *works) == [None] * 6
    assert len(commits) == 3
    commits.clear()
    monkeypatch.setattr(batch, "MOST", 100)
    monkeypatch.setattr(batch, "LONGEST", 0)
    works = [lambda name=name: save(store, name * 2) for name in names]
    assert together(store, lambda: first(store, "aa", 5), *works) == [None] * 6
    assert len(commits) == 6


def test_the_lock_is_held_for_the_whole_batch(store: SqliteStore, path: Path) -> None:
    """Between two blocks too. Planted: the lock released and taken again between them; caught."""
    taken: list[bool] = []

    def try_it(_: Transaction) -> None:
        try:
            with FileLock(f"{path}.lock", timeout=0, thread_local=False):
                taken.append(True)
        except Timeout:
            taken.append(False)

    works = (lambda: first(store, "a", 2), lambda: save(store, "b", try_it), lambda: save(store, "c", try_it))
    assert together(store, *works) == [None] * 3
    assert taken == [False, False]
    try_it(None)  # type: ignore[arg-type]
    assert taken[-1] is True


def test_a_glance_waits_for_no_other_process(store: SqliteStore, path: Path) -> None:
    """One of them may hold the lock for as long as it likes. Planted: a glance takes it too; caught."""
    save(store, "a")
    with FileLock(f"{path}.lock", thread_local=False), store.glance() as tx:
        assert [row.id for row in tx.screens("Patient/rosa")] == ["a"]


def test_a_glance_at_an_open_batch_shows_what_is_durable_with_it(store: SqliteStore) -> None:
    """It becomes one of the batch, in its turn. Planted: its turn given away first; caught."""

    def look() -> None:
        with store.glance() as tx:
            seen.append([row.id for row in tx.screens("Patient/rosa")])

    seen: list[list[str]] = []
    assert together(store, lambda: first(store, "a", 2), look, lambda: save(store, "b")) == [None] * 3
    assert seen == [["a"]]


def test_a_snapshot_and_a_close_do_not_wait_for_a_batch_to_end_by_itself(store: SqliteStore) -> None:
    """Whoever needs the lock ends the open batch. Planted: the batch left open under it; caught."""

    def look() -> None:
        with store.snapshot() as tx:
            assert [row.id for row in tx.screens("Patient/rosa")] == ["a"]

    assert together(store, lambda: first(store, "a", 2), look, lambda: save(store, "b")) == [None] * 3
    assert together(store, lambda: first(store, "c", 1), store.close) == [None] * 2
    assert kept(store) == ["a", "b", "c"]


def test_who_waits_too_long_leaves_the_queue(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is in nobody's way. Planted: its place left in the queue; caught (the next one never comes)."""
    monkeypatch.setattr(sql, "LOCK_SECONDS", 0.2)

    def hold(_: Transaction) -> None:
        time.sleep(0.6)

    ended = together(store, lambda: save(store, "a", hold), lambda: save(store, "b"))
    assert [type(one) for one in ended] == [type(None), CannotTell]
    save(store, "c")
    assert kept(store) == ["a", "c"]


def test_turns_are_given_in_order() -> None:
    """A thread may take its turn again. Planted: the depth not counted; caught."""
    turns, came = Turns(), []
    assert turns.acquire(1)
    assert turns.acquire(1)

    def ask(name: int) -> None:
        assert turns.acquire(10)
        came.append(name)
        turns.release()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for number, one in enumerate(threads):
        one.start()
        until(lambda number=number: len(turns._waiting) > number)  # type: ignore[misc]
    turns.release()
    time.sleep(0.05)
    assert came == []
    turns.release()
    for one in threads:
        one.join(10)
    assert came == list(range(8))
    assert not turns.wanted


def write_for_ever(path: Path) -> None:
    """In a process of its own: eight threads save and print what was acknowledged, until the process is killed."""
    store = SqliteStore(path, Seal(KEY))

    def work(name: str) -> None:
        for number in range(100_000):
            save(store, f"{name}{number}")
            os.write(1, f"{name}{number}\n".encode())  # whole, whoever else writes

    for name in "abcdefgh":
        threading.Thread(target=work, args=(name,)).start()


def test_killed_at_random_points_nothing_acknowledged_is_lost(
    store: SqliteStore, path: Path, campaign: Callable[[int], int]
) -> None:
    """SIGKILL in the middle of batches, again and again. Planted: acknowledged before the COMMIT; caught."""
    store.close()
    said = textwrap.dedent("""
        import sys
        from pathlib import Path
        from tests.store.test_group_commit import write_for_ever
        write_for_ever(Path(sys.argv[1]))
    """)
    root = Path(__file__).resolve().parents[2]
    dice = random.Random(20261122)  # noqa: S311  a repeatable schedule, not a secret
    for number in range(campaign(30)):
        place = path.with_name(f"{number}.sqlite3")
        fresh = SqliteStore(place, Seal(KEY))
        fresh.set_up({"data_id": "x"})
        fresh.close()
        command = [sys.executable, "-c", said, place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline().strip()]
            time.sleep(dice.uniform(0, 0.5))
            process.kill()
            # a line that was cut off in its middle acknowledges nothing
            acknowledged += [line.strip() for line in process.stdout.readlines() if line.endswith("\n")]
        assert set(acknowledged) <= set(kept(fresh))
        fresh.close()
