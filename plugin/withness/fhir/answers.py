"""A QuestionnaireResponse (R4 questionnaireresponse.html) → the screen that the gate reads.

Only a coding of the right system with a code that the policy lists for that item counts as an answer. Whatever
else is there becomes a Fault, and a fault holds: silence never clears, and a yes is never lost (contracts I2).
No fault repeats what a person wrote: it names a linkId or an element.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from withness.core.risk import Fault, RiskPolicy, Screen
from withness.core.terms import REFERENCE, Acuity, reference
from withness.errors import CannotTell, InvalidInput
from withness.fhir import codes
from withness.fhir.answer_values import moment, values
from withness.fhir.questionnaires import Field, Kind, fields

SUBJECTS: Final = ("Patient", "RelatedPerson")
AUTHORS: Final = ("Practitioner", "PractitionerRole", "Patient", "RelatedPerson")
FINISHED: Final = ("completed", "amended")

_CITED: Final = re.compile(r"[A-Za-z0-9.:/_-]{1,128}")
_LINK: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_NOWHERE: Final = ""
"""No item stands under this."""
# fmt: off
_ROOT: Final = frozenset((
    "resourceType", "id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension",
    "identifier", "basedOn", "partOf", "questionnaire", "status", "subject", "encounter", "authored", "author",
    "source", "item", "_id", "_implicitRules", "_language", "_questionnaire", "_status", "_authored",
))
_ITEM: Final = frozenset((
    "id", "extension", "modifierExtension", "linkId", "definition", "text", "answer", "item",
    "_linkId", "_definition", "_text",
))
# fmt: on
_RAISING: Final = (Acuity.ELEVATED, Acuity.ACUTE)


def read_screen(resource: Mapping[str, Any], policy: RiskPolicy, *, id: str, recorded: datetime) -> Screen:
    """Return the screen that `resource` records; its unreadable parts are faults.

    Raises InvalidInput only when `resource` is no QuestionnaireResponse or does not say whom it is about.
    """
    if not isinstance(resource, Mapping) or resource.get("resourceType") != "QuestionnaireResponse":
        raise InvalidInput("A risk screen must be a QuestionnaireResponse.", field="resourceType")
    person = _subject(resource.get("subject"))
    reading = _Reading(policy)
    reading.form(resource)
    return Screen(
        id=id,
        person=person,
        authored=reading.authored(resource.get("authored")),
        recorded=recorded,
        author=reading.author(resource.get("author")),
        encounter=reading.encounter(resource),
        corrects=reading.corrects(resource.get("extension", [])),
        answers=reading.items(resource.get("item", [])),
        faults=tuple(dict.fromkeys(reading.faults)),
    )


def _subject(element: object) -> str:
    text = element.get("reference") if isinstance(element, Mapping) else None
    if not isinstance(element, Mapping) or not isinstance(text, str):
        raise InvalidInput("subject must say whom the screen is about, such as Patient/id.", field="subject")
    if "://" in text:
        raise InvalidInput(
            "subject must be a relative reference such as Patient/id, never a web address.", field="subject"
        )
    person = reference(text.partition("/_history/")[0], *SUBJECTS, field="subject")
    if element.get("type", person.partition("/")[0]) != person.partition("/")[0]:
        raise InvalidInput("subject must not name one type and refer to another.", field="subject")
    return person


def _reference(element: object, *types: str) -> str | None:
    text = element.get("reference") if isinstance(element, Mapping) else None
    match = REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return match[0] if match and match["type"] in types else None


def _safe(name: object) -> str:
    """Return `name` when it looks like a linkId, so that no person's words come back in a message."""
    return name if isinstance(name, str) and _LINK.fullmatch(name) else "an unknown item"


@dataclass(frozen=True)
class _Place:
    """One occurrence of a known item."""

    item: Mapping[str, Any]
    misplaced: bool


