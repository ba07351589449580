"""A form's answers → survey Observations (FHIR facts 1 and 3.2: observation-based extraction).

The response stays the source of truth; an Observation is a fact to search and to follow over time. A skipped or
unreadable answer gives none: nothing is said that was not answered. Words are counted, never copied.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from withness.core.form import Answered, Form, FormAnswers, FormItem, ItemKind, Kept, whole_entries
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.moments import instant
from withness.fhir.references import ID

PROFILE: Final = "us-core-observation-screening-assessment"

_EXTRACTED: Final = (ItemKind.CHOICE, ItemKind.SCALE, ItemKind.COUNT)
"""Kinds whose answer is the Observation's value; what repeats is counted."""


def item_coding(item: FormItem) -> dict[str, str] | None:
    """Return Questionnaire.item.code, None for an item without: a goal's measure, or a code of our own."""
    if item.measure:
        return {"system": codes.GOAL_MEASURES, "code": item.measure}
    return {"system": codes.FORM_ITEMS, "code": item.code} if item.code else None


def copied(item: FormItem) -> bool:
    """Whether a standard extraction may copy the answer as it stands (sdc observationExtract)."""
    return item_coding(item) is not None and item.kind in _EXTRACTED


def observation_id(response_id: str, link: str) -> str:
    """Return the id of the Observation of one item of one response: the same each time."""
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/QuestionnaireResponse/{response_id}#{link}"))


def observations(form: Form, answers: FormAnswers, *, response_id: str, us_core: str) -> tuple[dict[str, Any], ...]:
    """Return an Observation for each coded item that was answered, in the form's order.

    None at all of a response that is not relied on, of a form that is kept apart, and of a person who is no
    Patient (R4 Observation.subject). `response_id` is the id of the QuestionnaireResponse that the answers are
    from. Raises InvalidInput naming it when it is no FHIR id.
    """
    if not ID.fullmatch(response_id):
        raise InvalidInput("response_id must be the id of a QuestionnaireResponse.", field="response_id")
    of_a_patient = answers.subject.startswith("Patient/")
    if not answers.relied_on or answers.form != form.id or form.kept is Kept.APART or not of_a_patient:
        return ()
    head = _head(answers, response_id, us_core)
    found = []
    for item, _ in form.walk():
        coding, value = item_coding(item), _value(item, answers)
        if coding is not None and value:
            code = {"coding": [coding], "text": item.text}
            found.append({**head, "id": observation_id(response_id, item.link), "code": code, **value})
    return tuple(found)


def _head(answers: FormAnswers, response_id: str, us_core: str) -> dict[str, Any]:
    head: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "",
        "meta": {"profile": [codes.us_core(PROFILE, us_core)]},
        "status": "final",
        "category": [codes.SURVEY],
        "code": {},
        "subject": {"reference": answers.subject},
        "derivedFrom": [{"reference": f"QuestionnaireResponse/{response_id}"}],
    }
    if answers.encounter:
        head["encounter"] = {"reference": answers.encounter}
    if answers.authored:
        head["effectiveDateTime"] = instant(answers.authored, field="authored")
    if answers.source:  # never the author: R4 allows no inference about who answered
        head["performer"] = [{"reference": answers.source}]
    return head


def _value(item: FormItem, answers: FormAnswers) -> dict[str, Any]:
    """Return value[x] of what was answered, {} where nothing was."""
    if item.repeats:
        number = len(whole_entries(item, answers.entry))
        return {"valueInteger": number} if number else {}
    given = next(iter(answers.given(item.link)), None)
    if not isinstance(given, Answered) or item.kind not in _EXTRACTED:
        return {}
    [value] = given.values
    if item.kind is not ItemKind.CHOICE:
        return {"valueInteger": value}
    option = item.option(str(value))
    if option is None:
        raise InvalidInput(f"{item.link} is answered with what it does not offer.", field=item.link)
    coding = {"system": codes.answer_set(item.answers.id), "code": option.code, "display": option.text}
    return {"valueCodeableConcept": {"coding": [coding], "text": option.text}}
