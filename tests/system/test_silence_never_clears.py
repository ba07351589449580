"""Each of the 25 questions, in every way of not answering: held, nothing saved, and said why (I2, I1)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.makers import make_screen
from tests.system.site import ENCOUNTERS, Site, make_draft
from withness.fhir import codes
from withness.packs.policy import load_policy

QUESTIONS = [question.id for question in load_policy().questions()]
WAYS = {
    "unsure": {"valueCoding": {"system": codes.ANSWERS, "code": "unsure"}},
    "declined": {"valueCoding": {"system": codes.ANSWERS, "code": "declined"}},
    "not-asked": {"valueCoding": {"system": codes.ANSWERS, "code": "not-asked"}},
    "blank": {"valueString": ""},
    "N/A": {"valueString": "N/A"},
    "unknown-code": {"valueCoding": {"system": codes.ANSWERS, "code": "nope"}},
    "left-out": None,
}


def with_answer(response: dict[str, Any], link: str, answer: dict[str, Any] | None) -> dict[str, Any]:
    """Put `answer` in the place of a question's answer; None takes the question out."""
    for group in response["item"]:
        for item in list(group.get("item", [])):
            if item["linkId"] == link and answer is None:
                group["item"].remove(item)
            elif item["linkId"] == link:
                item["answer"] = [answer]
    return response


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_unanswered_in_every_way_holds_after_a_clear_screen(site: Site, question: str) -> None:
    """Planted: an unlisted code read as "no" (`answers.get(code, NONE)`); every row caught it."""
    assert site.screen()["decision"] == "released"
    domain, item = question.split(".", 1)
    for way, answer in WAYS.items():
        site.pass_time(minutes=1)
        response = make_screen(site.policy, authored=site.at, encounter="Encounter/e1")
        told = site.desk.screen(with_answer(response, question, answer), actor="Practitioner/p1")
        assert told["decision"].startswith("held"), way
        assert (domain, item) in {(one["domain"], one["item"]) for one in told["findings"]}, way
        saved = site.save()
        assert saved["decision"].startswith("held"), way
        assert saved["saved"] is False
    assert site.plans_in_chart() == 0


def test_twenty_five_questions_are_asked() -> None:
    """The policy asks what risk_gate lists; a dropped question would be a question that clears by silence."""
    assert len(QUESTIONS) == 25


