"""A response to a form is read for what it says, by whatever filler it was made, and written back as it was.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

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
    every_item,
    examples,
    group,
    response,
    said,
    wrote,
)

from withness.core.form import Answered, Form, FormAnswers, Given, Skipped, Unreadable
from withness.core.risk import Fault
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import check
from withness.fhir.form_answers import read_response, response_of
from withness.fhir.models import validate

every_form = pytest.mark.parametrize("form", FORMS.values(), ids=list(FORMS))


def read(form: Form, *items: dict[str, Any], **changes: Any) -> FormAnswers:
    return read_response(form, response(form, *items, **changes))


def one(answers: FormAnswers, link: str) -> Given:
    [found] = answers.given(link)
    return found


def whys(answers: FormAnswers, where: str) -> list[str]:
    return [fault.why for fault in answers.faults if fault.where == where]


# -- there and back


@every_form
@given(data=st.data())
@examples(60)
def test_any_answers_that_a_form_allows_are_read_back_as_they_were(form: Form, data: st.DataObject) -> None:
    """Response → answers → response is the identity.

    Planted and caught: valueDate written as dateTime; a second entry of a group dropped; `source` read as author;
    words stripped of their blanks; microseconds of `authored` cut off.
    """
    answers = data.draw(answers_to(form))
    written = response_of(form, answers, id="r1", us_core="6.1.0")
    found = read_response(form, written)
    assert found == answers
    assert response_of(form, found, id="r1", us_core="6.1.0") == written


@every_form
@given(data=st.data())
@examples(15)
def test_what_is_written_is_valid(form: Form, data: st.DataObject) -> None:
    written = response_of(form, data.draw(answers_to(form)), id="r1", us_core="7.0.0")
    validate(written)
    assert check(written) == ()


@every_form
@given(data=st.data())
@examples(40)
def test_another_fillers_spelling_of_the_same_answers_is_read_alike(form: Form, data: st.DataObject) -> None:
    """Groups left out where they do not repeat, texts missing, displays sent along, ids, contained forms, any order.

    Planted and caught: an item outside of its group ignored.
    """
    answers = data.draw(answers_to(form))
    written = response_of(form, answers)
    other = _as_another_filler(form, deepcopy(written), data.draw(st.randoms(use_true_random=False)))
    found = read_response(form, other)
    assert found.faults == ()
    assert response_of(form, found) == written or _unordered(found) == _unordered(answers)


def _as_another_filler(form: Form, resource: dict[str, Any], random: Any) -> dict[str, Any]:
    repeating = {item.link for item, _ in form.walk() if item.repeats and item.items}
    flat: list[dict[str, Any]] = []

    def lift(items: list[dict[str, Any]]) -> None:
        for item in items:
            if "item" in item and item["linkId"] not in repeating:
                lift(item["item"])
            else:
                flat.append(item)

    lift(resource.get("item", []))
    random.shuffle(flat)
    for item in every_item({"item": flat}):
        item.pop("text", None)
        item["id"] = "local"
        for answer in item.get("answer", []):
            answer["extension"] = [{"url": "http://example.org/by", "valueString": "a filler"}]
            answer.get("valueCoding", {}).pop("display", None)
            if "valueInteger" in answer:
                answer["valueDecimal"] = float(answer.pop("valueInteger"))
    note = next(item for item, _ in form.walk() if item.kind == "note")
    resource["contained"] = [{"resourceType": "Questionnaire", "id": "q", "status": "active", "item": "anything"}]
    resource["item"] = [{"linkId": note.link, "text": note.text}, *flat]
    return resource


def _unordered(answers: FormAnswers) -> Any:
    return {link: sorted(map(repr, answers.given(link))) for link in answers.entry.given}, len(answers.entry.entries)


def test_a_response_with_nothing_in_it_is_all_skipped() -> None:
    """Planted and caught: a missing answer read as the first option."""
    answers = read_response(CHECK_IN, response(CHECK_IN, item=None))
    assert answers.faults == ()
    assert set(answers.entry.given.values()) == {Skipped(asked=True), Skipped(asked=False)}
    assert response_of(CHECK_IN, answers) == {
        key: value for key, value in response(CHECK_IN, item=None, id=None).items() if key != "item"
    }


def test_a_response_shows_its_bytes() -> None:
    answers = read(CHECK_IN, group("today", said("fit", {"valueInteger": 7}), chose(CHECK_IN, "understood", "partly")))
    assert response_of(CHECK_IN, answers)["item"] == [
        {
            "linkId": "today",
            "text": "Today",
            "item": [
                {
                    "linkId": "fit",
                    "text": "How well did our talk fit what you needed today?",
                    "answer": [{"valueInteger": 7}],
                },
                {
                    "linkId": "understood",
                    "text": "Did you feel heard and understood?",
                    "answer": [
                        {
                            "valueCoding": {
                                "system": "https://withness.example/fhir/CodeSystem/felt-understood-answer",
                                "code": "partly",
                                "display": "In part",
                            }
                        }
                    ],
                },
            ],
        }
    ]


# -- skipped, answered and unreadable are three things


@pytest.mark.parametrize(
    ("form", "item", "expected"),
    [
        (CHECK_IN, chose(CHECK_IN, "understood", "no"), Answered(("no",))),
        (CHECK_IN, said("fit", {"valueInteger": 0}), Answered((0,))),
        (CHECK_IN, said("fit", {"valueDecimal": 7.0}), Answered((7,))),
        (CHECK_IN, said("fit", {"valueDecimal": Decimal("7.0")}), Answered((7,))),
        (CHECK_IN, said("day", {"valueDate": "2026-11-21"}), Answered((date(2026, 11, 21),))),
        (CHECK_IN, wrote("words", "  mine \r\n"), Answered(("  mine \r\n",))),
        (CHECK_IN, wrote("account", "one", "two", "one"), Answered(("one", "two"))),
        (OBSERVATION, said("first-session", {"valueBoolean": False}), Answered((False,))),
        (PRIORITIES, chose(PRIORITIES, "agreed", "client", "therapist"), Answered(("client", "therapist"))),
        (FIRST, chose(FIRST, "structure", "more"), Answered(("more",))),
    ],
)
def test_what_is_answered_is_taken_as_it_stands(form: Form, item: dict[str, Any], expected: Given) -> None:
    """Planted and caught: 0 read as nothing; false read as nothing; the same words counted twice."""
    answers = read(form, item)
    assert (one(answers, item["linkId"]), answers.faults) == (expected, ())


@pytest.mark.parametrize("item", [{"linkId": "words"}, wrote("words", ""), wrote("words", " \n\t\u00a0")])
def test_an_empty_item_and_a_blank_text_are_skipped(item: dict[str, Any]) -> None:
    answers = read(CHECK_IN, item)
    assert (one(answers, "words"), answers.faults) == (Skipped(), ())


OTHER = {"valueCoding": {"system": "https://elsewhere.example", "code": "yes"}}
UNREADABLE = {
    "an unknown code": (chose(CHECK_IN, "go-on", "maybe"), "the answer's code is not one that the item offers"),
    "another system's code": (said("go-on", OTHER), "the answer's code is from another code system"),
    "a code without system": (
        said("go-on", {"valueCoding": {"code": "yes"}}),
        "the answer's code is from another code system",
    ),
    "words for a code": (
        wrote("go-on", "yes"),
        "the answer has no value of the kind that the item asks for",
    ),
    "two answers": (chose(CHECK_IN, "go-on", "yes", "no"), "the item has more than one answer"),
    "no answer in the answer": (said("go-on"), "the answer cannot be read"),
    "an answer without value": (
        said("go-on", {"extension": [{"url": "http://example.org/x", "valueCode": "masked"}]}),
        "the answer has no value of the kind that the item asks for",
    ),
    "an answer that changes its meaning": (
        said("go-on", {**chose(CHECK_IN, "go-on", "yes")["answer"][0], "modifierExtension": []}),
        "the answer has parts that are not known here",
    ),
    "beyond the scale": (said("fit", {"valueInteger": 11}), "the answer lies outside what the item offers"),
    "beyond all measure": (said("fit", {"valueInteger": 10**400}), "the answer lies outside what the item offers"),
    "below the scale": (said("fit", {"valueInteger": -1}), "the answer lies outside what the item offers"),
    "a half": (said("fit", {"valueDecimal": 6.5}), "the answer is no whole number"),
    "no number": (said("fit", {"valueDecimal": float("nan")}), "the answer is no whole number"),
    "without end": (said("fit", {"valueDecimal": float("inf")}), "the answer is no whole number"),
    "a number as text": (said("fit", {"valueInteger": "7"}), "the answer is no whole number"),
    "true for one": (said("fit", {"valueInteger": True}), "the answer is no whole number"),
    "two values": (
        said("fit", {"valueInteger": 7, "valueDecimal": 7}),
        "the answer has parts that are not known here",
    ),
    "a month": (said("day", {"valueDate": "2026-11"}), "the answer is no day such as 2026-11-21"),
    "no such day": (said("day", {"valueDate": "2026-02-30"}), "the answer is no day such as 2026-11-21"),
    "half a character": (wrote("words", "a\ud800"), "the answer is no text that can be read"),
    "a control character": (wrote("words", "a\x00"), "the answer is no text that can be read"),
    "a list of nothing": ({"linkId": "words", "answer": "yes"}, "the answer cannot be read"),
}


@pytest.mark.parametrize(("item", "why"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_is_no_answer_to_the_item_is_unreadable_and_named(item: dict[str, Any], why: str) -> None:
    """Planted and caught: the code's system not looked at; a boolean taken for a number; the first of two taken."""
    answers = read(CHECK_IN, item)
    link = item["linkId"]
    assert one(answers, link) == Unreadable((why,))
    assert answers.faults == (Fault(link, why, whole=False),)
    assert answers.relied_on
    with pytest.raises(InvalidInput) as refused:
        response_of(CHECK_IN, answers)
    assert refused.value.field == "faults"


