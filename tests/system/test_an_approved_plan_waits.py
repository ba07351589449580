"""Approved, and the EHR is away: the plan is kept, delivered later, or withheld by a newer screen."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.servers.busy import BusyServer
from tests.system.site import Site, make_draft
from withness.desk import delivery, sync
from withness.desk.asking import actor_of
from withness.desk.front import Desk
from withness.ehr.local import LocalChart
from withness.errors import CannotTell, EhrUnavailable, TrailDamaged
from withness.store import sql, sqlite
from withness.store.transaction import Transaction


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR can be read and takes nothing: it answers every write with 503."""
    with BusyServer() as server, Site(tmp_path / "home", tmp_path / "site.key", ehr_url=server.base_url) as made:
        yield made


def unreachable(_: str) -> Any:
    """The EHR does not answer."""
    raise EhrUnavailable("The EHR did not answer.")


def come_back(site: Site) -> LocalChart:
    """The EHR answers again: the embedded chart stands in for it, under the same address."""
    seal = site.context.store._seal
    assert seal is not None

    class Back(LocalChart):
        address = site.context.ehr.address  # type: ignore[assignment]
        embedded = False  # type: ignore[assignment]

    chart = Back(site.home / "back.sqlite3", seal, now=lambda: site.at)
    site.context = replace(site.context, ehr=chart)
    site.desk = Desk(site.context)
    return chart


def test_it_waits_and_is_delivered_once(away: Site) -> None:
    """Exit 5, then `sync`. The same request id answers the present state and approves nothing more."""
    away.screen()
    draft = make_draft()
    code, answer = away.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert (code, answer["saved"], answer["delivery"]) == (5, False, "sending")
    assert away.console("sync").returncode == 5
    again_code, again = away.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert (again_code, again["care_plans"], again["delivery"]) == (5, answer["care_plans"], "sending")
    away.catch_up()
    chart = come_back(away)
    done = away.desk.sync(actor="Practitioner/p1")
    assert (done["delivered"], done["waiting"], done["withheld"], done["troubles"]) == (1, 0, 0, [])
    assert [f"CarePlan/{one.resource['id']}" for one in chart.search("CarePlan")] == answer["care_plans"]
    assert away.save(draft)["saved"] is True


def test_a_newer_acute_screen_withholds_it_for_good(away: Site) -> None:
    """Planted: the second look before sending left out; caught."""
    away.screen()
    draft = make_draft()
    assert away.save(draft)["delivery"] == "sending"
    away.pass_time(minutes=1)
    away.screen(answers={"suicide.now": "yes"})
    chart = come_back(away)
    done = away.desk.sync(actor="Practitioner/p1")
    assert (done["delivered"], done["waiting"], done["withheld"]) == (0, 0, 1)
    assert chart.search("Goal") == []
    assert away.save(draft)["decision"] == "held-for-directive-protocol"
    assert chart.search("Goal") == []


def test_sync_says_by_exit_3_that_a_newer_screen_withholds(away: Site) -> None:
    """The console's own exit code for it."""
    away.screen()
    away.save()
    away.pass_time(minutes=1)
    away.screen(answers={"eating.medical-sign": "yes"})
    assert away.console("sync").returncode == 3


def test_a_newer_clear_screen_lets_it_through(away: Site) -> None:
    """A second look that is clear delivers what was approved."""
    away.screen()
    away.save()
    away.pass_time(minutes=1)
    away.screen()
    chart = come_back(away)
    assert away.desk.sync(actor="Practitioner/p1")["delivered"] == 1
    assert len(chart.search("CarePlan")) == 1


@pytest.mark.parametrize("begun", [True, False])
def test_it_is_never_sent_to_another_ehr(away: Site, begun: bool) -> None:
    """An outbox row is bound to the EHR it was approved for, whether sending has begun or not."""
    away.screen()
    if not begun:
        away.context.ehr.read = unreachable  # type: ignore[method-assign]
    assert away.save()["delivery"] == ("sending" if begun else "waiting")
    chart = come_back(away)
    other = type(chart)(away.home / "other.sqlite3", away.context.store._seal, now=lambda: away.at)  # type: ignore[arg-type]
    type(other).address = "http://127.0.0.1:1/other"  # type: ignore[assignment, misc]
    away.context = replace(away.context, ehr=other)
    away.desk = Desk(away.context)
    done = away.desk.sync(actor="Practitioner/p1")
    assert (done["delivered"], done["waiting"]) == (0, 1)
    assert "another EHR" in done["troubles"][0]
    assert other.search("CarePlan") == []


