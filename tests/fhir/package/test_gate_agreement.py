"""The gate's PlanDefinition says what the software decides, wherever one response can say it: by fhirpathpy."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fhir.package.agreeing import Definitions, definitions, disagreements, said
from tests.fhir.package.screens import AT, BLANK, SAYING, any_screen
from tests.fhir.package.walking import Response, actions, compiled
from tests.makers import coded, make_screen

from withness.core.reading import blank
from withness.core.risk import RiskPolicy
from withness.fhir import codes
from withness.fhir.package.written_answers import LETTERS, says
from withness.packs.policy import load_policy, parse_policy, policy_bytes

SHIPPED = load_policy()
RUNS = 5_000
HALVES = 2
_TEXT = policy_bytes().decode()


def edited(*changes: tuple[str, str]) -> RiskPolicy:
    """The shipped policy with some of its text replaced."""
    text = _TEXT
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_policy(text.encode(), name="edited.toml")


OTHER = edited(
    (f'version = "{SHIPPED.version}"', 'version = "9.9.9"'),
    ('suicide = "elevated"\ndefault = "unknown"', 'suicide = "acute"\ndefault = "elevated"'),
    ('missing = "unknown"', 'missing = "elevated"'),
    ('instruments = ["ASQ", ', 'instruments = ["ASQ", "O\'Brien\'s list", '),
    ('purging-or-driven"], acuity = "acute"}', 'purging-or-driven"], acuity = "elevated"}'),
    ('title = "Medical instability"', 'title = "Medical"\nasked_alone = true\ninformants_not_accepted = ["partner"]'),
    (
        '  {id = "new-or-worse"',
        '  {id = "no-sleep", text = "Nights without sleep?", yes = "acute", also_answers = {some = "caution"}},\n'
        '  {id = "new-or-worse"',
    ),
    ("not_an_answer = [", 'not_an_answer = ["keine Angabe", "Ουδείς", '),
    (", known_history = true", ""),
)
"""A question more, another meaning of declined and of a missing result, other informants, no known history."""

ONE = replace(SHIPPED, domains=(SHIPPED.domains[3],))
"""One domain only: nothing about instruments, cautions or being asked alone."""


@pytest.mark.campaign
@pytest.mark.parametrize("half", range(HALVES))
def test_the_conditions_agree_with_the_software(
    half: int, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """Every screen: the decision, and one domain's verdict and findings in turn; of acute ones the steps, too."""
    runs, shipped = campaign(RUNS) // HALVES, definitions(SHIPPED)
    names: Counter[str] = Counter()
    wrong = []
    for seed in range(half * RUNS, half * RUNS + runs):
        domain = SHIPPED.domains[seed % len(SHIPPED.domains)]
        name, differ = disagreements(shipped, any_screen(SHIPPED, seed), domain)
        names[name] += 1
        wrong += [(seed, differ)] if differ else []
    shares = ", ".join(f"{name} {100 * count // runs} %" for name, count in sorted(names.items()))
    agreed = f"{runs - len(wrong)} of {runs} agree"
    figure(f"gate's FHIRPath conditions and software, half {half + 1}", runs, f"{agreed}; {shares}")
    assert wrong == []
    assert set(names) == set(SHIPPED.decisions.values())
    assert min(names.values()) >= runs // 25, "a decision is too rare for its conditions to be tried"


