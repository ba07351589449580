"""The package's code systems, value sets and naming systems, made from the catalogue and the plan templates.

The risk screen's three code systems are the policy's (`questionnaires`), those of the other forms stand in `forms`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from withness.core.knowledge import Knowledge
from withness.core.profile import Naming, Selection, System
from withness.core.publication import Publication
from withness.fhir import codes
from withness.fhir.package.published import code_system, published

Element = dict[str, Any]
Concepts = Mapping[str, tuple[str, str]]


def terminology(knowledge: Knowledge) -> Iterator[Element]:
    """Yield our own code systems, the value sets of codes that are others', and the naming systems.

    The value set of a whole code system is `published.whole_value_set`, and not among these.
    """
    publication = knowledge.publication
    for system in knowledge.terminology.systems:
        yield _system(system, publication)
    yield from _catalogue_systems(knowledge)
    for selection in knowledge.terminology.selections:
        yield _selection(selection, publication)
    for naming in knowledge.terminology.namings:
        yield _naming(naming, publication)


def _system(system: System, publication: Publication) -> Element:
    return code_system(
        system.id,
        publication,
        {one.code: (one.display, one.definition) for one in system.concepts},
        name=system.name,
        title=system.title,
        description=system.description,
    )


def _catalogue_systems(knowledge: Knowledge) -> Iterator[Element]:
    """Yield the code systems whose codes are the ids of the catalogue's own entries."""
    catalogue, publication = knowledge.catalogue, knowledge.publication
    suitability = catalogue.suitability
    yield code_system(
        codes.id_of(codes.GOAL_MEASURES),
        publication,
        _measures(knowledge),
        name="GoalMeasure",
        title="Measure of a goal",
        description="What is counted or asked to see whether a goal was reached; from the plan templates.",
    )
    yield code_system(
        codes.id_of(codes.PROBLEMS),
        publication,
        {one.id: (one.title, one.why) for one in catalogue.problems.values()},
        name="ProblemForWork",
        title="Problem for work",
        description="What a conversation can be about. These are no diagnoses, and no indication for a disorder.",
    )
    yield code_system(
        codes.id_of(codes.LEADS),
        publication,
        {one.id: (one.title, one.meaning) for one in suitability.leads},
        name="PlanLead",
        title="Lead of a conversation",
        description="Who drives what is talked about.",
    )
    yield code_system(
        codes.id_of(codes.UNIT_KINDS),
        publication,
        {one.id: (one.title, one.meaning) for one in suitability.units if not one.no_plan_because},
        name="UnitKind",
        title="Kind of unit",
        description="Who takes part in the conversation together.",
    )
    yield code_system(
        codes.id_of(codes.KEY_TERMS),
        publication,
        {one.id: (one.term, one.meaning) for one in catalogue.glossary.values()},
        name="DialogicTerm",
        title="Key terms of collaborative therapy",
        description="The key terms of collaborative (dialogic) therapy in plain words.",
    )


def _measures(knowledge: Knowledge) -> Concepts:
    """Return each template's measure, and the parts of those that have two."""
    found: dict[str, tuple[str, str]] = {}
    for template in knowledge.templates.values():
        measure = template.measure
        for code, text in ((measure.code, measure.text), *((part.code, part.text) for part in measure.parts)):
            found.setdefault(code, (code.replace("-", " ").capitalize(), text))
    return found


def _selection(selection: Selection, publication: Publication) -> Element:
    head = published(
        "ValueSet",
        selection.id,
        publication,
        name=selection.name,
        title=selection.title,
        description=selection.description,
    )
    include = [
        {"system": system, "concept": [{"code": one} for one in listed]} for system, listed in selection.includes
    ]
    return {**head, "immutable": True, "compose": {"include": include}}


def _naming(naming: Naming, publication: Publication) -> Element:
    """Return a NamingSystem (R4 namingsystem.html): of the head that others have it knows a part only."""
    head = published(
        "NamingSystem", naming.id, publication, name=naming.name, title=naming.name, description=naming.description
    )
    kept = ("resourceType", "id", "name", "status", "date", "publisher", "contact", "description", "jurisdiction")
    unique = {"type": "uri", "value": f"{codes.BASE}/sid/{naming.id}", "preferred": True}
    return {**{name: head[name] for name in kept}, "kind": "identifier", "uniqueId": [unique]}
