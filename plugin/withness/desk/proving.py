"""The proof of one record, for a patient or a court: the record itself, and a way from it to a signed checkpoint."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from withness.audit import log
from withness.audit.log import Head
from withness.audit.merkle import leaf_hash
from withness.audit.offline_verifier import PROOF_FORMAT, pretty, says
from withness.audit.proofs import check_inclusion, inclusion
from withness.audit.publishing import Publisher
from withness.audit.record import Leaf
from withness.desk.checkpoints import present, publisher_of, signed
from withness.desk.context import Actor
from withness.desk.damaged import Covered, covered, damaged, finding, said_of
from withness.desk.export_forms import hashes, text_of
from withness.desk.exporting import exported, new_file
from withness.desk.telling import may_see
from withness.errors import InvalidInput, Refused, TrailDamaged
from withness.store.sql import Store
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Proved:
    """What a proof says of itself, and what is wrong with the trail, "" where nothing is."""

    says: tuple[str, ...]
    finding: str = ""


def prove(store: Store, seq: int, out: Path, actor: Actor, at: datetime) -> Proved:
    """Write the proof of record `seq` to the new file `out`, and return what it says of itself; this is recorded.

    On a damaged trail it leads to a checkpoint that was published and still fits. Raises Refused for somebody who may
    not see records, InvalidInput for a record that is none or a file that cannot be written, TrailDamaged for one that
    was changed, is missing before others, or that no such checkpoint covers, CannotTell.
    """
    if not may_see(actor.ref, ""):
        raise Refused("Only clinicians and compliance prove records.", field="actor")
    with new_file(out) as file:
        with store.transaction() as tx:
            publisher = publisher_of(store, tx, unsound=True)
            leaf = _leaf(tx, seq)
            under, found = _covering(store, publisher, tx, leaf)
            text, said, patient = _proof(publisher, tx, leaf, under)
            details = {"first": seq, "records": 1, "size": under.head.size}
            log.append(tx, [exported(actor, "proof", details, patient)], at=at)
        file.write(text)
    return Proved(tuple(said), found)


def _leaf(tx: Transaction, seq: int) -> Leaf:
    found = tx.leaves_between(seq, seq + 1)
    if not found:
        last = tx.last()
        if last is not None and last.seq > seq:
            raise damaged(f"record {seq} is missing, though the trail has later ones")
        if any(one.first_seq <= seq < one.first_seq + one.size for one in tx.heads()):
            raise damaged(f"record {seq} is missing, though the trail's tree counts it")
        raise InvalidInput(f"The trail has no record {seq}.", field="SEQ", hint="See: withness audit show")
    if not found[0].body:
        hint = "The export that was written before holds it."
        raise InvalidInput(f"Record {seq} was pruned, so it cannot be proved.", field="SEQ", hint=hint)
    return found[0]


def _covering(store: Store, publisher: Publisher, tx: Transaction, leaf: Leaf) -> tuple[Covered, str]:
    """Return what the record is proved under, and what is wrong with the trail, "" where nothing is."""
    found = finding(tx)
    if not found:
        try:
            return _present(store, publisher, tx, leaf), ""
        except TrailDamaged as error:
            found = said_of(error)
    return _published(publisher, tx, leaf, found), found


def _present(store: Store, publisher: Publisher, tx: Transaction, leaf: Leaf) -> Covered:
    """Return the record's segment as it stands, with a checkpoint signed now."""
    present(store, tx)
    head = next((one for one in tx.heads() if _holds(one, leaf)), None)
    if head is None:
        raise damaged(f"record {leaf.seq} stands in no segment")
    try:
        head.frontier()
    except ValueError as error:
        raise damaged(str(error)) from None
    return Covered(head, signed(publisher, tx, head))


def _published(publisher: Publisher, tx: Transaction, leaf: Leaf, found: str) -> Covered:
    """Return the record's segment under the published checkpoint that still fits."""
    one = next((one for one in covered(publisher, tx) if _holds(one.head, leaf)), None)
    if one is None:
        said = f"Record {leaf.seq} lies under no published checkpoint that still fits, so it cannot be proved: {found}."
        raise TrailDamaged(said, hint="withness audit export writes what is there, and marks it as damaged.")
    return one


def _holds(head: Head, leaf: Leaf) -> bool:
    return head.segment == leaf.segment and head.first_seq <= leaf.seq < head.first_seq + head.size


def _proof(publisher: Publisher, tx: Transaction, leaf: Leaf, under: Covered) -> tuple[str, list[str], str | None]:
    """Return the proof, what it says of itself, and whom its record is about, by its bytes and not by its columns."""
    head, index = under.head, leaf.seq - under.head.first_seq
    if not isinstance(leaf.body, bytes) or leaf_hash(leaf.body) != leaf.leaf_hash:
        raise damaged(f"record {leaf.seq} is not as it was written: its bytes do not fit its hash")
    text = text_of(leaf)
    try:
        value = json.loads(text)
        at, patient = str(value["at"]), value["patient"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise damaged(f"record {leaf.seq} is no record") from None
    try:
        path = inclusion(tx.nodes(head.segment), index, head.size)
    except ValueError as error:
        raise damaged(str(error)) from None
    if not check_inclusion(leaf.leaf_hash, index, head.size, path, head.root):
        raise damaged(f"record {leaf.seq} is not the one that the tree holds")
    data_id = tx.facts().get("data_id", "")
    said = says(leaf.seq, data_id, at, head.size)
    proof = {
        "format": PROOF_FORMAT,
        "says": said,
        "data_id": data_id,
        "segment": head.segment,
        "seq": leaf.seq,
        "record": text,
        "index": index,
        "size": head.size,
        "proof": hashes(path),
        "checkpoint": under.note,
        "vkey": publisher.key.vkey,
    }
    return pretty(proof), said, patient if isinstance(patient, str) else None
