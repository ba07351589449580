"""A record as compliance reads it: its search columns and plain details, with people as the reader may see them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, Protocol

Naming = Callable[[str], str]
"""How people are called: a reference in, a pseudonym or the reference out; never one name for two people."""

UNREADABLE: Final = "unreadable"
"""What stands for a text that somebody has put bytes in the place of: the trail is damaged, and the rest is shown."""

CHANGED: Final = "What is unreadable there was changed: the trail is damaged. Run: withness audit verify"
"""What is said where something is shown as `UNREADABLE`."""

NO_TIME: Final = datetime.min.replace(tzinfo=UTC)
"""The time of a record that tells none: its column was changed."""


class Stored(Protocol):
    """A record as a store gives it."""

    @property
    def seq(self) -> int:
        """Its number."""

    @property
    def segment(self) -> int:
        """The trail's segment that it is in."""

    @property
    def recorded_at(self) -> str:
        """When it was written."""

    @property
    def kind(self) -> str:
        """Its kind."""

    @property
    def actor(self) -> str:
        """Who acted."""

    @property
    def second_actor(self) -> str | None:
        """Who signed second."""

    @property
    def patient(self) -> str | None:
        """Whom it is about."""

    @property
    def outcome(self) -> str | None:
        """What came of it."""

    @property
    def reason(self) -> str | None:
        """Its reason code."""

    @property
    def policy(self) -> str | None:
        """The digest of the policy."""

    @property
    def body(self) -> bytes:
        """Its bytes."""


@dataclass(frozen=True)
class Seen:
    """One record; "" where it names nobody or nothing."""

    seq: int
    segment: int
    at: datetime
    kind: str
    actor: str
    second: str
    person: str
    outcome: str
    reason: str
    policy: str
    body: bytes

    @cached_property
    def details(self) -> Mapping[str, Any]:
        """Its plain details, read when they are first asked for; none where its bytes are not a record's."""
        return details_of(self.body)


def seen(row: Stored, naming: Naming) -> Seen:
    """Return a stored record as it is read, people called by `naming`."""
    return Seen(
        seq=row.seq,
        segment=row.segment,
        at=time_of(row.recorded_at),
        kind=row.kind,
        actor=naming(row.actor),
        second=naming(row.second_actor) if row.second_actor else "",
        person=naming(row.patient) if row.patient else "",
        outcome=row.outcome or "",
        reason=row.reason or "",
        policy=row.policy or "",
        body=row.body,
    )


def details_of(body: bytes) -> Mapping[str, Any]:
    """Return the details of a record's bytes, none where they are not a record's."""
    try:
        found = json.loads(body)["details"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def time_of(text: str) -> datetime:
    """Return the time that a record's column tells, NO_TIME where it tells none."""
    try:
        found = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        return NO_TIME
    return found if found.tzinfo else NO_TIME