def test_an_answer_where_the_form_asks_nothing_opens_nothing() -> None:
    """Planted and caught: enableWhen not looked at; an unreadable answer asks the next item."""
    why = "the item is answered where the form does not ask it"
    dialogue = chose(OBSERVATION, "dialogue", "yes")
    answers = read(OBSERVATION, dialogue)
    assert one(answers, "dialogue") == Unreadable((why,))
    assert read(OBSERVATION, said("first-session", {"valueBoolean": False}), dialogue).faults == answers.faults
    asked = read(OBSERVATION, said("first-session", {"valueBoolean": True}), dialogue)
    assert (one(asked, "dialogue"), asked.faults) == (Answered(("yes",)), ())
    unreadable = read(OBSERVATION, said("first-session", {"valueBoolean": "true"}), dialogue)
    assert one(unreadable, "dialogue") == Unreadable((why,))


def test_a_skipped_question_says_whether_it_was_asked() -> None:
    answers = read(CHECK_IN, chose(CHECK_IN, "understood", "yes"), chose(CHECK_IN, "go-on", "no"))
    assert one(answers, "missed") == Skipped(asked=False)
    assert one(answers, "change") == Skipped(asked=True)


# -- where an item stands


POSSIBILITY = group("possibility", wrote("possibility.named", "Paint"), wrote("possibility.described", "At night"))


