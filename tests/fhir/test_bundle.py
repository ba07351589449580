"""The one transaction of a released plan, and its bytes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.fhir.makers import HARD_WORDS, POLICY, chart, couple, goal, held, making, plan, released

from withness.core.gate import Released
from withness.core.plan import charts
from withness.errors import InvalidInput
from withness.fhir.bundle import plan_transaction

BOTH = ("Patient/rosa", "Patient/ben")


def test_transaction_of_a_couple() -> None:
    """Catches: one Bundle per member (half a unit saved), POST (a retry writes twice), repeated fullUrl (bdl-7)."""
    bundle = plan_transaction(charts(couple()), released(*BOTH), making(), POLICY)
    assert {name: value for name, value in bundle.items() if name != "entry"} == {
        "resourceType": "Bundle",
        "type": "transaction",
    }
    kinds = ["CarePlan", "Goal", "Goal", "QuestionnaireResponse", "Provenance"]
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == kinds * 2
    for entry in bundle["entry"]:
        made = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{made['resourceType']}/{made['id']}"}
        assert entry["fullUrl"] == f"urn:uuid:{made['id']}"
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == 10


def test_every_reference_within_the_bundle_resolves() -> None:
    """Catches: a goal, screen or plan that is pointed at but not sent."""
    bundle = plan_transaction(charts(couple()), released(*BOTH), making(), POLICY)
    sent = {entry["request"]["url"] for entry in bundle["entry"]}
    ours = ("CarePlan/", "Goal/", "QuestionnaireResponse/", "Provenance/")
    pointed = {one for one in _references(bundle) if one.startswith(ours)}
    assert pointed <= sent
    assert len(pointed) == 8


def _references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
        return own.union(*(_references(one) for one in value.values()))
    return set().union(*(_references(one) for one in value)) if isinstance(value, list) else set()


def test_the_same_plan_makes_the_same_bundle_every_time() -> None:
    """Catches: key order by chance, ids by chance, and words changed on the way."""
    share = charts(plan(goal(words=HARD_WORDS)))
    made = [json.dumps(plan_transaction(share, released(), making(), POLICY)) for _ in range(2)]
    assert made[0] == made[1]
    assert json.loads(made[0])["entry"][1]["resource"]["description"]["text"] == HARD_WORDS


def test_refuses_what_is_not_released() -> None:
    """Catches: a member beside the decision, a Released made by hand, nobody at all, one chart twice."""
    one = chart()
    for share, proof in (
        (charts(couple()), released("Patient/rosa")),
        ((one,), Released(held(released().decision))),
        ((one,), Released(replace(released().decision, members=()))),
        ((), released()),
        ((one, one), released()),
    ):
        with pytest.raises(InvalidInput):
            plan_transaction(share, proof, making(), POLICY)


def test_a_held_partner_keeps_both_plans_out() -> None:
    """Catches: a check of the charts' own members only, blind to a member who has no chart (a RelatedPerson)."""
    decided = released(*BOTH).decision
    with pytest.raises(InvalidInput):
        plan_transaction((charts(couple())[1],), Released(held(decided)), making(), POLICY)
