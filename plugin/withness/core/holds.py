"""What a person's acts make of their findings: which holds there are, what ended them, what was raised or covered.

Derived anew from screens and acts each time it is asked: no state is kept that could drift from the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from withness.core.acts import Act, ActKind, Acts, of
from withness.core.reading import Circumstance, Ended, Reading, Readings, ended_raise, readings_of
from withness.core.risk import YES, Domain, Hold, Override, Raise, RiskPolicy, Screen, Standing
from withness.core.terms import HOLDING, Acuity

RESCREEN: Final = "rescreen-below-acute"
"""The one need that is no evidence: a new screen answers it."""
SHARED: Final = "unit-of-more-than-one"
"""The condition of `needs_when` that is no question."""
CONJOINT: Final = "conjoint-suitability"
RESUME: Final = "resume"


def standing_of(policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, about: Circumstance) -> Standing:
    """Return what is known of one person beyond what their screens say."""
    uncosigned = _uncosigned(policy, history, acts, about)
    if not acts:
        return Standing(uncosigned=uncosigned)
    raises = tuple(_raise(act) for act in of(acts, ActKind.RAISED))
    retractions = of(acts, ActKind.RETRACTED)
    return Standing(
        holds=_holds(policy, history, acts, raises, about),
        raises=raises,
        overrides=tuple(_override(act, acts) for act in of(acts, ActKind.OVERRIDE)),
        fresh_after=max((act.number for act in retractions), default=-1),
        retracted=frozenset(act.body["screen"] for act in retractions),
        uncosigned=uncosigned,
    )


def _uncosigned(policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, about: Circumstance) -> frozenset[str]:
    if not policy.trainee_needs_cosignature or not about.trainee_screens:
        return frozenset()
    signed = {act.body["screen"] for act in of(acts, ActKind.COSIGNED)}
    return frozenset(one.id for one in history if one.id in about.trainee_screens - signed)


def _raise(act: Act) -> Raise:
    item = "chart-evidence" if act.body["source"] == "chart" else "raised"
    return Raise(act.id, act.body["domain"], item, Acuity(act.body["acuity"]), act.at, act.number)


def _override(act: Act, acts: Acts) -> Override:
    used = any(one.body["override"] == act.id for one in of(acts, ActKind.OVERRIDE_USED))
    expires = datetime.fromisoformat(act.body["expires"])
    return Override(act.id, act.body["screen"], tuple(act.body["items"]), act.body["purpose"], expires, used)


def _holds(
    policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, raises: tuple[Raise, ...], about: Circumstance
) -> tuple[Hold, ...]:
    """Every finding that holds or held, in the order of its making: known history looks at those before it."""
    found: list[Hold] = []
    ways = _Ways(policy, history, acts, about)
    for one in raises:
        domain = policy.domain(one.domain)
        if domain is not None:
            found.append(ways.hold(domain, one.id, one.item, one.acuity, one.at, one.number))
    for screen in history:
        for domain in policy.domains:
            readings = tuple(_holding(policy, domain, screen, found, about))
            found.extend(ways.of_screen(domain, screen, reading, tuple(found)) for reading in readings)
    return tuple(found)


def _holding(
    policy: RiskPolicy, domain: Domain, screen: Screen, before: list[Hold], about: Circumstance
) -> Iterator[Reading]:
    ended = Ended(Standing(holds=tuple(before)), latest=False)
    return (one for one in readings_of(policy, domain, screen, ended, about) if one.acuity in HOLDING)


class _Ways:
    """The acts that may end findings. What came first is told by the order of recording, never by a clock."""

    def __init__(self, policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, about: Circumstance) -> None:
        self.policy, self.acts, self.about = policy, acts, about
        self.numbers = {screen.id: screen.number for screen in history}
        self.retracted = {act.body["screen"] for act in of(acts, ActKind.RETRACTED)}

    def of_screen(self, domain: Domain, screen: Screen, reading: Reading, before: tuple[Hold, ...]) -> Hold:
        """Return the hold that a screen's finding makes, with what became of it."""
        passing = reading.passing and any(
            one.id == f"{domain.id}.{reading.item}" and one.passing for one in domain.questions
        )
        number, recorded = screen.number, screen.recorded
        hold = self.hold(domain, screen.id, reading.item, reading.acuity, recorded, number, renewed=passing)
        elevated = hold.closed_by is None and reading.acuity is Acuity.ELEVATED
        if elevated and self._unchanged(domain, screen, reading, before):
            return replace(hold, needs_complete=True, closed_by="assessment", cited=True)
        return hold

    def hold(
        self,
        domain: Domain,
        source: str,
        item: str,
        acuity: Acuity,
        opened: datetime,
        number: int,
        *,
        renewed: bool = False,
    ) -> Hold:
        """Return one hold of a screen or raise; a `renewed` finding ends with a new screen only (intoxicated)."""
        # What ends something acute is more than what ends the same domain's elevated findings.
        kinds = (acuity, Acuity.ACUTE)
        wanted = [needs_of(domain, one, (item,), shared=self.about.shared) for one in kinds]
        complete = any(self.complete(needs, since=number) for needs in wanted)
        closed_by = self._entered_in_error(source) or self._released(domain, number)
        if closed_by is None and acuity is Acuity.ELEVATED and complete and not renewed:
            assessed = any(one.number > number and item in dict(one.body["items"]) for one in self._assessments(domain))
            closed_by = "assessment" if assessed else None
        acute = acuity is Acuity.ACUTE
        return Hold(source, domain.id, item, opened, complete, closed_by, number=number, acute=acute)

    def _entered_in_error(self, source: str) -> str | None:
        if source in self.retracted:
            return "retraction"
        errors = (act for act in of(self.acts, ActKind.ENTRY_ERROR) if act.body["screen"] == source)
        # A correction that was itself in the wrong chart corrects nothing.
        return "entry-error" if any(act.body["corrected_by"] not in self.retracted for act in errors) else None

    def _released(self, domain: Domain, number: int) -> str | None:
        """A release ends what was found before the new screen that it rests on, and nothing that screen finds."""
        released = (act for act in of(self.acts, ActKind.RELEASED) if act.body["domain"] == domain.id and act.second)
        mine = (act for act in released if self._entered_in_error(act.body["screen"]) is None)
        rests_on = (self.numbers.get(act.body["screen"], -1) for act in mine)
        return "release" if any(one > number for one in rests_on) else None

    def _assessments(self, domain: Domain) -> Acts:
        """Every assessment of this domain that its level's signatures bear out."""
        mine = (act for act in of(self.acts, ActKind.ASSESSED) if act.body["domain"] == domain.id)
        return tuple(act for act in mine if act.body["level"] == "low" or act.second)

    def _unchanged(self, domain: Domain, screen: Screen, reading: Reading, before: tuple[Hold, ...]) -> bool:
        """Whether an earlier assessment of the same answer still speaks for this one (policy: unchanged_later).

        A refusal says nothing new, so it is never "unchanged"; an acute finding since asks for a new assessment.
        """
        answer = screen.answers.get(f"{domain.id}.{reading.item}")
        if reading.passing or answer is None or not self._resumed(domain):
            return False
        if answer != YES and reading.item != "validated.result":
            return False
        for act in self._assessments(domain):
            young = act.number < screen.number and act.at < screen.recorded <= act.at + self.policy.times.unchanged
            same = dict(act.body["items"]).get(reading.item) == answer
            if young and same and not _acute_since(act, domain, before):
                return True
        return False

    def _resumed(self, domain: Domain) -> bool:
        wanted = SHARED in domain.needs_when and self.about.shared
        return not wanted or self.complete(domain.needs_when[SHARED], since=None)

    def complete(self, needs: Iterable[str], *, since: int | None) -> bool:
        """Whether each need has evidence recorded since then; conjoint work asks for the decision to resume it."""
        return not missing_needs(self.acts, needs, since=since, conjoint=self.about.at if self.about.shared else None)


