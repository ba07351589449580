"""A small model of the gate: when a plan may be saved, and which ways out are open.

Written from the contracts, the gate's clinical content and the decisions in docs/adr alone: it imports nothing of
Withness, keeps plain lists of what happened to each person, numbered in the order of recording, and decides anew each
time. A verdict has reasons to hold and doubts; with neither, a
plan may be saved. Where the contracts leave something open, the model doubts and the test asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Final

NOTHING, CAUTION, ELEVATED, OPEN, ACUTE, DOUBT = "nothing", "caution", "elevated", "open", "acute", "doubt"

YES: Final = {
    "suicide.ideation": ELEVATED,
    "suicide.intent-or-plan": ACUTE,
    "suicide.now": ACUTE,
    "suicide.recent-behaviour": ACUTE,
    "suicide.past-behaviour": ELEVATED,
    "suicide.access-to-means": NOTHING,
    "psychosis.command-or-threat": ACUTE,
    "psychosis.disorganised": ACUTE,
    "psychosis.new-or-worse": ELEVATED,
    "psychosis.self-neglect": ACUTE,
    "psychosis.known-illness": CAUTION,
    "violence.afraid": ACUTE,
    "violence.harmed-past-year": ACUTE,
    "violence.controlled": ELEVATED,
    "violence.severe-danger": ACUTE,
    "violence.dependant-harmed": ACUTE,
    "violence.threat-to-others": ACUTE,
    "eating.medical-sign": ACUTE,
    "eating.rapid-loss": ELEVATED,
    "eating.purging-or-driven": ELEVATED,
    "eating.vitals-outside": ACUTE,
    "medical.acute-sign": ACUTE,
    "medical.withdrawal": ACUTE,
    "medical.intoxicated": ELEVATED,
    "medical.untreated-illness": CAUTION,
}
"""What an explicit yes is."""
KNOWN: Final = (
    "suicide.intent-or-plan",
    "suicide.recent-behaviour",
    "suicide.past-behaviour",
    "violence.harmed-past-year",
    "violence.severe-danger",
    "violence.dependant-harmed",
    "violence.threat-to-others",
    "eating.medical-sign",
    "medical.withdrawal",
)
"""Questions whose yes may be history that never goes away."""
RESULT: Final = "suicide.validated.result"
RESULTS: Final = {"negative": NOTHING, "positive": ELEVATED, "acute-positive": ACUTE}
SITES_OWN: Final = "medical.fall"
"""The question that the site's own, stricter policy adds; its yes is elevated."""
INTOXICATED: Final = "medical.intoxicated"
SILENT: Final = (None, "unsure", "declined", "not-asked")

CONJOINT: Final = "conjoint-suitability"
RELEASE: Final = {
    "suicide": (
        "risk-assessment",
        "safety-plan",
        "means-counselling",
        "supervisor-consult",
        "disposition",
        "follow-up-date",
    ),
    "psychosis": (
        "psychiatric-disposition",
        "integration-record",
        "risk-management-plan",
        "capacity-to-take-part",
    ),
    "violence": ("safety-plan-or-declined", "danger-level", "supervisor-consult", "confidentiality-flag"),
    "eating": ("medical-clearance", "specialist-plan", "monitoring-interval"),
    "medical": ("medical-disposition", "treating-clinician"),
}
ASSESSMENT: Final = {
    "suicide": ("risk-assessment", "safety-plan-or-declined", "follow-up-date"),
    "psychosis": ("psychiatric-disposition", "integration-record"),
    "violence": ("danger-level", "safety-plan-or-declined"),
    "eating": ("medical-evaluation",),
    "medical": ("medical-disposition",),
}
WHEN: Final = {
    "violence.dependant-harmed": ("report-reference-or-reason-none",),
    "violence.threat-to-others": ("duty-to-protect-outcome",),
    "psychosis.command-or-threat": ("safety-plan-or-declined", "supervisor-consult"),
}
"""What a release needs besides, when this was the acute finding; all of its domain where a judgement raised it."""
SERVES: Final = {"safety-plan": "safety-plan-or-declined", "medical-clearance": "medical-evaluation"}
"""Needs whose evidence answers another one as well."""
DOMAINS: Final = tuple(RELEASE)
NEEDS: Final = tuple(
    dict.fromkeys(need for some in (*RELEASE.values(), *ASSESSMENT.values(), *WHEN.values()) for need in some)
)
INTEGRATION: Final = ("psychosis", "medical")
"""Domains whose caution wants an integration record on the screen."""

