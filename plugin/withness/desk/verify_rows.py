"""Verifying plans, what waits to be sent, and screens: each row stands where the trail says, and opens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf, canonical
from withness.desk.digests import digest
from withness.desk.last_said import plan_said, state_said
from withness.desk.verify_ledger import Ledger
from withness.errors import SealBroken
from withness.store.rows import OPEN, Delivery, PlanState
from withness.store.transaction import Transaction

UNRECORDED: Final[Mapping[str, tuple[str, ...]]] = {"withheld": ("replaced",)}
"""Moves that have no record of their own: a withheld Bundle is replaced by the approval that follows it."""


_ENDED: Final = (PlanState.CLOSED.value, PlanState.RETRACTED.value)
_OPEN: Final = tuple(one.value for one in OPEN)

_LANDED: Final = {
    Delivery.WITHHELD.value: ("delivered", "delivered-before-newer-screen", "delivered-after-it-was-ended"),
    Delivery.REPLACED.value: ("delivered-after-it-was-ended",),
}
"""What may be recorded of a plan after its last state: an attempt that was under way has reached the EHR."""


@dataclass(frozen=True)
class RowsRun:
    """What the records so far say of plans, outbox and screens, to hold the rows against."""

    tx: Transaction
    ledger: Ledger
    damages: list[Damage] = field(default_factory=list)

    def take(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Take in one record."""
        self._sent(leaf, details)
        if leaf.kind in (Kind.SCREEN_RECORDED, Kind.SCREEN_CORRECTED):
            self.ledger.say("screen", details["screen"], details["digest"], leaf.seq, leaf.patient or "")
        if leaf.kind == Kind.PLAN_APPROVED:
            part = (details["decision"], details["members"], details["bundle"], leaf.seq, details["plan"])
            self.ledger.add_part("approval", *part)
        self._plan(leaf, details)

    def _sent(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Note where an outbox row stands; what was over is not begun again."""
        said = state_said(leaf, details)
        if said is None:
            return
        before = self.ledger.said("outbox", said[0])
        if before is not None and before.value not in _OPEN and not _may_follow(leaf, before.value, said[1]):
            self.damages.append(Damage("it sends again what was over: an old row was put back", leaf.seq))
        self.ledger.say("outbox", *said, leaf.seq)

    def _plan(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Note where a plan stands; one that had ended does not go on, but for what was on its way to the EHR."""
        said = plan_said(leaf, details)
        if said is None:
            return
        before = self.ledger.said("plan", said[0])
        goes_on = said[1] not in _ENDED and leaf.kind != Kind.PLAN_CONFIRMED
        if before is not None and before.value in _ENDED and goes_on:
            self.damages.append(Damage("it goes on with a plan that had ended: an old row was put back", leaf.seq))
        self.ledger.say("plan", *said, leaf.seq)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out, and what should never have been recorded of them."""
        yield from self.damages
        yield from self._states("plan", "id", "state")
        yield from self._states("outbox", "decision_id", "state", allowed=UNRECORDED)
        if self.tx.opens:
            yield from self._sealed("plan", self.tx.plan)
            yield from self._sealed("outbox", self.tx.outbox)
        yield from self._states("policy", "digest", "version")
        yield from self._screens()
        yield from self._approvals()

    def _states(
        self, table: str, id: str, state: str, allowed: Mapping[str, tuple[str, ...]] | None = None
    ) -> Iterator[Damage]:
        self.ledger.found(table, self.tx.pairs(table, id, state))
        for said in self.ledger.missing(table):
            yield Damage(f"the {table} row that it is about is missing", said.seq)
        for said, stored in self.ledger.both(table):
            if stored != said.value and stored not in (allowed or {}).get(said.value, ()):
                yield Damage(f"the {table} row that it is about does not stand where the trail says", said.seq)
        for _ in range(self.ledger.unnamed(table)):
            yield Damage(f"a row of {table} is there that no record names")

    def _sealed(self, table: str, read: Callable[[str], object]) -> Iterator[Damage]:
        """Every row's plain columns are bound to its sealed content: an edited row does not open."""
        for said in self.ledger.all_said(table):
            try:
                read(said.id)
            except SealBroken:
                yield Damage("the row that it is about was changed", said.seq)

    def _screens(self) -> Iterator[Damage]:
        self.ledger.found("screen", self.tx.pairs("screen", "id", "person"), person=True)
        for said, person in self.ledger.both("screen"):
            if person != said.person or not self._fits(said.id, said.value):
                yield Damage("the screen that it records was changed", said.seq)
        for _ in range(self.ledger.unnamed("screen")):
            yield Damage("a screen is there that no record names")
        for said in self.ledger.missing("screen"):
            yield Damage("the screen that it records is missing", said.seq)

    def _fits(self, id: str, said: str) -> bool:
        if not self.tx.opens:
            return True
        try:
            row = self.tx.screen(id)
            return row is not None and digest(row.content["salt"], row.content["answers"]) == said
        except SealBroken:
            return False

    def _approvals(self) -> Iterator[Damage]:
        for said in self.ledger.all_parts("approval"):
            behind = self.ledger.outcomes(said.id)
            released = [one for one in behind if one in ("released", "released-with-conditions")]
            if len(released) != said.number or len(behind) != said.number:
                yield Damage("the plan was approved without a released decision for each member", said.seq)
            if self.tx.opens and self._bundle_of(said.id) != said.value:
                yield Damage("the plan that it approved is missing or was changed", said.seq)

    def _bundle_of(self, decision_id: str) -> str:
        try:
            row = self.tx.outbox(decision_id)
        except SealBroken:
            return ""
        return hashlib.sha256(canonical(row.content["bundle"])).hexdigest() if row else ""


def _may_follow(leaf: Leaf, before: str, state: str) -> bool:
    """Whether a record may be about an outbox row that was over."""
    if leaf.kind in (Kind.NOTE_SAVED, Kind.CHECKIN_RECORDED):
        return leaf.outcome == "again"  # an older version has landed over it
    return leaf.kind == Kind.PLAN_CONFIRMED and state == "delivered" and leaf.outcome in _LANDED.get(before, ())
