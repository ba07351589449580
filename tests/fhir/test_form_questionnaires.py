"""The forms as Questionnaires: valid, with the extensions that a standard form filler reads, and never prefilled.

No SDC package is at hand: its rules are looked at here, one by one. Bugs that were planted and seen caught stand
beside the tests that caught them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fhirpathpy import evaluate
from tests.fhir.form_makers import CHECK_IN, OBSERVATION, PRIORITIES, every_item, group, response, said, wrote

from withness.core.form import Form, ItemKind
from withness.fhir import codes
from withness.fhir.check import check
from withness.fhir.models import validate
from withness.fhir.package.artefacts import artefacts
from withness.fhir.package.forms import form_questionnaire, form_questionnaires, form_terminology
from withness.packs.knowledge import load_knowledge

KNOWLEDGE = load_knowledge()
MADE = {one["id"]: one for one in form_questionnaires(KNOWLEDGE)}
FORMS = {one.id: one for one in KNOWLEDGE.forms}
SYSTEMS = {one["url"]: one for one in form_terminology(KNOWLEDGE)}

every_form = pytest.mark.parametrize("made", MADE.values(), ids=list(MADE))


def extensions(element: dict[str, Any], url: str) -> list[dict[str, Any]]:
    return [one for one in element.get("extension", []) if one["url"] == url]


def part(extension: dict[str, Any], url: str) -> Any:
    [found] = [one for one in extension["extension"] if one["url"] == url]
    return next(value for name, value in found.items() if name.startswith("value"))


def item(made: dict[str, Any], link: str) -> dict[str, Any]:
    [found] = [one for one in every_item(made) if one["linkId"] == link]
    return found


def control(element: dict[str, Any]) -> list[str]:
    found = extensions(element, codes.ITEM_CONTROL)
    return [one["valueCodeableConcept"]["coding"][0]["code"] for one in found]


def test_the_five_forms_are_there_in_the_contracts_order() -> None:
    assert list(MADE) == [
        "first-conversation",
        "session-check-in",
        "own-priorities",
        "session-observation",
        "supervision-reflection",
    ]


@every_form
def test_a_form_is_valid(made: dict[str, Any]) -> None:
    """que-0 to que-13 among them (test_check has a failing example of each)."""
    validate(made)
    assert check(made) == ()


@every_form
def test_a_form_says_what_it_is(made: dict[str, Any]) -> None:
    form = FORMS[made["id"]]
    assert (made["url"], made["version"]) == (codes.questionnaire(form.id), form.version)
    assert (made["title"], made["description"], made["subjectType"]) == (form.title, form.about, list(form.subjects))
    assert made["language"] == "en"
    assert "".join(one.capitalize() for one in form.id.split("-")) == made["name"]
    semver = {"system": "http://hl7.org/fhir/version-algorithm", "code": "semver"}
    assert [one["valueCoding"] for one in extensions(made, codes.VERSION_ALGORITHM)] == [semver]


def test_version_and_experimental_are_the_files_own() -> None:
    """The shipped ones wait for a clinical owner. Planted and caught: the package's version."""
    assert {made["experimental"] for made in MADE.values()} == {True}
    changed = replace(CHECK_IN, version="7.8.9", experimental=False)
    made = form_questionnaire(changed, KNOWLEDGE.publication)
    assert (made["version"], made["experimental"]) == ("7.8.9", False)
    [system] = [
        one for one in form_terminology(replace(KNOWLEDGE, forms=(changed,))) if one["id"] == "felt-understood-answer"
    ]
    assert (system["version"], system["experimental"]) == ("7.8.9", False)


def test_the_reading_level_is_stated_where_a_client_reads() -> None:
    stated = {id: "Flesch-Kincaid grade 6 or below" in made["purpose"] for id, made in MADE.items()}
    assert [id for id, said_so in stated.items() if said_so] == [
        "first-conversation",
        "session-check-in",
        "own-priorities",
    ]


def test_the_reflection_is_about_the_clinician_and_says_that_it_is_kept_apart() -> None:
    """Planted and caught: subjectType Patient."""
    made = MADE["supervision-reflection"]
    assert made["subjectType"] == ["Practitioner"]
    assert "outside the client's record" in made["purpose"]
    assert "outside the client's record" in made["description"]
    assert "code" not in json.dumps([one.get("code") for one in every_item(made)])
    assert "%patient" not in json.dumps(made)


@every_form
def test_every_question_may_be_skipped(made: dict[str, Any]) -> None:
    """Planted and caught: one item required; one hidden."""
    for one in every_item(made):
        assert not one.get("required")
        assert "readOnly" not in one
        assert extensions(one, "http://hl7.org/fhir/StructureDefinition/questionnaire-hidden") == []


