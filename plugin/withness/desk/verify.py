"""Verifying the trail: its structure, every search column, and each decision decided again.

It reads a snapshot, so saves go on; what it found is recorded in a transaction of its own afterwards.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from withness.audit import log
from withness.audit.check import Damage, Part, Point, check, check_in_parts
from withness.audit.record import Kind, Leaf, NoRoom, Record
from withness.audit.words import are, many
from withness.core.risk import RiskPolicy
from withness.desk import standing
from withness.desk.acts import act_of
from withness.desk.anchors import Anchor, acknowledgement, against, beyond, losses, lost_with, read_anchors
from withness.desk.checkpoints import unpublished
from withness.desk.context import Actor
from withness.desk.damaged import breaks
from withness.desk.digests import digest
from withness.desk.doubt import elsewhere
from withness.desk.gate_inputs import by_trainee
from withness.desk.pruned_acts import said_of_pruned
from withness.desk.verify_acts import ActsRun
from withness.desk.verify_check_ins import CheckInsRun
from withness.desk.verify_jobs import SMALL, Workers
from withness.desk.verify_ledger import Ledger
from withness.desk.verify_notes import NotesRun
from withness.desk.verify_rows import RowsRun
from withness.desk.verify_watch import Progress, Watched
from withness.errors import CannotTell, SealBroken, WithnessError
from withness.packs.policy import parse_policy
from withness.store import inspecting
from withness.store.rows import ActRow, DecisionRow, ScreenRow
from withness.store.sql import Store
from withness.store.transaction import Transaction

Row = TypeVar("Row", ScreenRow, ActRow)


@dataclass(frozen=True)
class Verdict:
    """What a verification found. `recomputed` is None when decisions were not, or could not be, decided again.

    `records` is how many were looked at, after the `before` that were taken from a checkpoint. `beyond` is how many
    records no anchor covers, None where none was given: then the tail is not proved. `structure`: nothing but bytes,
    columns and trees was to be looked at. `losses` are sentences about what two people acknowledged as lost, or
    pruned: no damage. `unchecked` says what could not be held against anything, and what to do about it, `elsewhere`
    that another copy publishes in this one's place, "" where none does.
    """

    records: int
    recomputed: int | None
    damages: tuple[Damage, ...]
    root: str
    beyond: int | None = None
    before: int = 0
    structure: bool = False
    losses: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    elsewhere: str = ""

    @property
    def whole(self) -> bool | None:
        """Whether what was to be looked at is whole; None where some of it could not be checked, and all else is."""
        if self.damages:
            return False
        return True if (self.structure or self.recomputed is not None) and not self.unchecked else None


@dataclass(frozen=True)
class Asked:
    """How to verify. `anchors` are signed checkpoints that were kept outside, `pinned` the only vkeys that count for
    them (none: those that the trail names). `start` is one to begin at; with it, or with `structure`, decisions and
    rows are left alone. `workers` share the work on a large trail. `progress` is told records done and in all.
    """

    anchors: Sequence[str] = ()
    pinned: Sequence[str] = ()
    start: str | None = None
    structure: bool = False
    workers: Workers | None = None
    progress: Progress = lambda done, whole: None


def verify(store: Store, actor: Actor, at: datetime, asked: Asked = Asked()) -> Verdict:
    """Verify the trail and record that it was done.

    A store without its data key is checked in structure only: decisions are not recomputed. Without the log key, or
    what was published, all else is checked and that is said. Raises CannotTell when the store, or a checkpoint that
    was given, cannot be read.
    """
    try:
        with store.snapshot() as tx, closing(Ledger()) as ledger:
            found = _look(tx, ledger, asked)
    except CannotTell as error:
        return _schema_alone(store, error)
    try:
        return _recorded(store, found, actor, at, asked)
    except CannotTell as error:  # what is damaged may be what only a record's writer reads
        return found if found.damages else _schema_alone(store, error)


def _recorded(store: Store, found: Verdict, actor: Actor, at: datetime, asked: Asked) -> Verdict:
    """Record what was found, with what is so by now."""
    with store.transaction() as tx:
        # What is published may be newer than the snapshot, so the log is held against it as it stands now.
        published = tx.anchor_damage(prove=True)
        damages = (*found.damages, *([Damage(published)] if published else ()))
        if log.timeless(tx):
            damages = (*damages, Damage("the newest time of a record cannot be read"))
        told_of = {"damages": damages, "unchecked": unpublished(tx), "elsewhere": elsewhere(tx)}
        verdict = Verdict(**{**vars(found), **told_of})
        head = tx.head()
        # With a key that a reviewer brought along, anybody could end every plan: that is told, and stops nothing.
        told = _by_anchors(tx, asked) if asked.pinned else ()
        found_now = any(one not in told for one in damages) and (head is None or log.sound(tx, head))
        with contextlib.suppress(NoRoom):  # the record that takes all the room is among the damages
            log.append(tx, [_record(verdict, actor)], at=at, fresh_segment=found_now)
    return verdict


def _schema_alone(store: Store, error: CannotTell) -> Verdict:
    """Return what is wrong with the schema or pages of a database that cannot be read to its end.

    Nothing is recorded there. Raises the error that came of reading it where they are as they were made.
    """
    with store.snapshot() as tx:
        wrong = inspecting.damage(tx.connection) or tx.page_damage()
    if wrong is None:
        raise error
    return Verdict(records=0, recomputed=None, damages=(Damage(wrong),), root="")


def _by_anchors(tx: Transaction, asked: Asked) -> tuple[Damage, ...]:
    """Return what the anchors given say against the log."""
    return tuple(against(tx, read_anchors(tx, asked.anchors, asked.pinned)))


def _look(tx: Transaction, ledger: Ledger, asked: Asked) -> Verdict:
    starts = read_anchors(tx, [asked.start] if asked.start is not None else (), asked.pinned, field="--from")
    given = (*read_anchors(tx, asked.anchors, asked.pinned), *starts)
    start = starts[0] if starts else None
    if start is not None and acknowledgement(tx, start) is not None:
        said = "That checkpoint is of records that two people acknowledged as lost, so nothing can begin there."
        raise CannotTell(said, field="--from")
    run = None if asked.structure or start is not None else _Run(tx, ledger)
    heads = tx.heads()
    before = _before(start, {head.segment: head for head in heads})
    damages = list(_structure(tx, asked, run, start))
    if run is not None:
        damages += run.finish()
    damages += [
        Damage(f"a new segment begins with it, for the trail was found damaged{why and f': {why}'}", seq)
        for seq, why in breaks(tx)
    ]
    # A start that the log does not bear out is said once, with the structure.
    damages += against(tx, [one for one in given if one is not start])
    return Verdict(
        records=sum(head.size for head in heads) - before if run is None else run.records,
        recomputed=run.recomputed if run is not None and tx.opens else None,
        damages=tuple(damages),
        root=heads[-1].root.hex() if heads else "",
        beyond=beyond(tx, given) if given else None,
        before=before,
        structure=run is None,
        losses=(*losses(tx), *said_of_pruned(tx), *lost_with(tx, given)),
    )


def _before(start: Anchor | None, heads: dict[int, log.Head]) -> int:
    """Return how many records lie before the point of beginning."""
    head = heads.get(start.segment) if start is not None else None
    return head.first_seq + start.said.size if start is not None and head is not None else 0


def _structure(tx: Transaction, asked: Asked, run: _Run | None, start: Anchor | None) -> Iterator[Damage]:
    """Yield the structure's damages; `run` sees every record, here and once."""
    point = Point(start.segment, start.said.size, start.said.root) if start is not None else None
    watched = Watched(tx, asked.progress)
    if asked.workers is None or asked.workers.jobs < 2 or watched.whole < SMALL:
        yield from check(watched, run.see if run is not None else None, start=point, published=False)
        return

    workers, see = asked.workers, run.see if run is not None else None

    def meanwhile() -> None:
        if see is not None:
            for row in watched.rows():
                see(Leaf(*row))

    def share(parts: Sequence[Part]) -> Iterator[Part]:
        return watched.parts(workers.run(parts, meanwhile), told=see is None)

    yield from check_in_parts(watched, share, start=point, published=False)
    if run is not None and not run.records:
        meanwhile()  # no part could be made


