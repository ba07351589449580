"""Screens, and decisions on them by the shipped policy, for the gate's tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import count
from typing import Final

from withness.core.gate import MemberDecision, decide_member
from withness.core.reading import Circumstance, Readings
from withness.core.risk import Fault, Hold, RiskPolicy, Screen, Standing
from withness.core.terms import Purpose
from withness.packs.policy import load_policy

POLICY: Final = load_policy()
AT: Final = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
"""When things happen unless a test says otherwise: a Saturday, ten o'clock UTC."""

ROSA: Final = "Patient/rosa"
TOM: Final = "Patient/tom"
HERE: Final = "Encounter/e1"
TICK: Final = timedelta(microseconds=1)

# What a yes to each question means, written down from the clinical source and not from the policy file.
YES: Final[dict[str, str]] = {
    "suicide.ideation": "elevated",
    "suicide.intent-or-plan": "acute",
    "suicide.now": "acute",
    "suicide.recent-behaviour": "acute",
    "suicide.past-behaviour": "elevated",
    "suicide.access-to-means": "none",
    "psychosis.command-or-threat": "acute",
    "psychosis.disorganised": "acute",
    "psychosis.new-or-worse": "elevated",
    "psychosis.self-neglect": "acute",
    "psychosis.known-illness": "caution",
    "violence.afraid": "acute",
    "violence.harmed-past-year": "acute",
    "violence.controlled": "elevated",
    "violence.severe-danger": "acute",
    "violence.dependant-harmed": "acute",
    "violence.threat-to-others": "acute",
    "eating.medical-sign": "acute",
    "eating.rapid-loss": "elevated",
    "eating.purging-or-driven": "elevated",
    "eating.vitals-outside": "acute",
    "medical.acute-sign": "acute",
    "medical.withdrawal": "acute",
    "medical.intoxicated": "elevated",
    "medical.untreated-illness": "caution",
}
QUESTIONS: Final = tuple(YES)
DOMAINS: Final = ("suicide", "psychosis", "violence", "eating", "medical")
INTEGRATION: Final = {
    "integration.provider": "Dr Example, family practice",
    "integration.last-contact": "2026-11-10",
    "integration.supports": "weekly group",
    "integration.release-of-information": "client declines",
    "integration.relapse-plan": "call the practice, then the crisis line",
}

_ids = count(1)


def clear_answers(day: date) -> dict[str, str]:
    """The answers of a complete screen that clears, its validated result of `day`."""
    return {
        **{f"{domain}.informant": "client" for domain in DOMAINS},
        **dict.fromkeys(QUESTIONS, "no"),
        "violence.asked-alone": "yes",
        "suicide.validated.instrument": "ASQ",
        "suicide.validated.version": "2017",
        "suicide.validated.date": day.isoformat(),
        "suicide.validated.result": "negative",
        "suicide.validated.by": "the clinician",
    }


def screen(
    answers: Mapping[str, str | None] = {},
    *,
    id: str | None = None,
    person: str = ROSA,
    authored: datetime | None = AT,
    recorded: datetime | None = None,
    encounter: str | None = HERE,
    faults: tuple[Fault, ...] = (),
) -> Screen:
    """A complete screen that clears, changed by `answers`; a None leaves that answer out."""
    told = authored or recorded or AT
    given: dict[str, str | None] = {**clear_answers(told.date()), **answers}
    return Screen(
        id=id or f"screen-{next(_ids)}",
        person=person,
        authored=authored,
        recorded=recorded or told,
        author="Practitioner/p1",
        encounter=encounter,
        answers={link: answer for link, answer in given.items() if answer is not None},
        faults=faults,
    )


def decide(
    *history: Screen,
    at: datetime = AT,
    purpose: Purpose = Purpose.NEW_PLAN,
    encounter: str | None = HERE,
    zone: tzinfo = UTC,
    shared: bool = False,
    standing: tuple[Hold, ...] = (),
    not_before: datetime | None = None,
    birth_date: date | None = None,
    person: str = ROSA,
    policy: RiskPolicy = POLICY,
) -> MemberDecision:
    """The gate's decision on `person`, whose screens are `history` in the order of recording."""
    about = Circumstance(purpose, encounter, at, zone, shared, not_before, birth_date)
    return decide_member(Readings(policy, Standing(holds=standing), about), person, history)


def split(question: str) -> tuple[str, str]:
    """Domain and item of a question's id."""
    domain, _, item = question.partition(".")
    return domain, item


def named(decision: MemberDecision) -> dict[tuple[str, str], str]:
    """Every finding as {(domain, item): acuity}; of several for one item the last."""
    return {(one.domain, one.item): one.acuity.value for one in decision.findings}
