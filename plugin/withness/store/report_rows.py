"""What compliance reads of the trail and the rows behind it: counted by the database, or read in bulk."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, select

from withness.audit.seen import UNREADABLE
from withness.errors import SealBroken
from withness.store import schema
from withness.store.rows import ActRow, Delivery, Sending
from withness.store.sealed import Sealed

_AT_ONCE: Final = 500
"""Ids in one query."""


@dataclass(frozen=True)
class Counted:
    """How many records of one kind and outcome there are on one day (UTC, YYYY-MM-DD)."""

    kind: str
    outcome: str | None
    reason: str | None
    day: str
    count: int


@dataclass(frozen=True)
class Recorded:
    """One record as it is searched, with its body's bytes."""

    seq: int
    segment: int
    recorded_at: str
    kind: str
    actor: str
    second_actor: str | None
    patient: str | None
    outcome: str | None
    reason: str | None
    policy: str | None
    body: bytes


@dataclass(frozen=True)
class Undelivered:
    """An outbox row that has not been delivered, by its plain columns; times are instants as records write them."""

    id: str
    kind: str
    plan: str
    state: str
    attempts: int
    approved_at: str


_LEAF = schema.audit_leaf.c
_COLUMNS = (
    *(_LEAF.seq, _LEAF.segment, _LEAF.recorded_at, _LEAF.kind, _LEAF.actor, _LEAF.second_actor),
    *(_LEAF.patient, _LEAF.outcome, _LEAF.reason_code, _LEAF.policy_hash, _LEAF.body),
)


