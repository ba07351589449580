"""Status changes of what is stored: what moves, what never does, and the transaction that writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.hapi import HapiServer

from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import check, require_valid
from withness.fhir.models import validate
from withness.fhir.moments import later
from withness.fhir.status import (
    STATUS_ELEMENTS,
    care_plan_active,
    care_plan_closed,
    care_plan_on_hold,
    change_transaction,
    document_superseded,
    entered_in_error,
    flag_ended,
    goal_status,
    issue_mitigated,
    put,
    task_ended,
    task_owner,
)

AT = datetime(2026, 11, 25, 9, 15, tzinfo=UTC)
NAIVE = datetime(2026, 11, 25, 9, 15)  # noqa: DTZ001
TIME = "2026-11-25T09:15:00Z"
NOTE = "This plan is on hold. Please speak with the clinician."
AUTHOR = "Practitioner/p1"
WORDS = "  I want somebody to get it\r\n👩‍👩‍👧 "
SAID = {"authorReference": {"reference": AUTHOR}, "time": TIME, "text": NOTE}
Resource = dict[str, Any]
Change = Callable[[Resource], Resource | None]

STORED: dict[str, Resource] = {
    "CarePlan": {
        "resourceType": "CarePlan",
        "id": "a0000000-0000-4000-8000-000000000001",
        "meta": {"versionId": "3", "lastUpdated": TIME, "security": [codes.TEST_DATA]},
        "identifier": [{"system": codes.PLAN, "value": "a"}],
        "status": "active",
        "intent": "plan",
        "category": [codes.CARE_PLAN_CATEGORY],
        "description": WORDS,
        "subject": {"reference": "Patient/rosa"},
        "period": {"start": "2026-11-21", "end": "2027-02-19"},
        "goal": [{"reference": "Goal/a0000000-0000-4000-8000-000000000002"}],
        "note": [{"text": "What the client named as a resource."}],
    },
    "Goal": {
        "resourceType": "Goal",
        "id": "a0000000-0000-4000-8000-000000000002",
        "identifier": [{"system": codes.GOAL, "value": "b"}],
        "lifecycleStatus": "active",
        "description": {"text": WORDS},
        "subject": {"reference": "Patient/rosa"},
        "note": [{"text": "payer words"}],
    },
    "QuestionnaireResponse": {
        "resourceType": "QuestionnaireResponse",
        "id": "a0000000-0000-4000-8000-000000000003",
        "identifier": {"system": codes.SCREEN, "value": "c"},
        "status": "completed",
        "subject": {"reference": "Patient/rosa"},
    },
    "Task": {
        "resourceType": "Task",
        "id": "a0000000-0000-4000-8000-000000000004",
        "identifier": [{"system": codes.PROTOCOL, "value": "d"}],
        "status": "requested",
        "intent": "order",
        "code": {"text": "Stay with the person"},
        "for": {"reference": "Patient/rosa"},
        "authoredOn": "2026-11-21T10:30:00Z",
        "owner": {"reference": AUTHOR},
    },
    "Flag": {
        "resourceType": "Flag",
        "id": "a0000000-0000-4000-8000-000000000005",
        "identifier": [{"system": codes.PROTOCOL, "value": "e"}],
        "status": "active",
        "code": {"text": "Please speak with the clinician named here."},
        "subject": {"reference": "Patient/rosa"},
        "period": {"start": "2026-11-21T10:30:00Z"},
    },
    "RiskAssessment": {
        "resourceType": "RiskAssessment",
        "id": "a0000000-0000-4000-8000-000000000006",
        "identifier": [{"system": codes.PROTOCOL, "value": "f"}],
        "status": "final",
        "subject": {"reference": "Patient/rosa"},
    },
    "GuidanceResponse": {
        "resourceType": "GuidanceResponse",
        "id": "a0000000-0000-4000-8000-000000000007",
        "moduleCanonical": f"{codes.RISK_GATE}|0.1.0",
        "status": "success",
        "subject": {"reference": "Patient/rosa"},
    },
    "DetectedIssue": {
        "resourceType": "DetectedIssue",
        "id": "a0000000-0000-4000-8000-000000000008",
        "identifier": [{"system": codes.PROTOCOL, "value": "g"}],
        "status": "final",
        "patient": {"reference": "Patient/rosa"},
        "detail": "The organisation's protocol asks for these steps.",
    },
    "DocumentReference": {
        "resourceType": "DocumentReference",
        "id": "a0000000-0000-4000-8000-000000000009",
        "identifier": [{"system": codes.NOTE, "value": "h"}],
        "status": "current",
        "docStatus": "final",
        "subject": {"reference": "Patient/rosa"},
        "content": [{"attachment": {"contentType": "text/plain", "data": "SSB3YW50IHNvbWVib2R5"}}],
    },
}


def stored(kind: str, **changes: Any) -> Resource:
    """Return what the EHR holds, with `changes`; None takes an element away."""
    resource = {**deepcopy(STORED[kind]), **changes}
    return {name: value for name, value in resource.items() if value is not None}


def hold(plan: Resource, **changes: Any) -> Resource | None:
    return care_plan_on_hold(plan, **{"at": AT, "note": NOTE, "author": AUTHOR, **changes})


def resume(plan: Resource, **changes: Any) -> Resource | None:
    return care_plan_active(plan, **{"at": AT, "note": NOTE, "author": AUTHOR, **changes})


def close(plan: Resource, **changes: Any) -> Resource | None:
    return care_plan_closed(plan, **{"status": "completed", "at": AT, "note": NOTE, "author": AUTHOR, **changes})


def settle(goal: Resource, **changes: Any) -> Resource | None:
    return goal_status(goal, **{"lifecycle": "completed", "at": AT, "reason": "reached", **changes})


def finish(task: Resource, **changes: Any) -> Resource | None:
    return task_ended(task, **{"status": "completed", "at": AT, "reason": "done in session", **changes})


def escalate(task: Resource, **changes: Any) -> Resource | None:
    return task_owner(task, **{"owner": "Practitioner/p2", "at": AT, **changes})


def mitigate(issue: Resource, **changes: Any) -> Resource | None:
    given = {"at": AT, "author": AUTHOR, "action_code": "released", "action_text": "Released by two signers"}
    return issue_mitigated(issue, **{**given, **changes})


def lower(flag: Resource, at: datetime = AT) -> Resource | None:
    return flag_ended(flag, at)


CHANGES: dict[str, tuple[str, Change, set[str]]] = {
    "hold": ("CarePlan", hold, {"status", "note"}),
    "resume": ("CarePlan", resume, {"status", "note"}),
    "complete": ("CarePlan", close, {"status", "note", "period"}),
    "revoke": ("CarePlan", lambda one: close(one, status="revoked"), {"status", "note", "period"}),
    "goal completed": ("Goal", settle, {"lifecycleStatus", "statusDate", "statusReason", "note"}),
    "goal in error": (
        "Goal",
        lambda one: settle(one, lifecycle="entered-in-error"),
        {"lifecycleStatus", "statusDate", "statusReason", "note"},
    ),
    "flag ended": ("Flag", lower, {"status", "period"}),
    "task ended": ("Task", finish, {"status", "statusReason", "lastModified"}),
    "task escalated": ("Task", escalate, {"owner", "lastModified"}),
    "issue mitigated": ("DetectedIssue", mitigate, {"status", "mitigation"}),
    "document superseded": ("DocumentReference", document_superseded, {"status"}),
    **{f"{kind} in error": (kind, entered_in_error, {element}) for kind, element in STATUS_ELEMENTS.items()},
}
"""Name: the type, the change, and the only elements that it may touch."""

R4_STATUSES = {
    "CarePlan": "draft active on-hold revoked completed entered-in-error unknown",
    "Goal": "proposed planned accepted active on-hold completed cancelled entered-in-error rejected",
    "QuestionnaireResponse": "in-progress completed amended entered-in-error stopped",
    "Task": "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
    "entered-in-error",
    "Flag": "active inactive entered-in-error",
    "RiskAssessment": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "GuidanceResponse": "success data-requested data-required in-progress failure entered-in-error",
    "DetectedIssue": "registered preliminary final amended corrected cancelled entered-in-error unknown",
    "DocumentReference": "current superseded entered-in-error",
}


def in_status(kind: str, status: str) -> Resource:
    return stored(kind, **{STATUS_ELEMENTS[kind]: status})


def leaves(name: str) -> set[str]:
    """Return the statuses that a change leaves."""
    kind, change, _ = CHANGES[name]
    return {status for status in R4_STATUSES[kind].split() if change(in_status(kind, status)) is not None}


# --- for every change ----------------------------------------------------------------------------------------------


@given(
    name=st.sampled_from(sorted(CHANGES)),
    data=st.data(),
    extra=st.dictionaries(
        st.sampled_from(["description", "subject", "goal", "identifier", "contained", "extension", "activity", "text"]),
        st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5),
    ),
)
def test_only_what_is_named_changes(name: str, data: st.DataObject, extra: Resource) -> None:
    """Catches: a change that drops, rewords or reorders anything else, or writes into the stored resource."""
    kind, change, touched = CHANGES[name]
    status = data.draw(st.sampled_from(R4_STATUSES[kind].split()))
    before = {**in_status(kind, status), **extra}
    kept = json.dumps(before)
    after = change(before)
    assert json.dumps(before) == kept
    if after is None:
        return
    assert {one for one in {**before, **after} if before.get(one) != after.get(one)} <= touched
    assert [one for one in after if one in before] == list(before)
    for element in touched & {"note", "mitigation"}:
        assert after.get(element, [])[: len(before.get(element, []))] == before.get(element, [])
    shared = [one for one in after if isinstance(after[one], dict | list) and after[one] is before.get(one)]
    assert shared == []


@pytest.mark.parametrize("name", CHANGES)
def test_what_it_makes_is_valid_and_made_once(name: str) -> None:
    """Catches: a status that R4 does not have there; a second note, mitigation or version of the same change."""
    kind, change, _ = CHANGES[name]
    before = stored(kind, **({"status": "on-hold"} if name == "resume" else {}))
    after = change(before)
    assert after is not None
    assert check(after) == ()
    validate(after)
    require_valid(change_transaction([(after, "3")]))
    assert change(after) is None


@pytest.mark.parametrize("name", CHANGES)
def test_another_type_is_refused(name: str) -> None:
    kind, change, _ = CHANGES[name]
    other = {"resourceType": "Observation", "status": "final"}
    with pytest.raises(InvalidInput) as refused:
        change(other)
    assert refused.value.field == "resourceType"
    assert kind != "Observation"


@pytest.mark.parametrize("change", [hold, close, settle, finish, escalate, mitigate, lower])
def test_a_time_without_zone_is_refused(change: Any) -> None:
    kind = next(kind for kind, one, _ in CHANGES.values() if one is change)
    with pytest.raises(InvalidInput) as refused:
        change(stored(kind), at=NAIVE)
    assert refused.value.field == "at"


# --- DocumentReference ---------------------------------------------------------------------------------------------


def test_only_a_current_document_is_superseded() -> None:
    """What was entered in error stays so. Planted: entered-in-error among what it leaves; caught."""
    assert leaves("document superseded") == {"current"}


# --- CarePlan ------------------------------------------------------------------------------------------------------


def test_which_statuses_a_plan_leaves() -> None:
    assert leaves("hold") == {"draft", "active", "unknown"}
    assert leaves("resume") == {"on-hold"}
    assert leaves("complete") == leaves("revoke") == {"draft", "active", "unknown", "on-hold"}


def test_a_plan_on_hold_says_who_and_when_beside_its_other_notes() -> None:
    after = hold(stored("CarePlan"))
    assert after == stored("CarePlan", status="on-hold", note=[*STORED["CarePlan"]["note"], SAID])
    without = hold(stored("CarePlan", note=None))
    assert without == stored("CarePlan", status="on-hold", note=[SAID])


def test_a_hold_ends_with_the_plan_active() -> None:
    held = hold(stored("CarePlan"))
    assert held is not None
    again = resume(held, note="The hold has ended.")
    assert again == stored(
        "CarePlan", note=[*STORED["CarePlan"]["note"], SAID, {**SAID, "text": "The hold has ended."}]
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"note": " \n"}, "note"),
        ({"author": "PractitionerRole/r"}, "author"),
        ({"author": "somebody"}, "author"),
    ],
)
def test_a_note_by_nobody_or_of_nothing_is_refused(changes: Resource, field: str) -> None:
    """R4 has no PractitionerRole as Annotation.authorReference."""
    for change in (hold, lambda one, **more: resume({**one, "status": "on-hold"}, **more), close):
        with pytest.raises(InvalidInput) as refused:
            change(stored("CarePlan"), **changes)
        assert refused.value.field == field


EAST = AT.astimezone(timezone(timedelta(hours=15)))  # the next calendar day


@pytest.mark.parametrize(
    ("period", "at", "ended"),
    [
        ({"start": "2026-11-21", "end": "2027-02-19"}, AT, {"start": "2026-11-21", "end": "2026-11-25"}),
        ({"start": "2026-11-21"}, AT, {"start": "2026-11-21", "end": "2026-11-25"}),
        ({"start": "2026-11-21"}, EAST, {"start": "2026-11-21", "end": "2026-11-26"}),
        (None, AT, {"end": "2026-11-25"}),
        # an earlier end stays
        ({"start": "2026-11-01", "end": "2026-11-24"}, AT, {"start": "2026-11-01", "end": "2026-11-24"}),
        # a plan that was closed before it began (per-1)
        ({"start": "2026-12-01", "end": "2027-02-19"}, AT, {"start": "2026-12-01", "end": "2026-12-01"}),
        # as precise as its start
        ({"start": "2026-11-21T10:30:00Z"}, AT, {"start": "2026-11-21T10:30:00Z", "end": TIME}),
        ({"start": "2026-11-21T10:30:00Z"}, EAST, {"start": "2026-11-21T10:30:00Z", "end": TIME}),
    ],
)
def test_a_closed_plans_period_ends(period: Resource | None, at: datetime, ended: Resource) -> None:
    after = close(stored("CarePlan", period=period), at=at)
    assert after is not None
    assert (after["status"], after["period"]) == ("completed", ended)
    assert check(after) == ()


def test_a_plan_is_closed_as_completed_or_revoked_alone() -> None:
    for status in ("active", "on-hold", "entered-in-error", ""):
        with pytest.raises(InvalidInput) as refused:
            close(stored("CarePlan"), status=status)
        assert refused.value.field == "status"


# --- Goal ----------------------------------------------------------------------------------------------------------


def test_which_statuses_a_goal_leaves() -> None:
    assert leaves("goal completed") == {"proposed", "planned", "accepted", "active", "on-hold"}
    assert leaves("goal in error") == set(R4_STATUSES["Goal"].split()) - {"entered-in-error"}


def test_a_goal_says_since_when_and_why() -> None:
    for lifecycle in ("completed", "cancelled"):
        after = settle(stored("Goal"), lifecycle=lifecycle)
        expected = stored("Goal", lifecycleStatus=lifecycle, statusDate="2026-11-25", statusReason="reached")
        assert after == expected
    east = settle(stored("Goal"), at=EAST)
    assert east is not None
    assert east["statusDate"] == "2026-11-26"
    silent = settle(stored("Goal"), reason=" ")
    assert silent == stored("Goal", lifecycleStatus="completed", statusDate="2026-11-25")


def test_the_clients_reason_is_never_written_over() -> None:
    """I6: a rejected goal's statusReason is the client's words; what is said later stands in a note."""
    own = stored("Goal", lifecycleStatus="rejected", statusReason=WORDS)
    after = settle(own, lifecycle="entered-in-error", reason="wrong chart")
    assert after is not None
    assert after["statusReason"] == WORDS
    assert after["note"] == [*own["note"], {"time": TIME, "text": "wrong chart"}]


@pytest.mark.parametrize("lifecycle", ["active", "on-hold", "rejected", ""])
def test_a_goal_is_not_moved_elsewhere(lifecycle: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        settle(stored("Goal"), lifecycle=lifecycle)
    assert refused.value.field == "lifecycle"


# --- what the gate wrote -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", STATUS_ELEMENTS)
def test_entered_in_error_from_every_status_but_itself(kind: str) -> None:
    assert leaves(f"{kind} in error") == set(R4_STATUSES[kind].split()) - {"entered-in-error"}
    after = entered_in_error(stored(kind))
    assert after == stored(kind, **{STATUS_ELEMENTS[kind]: "entered-in-error"})


@pytest.mark.parametrize("kind", ["Provenance", "Patient", None])
def test_what_cannot_be_entered_in_error_is_refused(kind: str | None) -> None:
    with pytest.raises(InvalidInput):
        entered_in_error({"resourceType": kind, "status": "active"})


def test_a_flag_ends_once() -> None:
    assert leaves("flag ended") == {"active"}
    after = lower(stored("Flag"))
    assert after == stored("Flag", status="inactive", period={"start": "2026-11-21T10:30:00Z", "end": TIME})


def test_a_task_ends_with_its_reason() -> None:
    open_ = {"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"}
    assert leaves("task ended") == leaves("task escalated") == open_
    for status in ("completed", "cancelled", "rejected", "failed"):
        after = finish(stored("Task"), status=status)
        assert after == stored("Task", status=status, statusReason={"text": "done in session"}, lastModified=TIME)
    assert finish(stored("Task"), reason="") == stored("Task", status="completed", lastModified=TIME)


@pytest.mark.parametrize("status", ["requested", "entered-in-error", "done", ""])
def test_a_task_ends_in_a_final_status_alone(status: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        finish(stored("Task"), status=status)
    assert refused.value.field == "status"


def test_a_task_goes_to_the_backup() -> None:
    after = escalate(stored("Task"))
    assert after == stored("Task", owner={"reference": "Practitioner/p2"}, lastModified=TIME)
    assert escalate(stored("Task"), owner=AUTHOR) is None
    for owner in ("", "Patient/rosa", "Device/d"):
        with pytest.raises(InvalidInput) as refused:
            escalate(stored("Task"), owner=owner)
        assert refused.value.field == "owner"


def test_an_issue_is_amended_by_what_a_person_did() -> None:
    """`mitigated` is R5's; a second mitigation is added, the same one is not."""
    assert leaves("issue mitigated") == set(R4_STATUSES["DetectedIssue"].split()) - {"cancelled", "entered-in-error"}
    after = mitigate(stored("DetectedIssue"))
    mitigation = {
        "action": {
            "coding": [{"system": f"{codes.BASE}/CodeSystem/gate-release-reason", "code": "released"}],
            "text": "Released by two signers",
        },
        "date": TIME,
        "author": {"reference": AUTHOR},
    }
    assert after == stored("DetectedIssue", status="amended", mitigation=[mitigation])
    assert mitigate(after) is None
    second = mitigate(after, author="Practitioner/p2")
    assert second is not None
    assert second["mitigation"] == [mitigation, {**mitigation, "author": {"reference": "Practitioner/p2"}}]


