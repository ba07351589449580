"""Verifying plans, what waits to be sent, and screens: each row stands where the trail says, and opens."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf, canonical
from withness.desk.digests import digest
from withness.desk.verify_ledger import Ledger
from withness.errors import SealBroken
from withness.store.transaction import Transaction

UNRECORDED: Final[Mapping[str, tuple[str, ...]]] = {"withheld": ("replaced",)}
"""Moves that have no record of their own: a withheld Bundle is replaced by the approval that follows it."""


@dataclass(frozen=True)
class RowsRun:
    """What the records so far say of plans, outbox and screens, to hold the rows against."""

    tx: Transaction
    ledger: Ledger

    def take(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Take in one record."""
        say, seq = self.ledger.say, leaf.seq
        if "state" in details:
            say("outbox", details["decision"], details["state"], seq)
        match leaf.kind:
            case Kind.SCREEN_RECORDED | Kind.SCREEN_CORRECTED:
                say("screen", details["screen"], details["digest"], seq, leaf.patient or "")
            case Kind.PLAN_APPROVED:
                self.ledger.add_part(
                    "approval", details["decision"], details["members"], details["bundle"], seq, details["plan"]
                )
                say("plan", details["plan"], "approved", seq)
                say("outbox", details["decision"], "waiting", seq)
            case Kind.PLAN_HELD if "state" not in details:
                say("plan", details["plan"], "held", seq)
            case Kind.PLAN_HELD | Kind.PLAN_CONFIRMED if details["state"] in ("withheld", "delivered"):
                say("plan", details["plan"], details["state"], seq)
            case _:
                pass
        if "plan_state" in details:
            say("plan", details["plan"], details["plan_state"], seq)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
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
