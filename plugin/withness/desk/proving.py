"""The proof of one record, for a patient or a court: the record itself, and a way from it to a signed checkpoint."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from withness.audit import log
from withness.audit.log import Head
from withness.audit.offline_verifier import PROOF_FORMAT, pretty, says
from withness.audit.proofs import inclusion
from withness.audit.record import Leaf
from withness.desk.checkpoints import present
from withness.desk.context import Actor
from withness.desk.export_forms import hashes, text_of
from withness.desk.exporting import exported, new_file
from withness.desk.telling import may_see
from withness.errors import InvalidInput, Refused, TrailDamaged
from withness.store.sql import Store
from withness.store.transaction import Transaction


def prove(store: Store, seq: int, out: Path, actor: Actor, at: datetime) -> list[str]:
    """Write the proof of record `seq` to the new file `out`, and return what it says of itself; this is recorded.

    Raises Refused for somebody who may not see records, InvalidInput for a record that is none or a file that cannot
    be written, TrailDamaged, CannotTell.
    """
    if not may_see(actor.ref, ""):
        raise Refused("Only clinicians and compliance prove records.", field="actor")
    with new_file(out) as file:
        with store.transaction() as tx:
            present(store, tx)
            leaf, head = _place(tx, seq)
            if not leaf.body:
                hint = "The export that was written before holds it."
                raise InvalidInput(f"Record {seq} was pruned, so it cannot be proved.", field="SEQ", hint=hint)
            text, said = _proof(store, tx, leaf, head)
            details = {"first": seq, "records": 1, "size": head.size}
            log.append(tx, [exported(actor, "proof", details, leaf.patient)], at=at)
        file.write(text)
    return said


def _place(tx: Transaction, seq: int) -> tuple[Leaf, Head]:
    found = tx.leaves_between(seq, seq + 1)
    if not found:
        raise InvalidInput(f"The trail has no record {seq}.", field="SEQ", hint="See: withness audit show")
    head = next((one for one in tx.heads() if one.first_seq <= seq < one.first_seq + one.size), None)
    if head is None or head.segment != found[0].segment:
        raise _damaged(f"record {seq} stands in no segment")
    return found[0], head


def _proof(store: Store, tx: Transaction, leaf: Leaf, head: Head) -> tuple[str, list[str]]:
    publisher = store.publisher
    assert publisher is not None  # noqa: S101  `present` has seen it
    index = leaf.seq - head.first_seq
    try:
        head.frontier()
        path = inclusion(tx.nodes(head.segment), index, head.size)
    except ValueError as error:
        raise _damaged(str(error)) from None
    data_id = tx.facts().get("data_id", "")
    said = says(leaf.seq, data_id, leaf.recorded_at, head.size)
    proof = {
        "format": PROOF_FORMAT,
        "says": said,
        "data_id": data_id,
        "segment": head.segment,
        "seq": leaf.seq,
        "record": text_of(leaf),
        "index": index,
        "size": head.size,
        "proof": hashes(path),
        "checkpoint": publisher.note(head),
        "vkey": publisher.key.vkey,
    }
    return pretty(proof), said


def _damaged(what: str) -> TrailDamaged:
    return TrailDamaged(f"The trail is damaged: {what}.", hint="Run: withness audit verify")
