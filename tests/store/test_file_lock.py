"""The lock beside the database: kept open, one holder at a time, of the file that lies there, and never a child's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from withness.store.file_lock import LockFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "w.sqlite3.lock"


def is_free(path: Path) -> bool:
    """Whether another process's lock, as `filelock` takes it, is to be had."""
    try:
        with FileLock(path, timeout=0):
            return True
    except Timeout:
        return False


def test_it_is_the_lock_that_filelock_takes(path: Path) -> None:
    """Planted: `fcntl.lockf` in the place of flock; caught."""
    lock = LockFile(path)
    lock.acquire(1)
    assert not is_free(path)
    lock.release()
    assert is_free(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with FileLock(path), pytest.raises(Timeout):
        lock.acquire(0.1)
    lock.acquire(0)


def test_it_waits_for_its_turn(path: Path) -> None:
    other = FileLock(path, thread_local=False)
    other.acquire()
    threading.Timer(0.2, other.release).start()
    lock = LockFile(path)
    begun = time.monotonic()
    lock.acquire(10)
    assert time.monotonic() - begun < 5
    assert not is_free(path)


def test_a_file_that_was_taken_away_guards_nothing(path: Path) -> None:
    """Planted: the open file locked without a look at what lies there; caught."""
    lock = LockFile(path)
    lock.acquire(1)
    lock.release()
    path.unlink()
    with FileLock(path), pytest.raises(Timeout):
        lock.acquire(0.1)
    lock.acquire(1)
    assert not is_free(path)


def test_a_closed_one_holds_nothing(path: Path) -> None:
    """Planted: nothing closed; caught."""
    lock = LockFile(path)
    lock.acquire(1)
    lock.close()
    assert is_free(path)
    lock.release()
    before = len(os.listdir("/proc/self/fd"))
    gone = LockFile(path)
    gone.acquire(1)
    del gone
    assert is_free(path)
    assert len(os.listdir("/proc/self/fd")) == before


_FORKS = """
import os, sys, time
from pathlib import Path
from withness.store.file_lock import LockFile
lock = LockFile(Path(sys.argv[1]))
lock.acquire(1)
if os.fork() == 0:
    print(os.getpid(), flush=True)
    time.sleep(60)
os._exit(0)  # killed, as it were, while it holds the lock
"""


def test_a_forked_child_does_not_keep_the_lock_of_a_parent_that_died(path: Path) -> None:
    """Planted: nothing let go in the child; caught."""
    parent = subprocess.Popen([sys.executable, "-W", "ignore", "-c", _FORKS, path], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.wait(10) == 0
        try:
            assert is_free(path)
        finally:
            os.kill(child, signal.SIGKILL)
