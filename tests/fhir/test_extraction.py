"""What was answered becomes Observations, and nothing else does.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fhir.form_makers import (
    CHECK_IN,
    FIRST,
    FORMS,
    OBSERVATION,
    PRIORITIES,
    REFLECTION,
    answers_to,
    chose,
    examples,
    group,
    response,
    said,
    wrote,
)

from withness.core.form import Answered, Form, FormItem
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import check
from withness.fhir.extraction import copied, item_coding, observations
from withness.fhir.form_answers import read_response
from withness.fhir.models import validate
from withness.packs.templates import load_templates

every_form = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))


def made(form: Form, *items: dict[str, Any], **changes: Any) -> tuple[dict[str, Any], ...]:
    answers = read_response(form, response(form, *items, **changes))
    return observations(form, answers, response_id="r1", us_core="6.1.0")


def values(found: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Code → value, as short as can be."""
    return {one["code"]["coding"][0]["code"]: _short(one) for one in found}


def _short(one: dict[str, Any]) -> Any:
    concept = one.get("valueCodeableConcept")
    return concept["coding"][0]["code"] if concept else one["valueInteger"]


def test_a_check_in_becomes_survey_observations() -> None:
    found = made(CHECK_IN, group("today", said("fit", {"valueInteger": 8}), chose(CHECK_IN, "understood", "yes")))
    fit, understood = found
    head = {
        "resourceType": "Observation",
        "meta": {
            "profile": [
                "http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-screening-assessment|6.1.0"
            ]
        },
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "survey",
                        "display": "Survey",
                    }
                ]
            }
        ],
        "subject": {"reference": "Patient/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2026-11-21T10:30:00Z",
        "performer": [{"reference": "Patient/rosa"}],
        "derivedFrom": [{"reference": "QuestionnaireResponse/r1"}],
    }
    assert fit == {
        **head,
        "id": fit["id"],
        "code": {
            "coding": [{"system": codes.FORM_ITEMS, "code": "session-fit"}],
            "text": "How well did our talk fit what you needed today?",
        },
        "valueInteger": 8,
    }
    system = "https://withness.example/fhir/CodeSystem/felt-understood-answer"
    assert understood == {
        **head,
        "id": understood["id"],
        "code": {
            "coding": [{"system": codes.GOAL_MEASURES, "code": "felt-understood"}],
            "text": "Did you feel heard and understood?",
        },
        "valueCodeableConcept": {"coding": [{"system": system, "code": "yes", "display": "Yes"}], "text": "Yes"},
    }


def test_a_skipped_or_unreadable_answer_gives_no_observation() -> None:
    """Planted and caught: an Observation with a dataAbsentReason for what was skipped; 0 for a count left empty."""
    assert made(CHECK_IN) == ()
    assert made(OBSERVATION) == ()
    assert made(CHECK_IN, chose(CHECK_IN, "go-on", "maybe"), said("fit", {"valueInteger": 99})) == ()
    assert made(CHECK_IN, chose(CHECK_IN, "go-on")) == ()


def test_a_counted_zero_is_an_answer() -> None:
    """Planted and caught: 0 taken for nothing."""
    assert values(made(OBSERVATION, said("reflected", {"valueInteger": 0}))) == {"reflected-before-responding": 0}
    assert values(made(CHECK_IN, said("fit", {"valueInteger": 0}))) == {"session-fit": 0}


NAMED, DESCRIBED = wrote("possibility.named", "Paint"), wrote("possibility.described", "At night, by the window")


@pytest.mark.parametrize("form", [CHECK_IN, OBSERVATION], ids=["check-in", "observation"])
@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([], None),
        ([[NAMED]], None),
        ([[DESCRIBED]], None),
        ([[NAMED, DESCRIBED]], 1),
        ([[NAMED], [DESCRIBED]], None),
        ([[NAMED, DESCRIBED], [NAMED, DESCRIBED]], 1),
        ([[NAMED, DESCRIBED], [wrote("possibility.named", "Move"), DESCRIBED]], 2),
        ([[NAMED, DESCRIBED], [NAMED]], 1),
    ],
    ids=["none", "named", "described", "both", "two halves", "twice the same", "two", "one and a half"],
)
def test_a_possibility_counts_when_it_is_named_and_described(
    form: Form, entries: list[list[dict[str, Any]]], count: int | None
) -> None:
    """Planted and caught: named is enough; two halves make a whole; the same one counted twice; a half is a zero."""
    found = values(made(form, *(group("possibility", *parts) for parts in entries)))
    assert found == ({} if count is None else {"new-possibility": count})


def test_words_are_counted_and_never_copied() -> None:
    """Planted and caught: the client's words as valueString."""
    found = made(CHECK_IN, wrote("account", "I kept us going", "I learned to leave"), wrote("words", "Thank you"))
    assert values(found) == {"preferred-account": 2}
    assert "kept us going" not in repr(found)
    listed = made(PRIORITIES, *(group("priority", wrote("priority.words", text)) for text in ("sleep", "my sister")))
    assert values(listed) == {"own-priorities-list": 2}
    assert "sister" not in repr(listed)


def test_how_it_would_be_noticed_is_no_priority_by_itself() -> None:
    assert made(PRIORITIES, group("priority", wrote("priority.sign", "I get up at eight"))) == ()


def test_the_structure_that_a_client_wants_is_extracted() -> None:
    assert values(made(FIRST, chose(FIRST, "structure", "less"))) == {"structure-wanted": "less"}


