"""What a person's acts make of their findings: which holds there are, what ended them, what was raised or covered.

Derived anew from screens and acts each time it is asked: no state is kept that could drift from the record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

from withness.core.acts import Act, ActKind, Acts, of
from withness.core.reading import Circumstance, Ended, Reading, ended_raise, readings_of
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
    retractions = [act.at for act in of(acts, ActKind.RETRACTED)]
    return Standing(
        holds=_holds(policy, history, acts, raises, about),
        raises=raises,
        overrides=tuple(_override(act, acts) for act in of(acts, ActKind.OVERRIDE)),
        fresh_after=max(retractions, default=None),
        uncosigned=uncosigned,
    )


def _uncosigned(policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, about: Circumstance) -> frozenset[str]:
    if not policy.trainee_needs_cosignature or not about.trainees:
        return frozenset()
    signed = {act.body["screen"] for act in of(acts, ActKind.COSIGNED)}
    return frozenset(one.id for one in history if one.author in about.trainees and one.id not in signed)


def _raise(act: Act) -> Raise:
    item = "chart-evidence" if act.body["source"] == "chart" else "raised"
    return Raise(act.id, act.body["domain"], item, Acuity(act.body["acuity"]), act.at)


def _override(act: Act, acts: Acts) -> Override:
    used = any(one.body["override"] == act.id for one in of(acts, ActKind.OVERRIDE_USED))
    expires = datetime.fromisoformat(act.body["expires"])
    return Override(act.id, act.body["screen"], tuple(act.body["items"]), act.body["purpose"], expires, used)


def _holds(
    policy: RiskPolicy, history: tuple[Screen, ...], acts: Acts, raises: tuple[Raise, ...], about: Circumstance
) -> tuple[Hold, ...]:
    """Every finding that holds or held, in the order of its making: known history looks at those before it."""
    found: list[Hold] = []
    for one in raises:
        domain = policy.domain(one.domain)
        if domain is not None:
            found.append(_Case(policy, acts, about, domain, found).hold(one.id, one.item, one.acuity, one.at))
    for screen in history:
        for domain in policy.domains:
            case = _Case(policy, acts, about, domain, found)
            made = [case.of_screen(screen, reading) for reading in _holding(policy, domain, screen, found, about)]
            found.extend(made)
    return tuple(found)


def _holding(
    policy: RiskPolicy, domain: Domain, screen: Screen, before: list[Hold], about: Circumstance
) -> Iterator[Reading]:
    ended = Ended(Standing(holds=tuple(before)), latest=False)
    return (one for one in readings_of(policy, domain, screen, ended, about) if one.acuity in HOLDING)


class _Case:
    """The acts that may end a finding of one domain."""

    def __init__(
        self, policy: RiskPolicy, acts: Acts, about: Circumstance, domain: Domain, before: Iterable[Hold]
    ) -> None:
        self.policy, self.acts, self.about, self.domain = policy, acts, about, domain
        self.before = tuple(before)

    def of_screen(self, screen: Screen, reading: Reading) -> Hold:
        """Return the hold that a screen's finding makes, with what became of it."""
        hold = self.hold(screen.id, reading.item, reading.acuity, screen.recorded, passing=reading.passing)
        if hold.closed_by is None and reading.acuity is Acuity.ELEVATED and self._unchanged(screen, reading):
            return Hold(**{**vars(hold), "needs_complete": True, "closed_by": "assessment", "cited": True})
        return hold

    def hold(self, source: str, item: str, acuity: Acuity, opened: datetime, *, passing: bool = False) -> Hold:
        """Return one hold; `source` is the screen or raise that made it."""
        # What ends something acute is more than what ends the same domain's elevated findings.
        kinds = (acuity, Acuity.ACUTE)
        wanted = [needs_of(self.domain, one, (item,), shared=self.about.shared) for one in kinds]
        complete = any(self.complete(needs, since=opened) for needs in wanted)
        return Hold(
            screen=source,
            domain=self.domain.id,
            item=item,
            opened=opened,
            needs_complete=complete,
            closed_by=self._closed_by(source, item, acuity, opened, complete=complete, passing=passing),
        )

    def _closed_by(
        self, source: str, item: str, acuity: Acuity, opened: datetime, *, complete: bool, passing: bool
    ) -> str | None:
        if any(act.body["screen"] == source for act in of(self.acts, ActKind.RETRACTED)):
            return "retraction"
        if any(act.body["screen"] == source for act in of(self.acts, ActKind.ENTRY_ERROR)):
            return "entry-error"
        released = [one for one in of(self.acts, ActKind.RELEASED) if one.body["domain"] == self.domain.id]
        if any(one.at > opened and one.second for one in released):
            return "release"
        assessed = any(one.at >= opened and item in dict(one.body["items"]) for one in self._assessments())
        ends = acuity is Acuity.ELEVATED and complete and not self._ends_anew(item, passing=passing)
        return "assessment" if ends and assessed else None

    def _ends_anew(self, item: str, *, passing: bool) -> bool:
        """Whether only a new screen ends it (policy: sticky_elevated, intoxicated)."""
        return passing and any(one.id == f"{self.domain.id}.{item}" and one.passing for one in self.domain.questions)

    def _assessments(self) -> Acts:
        """Every assessment of this domain that its level's signatures bear out."""
        mine = (act for act in of(self.acts, ActKind.ASSESSED) if act.body["domain"] == self.domain.id)
        return tuple(act for act in mine if act.body["level"] == "low" or act.second)

    def _unchanged(self, screen: Screen, reading: Reading) -> bool:
        """Whether an earlier assessment of the same answer still speaks for this one (policy: unchanged_later).

        A refusal says nothing new, so it is never "unchanged"; an acute finding since asks for a new assessment.
        """
        if reading.passing or not self._resumed():
            return False
        answer = screen.answers.get(f"{self.domain.id}.{reading.item}")
        for act in self._assessments():
            young = act.at < screen.recorded <= act.at + self.policy.times.unchanged
            if young and dict(act.body["items"]).get(reading.item) == answer and not self._acute_since(act.at):
                return answer is not None and (answer == YES or reading.item == "validated.result")
        return False

    def _acute_since(self, at: datetime) -> bool:
        return any(
            one.domain == self.domain.id and one.opened > at and one.closed_by not in ("entry-error", "retraction")
            for one in self.before
            if not one.cited
        )

    def _resumed(self) -> bool:
        wanted = SHARED in self.domain.needs_when and self.about.shared
        return not wanted or self.complete(self.domain.needs_when[SHARED], since=None)

    def complete(self, needs: Iterable[str], *, since: datetime | None) -> bool:
        """Whether each need has evidence recorded since then; conjoint work asks for the decision to resume it."""
        return not missing_needs(self.acts, needs, since=since, resume=self.about.shared)


