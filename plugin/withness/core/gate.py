"""The risk-screen gate: one pure decision, the most restrictive reason wins and every reason is listed.

Rules list the answers that clear; whatever is not listed holds. A rule never reads who the client is, only
what was asked, answered, when, by whom and where (contracts I2, I10).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final

from withness.core.risk import NO, YES, Domain, Question, RiskPolicy, Screen, Standing, ValidatedRule, Window
from withness.core.terms import HOLDING, RELEASING, Acuity, Purpose, UnitKind, worst
from withness.errors import PolicyRefused

_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters that show nothing (Hangul fillers)."""

SCREEN: Final = "screen"
"""The pseudo-domain of reasons that concern a whole screen."""


@dataclass(frozen=True)
class Finding:
    """One reason: `item` is the question's id within its domain, `why` a sentence without the answer's words."""

    domain: str
    item: str
    acuity: Acuity
    why: str


@dataclass(frozen=True)
class Circumstance:
    """What a decision is asked for, and the facts around it that no screen can know.

    `not_before` is the time of the newest trail record: a clock behind it has gone backwards. `birth_date`
    comes from the chart (None: not proven). `shared` says that the unit has more than one member, `intact`
    that the screens are those that the trail names.
    """

    purpose: Purpose
    encounter: str | None
    at: datetime
    zone: tzinfo
    shared: bool = False
    not_before: datetime | None = None
    birth_date: date | None = None
    intact: bool = True


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
        judged.unknown(SCREEN, "trail", "the screens on record are not those that the trail names", missing="trail")
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


@dataclass(frozen=True)
class _Reading:
    """What one screen says to one question (or to the validated result).

    `positive` says that the finding was elevated or acute when it was made, whatever ended it since.
    """

    item: str
    acuity: Acuity
    why: str
    missing: str = ""
    passing: bool = False
    positive: bool = False
    closed_by: str | None = None


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
        screen.id: tuple(_readings(policy, domain, screen, _Ended(standing, screen is latest), about))
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
    readings: Mapping[str, tuple[_Reading, ...]],
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


def _complete(screen: Screen, readings: tuple[_Reading, ...]) -> bool:
    return not screen.faults and not any(reading.acuity is Acuity.UNKNOWN or reading.passing for reading in readings)


def _readings(
    policy: RiskPolicy, domain: Domain, screen: Screen, ended: _Ended, about: Circumstance
) -> Iterator[_Reading]:
    informant = screen.answers.get(domain.informant)
    accepted = informant in policy.informants and informant not in domain.informants_not_accepted
    if informant not in policy.informants:
        yield _Reading("informant", Acuity.UNKNOWN, "who answered is not stated", missing=domain.informant)
    alone = f"{domain.id}.asked-alone"
    if domain.asked_alone and screen.answers.get(alone) not in ((YES,) if about.shared else (YES, NO)):
        yield _Reading("asked-alone", Acuity.UNKNOWN, "it is not stated that the person was asked alone", missing=alone)
    for question in domain.questions:
        faults = [fault for fault in screen.faults if fault.where == question.id]
        for fault in faults:
            yield _Reading(_item(domain, question), Acuity.UNKNOWN, fault.why, missing=question.id)
        reading = _answer(policy, domain, question, screen, ended, accepted=accepted or question.observed)
        if not faults or reading.acuity in HOLDING:
            yield reading
    if domain.validated is not None:
        yield from _validated(policy, domain, domain.validated, screen, ended, about)


def _answer(
    policy: RiskPolicy, domain: Domain, question: Question, screen: Screen, ended: _Ended, *, accepted: bool
) -> _Reading:
    code = screen.answers.get(question.id)
    item = _item(domain, question)
    acuity = question.answers.get(code, Acuity.UNKNOWN) if code is not None else Acuity.UNKNOWN
    if code is not None and code == question.withdrawn_answer:
        acuity = worst([acuity, _withdrawn(question, screen)])
    if acuity is Acuity.NONE and code == NO and not accepted:
        return _Reading(
            item, Acuity.UNKNOWN, "the no was not given by somebody whose no counts here", missing=question.id
        )
    why = "not answered" if code is None else f"answered {code}"
    if acuity is Acuity.UNKNOWN:
        return _Reading(item, acuity, why, missing=question.id)
    passing = acuity is Acuity.ELEVATED and (question.passing or code != YES)
    return _settled(_reading(item, acuity, why, passing=passing), domain, question, screen, ended)


def _item(domain: Domain, question: Question) -> str:
    return question.id.removeprefix(f"{domain.id}.")


def _withdrawn(question: Question, screen: Screen) -> Acuity:
    """A clearing answer counts only while no warning sign is present (policy: not_measured_with)."""
    signs = [screen.answers.get(sign) for sign in question.withdrawn_by]
    if YES in signs:
        return question.withdrawn_acuity
    return Acuity.NONE if all(sign == NO for sign in signs) else Acuity.UNKNOWN


