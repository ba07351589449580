"""A plan's goals over its versions: which takes whose place, and from which day each one counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from withness.audit.record import moment
from withness.core.goal import Goal
from withness.core.plan import ChartPlan, Plan
from withness.desk.context import Context
from withness.desk.draft import read_draft
from withness.desk.shares import share_of
from withness.errors import InvalidInput
from withness.fhir.plan_resources import goal_key
from withness.store.rows import PlanRow


def instead_of(context: Context, row: PlanRow, chart: ChartPlan, made: Mapping[str, str]) -> dict[str, str]:
    """Return the id of the goal that takes another's place, by that other's key; `made` are new ids by their keys.

    A goal with the same words and another target or limit takes the place of the one that it was.
    """
    before = read_draft(row.content["draft"], context.templates).goals
    instead: dict[str, str] = {}
    for one in chart.goals:
        key = goal_key(one.goal)
        same = [old for old in before if _said(old) == _said(one.goal) and goal_key(old) not in made]
        old = same if one.goal.replaces is None else [before[one.goal.replaces]]
        instead |= {goal_key(gone): made[key] for gone in old if goal_key(gone) != key}
    return instead


def _said(goal: Goal) -> tuple[str, str | None, str]:
    return goal.template.id, goal.by, goal.words


def check_replaced(context: Context, row: PlanRow, plan: Plan) -> None:
    """Raise InvalidInput for a goal that takes the place of none, of one that stays, or of somebody else's."""
    before = read_draft(row.content["draft"], context.templates).goals
    kept = {goal_key(goal) for goal in plan.goals}
    for number, goal in enumerate(plan.goals):
        if goal.replaces is None:
            continue
        field = f"goals[{number}].replaces"
        if goal.replaces >= len(before):
            raise InvalidInput(f"{field} names no goal of the version that is amended.", field=field)
        if goal_key(before[goal.replaces]) in kept:
            raise InvalidInput(f"{field} names a goal that stays in the plan.", field=field)
        if before[goal.replaces].by != goal.by:
            raise InvalidInput(f"{field} names a goal that is somebody else's.", field=field)
        if goal.replaces in [other.replaces for other in plan.goals[:number]]:
            raise InvalidInput(f"{field} names a goal whose place another one takes already.", field=field)


def goal_start(context: Context, row: PlanRow, member: str, key: str) -> tuple[date, str]:
    """Return from when a goal of a member's chart counts: the day, and the session in which it was agreed.

    That is the plan's first day, or the one on which the version was saved that it came with.
    """
    steps = row.content.get("versions", ())
    charts_then = [step["goals"].get(member, {}) for step in steps] + [share_of(row, member).get("goals", {})]
    drafts = [step["draft"] for step in steps] + [row.content["draft"]]
    first = len(steps)
    while first and key in charts_then[first - 1]:  # one that was dropped and agreed to again has begun again
        first -= 1
    start = date.fromisoformat(drafts[first]["frame"]["start"])
    if first:
        start = max(start, moment(steps[first - 1]["at"]).astimezone(context.settings.zone).date())
    return start, drafts[first]["encounter"]
