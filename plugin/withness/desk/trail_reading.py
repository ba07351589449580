"""Reading the trail for compliance, in one transaction: records, acts and protocols, people called as the reader may.

Raises nothing for what does not open: it is counted, and the reader is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from withness.audit import log
from withness.audit.misread import AS_WRITTEN, Misread
from withness.audit.record import Kind, Leaf, Record, instant
from withness.audit.report_acute import ACUTE, Episode, acute_episodes
from withness.audit.report_state import Break, ClockRun, PlanWaiting, breaks, clock_runs, plans_waiting
from withness.audit.seen import UNREADABLE, Naming, Seen, Stored, details_of, seen
from withness.core.acts import Act, ActKind
from withness.core.risk import RiskPolicy
from withness.desk.acts import act_of
from withness.desk.context import Actor
from withness.desk.telling import may_see
from withness.errors import Refused, WithnessError
from withness.packs.policy import load_policy, parse_policy
from withness.store.report_rows import Counted, Recorded
from withness.store.sql import Store
from withness.store.transaction import Transaction

_EPISODE: Final = (
    ActKind.OPENED,
    ActKind.STEP,
    ActKind.EVIDENCE,
    ActKind.RELEASED,
    ActKind.ENTRY_ERROR,
    ActKind.RETRACTED,
)
"""The acts that a protocol's course rests on."""

SAYING: Final = (
    *(ActKind.OVERRIDE, ActKind.RELEASED, ActKind.ENTRY_ERROR, ActKind.RETRACTED, ActKind.PLAN_RETRACTED),
    *(ActKind.RAISED, ActKind.SIGNED_OFF, ActKind.STEP, ActKind.REVOKED),
)
"""The acts with which somebody writes in their own words why they act, or what they found."""

_CALLED: Final = {
    "Patient": "Client",
    "RelatedPerson": "Client",
    "Practitioner": "Staff",
    "PractitionerRole": "Staff",
    "Device": "Software",
}


def pseudonyms(tx: Transaction) -> Naming:
    """Return how people are called in this directory's extracts: "Client K7QF-3M2A", the same in each of them.

    Without the data key they are numbered as they come, for one extract alone.
    """
    known: dict[str, str] = {}

    def name(reference: str) -> str:
        if reference == UNREADABLE:
            return reference
        if reference not in known:
            code = tx.pseudonym(reference) or str(len(known) + 1)
            known[reference] = f"{_CALLED.get(reference.partition('/')[0], 'Somebody')} {code}"
        return known[reference]

    return name


def as_they_are(reference: str) -> str:
    """Call people by their references."""
    return reference


@contextmanager
def looking(store: Store) -> Iterator[Transaction]:
    """Yield the trail as it is at this moment, while others go on saving: a long one takes seconds to read."""
    with store.snapshot() as tx:
        yield tx


def require_looker(actor: Actor, patient: str = "") -> None:
    """Raise Refused for somebody who may not see reasons: a partner or proxy."""
    if not may_see(actor.ref, patient):
        raise Refused("Only clinicians and compliance look at the trail.", field="actor")


def record_look(store: Store, actor: Actor, at: datetime, outcome: str, details: Mapping[str, Any]) -> None:
    """Record that the trail was looked at without a signature: how, and how much of it."""
    viewed = Record(kind=Kind.TRAIL_VIEWED, actor=actor.ref, os_user=actor.os_user, outcome=outcome, details=details)
    with store.transaction() as tx:
        log.append(tx, [viewed], at=at)


