"""Records of the audit trail as FHIR R4 AuditEvents, one for each: ids, codes and digests, and their place in the log.

What the gate did follows our gate-audit-event; a plan that the EHR confirmed is a RESTful create (IHE BALP,
PatientCreate) where the EHR's address is known; every other record follows our trail-audit-event, for no BALP profile
is about what happens inside an application.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from withness.core.terms import REFERENCE
from withness.fhir import codes

Resource = dict[str, Any]

BALP_PATIENT_CREATE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientCreate"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_ACTIVITY: Final = {"system": _DCM, "code": "110100", "display": "Application Activity"}
_REST: Final = {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"}
_CREATE: Final = {"system": "http://hl7.org/fhir/restful-interaction", "code": "create"}
_SOURCE: Final = {"coding": [{"system": _DCM, "code": "110153"}]}
_DESTINATION: Final = {"coding": [{"system": _DCM, "code": "110152"}]}
_AUTHOR: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "AUT"}]}
_URI: Final = "5"
"""AuditEvent.agent.network.type: a URI."""

_GATE: Final[Mapping[str, tuple[str, str]]] = {
    "gate.decided": ("gate-evaluate", "HCOMPL"),
    "plan.held": ("gate-block", "PATSFTY"),
    "plan.approved": ("gate-release", "TREAT"),
    "protocol.released": ("gate-release", "PATSFTY"),
    "override.granted": ("gate-override", "TREAT"),
    "override.refused": ("gate-override", "TREAT"),
}
"""What the gate did (gate-audit-subtype), and for what purpose, by the kind of record."""

_CODE: Final = re.compile(r"[a-z]+(-[a-z]+)*")
_SUCCESS, _MINOR, _SERIOUS = "0", "4", "8"
"""AuditEvent.outcome: the gate held it is 4, somebody was refused is 8 (FHIR facts 5.2)."""


@dataclass(frozen=True)
class Place:
    """Where a record stands: its place in its segment, its leaf hash (hex), and a signed checkpoint that covers it."""

    index: int
    leaf_hash: str
    checkpoint: str


@dataclass(frozen=True)
class Around:
    """What an event needs beside its record.

    `versions` are the policies' versions by digest, `demo` those digests that are in demo mode, `ehrs` the EHR that
    each decision's plan was for.
    """

    data_id: str
    organization: str
    versions: Mapping[str, str]
    demo: frozenset[str]
    ehrs: Mapping[str, str]


def event_id(data_id: str, segment: int, leaf_hash: str) -> str:
    """Return the id of a record's AuditEvent: the same whenever it is made, and never another record's.

    After a restored older copy a number is given a second time: the segment and the leaf hash (hex) tell the two apart.
    """
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/audit/{data_id}/{segment}/{leaf_hash}"))


def audit_event(record: Mapping[str, Any], place: Place, around: Around) -> Resource:
    """Return the AuditEvent of a record (its body's value)."""
    ehr = around.ehrs.get(str(record["details"].get("decision", "")), "")
    patient = str(record["patient"] or "")
    delivered = record["kind"] == "plan.confirmed" and record["outcome"] == "delivered"
    if delivered and ehr.startswith(("http://", "https://")) and patient.startswith("Patient/"):
        said = _created(record, ehr, around)
    elif record["kind"] in _GATE and _is_patient(patient) and record["policy"] in around.versions:
        said = _gate(record, around)
    else:
        said = _other(record)
    profile = said.pop("profile")
    meta: Resource = {"profile": [profile]}
    if record["policy"] in around.demo:
        meta["security"] = [codes.TEST_DATA]
    return {
        "resourceType": "AuditEvent",
        "id": event_id(around.data_id, record["segment"], place.leaf_hash),
        "meta": meta,
        **said,
        "recorded": record["at"],
        **_outcome(record),
        "source": {"observer": {"reference": around.organization}},
        "entity": [*_patient(patient), _data(record, place, around, said["type"] is _REST)],
    }


def _gate(record: Mapping[str, Any], around: Around) -> Resource:
    what, purpose = _GATE[record["kind"]]
    agents = _agents(record)
    agents[0]["policy"] = [f"{codes.RISK_GATE}|{around.versions[record['policy']]}"]
    return {
        "profile": codes.versioned(codes.GATE_AUDIT_EVENT),
        "type": _ACTIVITY,
        "subtype": [{"system": codes.GATE_AUDIT_SUBTYPES, "code": what}],
        "action": "E",
        "purposeOfEvent": [{"coding": [{"system": codes.ACT_REASON, "code": purpose}]}],
        "agent": agents,
    }


def _other(record: Mapping[str, Any]) -> Resource:
    return {
        "profile": codes.versioned(codes.TRAIL_AUDIT_EVENT),
        "type": _ACTIVITY,
        "subtype": [{"system": codes.AUDIT_RECORD_KINDS, "code": record["kind"]}],
        "action": "E",
        "agent": _agents(record),
    }


def _created(record: Mapping[str, Any], ehr: str, around: Around) -> Resource:
    """A plan that the EHR confirmed: Withness is the client, the EHR the server (BALP, Create)."""
    user = {"type": _AUTHOR, **_agents(record)[0]}
    own = f"urn:uuid:{around.data_id}"
    client = {"type": _SOURCE, "who": {"identifier": {"value": own}, "display": "Withness"}, "requestor": False}
    server = {"type": _DESTINATION, "who": {"identifier": {"value": ehr}}, "requestor": False}
    return {
        "profile": BALP_PATIENT_CREATE,
        "type": _REST,
        "subtype": [_CREATE],
        "action": "C",
        "agent": [
            {**client, "network": {"address": own, "type": _URI}},
            {**server, "network": {"address": ehr, "type": _URI}},
            user,
        ],
    }


def _agents(record: Mapping[str, Any]) -> list[Resource]:
    agents: list[Resource] = [{"who": _who(record["actor"]), "requestor": True}]
    if record["second_actor"]:
        agents.append({"who": _who(record["second_actor"]), "requestor": False})
    return agents


def _who(name: str) -> Resource:
    return {"reference": name} if REFERENCE.fullmatch(name) else {"identifier": {"value": name or "unknown"}}


def _outcome(record: Mapping[str, Any]) -> Resource:
    said = str(record["outcome"] or "")
    if said == "refused" or record["kind"] == "override.refused":
        code = _SERIOUS
    else:
        code = _MINOR if record["kind"] in ("plan.held", "plan.failed") or said == "damaged" else _SUCCESS
    return {"outcome": code, "outcomeDesc": said} if _CODE.fullmatch(said) else {"outcome": code}


def _is_patient(name: str) -> bool:
    return name.startswith(("Patient/", "RelatedPerson/")) and REFERENCE.fullmatch(name) is not None


def _patient(name: str) -> list[Resource]:
    if not _is_patient(name):
        return []
    role = {"system": _ROLE, "code": "1"}
    return [{"what": {"reference": name}, "type": {"system": _ENTITY_TYPE, "code": "1"}, "role": role}]


def _data(record: Mapping[str, Any], place: Place, around: Around, created: bool) -> Resource:
    entity: Resource = {"type": {"system": _ENTITY_TYPE, "code": "2"}, "role": {"system": _ROLE, "code": "4"}}
    what = _what(record, created)
    if what:
        entity = {"what": what, **entity}
    details = {
        "record-kind": record["kind"],
        "record": record["seq"],
        "segment": record["segment"],
        "index": place.index,
        "leaf-hash": place.leaf_hash,
        "checkpoint": place.checkpoint,
        "policy-digest": record["policy"],
    }
    entity["detail"] = [{"type": name, "valueString": str(one)} for name, one in details.items() if one is not None]
    return entity


def _what(record: Mapping[str, Any], created: bool) -> Resource | None:
    """Return what the record is about: a working copy of a held plan, or a decision, by identifier."""
    details = record["details"]
    if record["kind"] == "plan.held" and "plan" in details:
        return {"identifier": {"system": codes.WORKING_COPY, "value": str(details["plan"])}}
    if "decision" in details and (created or record["kind"] in _GATE):
        return {"identifier": {"system": codes.DECISION, "value": str(details["decision"])}}
    return None
