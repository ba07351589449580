"""Amending a plan: what it amends, what the chart holds of it, how two drafts differ, and what only adds safety."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import instant
from withness.core.plan import ChartPlan, Plan, charts
from withness.desk.context import Context
from withness.desk.shares import ACTIVE, share_of
from withness.ehr.port import Stored
from withness.errors import InvalidInput, WithnessError
from withness.fhir import status
from withness.fhir.making import Resource, Standing
from withness.fhir.plan_resources import goal_key
from withness.store.rows import PlanRow, PlanState
from withness.store.transaction import Transaction

_OWN: Final = ("supersedes", "request_id", "encounter", "signatures")
"""What is always another's in an amendment: no difference of the plan itself."""


@dataclass(frozen=True)
class Base:
    """The plan that an amendment names, and each member's CarePlan and Goals as the EHR holds them now."""

    row: PlanRow
    version: str
    live: Mapping[str, Stored]
    goals: Mapping[str, tuple[Stored, ...]]

    @property
    def current(self) -> str:
        """The plan's newest version."""
        return version_of(self.row)

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
    live, goals = {}, {}
    for member in plan.unit.members:
        reference = share_of(row, member).get("care_plan")
        try:
            stored = context.ehr.read(reference) if reference else None
            if stored is not None:
                live[member] = stored
                goals[member] = tuple(_goals(context, row, member))
        except WithnessError:
            continue  # the gate holds while the EHR cannot be asked; what only adds safety needs no look
    return Base(row, version, live, goals)


def _goals(context: Context, row: PlanRow, member: str) -> Iterator[Stored]:
    known: Mapping[str, str] = row.content["charts"][member].get("goals", {})
    for id in known.values():
        stored = context.ehr.read(f"Goal/{id}")
        if stored is not None:
            yield stored


def require(row: PlanRow | None, plan: Plan) -> PlanRow:
    """Return the plan that may be amended. Raises InvalidInput."""
    if row is None:
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


def dropped_goals(base: Base, chart: ChartPlan, at: datetime) -> list[tuple[Resource, str]]:
    """Return the goals that the amendment leaves out, as cancelled, with their versions."""
    kept = {goal_key(one.goal) for one in chart.goals}
    known: Mapping[str, str] = base.row.content["charts"][chart.member].get("goals", {})
    gone = {id for key, id in known.items() if key not in kept}
    found = []
    for stored in base.goals.get(chart.member, ()):
        if stored.resource["id"] in gone:
            changed = status.goal_status(
                stored.resource, lifecycle="cancelled", at=at, reason="Replaced in the plan's new version"
            )
            found += [(changed, stored.version)] if changed is not None else []
    return found


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
    tx: Transaction, base: PlanRow, draft: Mapping[str, Any], decision_id: str, found: Mapping[str, Any], at: datetime
) -> None:
    """Note on the amended plan that a newer version stands: its draft, and the one before it."""
    now = tx.plan(base.id) or base
    versions = [*now.content.get("versions", []), {"version": version_of(now), "draft": now.content["draft"]}]
    before = now.content["charts"]
    kept = ("state", "holds")
    merged = {
        member: {**one, **{name: before[member][name] for name in kept if name in before.get(member, {})}}
        for member, one in found.items()
    }
    content = {
        **now.content,
        "draft": dict(draft),
        "version": int(version_of(now)) + 1,
        "versions": versions,
        "charts": {**now.content["charts"], **merged},
        "amended_by": decision_id,
    }
    tx.put_plan(replace(now, updated_at=instant(at), content=content))


def take_back(tx: Transaction, base_id: str, at: datetime) -> None:
    """Let the version before stand again: the newer one was withheld and never reached the EHR."""
    now = tx.plan(base_id)
    if now is None or not now.content.get("versions"):
        return
    last = now.content["versions"][-1]
    content = {**now.content, "draft": last["draft"], "version": int(version_of(now)) + 1}
    tx.put_plan(replace(now, updated_at=instant(at), content=content))
