"""What somebody tried who writes the database and nothing else, a fourth time (I4, I5): each was seen to work once."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing

import pytest

from tests.system.notes import make_note, notes_go_on
from tests.system.site import Site
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.errors import TrailDamaged


def hide(site: Site, index: str, where: str) -> None:
    """Leave rows out of an index alone, and describe it as ever: whoever looks by it does not find them."""
    described = "UPDATE sqlite_master SET sql = ? WHERE name = ?"
    with closing(sqlite3.connect(site.settings.database, isolation_level=None)) as database:
        [sql] = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", (index,)).fetchone()
        [version] = database.execute("PRAGMA schema_version").fetchone()
        database.execute("PRAGMA writable_schema = ON")
        database.execute(described, (f"{sql} WHERE {where}", index))
        database.execute(f"PRAGMA schema_version = {version + 1}")
        with closing(sqlite3.connect(site.settings.database, isolation_level=None)) as other:
            other.execute(f"REINDEX {index}")
        database.execute(described, (sql, index))
        database.execute(f"PRAGMA schema_version = {version + 2}")


@pytest.mark.parametrize(
    ("index", "where"),
    [
        ("outbox_by_state", "state = ''"),
        ("outbox_by_plan", "plan_id = ''"),
        ("audit_leaf_by_time", "seq = 0"),
        ("screen_by_person", "person = ''"),
    ],
)
def test_an_index_without_some_of_its_rows_is_damage(site: Site, index: str, where: str) -> None:
    """What waits for the EHR, the pause of a plan among it, was hidden so. Planted: no look at the pages; caught."""
    site.screen()
    site.save()
    site.screen(answers={"suicide.now": "yes"})
    site.desk.close()
    hide(site, index, where)
    code, said = site.console_json("audit", "verify")
    assert code == 4
    assert any(f"index {index}" in one["what"] for one in said["damages"])


@pytest.mark.parametrize("number", [2**63 - 1, 2**63 - 2])
def test_a_record_with_the_largest_number_is_named(site: Site, number: int) -> None:
    """It stops every further record, and says why. Planted: the number counted on from; a fault of ours, exit 7 of
    verify too, was seen here."""
    site.screen()
    site.save()
    with behind_our_back(site) as database:
        database.execute("UPDATE audit_leaf SET seq = ? WHERE seq = 2", (number,))
    site.console("note", "save", "-", stdin=json.dumps(make_note("safety")))
    done = site.console("note", "save", "-", stdin=json.dumps(make_note("safety")))
    assert done.returncode == 7
    assert "a record with the largest number" in done.stderr
    assert site.console("audit", "verify").returncode == 4


@pytest.mark.parametrize("part", [0, 0.5])
def test_what_is_recorded_after_the_write_ahead_log_was_cut_is_kept(site: Site, part: float) -> None:
    """SQLite writes on where that ended, and nobody can read on from the hole: exit 7 of verify was seen here.

    Planted: its length not compared; caught.
    """
    site.screen()
    site.pass_time(minutes=1)
    site.screen(answers={"suicide.now": "yes"})
    beside = f"{site.settings.database}-wal"
    os.truncate(beside, int(os.stat(beside).st_size * part))
    notes_go_on(site)
    with pytest.raises(TrailDamaged):
        site.save()
    site.desk.close()
    assert site.console("audit", "verify").returncode == 4