@pytest.mark.parametrize("author", ["Device/d", "Patient/rosa", ""])
def test_no_device_and_no_patient_mitigates(author: str) -> None:
    """The engine cannot release by itself."""
    with pytest.raises(InvalidInput) as refused:
        mitigate(stored("DetectedIssue"), author=author)
    assert refused.value.field == "author"


# --- moments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "certainly"),
    [
        ("2026-11-22", "2026-11-21", True),
        ("2026-11-21", "2026-11-21", False),
        ("2026-12", "2026-11-21", True),
        ("2026-11", "2026-11-21", False),
        ("2027", "2026-11-21T10:00:00Z", True),
        ("2026-11-21T10:00:01Z", "2026-11-21T10:00:00.500Z", True),
        ("2026-11-21T10:00:00Z", "2026-11-21T11:00:00+02:00", True),
        ("2026-11-21T10:00:00Z", "2026-11-21", False),
        ("2026-11-21T12:00:00", "2026-11-21T10:00:00Z", False),
        ("2026-02-30T25:00:00Z", "2026-02-28T10:00:00Z", True),
        ("", "2026-11-21", False),
    ],
)
def test_later_is_said_only_when_it_is_certain(one: str, other: str, certainly: bool) -> None:
    assert later(one, other) is certainly


# --- writing -------------------------------------------------------------------------------------------------------


