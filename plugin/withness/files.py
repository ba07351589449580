"""Files that are there whole or not at all, durably, and their owner's alone unless said otherwise."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import IO, Final
from uuid import uuid4

_OWNERS: Final = 0o600
EVERYBODYS: Final = 0o666
"""The mode of a file that is no secret."""
_PIECE: Final = 2**20
"""How many bytes are read at a time."""
NOT_REGULAR: Final = "it is no regular file"
"""What is said of a pipe or a device where a file should be."""
_NO_LINKS: Final = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a file system says that has no hard links, such as that of a memory stick."""


def open_regular(path: Path | str) -> BufferedReader:
    """Open a file to read that somebody named, or that lies in a folder: one that nobody has to wait for.

    Raises OSError for a pipe, a device or a folder, and where it cannot be opened.
    """
    return os.fdopen(_regular(path), "rb")


def read_regular(path: Path | str, most: int = -1) -> bytes:
    """Return a file's bytes, no more than `most` where given (see `open_regular`)."""
    handle, parts, left = _regular(path), [], most
    try:
        while part := os.read(handle, _PIECE if most < 0 else min(_PIECE, left)):  # a network may give less at a time
            parts.append(part)
            left -= len(part)
    finally:
        os.close(handle)
    return b"".join(parts)


def _regular(path: Path | str) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    kind = os.fstat(handle).st_mode
    if stat.S_ISREG(kind):
        return handle
    os.close(handle)
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, NOT_REGULAR)


@contextlib.contextmanager
def new_file(path: Path, mode: int = _OWNERS) -> Iterator[IO[bytes]]:
    """Yield a new file; it is durable when the block ends, and removed again when that raises.

    `mode` is what the umask leaves of it. Raises FileExistsError where something has the name already, OSError when it
    cannot be written.
    """
    with _made(path, mode) as file:
        yield file
    with _unless(path):
        sync_folder(path.parent)


def write_new(path: Path, content: bytes, mode: int = _OWNERS) -> None:
    """Write a new file (see `new_file`)."""
    with new_file(path, mode) as file:
        file.write(content)


def replace_file(path: Path, content: str | bytes, mode: int = _OWNERS) -> None:
    """Put a file in its place, over the one that is there. Raises OSError."""
    ready = beside(path)
    with _made(ready, mode) as file:
        file.write(content if isinstance(content, bytes) else content.encode())
    with _unless(ready):
        os.replace(ready, path)
    sync_folder(path.parent)


def beside(path: Path) -> Path:
    """Return a hidden name beside a place, under which something lies ready that will be put there."""
    return path.with_name(f".{path.name}.{uuid4()}")


def put_in_place(ready: Path, path: Path) -> None:
    """Give a file that lies ready beside its place its name, never over anything.

    Raises FileExistsError where something has the name already, OSError; it has not got its name then.
    """
    try:
        os.link(ready, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS))  # what the rename goes over is ours
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
def _made(path: Path, mode: int) -> Iterator[IO[bytes]]:
    """Yield a new file whose content, though not its name, is durable when the block ends."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with _unless(path), os.fdopen(handle, "wb") as file:
        yield file
        file.flush()
        os.fsync(handle)


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
