"""The sweep: what the EHR holds of collaborative plans, held against what the gate released and what was delivered.

Both ways: plans in the EHR that no decision released, and released plans that are not there as they were delivered.
What looks wrong is read once more by its id before it is written down: a search may be behind, and a plan may be on
its way.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from withness.audit import log
from withness.audit.record import Kind, Record, details_of
from withness.core.terms import REFERENCE
from withness.desk.context import Actor, Context
from withness.desk.doubt import refuse_in_doubt
from withness.desk.sweep_baseline import Adopted, adopted, signed_off
from withness.desk.sweep_findings import SWEPT, Finding, Standing, What, rows_put_back, standing
from withness.desk.sweep_shares import CATEGORIES, SYSTEMS, Expected, Look, Share, look, shares
from withness.desk.telling import may_see
from withness.errors import Refused, TrailDamaged
from withness.fhir import codes
from withness.store.transaction import Transaction

GOAL_SYSTEMS: Final = (codes.UNIT_PLAN, codes.GOAL)
"""The identifiers of a collaborative Goal."""

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Swept:
    """What a sweep came to: how many plans it saw in the EHR and how many shares of ours it held against them.

    `waiting` counts shares with something on its way, `elsewhere` those delivered to another EHR: of neither is
    anything said. `new` are the ids of what was not found before, `cleared` what was and is gone.
    """

    seen: int
    known: int
    waiting: int
    elsewhere: int
    findings: tuple[Standing, ...]
    new: frozenset[str]
    cleared: tuple[Finding, ...]


@dataclass(frozen=True)
class Known:
    """What the trail and the store say before the EHR is asked."""

    plans: frozenset[str]
    shares: Mapping[str, Share]
    standing: Mapping[str, Standing]
    adopted: Mapping[str, Adopted]
    reviewed: frozenset[str]


def sweep(context: Context, actor: Actor, *, progress: Progress = lambda done: None) -> Swept:
    """Sweep the EHR, record what was not found before and what is gone, and that it was swept.

    Raises Refused for a patient or proxy, TrailDamaged, EhrUnavailable or EhrRefused (nothing is claimed then),
    CannotTell.
    """
    refuse_proxy(actor)
    known = known_of(context)
    looks = looks_of(context, progress)
    run = _Run(context, known, looks, progress)
    found = run.all()
    id = context.new_id()
    return context.commit(
        lambda tx: _keep(tx, run, found, actor, id),
        landed=lambda tx: any(details_of(one).get("sweep") == id for one in tx.leaves_of(Kind.SWEEP_FINDING)),
    )


def refuse_proxy(actor: Actor) -> None:
    """Raise Refused for somebody who may not see whom a plan is about."""
    if not may_see(actor.ref, ""):
        raise Refused("Only clinicians and compliance sweep the EHR.", field="actor")


def known_of(context: Context) -> Known:
    """Return what the EHR is held against. Raises TrailDamaged, CannotTell."""
    with context.store.snapshot() as tx:
        if log.broken(tx):
            refuse_in_doubt(tx)
            said = "The audit trail is damaged, so the EHR cannot be held against it."
            raise TrailDamaged(said, hint="Run: withness audit verify")
        plans = tuple(tx.plan_states())
        found = {one.care_plan: one for one in _shares(tx, context, plans)}
        return Known(
            frozenset(plans),
            found,
            _standing(tx, context.ehr.address),
            adopted(tx, context.ehr.address),
            signed_off(tx),
        )


def _shares(tx: Transaction, context: Context, plans: tuple[str, ...]) -> Iterator[Share]:
    approved = {json.loads(one.body)["details"]["decision"] for one in tx.leaves_of(Kind.PLAN_APPROVED)}
    return shares(tx, iter(plans), approved, context.ehr.address, context.now())


def _standing(tx: Transaction, address: str) -> dict[str, Standing]:
    found = standing(tx.leaves_of(Kind.SWEEP_FINDING))
    return {id: one for id, one in found.items() if one.finding.ehr == address}


def looks_of(context: Context, progress: Progress) -> dict[str, Look]:
    """Return every collaborative CarePlan that the EHR holds, by its reference. Raises EhrUnavailable, EhrRefused."""
    found: dict[str, Look] = {}
    for number, stored in enumerate(context.ehr.held("CarePlan", SYSTEMS, CATEGORIES), start=1):
        one = look(stored, context.ehr.address)
        found[one.resource] = one
        progress(number)
    return found


class _Run:
    """One comparison of what is known with what the EHR holds."""

    def __init__(self, context: Context, known: Known, looks: dict[str, Look], progress: Progress) -> None:
        self.context, self.known, self.looks, self.progress = context, known, looks, progress
        self.today: date = context.now().astimezone(context.settings.zone).date()
        self.unjudged = {one.care_plan for one in known.shares.values() if not one.judged}
        self.unjudged |= {f"Goal/{id}" for one in known.shares.values() if not one.judged for id, _ in one.goals}
        self.before: dict[str, set[What]] = {}
        for one in known.standing.values():
            if one.finding.what is What.PUT_BACK:
                continue  # of our own rows, and nothing that the EHR is asked about
            self.before.setdefault(one.finding.resource, set()).add(one.finding.what)

    def all(self) -> dict[str, Finding]:
        """Return what is found now, by id. Raises EhrUnavailable, EhrRefused."""
        plans = {*self.looks, *self.known.shares, *(one for one in self.before if one.startswith("CarePlan/"))}
        found = [one for plan in sorted(plans - self.unjudged) for one in self._confirmed(plan)]
        found += self._goals()
        return {one.id: one for one in found}

    def _confirmed(self, plan: str) -> list[Finding]:
        """Return what is found of a CarePlan; what the search says anew, or says no more, is read by its id first."""
        found = self._plan(plan, self.looks.get(plan))
        if {one.what for one in found} == self.before.get(plan, set()):
            return found
        stored = self.context.ehr.read(plan) if REFERENCE.fullmatch(plan) else None
        return self._plan(plan, look(stored, self.context.ehr.address) if stored else None)

    def _plan(self, plan: str, seen: Look | None) -> list[Finding]:
        share = self.known.shares.get(plan)
        if share is not None:
            return [self._of(share, what, plan) for what in judge(share, seen)]
        if seen is None or seen.over or not seen.ours:
            return []
        finding = self._unreleased(seen)
        return [] if self._reviewed(finding) else [finding]

    def _reviewed(self, finding: Finding) -> bool:
        """Whether compliance has reviewed an adopted plan; that a plan around the gate was examined ends nothing."""
        due = (What.PRE_GATE, What.PRE_GATE_OVERDUE)
        same = due if finding.what in due else (What.PRE_GATE_CHANGED,)
        ids = {replace(finding, what=one).id for one in same}
        return finding.what in (*due, What.PRE_GATE_CHANGED) and not ids.isdisjoint(self.known.reviewed)

    def _of(self, share: Share, what: What, resource: str) -> Finding:
        return Finding(what, self.context.ehr.address, resource, share.person, share.decision)

    def _unreleased(self, seen: Look) -> Finding:
        """Return the finding of a plan that this trail released never: adopted by the baseline, or around the gate."""
        ehr, decision = self.context.ehr.address, next(iter(sorted(seen.decisions)), None)
        was = self.known.adopted.get(seen.resource)
        if was is None or was.person != seen.person:
            what = What.UNKNOWN if seen.decisions else What.WRITTEN_AROUND
            return Finding(what, ehr, seen.resource, seen.person, decision)
        overdue = self.today > date.fromisoformat(was.review_by)
        what = What.PRE_GATE_OVERDUE if overdue else What.PRE_GATE
        what = what if was.version == seen.version else What.PRE_GATE_CHANGED
        return Finding(what, ehr, seen.resource, seen.person, decision, was.review_by)

    def _goals(self) -> Iterator[Finding]:
        """Yield the goals of plans that go on whose words are not those delivered, and those that are gone."""
        going_on = (Expected.GOES_ON, Expected.ON_HOLD)
        mine = [one for one in self.known.shares.values() if one.judged and one.expected in going_on]
        wanted = {id: (words, share) for share in mine for id, words in share.goals}
        seen: dict[str, bool] = {}
        for stored in self.context.ehr.held("Goal", GOAL_SYSTEMS) if wanted else ():
            id = str(stored.resource.get("id"))
            if id in wanted:
                seen[id] = _goal_words(stored.resource) == wanted[id][0]
                self.progress(len(self.looks) + len(seen))
        for id, (words, share) in wanted.items():
            reference = f"Goal/{id}"
            if not seen.get(id):
                fresh = self.context.ehr.read(reference)
                if fresh is None:
                    yield self._of(share, What.MISSING, reference)
                elif _goal_words(fresh.resource) != words:
                    yield self._of(share, What.WORDS, reference)


def _goal_words(resource: Mapping[str, object]) -> object:
    said = resource.get("description")
    return said.get("text") if isinstance(said, Mapping) else None


def judge(share: Share, seen: Look | None) -> Iterator[What]:
    """Yield what is wrong with a share's CarePlan as the EHR holds it, None where it does not."""
    if share.expected in (Expected.OVER, Expected.NEVER_SENT):
        if seen is not None and not seen.over:
            yield What.AFTER_END if share.expected is Expected.OVER else What.AFTER_HOLD
        return
    if seen is None:
        yield What.MISSING
        return
    if share.decision is None:
        yield What.UNKNOWN
    elif share.decision not in seen.decisions or seen.person != share.person:
        yield What.REPLACED
    elif seen.words != share.words:
        yield What.WORDS
    if seen.over:
        yield What.ENDED
    elif share.expected is Expected.ON_HOLD and seen.status != "on-hold":
        yield What.AFTER_HOLD


