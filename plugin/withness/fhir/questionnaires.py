"""The risk screen as a FHIR R4 Questionnaire, and its code systems, made from the policy and nothing else.

An item never has an initial value, an enableWhen, a prefill expression or more than one answer (contracts I2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from withness.core.publication import Publication
from withness.core.risk import NO, YES, Domain, Question, RiskPolicy
from withness.core.terms import Acuity
from withness.fhir import codes
from withness.fhir.package.published import code_system, published

INTEGRATION: Final = "integration"
SETTING: Final = "setting"

_CHOSEN: Final = {
    "yes": "Yes",
    "no": "No",
    "unsure": "Unsure",
    "declined": "Declined to answer",
    "not-asked": "Not asked",
    "parent-guardian": "Parent or guardian",
    "not-applicable-age": "Not applicable at this age",
    "acute-positive": "Acute positive",
    "record": "Earlier record",
}
_WRITTEN: Final = {
    "modality": "How the conversation is held",
    "location-now": "Where the person is now",
    "call-back-number": "Number to call back",
    "alone": "Who else can hear or see",
    "interpreter": "Interpreter",
}


class Kind(StrEnum):
    """The R4 item types that the screen uses (questionnaire item-type)."""

    GROUP = "group"
    DISPLAY = "display"
    CHOICE = "choice"
    STRING = "string"
    DATE = "date"


@dataclass(frozen=True)
class Field:
    """One item of the screen: `parent` is the linkId it stands under, None at the top.

    `options` maps each code that may be chosen to the acuity that it has by itself.
    """

    link: str
    kind: Kind
    text: str
    parent: str | None
    system: str = ""
    options: Mapping[str, Acuity] = field(default_factory=dict)
    question: bool = False


def fields(policy: RiskPolicy) -> tuple[Field, ...]:
    """Return every item of the policy's screen, each after the item it stands under."""
    listed = [one for domain in policy.domains for one in _domain_fields(policy, domain)]
    listed += _group(INTEGRATION, "Other care alongside this therapy", policy.integration)
    listed += _group(
        SETTING, "Where the conversation takes place", {item: _words(item) for item in policy.setting_items}
    )
    return tuple(listed)


def _domain_fields(policy: RiskPolicy, domain: Domain) -> Iterator[Field]:
    top = domain.id
    informants = dict.fromkeys(policy.informants, Acuity.NONE)
    yield Field(top, Kind.GROUP, domain.title, None)
    yield Field(domain.informant, Kind.CHOICE, "Who answered", top, codes.INFORMANTS, informants)
    if domain.ask:
        yield Field(f"{top}.ask", Kind.DISPLAY, f"How to ask: {domain.ask}", top)
    if domain.asked_alone:
        alone = {YES: Acuity.NONE, NO: Acuity.NONE}
        yield Field(f"{top}.asked-alone", Kind.CHOICE, "Was the person asked alone?", top, codes.ANSWERS, alone)
    for question in domain.questions:
        options = _options(policy, question)
        yield Field(question.id, Kind.CHOICE, question.text, top, codes.ANSWERS, options, question=True)
        if question.known_history:
            since = dict.fromkeys(policy.answers, Acuity.NONE)
            text = "Only after an earlier hold: anything of this since then?"
            yield Field(f"{question.id}.new", Kind.CHOICE, text, question.id, codes.ANSWERS, since)
    if domain.validated is not None:
        under = f"{top}.validated"
        instruments = f"Validated instrument used, unaltered ({' or '.join(domain.validated.instruments)})"
        yield Field(f"{under}.instrument", Kind.STRING, instruments, top)
        yield Field(f"{under}.version", Kind.STRING, "Version of the instrument", top)
        yield Field(f"{under}.date", Kind.DATE, "Date of the result", top)
        results = domain.validated.results
        yield Field(f"{under}.result", Kind.CHOICE, "Result", top, codes.VALIDATED_RESULTS, results)
        yield Field(f"{under}.by", Kind.STRING, "Who gave the instrument", top)


def _options(policy: RiskPolicy, question: Question) -> dict[str, Acuity]:
    listed = dict.fromkeys((*policy.answers, *question.answers))
    return {code: question.answers.get(code, Acuity.UNKNOWN) for code in listed}