@pytest.mark.parametrize("question", QUESTIONS[::2])
def test_the_console_holds_with_exit_3_and_names_the_question(site: Site, question: str) -> None:
    """The same through the console, a dozen questions, one way of silence each."""
    way = list(WAYS)[QUESTIONS.index(question) // 2 % len(WAYS)]
    response = make_screen(site.policy, authored=site.at, encounter="Encounter/e1")
    code, told = site.console_json("screen", "-", stdin=json.dumps(with_answer(response, question, WAYS[way])))
    assert code == 3
    assert question in {f"{one['domain']}.{one['item']}" for one in told["findings"]}
    code, saved = site.console_json("plan", "save", "-", stdin=json.dumps(make_draft()))
    assert (code, saved["saved"]) == (3, False)
    assert site.plans_in_chart() == 0


def _screen(site: Site, **changes: Any) -> dict[str, Any]:
    return make_screen(site.policy, **{"authored": site.at, "encounter": "Encounter/e1", **changes})


CASES: dict[str, dict[str, Any]] = {
    "stale": {"authored": -timedelta(hours=25)},
    "future-dated": {"authored": timedelta(minutes=6)},
    "another questionnaire's": {"questionnaire": "https://withness.example/fhir/Questionnaire/session-check-in|0.1.0"},
    "a wrong version": {"questionnaire": f"{codes.QUESTIONNAIRE_RISK_SCREEN}|0.0.9"},
    "no version": {"questionnaire": codes.QUESTIONNAIRE_RISK_SCREEN},
    "no questionnaire": {"questionnaire": None},
    "another encounter": {"encounter": "Encounter/e9"},
    "not completed": {"status": "in-progress"},
    "no author": {"author": None},
    "no time": {"authored_element": None},
    "a day instead of a time": {"authored_element": "2026-11-22"},
    "a result from last month": {"answers": {"suicide.validated.date": "2026-10-01"}},
    "a result from tomorrow": {"answers": {"suicide.validated.date": "2999-01-01"}},
    "an unlisted instrument": {"answers": {"suicide.validated.instrument": "our own list"}},
    "no result": {"answers": {"suicide.validated.result": None}},
    "too young without proof": {"answers": {"suicide.validated.result": "not-applicable-age"}},
    "nobody says who answered": {"answers": {"violence.informant": None}},
    "the partner answered about violence": {"answers": {"violence.informant": "partner"}},
    "an unknown item": {"item_added": {"linkId": "suicide.extra", "answer": [{"valueString": "x"}]}},
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_current_or_not_this_screen_holds(site: Site, name: str) -> None:
    """I2, one circumstance at a time. Planted: the version compared by prefix; "a wrong version" caught it."""
    assert site.screen()["decision"] == "released"
    site.pass_time(minutes=1)
    changes = dict(CASES[name])
    if isinstance(changes.get("authored"), timedelta):
        changes["authored"] = site.at + changes["authored"]
    author = {"author": "Practitioner/p1"} if "author" not in changes else {}
    bare = "author" in changes and changes.pop("author") is None
    added, element = changes.pop("item_added", None), changes.pop("authored_element", "kept")
    response = _screen(site, **changes)
    if bare:
        del response["author"]
    if element != "kept":
        response.pop("authored")
        response |= {"authored": element} if element else {}
    if added:
        response["item"].append(added)
    told = site.desk.screen(response, actor="Practitioner/p1")
    assert author or bare
    saved = site.save()
    assert saved["saved"] is False
    assert saved["decision"].startswith("held")
    assert told["findings"] or name == "another encounter"
    assert site.plans_in_chart() == 0


def test_another_patients_clear_screen_clears_nobody_else(site: Site) -> None:
    """I2. Planted: screens read without their person; caught."""
    site.screen("Patient/tom", encounter="Encounter/e1")
    assert site.save()["missing"] == ["screen"]


def test_a_plan_without_its_encounter_or_in_another_one_is_held(site: Site) -> None:
    """A new plan wants a screen of the same encounter; the gate asked without one holds."""
    site.screen()
    assert site.save(make_draft(encounter="Encounter/e2"))["decision"] == "held-incomplete"
    told = site.desk.decide(["Patient/rosa"], actor="Practitioner/p1")
    assert told["decision"] == "held-incomplete"


def test_a_back_dated_or_late_filed_clear_screen_can_raise_but_not_clear(site: Site) -> None:
    """Latest rule. Planted: `history[-1]` chosen by authored time; caught by the second half."""
    site.screen()
    site.pass_time(hours=1)
    late = site.screen(authored=site.at - timedelta(hours=2))
    assert late["decision"] == "held-incomplete"
    site.pass_time(hours=1)
    assert site.screen()["decision"] == "released"
    site.pass_time(hours=1)
    raised = site.screen(authored=site.at - timedelta(hours=5), answers={"suicide.now": "yes"})
    assert raised["decision"] == "held-for-directive-protocol"
    assert site.save()["saved"] is False


def test_a_screen_grows_stale_between_screen_and_save(site: Site) -> None:
    """Expiry is judged at the decision. Planted: `at` taken from the screen; caught."""
    told = site.screen()
    site.pass_time(hours=24, seconds=1)
    assert told["decision"] == "released"
    assert site.save()["decision"] == "held-incomplete"


def test_a_clock_that_went_back_holds(site: Site) -> None:
    """A clock behind the newest record, be it somebody else's, decides nothing."""
    site.screen()
    site.pass_time(minutes=1)
    site.screen("Patient/tom")
    site.pass_time(seconds=-30)
    answer = site.save()
    assert answer["decision"] == "held-incomplete"
    assert "clock" in answer["missing"]


def test_a_clear_screen_after_an_acute_one_stays_held(site: Site) -> None:
    """I3: acute ends only by its release. Planted: only the latest screen judged; caught."""
    site.screen(answers={"suicide.now": "yes"})
    for _ in range(3):
        site.pass_time(hours=1)
        assert site.screen()["decision"] == "held-for-directive-protocol"
        answer = site.save()
        assert (answer["decision"], answer["saved"]) == ("held-for-directive-protocol", False)
        assert answer["protocol"]
    assert site.plans_in_chart() == 0


def test_a_caution_needs_its_integration_record(site: Site) -> None:
    """A stable illness: complete record, released with conditions; anything missing or "N/A", held."""
    known: dict[str, Any] = {"psychosis.known-illness": "yes"}
    assert "integration.provider" in site.screen(answers=known)["missing"]
    record = {
        "integration.provider": "Dr Ngata",
        "integration.last-contact": "2026-11-02",
        "integration.supports": "Day programme",
        "integration.release-of-information": "client declines",
        "integration.relapse-plan": "Call the programme",
    }
    site.pass_time(minutes=1)
    told = site.screen(answers={**known, **record})
    assert (told["decision"], told["conditions"]) == ("released-with-conditions", ["psychosis.known-illness"])
    assert site.save()["saved"] is True
    for nothing in ("N/A", "   ", "-"):
        site.pass_time(minutes=1)
        told = site.screen(answers={**known, **record, "integration.relapse-plan": nothing})
        assert (told["decision"], told["missing"]) == ("held-incomplete", ["integration.relapse-plan"])


def test_every_persons_encounter_is_known_to_these_tests() -> None:
    """The samples' people have one encounter each, so that "another encounter" is another one."""
    assert len(set(ENCOUNTERS.values())) == len(ENCOUNTERS)
