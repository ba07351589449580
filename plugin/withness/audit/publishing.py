"""Publishing checkpoints outside the database, and holding the log against what was published.

Whoever can write the database can cut off its end or put an old copy back, and rebuild the tree over what is left.
Only a checkpoint that lies where they cannot write shows it, and one that is there no more leaves nobody able to tell.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.audit.folder import Folder
from withness.audit.log import Doubt, Head, acknowledgements
from withness.audit.log_key import LogKey
from withness.audit.merkle import EMPTY_ROOT
from withness.audit.proofs import fits
from withness.audit.record import Kind, Leaf
from withness.audit.words import many
from withness.errors import CannotTell, KeyMissing

if TYPE_CHECKING:
    from withness.audit.log import Log

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

FIRST: Final = "first"
"""Outcome of key.rotated: the first log key of a directory from before there were checkpoints."""

_FOLDER: Final = "WITHNESS_CHECKPOINT_FOLDER"
_TAKE_OVER: Final = "withness audit checkpoint --take-over"

_reserved: set[str] = set()


def reserve_stdout() -> None:
    """Keep standard output free in this process: what a log collector reads there goes to standard error."""
    _reserved.add("stdout")


@dataclass(frozen=True)
class Rhythm:
    """How often a checkpoint is published beside the urgent ones: after so many records, or so long after the last."""

    records: int = 256
    within: timedelta = timedelta(minutes=5)


class Publisher:
    """Publishes one log's checkpoints, and holds the log against those that were published.

    `stream` is "stdout" or "stderr" for a log collector, "" for none. `trouble` says why the last one could not be
    published: what is recorded stays recorded, and the next record tries again. Without its `key` (why: KeyMissing)
    nothing is published, and nobody can tell whether the log is the one that was.
    """

    def __init__(
        self,
        data_id: str,
        folder: Folder,
        key: LogKey | KeyMissing,
        *,
        now: Callable[[], datetime],
        stream: str = "",
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self.folder = folder
        self.trouble = ""
        self._key = key
        self._data_id = data_id
        self._now = now
        self._stream = stream
        self._rhythm = rhythm
        self._proved: set[str] = set()
        self._sizes: dict[int, tuple[datetime, int]] = {}  # by segment: when its newest was written, and its size

    @property
    def key(self) -> LogKey:
        """The log key. Raises CannotTell where it is missing."""
        if isinstance(self._key, KeyMissing):
            raise CannotTell(self._key.message, field=self._key.field, hint=self._key.hint)
        return self._key

    @key.setter
    def key(self, key: LogKey) -> None:
        self._key = key

    def lose(self, why: KeyMissing) -> None:
        """Go on without the key."""
        self._key = why

    @property
    def keyless(self) -> bool:
        """Whether the log key is missing."""
        return isinstance(self._key, KeyMissing)

    def note(self, head: Head) -> str:
        """Return the signed checkpoint of a segment as it stands."""
        return self.key.sign(Checkpoint(checkpoint.origin(self._data_id, head.segment), head.size, head.root))

    def durable(self, written: list[tuple[Leaf, Head]]) -> None:
        """Take notice of what has just become durable; publish where it is time."""
        if not written:
            return
        newest = {head.segment: head for _, head in written}
        begun = {head.segment for leaf, head in written if _begins(leaf, head)}
        last = written[-1][1].segment
        urgent = any(leaf.kind in URGENT for leaf, _ in written)
        at_once = {head.segment for _, head in written if head.size == 1} | begun
        for segment, head in newest.items():
            if segment in at_once or (segment == last and (urgent or self._due(head))):
                self.publish(head, begin=segment in begun)

    def begin(self, segment: int = 0) -> None:
        """Begin a segment's file before its first record is durable: one without a checkpoint is then one that went.

        Where the process ends in between, nothing is missing: a checkpoint of no record is borne out by every log.
        """
        self.publish(Head(segment, 0, 0, EMPTY_ROOT, b""), begin=True)

    def publish(self, head: Head, *, begin: bool = False) -> None:
        """Publish a segment's checkpoint now, with `begin` its first; `trouble` says why that failed."""
        try:
            note = self.note(head)
            self.folder.publish(head.segment, note, self._now(), begin=begin)
        except (OSError, ValueError, CannotTell) as error:
            why = str(getattr(error, "strerror", None) or error).rstrip(".")
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
        if self._sizes.get(head.segment, (None, 0))[0] != last:
            said = _read((self.read() or {}).get(head.segment, ""), self._data_id, head.segment)
            if isinstance(said, str):
                return True
            self._sizes[head.segment] = last, said.size
        return head.size - self._sizes[head.segment][1] >= self._rhythm.records

    def read(self) -> Mapping[int, str] | None:
        """Return the published notes by segment, None where they cannot be read."""
        try:
            return self.folder.read()
        except (OSError, ValueError):
            return None

    def damage(self, log: Log, notes: Mapping[int, str] | None, *, prove: bool) -> str | None:
        """See `audit.log.Log.anchor_damage`; `notes` are what `read` returned."""
        for segment, note in sorted((notes or {}).items()):
            wrong = self._shortfall(log, segment, note, prove=prove)
            if wrong:
                return wrong
        return None

    def doubt(self, notes: Mapping[int, str] | None, segments: Iterable[int]) -> Doubt | None:
        """See `audit.log.Log.doubt`; `notes` are what `read` returned, `segments` those that have been published."""
        if isinstance(self._key, KeyMissing):
            return Doubt(self._key.message.rstrip("."), self._key.field, self._key.hint)
        if notes is None:
            return Doubt(f"The published checkpoints in {self.folder.path} cannot be read", _FOLDER, _PUT_RIGHT)
        said = (_read(note, self._data_id, segment) for segment, note in sorted(notes.items()))
        wrong = next((one for one in said if isinstance(one, str)), None)
        if wrong is not None:
            return Doubt(f"{wrong[:1].upper()}{wrong[1:]}", _FOLDER, _PUT_RIGHT)
        gone = next((one for one in segments if one not in notes), None)
        if gone is None:
            return None
        where = f"The folder of published checkpoints, {self.folder.path}, holds none of this log's segment {gone}"
        hint = f"Mount that folder or put it back. Where it is gone for good, begin a new one: {_TAKE_OVER}"
        if self.of_another():
            hint = f"Another copy of this data directory publishes there. If this one is the live one now: {_TAKE_OVER}"
        return Doubt(where, _FOLDER, hint, gone=True)

    def of_another(self) -> bool:
        """Whether another copy of the log publishes in the folder; False where nobody can tell."""
        try:
            return not self.folder.owned()
        except (OSError, ValueError):
            return False

    def _shortfall(self, log: Log, segment: int, note: str, *, prove: bool) -> str | None:
        said = _read(note, self._data_id, segment)
        if isinstance(said, str):
            return None  # `doubt` says so, and it is no damage of the log
        proved = not prove and note in self._proved
        wrong = shortfall(log, segment, said, prove=not proved)
        if wrong is None:
            self._proved.add(note)
        return wrong


