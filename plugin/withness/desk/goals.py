"""How far the goals of a plan have come: what was said is gathered, counted, and written into each member's Goals.

Counted anew each time, from the EHR's responses and Encounters and from what was recorded here and has not arrived
there yet: nothing is added up and kept. A goal of what several people do together is counted over all of them, and
every chart still holds its own member's Observations alone (contracts I8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from withness.core.achievement import Objective, Progress
from withness.core.checkin import Filled, Meeting, Said, Session, gather, said_in
from withness.core.form import Answered, AnsweredBy, Form, FormAnswers
from withness.core.goal import AcceptanceStatus
from withness.core.plan import ChartGoal, ChartPlan, charts
from withness.core.progress import progress
from withness.core.terms import UnitKind
from withness.desk.check_ins import forms, resource_of, trusted
from withness.desk.context import Context
from withness.desk.draft import read_draft
from withness.desk.goal_versions import goal_start
from withness.desk.shares import members_of, share_of
from withness.errors import InvalidInput, WithnessError
from withness.fhir import codes
from withness.fhir.encounters import meeting
from withness.fhir.form_answers import read_response
from withness.fhir.plan_resources import goal_key
from withness.fhir.status import ENTERED_IN_ERROR
from withness.store.rows import Delivery, PlanRow

LISTS = ("own-priorities",)
"""Forms that are tied to no session: a list is written when it is written."""


@dataclass(frozen=True)
class Response:
    """One response to one of the forms that can be relied on: `id` is what the chart calls it.

    `day` is the day of the session that it names, else the one on which it was made.
    """

    id: str
    form: Form
    answers: FormAnswers
    at: datetime
    day: date


@dataclass(frozen=True)
class Known:
    """What is known of one person: responses that can be relied on, and Encounters."""

    responses: tuple[Response, ...]
    meetings: tuple[Meeting, ...]


@dataclass(frozen=True)
class Tracked:
    """One goal of one member's chart: its reference there, what is counted, and how far it has come.

    `together`: counted over what several people do. `counted`: it could be; what somebody else's chart would have to
    say and does not is no news of this one. `responses` are the member's own in the goal's window, `sessions` and
    `said` what it was counted from.
    """

    chart_goal: ChartGoal
    reference: str
    objective: Objective
    progress: Progress
    together: bool
    responses: tuple[Response, ...]
    sessions: tuple[Session, ...]
    said: tuple[Said, ...]
    counted: bool = True


def all_known(context: Context, row: PlanRow, member: str) -> dict[str, Known]:
    """Return what is known of a member, and of the others as far as their charts can be asked.

    Raises what the EHR raises for the member's own chart; another's refusal is not told (contracts I8).
    """
    clinician = row.content["draft"]["author"]
    known = {member: known_of(context, member, clinician)}
    for who in members_of(row) if done_together(context, row) else ():
        if who != member:
            with suppress(WithnessError):
                known[who] = known_of(context, who, clinician)
    return {who: known[who] for who in members_of(row) if who in known}


def done_together(context: Context, row: PlanRow) -> bool:
    """Whether a goal of this plan is counted over what several people do together."""
    templates = (context.templates.get(one["template"]) for one in row.content["draft"]["goals"])
    return any(one is not None and one.measure.each_partner for one in templates)


def known_of(context: Context, person: str, clinician: str) -> Known:
    """Return what the EHR and the store know of a person's sessions. Raises what the EHR raises."""
    by_id = forms()
    there: dict[str, Mapping[str, Any]] = {}
    held: list[Meeting] = []
    if person.startswith("Patient/"):
        listed = context.ehr.responses(person, *(codes.questionnaire(id) for id in by_id))
        there = {str(one.get("id")): one for one in listed}
        zone = context.settings.zone
        met = (meeting(one, person, clinician, zone) for one in context.ehr.encounters(person))
        held = [one for one in met if one is not None]
    found = {id: _response(context, by_id, person, id, resource) for id, resource in there.items()}
    found |= _kept_here(context, by_id, person, there)
    return Known(tuple(one for _, one in sorted(found.items()) if one is not None), tuple(held))


def _kept_here(
    context: Context, by_id: Mapping[str, Form], person: str, there: Mapping[str, Any]
) -> dict[str, Response | None]:
    """Return what was recorded here and the EHR does not hold, or holds in an older version.

    What it has marked as entered in error since is left out, and so is a correction that cannot be relied on: what it
    corrects stands.
    """
    with context.store.transaction() as tx:
        rows, _ = tx.check_ins(person)
        states = tx.outbox_states()
    found: dict[str, Response | None] = {}
    for row in rows:
        response, outbox = row.content["response"], row.content["outbox"]
        kept_inside = person.startswith("Patient/") and outbox is None  # it could not be relied on when it came in
        read = None if kept_inside else _response(context, by_id, person, response, resource_of(row))
        if read is None:
            continue
        arrived = outbox is not None and states.get(outbox) == Delivery.DELIVERED.value
        if arrived and (response in there or _taken_back(context, response)):
            found.pop(response, None)
        else:
            found[response] = read
    return found


