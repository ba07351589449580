"""Sample screens and drafts for `withness demo`, made from the policy and catalogue/demo.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from withness import content
from withness.core.risk import NO, RiskPolicy
from withness.fhir import codes

CLINICIAN: Final = "Practitioner/p1"
TEAM: Final = (
    ("compliance", "Practitioner/c1", "Kim Lee", "L-100"),
    ("clinician", CLINICIAN, "Pat Roe", "L-200"),
    ("supervisor", "Practitioner/s1", "Sam Fox", "L-300"),
)
"""Who is enrolled: role, reference, name and licence; the first one vouches for the others."""

KEYS: Final = "sample-keys"
"""The folder in the data directory that holds the keys of these people."""
PASSPHRASE: Final = "only for the sample people"  # noqa: S105  nobody real has such a key
"""Everybody's; it is printed and documented, for what it opens is nobody's."""

Answers = Mapping[str, str | None]

UNFINISHED: Final[Answers] = {"suicide.now": None, "eating.rapid-loss": "unsure"}
ACUTE: Final[Answers] = {
    "suicide.ideation": "yes",
    "suicide.now": "yes",
    "suicide.validated.result": "acute-positive",
}
QUIETER: Final[Answers] = {"suicide.ideation": "yes", "suicide.validated.result": "positive"}
"""Below acute, and honest: the thoughts of the past month do not go away within a day."""


def people() -> dict[str, dict[str, Any]]:
    """Return the demo's people by name."""
    return tomllib.loads((content.folder("catalogue") / "demo.toml").read_text(encoding="utf-8"))


def draft(person: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return a plan draft in this person's words."""
    return {
        "unit": {"kind": "individual", "members": [person["member"]]},
        "encounter": person["encounter"],
        "author": CLINICIAN,
        "lead": "client-led",
        "concern": {"words": person["concern"], "problems": [person["problem"]]},
        "frame": {
            "start": at.date().isoformat(),
            "review_by": (at.date() + timedelta(days=90)).isoformat(),
            "frequency_weeks": 1,
            "session_minutes": 50,
            "other_treatment": "Talked about; none wanted for now.",
        },
        "goals": [_goal(person)],
        "resources_named_by_client": ["My sister"],
        "psychoeducation": {},
        "supersedes": None,
        "request_id": str(uuid4()),
    }


def couple(people: Sequence[Mapping[str, Any]], at: datetime) -> dict[str, Any]:
    """Return a plan draft of two, in each one's own words."""
    return {
        **draft(people[0], at),
        "unit": {"kind": "couple", "members": [one["member"] for one in people]},
        "concern": {
            "words": "\n".join(one["concern"] for one in people),
            "voices": [{"who": one["member"], "words": one["concern"]} for one in people],
            "problems": list(dict.fromkeys(one["problem"] for one in people)),
        },
        "goals": [_goal(one) for one in people],
    }


def _goal(person: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "template": person["template"],
        "words": person["words"],
        "by": person["member"],
        "within": person["within"],
        "target": person["target"],
        "responsible": "client",
        "acceptance": [{"who": person["member"], "status": "agree"}],
    }


def evidence(person: Mapping[str, Any], need: str, at: datetime) -> dict[str, str]:
    """Return what the clinician writes down for a need of this person's, its days and times put in."""
    days = {"today": at.date().isoformat(), "tomorrow": (at.date() + timedelta(days=1)).isoformat()}
    return {field: text.format(now=at.isoformat(), **days) for field, text in person["evidence"][need].items()}


def screen(policy: RiskPolicy, person: Mapping[str, Any], at: datetime, answers: Answers) -> dict[str, Any]:
    """Return a screen in which every question is answered no, but for `answers` (None: left out)."""
    groups = [_group(policy, domain.id, at, answers) for domain in policy.domains]
    return _response(person, f"{codes.QUESTIONNAIRE_RISK_SCREEN}|{policy.version}", CLINICIAN, at, groups)


def check_in(person: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    """Return this person's word on a session, as a form filler writes it: they felt understood, and left the rest."""
    from withness.packs.forms import load_forms

    [form] = [one for one in load_forms() if one.id == "session-check-in"]
    [asked] = [item for item, _ in form.walk() if item.link == "understood"]
    items = [
        _coded("understood", codes.answer_set(asked.answers.id), "yes"),
        {"linkId": "words", "answer": [{"valueString": person["check_in"]}]},
    ]
    made = _response(person, f"{codes.questionnaire(form.id)}|{form.version}", person["member"], at, items)
    return {**made, "source": {"reference": person["member"]}}


def _response(
    person: Mapping[str, Any], canonical: str, author: str, at: datetime, items: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return a finished response of this person's session, without a word on who answered."""
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": canonical,
        "status": "completed",
        "subject": {"reference": person["member"]},
        "encounter": {"reference": person["encounter"]},
        "authored": at.isoformat(timespec="microseconds"),
        "author": {"reference": author},
        "item": items,
    }


def _group(policy: RiskPolicy, domain_id: str, at: datetime, answers: Answers) -> dict[str, Any]:
    [domain] = [one for one in policy.domains if one.id == domain_id]
    items = [_coded(domain.informant, codes.INFORMANTS, "client")]
    if domain.asked_alone:
        items.append(_coded(f"{domain.id}.asked-alone", codes.ANSWERS, "yes"))
    for question in domain.questions:
        code = answers.get(question.id, NO)
        if code is not None:
            items.append(_coded(question.id, codes.ANSWERS, code))
    if domain.validated is not None:
        prefix = f"{domain.id}.validated."
        items.append({"linkId": f"{prefix}instrument", "answer": [{"valueString": domain.validated.instruments[0]}]})
        items.append({"linkId": f"{prefix}version", "answer": [{"valueString": "as the site holds it"}]})
        items.append({"linkId": f"{prefix}date", "answer": [{"valueDate": at.date().isoformat()}]})
        items.append(_coded(f"{prefix}result", codes.VALIDATED_RESULTS, answers.get(f"{prefix}result") or "negative"))
        items.append({"linkId": f"{prefix}by", "answer": [{"valueString": "the clinician"}]})
    return {"linkId": domain.id, "item": items}


def _coded(link: str, system: str, code: str) -> dict[str, Any]:
    return {"linkId": link, "answer": [{"valueCoding": {"system": system, "code": code}}]}
