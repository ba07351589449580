"""A write-ahead log that was cut, changed or taken away while nobody had it open: SQLite opens it without a word.

What is behind the change is gone, and the database is sound in itself (audit notes, 3.4). Only a checkpoint that was
published outside shows it. Planted: the log not held against what was published; caught.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.child import Place, Writer, check_plans, started
from tests.faults.writer import CLINICIAN
from tests.makers import make_screen
from tests.system.site import Site, make_draft
from withness.errors import TrailDamaged


def _cut(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-100_000])


def _flip(log: Path) -> None:
    found = bytearray(log.read_bytes())
    found[len(found) // 2] ^= 1
    log.write_bytes(found)


CHANGES: dict[str, Callable[[Path], None]] = {"cut": _cut, "flipped": _flip, "removed": Path.unlink}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where somebody was killed while what they saved lay in the log alone; each record's checkpoint was published."""
    folder = tmp_path_factory.mktemp("killed")
    place = Place(folder / "home", folder / "site.key").prepare()
    with started(place, folder / "log", "plans", environment={"WITHNESS_CHECKPOINT_RECORDS": "1"}) as writer:
        writer.wait_for_saves(3)
        writer.kill()
    assert (place.home / "withness.sqlite3-wal").stat().st_size > 200_000
    return folder


@pytest.fixture
def left(killed: Path, tmp_path: Path) -> Writer:
    """A copy of what was left."""
    folder = tmp_path / "left"
    shutil.copytree(killed, folder)
    return Writer(Place(folder / "home", folder / "site.key"), folder / "log", 0)


@pytest.fixture
def place(left: Writer) -> Place:
    """Where it lies."""
    return left.place


def lose(place: Place, writer: Writer, change: str) -> None:
    """Change the log: SQLite gives fewer plans, content with what it finds."""
    CHANGES[change](place.home / "withness.sqlite3-wal")
    with closing(sqlite3.connect(place.home / "withness.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        [plans] = database.execute("SELECT count(*) FROM plan").fetchone()
    assert plans < len(writer.saved())


def test_as_it_was_left_nothing_is_lost(place: Place, left: Writer) -> None:
    """The log alone is enough: what is lost below is lost by the change."""
    check_plans(place, left)


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_seen_by_what_was_published(place: Place, left: Writer, change: str) -> None:
    """The gate lets no plan through (exit 4), verify names the damage; a screen is recorded all the same (I7)."""
    lose(place, left, change)
    with Site(place.home, place.key_file) as site:
        screen = make_screen(site.policy, authored=site.at, encounter="Encounter/e1")
        site.desk.screen(screen, actor=CLINICIAN)
        with pytest.raises(TrailDamaged):
            site.save(make_draft())
        exit_code, said = site.console_json("plan", "save", "-", stdin=json.dumps(make_draft()))
        assert (exit_code, said["error"]) == (4, "trail-damaged")
        done = site.console("audit", "verify")
        assert done.returncode == 4
        assert "records were cut off" in done.stdout
        assert site.care_plans("Patient/rosa") == []


@pytest.mark.parametrize("change", CHANGES)
def test_without_it_verify_says_what_it_cannot_prove(place: Place, left: Writer, change: str) -> None:
    """Exit 7, and once somebody has begun a new folder 0 and a sentence: none may say that it is whole to its end."""
    lose(place, left, change)
    shutil.rmtree(place.key_file.parent / "checkpoints")
    with Site(place.home, place.key_file) as site:
        assert site.console("audit", "verify").returncode == 7
        assert site.console("audit", "checkpoint", "--take-over").returncode == 0
        exit_code, said = site.console_json("audit", "verify")
        done = site.console("audit", "verify")
    assert (exit_code, done.returncode) == (0, 0)
    assert said["tail"] == "not provable without an anchor"
    assert "cut-off tail cannot be proved" in done.stdout
