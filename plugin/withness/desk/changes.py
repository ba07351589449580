"""Changes to what the EHR already holds: a member's CarePlan paused, resumed, closed or marked as entered in error.

What a change is, stays data in the outbox until it is sent; each names one resource of one person. The other members'
CarePlans of a unit are never touched by what happens to one (contracts I4, I8).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind, Record, instant, moment
from withness.desk.context import Actor, Context
from withness.desk.outbox import enqueue
from withness.errors import SealBroken
from withness.fhir import status
from withness.store.rows import PlanRow, PlanState, Sending
from withness.store.transaction import Transaction

ACTIVE: Final = (PlanState.DELIVERED, PlanState.ON_HOLD)
"""Plans that the EHR holds and that are not over."""


def changed(resource: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the changed resource, None where the EHR holds it so already or it is over."""
    return _HOW[change["how"]](resource, change)


def _noted(change: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": moment(change["at"]), "note": change["note"], "author": change["author"]}


def _goal(resource: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any] | None:
    lifecycle = change["how"].removeprefix("goal-")
    return status.goal_status(resource, lifecycle=lifecycle, at=moment(change["at"]), reason=change["note"])


def _task(resource: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any] | None:
    return status.task_ended(resource, status=change["status"], at=moment(change["at"]), reason=change["note"])


def _issue(resource: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any] | None:
    at, author = moment(change["at"]), change["author"]
    return status.issue_mitigated(
        resource, at=at, author=author, action_code=change["code"], action_text=change["note"]
    )


def _with_safety(resource: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any] | None:
    """Add safety goals and a safety plan to a CarePlan, whose status stays as it is."""
    made = dict(resource)
    wanted = {
        "goal": [f"Goal/{one['id']}" for one in change["goals"]],
        "supportingInfo": [change["safety_plan"]] if change["safety_plan"] else [],
    }
    for name, references in wanted.items():
        there = [one.get("reference") for one in made.get(name, [])]
        new = [{"reference": one} for one in references if one not in there]
        if new:
            made[name] = [*made.get(name, []), *new]
    return made if made != resource else None


_HOW: Final[Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | None]]] = {
    "on-hold": lambda resource, change: status.care_plan_on_hold(resource, **_noted(change)),
    "active": lambda resource, change: status.care_plan_active(resource, **_noted(change)),
    "completed": lambda resource, change: status.care_plan_closed(resource, status="completed", **_noted(change)),
    "revoked": lambda resource, change: status.care_plan_closed(resource, status="revoked", **_noted(change)),
    "entered-in-error": lambda resource, _: status.entered_in_error(resource),
    "goal-completed": _goal,
    "goal-cancelled": _goal,
    "flag-ended": lambda resource, change: status.flag_ended(resource, moment(change["at"])),
    "task-ended": _task,
    "task-owner": lambda resource, change: status.task_owner(resource, change["owner"], moment(change["at"])),
    "mitigated": _issue,
    "add-safety": _with_safety,
}


def plans_of(tx: Transaction, person: str, *states: PlanState) -> Iterator[PlanRow]:
    """Yield a person's plans in these states; one whose row does not open is the verifier's to tell."""
    for id, state in tx.plan_states().items():
        if state not in states:
            continue
        try:
            row = tx.plan(id)
        except SealBroken:
            continue
        if row is not None and person in row.content["draft"]["unit"]["members"]:
            yield row


def shared(row: PlanRow) -> bool:
    """Whether a plan is of a unit of more than one."""
    return len(row.content["draft"]["unit"]["members"]) > 1


def care_plan_of(row: PlanRow, person: str) -> str | None:
    """Return the reference of a member's CarePlan, None for a member who has none."""
    found: str | None = row.content.get("charts", {}).get(person, {}).get("care_plan")
    return found


def hold_plans(
    tx: Transaction, context: Context, person: str, actor: Actor, at: datetime
) -> tuple[tuple[str, ...], tuple[Record, ...]]:
    """Put every active plan of this person on hold, in their own chart only; return outbox rows and records."""
    rows, records = [], []
    for row in plans_of(tx, person, *ACTIVE):
        if care_plan_of(row, person) is None or chart_state(row, person) == PlanState.ON_HOLD:
            continue
        id, found = change_plan(tx, context, row, person, "on-hold", actor, at, note=context.policy.hold_note)
        rows.append(id)
        records.append(found)
    return tuple(rows), tuple(records)


def chart_state(row: PlanRow, person: str) -> str:
    """Return where this member's share of a plan stands."""
    return str(row.content.get("charts", {}).get(person, {}).get("state", row.state.value))


_STANDS: Final = {
    "on-hold": PlanState.ON_HOLD,
    "active": PlanState.DELIVERED,
    "completed": PlanState.CLOSED,
    "revoked": PlanState.CLOSED,
    "entered-in-error": PlanState.RETRACTED,
}
_RECORDS: Final = {
    "on-hold": Kind.PLAN_ON_HOLD,
    "active": Kind.PLAN_ON_HOLD,
    "completed": Kind.PLAN_CLOSED,
    "revoked": Kind.PLAN_CLOSED,
    "entered-in-error": Kind.PLAN_RETRACTED,
}


def change_plan(
    tx: Transaction,
    context: Context,
    row: PlanRow,
    person: str,
    how: str,
    actor: Actor,
    at: datetime,
    *,
    note: str,
    from_: datetime | None = None,
    also: tuple[Mapping[str, Any], ...] = (),
) -> tuple[str, Record]:
    """Queue a change of one member's CarePlan and note where their share stands now.

    `from_` plans it for later; `also` are changes of the member's other resources, made with it.
    """
    reference = care_plan_of(row, person) or ""
    change = {"reference": reference, "how": how, "at": instant(from_ or at), "note": note, "author": actor.ref}
    id, record = enqueue(
        tx,
        context,
        actor,
        at,
        kind=Sending.CHANGE,
        person=person,
        plan=row.id,
        record=_RECORDS[how],
        content={"changes": [change, *also]},
        not_before=from_,
    )
    stands = note_share(tx, row.id, person, how, at) if from_ is None or from_ <= at else {}
    return id, replace(record, details={**record.details, **stands})


def note_share(tx: Transaction, plan_id: str, person: str, how: str, at: datetime) -> dict[str, str]:
    """Note where a member's share of a plan stands; return what the record says of the plan, where it has moved."""
    now = tx.plan(plan_id)
    if now is None or how not in _STANDS:
        return {}
    charts = dict(now.content.get("charts", {}))
    charts[person] = {**charts.get(person, {}), "state": _STANDS[how].value}
    state = now.state if shared(now) and how in ("on-hold", "active") else _whole(charts, _STANDS[how])
    tx.put_plan(replace(now, state=state, updated_at=instant(at), content={**now.content, "charts": charts}))
    return {"plan_state": state.value} if state is not now.state else {}


def _whole(charts: Mapping[str, Mapping[str, str]], state: PlanState) -> PlanState:
    """A plan is over when every member's share is; until then it stands where it stood."""
    over = (PlanState.CLOSED.value, PlanState.RETRACTED.value)
    if state in (PlanState.CLOSED, PlanState.RETRACTED) and not all(
        one.get("state") in over for one in charts.values() if "care_plan" in one
    ):
        return PlanState.DELIVERED
    return state
