"""What a plan says in sentences: its notes, each goal's objective, and the generated narrative.

The narrative is safe xhtml with line breaks kept visible (FHIR R4 narrative.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final, assert_never

from withness.core.gate import MemberDecision
from withness.core.goal import AcceptanceStatus, Frame, Goal
from withness.core.plan import ChartGoal, ChartPlan
from withness.core.template import Both, Count, Exists, Measure, Ratio, Yes
from withness.core.terms import UnitKind

TITLE: Final = "Collaborative therapy plan"

NO_SAFETY_PROTOCOL: Final = (
    "This plan describes a relational way of working together. It is no safety protocol: it does not replace risk "
    "assessment, crisis help, safety planning, or an evidence-based treatment where one is indicated."
)
"""Stands on every plan (clinical facts 1.6)."""

EVIDENCE: Final = (
    "About the evidence: collaborative (dialogic) therapy is long recognised, widely taught, theoretically rich and "
    "relationally grounded. It is not presented as an empirically supported treatment for a specific disorder, and it "
    "has no treatment manual. According to the sources no systematic analysis of its effectiveness has been made; "
    "support from research on common factors is indirect, an inference."
)
"""What may be said of the approach, and no more (clinical facts 1.11)."""

CONDITIONS: Final = (
    "This plan was saved with conditions. They are kept with the client's own record and looked at again at each "
    "review."
)
"""Neutral on purpose: names no domain and no answer."""

OTHER_TREATMENT_ELSEWHERE: Final = "Other treatment was considered; what was said stays outside this shared plan."
"""Stands on the plan of a unit of more than one, where one member's treatment is no business of another's chart."""

_ANSWERED: Final = {
    AcceptanceStatus.AGREE: "agreed",
    AcceptanceStatus.PENDING: "not yet agreed",
    AcceptanceStatus.DISAGREE: "declined",
}
_WHO: Final = {
    "client": "the client",
    "partners": "the partners",
    "family": "the family",
    "therapist": "the therapist",
    "client-and-therapist": "client and therapist",
}
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_BREAK: Final = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def xhtml(words: str) -> str:
    """Return `words` as xhtml text: escaped, each line break a visible `<br/>`.

    A character that XML 1.0 cannot hold becomes U+FFFD here; the resource's own elements keep the words as they are.
    """
    return _LINE_BREAK.sub("<br/>", escape(_NOT_XML.sub("\ufffd", words), quote=False))


def heading(words: str) -> str:
    """Return one paragraph in bold."""
    return f"<p><b>{xhtml(words)}</b></p>"


def paragraph(label: str, words: str) -> str:
    """Return one paragraph: a bold `label`, then `words` as they were said."""
    return f"<p><b>{xhtml(label)}</b><br/>{xhtml(words)}</p>"


def listing(label: str, lines: Iterable[str]) -> str:
    """Return a bold `label` and one list item per line; nothing at all when there is no line."""
    items = "".join(f"<li>{xhtml(line)}</li>" for line in lines)
    return f"{heading(label)}<ul>{items}</ul>" if items else ""


def narrative(*parts: str) -> dict[str, str]:
    """Return the Narrative element whose div holds `parts`, each made by `heading`, `paragraph` or `listing`."""
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{"".join(parts)}</div>'}


def form(chart: ChartPlan) -> str:
    """Return who takes part and who leads, in words."""
    return f"{chart.unit_kind.value.capitalize()} conversation, {chart.lead.value}"


def rhythm(frame: Frame) -> str:
    """Return how long and how often, in words."""
    often = "every week" if frame.frequency_weeks == 1 else f"every {frame.frequency_weeks} weeks"
    return f"Conversation of {frame.session_minutes} minutes, {often}"


def plan_notes(chart: ChartPlan, judged: MemberDecision) -> list[str]:
    """Return the texts of CarePlan.note, in a fixed order."""
    frame = chart.frame
    notes = [NO_SAFETY_PROTOCOL]
    if frame.other_treatment.strip():
        notes.append(f"Other treatment indicated or considered: {frame.other_treatment}")
    elif chart.unit_kind is not UnitKind.INDIVIDUAL:
        notes.append(OTHER_TREATMENT_ELSEWHERE)
    if chart.resources:
        notes.append("\n".join(("Resources that the client names:", *(f"- {one}" for one in chart.resources))))
    notes.extend(f"Psychoeducation, {name}: {words}" for name, words in chart.psychoeducation.items() if words.strip())
    if frame.structure_wanted != "unsaid":
        notes.append(f"Structure that the client wants: {frame.structure_wanted}")
    if judged.conditions:
        notes.append(CONDITIONS)
    notes.append(EVIDENCE)
    templates = {one.goal.template.id: one.goal.template for one in chart.goals}
    notes.extend(f"{one.title}: {one.evidence}" for one in templates.values() if one.evidence.strip())
    return notes


def plan_narrative(chart: ChartPlan, notes: list[str]) -> dict[str, str]:
    """Return CarePlan.text: the concern and each goal in the client's words, the frame, diagnoses and `notes`."""
    frame = chart.frame
    return narrative(
        heading(TITLE),
        paragraph("The concern in the client's own words", chart.words) if chart.words else "",
        *(
            paragraph(f"Goal ({_ANSWERED[one.status]})", f"{one.goal.words}\n{objective(one.goal, chart)}")
            for one in chart.goals
        ),
        paragraph("Frame", f"{form(chart)}. {rhythm(frame)}, from {frame.start} to the review by {frame.review_by}."),
        listing("Diagnoses on record", [one.text for one in frame.diagnoses if one.text]),
        listing("Notes", notes),
    )


