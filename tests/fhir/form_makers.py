"""Answers to the forms for the tests of fhir/: any that a form allows, and responses as form fillers write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from withness.core.form import (
    Answered,
    Entry,
    Form,
    FormAnswers,
    FormItem,
    Given,
    ItemKind,
    Skipped,
    Value,
    asked,
    entry_of,
)
from withness.packs.forms import load_forms

AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
FORMS = {one.id: one for one in load_forms()}
CHECK_IN, OBSERVATION = FORMS["session-check-in"], FORMS["session-observation"]
PRIORITIES, FIRST = FORMS["own-priorities"], FORMS["first-conversation"]
REFLECTION = FORMS["supervision-reflection"]

_CONTROLS = "".join(chr(one) for one in (*range(9), 11, 12, *range(14, 32)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=_CONTROLS), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)
PEOPLE = st.sampled_from(["Patient/rosa", "Practitioner/p1", "RelatedPerson/ann"])


def examples(number: int) -> settings:
    """So many examples, however slow the machine is."""
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def values(item: FormItem) -> st.SearchStrategy[Value]:
    """Any one value that the item allows."""
    match item.kind:
        case ItemKind.CHOICE:
            return st.sampled_from([option.code for option in item.answers.options])
        case ItemKind.SCALE | ItemKind.COUNT:
            assert item.scale is not None
            return st.integers(item.scale.low, item.scale.high).filter(
                lambda number: item.scale is not None and (number - item.scale.low) % item.scale.step == 0
            )
        case ItemKind.DAY:
            return st.dates(date(1900, 1, 1), date(2999, 12, 31))
        case ItemKind.TICK:
            return st.booleans()
        case _:
            return TEXTS


def given_to(item: FormItem) -> st.SearchStrategy[Given]:
    """Any answer that the item allows, or none."""
    most = 3 if item.repeats else 1
    some = st.lists(values(item), min_size=1, max_size=most, unique=True)
    return st.one_of(st.just(Skipped()), some.map(lambda found: Answered(tuple(found))))


@st.composite
def entries(draw: st.DrawFn, form: Form, scope: str = "") -> Entry:
    """Any filling of the form, or of one of its repeating groups."""
    given: dict[str, Given] = {}
    below: dict[str, tuple[Entry, ...]] = {}
    for item, groups in form.walk():
        if entry_of(groups) != scope:
            continue
        if item.asks:
            given[item.link] = draw(given_to(item)) if asked(item, given) else Skipped(asked=False)
        elif item.kind is ItemKind.GROUP and item.repeats:
            found = draw(st.lists(entries(form, item.link), max_size=3))
            below[item.link] = tuple(one for one in found if one.said())
    return Entry(given, below)


@st.composite
def answers_to(draw: st.DrawFn, form: Form) -> FormAnswers:
    """Any answers that the form allows."""
    return FormAnswers(
        form=form.id,
        version=form.version,
        status=draw(st.sampled_from(["completed", "amended"])),
        subject=f"{draw(st.sampled_from(form.subjects))}/rosa",
        authored=AT + draw(st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000))),
        author=draw(st.one_of(st.none(), PEOPLE)),
        source=draw(st.one_of(st.none(), PEOPLE)),
        encounter=draw(st.sampled_from([None, "Encounter/e1"])),
        entry=draw(entries(form)),
    )


def response(form: Form, *items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A completed response to the form with these items; a None drops an element."""
    made: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "id": "r1",
        "questionnaire": f"https://withness.example/fhir/Questionnaire/{form.id}|{form.version}",
        "status": "completed",
        "subject": {"reference": f"{form.subjects[0]}/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "authored": "2026-11-21T10:30:00Z",
        "author": {"reference": "Practitioner/p1"},
        "source": {"reference": f"{form.subjects[0]}/rosa"},
        "item": list(items),
        **changes,
    }
    return {name: value for name, value in made.items() if value is not None}


def said(link: str, *answers: dict[str, Any]) -> dict[str, Any]:
    """One item with its answers."""
    return {"linkId": link, "answer": list(answers)}


def chose(form: Form, link: str, *codes: str, **coding: str) -> dict[str, Any]:
    """One item with codes of its own set of answers."""
    item = next(one for one, _ in form.walk() if one.link == link)
    system = f"https://withness.example/fhir/CodeSystem/{item.answers.id}"
    return said(link, *({"valueCoding": {"system": system, "code": code, **coding}} for code in codes))


def wrote(link: str, *texts: str) -> dict[str, Any]:
    """One item with words."""
    return said(link, *({"valueString": text} for text in texts))


def group(link: str, *items: dict[str, Any]) -> dict[str, Any]:
    """One group with its items."""
    return {"linkId": link, "item": list(items)}


def every_item(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every item of a Questionnaire or response, those below an answer too."""
    for item in resource.get("item", []):
        yield item
        yield from every_item(item)
        for answer in item.get("answer", []):
            yield from every_item(answer)
