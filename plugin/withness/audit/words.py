"""What the trail's kinds of record and its codes of refusal are called where people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TRIED: Final[Mapping[str, str]] = {
    "screen.recorded": "to record a screen",
    "screen.corrected": "to correct a screen",
    "screen.retracted": "to retract a screen",
    "plan.held": "to save a plan",
    "plan.closed": "to end a plan",
    "plan.retracted": "to retract a plan",
    "protocol.step": "to record a step or evidence",
    "protocol.released": "to release or correct an acute hold",
    "assessment.recorded": "to assess, or to co-sign a screen",
    "override.granted": "to override",
    "override.refused": "to override",
    "acuity.raised": "to raise a domain",
    "checkin.recorded": "to record a check-in",
    "goal.updated": "to look at a plan again",
    "note.saved": "to save or sign a note",
    "actor.changed": "to enrol or revoke somebody",
    "policy.changed": "to put a policy in force",
    "trail.viewed": "to look at what is recorded",
    "trail.exported": "to export records",
    "trail.signed-off": "to sign for what compliance signs for (an item, a baseline, a loss or a pruning)",
}
"""What somebody tried, by the kind of the record that says it was refused."""

TRIED_FOR: Final[Mapping[str, str]] = {
    "baseline-there": "to sign a second baseline",
    "signed-off": "to sign off an item of the worklist",
}
"""The same where the code of the refusal says more of it than the kind does."""

WHY: Final[Mapping[str, str]] = {
    "acute": "it is acute, and only a release ends that",
    "baseline-there": "there is a baseline already",
    "compliance": "somebody in compliance signs nothing clinical",
    "enrolled": "they are enrolled already",
    "entry-error-late": "24 hours were over",
    "first-cannot-vouch": "the first person must be in compliance",
    "foreign-key": "it is not the key that they are enrolled with",
    "key-enrolled": "the key is somebody's already",
    "left-open": "the new screen leaves something open",
    "level": "the level is lower than the evidence says",
    "licence-enrolled": "the licence is enrolled already",
    "need-missing": "something was not written down yet",
    "new-screen": "only a new screen ends it",
    "no-item": "no item was named",
    "no-new-screen": "there was no new screen after the hold",
    "no-second-signer": "nobody signed second",
    "no-supervisor": "a trainee needs a supervisor who is enrolled",
    "nobody-vouches": "nobody vouched for them",
    "not-asked-again": "the client was not asked again",
    "not-compliance": "who signed is not in compliance",
    "not-coverable": "this item can never be overridden",
    "not-current": "the screen is not current",
    "not-enrolled": "they are not enrolled",
    "not-for-proxies": "a patient, partner or proxy asked",
    "not-medical": "this needs a medical clinician",
    "not-policy-owner": "who signed does not own the policy",
    "not-second-signer": "the second one may not sign second",
    "not-signed": "nobody signed",
    "not-silent": "the item was answered, and not left open",
    "not-the-author": "it is somebody else's",
    "not-the-supervisor": "who signed is not the trainee's supervisor",
    "not-vouching": "who vouched is not in compliance",
    "nothing-acute": "nothing is acute",
    "nothing-elevated": "nothing is elevated",
    "other-person": "it is about another person",
    "override-expired": "the override had expired",
    "override-used": "the override had been used",
    "own-consultation": "nobody consults themself",
    "own-work": "nobody signs for what they did themselves",
    "plan-not-released": "its plan is not released",
    "rationale-short": "the reason was too short",
    "reason-code": "the reason's code is none that the policy allows",
    "revoked": "their enrolment had been revoked",
    "role": "their role does not allow it",
    "same-key": "both signatures are of one key",
    "same-person": "one person signed twice",
    "screen-incomplete": "the new screen is not complete",
    "signed-off": "somebody else had signed it off",
    "still-acute": "the new screen is still acute",
    "unreadable": "the screen cannot be read in full",
}
"""Why something was refused, by its code."""


HELP: Final = "The hold did its work. Does the clinician need help, or does the rule?"
SLIP: Final = "Was it a slip, or somebody trying what is not theirs to do?"
ROUTINE: Final = frozenset(
    {
        "acute",
        "entry-error-late",
        "left-open",
        "level",
        "need-missing",
        "new-screen",
        "no-item",
        "no-new-screen",
        "no-second-signer",
        "no-supervisor",
        "not-asked-again",
        "not-coverable",
        "not-current",
        "not-silent",
        "nothing-acute",
        "nothing-elevated",
        "override-expired",
        "override-used",
        "plan-not-released",
        "rationale-short",
        "reason-code",
        "screen-incomplete",
        "still-acute",
        "unreadable",
    }
)
"""Codes of what clinicians run into while the rules do what they are for: they ask `HELP`, any other asks `SLIP`."""


def asks(code: str) -> str:
    """Return what somebody in compliance asks about a refusal with this code."""
    return HELP if code in ROUTINE else SLIP


def tried(kind: str, code: str = "") -> str:
    """Say what somebody tried, by the refusal's code where that says more; a kind that has no words is named."""
    return TRIED_FOR.get(code) or TRIED.get(kind, kind)


def why(code: str) -> str:
    """Say why something was refused, with the code in brackets; a code that has no words stands alone."""
    return f"{WHY[code]} ({code})" if code in WHY else code or "no code"


def many(count: int, what: str = "record") -> str:
    """Return how many of what: "1 record", "2 records"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def were(count: int) -> str:
    """Return the verb that goes with so many in the past."""
    return "was" if count == 1 else "were"


def are(count: int) -> str:
    """Return the verb that goes with so many."""
    return "is" if count == 1 else "are"
