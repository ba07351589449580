"""Beginning a note: what the chart and the plan know already is filled in, each value with where it came from.

Never an answer of a risk screen, and never one member's words for another (contracts I2, I8): where several people are
talked with, only what names its own member is filled in. The gate is not asked; the last recorded decision is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from withness.audit.record import Leaf, moment
from withness.core.goal import AcceptanceStatus
from withness.core.note import LISTS, FieldKind, Kept, NoteField, NoteTemplate
from withness.core.origin import from_chart_name, from_check_in, from_gate, from_plan, from_trail, value_digest
from withness.core.plan import ChartGoal, ChartPlan, Plan, charts
from withness.desk.amending import version_of
from withness.desk.context import Context
from withness.desk.draft import read_draft
from withness.desk.note_chart import last_check_in, names_of
from withness.desk.note_release import require_plan
from withness.desk.note_told import require_template
from withness.errors import InvalidInput, WithnessError
from withness.store.rows import PlanRow, PlanState

AWAY: Final = "The EHR could not be asked."
NONE_FOUND: Final = "None was found."
SEVERAL: Final = "Of several people nothing is filled in here: each one's words are their own."
NO_PLAN: Final = "No plan was named."
INSIDE: Final = "What the gate decided stays inside Withness: it is not filled in here."
NOT_RELEASED: Final = "The plan is not released."


@dataclass(frozen=True)
class Given:
    """A value to begin from, and where it comes from."""

    value: Any
    source: str


@dataclass(frozen=True)
class Begun:
    """A note file to go on with; `left` says why a field that could have been filled in was not."""

    file: dict[str, Any]
    left: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Known:
    """What is looked up once: `names` by member (None where the EHR could not be asked), and the plan."""

    context: Context
    template: NoteTemplate
    members: tuple[str, ...]
    names: Mapping[str, str] | None
    row: PlanRow | None
    plan: Plan | None

    @property
    def shared(self) -> bool:
        return len(self.members) > 1

    @property
    def plan_source(self) -> str:
        return from_plan(self.row.id, version_of(self.row)) if self.row else ""

    def chart(self, member: str) -> ChartPlan | None:
        """Return the member's own share of the plan."""
        return next((one for one in charts(self.plan) if one.member == member), None) if self.plan else None


def begin(
    context: Context,
    template_id: str,
    members: tuple[str, ...],
    author: str,
    *,
    plan: str = "",
    encounter: str = "",
    layout: str = "",
) -> Begun:
    """Return a note file with what is known filled in. Writes nothing. Raises InvalidInput."""
    from withness.packs.note_file import read_note

    template = require_template(context.note_templates, template_id, field="template")
    if not members and template.kept is Kept.RECORD:
        raise InvalidInput("Say whom the note is about.", field="members", hint="With the console: --for Patient/ID")
    row = None
    if plan:
        with context.store.transaction() as tx:
            row = require_plan(tx, plan, members)
    known = _Known(
        context,
        template,
        members,
        names_of(context, (*members, author)),
        row,
        read_draft(row.content["draft"], context.templates) if row else None,
    )
    fields, prefilled, left = _fields(known)
    file = {
        "template": template.id,
        "layout": layout,
        "members": list(members),
        "names": dict(known.names or {}),
        "encounter": encounter,
        "author": author,
        "held_on": context.now().astimezone(context.settings.zone).date().isoformat(),
        "plan": plan or None,
        "fields": fields,
        "prefilled": prefilled,
        "request_id": context.new_id(),
    }
    begun = {name: value for name, value in file.items() if value != ""}
    read_note(begun, template)  # what a save would refuse is refused here
    return Begun(begun, left)


_EMPTY: Final = (FieldKind.TEXT, *LISTS)
"""What may stand empty in a note file; an answer to choose, a day or a number is left out until there is one."""


def _fields(known: _Known) -> tuple[dict[str, Any], dict[str, dict[str, str]], dict[str, str]]:
    fields: dict[str, Any] = {}
    prefilled: dict[str, dict[str, str]] = {}
    left: dict[str, str] = {}
    for _, one in known.template.fields():
        if one.kind in _EMPTY:
            fields[one.id] = "" if one.kind is FieldKind.TEXT else []
        if not one.prefill:
            continue
        given = _given(known, one)
        if isinstance(given, str):
            left[one.id] = given
        else:
            fields[one.id] = given.value
            prefilled[one.id] = {"from": given.source, "digest": value_digest(given.value)}
    return fields, prefilled, left


def _given(known: _Known, one: NoteField) -> Given | str:
    """Return what a field begins with, or why with nothing: of a note about safety never with what the gate decided.

    Left out for some it would tell of the others; so it is left out for all (contracts I8).
    """
    if known.template.always_saves and one.prefill == "standing-decision":
        return INSIDE
    return _MAKERS[one.prefill](known, one) if one.prefill in _MAKERS else NONE_FOUND


# -- from the chart


def _patient_name(known: _Known, one: NoteField) -> Given | str:
    if known.shared or one.kind is not FieldKind.TEXT:
        return SEVERAL
    if known.names is None:
        return AWAY
    name = known.names.get(known.members[0], "") if known.members else ""
    return Given(name, from_chart_name(known.members[0])) if name else NONE_FOUND


