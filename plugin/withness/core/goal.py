"""A goal in the client's words, its frame, and what makes an objective SMART."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from withness.core.template import Both, Limit, LimitKind, PlanTemplate, Target, shape, unmeetable
from withness.errors import NotSmart


class AcceptanceStatus(StrEnum):
    """What a person says to a goal (goal-acceptance-status)."""

    AGREE = "agree"
    DISAGREE = "disagree"
    PENDING = "pending"


@dataclass(frozen=True)
class Acceptance:
    """One person's answer to a goal; `reason` is in that person's words."""

    who: str
    status: AcceptanceStatus
    reason: str | None = None


@dataclass(frozen=True)
class Diagnosis:
    """A diagnosis that the plan addresses: a Condition in the chart, or a text, of one member."""

    who: str
    text: str
    condition: str | None = None


@dataclass(frozen=True)
class Frame:
    """When, how often and how long (days; weeks between sessions; minutes a session)."""

    start: date
    review_by: date
    frequency_weeks: int
    session_minutes: int
    other_treatment: str
    structure_wanted: str = "unsaid"
    diagnoses: tuple[Diagnosis, ...] = ()


@dataclass(frozen=True)
class Goal:
    """A goal in the client's words with its measure, target, time limit and responsible person.

    `category` is behavioral or safety (goal-category); `replaces` is the number of the goal in the version that is
    amended whose place this one takes, None for none.
    """

    template: PlanTemplate
    words: str
    payer_words: str | None
    by: str | None
    within: Limit
    target: Target
    responsible: str
    acceptance: tuple[Acceptance, ...]
    category: str = "behavioral"
    replaces: int | None = None

    def agreed_by(self, who: str) -> bool:
        """Whether this person agreed to it."""
        return any(one.who == who and one.status is AcceptanceStatus.AGREE for one in self.acceptance)

    def due(self, frame: Frame) -> tuple[date, bool]:
        """Return the due date and whether it is an estimate (session limits have no calendar date)."""
        if self.within.kind is LimitKind.WEEKS:
            return frame.start + timedelta(weeks=self.within.number), False
        return frame.start + timedelta(weeks=frame.frequency_weeks * self.within.number), True


@dataclass(frozen=True)
class Conversation:
    """What client and therapist said about one goal; None where nothing was said yet."""

    words: str
    within: Limit | None
    target: Target | None
    responsible: str | None
    acceptance: tuple[Acceptance, ...] = ()
    by: str | None = None
    payer_words: str | None = None
    category: str = "behavioral"
    replaces: int | None = None


def fill(template: PlanTemplate, conversation: Conversation, *, field: str) -> Goal:
    """Return the goal that `template` and the client's words make together.

    `field` is the goal's JSON path in the draft. Raises NotSmart naming the missing or unfit part: a goal
    keeps a measure, a target, a time limit and a responsible person, or it is refused (clinical 1.1).
    """
    if conversation.within is None:
        raise NotSmart(f"{field}.within is missing: a goal needs a time limit.", field=f"{field}.within")
    if conversation.target is None:
        raise NotSmart(f"{field}.target is missing: a goal needs a target.", field=f"{field}.target")
    if conversation.responsible is None:
        raise NotSmart(
            f"{field}.responsible is missing: a goal needs a responsible person.", field=f"{field}.responsible"
        )
    _check_target(template, conversation.target, conversation.within, field=f"{field}.target")
    return Goal(
        template=template,
        words=conversation.words,
        payer_words=conversation.payer_words,
        by=conversation.by,
        within=conversation.within,
        target=conversation.target,
        responsible=conversation.responsible,
        acceptance=conversation.acceptance,
        category=conversation.category,
        replaces=conversation.replaces,
    )


def _check_target(template: PlanTemplate, target: Target, within: Limit, *, field: str) -> None:
    if type(target) is not type(template.target):
        raise NotSmart(
            f"{field} must have the form {shape(template.target)} for the template {template.id!r}.", field=field
        )
    larger_than = {"count": "of", "of": "the number of sessions"}
    if part := unmeetable(target, within):
        raise NotSmart(f"{field} can never be met: {part} is larger than {larger_than[part]}.", field=field)
    if (
        isinstance(target, Both)
        and isinstance(template.target, Both)
        and set(target.codes) != set(template.target.codes)
    ):
        wanted = ", ".join(template.target.codes)
        raise NotSmart(
            f"{field}.all must name both parts of the template {template.id!r}: {wanted}.", field=f"{field}.all"
        )