@pytest.mark.campaign
@pytest.mark.parametrize(("policy", "name"), [(OTHER, "another policy"), (ONE, "one domain")], ids=["other", "one"])
def test_the_conditions_of_other_policies_agree(
    policy: RiskPolicy, name: str, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """Conditions come from the policy's data: another policy has other ones."""
    runs, theirs = campaign(RUNS // 5), definitions(policy)
    wrong, names = [], Counter[str]()
    for seed in range(runs):
        domain = policy.domains[seed % len(policy.domains)]
        told, differ = disagreements(theirs, any_screen(policy, seed), domain)
        names[told] += 1
        wrong += [(seed, differ)] if differ else []
    shares = ", ".join(f"{told} {100 * count // runs} %" for told, count in sorted(names.items()))
    figure(f"gate's FHIRPath conditions and software, {name}", runs, f"{runs - len(wrong)} of {runs} agree; {shares}")
    assert wrong == []


def test_every_negation_is_what_the_engine_makes_of_it() -> None:
    """The campaign takes `(…).not()` from what stands in the brackets; here the engine is asked."""
    shipped = definitions(SHIPPED)
    for seed in range(8):
        assert disagreements(shipped, any_screen(SHIPPED, seed), *SHIPPED.domains, plainly=True)[1] == []


# --- bugs planted in a condition -----------------------------------------------------------------------------

BUGS = [
    ("a question forgotten among the acute", "violence[.]afraid|", ""),
    ("in progress counts as completed", "('completed' | 'amended')", "('completed' | 'amended' | 'in-progress')"),
    ("any version counts", f"questionnaire.where($this = '{codes.QUESTIONNAIRE_RISK_SCREEN}|", "questionnaire.where('"),
    ("two answers count as one", "where(answer.count() = 1 and ", "where(answer.count() >= 1 and "),
    ("unsure counts as an answer", "code in ('yes' | 'no')", "code in ('yes' | 'no' | 'unsure')"),
    ("the code system is not asked", f"system = '{codes.ANSWERS}' and ", ""),
    ("an acute answer counts at its place only", "descendants().where(linkId", "item.item.where(linkId"),
    ("an item may be there twice", ".isDistinct()", ".exists()"),
    ("an unknown item is not seen", "linkId.subsetOf(", "linkId.where(false).subsetOf("),
    ("a partner's no counts", "('partner' | 'parent-guardian')", "('nobody')"),
    ("a blank record of other care counts", "'na'", "'nb'"),
    (
        "a result that is not for this age counts",
        "'positive' | 'negative')",
        "'positive' | 'negative' | 'not-applicable-age')",
    ),
    ("an unlisted instrument counts", ".where($this in ('ASQ' | 'C-SSRS-screener'))", ""),
    ("warning signs are not asked", "code = 'not-measured'", "code = 'nothing'"),
]


OF_THE_WHOLE = ("readable", *(f"readable.decision.{one}" for one in ("acute", "known", "elevated", "caution")))
"""The actions whose conditions hold every part that a domain's have."""


@pytest.mark.campaign
def test_a_bug_in_a_condition_is_seen(campaign: Callable[[int], int], figure: Callable[[str, int, str], None]) -> None:
    """Each bug is planted wherever its text stands; a screen that the campaign has outside `make prove` shows it."""
    some = BUGS[:: len(BUGS) // campaign(len(BUGS))]
    missed = [why for why, old, new in some if not _seen(*_planted(old, new))]
    figure("bugs planted in a FHIRPath condition caught", len(some), f"{len(some) - len(missed)} of {len(some)}")
    assert missed == []


def _planted(old: str, new: str) -> tuple[Definitions, list[tuple[str, str]]]:
    """The definitions with the bug, and the conditions on the whole that it changes."""
    broken, changed = definitions(SHIPPED), []
    for one in actions(broken.whole):
        for condition in one.get("condition", []):
            told = condition["expression"]
            was, told["expression"] = told["expression"], told["expression"].replace(old, new)
            if was != told["expression"] and one["id"] in OF_THE_WHOLE:
                changed.append((was, told["expression"]))
    assert changed, f"nothing was planted for {old}"
    return broken, changed


def _seen(broken: Definitions, changed: list[tuple[str, str]]) -> bool:
    """Whether a screen shows the bug; only those that feel it are asked wholly."""
    for seed in range(RUNS // 10):
        resource = any_screen(SHIPPED, seed)
        feels = any(_holds(seed, was) != compiled(now)(resource)[0] for was, now in changed)
        if feels and disagreements(broken, resource, *SHIPPED.domains)[1]:
            return True
    return False


@cache
def _holds(seed: int, expression: str) -> bool:
    return bool(compiled(expression)(any_screen(SHIPPED, seed))[0])


# --- what is left out, blank, doubled or foreign is unknown --------------------------------------------------

SHIPPED_GATE = definitions(SHIPPED)
QUESTIONS = [question.id for question in SHIPPED.questions()]


def told(resource: dict[str, Any]) -> str:
    """The decision that the conditions come to."""
    found = said(SHIPPED_GATE, Response(resource), "decision")["decision"]
    assert len(found) == 1
    return found[0]


def test_a_clear_screen_is_released_and_an_empty_response_is_not() -> None:
    assert told(make_screen(SHIPPED, authored=AT)) == "released"
    for resource in (
        {"resourceType": "QuestionnaireResponse"},
        {"resourceType": "QuestionnaireResponse", "status": "completed"},
        make_screen(SHIPPED, authored=AT, item=None),
        make_screen(SHIPPED, authored=AT, item=[{"linkId": domain.id} for domain in SHIPPED.domains]),
    ):
        assert told(resource) == "held-incomplete"


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_that_is_not_answered_in_every_way_holds(question: str) -> None:
    """As the software's own test of silence has it, for one response."""
    for answers in (
        [],
        [coded("http://loinc.org", "no")],
        [coded(codes.ANSWERS, "NO")],
        [{"valueCoding": {"code": "no"}}],
        [{"valueString": "no"}],
        [coded(codes.ANSWERS, "no"), coded(codes.ANSWERS, "no")],
        [coded(codes.ANSWERS, "not-asked")],
    ):
        resource = make_screen(SHIPPED, authored=AT)
        for group in resource["item"]:
            for item in group["item"]:
                if item["linkId"] == question:
                    item["answer"] = answers
        _without_empty(resource)
        assert told(resource) == "held-incomplete", answers


def _without_empty(resource: dict[str, Any]) -> None:
    for group in resource["item"]:
        for item in group["item"]:
            if not item["answer"]:
                del item["answer"]


@pytest.mark.parametrize(
    "subject",
    [
        None,
        {"display": "Rosa"},
        {"reference": "Group/1"},
        {"reference": "Patient/rosa", "type": "RelatedPerson"},
        {"reference": "https://ehr.example/Patient/rosa"},
        {"reference": "Patient/rosa\n"},
    ],
)
def test_a_screen_of_nobody_is_unknown(subject: dict[str, str] | None) -> None:
    """The software does not even record it."""
    resource = make_screen(SHIPPED, authored=AT)
    resource.pop("subject")
    assert told({**resource, **({"subject": subject} if subject else {})}) == "held-incomplete"


@pytest.mark.parametrize("part", ["system", "code"])
def test_an_extension_on_a_part_of_a_coding_releases_nothing(part: str) -> None:
    """fhirpathpy takes a primitive's extension for a value of its own, and may find no answer at all to that."""
    resource = make_screen(SHIPPED, authored=AT)
    coding = resource["item"][0]["item"][1]["answer"][0]["valueCoding"]
    coding[f"_{part}"] = {"extension": [{"url": "http://example.org/x", "valueString": "?"}]}
    try:
        found = told(resource)
    except Exception as cannot:  # noqa: BLE001  whatever it raises, nothing is met
        found = str(cannot)
    assert found not in ("released", "released-with-conditions")


# --- written answers -----------------------------------------------------------------------------------------

WORDS = SHIPPED.not_an_answer


def _says(text: str, words: tuple[str, ...] = WORDS) -> bool:
    resource = {"resourceType": "QuestionnaireResponse", "item": [{"linkId": "x", "answer": [{"valueString": text}]}]}
    return bool(compiled(f"item.answer.value.ofType(string).all({says(words)})")(resource)[0])


@given(st.text(min_size=1, max_size=12))
@settings(deadline=None, max_examples=300)
def test_a_text_that_says_nothing_to_the_software_says_nothing_to_the_condition(text: str) -> None:
    """Never looser, whatever the script. Planted: the class of letters without its hat; caught."""
    if _says(text):
        assert not blank(SHIPPED, text)


@given(
    st.lists(
        st.sampled_from([*WORDS, *BLANK, "N", "a", "/", "é", "Ж", "\u0301", "ﬁ", "ſ", "K"]), min_size=1, max_size=4
    )
)
@settings(deadline=None, max_examples=300)
def test_nothing_is_made_of_words_for_nothing(parts: list[str]) -> None:
    """Planted: lower() left out; caught."""
    text = "".join(parts).swapcase()
    if _says(text):
        assert not blank(SHIPPED, text)


@pytest.mark.parametrize("text", SAYING)
def test_a_text_in_a_listed_script_says_something(text: str) -> None:
    assert _says(text)
    assert not blank(SHIPPED, text)


def test_a_sites_own_words_for_nothing_count_in_their_own_letters() -> None:
    """A final sigma, and capitals."""
    site = replace(SHIPPED, not_an_answer=("ουδείς", "keine Angabe"))
    for text in ("Ουδείς", "ΟΥΔΕΊΣ", "Keine Angabe!", "kein"):
        assert _says(text, site.not_an_answer) is not blank(site, text)


def test_each_listed_letter_keeps_its_form() -> None:
    """So no letter that FHIRPath leaves as it is becomes another one where the software folds it."""
    listed = re.compile(f"[{LETTERS}]")
    nothing = replace(SHIPPED, not_an_answer=())
    for letter in map(chr, range(0x10000)):
        if listed.match(letter) and letter == letter.lower():  # the condition lowers what it reads
            assert unicodedata.normalize("NFKC", letter).casefold() == letter
            assert not blank(nothing, letter)
