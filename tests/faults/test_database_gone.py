"""The database is gone under a running process, or the data directory cannot be written, for a while or for good."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.faults.child import Place, Refusal, Writer, assert_one_sentence, check_records, started
from tests.requiring import require
from withness.audit.log import broken
from withness.directory import open_store, open_trail
from withness.errors import CannotTell, InvalidInput
from withness.wiring import load

FILES = ("withness.sqlite3", "withness.sqlite3-wal", "withness.sqlite3-shm")


@pytest.fixture
def writer(place: Place, tmp_path: Path) -> Iterator[Writer]:
    """Somebody who saves."""
    with started(place, tmp_path / "log", "looked-up") as made:
        made.wait_for_saves()
        yield made


def refused_and_nothing_saved(writer: Writer) -> list[Refusal]:
    """Wait until it is refused, and see that nothing more is acknowledged."""
    refused = writer.wait_for_refusals(2)
    before = len(writer.saved())
    refused += writer.wait_for_refusals(5)
    assert len(writer.saved()) == before
    assert_one_sentence(refused)
    return refused


def test_files_that_come_back_are_used_again(place: Place, writer: Writer, tmp_path: Path) -> None:
    """What was acknowledged before is there; nothing is acknowledged meanwhile, and no new file begun.

    Planted: not looked whether the file is there, and SQLite left to begin a new one; caught.
    """
    away = tmp_path / "away"
    away.mkdir()
    for name in FILES:
        (place.home / name).rename(away / name)
    refused_and_nothing_saved(writer)
    assert not (place.home / FILES[0]).exists()
    for name in reversed(FILES):
        (away / name).rename(place.home / name)
    writer.wait_for_saves()
    writer.close()
    check_records(place, writer)


def test_a_deleted_database_is_never_begun_anew(place: Place, writer: Writer) -> None:
    """Neither by the process that runs, nor by the next one: the embedded chart is not needed to know that it was used.

    Planted: SQLite left to make the file that is missing; the mark of use not looked for; both caught.
    """
    for name in FILES:
        (place.home / name).unlink()
    refused_and_nothing_saved(writer)
    writer.kill()
    assert not (place.home / "chart.sqlite3").exists()
    assert not (place.home / FILES[0]).exists()
    with pytest.raises(InvalidInput, match="used before"):
        load(place.settings)
    with pytest.raises(CannotTell, match="used before"):
        open_trail(place.settings)
    assert not (place.home / FILES[0]).exists()


@pytest.mark.parametrize("gone", [FILES[1:2], FILES[2:], FILES[1:]])
def test_a_log_taken_away_under_a_process_loses_nothing(place: Place, writer: Writer, gone: tuple[str, ...]) -> None:
    """It still holds the file, and puts what it holds into the database before it goes on.

    Planted: only the database's own file looked at; caught (what came after was in no file that has a name).
    """
    for name in gone:
        (place.home / name).unlink()
    writer.wait_for_saves(5)
    writer.kill()
    check_records(place, writer)


def test_an_older_copy_put_in_its_place_is_noticed(place: Place, writer: Writer, tmp_path: Path) -> None:
    """Records go on in a new segment (I7), plans do not. Planted: what lies there not compared with what is open."""
    old = tmp_path / "old"
    store, _ = open_store(place.settings)
    with closing(store), store.transaction():
        shutil.copytree(place.home, old)
    writer.wait_for_saves(300)  # a checkpoint is published
    for name in FILES:
        with suppress(FileNotFoundError):
            (old / name).replace(place.home / name)
    before = len(writer.saved())
    writer.wait_for_saves(3)
    writer.close()
    store, _ = open_store(place.settings)
    with closing(store), store.transaction() as tx:
        assert broken(tx)
        assert len(tx.heads()) == 2
        there = {one.request_id for one in tx.leaves()}
    assert set(writer.saved()[before + 1 :]) <= there


@pytest.fixture
def locking(place: Place) -> Iterator[Callable[[bool], None]]:
    """Make the data directory one that cannot be written, or can again; root is stopped by the immutable flag only."""

    def lock(now: bool) -> None:
        # Not the log's index: a page of it that is mapped and may not be written is a signal, not an error.
        paths = [*(one for one in place.home.iterdir() if not one.name.endswith("-shm")), place.home]
        if os.getuid() == 0:
            command = ["chattr", "+i" if now else "-i", *map(str, paths if now else reversed(paths))]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            require("a folder that root cannot write", None if done.returncode == 0 else f"chattr: {done.stderr}")
        else:
            for one in paths:
                folder = stat.S_ISDIR(one.stat().st_mode)
                one.chmod((0o500 if folder else 0o400) if now else (0o700 if folder else 0o600))

    require(
        "chattr", None if os.getuid() or shutil.which("chattr") else "Root can write anything, and chattr is not here."
    )
    yield lock
    lock(False)


def test_a_directory_that_cannot_be_written(place: Place, writer: Writer, locking: Callable[[bool], None]) -> None:
    """Refused in one sentence, by the process that runs and by a new one; then it goes on. Planted: the lock's
    PermissionError let through; caught."""
    locking(True)
    refused_and_nothing_saved(writer)
    with pytest.raises(CannotTell) as found:
        load(place.settings)
    assert found.value.exit_code == 7
    assert str(place.home) not in found.value.message
    locking(False)
    writer.wait_for_saves()
    writer.close()
    check_records(place, writer)
