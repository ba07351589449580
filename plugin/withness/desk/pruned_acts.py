"""The signed acts behind what was pruned: whether each says the same as its record, and what verify tells of them.

The act's body, and the details of its record:

    {"before":"<instant>","count":3,"export":"<sha-256>","leaves":"<sha-256>","of_two":true,"ranges":[[4,5],[9,9]],
     "what":"pruned"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from withness.audit.pruned import PRUNED
from withness.audit.record import Kind, damage_of
from withness.audit.words import many, were
from withness.desk.acts import sign_off_fault
from withness.store.transaction import Transaction

SIGNED: Final = ("before", "count", "export", "leaves", "ranges")
"""What the record holds of what was signed."""


def pruned_fault(tx: Transaction, details: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a record of pruning (see `sign_off_fault`)."""
    return sign_off_fault(tx, details, PRUNED, SIGNED, said="pruning")


def said_of_pruned(tx: Transaction) -> tuple[str, ...]:
    """Return a sentence for each time that records were pruned."""
    found = []
    for leaf in tx.leaves_of(Kind.TRAIL_SIGNED_OFF):
        if leaf.outcome == PRUNED and damage_of(leaf) is None:
            details = json.loads(leaf.body)["details"]
            count, day = details.get("count"), str(details.get("before"))[:10]
            found.append(f"Record {leaf.seq} says that {many(count)} from before {day} {were(count)} pruned.")
    return tuple(found)
