"""What people do in the life of a hold, as values: each act is recorded once, sealed, and never changed.

An act's `body` holds JSON values; the classes below say what each kind's body holds. Nothing but an act of these
kinds ever ends, raises or covers a finding (contracts I3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class ActKind(StrEnum):
    """The kinds of act."""

    ENROLLED = "enrolled"
    REVOKED = "revoked"
    OPENED = "protocol-opened"
    STEP = "step"
    EVIDENCE = "evidence"
    ASSESSED = "assessed"
    RELEASED = "released"
    ENTRY_ERROR = "entry-error"
    RETRACTED = "retracted"
    RAISED = "raised"
    COSIGNED = "cosigned"
    OVERRIDE = "override"
    OVERRIDE_USED = "override-used"
    PLAN_RETRACTED = "plan-retracted"
    POLICY_SIGNED = "policy-signed"
    SIGNED_OFF = "signed-off"


DIRECTORY: Final = (ActKind.ENROLLED.value, ActKind.REVOKED.value)
"""The kinds that say who may sign what."""


@dataclass(frozen=True)
class Act:
    """One act about one person. `by` and `second` are who signed it ("" where nobody did), `at` when, `number` its
    place in the order of recording, which screens share.

    Bodies: opened {domain, screen, responsible, backup, steps}; step {domain, step, outcome, reason};
    evidence {need, fields}; assessed {domain, level, items: [[item, answer]]}; released {domain, reason, screen};
    entry-error {screen, corrected_by}; retracted {screen, reason, fresh}; raised {domain, acuity, source, reason};
    cosigned {screen}; override {screen, items, reason_code, rationale, purpose, expires};
    override-used {override, decision};
    plan-retracted {plan, reason}; policy-signed {digest, version, owner}, about the signer themselves;
    signed-off {what, of_two, …}, about the signer themselves: what compliance has examined, or, of two people, allows.
    """

    id: str
    kind: ActKind
    person: str
    at: datetime
    by: str
    second: str
    body: Mapping[str, Any]
    number: int = 0


Acts = tuple[Act, ...]
"""A person's acts, in the order in which they were recorded."""


def of(acts: Acts, *kinds: ActKind) -> Acts:
    """Return the acts of these kinds."""
    return tuple(act for act in acts if act.kind in kinds)