@dataclass
class TrailReading:
    """One reading: a transaction, how people are called, the time of reading, and one policy where only that counts.

    Records that were `misread` are taken as their bytes say, whatever their columns do.
    """

    tx: Transaction
    naming: Naming
    now: datetime
    policy: str | None = None
    misread: Misread = AS_WRITTEN
    broken: int = 0
    """How many sealed rows did not open so far."""
    _policies: dict[str, RiskPolicy] = field(default_factory=dict)

    def records(
        self,
        kinds: Iterable[Kind],
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        outcome: str | None = None,
    ) -> tuple[Seen, ...]:
        """Return the records of these kinds from `since` until before `until`, by number."""
        span = (instant(since) if since else "", instant(until) if until else "")
        wanted = frozenset(one.value for one in kinds)
        found = self.tx.recorded(wanted, *span, policy=self.policy, outcome=outcome, but=self._but)
        for one in self._read(*span):
            if one.kind in wanted and outcome in (None, one.outcome):
                found.append(_recorded(one))
        sound = (one for one in found if not self._unsworn(one))
        return tuple(seen(one, self.naming) for one in sorted(sound, key=lambda one: one.seq))

    @property
    def _but(self) -> Collection[int]:
        return self.misread.by_number.keys()

    def _read(self, since: str, until: str) -> Iterator[Leaf]:
        """Yield what the bytes of misread records say, of those in the span and of the policy."""
        for one in self.misread.by_number.values():
            within = since <= one.recorded_at and (not until or one.recorded_at < until)
            if within and self.policy in (None, one.policy_hash):
                yield one

    def _unsworn(self, one: Stored) -> bool:
        """Whether a record says that somebody signed something off, and nothing bears out its bytes."""
        return one.kind == Kind.TRAIL_SIGNED_OFF and self.misread.doubts(one.seq)

    def counted(self, since: str, until: str) -> tuple[Counted, ...]:
        """Return how many records there are of each kind, outcome, reason and day in a span (instants, "" for open)."""
        found = self.tx.counted(since, until, self.policy, but=self._but)
        read = (
            Counted(one.kind, one.outcome, one.reason_code, one.recorded_at[:10], 1) for one in self._read(since, until)
        )
        return (*found, *read)

    def held(self, since: str, until: str) -> Iterator[str]:
        """Yield the ids of the decisions in a span of which a column, or its bytes, says that it held somebody."""
        kind = Kind.GATE_DECIDED.value
        for body in self.tx.bodies(kind, since, until, policy=self.policy, held=True):
            yield str(details_of(body).get("decision"))
        for one in self._read(since, until):
            if one.kind == kind and (one.outcome or "").startswith("held"):
                yield str(details_of(one.body).get("decision"))

    def span(self) -> tuple[str, str] | None:
        """Return the times of the earliest and the latest record, None for an empty trail."""
        read = [one.recorded_at for one in self.misread.by_number.values()]
        times = [*(self.tx.span(self._but) or ()), *read]
        return (min(times), max(times)) if times else None

    def refused(self, since: datetime | None = None, until: datetime | None = None) -> tuple[Seen, ...]:
        """Return every record of something refused."""
        return self.records(REFUSABLE, since, until, outcome="refused")

    def acts(self, kinds: Collection[ActKind]) -> tuple[Act, ...]:
        """Return everybody's acts of these kinds that open, in order of recording; none without the data key."""
        if not self.tx.opens:
            return ()
        rows, broken = self.tx.acts_that_open(*(one.value for one in kinds))
        self.broken += broken
        return tuple(self._called(act_of(row)) for row in rows)

    def _called(self, act: Act) -> Act:
        body: dict[str, Any] = dict(act.body)
        for name in ("responsible", "backup"):
            if body.get(name):
                body[name] = self.naming(body[name])
        by, second = (self.naming(one) if one else "" for one in (act.by, act.second))
        return replace(act, person=self.naming(act.person), by=by, second=second, body=body)

    @cached_property
    def acute_decisions(self) -> tuple[Seen, ...]:
        """Every decision on somebody with an acute finding, since the beginning."""
        return self.records([Kind.GATE_DECIDED], outcome=ACUTE)

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        """Every protocol since the beginning, the oldest first."""
        opened = self.records([Kind.PROTOCOL_OPENED], outcome=ActKind.OPENED.value)
        told = sorted((*self.acute_decisions, *opened), key=lambda one: one.seq)
        return acute_episodes(told, self.acts(_EPISODE), self.policy_of, self.now)

    @cached_property
    def plans(self) -> tuple[PlanWaiting, ...]:
        """Every plan that was approved and did not arrive."""
        undelivered, orphans = self.tx.undelivered(), self.tx.orphans()
        approvals = self.records([Kind.PLAN_APPROVED]) if undelivered or orphans else ()
        waiting = ((one.id, one.state, one.approved_at, one.attempts) for one in undelivered)
        return plans_waiting(waiting, orphans, approvals)

    @cached_property
    def clock(self) -> tuple[ClockRun, ...]:
        """Every time that the clock went back."""
        return clock_runs(self.tx.backward(self._but))

    @cached_property
    def breaks(self) -> tuple[Break, ...]:
        """Every break of the trail."""
        firsts = (self.tx.first_of_segment(head.segment) for head in self.tx.heads() if head.segment)
        return breaks(seen(self._as_told(one), self.naming) for one in firsts if one is not None)

    def _as_told(self, one: Recorded) -> Recorded:
        """Return a record as its bytes say; without what came of it where nothing bears them out."""
        leaf = self.misread.by_number.get(one.seq)
        told = _recorded(leaf) if leaf is not None else one
        return replace(told, outcome=None) if self._unsworn(told) else told

    def policy_of(self, digest: str) -> RiskPolicy:
        """Return a policy by its digest; the shipped one where it was lost, for that is what names the steps."""
        if digest not in self._policies:
            text = self.tx.policy(digest)
            try:
                found = parse_policy(text, name="recorded policy") if text is not None else load_policy()
            except WithnessError:
                found = load_policy()
            self._policies[digest] = found
        return self._policies[digest]


REFUSABLE: Final = tuple(one for one in Kind if one not in (Kind.GATE_DECIDED, Kind.PLAN_APPROVED, Kind.PLAN_SENT))
"""The kinds of record that may say that something was refused."""


def _recorded(leaf: Leaf) -> Recorded:
    return Recorded(
        seq=leaf.seq,
        segment=leaf.segment,
        recorded_at=leaf.recorded_at,
        kind=leaf.kind,
        actor=leaf.actor,
        second_actor=leaf.second_actor,
        patient=leaf.patient,
        outcome=leaf.outcome,
        reason=leaf.reason_code,
        policy=leaf.policy_hash,
        body=leaf.body,
    )
