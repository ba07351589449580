"""The directive protocol: which steps an acute finding calls for."""

from __future__ import annotations

from withness.core.gate import MemberDecision
from withness.core.risk import RiskPolicy, Step
from withness.core.terms import Acuity


def steps(policy: RiskPolicy, decision: MemberDecision) -> tuple[Step, ...]:
    """Return the steps of every domain with an acute finding, in the policy's order.

    A step with `when` is called for only by one of the questions it names.
    """
    acute = {
        (finding.domain, f"{finding.domain}.{finding.item}")
        for finding in decision.findings
        if finding.acuity is Acuity.ACUTE
    }
    domains = {domain for domain, _ in acute}
    questions = {question for _, question in acute}
    return tuple(
        step
        for domain in policy.domains
        if domain.id in domains
        for step in domain.directive
        if not step.when or questions.intersection(step.when)
    )
