"""The risk policy as values, and a risk screen as the answers that were really given.

The numbers, wording and windows are the policy file's; nothing here knows one of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from withness.core.terms import Acuity, Purpose

YES: Final = "yes"
NO: Final = "no"
SILENT: Final = ("unsure", "declined", "not-asked")
"""Answers that say nothing either way."""


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

    @cached_property
    def item(self) -> str:
        """The id within its domain."""
        return self.id.removeprefix(f"{self.domain}.")


@dataclass(frozen=True)
class Step:
    """One step of a directive protocol; `when` lists the questions that call for it (empty: always).

    `evidences` is the need whose evidence shows that the step was done, "" for none.
    """

    id: str
    domain: str
    text: str
    owner: str
    within: str
    when: tuple[str, ...] = ()
    evidences: str = ""


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
    """An Observation in the EHR, newer than the screen, that raises `domain`: any of `loinc` with a value as `when`.

    `when` is "> N" for a number, else the coded or written value itself.
    """

    loinc: tuple[str, ...]
    when: str
    acuity: Acuity
    domain: str


@dataclass(frozen=True)
class EvidenceField:
    """One typed field of a need's evidence.

    `kind` is text, choice, date, day-past, day-ahead, time, planned, number or person. `options` are the codes of a
    choice; a field with `when` (another field's id, its code) is asked only then.
    """

    id: str
    text: str
    kind: str
    options: tuple[str, ...] = ()
    optional: bool = False
    min_chars: int = 1
    when: tuple[str, str] | None = None


@dataclass(frozen=True)
class EvidenceForm:
    """What a documented need asks for in writing; `medical`: it is a medical clinician's finding.

    `serves` are other needs that the same evidence answers as well.
    """

    need: str
    title: str
    source: str
    fields: tuple[EvidenceField, ...]
    medical: bool = False
    serves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Times:
    """Lengths of time of the gate's life: protocol, assessment, entry error, override."""

    now: timedelta
    same_session: timedelta
    acknowledge: timedelta
    unchanged: timedelta
    entry_error: timedelta
    override: timedelta


@dataclass(frozen=True)
class OverrideRule:
    """How narrow an override is: the reasons that count, and the length of its rationale in characters."""

    reason_codes: tuple[str, ...]
    rationale_min_chars: int


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
    evidence: Mapping[str, EvidenceForm]
    times: Times
    override: OverrideRule
    consultants: tuple[str, ...]
    neutral_reasons: Mapping[str, str]
    trainee_needs_cosignature: bool
    hold_note: str
    resume_note: str

    def domain(self, id: str) -> Domain | None:
        """Return one domain by its id."""
        return next((one for one in self.domains if one.id == id), None)

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
    number: int = 0
    """Its place in the order of recording, which no clock can change; acts are counted with screens."""

    @property
    def effective(self) -> datetime:
        """When the person was asked, as far as it can be known (never after it was recorded)."""
        return self.recorded if self.authored is None else min(self.authored, self.recorded)


@dataclass(frozen=True)
class Observed:
    """An Observation in the EHR that raises `domain`; `at` is its time, None where it does not say."""

    id: str
    domain: str
    acuity: Acuity
    at: datetime | None


@dataclass(frozen=True)
class Hold:
    """What became of one finding that holds: whether its needs are complete, and what ended it.

    `closed_by` is "assessment", "release", "entry-error" or "retraction", None while it stands. `cited` says that
    an assessment of the same, unchanged finding on an earlier screen ends it. `number` is its place in the order of
    recording.
    """

    screen: str
    domain: str
    item: str
    opened: datetime
    needs_complete: bool = False
    closed_by: str | None = None
    cited: bool = False
    number: int = 0
    acute: bool = True


@dataclass(frozen=True)
class Raise:
    """Acuity raised by judgement or by the chart: `item` is "raised" or "chart-evidence"."""

    id: str
    domain: str
    item: str
    acuity: Acuity
    at: datetime
    number: int = 0


@dataclass(frozen=True)
class Override:
    """A granted override: it covers the named items of one screen, once, until it expires."""

    id: str
    screen: str
    items: tuple[str, ...]
    purpose: str
    expires: datetime
    used: bool


@dataclass(frozen=True)
class Standing:
    """What is known of one person beyond what their screens say.

    `fresh_after` asks for a screen recorded after a retraction (its place in the order), `retracted` are screens that
    say nothing any more, `uncosigned` those of trainees that wait for their supervisor's signature.
    """

    holds: tuple[Hold, ...] = ()
    raises: tuple[Raise, ...] = ()
    overrides: tuple[Override, ...] = ()
    fresh_after: int = -1
    retracted: frozenset[str] = frozenset()
    uncosigned: frozenset[str] = frozenset()
