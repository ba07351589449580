"""The plan draft file: JSON from outside to a Plan, or one sentence that names the field (contracts).

Words are taken byte for byte: never trimmed, never normalised, at most `MAX_WORDS` characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from withness.core.goal import Acceptance, AcceptanceStatus, Conversation, Diagnosis, Frame, Goal, fill
from withness.core.plan import Concern, Guardian, Plan, Signature, Unit, Voice
from withness.core.template import PlanTemplate
from withness.core.terms import Lead, UnitKind, reference
from withness.desk.draft_form import FIRST_YEAR, LAST_YEAR, LIMIT_AND_TARGET_FORMS, MAX_WORDS, DraftFile, GoalForm
from withness.desk.draft_measures import limit_of, target_of
from withness.errors import InvalidInput

if TYPE_CHECKING:
    from withness.core.claims import Claim


def read_draft(value: Mapping[str, Any], templates: Mapping[str, PlanTemplate]) -> Plan:
    """Return the plan that the draft describes.

    Raises InvalidInput (or NotSmart) with one sentence naming the first field that cannot be taken.
    """
    _refuse_organization(value)
    try:
        outside = DraftFile.model_validate(value)
    except ValidationError as error:
        raise _sentence(error) from None
    unit = _unit(outside)
    plan = Plan(
        unit=unit,
        encounter=reference(outside.encounter, "Encounter", field="encounter"),
        author=reference(outside.author, "Practitioner", "PractitionerRole", field="author"),
        lead=Lead(outside.lead),
        concern=_concern(outside, unit),
        frame=_frame(outside, unit),
        goals=tuple(_goal(outside, unit, index, templates) for index in range(len(outside.goals))),
        resources_named_by_client=tuple(outside.resources_named_by_client),
        psychoeducation={name: said for name, said in outside.psychoeducation if said is not None},
        signatures=tuple(_signature(outside, unit, index) for index in range(len(outside.signatures))),
        supersedes=(outside.supersedes.plan, outside.supersedes.version) if outside.supersedes else None,
        request_id=outside.request_id.lower(),
        guardians=tuple(_guardian(outside, unit, index) for index in range(len(outside.guardians))),
        safety_plan=_safety_plan(outside),
    )
    _check_goals(plan)
    if not any(plan.has_yes_of(member) for member in unit.members):
        raise InvalidInput(
            "goals: no client has agreed to any goal yet; a plan needs one goal that a client agreed to.", field="goals"
        )
    return plan


def _check_goals(plan: Plan) -> None:
    """Raise InvalidInput for a goal that is there twice, or that takes another's place in a plan that amends none."""
    seen = set()
    for index, goal in enumerate(plan.goals):
        same = (goal.template.id, goal.by, goal.words, goal.within, goal.target)
        if same in seen:
            raise InvalidInput(f"goals[{index}].words stands in another goal like this.", field=f"goals[{index}].words")
        seen.add(same)
        if goal.replaces is not None and plan.supersedes is None:
            field = f"goals[{index}].replaces"
            raise InvalidInput(f"{field} belongs to an amendment: this plan supersedes none.", field=field)


def refuse_claims(plan: Plan, claims: tuple[Claim, ...], *, standing: Collection[str] = ()) -> None:
    """Raise InvalidInput when a goal's wording for the payer claims what no source supports (contracts I10).

    The client's own words are never read. A wording of the plan that is amended (`standing`) was taken once; refusing
    it now could keep a safety goal out.
    """
    from withness.core.claims import claims_in

    for index, goal in enumerate(plan.goals):
        if goal.payer_words is None or goal.payer_words in standing:
            continue
        for found in claims_in(goal.payer_words, claims):
            field, sentence = f"goals[{index}].payer_words", found.claim.sentence
            raise InvalidInput(
                f"{field} may not claim {sentence[:1].lower()}{sentence[1:]}", field=field, hint=found.claim.reason
            )


