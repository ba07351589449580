"""What must hold of the gate whatever is answered: random screens against the shipped policy (I1, I2, I3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.core.makers import AT, DOMAINS, HERE, INTEGRATION, POLICY, QUESTIONS, YES, clear_answers, decide, screen

from withness.core.reading import blank
from withness.core.risk import Fault, Screen
from withness.core.terms import Acuity, Purpose

CLEAR = clear_answers(AT.date())
LINKS = sorted({*CLEAR, *INTEGRATION, *(f"{question}.new" for question in QUESTIONS)})
CODES = sorted(
    {"yes", "no", "unsure", "declined", "not-asked", "not-measured", "client", "partner", "record", "", "N/A", "No"}
    | {"negative", "positive", "acute-positive", "not-applicable-age", "ASQ", "2026-11-21", "2026-11-20", "2020-01-01"}
)
INFORMANTS = {"client", "clinician-observed", "record"}
CLEARING = {
    **{question: {"no"} for question in QUESTIONS},
    "suicide.access-to-means": {"no", "yes"},
    "eating.vitals-outside": {"no", "not-measured"},
    **{f"{domain}.informant": INFORMANTS | {"partner", "parent-guardian"} for domain in DOMAINS},
    "violence.informant": INFORMANTS,
    "violence.asked-alone": {"yes", "no"},
    "suicide.validated.instrument": {"ASQ", "C-SSRS-screener"},
    "suicide.validated.date": {"2026-11-20", "2026-11-21"},
    "suicide.validated.result": {"negative"},
}
"""The answers that leave a clear screen clear; for the version and the person any words that say something."""

codes = st.one_of(st.sampled_from(["yes", "no", "unsure", "declined"]), st.sampled_from(CODES), st.text(max_size=8))
mixed = st.dictionaries(st.sampled_from(LINKS), st.one_of(st.none(), codes), max_size=6)
faults = st.lists(st.builds(Fault, st.sampled_from(LINKS), st.just("unreadable"), st.booleans()), max_size=2)
moments = st.integers(-(40 * 24 * 60), 40 * 24 * 60).map(lambda minutes: AT + timedelta(minutes=minutes))
purposes = st.sampled_from(Purpose)


@st.composite
def screens(draw: st.DrawFn) -> Screen:
    """Mostly clear screens with some answers changed, some unreadable, some dated oddly."""
    odd = draw(st.booleans())
    return screen(
        draw(mixed),
        authored=draw(st.one_of(st.none(), moments)) if odd else AT,
        recorded=draw(moments) if odd else AT,
        encounter=draw(st.sampled_from([HERE, "Encounter/e2", None])) if odd else HERE,
        faults=tuple(draw(faults)) if odd else (),
    )


histories = st.lists(screens(), max_size=4).map(tuple)
abouts = st.fixed_dictionaries(
    {"purpose": purposes, "shared": st.booleans(), "birth_date": st.sampled_from([None, date(2020, 1, 1)])}
)


def clears(link: str, said: str | None) -> bool:
    """Whether this answer leaves the otherwise clear screen clear, by the clinical source."""
    if link in ("suicide.validated.version", "suicide.validated.by"):
        return not blank(POLICY, said)
    return said in CLEARING[link]


@settings(deadline=None, max_examples=600)
@given(st.sampled_from(sorted(CLEAR)), st.one_of(st.none(), codes), st.booleans(), purposes)
def test_one_answer_changed_to_anything_not_listed_never_releases(
    link: str, said: str | None, shared: bool, purpose: Purpose
) -> None:
    """I2. Planted: unlisted codes read as none, silent informants accepted, codes compared without case; all caught."""
    assume(not clears(link, said))
    assert not decide(screen({link: said}), shared=shared, purpose=purpose).released


@settings(deadline=None)
@given(st.sampled_from([one for one in QUESTIONS if YES[one] == "acute"]), histories, histories, abouts)
def test_nothing_recorded_after_an_acute_finding_releases(
    question: str, before: tuple[Screen, ...], after: tuple[Screen, ...], about: dict[str, Any]
) -> None:
    """I3. Planted: only the last two screens read; a screen that is back-dated left out; both caught."""
    history = (*before, screen({question: "yes"}), *after)
    found = decide(*history, **about)
    assert found.acuity is Acuity.ACUTE
    assert not found.released


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(st.just(()), histories),
    st.one_of(st.just(screen()), screens()),
    st.dictionaries(st.sampled_from(LINKS), codes, max_size=1),
    st.sets(st.sampled_from(LINKS), max_size=2),
    abouts,
)
def test_an_answer_taken_out_of_the_latest_screen_never_releases(
    history: tuple[Screen, ...], latest: Screen, changed: dict[str, str], others: set[str], about: dict[str, Any]
) -> None:
    """Monotone: less never helps. Planted: a missing informant accepted, a missing question none; both caught."""
    more = replace(latest, answers={**latest.answers, **changed})
    fewer = {link: said for link, said in more.answers.items() if link not in {*changed, *others}}
    if decide(*history, replace(latest, answers=fewer), **about).released:
        assert decide(*history, more, **about).released


@settings(deadline=None)
@given(histories, abouts, st.randoms(use_true_random=False))
def test_the_same_facts_decide_the_same(history: tuple[Screen, ...], about: dict[str, Any], chance: Any) -> None:
    """The verifier decides again. Planted: reasons in the answers' order; the clock read for a reason; both caught."""
    shuffled = []
    for one in history:
        answers = list(one.answers.items())
        chance.shuffle(answers)
        shuffled.append(replace(one, answers=dict(answers)))
    first = decide(*history, **about)
    assert decide(*shuffled, **about) == first
    assert decide(*history, **about) == first


@settings(deadline=None, max_examples=200)
@given(histories, abouts)
def test_only_a_clear_screen_and_a_caution_release(history: tuple[Screen, ...], about: dict[str, Any]) -> None:
    """Name, acuity and reasons agree. Planted: ELEVATED in RELEASING; the last finding's acuity; both caught."""
    found = decide(*history, **about)
    acuities = [one.acuity for one in found.findings]
    assert found.released is (found.name in ("released", "released-with-conditions"))
    assert found.released is all(one in (Acuity.NONE, Acuity.CAUTION) for one in acuities)
    assert found.name == POLICY.decisions[found.acuity]
    assert found.acuity.rank == max((one.rank for one in acuities), default=0)
    if found.missing:
        assert not found.released
    if not history:
        assert not found.released
