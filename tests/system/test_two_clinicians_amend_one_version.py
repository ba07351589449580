"""Pat and Lou both open Rosa's plan, version 1, and both change it; Pat saves first.

Lou is not told "saved", and Pat's words are not lost under Lou's: the answer is a conflict, exit 6, with what differs
and what the gate says now, for Lou to look at and to take into a draft of version 2.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.system.site import Site, make_draft
from withness.errors import Conflict, EhrUnavailable, InvalidInput

LOU = "Practitioner/p2"


def unreachable(_: Any) -> Any:
    """An EHR that is away."""
    raise EhrUnavailable("The EHR did not answer.")


def saved(site: Site) -> tuple[dict[str, Any], str]:
    """Rosa's plan is saved. Returns its draft and its id."""
    site.morning()
    site.screen()
    draft = make_draft()
    answer = site.save(draft)
    assert (answer["saved"], answer["version"]) == (True, "1")
    return draft, str(answer["plan"])


def amended(draft: dict[str, Any], plan: str, version: int, **changes: Any) -> dict[str, Any]:
    """The draft changed, as an amendment of that version, under a request id of its own."""
    supersedes = {"plan": plan, "version": str(version)}
    return {**draft, "supersedes": supersedes, "request_id": make_draft()["request_id"], **changes}


def test_the_second_one_is_told_what_differs_and_what_the_gate_says(site: Site) -> None:
    """Planted: no version compared; caught. Planted: the first difference alone told; caught."""
    draft, plan = saved(site)
    site.pass_time(minutes=30)
    pats = amended(draft, plan, 1, lead="therapist-led")
    assert (site.save(pats)["saved"], site.desk.plan(plan)["version"]) == (True, "2")
    before = site.everything_about("Patient/rosa")

    lous = amended(draft, plan, 1, resources_named_by_client=["My garden"])
    with pytest.raises(Conflict) as caught:
        site.save(lous, actor=LOU)
    assert caught.value.exit_code == 6
    assert caught.value.message == "Another version of this plan was saved meanwhile; yours was not."
    told = caught.value.as_dict()
    assert (told["error"], told["field"], told["version"]) == ("conflict", "supersedes.version", "2")
    assert told["diff"] == [
        {"field": "lead", "now": "therapist-led", "yours": "client-led"},
        {"field": "resources_named_by_client[0]", "now": "My sister", "yours": "My garden"},
    ]
    assert (told["decision"], told["person"]) == ("released", "Patient/rosa")
    assert site.everything_about("Patient/rosa") == before

    # taken into a draft of version 2, both changes stand
    both = amended(draft, plan, 2, lead="therapist-led", resources_named_by_client=["My garden"])
    assert (site.save(both, actor=LOU)["saved"], site.desk.plan(plan)["version"]) == (True, "3")
    assert len(site.care_plans()) == 1
    assert site.desk.health()["records"] > 0


def test_the_gates_word_is_the_present_one(site: Site) -> None:
    """Meanwhile Rosa's screen turned acute: the conflict says so, and the plan is on hold.

    Planted: the conflict told before the gate was asked; caught.
    """
    draft, plan = saved(site)
    site.save(amended(draft, plan, 1, lead="therapist-led"))
    site.pass_time(minutes=30)
    site.screen(answers={"suicide.now": "yes"})
    with pytest.raises(Conflict) as caught:
        site.save(amended(draft, plan, 1, resources_named_by_client=["My garden"]), actor=LOU)
    told = caught.value.as_dict()
    assert told["decision"] == "held-for-directive-protocol"
    assert [one["item"] for one in told["findings"] if one["acuity"] == "acute"] == ["now"]
    assert site.plan_status() == "on-hold"
    assert site.desk.health()["records"] > 0


