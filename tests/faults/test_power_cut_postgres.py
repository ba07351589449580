"""The power of the disk under PostgreSQL is cut while two processes save: nothing acknowledged is lost.

200 rounds in `make prove`, a tenth elsewhere, on one cluster whose data lie on a disk of their own; the server's
processes are killed with the power, and a new server recovers by itself. Keys and published checkpoints, one of
each record, lie elsewhere. Beside the server a raw file is written on the same disk (see test_power_cut.py).
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.faults import power_cut
from tests.faults.child import Nursery, Place, Writer, check_records
from tests.faults.power_cut import Disk, RawFile
from tests.requiring import require
from tests.servers import postgres
from withness.audit import checkpoint

pytestmark = pytest.mark.campaign
ROUNDS = 200
AT_A_TIME = 20
"""Rounds on one database."""
_MEGABYTES = 512
_QUICKLY = "recovery_init_sync_method=syncfs"
"""Before it recovers, a server forces each of its files to disk, one by one: most of a round, and nothing is dirty."""


class Machine:
    """A server on a disk of its own."""

    def __init__(self, folder: Path) -> None:
        self.disk = Disk(folder / "disk", _MEGABYTES)
        self.disk.mount()
        self._dice = random.Random(20261127)  # noqa: S311  a repeatable schedule, no secret
        self.lines = 0
        self.server = postgres.PostgresServer(self.disk.path, segments=1)
        os.sync()  # the cluster itself is there
        self.start()

    def start(self, *settings: str) -> None:
        """Start the server; what a cut left is recovered by itself."""
        self.server.start(_QUICKLY, *settings)

    def cut(self, writers: list[Writer], log: Path, number: int) -> None:
        """Cut the power while they save, and mount the disk again: the server lies as the cut left it."""
        raw = RawFile(self.disk.path / "raw", log, number * 1_000_000)
        processes: tuple[int, ...] = ()
        try:
            for writer in writers:
                writer.wait_for_saves(1)
            time.sleep(self._dice.uniform(0, 0.3))
            processes = self.server.processes()
            power_cut.stop(*(one.pid for one in writers), raw.pid, *processes)
            self.disk.cut()
        finally:
            postgres.end(processes)
            raw.kill()
            for writer in writers:
                writer.kill()
        self.disk.unmount()
        self.disk.mount()
        self.server.forget()
        self.lines += raw.lines()

    def close(self) -> None:
        """Leave the disk."""
        self.server.__exit__(None, None, None)
        with suppress(OSError):
            self.disk.unmount()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A server whose power can be cut; skipped, saying why, where there is none."""
    require("a PostgreSQL server", postgres.available())
    # Not in pytest's folder: the server's own account must come through to it.
    folder = Path(tempfile.mkdtemp(prefix="withness-disk-"))
    folder.chmod(0o755)
    try:
        require("a disk whose power can be cut", power_cut.available(folder))
        made = Machine(folder)
        try:
            yield made
        finally:
            made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def places(machine: Machine, tmp_path: Path) -> Callable[[int], Place]:
    """Make data directories on the server, each of whose records is published at once."""

    def made(number: int) -> Place:
        home = tmp_path / f"home{number}"
        place = Place(home, tmp_path / f"keys{number}" / "site.key", machine.server.create_database()).prepare()
        (home / "withness.toml").write_text("checkpoint_records = 1\n", encoding="utf-8")
        return place

    return made


def two(nursery: Nursery, place: Place, folder: Path, number: int, *weakened: str) -> list[Writer]:
    """Begin two who save."""
    first = 10_000 * number
    return [
        nursery.start(place, folder / f"log{number}-{one}", "looked-up", "--first", str(first + one * 5_000), *weakened)
        for one in range(2)
    ]


def published(place: Place) -> int:
    """Return the size of the log as it was published last."""
    [note] = (place.key_file.parent / "checkpoints").glob("*/segment-0.checkpoint")
    return checkpoint.read(note.read_text(encoding="utf-8")).checkpoint.size


def test_nothing_acknowledged_is_lost(
    machine: Machine,
    places: Callable[[int], Place],
    nursery: Nursery,
    tmp_path: Path,
    campaign: Callable[[int], int],
    figure: Callable[[str, int, str], None],
) -> None:
    """Every acknowledged record and its row are there after each cut, nothing refused; the log fits what was published.

    Planted: the server started with fsync=off (the next test plants it each time); and no checkpoint of each record
    (the settings file left out); both caught.
    """
    rounds, acknowledged, place, writers = campaign(ROUNDS), 0, None, []
    for number in range(rounds):
        if place is None or number % AT_A_TIME == 0:
            place, writers = places(number), []
        writers += two(nursery, place, tmp_path, number)
        machine.cut(writers[-2:], tmp_path / f"raw{number}", number)
        machine.start()
        check_records(place, *writers)
        assert published(place) >= sum(len(one.saved()) for one in writers), "acknowledged before it was published"
        acknowledged += sum(len(one.saved()) for one in writers[-2:])
    result = f"{acknowledged} records acknowledged, none lost; raw file with fsync: {machine.lines} lines, none lost"
    figure("power cut under PostgreSQL", rounds, result)


def test_it_would_be_seen(machine: Machine, places: Callable[[int], Place], nursery: Nursery, tmp_path: Path) -> None:
    """The bug, planted in server and store: with fsync=off, else refused, acknowledged records are lost."""
    for number in range(ROUNDS, ROUNDS + 20):
        place = places(number)
        machine.server.stop()
        os.sync()
        machine.start("fsync=off")
        writers = two(nursery, place, tmp_path, number, "--weaken", "server")
        machine.cut(writers, tmp_path / f"raw{number}", number)
        machine.start()
        try:
            check_records(place, *writers)
        except AssertionError as error:
            assert "acknowledged, and lost" in str(error)  # noqa: PT017
            return
    pytest.fail("no cut lost what was acknowledged without being forced to disk")
