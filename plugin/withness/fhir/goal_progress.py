"""How far a goal has come → its Goal resource, and which Observations show it (R4 goal.html; FHIR facts 2.1, 2.3).

What others wrote into the Goal stays; a Goal that is over, or was never agreed to, is left as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from typing import Any, Final

from withness.core.achievement import Achievement, Progress
from withness.fhir import codes
from withness.fhir.making import Resource

_OPEN: Final = ("accepted", "active", "on-hold")
_SYSTEMS: Final = (codes.GOAL_ACHIEVEMENT, codes.CHECK_IN_RESULTS)
_TEXTS: Final = {
    Achievement.IN_PROGRESS: "In progress",
    Achievement.ACHIEVED: "Achieved",
    Achievement.NOT_MEASURED: (
        "Not measured: what was recorded cannot decide it (answers skipped, left open or not asked). "
        "This is not a finding that the goal was not met."
    ),
    Achievement.NOT_ATTAINABLE: "Can no longer be reached in the agreed time",
    Achievement.NOT_ACHIEVED: "Not achieved in the agreed time",
}


def achievement(status: Achievement) -> Resource:
    """Return Goal.achievementStatus (preferred binding goal-achievement; `not-measured` is our own)."""
    system = codes.CHECK_IN_RESULTS if status is Achievement.NOT_MEASURED else codes.GOAL_ACHIEVEMENT
    return {"coding": [{"system": system, "code": status.value}], "text": _TEXTS[status]}


def goal_with(
    stored: Mapping[str, Any], progress: Progress, outcomes: Collection[str], *, ours: Collection[str]
) -> Resource | None:
    """Return the Goal with its achievement and outcomes, None when it says so already or is over.

    `outcomes` are references to the Observations that show it, `ours` those that Withness may have named before: what
    others named stays. statusDate is the day since which it is so.
    """
    if stored.get("resourceType") != "Goal" or stored.get("lifecycleStatus") not in _OPEN:
        return None
    changed = deepcopy(dict(stored))
    changed["achievementStatus"] = achievement(progress.status)
    if _code(stored) != _code(changed):
        changed["statusDate"] = progress.on.isoformat()
    else:
        changed["achievementStatus"] = stored["achievementStatus"]
    kept = [one for one in _listed(stored.get("outcomeReference")) if one.get("reference") not in ours]
    named = [*kept, *({"reference": one} for one in outcomes)]
    changed |= {"outcomeReference": named} if named else {}
    if not named:
        changed.pop("outcomeReference", None)
    return changed if changed != stored else None


def outcomes_of(goal: Mapping[str, Any]) -> list[str]:
    """Return the references of Goal.outcomeReference."""
    return [str(one.get("reference")) for one in _listed(goal.get("outcomeReference"))]


def _code(goal: Mapping[str, Any]) -> list[tuple[object, object]]:
    """Return the status as we write it; what an EHR says beside it in a code system of its own stays."""
    status = goal.get("achievementStatus")
    listed = _listed(status.get("coding")) if isinstance(status, Mapping) else []
    return [(one.get("system"), one.get("code")) for one in listed if one.get("system") in _SYSTEMS]


def _listed(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def carried_over(made: Resource, stored: Mapping[str, Any]) -> Resource:
    """Return a goal of a plan's new version with its first day and what its check-ins came to.

    An amendment takes nothing of it back.
    """
    if made.get("resourceType") != "Goal" or made.get("lifecycleStatus") not in _OPEN:
        return made
    names = ("startDate", "achievementStatus", "statusDate", "outcomeReference")
    return {**made, **{name: stored[name] for name in names if name in stored}}
