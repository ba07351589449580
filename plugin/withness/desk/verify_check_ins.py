"""Verifying the check-ins: each opens, and is the one that its record stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf
from withness.desk.check_ins import digest_of
from withness.desk.verify_ledger import Ledger
from withness.errors import SealBroken
from withness.store.transaction import Transaction

_WHAT = "check-in"


@dataclass(frozen=True)
class CheckInsRun:
    """What the records so far say of the check-ins, to hold the rows against."""

    tx: Transaction
    ledger: Ledger

    def take(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Take in one record."""
        if leaf.kind == Kind.CHECKIN_RECORDED and "digest" in details:
            self.ledger.say(_WHAT, details["check_in"], details["digest"], leaf.seq, leaf.patient or "")

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        self.ledger.found(_WHAT, self.tx.pairs("check_in", "id", "person"), person=True)
        if not self.ledger.in_order(_WHAT):
            yield Damage("the check-ins do not stand in the order of their records")
        for said, person in self.ledger.both(_WHAT):
            if said.person != person or (self.tx.opens and not self._fits(said.id, said.value)):
                yield Damage("the check-in that it records was changed", said.seq)
        for _ in range(self.ledger.unnamed(_WHAT)):
            yield Damage("a check-in is there that no record names")
        for said in self.ledger.missing(_WHAT):
            yield Damage("the check-in that it records is missing", said.seq)

    def _fits(self, id: str, said: str) -> bool:
        try:
            row = self.tx.check_in(id)
        except SealBroken:
            return False
        return row is not None and digest_of(row.content) == said