def test_put_writes_over_the_version_it_was_made_from() -> None:
    before = stored("CarePlan")
    entry = put(before, "3")
    assert entry == {
        "fullUrl": f"urn:uuid:{before['id']}",
        "resource": stored("CarePlan", meta={"security": [codes.TEST_DATA]}),
        "request": {"method": "PUT", "url": f"CarePlan/{before['id']}", "ifMatch": 'W/"3"'},
    }
    assert before == stored("CarePlan")
    assert list(entry["resource"]) == list(before)
    entry["resource"]["note"][0]["text"] = "changed afterwards"
    assert before == stored("CarePlan")


def test_put_without_version_or_meta() -> None:
    entry = put(stored("Flag", meta={"versionId": "1", "lastUpdated": TIME}), "")
    assert "meta" not in entry["resource"]
    assert entry["request"] == {"method": "PUT", "url": f"Flag/{STORED['Flag']['id']}"}
    assert "fullUrl" not in put(stored("Flag", id="42"), "1")


@pytest.mark.parametrize(
    ("resource", "version"),
    [
        (stored("Flag"), 'x"\r\n'),
        (stored("Flag", id=None), "1"),
        (stored("Flag", id="a/b"), "1"),
        ({"id": "1"}, "1"),
    ],
)
def test_put_refuses_what_has_no_place(resource: Resource, version: str) -> None:
    with pytest.raises(InvalidInput):
        put(resource, version)


