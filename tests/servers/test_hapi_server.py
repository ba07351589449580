"""Shows what the real HAPI FHIR server of these tests does, so that other tests can rely on it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers import hapi

JSON = {"Content-Type": "application/fhir+json"}
RESOURCE_TYPES_WITH_IDENTIFIER = ("CarePlan", "Goal", "QuestionnaireResponse", "Patient")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hapi.HapiServer]:
    """A running server with the world in it, shared by the tests of this file."""
    reason = hapi.available()
    if reason is not None:
        if os.environ.get("WITHNESS_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with hapi.HapiServer(tmp_path_factory.mktemp("hapi")) as running:
        running.create_world()
        yield running


def goal(text: str = "Walk to the shop", subject: str = "Patient/rosa", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Goal",
        "id": str(uuid.uuid4()),
        "lifecycleStatus": "active",
        "description": {"text": text},
        "subject": {"reference": subject},
        **more,
    }


def care_plan(goal_id: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "CarePlan",
        "id": str(uuid.uuid4()),
        "status": "active",
        "intent": "plan",
        "subject": {"reference": "Patient/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "author": {"reference": "Practitioner/p1"},
        "goal": [{"reference": f"Goal/{goal_id}"}],
        **more,
    }


def read(server: hapi.HapiServer, path: str) -> requests.Response:
    return requests.get(f"{server.base_url}/{path}", timeout=60)


def put(server: hapi.HapiServer, resource: dict[str, Any], **headers: str) -> requests.Response:
    url = f"{server.base_url}/{resource['resourceType']}/{resource['id']}"
    return requests.put(url, json=resource, headers={**JSON, **headers}, timeout=60)


def transact(server: hapi.HapiServer, *resources: dict[str, Any]) -> requests.Response:
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    return requests.post(server.base_url, json=bundle, headers=JSON, timeout=60)


def without_meta(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "meta"}


def test_transaction_of_puts_keeps_the_clients_uuids(server: hapi.HapiServer) -> None:
    wish = goal()
    plan = care_plan(wish["id"])

    answer = transact(server, plan, wish)  # the plan stands before the goal that it refers to

    assert answer.status_code == 200, answer.text
    assert answer.json()["type"] == "transaction-response"
    responses = [entry["response"] for entry in answer.json()["entry"]]
    assert [r["status"] for r in responses] == ["201 Created", "201 Created"]
    assert responses[0]["location"] == f"CarePlan/{plan['id']}/_history/1"
    assert without_meta(read(server, f"CarePlan/{plan['id']}").json()) == plan
    assert without_meta(read(server, f"Goal/{wish['id']}").json()) == wish


def test_transaction_with_one_bad_entry_writes_nothing(server: hapi.HapiServer) -> None:
    wish = goal()

    answer = transact(server, wish, care_plan("no-such-goal"))

    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert read(server, f"Goal/{wish['id']}").status_code == 404


def test_dangling_reference_is_refused(server: hapi.HapiServer) -> None:
    wish = goal(subject="Patient/nobody")

    answer = put(server, wish)

    assert answer.status_code == 400
    assert answer.json()["resourceType"] == "OperationOutcome"
    assert "Resource Patient/nobody not found" in answer.json()["issue"][0]["diagnostics"]
    assert read(server, f"Goal/{wish['id']}").status_code == 404


def test_stale_if_match_is_refused_with_409_where_the_specification_says_412(server: hapi.HapiServer) -> None:
    wish = goal("first")
    assert put(server, wish).headers["ETag"] == 'W/"1"'
    second = put(server, {**wish, "description": {"text": "second"}}, **{"If-Match": 'W/"1"'})
    assert (second.status_code, second.headers["ETag"]) == (200, 'W/"2"')

    stale = put(server, {**wish, "description": {"text": "third"}}, **{"If-Match": 'W/"1"'})

    assert stale.status_code == 409
    assert stale.json()["resourceType"] == "OperationOutcome"
    assert "not the current version" in stale.json()["issue"][0]["diagnostics"]
    assert read(server, f"Goal/{wish['id']}").json()["description"]["text"] == "second"


def test_vread_and_history(server: hapi.HapiServer) -> None:
    wish = goal("first")
    put(server, wish)
    put(server, {**wish, "description": {"text": "second"}})

    assert read(server, f"Goal/{wish['id']}/_history/1").json()["description"]["text"] == "first"
    history = read(server, f"Goal/{wish['id']}/_history").json()
    assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["2", "1"]


@pytest.mark.parametrize("resource_type", RESOURCE_TYPES_WITH_IDENTIFIER)
def test_search_by_identifier_sees_a_write_at_once(server: hapi.HapiServer, resource_type: str) -> None:
    identifier = {"system": "urn:example:key", "value": str(uuid.uuid4())}
    resource: dict[str, Any] = {
        "CarePlan": {**care_plan(""), "goal": [], "identifier": [identifier]},
        "Goal": goal(identifier=[identifier]),
        "QuestionnaireResponse": {"status": "completed", "identifier": identifier},
        "Patient": {"identifier": [identifier]},
    }[resource_type]
    resource = {"id": str(uuid.uuid4()), **resource, "resourceType": resource_type}
    search = f"{resource_type}?identifier={identifier['system']}|{identifier['value']}"
    assert read(server, search).json()["total"] == 0

    assert put(server, resource).status_code == 201

    found = read(server, search).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [resource["id"]]


def test_provenance_is_searched_by_target_for_r4_has_no_identifier_there(server: hapi.HapiServer) -> None:
    wish = goal()
    record = {
        "resourceType": "Provenance",
        "id": str(uuid.uuid4()),
        "target": [{"reference": f"Goal/{wish['id']}"}],
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"reference": "Practitioner/p1"}}],
    }
    assert transact(server, wish, record).status_code == 200

    found = read(server, f"Provenance?target=Goal/{wish['id']}").json()

    assert [entry["resource"]["id"] for entry in found["entry"]] == [record["id"]]
    assert read(server, "Provenance?identifier=a|b").status_code == 400


@pytest.mark.parametrize(
    "text",
    [
        "one\ntwo\r\nthree\n",
        "\ttab and  two spaces ",
        "😀👩‍👩‍👧 🇺🇦",
        "漢字 かな 한국어",
        "שלום عالم",
        "e\u0301 is not \u00e9",
        '"quoted" \\ </div>',
    ],
)
def test_text_is_read_back_equal(server: hapi.HapiServer, text: str) -> None:
    wish = goal(text)

    assert put(server, wish).status_code == 201

    assert read(server, f"Goal/{wish['id']}").json()["description"]["text"] == text


def test_an_answered_write_survives_kill_9(server: hapi.HapiServer) -> None:
    base_url = server.base_url
    wish = goal("before")
    plan = care_plan(wish["id"])
    assert transact(server, wish, plan).status_code == 200
    updated = put(server, {**wish, "description": {"text": "after\n😀"}})
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"')

    server.kill()
    with pytest.raises(requests.ConnectionError):
        read(server, f"Goal/{wish['id']}")
    server.start()

    assert server.base_url == base_url
    back = read(server, f"Goal/{wish['id']}")
    assert back.headers["ETag"] == 'W/"2"'
    assert back.json()["description"]["text"] == "after\n😀"
    assert read(server, f"CarePlan/{plan['id']}").headers["ETag"] == 'W/"1"'
    assert put(server, {**wish, "description": {"text": "third"}}).headers["ETag"] == 'W/"3"'


@pytest.mark.usefixtures("server")  # skipped where it is
def test_the_switch_answers_a_stale_if_match_with_412(tmp_path: Path) -> None:
    with hapi.HapiServer(tmp_path, stale_if_match_412=True) as strict:
        strict.create_world()
        wish = goal("first")
        put(strict, wish)
        assert put(strict, {**wish, "description": {"text": "second"}}).headers["ETag"] == 'W/"2"'

        stale = put(strict, {**wish, "description": {"text": "third"}}, **{"If-Match": 'W/"1"'})

        assert stale.status_code == 412
        assert stale.json()["resourceType"] == "OperationOutcome"
        assert transact(strict, care_plan("no-such-goal")).status_code == 400


@pytest.mark.usefixtures("server")  # skipped where it is
def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "h2.mv.db").write_bytes(b"not a database" * 1000)
    broken = hapi.HapiServer(tmp_path)

    with pytest.raises(hapi.HapiError, match=r"(?s)ended with 1 before it was ready.*server\.log"):
        broken.start()

    assert broken.pid is None