TOLERANCE, DAY = timedelta(minutes=5), timedelta(hours=24)
AMENDMENT, SITES_AMENDMENT = timedelta(days=30), timedelta(days=14)
UNCHANGED = timedelta(days=180)
OVERRIDE = timedelta(hours=72)
ENTRY_ERROR = timedelta(hours=24)


def domain_of(link: str) -> str:
    """Return the domain of a question."""
    return link.partition(".")[0]


@dataclass
class Screen:
    """One recorded screen; `answers` are those that differ from a screen that clears.

    `corrected_by` are the ids of screens that were taken as corrections of this one.
    """

    id: str
    number: int
    recorded: datetime
    authored: datetime
    encounter: str
    answers: dict[str, str | None]
    integration: bool = False
    broken: bool = False
    asked_sites_own: bool = False
    result_older: timedelta = timedelta(0)
    corrected_by: tuple[str, ...] = ()
    retracted: bool = False

    @property
    def believed(self) -> datetime:
        """When it was made, as far as it can be believed."""
        return self.authored if self.authored <= self.recorded + TOLERANCE else self.recorded

    @property
    def in_private(self) -> bool:
        """Whether the person was asked about violence alone."""
        return self.answers.get("violence.asked-alone", "yes") == "yes"

    def code(self, link: str) -> str | None:
        """Return what was answered."""
        return self.answers.get(link, "negative" if link == RESULT else "no")

    def says(self, link: str) -> str:
        """Return what the answer is, before anything that was done about it."""
        code = self.code(link)
        if link == RESULT:
            return OPEN if code is None else RESULTS[code]
        if link == SITES_OWN:
            return OPEN if not self.asked_sites_own else {"yes": ELEVATED, "no": NOTHING}.get(code or "", OPEN)
        if code == "yes":
            return YES[link]
        if code == "no":
            partners = domain_of(link) == "violence" and self.answers.get("violence.informant") == "partner"
            return OPEN if partners else NOTHING
        declined = code == "declined" and domain_of(link) == "suicide" and link != "suicide.access-to-means"
        return ELEVATED if declined else OPEN

    def passing(self, link: str) -> bool:
        """Whether what it says is elevated, but ends with a newer complete screen."""
        return self.says(link) == ELEVATED and (link == INTOXICATED or (self.code(link) == "declined"))

    def silent(self, link: str) -> bool:
        """Whether the question was left open, so that an override may cover it."""
        return (self.says(link) == OPEN and self.code(link) in SILENT) or (
            link == SITES_OWN and not self.asked_sites_own
        )


@dataclass
class Raised:
    """A domain raised by judgement."""

    domain: str
    acuity: str
    at: datetime
    number: int


@dataclass
class Assessment:
    """An assessment of a domain: the answers it was about, by question ("raised" for a raise)."""

    domain: str
    at: datetime
    number: int
    items: dict[str, str | None]


@dataclass
class Override:
    """An override of named questions of one screen."""

    screen: str
    links: tuple[str, ...]
    amendment: bool
    expires: datetime
    used: bool = False


@dataclass
class Person:
    """What happened to one person, in the order of recording.

    Of each need the newest evidence counts: its number, and from when it resumes conjoint work. A release has its
    domain and the id of the new screen that it rests on.
    """

    screens: list[Screen] = field(default_factory=list)
    evidence: dict[str, tuple[int, datetime | None]] = field(default_factory=dict)
    released: list[tuple[str, str]] = field(default_factory=list)
    assessed: list[Assessment] = field(default_factory=list)
    raised: list[Raised] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    fresh_after: int = -1
    acts: int = 0

    def mistaken(self, screen: Screen) -> bool:
        """Whether a screen was entered in error; a correction in the wrong chart corrects nothing."""
        wrong = {one.id for one in self.screens if one.retracted}
        return screen.retracted or any(one not in wrong for one in screen.corrected_by)

    def rests_on(self, domain: str) -> int:
        """Return the number of the newest screen that a release of the domain rests on, -1 for none.

        A release that rests on a screen entered in error ends nothing.
        """
        ids = {id for released, id in self.released if released == domain}
        return max((one.number for one in self.screens if one.id in ids and not self.mistaken(one)), default=-1)

    def write_down(self, need: str, number: int, *, resumes: datetime | None = None) -> None:
        """Take evidence in."""
        for one in (need, *((SERVES[need],) if need in SERVES else ())):
            self.evidence[one] = (number, resumes)


