"""A paused plan becomes active only when the gate, asked again at that moment, sees nothing acute (I1, I3, I4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site
from tests.system.test_an_acute_hold_is_left_honestly import ACUTE
from tests.system.test_an_old_row_put_back import copied, end, put, reopen, unreachable
from withness.core.risk import Observed
from withness.core.terms import Acuity
from withness.desk import dispatch, shares
from withness.desk.outbox import PUT_BACK


def resuming(site: Site, monkeypatch: pytest.MonkeyPatch) -> str:
    """A plan that was paused and released, while the EHR took nothing: its resumption waits. Returns its id."""
    site.morning()
    site.enrol()
    site.screen()
    plan = str(site.save()["plan"])
    site.pass_time(hours=1)
    site.screen(answers=ACUTE)
    site.pass_time(minutes=10)
    site.all_evidence("suicide")
    site.pass_time(minutes=10)
    site.screen()
    with unreachable(site, monkeypatch, "transact"):
        assert site.release("suicide")["decision"] == "released"
    reopen(site)
    assert site.plan_status() == "on-hold"
    return plan


def test_it_becomes_active_where_nothing_is_acute(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base line. Planted: every protocol that was ever opened taken for an open one; caught."""
    resuming(site, monkeypatch)
    done = site.desk.sync(actor=CLINICIAN)
    assert (site.plan_status(), done["waiting"], done["damaged"]) == ("active", 0, 0)
    site.desk.close()
    site.catch_up()
    assert site.console("audit", "verify").returncode == 0


def test_an_old_plan_row_resumes_nothing_while_somebody_is_at_risk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new acute finding has paused it again, and the row from before was put back. Planted: the plan's own row asked,
    as before; the plan of somebody at risk became active, caught."""
    resuming(site, monkeypatch)
    rows = copied(site)
    reopen(site)
    site.pass_time(minutes=10)
    with unreachable(site, monkeypatch, "transact"):
        site.screen(answers=ACUTE)
    put(site, rows, "plan")
    reopen(site)
    statuses = watched(site, monkeypatch)
    assert site.desk.sync(actor=CLINICIAN)["waiting"] == 0
    assert "active" not in statuses
    assert site.plan_status() == "on-hold"
    with site.context.store.transaction() as tx:
        [held] = tx.plan_states().values()
    assert held == "on-hold"


def test_a_result_in_the_chart_that_is_acute_keeps_it_paused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate is asked with what the chart says now. Planted: asked without it; caught."""
    resuming(site, monkeypatch)
    site.pass_time(minutes=5)
    monkeypatch.setattr(dispatch.facts, "gather", _with_result(site, dispatch.facts.gather))
    site.desk.sync(actor=CLINICIAN)
    assert site.plan_status() == "on-hold"
    assert [one["outcome"] for one in site.records() if one["kind"] == "acuity.raised"] == ["raised"]


def test_while_the_ehr_cannot_be_asked_it_waits(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence never clears. Planted: what was not reached taken for nothing; caught."""
    resuming(site, monkeypatch)
    with unreachable(site, monkeypatch, "linked"):
        done = site.desk.sync(actor=CLINICIAN)
    assert (site.plan_status(), done["waiting"]) == ("on-hold", 1)
    assert dispatch.NOT_ASKED in done["troubles"]
    reopen(site)
    site.desk.sync(actor=CLINICIAN)
    assert site.plan_status() == "active"


def test_on_a_damaged_trail_it_waits_and_what_stops_goes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """I7: ending the plan needs no whole trail. Planted: the trail not asked; the end held up with it; each caught."""
    plan = resuming(site, monkeypatch)
    site.damage_the_trail()
    site.remote()
    done = site.desk.sync(actor=CLINICIAN)
    assert (site.plan_status(), done["damaged"], done["waiting"]) == ("on-hold", 1, 1)
    assert done["troubles"] == [dispatch.DAMAGED]
    assert site.console("sync").returncode == 4
    site.open()
    end(site, plan)
    assert site.plan_status() == "revoked"


def test_a_plan_that_had_ended_is_not_resumed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row from before the end was put back, and the EHR keeps no ends of its own. Planted: the plan's own row asked
    alone; caught."""
    plan = resuming(site, monkeypatch)
    rows = copied(site)
    reopen(site)
    end(site, plan)
    with site.context.store.transaction() as tx:
        assert shares.ended_in_trail(tx, plan, "Patient/rosa")
    put(site, {"plan": rows["plan"], "outbox": []}, "plan")
    waiting = [row for row in rows["outbox"] if row[1] == "change" and row[4] == "waiting"]
    assert waiting
    reopen(site)
    with site.context.store.transaction() as tx:
        [id] = [id for id in (row[0] for row in waiting) if dispatch.makes_active(tx.outbox(id))]  # type: ignore[arg-type]
        row = tx.outbox(id)
        assert row is not None
        assert row.state == "waiting"
    done = site.desk.sync(actor=CLINICIAN)
    assert (site.plan_status(), done["damaged"], PUT_BACK in done["troubles"]) == ("revoked", 1, True)
    assert site.desk.sync(actor=CLINICIAN)["damaged"] == 0


def watched(site: Site, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every status of a CarePlan that is written from now on."""
    kind = type(site.context.ehr)
    real, statuses = kind.transact, list[str]()

    def noting(chart: Any, bundle: Any) -> Any:
        plans = (one["resource"] for one in bundle["entry"] if one["resource"]["resourceType"] == "CarePlan")
        statuses.extend(one["status"] for one in plans if not one.get("category"))
        return real(chart, bundle)

    monkeypatch.setattr(kind, "transact", noting)
    return statuses


def _with_result(site: Site, real: Any) -> Any:
    seen = Observed("phq-9", "suicide", Acuity.ACUTE, site.at)
    return lambda *given, **named: {who: replace(one, chart=(seen,)) for who, one in real(*given, **named).items()}
