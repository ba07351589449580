"""A dropped table: verify names it and exits 4, notes and screens are saved, and no plan is (I7)."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from tests.system.notes import notes_go_on
from tests.system.site import Site, make_draft
from withness.desk.asking import actor_of
from withness.desk.verify import verify
from withness.errors import TrailDamaged, WithnessError
from withness.store import schema
from withness.store.sqlite import SqliteStore

TABLES = sorted(schema.metadata.tables)


def drop(site: Site, table: str) -> None:
    """Drop a table of the closed database, and with it its indexes and triggers."""
    site.desk.close()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        database.execute(f"DROP TABLE {table}")
    database.close()


def only_plans_wait(site: Site, table: str) -> None:
    """Notes and screens are saved, no plan is, and verify names the table."""
    notes_go_on(site)
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    code, said = site.console_json("audit", "verify")
    assert code == 4
    assert any(f"the table {table} is missing" in one["what"] for one in said["damages"])


@pytest.mark.parametrize("table", TABLES)
def test_a_dropped_table_is_named_and_stops_no_note(site: Site, table: str) -> None:
    """Planted: no table put back; of ten tables it was seen here, of audit_tile below."""
    site.screen()
    site.save()
    drop(site, table)
    site.open()
    only_plans_wait(site, table)


@pytest.mark.parametrize("table", TABLES)
def test_a_table_dropped_while_withness_runs_stops_no_note(site: Site, table: str) -> None:
    """Planted: nothing put back once the database is open; of ten tables it was seen here."""
    site.screen()
    site.save()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        database.execute(f"DROP TABLE {table}")
    database.close()
    only_plans_wait(site, table)


def test_what_a_later_release_did_away_with_stays_away(site: Site) -> None:
    """Planted: the stamp not looked at; caught."""
    site.screen()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
        database.execute("DROP TABLE check_in")
        with contextlib.suppress(WithnessError):
            site.screen()
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'check_in'").fetchall()
    database.close()


@pytest.mark.parametrize("table", ["audit_head", "audit_leaf", "audit_tile"])
def test_verify_is_the_first_that_meets_it(site: Site, table: str) -> None:
    """Planted: as above; all three caught."""
    site.screen()
    drop(site, table)
    done = site.console("audit", "verify")
    assert done.returncode == 4
    assert f"the table {table} is missing from the database" in done.stdout
    for command in ("show", "worklist"):
        assert site.console("audit", command).returncode == 0
    report = site.console("audit", "report")
    assert (report.returncode, "The trail is damaged now" in report.stdout) in ((0, False), (4, True))


@pytest.mark.parametrize("table", ["audit_head", "audit_tile"])
def test_verify_names_a_table_that_was_not_put_back(site: Site, table: str) -> None:
    """Planted: the error of the read alone; exit 7 was seen here."""
    site.screen()
    drop(site, table)
    store = SqliteStore(site.settings.database, None)
    verdict = verify(store, actor_of("Device/withness"), site.at)
    store.close()
    assert [one.what for one in verdict.damages] == [f"the table {table} is missing from the database"]
