"""How a queued change alters a resource that the EHR holds: data in the outbox until it is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from withness.audit.record import moment
from withness.fhir import status


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
