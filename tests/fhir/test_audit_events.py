"""Records as AuditEvents: which profile, what is said and what never is, and that the check passes them."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from tests.servers.validator import Validator

from withness.audit.record import Kind, Record, make_leaf
from withness.fhir import codes
from withness.fhir.audit_events import BALP_PATIENT_CREATE, Around, Place, audit_event, event_id
from withness.fhir.check import check
from withness.fhir.profile_check.definitions import shipped
from withness.fhir.profile_check.inspection import inspect

DATA_ID = "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"
EHR = "https://ehr.example.org/fhir"
DIGEST = "a" * 64
AROUND = Around(DATA_ID, "Organization/demo", {DIGEST: "0.2.0"}, frozenset(), {"d1": EHR, "d2": "embedded:chart"})
PLACE = Place(6, "b" * 64, "withness/x/0\n9\nroot\n\n— withness/x sig\n")


def event(kind: Kind, outcome: str | None = "released", around: Around = AROUND, **changes: Any) -> dict[str, Any]:
    """The event of a record."""
    from datetime import UTC, datetime

    said = {"patient": "Patient/rosa", "policy": DIGEST, "details": {"decision": "d1"}, **changes}
    record = Record(kind, said.pop("actor", "Practitioner/p1"), "pat", outcome=outcome, **said)
    leaf = make_leaf(record, seq=7, segment=0, at=datetime(2026, 11, 27, 10, 30, tzinfo=UTC), clock="ok")
    return audit_event(json.loads(leaf.body), PLACE, around)


def faults(one: dict[str, Any]) -> list[str]:
    """What base R4 and our own profiles find wrong with it."""
    findings, _ = inspect(one, shipped())
    return [*map(str, check(one)), *(f"{found.path} {found.why}" for found in findings.problems)]


def details(one: dict[str, Any]) -> dict[str, str]:
    return {said["type"]: said["valueString"] for said in one["entity"][-1]["detail"]}


def profile(one: dict[str, Any]) -> str:
    [found] = one["meta"]["profile"]
    return str(found).partition("|")[0]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("about", ["Patient/rosa", None, "Practitioner/c1"])
def test_every_kind_of_record_has_a_valid_event(kind: Kind, about: str | None) -> None:
    """Of somebody, of nobody, of a colleague. Planted: `who` left out of an agent; caught by the check."""
    for outcome in ("released", "refused", None, "It is a sentence."):
        made = event(kind, outcome, patient=about, second_actor="Practitioner/s1")
        assert faults(made) == []
        patients = [one["what"]["reference"] for one in made["entity"] if one["role"]["code"] == "1"]
        assert patients == (["Patient/rosa"] if about == "Patient/rosa" else [])
        assert ("outcomeDesc" in made) == (outcome in ("released", "refused"))


def test_an_event_can_be_held_against_the_trail() -> None:
    """Planted: the index given as the record's number; caught."""
    for kind in (Kind.GATE_DECIDED, Kind.TRAIL_VIEWED, Kind.PLAN_CONFIRMED):
        found = details(event(kind, "delivered"))
        assert (found["record"], found["segment"], found["index"]) == ("7", "0", "6")
        assert (found["leaf-hash"], found["checkpoint"]) == (PLACE.leaf_hash, PLACE.checkpoint)
        assert (found["record-kind"], found["policy-digest"]) == (kind.value, DIGEST)


@pytest.mark.parametrize(
    ("kind", "outcome", "subtype", "code"),
    [
        (Kind.GATE_DECIDED, "held-for-directive-protocol", "gate-evaluate", "0"),
        (Kind.PLAN_HELD, "held", "gate-block", "4"),
        (Kind.PLAN_APPROVED, "released", "gate-release", "0"),
        (Kind.PROTOCOL_RELEASED, "released", "gate-release", "0"),
        (Kind.PROTOCOL_RELEASED, "refused", "gate-release", "8"),
        (Kind.OVERRIDE_GRANTED, "override", "gate-override", "0"),
        (Kind.OVERRIDE_REFUSED, "refused", "gate-override", "8"),
    ],
)
def test_what_the_gate_did(kind: Kind, outcome: str, subtype: str, code: str) -> None:
    """Planted: a block as a success; caught by the check too."""
    made = event(kind, outcome)
    assert profile(made) == codes.GATE_AUDIT_EVENT
    assert (made["subtype"][0]["code"], made["outcome"], made["outcomeDesc"]) == (subtype, code, outcome)
    assert made["agent"][0]["policy"] == [f"{codes.RISK_GATE}|0.2.0"]
    assert faults(made) == []


