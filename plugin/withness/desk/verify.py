"""Verifying the trail: its structure, every search column, and each decision decided again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from withness.audit import log
from withness.audit.check import Damage, check
from withness.audit.record import Kind, Leaf, Record, canonical
from withness.core.risk import RiskPolicy
from withness.desk import standing
from withness.desk.context import Actor
from withness.errors import SealBroken, WithnessError
from withness.packs.policy import parse_policy
from withness.store.rows import DecisionRow
from withness.store.sql import Store
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Verdict:
    """What a verification found. `recomputed` is None when decisions could not be decided again."""

    records: int
    recomputed: int | None
    damages: tuple[Damage, ...]
    root: str

    @property
    def whole(self) -> bool | None:
        """Whether the trail is whole; None where nothing was found and the sealed rows could not be opened."""
        return False if self.damages else (True if self.recomputed is not None else None)


def verify(store: Store, actor: Actor, at: datetime, *, progress: Callable[[int], None] = lambda done: None) -> Verdict:
    """Verify the whole trail and record that it was done.

    A store without its data key is checked in structure only: decisions are not recomputed. Raises
    CannotTell when the store cannot be read.
    """
    with store.transaction() as tx:
        run = _Run(tx, progress)
        damages = (*check(tx, run.see), *run.finish())
        head = tx.head()
        record = Record(
            kind=Kind.TRAIL_VERIFIED,
            actor=actor.ref,
            os_user=actor.os_user,
            outcome="damaged" if damages else "whole" if tx.opens else "structure-whole",
            details={
                "records": run.records,
                "recomputed": run.recomputed if tx.opens else None,
                "damages": len(damages),
            },
        )
        found_now = bool(damages) and (head is None or head.segment == 0)
        log.append(tx, [record], at=at, fresh_segment=found_now)
    root = head.root.hex() if head else ""
    return Verdict(run.records, run.recomputed if run.tx.opens else None, damages, root)


_UNRECORDED = {"withheld": ("replaced",)}
"""Moves that have no record of their own: a withheld Bundle is replaced by the approval that follows it."""


@dataclass
class _Run:
    """One pass: what the records so far say, to hold the rows against."""

    tx: Transaction
    progress: Callable[[int], None]
    records: int = 0
    recomputed: int = 0
    screens: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)
    decisions: dict[tuple[str, str], tuple[Leaf, dict[str, Any]]] = field(default_factory=dict)
    approvals: list[tuple[Leaf, dict[str, Any]]] = field(default_factory=list)
    plans: dict[str, tuple[str, int]] = field(default_factory=dict)
    outbox: dict[str, tuple[str, int]] = field(default_factory=dict)
    named: dict[str, tuple[str, int]] = field(default_factory=dict)
    policies: dict[str, RiskPolicy] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)

    def see(self, leaf: Leaf) -> None:
        """Take in one record."""
        self.records += 1
        self.progress(self.records)
        try:
            details = json.loads(leaf.body)["details"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        try:
            self._take(leaf, details)
        except (KeyError, TypeError, ValueError):
            self.damages.append(Damage("its details are not what such a record holds", leaf.seq))

    def _take(self, leaf: Leaf, details: dict[str, Any]) -> None:
        patient = leaf.patient or ""
        match leaf.kind:
            case Kind.POLICY_CHANGED:
                self.named[str(leaf.policy_hash)] = (details["version"], leaf.seq)
                if details["directory"] != self.tx.facts():
                    self._damage(leaf, "the data directory is not the one that it names")
            case Kind.SCREEN_RECORDED | Kind.SCREEN_CORRECTED:
                self.screens.setdefault(patient, []).append((details["screen"], details["digest"], leaf.seq))
            case Kind.GATE_DECIDED:
                self.decisions[details["decision"], patient] = (leaf, details)
                self._recheck(leaf, details, [one[0] for one in self.screens.get(patient, [])])
            case Kind.PLAN_APPROVED:
                self.approvals.append((leaf, details))
                self.plans[details["plan"]] = ("approved", leaf.seq)
                self.outbox[details["decision"]] = ("waiting", leaf.seq)
            case Kind.PLAN_HELD | Kind.PLAN_SENT | Kind.PLAN_CONFIRMED | Kind.PLAN_FAILED:
                self._follow(leaf, details)
            case _:
                pass

    def _follow(self, leaf: Leaf, details: dict[str, Any]) -> None:
        """Follow a plan and its Bundle: the trail says where each of them stands."""
        if "state" not in details:
            self.plans[details["plan"]] = ("held", leaf.seq)
            return
        self.outbox[details["decision"]] = (details["state"], leaf.seq)
        if details["state"] in ("withheld", "delivered"):
            self.plans[details["plan"]] = (details["state"], leaf.seq)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        yield from self.damages
        yield from self._states("plan", self.plans, self.tx.plan_states(), allowed={})
        yield from self._states("outbox", self.outbox, self.tx.outbox_states(), allowed=_UNRECORDED)
        yield from self._sealed()
        yield from self._states("policy", self.named, self.tx.policies(), allowed={})
        yield from self._screens()
        yield from self._approvals()
        if self.tx.count("decision") != len(self.decisions):
            yield Damage(
                f"there are {self.tx.count('decision')} decisions, and the trail records {len(self.decisions)}"
            )

    @staticmethod
    def _states(
        table: str, said: dict[str, tuple[str, int]], found: dict[str, str], *, allowed: Mapping[str, tuple[str, ...]]
    ) -> Iterator[Damage]:
        for id, (state, seq) in said.items():
            stored = found.get(id)
            if stored is None:
                yield Damage(f"the {table} row that it is about is missing", seq)
            elif stored != state and stored not in allowed.get(state, ()):
                yield Damage(f"the {table} row that it is about does not stand where the trail says", seq)
        for _ in found.keys() - said.keys():
            yield Damage(f"a row of {table} is there that no record names")

    def _recheck(self, leaf: Leaf, details: dict[str, Any], recorded: list[str]) -> None:
        if not self.tx.opens:
            return
        patient = leaf.patient or ""
        try:
            row = self.tx.decision(details["decision"], patient)
            if row is None:
                self._damage(leaf, "the decision that it records is missing")
                return
            content = {"inputs": row.content["inputs"], "outcome": row.content["outcome"]}
            if standing.digest(row.content["salt"], content) != details["digest"]:
                self._damage(leaf, "the decision that it records was changed")
            elif row.content["inputs"]["screens"] != recorded:
                self._damage(leaf, "the decision did not read every screen recorded before it")
            else:
                self._decide_again(leaf, row)
        except SealBroken:
            self._damage(leaf, "the decision that it records, or a screen behind it, does not open")

    def _decide_again(self, leaf: Leaf, row: DecisionRow) -> None:
        policy = self._policy(leaf.policy_hash or "")
        if policy is None:
            self._damage(leaf, "the policy that it was decided by is missing or was changed")
            return
        inputs = row.content["inputs"]
        screens = [screen for screen in self.tx.screens(row.person) if screen.id in set(inputs["screens"])]
        again = standing.redecide(policy, inputs, screens)
        self.recomputed += 1
        if standing.outcome(again) != row.content["outcome"] or again.name != leaf.outcome:
            self._damage(leaf, "deciding again comes to another decision")

    def _policy(self, digest: str) -> RiskPolicy | None:
        if digest not in self.policies:
            content = self.tx.policy(digest)
            if content is None or hashlib.sha256(content).hexdigest() != digest:
                return None
            try:
                self.policies[digest] = parse_policy(content, name="recorded policy")
            except WithnessError:
                return None
        return self.policies[digest]

    def _sealed(self) -> Iterator[Damage]:
        """Every row's plain columns are bound to its sealed content: an edited row does not open."""
        readers: tuple[tuple[dict[str, tuple[str, int]], Callable[[str], object]], ...]
        readers = ((self.plans, self.tx.plan), (self.outbox, self.tx.outbox))
        for said, read in readers if self.tx.opens else ():
            for id, (_, seq) in said.items():
                try:
                    read(id)
                except SealBroken:
                    yield Damage("the row that it is about was changed", seq)

    def _screens(self) -> Iterator[Damage]:
        wanted = {id: (patient, digest, seq) for patient, rows in self.screens.items() for id, digest, seq in rows}
        for id, person in self.tx.screen_ids():
            patient, digest, seq = wanted.pop(id, ("", "", -1))
            if seq < 0:
                yield Damage("a screen is there that no record names")
            elif person != patient or not self._fits(id, digest):
                yield Damage("the screen that it records was changed", seq)
        for _, _, seq in wanted.values():
            yield Damage("the screen that it records is missing", seq)

    def _fits(self, id: str, digest: str) -> bool:
        if not self.tx.opens:
            return True
        try:
            row = self.tx.screen(id)
            return row is not None and standing.digest(row.content["salt"], row.content["answers"]) == digest
        except SealBroken:
            return False

    def _approvals(self) -> Iterator[Damage]:
        for leaf, details in self.approvals:
            behind = [one for (id, _), one in self.decisions.items() if id == details["decision"]]
            released = [one for one, _ in behind if one.outcome in ("released", "released-with-conditions")]
            if len(released) != details["members"] or len(behind) != details["members"]:
                yield Damage("the plan was approved without a released decision for each member", leaf.seq)
            if self.tx.opens and self._bundle_of(details["decision"]) != details["bundle"]:
                yield Damage("the plan that it approved is missing or was changed", leaf.seq)

    def _bundle_of(self, decision_id: str) -> str:
        try:
            row = self.tx.outbox(decision_id)
        except SealBroken:
            return ""
        return hashlib.sha256(canonical(row.content["bundle"])).hexdigest() if row else ""

    def _damage(self, leaf: Leaf, what: str) -> None:
        self.damages.append(Damage(what, leaf.seq))
