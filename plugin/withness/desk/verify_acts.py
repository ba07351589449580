"""Verifying acts: each is signed by people who were enrolled when it was made; policies and log keys change by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from withness.audit.check import Damage
from withness.audit.log import RESTORED
from withness.audit.pruned import PRUNED
from withness.audit.record import Kind, Leaf
from withness.core.acts import DIRECTORY
from withness.core.people import Person, people_of
from withness.desk.acts import act_of, fault_of
from withness.desk.context import SITE_SIGNED
from withness.desk.digests import digest
from withness.desk.log_keys import FOLDER, LOG_KEY, rotation_fault
from withness.desk.pruned_acts import pruned_fault
from withness.desk.restored import restored_fault
from withness.desk.verify_ledger import Ledger
from withness.errors import SealBroken
from withness.store.transaction import Transaction


@dataclass
class ActsRun:
    """What the records so far say of acts, of who is enrolled by them, and of what they put in force."""

    tx: Transaction
    ledger: Ledger
    people: dict[str, Person] = field(default_factory=dict)
    site_policy: bool = False
    log_key: str = ""

    @cached_property
    def facts(self) -> dict[str, str]:
        """The data directory's facts, as the first record names them."""
        return self.tx.facts()

    @cached_property
    def stored_facts(self) -> dict[str, Any]:
        """The same as their table has them."""
        return self.tx.stored_facts()

    def take(self, leaf: Leaf, details: Mapping[str, Any]) -> Iterator[Damage]:
        """Take in one record, and yield what is wrong with what it stands for."""
        if "act" in details:
            self.ledger.say("act", details["act"], details["digest"], leaf.seq, leaf.patient or "")
            if self.tx.opens:
                yield from self._act(leaf, details)
        if leaf.kind == Kind.POLICY_CHANGED:
            self.ledger.say("policy", str(leaf.policy_hash), details["version"], leaf.seq)
            if details["directory"] != self.stored_facts:
                yield Damage("the data directory is not the one that it names", leaf.seq)
            yield from self._change(leaf, details)
        if (leaf.kind, leaf.outcome) == (Kind.TRAIL_SIGNED_OFF, RESTORED):
            fault = restored_fault(self.tx, details)
            yield from (Damage(fault, leaf.seq),) if fault else ()
        if (leaf.kind, leaf.outcome) == (Kind.TRAIL_SIGNED_OFF, PRUNED):
            fault = pruned_fault(self.tx, details)
            yield from (Damage(fault, leaf.seq),) if fault else ()
        if leaf.kind == Kind.KEY_ROTATED:
            yield from self._log_key(leaf, details)

    def _log_key(self, leaf: Leaf, details: Mapping[str, Any]) -> Iterator[Damage]:
        """A log key takes the place of the one before it by both signatures, or is named as lost."""
        fault = rotation_fault(leaf, self.facts.get("data_id", ""), self.log_key or self.facts.get(LOG_KEY, ""))
        if fault:
            yield Damage(fault, leaf.seq)
        if leaf.outcome != FOLDER:
            self.log_key = str(details["new"])

    def _act(self, leaf: Leaf, details: Mapping[str, Any]) -> Iterator[Damage]:
        """An act says what its record says, and is signed by people who were enrolled when it was made."""
        try:
            row = self.tx.act(details["act"])
        except SealBroken:
            yield Damage("the act that it records does not open", leaf.seq)
            return
        if row is None:
            yield Damage("the act that it records is missing", leaf.seq)
            return
        content = {"statement": row.content["statement"], "signatures": row.content["signatures"]}
        if digest(row.content["salt"], content) != details["digest"] or row.person != leaf.patient:
            yield Damage("the act that it records was changed", leaf.seq)
        elif fault := fault_of(row, row.person, self.facts.get("data_id", ""), self.people):
            yield Damage(f"the act that it records does not stand: {fault}", leaf.seq)
        elif row.kind in DIRECTORY:
            self.people = people_of((act_of(row),), before=self.people)

    def _change(self, leaf: Leaf, details: Mapping[str, Any]) -> Iterator[Damage]:
        """A site's own policy comes into force, and leaves it, by an owner's signature alone."""
        if leaf.outcome == "refused":
            return
        if "act" not in details and (self.site_policy or not details["demo"]):
            yield Damage("a policy came into force that nobody signed", leaf.seq)
        self.site_policy = leaf.outcome == SITE_SIGNED
        try:
            row = self.tx.act(details["act"]) if "act" in details and self.tx.opens else None
        except SealBroken:
            return  # said with the act itself
        if row is None:
            return
        owner = self.people.get(row.person)
        if owner is None or not owner.active or "policy-owner" not in owner.roles:
            yield Damage("the policy that it puts in force was not signed by a policy-owner", leaf.seq)
        if row.content["statement"]["body"]["digest"] != leaf.policy_hash:
            yield Damage("the policy that it puts in force is not the one that was signed", leaf.seq)

    def finish(self) -> Iterator[Damage]:
        """Yield the acts and policies that the rows do not bear out."""
        self.ledger.found("act", self.tx.pairs("act", "id", "person"), person=True)
        for _ in range(self.ledger.unnamed("act")):
            yield Damage("an act is there that no record names")
