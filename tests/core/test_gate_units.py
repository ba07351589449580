"""A unit is as restrictive as its most restrictive member, and only the gate makes a proof of release."""

from __future__ import annotations

import pytest
from tests.core.makers import AT, INTEGRATION, POLICY, ROSA, TOM, decide, screen

from withness.core.gate import Decision, MemberDecision, release
from withness.core.terms import Purpose, UnitKind

SAYS = {
    "released": {},
    "released-with-conditions": {"psychosis.known-illness": "yes", **INTEGRATION},
    "held-for-assessment": {"suicide.ideation": "yes"},
    "held-incomplete": {"eating.rapid-loss": "unsure"},
    "held-for-directive-protocol": {"violence.afraid": "yes"},
}
RISING = list(SAYS)


def unit(*members: MemberDecision) -> Decision:
    """A unit's decision by the shipped policy."""
    kind = UnitKind.COUPLE if len(members) == 2 else UnitKind.INDIVIDUAL
    return Decision("d1", kind, members, Purpose.NEW_PLAN, AT, POLICY.version, POLICY.digest, POLICY.demo)


def member(person: str, says: str, *, shared: bool = True) -> MemberDecision:
    """One person's decision of the name `says`."""
    found = decide(screen(SAYS[says], person=person), person=person, shared=shared)
    assert found.name == says
    return found


@pytest.mark.parametrize("hers", SAYS)
@pytest.mark.parametrize("his", SAYS)
def test_a_couple_is_as_restrictive_as_its_more_restrictive_member(hers: str, his: str) -> None:
    """combine. Planted: the first member's acuity; the mildest one; `any` for `all` in `release`; all caught."""
    found = unit(member(ROSA, hers), member(TOM, his))
    name = max(hers, his, key=RISING.index)
    assert POLICY.decisions[found.acuity] == name
    proof = release(found)
    assert (proof is not None) is name.startswith("released")
    if proof is not None:
        assert proof.decision == found


def test_a_member_without_a_screen_holds_the_unit() -> None:
    """Silence of one holds all. Planted: members without a screen left out; caught."""
    nobody = decide(person=TOM, shared=True)
    assert nobody.missing == ("screen",)
    assert release(unit(member(ROSA, "released"), nobody)) is None


def test_a_unit_of_nobody_is_not_released() -> None:
    """Emptiness is not consent: `all` of nothing is true. Planted: `decision.members and` left out; caught."""
    assert release(unit()) is None


def test_one_persons_screen_never_stands_for_another_in_the_unit() -> None:
    """Each member by their own screens. Planted: the filter by person left out; caught."""
    both = (screen(person=ROSA), screen({"suicide.now": "yes"}, person=TOM))
    assert decide(*both, person=ROSA, shared=True).name == "released"
    assert decide(*both, person=TOM, shared=True).name == "held-for-directive-protocol"
    assert decide(screen(person=ROSA), person=TOM, shared=True).name == "held-incomplete"


@pytest.mark.parametrize(("answer", "alone", "together"), [("yes", True, True), ("no", True, False)])
def test_the_same_screen_may_clear_a_person_and_not_the_unit(answer: str, alone: bool, together: bool) -> None:
    """asked-alone matters beside another member. Planted: `shared` not asked; caught."""
    given = screen({"violence.asked-alone": answer})
    assert decide(given, shared=False).released is alone
    assert decide(given, shared=True).released is together


def test_reasons_stay_with_each_member() -> None:
    """I8: a unit's decision holds no finding of its own. Planted: a `findings` property over all members; caught."""
    found = unit(member(ROSA, "released"), member(TOM, "held-for-directive-protocol"))
    assert found.shared
    assert not {"findings", "missing", "conditions"} & {name for name in dir(found) if not name.startswith("_")}
    assert found.members[0].findings == ()
    assert not unit(member(ROSA, "released", shared=False)).shared
