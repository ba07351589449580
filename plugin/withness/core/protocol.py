"""The directive protocol: which steps an acute finding calls for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from withness.core.gate import MemberDecision
from withness.core.risk import RiskPolicy, Step, Times
from withness.core.terms import Acuity

_NAMED_TIMES: Final = ("now", "same-session", "same-day")
"""The policy's named times, the shortest first; a time in hours comes after them."""


BY_JUDGEMENT: Final = ("raised", "chart-evidence")
"""Findings that no question stands behind."""


@dataclass(frozen=True)
class DueStep:
    """A step of an opened protocol, and when it is due (UTC)."""

    step: Step
    due: datetime


@dataclass(frozen=True)
class Episode:
    """A directive protocol as it was opened for one person in one domain; `id` is a uuid.

    `screen` is the screen (or raise) that opened it, `responsible` the clinician who answers for its steps,
    `backup` who does when they do not ("" when nobody is named).
    """

    id: str
    person: str
    domain: str
    opened: datetime
    screen: str
    responsible: str
    backup: str
    steps: tuple[DueStep, ...]


def steps(policy: RiskPolicy, decision: MemberDecision) -> tuple[Step, ...]:
    """Return the steps of every domain with an acute finding, the most urgent first.

    A step with `when` is called for only by one of the questions it names, or where no question was asked: a domain
    that is acute by judgement or by a result in the chart calls for every step.
    """
    acute = {
        (finding.domain, f"{finding.domain}.{finding.item}")
        for finding in decision.findings
        if finding.acuity is Acuity.ACUTE
    }
    domains = {domain for domain, _ in acute}
    judged = {domain for domain, question in acute if question.removeprefix(f"{domain}.") in BY_JUDGEMENT}
    questions = {question for _, question in acute}
    called = (
        step
        for domain in policy.domains
        if domain.id in domains
        for step in domain.directive
        if not step.when or domain.id in judged or questions.intersection(step.when)
    )
    return tuple(sorted(called, key=_urgency))


def _urgency(step: Step) -> int:
    return _NAMED_TIMES.index(step.within) if step.within in _NAMED_TIMES else len(_NAMED_TIMES)


def due_steps(called: tuple[Step, ...], opened: datetime, times: Times, zone: tzinfo) -> tuple[DueStep, ...]:
    """Return when each step is due: named times by the policy, "same-day" with the end of the site's day."""
    return tuple(DueStep(step, _due(step.within, opened, times, zone)) for step in called)


def _due(within: str, opened: datetime, times: Times, zone: tzinfo) -> datetime:
    match within:
        case "now":
            return opened + times.now
        case "same-session":
            return opened + times.same_session
        case "same-day":
            day = opened.astimezone(zone).date()
            return datetime.combine(day, time.max.replace(fold=1), tzinfo=zone).astimezone(UTC)
        case _:
            return opened + _length(within)


def _length(text: str) -> timedelta:
    """Return an ISO 8601 duration of fixed length; the policy's reader has refused any other."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    days, hours, minutes, seconds = (int(one or 0) for one in found.groups()) if found else (0, 0, 0, 0)
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
