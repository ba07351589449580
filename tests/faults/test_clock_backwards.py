"""The clock goes back, in one process or between two: recency fails closed, and the order is that of the records.

That the gate holds is shown in tests/system/test_silence_never_clears.py, that a record is marked in
tests/audit/test_log.py; here it is one story, to what compliance sees of it.
"""

from __future__ import annotations

import pytest

from tests.system.site import COMPLIANCE, Site, make_draft


@pytest.mark.parametrize("again", [False, True], ids=["one process", "another process"])
def test_a_clock_that_goes_back_for_a_while(site: Site, again: bool) -> None:
    """Held while it is back, by itself again after; the records between are marked, in order, and stand for a look.

    Planted: `not_before` not asked; `clock` always ok; both caught.
    """
    site.morning()
    site.screen()
    draft = make_draft()
    before = len(site.records())
    site.pass_time(hours=-2)
    if again:
        site.desk.close()
        site.open()
    held = site.save(draft)
    assert (held["saved"], "clock" in held["missing"]) == (False, True)
    site.screen(who="Patient/tom")
    during = len(site.records())
    assert "clock" in site.save(make_draft("Patient/tom"))["missing"]
    site.pass_time(hours=3)
    assert site.save(draft)["saved"] is True
    records = site.records()
    assert [one["seq"] for one in records] == list(range(len(records)))
    marks = [one["clock"] for one in records]
    assert set(marks[:before]) == {"ok"}
    assert set(marks[before:during]) == {"suspect"}
    assert marks[-1] == "ok"
    [item] = [one for one in site.desk.worklist(actor=COMPLIANCE) if one["kind"] == "clock"]
    assert f"From record {before}" in item["why"]
    assert "2:00:00" in item["why"]
    report = site.desk.report(actor=COMPLIANCE)
    assert "the clock went back" in str(report)
    assert site.console("audit", "verify").returncode == 0
