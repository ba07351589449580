"""What outlives the screen it was found on: acute always, elevated from a yes until assessed (I3, sticky)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.core.makers import AT, INTEGRATION, QUESTIONS, YES, decide, named, screen, split

from withness.core.risk import Fault, Hold, Screen
from withness.core.terms import Purpose

MINUTE = timedelta(minutes=1)
ACUTE = [question for question in QUESTIONS if YES[question] == "acute"]
PASSING = ["medical.intoxicated"]
STANDING = [question for question in QUESTIONS if YES[question] == "elevated" and question not in PASSING]
DECLINED = [one for one in QUESTIONS if one.startswith("suicide.") and one != "suicide.access-to-means"]
KNOWN = {
    "suicide.intent-or-plan",
    "suicide.recent-behaviour",
    "suicide.past-behaviour",
    "violence.harmed-past-year",
    "violence.severe-danger",
    "violence.dependant-harmed",
    "violence.threat-to-others",
    "eating.medical-sign",
    "medical.withdrawal",
}


def series(*answers: dict[str, str | None]) -> tuple[Screen, ...]:
    """Screens a minute apart, the last one at AT, with the ids s0, s1, …"""
    first = AT - MINUTE * (len(answers) - 1)
    return tuple(screen(one, id=f"s{number}", authored=first + MINUTE * number) for number, one in enumerate(answers))


def hold(question: str, *, on: str = "s0", needs: bool = True, by: str | None = None, opened: int = 5) -> Hold:
    """A hold on `question`, opened `opened` minutes before AT."""
    return Hold(on, *split(question), AT - MINUTE * opened, needs_complete=needs, closed_by=by)


@pytest.mark.parametrize("question", ACUTE)
def test_no_number_of_clear_screens_ends_an_acute_finding(question: str) -> None:
    """I3. Planted: only the latest screen judged; only the one before it; ELEVATED alone in HOLDING; all caught."""
    for clear in (1, 2, 5):
        found = decide(*series({question: "yes"}, *[{}] * clear))
        assert found.name == "held-for-directive-protocol"
        assert named(found) == {split(question): "acute"}


@pytest.mark.parametrize("question", STANDING)
def test_an_elevated_yes_stands_until_it_is_assessed(question: str) -> None:
    """sticky_elevated. Planted: ACUTE alone in HOLDING; every elevated finding passing; both caught."""
    found = decide(*series({question: "yes"}, {}, {}))
    assert found.name == "held-for-assessment"
    assert named(found) == {split(question): "elevated"}


@pytest.mark.parametrize(("result", "acuity"), [("positive", "elevated"), ("acute-positive", "acute")])
def test_a_positive_validated_result_stands_too(result: str, acuity: str) -> None:
    """A finding of the instrument is a finding. Planted: only questions read on older screens; caught."""
    found = decide(*series({"suicide.validated.result": result}, {}, {}))
    assert named(found) == {("suicide", "validated.result"): acuity}


def test_a_withdrawn_not_measured_stands_too() -> None:
    """Unmeasured beside a warning sign was acute. Planted: `_withdrawn` read on the latest screen alone; caught."""
    assert named(decide(*series({"eating.vitals-outside": "not-measured", "eating.rapid-loss": "yes"}, {}))) == {
        ("eating", "vitals-outside"): "acute",
        ("eating", "rapid-loss"): "elevated",
    }


@pytest.mark.parametrize(
    ("question", "answer"), [*((one, "declined") for one in DECLINED), *((one, "yes") for one in PASSING)]
)
class TestAPassingFinding:
    """Elevated by a declined answer, and intoxication: a newer complete screen ends them."""

    def test_ends_with_a_newer_complete_screen(self, question: str, answer: str) -> None:
        """Planted: every elevated finding stands; caught."""
        assert decide(*series({question: answer}, {})).name == "released"
        assert decide(*series({question: answer}, {}, {})).name == "released"

    @pytest.mark.parametrize("silence", ["unsure", "not-asked", None])
    def test_does_not_end_with_an_incomplete_one(self, question: str, answer: str, silence: str | None) -> None:
        """Planted: `_complete` returns True always; caught."""
        found = decide(*series({question: answer}, {question: silence}))
        assert not found.released
        assert "elevated" in [one.acuity.value for one in found.findings]

    def test_does_not_end_with_an_unreadable_one(self, question: str, answer: str) -> None:
        """Planted: whole faults left out of `_complete`; caught."""
        first, second = series({question: answer}, {})
        unreadable = screen(id="s1", authored=second.authored, faults=(Fault("status", "not completed", whole=True),))
        found = decide(first, unreadable)
        assert named(found)[split(question)] == "elevated"

    def test_does_not_end_with_the_same_answer_again(self, question: str, answer: str) -> None:
        """Planted: `passing` left out of `_complete`; caught (the first finding was no longer listed)."""
        found = decide(*series({question: answer}, {question: answer}))
        assert found.name == "held-for-assessment"
        assert len(found.findings) == 2


@pytest.mark.parametrize("answer", [{"psychosis.known-illness": "yes", **INTEGRATION}, {"eating.rapid-loss": "unsure"}])
def test_a_caution_and_an_unknown_end_with_the_next_clear_screen(answer: dict[str, str | None]) -> None:
    """Only elevated and acute outlive their screen. Planted: UNKNOWN in HOLDING; caught."""
    assert decide(*series(answer, {})).name == "released"


def test_a_finding_on_a_screen_filed_late_or_dated_ahead_raises_all_the_same() -> None:
    """Late or odd screens can raise. Planted: screens with a time fault taken out of the history; caught."""
    for shift in (-timedelta(days=400), timedelta(days=400)):
        odd = screen({"suicide.now": "yes"}, authored=AT + shift, recorded=AT - MINUTE)
        assert decide(odd, screen()).name == "held-for-directive-protocol"


def test_a_standing_finding_says_the_day_of_its_screen_in_the_sites_zone() -> None:
    """A reason that a person can look up. Planted: the day left out; caught."""
    (finding,) = decide(*series({"violence.controlled": "yes"}, {})).findings
    assert finding.why == "answered yes, on the screen of 2026-11-21; it still stands"


OLD, NOW = ({"suicide.now": "yes"}, {}), ({}, {"suicide.now": "yes"})
OLD_MILD, NOW_MILD = ({"suicide.ideation": "yes"}, {}), ({}, {"suicide.ideation": "yes"})


@pytest.mark.parametrize(
    ("answers", "question", "by", "needs", "name"),
    [
        # an acute finding on an older screen, a clear one after it
        (OLD, "suicide.now", "release", True, "released"),
        (OLD, "suicide.now", "entry-error", False, "released"),
        (OLD, "suicide.now", "retraction", False, "released"),
        (OLD, "suicide.now", None, True, "held-for-directive-protocol"),
        (OLD, "suicide.now", "release", False, "held-for-directive-protocol"),
        (OLD, "suicide.now", "assessment", True, "held-for-directive-protocol"),
        (OLD, "suicide.now", "mistake", True, "held-for-directive-protocol"),
        (OLD, "suicide.now", "Release", True, "held-for-directive-protocol"),
        # an acute finding on the latest screen: each way out of it wants a newer screen
        (NOW, "suicide.now", "release", True, "held-for-directive-protocol"),
        (NOW, "suicide.now", "assessment", True, "held-for-directive-protocol"),
        (NOW, "suicide.now", "entry-error", True, "held-for-directive-protocol"),
        (NOW, "suicide.now", "retraction", True, "held-for-directive-protocol"),
        # an elevated finding
        (NOW_MILD, "suicide.ideation", "assessment", True, "released-with-conditions"),
        (NOW_MILD, "suicide.ideation", "assessment", False, "held-for-assessment"),
        (NOW_MILD, "suicide.ideation", "entry-error", True, "held-for-assessment"),
        (NOW_MILD, "suicide.ideation", "retraction", True, "held-for-assessment"),
        (NOW_MILD, "suicide.ideation", "", True, "held-for-assessment"),
        (OLD_MILD, "suicide.ideation", "assessment", True, "released"),
        (OLD_MILD, "suicide.ideation", "entry-error", False, "released"),
        (OLD_MILD, "suicide.ideation", "mistake", True, "held-for-assessment"),
    ],
)
def test_a_hold_ends_only_in_the_ways_that_the_source_lists(
    answers: tuple[dict[str, str | None], ...], question: str, by: str | None, needs: bool, name: str
) -> None:
    """I3: release with its needs and a newer screen; assessment for elevated alone; whatever is not listed holds.

    Planted: `closed_by` not asked; caught.
    """
    on = "s0" if answers[0] else "s1"
    found = decide(*series(*answers), standing=(hold(question, on=on, needs=needs, by=by),))
    assert found.name == name


@pytest.mark.parametrize(
    ("answers", "question", "by", "name"),
    [
        (NOW_MILD, "suicide.ideation", "assessment", "released-with-conditions"),
        (OLD, "suicide.now", "release", "released"),
        (OLD, "suicide.now", "entry-error", "released"),
    ],
)
def test_a_decision_says_what_let_it_through(
    answers: tuple[dict[str, str | None], ...], question: str, by: str, name: str
) -> None:
    """screen, assessment, override, release or entry-error. Planted: `by` always screen; caught for assessment."""
    on = "s0" if answers[0] else "s1"
    found = decide(*series(*answers), standing=(hold(question, on=on, by=by),))
    assert (found.name, found.by) == (name, by)


def test_an_assessed_finding_is_a_condition() -> None:
    """released-with-conditions names what it rests on. Planted: conditions from answers alone; caught."""
    found = decide(*series({"suicide.ideation": "yes"}), standing=(hold("suicide.ideation", by="assessment"),))
    assert found.conditions == ("suicide.ideation",)
    assert named(found) == {("suicide", "ideation"): "caution"}


@pytest.mark.parametrize(
    "other",
    [
        hold("suicide.ideation", on="s1", by="assessment"),
        hold("suicide.past-behaviour", by="assessment"),
        Hold("s0", "violence", "ideation", AT, needs_complete=True, closed_by="assessment"),
        Hold("s0", "suicide", "suicide.ideation", AT, needs_complete=True, closed_by="assessment"),
    ],
)
def test_a_hold_ends_no_other_finding(other: Hold) -> None:
    """Screen, domain and item must all fit. Planted: each of the three left out in turn; all caught."""
    assert decide(*series({"suicide.ideation": "yes"}), standing=(other,)).name == "held-for-assessment"


def test_after_a_positive_that_was_ended_the_next_screen_clears_for_its_day_only() -> None:
    """after_positive: a screen that was positive last time stays positive, whatever ended its hold.

    A finding closed as an entry error never was one. Planted: only what still holds counted as positive; caught.
    """
    tomorrow = AT + timedelta(days=1)
    for answers, question, by in ((OLD, "suicide.now", "release"), (OLD_MILD, "suicide.ideation", "assessment")):
        ended = (hold(question, by=by),)
        assert decide(*series(*answers), purpose=Purpose.AMENDMENT, standing=ended).released
        assert not decide(*series(*answers), at=tomorrow, purpose=Purpose.AMENDMENT, standing=ended).released
    mistaken = (hold("suicide.now", by="entry-error"),)
    assert decide(*series(*OLD), at=tomorrow, purpose=Purpose.AMENDMENT, standing=mistaken).released


class TestKnownHistory:
    """A yes that never goes away counts as caution on a screen after its hold, with that hold's needs complete."""

    @pytest.mark.parametrize("question", QUESTIONS)
    def test_only_the_listed_questions_can_be_history(self, question: str) -> None:
        """Planted: `known_history` not asked; caught."""
        before = hold(question, by="release" if YES[question] == "acute" else "assessment")
        again = {question: "yes", f"{question}.new": "no", **INTEGRATION}
        found = decide(*series({question: "yes", **INTEGRATION}, again), standing=(before,))
        if question in KNOWN:
            assert (found.name, found.conditions) == ("released-with-conditions", (question,))
        else:
            assert named(found).get(split(question), "none") == YES[question]

    @pytest.mark.parametrize("new", ["yes", "unsure", "declined", "not-asked", "", "N/A", "No", None])
    @pytest.mark.parametrize("question", sorted(KNOWN))
    def test_without_an_explicit_no_to_new_it_stays_what_it_is(self, question: str, new: str | None) -> None:
        """Planted: an absent `.new` read as no; caught."""
        ended = (hold(question, by="release" if YES[question] == "acute" else "assessment"),)
        found = decide(*series({question: "yes"}, {question: "yes", f"{question}.new": new}), standing=ended)
        assert named(found)[split(question)] == YES[question]
        assert not found.released

    @pytest.mark.parametrize(
        "before",
        [
            (),
            (hold("suicide.recent-behaviour", needs=False),),
            (hold("suicide.recent-behaviour"), hold("suicide.recent-behaviour", on="older", needs=False)),
            (hold("suicide.recent-behaviour", opened=0),),
            (hold("suicide.recent-behaviour", opened=-5),),
            (hold("suicide.recent-behaviour", on="s1"),),
            (hold("suicide.intent-or-plan"),),
            (Hold("s0", "violence", "recent-behaviour", AT - MINUTE, needs_complete=True),),
        ],
        ids=["no hold", "needs open", "one of two open", "at once", "after", "this screen's own", "other", "domain"],
    )
    def test_without_a_complete_hold_before_it_it_stays_acute(self, before: tuple[Hold, ...]) -> None:
        """Planted: `needs_complete`, `opened`, screen, item left out in turn; `any` for `all`; all caught."""
        told = {"suicide.recent-behaviour": "yes", "suicide.recent-behaviour.new": "no"}
        found = decide(*series({}, told), standing=before)
        assert found.name == "held-for-directive-protocol"

    def test_the_old_finding_itself_stands_until_it_is_released(self) -> None:
        """New answers do not release. Planted: a hold with complete needs taken as closed; caught."""
        told = {"violence.severe-danger": "yes", "violence.severe-danger.new": "no"}
        found = decide(*series({"violence.severe-danger": "yes"}, told), standing=(hold("violence.severe-danger"),))
        assert found.name == "held-for-directive-protocol"
        assert sorted(one.acuity.value for one in found.findings) == ["acute", "caution"]
