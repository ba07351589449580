"""What may be told of a decision: everything about one person, one sentence about several (contracts I8)."""

from __future__ import annotations

from typing import Any

from withness.audit.record import instant
from withness.core.gate import Decision, release
from withness.core.protocol import steps
from withness.core.risk import RiskPolicy


def tell(decision: Decision, policy: RiskPolicy) -> dict[str, Any]:
    """Return a decision as JSON values. For a unit of more than one it is the same whatever the reason."""
    about_policy = {"version": decision.policy_version, "digest": decision.policy_digest, "demo": decision.demo}
    if decision.shared:
        released = release(decision) is not None
        return {
            "decision": "released" if released else "held",
            "by": "screen",
            "findings": [],
            "missing": [],
            "conditions": [],
            "protocol": [],
            "expires": None,
            "screen": None,
            "policy": about_policy,
            "sentence": "Every member's screening is in order." if released else policy.unit_sentence,
            "reflection": "" if released else policy.reflection,
        }
    [member] = decision.members
    return {
        "decision": member.name,
        "by": member.by,
        "findings": [
            {"domain": one.domain, "item": one.item, "acuity": one.acuity.value, "why": one.why}
            for one in member.findings
        ],
        "missing": list(member.missing),
        "conditions": list(member.conditions),
        "protocol": [
            {"domain": step.domain, "step": step.id, "text": step.text, "owner": step.owner, "within": step.within}
            for step in steps(policy, member)
        ],
        "expires": instant(member.expires) if member.expires and member.released else None,
        "screen": member.screen,
        "policy": about_policy,
        "sentence": _SENTENCES[member.name],
        "reflection": "" if member.released else policy.reflection,
    }


_SENTENCES = {
    "released": "The screen is clear: a plan may be saved.",
    "released-with-conditions": "The screen lets a plan through under the conditions listed.",
    "held-for-assessment": "The plan is held: a finding needs to be assessed first.",
    "held-incomplete": "The plan is held: the screen is not complete and current.",
    "held-for-directive-protocol": "The plan is held: an acute finding calls for the directive protocol.",
}
