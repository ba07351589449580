"""The shape of the gate's policy file: each key, its type and its range."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter

from withness.core.terms import Acuity
from withness.packs.toml import Flag, Outside, Slug, Text, Version

DURATION: Final = re.compile(r"P(?=[\dT])(?:\d{1,6}D)?(?:T(?=\d)(?:\d{1,6}H)?(?:\d{1,6}M)?(?:\d{1,6}S)?)?")
"""ISO 8601 durations of a fixed length, e.g. P30D or PT24H: months and years are refused, they have none."""

NAMED_WINDOWS: Final = ("same-encounter", "same-day")

# The ceilings are no policy: they catch a slip of the pen that would make old answers clear.
LONGEST_WINDOW: Final = timedelta(days=366)
LONGEST_ENCOUNTER: Final = timedelta(days=2)
LONGEST_TOLERANCE: Final = timedelta(hours=1)
LONGEST_DELAY: Final = timedelta(days=7)
LONGEST_URGENCY: Final = timedelta(days=1)
OLDEST_CHILD: Final = 18
SHORTEST_RATIONALE: Final = 40
"""Characters; a shorter rationale of an override explains nothing (gate content: override)."""

_AS_TIMEDELTA: Final = TypeAdapter(timedelta)


def _duration(value: Any) -> timedelta:
    if not isinstance(value, str) or DURATION.fullmatch(value) is None:
        raise ValueError("must be a duration such as PT24H or P30D")
    return _AS_TIMEDELTA.validate_python(value)


def _window(value: Any) -> timedelta | str:
    if value in NAMED_WINDOWS:
        return str(value)
    if not isinstance(value, str) or DURATION.fullmatch(value) is None:
        raise ValueError("must be same-encounter, same-day or a duration such as P30D")
    found = _duration(value)
    if not timedelta(0) < found <= LONGEST_WINDOW:
        raise ValueError("must be longer than nothing and no longer than a year")
    return found


def _within(value: str) -> str:
    if value not in ("now", "same-session", "same-day") and _duration(value) <= timedelta(0):
        raise ValueError("must be longer than nothing")
    return value


WindowLength = Annotated[timedelta | str, BeforeValidator(_window)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
Needs = Annotated[tuple[Slug, ...], Field(min_length=1)]
Label = Annotated[str, StringConstraints(pattern=r"^[A-Z]+$")]
"""A code of v3-ActCode's sensitivity labels."""


class DecisionsTable(Outside):
    """The decision's name of each acuity. The names are contract, and only the first two release."""

    none: Literal["released"]
    caution: Literal["released-with-conditions"]
    elevated: Literal["held-for-assessment"]
    unknown: Literal["held-incomplete"]
    acute: Literal["held-for-directive-protocol"]


class TimesTable(Outside):
    """Lengths of time that hold for every domain."""

    same_encounter: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_ENCOUNTER)]
    future_tolerance: Annotated[Duration, Field(ge=timedelta(0), le=LONGEST_TOLERANCE)]
    late_entry: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_DELAY)]
    now: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_URGENCY)]
    same_session: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_URGENCY)]
    acknowledge: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_URGENCY)]
    unchanged: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_WINDOW)]
    entry_error: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_DELAY)]
    override: Annotated[Duration, Field(gt=timedelta(0), le=LONGEST_DELAY)]


class OverrideTable(Outside):
    """How narrow an override is."""

    reason_codes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    rationale_min_chars: Annotated[int, Field(strict=True, ge=SHORTEST_RATIONALE, le=1_000)]


class ValidatedTable(Outside):
    """What a validated instrument's result means."""

    instruments: Annotated[tuple[Text, ...], Field(min_length=1)]
    min_age: Annotated[int, Field(strict=True, ge=1, le=OLDEST_CHILD)]
    age_result: Slug
    missing: Acuity
    results: Annotated[dict[Slug, Acuity], Field(min_length=1)]