def needs_of(domain: Domain, acuity: Acuity, items: Iterable[str], *, shared: bool) -> tuple[str, ...]:
    """Return the evidence that ends findings of this acuity: the domain's needs, and those of its conditions."""
    acute = acuity is Acuity.ACUTE
    needs = [one for one in (domain.release_needs if acute else domain.assessment_needs) if one != RESCREEN]
    conditions = (*(items if acute else ()), *((SHARED,) if shared else ()))
    for condition in conditions:
        needs.extend(domain.needs_when.get(condition, ()))
    return tuple(dict.fromkeys(needs))


def missing_needs(acts: Acts, needs: Iterable[str], *, since: datetime | None, resume: bool) -> tuple[str, ...]:
    """Return the needs without evidence recorded since then; the newest evidence of a need is the one that counts."""
    newest = {act.body["need"]: act for act in of(acts, ActKind.EVIDENCE)}
    return tuple(one for one in needs if not _serves(newest.get(one), one, since=since, resume=resume))


def _serves(act: Act | None, need: str, *, since: datetime | None, resume: bool) -> bool:
    if act is None or (since is not None and act.at < since):
        return False
    return need != CONJOINT or not resume or act.body["fields"].get("decision") == RESUME


def sources(
    policy: RiskPolicy, history: tuple[Screen, ...], standing: Standing, about: Circumstance, acuity: Acuity
) -> dict[str, tuple[datetime, str]]:
    """Return the newest screen or raise that makes each domain this acute now, and when it was recorded."""
    found: dict[str, tuple[datetime, str]] = {}
    latest = history[-1] if history else None
    for one in standing.raises:
        if one.acuity is acuity and ended_raise(one, latest, standing) is None:
            found[one.domain] = max(found.get(one.domain, (one.at, one.id)), (one.at, one.id))
    for screen in history:
        ended = Ended(standing, screen is latest)
        for domain in policy.domains:
            if any(one.acuity is acuity for one in readings_of(policy, domain, screen, ended, about)):
                made = (screen.recorded, screen.id)
                found[domain.id] = max(found.get(domain.id, made), made)
    return found
