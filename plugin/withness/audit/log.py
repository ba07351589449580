"""The port that a store docks to: one append-only log with a tree over it.

A log has segments: a damaged one is never continued, a new one names the break (contracts I7).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from withness.audit.merkle import Frontier
from withness.audit.plain_json import LARGEST
from withness.audit.record import LAST, Kind, Leaf, NoRoom, Record, damage_of, details_of, make_leaf, moment
from withness.audit.tiles import WIDTH, Nodes, Tile, filled

T = TypeVar("T")

RESTORED: Final = "restored"
"""Outcome of the signed record that acknowledges a restored older copy: it begins a sound segment."""


@dataclass(frozen=True)
class Head:
    """A segment's newest state: its first sequence number, its tree's frontier and root as stored."""

    segment: int
    first_seq: int
    size: int
    root: bytes
    peaks: bytes

    @classmethod
    def of(cls, segment: Any, first_seq: Any, size: Any, root: Any, peaks: Any) -> Head:
        """Return a stored head, whatever its row holds: one that is not `readable` is empty and has no root."""
        found = cls(segment, first_seq, size, root, peaks)
        return found if found.readable else cls(segment if type(segment) is int else -1, 0, 0, b"", b"")

    @property
    def readable(self) -> bool:
        """Whether its row held numbers and hashes that a log can have."""
        numbers = all(_is_place(one) for one in (self.segment, self.first_seq, self.size))
        return numbers and type(self.root) is bytes and type(self.peaks) is bytes and self.root != b""

    def frontier(self) -> Frontier:
        """Return the frontier. Raises ValueError when the stored parts do not agree."""
        if not self.readable:
            raise ValueError(f"the stored head of segment {self.segment} does not hold numbers and hashes")
        found = Frontier.from_bytes(self.size, self.peaks)
        if found.root() != self.root:
            raise ValueError("the stored root does not fit the stored hashes")
        return found


@dataclass(frozen=True)
class Doubt:
    """Why nobody can tell whether the log is the one that was published: no damage, and nothing passes by it.

    `what` is a sentence without its end, `gone` says that a checkpoint lies there no more.
    """

    what: str
    field: str
    hint: str
    gone: bool = False


def _is_place(value: object) -> bool:
    """Whether a stored value is a number that a log can count on from."""
    return type(value) is int and 0 <= value < LARGEST


class Segments(Protocol):
    """What tells how a log's segments began (see `Log`)."""

    def leaf(self, seq: int) -> Leaf | None: ...
    def heads(self) -> tuple[Head, ...]: ...


class Log(Protocol):
    """What the trail asks of a store, inside one transaction."""

    def head(self) -> Head | None:
        """Return the newest segment's head, None for an empty log."""

    def last(self) -> Leaf | None:
        """Return the leaf with the highest sequence number."""

    def leaf(self, seq: int) -> Leaf | None:
        """Return the leaf with this sequence number."""

    def newest_time(self) -> str | None:
        """Return the latest time of any record: never an earlier one, whatever was recorded last."""

    def schema_damage(self) -> str | None:
        """Return what differs from the schema that this release expects (tables, triggers)."""

    def put(self, *grown: tuple[Leaf, Head]) -> None:
        """Append leaves of one segment, each with the head that includes it, and store the last of these heads."""

    def put_tile(self, tile: Tile) -> None:
        """Append a full tile."""

    def nodes(self, segment: int) -> Nodes:
        """Return the hashes of a segment."""

    def tiles(self) -> Iterator[Tile]:
        """Yield every full tile by segment, level and number."""

    def anchor_damage(self, *, prove: bool) -> str | None:
        """Return how the log falls short of the checkpoints that were published, None when it does not.

        Sizes are always compared; with `prove`, the tree too is held against every one of them.
        """

    def once(self, what: str, read: Callable[[], T]) -> T:
        """Return what `read` finds, read once where nobody but this transaction can change it before its end."""

    def doubt(self) -> Doubt | None:
        """Return why nobody can tell what was published, None where that can be read."""

    def newest_published(self) -> int:
        """Return the highest segment of which a checkpoint was published, -1 for none or where they cannot be read."""

    def leaves(self) -> Iterator[Leaf]:
        """Yield every leaf by sequence number."""

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]:
        """Yield the leaves from `first` up to but without `last`, by sequence number, as tuples in `Leaf`'s order."""

    def heads(self) -> tuple[Head, ...]:
        """Return the head of every segment."""

    def leaves_of(self, kind: Kind) -> tuple[Leaf, ...]:
        """Return every leaf of a kind, oldest first."""

    def emptied(self, first: int = 0) -> Iterator[Leaf]:
        """Yield every leaf without bytes from `first` on, by sequence number."""


