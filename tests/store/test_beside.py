"""PostgreSQL: transactions that name their people run beside each other, and end one after another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from tests.servers.postgres import PostgresServer
from tests.store.furnishing import AT, KEY, RECORD, furnish
from tests.system.site import Site

from withness.audit import log
from withness.audit.check import check
from withness.desk import gate_inputs
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store.postgres import PostgresStore
from withness.store.rows import PlanRow, PlanState
from withness.store.sql import TryAgain
from withness.store.transaction import Transaction

ROSA, TOM = ("Patient/rosa",), ("Patient/tom",)


@pytest.fixture
def store(postgres_server: PostgresServer) -> Iterator[PostgresStore]:
    """A store with three rows in each table."""
    made = PostgresStore(postgres_server.create_database(), Seal(KEY))
    furnish(made)
    yield made
    made.close()


def begun(work: Callable[[], None]) -> threading.Thread:
    """Start something in a thread of its own, and give it a moment."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(0.3)
    return thread


@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [(ROSA, TOM, False), (ROSA, ROSA, True), (ROSA, (*TOM, *ROSA), True), (ROSA, (), True), ((), TOM, True)],
)
def test_who_waits_for_whom(store: PostgresStore, first: tuple[str, ...], second: tuple[str, ...], waits: bool) -> None:
    """Other people's, never; one's own, and what runs alone. Planted: no lock on people; alone shared; both caught."""
    came: list[str] = []

    def ask() -> None:
        with store.transaction(second):
            came.append("second")

    with store.transaction(first):
        asked = begun(ask)
        assert came == ([] if waits else ["second"])
    asked.join(10)
    assert came == ["second"]


def test_two_append_one_after_another(store: PostgresStore) -> None:
    """Whoever comes second waits for the first one's COMMIT, then goes on from there. Planted: no lock on the end."""
    order: list[str] = []

    def second() -> None:
        with store.transaction(TOM) as tx:
            tx.screens("Patient/tom")
            order.append("read")
            tx.put_screen("t", "Patient/tom", {})
            append_one(tx, store)
            order.append("second")

    with store.transaction(ROSA) as tx:
        tx.put_screen("r", "Patient/rosa", {})
        append_one(tx, store)
        asked = begun(second)
        assert order == ["read"]
        order.append("first")
    asked.join(10)
    assert order == ["read", "first", "second"]
    with store.transaction() as tx:
        assert [row.number for row in (*tx.screens("Patient/rosa"), *tx.screens("Patient/tom"))][-2:] == [7, 8]
        assert list(check(tx)) == []


def append_one(tx: Transaction, store: PostgresStore) -> None:
    tx.hold_end()
    log.append(tx, [RECORD], at=store.now())


def test_what_looks_damaged_while_others_append_is_looked_at_again(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two looks another has saved: no plan is refused for that. Planted: the second look left out; caught."""
    real, due = Transaction.last, [True]

    def last(self: Transaction) -> object:
        if due:
            due.clear()
            with store.transaction(TOM) as other:
                append_one(other, store)
        return real(self)

    monkeypatch.setattr(Transaction, "last", last)
    with store.transaction(ROSA) as tx:
        assert log.broken(tx)
    due.append(True)
    with store.transaction(ROSA) as tx:
        assert gate_inputs.whole(tx)
        assert not tx.hold_end()


def test_the_newest_time_is_never_later_than_the_time_after_it(store: PostgresStore) -> None:
    """However fast others save. Planted: the clock not told after the newest record's time; caught."""
    store._clock.tell(AT)
    with store.transaction(ROSA) as tx:
        store._clock.tell(AT)

        def save() -> None:
            with store.transaction(TOM) as other:
                append_one(other, store)

        begun(save).join(10)
        newest = log.newest_time(tx)
        assert newest is not None
        assert newest <= store.now()


def test_a_row_that_another_has_just_made_is_tried_again(store: PostgresStore) -> None:
    """A request id used by both at once. Planted: told as a database that cannot be read; caught."""

    def write() -> None:
        with store.transaction(ROSA) as tx:
            assert tx.plan_of("r9") is None
            with store.transaction(TOM) as other:
                other.put_plan(PlanRow("p8", "r9", PlanState.HELD, None, "2026", {}))
            tx.put_plan(PlanRow("p9", "r9", PlanState.HELD, None, "2026", {}))

    with pytest.raises(TryAgain):
        write()
    with store.transaction() as tx:
        assert tx.plan("p8") is not None
        assert tx.plan("p9") is None


def test_alone_the_same_is_what_it_is(store: PostgresStore) -> None:
    """Nobody was in the way: it is an error. Planted: TryAgain for every unique column; caught."""

    def write() -> None:
        with store.transaction() as tx:
            tx.put_plan(PlanRow("p9", "r0", PlanState.HELD, None, "2026", {}))

    with pytest.raises(CannotTell) as found:
        write()
    assert not isinstance(found.value, TryAgain)


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_work_that_another_was_in_the_way_of_is_run_again_alone(site: Site, times: int) -> None:
    """Twice at most; then it is told. Planted: run for ever; with its people again; both caught."""
    left, ran = [True] * times, []

    def work(tx: Transaction) -> str:
        ran.append(tx)
        if left:
            left.pop()
            raise TryAgain("Another save was in the way; nothing was saved.")
        return "done"

    named: list[tuple[str, ...]] = []
    store, real = site.context.store, site.context.store.transaction

    def transaction(people: tuple[str, ...] = ()) -> object:
        named.append(tuple(people))
        return real(people)

    store.transaction = transaction  # type: ignore[assignment, method-assign]
    if times < 3:
        assert site.context.commit(work, lambda _: True, people=ROSA) == "done"
    else:
        with pytest.raises(TryAgain):
            site.context.commit(work, lambda _: True, people=ROSA)
    assert len(ran) == min(times + 1, 3)
    assert named == [ROSA, (), ()][: len(ran)]
