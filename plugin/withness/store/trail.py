"""The audit trail in one transaction: its end, what is appended there, and what is known of both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Executable, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from withness.audit.log import DAMAGE, Doubt, Head
from withness.audit.publishing import Publisher
from withness.audit.record import LAST, Kind, Leaf
from withness.audit.tiles import Tile
from withness.store import inspecting, schema
from withness.store.beside import Beside
from withness.store.leaves import Leaves, id_named
from withness.store.prepared import Prepared

T = TypeVar("T")

Memory = Mapping[str, Any]
"""What a transaction found of the trail's end and of who may sign, by what it is."""

SCHEMA: Final = "schema"
_FITS: Final = "fits what is published"
_TAKEN_OVER: Final = frozenset(
    {DAMAGE, SCHEMA, _FITS, "head", "heads", "last", "newest time", "last policy", "enrolments", "directory"}
)


class Trail(Leaves):
    """The trail in one transaction (structurally an `audit.log.Log`)."""

    beside: Beside | None = None
    """Set in a transaction that others run beside; what it appends waits for theirs."""

    def __init__(self, connection: Connection, publisher: Publisher | None = None) -> None:
        super().__init__(connection)
        self._publisher = publisher
        self._seen: dict[str, Any] = {}
        self._otherwise = False
        self.written: list[tuple[Leaf, Head]] = []

    def memory(self) -> Memory:
        """Return what the next transaction may go by where nobody else has written since: nothing of a damaged end."""
        whole = DAMAGE in self._seen and self._seen[DAMAGE] is None and self._seen.get(SCHEMA) is None
        if not whole or self._otherwise:
            return {}
        return {what: found for what, found in self._seen.items() if what in _TAKEN_OVER}

    def go_by(self, memory: Memory) -> None:
        """Take over what the transaction before found, with nobody's change in between."""
        self._seen.update(memory)

    def changed_otherwise(self) -> None:
        """Let the next transaction read everything anew: something is changed by another way than these methods."""
        self._otherwise = True

    def once(self, what: str, read: Callable[[], T]) -> T:
        """See `audit.log.Log.once`: in a transaction that others run beside, it is read anew each time."""
        if self.beside is not None:
            return read()
        if what not in self._seen:
            self._seen[what] = read()
        found: T = self._seen[what]
        return found

    def hold_end(self) -> bool:
        """Let nobody else append from here on; whether somebody may have appended until now."""
        return self.beside is not None and self.beside.hold_end()

    def head(self) -> Head | None:
        """See `audit.log.Log.head`."""
        return self.once("head", self._head)

    def _head(self) -> Head | None:
        heads = self.heads()
        return heads[-1] if heads else None

    def heads(self) -> tuple[Head, ...]:
        """See `audit.log.Log.heads`."""
        return self.once("heads", self._heads)

    def _heads(self) -> tuple[Head, ...]:
        return tuple(Head.of(*row) for row in _HEADS.all(self._connection))

    def last(self) -> Leaf | None:
        """See `audit.log.Log.last`."""
        return self.once("last", self._last)

    def _last(self) -> Leaf | None:
        row = _NEWEST_LEAF.first(self._connection)
        if row and not (type(row[0]) is int and row[0] >= 0):  # where somebody made the table anew, or its pages
            row = _NEWEST_NUMBERED.first(self._connection)
        return Leaf(int(row[0]), *row[1:]) if row else None

    def newest_time(self) -> str | None:
        """See `audit.log.Log.newest_time`."""
        return self.once("newest time", self._newest_time)

    def _newest_time(self) -> str | None:
        if self.beside is not None:  # whoever asks goes on to take the time, which must not be an earlier one
            told = self.beside.tell("SELECT max(recorded_at), clock_timestamp() FROM audit_leaf")
            return None if told is None else str(told)
        found: str | None = _NEWEST_TIME.scalar(self._connection)
        return found

    def recorded_enrolments(self) -> tuple[str, ...]:
        """Return the ids of every enrolment and revocation in the order in which the trail records them."""
        return self.once("enrolments", self._recorded_enrolments)

    def _recorded_enrolments(self) -> tuple[str, ...]:
        named = (id_named("act", body) for body in _ENROLMENT_BODIES.scalars(self._connection))
        return tuple(one for one in named if one)

    def put(self, *grown: tuple[Leaf, Head]) -> None:
        """See `audit.log.Log.put`."""
        for leaf, _ in grown:
            _PUT_LEAF.run(self._connection, vars(leaf))
        for _, head in grown[-1:]:
            self._upsert(schema.audit_head, vars(head), "segment")
        self.written.extend(grown)
        for leaf, head in grown:
            if head.size == 1 and head.segment > 0 and self._publisher is not None:
                self._publisher.begin(head.segment)
            self._ends_with(leaf, head)

    def _ends_with(self, leaf: Leaf, head: Head) -> None:
        """Let what was read of the trail's end be what it is now."""
        seen, before, heads = self._seen, self._seen.get("head"), self._seen.pop("heads", ())
        if heads and heads[-1].segment == head.segment:
            seen["heads"] = (*heads[:-1], head)
        if seen.get(DAMAGE) is not None:
            seen.pop(DAMAGE)
        if leaf.kind == Kind.POLICY_CHANGED:
            seen.pop("last policy", None)
        if leaf.kind == Kind.ACTOR_CHANGED:
            seen.pop("enrolments", None)
        if before is not None and head.segment >= before.segment and seen.get("last") is not None:
            seen["head"], seen["last"] = head, leaf
        else:
            seen.pop("head", None)
            seen.pop("last", None)
        if isinstance(seen.get("newest time"), str):
            seen["newest time"] = max(seen["newest time"], leaf.recorded_at)
        else:
            seen.pop("newest time", None)

    def put_tile(self, tile: Tile) -> None:
        """See `audit.log.Log.put_tile`. Where a forged one stands in its way, the verifier says so."""
        with contextlib.suppress(IntegrityError), self._connection.begin_nested():
            self._connection.execute(insert(schema.audit_tile), vars(tile))

    def doubt(self) -> Doubt | None:
        """See `audit.log.Log.doubt`. A segment that begins here is published when it is durable."""
        if self._publisher is None:
            return None
        begun = {head.segment for _, head in self.written if head.size == 1 and head.segment > 0}
        segments = {0, *(one.segment for one in self.heads())}
        return self._publisher.doubt(self._notes, sorted(segments - begun))

    @cached_property
    def _notes(self) -> Mapping[int, str] | None:
        """What was published, read once: what others publish meanwhile, they have recorded before."""
        return self._publisher.read() if self._publisher is not None else {}

    def anchor_damage(self, *, prove: bool) -> str | None:
        """See `audit.log.Log.anchor_damage`."""
        if self._publisher is None or (_FITS in self._seen and self._seen[_FITS] == self._notes):
            return None  # a log that fits goes on to fit while it grows
        found = self._publisher.damage(self, self._notes, prove=prove)
        if found is None and prove and self.beside is None:
            self._seen[_FITS] = self._notes
        return found

    def fed(self, repository: str) -> int:
        """Return the first record that an audit repository has not been told."""
        row = schema.audit_feed.c
        found = self._connection.execute(select(row.next_seq).where(row.repository == repository)).scalar()
        return int(found) if found is not None else 0

    def fed_at(self, repository: str) -> str:
        """Return the instant when an audit repository was told last, "" for never."""
        row = schema.audit_feed.c
        return self._connection.execute(select(row.updated_at).where(row.repository == repository)).scalar() or ""

    def put_fed(self, repository: str, next_seq: int, at: str) -> None:
        """Remember the first record that an audit repository has not been told, at an instant."""
        values = {"repository": repository, "next_seq": next_seq, "updated_at": at}
        self._upsert(schema.audit_feed, values, "repository")

    def published_elsewhere(self) -> bool:
        """Whether another copy of this data directory publishes where this one would."""
        return self._publisher is not None and self._publisher.of_another()

    def newest_published(self) -> int:
        """See `audit.log.Log.newest_published`."""
        return self._publisher.folder.newest_segment() if self._publisher is not None else -1

    def _upsert(self, table: Table, values: Mapping[str, Any], key: str) -> None:
        """Insert a row, or put its values into the one that is there."""
        _upserting(table, key).run(self._connection, values)

    def schema_damage(self) -> str | None:
        """See `audit.log.Log.schema_damage`."""
        if SCHEMA not in self._seen:  # asked by everything that appends; nothing here changes it
            self._seen[SCHEMA] = inspecting.damage(self._connection) or self.misnamed()
        found: str | None = self._seen[SCHEMA]
        return found

    def page_damage(self) -> str | None:
        """Return what is wrong with the database's own pages and indexes, None for nothing. It reads all of them."""
        return inspecting.page_damage(self._connection)


