"""The forms beside the risk screen as FHIR R4 Questionnaires, with their code systems, made from the catalogue.

Rendering, prefill and extraction are said by extensions (FHIR facts 3.2). No item has an initial value; what is
prefilled is a name or a day, never an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from withness.core.form import AnswerSet, Constraint, Form, FormItem, ItemKind, Kept, OnlyIf, Option, Prefill
from withness.core.knowledge import Knowledge
from withness.core.publication import Publication
from withness.fhir import codes
from withness.fhir.extraction import copied, item_coding
from withness.fhir.package.fhirpath import expression
from withness.fhir.package.published import code_system, name_of, published

Element = dict[str, Any]

_TYPES: Final = {
    ItemKind.GROUP: "group",
    ItemKind.NOTE: "display",
    ItemKind.WORDS: "text",
    ItemKind.LINE: "string",
    ItemKind.CHOICE: "choice",
    ItemKind.SCALE: "integer",
    ItemKind.COUNT: "integer",
    ItemKind.DAY: "date",
    ItemKind.TICK: "boolean",
}

_NAME: Final = (
    "iif(%{who}.name.where(use = 'usual').exists(), %{who}.name.where(use = 'usual'), "
    "%{who}.name.where(use.empty() or (use != 'old' and use != 'maiden'))).first()"
    ".select(iif(text.exists(), text, given.combine(family).join(' ')))"
)
"""The name that the person goes by comes first; a name that was given up never does."""

_PREFILLS: Final = {
    Prefill.PATIENT_NAME: ("patient", "Patient", _NAME.format(who="patient")),
    Prefill.USER_NAME: ("user", "Practitioner", _NAME.format(who="user")),
    Prefill.ENCOUNTER_DATE: (
        "encounter",
        "Encounter",
        "%encounter.period.start.toString().substring(0, 10).toDate()",
    ),
}
"""Each prefill's launch context, its resource type, and the expression."""

_KEPT: Final = {
    Kept.CHART: "The answers belong to the record of the person whom they are about.",
    Kept.APART: "The answers are kept outside the client's record by default: their subject is the clinician.",
}


def form_questionnaires(knowledge: Knowledge) -> Iterator[Element]:
    """Yield each form as a Questionnaire (R4 questionnaire.html); same content, same bytes."""
    for form in knowledge.forms:
        yield form_questionnaire(form, knowledge.publication)


def form_questionnaire(form: Form, publication: Publication) -> Element:
    """Return one form as a Questionnaire."""
    head = published(
        "Questionnaire",
        form.id,
        publication,
        name=name_of(form.id),
        title=form.title,
        description=form.about,
        version=form.version,
        experimental=form.experimental,
    )
    level = f" Reading level: Flesch-Kincaid grade {form.reading_grade} or below." if form.reading_grade else ""
    coded = any(copied(item) for item, _ in form.walk())
    return {
        **{name: head.pop(name) for name in ("resourceType", "id")},
        "language": "en",
        "extension": [
            _semver(),
            *_launch_contexts(form),
            *map(_constraint, form.constraints),
            *([{"url": codes.OBSERVATION_EXTRACT_CATEGORY, "valueCodeableConcept": codes.SURVEY}] if coded else []),
        ],
        **head,
        "subjectType": list(form.subjects),
        "purpose": _KEPT[form.kept] + level,
        "item": [_item(one, {item.link: item for item, _ in form.walk()}) for one in form.items],
    }


def _semver() -> Element:
    return {"url": codes.VERSION_ALGORITHM, "valueCoding": {"system": codes.VERSION_ALGORITHMS, "code": "semver"}}


def _launch_contexts(form: Form) -> Iterator[Element]:
    used = {item.prefill for item, _ in form.walk()}
    for prefill, (name, kind, _) in _PREFILLS.items():
        if prefill in used:
            coding = {"system": codes.LAUNCH_CONTEXTS, "code": name}
            parts = [{"url": "name", "valueCoding": coding}, {"url": "type", "valueCode": kind}]
            yield {"url": codes.LAUNCH_CONTEXT, "extension": parts}


def _constraint(one: Constraint) -> Element:
    parts = [
        {"url": "key", "valueId": one.key},
        {"url": "severity", "valueCode": one.severity},
        {"url": "expression", "valueExpression": expression(one.expression)},
        {"url": "human", "valueString": one.human},
    ]
    return {"url": codes.TARGET_CONSTRAINT, "extension": parts}


