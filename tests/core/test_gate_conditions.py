"""A caution lets a plan through only with its integration record written (risk gate: condition_needs)."""

from __future__ import annotations

import pytest
from tests.core.makers import INTEGRATION, decide, named, screen

from withness.core.risk import Hold

NEEDED = {
    "psychosis.known-illness": tuple(INTEGRATION),
    "medical.untreated-illness": ("integration.provider", "integration.last-contact"),
}
PAIRS = [(question, field) for question, fields in NEEDED.items() for field in fields]
NOTHING = [None, "", " ", "\n\t", "N/A", "n/a", " na ", "TBD", "Unknown", "?", "-", ".", "not applicable"]


@pytest.mark.parametrize("question", NEEDED)
def test_a_caution_with_its_record_is_released_with_conditions(question: str) -> None:
    """Not a block: a condition, named. Planted: conditions not collected; caught."""
    found = decide(screen({question: "yes", **{field: INTEGRATION[field] for field in NEEDED[question]}}))
    assert (found.name, found.released) == ("released-with-conditions", True)
    assert found.conditions == (question,)
    assert found.missing == ()


@pytest.mark.parametrize("said", NOTHING)
@pytest.mark.parametrize(("question", "field"), PAIRS)
def test_a_caution_with_a_field_that_says_nothing_holds_and_names_it(
    question: str, field: str, said: str | None
) -> None:
    """ "N/A" is no answer. Planted: `blank` tests for None only, and compares with case; both caught."""
    found = decide(screen({question: "yes", **INTEGRATION, field: said}))
    assert found.name == "held-incomplete"
    assert found.missing == (field,)
    assert named(found)[question.partition(".")[0], field] == "unknown"


@pytest.mark.parametrize("said", ["client declines", "referred on 2026-11-20", "none known, looked for one", "no"])
def test_any_words_that_say_something_count(said: str) -> None:
    """ "client declines" and "referred on" are valid. Planted: words tested for digits; caught."""
    assert decide(screen({"psychosis.known-illness": "yes", **dict.fromkeys(INTEGRATION, said)})).released


def test_without_a_caution_no_record_is_asked_for() -> None:
    """The record belongs to the caution. Planted: needs asked for always; caught."""
    assert decide(screen(dict.fromkeys(INTEGRATION, ""))).name == "released"


def test_both_cautions_name_both_conditions_and_the_field_once() -> None:
    """Two domains that need the same field name it once. Planted: only the first domain's conditions; caught."""
    found = decide(screen({**dict.fromkeys(NEEDED, "yes"), **INTEGRATION, "integration.provider": ""}))
    assert found.conditions == tuple(NEEDED)
    assert found.missing == ("integration.provider",)


def test_a_record_on_an_older_screen_is_not_carried_forward() -> None:
    """I2: nothing is carried forward. Planted: fields looked up in the whole history; caught."""
    first = screen({"psychosis.known-illness": "yes", **INTEGRATION})
    assert decide(first, screen({"psychosis.known-illness": "yes"})).name == "held-incomplete"


def test_an_elevated_finding_that_was_assessed_needs_the_domains_record_too() -> None:
    """It counts as a caution, so its domain's condition needs apply. Planted: only yes-cautions asked; caught."""
    latest = screen({"psychosis.new-or-worse": "yes"}, id="s")
    closed = (Hold("s", "psychosis", "new-or-worse", latest.recorded, needs_complete=True, closed_by="assessment"),)
    assert decide(latest, standing=closed).name == "held-incomplete"
    complete = screen({"psychosis.new-or-worse": "yes", **INTEGRATION}, id="s")
    assert decide(complete, standing=closed).name == "released-with-conditions"
