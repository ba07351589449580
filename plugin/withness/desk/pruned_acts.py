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
from withness.errors import SealBroken
from withness.store.transaction import Transaction

SIGNED: Final = ("before", "count", "export", "leaves", "ranges")
"""What the record holds of what was signed."""


def pruned_fault(tx: Transaction, details: Mapping[str, Any]) -> str | None:
    """Return what is wrong with a record of pruning, None where its signed act says the same.

    Who signed it, and whether they could, is checked as of every act.
    """
    if "act" not in details:
        return "nobody signed the pruning that it records"
    try:
        row = tx.act(details["act"]) if tx.opens else None
    except SealBroken:
        return "the pruning that it records does not open"
    if row is None:
        return None
    body = row.content["statement"]["body"]
    wanted = {"what": PRUNED, "of_two": True, **{name: details.get(name) for name in SIGNED}}
    return None if body == wanted else "the pruning that it records is not the one that was signed"


def said_of_pruned(tx: Transaction) -> tuple[str, ...]:
    """Return a sentence for each time that records were pruned."""
    found = []
    for leaf in tx.leaves_of(Kind.TRAIL_SIGNED_OFF):
        if leaf.outcome == PRUNED and damage_of(leaf) is None:
            details = json.loads(leaf.body)["details"]
            count, day = details.get("count"), str(details.get("before"))[:10]
            found.append(f"Record {leaf.seq} says that {count} records from before {day} were pruned.")
    return tuple(found)
