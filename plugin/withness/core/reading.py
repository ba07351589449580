"""What one screen says to each question of a domain: answers, informants, the validated result, ended holds.

Only the answers that the policy lists mean something; every other one is unknown (contracts I2).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from functools import cache, lru_cache
from typing import Final

from withness.core.risk import (
    NO,
    SILENT,
    YES,
    Domain,
    Observed,
    Question,
    Raise,
    RiskPolicy,
    Screen,
    Standing,
    ValidatedRule,
)
from withness.core.terms import HOLDING, Acuity, Purpose, worst

_FILLERS: Final = "\u115f\u1160\u3164\uffa0"
"""Letters that show nothing (Hangul fillers)."""


@dataclass(frozen=True)
class Circumstance:
    """What a decision is asked for, and the facts around it that no screen can know.

    `not_before` is the time of the newest trail record: a clock behind it has gone backwards. `birth_date` comes from
    the chart (None: not proven). `shared` says that the unit has more than one member, `in_unit` that somebody asked
    about alone takes part in conjoint work; `intact` that screens and acts are those that the trail names, `in_doubt`
    that they are, and that nobody can tell whether the trail is the one that was published. `aliases` are the same
    person under other ids (a merged record); `chart` what the EHR holds that raises, unless it was not
    `chart_reached`; `trainee_screens` those that a supervisor signs too.
    """

    purpose: Purpose
    encounter: str | None
    at: datetime
    zone: tzinfo
    shared: bool = False
    not_before: datetime | None = None
    birth_date: date | None = None
    intact: bool = True
    in_doubt: bool = False
    aliases: frozenset[str] = frozenset()
    chart: tuple[Observed, ...] = ()
    chart_reached: bool = True
    trainee_screens: frozenset[str] = frozenset()
    in_unit: bool = False


@dataclass(frozen=True)
class Reading:
    """What one screen says to one question (or to the validated result).

    `positive` says that the finding was elevated or acute when it was made, whatever ended it since; `silent`
    that the item was left open, unsure, declined or not asked: all that an override may cover.
    """

    item: str
    acuity: Acuity
    why: str
    missing: str = ""
    passing: bool = False
    positive: bool = False
    closed_by: str | None = None
    silent: bool = False


def readings_of(
    policy: RiskPolicy, domain: Domain, screen: Screen, ended: Ended, about: Circumstance
) -> Iterator[Reading]:
    """Yield what `screen` says in `domain`: every question, the informant, being asked alone, the result."""
    informant = screen.answers.get(domain.informant)
    accepted = informant in policy.informants and informant not in domain.informants_not_accepted
    if informant not in policy.informants:
        said = "who answered is not stated"
        yield Reading("informant", Acuity.UNKNOWN, said, missing=domain.informant, silent=informant is None)
    alone = f"{domain.id}.asked-alone"
    if domain.asked_alone and screen.answers.get(alone) not in ((YES,) if about.shared or about.in_unit else (YES, NO)):
        yield Reading("asked-alone", Acuity.UNKNOWN, "it is not stated that the person was asked alone", missing=alone)
    for question in domain.questions:
        faults = [fault for fault in screen.faults if fault.where == question.id] if screen.faults else ()
        for fault in faults:
            yield Reading(question.item, Acuity.UNKNOWN, fault.why, missing=question.id)
        reading = _answer(domain, question, screen, ended, accepted=accepted or question.observed)
        if not faults or reading.acuity in HOLDING:
            yield reading
    if domain.validated is not None:
        yield from _validated(policy, domain, domain.validated, screen, ended, about)


def _answer(domain: Domain, question: Question, screen: Screen, ended: Ended, *, accepted: bool) -> Reading:
    code = screen.answers.get(question.id)
    item = question.item
    acuity = question.answers.get(code, Acuity.UNKNOWN) if code is not None else Acuity.UNKNOWN
    if code is not None and code == question.withdrawn_answer:
        acuity = worst([acuity, _withdrawn(question, screen)])
    if acuity is Acuity.NONE and code == NO and not accepted:
        return Reading(
            item,
            Acuity.UNKNOWN,
            "a no counts here only from the person, the clinician or a record",
            missing=question.id,
        )
    why = "not answered" if code is None else f"answered {code}"
    if acuity is Acuity.UNKNOWN:
        silent = code is None or code in SILENT
        return Reading(item, acuity, why, missing=question.id, silent=silent)
    passing = acuity is Acuity.ELEVATED and (question.passing or code != YES)
    return _settled(_reading(item, acuity, why, passing=passing), domain, question, screen, ended)


def _withdrawn(question: Question, screen: Screen) -> Acuity:
    """A clearing answer counts only while no warning sign is present (policy: not_measured_with)."""
    signs = [screen.answers.get(sign) for sign in question.withdrawn_by]
    if YES in signs:
        return question.withdrawn_acuity
    return Acuity.NONE if all(sign == NO for sign in signs) else Acuity.UNKNOWN


@lru_cache(maxsize=1024)  # the policy's answers to its questions: the same few each time
def _reading(item: str, acuity: Acuity, why: str, *, passing: bool = False) -> Reading:
    return Reading(item, acuity, why, passing=passing, positive=acuity in HOLDING)


@dataclass(frozen=True)
class Ended:
    """What ended holds; `latest` says that no newer screen was made since: most ways out want one."""

    standing: Standing
    latest: bool

    def by(self, screen: str, domain: str, reading: Reading) -> str | None:
        """Return what ended exactly this finding, by its own rule; anything unlisted ends nothing."""
        for hold in self.standing.holds:
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


class Readings:
    """Reads one person's screens by one policy, with what else is known of them: each screen and domain once."""

    def __init__(self, policy: RiskPolicy, standing: Standing, about: Circumstance) -> None:
        self.policy, self.standing, self.about = policy, standing, about
        self._read: dict[tuple[str, str, bool], tuple[Reading, ...]] = {}

    def of(self, domain: Domain, screen: Screen, *, latest: bool) -> tuple[Reading, ...]:
        """Return what a screen says in a domain; `latest`: no newer one was made since."""
        place = (domain.id, screen.id, latest)
        if place not in self._read:
            ended = Ended(self.standing, latest)
            self._read[place] = tuple(readings_of(self.policy, domain, screen, ended, self.about))
        return self._read[place]


