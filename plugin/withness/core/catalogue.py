"""The catalogue's texts as values, and what may be proposed or advised from them.

Nothing here selects, blocks or reads who a client is: proposals are always a list, and advice is a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from withness.core.plan import Plan
from withness.core.template import PlanTemplate
from withness.core.terms import Lead, UnitKind


@dataclass(frozen=True)
class Problem:
    """A problem-for-work: `why` the approach may serve, which templates it proposes, what it asks to consider.

    `provenance` is "LLM" where the source marks its own sentence as written by a model.
    """

    id: str
    title: str
    why: str
    references: tuple[int, ...]
    provenance: str
    proposes: tuple[str, ...]
    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Term:
    """A key term in plain words."""

    id: str
    term: str
    meaning: str
    references: tuple[int, ...]


@dataclass(frozen=True)
class Format:
    """One value of a format axis; `no_plan_because` is filled where a plan cannot have it.

    `advisory` is advice for a plan that has it, never a block.
    """

    id: str
    title: str
    meaning: str
    no_plan_because: str = ""
    advisory: str = ""


@dataclass(frozen=True)
class StructureOption:
    """One answer to how much structure the client wants; `advisory` is advice, never a block."""

    id: str
    text: str
    advisory: str = ""


@dataclass(frozen=True)
class Statement:
    """A text with its source, for people to read; never a rule input."""

    text: str
    source: str
    references: tuple[int, ...]
    provenance: str = ""
    id: str = ""
    title: str = ""


@dataclass(frozen=True)
class Suitability:
    """Formats and the conversation about whether the approach suits.

    `populations` is literature context: no rule reads it (contracts I10).
    """

    leads: tuple[Format, ...]
    units: tuple[Format, ...]
    structure_question: str
    structure_options: tuple[StructureOption, ...]
    populations_notice: str
    populations: tuple[Statement, ...]
    cautions: Mapping[str, Statement]


@dataclass(frozen=True)
class Document:
    """One of the documents that the content comes from."""

    number: int
    title: str
    about: str


@dataclass(frozen=True)
class Unsourced:
    """A statement that its document marks as written by a model; empty `references`: no source at all."""

    where: str
    statement: str
    references: tuple[int, ...]


@dataclass(frozen=True)
class Sources:
    """Where the content comes from; `resources` maps a reference number to its title."""

    documents: tuple[Document, ...]
    resources: Mapping[int, str]
    printed: Mapping[str, tuple[int, ...]]
    unsourced: tuple[Unsourced, ...]


@dataclass(frozen=True)
class Catalogue:
    """All texts that clinicians may review, beside templates and policy."""

    problems: Mapping[str, Problem]
    glossary: Mapping[str, Term]
    suitability: Suitability
    sources: Sources


def fits(template: PlanTemplate, unit: UnitKind | None, lead: Lead | None) -> bool:
    """Whether a template is written for this kind of unit and this lead (None: any)."""
    return (unit is None or unit in template.units) and (lead is None or lead in template.leads)


def proposals(
    problems: Iterable[str],
    templates: Mapping[str, PlanTemplate],
    unit: UnitKind | None = None,
    lead: Lead | None = None,
) -> tuple[PlanTemplate, ...]:
    """Return the templates that serve any of `problems` and fit unit and lead, in the templates' order.

    A proposal, never a selection: the order says nothing about which one is better.
    """
    named = frozenset(problems)
    return tuple(one for one in templates.values() if named.intersection(one.problems) and fits(one, unit, lead))


def advisories(plan: Plan, catalogue: Catalogue) -> tuple[str, ...]:
    """Return what the clinician may want to consider before saving `plan`; none of it blocks anything.

    No sentence repeats the client's words or names a person.
    """
    found = [
        option.advisory
        for option in catalogue.suitability.structure_options
        if option.id == plan.frame.structure_wanted and option.advisory
    ]
    formats = (*catalogue.suitability.leads, *catalogue.suitability.units)
    found.extend(one.advisory for one in formats if one.id in (plan.lead, plan.unit.kind) and one.advisory)
    for number, goal in enumerate(plan.goals):
        found.extend(_unfit(goal.template, plan, field=f"goals[{number}].template"))
    for problem in plan.concern.problems:
        found.extend(catalogue.problems[problem].prompts)
    return tuple(dict.fromkeys(found))


def _unfit(template: PlanTemplate, plan: Plan, *, field: str) -> Iterator[str]:
    if plan.unit.kind not in template.units:
        fits = _either([kind.value for kind in template.units])
        yield f"{field}: {template.id!r} is written for units of the kind {fits}; this one is {plan.unit.kind.value}."
    if plan.lead not in template.leads:
        fits = _either([lead.value for lead in template.leads])
        yield f"{field}: {template.id!r} is written for conversations that are {fits}; this one is {plan.lead.value}."


def _either(words: list[str]) -> str:
    """Return `words` as a person says them: "couple", "couple or family", "couple, family or group"."""
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
