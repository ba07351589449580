"""Plan templates as PlanDefinitions with their ActivityDefinitions (FHIR R4 plandefinition.html, clinical-protocol).

The id is the template's, for that is the canonical which every saved CarePlan instantiates. R4 lets the detail of a
target be a Quantity or a CodeableConcept and its due a Duration: a window of sessions, a session's number and "by each
partner" are our extensions, as on a Goal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from withness.core.form import AnsweredBy, Form
from withness.core.knowledge import Knowledge
from withness.core.template import Both, Count, Exists, LimitKind, PlanTemplate, Ratio, Yes
from withness.core.terms import UnitKind
from withness.fhir import codes
from withness.fhir.package.actions import CLINICAL_PROTOCOL, Element, action, citation, participants, plan_type
from withness.fhir.package.published import name_of, published

_USAGE: Final = (
    "A proposal for a conversation: the words, the number, the time limit and who is responsible are agreed with the "
    "client, and the plan is saved only behind the risk gate. "
)
_YES: Final = {"coding": [{"system": codes.SNOMED, "code": "373066001", "display": "Yes"}], "text": "Yes"}
_CONTEXTS: Final = "http://terminology.hl7.org/CodeSystem/usage-context-type"
_WEEK: Final = {"unit": "weeks", "system": codes.UCUM, "code": "wk"}
_OBJECTIVE: Final = "objective"
_ANSWERING: Final = {
    AnsweredBy.CLIENT: ["patient"],
    AnsweredBy.CLINICIAN: ["practitioner"],
    AnsweredBy.TOGETHER: ["patient", "practitioner"],
}


def plan_definitions(knowledge: Knowledge) -> Iterator[Element]:
    """Yield each template's PlanDefinition and ActivityDefinitions in the template's version."""
    for template in knowledge.templates.values():
        forms = _forms(knowledge, template)
        yield _plan(knowledge, template, forms)
        yield _conversation(knowledge, template)
        yield _check(knowledge, template, forms)


def _forms(knowledge: Knowledge, template: PlanTemplate) -> tuple[Form, ...]:
    """The forms that ask what the template measures."""
    measures = {template.measure.code, *(part.code for part in template.measure.parts)}
    return tuple(form for form in knowledge.forms if any(item.measure in measures for item, _ in form.walk()))


def _plan(knowledge: Knowledge, template: PlanTemplate, forms: tuple[Form, ...]) -> Element:
    head = published(
        "PlanDefinition",
        template.id,
        knowledge.publication,
        name=name_of(template.id),
        title=template.title,
        description=template.objective,
        version=template.version,
    )
    return {
        **head,
        "subtitle": template.goal,
        "type": plan_type(CLINICAL_PROTOCOL),
        "useContext": list(_contexts(template)),
        "purpose": f"{template.goal}. How it is meant to work: {template.mechanism}",
        "usage": _USAGE + template.evidence,
        "relatedArtifact": [
            *_sources(knowledge, template),
            *({"type": "depends-on", "resource": _form(one)} for one in forms),
        ],
        "goal": [_goal(knowledge, template)],
        "action": list(_actions(template, forms)),
    }


def _form(form: Form) -> str:
    return f"{codes.questionnaire(form.id)}|{form.version}"


def _contexts(template: PlanTemplate) -> Iterator[Element]:
    """Whom the template is written for: the kinds of unit, and who leads."""
    listed = ((codes.UNIT_KINDS, template.units), (codes.LEADS, template.leads))
    for system, kinds in listed:
        coding = [{"system": system, "code": kind.value} for kind in kinds]
        yield {"code": {"system": _CONTEXTS, "code": "workflow"}, "valueCodeableConcept": {"coding": coding}}


def _sources(knowledge: Knowledge, template: PlanTemplate) -> Iterator[Element]:
    yield citation(template.source)
    for number in template.references:
        yield {**citation(knowledge.catalogue.sources.resources[number]), "label": str(number)}


# --- goal ----------------------------------------------------------------------------------------------------


def _goal(knowledge: Knowledge, template: PlanTemplate) -> Element:
    titles = knowledge.catalogue.problems
    addresses = [
        {"coding": [{"system": codes.PROBLEMS, "code": one}], "text": titles[one].title} for one in template.problems
    ]
    goal: Element = {
        "id": _OBJECTIVE,
        "category": {"coding": [{"system": codes.GOAL_CATEGORY, "code": "behavioral"}]},
        "description": {"text": template.objective},
        "addresses": addresses,
        "documentation": list(_sources(knowledge, template)),
        "target": _targets(template),
    }
    return {name: value for name, value in goal.items() if value}


def _targets(template: PlanTemplate) -> list[Element]:
    """Return one target per part of the measure; all of them must be met."""
    extension = list(_limits(template))
    due = {"due": {"value": template.limit.number, **_WEEK}} if template.limit.kind is LimitKind.WEEKS else {}
    return [
        {
            **({"extension": extension} if extension else {}),
            "measure": {"coding": [{"system": codes.GOAL_MEASURES, "code": code}], "text": text},
            **detail,
            **due,
        }
        for code, text, detail in _parts(template)
    ]


def _limits(template: PlanTemplate) -> Iterator[Element]:
    urls = {LimitKind.SESSIONS: codes.SESSION_WINDOW, LimitKind.BY_SESSION: codes.BY_SESSION}
    if template.limit.kind in urls:
        yield {"url": urls[template.limit.kind], "valuePositiveInt": template.limit.number}
    if template.measure.each_partner:
        yield {"url": codes.EACH_PARTNER, "valuePositiveInt": template.measure.each_partner}


def _parts(template: PlanTemplate) -> list[tuple[str, str, Element]]:
    """Return code, text and detail of each part; "3 of 4 sessions" is 3 within its window, as the text says."""
    measure, target = template.measure, template.target
    match target:
        case Count() | Ratio():
            least = {"value": target.count, "comparator": ">=", "unit": measure.unit}
            of = f" At least {target.count} of {target.of} {measure.unit}." if isinstance(target, Ratio) else ""
            return [(measure.code, measure.text + of, {"detailQuantity": least})]
        case Exists():
            return [(measure.code, measure.text, {"detailCodeableConcept": {"text": measure.artefact}})]
        case Yes():
            return [(measure.code, measure.text, {"detailCodeableConcept": _YES})]
        case Both():
            texts = {part.code: part.text for part in measure.parts}
            return [(code, texts[code], {"detailCodeableConcept": _YES}) for code in target.codes]
        case _:
            assert_never(target)


# --- actions -------------------------------------------------------------------------------------------------


def _actions(template: PlanTemplate, forms: tuple[Form, ...]) -> Iterator[Element]:
    """The conversation, then what shows whether the objective was met, with the forms that ask for it."""
    yield action(
        "conversation",
        "Talk together",
        description=template.mechanism,
        goalId=[_OBJECTIVE],
        participant=_people(template),
        definitionCanonical=_canonical(f"{template.id}-conversation", template),
    )
    asked = [
        action(
            f"form-{one.id}",
            one.title,
            description=one.about,
            goalId=[_OBJECTIVE],
            participant=participants(_ANSWERING[one.answered_by]),
            definitionCanonical=_form(one),
        )
        for one in forms
    ]
    yield action(
        "check",
        "See whether it was reached",
        description=template.measure.text,
        textEquivalent=f"Looked at together, {template.limit.sentence()}.",
        goalId=[_OBJECTIVE],
        participant=_people(template),
        definitionCanonical=_canonical(f"{template.id}-check", template),
        action=asked,
    )


def _canonical(id: str, template: PlanTemplate) -> str:
    return f"{codes.BASE}/ActivityDefinition/{id}|{template.version}"


def _people(template: PlanTemplate) -> list[Element]:
    others = [] if template.units == (UnitKind.INDIVIDUAL,) else ["related-person"]
    return participants(["patient", "practitioner", *others])


def _conversation(knowledge: Knowledge, template: PlanTemplate) -> Element:
    """The conversations themselves, as CarePlan.activity has them: an Appointment."""
    head = _activity(
        knowledge,
        template,
        "conversation",
        f"Conversations: {template.title}",
        "The conversations in which this goal is pursued. How often and how long is agreed in the plan.",
    )
    return {**head, "kind": "Appointment", "code": {"text": template.title}, "participant": _people(template)}


def _check(knowledge: Knowledge, template: PlanTemplate, forms: tuple[Form, ...]) -> Element:
    """What is asked or counted after a conversation: a Task of whoever answers the forms."""
    head = _activity(
        knowledge, template, "check", f"Check: {template.title}", f"{template.measure.text} A record, never a score."
    )
    related = [*head["relatedArtifact"], *({"type": "depends-on", "resource": _form(one)} for one in forms)]
    code = {"coding": [{"system": codes.GOAL_MEASURES, "code": template.measure.code}], "text": template.measure.text}
    return {
        **head,
        "relatedArtifact": related,
        "kind": "Task",
        "intent": "plan",
        "code": code,
        "participant": _people(template),
    }


def _activity(knowledge: Knowledge, template: PlanTemplate, part: str, title: str, description: str) -> Element:
    head = published(
        "ActivityDefinition",
        f"{template.id}-{part}",
        knowledge.publication,
        name=name_of(f"{template.id}-{part}"),
        title=title,
        description=description,
        version=template.version,
    )
    return {**head, "usage": _USAGE + template.evidence, "relatedArtifact": list(_sources(knowledge, template))}