@cache
def _upserting(table: Table, key: str) -> Prepared:
    """Return the statement that inserts a row, or puts its values into the one that is there."""

    def build(engine: str) -> Executable:
        statement = (sqlite.insert if engine == schema.SQLITE else postgresql.insert)(table)
        values = {column.name: statement.excluded[column.name] for column in table.columns}
        return statement.on_conflict_do_update(index_elements=[key], set_=values)

    return Prepared(build)


_LEAF: Final = schema.audit_leaf.c
_HEADS: Final = Prepared(select(schema.audit_head).order_by(schema.audit_head.c.segment))
_NEWEST_LEAF: Final = Prepared(select(schema.audit_leaf).order_by(_LEAF.seq.desc()).limit(1))
_NEWEST_NUMBERED: Final = Prepared(
    select(schema.audit_leaf)
    .where(func.typeof(_LEAF.seq).in_(("integer", "real")), _LEAF.seq.between(0, LAST - 1))
    .order_by(_LEAF.seq.desc())
    .limit(1)
)
_NEWEST_TIME: Final = Prepared(select(func.max(_LEAF.recorded_at)))
_PUT_LEAF: Final = Prepared(insert(schema.audit_leaf))
_ENROLMENT_BODIES: Final = Prepared(
    select(_LEAF.body).where(_LEAF.kind == Kind.ACTOR_CHANGED.value).order_by(_LEAF.seq)
)