def _keep(tx: Transaction, run: _Run, found: Mapping[str, Finding], actor: Actor, id: str) -> Swept:
    """Record what is new and what is gone, unless its plan has moved since it was looked at."""
    known, back = run.known, rows_put_back(tx, run.context.ehr.address)
    moved = _moved(tx, run, found)
    found = {**found, **back}
    new = [
        one for key, one in found.items() if key not in known.standing and (key in back or one.resource not in moved)
    ]
    left_alone = run.unjudged | moved
    gone = [one for key, one in known.standing.items() if key not in found and one.finding.resource not in left_alone]
    waiting = sum(one.moving for one in known.shares.values())
    elsewhere = sum(one.elsewhere for one in known.shares.values())
    counts = {"seen": len(run.looks), "known": len(known.shares), "waiting": waiting, "elsewhere": elsewhere}
    summary = Record(
        kind=Kind.SWEEP_FINDING,
        actor=actor.ref,
        os_user=actor.os_user,
        outcome=SWEPT,
        details={**counts, "sweep": id, "ehr": run.context.ehr.address, "new": len(new), "cleared": len(gone)},
    )
    records = [one.record(actor) for one in new] + [one.finding.record(actor, cleared=True) for one in gone]
    run.context.record(tx, actor, run.context.now(), *records, summary)
    stands = _standing(tx, run.context.ehr.address)
    return Swept(
        **counts,
        findings=tuple(sorted(stands.values(), key=lambda one: one.seq)),
        new=frozenset(one.id for one in new),
        cleared=tuple(one.finding for one in gone),
    )


def _moved(tx: Transaction, run: _Run, found: Mapping[str, Finding]) -> set[str]:
    """Return the resources whose plan is not as it was when the EHR was looked at, or that a newer plan has."""
    standing = run.known.standing
    differs = {one.resource for key, one in found.items() if key not in standing}
    differs |= {one.finding.resource for key, one in standing.items() if key not in found}
    owner = {one.care_plan: one for one in run.known.shares.values()}
    owner |= {f"Goal/{id}": one for one in run.known.shares.values() for id, _ in one.goals}
    plans = {owner[one].plan for one in differs & owner.keys()} | (tx.plan_states().keys() - run.known.plans)
    now = {one.care_plan: one for one in _shares(tx, run.context, tuple(plans))} if plans else {}
    moved = {one for one in differs if one in owner and now.get(owner[one].care_plan) != owner[one]}
    return moved | (now.keys() - owner.keys())
