"""A plan's save that the trail does not let through: what is acute is told and followed all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final

from withness.core.terms import Acuity
from withness.desk import amending, opening, standing
from withness.desk.case import Case
from withness.desk.context import Actor
from withness.desk.doubt import only_doubt, sentence_of
from withness.desk.screens import send
from withness.desk.telling import DAMAGED, DOUBTED, FOR_IT, KEEP_THE_FILE, NOT_SAVED, SAVED_AS_EVER, WHAT_SAVES
from withness.errors import CannotTell, TrailDamaged
from withness.store.transaction import Transaction

SAFETY_WAITS: Final = (
    "The safety goal or safety plan is not saved yet, because this amendment also changes: {fields}. Leave that as it "
    "stands and it saves now."
)


def refuse(tx: Transaction, case: Case, told: Mapping[str, Any]) -> None:
    """Raise CannotTell for a trail in doubt, else TrailDamaged; either carries what the gate says now."""
    own = " ".join((*safety_waits(case), KEEP_THE_FILE))
    answer = {**told, "saved": False}
    doubt = only_doubt(tx)
    if doubt is not None:
        hint = f"{own} {SAVED_AS_EVER} Tell whoever runs Withness. {FOR_IT} {sentence_of(doubt)} {doubt.hint}"
        raise CannotTell(f"{NOT_SAVED} {DOUBTED}", field=doubt.field, hint=hint, answer=answer)
    raise TrailDamaged(f"{NOT_SAVED} {DAMAGED}", hint=f"{own} {WHAT_SAVES}", answer=answer)


def follow(case: Case, actor: Actor) -> None:
    """Open what is acute now in a transaction of its own, as asking the gate does: the refusal stands."""
    context, id = case.context, case.context.new_id()

    def work(tx: Transaction) -> tuple[str, ...]:
        at = context.now()
        answered = standing.ask(tx, context, case.question, at=at, id=id)
        if not any(one.acuity is Acuity.ACUTE for one in answered.decision.members):
            return ()
        context.record(tx, actor, at, *standing.keep(tx, answered, actor))
        return opening.follow(tx, context, answered, actor, at)

    with contextlib.suppress(CannotTell, TrailDamaged):
        member = case.plan.unit.members[0]
        rows = context.commit(work, lambda tx: tx.decision(id, member) is not None, people=case.question.people)
        send(context, rows, actor)


def safety_waits(case: Case) -> tuple[str, ...]:
    """Return a sentence where an amendment that is not saved now would be, if it only added its safety."""
    if case.base is None:
        return ()
    besides = amending.besides_safety(case.base.row.content["draft"], case.draft)
    return (SAFETY_WAITS.format(fields=", ".join(besides)),) if besides else ()
