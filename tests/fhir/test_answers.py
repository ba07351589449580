"""A QuestionnaireResponse becomes a screen: only a listed code clears, and a yes is never lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from tests.makers import coded, make_screen

from withness.core.gate import MemberDecision, decide_member
from withness.core.reading import Circumstance, Readings
from withness.core.risk import Fault, Question, Screen, Standing
from withness.core.terms import Acuity, Purpose
from withness.errors import CannotTell, InvalidInput
from withness.fhir import codes
from withness.fhir.answers import canonical_answers, read_screen, screen_from_canonical
from withness.fhir.check import check
from withness.fhir.models import validate
from withness.fhir.questionnaires import Kind, fields
from withness.packs.load import load_policy

POLICY = load_policy()
AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RECORDED = AT + timedelta(minutes=2)
QUESTIONS = POLICY.questions()
LINKS = [question.id for question in QUESTIONS]
RAISING = [question for question in QUESTIONS if question.answers["yes"] in (Acuity.ELEVATED, Acuity.ACUTE)]
SECRET = "Rosa said that Ben hit her"


def screen_of(answers: Mapping[str, str | None] = {}, **elements: Any) -> dict[str, Any]:
    """A screen that clears, changed by answer and by raw element (None drops it)."""
    resource = {**make_screen(POLICY, authored=AT, answers=answers), **elements}
    return {name: value for name, value in resource.items() if value is not None}


def read(resource: Any) -> Screen:
    return read_screen(resource, POLICY, id="s1", recorded=RECORDED)


def decision_on(screen: Screen) -> MemberDecision:
    about = Circumstance(Purpose.NEW_PLAN, "Encounter/e1", RECORDED, UTC)
    return decide_member(Readings(POLICY, Standing(), about), screen.person, (screen,))


def item_of(resource: dict[str, Any], link: str) -> dict[str, Any]:
    for group in resource["item"]:
        for item in group["item"]:
            if item["linkId"] == link:
                found: dict[str, Any] = item
                return found
    raise KeyError(link)


def with_answer(link: str, *answers: Any) -> dict[str, Any]:
    resource = screen_of()
    item_of(resource, link)["answer"] = list(answers)
    return resource


def test_policy_asks_twenty_five_questions() -> None:
    assert len(QUESTIONS) == 25


def test_complete_screen_is_read_and_clears() -> None:
    screen = read(screen_of())
    assert screen.faults == ()
    assert (screen.id, screen.person, screen.author) == ("s1", "Patient/rosa", "Practitioner/p1")
    assert (screen.authored, screen.recorded, screen.encounter) == (AT, RECORDED, "Encounter/e1")
    assert [screen.answers[link] for link in LINKS] == ["no"] * 25
    assert decision_on(screen).name == "released"


def test_complete_screen_is_itself_valid() -> None:
    resource = screen_of(answers={"suicide.past-behaviour": "yes", "suicide.past-behaviour.new": "no"})
    validate(resource)
    assert check(resource) == ()


# --- each question, each way of not saying no ----------------------------------------------------------------------


@pytest.mark.parametrize("code", ["unsure", "declined", "not-asked"])
@pytest.mark.parametrize("link", LINKS)
def test_coded_silence_is_an_answer_that_never_clears(link: str, code: str) -> None:
    screen = read(screen_of(answers={link: code}))
    assert screen.answers[link] == code
    assert screen.faults == ()
    assert not decision_on(screen).released


@pytest.mark.parametrize("link", LINKS)
def test_question_left_out_is_no_answer(link: str) -> None:
    screen = read(screen_of(answers={link: None}))
    assert link not in screen.answers
    assert screen.faults == ()
    assert not decision_on(screen).released


UNREADABLE = {
    "blank": {"valueString": ""},
    "the word no": {"valueString": "no"},
    "a boolean": {"valueBoolean": False},
    "unknown code": coded(codes.ANSWERS, "nope"),
    "upper case": coded(codes.ANSWERS, "NO"),
    "blank code": coded(codes.ANSWERS, " no"),
    "no code": {"valueCoding": {"system": codes.ANSWERS, "display": "No"}},
    "another system": coded("http://loinc.org", "no"),
    "system of the informants": coded(codes.INFORMANTS, "no"),
    "no system": {"valueCoding": {"code": "no"}},
    "versioned system": coded(f"{codes.ANSWERS}|{POLICY.version}", "no"),
    "a list of codings": {"valueCoding": [{"system": codes.ANSWERS, "code": "no"}]},
    "code is a list": {"valueCoding": {"system": codes.ANSWERS, "code": ["no"]}},
    "code is a number": {"valueCoding": {"system": codes.ANSWERS, "code": 0}},
    "two value types": {**coded(codes.ANSWERS, "no"), "valueString": "no"},
    "garbage in the coding": {"valueCoding": {"system": codes.ANSWERS, "code": "no", "answer": "no"}},
    "garbage in the answer": {**coded(codes.ANSWERS, "no"), "answer": "no"},
    "modified": {**coded(codes.ANSWERS, "no"), "modifierExtension": [{"url": "urn:x:not", "valueBoolean": True}]},
    "extension only": {"extension": [{"url": "urn:x:why", "valueCode": "unknown"}]},
    "primitive extension only": {"_valueString": {"extension": [{"url": "urn:x:why", "valueCode": "unknown"}]}},
    "empty": {},
    "null": None,
    "text": "no",
    "a number": 0,
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("link", LINKS)
def test_unreadable_answer_is_a_fault_at_its_question(link: str, name: str) -> None:
    screen = read(with_answer(link, UNREADABLE[name]))
    assert link not in screen.answers
    assert {(fault.where, fault.whole) for fault in screen.faults} == {(link, False)}
    decision = decision_on(screen)
    assert not decision.released
    assert link in decision.missing


@pytest.mark.parametrize("answers", [[], None, {}, "no", 3, True])
def test_answer_that_is_no_list_is_a_fault(answers: Any) -> None:
    resource = screen_of()
    item_of(resource, "suicide.now")["answer"] = answers
    assert read(resource).faults == (Fault("suicide.now", "the answer cannot be read"),)


def test_item_without_answer_is_unanswered() -> None:
    resource = screen_of()
    del item_of(resource, "suicide.now")["answer"]
    assert read(resource).faults == ()
    assert decision_on(read(resource)).missing == ("suicide.now",)


def test_not_measured_is_an_answer_of_one_item_only() -> None:
    assert read(screen_of(answers={"eating.vitals-outside": "not-measured"})).faults == ()
    screen = read(screen_of(answers={"eating.rapid-loss": "not-measured"}))
    assert [fault.where for fault in screen.faults] == ["eating.rapid-loss"]


def test_display_is_not_read() -> None:
    lying = coded(codes.ANSWERS, "yes")
    lying["valueCoding"]["display"] = "No"
    assert read(with_answer("suicide.now", lying)).answers["suicide.now"] == "yes"


# --- more than one answer, and items where they do not belong ------------------------------------------------------


@pytest.mark.parametrize("question", RAISING, ids=lambda question: question.id)
@pytest.mark.parametrize("order", [("yes", "no"), ("no", "yes"), ("yes", "yes"), ("no", "unsure", "yes")])
def test_yes_among_several_answers_is_never_lost(question: Question, order: tuple[str, ...]) -> None:
    screen = read(with_answer(question.id, *(coded(codes.ANSWERS, code) for code in order)))
    assert screen.answers[question.id] == "yes"
    assert screen.faults == (Fault(question.id, "the item has more than one answer"),)
    assert question.answers["yes"] in [finding.acuity for finding in decision_on(screen).findings]


@pytest.mark.parametrize("link", LINKS)
def test_two_noes_are_no_answer(link: str) -> None:
    screen = read(with_answer(link, coded(codes.ANSWERS, "no"), coded(codes.ANSWERS, "no")))
    assert link not in screen.answers
    assert not decision_on(screen).released


def test_most_severe_of_several_answers_counts() -> None:
    resource = screen_of()
    results = [coded(codes.VALIDATED_RESULTS, code) for code in ("positive", "acute-positive", "negative")]
    item_of(resource, "suicide.validated.result")["answer"] = results
    assert read(resource).answers["suicide.validated.result"] == "acute-positive"


@pytest.mark.parametrize("given_codes", [("yes", "no"), ("no", "yes")])
def test_item_there_twice_keeps_its_yes_and_clears_nothing(given_codes: tuple[str, str]) -> None:
    resource = screen_of()
    group = resource["item"][0]["item"]
    group[:] = [item for item in group if item["linkId"] != "suicide.now"]
    group += [{"linkId": "suicide.now", "answer": [coded(codes.ANSWERS, code)]} for code in given_codes]
    screen = read(resource)
    assert screen.answers["suicide.now"] == "yes"
    assert Fault("suicide.now", "the item is there more than once", whole=True) in screen.faults
    assert decision_on(screen).acuity is Acuity.ACUTE


@pytest.mark.parametrize("code", ["yes", "no"])
def test_misplaced_item_may_raise_and_never_clears(code: str) -> None:
    resource = screen_of(answers={"suicide.now": None})
    resource["item"][1]["item"].append({"linkId": "suicide.now", "answer": [coded(codes.ANSWERS, code)]})
    screen = read(resource)
    assert screen.answers.get("suicide.now") == ("yes" if code == "yes" else None)
    assert screen.faults == (Fault("suicide.now", "the item stands in the wrong place", whole=True),)
    assert decision_on(screen).acuity is (Acuity.ACUTE if code == "yes" else Acuity.UNKNOWN)


def flat(resource: dict[str, Any]) -> None:
    resource["item"] = [item for group in resource["item"] for item in group["item"]]


def wrapped(resource: dict[str, Any]) -> None:
    resource["item"] = [{"linkId": "root", "item": resource["item"]}]


def under_an_answer(resource: dict[str, Any]) -> None:
    resource["item"][0]["answer"] = [{"valueString": "x", "item": resource["item"][0].pop("item")}]


@pytest.mark.parametrize("move", [flat, wrapped, under_an_answer])
def test_yes_is_found_wherever_it_stands(move: Any) -> None:
    clear, acute = screen_of(), screen_of(answers={"suicide.now": "yes"})
    move(clear)
    move(acute)
    assert decision_on(read(clear)).name == "held-incomplete"
    assert decision_on(read(acute)).name == "held-for-directive-protocol"


def test_group_with_an_answer_holds() -> None:
    resource = screen_of()
    resource["item"][0]["answer"] = [coded(codes.ANSWERS, "no")]
    assert Fault("suicide", "an answer stands where none belongs", whole=True) in read(resource).faults


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("suicide.other", "suicide.other"),
        ("root", "root"),
        (SECRET, "an unknown item"),
        ("x" * 65, "an unknown item"),
        (None, "an unknown item"),
        (7, "an unknown item"),
        (["suicide.now"], "an unknown item"),
        ("suicide.now\n", "an unknown item"),
        ("suicide.now\u200b", "an unknown item"),
    ],
)
def test_unknown_item_holds_and_is_named_without_anybodys_words(link: Any, shown: str) -> None:
    resource = screen_of()
    resource["item"][2]["item"].append({"linkId": link, "answer": [{"valueString": SECRET}]})
    screen = read(resource)
    assert Fault(shown, "the risk screen has no such item", whole=True) in screen.faults
    assert SECRET not in repr(screen)
    assert not decision_on(screen).released


@pytest.mark.parametrize("group", [True, False])
def test_modified_item_holds(group: bool) -> None:
    resource = screen_of()
    item = resource["item"][0] if group else item_of(resource, "suicide.now")
    item["modifierExtension"] = [{"url": "urn:x:not", "valueBoolean": True}]
    screen = read(resource)
    assert screen.faults == (Fault(item["linkId"], "the item has parts that are not known here", whole=True),)


# --- known history -------------------------------------------------------------------------------------------------


def test_new_stands_under_the_questions_answer() -> None:
    screen = read(screen_of(answers={"violence.severe-danger": "yes", "violence.severe-danger.new": "no"}))
    assert screen.answers["violence.severe-danger.new"] == "no"
    assert screen.faults == ()


@pytest.mark.parametrize("place", ["beside", "under the item", "under another answer"])
def test_new_elsewhere_is_misplaced(place: str) -> None:
    resource = screen_of(answers={"violence.severe-danger": "yes"})
    new = {"linkId": "violence.severe-danger.new", "answer": [coded(codes.ANSWERS, "no")]}
    if place == "beside":
        resource["item"][2]["item"].append(new)
    elif place == "under the item":
        item_of(resource, "violence.severe-danger")["item"] = [new]
    else:
        item_of(resource, "violence.afraid")["answer"][0]["item"] = [new]
    screen = read(resource)
    assert "violence.severe-danger.new" not in screen.answers
    assert Fault("violence.severe-danger.new", "the item stands in the wrong place", whole=True) in screen.faults


def test_new_of_a_screen_that_is_not_relied_on_lowers_nothing() -> None:
    given_answers = {"violence.severe-danger": "yes", "violence.severe-danger.new": "no"}
    screen = read(screen_of(answers=given_answers, status="in-progress"))
    assert screen.answers["violence.severe-danger"] == "yes"
    assert "violence.severe-danger.new" not in screen.answers


# --- the screen as a whole -----------------------------------------------------------------------------------------

URL = codes.QUESTIONNAIRE_RISK_SCREEN
WHOLE: dict[str, tuple[dict[str, Any], str]] = {
    "another questionnaire": ({"questionnaire": f"{codes.BASE}/Questionnaire/other|{POLICY.version}"}, "questionnaire"),
    "another host": ({"questionnaire": f"https://other.example/risk-screen|{POLICY.version}"}, "questionnaire"),
    "no questionnaire": ({"questionnaire": None}, "questionnaire"),
    "questionnaire is a number": ({"questionnaire": 1}, "questionnaire"),
    "no version": ({"questionnaire": URL}, "questionnaire"),
    "empty version": ({"questionnaire": f"{URL}|"}, "questionnaire"),
    "another version": ({"questionnaire": f"{URL}|0.0.9"}, "questionnaire"),
    "version and more": ({"questionnaire": f"{URL}|{POLICY.version}|x"}, "questionnaire"),
    "in progress": ({"status": "in-progress"}, "status"),
    "stopped": ({"status": "stopped"}, "status"),
    "entered in error": ({"status": "entered-in-error"}, "status"),
    "no status": ({"status": None}, "status"),
    "status is a list": ({"status": ["completed"]}, "status"),
    "not authored": ({"authored": None}, "authored"),
    "authored by date": ({"authored": "2026-11-21"}, "authored"),
    "authored without zone": ({"authored": "2026-11-21T10:00:00"}, "authored"),
    "authored without seconds": ({"authored": "2026-11-21T10:00Z"}, "authored"),
    "authored on no day": ({"authored": "2026-02-30T10:00:00Z"}, "authored"),
    "authored in another spelling": ({"authored": "20261121T100000Z"}, "authored"),
    "authored at the end of time": ({"authored": "9999-12-31T23:59:59Z"}, "authored"),
    "authored at the start of time": ({"authored": "0001-01-01T00:00:00+14:00"}, "authored"),
    "authored as a number": ({"authored": 1763719200}, "authored"),
    "no author": ({"author": None}, "author"),
    "author is a device": ({"author": {"reference": "Device/d1"}}, "author"),
    "author is a name": ({"author": {"display": SECRET}}, "author"),
    "author elsewhere": ({"author": {"reference": "https://ehr.example/Practitioner/p1"}}, "author"),
    "encounter is a name": ({"encounter": {"display": SECRET}}, "encounter"),
    "encounter is a patient": ({"encounter": {"reference": "Patient/rosa"}}, "encounter"),
    "encounter is text": ({"encounter": "Encounter/e1"}, "encounter"),
    "implicit rules": ({"implicitRules": "https://other.example/rules"}, "implicitRules"),
    "modified": ({"modifierExtension": [{"url": "urn:x:not", "valueBoolean": True}]}, "modifierExtension"),
    "element of another standard": ({"replies": {"suicide.now": "no"}}, "replies"),
    "element with words": ({SECRET: True}, "an unknown item"),
    "items are an object": ({"item": {"linkId": "suicide"}}, "item"),
    "an item is text": ({"item": ["suicide"]}, "item"),
    "extension is an object": ({"extension": {}}, "extension"),
    "extension is null": ({"extension": [None]}, "extension"),
    "corrects nothing": ({"extension": [{"url": codes.CORRECTS}]}, "corrects"),
    "corrects a patient": (
        {"extension": [{"url": codes.CORRECTS, "valueReference": {"reference": "Patient/x"}}]},
        "corrects",
    ),
}


@pytest.mark.parametrize("name", WHOLE)
def test_screen_that_cannot_be_relied_on_holds_and_says_why(name: str) -> None:
    changes, where = WHOLE[name]
    screen = read(screen_of(**changes))
    assert where in [fault.where for fault in screen.faults if fault.whole]
    assert SECRET not in repr(screen)
    decision = decision_on(screen)
    assert not decision.released
    assert where in decision.missing


@pytest.mark.parametrize("name", [name for name, (changes, _) in WHOLE.items() if "item" not in changes])
def test_yes_of_a_screen_that_cannot_be_relied_on_still_raises(name: str) -> None:
    screen = read(screen_of(answers={"medical.acute-sign": "yes"}, **WHOLE[name][0]))
    assert decision_on(screen).acuity is Acuity.ACUTE


def test_each_fault_of_the_questionnaire_has_its_own_sentence() -> None:
    given_urls = [f"{codes.BASE}/Questionnaire/other|1", URL, f"{URL}|0.0.9"]
    assert [read(screen_of(questionnaire=url)).faults[0].why for url in given_urls] == [
        "the answers are not those of the risk screen",
        "the screen does not name its version",
        "the screen is another version than the policy in force",
    ]


def test_screen_without_items_is_unanswered() -> None:
    assert read(screen_of(item=None)).answers == {}
    assert decision_on(read(screen_of(item=[]))).name == "held-incomplete"


def test_screen_without_encounter_is_readable() -> None:
    screen = read(screen_of(encounter=None))
    assert (screen.encounter, screen.faults) == (None, ())


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T10:00:00Z", AT),
        ("2026-11-21T10:00:00.000Z", AT),
        ("2026-11-21T11:00:00+01:00", AT),
        ("2026-11-21T10:00:00.123456789Z", AT + timedelta(microseconds=123456)),
    ],
)
def test_authored_is_kept_in_utc(text: str, moment: datetime) -> None:
    assert read(screen_of(authored=text)).authored == moment


@pytest.mark.parametrize(
    ("cited", "id"),
    [
        ({"valueReference": {"reference": "QuestionnaireResponse/old"}}, "QuestionnaireResponse/old"),
        ({"valueIdentifier": {"system": codes.SCREEN, "value": "old-1"}}, "old-1"),
        ({"valueReference": {"identifier": {"system": codes.SCREEN, "value": "urn:uuid:1"}}}, "urn:uuid:1"),
    ],
)
def test_correction_cites_the_old_screen(cited: dict[str, Any], id: str) -> None:
    screen = read(screen_of(extension=[{"url": codes.CORRECTS, **cited}]))
    assert (screen.corrects, screen.faults) == (id, ())


@pytest.mark.parametrize(
    "cited",
    [
        {"valueIdentifier": {"system": "urn:x", "value": "old-1"}},
        {"valueIdentifier": {"value": SECRET}},
        {"valueIdentifier": {"value": ["x"]}},
        {"valueReference": "QuestionnaireResponse/old"},
        {"valueReference": {"reference": "https://ehr.example/QuestionnaireResponse/old"}},
    ],
)
def test_correction_of_something_unreadable_holds(cited: dict[str, Any]) -> None:
    screen = read(screen_of(extension=[{"url": codes.CORRECTS, **cited}]))
    assert screen.corrects is None
    assert [fault.where for fault in screen.faults] == ["corrects"]


def test_two_corrections_hold() -> None:
    one = {"url": codes.CORRECTS, "valueReference": {"reference": "QuestionnaireResponse/old"}}
    assert read(screen_of(extension=[one, one])).corrects is None


# --- what is no question -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("day", ["2026-11-31", "2026-11", "20261121", "2026-11-21T10:00:00Z", "", "٢٠٢٦-11-21"])
def test_date_is_a_real_day_in_one_spelling(day: str) -> None:
    screen = read(screen_of(answers={"suicide.validated.date": day}))
    assert "suicide.validated.date" not in screen.answers
    assert screen.faults == (Fault("suicide.validated.date", "the answer is no date such as 2026-11-21", whole=True),)


def test_unreadable_part_holds_even_where_the_gate_needs_no_answer() -> None:
    for link in ("setting.modality", "integration.provider"):
        resource = screen_of(answers={link: "x"})
        item_of(resource, link)["answer"] = [{"valueBoolean": True}]
        assert link in decision_on(read(resource)).missing


def test_written_answers_keep_their_bytes() -> None:
    words = "  Dr Müller,\r\n\tsince 2019 \u00a0 "
    screen = read(screen_of(answers={"integration.provider": words, "setting.alone": ""}))
    assert screen.answers["integration.provider"] == words
    assert screen.answers["setting.alone"] == ""
    assert screen.faults == ()


def test_text_that_cannot_be_written_is_a_fault() -> None:
    screen = read(screen_of(answers={"integration.provider": json.loads('"\\ud800"')}))
    assert [fault.where for fault in screen.faults] == ["integration.provider"]
    assert rfc8785.dumps(canonical_answers(screen))


@pytest.mark.parametrize("link", ["suicide.informant", "violence.asked-alone", "suicide.validated.result"])
def test_coded_item_beside_the_questions_is_read_as_strictly(link: str) -> None:
    item = item_of(screen_of(), link)
    code = item["answer"][0]["valueCoding"]["code"]
    for answer in ({"valueString": code}, coded(codes.GOAL_MEASURES, code), coded(codes.ANSWERS, "maybe")):
        screen = read(with_answer(link, answer))
        assert link not in screen.answers
        assert not decision_on(screen).released


# --- the subject ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ["Patient/rosa", "RelatedPerson/r1", "Patient/A-1.b"])
def test_subject_is_read(subject: str) -> None:
    assert read(screen_of(subject={"reference": subject})).person == subject


@pytest.mark.parametrize(
    "subject",
    [
        None,
        3,
        "Patient/rosa",
        [],
        {},
        {"display": SECRET},
        {"reference": 3},
        {"reference": ""},
        {"reference": SECRET},
        {"reference": "Group/g1"},
        {"reference": "Patient/"},
        {"reference": "Patient/rosa\n"},
        {"reference": "Patient/" + "x" * 65},
        {"reference": "Patient/../_history/1"},
        {"reference": "https://ehr.example/fhir/Patient/rosa"},
        {"reference": "urn:uuid:9f5a2b1e-0000-4000-8000-000000000000"},
        {"reference": "Patient/rosa", "type": "Group"},
    ],
)
def test_subject_that_cannot_be_read_is_refused(subject: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        read({**screen_of(), "subject": subject})
    assert refused.value.field == "subject"
    assert SECRET not in refused.value.message


def test_a_version_of_the_subject_is_the_subject() -> None:
    """A screen whose person can be read is recorded: catches a versioned reference refused."""
    assert read({**screen_of(), "subject": {"reference": "Patient/rosa/_history/7"}}).person == "Patient/rosa"


@pytest.mark.parametrize("resource", [None, [], "x", 3, {}, {"resourceType": "Observation"}, {"resourceType": ["x"]}])
def test_what_is_no_questionnaire_response_is_refused(resource: Any) -> None:
    with pytest.raises(InvalidInput):
        read(resource)


def test_web_address_as_subject_is_refused_with_its_own_sentence() -> None:
    with pytest.raises(InvalidInput, match="never a web address"):
        read(screen_of(subject={"reference": "https://ehr.example/fhir/Patient/rosa"}))


# --- properties ----------------------------------------------------------------------------------------------------

FIELDS = {one.link: one for one in fields(POLICY)}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from([*FIELDS, "no"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["linkId", "item", "answer", "valueCoding", "system", "code", "valueString", "extension"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)
ANSWER = JSON | st.builds(
    coded, st.sampled_from([codes.ANSWERS, codes.INFORMANTS]), st.sampled_from(["yes", "no", "unsure", "client", "x"])
)
ITEM = st.recursive(
    st.fixed_dictionaries({"linkId": st.sampled_from(list(FIELDS)), "answer": st.lists(ANSWER, max_size=3)}),
    lambda inner: st.fixed_dictionaries({"linkId": st.sampled_from(list(FIELDS)), "item": st.lists(inner, max_size=4)}),
    max_leaves=8,
)


@given(items=JSON | st.lists(ITEM | JSON, max_size=5))
def test_garbage_never_raises_and_answers_only_what_the_policy_lists(items: Any) -> None:
    screen = read({**screen_of(), "item": items})
    for link, answer in screen.answers.items():
        one = FIELDS[link]
        assert one.kind is not Kind.CHOICE or answer in one.options
    assert not decision_on(screen).released
    rfc8785.dumps(canonical_answers(screen))
    assert screen_from_canonical(canonical_answers(screen), id="s1") == screen


@given(element=st.sampled_from(sorted(screen_of())), value=JSON)
def test_garbage_in_any_element_is_a_fault_or_a_refused_subject(element: str, value: Any) -> None:
    resource = {**screen_of(), element: value}
    if element in ("subject", "resourceType"):
        with pytest.raises(InvalidInput):
            read(resource)
    else:
        assert not decision_on(read(resource)).released


def test_endless_nesting_does_not_raise() -> None:
    item: dict[str, Any] = {"linkId": "suicide.now", "answer": [coded(codes.ANSWERS, "yes")]}
    for _ in range(20_000):
        item = {"linkId": "suicide", "item": [item]}
    assert read(screen_of(item=[item])).answers["suicide.now"] == "yes"


def test_reading_changes_nothing() -> None:
    resource = screen_of(answers={"suicide.recent-behaviour": "yes", "suicide.recent-behaviour.new": "no"})
    before = deepcopy(resource)
    read(resource)
    assert resource == before


# --- the stored form -----------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(
    min_value=datetime(1900, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2900, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), timezone(timedelta(hours=14))]),
)
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
SCREENS = st.builds(
    Screen,
    id=st.just("s1"),
    person=TEXT,
    authored=st.none() | MOMENTS,
    recorded=MOMENTS,
    author=st.none() | TEXT,
    encounter=st.none() | TEXT,
    answers=st.dictionaries(TEXT, TEXT, max_size=5),
    faults=st.lists(st.builds(Fault, TEXT, TEXT, st.booleans()), max_size=3).map(tuple),
    corrects=st.none() | TEXT,
)


@given(screen=SCREENS)
def test_stored_answers_are_the_screen(screen: Screen) -> None:
    stored = json.loads(rfc8785.dumps(canonical_answers(screen)))
    assert screen_from_canonical(stored, id="s1") == screen


def test_stored_answers_leave_nothing_out_that_the_gate_reads() -> None:
    """A new element of Screen must be stored too, or decided again differently; id and number are the row's own."""
    stored = canonical_answers(read(screen_of()))
    assert {*stored, "id", "number"} == set(Screen.__dataclass_fields__)
    assert stored["authored"] == "2026-11-21T10:00:00.000000Z"


def test_moment_without_zone_is_not_stored() -> None:
    with pytest.raises(ValueError, match="zone"):
        canonical_answers(replace(read(screen_of()), recorded=datetime(2026, 11, 21)))  # noqa: DTZ001 - the point


@pytest.mark.parametrize("stored", [{}, {"person": "Patient/rosa"}, {"authored": 3}, []])
def test_stored_answers_of_another_form_are_not_guessed(stored: Any) -> None:
    with pytest.raises(CannotTell):
        screen_from_canonical(stored, id="s1")
