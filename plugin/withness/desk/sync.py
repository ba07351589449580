"""Trying everything that waits at once: what stops or holds first, then plans, then what the chart held up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from withness.audit.record import instant
from withness.desk import again, delivery, dispatch, escalation
from withness.desk.check_in_delivery import deliver_check_in
from withness.desk.context import Actor, Context
from withness.desk.feeding import feed
from withness.desk.goal_delivery import refresh, send_goals
from withness.desk.note_delivery import deliver_note
from withness.desk.outbox import PUT_BACK, Sent
from withness.errors import InvalidInput, SealBroken
from withness.store.rows import OPEN, Delivery, Sending

PATIENCE: Final = 30.0
"""How long `sync` waits for an EHR that names a time (Retry-After), in seconds."""


_LAST: Final = {Sending.NOTE.value: 1, Sending.CHECK_IN.value: 1, Sending.PLAN.value: 2, Sending.GOALS.value: 3}
"""What is sent after everything that stops, holds or ends; goals once their plan and check-ins are there."""

_HOW: Final = {
    Sending.NOTE.value: deliver_note,
    Sending.PLAN.value: delivery.deliver,
    Sending.CHECK_IN.value: deliver_check_in,
    Sending.GOALS.value: send_goals,
}
"""What is not sent as a directive or a change is."""

_AS_IT_WAS: Final = (Sending.NOTE.value, Sending.CHECK_IN.value)
"""What is followed by a row of its own kind."""


@dataclass(frozen=True)
class Synced:
    """What `sync` came to: what it delivered, what still waits, what it withheld, and a sentence for each trouble.

    `changed` counts everything else that was sent, `noted` members' documents of notes, `decided` plans that
    the unreachable chart had held up, `escalated` protocol steps that went to the backup.
    `fed` counts the records that the audit repository was told, `unfed` those that wait for it. `damaged` counts what
    the trail does not bear out, and was left alone.
    """

    delivered: int
    waiting: int
    withheld: int
    changed: int
    noted: int
    decided: int
    escalated: int
    troubles: tuple[str, ...]
    fed: int = 0
    unfed: int = 0
    damaged: int = 0


def sync(context: Context, actor: Actor, *, sleep: Callable[[float], None] = time.sleep) -> Synced:
    """Try everything that waits at once, honouring a short Retry-After.

    A row that does not open is told and left; it never stops the others. Raises TrailDamaged, CannotTell.
    """
    escalated = escalation.escalate(context, actor)
    again.resume(context, actor)
    sent = _Run(context, actor, sleep)
    sent.all()
    decided, undecided, copies = again.decide_again(context, actor)
    with context.store.transaction() as tx:
        still = len(tx.outbox_ids(*OPEN, due=instant(context.now())))
    fed = feed(context)
    return Synced(
        sent.delivered,
        still + undecided,
        sent.withheld,
        sent.changed,
        sent.noted,
        decided,
        escalated,
        (*sent.troubles, *[PUT_BACK] * copies, *filter(None, [fed.trouble])),
        fed.told,
        fed.waiting,
        sent.damaged + copies,
    )


class _Run:
    """One pass over the outbox."""

    def __init__(self, context: Context, actor: Actor, sleep: Callable[[float], None]) -> None:
        self.context, self.actor, self.sleep = context, actor, sleep
        self.left = PATIENCE
        self.delivered = self.withheld = self.changed = self.noted = self.damaged = 0
        self.troubles: list[str] = []

    def all(self) -> None:
        """Try every row that is due: what stops or holds first, then notes, and plans last."""
        with self.context.store.transaction() as tx:
            waiting = tx.outbox_ids(*OPEN, due=instant(self.context.now()))
            kinds = tx.outbox_kinds()
        for id in sorted(waiting, key=lambda one: _LAST.get(kinds.get(one, ""), 0)):
            self._one(id, kinds.get(id, ""))

    def _one(self, id: str, kind: str) -> None:
        sent = self._attempt(id, kind)
        while sent.retry_after is not None and sent.retry_after <= self.left:
            self.sleep(sent.retry_after)
            self.left -= max(sent.retry_after, 1.0)
            sent = self._attempt(id, kind)
        done = sent.state is Delivery.DELIVERED
        self.delivered += done and kind == Sending.PLAN.value
        self.noted += done and kind == Sending.NOTE.value
        self.changed += done and kind not in (Sending.PLAN.value, Sending.NOTE.value)
        self.withheld += sent.state is Delivery.WITHHELD
        self.damaged += sent.damaged
        self.troubles += [sent.trouble] if sent.trouble else []
        if done and kind == Sending.PLAN.value:
            self._count(id)  # what was said while the plan waited for the EHR
        for follow in sent.follow:
            self._one(follow, kind if kind in _AS_IT_WAS else Sending.CHANGE.value)

    def _count(self, id: str) -> None:
        """Count the goals of a plan that has just reached the EHR."""
        with self.context.store.transaction() as tx:
            row = tx.outbox(id)
        for person in row.content["screens"] if row is not None else ():
            refresh(self.context, person, self.actor)

    def _attempt(self, id: str, kind: str) -> Sent:
        try:
            return _HOW.get(kind, dispatch.dispatch)(self.context, id, self.actor)
        except (SealBroken, InvalidInput) as error:
            return Sent(Delivery.WAITING, error.message)
