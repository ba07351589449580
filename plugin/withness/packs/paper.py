"""Paper forms for the days without EHR or power: each one HTML page to print, made from policy, plan and templates.

Nothing on them is ticked, and nothing on them could be: a box is a drawn square, no control (contracts I2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from withness.core.risk import NO, YES, Domain, Question, RiskPolicy, Step
from withness.core.terms import Acuity
from withness.packs.paper_page import page
from withness.packs.paper_plan import paper_plan, paper_plan_blank

__all__ = ["paper_plan", "paper_plan_blank", "paper_screen"]

_SAID: Final = {
    "declined": "Declined to answer",
    "parent-guardian": "Parent or guardian",
    "not-applicable-age": "Not applicable at this age",
    "record": "Earlier record",
    "location-now": "Where the person is now",
    "call-back-number": "Number to call back",
    "modality": "How the conversation is held",
    "alone": "Who else can hear or see",
}
_UNITS: Final = ((3600, "hour"), (60, "minute"), (1, "second"))
_LASTS: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@dataclass(frozen=True)
class Box:
    """One square to tick; `framed` when a tick there calls for the directive steps."""

    code: str
    text: str
    framed: bool = False


@dataclass(frozen=True)
class Asked:
    """One question on paper; `since` are the boxes of its child `.new`, empty where it has none."""

    link: str
    number: str
    text: str
    boxes: tuple[Box, ...]
    remarks: tuple[str, ...]
    since: tuple[Box, ...]


@dataclass(frozen=True)
class Action:
    """One directive step; `only` names the questions that call for it ("" for any boxed answer)."""

    text: str
    owner: str
    within: str
    only: str


@dataclass(frozen=True)
class Part:
    """One domain on paper; a `private` one is a sheet of its own."""

    id: str
    number: int
    title: str
    private: bool
    ask: str
    informants: tuple[Box, ...]
    refused: str
    alone: tuple[Box, ...]
    questions: tuple[Asked, ...]
    instruments: str
    results: tuple[Box, ...]
    steps: tuple[Action, ...]


def paper_screen(policy: RiskPolicy) -> str:
    """Return the policy's risk screen as one HTML page to print. Raises InvalidContent naming the template."""
    numbers = {
        question.id: f"{part}.{place}"
        for part, domain in enumerate(policy.domains, start=1)
        for place, question in enumerate(domain.questions, start=1)
    }
    return page(
        "screen",
        mark="",
        policy=policy,
        parts=[_part(policy, domain, number, numbers) for number, domain in enumerate(policy.domains, start=1)],
        integration=[(f"integration.{item}", text) for item, text in policy.integration.items()],
        setting=[(f"setting.{item}", _words(item)) for item in policy.setting_items],
        never_held=", ".join(one.replace("-", " ") for one in policy.never_blocked),
        late=_span(policy.late_entry),
    )


def _part(policy: RiskPolicy, domain: Domain, number: int, numbers: Mapping[str, str]) -> Part:
    refused = [_words(one).lower() for one in domain.informants_not_accepted]
    validated = domain.validated
    return Part(
        id=domain.id,
        number=number,
        title=domain.title,
        private=domain.asked_alone,
        ask=domain.ask or "",
        informants=_boxes(policy.informants),
        refused=f"A no from these counts as unknown here: {', '.join(refused)}." if refused else "",
        alone=_boxes((YES, NO)) if domain.asked_alone else (),
        questions=tuple(_asked(policy, question, numbers) for question in domain.questions),
        instruments=" or ".join(validated.instruments) if validated else "",
        results=_boxes(validated.results, validated.results) if validated else (),
        steps=tuple(_action(step, numbers) for step in domain.directive),
    )


def _asked(policy: RiskPolicy, question: Question, numbers: Mapping[str, str]) -> Asked:
    remarks = ["This is the clinician's own observation."] if question.observed else []
    if question.withdrawn_answer is not None:
        signs = " or ".join(numbers[sign] for sign in question.withdrawn_by)
        boxed = question.withdrawn_acuity is Acuity.ACUTE
        remarks.append(
            f"{_words(question.withdrawn_answer)} clears only beside a no to {signs.replace(' or ', ' and ')}; "
            f"beside a yes to {signs} it {'counts as a boxed answer' if boxed else 'holds the plan'}."
        )
    return Asked(
        link=question.id,
        number=numbers[question.id],
        text=question.text,
        boxes=_boxes(dict.fromkeys((*policy.answers, *question.answers)), question.answers),
        remarks=tuple(remarks),
        since=_boxes(policy.answers) if question.known_history else (),
    )


def _boxes(codes: Iterable[str], means: Mapping[str, Acuity] | None = None) -> tuple[Box, ...]:
    found = means or {}
    return tuple(Box(code, _words(code), found.get(code) is Acuity.ACUTE) for code in codes)


def _action(step: Step, numbers: Mapping[str, str]) -> Action:
    only = " or ".join(number for question, number in numbers.items() if question in step.when)
    return Action(step.text, _words(step.owner), _within(step.within), only)


def _words(code: str) -> str:
    """Return the words of a code: as the screen's Questionnaire says them (a test holds the two together)."""
    return _SAID.get(code, code.replace("-", " ").capitalize())


def _within(limit: str) -> str:
    """Return a step's time limit in words: "now", "same session", "within 72 hours"."""
    found = _LASTS.fullmatch(limit)
    if found is None:
        return limit.replace("-", " ").capitalize()
    days, hours, minutes, seconds = (int(one or 0) for one in found.groups())
    return f"Within {_span(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds))}"


def _span(length: timedelta) -> str:
    """Return a length of time in words, in the largest of hours, minutes and seconds that gives a whole number."""
    seconds = int(length.total_seconds())
    size, unit = next((size, unit) for size, unit in _UNITS if seconds % size == 0)
    number = seconds // size
    return f"{number} {unit}{'' if number == 1 else 's'}"
