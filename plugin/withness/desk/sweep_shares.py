"""What the EHR must hold of each member's share of each plan, by what was decided and delivered."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from withness.audit.record import instant
from withness.desk.shares import OVER
from withness.ehr import observed
from withness.ehr.port import Stored
from withness.ehr.reference import local_name
from withness.errors import CannotTell, SealBroken
from withness.fhir import codes
from withness.fhir.plan_resources import goal_words
from withness.store.rows import OPEN, Delivery, PlanRow, PlanState, Sending
from withness.store.transaction import Transaction

SYSTEMS: Final = (codes.UNIT_PLAN, codes.DECISION, codes.PLAN)
"""The identifiers of a collaborative CarePlan."""

CATEGORIES: Final = tuple((one["system"], one["code"]) for one in codes.CARE_PLAN_CATEGORY["coding"])
"""The category that a plan is written under, by the gate or around it."""

FINAL: Final = ("completed", "revoked", "entered-in-error")
"""Statuses of a CarePlan that is over (R4 request-status)."""


@dataclass(frozen=True)
class Look:
    """What a CarePlan in the EHR says of itself; `person` is None where its subject is nobody of this EHR.

    `ours`: it carries our identifiers or category, so a sweep is about it.
    """

    resource: str
    version: str
    person: str | None
    status: str
    decisions: frozenset[str]
    words: str | None
    ours: bool

    @property
    def over(self) -> bool:
        """Whether the plan is over in the EHR."""
        return self.status in FINAL


def look(stored: Stored, address: str) -> Look:
    """Return what a stored CarePlan says."""
    resource = stored.resource
    return Look(
        resource=f"CarePlan/{resource.get('id')}",
        version=stored.version,
        person=_person(resource, address),
        status=str(resource.get("status")),
        decisions=frozenset(_decisions(resource)),
        words=resource.get("description"),
        ours=observed.marked(resource, SYSTEMS, CATEGORIES),
    )


def _person(resource: Mapping[str, Any], address: str) -> str | None:
    about = resource.get("subject")
    name = local_name(about.get("reference"), address) if isinstance(about, Mapping) else None
    return name if name and name.startswith(("Patient/", "RelatedPerson/")) else None


def _decisions(resource: Mapping[str, Any]) -> Iterator[str]:
    for one in resource.get("identifier") or ():
        if isinstance(one, Mapping) and one.get("system") == codes.DECISION and isinstance(one.get("value"), str):
            yield one["value"]


class Expected(StrEnum):
    """How a member's CarePlan must stand in the EHR."""

    GOES_ON = "goes-on"
    ON_HOLD = "on-hold"
    OVER = "over"
    NEVER_SENT = "never-sent"


@dataclass(frozen=True)
class Share:
    """One member's share of a plan: `decision` and `words` are what their CarePlan was last delivered with.

    `goals` are the ids and words of its goals. `moving`: something of it is on its way, so nothing can be said of it
    now; `elsewhere`: it was delivered to another EHR than this.
    """

    plan: str
    person: str
    care_plan: str
    expected: Expected
    decision: str | None
    words: str | None
    goals: tuple[tuple[str, str], ...]
    moving: bool
    elsewhere: bool

    @property
    def judged(self) -> bool:
        """Whether anything can be said of it now, in this EHR."""
        return not self.moving and not self.elsewhere


def moving_plans(tx: Transaction, at: datetime) -> frozenset[str]:
    """Return the plans of which something is on its way; what is planned for a later time is not. Raises CannotTell."""
    found = set()
    for id in tx.outbox_ids(*OPEN, due=instant(at)):
        row = _opened(tx.outbox, id)
        if row is not None and row.kind in (Sending.PLAN, Sending.CHANGE):
            found |= {row.plan_id, row.content.get("amends") or row.plan_id}
    return frozenset(found)


def shares(
    tx: Transaction, plans: Iterator[str], approved: Container[str], address: str, at: datetime
) -> Iterator[Share]:
    """Yield each member's share of these plans; `approved` are the decisions that the trail says released a plan.

    Raises CannotTell for a row that does not open: what it says of whom cannot be known.
    """
    moving = moving_plans(tx, at)
    for id in plans:
        row = _opened(tx.plan, id)
        if row is None or row.content.get("amends"):
            continue
        for person, chart in row.content.get("charts", {}).items():
            if "care_plan" in chart:
                yield _share(tx, row, person, chart, approved, moving, address)


def _share(
    tx: Transaction,
    row: PlanRow,
    person: str,
    chart: Mapping[str, Any],
    approved: Container[str],
    moving: Container[str],
    address: str,
) -> Share:
    sent = _opened(tx.outbox, row.decision_id or "")
    decision, words = _delivered(tx, row, chart["care_plan"], approved)
    return Share(
        plan=row.id,
        person=person,
        care_plan=chart["care_plan"],
        expected=_expected(row, chart),
        decision=decision,
        words=words,
        goals=tuple((id, goal_words(key)) for key, id in chart.get("goals", {}).items()),
        moving=row.id in moving or row.state is PlanState.APPROVED or bool(row.content.get("pending")),
        elsewhere=sent is not None and sent.ehr != address,
    )


def _expected(row: PlanRow, chart: Mapping[str, Any]) -> Expected:
    if row.state is PlanState.WITHHELD:
        return Expected.NEVER_SENT
    if row.state in OVER or chart.get("state") in OVER:
        return Expected.OVER
    return Expected.ON_HOLD if chart.get("holds") else Expected.GOES_ON


def _delivered(
    tx: Transaction, row: PlanRow, care_plan: str, approved: Container[str]
) -> tuple[str | None, str | None]:
    """Return the decision that a CarePlan was last delivered with, as its chart names it, and its words."""
    for decision in reversed([row.decision_id or "", *(one["by"] for one in row.content.get("versions", ()))]):
        sent = _opened(tx.outbox, decision)
        if sent is None or sent.kind is not Sending.PLAN or sent.state is not Delivery.DELIVERED:
            continue
        made = next((one for one in sent.content["bundle"]["entry"] if one["request"]["url"] == care_plan), None)
        if made is not None and decision in approved:
            [mark] = _decisions(made["resource"])
            return mark, made["resource"].get("description")
    return None, None


def _opened(read: Any, id: str) -> Any:
    try:
        return read(id)
    except SealBroken:
        raise CannotTell(
            "A plan's row does not open, so plans in the EHR cannot be held against it.",
            hint="Run: withness audit verify",
        ) from None
