"""Examples of what no code writes yet, made by hand as the contracts ask: gate audit events.

They go when the builders come: then `examples` takes the builders' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from withness.fhir import codes

Resource = dict[str, Any]

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"


def examples(made: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the examples by name; `made` are those that the desk wrote."""
    return {
        "auditevent-gate-block": audit_event(made, "gate-block", "4", "held-for-directive-protocol"),
        "auditevent-gate-release": audit_event(made, "gate-release", "0", "released"),
        "detectedissue-rosa-names-working-copy": _naming_the_working_copy(made["detectedissue-rosa"]),
    }


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/example/ahead/{name}"))


def audit_event(made: Mapping[str, Resource], subtype: str, outcome: str, decision: str) -> Resource:
    """Return a gate event about Rosa and a plan that is named by its working copy (FHIR facts 5.2)."""
    policy = made["guidanceresponse-rosa"]["moduleCanonical"]
    details = {"record-kind": "gate.decided", "decision": decision, "by": "screen", "policy-version": _version(policy)}
    return {
        "resourceType": "AuditEvent",
        "id": _id(subtype),
        "meta": {"profile": [codes.versioned(codes.GATE_AUDIT_EVENT)], "security": [codes.TEST_DATA]},
        "type": {"system": _DCM, "code": "110100", "display": "Application Activity"},
        "subtype": [{"system": codes.GATE_AUDIT_SUBTYPES, "code": subtype}],
        "action": "E",
        "recorded": "2026-11-27T10:30:00Z",
        "outcome": outcome,
        "outcomeDesc": decision,
        "purposeOfEvent": [{"coding": [{"system": codes.ACT_REASON, "code": "PATSFTY"}]}],
        "agent": [{"who": {"reference": "Practitioner/p1"}, "requestor": True, "policy": [policy]}],
        "source": {"observer": {"reference": "Organization/demo"}},
        "entity": [
            {
                "what": {"reference": "Patient/rosa"},
                "type": {"system": _ENTITY, "code": "1"},
                "role": {"system": _ROLE, "code": "1"},
            },
            {
                "what": {"identifier": _working_copy()},
                "type": {"system": _ENTITY, "code": "2"},
                "role": {"system": _ROLE, "code": "4"},
                "detail": [{"type": name, "valueString": value} for name, value in details.items()],
            },
        ],
    }


def _version(canonical: str) -> str:
    return canonical.partition("|")[2]


def _working_copy() -> dict[str, str]:
    return {"system": codes.WORKING_COPY, "value": _id("working-copy")}


def _naming_the_working_copy(issue: Resource) -> Resource:
    """Return the issue as it may name the plan that waits: by identifier, never by a reference."""
    return {**issue, "id": _id("issue"), "implicated": [{"identifier": _working_copy()}]}
