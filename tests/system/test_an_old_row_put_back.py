"""Whoever can write the database puts an old row back: nothing is sent by it, and everybody is told (I1, I3, I4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.system.check_ins import check_in
from tests.system.site import CLINICIAN, Site
from withness.audit import log
from withness.audit.record import Kind, Record
from withness.desk import again, outbox
from withness.desk.last_said import last_states
from withness.desk.outbox import PUT_BACK
from withness.errors import EhrUnavailable, TrailDamaged
from withness.store.rows import Delivery

Rows = dict[str, list[tuple[Any, ...]]]


def database(site: Site) -> sqlite3.Connection:
    """The database as somebody without any key can open it."""
    site.desk.close()
    return sqlite3.connect(site.settings.database, isolation_level=None)


def copied(site: Site) -> Rows:
    """Every plan and every outbox row as they lie there now."""
    with closing(database(site)) as raw:
        return {name: raw.execute(f"SELECT * FROM {name}").fetchall() for name in ("plan", "outbox")}


def put(site: Site, rows: Rows, *tables: str) -> None:
    """Put what was copied back, sealed as it was."""
    with closing(database(site)) as raw:
        for name in tables or rows:
            for row in rows[name]:
                marks = ", ".join("?" * len(row))
                raw.execute(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", row)


@contextmanager
def unreachable(site: Site, monkeypatch: pytest.MonkeyPatch, name: str = "read") -> Iterator[None]:
    """Let the EHR be away."""

    def away(*_: Any) -> Any:
        raise EhrUnavailable("The EHR did not answer.")

    site.remote()
    with monkeypatch.context() as patch:
        patch.setattr(type(site.context.ehr), name, away)
        yield


def reopen(site: Site) -> None:
    """Open the desk again, with the EHR elsewhere."""
    site.open()
    site.remote()


def damaged(site: Site) -> None:
    """Nothing is sent, it is recorded once, it is on the worklist, and the console and the verifier say exit 4."""
    before = len(site.chart("CarePlan"))
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["damaged"], done["delivered"], done["troubles"]) == (1, 0, [PUT_BACK])
    assert site.desk.sync(actor=CLINICIAN)["damaged"] == 1
    assert [one["outcome"] for one in site.records() if one["kind"] == "sweep.finding"] == ["row-put-back"]
    assert len(site.chart("CarePlan")) == before
    site.desk.close()
    assert site.console("sync").returncode == 4
    code, found = site.console_json("audit", "verify")
    assert code == 4
    assert "does not stand where the trail says" in found["damages"][0]["what"]
    _, listed = site.console_json("audit", "worklist")
    assert any("an old row was put back" in one["why"] for one in listed)


def waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Rows]:
    """An approved plan that waits for the EHR, and its rows as they lie there."""
    site.screen()
    with unreachable(site, monkeypatch):
        site.save()
    [plan] = site.desk.plans()
    rows = copied(site)
    reopen(site)
    return plan["plan"], rows


def end(site: Site, plan: str) -> None:
    """The clinician ends it before it was sent."""
    site.desk.close_plan(plan, how="revoked", reason="The client left.", actor=CLINICIAN)


def hold(site: Site, plan: str) -> None:
    """A newer screen withholds it."""
    site.pass_time(minutes=1)
    site.screen(answers={"suicide.now": "yes"})
    assert site.desk.sync(actor=CLINICIAN)["withheld"] == 1


@pytest.mark.parametrize("stopped", [end, hold])
@pytest.mark.parametrize("tables", [("outbox",), ("plan", "outbox")])
def test_a_plan_that_was_stopped_is_not_sent(
    site: Site, monkeypatch: pytest.MonkeyPatch, stopped: Callable[[Site, str], None], tables: tuple[str, ...]
) -> None:
    """Planted: the row sent without asking the trail for its last record; an ended plan stood in the chart, caught."""
    plan, rows = waiting(site, monkeypatch)
    stopped(site, plan)
    put(site, rows, *tables)
    reopen(site)
    damaged(site)


def test_it_leaves_the_worklist_once_the_row_is_right(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep finds it by itself too. Planted: the sweep clearing what it does not ask the EHR about; caught."""
    plan, rows = waiting(site, monkeypatch)
    end(site, plan)
    right = copied(site)
    put(site, rows)
    for _ in range(2):
        code, swept = site.console_json("audit", "sweep")
        assert (code, [one["what"] for one in swept["findings"]]) == (0, ["row-put-back"])
    put(site, right)
    code, swept = site.console_json("audit", "sweep")
    assert (swept["findings"], [one["what"] for one in swept["cleared"]]) == ([], ["row-put-back"])
    assert site.console("sync").returncode == 0
    assert site.console("audit", "verify").returncode == 0