@dataclass
class Verdict:
    """Why a plan must be held; where there is no reason and no doubt, it may be saved."""

    holds: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)

    @property
    def clear(self) -> bool:
        """Whether a plan may clearly be saved."""
        return not self.holds and not self.doubts


class Model:
    """Every person's story, and the latest time on record."""

    def __init__(self, people: Iterable[str]) -> None:
        self.people = {who: Person() for who in people}
        self.newest: datetime | None = None
        self.asked_at = datetime.min.replace(tzinfo=UTC)
        self.numbers = 0
        self.sites_own = False

    @property
    def links(self) -> tuple[str, ...]:
        """Every question of the policy in force, and the validated result."""
        return (*YES, RESULT, *((SITES_OWN,) if self.sites_own else ()))

    def next(self) -> int:
        """Return the number of what is recorded now."""
        self.numbers += 1
        return self.numbers

    # -- may a plan be saved?

    def verdict(
        self, who: str, now: datetime, *, encounter: str, amendment: bool = False, shared: bool = False
    ) -> Verdict:
        """Return why a plan with this person must be held now."""
        person, found, self.asked_at = self.people[who], Verdict(), now
        if self._clock_back(now):
            found.holds.add("the clock went back")
        self._judge_raises(person, found, shared=shared)
        if not person.screens:
            found.holds.add("no screen")
            return found
        latest = person.screens[-1]
        found.holds.update(self.not_current(person, now))
        self._judge_window(person, found, now, encounter, amendment=amendment, shared=shared)
        self._judge_older(person, found, shared=shared)
        if shared and not latest.in_private:
            found.holds.add("not asked alone")
        self._judge_latest(person, found, now, amendment=amendment, shared=shared)
        return found

    def not_current(self, person: Person, now: datetime) -> Iterator[str]:
        """Yield why the latest screen as a whole cannot clear."""
        latest = person.screens[-1]
        if latest.broken:
            yield "the latest screen cannot be relied on"
        if latest.recorded > now:
            yield "the latest screen lies ahead"
        if latest.authored > latest.recorded + TOLERANCE:
            yield "dated in the future"
        if latest.recorded - latest.authored > DAY:
            yield "filed too late"
        if any(latest.authored < one.believed for one in person.screens[:-1]):
            yield "made before another one"
        if latest.number <= person.fresh_after:
            yield "a screen was retracted since"

    def _judge_window(
        self, person: Person, found: Verdict, now: datetime, encounter: str, *, amendment: bool, shared: bool
    ) -> None:
        latest = person.screens[-1]
        ends = []
        if amendment:
            ends.append(latest.authored + (SITES_AMENDMENT if self.sites_own else AMENDMENT))
        else:
            ends.append(latest.authored + DAY)
            if latest.encounter != encounter:
                found.holds.add("another encounter")
        end_of_day = datetime.combine(latest.authored.date(), time.max, tzinfo=latest.authored.tzinfo)
        if self._positive(person, shared=shared):
            ends.append(end_of_day)
        if now > min(ends):
            found.holds.add("too old")
        if latest.result_older:
            (found.doubts if amendment else found.holds).add("the validated result is old")

    def _positive(self, person: Person, *, shared: bool) -> bool:
        """Whether one of the two newest screens found something elevated or acute."""
        last = len(person.screens) - 1
        for index in range(max(0, last - 1), last + 1):
            screen = person.screens[index]
            if person.mistaken(screen) and index != last:
                continue
            for link in self.links:
                if screen.says(link) not in (ELEVATED, ACUTE):
                    continue
                if self._closed(person, index, link, shared=shared) or not self._history(person, index, link, shared):
                    return True
        return False

    def _judge_older(self, person: Person, found: Verdict, *, shared: bool) -> None:
        """An acute finding, and an elevated one from a yes, outlive the screens after it."""
        latest = person.screens[-1]
        for index, screen in enumerate(person.screens[:-1]):
            for link in self.links:
                state = self.standing(person, index, link, shared=shared)
                if state == DOUBT:
                    found.doubts.add(link)
                elif state == ACUTE:
                    found.holds.add(f"{link} was acute")
                elif state == ELEVATED and not (screen.passing(link) and self._complete(latest, domain_of(link))):
                    found.holds.add(f"{link} was elevated")

    def _complete(self, screen: Screen, domain: str) -> bool:
        links = [one for one in self.links if domain_of(one) == domain]
        return not screen.broken and not any(screen.says(one) == OPEN or screen.passing(one) for one in links)

    def _judge_latest(self, person: Person, found: Verdict, now: datetime, *, amendment: bool, shared: bool) -> None:
        latest, index, wants_integration = person.screens[-1], len(person.screens) - 1, False
        covered = {
            link
            for one in person.overrides
            if one.screen == latest.id and one.amendment is amendment and not one.used and now < one.expires
            for link in one.links
        }
        for link in self.links:
            state = self.standing(person, index, link, shared=shared)
            if state == OPEN and latest.silent(link) and link in covered:
                wants_integration |= YES.get(link) == CAUTION and domain_of(link) in INTEGRATION
            elif state == DOUBT:
                found.doubts.add(link)
            elif state in (OPEN, ELEVATED, ACUTE):
                found.holds.add(f"{link} is {state}")
            elif state == CAUTION:
                wants_integration |= domain_of(link) in INTEGRATION
        if wants_integration and not latest.integration:
            found.holds.add("a caution without its integration record")

    def _judge_raises(self, person: Person, found: Verdict, *, shared: bool) -> None:
        for one in person.raised:
            state = self._raise_stands(person, one, shared=shared)
            if state == DOUBT:
                found.doubts.add("raised")
            elif state:
                found.holds.add(f"raised to {one.acuity}")

    # -- what stands of a finding

    def standing(self, person: Person, index: int, link: str, *, shared: bool) -> str:
        """Return what an answer of one screen is now, with all that was done about it."""
        screen = person.screens[index]
        state, latest = screen.says(link), index == len(person.screens) - 1
        if state not in (ELEVATED, ACUTE):
            return state
        if person.mistaken(screen):
            return state if latest else NOTHING
        if self._closed(person, index, link, shared=shared):
            return CAUTION
        if self._history(person, index, link, shared):
            before = person.screens[:index]
            mistaken = any(person.mistaken(one) for one in before if one.says(link) in (ELEVATED, ACUTE))
            unordered = any(one.recorded >= screen.believed for one in before if one.says(link) in (ELEVATED, ACUTE))
            return DOUBT if mistaken or unordered else CAUTION
        return CAUTION if self._cited(person, screen, link, shared=shared) else state

    def _closed(self, person: Person, index: int, link: str, *, shared: bool) -> bool:
        """Whether a release or an assessment ended this finding."""
        screen, domain = person.screens[index], domain_of(link)
        state = screen.says(link)
        if not self._evidenced(person, link, state, screen.number, shared=shared):
            return False
        if person.rests_on(domain) > screen.number:
            return True
        if state != ELEVATED or link == INTOXICATED:
            return False
        return any(one.domain == domain and one.number > screen.number and link in one.items for one in person.assessed)

    def _history(self, person: Person, index: int, link: str, shared: bool) -> bool:
        """Whether a yes is known history: nothing new since holds whose needs are all complete."""
        screen = person.screens[index]
        if link not in KNOWN or screen.broken or screen.answers.get(f"{link}.new") != "no":
            return False
        before = [
            one
            for number, one in enumerate(person.screens[:index])
            if one.says(link) in (ELEVATED, ACUTE)
            and one.recorded < screen.believed
            and not self._history(person, number, link, shared)
        ]
        return bool(before) and all(
            self._evidenced(person, link, one.says(link), one.number, shared=shared) for one in before
        )

    def _cited(self, person: Person, screen: Screen, link: str, *, shared: bool) -> bool:
        """Whether an assessment of the same answer still speaks for it, nothing acute having come since."""
        if screen.says(link) != ELEVATED or screen.passing(link):
            return False
        if shared and domain_of(link) == "violence" and not self._has(person, CONJOINT, None, shared=True):
            return False
        return any(
            one.domain == domain_of(link)
            and one.number < screen.number
            and one.at < screen.recorded <= one.at + UNCHANGED
            and one.items.get(link) == screen.code(link)
            and not self._acute_since(person, one)
            for one in person.assessed
        )

    def _acute_since(self, person: Person, assessment: Assessment) -> bool:
        raised = any(
            one.domain == assessment.domain and one.acuity == ACUTE and one.number > assessment.number
            for one in person.raised
        )
        return raised or any(
            one.says(link) == ACUTE and one.number > assessment.number and not person.mistaken(one)
            for one in person.screens
            for link in self.links
            if domain_of(link) == assessment.domain
        )

    def _raise_stands(self, person: Person, one: Raised, *, shared: bool) -> str:
        """Return what is left of a raise, "" for nothing."""
        complete = self._evidenced(person, f"{one.domain}.raised", one.acuity, one.number, shared=shared)
        released = person.rests_on(one.domain) > one.number
        assessed = any(
            done.domain == one.domain and done.number > one.number and f"{one.domain}.raised" in done.items
            for done in person.assessed
        )
        return "" if complete and (released or (assessed and one.acuity == ELEVATED)) else one.acuity

    # -- evidence

    @staticmethod
    def needs(link: str, acuity: str, *, with_others: bool) -> tuple[str, ...]:
        """Return what must be written down to end a finding of this acuity."""
        domain = domain_of(link)
        raised = link.endswith(".raised")
        when = [
            need for one, some in WHEN.items() if one == link or (raised and domain_of(one) == domain) for need in some
        ]
        found = (*RELEASE[domain], *when) if acuity == ACUTE else ASSESSMENT[domain]
        return (*found, CONJOINT) if with_others and domain == "violence" else found

    def _evidenced(self, person: Person, link: str, acuity: str, since: int, *, shared: bool) -> bool:
        """Whether the needs are complete since then: its own, or those of something acute in its place."""
        return any(
            all(self._has(person, need, since, shared=shared) for need in self.needs(link, one, with_others=shared))
            for one in (acuity, ACUTE)
        )

    def _has(self, person: Person, need: str, since: int | None, *, shared: bool) -> bool:
        number, resumes = person.evidence.get(need, (-1, None))
        if number < 0 or (since is not None and number < since):
            return False
        return need != CONJOINT or not shared or (resumes is not None and resumes <= self.asked_at)

    # -- the ways out

    def acute(self, who: str) -> set[str]:
        """Return the domains that hold this person's own plans as acute."""
        person = self.people[who]
        found = {domain_of(link) for _, link in self._findings(person, ACUTE)}
        return found | {
            one.domain for one in person.raised if one.acuity == ACUTE and self._raise_stands(person, one, shared=False)
        }

    def _findings(self, person: Person, state: str, domain: str = "") -> list[tuple[int, str]]:
        return [
            (screen.number, link)
            for index, screen in enumerate(person.screens)
            for link in self.links
            if domain in ("", domain_of(link)) and self.standing(person, index, link, shared=False) == state
        ]

    def _raises(self, person: Person, domain: str, acuity: str) -> list[tuple[int, str]]:
        return [
            (one.number, f"{domain}.raised")
            for one in person.raised
            if (one.domain, one.acuity) == (domain, acuity) and self._raise_stands(person, one, shared=False)
        ]

    def may_release(self, who: str, domain: str, now: datetime, *, in_unit: bool) -> bool | None:
        """Return whether a release by the clinician and the second signer is right; None in doubt."""
        person = self.people[who]
        acute = [*self._findings(person, ACUTE, domain), *self._raises(person, domain, ACUTE)]
        if not acute:
            return None if self._findings(person, DOUBT, domain) else False
        since = max(number for number, _ in acute)
        needs = {need for _, link in acute for need in self.needs(link, ACUTE, with_others=in_unit)}
        if not all(self._has(person, need, since, shared=False) for need in needs):
            return False
        seen = domain == "violence" and in_unit and not all(one.in_private for one in person.screens[-1:])
        return not seen and self._rescreened(person, domain, since, now)

    def _rescreened(self, person: Person, domain: str, since: int, now: datetime) -> bool:
        """Whether there is a new screen below acute, made after the newest acute finding, that can clear."""
        if not person.screens:
            return False
        latest, last = person.screens[-1], len(person.screens) - 1
        links = [one for one in self.links if domain_of(one) == domain]
        below = not any(self.standing(person, last, one, shared=False) in (OPEN, ACUTE) for one in links)
        new = latest.number > since and latest.authored > max(
            at for at, number in self._times(person) if number == since
        )
        return new and below and not any(self.not_current(person, now)) and not self._clock_back(now)

    @staticmethod
    def _times(person: Person) -> Iterator[tuple[datetime, int]]:
        yield from ((one.recorded, one.number) for one in person.screens)
        yield from ((one.at, one.number) for one in person.raised)

    def _clock_back(self, now: datetime) -> bool:
        return self.newest is not None and now < self.newest

    def may_assess(self, who: str, domain: str, *, in_unit: bool) -> bool | None:
        """Return whether an assessment of a domain, rightly signed, is right; None in doubt."""
        person = self.people[who]
        if self._findings(person, ACUTE, domain) or self._raises(person, domain, ACUTE):
            return False
        raised = self._raises(person, domain, ELEVATED)
        every = [*self._findings(person, ELEVATED, domain), *raised]
        lasting = [one for one in self._assessable(person, domain) if one != SITES_OWN or self.sites_own]
        doubtful = bool(self._findings(person, DOUBT, domain))
        if not lasting and not raised:
            return None if doubtful else False
        needs = self.needs(f"{domain}.", ELEVATED, with_others=in_unit)
        if all(self._has(person, need, max(at for at, _ in every), shared=False) for need in needs):
            return None if doubtful else True
        certain = [at for at, link in every if link in lasting or link.endswith(".raised")]
        missing = not all(self._has(person, need, max(certain), shared=False) for need in needs)
        return False if missing and not doubtful else None

    def _assessable(self, person: Person, domain: str) -> set[str]:
        """Return the elevated questions that an assessment may end."""
        found = set()
        for index, screen in enumerate(person.screens):
            older = index < len(person.screens) - 1
            for link in self.links:
                if domain_of(link) != domain or link == INTOXICATED:
                    continue
                passed = older and screen.passing(link) and self._complete(person.screens[-1], domain)
                if self.standing(person, index, link, shared=False) == ELEVATED and not passed:
                    found.add(link)
        return found

    def assessed_items(self, who: str, domain: str) -> dict[str, str | None]:
        """Return what an assessment made now is about, with what the person last said."""
        person = self.people[who]
        found = {link: person.screens[-1].code(link) for link in self._assessable(person, domain)}
        if self._raises(person, domain, ELEVATED):
            found[f"{domain}.raised"] = "raised"
        return found

    def may_override(self, who: str, links: Iterable[str], now: datetime) -> bool:
        """Return whether an override of these questions for the current screen is right."""
        person = self.people[who]
        if not person.screens:
            return False
        latest, found = person.screens[-1], Verdict()
        if self._clock_back(now):
            return False
        self._judge_window(person, found, now, latest.encounter, amendment=False, shared=False)
        if any(self.not_current(person, now)) or "too old" in found.holds:
            return False
        named = list(links)
        return bool(named) and all(one in self.links and latest.silent(one) for one in named)

    def open_questions(self, who: str) -> list[str]:
        """Return what the latest screen left open in a way that an override may cover."""
        person = self.people[who]
        return [one for one in self.links if person.screens and person.screens[-1].silent(one)]
