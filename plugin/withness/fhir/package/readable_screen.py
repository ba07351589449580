"""Whether a recorded risk screen can be relied on at all, as FHIRPath: what `fhir.answers` calls a fault of the whole.

A response that is valid FHIR R4 is presupposed: elements that R4 does not have, and dates that no calendar has, are
found before anybody evaluates a condition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from withness.core.risk import RiskPolicy
from withness.fhir import codes
from withness.fhir.answers import AUTHORS, FINISHED, SUBJECTS
from withness.fhir.package.fhirpath import among, both, either, linked, listed, matches, quoted
from withness.fhir.questionnaires import Field, Kind, fields

_ID: Final = "(?![.]+(?!.))[A-Za-z0-9.-]{1,64}"
_MOMENT: Final = "[1-8][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CITED: Final = "[A-Za-z0-9.:/_-]{1,128}"
_PARTS: Final = ("system", "version", "code", "userSelected")
"""What a coding consists of beside its display; an extension or id on one of them is not understood here."""

_ANSWER: Final = "item.item.answer"
_UNDER: Final = f"{_ANSWER}.item"
"""What stands under an answer: whether anything is new since a hold."""


@dataclass(frozen=True)
class Condition:
    """One thing that must be so: `expression` is true when it is, `otherwise` says what is wrong when it is not."""

    id: str
    otherwise: str
    expression: str


def readable(policy: RiskPolicy) -> tuple[Condition, ...]:
    """Return what must all be so before a screen of this policy is relied on."""
    return (*_whole(policy), *_items(fields(policy)))


def _whole(policy: RiskPolicy) -> Iterator[Condition]:
    form = f"{codes.QUESTIONNAIRE_RISK_SCREEN}|{policy.version}"
    yield Condition(
        "form",
        "The answers are not those of the risk screen in this policy's version.",
        f"questionnaire.where($this = {quoted(form)}).exists()",
    )
    yield Condition("status", "The screen is not completed.", f"status.where($this in {listed(FINISHED)}).exists()")
    yield Condition(
        "rules",
        "The screen is to be read by rules that are not known here.",
        "implicitRules.empty() and modifierExtension.empty()",
    )
    told = f"type.empty() or reference.startsWith($this.type & {quoted('/')})"
    about = f"reference.where({matches(f'({_any(SUBJECTS)})/{_ID}(/_history/.*)?')}).exists()"
    yield Condition(
        "subject",
        "The screen does not say whom it is about.",
        f"subject.where({both(about, told)}).exists()",
    )
    yield Condition(
        "authored",
        "The screen does not say when it was made, with date, time and zone.",
        f"authored.where(toString().{matches(_MOMENT)}).exists()",
    )
    yield Condition("author", "The screen does not say who recorded it.", _refers("author", *AUTHORS))
    yield Condition(
        "encounter",
        "The screen's encounter cannot be read.",
        either("encounter.empty()", _refers("encounter", "Encounter")),
    )
    yield Condition("corrects", "The screen that this one corrects cannot be read.", _cites())


def _any(names: Iterable[str]) -> str:
    return "|".join(names)


def _refers(path: str, *types: str) -> str:
    return f"{path}.reference.where({matches(f'({_any(types)})/{_ID}')}).exists()"


def _cites() -> str:
    """At most one screen is cited: by a literal reference, or by its identifier."""
    cited = f"extension.where(url = {quoted(codes.CORRECTS)})"
    ours = f"(system.empty() or system = {quoted(codes.SCREEN)})"
    named = f"where({ours} and value.where({matches(_CITED)}).exists()).exists()"
    ways = (
        f"value.ofType(Reference).{_refers('', 'QuestionnaireResponse').removeprefix('.')}",
        f"value.ofType(Reference).identifier.{named}",
        f"value.ofType(Identifier).{named}",
    )
    return f"{cited}.count() <= 1 and {cited}.all({either(*ways)})"


def _items(known: tuple[Field, ...]) -> Iterator[Condition]:
    yield Condition("places", "An item is unknown, or stands in the wrong place.", both(*_places(known)))
    yield Condition(
        "once", "An item is there more than once.", "item.linkId.isDistinct() and item.item.linkId.isDistinct()"
    )
    yield Condition("parts", "An item or an answer has parts that are not known here.", both(*_plain()))
    yield Condition(
        "chosen", "An answer of the screen's frame cannot be read, or is there twice.", both(*_chosen(known))
    )
    yield Condition("written", "A written answer or a date cannot be read, or is there twice.", both(*_written(known)))


def _places(known: tuple[Field, ...]) -> Iterator[str]:
    groups = [one.link for one in known if one.parent is None]
    asked = [one.link for one in known if one.parent in groups]
    shown = [one.link for one in known if one.kind is Kind.DISPLAY]
    anew = [one.parent for one in known if one.parent in asked and one.parent is not None]
    yield f"item.linkId.subsetOf{listed(groups)}"
    yield "item.all(linkId.exists() and answer.empty())"
    for group in groups:
        inside = [one.link for one in known if one.parent == group]
        yield f"item.where(linkId = {quoted(group)}).item.linkId.subsetOf{listed(inside)}"
    yield "item.item.all(linkId.exists() and item.empty())"
    if shown:
        yield f"item.item.where({linked(shown)}).answer.empty()"
    under = f"linkId.subsetOf{listed(anew)} and answer.item.linkId = linkId & '.new'"
    yield f"item.item.where(answer.item.exists()).all({under})"
    yield f"{_UNDER}.all(item.empty() and answer.item.empty())"


def _plain() -> Iterator[str]:
    """An extension on a part of a coding makes all unreadable, where the software says so of the question alone."""
    for path in ("item", "item.item", _UNDER):
        yield f"{path}.modifierExtension.empty()"
    for answer in (_ANSWER, f"{_UNDER}.answer"):
        for part in (f"value.{name}" for name in _PARTS):
            yield f"{answer}.{part}.extension.empty() and {answer}.{part}.id.empty()"
    for kind in ("string", "date"):
        path = f"{_ANSWER}.value.ofType({kind})"
        yield f"{path}.extension.empty() and {path}.id.empty()"


def _chosen(known: tuple[Field, ...]) -> Iterator[str]:
    """Codes that are no question's own: a question that cannot be read holds by itself."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    groups = [one.link for one in known if one.parent is None]
    for one in known:
        if one.kind is Kind.CHOICE and not one.question:
            where = "item.item" if one.parent in groups else _UNDER
            alike.setdefault((where, one.system, tuple(one.options)), []).append(one.link)
    for (where, system, options), links in alike.items():
        coded = f"value.where(system = {quoted(system)} and {among('code', options)}).exists()"
        yield f"{where}.where({linked(links)}).all({_answer(coded)})"


def _written(known: tuple[Field, ...]) -> Iterator[str]:
    forms = {Kind.STRING: "value.ofType(string).exists()"}
    forms[Kind.DATE] = f"value.ofType(date).where(toString().{matches(_DATE)}).exists()"
    for kind, form in forms.items():
        links = [one.link for one in known if one.kind is kind]
        if links:
            yield f"item.item.where({linked(links)}).all({_answer(form)})"


def _answer(form: str) -> str:
    """Whether an item has no answer, or one of this form."""
    return f"answer.count() <= 1 and answer.all(modifierExtension.empty() and {form})"