class _Reading:
    """The faults, as they are found."""

    def __init__(self, policy: RiskPolicy) -> None:
        self.version = policy.version
        self.fields = {one.link: one for one in fields(policy)}
        self.faults: list[Fault] = []

    def whole(self, where: str, why: str) -> None:
        self.faults.append(Fault(where, why, whole=True))

    def form(self, resource: Mapping[str, Any]) -> None:
        """Judge the resource as a whole: which form, which version, finished or not."""
        for key in resource:
            if key not in _ROOT:
                self.whole(_safe(key), "the screen has an element that a QuestionnaireResponse does not have")
        for key in ("implicitRules", "modifierExtension"):
            if key in resource:
                self.whole(key, "the screen is to be read by rules that are not known here")
        questionnaire = resource.get("questionnaire")
        url, _, version = questionnaire.partition("|") if isinstance(questionnaire, str) else ("", "", "")
        if url != codes.QUESTIONNAIRE_RISK_SCREEN:
            self.whole("questionnaire", "the answers are not those of the risk screen")
        elif not version:
            self.whole("questionnaire", "the screen does not name its version")
        elif version != self.version:
            self.whole("questionnaire", "the screen is another version than the policy in force")
        if resource.get("status") not in FINISHED:
            self.whole("status", "the screen is not completed")

    def authored(self, text: object) -> datetime | None:
        made = moment(text) if isinstance(text, str) else None
        if made is None:
            self.whole("authored", "the screen does not say when it was made, with date, time and zone")
        return made

    def author(self, element: object) -> str | None:
        found = _reference(element, *AUTHORS)
        if found is None:
            self.whole("author", "the screen does not say who recorded it")
        return found

    def encounter(self, resource: Mapping[str, Any]) -> str | None:
        """A screen without encounter is readable: whether one is needed is the policy's window."""
        found = _reference(resource.get("encounter"), "Encounter")
        if found is None and "encounter" in resource:
            self.whole("encounter", "the screen's encounter cannot be read")
        return found

    def corrects(self, extensions: object) -> str | None:
        if not isinstance(extensions, list) or not all(isinstance(one, Mapping) for one in extensions):
            self.whole("extension", "the screen has an extension that cannot be read")
            return None
        cited = [one for one in extensions if one.get("url") == codes.CORRECTS]
        found = _cited(cited[0]) if len(cited) == 1 else None
        if cited and found is None:
            self.whole("corrects", "the screen that this one corrects cannot be read")
        return found

    def items(self, items: object) -> dict[str, str]:
        """Return the answers that count, in the policy's order."""
        places: dict[str, list[_Place]] = {}
        for link, place in self._walk(items):
            places.setdefault(link, []).append(place)
        answers = {}
        for link, one in self.fields.items():
            found = self._settle(one, places.get(link, []))
            if found is not None:
                answers[link] = found
        if any(fault.whole for fault in self.faults):
            return {link: answer for link, answer in answers.items() if not self._lowers(link)}
        return answers

    def _lowers(self, link: str) -> bool:
        """`.new` can make a yes count as known history: a screen that is not relied on may not."""
        parent = self.fields[link].parent
        return parent is not None and self.fields[parent].question

    def _walk(self, items: object) -> Iterator[tuple[str, _Place]]:
        """Every known item, wherever it stands; in a queue, since a hostile file nests without end."""
        waiting: deque[tuple[object, str | None]] = deque([(items, None)])
        while waiting:
            listed, parent = waiting.popleft()
            if not isinstance(listed, list):
                self.whole("item", "the screen has items that cannot be read")
                continue
            for item in listed:
                if not isinstance(item, Mapping):
                    self.whole("item", "the screen has items that cannot be read")
                    continue
                link = item.get("linkId")
                known = self.fields.get(link) if isinstance(link, str) else None
                self._item_itself(item, known)
                if known is not None:
                    yield known.link, _Place(item, misplaced=known.parent != parent)
                waiting.extend(_inner(item, known))

    def _item_itself(self, item: Mapping[str, Any], known: Field | None) -> None:
        where = known.link if known else _safe(item.get("linkId"))
        if known is None:
            self.whole(where, "the risk screen has no such item")
        if not _ITEM.issuperset(item) or "modifierExtension" in item:
            self.whole(where, "the item has parts that are not known here")

    def _settle(self, one: Field, places: list[_Place]) -> str | None:
        """Return the item's answer, else record why it does not count and keep what raises."""
        troubles: list[str] = []
        whole = not one.question
        if any(place.misplaced for place in places):
            troubles.append("the item stands in the wrong place")
            whole = True
        if len(places) > 1:
            troubles.append("the item is there more than once")
            whole = True
        read = [values(one, place.item) for place in places if "answer" in place.item]
        troubles += [why for _, whys in read for why in whys]
        given = [value for some, _ in read for value in some]
        if not troubles:
            return given[0] if given else None
        self.faults.extend(Fault(one.link, why, whole=whole) for why in troubles)
        raising = [value for value in given if one.options.get(value) in _RAISING]
        return max(raising, key=lambda value: one.options[value].rank, default=None)