def _reading(item: str, acuity: Acuity, why: str, *, passing: bool = False) -> _Reading:
    return _Reading(item, acuity, why, passing=passing, positive=acuity in HOLDING)


@dataclass(frozen=True)
class _Ended:
    """What ended holds; `latest` says that it is asked of the latest screen: most ways out want a newer one."""

    standing: Standing
    latest: bool

    def by(self, screen: str, domain: str, reading: _Reading) -> str | None:
        """Return what ended exactly this finding, by its own rule; anything unlisted ends nothing."""
        for hold in self.standing:
            if (hold.screen, hold.domain, hold.item) != (screen, domain, reading.item):
                continue
            allowed = {
                "assessment": hold.needs_complete and reading.acuity is Acuity.ELEVATED,
                "release": hold.needs_complete and not self.latest,
                "entry-error": not self.latest,
                "retraction": not self.latest,
            }
            if hold.closed_by is not None and allowed.get(hold.closed_by, False):
                return hold.closed_by
        return None


def _settled(reading: _Reading, domain: Domain, question: Question | None, screen: Screen, ended: _Ended) -> _Reading:
    """Apply what is documented about this finding: an ended hold, or known history answered anew."""
    by = ended.by(screen.id, domain.id, reading)
    if by in ("entry-error", "retraction"):
        passed_on = "entry-error" if by == "entry-error" else None
        why = f"{reading.why}; ended by {by}"
        return replace(reading, acuity=Acuity.NONE, why=why, positive=False, closed_by=passed_on)
    if by is not None:
        return replace(reading, acuity=Acuity.CAUTION, why=f"{reading.why}; ended by {by}", closed_by=by)
    if question is None or not question.known_history or reading.acuity not in HOLDING:
        return reading
    before = [
        hold
        for hold in ended.standing
        if (hold.domain, hold.item) == (domain.id, reading.item) and hold.screen != screen.id
    ]
    answered = screen.answers.get(f"{question.id}.new") == NO
    if answered and before and all(hold.needs_complete and hold.opened < screen.effective for hold in before):
        why = "known history; nothing new since the hold"
        return replace(reading, acuity=Acuity.CAUTION, why=why, passing=False, positive=False)
    return reading


def _validated(
    policy: RiskPolicy, domain: Domain, rule: ValidatedRule, screen: Screen, ended: _Ended, about: Circumstance
) -> Iterator[_Reading]:
    prefix = f"{domain.id}.validated."
    result = screen.answers.get(f"{prefix}result")
    acuity = rule.results.get(result, rule.missing) if result is not None else rule.missing
    if acuity in HOLDING:
        found = _reading("validated.result", acuity, f"the validated instrument's result is {result}")
        yield _settled(found, domain, None, screen, ended)
        return
    if result == rule.age_result and not _younger_than(rule.min_age, about):
        why = f"the chart does not show that the person is younger than {rule.min_age}"
        yield _Reading("validated.result", rule.missing, why, missing=f"{prefix}result")
    if result == rule.age_result:
        return
    if acuity is rule.missing:
        yield _Reading(
            "validated.result", acuity, "the validated instrument's result is missing", missing=f"{prefix}result"
        )
    for name in ("instrument", "version", "date", "by"):
        written = screen.answers.get(prefix + name)
        if blank(policy, written):
            why = f"the validated instrument's {name} is missing"
            yield _Reading(f"validated.{name}", rule.missing, why, missing=prefix + name)
        elif name == "instrument" and written not in rule.instruments:
            why = "the instrument is not one that the policy lists"
            yield _Reading(f"validated.{name}", rule.missing, why, missing=prefix + name)


def _younger_than(age: int, about: Circumstance) -> bool:
    born, today = about.birth_date, about.at.astimezone(about.zone).date()
    if born is None or born > today:
        return False
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < age


def blank(policy: RiskPolicy, text: str | None) -> bool:
    """Whether a written answer says nothing: no letter or digit, or one of the policy's words for nothing."""
    said = _gist(text or "")
    return not said or said in {_gist(word) for word in policy.not_an_answer}


def _gist(text: str) -> str:
    """Return the letters and digits of `text`, in one case and one width (Unicode NFKC), fillers left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum() and one not in _FILLERS)


def _judge_conditions(
    judged: _Judgement, policy: RiskPolicy, domain: Domain, latest: Screen, readings: tuple[_Reading, ...]
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
    readings: Mapping[str, tuple[_Reading, ...]],
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
            judged.unknown(domain.id, "", "the latest screen was not made in this encounter", missing=SCREEN)
        if about.at > end:
            judged.unknown(domain.id, "", "the latest screen is too old for this: stale", missing=SCREEN)
        if domain.validated is not None:
            _judge_result_date(judged, policy, domain, domain.validated, latest, window, about)


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
