"""Whether the plan that a document carries is released now: the store knows, and the gate is not asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from withness.core.note import Note, NoteTemplate
from withness.desk.shares import OVER, members_of, paused_by, share_of
from withness.errors import InvalidInput, SealBroken
from withness.store.rows import PlanRow, PlanState
from withness.store.transaction import Transaction

HELD: Final = "The plan that this document carries is not released now, so the document is not saved."
"""The same whatever keeps the plan back, and whomever: of a unit, nobody is told why (contracts I8)."""

PREVIEW_HINT: Final = "To look at it: withness note render FILE. Each page says that it is a preview, not released."


def may_carry(tx: Transaction, template: NoteTemplate, note: Note) -> bool:
    """Whether this note may be saved now: any may, but for the two documents that carry the plan (contracts I7).

    Asked under the store's lock. Raises InvalidInput for a plan that is not there, or not these members'.
    """
    if not template.needs_release:
        return True
    row = plan_of(tx, note)
    return row is not None and released(row, note.members)


def plan_of(tx: Transaction, note: Note) -> PlanRow | None:
    """Return the plan that a note names, None where it does not open.

    Raises InvalidInput for no plan, or one that is another unit's.
    """
    if not note.plan:
        raise InvalidInput("plan must name the plan that this document carries.", field="plan", hint=_LIST)
    try:
        return require_plan(tx, note.plan, note.members)
    except SealBroken:
        return None


def require_plan(tx: Transaction, id: str, members: Sequence[str]) -> PlanRow:
    """Return a plan of these members, or of a unit that they are in. Raises InvalidInput, SealBroken."""
    row = tx.plan(id)
    if row is None or not set(members) <= set(members_of(row)):
        raise InvalidInput("plan does not name a plan of these members.", field="plan", hint=_LIST)
    return row


_LIST: Final = "Run: withness plan list"


def released(row: PlanRow, members: Sequence[str]) -> bool:
    """Whether a plan stands in the chart of each of these members: delivered there, not paused and not over."""
    if row.state is not PlanState.DELIVERED or row.content.get("amends"):
        return False
    patients = [one for one in members if one.startswith("Patient/")]
    shares = [share_of(row, one) for one in patients]
    return bool(shares) and all(
        bool(share) and share.get("state") not in OVER and not paused_by(row, who)
        for share, who in zip(shares, patients, strict=True)
    )
