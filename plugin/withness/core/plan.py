"""The plan in the client's words, and the share of it that each member's chart may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from withness.core.goal import Acceptance, AcceptanceStatus, Frame, Goal
from withness.core.terms import Lead, UnitKind


@dataclass(frozen=True)
class Voice:
    """One person's words, byte for byte."""

    who: str
    words: str


@dataclass(frozen=True)
class Concern:
    """The presenting concern in the client's own words, each voice of it, and the problems-for-work."""

    words: str
    voices: tuple[Voice, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Unit:
    """Who the plan is for: `members` are Patient/… or RelatedPerson/… references."""

    kind: UnitKind
    members: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether more than one person takes part (contracts I8)."""
        return len(self.members) > 1


@dataclass(frozen=True)
class Signature:
    """Who signed the plan on paper or in the page, when, and as what."""

    who: str
    when: datetime
    meaning: str


@dataclass(frozen=True)
class Guardian:
    """What a guardian said to the plan of a minor: never the minor's own assent, which each goal holds."""

    who: str
    minor: str
    status: AcceptanceStatus
    reason: str | None = None


@dataclass(frozen=True)
class Plan:
    """A whole plan draft: well formed and SMART, not yet asked of the gate."""

    unit: Unit
    encounter: str
    author: str
    lead: Lead
    concern: Concern
    frame: Frame
    goals: tuple[Goal, ...]
    resources_named_by_client: tuple[str, ...]
    psychoeducation: Mapping[str, str]
    signatures: tuple[Signature, ...]
    supersedes: tuple[str, str] | None
    request_id: str
    guardians: tuple[Guardian, ...] = ()
    safety_plan: str | None = None

    def has_yes_of(self, member: str) -> bool:
        """Whether this member is a patient who agreed to a goal of the plan, be it another member's."""
        return member.startswith("Patient/") and any(goal.agreed_by(member) for goal in self.goals)


@dataclass(frozen=True)
class ChartGoal:
    """A goal as one member's chart holds it: `acceptance` is that member's and the clinician's alone."""

    goal: Goal
    number: int
    status: AcceptanceStatus
    acceptance: tuple[Acceptance, ...]
    reason: str | None


@dataclass(frozen=True)
class ChartPlan:
    """The share of a plan that goes into one member's chart; it names that member and the clinician only."""

    member: str
    unit_kind: UnitKind
    encounter: str | None
    author: str
    lead: Lead
    words: str
    problems: tuple[str, ...]
    frame: Frame
    goals: tuple[ChartGoal, ...]
    resources: tuple[str, ...] = ()
    psychoeducation: Mapping[str, str] = field(default_factory=dict)
    signatures: tuple[Signature, ...] = ()
    guardians: tuple[Guardian, ...] = ()
    safety_plan: str | None = None


def charts(plan: Plan) -> tuple[ChartPlan, ...]:
    """Return one chart plan per member who is a patient and agreed to a goal, in the unit's order (contracts I8).

    A member who agreed to nothing gets no plan: it would be active in a chart without that client's yes.

    A goal with `by` goes only into that member's chart. One without is shared: it goes into the chart of each
    member who agreed to these words, with that member's own acceptance; words that a member did not make
    their own may be another's. Of a unit of more than one, `concern.words`, the resources, the psychoeducation
    and the shared encounter (it links charts by reference) belong to nobody's chart: only each member's own
    voice does, and the problems that their own goals serve.
    """
    return tuple(_chart(plan, member) for member in plan.unit.members if plan.has_yes_of(member))


def _chart(plan: Plan, member: str) -> ChartPlan:
    shared = plan.unit.shared
    own = [voice.words for voice in plan.concern.voices if voice.who == member]
    words = "\n\n".join(own if shared else dict.fromkeys((plan.concern.words, *own)))
    goals = tuple(
        _chart_goal(plan, goal, number, member)
        for number, goal in enumerate(plan.goals)
        if goal.by == member or (goal.by is None and (not shared or goal.agreed_by(member)))
    )
    served = {problem for one in goals for problem in one.goal.template.problems}
    frame = plan.frame
    diagnoses = tuple(one for one in frame.diagnoses if one.who == member)
    return ChartPlan(
        member=member,
        unit_kind=plan.unit.kind,
        encounter=None if shared else plan.encounter,
        author=plan.author,
        lead=plan.lead,
        words=words,
        problems=tuple(one for one in plan.concern.problems if not shared or one in served),
        frame=Frame(
            start=frame.start,
            review_by=frame.review_by,
            frequency_weeks=frame.frequency_weeks,
            session_minutes=frame.session_minutes,
            other_treatment="" if shared else frame.other_treatment,
            structure_wanted="unsaid" if shared else frame.structure_wanted,
            diagnoses=diagnoses,
        ),
        goals=goals,
        resources=() if shared else plan.resources_named_by_client,
        psychoeducation={} if shared else plan.psychoeducation,
        signatures=tuple(one for one in plan.signatures if one.who in (member, plan.author)),
        # In a unit a chart names its member and the clinician only; a guardian stands in the draft (contracts I8).
        guardians=() if shared else plan.guardians,
        safety_plan=None if shared else plan.safety_plan,
    )


def _chart_goal(plan: Plan, goal: Goal, number: int, member: str) -> ChartGoal:
    visible = tuple(one for one in goal.acceptance if one.who in (member, plan.author))
    own = next((one for one in visible if one.who == member), None)
    status = own.status if own else AcceptanceStatus.PENDING
    return ChartGoal(goal=goal, number=number, status=status, acceptance=visible, reason=own.reason if own else None)
