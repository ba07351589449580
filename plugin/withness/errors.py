"""The one error tree: each error is a sentence for a person plus the datum the caller needs.

A hold by the gate is a result inside the house and becomes `Held` only at an edge (contracts: exit codes).
No message carries PHI: fields, ids of resources and counts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class WithnessError(Exception):
    """Base of every error that Withness raises on purpose.

    `message` is one sentence for a person, `field` names the datum it is about (a JSON path, a setting or
    empty), `hint` says what to do next, `answer` what the gate says all the same. `exit_code` follows the table in the
    contracts.
    """

    exit_code: ClassVar[int] = 7
    code: ClassVar[str] = "error"

    def __init__(
        self, message: str, *, field: str = "", hint: str = "", answer: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint
        self.answer = dict(answer or {})

    def as_dict(self) -> dict[str, Any]:
        """Return the error as a JSON-ready mapping, with its answer."""
        own = {"error": self.code, "message": self.message, "field": self.field, "hint": self.hint}
        return {**own, **self.answer}


class InvalidInput(WithnessError):
    """Usage or input that cannot be taken; `field` names the culprit (exit 2)."""

    exit_code = 2
    code = "invalid-input"


class NotSmart(InvalidInput):
    """A goal without its measure, target, time limit or responsible person (exit 2)."""

    code = "goal-not-smart"


class NoteNotReady(InvalidInput):
    """A note that cannot be signed yet; `answer` holds all that keeps it from that, at once (exit 2)."""

    code = "note-not-ready"


class InvalidContent(InvalidInput):
    """A catalogue, policy or template file that cannot be used; `field` is file and key (exit 2)."""

    code = "invalid-content"


class PolicyRefused(InvalidInput):
    """A gate policy that may not decide: empty, edited without version, owner and signature (exit 2)."""

    code = "policy-refused"


class KeyMissing(InvalidInput):
    """The data key of a used data directory is not where it should be (exit 2)."""

    code = "key-missing"


class Held(WithnessError):
    """The gate holds the plan. A result inside; an error only at an edge (exit 3).

    `answer` is the whole answer of the save: findings, protocol, working copy.
    """

    exit_code = 3
    code = "held"

    def __init__(self, message: str, *, answer: Mapping[str, Any] | None = None, hint: str = "") -> None:
        super().__init__(message, field="decision", hint=hint, answer=answer)


class Refused(WithnessError):
    """A way out of a hold that its rules do not allow: the hold stands, and the attempt is on record (exit 3)."""

    exit_code = 3
    code = "refused"


class TrailDamaged(WithnessError):
    """The audit trail does not verify; plans are refused until people have looked (exit 4).

    For a plan's save `answer` holds what the gate says now; likewise for a `CannotTell` of a trail in doubt.
    """

    exit_code = 4
    code = "trail-damaged"


class EhrUnavailable(WithnessError):
    """The EHR cannot be reached or is busy; what was approved is kept (exit 5)."""

    exit_code = 5
    code = "ehr-unavailable"

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class EhrRefused(WithnessError):
    """The EHR answered and said no; `message` is its OperationOutcome as a sentence (exit 5)."""

    exit_code = 5
    code = "ehr-refused"


class Conflict(WithnessError):
    """A newer version, or a request id used before for something else (exit 6).

    `answer` holds what changed meanwhile and what the gate says now, for those who may see the plan.
    """

    exit_code = 6
    code = "conflict"


class CannotTell(WithnessError):
    """The store is busy, unreadable, or a commit's fate is unknown: nothing is claimed (exit 7)."""

    exit_code = 7
    code = "cannot-tell"


class SealBroken(CannotTell):
    """Sealed bytes do not open: another key, or changed since they were written (exit 7)."""

    code = "seal-broken"
