"""Overdue protocol steps go to the backup: noted in the trail, and in the EHR's Task where there is one."""

from __future__ import annotations

from datetime import datetime

from withness.audit.record import Kind, instant
from withness.core.acts import ActKind
from withness.core.episodes import ESCALATED, EpisodeState, episodes
from withness.desk.acts import Signatures, act_at, act_of, acts_of, write
from withness.desk.context import Actor, Context
from withness.desk.opening import backup_now
from withness.desk.outbox import enqueue
from withness.store.rows import Sending
from withness.store.transaction import Transaction


def escalate(context: Context, actor: Actor) -> int:
    """Give every overdue step that has a backup to the backup, once; return how many. Raises CannotTell."""

    def work(tx: Transaction) -> int:
        at = context.now()
        people = dict.fromkeys(act_of(row).person for row in tx.readable_acts(ActKind.OPENED.value)[0])
        return sum(_person(tx, context, person, actor, at) for person in people)

    with context.store.transaction() as tx:
        return work(tx)


def _person(tx: Transaction, context: Context, person: str, actor: Actor, at: datetime) -> int:
    count = 0
    known = episodes(context.policy, acts_of(tx, person), at, backup_now(tx, context))
    for one in known:
        if one.ended is None and one.episode.backup:
            count += _episode(tx, context, one, actor, at)
    return count


def _episode(tx: Transaction, context: Context, one: EpisodeState, actor: Actor, at: datetime) -> int:
    late = [step for step in one.steps if step.state == "overdue" and step.due.step.id not in one.escalated]
    for step in late:
        body = {"domain": one.episode.domain, "step": step.due.step.id, "outcome": ESCALATED, "reason": ""}
        act = act_at(at, context, ActKind.STEP, one.episode.person, body, Signatures())
        context.record(tx, actor, at, write(tx, context, actor, act))
    if late:
        _tell_ehr(tx, context, one, {step.due.step.text for step in late}, actor, at)
    return len(late)


def _tell_ehr(
    tx: Transaction, context: Context, one: EpisodeState, texts: set[str], actor: Actor, at: datetime
) -> None:
    entries = [
        entry
        for row in tx.directives(one.episode.person)
        if one.episode.id in row.content["episodes"]
        for entry in row.content["bundle"]["entry"]
        if entry["resource"]["resourceType"] == "Task" and entry["resource"]["code"].get("text") in texts
    ]
    changes = [
        {
            "reference": entry["request"]["url"],
            "how": "task-owner",
            "owner": one.episode.backup,
            "at": instant(at),
            "author": actor.ref,
        }
        for entry in entries
    ]
    if changes:
        _, record = enqueue(
            tx,
            context,
            actor,
            at,
            kind=Sending.CHANGE,
            person=one.episode.person,
            plan="",
            record=Kind.PROTOCOL_STEP,
            content={"changes": changes},
        )
        context.record(tx, actor, at, record)
