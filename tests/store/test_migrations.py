"""A data directory of an earlier release is brought up to this one's schema when it is opened: whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.store.furnishing import AT, KEY, RECORD
from tests.system.site import Site

from withness.audit.check import check
from withness.audit.log import append
from withness.audit.tiles import TILE_BYTES, Tile
from withness.errors import InvalidInput
from withness.seal import Seal
from withness.store import schema, upgrading
from withness.store.migrations.versions import v0002
from withness.store.sqlite import SqliteStore

FIRST = Path(v0002.__file__).with_name("0001.sql")
NEW = ("audit_tile", "audit_feed", "person", "alembic_version")


def master(path: Path) -> dict[tuple[str, str], str]:
    """What a database says of itself."""
    database = sqlite3.connect(path)
    rows = database.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    database.close()
    return {(kind, name): sql for kind, name, sql in rows}


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the tables of the first schema."""
    database = sqlite3.connect(path)
    tables = [name for name in schema.metadata.tables if name not in NEW]
    found = {name: database.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
    database.close()
    return found


def take_back(path: Path) -> None:
    """Make a database one of the first schema: a new file with its tables, and the rows moved over."""
    old = path.with_name("old.sqlite3")
    database = sqlite3.connect(old)
    for statement in FIRST.read_text().split("\n;\n"):
        database.execute(statement)
    database.execute("ATTACH ? AS new", (str(path),))
    for name in rows(path):
        database.execute(f"INSERT INTO {name} SELECT * FROM new.{name}")
    database.commit()
    database.close()
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()
    old.rename(path)


def make_old(path: Path) -> list[Tile]:
    """Make a database of the first schema with 600 records and one screen; return the tiles that it had."""
    made = SqliteStore(path, Seal(KEY))
    made.set_up({"data_id": "x"})
    with made.transaction() as tx:
        append(tx, [RECORD] * 600, at=AT)
        tx.put_screen("s0", "Patient/rosa", {"words": "x"})
        tiles = list(tx.tiles())
    made.close()
    take_back(path)
    return tiles


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A database of the first schema with 600 records and one screen."""
    make_old(tmp_path / "w.sqlite3")
    return tmp_path / "w.sqlite3"


def test_the_first_schema_is_the_one_that_was_shipped(old: Path) -> None:
    """45 statements, as the releases before made them. Planted: today's schema with the new tables left out; caught."""
    assert len(master(old)) == 45
    assert not any(name in NEW for _, name in master(old))


def test_an_old_database_becomes_what_a_new_one_is(old: Path, tmp_path: Path) -> None:
    """The same schema to the letter, all its rows. Planted: a trigger left out of 0002.sql; caught."""
    before = rows(old)
    store, fresh = SqliteStore(old, Seal(KEY)), SqliteStore(tmp_path / "new.sqlite3", Seal(KEY))
    assert upgrading.upgrade(store) is True
    assert upgrading.upgrade(store) is False
    fresh.set_up({"data_id": "x"})
    with store.transaction() as tx, fresh.transaction() as other:
        assert tx.schema_damage() is None
        assert list(check(tx)) == []
        assert tx.facts() == other.facts() == {"data_id": "x", "schema": "1"}
        assert tx.revision() == other.revision()
    store.close()
    fresh.close()
    assert master(old) == master(tmp_path / "new.sqlite3")
    assert rows(old) == before


def test_the_tiles_of_what_was_recorded_before_are_made(tmp_path: Path) -> None:
    """As they are when records are appended today. Planted: the second tile made of the first's leaves; caught."""
    tiles = make_old(tmp_path / "w.sqlite3")
    store = SqliteStore(tmp_path / "w.sqlite3", None)
    upgrading.upgrade(store)
    with store.transaction() as tx:
        found = list(tx.tiles())
        assert found == tiles
        assert [(one.segment, one.level, one.number, len(one.hashes)) for one in found] == [
            (0, 0, 0, TILE_BYTES),
            (0, 0, 1, TILE_BYTES),
        ]
    store.close()


def test_where_a_record_is_missing_there_are_no_more_tiles(old: Path) -> None:
    """And the verifier names what is missing. Planted: places counted, not looked at; caught."""
    database = sqlite3.connect(old)
    database.execute("DROP TRIGGER audit_leaf_no_delete")
    database.execute("DELETE FROM audit_leaf WHERE seq = 300")
    database.commit()
    database.close()
    store = SqliteStore(old, None)
    upgrading.upgrade(store)
    with store.transaction() as tx:
        assert [one.number for one in tx.tiles()] == [0]
        assert tx.schema_damage() == "the trigger audit_leaf_no_delete is missing from the database"
        assert list(check(tx)) != []
    store.close()


def test_a_crash_in_the_middle_leaves_the_old_one(old: Path) -> None:
    """Killed between the tables and the tiles, it is what it was, and the next opening goes through.

    Planted: each revision committed by itself; caught.
    """
    before = (master(old), rows(old))
    said = (
        "import os, sys\nfrom pathlib import Path\nfrom withness.store import upgrading\n"
        "from withness.store.sqlite import SqliteStore\nfrom withness.audit import tiles\n"
        "tiles.make_tile = lambda *_: os.kill(os.getpid(), 9)\n"
        "upgrading.upgrade(SqliteStore(Path(sys.argv[1]), None))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", said, old], env={"PYTHONPATH": str(root / "plugin")}, check=False, timeout=60
    )
    assert done.returncode == -9
    assert (master(old), rows(old)) == before
    store = SqliteStore(old, None)
    assert upgrading.upgrade(store) is True
    with store.transaction() as tx:
        assert tx.schema_damage() is None
    store.close()