def _acute_since(act: Act, domain: Domain, before: tuple[Hold, ...]) -> bool:
    return any(
        one.domain == domain.id and one.number > act.number and one.closed_by not in ("entry-error", "retraction")
        for one in before
        if one.acute
    )


def needs_of(domain: Domain, acuity: Acuity, items: Iterable[str], *, shared: bool) -> tuple[str, ...]:
    """Return the evidence that ends findings of this acuity: the domain's needs, and those of its conditions."""
    acute = acuity is Acuity.ACUTE
    needs = [one for one in (domain.release_needs if acute else domain.assessment_needs) if one != RESCREEN]
    asked = tuple(items)
    if "raised" in asked:  # no question was asked, so each condition's need is answered, if only with its reason
        asked = tuple(one for one in domain.needs_when if one != SHARED)
    conditions = (*(asked if acute else ()), *((SHARED,) if shared else ()))
    for condition in conditions:
        needs.extend(domain.needs_when.get(condition, ()))
    return tuple(dict.fromkeys(needs))


def missing_needs(acts: Acts, needs: Iterable[str], *, since: int | None, conjoint: datetime | None) -> tuple[str, ...]:
    """Return the needs without evidence recorded since then; the newest evidence of a need is the one that counts.

    `conjoint` asks whether conjoint work may go on at that time: the decision must resume it, from then or before.
    """
    newest = {need: act for act in of(acts, ActKind.EVIDENCE) for need in (act.body["need"], *act.body["serves"])}
    return tuple(one for one in needs if not _serves(newest.get(one), one, since=since, conjoint=conjoint))


def _serves(act: Act | None, need: str, *, since: int | None, conjoint: datetime | None) -> bool:
    if act is None or (since is not None and act.number <= since):
        return False
    if need != CONJOINT or conjoint is None:
        return True
    fields = act.body["fields"]
    return fields.get("decision") == RESUME and datetime.fromisoformat(fields["from"]) <= conjoint


@dataclass(frozen=True)
class Source:
    """The screen or raise that a standing finding was made by: its place in the order, its id, when it was recorded."""

    number: int
    id: str
    at: datetime


def sources(readings: Readings, history: tuple[Screen, ...], acuity: Acuity) -> dict[str, Source]:
    """Return the newest screen or raise that makes each domain this acute now, by domain id."""
    return dict(sorted(all_sources(readings, history, acuity), key=lambda pair: pair[1].number))


def all_sources(readings: Readings, history: tuple[Screen, ...], acuity: Acuity) -> list[tuple[str, Source]]:
    """Return every screen and raise that makes a domain this acute now, with the domain's id."""
    made: list[tuple[str, Source]] = []
    latest = history[-1] if history else None
    for one in readings.standing.raises:
        if one.acuity is acuity and ended_raise(one, latest, readings.standing) is None:
            made.append((one.domain, Source(one.number, one.id, one.at)))
    for screen in history:
        for domain in readings.policy.domains:
            if any(one.acuity is acuity for one in readings.of(domain, screen, latest=screen is latest)):
                made.append((domain.id, Source(screen.number, screen.id, screen.recorded)))
    return made
