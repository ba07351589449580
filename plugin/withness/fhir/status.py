"""A stored resource → the same resource with its status moved on, and the transaction that writes such changes.

Each function returns a deep copy in which only what it names has changed, or None when nothing is to change: it is
there already, or it is in a final state, which is not left. Nothing here releases a plan: these are the writes that
stop, hold, close or mark (contracts I1). Each raises InvalidInput for a resource of another type, a time without
zone, or a reference to nobody who may do it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, Final

from withness.core.terms import reference
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.making import Resource
from withness.fhir.moments import instant, later
from withness.fhir.references import ID, URN_UUID

ENTERED_IN_ERROR: Final = "entered-in-error"
STATUS_ELEMENTS: Final = {
    "CarePlan": "status",
    "Goal": "lifecycleStatus",
    "QuestionnaireResponse": "status",
    "Task": "status",
    "Flag": "status",
    "RiskAssessment": "status",
    "GuidanceResponse": "status",
    "DetectedIssue": "status",
    "DocumentReference": "status",
}
"""Where each type that can be marked as entered in error keeps its status (R4)."""

_PLAN_WAITING: Final = ("draft", "active", "unknown")
_GOAL_OPEN: Final = ("proposed", "planned", "accepted", "active", "on-hold")
_TASK_OPEN: Final = ("draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold")
_ISSUE_OPEN: Final = ("registered", "preliminary", "final", "amended", "corrected", "unknown")
_NOTE_AUTHORS: Final = ("Practitioner", "Patient", "RelatedPerson", "Organization")
_OF_THE_SERVER: Final = ("versionId", "lastUpdated")


# --- CarePlan ------------------------------------------------------------------------------------------------


def care_plan_on_hold(stored: Mapping[str, Any], *, at: datetime, note: str, author: str) -> Resource | None:
    """Return the plan on hold, with `note` (neutral: no domain, no reason; R4 has no CarePlan.statusReason)."""
    changed = _moved(stored, "CarePlan", _PLAN_WAITING, "on-hold")
    return None if changed is None else _noted(changed, at=at, note=note, author=author)


def care_plan_active(stored: Mapping[str, Any], *, at: datetime, note: str, author: str) -> Resource | None:
    """Return a plan that was on hold as active again, with `note`; no other status is left for it."""
    changed = _moved(stored, "CarePlan", ("on-hold",), "active")
    return None if changed is None else _noted(changed, at=at, note=note, author=author)


def care_plan_closed(
    stored: Mapping[str, Any], *, status: str, at: datetime, note: str, author: str
) -> Resource | None:
    """Return the plan `completed` or `revoked`, with `note`, its period ending no later than `at`."""
    _one_of(status, ("completed", "revoked"), field="status")
    changed = _moved(stored, "CarePlan", (*_PLAN_WAITING, "on-hold"), status)
    if changed is None:
        return None
    changed["period"] = _ended(changed.get("period"), at)
    return _noted(changed, at=at, note=note, author=author)


# --- Goal ----------------------------------------------------------------------------------------------------


def goal_status(stored: Mapping[str, Any], *, lifecycle: str, at: datetime, reason: str) -> Resource | None:
    """Return the goal `completed`, `cancelled` or `entered-in-error`, dated by `at`'s own calendar day.

    A statusReason that is there stays (it may be the client's own words, contracts I6): then `reason` is a note.
    """
    _one_of(lifecycle, ("completed", "cancelled", ENTERED_IN_ERROR), field="lifecycle")
    final = ("completed", "cancelled", "rejected") if lifecycle == ENTERED_IN_ERROR else ()
    changed = _moved(stored, "Goal", (*_GOAL_OPEN, *final), lifecycle)
    if changed is None:
        return None
    time = instant(at, field="at")
    changed["statusDate"] = at.date().isoformat()
    if reason.strip() and "statusReason" in changed:
        changed["note"] = [*changed.get("note", []), {"time": time, "text": reason}]
    elif reason.strip():
        changed["statusReason"] = reason
    return changed


def goal_replaced(goal: Mapping[str, Any], by: str) -> Resource:
    """Return the goal with the goal that takes its place, `by` as Goal/id (goal-relationship: replacement)."""
    changed = _copied(goal, "Goal")
    relation = {
        "url": codes.GOAL_RELATIONSHIP,
        "extension": [
            {
                "url": "type",
                "valueCodeableConcept": {
                    "coding": [{"system": codes.GOAL_RELATIONSHIP_TYPE, "code": "replacement"}],
                },
            },
            {"url": "target", "valueReference": {"reference": reference(by, "Goal", field="by")}},
        ],
    }
    if relation not in changed.get("extension", []):
        changed["extension"] = [*changed.get("extension", []), relation]
    return changed


# --- what the gate wrote -------------------------------------------------------------------------------------


def flag_ended(stored: Mapping[str, Any], at: datetime) -> Resource | None:
    """Return an active flag as inactive, its period ending at `at`."""
    changed = _moved(stored, "Flag", ("active",), "inactive")
    if changed is not None:
        changed["period"] = _ended(changed.get("period"), at)
    return changed


def task_ended(stored: Mapping[str, Any], *, status: str, at: datetime, reason: str) -> Resource | None:
    """Return an open task `completed`, `cancelled`, `rejected` or `failed`, with `reason` when there is one."""
    _one_of(status, ("completed", "cancelled", "rejected", "failed"), field="status")
    changed = _moved(stored, "Task", _TASK_OPEN, status)
    if changed is None:
        return None
    if reason.strip():
        changed["statusReason"] = {"text": reason}
    changed["lastModified"] = instant(at, field="at")
    return changed


def task_owner(stored: Mapping[str, Any], owner: str, at: datetime) -> Resource | None:
    """Return an open task as `owner`'s (the backup, when the responsible clinician does not answer)."""
    reference(owner, "Practitioner", "PractitionerRole", "Organization", "CareTeam", field="owner")
    changed = _copied(stored, "Task")
    now = changed.get("owner")
    if changed.get("status") not in _TASK_OPEN or (isinstance(now, Mapping) and now.get("reference") == owner):
        return None
    changed["owner"] = {"reference": owner}
    changed["lastModified"] = instant(at, field="at")
    return changed


def issue_mitigated(
    stored: Mapping[str, Any], *, at: datetime, author: str, action_code: str, action_text: str
) -> Resource | None:
    """Return the issue amended by one more mitigation: what a person did (FHIR facts 4.2 e; never a Device).

    `action_code` is of `{base}/CodeSystem/gate-release-reason`. R4 has no status `mitigated`.
    """
    mitigation = {
        "action": {"coding": [{"system": codes.GATE_RELEASE_REASONS, "code": action_code}], "text": action_text},
        "date": instant(at, field="at"),
        "author": {"reference": reference(author, "Practitioner", "PractitionerRole", field="author")},
    }
    changed = _moved(stored, "DetectedIssue", _ISSUE_OPEN, "amended")
    if changed is None or mitigation in changed.get("mitigation", []):
        return None
    changed["mitigation"] = [*changed.get("mitigation", []), mitigation]
    return changed


def entered_in_error(stored: Mapping[str, Any]) -> Resource | None:
    """Return the resource as entered in error: it stays to be read, and is relied on no more."""
    kind = str(stored.get("resourceType"))
    if kind not in STATUS_ELEMENTS:
        raise InvalidInput("This type of resource cannot be marked as entered in error.", field="resourceType")
    changed = _copied(stored, kind)
    if changed.get(STATUS_ELEMENTS[kind]) == ENTERED_IN_ERROR:
        return None
    changed[STATUS_ELEMENTS[kind]] = ENTERED_IN_ERROR
    return changed


def document_superseded(stored: Mapping[str, Any]) -> Resource | None:
    """Return the document as superseded: a newer one replaces it, and says so by relatesTo."""
    return _moved(stored, "DocumentReference", ("current",), "superseded")


# --- writing -------------------------------------------------------------------------------------------------


def differs(stored: Mapping[str, Any], made: Mapping[str, Any]) -> bool:
    """Whether a stored response or Observation says something else than `made`; an answer taken out counts, too."""
    return any(stored.get(name) != made.get(name) for name in {*made, "item"} - {"meta"})


def put(after: Mapping[str, Any], version: str) -> Resource:
    """Return the transaction entry that writes `after` over `version` ("": whatever is there, or nothing).

    What the server says of itself in meta is left out. fullUrl is given only where the id is a UUID, as our own are.
    """
    kind, id = after.get("resourceType"), after.get("id")
    if not isinstance(kind, str) or not isinstance(id, str) or not ID.fullmatch(id):
        raise InvalidInput("Only a resource with type and id can be written over.", field="id")
    if version and not ID.fullmatch(version):
        raise InvalidInput("A version is at most 64 letters, digits, hyphens and dots.", field="version")
    resource = deepcopy(dict(after))
    if isinstance(meta := resource.get("meta"), Mapping):
        resource["meta"] = {name: value for name, value in meta.items() if name not in _OF_THE_SERVER}
        if not resource["meta"]:
            del resource["meta"]
    full_url = f"urn:uuid:{id}"
    request = {"method": "PUT", "url": f"{kind}/{id}", **({"ifMatch": f'W/"{version}"'} if version else {})}
    return {**({"fullUrl": full_url} if URN_UUID.fullmatch(full_url) else {}), "resource": resource, "request": request}


def change_transaction(changes: Sequence[tuple[Mapping[str, Any], str]]) -> Resource:
    """Return ONE transaction Bundle of (changed resource, the version it was made from).

    Raises InvalidInput without a change, and for two changes of one resource (R4 http.html#transaction).
    """
    entries = [put(after, version) for after, version in changes]
    if not entries or len({entry["request"]["url"] for entry in entries}) != len(entries):
        raise InvalidInput("A change needs resources, each of them once.", field="changes")
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


# --- parts ---------------------------------------------------------------------------------------------------


def _copied(stored: Mapping[str, Any], kind: str) -> Resource:
    if stored.get("resourceType") != kind:
        raise InvalidInput(f"A {kind} is needed here.", field="resourceType")
    return deepcopy(dict(stored))


def _moved(stored: Mapping[str, Any], kind: str, leaving: tuple[str, ...], to: str) -> Resource | None:
    """Return a copy with the status `to`, None when the present one is not among `leaving`."""
    changed = _copied(stored, kind)
    if changed.get(STATUS_ELEMENTS[kind]) not in leaving:
        return None
    changed[STATUS_ELEMENTS[kind]] = to
    return changed


def _noted(changed: Resource, *, at: datetime, note: str, author: str) -> Resource:
    """Add an Annotation (R4 datatypes.html#Annotation: a PractitionerRole cannot be its author)."""
    if not note.strip():
        raise InvalidInput("A note must say something.", field="note")
    said = {
        **({"authorReference": {"reference": reference(author, *_NOTE_AUTHORS, field="author")}} if author else {}),
        "time": instant(at, field="at"),
        "text": note,
    }
    changed["note"] = [*changed.get("note", []), said]
    return changed


def _ended(period: object, at: datetime) -> Resource:
    """Return the period ended at `at`; an earlier end stays, and none comes before the start (per-1).

    The end is as precise as the start: an instant where that is one, else `at`'s own calendar day.
    """
    ended = dict(period) if isinstance(period, Mapping) else {}
    start, end = ended.get("start"), ended.get("end")
    moment = instant(at, field="at")
    now = moment if isinstance(start, str) and "T" in start else at.date().isoformat()
    if isinstance(start, str) and later(start, now):
        now = start
    if not isinstance(end, str) or later(end, now):
        ended["end"] = now
    return ended


def _one_of(status: str, allowed: tuple[str, ...], *, field: str) -> None:
    if status not in allowed:
        raise InvalidInput(f"{field} must be one of: {', '.join(allowed)}.", field=field)