class ReportRows(Sealed):
    """The reading of reports and worklists in one transaction. Writes nothing."""

    unreadable = False
    """Whether bytes were met where a text should be."""

    def _texts(self, row: Sequence[Any]) -> tuple[Any, ...]:
        """Return a row's texts and numbers: what is no text any more is shown as `UNREADABLE`."""
        found = tuple(UNREADABLE if isinstance(one, bytes) else one for one in row)
        self.unreadable = self.unreadable or UNREADABLE in found
        return found

    def _recorded(self, row: Sequence[Any]) -> Recorded:
        columns = (*self._texts(row[:-1]), row[-1])
        return Recorded(*columns)

    def pseudonym(self, text: str) -> str | None:
        """Return the code that stands for `text` in this directory's extracts, None without the data key."""
        return self._seal.pseudonym(text) if self._seal is not None else None

    def counted(
        self, since: str, until: str, policy: str | None = None, *, but: Collection[int] = ()
    ) -> tuple[Counted, ...]:
        """Return how many records there are from `since` until before `until` (instants, "" for open), none of `but`.

        Here and below `but` are numbers of records that are passed over: those that do not say what their bytes say.
        """
        day = func.substr(_LEAF.recorded_at, 1, 10).label("day")
        columns = (_LEAF.kind, _LEAF.outcome, _LEAF.reason_code, day)
        query = select(*columns, func.count()).where(_within(since, until, policy, but)).group_by(*columns)
        return tuple(Counted(*self._texts(row)) for row in self._connection.execute(query))

    def recorded(
        self,
        kinds: Collection[str],
        since: str = "",
        until: str = "",
        *,
        policy: str | None = None,
        outcome: str | None = None,
        but: Collection[int] = (),
    ) -> list[Recorded]:
        """Return the records of these kinds in the span, by sequence number; of one `outcome` where given."""
        where = and_(_LEAF.kind.in_(sorted(kinds)), _within(since, until, policy, but))
        if outcome is not None:
            where = and_(where, _LEAF.outcome == outcome)
        rows = self._connection.execute(select(*_COLUMNS).where(where)).all()
        return sorted((self._recorded(row) for row in rows), key=lambda one: one.seq)

    def bodies(
        self, kind: str, since: str, until: str, *, policy: str | None = None, held: bool = False
    ) -> Iterator[bytes]:
        """Yield the bytes of a kind's records in the span, a few at a time; only of what was `held` where asked."""
        query = select(_LEAF.body).where(_LEAF.kind == kind, _within(since, until, policy))
        query = query.where(_LEAF.outcome.like("held%")) if held else query
        yield from self._connection.execute(query.execution_options(yield_per=1000)).scalars()

    def first_of_segment(self, segment: int) -> Recorded | None:
        """Return the first record of a segment of the trail."""
        head = schema.audit_head.c
        first = select(head.first_seq).where(head.segment == segment).scalar_subquery()
        row = self._connection.execute(select(*_COLUMNS).where(_LEAF.seq == first)).first()
        return self._recorded(row) if row else None

    def pruned(self, since: str, until: str) -> int:
        """Return how many records from `since` until before `until` were pruned (instants, "" for open)."""
        where = [func.length(_LEAF.body) == 0]
        where += [_LEAF.recorded_at >= since] if since else []
        where += [_LEAF.recorded_at < until] if until else []
        return int(self._connection.execute(select(func.count()).where(*where)).scalar_one())

    def backward(self, but: Collection[int] = ()) -> tuple[tuple[int, str, str], ...]:
        """Return sequence number, time, and the latest time before it of every record that is earlier than that."""
        newest = func.max(_LEAF.recorded_at).over(order_by=_LEAF.seq, rows=(None, 0)).label("newest")
        inner = select(_LEAF.seq, _LEAF.recorded_at, newest).where(*_not_of(but)).subquery()
        query = select(inner).where(inner.c.recorded_at < inner.c.newest).order_by(inner.c.seq)
        return tuple((row[0], *self._texts(row[1:])) for row in self._connection.execute(query))

    def span(self, but: Collection[int] = ()) -> tuple[str, str] | None:
        """Return the times of the earliest and the latest record, None for an empty trail."""
        query = select(func.min(_LEAF.recorded_at), func.max(_LEAF.recorded_at)).where(*_not_of(but))
        row = self._connection.execute(query).first()
        first, last = self._texts(row) if row else (None, None)
        return (first, last) if first is not None else None

    def decisions_of(self, ids: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
        """Yield id and content of each member's part of these decisions, None for one that does not open.

        They come in the order in which the table keeps them: read one after another, not here and there.
        """
        names, table = iter(sorted(set(ids))), schema.decision.c
        while some := list(islice(names, _AT_ONCE)):
            where = and_(table.id >= some[0], table.id <= some[-1], table.id.in_(some))
            query = select(table.id, table.person, table.content).where(where)
            for id, person, sealed in self._connection.execute(query):
                try:
                    yield id, self._open(sealed, "decision", id, person)
                except SealBroken:
                    yield id, None

    def acts_that_open(self, *kinds: str) -> tuple[tuple[ActRow, ...], int]:
        """Return everybody's acts of these kinds that open, in order of recording, and how many do not."""
        query = select(schema.act).where(schema.act.c.kind.in_(kinds)).order_by(schema.act.c.number)
        found: list[ActRow] = []
        broken = 0
        for row in self._connection.execute(query):
            plain: Sequence[Any] = (row.id, row.person, row.kind, row.number)
            try:
                found.append(ActRow(row.number, row.id, row.person, row.kind, self._open(row.content, "act", *plain)))
            except SealBroken:
                broken += 1
        return tuple(found), broken

    def undelivered(self) -> tuple[Undelivered, ...]:
        """Return the plans on their way to the EHR that have not arrived, the oldest first, without opening any."""
        row = schema.outbox.c
        open_states = [one.value for one in (Delivery.WAITING, Delivery.SENDING, Delivery.REFUSED)]
        query = (
            select(row.decision_id, row.kind, row.plan_id, row.state, row.attempts, row.approved_at)
            .where(row.state.in_(open_states), row.kind == Sending.PLAN.value)
            .order_by(row.approved_at, row.decision_id)
        )
        return tuple(Undelivered(*self._texts(one)) for one in self._connection.execute(query))

    def orphans(self) -> tuple[tuple[str, str], ...]:
        """Return id and last change of each plan that is approved, and for which nothing is on its way any more."""
        plan, sent = schema.plan.c, schema.outbox.c
        open_states = [one.value for one in (Delivery.WAITING, Delivery.SENDING, Delivery.REFUSED)]
        going = select(sent.plan_id).where(sent.state.in_(open_states))
        query = (
            select(plan.id, plan.updated_at)
            .where(plan.state == "approved", plan.id.not_in(going))
            .order_by(plan.updated_at, plan.id)
        )
        return tuple((id, at) for id, at in map(self._texts, self._connection.execute(query)))


def _not_of(but: Collection[int]) -> list[ColumnElement[bool]]:
    return [_LEAF.seq.not_in(sorted(but))] if but else []


def _within(since: str, until: str, policy: str | None, but: Collection[int] = ()) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [func.length(_LEAF.body) > 0]  # of what was pruned nothing is told
    parts += _not_of(but)
    if since:
        parts.append(_LEAF.recorded_at >= since)
    if until:
        parts.append(_LEAF.recorded_at < until)
    if policy is not None:
        parts.append(_LEAF.policy_hash == policy)
    return and_(*parts)
