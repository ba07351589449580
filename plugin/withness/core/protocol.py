"""The directive protocol: which steps an acute finding calls for."""

from __future__ import annotations

from typing import Final

from withness.core.gate import MemberDecision
from withness.core.risk import RiskPolicy, Step
from withness.core.terms import Acuity

_NAMED_TIMES: Final = ("now", "same-session", "same-day")
"""The policy's named times, the shortest first; a time in hours comes after them."""


def steps(policy: RiskPolicy, decision: MemberDecision) -> tuple[Step, ...]:
    """Return the steps of every domain with an acute finding, the most urgent first.

    A step with `when` is called for only by one of the questions it names.
    """
    acute = {
        (finding.domain, f"{finding.domain}.{finding.item}")
        for finding in decision.findings
        if finding.acuity is Acuity.ACUTE
    }
    domains = {domain for domain, _ in acute}
    questions = {question for _, question in acute}
    called = (
        step
        for domain in policy.domains
        if domain.id in domains
        for step in domain.directive
        if not step.when or questions.intersection(step.when)
    )
    return tuple(sorted(called, key=_urgency))


def _urgency(step: Step) -> int:
    return _NAMED_TIMES.index(step.within) if step.within in _NAMED_TIMES else len(_NAMED_TIMES)
