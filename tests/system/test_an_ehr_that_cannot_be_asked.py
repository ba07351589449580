"""The EHR is down in the hour of the session: nobody can tell whether it holds something newer than the screen.

What cannot be asked proves nothing: the plan waits as a working copy, its words kept, and says what is missing. When
the EHR is back, `withness sync` decides it again by itself, by what is true then; nobody has to remember it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from filelock import FileLock

from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from withness.desk import plans
from withness.desk.case import Case
from withness.ehr.local import LocalChart
from withness.errors import EhrUnavailable

COUPLE = ("Patient/rosa", "Patient/tom")


@contextmanager
def away(site: Site, *questions: str) -> Iterator[None]:
    """The EHR does not answer these questions of the port."""
    ehr: Any = site.context.ehr
    kept = {name: getattr(ehr, name) for name in questions}

    def silent(*_: Any) -> Any:
        raise EhrUnavailable("The EHR did not answer.")

    for name in questions:
        setattr(ehr, name, silent)
    yield
    for name, real in kept.items():
        setattr(ehr, name, real)


@pytest.mark.parametrize("question", ["linked", "observations"])
def test_it_holds_and_is_decided_again_when_the_ehr_is_back(site: Site, question: str) -> None:
    """Planted: an unreachable chart taken for an empty one; caught for each question."""
    site.morning()
    site.screen()
    draft = make_draft()
    with away(site, question):
        answer = site.save(draft)
        assert (answer["saved"], answer["decision"], answer["missing"]) == (
            False,
            "held-incomplete",
            ["chart-evidence"],
        )
        assert [one["why"] for one in answer["findings"]] == ["the EHR could not be asked"]
        assert site.desk.plan(answer["plan"])["draft"] == draft
        site.pass_time(minutes=10)
        assert site.desk.sync(actor=CLINICIAN)["decided"] == 0
        assert site.plans_in_chart() == 0

    site.pass_time(minutes=10)
    assert site.desk.sync(actor=CLINICIAN)["decided"] == 1
    [plan] = site.desk.plans()
    assert (plan["plan"], plan["state"], plan["decision"]) == (answer["plan"], "delivered", "released")
    assert site.plan_status() == "active"
    assert site.desk.sync(actor=CLINICIAN)["decided"] == 0
    assert site.desk.health()["records"] > 0


def test_a_plan_that_cannot_be_seen_is_not_amended(site: Site) -> None:
    """Whatever else the EHR answers. Planted: it counts as seen once the rest has been asked; caught."""
    site.morning()
    site.screen()
    plan = site.save()["plan"]
    site.pass_time(minutes=10)
    with away(site, "read"):
        answer = site.save(make_draft(supersedes={"plan": plan, "version": "1"}, lead="therapist-led"))
    assert (answer["saved"], answer["missing"]) == (False, ["chart-evidence"])
    assert site.desk.health()["records"] > 0


def test_a_chart_in_use_keeps_nobody_waiting(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else waits for whoever saves. Planted: ten seconds' patience; each member's turn waited for; caught."""
    site.morning()
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    site.write_to_chart({"resourceType": "Patient", "id": "rosa"})
    read, look, waits = plans.open_case, LocalChart.observations, []
    use = FileLock(f"{site.home / 'chart.sqlite3'}.lock")

    def read_and_come_second(*given: Any) -> Case:
        case = read(*given)
        use.acquire()
        return case

    def count(chart: LocalChart, *given: Any) -> Any:
        waits.append(chart._wait)
        return look(chart, *given)

    monkeypatch.setattr(plans, "open_case", read_and_come_second)
    monkeypatch.setattr(LocalChart, "observations", count)
    try:
        answer = site.save(make_draft(*COUPLE, goals=[make_goal(who) for who in COUPLE]))
    finally:
        use.release()
    assert (answer["decision"], answer["saved"]) == ("held", False)
    assert waits == [1.0]
    assert site.desk.health()["records"] > 0


def test_what_came_in_meanwhile_decides(site: Site) -> None:
    """The plan that waited is not saved over a screen that turned acute meanwhile.

    Planted: any decision releases; caught.
    """
    site.morning()
    site.screen()
    with away(site, "observations"):
        site.save()
    site.pass_time(minutes=10)
    site.screen(answers={"suicide.now": "yes"})
    assert site.desk.sync(actor=CLINICIAN)["decided"] == 0
    assert site.plans_in_chart() == 0
    [plan] = site.desk.plans()
    assert (plan["state"], plan["decision"]) == ("held", "held-for-directive-protocol")
    assert site.desk.health()["records"] > 0


def test_a_plan_that_lacks_more_is_not_saved_by_itself(site: Site) -> None:
    """Only what the chart alone held up is decided again: for the rest somebody looks. Planted: every copy; caught."""
    site.morning()
    site.screen(answers={"eating.rapid-loss": "unsure"})
    with away(site, "linked"):
        assert set(site.save()["missing"]) == {"eating.rapid-loss", "chart-evidence"}
    site.pass_time(minutes=10)
    site.screen()
    assert site.desk.sync(actor=CLINICIAN)["decided"] == 0
    assert site.plans_in_chart() == 0
    assert site.desk.health()["records"] > 0


def test_a_screen_is_recorded_and_raises_all_the_same(site: Site) -> None:
    """An acute answer needs nobody's chart. Planted: an unreachable chart stops the screen; caught."""
    site.morning()
    site.screen()
    assert site.save()["saved"] is True
    site.pass_time(minutes=10)
    with away(site, "linked", "observations"):
        told = site.screen(answers={"suicide.now": "yes"})
        assert told["decision"] == "held-for-directive-protocol"
    assert site.plan_status() == "on-hold"
    assert site.desk.health()["records"] > 0


def test_a_couple_hears_its_one_sentence(site: Site) -> None:
    """That the EHR is away is a reason like any other. It is decided again for both when the EHR is back."""
    site.morning()
    for who in COUPLE:
        site.screen(who, encounter="Encounter/e1")
    draft = make_draft(*COUPLE, goals=[make_goal(who) for who in COUPLE])
    with away(site, "linked"):
        answer = site.save(draft)
        assert (answer["decision"], answer["sentence"]) == ("held", site.policy.unit_sentence)
        assert (answer["findings"], answer["missing"]) == ([], [])
    site.pass_time(minutes=10)
    assert site.desk.sync(actor=CLINICIAN)["decided"] == 1
    assert {site.plan_status(who) for who in COUPLE} == {"active"}
    assert site.desk.health()["records"] > 0