def _taken_back(context: Context, response: str) -> bool:
    stored = context.ehr.read(f"QuestionnaireResponse/{response}")
    return stored is not None and stored.resource.get("status") == ENTERED_IN_ERROR


def _response(
    context: Context, by_id: Mapping[str, Form], person: str, id: str, resource: Mapping[str, Any]
) -> Response | None:
    url = str(resource.get("questionnaire", "")).partition("|")[0]
    form = next((one for one in by_id.values() if codes.questionnaire(one.id) == url), None)
    try:
        answers = trusted(form, read_response(form, resource)) if form else None
    except InvalidInput:
        return None
    if form is None or answers is None or not answers.relied_on or answers.subject != person:
        return None
    if answers.authored is None:
        return None
    zone = context.settings.zone
    said = [value for one in answers.given("day") if isinstance(one, Answered) for value in one.values]
    day = next((one for one in said if isinstance(one, date)), answers.authored.astimezone(zone).date())
    now = context.now()
    if day > now.astimezone(zone).date() or answers.authored > now + context.policy.future_tolerance:
        return None  # nobody has said anything of a day to come
    return Response(id, form, answers, answers.authored, day)


def tracked(context: Context, row: PlanRow, member: str, known: Mapping[str, Known]) -> tuple[Tracked, ...]:
    """Return the goals of one member's chart that this member agreed to, and how far each has come.

    `known` holds every member whose answers may count.
    """
    plan = read_draft(row.content["draft"], context.templates)
    chart = next((one for one in charts(plan) if one.member == member), None)
    references: Mapping[str, str] = share_of(row, member).get("goals", {})
    if chart is None:
        return ()
    starts = {key: goal_start(context, row, member, key) for key in references}
    return tuple(_tracked(context, chart, references, starts, known, members_of(row)))


def _tracked(
    context: Context,
    chart: ChartPlan,
    references: Mapping[str, str],
    starts: Mapping[str, tuple[date, str]],
    known: Mapping[str, Known],
    everybody: Sequence[str],
) -> Iterator[Tracked]:
    today = context.now().astimezone(context.settings.zone).date()

    @cache
    def heard(members: tuple[str, ...]) -> tuple[tuple[Session, ...], tuple[Said, ...], Mapping[str, str]]:
        return told({who: known[who] for who in members})

    for one in chart.goals:
        id = references.get(goal_key(one.goal))
        if one.status is not AcceptanceStatus.AGREE or id is None:
            continue
        each = one.goal.template.measure.each_partner
        together = each > 0
        agreed = tuple(who for who in everybody if one.goal.agreed_by(who))
        members = agreed if together else (chart.member,)
        start, first = starts[goal_key(one.goal)]
        complete = set(members) <= set(known) and (not together or len(members) > 1)
        sessions, said, places = heard(members if complete else ())
        early = {found.id for who in members for found in known[who].responses if _before(found, start, first)}
        said = tuple(word for word in said if word.response not in early)
        objective = Objective(
            measure=one.goal.template.measure,
            target=one.goal.target,
            within=one.goal.within,
            start=start,
            members=members,
            each=each if chart.unit_kind is UnitKind.COUPLE else 0,
            first=first,
        )
        counted = progress(objective, sessions, said, today)
        window = {step.session.id for step in counted.steps}
        mine = [
            response
            for response in known[chart.member].responses
            if (response.form.id in LISTS and response.id not in early) or places.get(response.id) in window
        ]
        yield Tracked(one, f"Goal/{id}", objective, counted, together, tuple(mine), sessions, said, complete)


def _before(one: Response, start: date, first: str) -> bool:
    """Whether a list was written before the goal began: it may be another goal's."""
    return one.form.id in LISTS and one.day < start and one.answers.encounter != first


def told(known: Mapping[str, Known]) -> tuple[tuple[Session, ...], tuple[Said, ...], Mapping[str, str]]:
    """Return the sessions of these people, what was said of them, and the session of each response that has one."""
    responses = [one for person in known.values() for one in person.responses]
    filled = [
        Filled(
            one.id,
            one.answers.subject,
            one.answers.encounter or "",
            one.at,
            one.day,
            seen=one.form.answered_by is AnsweredBy.CLINICIAN,
        )
        for one in responses
        if one.form.id not in LISTS
    ]
    sessions = gather([one for person in known.values() for one in person.meetings], filled)
    held = {one.id for one in sessions.held}
    said = [
        word
        for one in responses
        if one.form.id in LISTS or one.id in sessions.of
        for word in said_in(
            one.form,
            one.answers,
            response=one.id,
            session=sessions.of.get(one.id, one.answers.encounter if one.answers.encounter in held else None),
            day=one.day,
        )
    ]
    return sessions.held, tuple(said), sessions.of