def _item(one: FormItem, known: Mapping[str, FormItem]) -> Element:
    item: Element = {"linkId": one.link, "text": one.text, "type": _TYPES[one.kind]}
    extensions, coding = list(_extensions(one)), item_coding(one)
    if extensions:
        item["extension"] = extensions
    if coding:
        item["code"] = [coding]
    if one.translations:
        item["_text"] = {"extension": [_translation(*both) for both in one.translations.items()]}
    if one.only_if:
        item |= _enable_when(one.only_if, known[one.only_if.link])
    if one.asks:
        item["required"] = False
    if one.asks or one.repeats:
        item["repeats"] = one.repeats
    if one.kind is ItemKind.CHOICE:
        item["answerOption"] = [_option(one.answers.id, option) for option in one.answers.options]
    below = [*_labels(one), *(_item(inner, known) for inner in one.items)]
    if below:
        item["item"] = below
    return item


def _extensions(one: FormItem) -> Iterator[Element]:
    if one.prefill:
        yield {"url": codes.INITIAL_EXPRESSION, "valueExpression": expression(_PREFILLS[one.prefill][2])}
    if one.kind is ItemKind.CHOICE:
        yield _control("check-box" if one.repeats else "radio-button")
        yield {"url": codes.CHOICE_ORIENTATION, "valueCode": "horizontal" if one.across else "vertical"}
    if one.scale:
        yield _control("slider" if one.kind is ItemKind.SCALE else "spinner")
        yield {"url": codes.MIN_VALUE, "valueInteger": one.scale.low}
        yield {"url": codes.MAX_VALUE, "valueInteger": one.scale.high}
    if one.scale and one.kind is ItemKind.SCALE:
        yield {"url": codes.SLIDER_STEP, "valueInteger": one.scale.step}
    if copied(one):
        yield {"url": codes.OBSERVATION_EXTRACT, "valueBoolean": True}


def _control(code: str) -> Element:
    return {
        "url": codes.ITEM_CONTROL,
        "valueCodeableConcept": {"coding": [{"system": codes.ITEM_CONTROLS, "code": code}]},
    }


def _translation(language: str, text: str) -> Element:
    parts = [{"url": "lang", "valueCode": language}, {"url": "content", "valueString": text}]
    return {"url": codes.TRANSLATION, "extension": parts}


def _labels(one: FormItem) -> Iterator[Element]:
    """The help and the ends of a scale, as texts that a form filler places (item controls help, lower, upper)."""
    low, high = (one.scale.low_text, one.scale.high_text) if one.scale else ("", "")
    for code, text in (("help", one.help), ("lower", low), ("upper", high)):
        if text:
            yield {"linkId": f"{one.link}.{code}", "text": text, "type": "display", "extension": [_control(code)]}


def _enable_when(found: OnlyIf, decides: FormItem) -> Element:
    """R4 enableWhen: one condition for each answer that asks the item (que-12 wants enableBehavior beside several)."""
    asked = [{"question": found.link, "operator": "=", **_answer(decides, value)} for value in found.values]
    return {"enableWhen": asked, **({"enableBehavior": "any"} if len(asked) > 1 else {})}


def _answer(decides: FormItem, value: str | bool) -> Element:
    if isinstance(value, bool):
        return {"answerBoolean": value}
    return {"answerCoding": {"system": codes.answer_set(decides.answers.id), "code": value}}


def _option(set_id: str, option: Option) -> Element:
    listed: Element = {}
    if option.weight is not None:
        urls = (codes.ORDINAL_VALUE, codes.ITEM_WEIGHT)  # R4's own, and the one that SDC 4 reads
        listed["extension"] = [{"url": url, "valueDecimal": option.weight} for url in urls]
    return {**listed, "valueCoding": {"system": codes.answer_set(set_id), "code": option.code, "display": option.text}}


def form_terminology(knowledge: Knowledge) -> Iterator[Element]:
    """Yield the code system of each set of answers, in its form's version, and that of our own item codes."""
    sets: dict[str, tuple[AnswerSet, Form]] = {}
    for form in knowledge.forms:
        sets |= {id: (answers, form) for id, answers in form.answer_sets().items()}
    for id, (answers, form) in sets.items():
        concepts = {one.code: (one.text, _meaning(answers, one)) for one in answers.options}
        yield code_system(
            id,
            knowledge.publication,
            concepts,
            name=name_of(id),
            title=answers.title,
            description=f"{answers.title}: the answers to choose from.",
            version=form.version,
            experimental=form.experimental,
        )
    items = [item for form in knowledge.forms for item, _ in form.walk() if item.code]
    yield code_system(
        codes.id_of(codes.FORM_ITEMS),
        knowledge.publication,
        {item.code: (item.code.replace("-", " ").capitalize(), item.text) for item in items},
        name="FormItem",
        title="What an item of our forms asks",
        description="What an item of our forms asks, where it is no measure of a goal.",
        experimental=any(form.experimental for form in knowledge.forms),
    )


def _meaning(answers: AnswerSet, one: Option) -> str:
    met = " It is the answer that the goal's measure asks for." if one.meets else ""
    undecided = " It decides nothing about the goal." if one.open else ""
    return f"{answers.title}: the answer “{one.text}”.{met}{undecided}"