def test_each_entry_of_a_group_is_its_own() -> None:
    """Planted and caught: the second entry overwrites the first."""
    other = group("possibility", wrote("possibility.named", "Move"))
    answers = read(CHECK_IN, group("new", POSSIBILITY, other, {"linkId": "possibility"}))
    assert answers.faults == ()
    assert answers.given("possibility.named") == (Answered(("Paint",)), Answered(("Move",)))
    assert answers.given("possibility.described") == (Answered(("At night",)), Skipped())


NOT_HERE = "the item stands in the wrong place"


@pytest.mark.parametrize("before", [POSSIBILITY, group("new", POSSIBILITY)], ids=["without its group", "in its group"])
def test_a_part_outside_of_its_entry_is_nobodys(before: dict[str, Any]) -> None:
    """Whose name it would be cannot be told. Planted and caught: it is given to the first entry."""
    answers = read(CHECK_IN, before, wrote("possibility.named", "Mine"))
    assert answers.given("possibility.named") == (Unreadable((NOT_HERE,)),)
    assert whys(answers, "possibility.named") == [NOT_HERE]


@pytest.mark.parametrize(
    "item",
    [
        {**wrote("words", "x"), "answer": [{"valueString": "x", "item": [chose(CHECK_IN, "go-on", "yes")]}]},
        group("elsewhere", chose(CHECK_IN, "go-on", "yes")),
        group("new", group("possibility", chose(CHECK_IN, "go-on", "yes"))),
        group("go-on.help", chose(CHECK_IN, "go-on", "yes")),
    ],
    ids=["below an answer", "below an unknown item", "in an entry", "below a text"],
)
def test_an_item_in_the_wrong_place_does_not_count(item: dict[str, Any]) -> None:
    answers = read(CHECK_IN, item)
    assert one(answers, "go-on") == Unreadable((NOT_HERE,))
    assert NOT_HERE in whys(answers, "go-on")
    twice = read(CHECK_IN, item, chose(CHECK_IN, "go-on", "yes"))
    assert one(twice, "go-on") == Unreadable((NOT_HERE,))


