"""Plan templates: measure, target and time limit of an objective, as clinicians review them.

A template proposes; the client's own words, number and time limit come from the conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, assert_never

from withness.core.terms import Lead, UnitKind


class LimitKind(StrEnum):
    """The three kinds of time limit: a window of sessions, a session's number, calendar weeks."""

    SESSIONS = "sessions"
    BY_SESSION = "by_session"
    WEEKS = "weeks"


@dataclass(frozen=True)
class Limit:
    """A time limit: `number` sessions from the start, the `number`-th session, or `number` weeks."""

    kind: LimitKind
    number: int

    def sentence(self) -> str:
        """Return the limit in plain words."""
        match self.kind:
            case LimitKind.SESSIONS:
                return "within 1 session" if self.number == 1 else f"within {self.number} sessions"
            case LimitKind.BY_SESSION:
                return "in the first session" if self.number == 1 else f"by session {self.number}"
            case LimitKind.WEEKS:
                return "within 1 week" if self.number == 1 else f"within {self.number} weeks"
            case _:
                assert_never(self.kind)


@dataclass(frozen=True)
class Count:
    """At least `count` of the measure's instances."""

    count: int


@dataclass(frozen=True)
class Ratio:
    """At least `count` of `of` sessions."""

    count: int
    of: int


@dataclass(frozen=True)
class Exists:
    """The artefact that the measure names exists."""


@dataclass(frozen=True)
class Yes:
    """The client answers the measure's question with yes."""


@dataclass(frozen=True)
class Both:
    """Two parts, both needed; `codes` are codes of the measure's parts."""

    codes: tuple[str, str]


Target = Count | Ratio | Exists | Yes | Both


@dataclass(frozen=True)
class Part:
    """One part of a two-part measure."""

    code: str
    text: str


@dataclass(frozen=True)
class Measure:
    """What is observed or asked: `code` in the goal-measure code system, `text` in plain words.

    `unit` is the counted thing ("sessions", "instances"), `unit_one` a single one of it; `each_partner` is how
    many of the count must come from each partner of a couple at least (0: no such rule); `artefact` says that
    what the measure names is there ("the list is written"); `parts` are filled for a two-part measure only.
    """

    code: str
    text: str
    unit: str = ""
    unit_one: str = ""
    each_partner: int = 0
    artefact: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class PlanTemplate:
    """One SMART objective of the source's table, as a clinician reviews it.

    `references` are positions in the source's numbered list of resources, parsed as a list (never "36").
    """

    id: str
    version: str
    title: str
    goal: str
    objective: str
    measure: Measure
    target: Target
    limit: Limit
    responsible: str
    mechanism: str
    references: tuple[int, ...]
    source: str
    problems: tuple[str, ...]
    leads: tuple[Lead, ...]
    units: tuple[UnitKind, ...]
    evidence: str


def unmeetable(target: Target, limit: Limit) -> Literal["count", "of"] | None:
    """Return the number of a ratio that makes it one that can never be met, None when it can."""
    if isinstance(target, Ratio) and target.count > target.of:
        return "count"
    if isinstance(target, Ratio) and limit.kind is not LimitKind.WEEKS and target.of > limit.number:
        return "of"
    return None


def shape(target: Target) -> str:
    """Return how such a target is written in a plan draft."""
    match target:
        case Count():
            return '{"count": N}'
        case Ratio():
            return '{"count": N, "of": M}'
        case Exists():
            return '{"exists": true}'
        case Yes():
            return '{"yes": true}'
        case Both():
            return f'{{"all": ["{target.codes[0]}", "{target.codes[1]}"]}}'
        case _:
            assert_never(target)
