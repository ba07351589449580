"""The sweep against a real HAPI FHIR server: its searches across patients, its pages, and nothing of them in a URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.servers.hapi import HapiServer
from tests.system.site import Site, make_draft
from tests.system.test_the_sweep import changed, told, typed_in
from withness.desk.asking import actor_of
from withness.desk.sweep import sweep

pytestmark = pytest.mark.xdist_group("hapi")


@pytest.fixture
def clinic(hapi_server: HapiServer, tmp_path: Path) -> Iterator[Site]:
    """A site whose EHR is the real server."""
    with Site(tmp_path / "home", tmp_path / "site.key", ehr_url=hapi_server.base_url) as made:
        yield made


def test_both_ways_on_more_than_one_page(clinic: Site, hapi_server: HapiServer) -> None:
    """150 plans typed in, one released, one of ours deleted. Planted: only the first page read."""
    clinic.screen()
    for _ in range(2):
        assert clinic.save(make_draft())["saved"]
    before = {one.finding.id for one in sweep(clinic.context, actor_of("Device/withness")).findings}
    entry = [
        {"resource": one, "request": {"method": "PUT", "url": f"CarePlan/{one['id']}"}}
        for one in (typed_in(f"sweep-{number}") for number in range(150))
    ]
    typed = {"resourceType": "Bundle", "type": "transaction", "entry": entry}
    requests.post(hapi_server.base_url, json=typed, timeout=120).raise_for_status()
    with clinic.context.store.transaction() as tx:
        mine = [one["care_plan"] for id in tx.plan_ids() for one in tx.plan(id).content["charts"].values()]  # type: ignore[union-attr]
    headers = {"Content-Type": "application/fhir+json"}
    naming = {"target": mine[0], "_count": "5"}
    said = requests.get(f"{hapi_server.base_url}/Provenance", params=naming, timeout=30).json()
    for one in [f"Provenance/{entry['resource']['id']}" for entry in said["entry"]] + [mine[0]]:
        assert requests.delete(f"{hapi_server.base_url}/{one}", timeout=30).ok
    plan = requests.get(f"{hapi_server.base_url}/{mine[1]}", timeout=30).json()
    reworded = changed(plan, description="Other words")
    assert requests.put(f"{hapi_server.base_url}/{mine[1]}", json=reworded, headers=headers, timeout=30).ok
    found = sweep(clinic.context, actor_of("Device/withness"))
    new = [one for one in told(found) if one[0] != "written-around-gate"]
    # The server is shared: what other tests have left there are findings too.
    assert {one for one in new if one[1] in mine} == {
        ("missing-in-ehr", mine[0], "Patient/rosa"),
        ("words-changed", mine[1], "Patient/rosa"),
    }
    typed = [one for one in found.findings if one.finding.resource.startswith("CarePlan/sweep-")]
    assert (len(typed), before & {one.finding.id for one in typed}) == (150, set())
    assert sweep(clinic.context, actor_of("Device/withness")).new == frozenset()
    for one in entry:  # the server is shared: what was typed in goes again
        requests.delete(f"{hapi_server.base_url}/{one['request']['url']}", timeout=30)
    cleared = sweep(clinic.context, actor_of("Device/withness")).cleared
    assert {one.resource for one in cleared} >= {f"CarePlan/sweep-{number}" for number in range(150)}
