"""The trail as FHIR: a Bundle (collection) of AuditEvents, written one entry after another."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from typing import IO, Any
from uuid import uuid4

from withness.audit.record import Leaf, instant
from withness.desk.context import Context
from withness.desk.stretch import Gap, Held, Part, Read, Stretch, Write
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

    def write(stretch: Stretch, read: Read, file: IO[str]) -> Held:
        with context.store.transaction() as tx:
            around = around_of(tx, stretch.data_id, context.settings.organization)
        head = {"resourceType": "Bundle", "id": str(uuid4()), "type": "collection", "timestamp": instant(stretch.at)}
        file.write(f'{json.dumps(head)[:-1]}, "entry": [')
        before, held = "\n", Held()
        mark = [_mark(f"The audit trail is damaged: {stretch.told}.")] if stretch.told else []
        for resource in chain(mark, _events(stretch, read, around, held)):
            entry = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
            file.write(before + json.dumps(entry, ensure_ascii=False))
            before = ",\n"
        file.write("\n]}\n")
        return held

    return write


def _mark(finding: str) -> dict[str, Any]:
    """Return the OperationOutcome that says in a Bundle what is wrong."""
    issue = {"severity": "error", "code": "processing", "diagnostics": finding}
    return {"resourceType": "OperationOutcome", "id": str(uuid4()), "issue": [issue]}


def _events(stretch: Stretch, read: Read, around: Around, held: Held) -> Iterator[dict[str, Any]]:
    """Yield the events of what can be proved, and what says that records are missing, and count what is `held`.

    Of a damaged trail without what is no record, and without the rest but for what is missing from it.
    """
    for part in stretch.parts:
        for one in read(*part.span):
            if isinstance(one, Gap):
                yield _mark(f"{one.said.capitalize()}.")
            else:
                yield from _event(one, part, around, held, known=bool(stretch.finding))
    for rest in stretch.rest:
        gaps = (one for one in read(rest.first, rest.last) if isinstance(one, Gap))
        yield from (_mark(f"{one.said.capitalize()}.") for one in gaps)


def _event(leaf: Leaf, part: Part, around: Around, held: Held, *, known: bool) -> Iterator[dict[str, Any]]:
    """Yield a record's event, none of a pruned one, nor of bytes that are no record where damage is `known`."""
    try:
        event = event_of(leaf, part, around) if leaf.body else None
    except TrailDamaged:
        if not known:
            raise
        return
    held.add(leaf.seq)
    if event is not None:
        yield event


def event_of(leaf: Leaf, part: Part, around: Around) -> dict[str, Any]:
    """Return a record's AuditEvent. Raises TrailDamaged for bytes that are no record."""
    place = Place(leaf.seq - part.head.first_seq, leaf.leaf_hash.hex(), part.note)
    try:
        return audit_event(json.loads(leaf.body), place, around)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = f"Record {leaf.seq} is no record, so it cannot be exported."
        raise TrailDamaged(said, hint="Run: withness audit verify") from None
