"""fsync fails with EIO for a while: a library of our own stands before the system's (LD_PRELOAD)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.child import Place, Writer, assert_one_sentence, check_plans, check_records, started
from tests.requiring import require
from withness.audit import checkpoint

HERE = Path(__file__).parent
Failing = Callable[..., Writer]


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled library."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    require("a C compiler", None if compiler else "The tests of a failing fsync need a C compiler, and cc is not here.")
    made = tmp_path_factory.mktemp("shim") / "fsync.so"
    command = [str(compiler), "-shared", "-fPIC", "-o", str(made), str(HERE / "fsync.c"), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    require("a C compiler that works", None if done.returncode == 0 else f"cc does not compile here: {done.stderr}")
    return made


@pytest.fixture
def flag(tmp_path: Path) -> Path:
    """The file that says "now"; it holds a letter for each failure."""
    return tmp_path / "fail.now"


@pytest.fixture
def failing(place: Place, shim: Path, flag: Path, tmp_path: Path) -> Failing:
    """Start a writer whose fsync fails on files whose path holds `on`, while the flag is there."""

    def start(what: str, *options: str, on: str = "withness.sqlite3") -> Writer:
        environment = {"LD_PRELOAD": str(shim), "FAULT_WHILE": str(flag), "FAULT_ON": on}
        return started(place, tmp_path / "log", what, *options, environment=environment)

    return start


def end_the_fault(flag: Path) -> int:
    """Let fsync work again; return how often it failed."""
    failed = len(flag.read_text(encoding="utf-8"))
    flag.unlink()
    return failed


@pytest.mark.parametrize("what", ["records", "looked-up"])
def test_no_record_is_acknowledged_while_it_fails(place: Place, failing: Failing, flag: Path, what: str) -> None:
    """None is claimed not to be saved either, and the same process goes on by itself.

    A COMMIT that failed and is there when it is looked up is not durable for that: what is read was never written
    through. Planted: what is left in the log not put into the database before the look-up (every record was
    acknowledged while fsync failed); "nothing was saved" said where the look-up failed too; both caught.
    """
    with failing(what) as writer:
        writer.wait_for_saves()
        flag.touch()
        refused = writer.wait_for_refusals(5)
        before = len(writer.saved())
        writer.wait_for_refusals(5)
        assert len(writer.saved()) == before
        assert end_the_fault(flag) >= 10
        writer.wait_for_saves()
        writer.close()
    assert_one_sentence(refused)
    check_records(place, writer)


def test_no_plan_is_acknowledged_while_it_fails(place: Place, failing: Failing, flag: Path) -> None:
    """And there is no second one after, in the database or in the chart."""
    with failing("plans") as writer:
        writer.wait_for_saves(2)
        flag.touch()
        refused = writer.wait_for_refusals(4)
        before = len(writer.saved())
        writer.wait_for_refusals(4)
        assert len(writer.saved()) == before
        assert end_the_fault(flag) >= 8
        writer.wait_for_saves(2)
        writer.close()
    assert_one_sentence(refused)
    check_plans(place, writer)


@pytest.mark.parametrize("what", ["records", "plans"])
def test_a_process_killed_while_it_fails_leaves_nothing_half(
    place: Place, failing: Failing, flag: Path, tmp_path: Path, what: str
) -> None:
    """What the log still holds is there or not, whole; who comes after says the truth."""
    with failing(what) as writer:
        writer.wait_for_saves(2)
        flag.touch()
        writer.wait_for_refusals(3)
        writer.kill()
    end_the_fault(flag)
    with started(place, tmp_path / "log2", what, "--first", "100000") as after:
        after.wait_for_saves(2)
        after.close()
    {"records": check_records, "plans": check_plans}[what](place, writer, after)


def test_a_checkpoint_that_cannot_be_published_stops_nothing(place: Place, failing: Failing, flag: Path) -> None:
    """Its fsync fails, records go on; when it works again the next checkpoint is published.

    Planted: the error raised from `Publisher.publish`; caught. The published one is never half a file.
    """
    folder = place.key_file.parent / "checkpoints"
    with failing("records", on="checkpoints") as writer:
        writer.wait_for_saves(5)
        [published] = folder.glob("*/segment-0.checkpoint")
        first = published.read_text(encoding="utf-8")
        os.utime(published, (0, 0))  # one is due at once
        flag.touch()
        writer.wait_for_saves(10)
        assert end_the_fault(flag) >= 10
        writer.wait(lambda: published.read_text(encoding="utf-8") != first, "a checkpoint")
        writer.wait_for_saves(5)
        writer.close()
        assert writer.refused() == []
    now = checkpoint.read(published.read_text(encoding="utf-8")).checkpoint
    assert now.size > checkpoint.read(first).checkpoint.size + 10
    check_records(place, writer)


def test_an_error_of_commit_that_is_swallowed_would_be_seen(place: Place, failing: Failing, flag: Path) -> None:
    """The bug, planted in the writer: it acknowledges while fsync fails."""
    with failing("records", "--weaken", "commit") as writer:
        writer.wait_for_saves()
        flag.touch()
        writer.wait_for_saves(3)
        assert end_the_fault(flag) >= 3
