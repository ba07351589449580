"""Without the folder of checkpoints, or the log key, `audit verify` looks at all else, and says what it could not."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.system.site import Site
from withness.errors import CannotTell


def _folder_away(site: Site) -> Path:
    assert site.context.store.publisher is not None
    return site.context.store.publisher.folder.path


def _key_away(site: Site) -> Path:
    [path] = site.key_file.parent.glob("*.log-key")
    return path


AWAY: dict[str, Callable[[Site], Path]] = {"folder": _folder_away, "key": _key_away}


@pytest.mark.parametrize("away", AWAY)
@pytest.mark.parametrize("damaged", [False, True])
def test_it_looks_at_all_else(site: Site, tmp_path: Path, away: str, damaged: bool) -> None:
    """Exit 7, or 4 for what it found. Planted: nothing looked at, as before; what it could not check left unsaid."""
    site.screen()
    if damaged:
        site.damage_the_trail()
    place = AWAY[away](site)
    site.desk.close()
    shutil.move(place, tmp_path / "away")
    site.open()
    code, said = site.console_json("audit", "verify")
    assert (code, said["whole"]) == ((4, False) if damaged else (7, None))
    assert bool(said["damages"]) == damaged
    assert (said["records"] > 1, said["recomputed"]) == (True, 1)
    [sentence] = said["unchecked"]
    assert str(place) in sentence
    assert "nobody can tell whether the log is the one that was published" in sentence
    shown = " ".join(site.console("audit", "verify").stdout.split())
    assert f"Not checked: {sentence}" in shown
    assert ("as far as they could be checked" in shown) is not damaged
    assert site.records()[-1]["outcome"] == ("damaged" if damaged else "structure-whole")
    if not damaged:
        site.catch_up()
        with pytest.raises(CannotTell, match="nobody can tell"):
            site.desk.health()
    site.desk.close()
    shutil.move(tmp_path / "away", place)
    site.open()
    assert site.console_json("audit", "verify")[1]["unchecked"] == []


@pytest.mark.parametrize("folder_away", [False, True])
def test_without_the_data_key_it_is_held_against_what_was_published(
    site: Site, tmp_path: Path, folder_away: bool
) -> None:
    """An older copy of the database is damage, and a folder that is away is said. Planted: no publisher; caught."""
    site.screen()
    site.desk.close()
    older = site.settings.database.read_bytes()
    site.open()
    site.screen()
    site.console("audit", "checkpoint")
    folder = _folder_away(site)
    site.desk.close()
    site.settings.database.write_bytes(older)
    shutil.move(site.key_file, tmp_path / "key")
    if folder_away:
        shutil.move(folder, tmp_path / "away")
    code, said = site.console_json("audit", "verify")
    assert (code, said["recomputed"]) == (7 if folder_away else 4, None)
    told = said["unchecked"] if folder_away else [one["what"] for one in said["damages"]]
    assert any((str(folder) if folder_away else "an older copy was put back") in one for one in told), told


def test_a_directory_that_was_moved_says_that_nobody_publishes_what_it_records(site: Site, tmp_path: Path) -> None:
    """Verify, worklist and report say so, until it takes over. Planted: the folder's owner not asked; caught."""
    site.screen()
    site.console("audit", "checkpoint")
    site.desk.close()
    moved = tmp_path / "moved"
    shutil.move(site.settings.home, moved)

    def here(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = site.console(*arguments, "--home", str(moved), "--json")
        return done.returncode, json.loads(done.stdout)

    code, said = here("audit", "verify")
    assert (code, said["unchecked"]) == (0, [])
    assert "published nowhere" in said["elsewhere"]
    assert "--take-over" in " ".join(site.console("audit", "verify", "--home", str(moved)).stdout.split())
    assert "published nowhere" in here("audit", "report")[1]["doubt"]
    assert "unproven-now" in [one["item"] for one in here("audit", "worklist")[1]]
    assert here("audit", "checkpoint", "--take-over", "--yes")[0] == 0
    assert here("audit", "verify")[1]["elsewhere"] == ""
    assert "unproven-now" not in [one["item"] for one in here("audit", "worklist")[1]]


def test_a_page_of_the_database_that_is_none_is_damage(site: Site) -> None:
    """Exit 4, whichever page of the trail it is. Planted: exit 7, as for what nobody can tell; caught."""
    site.screen()
    site.desk.close()
    path = site.settings.database
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        names = "('audit_leaf', 'audit_leaf_by_kind', 'audit_leaf_by_patient', 'screen')"
        pages = [page for (page,) in database.execute(f"SELECT rootpage FROM sqlite_master WHERE name IN {names}")]
        (size,) = database.execute("PRAGMA page_size").fetchone()
    whole = path.read_bytes()
    for page in pages:
        path.write_bytes(whole[: (page - 1) * size] + b"\xa5" * size + whole[page * size :])
        code, said = site.console_json("audit", "verify")
        assert (code, said["whole"]) == (4, False), (page, said)
