"""The audit trail's rows: the log that `audit.log` docks to, inside one transaction."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import Connection, Executable, Table, func, insert, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from withness.audit.log import DAMAGE, Doubt, Head
from withness.audit.publishing import Publisher
from withness.audit.record import Kind, Leaf
from withness.audit.tiles import Nodes, Tile
from withness.store import inspecting, schema
from withness.store.beside import Beside
from withness.store.facts import Facts
from withness.store.prepared import Prepared, given
from withness.store.tree import SqlNodes

T = TypeVar("T")

_PAGE: Final = 1000
"""Leaves that are read at a time."""


Memory = Mapping[str, Any]
"""What a transaction found of the trail's end, by what it is."""

SCHEMA: Final = "schema"
_FITS: Final = "fits what is published"
_OF_THE_END: Final = frozenset(
    {DAMAGE, SCHEMA, _FITS, "head", "heads", "last", "newest time", "last policy", "enrolments"}
)


class Named(NamedTuple):
    """The ids of the screens and acts of one person that the trail names, each in the order of their records."""

    screens: tuple[str, ...]
    acts: tuple[str, ...]


class Trail(Facts):
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
        return {what: found for what, found in self._seen.items() if what in _OF_THE_END}

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
        return Leaf(*row) if row else None

    def leaf(self, seq: int) -> Leaf | None:
        """See `audit.log.Log.leaf`."""
        row = _LEAF_AT.first(self._connection, {"seq": seq})
        return Leaf(*row) if row else None

    def leaves(self) -> Iterator[Leaf]:
        """See `audit.log.Log.leaves`."""
        query = select(schema.audit_leaf).order_by(schema.audit_leaf.c.seq)
        for row in self._connection.execute(query.execution_options(yield_per=1000)):
            yield Leaf(*row)

    def rows(self, first: int | None = None, last: int | None = None) -> Iterator[tuple[Any, ...]]:
        """See `audit.log.Log.rows`: the driver's own rows, a page at a time, whatever the log's length."""
        seq = schema.audit_leaf.c.seq
        query = select(schema.audit_leaf).order_by(seq).limit(_PAGE)
        if last is not None:
            query = query.where(seq < last)
        start = true() if first is None else seq >= first
        while True:
            text = query.where(start).compile(dialect=self._connection.dialect, compile_kwargs={"literal_binds": True})
            page = self._page(str(text))
            yield from page
            if len(page) < _PAGE:
                return
            start = seq > page[-1][0]

    def _page(self, question: str) -> list[tuple[Any, ...]]:
        """Return what the driver finds: its text as it is, and only where some is no UTF-8 by the slower way."""
        driver: Any = self._connection.connection.driver_connection
        by_the_slower = getattr(driver, "text_factory", None)
        with contextlib.closing(self._connection.connection.cursor()) as cursor:
            if by_the_slower is not None:
                driver.text_factory = str
                try:
                    return list(cursor.execute(question).fetchall())
                except sqlite3.OperationalError:
                    pass  # said below, where it is more than that
                finally:
                    driver.text_factory = by_the_slower
            cursor.execute(question)
            return list(cursor.fetchall())

    def newest_time(self) -> str | None:
        """See `audit.log.Log.newest_time`."""
        return self.once("newest time", self._newest_time)

    def _newest_time(self) -> str | None:
        if self.beside is not None:  # whoever asks goes on to take the time, which must not be an earlier one
            told = self.beside.tell("SELECT max(recorded_at), clock_timestamp() FROM audit_leaf")
            return None if told is None else str(told)
        found: str | None = _NEWEST_TIME.scalar(self._connection)
        return found

    def named_of(self, person: str) -> Named:
        """Return the screens and acts of a person that the trail names, in the order in which it records them."""
        found = _BODIES_OF.all(self._connection, {"person": person})
        screens = tuple(_named("screen", body) for kind, body in found if kind in SCREENS)
        acts = (_named("act", body) for kind, body in found if kind in ACTS)
        return Named(screens, tuple(one for one in acts if one))

    def policy_in_force(self) -> Leaf | None:
        """Return the record that put the present policy in force, None before the first; refusals change nothing."""
        leaf = schema.audit_leaf.c
        changes = (leaf.kind == Kind.POLICY_CHANGED.value) & leaf.outcome.is_distinct_from("refused")
        row = self._connection.execute(
            select(schema.audit_leaf).where(changes).order_by(leaf.seq.desc()).limit(1)
        ).first()
        return Leaf(*row) if row else None

    def recorded_enrolments(self) -> tuple[str, ...]:
        """Return the ids of every enrolment and revocation in the order in which the trail records them."""
        return self.once("enrolments", self._recorded_enrolments)

    def _recorded_enrolments(self) -> tuple[str, ...]:
        named = (_named("act", body) for body in _ENROLMENT_BODIES.scalars(self._connection))
        return tuple(one for one in named if one)

    def leaves_of(self, kind: Kind) -> tuple[Leaf, ...]:
        """Return every leaf of a kind, oldest first."""
        query = (
            select(schema.audit_leaf).where(schema.audit_leaf.c.kind == kind.value).order_by(schema.audit_leaf.c.seq)
        )
        return tuple(Leaf(*row) for row in self._connection.execute(query))

    def emptied(self, first: int = 0) -> Iterator[Leaf]:
        """See `audit.log.Log.emptied`."""
        leaf = schema.audit_leaf.c
        query = select(schema.audit_leaf).where(func.length(leaf.body) == 0, leaf.seq >= first).order_by(leaf.seq)
        for row in self._connection.execute(query.execution_options(yield_per=_PAGE)):
            yield Leaf(*row)

    def newest_leaves(self, limit: int, patient: str | None = None) -> tuple[Leaf, ...]:
        """Return the newest leaves, of one patient where given, oldest first."""
        query = select(schema.audit_leaf).order_by(schema.audit_leaf.c.seq.desc()).limit(limit)
        if patient is not None:
            query = query.where(schema.audit_leaf.c.patient == patient)
        return tuple(Leaf(*row) for row in reversed(self._connection.execute(query).all()))

    def seqs_within(self, start: str | None, end: str | None) -> tuple[int, int] | None:
        """Return the first and last record from `start` up to, not including, `end` (instants); None for none."""
        leaf = schema.audit_leaf.c
        query = select(func.min(leaf.seq), func.max(leaf.seq))
        query = query.where(leaf.recorded_at >= start) if start is not None else query
        query = query.where(leaf.recorded_at < end) if end is not None else query
        first, last = self._connection.execute(query).one()
        return None if first is None or last is None else (first, last)

    def leaves_between(self, first: int, last: int) -> tuple[Leaf, ...]:
        """Return the leaves from sequence number `first` up to, not including, `last`, in order."""
        leaf = schema.audit_leaf.c
        query = select(schema.audit_leaf).where(leaf.seq >= first, leaf.seq < last).order_by(leaf.seq)
        return tuple(Leaf(*row) for row in self._connection.execute(query))

    def put(self, leaf: Leaf, head: Head) -> None:
        """See `audit.log.Log.put`."""
        _PUT_LEAF.run(self._connection, vars(leaf))
        self._upsert(schema.audit_head, vars(head), "segment")
        self.written.append((leaf, head))
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

    def nodes(self, segment: int) -> Nodes:
        """See `audit.log.Log.nodes`."""
        return SqlNodes(self._connection, segment)

    def tiles(self) -> Iterator[Tile]:
        """See `audit.log.Log.tiles`."""
        tile = schema.audit_tile.c
        query = select(tile.segment, tile.level, tile.number, tile.root, tile.hashes)
        query = query.order_by(tile.segment, tile.level, tile.number)
        for row in self._connection.execute(query.execution_options(yield_per=100)):
            yield Tile(*row)

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


