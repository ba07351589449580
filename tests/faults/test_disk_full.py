"""The disk is full for a while: a small file system of its own under the data directory.

Planted: an error of COMMIT swallowed; caught.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.child import Place, assert_one_sentence, check_plans, check_records, started
from tests.requiring import require
from tests.system.site import Site, make_draft


class Memory:
    """A file system of a given size."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def mount(self, kilobytes: int) -> str | None:
        """Mount it; say why that cannot be, None where it is done."""
        if os.getuid() != 0:
            return "The tests of a full disk mount a small one of their own, which takes root."
        done = self._mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(self.path))
        return None if done.returncode == 0 else f"No file system can be mounted here: {done.stderr.strip()}"

    def resize(self, kilobytes: int) -> None:
        """Give it another size."""
        done = self._mount("-o", f"remount,size={kilobytes}k", str(self.path))
        assert done.returncode == 0, done.stderr

    @staticmethod
    def _mount(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Memory]:
    """A small disk, with room enough to begin with."""
    made = Memory(tmp_path / "disk")
    require("a disk that can be full", made.mount(65536))
    yield made
    subprocess.run(["umount", "--lazy", str(made.path)], check=True)


@pytest.mark.parametrize(("what", "kilobytes"), [("records", 1024), ("looked-up", 1024), ("records", 6144)])
def test_no_record_is_acknowledged_that_has_no_room(disk: Memory, tmp_path: Path, what: str, kilobytes: int) -> None:
    """When the log is written, and (with 6 MB) when what is in the log is put into the database; then there is room.

    The same process goes on. Nothing that was refused as not saved turns up.
    """
    place = Place(disk.path / "home", tmp_path / "site.key").prepare()
    disk.resize(kilobytes)
    with started(place, tmp_path / "log", what) as writer:
        refused = writer.wait_for_refusals(5)
        before = len(writer.saved())
        refused += writer.wait_for_refusals(5)
        assert len(writer.saved()) <= before + 1
        disk.resize(65536)
        writer.wait_for_saves()
        writer.close()
    assert before > 20
    assert_one_sentence(refused)
    check_records(place, writer)


def test_no_plan_is_acknowledged_that_has_no_room(disk: Memory, tmp_path: Path) -> None:
    """Database and chart are on the same full disk; no plan is saved twice for it."""
    place = Place(disk.path / "home", tmp_path / "site.key").prepare()
    with started(place, tmp_path / "log", "plans") as writer:
        writer.wait_for_saves(1)
        disk.resize((shutil.disk_usage(disk.path).used + 400_000) // 1024)
        refused = writer.wait_for_refusals(5)
        disk.resize(65536)
        writer.wait_for_saves(2)
        writer.close()
    assert_one_sentence(refused)
    check_plans(place, writer)


def test_the_console_says_one_sentence(disk: Memory, tmp_path: Path) -> None:
    """Exit 7, also where not one byte can be written; the same request is saved once there is room."""
    with Site(disk.path / "home", tmp_path / "site.key") as site:
        site.screen()
    draft = make_draft()
    disk.resize(shutil.disk_usage(disk.path).used // 1024)
    filler = disk.path / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 1024):
                pass
        except OSError:
            pass
    exit_code, said = site.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert exit_code == 7, said
    assert said["message"].endswith(".")
    assert ". " not in said["message"]
    disk.resize(65536)
    filler.unlink()
    exit_code, said = site.console_json("plan", "save", "-", stdin=json.dumps(draft))
    assert (exit_code, said["saved"]) == (0, True)
    assert site.console("audit", "verify").returncode == 0
    site.open()
    assert len(site.care_plans()) == 1
    site.desk.close()
