"""How things stand: plans that did not arrive, policies and their days, the clock, and the trail's breaks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from withness.audit.log import FOUND, RESTORED, SHORT
from withness.audit.record import Kind
from withness.audit.seen import Seen, time_of


@dataclass(frozen=True)
class PlanWaiting:
    """A plan that was approved and is not confirmed: `state` is waiting, sending, refused or orphan.

    `number` is that of the record of its approval (None where the trail has none), `actor` who saved it.
    """

    number: int | None
    state: str
    since: datetime
    attempts: int
    actor: str


@dataclass(frozen=True)
class PolicySpan:
    """A policy while it was in force; `until` is None for the one that still is, `signed` who put it in force."""

    number: int
    version: str
    digest: str
    since: datetime
    until: datetime | None
    signed: str
    demo: bool


@dataclass(frozen=True)
class ClockRun:
    """Records that are earlier than one before them: `back` is how far the clock had gone back at most."""

    first: int
    last: int
    at: datetime
    back: timedelta


@dataclass(frozen=True)
class Break:
    """A new segment of the trail: it begins with record `number`, for the one before it was found damaged.

    `short`: only a longer log that had been published was the cause. `signed`: it begins with the record by which two
    people acknowledged such a loss.
    """

    segment: int
    number: int
    at: datetime
    why: str
    short: bool = False
    signed: bool = False


def policy_spans(records: Iterable[Seen]) -> tuple[PolicySpan, ...]:
    """Return the policies in the order in which they came into force; refusals change nothing."""
    found: list[PolicySpan] = []
    for one in records:
        if one.kind != Kind.POLICY_CHANGED or one.outcome == "refused":
            continue
        if found:
            found[-1] = replace(found[-1], until=one.at)
        said = one.details
        signed = one.actor if "act" in said else ""
        version, demo = str(said.get("version", "")), bool(said.get("demo"))
        found.append(PolicySpan(one.seq, version, one.policy, one.at, None, signed, demo))
    return tuple(found)


SLACK: Final = timedelta(seconds=1)
"""By so much one record may be earlier than another that was written before it, without any clock going back."""


def clock_runs(backward: Sequence[tuple[int, str, str]]) -> tuple[ClockRun, ...]:
    """Return the records that went backwards, neighbours together.

    Each is given by its number, its time, and the latest time before it.
    """
    found: list[ClockRun] = []
    for seq, at, newest in backward:
        back = time_of(newest) - time_of(at)
        if back < SLACK:
            continue
        if found and found[-1].last == seq - 1:
            found[-1] = replace(found[-1], last=seq, back=max(back, found[-1].back))
        else:
            found.append(ClockRun(seq, seq, time_of(at), back))
    return tuple(found)


def breaks(firsts: Iterable[Seen]) -> tuple[Break, ...]:
    """Return the trail's breaks, from the first record of each further segment."""
    return tuple(
        Break(one.segment, one.seq, one.at, _why(one), one.details.get(SHORT) is True, one.outcome == RESTORED)
        for one in firsts
    )


def unsettled(breaks: Sequence[Break]) -> tuple[Break, ...]:
    """Return the breaks that tell of damage: two people may have signed since for one that was a mere loss."""
    signed = [one.number for one in breaks if one.signed]
    return tuple(
        one for one in breaks if not one.signed and not (one.short and any(one.number < number for number in signed))
    )


def _why(one: Seen) -> str:
    why = str(one.details.get("after_break", ""))
    return "" if why == FOUND else why


def plans_waiting(
    undelivered: Iterable[tuple[str, str, str, int]], orphans: Iterable[tuple[str, str]], approvals: Iterable[Seen]
) -> tuple[PlanWaiting, ...]:
    """Return the plans that did not arrive, the oldest first.

    `undelivered` are decision id, state, time of approval and attempts of what waits; `orphans` are plan id and time
    of what is approved with nothing on its way.
    """
    by_decision = {str(one.details.get("decision")): one for one in approvals}
    by_plan = {str(one.details.get("plan")): one for one in by_decision.values()}
    found = []
    for decision, state, at, attempts in undelivered:
        approved = by_decision.get(decision)
        found.append(_waiting(approved, state, at, attempts))
    for plan, at in orphans:
        found.append(_waiting(by_plan.get(plan), "orphan", at, 0))
    return tuple(sorted(found, key=lambda one: one.since))


def _waiting(approved: Seen | None, state: str, at: str, attempts: int) -> PlanWaiting:
    number, actor = (approved.seq, approved.actor) if approved else (None, "")
    return PlanWaiting(number, state, time_of(at), attempts, actor)