def test_a_conflict_is_told_also_while_the_first_amendment_waits(site: Site) -> None:
    """Lou is told what differs, not what to wait for. Planted: the waiting looked at before the version; caught."""
    draft, plan = saved(site)
    site.remote()
    site.context.ehr.transact = unreachable  # type: ignore[method-assign]
    assert site.save(amended(draft, plan, 1, lead="therapist-led"))["delivery"] == "sending"
    with pytest.raises(Conflict) as caught:
        site.save(amended(draft, plan, 1, resources_named_by_client=["My garden"]), actor=LOU)
    assert [one["field"] for one in caught.value.as_dict()["diff"]] == ["lead", "resources_named_by_client[0]"]
    with pytest.raises(InvalidInput, match="waits for the EHR"):
        site.save(amended(draft, plan, 2, resources_named_by_client=["My garden"]), actor=LOU)
    assert site.desk.health()["records"] > 0


def test_the_same_change_made_twice_is_a_conflict_too(site: Site) -> None:
    """Nothing differs, and still Lou's version is not the one that stands: never "saved", never a working copy."""
    draft, plan = saved(site)
    assert site.save(amended(draft, plan, 1, lead="therapist-led"))["saved"] is True
    with pytest.raises(Conflict) as caught:
        site.save(amended(draft, plan, 1, lead="therapist-led"), actor=LOU)
    assert caught.value.as_dict()["diff"] == []
    assert site.desk.health()["records"] > 0


def test_a_version_that_never_was_is_one_too(site: Site) -> None:
    """A version ahead of the newest is no newer truth. Planted: `<` instead of equality; caught."""
    draft, plan = saved(site)
    for version in ("2", "0", "one"):
        lous = amended(draft, plan, 1, lead="therapist-led")
        lous["supersedes"]["version"] = version
        with pytest.raises(Conflict):
            site.save(lous, actor=LOU)
    assert site.desk.plan(plan)["version"] == "1"
    assert site.desk.health()["records"] > 0


def test_the_console_exits_6_and_names_the_difference(site: Site) -> None:
    """One sentence on standard error, the difference in the document."""
    site.screen()
    draft = make_draft()
    plan = str(site.save(draft)["plan"])
    site.save(amended(draft, plan, 1, lead="therapist-led"))
    lous = json.dumps(amended(draft, plan, 1, resources_named_by_client=["My garden"]))
    done = site.console("plan", "amend", "-", "--actor", LOU, stdin=lous)
    assert done.returncode == 6
    assert done.stdout.startswith("Version 2 stands; it differs")
    assert all(said in done.stdout for said in ("lead", "therapist-led", "resources_named_by_client[0]", "My garden"))
    assert done.stderr.startswith("Another version of this plan was saved meanwhile; yours was not.")
    code, told = site.console_json("plan", "amend", "-", "--actor", LOU, stdin=lous)
    assert (code, told["exit"], len(told["diff"])) == (6, 6, 2)
    site.catch_up()
    assert site.desk.health()["records"] > 0


def test_a_version_is_no_plan_to_close(site: Site) -> None:
    """Closing a version said that it was done, and the plan went on. Planted: no look at what it amends; caught."""
    site.screen()
    draft = make_draft()
    plan = str(site.save(draft)["plan"])
    site.save(amended(draft, plan, 1, lead="therapist-led"))
    [version] = [one["plan"] for one in site.desk.plans() if one["amends"]]
    with pytest.raises(InvalidInput, match=f"a version of plan {plan}"):
        site.desk.close_plan(version, how="completed", reason="Done.", actor=LOU)
    listed = site.console("plan", "list").stdout
    assert plan in listed, "an id is whole, to be copied"
    assert f"a version of {plan[:8]}" in " ".join(listed.split())


def test_a_draft_that_was_put_away_is_not_told_of_yesterday(site: Site) -> None:
    """Its hold was answered again as if it stood. Planted: the kept answer said again; caught."""
    draft = make_draft()
    held = str(site.save(draft)["plan"])
    site.desk.close_plan(held, how="revoked", reason="Not now.", actor=LOU)
    with pytest.raises(Conflict, match="has been put away"):
        site.save(draft)
