"""Rows as values: sealed content is opened here and nowhere travels sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class PlanState(StrEnum):
    """Where a plan stands. `held` is a working copy: never in the EHR."""

    HELD = "held"
    APPROVED = "approved"
    DELIVERED = "delivered"
    WITHHELD = "withheld"
    ON_HOLD = "on-hold"
    CLOSED = "closed"
    RETRACTED = "retracted"


class Sending(StrEnum):
    """What an outbox row sends: a released plan, a directive protocol, or a change of what the EHR holds."""

    PLAN = "plan"
    DIRECTIVE = "directive"
    CHANGE = "change"


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
class OutboxRow:
    """Something on its way to one EHR: `content` holds the Bundle or the changes, and whom they are about.

    `decision_id` is the decision that released a plan, and an id of its own for everything else; `plan_id` names the
    plan, and for a directive the person.
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
