"""Verifying the trail: its structure, every search column, and each decision decided again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from withness.audit import log
from withness.audit.check import Damage, check
from withness.audit.record import Kind, Leaf, Record, canonical
from withness.core.people import Person, people_of
from withness.core.risk import RiskPolicy
from withness.desk import standing
from withness.desk.acts import act_of, fault_of
from withness.desk.anchors import against, beyond, losses, read_anchors
from withness.desk.context import SITE_SIGNED, Actor
from withness.desk.digests import digest
from withness.desk.log_keys import LOG_KEY, rotation_fault
from withness.desk.restored import restored_fault
from withness.desk.verify_check_ins import CheckInsRun
from withness.desk.verify_notes import NotesRun
from withness.errors import SealBroken, WithnessError
from withness.packs.policy import parse_policy
from withness.store.rows import ActRow, DecisionRow, ScreenRow
from withness.store.sql import Store
from withness.store.transaction import Transaction

Row = TypeVar("Row", ScreenRow, ActRow)


@dataclass(frozen=True)
class Verdict:
    """What a verification found. `recomputed` is None when decisions could not be decided again.

    `beyond` is how many records no anchor covers, None where none was given: then the tail is not proved. `losses` are
    sentences about what two people acknowledged as lost: no damage.
    """

    records: int
    recomputed: int | None
    damages: tuple[Damage, ...]
    root: str
    beyond: int | None = None
    losses: tuple[str, ...] = ()

    @property
    def whole(self) -> bool | None:
        """Whether the trail is whole; None where nothing was found and the sealed rows could not be opened."""
        return False if self.damages else (True if self.recomputed is not None else None)


def verify(
    store: Store,
    actor: Actor,
    at: datetime,
    *,
    anchors: Sequence[str] = (),
    pinned: Sequence[str] = (),
    progress: Callable[[int], None] = lambda done: None,
) -> Verdict:
    """Verify the whole trail and record that it was done.

    `anchors` are signed checkpoints that were kept outside, `pinned` the only vkeys that count for them (none: those
    that the trail names). A store without its data key is checked in structure only: decisions are not recomputed.
    Raises CannotTell when the store, or an anchor, cannot be read.
    """
    with store.transaction() as tx:
        given = read_anchors(tx, anchors, pinned)
        run = _Run(tx, progress)
        damages = (*check(tx, run.see), *run.finish(), *against(tx, given))
        uncovered = beyond(tx, given) if given else None
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
        said = losses(tx)
        found_now = bool(damages) and (head is None or log.sound(tx, head))
        log.append(tx, [record], at=at, fresh_segment=found_now)
    root = head.root.hex() if head else ""
    return Verdict(run.records, run.recomputed if run.tx.opens else None, damages, root, uncovered, said)


_UNRECORDED = {"withheld": ("replaced",)}
"""Moves that have no record of their own: a withheld Bundle is replaced by the approval that follows it."""


@dataclass
class _Run:
    """One pass: what the records so far say, to hold the rows against."""

    tx: Transaction
    progress: Callable[[int], None]
    records: int = 0
    recomputed: int = 0
    screens: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    acts: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    site_policy: bool = False
    log_key: str = ""
    decisions: dict[tuple[str, str], tuple[Leaf, dict[str, Any]]] = field(default_factory=dict)
    approvals: list[tuple[Leaf, dict[str, Any]]] = field(default_factory=list)
    plans: dict[str, tuple[str, int]] = field(default_factory=dict)
    outbox: dict[str, tuple[str, int]] = field(default_factory=dict)
    named: dict[str, tuple[str, int]] = field(default_factory=dict)
    policies: dict[str, RiskPolicy] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.notes = NotesRun(self.tx)
        self.check_ins = CheckInsRun(self.tx)

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
        self.notes.take(leaf, details, self.people)
        self.check_ins.take(leaf, details)
        if "act" in details:
            self.acts[details["act"]] = (patient, details["digest"], leaf.seq)
            self._check_act(leaf, details)
        self._check_restored(leaf, details)
        if "state" in details:
            self.outbox[details["decision"]] = (details["state"], leaf.seq)
        match leaf.kind:
            case Kind.POLICY_CHANGED:
                self.named[str(leaf.policy_hash)] = (details["version"], leaf.seq)
                if details["directory"] != self.tx.facts():
                    self._damage(leaf, "the data directory is not the one that it names")
                self._check_change(leaf, details)
            case Kind.KEY_ROTATED:
                self._check_log_key(leaf, details)
            case Kind.SCREEN_RECORDED | Kind.SCREEN_CORRECTED:
                self.screens[details["screen"]] = (patient, details["digest"], leaf.seq)
            case Kind.GATE_DECIDED:
                self.decisions[details["decision"], patient] = (leaf, details)
                self._recheck(leaf, details)
            case Kind.PLAN_APPROVED:
                self.approvals.append((leaf, details))
                self.plans[details["plan"]] = ("approved", leaf.seq)
                self.outbox[details["decision"]] = ("waiting", leaf.seq)
            case Kind.PLAN_HELD if "state" not in details:
                self.plans[details["plan"]] = ("held", leaf.seq)
            case Kind.PLAN_HELD | Kind.PLAN_CONFIRMED if details["state"] in ("withheld", "delivered"):
                self.plans[details["plan"]] = (details["state"], leaf.seq)
            case _:
                pass
        if "plan_state" in details:
            self.plans[details["plan"]] = (details["plan_state"], leaf.seq)

    def _check_log_key(self, leaf: Leaf, details: dict[str, Any]) -> None:
        """A log key takes the place of the one before it by both signatures, or is named as lost."""
        facts = self.tx.facts()
        fault = rotation_fault(leaf, facts.get("data_id", ""), self.log_key or facts.get(LOG_KEY, ""))
        if fault:
            self._damage(leaf, fault)
        self.log_key = str(details["new"])

    def _check_act(self, leaf: Leaf, details: dict[str, Any]) -> None:
        """An act says what its record says, and is signed by people who were enrolled when it was made."""
        if not self.tx.opens:
            return
        try:
            row = self.tx.act(details["act"])
        except SealBroken:
            self._damage(leaf, "the act that it records does not open")
            return
        if row is None:
            self._damage(leaf, "the act that it records is missing")
            return
        content = {"statement": row.content["statement"], "signatures": row.content["signatures"]}
        directory = self.tx.facts().get("data_id", "")
        if digest(row.content["salt"], content) != details["digest"] or row.person != leaf.patient:
            self._damage(leaf, "the act that it records was changed")
        elif fault := fault_of(row, row.person, directory, self.people):
            self._damage(leaf, f"the act that it records does not stand: {fault}")
        else:
            self.people = people_of((act_of(row),), before=self.people)

    def _check_restored(self, leaf: Leaf, details: dict[str, Any]) -> None:
        """A segment is sound because two people signed for what is lost, and for nothing else."""
        restored = (leaf.kind, leaf.outcome) == (Kind.TRAIL_SIGNED_OFF, log.RESTORED)
        if restored and (fault := restored_fault(self.tx, details)):
            self._damage(leaf, fault)

    def _check_change(self, leaf: Leaf, details: dict[str, Any]) -> None:
        """A site's own policy comes into force, and leaves it, by an owner's signature alone."""
        if leaf.outcome == "refused":
            return
        if "act" not in details and (self.site_policy or not details["demo"]):
            self._damage(leaf, "a policy came into force that nobody signed")
        self.site_policy = leaf.outcome == SITE_SIGNED
        row = self.tx.act(details["act"]) if "act" in details and self.tx.opens else None
        if row is None:
            return
        owner = self.people.get(row.person)
        if owner is None or not owner.active or "policy-owner" not in owner.roles:
            self._damage(leaf, "the policy that it puts in force was not signed by a policy-owner")
        if row.content["statement"]["body"]["digest"] != leaf.policy_hash:
            self._damage(leaf, "the policy that it puts in force is not the one that was signed")

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        yield from self.damages
        yield from self._states("plan", self.plans, self.tx.plan_states(), allowed={})
        yield from self._states("outbox", self.outbox, self.tx.outbox_states(), allowed=_UNRECORDED)
        yield from self._sealed()
        yield from self._states("policy", self.named, self.tx.policies(), allowed={})
        yield from self._screens()
        yield from self._approvals()
        yield from self.notes.finish()
        yield from self.check_ins.finish()
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

    def _recheck(self, leaf: Leaf, details: dict[str, Any]) -> None:
        if not self.tx.opens:
            return
        patient = leaf.patient or ""
        try:
            row = self.tx.decision(details["decision"], patient)
            if row is None:
                self._damage(leaf, "the decision that it records is missing")
                return
            content = {"inputs": row.content["inputs"], "outcome": row.content["outcome"]}
            people = {patient, *row.content["inputs"]["aliases"]}
            if digest(row.content["salt"], content) != details["digest"]:
                self._damage(leaf, "the decision that it records was changed")
            elif row.content["inputs"]["screens"] != self._recorded(self.screens, people):
                self._damage(leaf, "the decision did not read every screen recorded before it")
            elif row.content["inputs"]["acts"] != self._recorded(self.acts, people):
                self._damage(leaf, "the decision did not read every act recorded before it")
            else:
                self._decide_again(leaf, row, people)
        except SealBroken:
            self._damage(leaf, "the decision that it records, or what is behind it, does not open")

    @staticmethod
    def _recorded(said: dict[str, tuple[str, str, int]], people: set[str]) -> list[str]:
        return [id for id, (person, _, _) in said.items() if person in people]

    def _decide_again(self, leaf: Leaf, row: DecisionRow, people: set[str]) -> None:
        policy = self._policy(leaf.policy_hash or "")
        if policy is None:
            self._damage(leaf, "the policy that it was decided by is missing or was changed")
            return
        inputs = row.content["inputs"]
        screens = self._those(inputs["screens"], people, self.tx.screens)
        acts = tuple(act_of(one) for one in self._those(inputs["acts"], people, self.tx.acts))
        again = standing.redecide(policy, inputs, screens, acts)
        self.recomputed += 1
        if standing.outcome(again) != row.content["outcome"] or again.name != leaf.outcome:
            self._damage(leaf, "deciding again comes to another decision")

    @staticmethod
    def _those(ids: list[str], people: set[str], read: Callable[[str], tuple[Row, ...]]) -> list[Row]:
        """Return the rows of these people that a decision read, in the order of recording."""
        wanted = set(ids)
        return sorted((row for who in people for row in read(who) if row.id in wanted), key=lambda row: row.number)

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
        wanted = dict(self.screens)
        for id, person in self.tx.screen_ids():
            patient, said, seq = wanted.pop(id, ("", "", -1))
            if seq < 0:
                yield Damage("a screen is there that no record names")
            elif person != patient or not self._fits(id, said):
                yield Damage("the screen that it records was changed", seq)
        for _, _, seq in wanted.values():
            yield Damage("the screen that it records is missing", seq)
        for id, _ in self.tx.act_ids():
            if id not in self.acts:
                yield Damage("an act is there that no record names")

    def _fits(self, id: str, said: str) -> bool:
        if not self.tx.opens:
            return True
        try:
            row = self.tx.screen(id)
            return row is not None and digest(row.content["salt"], row.content["answers"]) == said
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
