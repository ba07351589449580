"""Day one: the plans that stood in the EHR before the gate, adopted by two people and due for review.

The signed act (`signed-off`, about the first signer) has the body

    {"ehr":"local","of_two":true,"plans":[{"person":"Patient/rosa","resource":"CarePlan/1","version":"3"}],
     "review_by":"2027-02-20","what":"baseline"}

One baseline for each EHR: what appears after it is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from withness.audit.record import Kind
from withness.core.acts import ActKind
from withness.desk.acts import sound
from withness.store.leaves import act_named
from withness.store.transaction import Transaction

BASELINE: Final = "baseline"
"""What a baseline's act signs off."""

FINDING_ITEM: Final = "finding-"
"""How the worklist's item of a finding begins; the finding's id follows."""


@dataclass(frozen=True)
class Adopted:
    """A plan that a baseline adopted: whose, the version that stood then, and by which day it is to be reviewed."""

    person: str | None
    version: str
    review_by: str


def adopted(tx: Transaction, ehr: str) -> dict[str, Adopted]:
    """Return what this EHR's baseline adopted, by reference; nothing of an act that does not stand."""
    return {
        one["resource"]: Adopted(one["person"], one["version"], body["review_by"])
        for body in _bodies(tx)
        if body.get("what") == BASELINE and body["ehr"] == ehr
        for one in body["plans"]
    }


def baseline_day(tx: Transaction, ehr: str) -> str:
    """Return by which day this EHR's baseline is to be reviewed, "" where there is none."""
    days = (body["review_by"] for body in _bodies(tx) if body.get("what") == BASELINE and body["ehr"] == ehr)
    return next(days, "")


def signed_off(tx: Transaction) -> frozenset[str]:
    """Return the ids of the findings that compliance has signed off one by one, as items of the worklist."""
    items = (one for body in _bodies(tx) if body.get("what") == "item" for one in body["items"])
    return frozenset(one.removeprefix(FINDING_ITEM) for one in items if one.startswith(FINDING_ITEM))


def _bodies(tx: Transaction) -> Iterator[Mapping[str, Any]]:
    """Yield what was signed off: acts that the trail names and that those who signed them could sign."""
    named = {act_named(leaf) for leaf in tx.leaves_of(Kind.TRAIL_SIGNED_OFF)}
    for row in tx.readable_acts(ActKind.SIGNED_OFF.value)[0]:
        if row.id in named and sound(tx, (row,)):
            yield row.content["statement"]["body"]
