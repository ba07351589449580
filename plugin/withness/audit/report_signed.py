"""What people sign and say: overrides, releases, raises, sign-offs; who signs with whom, and what was refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from withness.audit.record import Kind
from withness.audit.seen import Seen
from withness.core.acts import Act, ActKind

WHAT: Final[Mapping[tuple[str, str], str]] = {
    (Kind.OVERRIDE_GRANTED.value, ActKind.OVERRIDE.value): "override",
    (Kind.PROTOCOL_RELEASED.value, ActKind.RELEASED.value): "release",
    (Kind.PROTOCOL_RELEASED.value, ActKind.ENTRY_ERROR.value): "correction",
    (Kind.SCREEN_RETRACTED.value, ActKind.RETRACTED.value): "screen-retracted",
    (Kind.PLAN_RETRACTED.value, ActKind.PLAN_RETRACTED.value): "plan-retracted",
}
"""What is listed one by one, by kind and outcome of its record."""

PAIRED: Final = (*WHAT, (Kind.ASSESSMENT_RECORDED.value, ActKind.ASSESSED.value))
"""What counts as signed by two people together, where a second one is named."""

FEWEST: Final = 4
"""Acts of one person before it says something that one other signs most of them."""


@dataclass(frozen=True)
class SignedAct:
    """One act of two people. `items` and `domain` are sealed ("" and empty without the privilege), `words` the
    reason in full, where it is asked for."""

    number: int
    what: str
    at: datetime
    person: str
    first: str
    second: str
    reason: str
    domain: str = ""
    items: tuple[str, ...] = ()
    words: str = ""


def signed_acts(
    records: Iterable[Seen], acts: Mapping[str, Act], *, sealed: bool, words: bool
) -> tuple[SignedAct, ...]:
    """Return each override, release and retraction, the oldest first; what is `sealed` and the `words` where asked."""
    found = []
    for one in records:
        what = WHAT.get((one.kind, one.outcome))
        if what is None:
            continue
        act = acts.get(str(one.details.get("act")))
        body: Mapping[str, Any] = act.body if act is not None else {}
        found.append(
            SignedAct(
                number=one.seq,
                what=what,
                at=one.at,
                person=one.person,
                first=one.actor,
                second=one.second,
                reason=one.reason,
                domain=str(body.get("domain", "")) if sealed else "",
                items=tuple(map(str, body.get("items", ()))) if sealed else (),
                words=words_of(act) if words else "",
            )
        )
    return tuple(found)


def words_of(act: Act | None) -> str:
    """Return what somebody wrote when they acted, "" where nobody did: a reason, or what an examiner found."""
    body: Mapping[str, Any] = act.body if act is not None else {}
    return str(body.get("rationale") or body.get("note") or body.get("reason") or "")


@dataclass(frozen=True)
class Raised:
    """One raise of a domain. `domain`, `to` (the acuity) and `source` (clinician or chart) are sealed, "" without the
    privilege; `words` is the reason in full, where it is asked for."""

    number: int
    at: datetime
    person: str
    by: str
    domain: str = ""
    to: str = ""
    source: str = ""
    words: str = ""


def raises(records: Iterable[Seen], acts: Mapping[str, Act], *, sealed: bool, words: bool) -> tuple[Raised, ...]:
    """Return each raise, the oldest first; what is `sealed` and the `words` where asked."""
    found = []
    for one in records:
        if (one.kind, one.outcome) != (Kind.ACUITY_RAISED.value, ActKind.RAISED.value):
            continue
        act = acts.get(str(one.details.get("act")))
        domain, to, source = (str(act.body.get(name, "")) if act else "" for name in ("domain", "acuity", "source"))
        told = Raised(one.seq, one.at, one.person, one.actor, words=words_of(act) if words else "")
        found.append(replace(told, domain=domain, to=to, source=source) if sealed else told)
    return tuple(found)


@dataclass(frozen=True)
class Pattern:
    """Two people and how they sign: `what` is self, mutual or most; `share` is of the first one's acts, 0 to 1."""

    what: str
    first: str
    second: str
    count: int
    back: int
    share: float


def patterns(records: Iterable[Seen]) -> tuple[Pattern, ...]:
    """Return who signs with themself, with whom each other's, and who signs most of somebody's acts."""
    pairs: Counter[tuple[str, str]] = Counter()
    of_first: Counter[str] = Counter()
    for one in records:
        if (one.kind, one.outcome) in PAIRED and one.second:
            pairs[one.actor, one.second] += 1
            of_first[one.actor] += 1
    found = []
    for (first, second), count in sorted(pairs.items()):
        back, share = pairs[second, first], count / of_first[first]
        if first == second:
            found.append(Pattern("self", first, second, count, count, share))
        elif back and first < second:
            found.append(Pattern("mutual", first, second, count, back, share))
        if first != second and of_first[first] >= FEWEST and share > 0.5:
            found.append(Pattern("most", first, second, count, back, share))
    order = ("self", "mutual", "most")
    return tuple(sorted(found, key=lambda one: (order.index(one.what), -one.count, one.first, one.second)))


@dataclass(frozen=True)
class Refused:
    """How often something was refused by one code, and by how many people it was tried."""

    kind: str
    code: str
    count: int
    people: int
    latest: datetime


def refusals(records: Iterable[Seen]) -> tuple[Refused, ...]:
    """Return what was refused by kind and code, the most frequent first."""
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for one in records:
        if one.outcome == "refused":
            found[one.kind, one.reason].append(one)
    made = (
        Refused(kind, code, len(some), len({one.actor for one in some}), max(one.at for one in some))
        for (kind, code), some in found.items()
    )
    return tuple(sorted(made, key=lambda one: (-one.count, one.kind, one.code)))


@dataclass(frozen=True)
class SignOff:
    """One sign-off: what was signed (item, period, or another matter), by whom, and how many items of the worklist.

    `words` is what the examiner wrote, where it is asked for.
    """

    number: int
    at: datetime
    what: str
    first: str
    second: str
    items: int
    words: str = ""


def sign_offs(records: Iterable[Seen], acts: Mapping[str, Act], *, words: bool) -> tuple[SignOff, ...]:
    """Return what was signed off, the oldest first, with the examiners' `words` where asked."""
    return tuple(
        SignOff(
            number=one.seq,
            at=one.at,
            what=one.outcome,
            first=one.actor,
            second=one.second,
            items=len(one.details.get("items", ())),
            words=words_of(acts.get(str(one.details.get("act")))) if words else "",
        )
        for one in records
        if one.kind == Kind.TRAIL_SIGNED_OFF and one.outcome != "refused"
    )
