"""Rows as values: sealed content is opened here and nowhere travels sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from withness.core.note import Kept


class PlanState(StrEnum):
    """Where a plan stands. `held` is a working copy: never in the EHR."""

    HELD = "held"
    APPROVED = "approved"
    DELIVERED = "delivered"
    WITHHELD = "withheld"
    ON_HOLD = "on-hold"
    CLOSED = "closed"
    RETRACTED = "retracted"


class NoteState(StrEnum):
    """Where a note stands. `amending`: a signed version stands, and the draft of its amendment lies beside it.

    `discarded`: a draft that its author put away; it stays, and is left out of the list.
    """

    DRAFT = "draft"
    DISCARDED = "discarded"
    SIGNED = "signed"
    AMENDING = "amending"
    AMENDED = "amended"


class Sending(StrEnum):
    """What an outbox row sends: a released plan, a directive protocol, a change of what the EHR holds, a note, a
    check-in, or how far the goals of one member's plan have come (counted when it is sent)."""

    PLAN = "plan"
    DIRECTIVE = "directive"
    CHANGE = "change"
    NOTE = "note"
    CHECK_IN = "check-in"
    GOALS = "goals"


class Delivery(StrEnum):
    """Where an outbox row stands. `sending`: it may have reached the EHR; only a look-up there can tell."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    REFUSED = "refused"
    WITHHELD = "withheld"
    REPLACED = "replaced"


OPEN = (Delivery.WAITING, Delivery.SENDING, Delivery.REFUSED)
"""What `sync` still has to do."""


@dataclass(frozen=True)
class ScreenRow:
    """A recorded screen: `content` holds salt, canonical answers and the QuestionnaireResponse as it came."""

    number: int
    id: str
    person: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class CheckInRow:
    """A recorded check-in: `content` holds salt, the response as it came, what the chart calls it, and its outbox row.

    A correction is a row of its own under the same `response`.
    """

    number: int
    id: str
    person: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class ActRow:
    """A recorded act: `content` holds salt, the statement and its signatures."""

    number: int
    id: str
    person: str
    kind: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class DecisionRow:
    """One person's decision: `content` holds salt, the inputs and the outcome with its reasons."""

    id: str
    person: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class PlanRow:
    """A plan or working copy: `content` holds draft, actor, the request's digest, and what was last answered."""

    id: str
    request_id: str
    state: PlanState
    decision_id: str | None
    updated_at: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class NoteRow:
    """A note: `content` holds its template, members, author and versions, the newest last, and each time that it was
    `discarded` as a draft: which version, by whom, when and why.

    A version holds its number, the note file, who saved it and when, its salt, the request's digest, and once signed
    the attestation, the digests of what was rendered, and its outbox rows.
    """

    id: str
    kind: Kept
    state: NoteState
    updated_at: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class ProcessNoteRow:
    """A psychotherapy process note: `content` holds salt and file. Nobody but its author reads it."""

    id: str
    author: str
    written_at: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class OutboxRow:
    """Something on its way to one EHR: `content` holds the Bundle or the changes, and whom they are about.

    `decision_id` is the decision that released a plan, and an id of its own for everything else; `plan_id` names the
    plan, for a directive the person, and for a note the note.
    """

    decision_id: str
    kind: Sending
    plan_id: str
    ehr: str
    state: Delivery
    attempts: int
    not_before: str
    approved_at: str
    content: Mapping[str, Any]