def _group(link: str, title: str, items: Mapping[str, str]) -> list[Field]:
    if not items:
        return []
    return [
        Field(link, Kind.GROUP, title, None),
        *(Field(f"{link}.{item}", Kind.STRING, text, link) for item, text in items.items()),
    ]


def _words(item: str) -> str:
    return _WRITTEN.get(item, item.replace("-", " ").capitalize())


def chosen_words(code: str) -> str:
    """Return the display of a code: our own wording, else the code's own words."""
    return _CHOSEN.get(code, code.replace("-", " ").capitalize())


def risk_screen(policy: RiskPolicy, publication: Publication) -> dict[str, Any]:
    """Return the risk screen as a Questionnaire (R4 questionnaire.html); same policy, same bytes."""
    built: dict[str | None, dict[str, Any]] = {None: {}}
    for one in fields(policy):
        item = _item(one)
        built[one.link] = item
        built[one.parent].setdefault("item", []).append(item)
    head = published(
        "Questionnaire",
        "risk-screen",
        publication,
        name="RiskScreen",
        title="Risk screen before a collaborative plan",
        description=(
            "The clinician's attestation of what was asked and answered before a collaborative plan is saved. "
            "Neutral wording of our own: no validated instrument, no score and no diagnosis."
        ),
        version=policy.version,
        experimental=policy.demo,
    )
    purpose = (
        "The gate reads these answers. Only an answer that the policy lists as clearing clears; an item that is "
        "left out, unsure, declined or not asked holds. Nothing is prefilled, carried forward or hidden."
    )
    items = built[None].get("item", [])
    return {**head, "subjectType": ["Patient", "RelatedPerson"], "purpose": purpose, "item": items}


def _item(one: Field) -> dict[str, Any]:
    item: dict[str, Any] = {"linkId": one.link, "text": one.text, "type": one.kind.value}
    if one.kind in (Kind.GROUP, Kind.DISPLAY):
        return item
    item["required"] = False
    item["repeats"] = False
    if one.kind is Kind.CHOICE:
        item["answerOption"] = [
            {"valueCoding": {"system": one.system, "code": code, "display": chosen_words(code)}} for code in one.options
        ]
    return item


def answer_code_system(policy: RiskPolicy, publication: Publication) -> dict[str, Any]:
    """Return the CodeSystem of the screen's answers, with what each means to the gate."""
    further = (code for question in policy.questions() for code in question.answers)
    meanings = {
        YES: "The person, or whoever the informant item names, said yes.",
        NO: "An explicit no; the only answer that counts as negative.",
        "unsure": "Asked, and nobody could say; never a no.",
        "declined": "Asked, and the answer was declined; never a no.",
        "not-asked": "Not asked; never a no.",
    }
    listed = dict.fromkeys((*policy.answers, YES, NO, *further))
    concepts = {code: meanings.get(code, "A further answer that the policy lists for some items.") for code in listed}
    return _code_system(policy, publication, codes.ANSWERS, "RiskScreenAnswer", "Answers of the risk screen", concepts)


def informant_code_system(policy: RiskPolicy, publication: Publication) -> dict[str, Any]:
    """Return the CodeSystem of who answered."""
    concepts = {
        code: f"The answers of this domain come from: {chosen_words(code).lower()}." for code in policy.informants
    }
    return _code_system(
        policy, publication, codes.INFORMANTS, "RiskScreenInformant", "Who answered the risk screen", concepts
    )


def validated_result_code_system(policy: RiskPolicy, publication: Publication) -> dict[str, Any]:
    """Return the CodeSystem of a validated instrument's result, as the clinician who gave it states it."""
    results = (code for domain in policy.domains if domain.validated for code in domain.validated.results)
    concepts = {code: f"The instrument's own result: {chosen_words(code).lower()}." for code in results}
    return _code_system(
        policy, publication, codes.VALIDATED_RESULTS, "ValidatedResult", "Result of a validated instrument", concepts
    )


def _code_system(
    policy: RiskPolicy, publication: Publication, url: str, name: str, title: str, concepts: Mapping[str, str]
) -> dict[str, Any]:
    """A CodeSystem in the policy's version: its codes are the policy's."""
    meant = {code: (chosen_words(code), meaning) for code, meaning in concepts.items()}
    description = f"{title}, generated from the risk policy."
    id = codes.id_of(url)
    return code_system(
        id,
        publication,
        meant,
        name=name,
        title=title,
        description=description,
        version=policy.version,
        experimental=policy.demo,
    )
