"""The risk-screen gate: one pure decision, the most restrictive reason wins and every reason is listed.

Rules list the answers that clear; whatever is not listed holds. A rule never reads who the client is, only
what was asked, answered, when, by whom and where (contracts I2, I10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final

from withness.core.reading import Circumstance, Ended, Reading, blank, readings_of
from withness.core.risk import Domain, RiskPolicy, Screen, Standing, ValidatedRule, Window
from withness.core.terms import HOLDING, RELEASING, Acuity, Purpose, UnitKind, worst
from withness.errors import PolicyRefused

SCREEN: Final = "screen"
"""The pseudo-domain of reasons that concern a whole screen."""


@dataclass(frozen=True)
class Finding:
    """One reason: `item` is the question's id within its domain, `why` a sentence without the answer's words."""

    domain: str
    item: str
    acuity: Acuity
    why: str

    def said(self) -> dict[str, str]:
        """Return the reason as JSON values."""
        return {"domain": self.domain, "item": self.item, "acuity": self.acuity.value, "why": self.why}


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


def decide_member(
    policy: RiskPolicy, person: str, history: tuple[Screen, ...], standing: Standing, about: Circumstance
) -> MemberDecision:
    """Decide for one person. Raises PolicyRefused when the policy asks nothing."""
    if not policy.domains or any(not domain.questions for domain in policy.domains):
        raise PolicyRefused("The gate's policy asks nothing, so it can clear nothing.", field="policy")
    history = tuple(screen for screen in history if screen.person == person)
    judged = _Judgement()
    latest = history[-1] if history else None
    if not about.intact:
        judged.unknown(
            SCREEN, "trail", "the audit trail is damaged, or names other screens than those on record", missing="trail"
        )
    if latest is None:
        judged.unknown(SCREEN, "", "no risk screen is on record", missing=SCREEN)
    else:
        _judge_times(judged, policy, history, latest, about)
        for domain in policy.domains:
            _judge_domain(judged, policy, domain, history, latest, standing, about)
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


class _Judgement:
    """Reasons as they are gathered."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.missing: list[str] = []
        self.conditions: list[str] = []
        self.expiries: list[datetime] = []
        self.by = SCREEN

    def add(self, domain: str, item: str, acuity: Acuity, why: str) -> None:
        if acuity is not Acuity.NONE:
            self.findings.append(Finding(domain, item, acuity, why))

    def unknown(self, domain: str, item: str, why: str, *, missing: str) -> None:
        self.add(domain, item, Acuity.UNKNOWN, why)
        self.missing.append(missing)


def _judge_times(
    judged: _Judgement, policy: RiskPolicy, history: tuple[Screen, ...], latest: Screen, about: Circumstance
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
    judged: _Judgement,
    policy: RiskPolicy,
    domain: Domain,
    history: tuple[Screen, ...],
    latest: Screen,
    standing: Standing,
    about: Circumstance,
) -> None:
    readings = {
        screen.id: tuple(readings_of(policy, domain, screen, Ended(standing, screen is latest), about))
        for screen in history
    }
    for reading in readings[latest.id]:
        judged.add(domain.id, reading.item, reading.acuity, reading.why)
        if reading.missing:
            judged.missing.append(reading.missing)
    for some in readings.values():
        for reading in some:
            judged.by = reading.closed_by or judged.by
    _judge_older(judged, domain, history, readings, about)
    _judge_conditions(judged, policy, domain, latest, readings[latest.id])
    _judge_window(judged, policy, domain, history, readings, about)


def _judge_older(
    judged: _Judgement,
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
    judged: _Judgement, policy: RiskPolicy, domain: Domain, latest: Screen, readings: tuple[Reading, ...]
) -> None:
    cautions = [reading for reading in readings if reading.acuity is Acuity.CAUTION]
    judged.conditions.extend(f"{domain.id}.{reading.item}" for reading in cautions)
    if not cautions:
        return
    for need in domain.condition_needs:
        for field in policy.need_fields[need]:
            if blank(policy, latest.answers.get(field)):
                judged.unknown(domain.id, field, "a caution needs its integration record", missing=field)


def _judge_window(
    judged: _Judgement,
    policy: RiskPolicy,
    domain: Domain,
    history: tuple[Screen, ...],
    readings: Mapping[str, tuple[Reading, ...]],
    about: Circumstance,
) -> None:
    """The latest screen's answers, and the validated result's date, are young enough for the purpose."""
    latest = history[-1]
    if latest.authored is None:
        return
    windows = [domain.windows[about.purpose]]
    recent = [readings[screen.id] for screen in history[-2:]]
    if any(reading.positive for some in recent for reading in some):
        windows.append(domain.after_positive)
    for window in windows:
        end = _end(policy, window, latest.authored, about.zone)
        judged.expiries.append(end)
        if window.kind == "same-encounter" and (not about.encounter or latest.encounter != about.encounter):
            judged.unknown(domain.id, "", _other_encounter(latest, about), missing=SCREEN)
        if about.at > end:
            judged.unknown(domain.id, "", "the latest screen is too old for this: stale", missing=SCREEN)
        if domain.validated is not None:
            _judge_result_date(judged, policy, domain, domain.validated, latest, window, about)


def _other_encounter(latest: Screen, about: Circumstance) -> str:
    if not about.encounter:
        return "no encounter was given that the plan would be made in"
    return (
        "the latest screen was made in another encounter"
        if latest.encounter
        else "the latest screen names no encounter"
    )


def _end(policy: RiskPolicy, window: Window, authored: datetime, zone: tzinfo) -> datetime:
    """Return the last instant at which an answer given at `authored` is inside `window`."""
    if window.kind == "same-day":
        return _end_of(authored.astimezone(zone).date(), zone)
    return authored + (policy.same_encounter_within if window.duration is None else window.duration)


def _end_of(day: date, zone: tzinfo) -> datetime:
    """Return a day's last instant; a day that has its last hour twice ends with the second."""
    return datetime.combine(day, time.max.replace(fold=1), tzinfo=zone).astimezone(UTC)


def _judge_result_date(
    judged: _Judgement,
    policy: RiskPolicy,
    domain: Domain,
    rule: ValidatedRule,
    latest: Screen,
    window: Window,
    about: Circumstance,
) -> None:
    link = f"{domain.id}.validated.date"
    if latest.answers.get(f"{domain.id}.validated.result") == rule.age_result:
        return
    try:
        made = date.fromisoformat(latest.answers.get(link, ""))
    except ValueError:
        judged.unknown(domain.id, "validated.date", "the validated result has no readable date", missing=link)
        return
    latest_day = (about.at + policy.future_tolerance).astimezone(about.zone).date()
    if made > latest_day:
        judged.unknown(domain.id, "validated.date", "the validated result is dated in the future", missing=link)
        return
    end = _end_of(made, about.zone)
    if window.kind != "same-day":
        end += policy.same_encounter_within if window.duration is None else window.duration
    judged.expiries.append(end)
    if about.at > end:
        judged.unknown(
            domain.id, "validated.date", "the validated result is not from the time this needs", missing=link
        )