_SEE: Final = "The form of a draft: withness schema plan"

_WANTED: Final = {
    "start": "must be a day, YYYY-MM-DD",
    "review_by": "must be a day, YYYY-MM-DD",
    "when": "must be a time with its zone, such as 2026-11-21T10:00:00Z",
    "request_id": "must be a UUID",
}
"""What a written form should have been; any other pattern asks for words."""


def _refuse_organization(value: Mapping[str, Any]) -> None:
    if not isinstance(value, Mapping):
        raise InvalidInput("A plan draft must be one JSON object.", field="the draft")
    if "resourceType" in value:
        raise InvalidInput(
            "This is a FHIR resource, not a plan draft.",
            field="resourceType",
            hint="A risk screen is recorded with: withness screen FILE. A draft's form: withness schema plan",
        )
    unit = value.get("unit")
    if isinstance(unit, Mapping) and unit.get("kind") == "organization":
        raise InvalidInput(
            "unit.kind cannot be organization: in FHIR R4 a CarePlan is about a patient or a group of people, "
            "never about an organization.",
            field="unit.kind",
            hint="Make a plan for the people who take part: an individual, couple, family or group.",
        )


def _sentence(error: ValidationError) -> InvalidInput:
    """Name the first field at fault; never repeat what was written there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    steps = [step for step in first["loc"] if step not in LIMIT_AND_TARGET_FORMS]
    path = ""
    for step in steps:
        shown = re.sub(r"[^A-Za-z0-9_.-]", "?", str(step))[:64]
        path += f"[{shown}]" if isinstance(step, int) else f"{'.' if path else ''}{shown}"
    path = path or "the draft"
    said = first["msg"].removeprefix("Input ").removeprefix("Value ")
    sentences = {
        "missing": " is missing",
        "extra_forbidden": " is not a field of a plan draft",
        "model_type": " must be an object",
        "string_too_long": f" is longer than {MAX_WORDS} characters",
        "string_too_short": " is empty",
        "string_pattern_mismatch": f" {_WANTED.get(str(steps[-1]), 'is empty')}" if steps else " is empty",
    }
    sentence = sentences.get(first["type"], f": {said[:1].lower()}{said[1:]}")
    return InvalidInput(f"{path}{sentence}.", field=path, hint=_SEE)


def _unit(outside: DraftFile) -> Unit:
    kind, members = UnitKind(outside.unit.kind), tuple(outside.unit.members)
    for index, member in enumerate(members):
        field = f"unit.members[{index}]"
        reference(member, "Patient", "RelatedPerson", field=field)
        if member in members[:index]:
            raise InvalidInput(f"{field} is named twice.", field=field)
    if kind is UnitKind.INDIVIDUAL and len(members) != 1:
        raise InvalidInput("unit.members must name one person for an individual.", field="unit.members")
    if kind is not UnitKind.INDIVIDUAL and len(members) < 2:
        raise InvalidInput(f"unit.members must name at least two people for a {kind.value}.", field="unit.members")
    if kind is UnitKind.COUPLE and len(members) != 2:
        raise InvalidInput("unit.members must name two people for a couple.", field="unit.members")
    if not any(member.startswith("Patient/") for member in members):
        raise InvalidInput(
            "unit.members must name at least one patient: a plan lives in a patient's chart.", field="unit.members"
        )
    return Unit(kind, members)


def _member(who: str | None, unit: Unit, *, field: str) -> str:
    if who not in unit.members:
        raise InvalidInput(f"{field} must be a member of the unit.", field=field)
    return who


def _concern(outside: DraftFile, unit: Unit) -> Concern:
    voices = tuple(
        Voice(_member(voice.who, unit, field=f"concern.voices[{index}].who"), voice.words)
        for index, voice in enumerate(outside.concern.voices)
    )
    return Concern(outside.concern.words, voices, tuple(dict.fromkeys(outside.concern.problems)))


def _day(text: str, *, field: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field} is not a day of the calendar.", field=field) from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput(f"{field} must lie between {FIRST_YEAR} and {LAST_YEAR}.", field=field)
    return day


def _frame(outside: DraftFile, unit: Unit) -> Frame:
    frame = outside.frame
    start, review = _day(frame.start, field="frame.start"), _day(frame.review_by, field="frame.review_by")
    if review < start:
        raise InvalidInput("frame.review_by lies before frame.start.", field="frame.review_by")
    diagnoses = []
    for index, one in enumerate(frame.diagnoses):
        field = f"frame.diagnoses[{index}]"
        who = one.who if unit.shared or one.who else unit.members[0]
        condition = reference(one.condition, "Condition", field=f"{field}.condition") if one.condition else None
        diagnoses.append(Diagnosis(_member(who, unit, field=f"{field}.who"), one.text, condition))
    return Frame(
        start=start,
        review_by=review,
        frequency_weeks=frame.frequency_weeks,
        session_minutes=frame.session_minutes,
        other_treatment=frame.other_treatment,
        structure_wanted=frame.structure_wanted,
        diagnoses=tuple(diagnoses),
    )


def _goal(outside: DraftFile, unit: Unit, index: int, templates: Mapping[str, PlanTemplate]) -> Goal:
    given, field = outside.goals[index], f"goals[{index}]"
    template = templates.get(given.template)
    if template is None:
        raise InvalidInput(
            f"{field}.template is not a plan template.",
            field=f"{field}.template",
            hint=f"Choose one of: {', '.join(templates)}.",
        )
    conversation = Conversation(
        words=given.words,
        payer_words=given.payer_words,
        by=_member(given.by, unit, field=f"{field}.by") if given.by is not None else None,
        within=limit_of(given),
        target=target_of(given),
        responsible=given.responsible,
        acceptance=_acceptance(given, unit, outside.author, field=field),
        category=given.category,
        replaces=given.replaces,
    )
    return fill(template, conversation, field=field)


def _acceptance(goal: GoalForm, unit: Unit, author: str, *, field: str) -> tuple[Acceptance, ...]:
    found: list[Acceptance] = []
    for index, one in enumerate(goal.acceptance):
        where = f"{field}.acceptance[{index}].who"
        if one.who != author:
            _member(one.who, unit, field=where)
        if any(one.who == other.who for other in found):
            raise InvalidInput(f"{where} answers twice.", field=where)
        found.append(Acceptance(one.who, AcceptanceStatus(one.status), one.reason))
    return tuple(found)


def _guardian(outside: DraftFile, unit: Unit, index: int) -> Guardian:
    """A guardian accepts beside the minor, never in their place (policy: two things)."""
    given, field = outside.guardians[index], f"guardians[{index}]"
    who = reference(given.who, "RelatedPerson", field=f"{field}.who")
    if who in unit.members:
        said = f"{field}.who is a member of the unit: a member answers to each goal."
        raise InvalidInput(said, field=f"{field}.who")
    minor = _member(given.for_, unit, field=f"{field}.for")
    return Guardian(who, minor, AcceptanceStatus(given.status), given.reason)


def _safety_plan(outside: DraftFile) -> str | None:
    if outside.safety_plan is None:
        return None
    if len(outside.unit.members) > 1:
        said = "safety_plan belongs to one person: in a unit each member's stands in that member's own record."
        raise InvalidInput(said, field="safety_plan")
    return reference(outside.safety_plan, "DocumentReference", field="safety_plan")


def _signature(outside: DraftFile, unit: Unit, index: int) -> Signature:
    given, field = outside.signatures[index], f"signatures[{index}].who"
    if given.who != outside.author:
        _member(given.who, unit, field=field)
    return Signature(given.who, _time(given.when, field=f"signatures[{index}].when"), given.meaning)


def _time(text: str, *, field: str) -> datetime:
    _day(text[:10], field=field)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{field} is not a time of the calendar.", field=field) from None
