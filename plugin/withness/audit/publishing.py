"""Publishing checkpoints outside the database, and holding the log against what was published.

Whoever can write the database can cut off its end or put an old copy back, and rebuild the tree over what is left.
Only a checkpoint that lies where they cannot write shows it. The folder holds one file for each segment, the newest
checkpoint, and beside it the last one of each day.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import acknowledged
from withness.audit.log_key import LogKey
from withness.audit.proofs import root_at
from withness.audit.record import Kind, Leaf
from withness.files import replace_file

if TYPE_CHECKING:
    from withness.audit.log import Head, Log

URGENT: Final = frozenset(
    kind.value
    for kind in (
        Kind.OVERRIDE_GRANTED,
        Kind.PROTOCOL_OPENED,
        Kind.PROTOCOL_RELEASED,
        Kind.ACUITY_RAISED,
        Kind.POLICY_CHANGED,
        Kind.TRAIL_SIGNED_OFF,
        Kind.KEY_ROTATED,
    )
)
"""After a record of these kinds a checkpoint is published at once: each override, release and acute event."""
_LOCK_SECONDS: Final = 2.0
_NAME: Final = re.compile(r"segment-([0-9]{1,9})\.checkpoint", re.ASCII)
_MOST_BYTES: Final = 65_536

_reserved: set[str] = set()


def reserve_stdout() -> None:
    """Keep standard output free in this process: what a log collector reads there goes to standard error."""
    _reserved.add("stdout")


@dataclass(frozen=True)
class Rhythm:
    """How often a checkpoint is published beside the urgent ones: after so many records, or so long after the last."""

    records: int = 256
    within: timedelta = timedelta(minutes=5)


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
                found[int(segment[1])] = _text(self.path / name)
        return found

    def newest_segment(self) -> int:
        """Return the highest segment that has a note, -1 for none or where they cannot be read."""
        try:
            return max(self.read(), default=-1)
        except (OSError, ValueError):
            return -1

    def written_at(self, segment: int) -> datetime | None:
        """Return when a segment's newest note was written, None when there is none."""
        try:
            return datetime.fromtimestamp(self._newest(segment).stat().st_mtime, UTC)
        except OSError:
            return None

    def publish(self, segment: int, note: str, at: datetime) -> None:
        """Keep a note, unless a longer log's is there already. Raises OSError when it cannot be written."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with FileLock(self.path / ".lock", timeout=_LOCK_SECONDS, mode=0o600):
                self._require_owner()
                newest = self._newest(segment)
                if newest.exists() and _size(_text(newest)) >= _size(note):
                    return
                for path in (newest, self.path / f"{at.astimezone(UTC):%Y-%m-%d}-segment-{segment}.checkpoint"):
                    replace_file(path, note)
        except Timeout:
            raise OSError("another process holds the folder of checkpoints") from None

    def owned(self) -> bool:
        """Whether this database publishes here, or nobody does yet."""
        return not self.owner or self._owner() in ("", self.owner)

    def take_over(self) -> None:
        """Let this database publish here from now on, and the one before no longer. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(self.path / "owner", f"{self.owner}\n")

    def _owner(self) -> str:
        try:
            return (self.path / "owner").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def _require_owner(self) -> None:
        if not self.owned():
            raise OSError("another copy of this data directory publishes there")
        if self.owner and not self._owner():
            self.take_over()

    def _newest(self, segment: int) -> Path:
        return self.path / f"segment-{segment}.checkpoint"