def test_sync_honours_a_short_retry_after_and_no_long_one(away: Site) -> None:
    """Retry-After up to 30 s in all is waited for; a longer one is left for later."""
    away.screen()
    away.save()
    chart, answers, slept = come_back(away), [5.0, 600.0], []

    def busy(_: str) -> Any:
        raise EhrUnavailable("The EHR is busy.", retry_after=answers.pop(0))

    chart.read = busy  # type: ignore[method-assign]
    done = sync.sync(away.context, actor_of("Practitioner/p1"), sleep=slept.append)
    assert (slept, answers, done.waiting) == ([5.0], [], 1)


@pytest.mark.parametrize("state", ["waiting", "sending"])
def test_a_row_that_another_process_delivered_meanwhile_is_left_alone(away: Site, state: str) -> None:
    """It failed before the write, or may have been written.

    Planted: the row as it was read first taken for granted; sent and confirmed a second time; caught where it waited.
    """
    away.screen()
    if state == "waiting":
        away.context.ehr.read = _no_plan_is_read(away.context.ehr.read)  # type: ignore[method-assign]
    assert away.save()["delivery"] == state
    chart = come_back(away)
    real, other = away.context.store.transaction, []

    def overtaken() -> Any:
        if len(other) == 1:
            other.append("now")
            Desk(replace(away.context)).sync(actor="Practitioner/p2")
        other.append("tx")
        return real()

    away.context.store.transaction = overtaken  # type: ignore[method-assign]
    row_id = _only_row(away)
    other.clear()
    sent = delivery.deliver(away.context, row_id, actor_of("Practitioner/p1"))
    away.context.store.transaction = real  # type: ignore[method-assign]
    assert sent.state.value == "delivered"
    with away.context.store.transaction() as tx:
        assert tx.outbox(row_id).state.value == "delivered"  # type: ignore[union-attr]
        kinds = [leaf.kind for leaf in tx.leaves()]
    assert kinds.count("plan.confirmed") == 1
    assert len(chart.search("CarePlan")) == 1
    assert away.console("audit", "verify").returncode == 0


def _no_plan_is_read(real: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(reference: str) -> Any:
        if reference.startswith("CarePlan/"):
            raise EhrUnavailable("The EHR did not answer.")
        return real(reference)

    return read


def _only_row(site: Site) -> str:
    with site.context.store.transaction() as tx:
        [row_id] = tx.outbox_states()
    return row_id


@pytest.mark.parametrize("damage", ["DELETE FROM audit_head", "DROP TRIGGER audit_leaf_no_update"])
def test_a_damaged_trail_sends_nothing(away: Site, damage: str) -> None:
    """What was approved stays until people have looked at the trail. Planted: the whole trail not asked about before
    sending begins; the second caught it (the first is met on the way to what the trail says of the plan).
    """
    away.screen()
    away.save()
    chart = come_back(away)
    with closing(sqlite3.connect(away.settings.database)) as database:
        database.executescript(damage)
    with pytest.raises(TrailDamaged):
        away.desk.sync(actor="Practitioner/p1")
    assert chart.search("CarePlan") == []


def test_a_trail_that_cannot_be_checked_sends_nothing_and_is_not_called_damaged(away: Site) -> None:
    """The folder of checkpoints is not mounted. Planted: one error for both; caught."""
    away.screen()
    away.save()
    chart = come_back(away)
    publisher = away.context.store.publisher
    assert publisher is not None
    shutil.rmtree(publisher.folder.path)
    with pytest.raises(CannotTell, match="nobody can tell"):
        away.desk.sync(actor="Practitioner/p1")
    assert chart.search("CarePlan") == []


@pytest.mark.parametrize("durable", [True, False])
def test_a_failed_commit_is_unknown_until_it_is_looked_up(
    site: Site, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    """I5. A commit's failure cannot be had on purpose from SQLite, so it is made here: durable or not, then an error.

    Planted: the look-up left out; caught in both cases.
    """
    site.screen()
    real, failing = sqlite.SqliteStore._commit, [True]

    def fails_once(store: sqlite.SqliteStore, connection: Any) -> None:
        if not failing or not _decides(connection):
            return real(store, connection)
        failing.clear()
        if durable:
            connection.commit()
        store._discard()
        raise sql.CommitUnknown("The database could not confirm that the record is durable.")

    monkeypatch.setattr(sqlite.SqliteStore, "_commit", fails_once)
    draft = make_draft()
    if durable:
        assert site.save(draft)["saved"] is True
    else:
        with pytest.raises(CannotTell):
            site.save(draft)
        assert site.desk.plans() == []
        assert site.save(draft)["saved"] is True
    assert len(site.chart("CarePlan")) == 1


def _decides(connection: Any) -> bool:
    return bool(Transaction(connection, None).count("plan"))
