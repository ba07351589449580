"""One member's share of a released plan → CarePlan, Goals, QuestionnaireResponse, Provenance (FHIR R4).

Plain dictionaries in a fixed key order: the same input gives the same resources. Nothing here decides, and
nothing here names anybody but the member and the clinician (contracts I8).
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Final, assert_never
from uuid import UUID, uuid5

from withness.core.gate import Decision, MemberDecision, Released
from withness.core.goal import AcceptanceStatus, Frame, Goal
from withness.core.plan import ChartGoal, ChartPlan
from withness.core.risk import RiskPolicy
from withness.core.template import Both, Count, Exists, LimitKind, Ratio, Yes
from withness.core.terms import UnitKind
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.making import Making, Resource
from withness.fhir.narrative import TITLE, each_partner, form, goal_notes, plan_narrative, plan_notes, rhythm
from withness.fhir.provenance import provenance, screen_copy

_LIFECYCLE: Final = {
    AcceptanceStatus.AGREE: "active",
    AcceptanceStatus.PENDING: "proposed",
    AcceptanceStatus.DISAGREE: "rejected",
}
_IN_PROGRESS: Final = {"coding": [{"system": codes.GOAL_ACHIEVEMENT, "code": "in-progress"}]}


def chart_resources(chart: ChartPlan, released: Released, making: Making, policy: RiskPolicy) -> tuple[Resource, ...]:
    """Return the CarePlan, Goals, QuestionnaireResponse and Provenance of one member.

    Ids come from the decision, the screen and the member, so that a retry makes the same ones; an amendment keeps
    the ids of the plan and of the goals whose words it leaves as they are. Raises InvalidInput when the released
    decision does not cover this member on the screen given, or an id is no UUID.
    """
    decision = released.decision
    judged = _judged(chart, decision, making)
    space, member = _uuid(decision.id, field="decision.id"), chart.member
    there = (making.standing or {}).get(member)
    plan_id = str(there.care_plan["id"]) if there else str(uuid5(space, f"{member}|CarePlan"))
    known = there.goals if there else {}
    goal_ids = [
        known.get(goal_key(one.goal)) or str(uuid5(space, f"{member}|Goal|{one.number}")) for one in chart.goals
    ]
    screen_id = screen_copy_id(making.screen_ids[member])
    plan, screen = f"CarePlan/{plan_id}", f"QuestionnaireResponse/{screen_id}"
    goals = [f"Goal/{id}" for id in goal_ids]
    return (
        _care_plan(chart, judged, decision, making, id=plan_id, goals=goals, screen=screen),
        *(_goal(one, chart, decision, making, id=id) for one, id in zip(chart.goals, goal_ids, strict=True)),
        screen_copy(chart, decision, making, policy, id=screen_id),
        provenance(
            chart,
            decision,
            making,
            id=str(uuid5(space, f"{member}|Provenance")),
            targets=(plan, *goals, screen),
            screen=screen,
        ),
    )


def screen_copy_id(screen: str) -> str:
    """Return the id that a recorded screen's copy has in a chart. Raises InvalidInput for an id that is no UUID."""
    return str(uuid5(_uuid(screen, field="screen_ids"), "QuestionnaireResponse"))


def goal_key(goal: Goal) -> str:
    """Return what makes a goal the same one after an amendment: whose, by which template, target and limit, in which
    words.

    A goal is never silently edited: one with another target is another goal.
    """
    target = ",".join(f"{name}={value}" for name, value in vars(goal.target).items())
    limit = f"{goal.within.kind.value}={goal.within.number}"
    return f"{goal.template.id}|{goal.by or ''}|{target}|{limit}|{goal.words}"


def _judged(chart: ChartPlan, decision: Decision, making: Making) -> MemberDecision:
    judged = next((one for one in decision.members if one.person == chart.member), None)
    if judged is None or not judged.released:
        raise InvalidInput("The decision does not release a member of this plan.", field="unit.members")
    if chart.member not in making.screens or making.screen_ids.get(chart.member) != judged.screen:
        raise InvalidInput("The screen given is not the one that the decision was made on.", field="screens")
    return judged


def goal_words(key: str) -> str:
    """Return the words of the goal that `goal_key` made a key of: what stands before them never holds the mark."""
    return key.split("|", 4)[4]


def _mark(decision: Decision, member: str) -> str:
    """Return the decision as this chart names it: a unit's charts share one identifier, the plan's, and no other."""
    return str(uuid5(UUID(decision.id), f"{member}|decision")) if decision.shared else decision.id


