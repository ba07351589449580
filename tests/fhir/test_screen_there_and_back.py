"""The risk screen: for any answers that it allows, response → answers → response is the identity.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from tests.fhir.form_makers import examples
from tests.makers import make_screen

from withness.core.risk import RiskPolicy
from withness.fhir.answers import canonical_answers, read_screen, screen_from_canonical
from withness.fhir.questionnaires import Field, Kind, fields
from withness.packs.policy import load_policy

POLICY = load_policy()
AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
ASKED = {one.link: one for one in fields(POLICY) if one.kind not in (Kind.GROUP, Kind.DISPLAY)}
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)


def answer(one: Field) -> st.SearchStrategy[str]:
    match one.kind:
        case Kind.CHOICE:
            return st.sampled_from(list(one.options))
        case Kind.DATE:
            return st.dates().map(str)
        case _:
            return TEXTS


@st.composite
def answers(draw: st.DrawFn) -> dict[str, str | None]:
    """Any answers that the screen allows, None for what was left out; `.new` stands only below an answer."""
    found: dict[str, str | None] = {}
    for link, one in ASKED.items():
        below = one.parent in ASKED and found[str(one.parent)] is None
        found[link] = None if below else draw(st.one_of(st.none(), answer(one)))
    return found


@given(answers())
@examples(150)
def test_any_answers_that_the_screen_allows_are_read_back_as_they_were(given_answers: dict[str, str | None]) -> None:
    """Planted and caught: an answer left out of `canonical_answers`; what stands below an answer not read; "unsure"
    read as nothing."""
    response = make_screen(POLICY, authored=AT, answers=given_answers)
    screen = read_screen(response, POLICY, id="s", recorded=AT)
    assert screen.faults == ()
    assert screen.answers == {link: said for link, said in given_answers.items() if said is not None}
    again = make_screen(POLICY, authored=AT, answers={link: screen.answers.get(link) for link in ASKED})
    assert again == response
    assert screen_from_canonical(canonical_answers(screen), id="s") == screen


def test_the_screen_has_something_of_each_kind() -> None:
    """Or the property above would be about less than it says."""
    kinds = {one.kind for one in ASKED.values()}
    assert kinds == {Kind.CHOICE, Kind.STRING, Kind.DATE}
    assert any(link.endswith(".new") for link in ASKED)
    assert isinstance(POLICY, RiskPolicy)