def ended_raise(one: Raise, latest: Screen | None, standing: Standing) -> str | None:
    """Return what ended an acuity that was raised."""
    newer = latest is not None and latest.number > one.number
    return Ended(standing, latest=not newer).by(one.id, one.domain, Reading(one.item, one.acuity, ""))


def _settled(reading: Reading, domain: Domain, question: Question | None, screen: Screen, ended: Ended) -> Reading:
    """Apply what is documented about this finding: an ended hold, or known history answered anew."""
    if not ended.standing.holds:
        return reading
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
        for hold in ended.standing.holds
        if (hold.domain, hold.item) == (domain.id, reading.item)
        and hold.screen != screen.id
        and hold.opened < screen.effective
    ]
    answered = screen.answers.get(f"{question.id}.new") == NO
    if answered and before and all(hold.needs_complete for hold in before):
        why = "known history; nothing new since the hold"
        return replace(reading, acuity=Acuity.CAUTION, why=why, passing=False, positive=False)
    return reading


def _validated(
    policy: RiskPolicy, domain: Domain, rule: ValidatedRule, screen: Screen, ended: Ended, about: Circumstance
) -> Iterator[Reading]:
    prefix = f"{domain.id}.validated."
    result = screen.answers.get(f"{prefix}result")
    acuity = rule.results.get(result, rule.missing) if result is not None else rule.missing
    if acuity is Acuity.UNKNOWN:
        acuity = rule.missing if rule.missing in HOLDING else acuity  # what says nothing counts like none at all
    if acuity in HOLDING:
        found = _reading("validated.result", acuity, f"the validated instrument's result is {result}")
        yield _settled(found, domain, None, screen, ended)
        return
    if result == rule.age_result and not _younger_than(rule.min_age, about):
        why = f"the chart does not show that the person is younger than {rule.min_age}"
        yield Reading("validated.result", rule.missing, why, missing=f"{prefix}result")
    if result == rule.age_result:
        return
    if acuity is Acuity.UNKNOWN:
        said = "missing" if result is None else f"{result}, which says nothing"
        yield Reading(
            "validated.result",
            acuity,
            f"the validated instrument's result is {said}",
            missing=f"{prefix}result",
            silent=result is None,
        )
    elif acuity is not Acuity.NONE:
        yield _reading("validated.result", acuity, f"the validated instrument's result is {result}")
    for name in ("instrument", "version", "date", "by"):
        written = screen.answers.get(prefix + name)
        if blank(policy, written):
            why = f"the validated instrument's result does not say: {_SAID[name]}"
            yield Reading(f"validated.{name}", rule.missing, why, missing=prefix + name, silent=written is None)
        elif name == "instrument" and written not in rule.instruments:
            why = "the instrument is not one that the policy lists"
            yield Reading(f"validated.{name}", rule.missing, why, missing=prefix + name)


_SAID: Final = {
    "instrument": "which instrument",
    "version": "which version",
    "date": "of which day",
    "by": "given by whom",
}


def _younger_than(age: int, about: Circumstance) -> bool:
    born, today = about.birth_date, about.at.astimezone(about.zone).date()
    if born is None or born > today:
        return False
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day)) < age


def blank(policy: RiskPolicy, text: str | None) -> bool:
    """Whether a written answer says nothing: no letter or digit, or one of the policy's words for nothing."""
    said = _gist(text or "")
    return not said or said in _gists(policy.not_an_answer)


@cache
def _gists(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_gist(word) for word in words)


def _gist(text: str) -> str:
    """Return the letters and digits of `text`, in one case and one width (Unicode NFKC), fillers left out."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(one for one in folded if one.isalnum() and one not in _FILLERS)
