"""Threads share one COMMIT, and it fails: nothing in the chart rests on what was undone with it (I1, I5)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import CLINICIAN, Site
from tests.system.test_an_old_row_put_back import unreachable
from withness.desk import delivery, screens
from withness.desk.asking import actor_of
from withness.errors import CannotTell
from withness.store import batch, sql, sqlite

ACTOR = actor_of(CLINICIAN)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine ends no batch here before its time."""
    monkeypatch.setattr(batch, "LONGEST", 60)


def beside(site: Site, monkeypatch: pytest.MonkeyPatch, work: Callable[[Any], object]) -> None:
    """Let somebody else's block come before the delivery's own, in one batch with it."""
    store: Any = site.context.store
    real, threads = delivery.facts.gather, list[threading.Thread]()
    began = threading.Event()

    def other() -> None:
        with store.transaction() as tx:
            work(tx)
            began.set()
            until(lambda: bool(store._turns._waiting))

    def gather(*given: Any, **named: Any) -> Any:
        found = real(*given, **named)
        if not threads:
            threads.append(threading.Thread(target=_quietly, args=(other,)))
            threads[0].start()
            began.wait(10)
        return found

    monkeypatch.setattr(delivery.facts, "gather", gather)


def _quietly(work: Callable[[], None]) -> None:
    with contextlib.suppress(CannotTell):
        work()


def until(come: Callable[[], bool]) -> None:
    """Wait for something, at most ten seconds."""
    end = time.monotonic() + 10
    while not come() and time.monotonic() < end:
        time.sleep(0.001)


def failing(monkeypatch: pytest.MonkeyPatch, screens_wanted: int) -> None:
    """Let the COMMIT fail that would make this many screens durable; it takes everything back."""
    real = sqlite.SqliteStore._commit

    def fails(store: sqlite.SqliteStore, connection: Any) -> None:
        found = connection.exec_driver_sql("SELECT count(*) FROM screen").scalar()
        if found < screens_wanted:
            return real(store, connection)
        store._unsure = True
        connection.rollback()
        store._discard()
        raise sql.CommitUnknown("The database could not confirm that the record is durable.")

    monkeypatch.setattr(sqlite.SqliteStore, "_commit", fails)


@pytest.mark.parametrize("fails", [True, False])
def test_a_plan_rests_on_no_screen_that_was_undone(site: Site, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """A newer screen holds it; a clear one after it is undone. Planted: the chart written inside the shared COMMIT, as
    before; caught, for the plan stood in the chart and nothing had released it. Planted: it waits for good; caught."""
    site.screen()
    with unreachable(site, monkeypatch):
        site.save()
    site.open()
    site.pass_time(minutes=5)
    site.screen(answers={"suicide.now": "unsure"})
    site.pass_time(minutes=5)
    clear = screens.Incoming(
        make_screen(site.policy, subject="Patient/rosa", encounter="Encounter/e1", authored=site.at)
    )
    [id] = outbox(site)
    beside(site, monkeypatch, lambda tx: screens.keep(tx, site.context, clear, ACTOR, site.context.new_id()))
    if not fails:
        assert delivery.deliver(site.context, id, ACTOR).state == "delivered"
        assert len(site.care_plans()) == 1
        return
    with monkeypatch.context() as patch:
        failing(patch, 3)
        with pytest.raises(CannotTell):
            delivery.deliver(site.context, id, ACTOR)
    assert site.care_plans() == []
    site.open()
    assert site.desk.sync(actor=CLINICIAN)["withheld"] == 1


def test_others_people_hold_nothing_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What concerns somebody else is no ground of this plan. Planted: everybody's records waited for; caught."""
    site.screen()
    with unreachable(site, monkeypatch):
        site.save()
    site.open()
    [id] = outbox(site)
    tom = make_screen(site.policy, subject="Patient/tom", encounter="Encounter/e2", authored=site.at)
    beside(
        site,
        monkeypatch,
        lambda tx: screens.keep(tx, site.context, screens.Incoming(tom), ACTOR, site.context.new_id()),
    )
    monkeypatch.setattr(delivery, "_start", None)  # how it is sent into an EHR elsewhere
    assert delivery.deliver(site.context, id, ACTOR).state == "delivered"
    assert [one["kind"] for one in site.records()][-3:] == ["screen.recorded", "plan.sent", "plan.confirmed"]


def outbox(site: Site) -> tuple[str, ...]:
    with site.context.store.transaction() as tx:
        return tx.outbox_ids(*delivery.OPEN)
