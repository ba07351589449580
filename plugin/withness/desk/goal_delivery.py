"""Writing how far goals have come into one member's chart: counted when it is sent, and no release needed (I1).

Each Goal is written over the version that was read (If-Match), with the survey Observations that show it, in one
transaction. Somebody else's write in between is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.audit.record import Kind
from withness.core.terms import REFERENCE
from withness.desk.check_ins import forms
from withness.desk.context import Actor, Context
from withness.desk.goals import Tracked, known_of, tracked
from withness.desk.outbox import OTHER_EHR, Sent, enqueue, failed, move
from withness.desk.shares import ACTIVE, members_of, share_of
from withness.errors import CannotTell, Conflict, EhrRefused, EhrUnavailable, InvalidInput, SealBroken, WithnessError
from withness.fhir import codes
from withness.fhir.check import require_valid
from withness.fhir.extraction import observation_id, observations
from withness.fhir.goal_progress import goal_with, outcomes_of
from withness.fhir.making import Resource
from withness.fhir.status import put
from withness.store.rows import OPEN, Delivery, OutboxRow, PlanRow, Sending

_TRIES: Final = 3


@dataclass(frozen=True)
class Counted:
    """The goals of one member's chart as they were counted; `sent` is what became of writing them, None for no need."""

    plan: str
    member: str
    goals: tuple[Tracked, ...]
    sent: Sent | None = None


def count(context: Context, row: PlanRow, member: str) -> tuple[Tracked, ...]:
    """Return how far the goals of one member's chart have come. Writes nothing. Raises what the EHR raises."""
    clinician = row.content["draft"]["author"]
    together = any(context.templates[one["template"]].measure.each_partner for one in row.content["draft"]["goals"])
    people = members_of(row) if together else (member,)
    return tracked(context, row, member, {who: known_of(context, who, clinician) for who in people})


def refresh(context: Context, person: str, actor: Actor) -> tuple[Counted, ...]:
    """Count the goals that a person's check-ins may have moved, and write those that have; what cannot be, waits.

    That is every active plan that this person is in: their own share, and the others' where something is done together.
    Raises CannotTell for our own store.
    """
    found = []
    with context.store.transaction() as tx:
        rows = [row for id in tx.plan_ids() if (row := _readable(tx, id)) is not None]
    for row in rows:
        if row.state not in ACTIVE or row.content.get("amends") or person not in members_of(row):
            continue
        for member in _moved_by(context, row, person):
            found.append(_write(context, row, member, actor))
    return tuple(found)


def _readable(tx: Any, id: str) -> PlanRow | None:
    try:
        row: PlanRow | None = tx.plan(id)
    except SealBroken:
        return None
    return row


def _moved_by(context: Context, row: PlanRow, person: str) -> Iterator[str]:
    """Yield whose chart a person's check-in may move."""
    together = any(context.templates[one["template"]].measure.each_partner for one in row.content["draft"]["goals"])
    for member in members_of(row):
        if "care_plan" in share_of(row, member) and (member == person or together):
            yield member


def _write(context: Context, row: PlanRow, member: str, actor: Actor) -> Counted:
    """Count one member's goals and send what has changed through the outbox."""
    goals: tuple[Tracked, ...] = ()
    try:
        goals = count(context, row, member)
        if not _entries(context, goals):
            return Counted(row.id, member, goals)
    except WithnessError:
        pass  # the EHR cannot be asked, or refuses: what waits in the outbox says so, and is tried again
    with context.store.transaction() as tx:
        at = context.now()
        id, queued = enqueue(
            tx,
            context,
            actor,
            at,
            kind=Sending.GOALS,
            person=member,
            plan=row.id,
            record=Kind.GOAL_UPDATED,
            content={},
        )
        for older in tx.outbox_ids(*OPEN, plan=row.id):
            waiting = tx.outbox(older) if older != id else None
            if waiting is not None and waiting.kind is Sending.GOALS and waiting.content["person"] == member:
                move(tx, context, waiting, Delivery.REPLACED, actor, Kind.GOAL_UPDATED, "replaced")
        context.record(tx, actor, at, queued)
    return Counted(row.id, member, goals, send_goals(context, id, actor))


