"""What every EHR behind the port does alike: the embedded chart, and the client before a minimal FHIR server."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import responses

from withness.ehr.client import FhirClient
from withness.ehr.local import LocalChart
from withness.ehr.port import Ehr
from withness.errors import Conflict, EhrRefused
from withness.seal import Seal

BASE = "http://127.0.0.1/fhir"
Answer = tuple[int, dict[str, str], str]


class MinimalServer:
    """Just enough of a FHIR R4 server: versions, If-Match, and transactions that are whole or nothing."""

    def __init__(self) -> None:
        self.held: dict[str, list[dict[str, Any]]] = {}
        self.ids = itertools.count(1)

    def read(self, request: Any) -> Answer:
        versions = self.held.get(request.url.removeprefix(f"{BASE}/"))
        if not versions:
            return 404, {}, ""
        number = str(len(versions))
        resource = {**versions[-1], "meta": {**versions[-1].get("meta", {}), "versionId": number}}
        return 200, {"ETag": f'W/"{number}"'}, json.dumps(resource)

    def transact(self, request: Any) -> Answer:
        bundle = json.loads(request.body)
        if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "transaction":
            return 400, {}, ""
        staged = {key: list(versions) for key, versions in self.held.items()}
        told = []
        for entry in bundle.get("entry", []):
            resource, asked = entry["resource"], entry["request"]
            resource = resource if asked["method"] == "PUT" else {**resource, "id": str(next(self.ids))}
            key = f"{resource['resourceType']}/{resource['id']}"
            versions = staged.setdefault(key, [])
            if asked.get("ifMatch") not in (None, f'W/"{len(versions)}"'):
                return 412, {}, ""
            if not versions or versions[-1] != resource:
                versions.append(resource)
            told.append({"response": {"status": "200 OK", "location": f"{key}/_history/{len(versions)}"}})
        self.held = staged
        answer = {"resourceType": "Bundle", "type": "transaction-response"}
        return 200, {}, json.dumps({**answer, "entry": told} if told else answer)


@pytest.fixture(params=["local", "client"])
def ehr(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ehr]:
    if request.param == "local":
        yield LocalChart(tmp_path / "chart.sqlite3", Seal(bytes(32)), lambda: datetime.now(UTC))
        return
    server = MinimalServer()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire, closing(FhirClient(BASE)) as client:
        wire.add_callback("POST", BASE, callback=server.transact)
        for key in ("Goal/g1", "Goal/g2", "CarePlan/p1"):
            wire.add_callback("GET", f"{BASE}/{key}", callback=server.read)
        yield client


def put(words: str, id: str = "g1", **condition: str) -> dict[str, Any]:
    goal = {"resourceType": "Goal", "id": id, "description": {"text": words}}
    return {"resource": goal, "request": {"method": "PUT", "url": f"Goal/{id}", **condition}}


def bundle(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def test_it_says_where_it_is(ehr: Ehr) -> None:
    """Catches: an implementation without an identity to bind an outbox row to."""
    assert ehr.address
    assert ehr.loopback


def test_what_was_written_is_read_with_its_version(ehr: Ehr) -> None:
    """Catches: words or versions that differ between writing and reading."""
    assert ehr.read("Goal/g1") is None
    words = "أريد e\u0301 👩‍👩‍👧 \u2028"
    written = ehr.transact(bundle(put(words), put("two", "g2")))
    assert [(one.reference, one.version) for one in written] == [("Goal/g1", "1"), ("Goal/g2", "1")]
    stored = ehr.read("Goal/g1")
    assert stored is not None
    assert stored.version == stored.resource["meta"]["versionId"] == "1"
    assert stored.resource["description"]["text"].encode() == words.encode()


def test_the_same_put_again_is_the_same_version(ehr: Ehr) -> None:
    """Catches: a retry after a lost answer that counts as an edit."""
    first = ehr.transact(bundle(put("one")))
    assert ehr.transact(bundle(put("one"))) == first
    assert ehr.transact(bundle(put("two")))[0].version == "2"


def test_an_older_version_named_is_a_conflict_and_nothing_is_written(ehr: Ehr) -> None:
    """Catches: If-Match ignored; a Bundle written in part."""
    ehr.transact(bundle(put("one")))
    with pytest.raises(Conflict):
        ehr.transact(bundle(put("new", "g2"), put("two", ifMatch='W/"7"')))
    assert ehr.read("Goal/g2") is None
    assert ehr.transact(bundle(put("two", ifMatch='W/"1"')))[0].version == "2"


def test_a_post_tells_the_id_that_was_given(ehr: Ehr) -> None:
    """Catches: the caller's id reported for a resource that lies elsewhere."""
    entry = {**put("one", "mine"), "request": {"method": "POST", "url": "Goal"}}
    (written,) = ehr.transact(bundle(entry))
    assert written.reference.startswith("Goal/")
    assert written.reference != "Goal/mine"


def test_an_empty_transaction_is_answered_empty(ehr: Ehr) -> None:
    """Catches: a missing entry list taken for an unreadable one."""
    assert ehr.transact(bundle()) == ()


def test_what_is_no_transaction_is_refused(ehr: Ehr) -> None:
    """Catches: a batch, which may be written in part."""
    with pytest.raises(EhrRefused):
        ehr.transact({"resourceType": "Bundle", "type": "batch", "entry": [put("one")]})
    assert ehr.read("Goal/g1") is None


@pytest.mark.parametrize("reference", ["", "Goal", "goal/g1", "Goal/g1/_history/1", "Goal/a b"])
def test_a_reference_that_is_none_is_refused(ehr: Ehr, reference: str) -> None:
    """Catches: a mistyped reference answered as "not there", after which it would be written again."""
    with pytest.raises(EhrRefused):
        ehr.read(reference)
