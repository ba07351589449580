"""What somebody tried who writes the database and nothing else, a third time (I5, I7): each was seen to work once."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.system.notes import notes_go_on
from tests.system.site import Site, make_draft
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.audit.merkle import Frontier, leaf_hash
from withness.audit.record import canonical
from withness.errors import TrailDamaged


def rewrite(path: Path, seq: int) -> None:
    """Change who made a record, and everything inside the database that would tell of it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        database.execute("BEGIN IMMEDIATE")
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        [body] = database.execute("SELECT body FROM audit_leaf WHERE seq = ?", (seq,)).fetchone()
        forged = canonical({**json.loads(body), "actor": "Practitioner/innocent"})
        change = "UPDATE audit_leaf SET body = ?, leaf_hash = ?, actor = 'Practitioner/innocent' WHERE seq = ?"
        database.execute(change, (forged, leaf_hash(forged), seq))
        tree = Frontier()
        for (one,) in database.execute("SELECT leaf_hash FROM audit_leaf ORDER BY seq").fetchall():
            tree = tree.append(one)
        database.execute("UPDATE audit_head SET root = ?, peaks = ?", (tree.root(), tree.to_bytes()))
        for _, sql in triggers:
            database.execute(sql)
        database.execute("COMMIT")


def published(site: Site) -> dict[str, str]:
    """What the folder of checkpoints holds of the first segment."""
    folder = site.settings.checkpoint_folder or next(site.key_file.parent.glob("checkpoints/*"))
    return {path.name: path.read_text() for path in folder.glob("*segment-0.checkpoint")}


def test_a_rewritten_log_is_not_published_over_the_one_that_was(site: Site) -> None:
    """By a process that runs on. Planted: an appended record held against the size alone that was published; caught."""
    site.screen()
    before = published(site)
    rewrite(site.settings.database, 1)
    assert site.screen("Patient/tom", answers={"suicide.now": "yes"})["decision"].startswith("held")
    assert published(site) == before
    with pytest.raises(TrailDamaged):
        site.save()
    assert site.console("audit", "verify").returncode == 4


def test_what_is_recorded_after_a_dropped_table_is_published(site: Site, tmp_path: Path) -> None:
    """So that an acute event is missed where the database from before is put back. Planted: not published; caught."""
    site.screen()
    site.desk.close()
    older = tmp_path / "older.sqlite3"
    shutil.copy(site.settings.database, older)
    with closing(sqlite3.connect(site.settings.database)) as database:
        database.execute("DROP TABLE person")
    site.pass_time(minutes=1)
    site.open()
    site.screen(answers={"suicide.now": "yes"})
    site.desk.close()
    for left in site.settings.database.parent.glob(f"{site.settings.database.name}-*"):
        left.unlink()
    shutil.copy(older, site.settings.database)
    site.open()
    with pytest.raises(TrailDamaged):
        site.save()
    assert site.console("audit", "verify").returncode == 4


@pytest.mark.parametrize(
    "made",
    [
        "CREATE TRIGGER sqlitexstat1 BEFORE INSERT ON outbox BEGIN SELECT RAISE(IGNORE); END",
        "CREATE VIEW sqlitexstat2 AS SELECT 1",
        "CREATE TABLE sqlitexstat3 (x)",
    ],
)
def test_nothing_hides_behind_the_name_of_sqlites_own(site: Site, made: str) -> None:
    """Planted: a wildcard in what is left out; caught."""
    site.screen()
    with closing(sqlite3.connect(site.settings.database)) as database:
        database.execute(made)
    with pytest.raises(TrailDamaged):
        site.save()
    assert site.console("audit", "verify").returncode == 4


def test_what_sqlite_itself_keeps_is_no_damage(site: Site) -> None:
    """ANALYZE makes tables of its own. Planted: every table counted; caught."""
    site.screen()
    with closing(sqlite3.connect(site.settings.database)) as database:
        database.execute("ANALYZE")
    assert site.save()["saved"]


@pytest.mark.parametrize("id", ["'../../x'", "'" + "a" * 300 + "'", "''", "char(0)"])
def test_whatever_id_the_first_record_names(site: Site, id: str) -> None:
    """Planted: the id taken as it stands; of the first two a note's exit 7 was seen here."""
    site.screen()
    with behind_our_back(site) as database:
        [value] = database.execute(f"SELECT {id}").fetchone()
        [body] = database.execute("SELECT body FROM audit_leaf WHERE seq = 0").fetchone()
        said = json.loads(body)
        said["details"]["directory"]["data_id"] = value
        forged = canonical(said)
        database.execute("UPDATE audit_leaf SET body = ?, leaf_hash = ? WHERE seq = 0", (forged, leaf_hash(forged)))
    goes_on(site)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE alembic_version SET version_num = '0002'",
        "DROP TABLE alembic_version; DROP TABLE audit_tile",
        "UPDATE alembic_version SET version_num = '0001'; DROP TABLE audit_tile",
        "DROP TABLE meta; DROP TABLE audit_leaf",
    ],
)
def test_whatever_release_the_database_claims_to_be_of(site: Site, damage: str) -> None:
    """Planted: the migration's error passed on; a database that names no directory taken for none; both caught."""
    site.screen()
    site.desk.close()
    with closing(sqlite3.connect(site.settings.database)) as database:
        database.executescript(damage)
    goes_on(site)


def goes_on(site: Site) -> None:
    """Notes and screens are recorded, no plan is saved, and verify says why."""
    site.open()
    notes_go_on(site)
    with pytest.raises(TrailDamaged):
        site.save(make_draft())
    assert site.console("audit", "verify").returncode == 4
