"""How far a goal has come: what is counted for it, what became known in each session, and what that makes of it.

The numbers were agreed in conversation: nothing here is a score of anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from withness.core.checkin import Session
from withness.core.template import Limit, Measure, Target


class Achievement(StrEnum):
    """How far a goal has come (goal-achievement; `not-measured` is our own: that code system has no such word)."""

    IN_PROGRESS = "in-progress"
    ACHIEVED = "achieved"
    NOT_MEASURED = "not-measured"
    NOT_ATTAINABLE = "not-attainable"
    """It can no longer be reached in its window, which is not over yet."""

    NOT_ACHIEVED = "not-achieved"


class Mark(StrEnum):
    """What became known of a measure in one session."""

    MET = "met"
    NOT_MET = "not-met"
    SKIPPED = "skipped"
    """Asked and not answered."""

    OPEN = "open"
    """Answered with what decides nothing, such as: I am not sure."""

    NOT_ASKED = "not-asked"
    ABSENT = "absent"
    """None of those whose answer counts took part in this session."""


UNKNOWN: Final = (Mark.SKIPPED, Mark.OPEN, Mark.NOT_ASKED)
"""What decides nothing, and may have: never a no."""


@dataclass(frozen=True)
class Objective:
    """What is counted for a goal, from `start` on.

    `members` are those whose answers count: more than one only for what they do together, and then only sessions count
    in which at least two of them took part. `each` is what must come from each of them (0: no such rule). `first` is
    the session in which the plan was made: it counts on whatever day it was.
    """

    measure: Measure
    target: Target
    within: Limit
    start: date
    members: tuple[str, ...]
    each: int = 0
    first: str = ""


@dataclass(frozen=True)
class Step:
    """One session of the window: its number from 1, and of each asked code what became known, and how many."""

    number: int
    session: Session
    marks: Mapping[str, Mark]
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Progress:
    """How far a goal has come: `now` of `needed`, since `on`.

    `missing` are codes of the parts, or members, that something is still asked of; `left` is how many sessions the
    window still has (None: it ends on the day `until`); `early` says that it was reached before the window's end, and
    `late` names the day on which an artefact was there after the limit.
    """

    status: Achievement
    on: date
    now: int
    needed: int
    missing: tuple[str, ...]
    left: int | None
    until: date | None
    early: bool
    steps: tuple[Step, ...]
    late: date | None = None

    @property
    def skipped(self) -> int:
        """In how many sessions of the window nothing was said that decides anything."""
        return sum(all(one in UNKNOWN for one in step.marks.values()) for step in self.steps)