def _uuid(text: str, *, field: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(f"{field} must be a UUID.", field=field) from None


# --- CarePlan ------------------------------------------------------------------------------------------------


def _care_plan(
    chart: ChartPlan,
    judged: MemberDecision,
    decision: Decision,
    making: Making,
    *,
    id: str,
    goals: list[str],
    screen: str,
) -> Resource:
    """Return the CarePlan (R4 careplan.html; cpl-3: an activity has a detail or a reference, never both)."""
    notes = plan_notes(chart, judged)
    there = (making.standing or {}).get(chart.member)
    before = there.care_plan if there else {}
    templates = dict.fromkeys(
        f"{codes.BASE}/PlanDefinition/{one.goal.template.id}|{one.goal.template.version}" for one in chart.goals
    )
    resource: Resource = {
        "resourceType": "CarePlan",
        "id": id,
        "meta": making.meta("us-core-careplan", decision, ours=codes.COLLABORATIVE_CARE_PLAN),
        "text": plan_narrative(chart, notes),
        "identifier": [
            {"system": codes.UNIT_PLAN, "value": making.unit_plan},
            {"system": codes.DECISION, "value": _mark(decision, chart.member)},
            {"system": codes.PLAN, "value": id},
        ],
        "instantiatesCanonical": list(templates),
        "status": "on-hold" if before.get("status") == "on-hold" else "active",
        "intent": "plan",
        "category": [codes.CARE_PLAN_CATEGORY],
        "title": TITLE,
        "description": chart.words,
        "subject": {"reference": chart.member},
        "encounter": None if chart.encounter is None else {"reference": chart.encounter},
        "period": {"start": chart.frame.start.isoformat(), "end": chart.frame.review_by.isoformat()},
        "created": before.get("created") or making.instant(making.recorded, field="recorded"),
        "author": {"reference": chart.author},
        "contributor": [{"reference": chart.member}, {"reference": chart.author}],
        "addresses": _addresses(chart.frame),
        "supportingInfo": [{"reference": one} for one in (screen, chart.safety_plan) if one],
        "goal": [{"reference": goal} for goal in goals],
        "activity": [{"detail": _conversations(chart, making, goals)}],
        "note": [{"text": note} for note in notes],
    }
    return {name: value for name, value in resource.items() if value}


def _addresses(frame: Frame) -> list[Resource]:
    """Return one Reference per diagnosis: the Condition where the chart has one, its text as display."""
    pairs = ((one.condition, one.text) for one in frame.diagnoses)
    references = ({"reference": condition, "display": text} for condition, text in pairs)
    return [{name: value for name, value in one.items() if value} for one in references]


def _conversations(chart: ChartPlan, making: Making, goals: list[str]) -> Resource:
    """Return CarePlan.activity.detail: the conversations agreed on, and the problems-for-work as their reasons."""
    frame = chart.frame
    pursued = [
        {"reference": reference}
        for one, reference in zip(chart.goals, goals, strict=True)
        if one.status is not AcceptanceStatus.DISAGREE
    ]
    titles = making.problem_titles or {}
    detail: Resource = {
        "kind": "Appointment",
        "code": {"text": form(chart)},
        "reasonCode": [
            {
                "coding": [{"system": codes.PROBLEMS, "code": one}],
                "text": f"To talk about, not a diagnosis: {titles.get(one) or one.replace('-', ' ')}",
            }
            for one in chart.problems
        ],
        "goal": pursued,
        "status": "scheduled",
        "scheduledTiming": {
            "repeat": {
                "boundsPeriod": {"start": frame.start.isoformat(), "end": frame.review_by.isoformat()},
                "duration": frame.session_minutes,
                "durationUnit": "min",
                "frequency": 1,
                "period": frame.frequency_weeks,
                "periodUnit": "wk",
            }
        },
        "description": rhythm(frame),
    }
    return {name: value for name, value in detail.items() if value}


# --- Goal ----------------------------------------------------------------------------------------------------


def _goal(one: ChartGoal, chart: ChartPlan, decision: Decision, making: Making, *, id: str) -> Resource:
    """Return the Goal (R4 goal.html): description.text is the client's words, byte for byte.

    Words that members share are nobody's alone: such a goal names no expressedBy, and goal-acceptance says whose
    it is.
    """
    own = one.goal.by is not None or chart.unit_kind is UnitKind.INDIVIDUAL
    start = making.start(chart, goal_key(one.goal))
    chart = replace(chart, frame=replace(chart.frame, start=start))
    resource: Resource = {
        "resourceType": "Goal",
        "id": id,
        "meta": making.meta("us-core-goal", decision, ours=codes.COLLABORATIVE_GOAL),
        "extension": [
            *(_acceptance(answer.who, answer.status) for answer in one.acceptance),
            *(_acceptance(answer.who, answer.status) for answer in chart.guardians),
        ],
        "identifier": [{"system": codes.UNIT_PLAN, "value": making.unit_plan}, {"system": codes.GOAL, "value": id}],
        "lifecycleStatus": _LIFECYCLE[one.status],
        "achievementStatus": _IN_PROGRESS if one.status is AcceptanceStatus.AGREE else None,
        "category": [{"coding": [{"system": codes.GOAL_CATEGORY, "code": one.goal.category}]}],
        "description": {"text": one.goal.words},
        "subject": {"reference": chart.member},
        "startDate": start.isoformat(),
        "target": _targets(one.goal, chart),
        "statusReason": one.reason if one.reason and one.reason.strip() else None,
        "expressedBy": {"reference": chart.member} if own else None,
        "note": [{"text": note} for note in goal_notes(one, chart)],
    }
    return {name: value for name, value in resource.items() if value}


def _acceptance(who: str, status: AcceptanceStatus) -> Resource:
    """Return the goal-acceptance extension; its status is a code, not a CodeableConcept."""
    return {
        "extension": [
            {"url": "individual", "valueReference": {"reference": who}},
            {"url": "status", "valueCode": status.value},
        ],
        "url": codes.GOAL_ACCEPTANCE,
    }


def _targets(goal: Goal, chart: ChartPlan) -> list[Resource]:
    """Return one Goal.target per part of the measure (gol-1: a detail never stands without its measure)."""
    due, estimated = goal.due(chart.frame)
    extension = _limit(goal, chart, estimated=estimated)
    return [
        {
            **({"extension": extension} if extension else {}),
            "measure": {"coding": [{"system": codes.GOAL_MEASURES, "code": code}], "text": text},
            **detail,
            "dueDate": due.isoformat(),
        }
        for code, text, detail in _parts(goal)
    ]


def _limit(goal: Goal, chart: ChartPlan, *, estimated: bool) -> list[Resource]:
    """Return the target's extensions: sessions fit neither a date nor a Duration (drt-1)."""
    extension: list[Resource] = []
    match goal.within.kind:
        case LimitKind.SESSIONS:
            extension.append({"url": codes.SESSION_WINDOW, "valuePositiveInt": goal.within.number})
        case LimitKind.BY_SESSION:
            extension.append({"url": codes.BY_SESSION, "valuePositiveInt": goal.within.number})
        case LimitKind.WEEKS:
            pass
        case _:
            assert_never(goal.within.kind)
    if estimated:
        extension.append({"url": codes.DUE_ESTIMATED, "valueBoolean": True})
    by_each = each_partner(goal, chart)
    if by_each:
        extension.append({"url": codes.EACH_PARTNER, "valuePositiveInt": by_each})
    return extension


def _parts(goal: Goal) -> list[tuple[str, str, Resource]]:
    """Return code, text and detail[x] of each part that the target asks for."""
    measure, target = goal.template.measure, goal.target
    match target:
        case Count():
            return [(measure.code, measure.text, {"detailQuantity": _quantity(target.count, measure.unit, ">=")})]
        case Ratio():
            ratio = {
                "numerator": _quantity(target.count, measure.unit, ">="),
                "denominator": _quantity(target.of, measure.unit),
            }
            return [(measure.code, measure.text, {"detailRatio": ratio})]
        case Exists() | Yes():
            return [(measure.code, measure.text, {"detailBoolean": True})]
        case Both():
            texts = {part.code: part.text for part in measure.parts}
            return [(code, texts.get(code, code), {"detailBoolean": True}) for code in target.codes]
        case _:
            assert_never(target)


def _quantity(value: int, unit: str, comparator: str = "") -> Resource:
    """Return a Quantity; sessions and instances have no UCUM code seen in a source, so the unit is text."""
    quantity = {"value": value, "comparator": comparator, "unit": unit}
    return {name: part for name, part in quantity.items() if part != ""}


def safety_additions(
    chart: ChartPlan, numbers: Container[int], making: Making, *, decision: Decision
) -> list[Resource]:
    """Return the new Goals of category safety of one member (contracts I1: they need no release).

    `numbers` are the goals that were added; anything but a safety goal among them is refused with InvalidInput.
    """
    space = _uuid(decision.id, field="decision.id")
    added = [one for one in chart.goals if one.number in numbers]
    if any(one.goal.category != "safety" for one in added):
        raise InvalidInput("Only a goal of category safety is added without a release.", field="goals")
    return [
        _goal(one, chart, decision, making, id=str(uuid5(space, f"{chart.member}|Goal|{one.number}"))) for one in added
    ]
