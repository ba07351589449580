"""Builders that every room's tests share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from withness.core.risk import Domain, RiskPolicy
from withness.core.terms import Acuity
from withness.fhir import codes

Item = dict[str, Any]


def coded(system: str, code: str) -> Item:
    """An answer as a coding."""
    return {"valueCoding": {"system": system, "code": code}}


def make_screen(
    policy: RiskPolicy,
    *,
    subject: str = "Patient/rosa",
    encounter: str = "Encounter/e1",
    authored: datetime,
    author: str = "Practitioner/p1",
    answers: Mapping[str, str | None] = {},
    **changes: Any,
) -> dict[str, Any]:
    """Return a complete screen that clears, changed by linkId (`answers`) and by element (`changes`).

    A None drops the item or element. An answer to `….new` stands under its question's answer; an answer to an
    item that the policy does not know stands in the group of its prefix.
    """
    given: dict[str, str | None] = {**_clear(policy, authored), **answers}
    resource: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{codes.QUESTIONNAIRE_RISK_SCREEN}|{policy.version}",
        "status": "completed",
        "subject": {"reference": subject},
        "encounter": {"reference": encounter},
        "authored": authored.isoformat(),
        "author": {"reference": author},
        "item": _items(policy, {link: answer for link, answer in given.items() if answer is not None}),
        **changes,
    }
    return {name: value for name, value in resource.items() if value is not None}


def _clear(policy: RiskPolicy, authored: datetime) -> dict[str, str]:
    """The answers that clear every domain."""
    clear: dict[str, str] = {}
    for domain in policy.domains:
        clear[f"{domain.id}.informant"] = "client"
        if domain.asked_alone:
            clear[f"{domain.id}.asked-alone"] = "yes"
        clear |= {question.id: "no" for question in domain.questions}
        if domain.validated is not None:
            results = domain.validated.results.items()
            negative = next(code for code, acuity in results if acuity is Acuity.NONE)
            clear |= {
                f"{domain.id}.validated.instrument": domain.validated.instruments[0],
                f"{domain.id}.validated.version": "1",
                f"{domain.id}.validated.date": authored.date().isoformat(),
                f"{domain.id}.validated.result": negative,
                f"{domain.id}.validated.by": "The clinician of this test",
            }
    return clear


def _items(policy: RiskPolicy, given: dict[str, str]) -> list[Item]:
    """One group per prefix, in the policy's order."""
    groups: dict[str, list[Item]] = {domain.id: [] for domain in policy.domains}
    loose: list[Item] = []
    placed: dict[str, Item] = {}
    for link, answer in given.items():
        item: Item = {"linkId": link, "answer": [_answer(policy, link, answer)]}
        placed[link] = item
        question = placed.get(link.removesuffix(".new"))
        if link.endswith(".new") and question is not None:
            question["answer"][0].setdefault("item", []).append(item)
        elif "." in link:
            groups.setdefault(link.partition(".")[0], []).append(item)
        else:
            loose.append(item)
    return [{"linkId": group, "item": items} for group, items in groups.items() if items] + loose


def _answer(policy: RiskPolicy, link: str, answer: str) -> Item:
    domain = next((one for one in policy.domains if link.startswith(f"{one.id}.")), None)
    if domain is None:
        return {"valueString": answer}
    return _domain_answer(domain, link, answer)


def _domain_answer(domain: Domain, link: str, answer: str) -> Item:
    match link.removeprefix(f"{domain.id}."):
        case "informant":
            return coded(codes.INFORMANTS, answer)
        case "validated.result":
            return coded(codes.VALIDATED_RESULTS, answer)
        case "validated.date":
            return {"valueDate": answer}
        case "validated.instrument" | "validated.version" | "validated.by":
            return {"valueString": answer}
        case _:
            return coded(codes.ANSWERS, answer)


def make_evidence(policy: RiskPolicy, need: str, at: datetime, **given: str) -> dict[str, str]:
    """Return evidence that completes a need's form; `given` answers by field id."""
    found: dict[str, str] = {}
    for field in policy.evidence[need].fields:
        if field.when is not None and found.get(field.when[0]) != field.when[1]:
            continue
        example = {
            "text": f"What was found and agreed about {field.id}, in a whole sentence",
            "choice": field.options[0] if field.options else "",
            "date": at.date().isoformat(),
            "day-past": at.date().isoformat(),
            "day-ahead": (at + timedelta(days=3)).date().isoformat(),
            "time": at.isoformat(),
            "planned": at.isoformat(),
            "number": "2",
            "person": "Dr. Kim Lee, MD",
        }
        found[field.id] = given.get(field.id.replace("-", "_"), example[field.kind])
    return found