@pytest.mark.parametrize(
    "changes",
    [
        {"questionnaire": "https://withness.example/fhir/Questionnaire/session-check-in|9.9.9"},
        {"status": "in-progress"},
        {"status": "entered-in-error"},
        {"authored": None},
        {"subject": {"reference": "RelatedPerson/ann"}},
    ],
)
def test_nothing_is_extracted_from_what_is_not_relied_on(changes: dict[str, Any]) -> None:
    """Nor about a RelatedPerson: R4's Observation.subject cannot be one. Planted and caught: both."""
    assert made(CHECK_IN, chose(CHECK_IN, "go-on", "yes"), **changes) == ()
    assert len(made(CHECK_IN, chose(CHECK_IN, "go-on", "yes"))) == 1


def test_a_reflection_leaves_nothing_behind() -> None:
    """Kept outside the client's record. Planted and caught: an item of it given a code."""
    assert made(REFLECTION, wrote("not-knowing", "In March")) == ()
    items = tuple(replace(one, code="x", repeats=True) if one.asks else one for one in REFLECTION.items)
    coded = replace(REFLECTION, items=items)
    assert made(coded, wrote("not-knowing", "In March")) == ()
    in_a_chart = replace(coded, subjects=("Patient",))
    assert made(in_a_chart, wrote("not-knowing", "In March")) == ()


def test_answers_to_another_form_give_nothing() -> None:
    answers = read_response(CHECK_IN, response(CHECK_IN, chose(CHECK_IN, "go-on", "yes")))
    assert observations(OBSERVATION, answers, response_id="r1", us_core="6.1.0") == ()


def test_the_ids_are_the_responses_and_the_items() -> None:
    """The same response gives the same ids; another response or item another. Planted and caught: random ids."""
    items = [chose(CHECK_IN, "go-on", "yes"), said("fit", {"valueInteger": 1})]
    answers = read_response(CHECK_IN, response(CHECK_IN, *items))
    first, again, other = (
        [one["id"] for one in observations(CHECK_IN, answers, response_id=id, us_core="6.1.0")]
        for id in ("r1", "r1", "r2")
    )
    assert first == again
    assert len({*first, *other}) == 4
    assert {UUID(one).version for one in first} == {5}


@pytest.mark.parametrize("id", ["", "Q/1", "a b", "x" * 65])
def test_an_id_that_is_none_is_refused(id: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        observations(CHECK_IN, read_response(CHECK_IN, response(CHECK_IN)), response_id=id, us_core="6.1.0")
    assert refused.value.field == "response_id"


def test_who_answered_is_the_performer_and_who_wrote_it_down_is_not() -> None:
    """R4: without a source no inference can be made. Planted and caught: the author as performer."""
    assert made(CHECK_IN, chose(CHECK_IN, "go-on", "yes"))[0]["performer"] == [{"reference": "Patient/rosa"}]
    unknown = made(CHECK_IN, chose(CHECK_IN, "go-on", "yes"), source=None, encounter=None)
    assert "performer" not in unknown[0]
    assert "encounter" not in unknown[0]


# -- any answers at all


def _fulfilled(one: dict[str, Any]) -> Iterator[bool]:
    """US Core's screening and assessment profile (FHIR facts 1), as rules of our own."""
    survey = [concept for concept in one["category"] if concept["coding"][0]["code"] == "survey"]
    yield len(survey) == 1
    yield one["status"] == "final"
    yield bool(one["code"]["coding"])
    yield one["subject"]["reference"].startswith("Patient/")
    yield len([name for name in one if name.startswith("value")]) == 1  # us-core-2
    yield len(one["effectiveDateTime"]) >= len("2026-11-21")  # us-core-1
    yield "valueQuantity" not in one  # us-core-3
    yield [each["reference"] for each in one["derivedFrom"]] == ["QuestionnaireResponse/r1"]


@every_form
@given(data=st.data())
@examples(25)
def test_whatever_is_answered_the_observations_are_valid_and_no_more_than_was_answered(
    form: Form, data: st.DataObject
) -> None:
    answers = data.draw(answers_to(form))
    found = observations(form, answers, response_id="r1", us_core="6.1.0")
    for one in found:
        validate(one)
        assert check(one) == ()
        assert all(_fulfilled(one))
    if not answers.subject.startswith("Patient/"):
        assert found == ()
        return
    assert len(found) == len({one["id"] for one in found})
    coded = [item for item, _ in form.walk() if item_coding(item)]
    assert {one["code"]["coding"][0]["code"] for one in found} <= {item.measure or item.code for item in coded}
    for item in coded:
        if copied(item):
            _as_answered(item, answers.given(item.link)[0], values(found))


def _as_answered(item: FormItem, given: object, found: dict[str, Any]) -> None:
    code = item.measure or item.code
    expected = given.values[0] if isinstance(given, Answered) else None
    assert found.get(code) == expected


def test_every_measure_of_the_templates_can_be_answered() -> None:
    """Issue: a goal that nobody can measure is paper. Planted and caught: a measure without any item."""
    coded = {item.measure: form.id for form in FORMS.values() for item, _ in form.walk() if item.measure}
    by_client = {item.measure for form in (CHECK_IN, PRIORITIES) for item, _ in form.walk() if item.measure}
    for template in load_templates().values():
        parts = [part.code for part in template.measure.parts] or [template.measure.code]
        assert set(parts) <= set(coded), template.id
        if template.responsible in ("client", "client-and-therapist"):
            assert {part for part in parts if part != "held-as-dialogue"} <= by_client, template.id