def send_goals(context: Context, id: str, actor: Actor) -> Sent:
    """Count one member's goals now and write those that have moved. Raises CannotTell for our own store."""
    with context.store.transaction() as tx:
        row = tx.outbox(id)
        if row is None or row.state not in OPEN:
            return Sent(row.state if row else Delivery.WAITING)
        if row.ehr != context.ehr.address:
            return Sent(row.state, OTHER_EHR.format(row.ehr))
        plan = tx.plan(row.plan_id)
        if plan is None or plan.state not in ACTIVE:
            move(tx, context, row, Delivery.REPLACED, actor, Kind.GOAL_UPDATED, "plan-not-active")
            return Sent(Delivery.REPLACED)
    try:
        _transact(context, plan, row)
    except (EhrRefused, Conflict, InvalidInput) as error:
        return failed(context, row, Delivery.REFUSED, actor, Kind.GOAL_UPDATED, error)
    except (EhrUnavailable, CannotTell) as error:
        return failed(context, row, Delivery.WAITING, actor, Kind.GOAL_UPDATED, error)
    with context.store.transaction() as tx:
        now = tx.outbox(id)
        if now is not None and now.state in OPEN:
            move(tx, context, now, Delivery.DELIVERED, actor, Kind.GOAL_UPDATED, "delivered")
    return Sent(Delivery.DELIVERED)


def _transact(context: Context, plan: PlanRow, row: OutboxRow) -> None:
    for last in range(_TRIES - 1, -1, -1):
        entries = _entries(context, count(context, plan, row.content["person"]))
        if not entries:
            return
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        require_valid(bundle)
        try:
            context.ehr.transact(bundle)
            return
        except Conflict:
            if not last:
                raise


def _entries(context: Context, goals: tuple[Tracked, ...]) -> list[Resource]:
    """Return what is to be written so that the chart says how far these goals have come: nothing where it does."""
    observed = dict(_observations(context, goals))
    changed = []
    for goal in goals:
        stored = context.ehr.read(goal.reference)
        if stored is None:
            raise EhrRefused("The EHR does not hold a goal of this plan: look for it there.")
        shown = [f"Observation/{id}" for id, (_, code) in observed.items() if code in _codes(goal) and _of(goal, id)]
        named = outcomes_of(stored.resource)
        ours = [one for one in named if one in shown or _made_here(context, one)]
        made = goal_with(stored.resource, goal.progress, shown, ours=ours)
        if made is not None:
            changed.append(put(made, stored.version))
    return [*_moved_observations(context, observed), *changed]


def _codes(goal: Tracked) -> tuple[str, ...]:
    measure = goal.objective.measure
    return (measure.code, *(part.code for part in measure.parts))


def _of(goal: Tracked, id: str) -> bool:
    """Whether an Observation is of one of the goal's own responses."""
    return any(observation_id(one.id, item.link) == id for one in goal.responses for item, _ in one.form.walk())


def _made_here(context: Context, reference: str) -> bool:
    """Whether an outcome is an Observation that Withness made of a check-in, whether that still counts or not."""
    kind, _, id = reference.partition("/")
    stored = context.ehr.read(reference) if kind == "Observation" and REFERENCE.fullmatch(reference) else None
    listed = stored.resource.get("derivedFrom", []) if stored else []
    sources = [str(one.get("reference")).removeprefix("QuestionnaireResponse/") for one in listed]
    links = [item.link for form in forms().values() for item, _ in form.walk()]
    return any(observation_id(source, link) == id for source in sources for link in links)


def _observations(context: Context, goals: tuple[Tracked, ...]) -> Iterator[tuple[str, tuple[Resource, str]]]:
    """Yield id, resource and measure of every Observation that the goals' responses make, each once."""
    measures = {code for goal in goals for code in _codes(goal)}
    for one in {response.id: response for goal in goals for response in goal.responses}.values():
        for made in observations(one.form, one.answers, response_id=one.id, us_core=context.settings.us_core):
            code = made["code"]["coding"][0]["code"]
            if code in measures:
                marked = {**made["meta"], "security": [codes.TEST_DATA]} if context.policy.demo else made["meta"]
                yield made["id"], ({**made, "meta": marked}, code)


def _moved_observations(context: Context, observed: Mapping[str, tuple[Resource, str]]) -> Iterator[Resource]:
    """Yield the entries of Observations that the chart does not hold as they are now."""
    for id, (made, _) in observed.items():
        stored = context.ehr.read(f"Observation/{id}")
        if stored is None:
            yield put(made, "")
        elif any(stored.resource.get(name) != value for name, value in made.items() if name != "meta"):
            yield put(made, stored.version)