def test_a_gate_record_without_one_patient_or_a_known_policy_is_an_event_of_the_trail() -> None:
    """A unit's plan has no one patient. Planted: the profile claimed all the same; caught by the check."""
    for changes in ({"patient": None}, {"policy": "c" * 64}, {"policy": None}):
        made = event(Kind.PLAN_HELD, "held", **changes)
        assert profile(made) == codes.TRAIL_AUDIT_EVENT
        assert made["subtype"] == [{"system": codes.AUDIT_RECORD_KINDS, "code": "plan.held"}]
        assert faults(made) == []


def test_a_confirmed_plan_is_a_create_by_balp() -> None:
    """Client, server and author, each network an address. Planted: client and server exchanged; caught."""
    made = event(Kind.PLAN_CONFIRMED, "delivered")
    assert profile(made) == BALP_PATIENT_CREATE
    assert (made["type"]["code"], made["subtype"][0]["code"], made["action"]) == ("rest", "create", "C")
    client, server, user = made["agent"]
    assert [one["type"]["coding"][0]["code"] for one in made["agent"]] == ["110153", "110152", "AUT"]
    assert server["network"] == {"address": EHR, "type": "5"}
    assert client["network"]["address"] == f"urn:uuid:{DATA_ID}"
    assert (user["who"], user["requestor"]) == ({"reference": "Practitioner/p1"}, True)
    assert "network" not in user
    assert [one["type"]["code"] for one in made["entity"]] == ["1", "2"]
    assert made["entity"][1]["what"] == {"identifier": {"system": codes.DECISION, "value": "d1"}}


@pytest.mark.parametrize(
    "changes", [{"details": {"decision": "d2"}}, {"details": {}}, {"patient": None}, {"outcome": "delivered-late"}]
)
def test_balp_is_claimed_only_where_it_holds(changes: dict[str, Any]) -> None:
    """No EHR's address, no patient, no plain success. Planted: the embedded chart taken for a server; caught."""
    made = event(Kind.PLAN_CONFIRMED, **{"outcome": "delivered", **changes})
    assert profile(made) == codes.TRAIL_AUDIT_EVENT


def test_the_same_record_has_the_same_id_and_another_none_of_it() -> None:
    """Planted: the data directory left out of the id; the segment; the hash; each caught."""
    assert event(Kind.NOTE_SAVED)["id"] == event_id(DATA_ID, 0, PLACE.leaf_hash)
    hashes = [f"{number:064x}" for number in range(50)]
    assert len({event_id(*one) for one in product((DATA_ID, "other"), (0, 1), hashes)}) == 200


def test_no_detail_of_a_record_is_copied() -> None:
    """A list of what is said, never of what is left out. Planted: all details copied; caught by this and the check."""
    made = event(Kind.NOTE_SAVED, "signed", details={"secret": "word", "decision": "d9"}, reason="code", request="r1")
    assert "word" not in json.dumps(made)
    assert "pat" not in json.dumps(made).replace("patient", "").replace("Patient", "").split('"')


def test_what_was_made_in_demo_mode_says_so() -> None:
    """Planted: the label on every event; caught."""
    demo = Around(DATA_ID, "Organization/demo", {DIGEST: "0.2.0"}, frozenset({DIGEST}), {})
    assert event(Kind.GATE_DECIDED, around=demo)["meta"]["security"] == [codes.TEST_DATA]
    assert "security" not in event(Kind.GATE_DECIDED)["meta"]


def test_whoever_wrote_the_database_cannot_break_an_event() -> None:
    """A name that is no reference stands as text. Planted: put into a reference; caught by the check."""
    made = event(Kind.TRAIL_VIEWED, "shown", actor="=cmd|' /C calc'!A0", patient="Patient/ro sa/../x")
    assert made["agent"][0]["who"] == {"identifier": {"value": "=cmd|' /C calc'!A0"}}
    assert faults(made) == []


@pytest.mark.parametrize("kind", list(Kind))
def test_an_independent_validator_finds_no_error_in_any_kind(kind: Kind, validator: Validator) -> None:
    """Not knowing BALP, it looks at that one as a plain AuditEvent. Planted: `outcome` left out; caught."""
    for about in ("Patient/rosa", None):
        made = event(kind, "delivered", patient=about, second_actor="Practitioner/s1")
        if profile(made) == BALP_PATIENT_CREATE:
            del made["meta"]
        assert [f"{one.location}: {one.message}" for one in validator.errors(made)] == []