# -- prefill


@every_form
def test_only_a_name_and_a_day_are_prefilled(made: dict[str, Any]) -> None:
    """Planted and caught: an initial answer on a choice; the name that the client wants to be called, prefilled."""
    assert '"initial' not in json.dumps(made)
    prefilled = [one["linkId"] for one in every_item(made) if extensions(one, codes.INITIAL_EXPRESSION)]
    assert prefilled == (["me"] if made["id"] == "supervision-reflection" else ["name", "day"])


def test_the_risk_screen_is_never_prefilled() -> None:
    """I2. Planted and caught: an initialExpression in the risk screen."""
    screen = json.dumps(artefacts(KNOWLEDGE)["questionnaire/risk-screen.json"])
    assert "extension" not in screen
    assert "nitial" not in screen


@every_form
def test_each_variable_is_a_launch_context_that_the_form_declares(made: dict[str, Any]) -> None:
    """sdc-lcext-1: patient is a Patient, user a Practitioner, encounter an Encounter."""
    declared = {
        part(one, "name")["code"]: (part(one, "name")["system"], part(one, "type"))
        for one in extensions(made, codes.LAUNCH_CONTEXT)
    }
    used = {
        name
        for one in every_item(made)
        for found in extensions(one, codes.INITIAL_EXPRESSION)
        for name in ("patient", "user", "encounter")
        if f"%{name}." in found["valueExpression"]["expression"]
    }
    types = {"patient": "Patient", "user": "Practitioner", "encounter": "Encounter"}
    assert declared == {name: (codes.LAUNCH_CONTEXTS, types[name]) for name in used}


def prefilled(form: str, link: str, **context: Any) -> list[str]:
    [found] = extensions(item(MADE[form], link), codes.INITIAL_EXPRESSION)
    assert found["valueExpression"]["language"] == "text/fhirpath"
    return [str(one) for one in evaluate({}, found["valueExpression"]["expression"], context)]


ROSA = {"use": "official", "given": ["Rosa"], "family": "Lopez"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([ROSA], ["Rosa Lopez"]),
        ([ROSA, {"use": "usual", "text": "Rosie L."}], ["Rosie L."]),
        ([{"use": "old", "given": ["Ross"]}, ROSA], ["Rosa Lopez"]),
        ([{"use": "maiden", "text": "R. Diaz"}, {"given": ["Rosa"]}], ["Rosa"]),
        ([{"use": "old", "given": ["Ross"]}], []),
        ([], []),
    ],
)
def test_the_name_is_the_one_that_a_person_goes_by(names: list[dict[str, Any]], expected: list[str]) -> None:
    """A name that was given up is never shown. Planted and caught: the first name in the record."""
    patient = {"resourceType": "Patient", "name": names}
    assert prefilled("session-check-in", "name", patient=patient) == expected
    assert prefilled("supervision-reflection", "me", user={**patient, "resourceType": "Practitioner"}) == expected


def test_the_day_is_the_encounters() -> None:
    encounter = {"resourceType": "Encounter", "period": {"start": "2026-11-21T23:30:00-05:00"}}
    assert prefilled("session-check-in", "day", encounter=encounter) == ["2026-11-21"]
    assert prefilled("session-check-in", "day", encounter={"resourceType": "Encounter"}) == []


# -- how it is shown


def test_the_slider_is_one() -> None:
    fit = item(MADE["session-check-in"], "fit")
    assert (fit["type"], control(fit)) == ("integer", ["slider"])
    found = {url: extensions(fit, url) for url in (codes.MIN_VALUE, codes.MAX_VALUE, codes.SLIDER_STEP)}
    assert [one[0]["valueInteger"] for one in found.values()] == [0, 10, 1]
    labels = {control(one)[0]: one["text"] for one in fit["item"]}
    assert labels == {
        "help": "0 means not at all, 10 means just right.",
        "lower": "Not at all",
        "upper": "Just right",
    }


@every_form
def test_every_choice_says_how_it_is_laid_out(made: dict[str, Any]) -> None:
    for one in every_item(made):
        if one["type"] == "choice":
            assert control(one) == ["check-box" if one["repeats"] else "radio-button"]
            assert [found["valueCode"] for found in extensions(one, codes.CHOICE_ORIENTATION)] == ["vertical"]
            assert "answerValueSet" not in one


def test_a_choice_may_be_laid_out_across() -> None:
    [first, *_] = [one for one, _ in CHECK_IN.walk() if one.kind is ItemKind.CHOICE]
    form = replace(CHECK_IN, items=(replace(first, across=True),))
    made = form_questionnaire(form, KNOWLEDGE.publication)
    assert extensions(made["item"][0], codes.CHOICE_ORIENTATION)[0]["valueCode"] == "horizontal"