_PUT_RIGHT: Final = "Put that folder right; nothing else is lost."


def _begins(leaf: Leaf, head: Head) -> bool:
    """Whether a segment's checkpoints begin with this record: its first, or the one that names the first log key.

    Segment 0 begins at set-up: a log that was emptied has a first record a second time.
    """
    return (head.size == 1 and head.segment > 0) or (leaf.kind, leaf.outcome) == (Kind.KEY_ROTATED.value, FIRST)


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
    size = head.size if head is not None else 0
    if size < said.size:
        if _acknowledged(log, segment, head, said):
            return None
        return (
            f"segment {segment} has {many(size)}, and a checkpoint of {said.size} was published: "
            "records were cut off, or an older copy was put back"
        )
    if not prove:
        return None
    if fits(log.nodes(segment), said.size, said.root) or _acknowledged(log, segment, head, said):
        return None
    return f"segment {segment} is not the log whose checkpoint of {many(said.size)} was published"


def _acknowledged(log: Log, segment: int, head: Head | None, said: Checkpoint) -> bool:
    """Whether two people have acknowledged exactly this loss, and the segment is still what they said it was."""
    gone = state(segment, said.size, said.root)
    left = state(segment, head.size, head.root) if head is not None else state(segment, 0, b"")
    return any(gone in found["lost"] and left in found["have"] for _, found in acknowledgements(log))


def state(segment: int, size: int, root: bytes) -> dict[str, object]:
    """Return a segment's state as an acknowledgement holds it."""
    return {"segment": segment, "size": size, "root": root.hex()}
