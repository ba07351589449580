"""The compliance desk, first form: looking at the trail, which is itself recorded."""

from __future__ import annotations

from datetime import datetime

from withness.audit import log
from withness.audit.record import Kind, Leaf, Record
from withness.desk.context import Actor
from withness.desk.telling import may_see
from withness.errors import Refused
from withness.store.sql import Store


def show(store: Store, actor: Actor, at: datetime, *, patient: str | None = None, limit: int = 50) -> tuple[Leaf, ...]:
    """Return the newest `limit` records, oldest first, and record the viewing.

    Raises Refused for somebody who may not see reasons (a partner or proxy), CannotTell.
    """
    if not may_see(actor.ref, patient or ""):
        raise Refused("Only clinicians and compliance look at the trail.", field="actor")
    with store.transaction() as tx:
        found = tx.newest_leaves(limit, patient)
        viewed = Record(
            kind=Kind.TRAIL_VIEWED,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=patient,
            outcome="shown",
            details={"records": len(found)},
        )
        log.append(tx, [viewed], at=at)
    return found