def test_a_translation_stands_beside_its_text() -> None:
    """The shipped texts have none yet: a translation is a clinician's and a translator's work."""
    [welcome, *rest] = PRIORITIES.items
    form = replace(PRIORITIES, items=(replace(welcome, translations={"es": "Su lista", "pt-BR": "Sua lista"}), *rest))
    made = form_questionnaire(form, KNOWLEDGE.publication)
    validate(made)
    assert check(made) == ()
    found = made["item"][0]["_text"]["extension"]
    assert [(part(one, "lang"), part(one, "content")) for one in found] == [("es", "Su lista"), ("pt-BR", "Sua lista")]
    assert {one["url"] for one in found} == {"http://hl7.org/fhir/StructureDefinition/translation"}
    assert not any("_text" in one for made in MADE.values() for one in every_item(made))


# -- what is asked when


def conditions(made: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for one in every_item(made):
        for found in one.get("enableWhen", []):
            yield one, found


@every_form
def test_a_condition_names_an_answer_that_an_earlier_question_offers(made: dict[str, Any]) -> None:
    """Planted and caught: another set's code in enableWhen."""
    order = [one["linkId"] for one in every_item(made)]
    for one, found in conditions(made):
        decides = item(made, found["question"])
        assert order.index(found["question"]) < order.index(one["linkId"])
        assert found["operator"] == "="
        if decides["type"] == "boolean":
            assert found["answerBoolean"] is True
        else:
            offered = [{**option["valueCoding"]} for option in decides["answerOption"]]
            assert found["answerCoding"] in [{k: c[k] for k in ("system", "code")} for c in offered]
        assert (len(one["enableWhen"]) > 1) == ("enableBehavior" in one)
        assert one.get("enableBehavior", "any") == "any"


def test_what_is_asked_only_then() -> None:
    found = {
        (made["id"], one["linkId"], condition.get("answerCoding", {}).get("code", "ticked"))
        for made in MADE.values()
        for one, condition in conditions(made)
    }
    assert found == {
        ("first-conversation", "structure-how", "more"),
        ("first-conversation", "structure-how", "less"),
        ("session-check-in", "missed", "partly"),
        ("session-check-in", "missed", "no"),
        ("session-check-in", "change", "change"),
        ("session-check-in", "change", "talk-first"),
        ("session-check-in", "change", "no"),
        ("session-check-in", "change", "unsure"),
        ("session-observation", "dialogue", "ticked"),
    }


# -- what is counted


@every_form
def test_a_weight_is_said_in_both_ways_and_orders_the_answers(made: dict[str, Any]) -> None:
    """ordinalValue is R4's, itemWeight what SDC 4 reads. Planted and caught: one of the two left out."""
    for one in every_item(made):
        weights = []
        for option in one.get("answerOption", []):
            found = {url: extensions(option, url) for url in (codes.ORDINAL_VALUE, codes.ITEM_WEIGHT)}
            assert len(found[codes.ORDINAL_VALUE]) == len(found[codes.ITEM_WEIGHT]) <= 1
            values = {one["valueDecimal"] for listed in found.values() for one in listed}
            assert len(values) <= 1
            weights.extend(values)
        assert weights == sorted(set(weights), reverse=True)


def test_which_choices_have_weights() -> None:
    weighted = {
        one["linkId"]
        for made in MADE.values()
        for one in every_item(made)
        if any("extension" in option for option in one.get("answerOption", []))
    }
    assert weighted == {"understood", "together", "dialogue"}
    assert all("calculatedExpression" not in json.dumps(made) for made in MADE.values()), "nothing adds them up"


def test_what_is_extracted_as_it_stands_says_so() -> None:
    """What is counted (words, entries) is not copied into an Observation, so no standard extraction may do it."""
    coded = {
        (made["id"], one["linkId"], one["code"][0]["code"]): bool(extensions(one, codes.OBSERVATION_EXTRACT))
        for made in MADE.values()
        for one in every_item(made)
        if "code" in one
    }
    assert coded == {
        ("first-conversation", "structure", "structure-wanted"): True,
        ("session-check-in", "fit", "session-fit"): True,
        ("session-check-in", "understood", "felt-understood"): True,
        ("session-check-in", "together", "reported-collaborative"): True,
        ("session-check-in", "different", "feels-different"): True,
        ("session-check-in", "go-on", "agrees-to-continue"): True,
        ("session-check-in", "account", "preferred-account"): False,
        ("session-check-in", "possibility", "new-possibility"): False,
        ("own-priorities", "priority", "own-priorities-list"): False,
        ("session-observation", "reflected", "reflected-before-responding"): True,
        ("session-observation", "dialogue", "held-as-dialogue"): True,
        ("session-observation", "account", "preferred-account"): False,
        ("session-observation", "possibility", "new-possibility"): False,
    }
    for made in MADE.values():
        for one in every_item(made):
            assert not extensions(one, codes.OBSERVATION_EXTRACT) or "code" in one


def test_a_code_is_ours_and_never_an_invented_one_of_others() -> None:
    systems = {one["code"][0]["system"] for made in MADE.values() for one in every_item(made) if "code" in one}
    assert systems == {codes.GOAL_MEASURES, codes.FORM_ITEMS}
    assert "loinc" not in json.dumps(list(MADE.values()))
    assert "snomed" not in json.dumps(list(MADE.values()))


# -- rules on the answers together


@every_form
def test_a_rule_on_the_answers_is_a_target_constraint(made: dict[str, Any]) -> None:
    """questionnaire-constraint is retired. Planted and caught: it."""
    assert "questionnaire-constraint" not in json.dumps(made)
    form = FORMS[made["id"]]
    found = extensions(made, codes.TARGET_CONSTRAINT)
    assert [part(one, "key") for one in found] == [one.key for one in form.constraints]
    assert {part(one, "severity") for one in found} <= {"warning"}, "a nudge, never a wall"


def fulfilled(form: Form, *items: dict[str, Any]) -> bool:
    [found] = extensions(MADE[form.id], codes.TARGET_CONSTRAINT)
    resource = response(form, *items)
    [answer] = evaluate(resource, part(found, "expression")["expression"], {"resource": resource})
    assert isinstance(answer, bool)
    return answer


def test_an_agreed_list_has_something_on_it() -> None:
    agreed = said("agreed", {"valueCoding": {"code": "client"}})
    written = group("priority", wrote("priority.words", "sleep"))
    assert fulfilled(PRIORITIES)
    assert fulfilled(PRIORITIES, written)
    assert fulfilled(PRIORITIES, written, agreed)
    assert not fulfilled(PRIORITIES, agreed)
    assert not fulfilled(PRIORITIES, group("priority", wrote("priority.sign", "up at eight")), agreed)


def test_a_possibility_is_named_and_described() -> None:
    named, described = wrote("possibility.named", "Paint"), wrote("possibility.described", "At night")
    assert fulfilled(OBSERVATION)
    assert fulfilled(OBSERVATION, group("possibility", named, described))
    assert not fulfilled(OBSERVATION, group("possibility", named))
    assert not fulfilled(OBSERVATION, group("possibility", named, described), group("possibility", described))


# -- code systems


@every_form
def test_every_answer_is_a_code_of_a_published_system(made: dict[str, Any]) -> None:
    """Planted and caught: an option that the code system does not have."""
    for one in every_item(made):
        for option in one.get("answerOption", []):
            coding = option["valueCoding"]
            concepts = {each["code"]: each["display"] for each in SYSTEMS[coding["system"]]["concept"]}
            assert concepts[coding["code"]] == coding["display"]


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=[one["id"] for one in SYSTEMS.values()])
def test_a_code_system_is_complete_and_valid(system: dict[str, Any]) -> None:
    validate(system)
    assert check(system) == ()
    assert (system["content"], system["count"]) == ("complete", len(system["concept"]))
    assert all(one["definition"] for one in system["concept"])


