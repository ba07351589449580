"""What may be told of a decision: everything about one person, one sentence about several (contracts I8)."""

from __future__ import annotations

from typing import Any, Final

from withness.audit.record import instant
from withness.core.gate import IN_DOUBT, Decision, MemberDecision, release
from withness.core.holds import RESCREEN, needs_of
from withness.core.judgement import Finding
from withness.core.protocol import steps
from withness.core.risk import RiskPolicy
from withness.core.terms import Acuity

RELEASED: Final = ("released", "released-with-conditions")
"""What a decision that lets a plan through is called (contracts)."""


def may_see(viewer: str, person: str) -> bool:
    """Whether reasons about `person` may be shown: to clinicians and devices; never to a partner, proxy or guardian.

    The person themself hears them from the clinician: a report, or that there is one, is nothing to read alone.
    """
    return not viewer.startswith(("Patient/", "RelatedPerson/"))


def tell(decision: Decision, policy: RiskPolicy, viewer: str = "") -> dict[str, Any]:
    """Return a decision as JSON values. For a unit of more than one it is the same whatever the reason.

    So it is for a `viewer` who may not see this person's reasons.
    """
    about_policy = {"version": decision.policy_version, "digest": decision.policy_digest, "demo": decision.demo}
    if decision.shared or not all(may_see(viewer, one.person) for one in decision.members):
        released = release(decision) is not None
        return {
            "person": None,
            "decision": "released" if released else "held",
            "by": "screen",
            "findings": [],
            "missing": [],
            "conditions": [],
            "protocol": [],
            "needs": [],
            "expires": None,
            "screen": None,
            "policy": about_policy,
            "sentence": "A plan may be saved for this unit." if released else policy.unit_sentence,
            "reflection": "" if released else policy.reflection,
        }
    [member] = decision.members
    return {
        "person": member.person,
        "decision": member.name,
        "by": member.by,
        "findings": [one.said() for one in sorted(member.findings, key=_gravest)],
        "missing": list(member.missing),
        "conditions": list(member.conditions),
        "protocol": [
            {"domain": step.domain, "step": step.id, "text": step.text, "owner": step.owner, "within": step.within}
            for step in steps(policy, member)
        ],
        "needs": needs(member, policy),
        "expires": instant(member.expires) if member.expires and member.released else None,
        "screen": member.screen,
        "policy": about_policy,
        "sentence": _sentence(member),
        "reflection": "" if member.released else policy.reflection,
    }


def _sentence(member: MemberDecision) -> str:
    """Return what to do next: what the person needs comes first, a trail that lets nothing through after it."""
    if TRAIL not in member.missing:
        return _SENTENCES[member.name]
    doubt = any(one.item == TRAIL and one.why == IN_DOUBT for one in member.findings)
    trail = DOUBT_SENTENCE if doubt else DAMAGE_SENTENCE
    if member.acuity is Acuity.ACUTE:
        return f"{_SENTENCES[member.name]} {trail}"
    elevated = any(one.acuity is Acuity.ELEVATED for one in member.findings)
    return f"{_ELEVATED_FIRST} {trail}" if elevated else trail


def _gravest(finding: Finding) -> tuple[bool, int]:
    """Sort the gravest first, and the trail, which says nothing of the person, last."""
    return finding.item == TRAIL, -finding.acuity.rank


def needs(decision: MemberDecision, policy: RiskPolicy) -> list[str]:
    """Return what the domains with an elevated or acute finding ask to be written down, in the policy's order."""
    found: list[str] = []
    for domain in policy.domains:
        mine = [one for one in decision.findings if one.domain == domain.id]
        for acuity in (Acuity.ACUTE, Acuity.ELEVATED):
            items = [one.item for one in mine if one.acuity is acuity]
            if items:
                found.extend(needs_of(domain, acuity, items, shared=False))
                found.extend([RESCREEN] if acuity is Acuity.ACUTE else [])
                break
    return list(dict.fromkeys(found))


TRAIL: Final = "trail"
"""What is missing where the trail lets nothing through."""

SAVED_AS_EVER: Final = (
    "Notes, screens, check-ins, safety plans, steps and evidence are saved as ever. A new screen does not mend the "
    "technical fault."
)

FOR_IT: Final = "For whoever runs Withness:"
"""What begins the part that nobody with a client before them need read."""

WHAT_SAVES: Final = (
    f"{SAVED_AS_EVER} Tell whoever is in charge of compliance, and whoever runs Withness. {FOR_IT} run withness audit "
    "verify, keep the data directory as it is, and go on with a backup that verifies."
)
"""What somebody with a client before them does while the trail is damaged."""

DAMAGE_SENTENCE: Final = (
    f"No plan is let through: the audit trail is damaged, or names other screens than those that lie here. {WHAT_SAVES}"
)
DOUBT_SENTENCE: Final = (
    "No plan is let through: the audit trail cannot be checked now, because a part of the system is not reachable. "
    f"Keep working with the client. {SAVED_AS_EVER} Tell whoever runs Withness."
)

NOT_SAVED: Final = "The plan is not saved, for a technical reason that has nothing to do with you or with your client:"
DAMAGED: Final = "the audit trail is damaged, so no plan can be saved."
DOUBTED: Final = "the audit trail cannot be checked now."
KEEP_THE_FILE: Final = (
    "Keep the draft file: it stays as it is, and no working copy of it can be kept now. Once the fault is mended, save "
    "it again."
)
"""What a refused save says, in this order, before what goes on and what is for whoever runs Withness."""

_NEVER_HELD = " Notes, safety plans, referrals, reports and messages are never held, and the client's words are kept."
_ELEVATED_FIRST = (
    "First: assess this person, today, about what is listed as elevated, and write down what you find." + _NEVER_HELD
)
_SENTENCES = {
    "released": "Nothing in this screen holds the plan. That is not a statement that the person is safe: anything new "
    "counts at once.",
    "released-with-conditions": "A plan may be saved. What the caution asks for is on record; look at it again at each "
    "review.",
    "held-for-assessment": "The plan waits. Next: assess this person, today, about what is listed, and write down what "
    "you find." + _NEVER_HELD,
    "held-incomplete": "The plan waits: something is missing, unsure, declined, too old, or from another encounter. "
    "Look first at anything listed as elevated; then ask again what is missing and record a new screen." + _NEVER_HELD,
    "held-for-directive-protocol": "The plan waits. Act now, by the steps below, those marked now first; do not end "
    "the contact before you know the next one. Here you lead; not-knowing waits." + _NEVER_HELD,
}