def test_one_transaction_of_all_changes() -> None:
    changes = [(stored("CarePlan", status="on-hold"), "3"), (stored("Flag"), "")]
    bundle = change_transaction(changes)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    assert bundle["entry"] == [put(*changes[0]), put(*changes[1])]
    require_valid(bundle)
    for wrong in ([], [changes[0], changes[0]]):
        with pytest.raises(InvalidInput) as refused:
            change_transaction(wrong)
        assert refused.value.field == "changes"


@pytest.mark.xdist_group("hapi")
def test_a_real_server_takes_the_change_and_refuses_a_stale_one(hapi_server: HapiServer) -> None:
    """Against HAPI: held over version 1, which makes version 2; the same again is refused, not written over."""
    headers = {"Content-Type": "application/fhir+json"}

    def transact(bundle: Resource) -> requests.Response:
        return requests.post(hapi_server.base_url, json=bundle, headers=headers, timeout=60)

    plan = stored("CarePlan", goal=None, meta=None, subject={"reference": "Patient/ana"})
    task = stored("Task", meta=None) | {"for": {"reference": "Patient/ana"}}
    url = f"{hapi_server.base_url}/CarePlan/{plan['id']}"
    assert transact(change_transaction([(plan, ""), (task, "")])).status_code == 200
    there = requests.get(url, timeout=60).json()
    held, ended = hold(there), finish(task)
    assert held is not None
    assert ended is not None
    change = change_transaction([(held, there["meta"]["versionId"]), (ended, "")])
    assert transact(change).status_code == 200
    after = requests.get(url, timeout=60).json()
    assert (after["status"], after["meta"]["versionId"], after["note"][-1]) == ("on-hold", "2", SAID)
    assert transact(change).status_code in (409, 412)
