"""Amending a plan: what it amends, what the chart holds of it, how two drafts differ, and what only adds safety."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import instant
from withness.core.plan import ChartPlan, Plan, charts
from withness.desk.context import Context
from withness.desk.goal_versions import check_replaced, instead_of
from withness.desk.shares import ACTIVE, OVER, share_of
from withness.ehr.port import Stored
from withness.errors import Conflict, InvalidInput, WithnessError
from withness.fhir import status
from withness.fhir.making import Resource, Standing
from withness.fhir.plan_resources import goal_key
from withness.store.rows import PlanRow, PlanState
from withness.store.transaction import Transaction

_OWN: Final = ("supersedes", "request_id", "encounter", "signatures")
"""What is always another's in an amendment: no difference of the plan itself."""


@dataclass(frozen=True)
class Base:
    """The plan that an amendment names, and each member's CarePlan and Goals as the EHR holds them now.

    `unread` are the members whose chart could not be asked.
    """

    row: PlanRow
    version: str
    live: Mapping[str, Stored]
    goals: Mapping[str, tuple[Stored, ...]]
    unread: frozenset[str]

    @property
    def current(self) -> str:
        """The plan's newest version."""
        return version_of(self.row)

    def require_whole(self) -> None:
        """Raise InvalidInput when a member's part is over: only safety may still be added to what is left."""
        if any(_over(self.row, member) for member in self.row.content["charts"]):
            said = "supersedes.plan cannot be amended: a part of it is over. Make a new plan."
            raise InvalidInput(said, field="supersedes.plan")

    def standing(self) -> dict[str, Standing]:
        """Return what each member's chart holds, for the making of the amended resources."""
        known: Mapping[str, Mapping[str, Any]] = self.row.content["charts"]
        return {
            member: Standing(stored.resource, known[member].get("goals", {})) for member, stored in self.live.items()
        }


def version_of(row: PlanRow) -> str:
    """Return the number of a plan's newest version."""
    return str(row.content.get("version", 1))


def base_of(context: Context, plan: Plan) -> Base | None:
    """Return what `plan` amends, None for a new plan. Raises InvalidInput naming what cannot be amended."""
    if plan.supersedes is None:
        return None
    id, version = plan.supersedes
    with context.store.transaction() as tx:
        row = tx.plan(id)
    row = require(row, plan)
    check_replaced(context, row, plan)
    live, goals, unread = {}, {}, set()
    for member in plan.unit.members:
        reference = None if _over(row, member) else share_of(row, member).get("care_plan")
        try:
            stored = context.ehr.read(reference) if reference else None
            if stored is not None:
                goals[member] = tuple(_goals(context, row, member))
                live[member] = stored
        except WithnessError:
            unread.add(member)  # the gate holds meanwhile; what only adds safety needs no look
            continue
        if reference and (stored is None or stored.resource.get("status") in _FINAL):
            raise Conflict("The EHR says that this plan is over, or does not hold it.", field="supersedes.plan")
    return Base(row, version, live, goals, frozenset(unread))


def _over(row: PlanRow, member: str) -> bool:
    return share_of(row, member).get("state") in OVER


_FINAL: Final = ("completed", "revoked", "entered-in-error")


def _goals(context: Context, row: PlanRow, member: str) -> Iterator[Stored]:
    known: Mapping[str, str] = row.content["charts"][member].get("goals", {})
    for id in known.values():
        stored = context.ehr.read(f"Goal/{id}")
        if stored is not None:
            yield stored


def require(row: PlanRow | None, plan: Plan) -> PlanRow:
    """Return the plan that may be amended. Raises InvalidInput."""
    if row is None or row.content.get("amends"):
        raise InvalidInput("supersedes.plan names no plan.", field="supersedes.plan", hint="Run: withness plan list")
    if row.state not in ACTIVE or "charts" not in row.content:
        said = {
            PlanState.HELD: "it is a working copy, never saved: save it as a new plan (supersedes null)",
            PlanState.WITHHELD: "it is a working copy, never saved: save it as a new plan (supersedes null)",
            PlanState.APPROVED: "it has not reached the EHR yet: run withness sync first",
        }.get(row.state, "it is over")
        raise InvalidInput(f"supersedes.plan cannot be amended: {said}.", field="supersedes.plan")
    unit = row.content["draft"]["unit"]
    if unit["kind"] != plan.unit.kind.value or list(unit["members"]) != list(plan.unit.members):
        raise InvalidInput("An amendment keeps the unit: other people make a new plan.", field="unit")
    return row


