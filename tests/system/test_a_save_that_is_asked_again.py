"""A save that is asked again tells of today: what is acute now is never hidden behind what was decided then."""

from __future__ import annotations

import json
from pathlib import Path

from tests.system.site import Site, make_draft

ROSA = "Patient/rosa"


def saved(site: Site, tmp_path: Path) -> str:
    """Save Rosa's plan and return the draft's file."""
    site.screen()
    draft = make_draft()
    assert site.save(draft)["saved"] is True
    file = tmp_path / "rosa-plan.json"
    file.write_text(json.dumps(draft), encoding="utf-8")
    return str(file)


def test_an_acute_person_is_never_called_released(site: Site, tmp_path: Path) -> None:
    """Planted: the decision of then, told again; caught."""
    site.morning()
    file = saved(site, tmp_path)
    site.screen(answers={"suicide.now": "yes"})
    assert site.plan_status() == "on-hold"
    before = [one["kind"] for one in site.records()]
    done = site.console("plan", "save", file)
    assert done.returncode == 3
    assert "held-for-directive-protocol: The plan waits. Act now" in done.stdout
    assert "Directive protocol" in done.stdout
    assert (
        f"This plan was saved on {site.at:%Y-%m-%d}. It is paused in the chart because of what is listed above. "
        in (done.stdout)
    )
    assert "Nothing was saved again, and nothing needs to be." in done.stdout
    assert not any(one in done.stdout for one in ("released", "lets plans through", "| active", "working copy"))
    code, answer = site.console_json("plan", "save", file)
    assert (code, answer["saved"], answer["decision"]) == (3, False, "held-for-directive-protocol")
    assert [one["item"] for one in answer["findings"] if one["acuity"] == "acute"] == ["now"]
    assert answer["protocol"]
    assert answer["care_plans"]
    assert [one["kind"] for one in site.records()] == before


def test_a_plan_that_stands_is_said_to_be_saved(site: Site, tmp_path: Path) -> None:
    """The present decision beside a plan that stands: it would hold a new one. Planted: the decision of then."""
    site.morning()
    file = saved(site, tmp_path)
    again = site.console("plan", "save", file)
    assert again.returncode == 0
    assert f"This plan was saved on {site.at:%Y-%m-%d}. Nothing was saved again" in again.stdout
    site.screen(answers={"suicide.ideation": None})
    code, answer = site.console_json("plan", "save", file)
    assert (code, answer["saved"], answer["decision"]) == (0, True, "held-incomplete")
    assert "a new plan or an amendment would wait" in answer["repeated"]
    assert len(site.care_plans()) == 1
