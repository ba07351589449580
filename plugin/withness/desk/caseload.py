"""The plans at a glance: what is due, what grows stale, and which goals ask for a second look. Nothing is decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from withness.core.achievement import Achievement
from withness.core.decline import ReviewRules
from withness.core.windows import amendable_until
from withness.desk.context import Context
from withness.desk.goal_delivery import count
from withness.desk.goals import Tracked, known_of
from withness.desk.reviews import due_of, told_of
from withness.desk.shares import ACTIVE, members_of, share_of
from withness.errors import SealBroken, WithnessError
from withness.fhir.answers import screen_from_canonical
from withness.packs.review_rules import load_review_rules
from withness.store.rows import PlanRow
from withness.store.transaction import Transaction

ASKED: Final = (Achievement.NOT_ATTAINABLE, Achievement.NOT_ACHIEVED, Achievement.NOT_MEASURED)
"""How a goal may stand that its people talk about again."""


@dataclass(frozen=True)
class Case:
    """What is to be done about one active plan: days, and how many of its goals ask for a second look.

    `screen_until`: the day from which an amendment needs a fresh screen of somebody, None where one has none that can
    be read. `goals` is None where it was not asked for, or the EHR could not be; so is `answers`: whether
    something in a member's answers asks for a look.
    """

    plan: str
    review_due: date
    review: str
    screen_until: date | None
    stale: bool
    goals: int | None
    answers: bool | None

    def as_dict(self) -> dict[str, Any]:
        """Return it as values."""
        return {
            "review_due": self.review_due.isoformat(),
            "review": self.review,
            "screen_until": self.screen_until.isoformat() if self.screen_until else None,
            "stale": self.stale,
            "goals_at_risk": self.goals,
            "look_at_answers": self.answers,
        }


def caseload(context: Context, *, goals: bool = False) -> dict[str, Case]:
    """Return each active plan's case by its id; with `goals` they are counted, from the EHR. Raises CannotTell."""
    rules, today = load_review_rules(context.settings.packs), context.now().astimezone(context.settings.zone).date()
    with context.store.transaction() as tx:
        rows = [(row, _screen_until(tx, context, row)) for row in _active(tx)]
    return {row.id: _case(context, row, until, rules, today, goals=goals) for row, until in rows}


def _active(tx: Transaction) -> Iterator[PlanRow]:
    for id in tx.plan_ids():
        try:
            row = tx.plan(id)
        except SealBroken:
            continue
        if row is not None and row.state in ACTIVE and not row.content.get("amends"):
            yield row


def _case(context: Context, row: PlanRow, until: date | None, rules: ReviewRules, today: date, *, goals: bool) -> Case:
    due = due_of(row, rules)
    review = "overdue" if due < today else "due" if due <= today + timedelta(days=rules.due_days) else ""
    stale = until is None or until <= today
    risk, answers = _looked_at(context, row, rules, today) if goals else (None, None)
    return Case(row.id, due, review, until, stale, risk, answers)


def _screen_until(tx: Transaction, context: Context, row: PlanRow) -> date | None:
    """Return the day on which the first of the members needs a fresh screen; whose it is, nobody is told."""
    days = []
    for member in members_of(row):
        rows, _ = tx.readable_screens(member)
        if not rows:
            return None
        newest = screen_from_canonical(rows[-1].content["answers"], id=rows[-1].id)
        until = amendable_until(context.policy, newest, context.settings.zone)
        if until is None:
            return None
        days.append(until.astimezone(context.settings.zone).date() + timedelta(days=1))
    return min(days)


def _looked_at(context: Context, row: PlanRow, rules: ReviewRules, today: date) -> tuple[int, bool] | tuple[None, None]:
    """Return how many goals of the plan ask for a second look, and whether somebody's answers do; whose, is not told.

    None where the EHR could not be asked.
    """
    found, answers = set(), False
    try:
        for member in members_of(row):
            if "care_plan" in share_of(row, member):
                found |= {one.chart_goal.number for one in count(context, row, member) if asks(one, rules, today)}
                known = known_of(context, member, row.content["draft"]["author"])
                answers = answers or bool(told_of(context, known, member))
    except WithnessError:
        return None, None
    return len(found), answers


def asks(one: Tracked, rules: ReviewRules, today: date) -> bool:
    """Whether a goal asks for a second look: out of reach, not measured, or its window is nearly over."""
    found = one.progress
    if found.status in ASKED:
        return True
    if found.status is not Achievement.IN_PROGRESS:
        return False
    few = found.left is not None and found.left <= rules.few_sessions_left
    return few or (found.until is not None and found.until <= today + timedelta(days=rules.due_days))
