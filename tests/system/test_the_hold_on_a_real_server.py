"""The hold, the protocol and the way back on a real FHIR server, under its own version numbers (I4).

Planted: the change sent without If-Match; a stale version never read again; caught.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.hapi import HapiServer
from tests.system.site import Site, make_draft, make_goal
from withness.fhir import codes

pytestmark = pytest.mark.xdist_group("hapi")
ACUTE = {"suicide.ideation": "yes", "suicide.now": "yes", "suicide.validated.result": "acute-positive"}
ANA = "Patient/ana-of-the-hold"
"""Somebody whom no other test writes about: the server is shared."""


@pytest.fixture
def clinic(hapi_server: HapiServer, tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR is the real server, with the people who sign."""
    person = {"resourceType": "Patient", "id": ANA.removeprefix("Patient/"), "name": [{"text": "Ana"}]}
    assert requests.put(f"{hapi_server.base_url}/{ANA}", json=person, timeout=60).ok
    with Site(tmp_path / "home", tmp_path / "site.key", ehr_url=hapi_server.base_url) as made:
        made.enrol()
        yield made


def read(server: HapiServer, reference: str) -> Any:
    """Read one resource past Withness."""
    return requests.get(f"{server.base_url}/{reference}", timeout=60).json()


def about(server: HapiServer, kind: str, who: str) -> list[Any]:
    """Return one person's resources of a kind, past Withness."""
    found = requests.get(
        f"{server.base_url}/{kind}",
        params={"patient": who, "_count": "100"},
        headers={"Cache-Control": "no-cache"},
        timeout=60,
    ).json()
    return [entry["resource"] for entry in found.get("entry", [])]


def test_hold_release_and_amendment(clinic: Site, hapi_server: HapiServer) -> None:
    """A plan goes on hold over somebody else's newer version, comes back by the release, and is amended after it."""
    clinic.screen(ANA)
    saved = clinic.save(make_draft(ANA))
    assert saved["saved"] is True
    [plan] = saved["care_plans"]
    _edited_by_somebody_else(hapi_server, plan)

    clinic.pass_time(minutes=5)
    told = clinic.screen(ANA, answers=ACUTE)
    assert told["troubles"] == []
    held = read(hapi_server, plan)
    assert (held["status"], held["title"]) == ("on-hold", "Edited by somebody else")
    assert [flag["status"] for flag in about(hapi_server, "Flag", ANA)] == ["active"]
    tasks = about(hapi_server, "Task", ANA)
    assert {task["status"] for task in tasks} == {"requested"}
    assert about(hapi_server, "RiskAssessment", ANA)

    clinic.pass_time(minutes=5)
    clinic.all_evidence("suicide", ANA)
    clinic.pass_time(minutes=5)
    clinic.screen(ANA)
    assert clinic.release("suicide", ANA)["by"] == "release"
    assert read(hapi_server, plan)["status"] == "active"
    assert [flag["status"] for flag in about(hapi_server, "Flag", ANA)] == ["inactive"]
    assert {task["status"] for task in about(hapi_server, "Task", ANA)} == {"completed", "cancelled"}

    clinic.pass_time(minutes=5)
    [goal] = [
        entry["resource"]["id"] for entry in saved["bundle"]["entry"] if entry["resource"]["resourceType"] == "Goal"
    ]
    second = make_goal(ANA, words="I want to say it out loud")
    amended = clinic.save(
        make_draft(ANA, goals=[make_goal(ANA), second], supersedes={"plan": saved["plan"], "version": "1"})
    )
    assert (amended["saved"], amended["version"], amended["care_plans"]) == (True, "2", [plan])
    now = read(hapi_server, plan)
    assert len(now["goal"]) == 2
    assert {"reference": f"Goal/{goal}"} in now["goal"]
    assert [one["value"] for one in now["identifier"] if one["system"] == codes.UNIT_PLAN] == [saved["plan"]]
    assert clinic.desk.health()["records"] > 0


def _edited_by_somebody_else(server: HapiServer, reference: str) -> None:
    resource = {**read(server, reference), "title": "Edited by somebody else"}
    answer = requests.put(f"{server.base_url}/{reference}", json=resource, timeout=60)
    assert answer.ok
