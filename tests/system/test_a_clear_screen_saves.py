"""Rosa's screen is clear: her plan goes into the chart, in her own words, once."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.system.site import CONCERN, WORDS, Site, make_draft, make_goal
from withness.errors import Conflict


def test_the_plan_is_in_the_chart_in_the_clients_own_words(site: Site) -> None:
    """I6: description texts are the client's words byte for byte. Planted: `.strip()` on words; caught."""
    assert site.screen()["decision"] == "released"
    answer = site.save()
    assert answer["saved"] is True
    assert answer["delivery"] == "delivered"
    [plan], [goal] = site.chart("CarePlan"), site.chart("Goal")
    assert plan.resource["description"] == CONCERN
    assert goal.resource["description"]["text"] == WORDS
    assert plan.resource["status"] == "active"
    assert answer["care_plans"] == [f"CarePlan/{plan.resource['id']}"]
    assert [len(site.chart(one)) for one in ("QuestionnaireResponse", "Provenance")] == [1, 1]


def test_the_same_request_never_makes_a_second_plan(site: Site) -> None:
    """Contracts, request_id. Planted: the look-up of the request skipped; caught."""
    site.screen()
    draft = make_draft()
    first = site.save(draft)
    again = site.save(draft)
    assert (again["saved"], again["plan"], again["care_plans"]) == (True, first["plan"], first["care_plans"])
    assert len(site.chart("CarePlan")) == 1
    assert len(site.context.ehr.history(first["care_plans"][0])) == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", ["body", "patient", "actor"])
def test_a_request_id_used_for_something_else_is_a_conflict_that_says_nothing(site: Site, change: str) -> None:
    """Contracts: exit 6, saying nothing of the first request."""
    site.screen()
    site.screen("Patient/tom")
    draft = make_draft()
    site.save(draft)
    other, actor = dict(draft), "Practitioner/p1"
    if change == "body":
        other["goals"] = [make_goal(words="Something else")]
    elif change == "patient":
        other = make_draft("Patient/tom", request_id=draft["request_id"])
    else:
        actor = "Practitioner/p2"
    with pytest.raises(Conflict) as refused:
        site.save(other, actor=actor)
    assert not any(word in str(refused.value) for word in ("rosa", "tom", WORDS, "p1"))
    assert len(site.chart("CarePlan")) == 1


def test_a_held_request_is_decided_again_and_then_saved(site: Site) -> None:
    """Contracts: a held one is decided again; the working copy becomes the plan under the same id (I6)."""
    draft = make_draft()
    held = site.save(draft)
    assert (held["decision"], held["saved"], held["missing"]) == ("held-incomplete", False, ["screen"])
    assert site.desk.plan(held["plan"])["draft"] == draft
    site.screen()
    saved = site.save(draft)
    assert (saved["saved"], saved["plan"]) == (True, held["plan"])


def test_a_declined_goal_is_kept_as_rejected_with_the_clients_reason(site: Site) -> None:
    """A goal that the client declines stays in the chart as rejected, in the client's own reason."""
    site.screen()
    declined = make_goal(
        template="own-list", words="Write it all down", within={"by_session": 3}, target={"exists": True}
    )
    declined["acceptance"] = [{"who": "Patient/rosa", "status": "disagree", "reason": "I'd rather say it"}]
    site.save(make_draft(goals=[make_goal(), declined]))
    found = {goal.resource["description"]["text"]: goal.resource for goal in site.chart("Goal")}
    assert found["Write it all down"]["lifecycleStatus"] == "rejected"
    assert found["Write it all down"]["statusReason"] == "I'd rather say it"
    assert found[WORDS]["lifecycleStatus"] == "active"


def test_a_client_who_wants_more_structure_gets_advice_and_no_block(site: Site) -> None:
    """Suitability is advice (clinical 1.3)."""
    site.screen()
    draft = make_draft()
    draft["frame"] = {**draft["frame"], "structure_wanted": "more"}
    answer = site.save(draft)
    assert answer["saved"] is True
    assert any("structure" in sentence.lower() for sentence in answer["advisories"])


def test_a_preview_writes_nothing(site: Site) -> None:
    """`plan preview` is what a save would send; nothing is written, no record either."""
    site.screen()
    with site.context.store.transaction() as tx:
        before = tx.last()
    draft = make_draft()
    shown = site.desk.preview(draft)
    with site.context.store.transaction() as tx:
        assert tx.last() == before
        assert tx.plan_of(draft["request_id"]) is None
    assert site.plans_in_chart() == 0
    assert [entry["resource"]["resourceType"] for entry in shown["bundle"]["entry"]][:2] == ["CarePlan", "Goal"]
    assert shown["saved"] is False


def test_everything_made_in_demo_mode_is_marked_as_test_data(site: Site) -> None:
    """The shipped policy has no owner: HTEST on every resource, and said in every answer."""
    site.screen()
    answer = site.save(make_draft(request_id=str(uuid4())))
    assert answer["policy"]["demo"] is True
    for entry in answer["bundle"]["entry"]:
        assert "HTEST" in [one["code"] for one in entry["resource"]["meta"]["security"]]
