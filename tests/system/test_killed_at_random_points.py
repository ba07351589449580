"""`plan save` killed with SIGKILL at random points: nothing acknowledged is lost, nothing held is out (I1, I5).

200 rounds in `make prove`, a tenth elsewhere. Planted: the outbox row written in a transaction of its own
after the decision's; delivery before the commit; synchronous ids replaced by random ones. Each was caught.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.hapi import HapiServer
from tests.system.site import Site, make_draft
from tests.system.test_on_postgres import address_for
from withness.audit.record import Kind
from withness.fhir import codes

pytestmark = [pytest.mark.campaign, pytest.mark.xdist_group("hapi")]
ROUNDS = 200
PEOPLE = ("Patient/rosa", "Patient/tom", "Patient/ana")


@pytest.fixture(params=["embedded chart", "embedded chart, PostgreSQL", "HAPI"])
def clinic(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Site, Callable[[], list[Any]]]]:
    """A site on each kind of EHR, and a way to list its CarePlans past Withness."""
    if request.param == "HAPI":
        server: HapiServer = request.getfixturevalue("hapi_server")
        with Site(tmp_path / "home", tmp_path / "site.key", ehr_url=server.base_url) as site:
            before = {plan["id"] for plan in _care_plans(server)}
            yield site, lambda: [plan for plan in _care_plans(server) if plan["id"] not in before]
    else:
        home, key_file, url = tmp_path / "home", tmp_path / "site.key", ""
        if "PostgreSQL" in request.param:
            url = address_for(request.getfixturevalue("postgres_server"), home, key_file)
        with Site(home, key_file, database_url=url) as site:
            yield site, lambda: [dict(stored.resource) for stored in site.chart("CarePlan")]


def _care_plans(server: HapiServer) -> list[Any]:
    """Every CarePlan of the server, page by page."""
    found: list[Any] = []
    page: str | None = f"{server.base_url}/CarePlan?_count=100&_sort=_id"
    while page:
        bundle = requests.get(page, headers={"Cache-Control": "no-cache"}, timeout=60).json()
        found += [entry["resource"] for entry in bundle.get("entry", [])]
        page = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)
    return found


def test_kill_nine_at_random_points_of_plan_save(
    clinic: tuple[Site, Callable[[], list[Any]]],
    campaign: Callable[[int], int],
    figure: Callable[[str, int, str], None],
    request: pytest.FixtureRequest,
) -> None:
    """Every acknowledged decision is in the trail; no plan without a released decision; at most one a decision."""
    site, care_plans = clinic
    dice, rounds = random.Random(20261122), campaign(ROUNDS)  # noqa: S311  a repeatable schedule, not a secret
    whole = _seconds_of_a_save(site)
    acknowledged, killed, drafts = [], 0, []
    for number in range(rounds):
        who = PEOPLE[number % 3]
        answers = {"suicide.now": "unsure"} if dice.random() < 0.3 else {}
        site.catch_up()
        site.screen(who, answers=answers, authored=site.at)
        draft = make_draft(who)
        drafts.append(draft)
        done = _save_and_kill(site, draft, after=dice.uniform(0.2, 0.95) * whole)
        killed += done is None
        acknowledged += [] if done is None else [done]
    site.catch_up()
    assert site.console("sync").returncode in (0, 3)
    _check(site, care_plans(), acknowledged)
    result = f"{killed} killed, {len(acknowledged)} acknowledged, {len(care_plans())} plans, nothing lost"
    figure(f"kill -9 of plan save, {request.node.callspec.params['clinic']}", rounds, result)
    assert killed >= rounds // 10


def _seconds_of_a_save(site: Site) -> float:
    site.screen(authored=site.at)
    start = time.perf_counter()
    assert site.console("plan", "save", "-", stdin=json.dumps(make_draft())).returncode == 0
    return time.perf_counter() - start


def _save_and_kill(site: Site, draft: Any, *, after: float) -> Any:
    """Run `plan save` in a process of its own, kill it after a time; return its answer if it came whole."""
    command = [sys.executable, "-m", "withness", "plan", "save", "-", "--json"]
    process = subprocess.Popen(
        command, env=site.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(draft).encode())
    process.stdin.close()
    process.stdin = None
    time.sleep(after)
    process.kill()
    out, _ = process.communicate(timeout=60)
    try:
        return json.loads(out)
    except ValueError:
        return None


def _check(site: Site, plans: list[Any], acknowledged: list[Any]) -> None:
    with site.context.store.transaction() as tx:
        bodies = [json.loads(leaf.body) for leaf in tx.leaves()]
    decided = {
        (one["request"], one["outcome"]) for one in bodies if one["kind"] == Kind.GATE_DECIDED and one["request"]
    }
    approved = {one["details"]["decision"] for one in bodies if one["kind"] == Kind.PLAN_APPROVED}
    known = {one["plan"] for one in site.desk.plans()}
    for answer in acknowledged:
        assert answer["plan"] in known
        assert any(outcome == answer["decision"] for _, outcome in decided)
    marks = [next(i["value"] for i in plan["identifier"] if i["system"] == codes.DECISION) for plan in plans]
    assert len(marks) == len(set(marks)), "a decision made two plans"
    assert set(marks) <= approved, "a plan without a released decision"
    delivered = {answer["care_plans"][0] for answer in acknowledged if answer["saved"]}
    assert delivered <= {f"CarePlan/{plan['id']}" for plan in plans}
    assert len(marks) == len(approved), "an approved plan was never delivered"
    verified = site.console("audit", "verify")
    assert verified.returncode == 0, verified.stdout
