"""How a goal of a draft is measured: its forms of time limit and target, as the plan has them."""

from __future__ import annotations

from withness.core.template import Both, Count, Exists, Limit, LimitKind, Ratio, Target, Yes
from withness.desk.draft_form import (
    AllForm,
    BySessionForm,
    CountForm,
    ExistsForm,
    GoalForm,
    SessionsForm,
    WeeksForm,
    YesForm,
)


def limit_of(goal: GoalForm) -> Limit | None:
    """Return a goal's time limit, None where the draft names none."""
    match goal.within:
        case SessionsForm(sessions=number):
            return Limit(LimitKind.SESSIONS, number)
        case BySessionForm(by_session=number):
            return Limit(LimitKind.BY_SESSION, number)
        case WeeksForm(weeks=number):
            return Limit(LimitKind.WEEKS, number)
        case _:
            return None


def target_of(goal: GoalForm) -> Target | None:
    """Return a goal's target, None where the draft names none."""
    match goal.target:
        case CountForm(count=count, of=None):
            return Count(count)
        case CountForm(count=count, of=int(of)):
            return Ratio(count, of)
        case ExistsForm():
            return Exists()
        case YesForm():
            return Yes()
        case AllForm(all=[first, second]):
            return Both((first, second))
        case _:
            return None
