"""The risk screen's Questionnaire and code systems come from the policy alone, and the checked-in files follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.makers import make_screen

from withness import content
from withness.core.risk import Domain, Question
from withness.core.terms import Acuity
from withness.fhir import codes
from withness.fhir.answers import read_screen
from withness.fhir.check import check
from withness.fhir.models import validate
from withness.fhir.package.artefacts import artefacts, drift, write
from withness.fhir.questionnaires import (
    answer_code_system,
    informant_code_system,
    risk_screen,
    validated_result_code_system,
)
from withness.packs.knowledge import load_knowledge

KNOWLEDGE = load_knowledge()
POLICY, PUBLICATION = KNOWLEDGE.policy, KNOWLEDGE.publication
SCREEN = risk_screen(POLICY, PUBLICATION)
PLAIN = ["yes", "no", "unsure", "declined", "not-asked"]


def items(parent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in parent.get("item", []):
        yield item
        yield from items(item)


BY_LINK = {item["linkId"]: item for item in items(SCREEN)}


def options(link: str) -> list[str]:
    return [one["valueCoding"]["code"] for one in BY_LINK[link]["answerOption"]]


def system(link: str) -> set[str]:
    return {one["valueCoding"]["system"] for one in BY_LINK[link]["answerOption"]}


def test_screen_is_valid() -> None:
    validate(SCREEN)
    assert check(SCREEN) == ()


def test_screen_says_what_it_is() -> None:
    assert (SCREEN["url"], SCREEN["version"]) == (codes.QUESTIONNAIRE_RISK_SCREEN, POLICY.version)
    assert (SCREEN["name"], SCREEN["status"], SCREEN["subjectType"]) == (
        "RiskScreen",
        "active",
        ["Patient", "RelatedPerson"],
    )
    assert "attestation" in SCREEN["description"]
    assert "no validated instrument" in SCREEN["description"]


@pytest.mark.parametrize("demo", [True, False])
def test_screen_is_experimental_while_the_policy_is_in_demo_mode(demo: bool) -> None:
    made = artefacts(replace(KNOWLEDGE, policy=replace(POLICY, demo=demo)))
    of_the_policy = ("risk-screen", "risk-screen-answer", "risk-screen-informant", "validated-result")
    found = [one["experimental"] for one in made.values() if one.get("id") in of_the_policy]
    assert len(found) >= len(of_the_policy)
    assert set(found) == {demo}


def test_same_policy_makes_the_same_bytes() -> None:
    assert json.dumps(artefacts(KNOWLEDGE)) == json.dumps(artefacts(load_knowledge()))


FORBIDDEN = ("initial", "enableWhen", "enableBehavior", "answerValueSet", "readOnly", "extension", "maxLength")


@pytest.mark.parametrize("link", BY_LINK)
def test_item_is_never_prefilled_hidden_required_or_answered_twice(link: str) -> None:
    item = BY_LINK[link]
    assert [name for name in item if name.startswith(FORBIDDEN)] == []
    assert not item.get("required")
    assert not item.get("repeats")


def test_groups_are_the_policys_domains_then_integration_and_setting() -> None:
    groups = [item["linkId"] for item in SCREEN["item"]]
    assert groups == [*(domain.id for domain in POLICY.domains), "integration", "setting"]
    assert {item["type"] for item in SCREEN["item"]} == {"group"}
    assert [BY_LINK[domain.id]["text"] for domain in POLICY.domains] == [domain.title for domain in POLICY.domains]


@pytest.mark.parametrize("domain", POLICY.domains, ids=lambda domain: domain.id)
def test_domain_asks_first_who_answered(domain: Domain) -> None:
    assert BY_LINK[domain.id]["item"][0]["linkId"] == domain.informant
    assert options(domain.informant) == list(POLICY.informants)
    assert system(domain.informant) == {codes.INFORMANTS}


@pytest.mark.parametrize("domain", POLICY.domains, ids=lambda domain: domain.id)
def test_domain_asked_alone_says_so_before_its_questions(domain: Domain) -> None:
    links = [item["linkId"] for item in BY_LINK[domain.id]["item"]]
    alone = f"{domain.id}.asked-alone"
    assert (alone in links) == domain.asked_alone
    if domain.asked_alone:
        assert options(alone) == ["yes", "no"]
        assert links.index(alone) < links.index(domain.questions[0].id)
        assert BY_LINK[f"{domain.id}.ask"]["type"] == "display"


@pytest.mark.parametrize("question", POLICY.questions(), ids=lambda question: question.id)
def test_question_is_one_coded_item(question: Question) -> None:
    item = BY_LINK[question.id]
    assert (item["type"], item["text"], system(question.id)) == ("choice", question.text, {codes.ANSWERS})
    further = ["not-measured"] if question.id == "eating.vitals-outside" else []
    assert options(question.id) == PLAIN + further
    assert [one["linkId"] for one in item.get("item", [])] == [f"{question.id}.new"] * question.known_history


def test_known_history_is_asked_of_the_listed_questions() -> None:
    assert [link.removesuffix(".new") for link in BY_LINK if link.endswith(".new")] == [
        "suicide.intent-or-plan",
        "suicide.recent-behaviour",
        "suicide.past-behaviour",
        "violence.harmed-past-year",
        "violence.severe-danger",
        "violence.dependant-harmed",
        "violence.threat-to-others",
        "eating.medical-sign",
        "medical.withdrawal",
    ]


def test_new_since_a_hold_says_when_it_is_asked() -> None:
    """Catches: a question that a person without any hold cannot understand."""
    texts = {item["text"] for link, item in BY_LINK.items() if link.endswith(".new")}
    assert texts == {"Only after an earlier hold: anything of this since then?"}


def test_the_form_names_the_instruments_that_the_policy_takes() -> None:
    [rule] = [domain.validated for domain in POLICY.domains if domain.validated]
    assert rule.instruments == ("ASQ", "C-SSRS-screener")
    assert BY_LINK["suicide.validated.instrument"]["text"] == (
        "Validated instrument used, unaltered (ASQ or C-SSRS-screener)"
    )


def test_validated_instrument_is_asked_for_in_the_suicide_domain_alone() -> None:
    kinds = {link: item["type"] for link, item in BY_LINK.items() if ".validated." in link}
    assert kinds == {
        "suicide.validated.instrument": "string",
        "suicide.validated.version": "string",
        "suicide.validated.date": "date",
        "suicide.validated.result": "choice",
        "suicide.validated.by": "string",
    }
    assert system("suicide.validated.result") == {codes.VALIDATED_RESULTS}


def test_integration_and_setting_are_written_answers() -> None:
    integration = {item["linkId"]: item["text"] for item in BY_LINK["integration"]["item"]}
    assert BY_LINK["integration"]["text"] == "Other care alongside this therapy"
    assert integration == {f"integration.{one}": text for one, text in POLICY.integration.items()}
    setting = [item["linkId"] for item in BY_LINK["setting"]["item"]]
    assert setting == [f"setting.{one}" for one in POLICY.setting_items]
    assert {item["type"] for group in ("integration", "setting") for item in BY_LINK[group]["item"]} == {"string"}


def test_every_item_of_the_form_can_be_read_back() -> None:
    """Form and reader come from one list: a screen that answers every item has no fault."""
    asked = {link: item for link, item in BY_LINK.items() if item["type"] in ("choice", "string", "date")}
    answers: dict[str, str | None] = {
        link: item["answerOption"][0]["valueCoding"]["code"] if item["type"] == "choice" else "2026-11-21"
        for link, item in asked.items()
    }
    at = datetime(2026, 11, 21, 10, tzinfo=UTC)
    screen = read_screen(make_screen(POLICY, authored=at, answers=answers), POLICY, id="s", recorded=at)
    assert screen.faults == ()
    assert screen.answers == answers


@pytest.mark.parametrize(
    ("made", "url", "listed"),
    [
        (answer_code_system(POLICY, PUBLICATION), codes.ANSWERS, [*PLAIN, "not-measured"]),
        (informant_code_system(POLICY, PUBLICATION), codes.INFORMANTS, list(POLICY.informants)),
        (
            validated_result_code_system(POLICY, PUBLICATION),
            codes.VALIDATED_RESULTS,
            ["acute-positive", "positive", "negative", "not-applicable-age"],
        ),
    ],
    ids=["answers", "informants", "results"],
)
def test_code_system_is_complete(made: dict[str, Any], url: str, listed: list[str]) -> None:
    validate(made)
    assert check(made) == ()
    assert (made["url"], made["content"], made["count"]) == (url, "complete", len(listed))
    assert [one["code"] for one in made["concept"]] == listed
    offered = {
        one["valueCoding"]["code"]: one["valueCoding"]["display"]
        for item in BY_LINK.values()
        for one in item.get("answerOption", [])
        if one["valueCoding"]["system"] == url
    }
    assert offered.items() <= {one["code"]: one["display"] for one in made["concept"]}.items()


def test_a_further_question_of_a_policy_is_asked_for() -> None:
    added = Question("medical.sleep", "medical", "Awake for days?", {"yes": Acuity.ELEVATED, "no": Acuity.NONE})
    medical = POLICY.domains[-1]
    policy = replace(POLICY, domains=(*POLICY.domains[:-1], replace(medical, questions=(*medical.questions, added))))
    assert "medical.sleep" in [item["linkId"] for item in items(risk_screen(policy, PUBLICATION))]


# --- the files that are checked in ---------------------------------------------------------------------------------

FOLDER = Path(str(content.folder("fhir_profiles")))


def test_checked_in_files_have_not_drifted() -> None:
    assert drift(KNOWLEDGE, FOLDER) == [], "write them anew with make generate"


def test_drift_names_what_is_missing_or_changed(tmp_path: Path) -> None:
    assert drift(KNOWLEDGE, tmp_path) == list(artefacts(KNOWLEDGE))
    write(KNOWLEDGE, tmp_path)
    assert drift(KNOWLEDGE, tmp_path) == []
    changed = tmp_path / "questionnaire" / "risk-screen.json"
    changed.write_bytes(changed.read_bytes().replace(b"Thinking about it right now?", b"Thinking?"))
    assert drift(KNOWLEDGE, tmp_path) == ["questionnaire/risk-screen.json"]


def test_package_names_what_it_stands_on() -> None:
    package = json.loads((FOLDER / "package.json").read_text())
    assert package["name"] == "example.withness.fhir"
    assert package["canonical"] == codes.BASE
    assert (package["fhirVersions"], package["dependencies"]) == (
        ["4.0.1"],
        {"hl7.fhir.r4.core": "4.0.1", "hl7.fhir.us.core": "6.1.0"},
    )


def test_files_end_with_one_line_break_and_two_spaces_indent() -> None:
    for path in artefacts(KNOWLEDGE):
        text = (FOLDER / path).read_text()
        assert text.endswith("}\n")
        assert text.splitlines()[1].startswith('  "')