def test_under_one_lock_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded chart is written under the store's lock. Planted: the look left out there; caught."""
    plan, rows = waiting(site, monkeypatch)
    end(site, plan)
    put(site, rows)
    site.open()
    damaged(site)


def test_a_plan_of_unknown_fate_is_not_called_delivered_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was delivered and ended since. Planted: the look only where a plan is sent, not where it is looked up; caught,
    for the ended plan was recorded as delivered."""
    site.screen()
    with unreachable(site, monkeypatch, "transact"):
        site.save()
    rows = copied(site)
    reopen(site)
    assert site.desk.sync(actor=CLINICIAN)["delivered"] == 1
    [plan] = site.desk.plans()
    end(site, plan["plan"])
    put(site, rows, "outbox")
    reopen(site)
    damaged(site)
    site.open()
    assert site.plan_status() == "revoked"


def test_the_verifier_sees_what_an_earlier_release_let_through(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row goes its way again, and is in the end where the trail has it. Planted: the last record alone looked at;
    caught, for the trail was called whole."""
    plan, rows = waiting(site, monkeypatch)
    end(site, plan)
    put(site, rows)
    reopen(site)
    with monkeypatch.context() as patch:
        patch.setattr(outbox, "stands", lambda *_: True)
        assert site.desk.sync(actor=CLINICIAN)["delivered"] == 1
    site.desk.close()
    code, found = site.console_json("audit", "verify")
    assert code == 4
    [sent, confirmed] = [one for one in site_records(site) if one["kind"] in ("plan.sent", "plan.confirmed")][-2:]
    assert [(one["record"], one["what"]) for one in found["damages"]] == [
        (sent["seq"], "it sends again what was over: an old row was put back")
    ]
    assert confirmed["seq"] == sent["seq"] + 1


def site_records(site: Site) -> list[dict[str, Any]]:
    """The trail's newest records once the desk is open again."""
    site.open()
    return site.records()


@pytest.mark.parametrize("hide", ["body", "gone"])
def test_a_trail_whose_last_word_was_taken_out_sends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, hide: str
) -> None:
    """The record of the end is changed, or is gone, in the middle of the log. Planted: bytes not held against their
    hash; gaps not looked for; each caught."""
    plan, rows = waiting(site, monkeypatch)
    end(site, plan)
    seqs = [one["seq"] for one in site.records() if one["kind"] == "plan.closed"]
    site.screen("Patient/tom")
    put(site, rows)
    with closing(database(site)) as raw:
        triggers = raw.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            raw.execute(f"DROP TRIGGER {name}")
        for seq in seqs:
            if hide == "gone":
                raw.execute("DELETE FROM audit_leaf WHERE seq = ?", (seq,))
            else:
                raw.execute(
                    "UPDATE audit_leaf SET body = (SELECT body FROM audit_leaf WHERE seq = 0) WHERE seq = ?", (seq,)
                )
        for _, sql in triggers:
            raw.execute(sql)
    site.desk.close()
    assert site.console("sync").returncode == 4
    site.open()
    assert site.care_plans() == []


