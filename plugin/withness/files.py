"""Files that are there whole or not at all, durably, and their owner's alone (mode 0600)."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a file system says that has no hard links, such as that of a memory stick."""


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file; it is durable when the block ends, and removed again when that raises.

    Raises FileExistsError where something has the name already, OSError when it cannot be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with _unless(path):
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(handle)
        sync_folder(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Write a new file (see `new_file`)."""
    with new_file(path) as file:
        file.write(content)


def replace_file(path: Path, text: str) -> None:
    """Put a file in its place, over the one that is there. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with _unless(Path(name)):
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(name, path)
    sync_folder(path.parent)


def put_in_place(ready: Path, path: Path) -> None:
    """Give a file that lies ready beside its place its name, never over anything.

    Raises FileExistsError where something has the name already, OSError; it has not got its name then.
    """
    try:
        os.link(ready, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        )  # so that the rename goes over nothing else
        with _unless(path):
            os.replace(ready, path)
    with _unless(path):
        ready.unlink(missing_ok=True)
        sync_folder(path.parent)


def rename_folder(ready: Path, path: Path) -> None:
    """Give a folder that lies ready beside its place its name, over an empty folder at most.

    Raises OSError; it has not got its name then.
    """
    os.rename(ready, path)
    try:
        sync_folder(path.parent)
    except BaseException:
        os.rename(path, ready)
        raise


@contextlib.contextmanager
def _unless(path: Path) -> Iterator[None]:
    """Remove a file again unless the block ends well."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
