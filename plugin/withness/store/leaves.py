"""The audit trail's records and tree as they are read inside one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, func, select

from withness.audit.record import Kind, Leaf
from withness.audit.tiles import Nodes, Tile
from withness.store import schema
from withness.store.facts import Facts
from withness.store.prepared import Prepared, given
from withness.store.streaming import AT_A_TIME, Stream
from withness.store.tree import SqlNodes


class Named(NamedTuple):
    """The ids of the screens and acts of one person that the trail names, each in the order of their records."""

    screens: tuple[str, ...]
    acts: tuple[str, ...]


class Leaves(Facts):
    """The records of the trail, and its stored tiles."""

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
        """See `audit.log.Log.rows`."""
        return _ROWS.rows(self._connection, first, last)

    def named_of(self, person: str) -> Named:
        """Return the screens and acts of a person that the trail names, in the order in which it records them."""
        found = _BODIES_OF.all(self._connection, {"person": person})
        screens = tuple(id_named("screen", body) for kind, body in found if kind in SCREENS)
        acts = (id_named("act", body) for kind, body in found if kind in ACTS)
        return Named(screens, tuple(one for one in acts if one))

    def policy_in_force(self) -> Leaf | None:
        """Return the record that put the present policy in force, None before the first; refusals change nothing."""
        leaf = schema.audit_leaf.c
        changes = (leaf.kind == Kind.POLICY_CHANGED.value) & leaf.outcome.is_distinct_from("refused")
        row = self._connection.execute(
            select(schema.audit_leaf).where(changes).order_by(leaf.seq.desc()).limit(1)
        ).first()
        return Leaf(*row) if row else None

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
        for row in self._connection.execute(query.execution_options(yield_per=AT_A_TIME)):
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
        if self._connection.dialect.name == schema.SQLITE:  # in a table that somebody made anew it may be anything
            query = query.where(func.typeof(leaf.seq) == "integer")
        first, last = self._connection.execute(query).one()
        return None if first is None or last is None else (first, last)

    def leaves_between(self, first: int, last: int, most: int | None = None) -> tuple[Leaf, ...]:
        """Return the leaves from sequence number `first` up to, not including, `last`, in order; `most` of them."""
        query = select(schema.audit_leaf).where(between(first, last)).order_by(schema.audit_leaf.c.seq).limit(most)
        return tuple(Leaf(*row) for row in self._connection.execute(query))

    def count_leaves(self, first: int, last: int) -> int:
        """Return how many leaves lie from sequence number `first` up to, not including, `last`."""
        query = select(func.count()).select_from(schema.audit_leaf).where(between(first, last))
        return int(self._connection.execute(query).scalar_one())

    def tiles(self) -> Iterator[Tile]:
        """See `audit.log.Log.tiles`."""
        tile = schema.audit_tile.c
        query = select(tile.segment, tile.level, tile.number, tile.root, tile.hashes)
        query = query.order_by(tile.segment, tile.level, tile.number)
        for row in self._connection.execute(query.execution_options(yield_per=100)):
            yield Tile(*row)

    def nodes(self, segment: int) -> Nodes:
        """See `audit.log.Log.nodes`."""
        return SqlNodes(self._connection, segment)


def between(first: int, last: int) -> ColumnElement[bool]:
    """Choose leaves from `first` up to, not including, `last`: no database holds what is one more than the largest."""
    return schema.audit_leaf.c.seq.between(first, last - 1)


def act_named(leaf: Leaf) -> str:
    """Return the id of the act that a record stands for, "" where it stands for none."""
    return id_named("act", leaf.body)


def id_named(what: str, body: bytes) -> str:
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
_LEAF_AT: Final = Prepared(select(schema.audit_leaf).where(_LEAF.seq == given("seq")))
_ROWS: Final = Stream(schema.audit_leaf, "seq")
_BODIES_OF: Final = Prepared(
    select(_LEAF.kind, _LEAF.body)
    .where(_LEAF.patient == given("person"), _LEAF.kind.in_((*SCREENS, *ACTS)))
    .order_by(_LEAF.seq)
)