def _text(path: Path) -> str:
    """Return a note's text. Raises OSError or ValueError for what is no regular file, too large, or no text."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ValueError("it is no regular file")
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError("it is too large for a checkpoint")
    return content.decode()


def _names(path: Path) -> Iterable[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return ()


def _size(note: str) -> int:
    try:
        return checkpoint.read(note).checkpoint.size
    except ValueError:
        return -1


class Publisher:
    """Publishes one log's checkpoints, and holds the log against those that were published.

    `stream` is "stdout" or "stderr" for a log collector, "" for none. `trouble` says why the last one could not be
    published: what is recorded stays recorded, and the next record tries again.
    """

    def __init__(
        self,
        data_id: str,
        folder: Folder,
        key: LogKey,
        *,
        now: Callable[[], datetime],
        stream: str = "",
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self.folder = folder
        self.key = key
        self.trouble = ""
        self._data_id = data_id
        self._now = now
        self._stream = stream
        self._rhythm = rhythm
        self._proved: set[str] = set()

    def note(self, head: Head) -> str:
        """Return the signed checkpoint of a segment as it stands."""
        return self.key.sign(Checkpoint(checkpoint.origin(self._data_id, head.segment), head.size, head.root))

    def durable(self, written: list[tuple[Leaf, Head]]) -> None:
        """Take notice of what has just become durable; publish where it is time."""
        if not written:
            return
        head = written[-1][1]
        if any(leaf.kind in URGENT for leaf, _ in written) or self._due(head):
            self.publish(head)

    def publish(self, head: Head) -> None:
        """Publish a segment's checkpoint now; `trouble` says why that failed."""
        note = self.note(head)
        try:
            self.folder.publish(head.segment, note, self._now())
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            self.trouble = f"The checkpoint could not be published: {why}."
            return
        self.trouble = ""
        self._proved.add(note)
        if self._stream:
            stream = sys.stdout if self._stream == "stdout" and "stdout" not in _reserved else sys.stderr
            with contextlib.suppress(OSError, ValueError):
                stream.write(f"withness checkpoint {head.segment} {head.size} {head.root.hex()}\n{note}")
                stream.flush()

    def _due(self, head: Head) -> bool:
        last = self.folder.written_at(head.segment)
        if last is None or self._now() - last >= self._rhythm.within:
            return True
        try:
            published = self.folder.read().get(head.segment, "")
        except (OSError, ValueError):
            return True
        return head.size - _size(published) >= self._rhythm.records

    def damage(self, log: Log, *, prove: bool) -> str | None:
        """See `audit.log.Log.anchor_damage`."""
        for segment, note in sorted(self._published().items()):
            wrong = self._shortfall(log, segment, note, prove=prove)
            if wrong:
                return wrong
        return None

    def unreadable(self) -> str | None:
        """See `audit.log.Log.anchors_unreadable`."""
        try:
            found = self.folder.read()
        except (OSError, ValueError):
            return "the published checkpoints cannot be read"
        said = (_read(note, self._data_id, segment) for segment, note in sorted(found.items()))
        return next((one for one in said if isinstance(one, str)), None)

    def _published(self) -> Mapping[int, str]:
        try:
            return self.folder.read()
        except (OSError, ValueError):
            return {}

    def _shortfall(self, log: Log, segment: int, note: str, *, prove: bool) -> str | None:
        said = _read(note, self._data_id, segment)
        if isinstance(said, str):
            return None  # `unreadable` says so, and it is no damage of the log
        proved = not prove and note in self._proved
        wrong = shortfall(log, segment, said, prove=not proved)
        if wrong is None:
            self._proved.add(note)
        return wrong


@lru_cache(maxsize=64)
def _read(note: str, data_id: str, segment: int) -> Checkpoint | str:
    """Return what a published note says, or why it says nothing of this log."""
    try:
        said = checkpoint.read(note).checkpoint
    except ValueError:
        return f"the published checkpoint of segment {segment} cannot be read"
    if said.origin != checkpoint.origin(data_id, segment):
        return f"the published checkpoint of segment {segment} is another log's"
    return said


def lost(log: Log, folder: Folder, data_id: str) -> Mapping[int, Checkpoint]:
    """Return the published checkpoints, by segment, that the log falls short of and that nobody has acknowledged.

    Raises OSError or ValueError when a published checkpoint cannot be read or is another log's.
    """
    found = {}
    for segment, note in sorted(folder.read().items()):
        said = _read(note, data_id, segment)
        if isinstance(said, str):
            raise ValueError(said)
        if shortfall(log, segment, said):
            found[segment] = said
    return found


def shortfall(log: Log, segment: int, said: Checkpoint, *, prove: bool = True) -> str | None:
    """Return how the log falls short of a published checkpoint, None where it does not or it was acknowledged."""
    head = next((one for one in log.heads() if one.segment == segment), None)
    if head is None or head.size < said.size:
        if _acknowledged(log, segment, head, said):
            return None
        size = head.size if head is not None else 0
        return (
            f"segment {segment} has {size} records, and a checkpoint of {said.size} was published: "
            "records were cut off, or an older copy was put back"
        )
    if not prove:
        return None
    try:
        fits = root_at(log.nodes(segment), said.size) == said.root
    except ValueError:
        fits = False
    if fits or _acknowledged(log, segment, head, said):
        return None
    return f"segment {segment} is not the log whose checkpoint of {said.size} records was published"


def _acknowledged(log: Log, segment: int, head: Head | None, said: Checkpoint) -> bool:
    """Whether two people have acknowledged exactly this loss, and the segment is still what they said it was."""
    gone = state(segment, said.size, said.root)
    left = state(segment, head.size, head.root) if head is not None else state(segment, 0, b"")
    for one in log.heads():
        found = acknowledged(log, one)
        if found is not None and gone in found.get("lost", ()) and left in found.get("have", ()):
            return True
    return False


def state(segment: int, size: int, root: bytes) -> dict[str, object]:
    """Return a segment's state as an acknowledgement holds it."""
    return {"segment": segment, "size": size, "root": root.hex()}
