"""A plan looked at again, and that it was; for one member, or for all who agreed to be shown together.

What one member said is on nobody else's page (contracts I8).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from withness.audit.record import Kind, Record, instant
from withness.core.decline import ReviewRules, falling, review_due, sentences
from withness.core.review import Review, SharedReview
from withness.desk.context import Actor, Context
from withness.desk.goals import known_of
from withness.desk.note_chart import names_of
from withness.desk.review_pages import Material, own_page, shared_page
from withness.desk.shares import ACTIVE, members_of, share_of
from withness.errors import InvalidInput
from withness.packs.review_rules import load_review_rules
from withness.store.rows import PlanRow
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Looked:
    """What a review shows: `page` for whom it is; `falling` are sentences for the clinician alone."""

    page: Review | SharedReview
    due: date
    falling: tuple[str, ...]


def look(context: Context, id: str, *, member: str = "", consents: Sequence[str] = ()) -> Looked:
    """Return one member's page of a plan, or with the consent of every member one for all of them. Writes nothing.

    Raises InvalidInput for no active plan, no such member, or a consent that is missing; and what the EHR raises.
    """
    with context.store.transaction() as tx:
        row = require_active(tx, id)
    rules, people = load_review_rules(context.settings.packs), members_of(row)
    members = [one for one in people if "care_plan" in share_of(row, one)]
    made = Material(
        context=context,
        row=row,
        known={who: known_of(context, who, row.content["draft"]["author"]) for who in people},
        names=names_of(context, tuple(members)) or {},
        reviewed=reviewed_on(row),
        due=due_of(row, rules),
        today=context.now().astimezone(context.settings.zone).date(),
    )
    if consents:
        return Looked(shared_page(made, members, consents), made.due, ())
    page = own_page(made, _one_of(members, member))
    return Looked(page, made.due, tuple(sentences(falling(page.courses, rules), rules)))


def require_active(tx: Transaction, id: str) -> PlanRow:
    """Return a plan that the EHR holds. Raises InvalidInput, SealBroken."""
    row = tx.plan(id)
    if row is None or row.content.get("amends") or row.state not in ACTIVE:
        raise InvalidInput("There is no active plan with this id.", field="ID", hint="Run: withness plan list")
    return row


def _one_of(members: Sequence[str], member: str) -> str:
    if not member and len(members) == 1:
        return members[0]
    if member not in members:
        said = "Each member has a page of their own: name one of this plan."
        raise InvalidInput(said, field="member", hint="With the console: --member Patient/ID")
    return member


def due_of(row: PlanRow, rules: ReviewRules) -> date:
    """Return the day by which a plan is looked at again."""
    frame = row.content["draft"]["frame"]
    start, review_by = date.fromisoformat(frame["start"]), date.fromisoformat(frame["review_by"])
    return review_due(start, review_by, reviewed_on(row), rules)


def reviewed_on(row: PlanRow) -> tuple[date, ...]:
    """Return the days on which a plan was looked at again, the oldest first."""
    return tuple(date.fromisoformat(one["day"]) for one in row.content.get("reviews", ()))


def keep(context: Context, id: str, actor: Actor, *, consents: Sequence[str] = ()) -> date:
    """Note that a plan was looked at again today, and who agreed to be shown together.

    Raises InvalidInput for no active plan, CannotTell when it cannot be made durable.
    """
    at = context.now()
    day = at.astimezone(context.settings.zone).date()
    made = {"day": day.isoformat(), "at": instant(at), "by": actor.ref, "together": sorted(consents)}

    def work(tx: Transaction) -> None:
        row = require_active(tx, id)
        content = {**row.content, "reviews": [*row.content.get("reviews", ()), made]}
        tx.put_plan(replace(row, updated_at=instant(at), content=content))
        members = members_of(row)
        record = Record(
            kind=Kind.GOAL_UPDATED,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=members[0] if len(members) == 1 else None,
            outcome="reviewed",
            details={"plan": id, "together": bool(consents)},
        )
        context.record(tx, actor, at, record)

    context.commit(work, lambda tx: made in require_active(tx, id).content.get("reviews", ()))
    return day
