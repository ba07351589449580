"""Examples of what the fixed story does not write: audit events of records that are given here, and an issue."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from withness.fhir import codes
from withness.fhir.audit_events import Around, Place, audit_event

Resource = dict[str, Any]


def examples(made: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the examples by name; `made` are those that the desk wrote."""
    return {
        "auditevent-gate-block": _event(made, 11, "plan.held", "held-for-directive-protocol", plan=_id("working-copy")),
        "auditevent-gate-release": _event(made, 17, "protocol.released", "released", second="Practitioner/s1"),
        "auditevent-trail-viewed": _event(made, 23, "trail.viewed", "shown", who="Practitioner/c1", records=1),
        "detectedissue-rosa-names-working-copy": _naming_the_working_copy(made["detectedissue-rosa"]),
    }


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{codes.BASE}/example/ahead/{name}"))


def _event(
    made: Mapping[str, Resource],
    seq: int,
    kind: str,
    outcome: str,
    *,
    who: str = "Practitioner/p1",
    second: str | None = None,
    **details: Any,
) -> Resource:
    """Return the event of a record about Rosa; its hash and the checkpoint's root stand for any others."""
    version = made["guidanceresponse-rosa"]["moduleCanonical"].partition("|")[2]
    digest = hashlib.sha256(version.encode()).hexdigest()
    record = {
        "seq": seq,
        "segment": 0,
        "at": "2026-11-27T10:30:00.000000Z",
        "kind": kind,
        "actor": who,
        "second_actor": second,
        "patient": "Patient/rosa",
        "outcome": outcome,
        "policy": digest,
        "details": details,
    }
    root = base64.b64encode(hashlib.sha256(b"root").digest()).decode()
    place = Place(seq, hashlib.sha256(kind.encode()).hexdigest(), f"withness/{_id('log')}/0\n29\n{root}\n")
    around = Around(_id("log"), "Organization/demo", {digest: version}, frozenset({digest}), {})
    return audit_event(record, place, around)


def _working_copy() -> dict[str, str]:
    return {"system": codes.WORKING_COPY, "value": _id("working-copy")}


def _naming_the_working_copy(issue: Resource) -> Resource:
    """Return the issue as it may name the plan that waits: by identifier, never by a reference."""
    return {**issue, "id": _id("issue"), "implicated": [{"identifier": _working_copy()}]}
