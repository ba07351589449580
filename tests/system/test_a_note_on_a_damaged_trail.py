"""I7: the trail is damaged, and a note is written all the same: kept, signed and in the chart. No plan is."""

from __future__ import annotations

import sqlite3

import pytest

from tests.audit.forging import forge
from tests.system.notes import ROSA, TOM, documents, make_note, saved, signed
from tests.system.site import CLINICIAN, Site, make_draft
from withness.errors import EhrUnavailable, TrailDamaged


def test_a_note_is_kept_signed_and_delivered(site: Site) -> None:
    """Its records stand in a new segment that names the break. Planted: `log.broken` asked before a note; caught."""
    site.screen()
    before = saved(site)
    site.damage_the_trail()
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    assert site.desk.sign_note(before, actor=CLINICIAN, shown="shown")["delivery"] == {ROSA: "delivered"}
    done = signed(site, "safety")
    assert (done["state"], done["delivery"]) == ("signed", {TOM: "delivered"})
    half = site.desk.save_note({**make_note("directive-protocol"), "fields": {}}, actor=CLINICIAN)
    assert half["saved"] is True
    assert (len(documents(site)), len(documents(site, TOM))) == (1, 1)
    records = [one for one in site.records() if one["kind"] == "note.saved"]
    assert {one["segment"] for one in records[:1]} == {0}
    assert {one["segment"] for one in records[1:]} == {1}
    assert any("after_break" in one["details"] for one in site.records())
    assert site.console("audit", "verify").returncode == 4


@pytest.mark.parametrize("trigger", ["audit_leaf_no_update", "note_request_no_update", "screen_no_delete"])
def test_a_missing_trigger_stops_no_note(site: Site, trigger: str) -> None:
    """The schema is not as it was made: that stops plans, and nothing that this is about."""
    site.screen()
    site.desk.close()
    with sqlite3.connect(site.settings.database) as database:
        database.execute(f"DROP TRIGGER {trigger}")
    database.close()
    site.open()
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    assert signed(site)["delivery"] == {ROSA: "delivered"}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("audit_head", "segment", 2**62),
        ("audit_head", "first_seq", None),
        ("audit_head", "size", "text"),
        ("audit_head", "root", None),
        ("audit_leaf", "seq", 2**62),
        ("audit_leaf", "kind", None),
        ("audit_leaf", "body", None),
        ("audit_leaf", "recorded_at", b"\xff"),
    ],
)
def test_whatever_a_row_of_the_trail_holds(site: Site, table: str, column: str, value: object) -> None:
    """A forger's value of another type or size. Planted: `Head(*row)` as it stands; an unreadable time passed over."""
    site.screen()
    site.desk.close()
    assert forge(site.settings.database, table, column, value)
    site.open()
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    assert signed(site)["delivery"] == {ROSA: "delivered"}
    assert signed(site, "safety")["state"] == "signed"
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    assert site.console("audit", "verify").returncode == 4


def test_a_process_note_is_kept_too(site: Site) -> None:
    site.screen()
    site.damage_the_trail()
    file = {"members": [ROSA], "author": CLINICIAN, "held_on": "2026-11-21", "words": "Mine alone."}
    id = site.desk.save_process_note(file, actor=CLINICIAN)["process_note"]
    assert site.desk.process_note(id, actor=CLINICIAN)["words"] == "Mine alone."


def test_a_note_that_waits_is_delivered_while_the_trail_is_damaged(site: Site) -> None:
    """What never waits for a whole trail does not wait in the outbox either."""
    site.remote()
    site.screen()
    real = site.context.ehr.transact

    def away(_: object) -> None:
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = away  # type: ignore[method-assign,assignment]
    assert signed(site)["delivery"] == {ROSA: "sending"}
    site.context.ehr.transact = real  # type: ignore[method-assign]
    site.damage_the_trail()
    assert site.desk.sync(actor=CLINICIAN)["noted"] == 1
    assert len(documents(site)) == 1
