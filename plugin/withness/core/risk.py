"""The risk policy as values, and a risk screen as the answers that were really given.

The numbers, wording and windows are the policy file's; nothing here knows one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from withness.core.terms import Acuity, Purpose

YES: Final = "yes"
NO: Final = "no"


@dataclass(frozen=True)
class Window:
    """How old a domain's answers may be: a `duration`, "same-day", or "same-encounter"."""

    kind: str
    duration: timedelta | None = None


@dataclass(frozen=True)
class Question:
    """One question of the screen; `answers` lists the codes that mean something, all others are unknown.

    `withdrawn_by` are questions of the same domain whose yes turns a clearing answer (`withdrawn_answer`)
    into `withdrawn_acuity`. `known_history` questions have a child item `.new`. A `passing` finding ends
    with a newer complete screen.
    """

    id: str
    domain: str
    text: str
    answers: Mapping[str, Acuity]
    known_history: bool = False
    passing: bool = False
    observed: bool = False
    sensitivity: str | None = None
    also: str | None = None
    withdrawn_answer: str | None = None
    withdrawn_by: tuple[str, ...] = ()
    withdrawn_acuity: Acuity = Acuity.UNKNOWN


@dataclass(frozen=True)
class Step:
    """One step of a directive protocol; `when` lists the questions that call for it (empty: always)."""

    id: str
    domain: str
    text: str
    owner: str
    within: str
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValidatedRule:
    """What a validated instrument's result means, and which instruments count."""

    instruments: tuple[str, ...]
    min_age: int
    results: Mapping[str, Acuity]
    age_result: str
    missing: Acuity


@dataclass(frozen=True)
class Domain:
    """One domain of the gate."""

    id: str
    title: str
    basis: tuple[str, ...]
    questions: tuple[Question, ...]
    windows: Mapping[Purpose, Window]
    after_positive: Window
    directive: tuple[Step, ...]
    assessment_needs: tuple[str, ...]
    release_needs: tuple[str, ...]
    needs_when: Mapping[str, tuple[str, ...]]
    condition_needs: tuple[str, ...] = ()
    validated: ValidatedRule | None = None
    informants_not_accepted: tuple[str, ...] = ()
    asked_alone: bool = False
    sensitivity: str | None = None
    ask: str | None = None

    @property
    def informant(self) -> str:
        """linkId of the item that says who answered."""
        return f"{self.id}.informant"


@dataclass(frozen=True)
class ChartEvidence:
    """An Observation in the EHR, newer than the screen, that raises: any of `loinc` whose value is as `when`.

    `when` is "> N" for a number, else the coded or written value itself.
    """

    loinc: tuple[str, ...]
    when: str
    acuity: Acuity


@dataclass(frozen=True)
class RiskPolicy:
    """The gate's policy; `digest` is SHA-256 of the file's bytes, in hex.

    `integration` maps an id of the integration group (without the prefix) to its wording.
    """

    version: str
    owner: str
    digest: str
    demo: bool
    answers: tuple[str, ...]
    informants: tuple[str, ...]
    not_an_answer: tuple[str, ...]
    domains: tuple[Domain, ...]
    same_encounter_within: timedelta
    future_tolerance: timedelta
    late_entry: timedelta
    need_fields: Mapping[str, tuple[str, ...]]
    decisions: Mapping[Acuity, str]
    never_blocked: tuple[str, ...]
    setting_items: tuple[str, ...]
    reflection: str
    unit_sentence: str
    integration: Mapping[str, str]
    chart_evidence: tuple[ChartEvidence, ...]

    def questions(self) -> tuple[Question, ...]:
        """Return every question of every domain, in order."""
        return tuple(question for domain in self.domains for question in domain.questions)


@dataclass(frozen=True)
class Fault:
    """A part of a screen that could not be read: `where` is a linkId or an element, `why` a sentence."""

    where: str
    why: str
    whole: bool = False
    """Whether nothing of the screen may be relied on to clear."""


@dataclass(frozen=True)
class Screen:
    """One recorded screen: `answers` maps linkId to the coded or written answer, exactly as given."""

    id: str
    person: str
    authored: datetime | None
    recorded: datetime
    author: str | None
    encounter: str | None
    answers: Mapping[str, str]
    faults: tuple[Fault, ...] = ()
    corrects: str | None = None

    @property
    def effective(self) -> datetime:
        """When the person was asked, as far as it can be known (never after it was recorded)."""
        return self.recorded if self.authored is None else min(self.authored, self.recorded)


@dataclass(frozen=True)
class Hold:
    """What became of one finding that holds: whether its needs are complete, and what ended it.

    `closed_by` is "assessment", "release", "entry-error" or "retraction", None while it stands.
    """

    screen: str
    domain: str
    item: str
    opened: datetime
    needs_complete: bool = False
    closed_by: str | None = None


Standing = tuple[Hold, ...]
"""What is known of one person's holds beyond what their screens say."""