def _check_in(known: _Known, one: NoteField) -> Given | str:
    """Return what the client marked or wrote on the latest check-in that can be relied on."""
    if known.shared or one.kind is not FieldKind.TEXT:
        return SEVERAL
    try:
        found = last_check_in(known.context, known.members[0])
    except WithnessError:
        return AWAY
    return Given(found[1], from_check_in(found[0])) if found else NONE_FOUND


# -- from the plan


def _goals(known: _Known, one: NoteField) -> Given | str:
    if known.plan is None or known.row is None:
        return NO_PLAN
    if known.row.state in (PlanState.HELD, PlanState.WITHHELD) and not known.template.needs_release:
        return NOT_RELEASED
    if one.kind is not FieldKind.ENTRIES:
        return SEVERAL if known.shared else NONE_FOUND
    parts = {part.id for part in one.parts}
    entries = [
        _goal(goal, chart, parts, shared=known.shared)
        for member in known.members
        if (chart := known.chart(member)) is not None
        for goal in chart.goals
        if goal.status is AcceptanceStatus.AGREE and ("who" in parts or not known.shared)
    ]
    if not entries:
        return SEVERAL if known.shared else NONE_FOUND
    return Given(entries, known.plan_source)


def _goal(one: ChartGoal, chart: ChartPlan, parts: set[str], *, shared: bool) -> dict[str, str]:
    """Return one goal as an entry; in a unit each member's own, words that they share once for each of them."""
    from withness.packs.paper_plan import paper_goal

    said = paper_goal(one, chart, one.number)
    known = {
        "who": chart.member if shared else "",
        "words": said.words,
        "payer_words": said.payer_words,
        "measure": "\n".join((said.measure, *said.parts)),
        "target": said.target,
        "limit": said.limit,
        "time_limit": said.limit,
        "responsible": said.responsible,
    }
    return {name: value for name, value in known.items() if name in parts and value}


def _concern(known: _Known, one: NoteField) -> Given | str:
    """Return the concern: of one person all of it; of several each member's own voice."""
    if known.plan is None:
        return NO_PLAN
    concern = known.plan.concern
    said = [{"who": one.who, "words": one.words} for one in concern.voices if one.who in known.members]
    if not known.plan.unit.shared:
        whole = {"who": known.plan.unit.members[0], "words": concern.words}
        said = [whole, *(one for one in said if one != whole)]
    if not said:
        return NONE_FOUND
    if one.kind is FieldKind.VOICES:
        return Given(said, known.plan_source)
    if known.shared or one.kind is not FieldKind.TEXT:
        return SEVERAL
    return Given("\n\n".join(one["words"] for one in said), known.plan_source)


def _frame(known: _Known, one: NoteField) -> Given | str:
    if known.plan is None:
        return NO_PLAN
    from withness.packs.paper_plan import how_often

    frame, kind = known.plan.frame, known.plan.unit.kind.value
    often, span = how_often(frame), f"{frame.start.isoformat()} to {frame.review_by.isoformat()}"
    mine = [diagnosis.text for diagnosis in frame.diagnoses if diagnosis.who in known.members]
    parts: dict[str, Any] = {
        "plan_date": frame.start.isoformat(),
        "service_type": kind,
        "minutes": frame.session_minutes,
        "frequency": often,
        "duration": span,
        "review_on": frame.review_by.isoformat(),
        "diagnoses": "" if known.shared else "\n".join(mine),
    }
    whole = f"{kind.capitalize()}, {frame.session_minutes} minutes, {often}, {span}"
    value = parts.get(one.id, whole if one.kind is FieldKind.TEXT else "")
    if one.kind is FieldKind.CHOICE and value not in [option.code for option in one.options]:
        return NONE_FOUND
    return Given(value, known.plan_source) if value else NONE_FOUND


# -- from the trail


def _standing_decision(known: _Known, one: NoteField) -> Given | str:
    """Return the name of the last recorded decision, and the day of the screen; it is read, never asked for."""
    if known.shared or one.kind is not FieldKind.TEXT:
        return SEVERAL
    with known.context.store.transaction() as tx:
        decided, screened = tx.last_decision(known.members[0]), tx.last_screen(known.members[0])
    if decided is None:
        return NONE_FOUND
    day = _day(known, decided)
    screen = f"; risk screen of {_spelt(_day(known, screened))}" if screened else "; no risk screen"
    return Given(f"{decided.outcome}, decided on {_spelt(day)}{screen}", from_gate(day))


def _screen(known: _Known, one: NoteField) -> Given | str:
    """Return the day and id of the latest screen, never an answer."""
    if known.shared or one.kind is not FieldKind.TEXT:
        return SEVERAL
    with known.context.store.transaction() as tx:
        screened = tx.last_screen(known.members[0])
    if screened is None:
        return NONE_FOUND
    day, id = _day(known, screened), json.loads(screened.body)["details"]["screen"]
    return Given(f"Risk screen of {_spelt(day)}, {id}", from_trail(day))


def _day(known: _Known, leaf: Leaf) -> date:
    return moment(leaf.recorded_at).astimezone(known.context.settings.zone).date()


def _spelt(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


_MAKERS: Final[Mapping[str, Callable[[_Known, NoteField], Given | str]]] = {
    "patient-name": _patient_name,
    "goals": _goals,
    "concern": _concern,
    "plan-frame": _frame,
    "last-check-in": _check_in,
    "standing-decision": _standing_decision,
    "screen": _screen,
}