def damage(log: Log, *, prove: bool = False) -> str | None:
    """Return why the log cannot be continued, None when its cheap signs agree.

    The full proof is the verifier's; this looks at schema, head and last leaf only, and with `prove` at the tree of
    the checkpoints that were published.
    """
    return log.once(DAMAGE, lambda: _damage_of_end(log)) or log.anchor_damage(prove=prove)


DAMAGE: Final = "damage"
"""What `Log.once` remembers of the log's end: whole, it stays so while this transaction appends."""


def _damage_of_end(log: Log) -> str | None:
    schema = log.schema_damage()
    if schema:
        return schema
    head, last = log.head(), log.last()
    if head is None or last is None:
        return (
            None if head is None and last is None else "the log has records without a head, or a head without records"
        )
    try:
        head.frontier()
    except ValueError as error:
        return str(error)
    wrong = damage_of(last)
    if wrong:
        return f"the newest record is not as it was written: {wrong}"
    if last.seq != head.first_seq + head.size - 1 or last.segment != head.segment:
        return "the number of records is not what the tree says"
    return None


def broken(log: Log) -> bool:
    """Whether the log is damaged now, was found so before (it then has a later segment), or is not the one published.

    What lets a plan through asks this: the tree is held against every checkpoint published outside the database.
    """
    return hurt(log) or log.doubt() is not None


def hurt(log: Log) -> bool:
    """Whether the log is damaged now, or was found so before: whatever else nobody can tell."""
    return bool(unsettled(log)) or damage(log, prove=True) is not None or timeless(log)


def timeless(log: Log) -> bool:
    """Whether nobody can tell when the newest record was made: then the clock cannot be held against it."""
    return log.last() is not None and newest_time(log) is None


def acknowledged(log: Segments, head: Head) -> Mapping[str, Any] | None:
    """Return what two people signed for when they acknowledged a restored copy and so began this segment.

    None for any other segment. The verifier holds the signed act against it.
    """
    first = log.leaf(head.first_seq) if head.segment else None
    if first is None or first.segment != head.segment or damage_of(first) is not None:
        return None
    if (first.kind, first.outcome) != (Kind.TRAIL_SIGNED_OFF.value, RESTORED):
        return None
    details = details_of(first)
    return {**details, **{name: _states(details.get(name)) for name in ("lost", "have")}}


def _states(told: object) -> list[dict[str, Any]]:
    """Return the states of segments that an acknowledgement names; none where a forger wrote anything else."""
    kinds = {"segment": int, "size": int, "root": str}
    if isinstance(told, list) and all(isinstance(one, dict) and _kinds(one) == kinds for one in told):
        return told
    return []


