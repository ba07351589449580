"""What each answer to each question means: only what the policy lists as clearing clears (I2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.makers import DOMAINS, INTEGRATION, POLICY, QUESTIONS, YES, decide, named, screen, split

from withness.core.risk import Fault
from withness.errors import PolicyRefused

SILENCES = {
    "unsure": "unsure",
    "declined": "declined",
    "not-asked": "not-asked",
    "blank": "",
    "space": " ",
    "N/A": "N/A",
    "no-in-capitals": "NO",
    "no-with-a-blank": "no ",
    "no-elsewhere": "nein",
    "unknown-code": "maybe",
    "another-items-code": "negative",
    "left-out": None,
}
NAMES = {
    "none": "released",
    "caution": "released-with-conditions",
    "elevated": "held-for-assessment",
    "unknown": "held-incomplete",
    "acute": "held-for-directive-protocol",
}
OWN_NO = ("client", "clinician-observed", "record")
OTHERS_NO = ("partner", "parent-guardian")


def test_a_complete_screen_of_noes_clears() -> None:
    """The base line of all that follows: no finding, nothing missing, no condition."""
    cleared = decide(screen())
    assert (cleared.name, cleared.by, cleared.released) == ("released", "screen", True)
    assert (cleared.findings, cleared.missing, cleared.conditions) == ((), (), ())


def test_the_policy_asks_these_25_questions() -> None:
    """A question that nobody asks would clear by silence. Planted: `domains[:-1]` in the loader; caught."""
    assert tuple(one.id for one in POLICY.questions()) == QUESTIONS
    assert len(QUESTIONS) == 25


@pytest.mark.parametrize("way", SILENCES)
@pytest.mark.parametrize("question", QUESTIONS)
def test_silence_on_any_question_holds_and_names_it(question: str, way: str) -> None:
    """I2. Planted: an unlisted code read as none (`answers.get(code, NONE)`), and a left-out one too; both caught."""
    found = decide(screen({question: SILENCES[way]}))
    elevated = way == "declined" and question.startswith("suicide.") and question != "suicide.access-to-means"
    assert not found.released
    assert found.name == ("held-for-assessment" if elevated else "held-incomplete")
    assert named(found)[split(question)] == ("elevated" if elevated else "unknown")
    if not elevated:
        assert question in found.missing


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_yes_means_what_the_clinical_source_says(question: str) -> None:
    """Each question's own acuity decides. Planted: `yes` of past-behaviour as caution in the table; caught."""
    found = decide(screen({question: "yes", **INTEGRATION}))
    assert found.name == NAMES[YES[question]]
    assert named(found).get(split(question), "none") == YES[question]
    assert found.missing == ()


@pytest.mark.parametrize(
    ("loss", "purging", "name", "vitals"),
    [
        ("no", "no", "released", None),
        ("yes", "no", "held-for-directive-protocol", "acute"),
        ("no", "yes", "held-for-directive-protocol", "acute"),
        ("yes", "yes", "held-for-directive-protocol", "acute"),
        ("unsure", "no", "held-incomplete", "unknown"),
        ("no", "declined", "held-incomplete", "unknown"),
        (None, "no", "held-incomplete", "unknown"),
        ("yes", None, "held-for-directive-protocol", "acute"),
        (None, "yes", "held-for-directive-protocol", "acute"),
    ],
)
def test_not_measured_clears_only_without_a_warning_sign(
    loss: str | None, purging: str | None, name: str, vitals: str | None
) -> None:
    """Vitals that nobody took are honest only beside two noes. Planted: `_withdrawn` returns NONE always; caught."""
    signs = {"eating.rapid-loss": loss, "eating.purging-or-driven": purging}
    found = decide(screen({"eating.vitals-outside": "not-measured", **signs}))
    assert found.name == name
    assert named(found).get(("eating", "vitals-outside")) == vitals


@pytest.mark.parametrize("question", [one for one in QUESTIONS if one != "eating.vitals-outside"])
def test_not_measured_is_no_answer_to_any_other_question(question: str) -> None:
    """A further answer belongs to its question alone. Planted: not-measured listed for each question; caught."""
    found = decide(screen({question: "not-measured"}))
    assert not found.released
    assert named(found)[split(question)] == "unknown"


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("informant", [None, "", "friend", "Client", "client "])
def test_an_unnamed_informant_makes_every_no_of_the_domain_unknown(domain: str, informant: str | None) -> None:
    """Missing = unknown, but what the clinician observed stands on its own.

    Planted: `accepted = True`, and the informant's own finding dropped; both caught.
    """
    found = decide(screen({f"{domain}.informant": informant}))
    wanted = {split(one) for one in QUESTIONS if one.startswith(f"{domain}.") and one != "psychosis.disorganised"}
    assert {key for key, acuity in named(found).items() if acuity == "unknown"} == {(domain, "informant"), *wanted}
    assert f"{domain}.informant" in found.missing
    assert found.name == "held-incomplete"


@pytest.mark.parametrize("informant", [*OWN_NO, *OTHERS_NO])
@pytest.mark.parametrize("domain", [one for one in DOMAINS if one != "violence"])
def test_every_listed_informant_may_answer_outside_violence(domain: str, informant: str) -> None:
    """Only the violence domain refuses somebody else's no. Planted: the list applied to each domain; caught."""
    assert decide(screen({f"{domain}.informant": informant})).name == "released"


@pytest.mark.parametrize("informant", OTHERS_NO)
@pytest.mark.parametrize("question", [one for one in QUESTIONS if one.startswith("violence.")])
def test_a_partners_or_parents_no_about_violence_is_unknown_and_their_yes_counts(question: str, informant: str) -> None:
    """They may be the danger. Planted: `informants_not_accepted` ignored; caught."""
    theirs = {"violence.informant": informant}
    assert named(decide(screen(theirs)))[split(question)] == "unknown"
    assert question in decide(screen(theirs)).missing
    assert named(decide(screen({**theirs, question: "yes"})))[split(question)] == YES[question]


