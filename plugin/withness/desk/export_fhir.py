"""The trail as FHIR: a Bundle (collection) of AuditEvents, written one entry after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import IO, Any
from uuid import uuid4

from withness.audit.record import Leaf, instant
from withness.desk.context import Context
from withness.desk.exporting import Part, Stretch, Write
from withness.errors import TrailDamaged, WithnessError
from withness.fhir.audit_events import Around, Place, audit_event
from withness.packs.policy import parse_policy
from withness.store.transaction import Transaction


def around_of(tx: Transaction, data_id: str, organization: str) -> Around:
    """Return what events need beside their records: the policies that the trail knows, and where plans were sent."""
    versions = tx.policies()
    demo = frozenset(digest for digest in versions if _demo(tx.policy(digest)))
    return Around(data_id, organization, versions, demo, tx.outbox_ehrs())


def _demo(content: bytes | None) -> bool:
    try:
        return content is not None and parse_policy(content, name="recorded policy").demo
    except WithnessError:
        return False


def fhir(context: Context) -> Write:
    """Return what writes a stretch as a Bundle of AuditEvents."""

    def write(stretch: Stretch, leaves: Iterator[Leaf | None], file: IO[str]) -> None:
        with context.store.transaction() as tx:
            around = around_of(tx, stretch.data_id, context.settings.organization)
        head = {"resourceType": "Bundle", "id": str(uuid4()), "type": "collection", "timestamp": instant(stretch.at)}
        file.write(f'{json.dumps(head)[:-1]}, "entry": [')
        before = "\n"
        if stretch.told:
            file.write(before + json.dumps(_mark(stretch.told), ensure_ascii=False))
            before = ",\n"
        for event in _events(stretch, leaves, around):
            entry = {"fullUrl": f"urn:uuid:{event['id']}", "resource": event}
            file.write(before + json.dumps(entry, ensure_ascii=False))
            before = ",\n"
        file.write("\n]}\n")

    return write


def _mark(finding: str) -> dict[str, Any]:
    """Return the entry that says of a Bundle that its trail is damaged."""
    id = str(uuid4())
    issue = {"severity": "error", "code": "processing", "diagnostics": f"The audit trail is damaged: {finding}."}
    return {"fullUrl": f"urn:uuid:{id}", "resource": {"resourceType": "OperationOutcome", "id": id, "issue": [issue]}}


def _events(stretch: Stretch, leaves: Iterator[Leaf | None], around: Around) -> Iterator[dict[str, Any]]:
    """Yield the events of what can be proved; of a damaged trail without what is no record, and without the rest."""
    for part in stretch.parts:
        for leaf in islice(leaves, part.records):
            if leaf is None or not leaf.body:  # it is missing, or was pruned
                continue
            try:
                yield event_of(leaf, part, around)
            except TrailDamaged:
                if not stretch.finding:
                    raise


def event_of(leaf: Leaf, part: Part, around: Around) -> dict[str, Any]:
    """Return a record's AuditEvent. Raises TrailDamaged for bytes that are no record."""
    place = Place(leaf.seq - part.head.first_seq, leaf.leaf_hash.hex(), part.note)
    try:
        return audit_event(json.loads(leaf.body), place, around)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = f"Record {leaf.seq} is no record, so it cannot be exported."
        raise TrailDamaged(said, hint="Run: withness audit verify") from None
