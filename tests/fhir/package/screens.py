"""Risk screens of every kind for the agreement campaign: clear ones, and what people and programs make of them.

A seed makes the same screen again. Every screen is a QuestionnaireResponse that FHIR R4 allows; what is wrong with it
is what it says, where, how often and in which code.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.makers import Item, coded, make_screen

from withness.core.risk import RiskPolicy
from withness.core.terms import Acuity
from withness.fhir import codes
from withness.fhir.questionnaires import Field, Kind, fields

AT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
SAYING = [
    "Dr. Élan",
    "Praxis Müller",
    "2026-11-10",
    "клиника",
    "クリニック",
    "client declines",
    "weekly group",
    "x1",
    "Ω",
]
BLANK = [
    " ",
    "—",
    "N/A",
    "n.a.",
    "None",
    "...",
    "x",
    "TO FOLLOW",
    "\u3164",
    "ＮＡ",
    "'",
    "unsure",
    "not asked",
    "\u2026\n",
]
ODD_CODES = ["YES", "No", "maybe", "no-", "not-measured", "negative", "yes "]


class Made:
    """One screen in the making."""

    def __init__(self, policy: RiskPolicy, seed: int) -> None:
        self.policy, self.dice = policy, random.Random(seed)  # noqa: S311  a repeatable schedule, not a secret
        self.fields = {one.link: one for one in fields(policy)}
        self.resource = make_screen(policy, authored=AT)

    @property
    def groups(self) -> list[Item]:
        return self.resource["item"]

    def group(self, link: str) -> Item:
        """The group with this linkId, made where it is not there."""
        found = next((one for one in self.groups if one["linkId"] == link), None)
        if found is None:
            found = {"linkId": link, "item": []}
            self.groups.append(found)
        found.setdefault("item", [])
        return found

    def placed(self) -> list[tuple[Item, Item]]:
        """Every item below a group, with its group."""
        return [(group, item) for group in self.groups for item in group.get("item", [])]

    def item(self, link: str) -> Item | None:
        return next((item for _, item in self.placed() if item["linkId"] == link), None)

    def answer(self, link: str, answer: Item) -> None:
        """Answer an item at its place, in place of what stands there."""
        parent = self.fields[link].parent
        found = self.item(link)
        if found is not None:
            found["answer"] = [answer]
        elif parent is not None:
            self.group(parent)["item"].append({"linkId": link, "answer": [answer]})

    def some(self, kind: Kind, *, question: bool | None = None) -> Field:
        fitting = [one for one in self.fields.values() if one.kind is kind and question in (None, one.question)]
        return self.dice.choice([one for one in fitting if one.parent in {group.link for group in self.tops()}])

    def tops(self) -> list[Field]:
        return [one for one in self.fields.values() if one.parent is None]

    def said(self) -> str:
        return self.dice.choice(SAYING if self.dice.random() < 0.75 else BLANK)


Change = Callable[[Made], None]


def any_screen(policy: RiskPolicy, seed: int) -> dict[str, Any]:
    """Return the screen of this seed: a clear one with no, one or several things changed."""
    made = Made(policy, seed)
    how_many = made.dice.choice([0, 1, 1, 1, 2, 2, 3, 5])
    for _ in range(how_many):
        if not made.placed():
            break
        made.dice.choices(list(CHANGES), weights=list(CHANGES.values()))[0](made)
    return made.resource


# --- what people answer --------------------------------------------------------------------------------------


def answered(made: Made) -> None:
    """Another answer to a question."""
    one = made.some(Kind.CHOICE, question=True)
    made.answer(one.link, coded(codes.ANSWERS, made.dice.choice(list(one.options))))


def elevated(made: Made) -> None:
    """An answer that is elevated, and not acute."""
    _means(made, Acuity.ELEVATED)


def caution(made: Made) -> None:
    """A caution, mostly with its record of other care."""
    _means(made, Acuity.CAUTION)
    record(made)


def _means(made: Made, acuity: Acuity) -> None:
    listed = [
        (one.id, code) for one in made.policy.questions() for code, means in one.answers.items() if means is acuity
    ]
    if listed:
        link, code = made.dice.choice(listed)
        made.answer(link, coded(codes.ANSWERS, code))


def withdrawn(made: Made) -> None:
    """An answer that clears only beside other answers, and one of these."""
    for one in made.policy.questions():
        if one.withdrawn_answer is not None:
            made.answer(one.id, coded(codes.ANSWERS, one.withdrawn_answer))
            if made.dice.random() < 0.6:
                made.answer(
                    made.dice.choice(one.withdrawn_by),
                    coded(codes.ANSWERS, made.dice.choice(["yes", "unsure", "no", "declined"])),
                )


def record(made: Made) -> None:
    """The record of other care: whole, or with something blank or left out."""
    for id in made.policy.integration:
        if made.dice.random() < 0.95:
            made.answer(
                f"integration.{id}", {"valueString": made.said() if made.dice.random() < 0.3 else "the practice"}
            )


def informed(made: Made) -> None:
    """Somebody else answered, in one domain or in all of them."""
    who = made.dice.choice([*made.policy.informants, "neighbour"])
    domains = made.policy.domains if made.dice.random() < 0.3 else [made.dice.choice(made.policy.domains)]
    for domain in domains:
        made.answer(domain.informant, coded(codes.INFORMANTS, who))


def child(made: Made) -> None:
    """A parent answered for a child who is too young for the instrument."""
    for domain in made.policy.domains:
        made.answer(domain.informant, coded(codes.INFORMANTS, "parent-guardian"))
        if domain.validated is not None and made.dice.random() < 0.7:
            age = domain.validated.age_result
            made.answer(f"{domain.id}.validated.result", coded(codes.VALIDATED_RESULTS, age))


def alone(made: Made) -> None:
    """How the person was asked."""
    for domain in made.policy.domains:
        if domain.asked_alone:
            made.answer(f"{domain.id}.asked-alone", coded(codes.ANSWERS, made.dice.choice(["yes", "no", "unsure"])))


def result(made: Made) -> None:
    """Another validated result."""
    for domain in made.policy.domains:
        if domain.validated is not None:
            code = made.dice.choice([*domain.validated.results, "inconclusive"])
            made.answer(f"{domain.id}.validated.result", coded(codes.VALIDATED_RESULTS, code))


def beside_result(made: Made) -> None:
    """What stands beside a validated result: another text, a blank one, another or no date."""
    for domain in made.policy.domains:
        if domain.validated is None:
            continue
        under = f"{domain.id}.validated."
        name = made.dice.choice(["instrument", "version", "by", "date"])
        if name == "date":
            day = made.dice.choice(
                [{"valueDate": "2026-11"}, {"valueString": "2026-11-21"}, {"valueDate": "2026-11-21"}]
            )
            made.answer(f"{under}date", day)
        else:
            made.answer(under + name, {"valueString": made.dice.choice([made.said(), *domain.validated.instruments])})


def written(made: Made) -> None:
    """A text somewhere, or something else in its place."""
    one = made.some(Kind.STRING)
    odd = made.dice.choice(
        [{"valueBoolean": True}, {"valueInteger": 1}, coded(codes.ANSWERS, "yes"), {"valueUri": "x:y"}]
    )
    made.answer(one.link, {"valueString": made.said()} if made.dice.random() < 0.7 else odd)


def anew(made: Made) -> None:
    """Whether anything is new since a hold: mostly where it belongs, with any answer."""
    kept = [one for one in made.fields.values() if one.kind is Kind.CHOICE and one.link.endswith(".new")]
    if not kept:
        return
    one = made.dice.choice(kept)
    parent = one.parent if made.dice.random() < 0.85 else made.some(Kind.CHOICE).link
    found = made.item(parent or "")
    if found and found.get("answer"):
        code = made.dice.choice([*made.policy.answers, "maybe"])
        answer: Item = {"answer": [coded(codes.ANSWERS, code)]} if made.dice.random() < 0.9 else {}
        found["answer"][0].setdefault("item", []).append({"linkId": one.link, **answer})
        if made.dice.random() < 0.5:
            found["answer"][0] |= coded(codes.ANSWERS, "yes")


# --- what programs make of it --------------------------------------------------------------------------------


def dropped(made: Made) -> None:
    """An item, an answer, or a whole group is missing."""
    group, item = made.dice.choice(made.placed())
    how = made.dice.random()
    if how < 0.6:
        group["item"].remove(item)
    elif how < 0.85:
        item.pop("answer", None)
    else:
        made.groups.remove(group)


def odd_code(made: Made) -> None:
    """A code, or a system, that the item does not list."""
    one = made.some(Kind.CHOICE)
    system, code = one.system, made.dice.choice(ODD_CODES)
    if made.dice.random() < 0.5:
        code = made.dice.choice(list(one.options))
        system = made.dice.choice(["http://loinc.org", codes.ANSWERS, codes.INFORMANTS, f"{codes.ANSWERS}/", ""])
    coding = {"valueCoding": {**({"system": system} if system else {}), "code": code}}
    made.answer(
        one.link,
        made.dice.choice([coding, coding, {"valueString": code}, {"valueCoding": {"display": "No"}}, {}])
        or {"extension": [{"url": "http://example.org/none", "valueBoolean": True}]},
    )


def twice(made: Made) -> None:
    """An item is there again: beside itself, elsewhere, or with a second answer."""
    group, item = made.dice.choice(made.placed())
    again: Item = {"linkId": item["linkId"], "answer": [dict(one) for one in item.get("answer", [])]}
    one = made.fields.get(item["linkId"])
    if one is not None and one.options and made.dice.random() < 0.6:
        again["answer"] = [coded(one.system, made.dice.choice(list(one.options)))]
    if not again["answer"]:
        del again["answer"]
    match made.dice.choice(["beside", "group", "top", "under", "answer", "answer"]):
        case "beside":
            group["item"].append(again)
        case "group":
            made.dice.choice(made.groups).setdefault("item", []).append(again)
        case "top":
            made.groups.append(again)
        case "under":
            _under(made, again)
        case _:
            item.setdefault("answer", []).extend(again.get("answer", []))


def moved(made: Made) -> None:
    """An item stands in another place; mostly one that somebody said yes to."""
    group, item = made.dice.choice(made.placed())
    one = made.fields.get(item["linkId"])
    if one is not None and one.question and made.dice.random() < 0.6:
        item["answer"] = [coded(codes.ANSWERS, "yes")]
    group["item"].remove(item)
    how = made.dice.random()
    if how < 0.4:
        made.dice.choice(made.groups).setdefault("item", []).append(item)
    elif how < 0.7:
        made.groups.append(item)
    else:
        _under(made, item)


def _under(made: Made, item: Item) -> None:
    """Put an item below another item, or below its answer."""
    _, parent = made.dice.choice(made.placed())
    if parent.get("answer"):
        parent["answer"][0].setdefault("item", []).append(item)
    else:
        parent.setdefault("item", []).append(item)


def unknown_item(made: Made) -> None:
    """An item that the screen does not have, or a group of it twice."""
    match made.dice.choice(["top", "group", "under", "group twice", "empty group"]):
        case "top":
            made.groups.append({"linkId": "sleep", "item": []} if made.dice.random() < 0.1 else {"linkId": "sleep"})
        case "group":
            made.dice.choice(made.groups).setdefault("item", []).append({"linkId": "sleep.dreams"})
        case "under":
            _under(made, {"linkId": "sleep.dreams"})
        case "group twice":
            group = made.dice.choice(made.groups)
            half = len(group.get("item", [])) // 2
            again = {"linkId": group["linkId"], "item": group.get("item", [])[half:]}
            group["item"] = group.get("item", [])[:half]
            made.groups.append({name: value for name, value in again.items() if value})
        case _:
            made.groups.append({"linkId": made.dice.choice(made.tops()).link})
    _tidy(made)


def _tidy(made: Made) -> None:
    for group in made.groups:
        if group.get("item") == []:
            del group["item"]


def parts(made: Made) -> None:
    """Parts that are understood, and such that are not."""
    _, item = made.dice.choice(made.placed())
    extension = [{"url": "http://example.org/note", "valueString": "…"}]
    answer = (item.get("answer") or [{}])[0]
    match made.dice.choice(
        ["item", "item modifier", "answer", "answer modifier", "coding", "display", "text", "group"]
    ):
        case "item":
            item["extension"] = extension
        case "item modifier":
            item["modifierExtension"] = extension
        case "answer":
            answer["extension"] = extension
        case "answer modifier":
            answer["modifierExtension"] = extension
        case "coding" if "valueCoding" in answer:
            answer["valueCoding"]["extension"] = extension
        case "display" if "valueCoding" in answer:
            answer["valueCoding"] |= {"display": "An answer", "version": "1", "userSelected": True}
        case "text":
            item["text"] = "What was asked"
        case _:
            made.dice.choice(made.groups)["answer"] = [coded(codes.ANSWERS, "no")]


def whole(made: Made) -> None:
    """The response as a whole: form, status, time, author, encounter, what it corrects."""
    form = codes.QUESTIONNAIRE_RISK_SCREEN
    cited = [
        {"valueReference": {"reference": "QuestionnaireResponse/s1"}},
        {"valueReference": {"identifier": {"system": codes.SCREEN, "value": "s1"}}},
        {"valueReference": {"identifier": {"value": "s1"}}},
        {"valueReference": {"reference": "Patient/rosa"}},
        {"valueReference": {"identifier": {"system": "urn:other", "value": "s1"}}},
        {"valueIdentifier": {"system": codes.SCREEN, "value": "s1"}},
        {"valueIdentifier": {"system": codes.SCREEN, "value": "s 1"}},
        {"valueString": "s1"},
    ]
    corrects = [{"url": codes.CORRECTS, **made.dice.choice(cited)} for _ in range(made.dice.choice([1, 1, 1, 2]))]
    listed: dict[str, list[Any]] = {
        "questionnaire": [
            form,
            f"{form}|0.0.1",
            f"{form}|{made.policy.version} ",
            f"{codes.BASE}/Questionnaire/other|1",
        ],
        "status": ["in-progress", "amended", "entered-in-error", "stopped", "completed"],
        "authored": [
            "2026-11-21",
            "2026-11",
            "2026-11-21T11:00:00+01:00",
            "2026-11-21T10:00:00.5Z",
            "0999-01-01T10:00:00Z",
        ],
        "author": [
            {"reference": one}
            for one in (
                "Patient/rosa",
                "Device/d1",
                "https://ehr.example/Practitioner/p1",
                "Practitioner/p1/_history/1",
                "Practitioner/..",
                "PractitionerRole/r1",
                "Practitioner/p1\n",
            )
        ]
        + [{"display": "Pat"}],
        "encounter": [{"reference": "Encounter/e2"}, {"reference": "EpisodeOfCare/e2"}, {"display": "today"}],
        "subject": [
            {"reference": "RelatedPerson/ben"},
            {"reference": "Patient/rosa", "type": "Patient"},
            {"reference": "Patient/rosa/_history/2"},
        ],
        "extension": [corrects, corrects, corrects, [{"url": "http://example.org/x", "valueBoolean": True}]],
        "implicitRules": ["http://example.org/rules"],
        "modifierExtension": [[{"url": "http://example.org/not", "valueBoolean": True}]],
        "language": ["de"],
    }
    name = made.dice.choice(list(listed))
    if name in ("questionnaire", "authored", "author", "encounter", "item") and made.dice.random() < 0.2:
        made.resource.pop(name, None)
    else:
        made.resource[name] = made.dice.choice(listed[name])


CHANGES: dict[Change, int] = {
    answered: 10,
    elevated: 8,
    caution: 22,
    withdrawn: 6,
    record: 4,
    informed: 6,
    child: 2,
    alone: 4,
    result: 6,
    beside_result: 6,
    written: 4,
    anew: 6,
    dropped: 6,
    odd_code: 6,
    twice: 6,
    moved: 4,
    unknown_item: 4,
    parts: 6,
    whole: 8,
}
"""Each kind of change with how often it is made."""
