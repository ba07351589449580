"""I7: a plan can be ended at any moment, also while it, or a version of it, may be on its way to the EHR."""

from __future__ import annotations

from typing import Any

import pytest

from tests.system.site import CLINICIAN, Site, make_draft, make_goal
from withness.errors import EhrUnavailable

REASON = "Both say that the work is done."


def unheard(site: Site, *, before: bool) -> None:
    """Let the next write reach the EHR (or not: `before`), and its answer be lost."""
    real = site.context.ehr.transact

    def transact(bundle: Any) -> Any:
        site.context.ehr.transact = real  # type: ignore[method-assign]
        if not before:
            real(bundle)
        raise EhrUnavailable("The EHR did not answer.")

    site.context.ehr.transact = transact  # type: ignore[method-assign]


def statuses(site: Site) -> dict[str, set[str]]:
    """Every status of the chart's plans and goals."""
    return {
        "CarePlan": {one.resource["status"] for one in site.chart("CarePlan")},
        "Goal": {one.resource["lifecycleStatus"] for one in site.chart("Goal")},
    }


@pytest.mark.parametrize("before", [False, True])
def test_an_amendment_whose_fate_is_unknown_never_keeps_a_plan_open(site: Site, before: bool) -> None:
    """Planted: only the goals of the newest version ended; caught where the amendment never arrived."""
    site.remote()
    site.screen()
    plan = site.save()["plan"]
    unheard(site, before=before)
    goals = [make_goal(words="We want to talk in the evenings.")]
    site.save(make_draft(goals=goals, supersedes={"plan": plan, "version": "1"}))
    site.desk.close_plan(plan, how="completed", reason=REASON, actor=CLINICIAN)
    site.desk.sync(actor=CLINICIAN)
    found = statuses(site)
    assert found["CarePlan"] == {"completed"}
    assert found["Goal"] <= {"completed", "cancelled"}
    site.desk.health()


def test_a_plan_that_arrives_after_its_end_is_ended_there(site: Site) -> None:
    """Planted: what was replaced is confirmed as if nothing had happened; caught."""
    site.remote()
    site.screen()
    real = site.context.ehr.transact

    def transact(bundle: Any) -> Any:
        site.context.ehr.transact = real  # type: ignore[method-assign]
        found = next(one["plan"] for one in site.desk.plans())
        site.desk.close_plan(found, how="revoked", reason=REASON, actor=CLINICIAN)
        return real(bundle)

    site.context.ehr.transact = transact  # type: ignore[method-assign]
    site.save()
    assert statuses(site) == {"CarePlan": {"revoked"}, "Goal": {"cancelled"}}
    assert [one["state"] for one in site.desk.plans()] == ["closed"]
    site.desk.health()
