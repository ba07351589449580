"""Verifying the check-ins: each opens, and is the one that its record stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from withness.audit.check import Damage
from withness.audit.record import Kind, Leaf
from withness.desk.check_ins import digest_of
from withness.errors import SealBroken
from withness.store.transaction import Transaction


@dataclass
class CheckInsRun:
    """What the records so far say of the check-ins, to hold the rows against."""

    tx: Transaction
    recorded: dict[str, tuple[str, str, int]] = field(default_factory=dict)

    def take(self, leaf: Leaf, details: Mapping[str, Any]) -> None:
        """Take in one record."""
        if leaf.kind == Kind.CHECKIN_RECORDED and "digest" in details:
            self.recorded[details["check_in"]] = (leaf.patient or "", details["digest"], leaf.seq)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        wanted = dict(self.recorded)
        there = [id for id, _ in self.tx.check_in_ids() if id in wanted]
        if there != [id for id in wanted if id in there]:
            yield Damage("the check-ins do not stand in the order of their records")
        for id, person in self.tx.check_in_ids():
            whose, said, seq = wanted.pop(id, ("", "", -1))
            if seq < 0:
                yield Damage("a check-in is there that no record names")
            elif whose != person or (self.tx.opens and not self._fits(id, said)):
                yield Damage("the check-in that it records was changed", seq)
        for _, _, seq in wanted.values():
            yield Damage("the check-in that it records is missing", seq)

    def _fits(self, id: str, said: str) -> bool:
        try:
            row = self.tx.check_in(id)
        except SealBroken:
            return False
        return row is not None and digest_of(row.content) == said