def differences(current: Any, given: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Yield where two drafts differ: the field's path, what stands now and what was given."""
    if isinstance(current, Mapping) and isinstance(given, Mapping):
        for key in dict.fromkeys((*current, *given)):
            if path or key not in _OWN:
                yield from differences(current.get(key), given.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(current, list) and isinstance(given, list):
        for index in range(max(len(current), len(given))):
            now = current[index] if index < len(current) else None
            yours = given[index] if index < len(given) else None
            yield from differences(now, yours, f"{path}[{index}]")
    elif current != given:
        yield {"field": path, "now": current, "yours": given}


def only_safety(current: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the numbers of the goals added when nothing but safety is added, None for any other difference."""
    before, after = current["goals"], given["goals"]
    if after[: len(before)] != before:
        return None
    added = after[len(before) :]
    if any(one.get("category") != "safety" for one in added):
        return None
    kept = {**given, "goals": before, "safety_plan": current.get("safety_plan")}
    if any(differences({"safety_plan": None, **current}, kept)):
        return None
    new_reference = given.get("safety_plan") != current.get("safety_plan") and given.get("safety_plan") is not None
    if given.get("safety_plan") is None and current.get("safety_plan") is not None:
        return None
    return tuple(range(len(before), len(after))) if added or new_reference else None


def besides_safety(current: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields that a draft changes beside the safety that it adds; none where it adds no safety."""
    added = [one for one in given["goals"] if one.get("category") == "safety" and one not in current["goals"]]
    more = given.get("safety_plan") not in (None, current.get("safety_plan"))
    rest = {**given, "goals": [one for one in given["goals"] if one not in added]}
    if more:
        rest["safety_plan"] = current.get("safety_plan")
    found = differences({"safety_plan": None, **current}, {"safety_plan": None, **rest})
    named = tuple(one["field"] for one in found) or ("goals",)  # nothing but their order
    return named if added or more else ()


def dropped_goals(
    context: Context, base: Base, chart: ChartPlan, made: Mapping[str, str], at: datetime
) -> list[tuple[Resource, str]]:
    """Return the goals that the amendment leaves out, as cancelled, with their versions.

    One whose place another takes names it; `made` are the ids of the new version's goals by their keys.
    """
    known: Mapping[str, str] = base.row.content["charts"][chart.member].get("goals", {})
    gone = {id: key for key, id in known.items() if key not in made}
    instead = instead_of(context, base.row, chart, made)
    found = []
    for stored in base.goals.get(chart.member, ()):
        key = gone.get(stored.resource["id"])
        changed = (
            None if key is None else status.goal_status(stored.resource, lifecycle="cancelled", at=at, reason=REPLACED)
        )
        if changed is not None and key in instead:
            changed = status.goal_replaced(changed, f"Goal/{instead[key]}")
        found += [(changed, stored.version)] if changed is not None else []
    return found


REPLACED: Final = "Replaced in the plan's new version"


def withdrawn(base: Base, plan: Plan, at: datetime) -> list[tuple[Resource, str]]:
    """Return the plan and goals of members who agree to no goal any more: no plan is active without a yes."""
    agreed = {chart.member for chart in charts(plan)}
    found: list[tuple[Resource, str]] = []
    for member, stored in base.live.items():
        if member in agreed:
            continue
        closed = status.care_plan_closed(stored.resource, status="revoked", at=at, note=WITHDRAWN, author=plan.author)
        found += [(closed, stored.version)] if closed is not None else []
        for goal in base.goals.get(member, ()):
            gone = status.goal_status(goal.resource, lifecycle="cancelled", at=at, reason=WITHDRAWN)
            found += [(gone, goal.version)] if gone is not None else []
    return found


WITHDRAWN: Final = "Not agreed to any more"


def charts_in(bundle: Mapping[str, Any], plan: Plan) -> dict[str, dict[str, Any]]:
    """Return, by member, the CarePlan and the goals that a Bundle puts into their chart."""
    plans = {
        entry["resource"]["subject"]["reference"]: entry["request"]["url"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "CarePlan"
    }
    goals = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Goal"]
    found = {}
    for chart in charts(plan):
        mine = [one for one in goals if one["subject"]["reference"] == chart.member and not _cancelled(one)]
        keys = {goal_key(one.goal): made["id"] for one, made in zip(chart.goals, mine, strict=True)}
        found[chart.member] = {"care_plan": plans[chart.member], "goals": keys, "state": PlanState.DELIVERED.value}
    return found


def _cancelled(goal: Mapping[str, Any]) -> bool:
    return goal.get("lifecycleStatus") == "cancelled"


def supersede(
    tx: Transaction,
    base: PlanRow,
    draft: Mapping[str, Any],
    decision_id: str,
    found: Mapping[str, Any],
    at: datetime,
    *,
    added: tuple[int, ...] | None = None,
) -> None:
    """Note on the amended plan that a newer version stands, and what stood before it.

    `added` are the goals of a version that only adds safety; without it the version waits for its delivery.
    """
    now = tx.plan(base.id) or base
    before = now.content["charts"]
    step = {
        "version": version_of(now),
        "at": instant(at),
        "draft": now.content["draft"],
        "goals": {member: one.get("goals", {}) for member, one in before.items()},
        "states": {member: one.get("state") for member, one in before.items()},
        "by": decision_id,
        "added": None if added is None else [draft["goals"][number] for number in added],
        "safety_plan": draft.get("safety_plan"),
    }
    gone = {member: {**one, "state": PlanState.CLOSED.value} for member, one in before.items() if member not in found}
    kept = ("state", "holds")
    merged = {
        member: {**one, **{name: before[member][name] for name in kept if name in before.get(member, {})}}
        for member, one in found.items()
    }
    content = {
        **now.content,
        "draft": dict(draft),
        "version": int(version_of(now)) + 1,
        "versions": [*now.content.get("versions", []), step],
        "charts": {**before, **gone, **merged},
        "pending": now.content.get("pending") if added is not None else decision_id,
    }
    tx.put_plan(replace(now, updated_at=instant(at), content=content))


def delivered(tx: Transaction, base_id: str, decision_id: str, at: datetime) -> None:
    """Note that a version has reached the EHR: nothing waits any more."""
    now = tx.plan(base_id)
    if now is not None and now.content.get("pending") == decision_id:
        tx.put_plan(replace(now, updated_at=instant(at), content={**now.content, "pending": None}))


def take_back(tx: Transaction, base_id: str, decision_id: str, at: datetime) -> None:
    """Let what stood before a version stand again: it never reached the EHR. Safety that was added since, stays."""
    now = tx.plan(base_id)
    steps = now.content.get("versions", []) if now else []
    index = next((number for number, one in enumerate(steps) if one["by"] == decision_id), None)
    if now is None or index is None:
        return
    draft, charts = dict(steps[index]["draft"]), dict(now.content["charts"])
    taken = steps[index + 1]["goals"] if index + 1 < len(steps) else {m: one["goals"] for m, one in charts.items()}
    for later in steps[index + 1 :]:
        draft["goals"] = [*draft["goals"], *(later["added"] or [])]
        if later["safety_plan"]:
            draft["safety_plan"] = later["safety_plan"]
    for member, one in charts.items():
        since = {key: id for key, id in one.get("goals", {}).items() if key not in taken.get(member, {})}
        state = steps[index]["states"].get(member, one["state"])  # who withdrew in it has not withdrawn
        charts[member] = {**one, "state": state, "goals": {**steps[index]["goals"].get(member, {}), **since}}
    content = {
        **now.content,
        "draft": draft,
        "charts": charts,
        "version": int(version_of(now)) + 1,
        "versions": [*steps[:index], *steps[index + 1 :]],
        "pending": None,
    }
    tx.put_plan(replace(now, updated_at=instant(at), content=content))
