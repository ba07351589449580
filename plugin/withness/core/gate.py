"""The risk-screen gate: one pure decision, the most restrictive reason wins and every reason is listed.

Rules list the answers that clear; whatever is not listed holds. A rule never reads who the client is, only
what was asked, answered, when, by whom and where (contracts I2, I10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from withness.core.judgement import SCREEN, Finding, Judgement
from withness.core.reading import Circumstance, Reading, Readings, blank, ended_raise
from withness.core.risk import Domain, Override, Raise, RiskPolicy, Screen, Standing
from withness.core.terms import HOLDING, RELEASING, Acuity, Purpose, UnitKind, worst
from withness.core.windows import judge_window
from withness.errors import PolicyRefused


@dataclass(frozen=True)
class MemberDecision:
    """The decision on one person, with every reason. `expires` is when the screen stops clearing."""

    person: str
    name: str
    acuity: Acuity
    by: str
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]
    conditions: tuple[str, ...]
    screen: str | None
    expires: datetime | None

    @property
    def released(self) -> bool:
        """Whether this member's screen lets the plan through."""
        return self.acuity in RELEASING


@dataclass(frozen=True)
class Decision:
    """The decision on a unit: as restrictive as its most restrictive member."""

    id: str
    kind: UnitKind
    members: tuple[MemberDecision, ...]
    purpose: Purpose
    at: datetime
    policy_version: str
    policy_digest: str
    demo: bool

    @property
    def acuity(self) -> Acuity:
        """The most restrictive acuity of any member."""
        return worst([member.acuity for member in self.members])

    @property
    def shared(self) -> bool:
        """Whether reasons must stay with each member (contracts I8)."""
        return len(self.members) > 1


@dataclass(frozen=True)
class Released:
    """Proof that the gate let a unit through; only `release` makes one."""

    decision: Decision


def release(decision: Decision) -> Released | None:
    """Return the proof of release, None when the gate holds."""
    return Released(decision) if decision.members and all(one.released for one in decision.members) else None


_DAMAGED: Final = "the audit trail is damaged, or names other screens than those on record"
IN_DOUBT: Final = "the audit trail cannot be checked now"
"""Why a trail lets nothing through that is not known to be damaged. It stands in sealed decisions, word for word."""


def decide_member(readings: Readings, person: str, history: tuple[Screen, ...]) -> MemberDecision:
    """Decide for one person. Raises PolicyRefused when the policy asks nothing."""
    policy, standing, about = readings.policy, readings.standing, readings.about
    if not policy.domains or any(not domain.questions for domain in policy.domains):
        raise PolicyRefused("The gate's policy asks nothing, so it can clear nothing.", field="policy")
    same = {person, *about.aliases}
    history = tuple(screen for screen in history if screen.person in same)
    judged = Judgement()
    latest = history[-1] if history else None
    if not about.intact:
        judged.unknown(SCREEN, "trail", IN_DOUBT if about.in_doubt else _DAMAGED, missing="trail")
    if latest is None:
        judged.unknown(SCREEN, "", "no risk screen is on record", missing=SCREEN)
    else:
        _judge_times(judged, policy, history, latest, about)
        for domain in policy.domains:
            _judge_domain(judged, readings, domain, history, latest)
    _judge_beyond(judged, latest, standing, about)
    acuity = worst([finding.acuity for finding in judged.findings])
    return MemberDecision(
        person=person,
        name=policy.decisions[acuity],
        acuity=acuity,
        by=judged.by,
        findings=tuple(judged.findings),
        missing=tuple(dict.fromkeys(judged.missing)),
        conditions=tuple(dict.fromkeys(judged.conditions)),
        screen=latest.id if latest else None,
        expires=min(judged.expiries, default=None) if latest else None,
    )


def _judge_beyond(judged: Judgement, latest: Screen | None, standing: Standing, about: Circumstance) -> None:
    """What is known beyond the answers: acuity that was raised, a retraction, a trainee's screen, the chart."""
    for one in standing.raises:
        reading = _raised(one, latest, standing)
        judged.add(one.domain, reading.item, reading.acuity, reading.why)
        judged.by = reading.closed_by or judged.by
    stale = latest is not None and (latest.number <= standing.fresh_after or latest.id in standing.retracted)
    if stale:
        judged.unknown(SCREEN, "", "a screen was retracted: a fresh one is needed", missing=SCREEN)
    if latest is not None and latest.id in standing.uncosigned:
        judged.unknown(SCREEN, "co-signature", "a trainee's screen waits for the co-signature", missing="co-signature")
    if not about.chart_reached:
        judged.unknown(SCREEN, "chart-evidence", "the EHR could not be asked", missing="chart-evidence")
    for seen in about.chart:
        if latest is None or latest.authored is None or seen.at is None or seen.at > latest.effective:
            judged.add(seen.domain, "chart-evidence", seen.acuity, "a newer result in the chart")