def _kinds(one: Mapping[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in one.items()}


def acknowledgements(log: Segments) -> Iterator[tuple[Head, Mapping[str, Any]]]:
    """Yield each segment that an acknowledgement began, and what two people signed for (see `acknowledged`)."""
    for head in log.heads():
        found = acknowledged(log, head)
        if found is not None:
            yield head, found


def found_damaged(log: Segments, head: Head) -> bool:
    """Whether a segment was begun because of damage, and not only because a longer log had been published."""
    first = log.leaf(head.first_seq) if head.segment else None
    if head.segment == 0 or acknowledged(log, head) is not None:
        return False
    return first is None or details_of(first).get(SHORT) is not True


def unsettled(log: Segments) -> int:
    """Return how many segments tell of a break that nobody has acknowledged; damage that was found stays one."""
    heads = log.heads()
    if len(heads) < 2 and all(one.segment == 0 for one in heads):
        return 0
    newest = max((one.segment for one, _ in acknowledgements(log)), default=0)
    return sum(1 for one in heads if one.segment > newest or found_damaged(log, one))


FOUND: Final = "found damaged"
"""What such a record says of the damage where only `withness audit verify` had seen it."""

SHORT: Final = "short_of_checkpoint"
"""In the details of a record that begins a segment: true where only a longer published log was the cause."""


def append(log: Log, records: Iterable[Record], *, at: datetime, fresh_segment: bool = False) -> tuple[Leaf, ...]:
    """Append `records` in order and return their leaves.

    On a damaged log, and where `fresh_segment` asks for it, they begin a new segment: the old one is left
    as it was found. Raises NoRoom where a record with the largest number lies there.
    """
    written: list[tuple[Leaf, Head]] = []
    reason = damage(log, prove=True)  # what is published next must bear out what lies there
    head, last, newest = _newest_readable(log), log.last(), newest_time(log)
    lost = newest is None and last is not None
    start_anew = (reason is not None and (head is None or sound(log, head) or _inconsistent(log))) or fresh_segment
    frontier = Frontier() if head is None or start_anew else Frontier.from_bytes(head.size, head.peaks)
    for record in records:
        seq = 0 if last is None else last.seq + 1
        if seq > LAST:
            raise NoRoom
        if head is None or start_anew:
            segment = _next_segment(log, head, last, anew=start_anew)
            head = Head(segment=segment, first_seq=seq, size=0, root=b"", peaks=b"")
            after = _after_break(log, reason) if start_anew else {}
            start_anew = False
        else:
            after = {}
        clock = "suspect" if lost or (newest is not None and at < newest) else "ok"
        said = replace(record, details={**record.details, **after}) if after else record
        leaf = make_leaf(said, seq=seq, segment=head.segment, at=at, clock=clock)
        frontier = frontier.append(leaf.leaf_hash)
        head = Head(head.segment, head.first_seq, frontier.size, frontier.root(), frontier.to_bytes())
        last, newest = leaf, max(newest or at, at)
        written.append((leaf, head))
    log.put(*written)
    for _, head in written:
        if head.size % WIDTH == 0:
            _fill(log, head)
    return tuple(leaf for leaf, _ in written)


def sound(log: Segments, head: Head) -> bool:
    """Whether records of a segment let plans through: the first segment, or one that acknowledges a restored copy."""
    return head.segment == 0 or acknowledged(log, head) is not None


def _newest_readable(log: Log) -> Head | None:
    """Return the newest segment's head, of those whose row can be read."""
    head = log.head()
    if head is None or head.readable:
        return head
    return max((one for one in log.heads() if one.readable), key=lambda one: one.segment, default=None)


def _next_segment(log: Log, head: Head | None, last: Leaf | None, *, anew: bool) -> int:
    """Return a segment's number that neither this log nor one published under its name has."""
    known = [one.segment for one in (head, last) if one and _is_place(one.segment)]
    return 1 + max([*known, *([log.newest_published()] if anew else [])], default=-1)


def _after_break(log: Log, reason: str | None) -> dict[str, Any]:
    short = reason is not None and reason == log.anchor_damage(prove=False)
    return {"after_break": reason or FOUND, **({SHORT: True} if short else {})}


def _fill(log: Log, head: Head) -> None:
    """Keep the tiles that are full now. Where leaves are missing there is none: the verifier names what is missing."""
    with contextlib.suppress(ValueError):
        for tile in filled(log.nodes(head.segment), head.segment, head.size):
            log.put_tile(tile)


def _inconsistent(log: Log) -> bool:
    """Whether the newest segment itself cannot be continued (a damaged schema alone does not stop it)."""
    head, last = _newest_readable(log), log.last()
    try:
        return head is None or last is None or head.frontier().size != last.seq - head.first_seq + 1
    except ValueError:
        return True


def newest_time(log: Log) -> datetime | None:
    """Return the latest time of any record, None for an empty log or an unreadable time."""
    newest = log.newest_time()
    try:
        return moment(newest) if newest else None
    except (ValueError, TypeError):
        return None
