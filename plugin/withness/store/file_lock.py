"""The lock file beside a database, held for a transaction and kept open from one to the next.

It is the lock that `filelock.FileLock` takes of the same path, and whoever takes that waits for this one.
"""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from pathlib import Path
from typing import Final

from filelock import Timeout, lock_descriptor, unlock_descriptor

POLL: Final = 0.05
"""Seconds between two looks at a lock that another process holds."""

_MODE: Final = 0o600
_KEPT: Final[weakref.WeakSet[LockFile]] = weakref.WeakSet()


class LockFile:
    """An exclusive lock between processes. One thread at a time may call it; whichever does may release it."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._file: int | None = None
        _KEPT.add(self)

    def acquire(self, seconds: float) -> None:
        """Take the lock, waiting as long as `seconds`. Raises filelock.Timeout, OSError."""
        end = time.monotonic() + seconds
        while not self._taken():
            if time.monotonic() >= end:
                raise Timeout(self._path)
            time.sleep(POLL)

    def release(self) -> None:
        """Let others have it. Raises OSError."""
        if self._file is not None:
            unlock_descriptor(self._file)

    def close(self) -> None:
        """Close the file, and let others have the lock where this process alone has the file open."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def __del__(self) -> None:
        self.close()

    def _taken(self) -> bool:
        """Whether the lock is now held, of the file that lies there: one that was taken away guards nothing."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, _MODE)
        if not lock_descriptor(self._file, blocking=False):
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file), os.stat(self._path, follow_symlinks=False)):
                return True
        self.close()
        return False


def _let_go() -> None:
    """Close, in a process that was forked, what came along: the parent's lock would outlive the parent there."""
    for one in tuple(_KEPT):
        one.close()


os.register_at_fork(after_in_child=_let_go)
