"""What the EHR says of a person before the gate is asked: nothing remote happens under the store's lock.

Birth date (for a validated instrument's age rule), other ids of the same person (a merged record), and results
that are newer than the screen. What cannot be asked proves nothing, and holds. An embedded chart is on this machine:
a save asks it under the lock, beside the newest screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from withness.core.risk import Observed, RiskPolicy, Screen
from withness.desk.context import Context
from withness.ehr.port import Ehr
from withness.errors import WithnessError
from withness.fhir.answers import screen_from_canonical
from withness.fhir.observations import observed
from withness.store.rows import ScreenRow

_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What the EHR says of one person; `reached` is False when it could not be asked all of it.

    `begun` says that only the other ids were asked: the rest waits for the newest screen (`complete`).
    """

    birth_date: date | None = None
    aliases: frozenset[str] = frozenset()
    chart: tuple[Observed, ...] = ()
    reached: bool = True
    begun: bool = False


def gather(context: Context, members: tuple[str, ...], *, coming: Screen | None = None) -> Mapping[str, Facts]:
    """Return what the EHR says of each member; `coming` is a screen that is about to be recorded."""
    return {member: _of(context, member, coming) for member in members}


def begin(context: Context, members: tuple[str, ...]) -> Mapping[str, Facts]:
    """Return what `gather` does of a remote EHR; of an embedded chart what `complete` goes on from, under the lock."""
    if not context.ehr.embedded:
        return gather(context, members)
    return {member: _begun(context, member) for member in members}


def complete(context: Context, member: str, known: Facts, newest: ScreenRow | None) -> Facts:
    """Return what was begun with what the chart says now; `newest` is the person's newest screen.

    Anything else is returned as it is. What was not reached before is not reached now.
    """
    if not known.begun or not known.reached:
        return known
    chart = context.ehr.hurried(_PATIENCE)
    found = _asked(chart, context.policy, member, known.aliases, _screen(newest))
    return found if found.reached else replace(found, aliases=known.aliases)


_PATIENCE: Final = 1.0
"""Seconds that a save waits for another use of the embedded chart: others wait for the save meanwhile."""


def _of(context: Context, member: str, coming: Screen | None) -> Facts:
    try:
        aliases = context.ehr.linked(member)
        latest = coming or _latest(context, {member, *aliases})
    except WithnessError:
        return Facts(reached=False)
    return _asked(context.ehr, context.policy, member, aliases, latest)


def _begun(context: Context, member: str) -> Facts:
    try:
        return Facts(aliases=context.ehr.linked(member), begun=True)
    except WithnessError:
        return Facts(reached=False)


def _asked(ehr: Ehr, policy: RiskPolicy, member: str, aliases: frozenset[str], latest: Screen | None) -> Facts:
    try:
        chart = _results(ehr, policy, {member, *aliases}, latest)
    except WithnessError:
        return Facts(reached=False)
    born = _birth_date(ehr, member) if latest is not None and wants_age(policy, latest) else None
    return Facts(born, aliases, chart)


def _latest(context: Context, people: set[str]) -> Screen | None:
    with context.store.glance() as tx:
        rows: list[ScreenRow] = [row for one in people for row in tx.readable_screens(one)[0][-1:]]
    return _screen(max(rows, key=lambda row: row.number, default=None))


def _screen(row: ScreenRow | None) -> Screen | None:
    return screen_from_canonical(row.content["answers"], id=row.id) if row else None


def _results(ehr: Ehr, policy: RiskPolicy, people: set[str], latest: Screen | None) -> tuple[Observed, ...]:
    codes = frozenset(code for one in policy.chart_evidence for code in one.loinc)
    since = latest.effective if latest is not None and latest.authored is not None else _EVER
    patients = sorted(one for one in people if one.startswith("Patient/")) if codes else []
    resources = [one for patient in patients for one in ehr.observations(patient, codes, since)]
    return tuple(found for one in resources for found in observed(one, policy))


def _birth_date(ehr: Ehr, member: str) -> date | None:
    try:
        stored = ehr.read(member)
        return datetime.strptime(str(stored.resource.get("birthDate")), "%Y-%m-%d").date() if stored else None  # noqa: DTZ007  a day has no zone
    except (WithnessError, ValueError):
        return None


def wants_age(policy: RiskPolicy, screen: Screen) -> bool:
    """Whether a screen answers a validated instrument with "not for this age"."""
    return any(
        domain.validated is not None
        and screen.answers.get(f"{domain.id}.validated.result") == domain.validated.age_result
        for domain in policy.domains
    )