class ChartEvidenceTable(Outside):
    """Observations in the EHR that raise."""

    loinc: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^\d{1,7}-\d$")], ...],
        Field(min_length=1),
    ]
    when: Annotated[str, StringConstraints(pattern=r"^(> \d+|[A-Za-z][A-Za-z -]*)$")]
    acuity: Acuity
    domain: Slug


class EvidenceFieldTable(Outside):
    """One typed field of a need's evidence; a choice has `options` or names the table of its codes."""

    id: Slug
    text: Text
    kind: Literal["text", "choice", "date", "day-past", "day-ahead", "time", "planned", "number", "person"]
    options: tuple[Slug, ...] = ()
    options_from: Literal["neutral_reasons"] | None = None
    optional: Flag = False
    min_chars: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1
    when: tuple[Slug, Slug] | None = None


class EvidenceTable(Outside):
    """What one need asks for in writing; `serves` are further needs that the same evidence answers."""

    need: Slug
    title: Text
    source: Text
    medical: Flag = False
    serves: tuple[Slug, ...] = ()
    fields: Annotated[tuple[EvidenceFieldTable, ...], Field(min_length=1)]


class WithdrawnTable(Outside):
    """When a further answer that clears no longer does."""

    answer: Slug
    by: Annotated[tuple[Slug, ...], Field(min_length=1)]
    acuity: Acuity


class QuestionTable(Outside):
    """One question; `no` clears it, and beside that only what `also_answers` lists as none."""

    id: Slug
    text: Text
    yes: Acuity
    declined: Acuity | None = None
    also_answers: dict[Slug, Acuity] = Field(default_factory=dict)
    withdrawn: WithdrawnTable | None = None
    known_history: Flag = False
    observed: Flag = False
    passing: Flag = False
    sensitivity: Label | None = None
    also: Slug | None = None


class StepTable(Outside):
    """One step of a directive protocol."""

    step: Slug
    text: Text
    owner: Slug
    within: Annotated[str, AfterValidator(_within)]
    when: tuple[Slug, ...] = ()
    evidences: Slug | None = None


class MaxAgeTable(Outside):
    """How old answers may be."""

    new_plan: WindowLength
    amendment: WindowLength
    after_positive: WindowLength


class DomainTable(Outside):
    """One domain."""

    id: Slug
    title: Text
    seed_provenance: Literal["LLM"] | None = None
    basis: Annotated[tuple[Text, ...], Field(min_length=1)]
    max_age: MaxAgeTable
    assessment_needs: Needs
    release_needs: Needs
    question: Annotated[tuple[QuestionTable, ...], Field(min_length=1)]
    directive: Annotated[tuple[StepTable, ...], Field(min_length=1)]
    needs_when: dict[Slug, Needs] = Field(default_factory=dict)
    condition_needs: tuple[Slug, ...] = ()
    validated_result_required: Flag = False
    ask: Text | None = None
    asked_alone: Flag = False
    informants_not_accepted: tuple[Slug, ...] = ()
    sensitivity: Label | None = None


class PolicyFile(Outside):
    """The whole file."""

    version: Version
    owner: Text
    answers: tuple[Slug, ...]
    clearing: Literal["no"]
    informants: Annotated[tuple[Slug, ...], Field(min_length=1)]
    not_an_answer: Annotated[tuple[Text, ...], Field(min_length=1)]
    reflection: Text
    unit_sentence: Text
    hold_note: Text
    resume_note: Text
    never_blocked: tuple[Slug, ...]
    setting: tuple[Slug, ...]
    decisions: DecisionsTable
    declined: dict[Slug, Acuity]
    times: TimesTable
    validated: ValidatedTable
    needs: dict[Slug, Annotated[tuple[Text, ...], Field(min_length=1)]]
    integration: dict[Slug, Text]
    chart_evidence: tuple[ChartEvidenceTable, ...]
    consultants: tuple[Text, ...]
    trainee_needs_cosignature: Flag
    override: OverrideTable
    neutral_reasons: Annotated[dict[Slug, Text], Field(min_length=1)]
    evidence: tuple[EvidenceTable, ...]
    domain: Annotated[tuple[DomainTable, ...], Field(min_length=1)]
