"""The form of a plan draft as it comes from outside (contracts: the plan draft file), and its JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.config import JsonValue

MAX_WORDS: Final = 20_000
"""Longest text of one person, in characters."""

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
"""Years in which a plan may begin, be reviewed or be signed."""

MAX_GOALS: Final = 50
MAX_MEMBERS: Final = 30
MAX_NUMBER: Final = 1_000

Words = Annotated[
    str,
    Field(min_length=1, max_length=MAX_WORDS, pattern=r"\S", description="A person's own words, kept byte for byte."),
]
Positive = Annotated[int, Field(strict=True, ge=1, le=MAX_NUMBER)]
Person = Annotated[str, Field(description="Patient/id, or RelatedPerson/id for a member who is no patient.")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A day, YYYY-MM-DD.")]
Clinician = Annotated[str, Field(description="Practitioner/id or PractitionerRole/id.")]
Problem = Literal[
    "relationship-family-conflict",
    "communication-difficulties",
    "identity-concerns",
    "life-transitions",
    "depression-anxiety-meaning",
    "feeling-unheard",
]


UUID_TEXT: Final = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
TIME_TEXT: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})$"


_NONE: Final[dict[str, JsonValue]] = {"default": []}
"""What the JSON Schema says of a list that may be left out: pydantic would copy a default of its own for each draft."""


class OutsideForm(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UnitForm(OutsideForm):
    kind: Literal["individual", "couple", "family", "group"]
    members: Annotated[list[Person], Field(min_length=1, max_length=MAX_MEMBERS)]


class VoiceForm(OutsideForm):
    who: Person
    words: Words


class ConcernForm(OutsideForm):
    words: Words
    voices: list[VoiceForm] = Field(default_factory=list, json_schema_extra=_NONE)
    problems: list[Problem]


class DiagnosisForm(OutsideForm):
    text: Words
    who: Person | None = None
    condition: str | None = Field(default=None, description="Condition/id in the chart.")


class FrameForm(OutsideForm):
    start: Day
    review_by: Day
    frequency_weeks: Annotated[int, Field(strict=True, ge=1, le=52)]
    session_minutes: Annotated[int, Field(strict=True, ge=1, le=600)]
    other_treatment: Words
    diagnoses: list[DiagnosisForm] = Field(default_factory=list, json_schema_extra=_NONE)
    structure_wanted: Literal["more", "same", "less", "unsaid"] = "unsaid"


class SessionsForm(OutsideForm):
    sessions: Positive


class BySessionForm(OutsideForm):
    by_session: Positive


class WeeksForm(OutsideForm):
    weeks: Positive


class CountForm(OutsideForm):
    count: Positive
    of: Positive | None = None


class ExistsForm(OutsideForm):
    exists: Literal[True]


class YesForm(OutsideForm):
    yes: Literal[True]


class AllForm(OutsideForm):
    all: Annotated[list[str], Field(min_length=2, max_length=2)]


def _form(value: Any) -> str:
    """Name the form that a limit or target is meant to have, so that its own field is named when it is wrong."""
    keys = value.keys() if isinstance(value, Mapping) else ()
    return next((_FORMS[key] for key in keys if key in _FORMS), "")


_FORMS: Final = {
    "by_session": "BySessionForm",
    "weeks": "WeeksForm",
    "sessions": "SessionsForm",
    "exists": "ExistsForm",
    "yes": "YesForm",
    "all": "AllForm",
    "count": "CountForm",
    "of": "CountForm",
}
"""The form of a limit or target by a field that only it has."""


Within = Annotated[
    Annotated[SessionsForm, Tag("SessionsForm")]
    | Annotated[BySessionForm, Tag("BySessionForm")]
    | Annotated[WeeksForm, Tag("WeeksForm")],
    Discriminator(_form, custom_error_type="form", custom_error_message="must be sessions, by_session or weeks"),
]
Aim = Annotated[
    Annotated[CountForm, Tag("CountForm")]
    | Annotated[ExistsForm, Tag("ExistsForm")]
    | Annotated[YesForm, Tag("YesForm")]
    | Annotated[AllForm, Tag("AllForm")],
    Discriminator(
        _form, custom_error_type="form", custom_error_message="must be count, count and of, exists, yes or all"
    ),
]


class AcceptanceForm(OutsideForm):
    who: str
    status: Literal["agree", "disagree", "pending"]
    reason: Words | None = None


class GoalForm(OutsideForm):
    template: str
    words: Words
    payer_words: Words | None = None
    by: Person | None = None
    within: Within | None = None
    target: Aim | None = None
    responsible: Literal["client", "partners", "family", "therapist", "client-and-therapist"] | None = None
    acceptance: list[AcceptanceForm]
    category: Literal["behavioral", "safety"] = "behavioral"
    replaces: Annotated[int, Field(strict=True, ge=0, lt=MAX_GOALS)] | None = Field(
        default=None, description="In an amendment: the number, from 0, of the goal whose place this one takes."
    )


class GuardianForm(OutsideForm):
    who: Annotated[str, Field(description="RelatedPerson/id of the guardian; never a member of the unit.")]
    for_: Annotated[Person, Field(alias="for", description="The minor whom they answer for.")]
    status: Literal["agree", "disagree", "pending"]
    reason: Words | None = None


class PsychoeducationForm(OutsideForm):
    given: Words | None = None
    deferred: Words | None = None
    why: Words | None = None


class SignatureForm(OutsideForm):
    who: str
    when: Annotated[str, Field(pattern=TIME_TEXT, description="A time with its zone, such as 2026-11-21T10:00:00Z.")]
    meaning: Literal["author", "co-author", "consent"]


class SupersedesForm(OutsideForm):
    plan: str
    version: str


class DraftFile(OutsideForm):
    """A plan draft as it comes from outside; every field not marked optional must be there."""

    unit: UnitForm
    encounter: str
    author: Clinician
    lead: Literal["client-led", "therapist-led"]
    concern: ConcernForm
    frame: FrameForm
    goals: Annotated[list[GoalForm], Field(min_length=1, max_length=MAX_GOALS)]
    resources_named_by_client: Annotated[list[Words], Field(max_length=100)]
    psychoeducation: PsychoeducationForm
    signatures: list[SignatureForm] = Field(default_factory=list, json_schema_extra=_NONE)
    guardians: list[GuardianForm] = Field(default_factory=list, json_schema_extra=_NONE)
    safety_plan: str | None = Field(default=None, description="DocumentReference/id of the written safety plan.")
    supersedes: SupersedesForm | None
    request_id: Annotated[str, Field(pattern=UUID_TEXT, json_schema_extra={"format": "uuid"})]


def draft_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a plan draft."""
    schema = DraftFile.model_json_schema()
    for name in ("within", "target", "responsible"):
        goal = schema["$defs"]["GoalForm"]
        goal["required"].append(name)
        goal["properties"][name] = {
            "anyOf": [one for one in goal["properties"][name]["anyOf"] if one != {"type": "null"}]
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Withness plan draft",
        **_plain_names(schema),
    }


def _plain_names(value: Any) -> Any:
    """Name the definitions as a reader of the schema would: Goal, not GoalForm."""
    if isinstance(value, dict):
        return {
            key.removesuffix("Form"): _plain_names(inner)
            for key, inner in value.items()
            if key != "title" or isinstance(inner, dict)
        }
    if isinstance(value, list):
        return [_plain_names(inner) for inner in value]
    return value.removesuffix("Form") if isinstance(value, str) and value.startswith("#/$defs/") else value


LIMIT_AND_TARGET_FORMS: Final = frozenset(
    one.__name__ for one in (SessionsForm, BySessionForm, WeeksForm, CountForm, ExistsForm, YesForm, AllForm)
)
"""The forms that a limit or target may have: pydantic names them in its paths, a draft does not."""
