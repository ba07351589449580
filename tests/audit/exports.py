"""Small logs and their exports, made from the formats' descriptions and not by what is under test."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.audit.memory_log import MemoryLog

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import append
from withness.audit.offline_verifier import says
from withness.audit.proofs import MemoryNodes, consistency, inclusion, root_at, sides
from withness.audit.record import Kind, Leaf, Record

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
DATA_ID = "5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"
NAME = f"withness/{DATA_ID}"
KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
VKEY = checkpoint.vkey(NAME, KEY.public_key().public_bytes_raw())
OTHER_VKEY = checkpoint.vkey(NAME, OTHER.public_key().public_bytes_raw())


def make_leaves(count: int, *, fresh_at: int | None = None) -> list[Leaf]:
    """Records with words of several scripts in them; from `fresh_at` on they stand in a segment of their own."""
    log = MemoryLog()
    for number in range(count):
        made = Record(
            kind=Kind.GATE_DECIDED,
            actor="Practitioner/p1",
            os_user="zoë “kim” \U0001f331",
            patient=f"Patient/{number}",
            outcome="released",
            details={"number": number, "nested": [None, True, {"ä": "\n\t\u2028"}]},
        )
        append(log, [made], at=AT + timedelta(minutes=number), fresh_segment=number == fresh_at)
    return list(log.leaves())


def note_of(leaves: list[Leaf], size: int | None = None, key: Ed25519PrivateKey = KEY, name: str = NAME) -> str:
    """The signed checkpoint over the first `size` of one segment's leaves."""
    many = len(leaves) if size is None else size
    root = root_at(MemoryNodes([one.leaf_hash for one in leaves]), many)
    return checkpoint.sign(Checkpoint(f"{name}/{leaves[0].segment}", many, root), name, key)


def b64(hashes: tuple[bytes, ...]) -> list[str]:
    """Hashes as an export holds them."""
    return [base64.b64encode(one).decode() for one in hashes]


def line(value: Any) -> str:
    """A line: members in order, no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def export_of(leaves: list[Leaf], first: int = 0, last: int | None = None, **changes: Any) -> str:
    """The export of a range of one segment."""
    end = len(leaves) if last is None else last
    left, right = sides(MemoryNodes([one.leaf_hash for one in leaves]), first, end, len(leaves))
    header = {
        "format": "withness-audit-export/1",
        "data_id": DATA_ID,
        "segment": leaves[0].segment,
        "first_seq": leaves[0].seq,
        "first": first,
        "records": end - first,
        "left": b64(left),
        "right": b64(right),
        "checkpoint": note_of(leaves),
        "vkey": VKEY,
        **changes,
    }
    rows = [
        {"index": index, "hash": leaves[index].leaf_hash.hex(), "record": leaves[index].body.decode()}
        for index in range(first, end)
    ]
    return "".join(map(line, [header, *rows]))


def proof_of(leaves: list[Leaf], index: int, **changes: Any) -> str:
    """The proof of one record."""
    leaf = leaves[index]
    value = {
        "format": "withness-audit-proof/1",
        "says": says(leaf.seq, DATA_ID, leaf.recorded_at, len(leaves)),
        "data_id": DATA_ID,
        "segment": leaf.segment,
        "seq": leaf.seq,
        "record": leaf.body.decode(),
        "index": index,
        "size": len(leaves),
        "proof": b64(inclusion(MemoryNodes([one.leaf_hash for one in leaves]), index, len(leaves))),
        "checkpoint": note_of(leaves),
        "vkey": VKEY,
        **changes,
    }
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2) + "\n"


def consistency_of(leaves: list[Leaf], first: int, second: int, **changes: Any) -> str:
    """The proof that the log of `second` records goes on from that of `first`."""
    value = {
        "format": "withness-audit-consistency/1",
        "from": note_of(leaves, first),
        "to": note_of(leaves, second),
        "proof": b64(consistency(MemoryNodes([one.leaf_hash for one in leaves]), first, second)),
        **changes,
    }
    return json.dumps(value, ensure_ascii=False, sort_keys=True, indent=2) + "\n"
