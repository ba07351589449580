"""Every acute finding with its protocol: when it was flagged, each step, when and how it ended, what is overdue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from withness.audit.record import Kind
from withness.audit.seen import Seen
from withness.core.acts import Act, ActKind, Acts, of
from withness.core.episodes import EpisodeState, episodes
from withness.core.risk import RiskPolicy

ACUTE = "held-for-directive-protocol"
"""What the gate calls a decision on somebody with an acute finding (contracts)."""


@dataclass(frozen=True)
class StepTaken:
    """One step of a protocol: when it was due, what became of it (`state`: see core.episodes), and when."""

    step: str
    due: datetime
    state: str
    at: datetime | None


@dataclass(frozen=True)
class Episode:
    """One protocol. `number` is that of the record that opened it; `flagged` when the gate said so, `first` when
    somebody first did something.

    `late`: a step is overdue, or nobody took the protocol on in time. `how` is open, released, corrected, retracted,
    continued (by a newer protocol of the same domain), or "" where the sealed act does not open: then there are
    neither steps nor an end.
    """

    number: int
    person: str
    domain: str
    responsible: str
    flagged: datetime
    opened: datetime
    first: datetime | None
    steps: tuple[StepTaken, ...]
    ended: datetime | None
    how: str
    late: bool

    @property
    def overdue(self) -> int:
        """How many steps are overdue now."""
        return sum(one.state == "overdue" for one in self.steps)

    def unsealed(self) -> Episode:
        """Return what may be shown without the privilege: steps, their number too, tell of which domain it is."""
        return replace(self, domain="", responsible="", steps=())


Policies = Callable[[str], RiskPolicy]
"""A policy by its digest."""


def acute_episodes(records: Iterable[Seen], acts: Acts, policies: Policies, now: datetime) -> tuple[Episode, ...]:
    """Return every protocol that the records name, the oldest first.

    `records` are those of the kinds gate.decided (acute ones) and protocol.opened, by number; `acts` all acts that
    open, of everybody, people called as in the records.
    """
    mine: dict[str, list[Act]] = defaultdict(list)
    for done in acts:
        mine[done.person].append(done)
    places = {act.id: act for act in of(acts, ActKind.OPENED)}
    flagged: dict[str, datetime] = {}
    found = []
    for one in records:
        if one.kind == Kind.GATE_DECIDED:
            flagged[one.person] = one.at
        elif one.outcome == ActKind.OPENED:
            since = flagged.get(one.person, one.at)
            act = places.get(str(one.details.get("act")))
            opened = _episode(one, since, act, mine[act.person], policies, now) if act else _sealed(one, since)
            found.append(opened)
    return tuple(found)


def _sealed(one: Seen, flagged: datetime) -> Episode:
    return Episode(one.seq, one.person, "", "", flagged, one.at, None, (), None, "", late=False)


def _episode(one: Seen, flagged: datetime, act: Act, acts: Sequence[Act], policies: Policies, now: datetime) -> Episode:
    domain = str(act.body["domain"])
    later = [
        other
        for other in of(tuple(acts), ActKind.OPENED)
        if other.number > act.number and other.body["domain"] == domain
    ]
    before = tuple(other for other in acts if not later or other.number < later[0].number)
    found = episodes(policies(one.policy), before, later[0].at if later else now)
    state = next((other for other in found if other.episode.id == act.id), None)
    if state is None:
        return _sealed(one, flagged)
    ended = state.ended or (later[0].at if later else None)
    return Episode(
        number=one.seq,
        person=one.person,
        domain=domain,
        responsible=str(act.body["responsible"]),
        flagged=flagged,
        opened=one.at,
        first=state.acknowledged,
        steps=tuple(StepTaken(step.due.step.id, step.due.due, step.state, step.at) for step in state.steps),
        ended=ended,
        how=_how(state, before, continued=bool(later)),
        late=ended is None and (state.overdue_acknowledgement or any(one.state == "overdue" for one in state.steps)),
    )


_ENDINGS: Mapping[ActKind, str] = {
    ActKind.RELEASED: "released",
    ActKind.ENTRY_ERROR: "corrected",
    ActKind.RETRACTED: "retracted",
}


def _how(state: EpisodeState, acts: Acts, *, continued: bool) -> str:
    if state.ended is None:
        return "continued" if continued else "open"
    return next(_ENDINGS[one.kind] for one in of(acts, *_ENDINGS) if one.at == state.ended)


def without_protocol(records: Iterable[Seen], found: Iterable[Episode]) -> tuple[Seen, ...]:
    """Return the acute decisions (gate.decided) at whose time the person had no protocol open.

    Only to be asked where every protocol is known with its end.
    """
    spans: dict[str, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    for one in found:
        spans[one.person].append((one.opened, one.ended))
    return tuple(
        one
        for one in records
        if one.kind == Kind.GATE_DECIDED
        and not any(begun <= one.at and (ended is None or ended >= one.at) for begun, ended in spans[one.person])
    )
