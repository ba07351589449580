"""The main job against a real HAPI FHIR server: saved once, read back, delivered after the server was killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.hapi import HapiServer
from tests.system.site import CONCERN, WORDS, Site, make_draft
from withness.fhir import codes

pytestmark = pytest.mark.xdist_group("hapi")


@pytest.fixture
def clinic(hapi_server: HapiServer, tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR is the real server."""
    with Site(tmp_path / "home", tmp_path / "site.key", ehr_url=hapi_server.base_url) as made:
        yield made


def in_server(server: HapiServer, reference: str) -> Any:
    """Read one resource from the server, past Withness."""
    answer = requests.get(f"{server.base_url}/{reference}", timeout=30)
    return answer.json() if answer.ok else None


def plans_of(server: HapiServer, plan: str) -> list[Any]:
    """Search the server for the CarePlans of a unit's plan, past Withness."""
    query = {"identifier": f"{codes.UNIT_PLAN}|{plan}", "_count": "50"}
    answer = requests.get(
        f"{server.base_url}/CarePlan", params=query, headers={"Cache-Control": "no-cache"}, timeout=30
    )
    return [entry["resource"] for entry in answer.json().get("entry", [])]


def test_a_clear_draft_is_in_the_server_and_a_second_run_changes_nothing(clinic: Site, hapi_server: HapiServer) -> None:
    """Through the console: CarePlan, Goal, QuestionnaireResponse, Provenance; the same request id adds no version."""
    clinic.screen()
    draft = json.dumps(make_draft())
    code, answer = clinic.console_json("plan", "save", "-", stdin=draft)
    assert (code, answer["saved"], answer["delivery"]) == (0, True, "delivered")
    sent = {entry["request"]["url"]: entry["resource"] for entry in answer["bundle"]["entry"]}
    assert sorted(url.split("/")[0] for url in sent) == ["CarePlan", "Goal", "Provenance", "QuestionnaireResponse"]
    found = {url: in_server(hapi_server, url) for url in sent}
    assert all(found.values())
    [goal] = [one for one in found.values() if one["resourceType"] == "Goal"]
    [plan] = [one for one in found.values() if one["resourceType"] == "CarePlan"]
    assert (goal["description"]["text"], plan["description"]) == (WORDS, CONCERN)
    again_code, again = clinic.console_json("plan", "save", "-", stdin=draft)
    assert (again_code, again["care_plans"]) == (0, answer["care_plans"])
    assert {url: in_server(hapi_server, url)["meta"]["versionId"] for url in sent} == dict.fromkeys(sent, "1")
    assert len(plans_of(hapi_server, answer["plan"])) == 1


def test_a_held_draft_leaves_the_server_untouched(clinic: Site, hapi_server: HapiServer) -> None:
    """I1: no CarePlan or Goal in any status, a draft's neither."""
    kinds = ("Goal", "QuestionnaireResponse", "Provenance")
    before = [_total(hapi_server, kind) for kind in kinds]
    clinic.screen("Patient/tom", answers={"suicide.now": "yes"})
    code, answer = clinic.console_json("plan", "save", "-", stdin=json.dumps(make_draft("Patient/tom")))
    assert (code, answer["saved"]) == (3, False)
    assert [_total(hapi_server, kind) for kind in kinds] == before
    assert plans_of(hapi_server, answer["plan"]) == []


def _total(server: HapiServer, kind: str) -> int:
    answer = requests.get(f"{server.base_url}/{kind}", params={"_summary": "count"}, timeout=30)
    return int(answer.json()["total"])


def test_a_couple_gets_two_plans_in_one_transaction(clinic: Site, hapi_server: HapiServer) -> None:
    """One CarePlan per member, under one decision."""
    clinic.screen("Patient/rosa", encounter="Encounter/e1")
    clinic.screen("Patient/tom", encounter="Encounter/e1")
    answer = clinic.save(make_draft("Patient/rosa", "Patient/tom"))
    assert answer["saved"] is True
    subjects = {plan["subject"]["reference"] for plan in plans_of(hapi_server, answer["plan"])}
    assert subjects == {"Patient/rosa", "Patient/tom"}


def test_a_server_that_is_down_gets_exactly_one_plan_when_it_is_back(tmp_path: Path) -> None:
    """The server killed before and in the middle of delivery; `withness sync` ends with exactly one plan each."""
    from tests.servers import hapi

    reason = hapi.available()
    if reason:
        pytest.skip(reason)
    with (
        HapiServer(tmp_path / "hapi") as server,
        Site(tmp_path / "home", tmp_path / "k", ehr_url=server.base_url) as site,
    ):
        server.create_world()
        site.screen()
        server.kill()
        answers = [site.save()]
        # The chart cannot be asked for newer results, so the gate holds; it is decided again by itself.
        assert (answers[0]["saved"], answers[0]["missing"]) == (False, ["chart-evidence"])
        code, done = site.console_json("sync")
        assert (code, done["waiting"]) == (5, 1)
        server.start()
        answers.append(_killed_in_the_middle(site, server))
        server.start()
        code, done = site.console_json("sync")
        assert (code, done["waiting"], done["withheld"]) == (0, 0, 0)
        for answer in answers:
            assert len(plans_of(server, answer["plan"])) == 1
        assert _total(server, "CarePlan") == len(answers)
        assert site.console("audit", "verify").returncode == 0


def _killed_in_the_middle(site: Site, server: HapiServer) -> dict[str, Any]:
    """Save while the server dies right after it took the transaction: the answer is lost, the plan is there."""
    real = site.context.ehr.transact

    def taken_then_killed(bundle: Any) -> Any:
        real(bundle)
        server.kill()
        return real(bundle)

    site.context.ehr.transact = taken_then_killed  # type: ignore[method-assign]
    site.catch_up()
    answer = site.save(make_draft())
    site.context.ehr.transact = real  # type: ignore[method-assign]
    assert answer["delivery"] == "sending"
    return answer
