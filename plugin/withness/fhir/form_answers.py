"""A QuestionnaireResponse (R4 questionnaireresponse.html) to one of our forms ↔ its answers.

A response made by any form filler is read: groups nested or left out, texts missing, contained forms and items that
we do not know ignored. An answer is taken for what it says and no more; what cannot be taken becomes a Fault, which
names a linkId or an element and never repeats what a person wrote.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from withness.core.form import (
    Answered,
    Entry,
    Form,
    FormAnswers,
    FormItem,
    Given,
    ItemKind,
    Skipped,
    Unreadable,
    asked,
    entry_of,
)
from withness.core.risk import Fault
from withness.core.terms import REFERENCE, reference
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.answer_values import moment
from withness.fhir.form_values import Read, read_value, write_value

FINISHED: Final = ("completed", "amended")
CHECK_INS: Final = ("session-check-in", "session-observation", "own-priorities")
"""The forms that a goal's achievement is counted from: their responses name our profile too."""

WRITERS: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")

_LINK: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ITEM: Final = frozenset(("id", "extension", "linkId", "definition", "text", "answer", "item", "_text", "_linkId"))
_MISPLACED: Final = "the item stands in the wrong place"


def read_response(form: Form, resource: Mapping[str, Any]) -> FormAnswers:
    """Return the answers that `resource` gives to `form`.

    Raises InvalidInput only when it is no QuestionnaireResponse, or does not say whom it is about.
    """
    if not isinstance(resource, Mapping) or resource.get("resourceType") != "QuestionnaireResponse":
        raise InvalidInput("The answers must be a QuestionnaireResponse.", field="resourceType")
    subject = _subject(form, resource.get("subject"))
    reading = _Reading(form)
    status, version = reading.whole(resource)
    authored = reading.authored(resource.get("authored"))
    return FormAnswers(
        form=form.id,
        version=version,
        status=status,
        subject=subject,
        authored=authored,
        author=reading.person(resource, "author"),
        source=reading.person(resource, "source"),
        encounter=reading.encounter(resource),
        entry=reading.items(resource.get("item", [])),
        faults=tuple(dict.fromkeys(reading.faults)),
    )


def _subject(form: Form, element: object) -> str:
    text = element.get("reference") if isinstance(element, Mapping) else None
    if not isinstance(text, str):
        raise InvalidInput("subject must say whom the answers are about.", field="subject")
    return reference(text.partition("/_history/")[0], *form.subjects, field="subject")


def _safe(name: object) -> str:
    """Return `name` when it looks like a linkId, so that no person's words come back in a message."""
    return name if isinstance(name, str) and _LINK.fullmatch(name) else "an unknown item"


@dataclass
class _Scope:
    """The form, or one entry of a repeating group: where each known item was found, before it is judged."""

    link: str
    found: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    below: dict[str, list[_Scope]] = field(default_factory=dict)


