"""A plan looked at again, and that it was; for one member, or for all who agreed to be shown together.

What one member said is on nobody else's page (contracts I8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from withness.audit.record import Kind, Record, instant
from withness.core.decline import ReviewRules, notices, review_due
from withness.core.review import Review, SharedReview
from withness.desk.context import Actor, Context
from withness.desk.goals import Known, all_known, known_of
from withness.desk.note_chart import names_of
from withness.desk.note_release import released
from withness.desk.review_pages import (
    Material,
    courses_of,
    own_page,
    raised_by,
    reviewed_on,
    reviews_of,
    shared_page,
)
from withness.desk.shares import ACTIVE, OVER, members_of, share_of
from withness.errors import InvalidInput
from withness.packs.review_rules import load_review_rules
from withness.store.rows import PlanRow
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Asked:
    """Which page of a plan: one `member`'s, or with the `consents` of each member one for all of them.

    `answers`: each agreed a second time, to their marked answers.
    """

    plan: str
    member: str = ""
    consents: tuple[str, ...] = ()
    answers: bool = False


@dataclass(frozen=True)
class Looked:
    """What a review shows: `page` for whom it is; `told` are sentences for the clinician alone."""

    page: Review | SharedReview
    due: date
    told: tuple[str, ...]


def look(context: Context, asked: Asked, actor: Actor) -> Looked:
    """Return one member's page of a plan, or with the consent of every member one for all of them, on record.

    Raises InvalidInput for no active plan, no such member, a consent that is missing, or a page for all that cannot be
    made now; and what the EHR raises.
    """
    with context.store.transaction() as tx:
        row = require_active(tx, asked.plan)
    members = shown_of(row)
    if asked.consents:
        _require_together(row, asked.consents)
    if not asked.consents:
        member = one_of(members, asked.member)
        made = material(context, row, all_known(context, row, member))
        page = own_page(made, member)
        return Looked(page, made.due, told_of(context, made.known[member], member))
    clinician = row.content["draft"]["author"]
    made = material(context, row, {who: known_of(context, who, clinician) for who in members_of(row)})
    shared = shared_page(made, members_of(row), members, answers=asked.answers)
    _record(context, row, actor, "shown-together", {"answers": asked.answers})
    told = (one for who in members for one in told_of(context, made.known[who], who))
    return Looked(shared, made.due, tuple(dict.fromkeys(told)))


def material(context: Context, row: PlanRow, known: Mapping[str, Known]) -> Material:
    """Return what a page is made from. Raises what the EHR raises."""
    rules = load_review_rules(context.settings.packs)
    return Material(
        context=context,
        row=row,
        known=known,
        names=names_of(context, tuple(shown_of(row))) or {},
        due=due_of(row, rules),
        today=context.now().astimezone(context.settings.zone).date(),
    )


def told_of(context: Context, known: Known, who: str) -> tuple[str, ...]:
    """Return what the clinician is told of one person's answers."""
    rules = load_review_rules(context.settings.packs)
    return notices(courses_of(known, who), raised_by(known, who), rules.told)


def shown_of(row: PlanRow) -> list[str]:
    """Return the members whose chart holds a share of the plan that is not over."""
    shares = {one: share_of(row, one) for one in members_of(row)}
    return [one for one, share in shares.items() if "care_plan" in share and share.get("state") not in OVER]


def _require_together(row: PlanRow, consents: Sequence[str]) -> None:
    """Raise InvalidInput unless each member agreed and nothing of the plan is paused: one sentence, whatever it is."""
    members = members_of(row)
    if not released(row, members):
        raise InvalidInput("A page for all cannot be made now. Each member's own page can.", field="consents")
    if sorted(consents) != sorted(members) or len(members) < 2:
        said = "A page for all needs the consent of each member of the plan, and of nobody else."
        raise InvalidInput(said, field="consents", hint="With the console: --consent Patient/ID for each of them")


def require_active(tx: Transaction, id: str) -> PlanRow:
    """Return a plan that the EHR holds. Raises InvalidInput, SealBroken."""
    row = tx.plan(id)
    if row is None or row.content.get("amends") or row.state not in ACTIVE:
        raise InvalidInput("There is no active plan with this id.", field="ID", hint="Run: withness plan list")
    return row


def one_of(members: Sequence[str], member: str) -> str:
    """Return whose page is asked for. Raises InvalidInput for nobody of the plan."""
    if not member and len(members) == 1:
        return members[0]
    if member not in members:
        said = "Each member has a page of their own: name one of this plan."
        raise InvalidInput(said, field="member", hint="With the console: --member Patient/ID")
    return member


def due_of(row: PlanRow, rules: ReviewRules) -> date:
    """Return the day by which a plan is looked back on: with the member for whom it is due first."""
    frame = row.content["draft"]["frame"]
    start, review_by = date.fromisoformat(frame["start"]), date.fromisoformat(frame["review_by"])
    days = [review_due(start, review_by, reviewed_on(row, who), rules) for who in shown_of(row)]
    return min(days, default=review_by)


def keep(context: Context, id: str, actor: Actor, *, member: str = "", together: bool = False) -> date:
    """Note that a plan was looked back on today, with one member or with all of them.

    Raises InvalidInput for no active plan or no such member, CannotTell when it cannot be made durable.
    """
    at = context.now()
    day = at.astimezone(context.settings.zone).date()

    def work(tx: Transaction) -> dict[str, Any]:
        row = require_active(tx, id)
        of = shown_of(row) if together else [one_of(shown_of(row), member)]
        made = {"day": day.isoformat(), "at": instant(at), "by": actor.ref, "of": of}
        content = {**row.content, "reviews": [*row.content.get("reviews", ()), made]}
        tx.put_plan(replace(row, updated_at=instant(at), content=content))
        context.record(tx, actor, at, _made(row, actor, "reviewed", {"together": together}))
        return made

    context.commit(work, lambda tx: instant(at) in [one["at"] for one in reviews_of(require_active(tx, id))])
    return day


def _record(context: Context, row: PlanRow, actor: Actor, outcome: str, details: Mapping[str, Any]) -> None:
    with context.store.transaction() as tx:
        context.record(tx, actor, context.now(), _made(row, actor, outcome, details))


def _made(row: PlanRow, actor: Actor, outcome: str, details: Mapping[str, Any]) -> Record:
    """Return a record about a plan; of several people it names nobody."""
    members = members_of(row)
    return Record(
        kind=Kind.GOAL_UPDATED,
        actor=actor.ref,
        os_user=actor.os_user,
        patient=members[0] if len(members) == 1 else None,
        outcome=outcome,
        details={"plan": row.id, **details},
    )