def _inner(item: Mapping[str, Any], known: Field | None) -> Iterator[tuple[object, str | None]]:
    """The lists of items below `item`, each with the linkId it stands under.

    A group's items are its own, a question's stand under its answer (R4 qrs-1): elsewhere they are nobody's.
    """
    group = known is not None and known.kind is Kind.GROUP
    link = known.link if known else _NOWHERE
    if "item" in item:
        yield item["item"], link if group else _NOWHERE
    answers = item.get("answer")
    for answer in answers if isinstance(answers, list) else ():
        if isinstance(answer, Mapping) and "item" in answer:
            yield answer["item"], _NOWHERE if group else link


def _cited(extension: Mapping[str, Any]) -> str | None:
    """The cited screen's id: the identifier's value, or the literal reference."""
    element = extension.get("valueReference")
    literal = _reference(element, "QuestionnaireResponse")
    if literal is not None:
        return literal
    identifier = element.get("identifier") if isinstance(element, Mapping) else extension.get("valueIdentifier")
    if not isinstance(identifier, Mapping) or identifier.get("system", codes.SCREEN) != codes.SCREEN:
        return None
    value = identifier.get("value")
    return value if isinstance(value, str) and _CITED.fullmatch(value) else None


def canonical_answers(screen: Screen) -> dict[str, Any]:
    """Return everything that the gate reads of the screen, ready for canonical JSON (RFC 8785).

    {"answers": {"suicide.now": "no", …}, "author": "Practitioner/p1",
     "authored": "2026-11-21T10:00:00.000000Z", "corrects": null, "encounter": "Encounter/e1",
     "faults": [], "person": "Patient/rosa", "recorded": "2026-11-21T10:02:00.000000Z"}
    """
    return {
        "person": screen.person,
        "authored": None if screen.authored is None else _written(screen.authored),
        "recorded": _written(screen.recorded),
        "author": screen.author,
        "encounter": screen.encounter,
        "answers": dict(screen.answers),
        "faults": [{"where": one.where, "why": one.why, "whole": one.whole} for one in screen.faults],
        "corrects": screen.corrects,
    }


def screen_from_canonical(value: Mapping[str, Any], *, id: str, number: int = 0) -> Screen:
    """Return the screen whose `canonical_answers` are `value`; `number` is its place in the order of recording.

    Raises CannotTell when `value` is not of that form: nothing is guessed from stored answers.
    """
    try:
        return Screen(
            id=id,
            person=value["person"],
            authored=None if value["authored"] is None else datetime.fromisoformat(value["authored"]),
            recorded=datetime.fromisoformat(value["recorded"]),
            author=value["author"],
            encounter=value["encounter"],
            answers=dict(value["answers"]),
            faults=tuple(Fault(one["where"], one["why"], one["whole"]) for one in value["faults"]),
            corrects=value["corrects"],
            number=number,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        raise CannotTell("The stored answers of a screen cannot be read.", field="screen") from fault


def _written(moment: datetime) -> str:
    """UTC with microseconds, one spelling only. Raises ValueError for a moment without zone."""
    if moment.utcoffset() is None:
        raise ValueError("a moment needs its zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
