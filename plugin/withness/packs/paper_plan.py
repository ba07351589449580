"""The plan on paper: one member's share of it, or an empty form to fill in by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

from withness.core.goal import AcceptanceStatus, Frame, Goal
from withness.core.plan import ChartGoal, ChartPlan
from withness.core.template import Both, Count, Exists, Measure, PlanTemplate, Ratio, Yes
from withness.core.terms import Lead, UnitKind
from withness.packs.load import load_suitability
from withness.packs.paper_page import page

PREVIEW: Final = "NOT RELEASED: a preview"
DRAFT: Final = "NOT RELEASED: a draft on paper"
"""What stands on every page of a plan that the gate has not released (contracts I7)."""

_ANSWERED: Final = {
    AcceptanceStatus.AGREE: "agreed",
    AcceptanceStatus.PENDING: "not yet agreed",
    AcceptanceStatus.DISAGREE: "declined",
}
_RESPONSIBLE: Final = {
    "client": "The client",
    "partners": "The partners",
    "family": "The family",
    "therapist": "The therapist",
    "client-and-therapist": "Client and therapist",
}


@dataclass(frozen=True)
class Answered:
    """What one person said to a goal, `reason` in their own words."""

    who: str
    said: str
    reason: str


@dataclass(frozen=True)
class PaperGoal:
    """One goal on paper, as one member may see it."""

    number: int
    status: str
    words: str
    title: str
    measure: str
    parts: tuple[str, ...]
    target: str
    limit: str
    responsible: str
    payer_words: str
    answers: tuple[Answered, ...]


def paper_plan(plan: ChartPlan, *, title_of_problem: Mapping[str, str], released: bool, notice: str) -> str:
    """Return one member's share of a plan as one HTML page to print; what another member said is not in it.

    Unless `released`, every page says so. `notice` is one more sentence, or "". Raises InvalidContent naming
    the template.
    """
    options = {one.id: one.text for one in load_suitability().structure_options if one.id != "unsaid"}
    templates = {one.goal.template.id: one.goal.template for one in plan.goals}
    return page(
        "plan",
        mark="" if released else PREVIEW,
        notice=notice,
        plan=plan,
        shared=plan.unit_kind is not UnitKind.INDIVIDUAL,
        problems=[title_of_problem.get(one, one) for one in plan.problems],
        rhythm=_rhythm(plan.frame),
        structure=options.get(plan.frame.structure_wanted, ""),
        goals=[paper_goal(one, plan, number) for number, one in enumerate(plan.goals, start=1)],
        psychoeducation=[(name, words) for name, words in plan.psychoeducation.items() if words.strip()],
        guardians=[
            Answered(f"Guardian ({one.who})", _ANSWERED[one.status], one.reason or "") for one in plan.guardians
        ],
        signatures=[
            {"who": _who(one.who, plan), "when": one.when.isoformat(timespec="minutes"), "meaning": one.meaning}
            for one in plan.signatures
        ],
        evidence=[f"{one.title}: {one.evidence}" for one in templates.values()],
        suitability=load_suitability(),
    )


def paper_plan_blank(
    templates: Mapping[str, PlanTemplate], *, title_of_problem: Mapping[str, str] | None = None, notice: str = ""
) -> str:
    """Return an empty plan form as one HTML page to print and fill in by hand; no goal is chosen on it.

    Raises InvalidContent naming the template.
    """
    return page(
        "plan",
        mark=DRAFT,
        notice=notice,
        plan=None,
        problems=list((title_of_problem or {}).values()),
        templates=list(templates.values()),
        responsible=list(_RESPONSIBLE.values()),
        units=[one.value.capitalize() for one in UnitKind],
        leads=[one.value.capitalize() for one in Lead],
        psychoeducation=[],
        guardians=[],
        signatures=[],
        evidence=[],
        suitability=load_suitability(),
    )


def paper_goal(one: ChartGoal, plan: ChartPlan, number: int) -> PaperGoal:
    """Return one goal of a member's plan in the words of a page."""
    goal = one.goal
    due, estimated = goal.due(plan.frame)
    answers = [Answered(_who(given.who, plan), _ANSWERED[given.status], given.reason or "") for given in one.acceptance]
    if all(given.who != plan.member for given in one.acceptance):
        answers.insert(0, Answered(_who(plan.member, plan), _ANSWERED[one.status], one.reason or ""))
    return PaperGoal(
        number=number,
        status=_ANSWERED[one.status],
        words=goal.words,
        title=goal.template.title,
        measure=goal.template.measure.text,
        parts=tuple(part.text for part in goal.template.measure.parts),
        target=_target(goal, plan),
        limit=f"{goal.within.sentence()} (by {due.isoformat()}{', estimated' if estimated else ''})",
        responsible=_RESPONSIBLE.get(goal.responsible, goal.responsible),
        payer_words=goal.payer_words or "",
        answers=tuple(answers),
    )


def _who(person: str, plan: ChartPlan) -> str:
    return "The client" if person == plan.member else "The clinician"


def how_often(frame: Frame) -> str:
    """Return how often the conversations are, such as: every 2 weeks."""
    return "every week" if frame.frequency_weeks == 1 else f"every {frame.frequency_weeks} weeks"


def _rhythm(frame: Frame) -> str:
    return f"Conversation of {frame.session_minutes} minutes, {how_often(frame)}"


def _target(goal: Goal, plan: ChartPlan) -> str:
    measure, target = goal.template.measure, goal.target
    by_each = measure.each_partner if plan.unit_kind is UnitKind.COUPLE else 0
    each = f" with at least {by_each} by each partner" if by_each else ""
    match target:
        case Count():
            return f"at least {_counted(target.count, measure)}{each}"
        case Ratio():
            return f"at least {target.count} of {_counted(target.of, measure)}{each}"
        case Exists():
            return measure.artefact or "it is there"
        case Yes():
            return "yes"
        case Both():
            return "both of these"
        case _:
            assert_never(target)


def _counted(number: int, measure: Measure) -> str:
    unit = measure.unit_one if number == 1 and measure.unit_one else measure.unit
    return f"{number} {unit}".rstrip()