def _judge_times(
    judged: Judgement, policy: RiskPolicy, history: tuple[Screen, ...], latest: Screen, about: Circumstance
) -> None:
    """The latest screen as a whole: readable, in order, on time, and the clock with it."""
    questions = {question.id for question in policy.questions()} if latest.faults else ()
    for fault in latest.faults:
        if fault.whole or fault.where not in questions:
            judged.unknown(SCREEN, fault.where, fault.why, missing=fault.where)
    if about.not_before is not None and about.at < about.not_before:
        judged.unknown(SCREEN, "clock", "the clock has gone backwards since the last record", missing="clock")
    if latest.recorded > about.at:
        judged.unknown(
            SCREEN, "clock", "the latest screen was recorded after the time of this decision", missing="clock"
        )
    if latest.authored is None:
        judged.unknown(SCREEN, "authored", "the latest screen does not say when it was made", missing=SCREEN)
        return
    if latest.authored > latest.recorded + policy.future_tolerance:
        judged.unknown(SCREEN, "authored", "the latest screen is dated in the future", missing=SCREEN)
    if latest.recorded - latest.authored > policy.late_entry:
        judged.unknown(
            SCREEN, "authored", "the latest screen was filed too long after it was made: stale", missing=SCREEN
        )
    if any(latest.authored < _asked(policy, other) for other in history[:-1]):
        judged.unknown(
            SCREEN,
            "authored",
            "the latest screen was made before another one: it can raise, never clear",
            missing=SCREEN,
        )


def _asked(policy: RiskPolicy, screen: Screen) -> datetime:
    """When an earlier screen was made, as far as it can be believed: not later than its recording allows."""
    believable = screen.recorded + policy.future_tolerance
    return screen.authored if screen.authored is not None and screen.authored <= believable else screen.recorded


def _judge_domain(
    judged: Judgement, asked: Readings, domain: Domain, history: tuple[Screen, ...], latest: Screen
) -> None:
    policy, about = asked.policy, asked.about
    readings = {screen.id: asked.of(domain, screen, latest=screen is latest) for screen in history}
    told = tuple(_covered(reading, latest, asked.standing, about) for reading in readings[latest.id])
    for reading in told:
        judged.add(domain.id, reading.item, reading.acuity, reading.why)
        if reading.missing:
            judged.missing.append(reading.missing)
    for some in (*readings.values(), told):
        for reading in some:
            judged.by = reading.closed_by or judged.by
    _judge_older(judged, domain, history, readings, about)
    _judge_conditions(judged, policy, domain, latest, told)
    judge_window(judged, policy, domain, history, readings, about)


def _covered(reading: Reading, latest: Screen, standing: Standing, about: Circumstance) -> Reading:
    """Apply an override to an item that was left open; whatever it does not name still holds (policy: override)."""
    if not reading.silent or reading.acuity is not Acuity.UNKNOWN:
        return reading
    if not any(_counts(one, reading, latest, about) for one in standing.overrides):
        return reading
    why = f"{reading.why}; covered by an override"
    return replace(reading, acuity=Acuity.CAUTION, why=why, missing="", closed_by="override")


def _counts(override: Override, reading: Reading, latest: Screen, about: Circumstance) -> bool:
    current = override.screen == latest.id and override.purpose == about.purpose.value
    return current and not override.used and about.at < override.expires and reading.missing in override.items


def _raised(one: Raise, latest: Screen | None, standing: Standing) -> Reading:
    """Return an acuity that was raised, unless an assessment or a release with a newer screen has ended it."""
    source = "by a clinician's judgement" if one.item == "raised" else "by a result in the chart"
    reading = Reading(one.item, one.acuity, f"raised {source}", positive=True)
    by = ended_raise(one, latest, standing)
    if by is None:
        return reading
    return replace(reading, acuity=Acuity.CAUTION, why=f"{reading.why}; ended by {by}", closed_by=by)


def _judge_older(
    judged: Judgement,
    domain: Domain,
    history: tuple[Screen, ...],
    readings: Mapping[str, tuple[Reading, ...]],
    about: Circumstance,
) -> None:
    """An acute finding, and an elevated one from a yes, outlive the screens after it (policy: sticky)."""
    ended = _complete(history[-1], readings[history[-1].id])
    for screen in history[:-1]:
        day = screen.effective.astimezone(about.zone).date().isoformat()
        for reading in readings[screen.id]:
            passed = reading.acuity is Acuity.ELEVATED and reading.passing and ended
            if reading.acuity in HOLDING and not passed:
                why = f"{reading.why}, on the screen of {day}; it still stands"
                judged.add(domain.id, reading.item, reading.acuity, why)


def _complete(screen: Screen, readings: tuple[Reading, ...]) -> bool:
    return not screen.faults and not any(reading.acuity is Acuity.UNKNOWN or reading.passing for reading in readings)


def _judge_conditions(
    judged: Judgement, policy: RiskPolicy, domain: Domain, latest: Screen, readings: tuple[Reading, ...]
) -> None:
    cautions = [reading for reading in readings if reading.acuity is Acuity.CAUTION]
    if not cautions:
        return
    judged.conditions.extend(f"{domain.id}.{reading.item}" for reading in cautions)
    asks = {one.id for one in domain.questions if Acuity.CAUTION in one.answers.values()}
    if all(one.closed_by == "override" and f"{domain.id}.{one.item}" not in asks for one in cautions):
        return
    for need in domain.condition_needs:
        for field in policy.need_fields[need]:
            if blank(policy, latest.answers.get(field)):
                judged.unknown(domain.id, field, "a caution needs its integration record", missing=field)
