"""Going on by itself with what only an EHR that was away held up: a decision, or the end of a pause."""

from __future__ import annotations

from withness.core.acts import ActKind, of
from withness.desk import facts, plans
from withness.desk.acts import acts_of
from withness.desk.answer import Answer
from withness.desk.context import Actor, Context
from withness.desk.ending import end_over, lift_acute
from withness.desk.protocols import look
from withness.desk.shares import ACUTE, MAY_BE_THERE, members_of, paused_by, readable
from withness.desk.sweep_findings import copies_put_back, keep_put_back
from withness.errors import Conflict, InvalidInput
from withness.store.rows import PlanRow, PlanState


def decide_again(context: Context, actor: Actor) -> tuple[int, int, int]:
    """Decide again what only the unreachable chart held up (policy: chart_evidence).

    Returns how many plans were saved by it, how many still wait for the chart, and how many are left alone, for the
    trail says of them that they are no working copies any more. Raises TrailDamaged.
    """
    saved = waiting = 0
    with context.store.transaction() as tx:
        held = [row for row in readable(tx, PlanState.HELD) if row.content.get("waits_for_chart")]
        back = copies_put_back(tx, held)
        for row in back:
            keep_put_back(tx, context, row, actor)
    for row in held:
        if row in back:
            continue
        answer = _decided_again(context, row, actor)
        saved += answer is not None and answer.state is PlanState.DELIVERED
        waiting += answer is None
    return saved, waiting, len(back)


def _decided_again(context: Context, row: PlanRow, actor: Actor) -> Answer | None:
    """Return what a working copy comes to now, None while the chart cannot be asked."""
    members = tuple(row.content["draft"]["unit"]["members"])
    if not _reached(context, members):
        return None
    try:
        return plans.save(context, row.content["draft"], Actor(row.content["actor"], actor.os_user))
    except (InvalidInput, Conflict):
        return Answer(row.content["told"], None)  # whoever saves it again is told why


def _reached(context: Context, members: tuple[str, ...]) -> bool:
    return all(one.reached for one in facts.gather(context, members).values())


def resume(context: Context, actor: Actor) -> tuple[str, ...]:
    """End the pauses that a release left standing because the EHR was away; return the outbox rows to send."""
    rows: list[str] = []
    for person in _released_and_paused(context):
        known = facts.gather(context, (person,))
        if not known[person].reached:
            continue
        with context.store.transaction() as tx:
            at = context.now()
            shown = look(tx, context, person, known, at)
            member, aliases = shown.answered.decision.members[0], known[person].aliases
            rows.extend(end_over(tx, context, (person, *aliases), actor, at))
            rows.extend(lift_acute(tx, context, member, aliases, actor, at))
    return tuple(rows)


_ENDING = (ActKind.RELEASED, ActKind.ENTRY_ERROR, ActKind.RETRACTED)


def _released_and_paused(context: Context) -> tuple[str, ...]:
    """Return whose plan is paused for something acute although every protocol of theirs has been released."""
    found: dict[str, None] = {}
    with context.store.transaction() as tx:
        for row in readable(tx):
            if row.state not in MAY_BE_THERE or row.content.get("amends"):
                continue
            for person in members_of(row):
                if ACUTE not in paused_by(row, person):
                    continue
                acts = acts_of(tx, person)
                opened = max((one.number for one in of(acts, ActKind.OPENED)), default=0)
                if any(one.number > opened for one in of(acts, *_ENDING)):
                    found[person] = None
    return tuple(found)