def test_every_item_code_is_published() -> None:
    published = {one["code"] for one in SYSTEMS[codes.FORM_ITEMS]["concept"]}
    used = {one.code for form in KNOWLEDGE.forms for one, _ in form.walk() if one.code}
    assert published == used == {"session-fit", "structure-wanted"}


def test_the_answers_on_structure_are_those_of_the_plan() -> None:
    wanted = [one.id for one in KNOWLEDGE.catalogue.suitability.structure_options]
    structure = item(MADE["first-conversation"], "structure")
    assert [one["valueCoding"]["code"] for one in structure["answerOption"]] == wanted
    assert structure["text"] == KNOWLEDGE.catalogue.suitability.structure_question
    assert wanted == ["more", "same", "less", "unsaid"]


def test_same_content_makes_the_same_bytes() -> None:
    again = load_knowledge()
    assert json.dumps(list(form_questionnaires(again))) == json.dumps(list(MADE.values()))
    assert json.dumps(list(form_terminology(again))) == json.dumps(list(SYSTEMS.values()))


def test_forms_and_terminology_are_in_the_package() -> None:
    made = artefacts(KNOWLEDGE)
    assert {f"questionnaire/{id}.json" for id in MADE} <= set(made)
    for one in SYSTEMS.values():
        assert {f"codesystem/{one['id']}.json", f"valueset/{one['id']}.json"} <= set(made)