def test_an_error_in_the_middle_leaves_the_old_one(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the way is no old release's: damage, told by the verifier. Planted: the stamp written in a
    transaction of its own; the error passed on; both caught."""
    before = (master(old), rows(old))
    database = sqlite3.connect(old)
    database.execute("CREATE TABLE audit_feed (x)")  # in the way of the revision
    database.commit()
    database.close()
    store = SqliteStore(old, None)
    assert upgrading.upgrade(store) is False
    with store.transaction() as tx:
        assert tx.schema_damage() is not None
    store.close()
    database = sqlite3.connect(old)
    database.execute("DROP TABLE audit_feed")
    database.commit()
    database.close()
    assert (master(old), rows(old)) == before


def test_a_later_releases_database_is_refused(old: Path) -> None:
    """One sentence, exit 2, and nothing touched. Planted: an unknown stamp taken for the newest; caught."""
    store = SqliteStore(old, None)
    upgrading.upgrade(store)
    store.close()
    database = sqlite3.connect(old)
    database.execute("UPDATE alembic_version SET version_num = '0099'")
    database.commit()
    database.close()
    before = rows(old)
    with pytest.raises(InvalidInput, match="later release"):
        upgrading.upgrade(store)
    store.close()
    assert rows(old) == before


def test_a_later_releases_trail_is_not_called_damaged(site: Site) -> None:
    """`audit verify` says what it is: exit 2. Planted: `open_trail` does not look at the revision; caught."""
    site.desk.close()
    database = sqlite3.connect(site.settings.database)
    database.execute("UPDATE alembic_version SET version_num = '0099'")
    database.commit()
    database.close()
    for command in (("audit", "verify"), ("audit", "show"), ("plan", "list")):
        done = site.console(*command)
        assert done.returncode == 2, done.stdout + done.stderr
        assert "later release" in done.stderr


@pytest.mark.parametrize("change", ["DROP TABLE alembic_version", "DELETE FROM alembic_version"])
def test_a_lost_stamp_is_damage_and_no_old_database(old: Path, change: str) -> None:
    """Planted: a database without a stamp taken for the first; caught."""
    store = SqliteStore(old, None)
    upgrading.upgrade(store)
    store.close()
    database = sqlite3.connect(old)
    database.execute(change)
    database.commit()
    database.close()
    assert upgrading.upgrade(store) is False
    with store.transaction() as tx:
        assert "stamp" in str(tx.schema_damage()) or "alembic_version" in str(tx.schema_damage())
    store.close()


def test_a_site_of_an_earlier_release_goes_on(site: Site) -> None:
    """Its plan, its trail and its key, through the console. Planted: `open_store` does not upgrade; caught."""
    site.screen()
    assert site.save()["saved"]
    site.desk.close()
    take_back(site.settings.database)
    site.open()
    with site.context.store.transaction() as tx:
        assert tx.revision() == schema.REVISION
    site.catch_up()
    verified = site.console("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    site.catch_up()
    assert len(site.desk.plans()) == 1
    site.screen()
    assert site.save()["saved"]


def test_opening_does_not_wait_for_alembic(tmp_path: Path) -> None:
    """It is imported for an old database only. Planted: its import at the top of store/upgrading.py; caught."""
    said = (
        "import sys\nfrom pathlib import Path\n"
        "from withness.settings import Settings\nfrom withness.wiring import build\n"
        "home = Path(sys.argv[1])\nbuild(Settings(home=home, key_file=home / 'k.key')).store.close()\n"
        "assert not {'alembic', 'psycopg', 'mako'} & sys.modules.keys()"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", said, tmp_path / "home"]
    done = subprocess.run(command, env={"PYTHONPATH": str(root / "plugin")}, check=False, timeout=60)
    assert done.returncode == 0
    shutil.rmtree(tmp_path / "home")
