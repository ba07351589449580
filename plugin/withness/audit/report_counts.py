"""What is counted: decisions by outcome and week, what held them by domain and question, saves on ageing screens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

from withness.audit.record import Kind
from withness.audit.seen import Seen, time_of
from withness.core.acts import Act, ActKind
from withness.core.terms import Acuity, worst

NEAR: Final = timedelta(hours=2)
"""A plan approved with less than this left of its screens' life was saved on a screen near expiry."""

OUTCOMES: Final = (
    "released",
    "released-with-conditions",
    "held-for-assessment",
    "held-incomplete",
    "held-for-directive-protocol",
)
"""What the gate decides (contracts), from the least to the most restrictive."""


class Tally(Protocol):
    """A count of one kind, outcome, reason and day, as a store gives it."""

    @property
    def kind(self) -> str:
        """The records' kind."""

    @property
    def outcome(self) -> str | None:
        """Their outcome."""

    @property
    def day(self) -> str:
        """Their day (UTC)."""

    @property
    def count(self) -> int:
        """How many."""


@dataclass(frozen=True)
class Week:
    """The gate's decisions of one week, by the Monday on which it begins (UTC)."""

    begins: date
    released: int
    held: int


def decisions(counted: Iterable[Tally]) -> dict[str, int]:
    """Return how often the gate decided what, every outcome named."""
    found: Counter[str] = Counter()
    for one in counted:
        if one.kind == Kind.GATE_DECIDED:
            found[one.outcome or ""] += one.count
    return {**dict.fromkeys(OUTCOMES, 0), **found}


def weeks(counted: Iterable[Tally]) -> tuple[Week, ...]:
    """Return the decisions of each week, without a gap from the first to the last."""
    found: Counter[tuple[date, bool]] = Counter()
    for one in counted:
        if one.kind == Kind.GATE_DECIDED:
            try:
                day = date.fromisoformat(one.day)
            except ValueError:
                continue
            found[day - timedelta(days=day.weekday()), (one.outcome or "").startswith("released")] += one.count
    if not found:
        return ()
    begins, last = min(day for day, _ in found), max(day for day, _ in found)
    made = []
    while begins <= last:
        made.append(Week(begins, found[begins, True], found[begins, False]))
        begins += timedelta(days=7)
    return tuple(made)


@dataclass(frozen=True)
class DomainCount:
    """How many decisions one domain held, by the worst that it came to there."""

    domain: str
    acute: int
    elevated: int
    unknown: int

    @property
    def held(self) -> int:
        """How many decisions it held in all."""
        return self.acute + self.elevated + self.unknown


@dataclass(frozen=True)
class QuestionCount:
    """How many decisions one question held, how many overrides named it, and their share, 0 to 1."""

    item: str
    held: int
    overrides: int

    @property
    def share(self) -> float:
        """Overrides per hold."""
        return min(1.0, self.overrides / self.held) if self.held else 0.0


@dataclass
class Blocks:
    """What held, counted over the sealed reasons of one decision after another; `unread` did not open."""

    unread: int = 0
    _domains: Counter[tuple[str, Acuity]] = field(default_factory=Counter)
    _items: Counter[str] = field(default_factory=Counter)
    _overrides: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Mapping[str, Any] | None) -> None:
        """Count one decision's reasons; None is one that did not open."""
        if outcome is None:
            self.unread += 1
            return
        worst_of: dict[str, list[Acuity]] = {}
        items: set[str] = set()
        for one in outcome["findings"]:
            acuity = Acuity(one["acuity"])
            if acuity not in (Acuity.ACUTE, Acuity.ELEVATED, Acuity.UNKNOWN):
                continue
            worst_of.setdefault(one["domain"], []).append(acuity)
            items.add(f"{one['domain']}.{one['item']}" if one["item"] else str(one["domain"]))
        for domain, found in worst_of.items():
            self._domains[domain, worst(found)] += 1
        self._items.update(items)

    def override(self, act: Act) -> None:
        """Count the items that an override names."""
        if act.kind is ActKind.OVERRIDE:
            self._overrides.update(map(str, act.body["items"]))

    def domains(self) -> tuple[DomainCount, ...]:
        """Return the domains that held, the most frequent first."""
        names = {domain for domain, _ in self._domains}
        made = (
            DomainCount(
                one,
                self._domains[one, Acuity.ACUTE],
                self._domains[one, Acuity.ELEVATED],
                self._domains[one, Acuity.UNKNOWN],
            )
            for one in names
        )
        return tuple(sorted(made, key=lambda one: (-one.held, one.domain)))

    def questions(self) -> tuple[QuestionCount, ...]:
        """Return the questions that held or were overridden, those that are overridden most first."""
        names = self._items.keys() | self._overrides.keys()
        made = (QuestionCount(one, self._items[one], self._overrides[one]) for one in names)
        return tuple(sorted(made, key=lambda one: (-one.share, -one.held, one.item)))


@dataclass(frozen=True)
class NearExpiry:
    """A plan that was approved with little left of its screens' life; `left` is the least of its members'."""

    number: int
    at: datetime
    actor: str
    left: timedelta


def near_expiry(
    approvals: Sequence[Seen], expiries: Mapping[str, Sequence[str | None]]
) -> tuple[tuple[NearExpiry, ...], int]:
    """Return the approvals on screens near expiry, and how many approvals could not be looked at.

    `expiries` are when each member's screen expires (an instant; None: it does not), by the decision's id.
    """
    found, unread = [], 0
    for one in approvals:
        ends = expiries.get(str(one.details.get("decision")))
        if not ends or len(ends) != one.details.get("members"):
            unread += 1
            continue
        left = min((time_of(end) - one.at for end in ends if end), default=None)
        if left is not None and left < NEAR:
            found.append(NearExpiry(one.seq, one.at, one.actor, left))
    return tuple(found), unread