def goal_notes(one: ChartGoal, chart: ChartPlan) -> list[str]:
    """Return the texts of Goal.note, in a fixed order."""
    goal = one.goal
    notes = [f"Objective: {objective(goal, chart)}", _named(goal.responsible)]
    if goal.payer_words and goal.payer_words.strip():
        notes.append(f"Wording for the payer: {goal.payer_words}")
    if one.status is AcceptanceStatus.DISAGREE and one.reason and one.reason.strip():
        notes.append(f"Declined, in the client's words: {one.reason}")
    return notes


def _named(responsible: str) -> str:
    return (
        f"Named for this goal: {_WHO[responsible]}. Client and therapist both take part; a target not reached is "
        "something to talk about, nobody's fault."
    )


def objective(goal: Goal, chart: ChartPlan) -> str:
    """Return the whole objective in plain words: measure, target, time limit, and the date with its estimate."""
    due, estimated = goal.due(chart.frame)
    by = f"by {due.isoformat()}{', estimated' if estimated else ''}"
    return (
        f"{goal.template.measure.text.rstrip('. ')}. Target: {_wanted(goal, chart)}, {goal.within.sentence()} ({by})."
    )


def each_partner(goal: Goal, chart: ChartPlan) -> int:
    """Return how many of the count must come from each partner at least; only a couple has partners."""
    return goal.template.measure.each_partner if chart.unit_kind is UnitKind.COUPLE else 0


def _wanted(goal: Goal, chart: ChartPlan) -> str:
    measure, target = goal.template.measure, goal.target
    by_each = each_partner(goal, chart)
    each = f" with at least {by_each} by each partner" if by_each else ""
    match target:
        case Count():
            return f"at least {_counted(target.count, measure)}{each}"
        case Ratio():
            return f"at least {target.count} of {_counted(target.of, measure)}{each}"
        case Exists():
            return measure.artefact or "it is there"
        case Yes():
            return "yes"
        case Both():
            return "both of these"
        case _:
            assert_never(target)


def _counted(number: int, measure: Measure) -> str:
    """Return a number of the counted thing: "1 account", "2 accounts"."""
    unit = measure.unit_one if number == 1 and measure.unit_one else measure.unit
    return f"{number} {unit}".rstrip()
