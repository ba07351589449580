"""The folder of published checkpoints: one file for each segment, and beside it the last one of each day.

A folder is begun with a log, and its file for a segment with that segment's first record. Afterwards none is begun
silently: a file that is not there is one that went missing, and nobody can tell what it said.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from withness.audit import checkpoint
from withness.files import read_regular, replace_file

_LOCK_SECONDS: Final = 2.0
_NAME: Final = re.compile(r"segment-([0-9]{1,9})\.checkpoint", re.ASCII)
_MOST_BYTES: Final = 65_536


class Folder:
    """A folder of published checkpoints: better one that the database's administrator cannot write.

    `owner` names the database that publishes here ("" for whoever comes): a copy of it, made for a look or a drill,
    has the same log and must not publish in its name. The first that publishes owns the folder, until one takes over.
    """

    def __init__(self, path: Path, owner: str = "") -> None:
        self.path = path
        self.owner = owner

    def read(self) -> Mapping[int, str]:
        """Return the newest note of each segment. Raises OSError or ValueError when one cannot be read."""
        found = {}
        for name in _names(self.path):
            segment = _NAME.fullmatch(name)
            if segment is not None:
                found[int(segment[1])] = _text(f"{self.path}/{name}")
        return found

    def notes(self, segment: int) -> Iterator[str]:
        """Yield every note of a segment that can be read, the daily ones too."""
        for path in self.path.glob(f"*segment-{segment}.checkpoint"):
            with contextlib.suppress(OSError, ValueError):
                yield _text(path)

    def newest_segment(self) -> int:
        """Return the highest segment that has a note, -1 for none or where they cannot be read."""
        try:
            return max(self.read(), default=-1)
        except (OSError, ValueError):
            return -1

    def written_at(self, segment: int) -> datetime | None:
        """Return when a segment's newest note was written, None when there is none."""
        try:
            return datetime.fromtimestamp(os.stat(f"{self.path}/{_name(segment)}").st_mtime, UTC)
        except OSError:
            return None

    def publish(self, segment: int, note: str, at: datetime, *, begin: bool = False) -> None:
        """Keep a note; with `begin` it may be the segment's first.

        Raises OSError when it cannot be written, ValueError where what lies there cannot give way to it.
        """
        newest = self._newest(segment)
        if begin:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        elif not newest.exists():
            raise OSError("the one before is not there")
        try:
            with FileLock(self.path / ".lock", timeout=_LOCK_SECONDS, mode=0o600):
                self._require_owner()
                if newest.exists() and not _gives_way(_text(newest), note):
                    return
                for path in (newest, self.path / f"{at.astimezone(UTC):%Y-%m-%d}-segment-{segment}.checkpoint"):
                    replace_file(path, note)
        except Timeout:
            raise OSError("another process holds the folder of checkpoints") from None

    def owned(self) -> bool:
        """Whether this database publishes here, or nobody does yet."""
        return not self.owner or self._owner() in ("", self.owner)

    def mine(self) -> bool:
        """Whether the folder says that this database publishes here; False where nobody can tell."""
        try:
            return bool(self.owner) and self._owner() == self.owner
        except (OSError, ValueError):
            return False

    def other(self) -> str:
        """Return which other database publishes here, "" for none. Raises OSError or ValueError where none can tell."""
        there = self._owner() if self.owner else ""
        return there if there != self.owner else ""

    def take_over(self) -> None:
        """Let this database publish here from now on, and the one before no longer. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path / "owner", f"{self.owner}\n")

    def _owner(self) -> str:
        try:
            return _text(self.path / "owner").strip()
        except FileNotFoundError:
            return ""

    def _require_owner(self) -> None:
        if not self.owned():
            raise OSError("another copy of this data directory publishes there")
        if self.owner and not self._owner():
            self.take_over()

    def _newest(self, segment: int) -> Path:
        return self.path / _name(segment)


def _name(segment: int) -> str:
    return f"segment-{segment}.checkpoint"


def _text(path: Path | str) -> str:
    """Return a file's text. Raises OSError or ValueError for what is no regular file, too large, or no text."""
    content = read_regular(path, _MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("it is too large for a checkpoint")
    return content.decode()


def _names(path: Path) -> Iterable[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return ()


def _gives_way(there: str, note: str) -> bool:
    """Whether a note takes the place of the one that lies there; False where that says the same.

    Raises ValueError where it cannot be read, is of a longer log or of another one.
    """
    said, new = checkpoint.read(there).checkpoint, checkpoint.read(note).checkpoint
    if said.origin != new.origin:
        raise ValueError("another log's lies there")
    if said.size > new.size:
        raise ValueError(f"one of {said.size} records lies there, and the log has {new.size}")
    if said.size == new.size and said.root != new.root:
        raise ValueError("one of as many records with another root lies there")
    return said.size < new.size
