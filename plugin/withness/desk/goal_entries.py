"""What the chart does not say yet of how far goals have come: each Goal, and the survey Observations that show it.

What others wrote stays: their outcomes, and an Observation that somebody marked as entered in error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from withness.core.terms import REFERENCE
from withness.desk.check_ins import forms, marked
from withness.desk.context import Context
from withness.desk.goals import Response, Tracked
from withness.errors import EhrRefused, EhrUnavailable
from withness.fhir.check import require_valid
from withness.fhir.extraction import observation_id, observations
from withness.fhir.goal_progress import goal_with, outcomes_of
from withness.fhir.making import Resource
from withness.fhir.status import ENTERED_IN_ERROR, differs, put
from withness.store.rows import PlanRow


@dataclass(frozen=True)
class _Observed:
    """An Observation that a response makes, and the measure that it is of."""

    resource: Resource
    measure: str
    response: Response


def goal_entries(context: Context, plan: PlanRow, goals: tuple[Tracked, ...]) -> list[Resource]:
    """Return the entries to write: nothing where the chart says it all. What is ours of them is checked.

    Raises EhrRefused for a goal that the EHR does not hold, EhrUnavailable while its plan's amendment is on its way.
    """
    counted = tuple(goal for goal in goals if goal.counted)
    observed = {one.resource["id"]: one for one in _observed(context, counted)}
    changed, settled = [], set()
    for goal in counted:
        stored = context.ehr.read(goal.reference)
        if stored is None and plan.content.get("pending"):
            raise EhrUnavailable("An amendment of this plan waits for the EHR.")
        if stored is None:
            raise EhrRefused("The EHR does not hold a goal of this plan: look for it there.")
        named = outcomes_of(stored.resource)
        mine = {one.id for one in goal.responses}
        shown = [
            f"Observation/{id}"
            for id, one in observed.items()
            if one.measure in _codes(goal) and one.response.id in mine
        ]
        settled.update(named)
        ours = [one for one in named if one in shown or _made_here(context, one)]
        made = goal_with(stored.resource, goal.progress, shown, ours=ours)
        if made is not None:
            own = {name: value for name, value in made.items() if name != "outcomeReference"}
            _check({**own, **({"outcomeReference": [{"reference": one} for one in shown]} if shown else {})})
            changed.append(put(made, stored.version))
    return [*_moved(context, observed, settled), *changed]


def _codes(goal: Tracked) -> tuple[str, ...]:
    measure = goal.objective.measure
    return (measure.code, *(part.code for part in measure.parts))


def _observed(context: Context, goals: tuple[Tracked, ...]) -> Iterator[_Observed]:
    """Yield every Observation that the goals' responses make, each once."""
    measures = {code for goal in goals for code in _codes(goal)}
    for one in {response.id: response for goal in goals for response in goal.responses}.values():
        made_here = observations(one.form, one.answers, response_id=one.id, us_core=context.settings.us_core)
        for made in marked(context, made_here):
            code = made["code"]["coding"][0]["code"]
            if code in measures:
                yield _Observed(made, code, one)


def _made_here(context: Context, reference: str) -> bool:
    """Whether an outcome is an Observation that Withness made of a check-in, whether that still counts or not."""
    kind, _, id = reference.partition("/")
    stored = context.ehr.read(reference) if kind == "Observation" and REFERENCE.fullmatch(reference) else None
    listed = stored.resource.get("derivedFrom") if stored else None
    named = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    sources = [str(one.get("reference")).removeprefix("QuestionnaireResponse/") for one in named]
    links = [item.link for form in forms().values() for item, _ in form.walk()]
    return any(observation_id(source, link) == id for source in sources for link in links)


def _moved(context: Context, observed: Mapping[str, _Observed], settled: set[str]) -> Iterator[Resource]:
    """Yield the Observations that the chart does not hold as they are now.

    One that a Goal names already was written by us: it is read again only where its response was amended since.
    """
    for id, one in observed.items():
        if f"Observation/{id}" in settled and one.response.answers.status != "amended":
            continue
        stored, made = context.ehr.read(f"Observation/{id}"), one.resource
        if stored is None:
            _check(made)
            yield put(made, "")
        elif stored.resource.get("status") != ENTERED_IN_ERROR and differs(stored.resource, made):
            yield put({**stored.resource, **made}, stored.version)


def _check(made: Resource) -> None:
    require_valid({"resourceType": "Bundle", "type": "transaction", "entry": [put(made, "")]})