class _Reading:
    """The faults, as they are found."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.known = {item.link: (item, entry_of(groups)) for item, groups in form.walk()}
        self.labels = {f"{link}.{code}" for link in self.known for code in ("help", "lower", "upper")}
        self.misplaced: set[str] = set()
        self.faults: list[Fault] = []

    def fault(self, where: str, why: str, *, whole: bool = False) -> None:
        self.faults.append(Fault(where, why, whole=whole))

    def whole(self, resource: Mapping[str, Any]) -> tuple[str, str]:
        """Judge the response as a whole; return its status and the version that it names."""
        for key in ("implicitRules", "modifierExtension"):
            if key in resource:
                self.fault(key, "the response is to be read by rules that are not known here", whole=True)
        named = resource.get("questionnaire")
        url, _, version = named.partition("|") if isinstance(named, str) else ("", "", "")
        if url != codes.questionnaire(self.form.id):
            self.fault("questionnaire", "the answers are not those of this form", whole=True)
        elif not version:
            self.fault("questionnaire", "the response does not name the form's version", whole=True)
        elif version != self.form.version:
            self.fault("questionnaire", "the response is to another version of the form", whole=True)
        status = resource.get("status")
        if status not in FINISHED:
            self.fault("status", "the response is not completed", whole=True)
        return (status if isinstance(status, str) else ""), version

    def authored(self, text: object) -> datetime | None:
        made = moment(text) if isinstance(text, str) else None
        if made is None:
            self.fault("authored", "the response does not say when it was made, with date, time and zone", whole=True)
        return made

    def person(self, resource: Mapping[str, Any], name: str) -> str | None:
        return self._reference(resource, name, *WRITERS)

    def encounter(self, resource: Mapping[str, Any]) -> str | None:
        return self._reference(resource, "encounter", "Encounter")

    def _reference(self, resource: Mapping[str, Any], name: str, *types: str) -> str | None:
        if name not in resource:
            return None
        element = resource[name]
        text = element.get("reference") if isinstance(element, Mapping) else None
        match = REFERENCE.fullmatch(text) if isinstance(text, str) else None
        if match is None or match["type"] not in types:
            self.fault(name, f"the response's {name} cannot be read", whole=True)
            return None
        return match[0]

    def items(self, items: object) -> Entry:
        """Return the answers of the whole form."""
        top = _Scope("")
        self._place(items, top)
        return self._entry(top)

    def _place(self, items: object, top: _Scope) -> None:
        """Find every known item; in a queue, since a hostile file nests without end.

        A group that does not repeat says nothing of its own, so that its items may stand without it (`scope`).
        What stands under an item that we do not know, or under an answer, is nobody's (`scope` None).
        """
        waiting: deque[tuple[object, _Scope | None]] = deque([(items, top)])
        while waiting:
            listed, scope = waiting.popleft()
            if not isinstance(listed, list):
                self.fault("item", "the response has items that cannot be read", whole=True)
                continue
            for item in listed:
                if not isinstance(item, Mapping):
                    self.fault("item", "the response has items that cannot be read", whole=True)
                    continue
                inner = self._item(item, scope)
                if "item" in item:
                    waiting.append((item["item"], inner))
                answers = item.get("answer")
                below = answers if isinstance(answers, list) else ()
                waiting.extend((one["item"], None) for one in below if isinstance(one, Mapping) and "item" in one)

    def _item(self, found: Mapping[str, Any], scope: _Scope | None) -> _Scope | None:
        """Note one item where it stands; return the scope of the items below it."""
        link = found.get("linkId")
        item, home = self.known.get(link, (None, "")) if isinstance(link, str) else (None, "")
        if item is None:
            if not isinstance(link, str) or link not in self.labels:
                self.fault(_safe(link), "the form has no such item")
            return None
        if not _ITEM.issuperset(found):
            self.fault(item.link, "the item has parts that are not known here")
            self.misplaced.add(item.link)
        if not item.asks and "answer" in found:
            self.fault(item.link, "an answer stands where none belongs")
        if scope is None or scope.link != home:
            self.misplaced.add(item.link)
            self.fault(item.link, _MISPLACED)
            return None
        return self._noted(item, found, scope)

    def _noted(self, item: FormItem, found: Mapping[str, Any], scope: _Scope) -> _Scope | None:
        if item.kind is ItemKind.GROUP and item.repeats:
            inner = _Scope(item.link)
            scope.below.setdefault(item.link, []).append(inner)
            return inner
        if item.kind is ItemKind.GROUP:
            return scope
        scope.found.setdefault(item.link, []).append(found)
        return None

    def _entry(self, scope: _Scope) -> Entry:
        given: dict[str, Given] = {}
        below: dict[str, tuple[Entry, ...]] = {}
        for link, (item, home) in self.known.items():
            if home != scope.link:
                continue
            if item.asks:
                given[link] = self._judged(item, scope.found.get(link, []), asked(item, given))
            elif item.kind is ItemKind.GROUP and item.repeats:
                entries = [self._entry(one) for one in scope.below.get(link, [])]
                below[link] = tuple(one for one in entries if one.said())
        return Entry(given, below)

    def _judged(self, item: FormItem, found: list[Mapping[str, Any]], is_asked: bool) -> Given:
        """Return what was given to one question: the values that count, nothing, or why it cannot be taken."""
        whys = [_MISPLACED] if item.link in self.misplaced else []
        answers = [one["answer"] for one in found if "answer" in one]
        if len(answers) > 1 and not item.repeats:
            whys.append("the item is there more than once")
        read = [one for listed in answers for one in _each(item, listed)]
        whys += [why for _, why in read if why]
        values = tuple(dict.fromkeys(value for value, _ in read if value is not None))
        if len(values) > 1 and not item.repeats:
            whys.append("the item has more than one answer")
        if values and not is_asked:
            whys.append("the item is answered where the form does not ask it")
        if whys:
            for why in dict.fromkeys(whys):
                self.fault(item.link, why)
            return Unreadable(tuple(dict.fromkeys(whys)))
        return Answered(values) if values else Skipped(asked=is_asked)


def _each(item: FormItem, listed: object) -> list[Read]:
    if not isinstance(listed, list) or not listed:
        return [(None, "the answer cannot be read")]
    return [read_value(item, answer) for answer in listed]


def response_of(form: Form, answers: FormAnswers, *, id: str = "", us_core: str = "") -> dict[str, Any]:
    """Return the QuestionnaireResponse that says `answers`; `read_response` reads it back as it was.

    A skipped question is left out. `us_core` is the version whose profile it names, ours beside it, where the subject
    is a Patient. Raises InvalidInput naming an answer that could not be read: it cannot be written for a person.
    """
    if answers.faults or answers.authored is None:
        raise InvalidInput("Answers with a fault cannot be written as a response.", field="faults")
    if (answers.form, answers.version) != (form.id, form.version):
        raise InvalidInput("The answers are to another form or version.", field="questionnaire")
    response: dict[str, Any] = {"resourceType": "QuestionnaireResponse"}
    if id:
        response["id"] = id
    if us_core and answers.subject.startswith("Patient/"):
        ours = [codes.versioned(codes.CHECK_IN_RESPONSE)] if form.id in CHECK_INS else []
        response["meta"] = {"profile": [codes.us_core("us-core-questionnaireresponse", us_core), *ours]}
    response |= {
        "questionnaire": f"{codes.questionnaire(form.id)}|{form.version}",
        "status": answers.status,
        "subject": {"reference": answers.subject},
    }
    if answers.encounter is not None:
        response["encounter"] = {"reference": answers.encounter}
    response["authored"] = answers.authored.astimezone(UTC).isoformat().replace("+00:00", "Z")
    people = {"author": answers.author, "source": answers.source}
    response |= {name: {"reference": who} for name, who in people.items() if who is not None}
    items = [one for item in form.items for one in _written(item, answers.entry)]
    return {**response, "item": items} if items else response


def _written(item: FormItem, entry: Entry) -> list[dict[str, Any]]:
    """Return the response items of one form item: none where nothing was answered."""
    head = {"linkId": item.link, "text": item.text}
    if item.kind is ItemKind.GROUP:
        entries = entry.entries.get(item.link, ()) if item.repeats else (entry,)
        filled = ([one for below in item.items for one in _written(below, inner)] for inner in entries)
        return [{**head, "item": items} for items in filled if items]
    given = entry.given.get(item.link, Skipped())
    if isinstance(given, Unreadable):
        raise InvalidInput(f"{item.link} has an answer that could not be read.", field=item.link)
    if not isinstance(given, Answered) or not item.asks:
        return []
    return [{**head, "answer": [write_value(item, value) for value in given.values]}]
