"""Whether the plan that a document carries is released now, in the version that the document carries.

The store knows; the gate is not asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from withness.core.note import Note, NoteTemplate
from withness.core.origin import plan_in
from withness.desk.amending import version_of
from withness.desk.shares import OVER, members_of, paused_by, share_of
from withness.errors import Conflict, InvalidInput, SealBroken
from withness.store.rows import PlanRow, PlanState
from withness.store.transaction import Transaction

HELD: Final = "The plan that this document carries is not released now, so the document is not saved."
"""The same whatever keeps the plan back, and whomever: of a unit, nobody is told why (contracts I8)."""

PREVIEW_HINT: Final = "To look at it: withness note render FILE. Each page says that it is a preview, not released."


def may_carry(tx: Transaction, template: NoteTemplate, note: Note) -> bool:
    """Whether this note may be saved now: any may, but for the two documents that carry the plan (contracts I7).

    Asked under the store's lock. Raises InvalidInput for a plan that is not there, or not these members', Conflict
    for a document that carries a version of it that was amended since. Nothing is asked of a note about safety.
    """
    if template.needs_release and not note.plan:
        raise InvalidInput("plan must name the plan that this document carries.", field="plan", hint=_LIST)
    if template.always_saves or not note.plan:
        return True
    try:
        row = require_plan(tx, note.plan, note.members)
    except SealBroken:
        return not template.needs_release
    if not template.needs_release:
        return True
    if not released(row, note.members):
        return False
    _require_newest(row, note)
    return True


def _require_newest(row: PlanRow, note: Note) -> None:
    """Raise Conflict for words that were taken from another version of the plan than the one that stands."""
    stands = version_of(row)
    for id, origin in note.prefilled.items():
        named = plan_in(origin)
        if named is not None and named[1] != stands:
            said = f"fields.{id} was taken from version {named[1]} of the plan; version {stands} stands now."
            raise Conflict(said, field=f"fields.{id}", hint=_ANEW)


def require_plan(tx: Transaction, id: str, members: Sequence[str]) -> PlanRow:
    """Return a plan of these members, or of a unit that they are in. Raises InvalidInput, SealBroken."""
    row = tx.plan(id)
    if row is None or not set(members) <= set(members_of(row)):
        raise InvalidInput("plan does not name a plan of these members.", field="plan", hint=_LIST)
    return row


_LIST: Final = "Run: withness plan list"
_ANEW: Final = (
    "Begin the document anew from what stands: withness note start TEMPLATE --plan PLAN. Take over what you wrote."
)


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