def act_named(leaf: Leaf) -> str:
    """Return the id of the act that a record stands for, "" where it stands for none."""
    return _named("act", leaf.body)


def _named(what: str, body: bytes) -> str:
    """Return the id of the screen or act that a record is about, "" for a record that does not say."""
    try:
        return str(json.loads(body)["details"][what])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


ACTS = tuple(
    kind.value
    for kind in (
        Kind.ACTOR_CHANGED,
        Kind.PROTOCOL_OPENED,
        Kind.PROTOCOL_STEP,
        Kind.PROTOCOL_RELEASED,
        Kind.ASSESSMENT_RECORDED,
        Kind.OVERRIDE_GRANTED,
        Kind.ACUITY_RAISED,
        Kind.SCREEN_RETRACTED,
        Kind.PLAN_RETRACTED,
        Kind.POLICY_CHANGED,
        Kind.TRAIL_SIGNED_OFF,
        Kind.TRAIL_EXPORTED,
    )
)
"""The kinds of record that may stand for an act."""

SCREENS: Final = (Kind.SCREEN_RECORDED.value, Kind.SCREEN_CORRECTED.value)
"""The kinds of record that stand for a screen."""

_LEAF: Final = schema.audit_leaf.c
_HEADS: Final = Prepared(select(schema.audit_head).order_by(schema.audit_head.c.segment))
_NEWEST_LEAF: Final = Prepared(select(schema.audit_leaf).order_by(_LEAF.seq.desc()).limit(1))
_LEAF_AT: Final = Prepared(select(schema.audit_leaf).where(_LEAF.seq == given("seq")))
_NEWEST_TIME: Final = Prepared(select(func.max(_LEAF.recorded_at)))
_PUT_LEAF: Final = Prepared(insert(schema.audit_leaf))
_ENROLMENT_BODIES: Final = Prepared(
    select(_LEAF.body).where(_LEAF.kind == Kind.ACTOR_CHANGED.value).order_by(_LEAF.seq)
)
_BODIES_OF: Final = Prepared(
    select(_LEAF.kind, _LEAF.body)
    .where(_LEAF.patient == given("person"), _LEAF.kind.in_((*SCREENS, *ACTS)))
    .order_by(_LEAF.seq)
)