def test_an_unknown_item_is_named_and_takes_nothing_away() -> None:
    answers = read(CHECK_IN, wrote("mood", "fine"), chose(CHECK_IN, "go-on", "yes"))
    assert answers.faults == (Fault("mood", "the form has no such item", whole=False),)
    assert one(answers, "go-on") == Answered(("yes",))


def test_no_message_repeats_what_a_person_wrote() -> None:
    """Planted and caught: an unknown linkId repeated as it stands."""
    answers = read(CHECK_IN, {"linkId": "a secret of Rosa's", "answer": [{"valueString": "secret"}]})
    assert [fault.where for fault in answers.faults] == ["an unknown item"]
    answers = read(CHECK_IN, said("go-on", {"valueString": "my secret"}), wrote("words", "secret\x00"))
    assert "secret" not in repr(answers)


@pytest.mark.parametrize(
    ("item", "where", "why"),
    [
        ({"linkId": "today", "answer": [{"valueBoolean": True}]}, "today", "an answer stands where none belongs"),
        ({"linkId": "welcome", "answer": [{"valueBoolean": True}]}, "welcome", "an answer stands where none belongs"),
        ({**wrote("words", "x"), "modifierExtension": []}, "words", "the item has parts that are not known here"),
    ],
)
def test_odd_items_are_named(item: dict[str, Any], where: str, why: str) -> None:
    assert why in whys(read(CHECK_IN, item), where)


def test_an_item_twice_is_read_only_where_it_repeats() -> None:
    """R4 wants one item with all answers; some fillers repeat the item (qrs-2 is R5's)."""
    answers = read(CHECK_IN, wrote("account", "one"), wrote("account", "two"), wrote("words", "a"), wrote("words", "a"))
    assert one(answers, "account") == Answered(("one", "two"))
    assert one(answers, "words") == Unreadable(("the item is there more than once",))


def test_a_file_that_nests_without_end_is_read_to_its_end() -> None:
    deep: dict[str, Any] = {"linkId": "x"}
    for _ in range(50_000):
        deep = {"linkId": "x", "item": [deep]}
    assert read(CHECK_IN, deep, wrote("words", "still here")).given("words") == (Answered(("still here",)),)


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["linkId", "answer", "item", "valueCoding", "code", "reference"]), inner),
    ),
    max_leaves=8,
)


@given(data=st.data())
@examples(150)
def test_no_response_however_broken_ends_otherwise_than_in_answers_or_a_refusal(data: st.DataObject) -> None:
    """One element anywhere is replaced by anything. Planted and caught: a linkId that is a list looked up."""
    form = data.draw(st.sampled_from(list(FORMS.values())))
    made = response_of(form, data.draw(answers_to(form)))
    places = list(_places(made))
    where, key = data.draw(st.sampled_from(places))
    where[key] = data.draw(JUNK)
    try:
        found = set(read_response(form, made).entry.given)
    except InvalidInput as refused:
        found = {refused.field}
    assert found in (set(read(form).entry.given), {"resourceType"}, {"subject"})


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    listed = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(listed):
        yield value, key
        yield from _places(below)