@pytest.mark.parametrize("informant", OWN_NO)
def test_the_persons_own_or_a_professional_no_about_violence_clears(informant: str) -> None:
    """The other three informants' no counts. Planted: `record` added to the refused ones; caught."""
    assert decide(screen({"violence.informant": informant})).name == "released"


@pytest.mark.parametrize(
    ("answer", "shared", "released"),
    [
        ("yes", False, True),
        ("no", False, True),
        ("yes", True, True),
        ("no", True, False),
        *((silence, shared, False) for silence in ("unsure", "declined", "", "Yes", None) for shared in (False, True)),
    ],
)
def test_asked_alone_is_said_and_in_a_unit_it_is_yes(answer: str | None, shared: bool, released: bool) -> None:
    """Beside a partner nobody can answer freely. Planted: `(YES, NO)` accepted in a unit too; caught."""
    found = decide(screen({"violence.asked-alone": answer}), shared=shared)
    assert found.released is released
    assert (("violence", "asked-alone") in named(found)) is not released
    assert ("violence.asked-alone" in found.missing) is not released


def test_every_reason_is_listed_and_the_worst_names_the_decision() -> None:
    """Most restrictive wins and ALL reasons stay. Planted: only findings of the worst acuity kept; caught."""
    told = {
        "suicide.ideation": "yes",
        "psychosis.known-illness": "yes",
        "violence.afraid": "yes",
        "eating.rapid-loss": "unsure",
        "medical.untreated-illness": "declined",
    }
    found = decide(screen(told))
    assert found.name == "held-for-directive-protocol"
    assert {key: acuity for key, acuity in named(found).items() if not key[1].startswith("integration.")} == {
        ("suicide", "ideation"): "elevated",
        ("psychosis", "known-illness"): "caution",
        ("violence", "afraid"): "acute",
        ("eating", "rapid-loss"): "unknown",
        ("medical", "untreated-illness"): "unknown",
    }
    assert {"eating.rapid-loss", "medical.untreated-illness", *INTEGRATION} == set(found.missing)


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ({}, "released"),
        ({"psychosis.known-illness": "yes"}, "released-with-conditions"),
        ({"psychosis.known-illness": "yes", "suicide.ideation": "yes"}, "held-for-assessment"),
        ({"suicide.ideation": "yes", "eating.rapid-loss": "unsure"}, "held-incomplete"),
        ({"eating.rapid-loss": "unsure", "medical.acute-sign": "yes"}, "held-for-directive-protocol"),
    ],
)
def test_the_acuities_rise_in_the_policys_order(answers: dict[str, str], name: str) -> None:
    """none < caution < elevated < unknown < acute. Planted: elevated above unknown in `Acuity`; caught."""
    assert decide(screen({**INTEGRATION, **answers})).name == name


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unreadable_answer_holds_and_an_acute_one_in_it_still_counts(question: str) -> None:
    """I2: unreadable holds, no yes is lost. Planted: faults of questions skipped; `continue` after one; both caught."""
    fault = (Fault(question, "the answer cannot be read"),)
    found = decide(screen({question: None}, faults=fault))
    assert found.name == "held-incomplete"
    assert question in found.missing
    beside_a_no = decide(screen(faults=fault))
    assert beside_a_no.name == "held-incomplete"
    beside_a_yes = decide(screen({question: "yes"}, faults=fault))
    assert not beside_a_yes.released
    if YES[question] == "acute":
        assert beside_a_yes.name == "held-for-directive-protocol"


@pytest.mark.parametrize("where", ["questionnaire", "status", "item", "author", "violence.informant", "nobody.knows"])
def test_a_fault_of_the_whole_screen_holds_and_is_named(where: str) -> None:
    """Nothing of such a screen clears. Planted: whole faults not judged; caught."""
    found = decide(screen(faults=(Fault(where, "it cannot be read", whole=True),)))
    assert found.name == "held-incomplete"
    assert named(found)["screen", where] == "unknown"
    assert where in found.missing


def test_every_fault_is_listed_beside_the_answers_that_hold() -> None:
    """All reasons are listed, unreadable parts too. Planted: `break` after the first whole fault; caught."""
    faults = (Fault("status", "not completed", whole=True), Fault("questionnaire", "another version", whole=True))
    found = decide(screen({"medical.acute-sign": "yes"}, faults=faults))
    assert found.name == "held-for-directive-protocol"
    assert named(found) == {
        ("screen", "status"): "unknown",
        ("screen", "questionnaire"): "unknown",
        ("medical", "acute-sign"): "acute",
    }


@pytest.mark.parametrize(
    "where", ["suicide.validated.result", "violence.asked-alone", "eating.informant", "suicide.ideation.new", "x"]
)
def test_a_fault_anywhere_holds_even_beside_an_answer_that_reads_well(where: str) -> None:
    """I2: an unreadable part is unknown, whichever part it is. Planted: only whole faults and questions'; caught."""
    found = decide(screen(faults=(Fault(where, "it cannot be read"),)))
    assert not found.released
    assert where in found.missing


def test_a_policy_that_asks_nothing_is_refused() -> None:
    """Emptiness is not consent. Planted: the check left out (the screen then cleared); caught."""
    silent = replace(POLICY.domains[0], questions=())
    for policy in (replace(POLICY, domains=()), replace(POLICY, domains=(*POLICY.domains[1:], silent))):
        with pytest.raises(PolicyRefused):
            decide(screen(), policy=policy)
        with pytest.raises(PolicyRefused):
            decide(policy=policy)