def _record(verdict: Verdict, actor: Actor) -> Record:
    looked = {"before": verdict.before} if verdict.before else {}
    whole = "whole" if verdict.recomputed is not None and not verdict.unchecked else "structure-whole"
    return Record(
        kind=Kind.TRAIL_VERIFIED,
        actor=actor.ref,
        os_user=actor.os_user,
        outcome="damaged" if verdict.damages else whole,
        details={
            "records": verdict.records,
            "recomputed": verdict.recomputed,
            "damages": len(verdict.damages),
            **looked,
        },
    )


@dataclass
class _Run:
    """One pass: what the records so far say, to hold the rows against."""

    tx: Transaction
    ledger: Ledger
    records: int = 0
    recomputed: int = 0
    policies: dict[str, RiskPolicy] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.acts = ActsRun(self.tx, self.ledger)
        self.rows = RowsRun(self.tx, self.ledger)
        self.notes = NotesRun(self.tx, self.ledger)
        self.check_ins = CheckInsRun(self.tx, self.ledger)

    def see(self, leaf: Leaf) -> None:
        """Take in one record."""
        self.records += 1
        try:
            details = json.loads(leaf.body)["details"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return
        try:
            self._take(leaf, details)
        except (KeyError, TypeError, ValueError):
            self.damages.append(Damage("its details are not what such a record holds", leaf.seq))

    def _take(self, leaf: Leaf, details: dict[str, Any]) -> None:
        self.notes.take(leaf, details, self.acts.people)
        self.check_ins.take(leaf, details)
        for damage in self.acts.take(leaf, details):
            self.damages.append(damage)  # one by one: what comes before a detail that cannot be read is kept
        self.rows.take(leaf, details)
        if leaf.kind == Kind.GATE_DECIDED:
            self.ledger.decided(details["decision"], leaf.patient or "", str(leaf.outcome))
            if self.tx.opens:
                self._recheck(leaf, details)

    def finish(self) -> Iterator[Damage]:
        """Yield what the rows do not bear out."""
        yield from self.damages
        for one in (self.rows, self.acts, self.notes, self.check_ins):
            yield from one.finish()
        there, said = self.tx.count("decision"), self.ledger.decisions()
        if there != said:
            yield Damage(f"there {are(there)} {many(there, 'decision')}, and the trail records {said}")
        pages = self.tx.page_damage()
        if pages is not None:
            yield Damage(pages)

    def _recheck(self, leaf: Leaf, details: dict[str, Any]) -> None:
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
            elif row.content["inputs"]["screens"] != self.ledger.of_people("screen", people):
                self._damage(leaf, "the decision did not read every screen recorded before it")
            elif row.content["inputs"]["acts"] != self.ledger.of_people("act", people):
                self._damage(leaf, "the decision did not read every act recorded before it")
            else:
                self._decide_again(leaf, row, people)
        except SealBroken:
            self._damage(leaf, "the decision that it records, or what is behind it, does not open")

    def _decide_again(self, leaf: Leaf, row: DecisionRow, people: set[str]) -> None:
        policy = self._policy(leaf.policy_hash or "")
        if policy is None:
            self._damage(leaf, "the policy that it was decided by is missing or was changed")
            return
        inputs = row.content["inputs"]
        screens = self._those(inputs["screens"], people, self.tx.screens)
        acts = tuple(act_of(one) for one in self._those(inputs["acts"], people, self.tx.acts))
        trainees = [one.id for one in screens if by_trainee(one, self.tx.directory())]
        if inputs["trainee_screens"] != trainees:
            self._damage(leaf, "the decision took a trainee's screen for another's, or another's for theirs")
            return
        again = standing.redecide(policy, inputs, screens, acts)
        self.recomputed += 1
        if standing.outcome(again) != row.content["outcome"] or again.name != leaf.outcome:
            self._damage(leaf, "deciding again comes to another decision")

    @staticmethod
    def _those(ids: list[str], people: set[str], read: Callable[[str], tuple[Row, ...]]) -> list[Row]:
        """Return the rows of these people that a decision read, in the order of recording."""
        wanted = set(ids)
        if not wanted:
            return []
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

    def _damage(self, leaf: Leaf, what: str) -> None:
        self.damages.append(Damage(what, leaf.seq))