# -- the response as a whole


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"questionnaire": "https://withness.example/fhir/Questionnaire/own-priorities|0.1.0"}, "questionnaire"),
        ({"questionnaire": "https://withness.example/fhir/Questionnaire/session-check-in|9.9.9"}, "questionnaire"),
        ({"questionnaire": "https://withness.example/fhir/Questionnaire/session-check-in"}, "questionnaire"),
        ({"questionnaire": "#q", "contained": [{"resourceType": "Questionnaire", "id": "q"}]}, "questionnaire"),
        ({"questionnaire": None}, "questionnaire"),
        ({"status": "in-progress"}, "status"),
        ({"status": "entered-in-error"}, "status"),
        ({"status": None}, "status"),
        ({"status": 7}, "status"),
        ({"authored": "2026-11-21"}, "authored"),
        ({"authored": None}, "authored"),
        ({"author": {"reference": "https://other.example/Practitioner/p1"}}, "author"),
        ({"source": {"reference": "Device/robot"}}, "source"),
        ({"encounter": {"display": "today"}}, "encounter"),
        ({"implicitRules": "http://example.org/rules"}, "implicitRules"),
        ({"modifierExtension": [{"url": "http://example.org/not"}]}, "modifierExtension"),
        ({"item": "all yes"}, "item"),
        ({"item": ["yes"]}, "item"),
    ],
)
def test_a_response_that_is_not_what_it_must_be_is_not_relied_on(changes: dict[str, Any], where: str) -> None:
    """Planted and caught: another version of the form read as this one; an unfinished response relied on."""
    answers = read(CHECK_IN, chose(CHECK_IN, "go-on", "yes"), **changes)
    assert not answers.relied_on
    assert [fault.where for fault in answers.faults if fault.whole] == [where]
    with pytest.raises(InvalidInput):
        response_of(CHECK_IN, answers)


def test_who_answered_is_not_guessed() -> None:
    """R4: without a source no inference can be made. Planted and caught: the author stands in for the source."""
    answers = read(CHECK_IN, source=None)
    assert (answers.author, answers.source, answers.faults) == ("Practitioner/p1", None, ())
    assert "source" not in response_of(CHECK_IN, answers)


@pytest.mark.parametrize(
    ("form", "resource", "field"),
    [
        (CHECK_IN, {"resourceType": "Patient"}, "resourceType"),
        (CHECK_IN, [], "resourceType"),
        (CHECK_IN, response(CHECK_IN, subject=None), "subject"),
        (CHECK_IN, response(CHECK_IN, subject={"display": "Rosa"}), "subject"),
        (CHECK_IN, response(CHECK_IN, subject={"reference": "Practitioner/p1"}), "subject"),
        (REFLECTION, response(REFLECTION, subject={"reference": "Patient/rosa"}), "subject"),
    ],
)
def test_what_is_no_response_about_somebody_is_refused(form: Form, resource: Any, field: str) -> None:
    """A reflection about a Patient is refused: it would stand in the client's record. Planted and caught."""
    with pytest.raises(InvalidInput) as refused:
        read_response(form, resource)
    assert refused.value.field == field


def test_answers_to_another_form_are_not_written() -> None:
    answers = read(CHECK_IN)
    with pytest.raises(InvalidInput) as refused:
        response_of(PRIORITIES, answers)
    assert refused.value.field == "questionnaire"


@pytest.mark.parametrize("made", ["2026-11-21T05:30:00-05:00", "2026-11-21T10:30:00.000Z"])
def test_one_moment_has_one_spelling(made: str) -> None:
    answers = read(CHECK_IN, authored=made)
    assert answers.authored == datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    assert response_of(CHECK_IN, answers)["authored"] == "2026-11-21T10:30:00Z"


def test_a_profile_is_named_for_a_patient_only() -> None:
    """US Core's profile wants a Patient: a reflection and a RelatedPerson's answers name none."""
    patient = read(CHECK_IN)
    relative = read(CHECK_IN, subject={"reference": "RelatedPerson/ann"})
    profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-questionnaireresponse|8.0.0"
    ours = f"https://withness.example/fhir/StructureDefinition/check-in-response|{codes.VERSION}"
    assert response_of(CHECK_IN, patient, us_core="8.0.0")["meta"] == {"profile": [profile, ours]}
    assert "meta" not in response_of(CHECK_IN, patient)
    assert "meta" not in response_of(CHECK_IN, relative, us_core="8.0.0")
    assert "meta" not in response_of(REFLECTION, read(REFLECTION), us_core="8.0.0")