@pytest.mark.parametrize("since", [0, 300])
def test_a_last_word_that_was_forged_with_its_hash_does_not_fit_the_tree(
    site: Site, monkeypatch: pytest.MonkeyPatch, since: int
) -> None:
    """In the tree's open end, and inside a full tile. Planted: hashes not held against the peaks; not against the tile;
    each caught."""
    plan, _ = waiting(site, monkeypatch)
    with site.context.store.transaction() as tx:
        [id] = tx.outbox_ids(Delivery.WAITING)
    end(site, plan)
    with site.context.store.transaction() as tx:
        assert last_states(tx, [id]) == {id: "replaced"}
        viewed = Record(kind=Kind.TRAIL_VIEWED, actor=CLINICIAN, os_user="x")
        log.append(tx, [viewed] * (since or 1), at=site.at)
    seqs = [one["seq"] for one in site.records(1000) if one["kind"] == "plan.closed"]
    with site.context.store.transaction() as tx:
        other = tx.leaf(0)
        assert other is not None
        for (name,) in tx.connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            tx.connection.exec_driver_sql(f"DROP TRIGGER {name}")
        forged = "UPDATE audit_leaf SET body = ?, leaf_hash = ? WHERE seq = ?"
        for seq in seqs:
            tx.connection.exec_driver_sql(forged, (other.body, other.leaf_hash, seq))
    with site.context.store.transaction() as tx, pytest.raises(TrailDamaged):
        last_states(tx, [id])


def test_what_only_stops_is_sent_whatever_the_trail_says(site: Site) -> None:
    """An old row that ends a plan ends it. Planted: every change asked of the trail; caught."""
    site.screen()
    plan = site.save()["plan"]
    end(site, plan)
    with closing(database(site)) as raw:
        assert raw.execute("SELECT count(*) FROM outbox WHERE kind = 'change'").fetchone() == (1,)
    site.open()
    with site.context.store.transaction() as tx:
        [id] = [id for id, kind in tx.outbox_kinds().items() if kind == "change"]
        row = tx.outbox(id)
        assert row is not None
        tx.put_outbox(replace(row, state=Delivery.WAITING))
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["changed"], done["damaged"], done["waiting"]) == (1, 0, 0)
    assert site.plan_status() == "revoked"


def test_a_check_in_is_not_sent_by_an_old_row(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents, check-ins and goals too. Planted: plans alone asked for; caught."""
    site.screen()
    site.save()
    with unreachable(site, monkeypatch, "transact"):
        site.desk.check_in(check_in(site, 1, "yes"), actor=CLINICIAN)
    rows = copied(site)
    reopen(site)
    assert site.desk.sync(actor=CLINICIAN)["waiting"] == 0
    put(site, rows)
    reopen(site)
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["damaged"], done["changed"]) == (2, 0)


def test_a_working_copy_that_was_put_away_is_not_decided_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the chart had held it up. Planted: decided again without asking the trail; caught, for it was saved."""
    site.screen()
    with unreachable(site, monkeypatch, "linked"):
        assert site.save()["missing"] == ["chart-evidence"]
    rows = copied(site)
    reopen(site)
    [plan] = site.desk.plans()
    end(site, plan["plan"])
    put(site, rows, "plan")
    reopen(site)
    done = site.desk.sync(actor=CLINICIAN)
    assert (done["damaged"], done["decided"], site.care_plans()) == (1, 0, [])
    assert [one["outcome"] for one in site.records() if one["kind"] == "sweep.finding"] == ["row-put-back"]
    with monkeypatch.context() as patch:
        patch.setattr(again, "copies_put_back", lambda *_: [])
        assert site.desk.sync(actor=CLINICIAN)["decided"] == 1
    site.desk.close()
    _, found = site.console_json("audit", "verify")
    assert "it goes on with a plan that had ended: an old row was put back" in [one["what"] for one in found["damages"]]
