"""Examples of what no code writes yet, made by hand as the contracts ask: notes, gate audit events.

They go when the builders come: then `examples` takes the builders' own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from withness.fhir import codes

Resource = dict[str, Any]

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_CLINICAL_NOTE: Final = f"{codes.US_CORE}/CodeSystem/us-core-documentreference-category"
_NOTE: Final = """# Session note

**In her own words:** "You let me finish."

We looked together at what being heard would look like at home.
"""


def examples(made: Mapping[str, Resource], us_core: str) -> dict[str, Resource]:
    """Return the examples by name; `made` are those that the desk wrote."""
    return {
        "documentreference-session-rosa": note(us_core),
        "auditevent-gate-block": audit_event(made, "gate-block", "4", "held-for-directive-protocol"),
        "auditevent-gate-release": audit_event(made, "gate-release", "0", "released"),
        "detectedissue-rosa-names-working-copy": _naming_the_working_copy(made["detectedissue-rosa"]),
    }


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/example/ahead/{name}"))


def note(us_core: str) -> Resource:
    """Return a signed session note as a DocumentReference (US Core; FHIR facts 1 and 4.5)."""
    id = _id("note")
    return {
        "resourceType": "DocumentReference",
        "id": id,
        "meta": {
            "profile": [codes.us_core("us-core-documentreference", us_core), codes.versioned(codes.CLINICAL_NOTE)],
            "security": [codes.TEST_DATA],
        },
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{id}"}],
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": codes.LOINC, "code": "34904-3"}], "text": "Session note"},
        "category": [{"coding": [{"system": _CLINICAL_NOTE, "code": "clinical-note"}]}],
        "subject": {"reference": "Patient/rosa"},
        "date": "2026-11-28T11:30:00Z",
        "author": [{"reference": "Practitioner/p1"}],
        "custodian": {"reference": "Organization/demo"},
        "content": [
            {"attachment": {"contentType": "text/markdown", "data": base64.b64encode(_NOTE.encode()).decode()}}
        ],
        "context": {"encounter": [{"reference": "Encounter/e1"}]},
    }


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
