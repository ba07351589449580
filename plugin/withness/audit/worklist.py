"""The worklist as values: what needs the eyes of compliance, since when, why, and what to do; and what leaves it.

An item's id is the same at every look: its kind and the number of the record that it comes from, `override-51`; of
damage a mark of what is wrong, `damage-1c9e04ab`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from withness.audit.check import Damage
from withness.audit.log import RESTORED
from withness.audit.misread import hurt
from withness.audit.record import Kind, instant
from withness.audit.report import OLD
from withness.audit.report_acute import Episode
from withness.audit.report_signed import WHAT, words_of
from withness.audit.report_state import Break, ClockRun, PlanWaiting
from withness.audit.seen import Seen
from withness.audit.words import asks, tried, why
from withness.core.acts import Act, ActKind

AGAIN: Final = timedelta(days=7)
"""What goes on after it was signed off is back on the list after this."""

ORDER: Final = (
    "damage",
    "unproven",
    "segment",
    "acute",
    "finding",
    "undelivered",
    "restored",
    "log-key",
    "override",
    "release",
    "correction",
    "screen-retracted",
    "plan-retracted",
    "refused",
    "policy",
    "enrolment",
    "clock",
)
"""The kinds of item, the most urgent first."""


@dataclass(frozen=True)
class Done:
    """That an item was signed off: when, by whom, and, for those with the privilege, what the examiner noted."""

    at: datetime
    by: str
    words: str = ""


@dataclass(frozen=True)
class Item:
    """One thing to examine. `who` acted, and `second` signed with them ("" for nobody); `person` it is about.

    `going_on`: it is so still, and not merely happened. `done` is its newest sign-off, where that is asked for.
    """

    id: str
    kind: str
    since: datetime
    why: str
    todo: str
    person: str = ""
    who: str = ""
    second: str = ""
    going_on: bool = False
    done: Done | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the item as JSON values."""
        return {
            "item": self.id,
            "kind": self.kind,
            "since": instant(self.since),
            "why": self.why,
            "todo": self.todo,
            "about": self.person or None,
            "by": self.who or None,
            "and_by": self.second or None,
            "going_on": self.going_on,
            "signed_off": instant(self.done.at) if self.done else None,
            "signed_off_by": self.done.by if self.done else None,
            "noted": self.done.words or None if self.done else None,
        }


@dataclass(frozen=True)
class Found:
    """What a worklist is made from: records of things that happened, and how things stand now.

    `said` is what each outcome of the sweep's findings says of a plan, `damages` which records are not as written.
    """

    signed: Iterable[Seen]
    refused: Iterable[Seen]
    changes: Iterable[Seen]
    enrolments: Iterable[Seen]
    log_keys: Iterable[Seen]
    restored: Iterable[Seen]
    findings: Iterable[Seen]
    said: Mapping[str, str]
    episodes: Iterable[Episode]
    plans: Iterable[PlanWaiting]
    clock: Iterable[ClockRun]
    breaks: Iterable[Break]
    damage: str
    doubt: str
    now: datetime
    damages: Sequence[Damage] = ()


def items(found: Found) -> tuple[Item, ...]:
    """Return all that is to be examined, signed off or not: the most urgent first, and the oldest of those."""
    return tuple(sorted(_items(found), key=lambda one: (ORDER.index(one.kind), one.since, one.id)))


def _items(found: Found) -> Iterator[Item]:
    if wrong := hurt(found.damage, found.damages):
        todo = "Run: withness audit verify. Keep the directory as it is."
        yield Item(
            f"{DAMAGE}{_mark(wrong)}", "damage", found.now, f"{wrong[:1].upper()}{wrong[1:]}.", todo, going_on=True
        )
    if found.doubt:
        todo = "Run: withness audit verify. It says what to put back."
        yield Item("unproven-now", "unproven", found.now, found.doubt, todo, going_on=True)
    for gap in _breaks(found):
        why = f"The trail was found damaged before record {gap.number}{gap.why and f': {gap.why}'}."
        yield Item(f"segment-{gap.segment}", "segment", gap.at, why, _INQUIRE)
    yield from filter(None, (_acute(one) for one in found.episodes))
    yield from _findings(found.findings, found.said)
    yield from filter(None, (_plan(one, found.now) for one in found.plans))
    yield from (_restored(one) for one in found.restored if one.outcome == RESTORED)
    yield from (_log_key(one) for one in found.log_keys)
    yield from filter(None, (_signed(one) for one in found.signed))
    yield from (_refused(one) for one in found.refused)
    yield from (_policy(one) for one in found.changes if one.outcome != "refused")
    yield from (_enrolled(one) for one in found.enrolments if _alone(one))
    yield from (_clock(one) for one in found.clock)


DAMAGE: Final = "damage-"
"""How the id of what is wrong now begins."""


def _mark(wrong: str) -> str:
    """Return what tells one damage from another: whoever signed off the one has not seen the other."""
    return hashlib.sha256(wrong.encode("utf-8", "backslashreplace")).hexdigest()[:8]


_INQUIRE: Final = "Run: withness audit verify. Find out what was done to the database."


def _breaks(found: Found) -> Iterator[Break]:
    """Yield the breaks that no other item tells: the damage of now, or the loss that two people signed for since."""
    signed = {one.seq for one in found.restored if one.outcome == RESTORED}
    for gap in found.breaks:
        over = gap.number in signed or (gap.short and any(gap.number < one for one in signed))
        if not over and not (gap.why and gap.why == found.damage):
            yield gap


def _acute(one: Episode) -> Item | None:
    if one.how != "open" or not one.late:
        return None
    return Item(
        f"acute-{one.number}",
        "acute",
        one.opened,
        "An acute hold is open, and a step was not recorded in time or nobody took it on.",
        "Ask the clinician and their supervisor what was done, and that it is written down.",
        one.person,
        one.responsible,
        going_on=True,
    )


def _findings(records: Iterable[Seen], said: Mapping[str, str]) -> Iterator[Item]:
    """Take each finding of the sweep as its newest record has it; what is none of its outcomes says that it is over."""
    firsts: dict[str, Seen] = {}
    latest: dict[str, Seen] = {}
    for one in records:
        id = str(one.details.get("finding", ""))
        firsts.setdefault(id, one)
        latest[id] = one
    for id, one in latest.items():
        if id and one.outcome in said:
            why = f"A plan or goal {said[one.outcome]}."
            todo = _TODO.get(one.outcome, "Which one: withness audit sweep. Ask its clinician.")
            yield Item(f"{FINDING}{id}", "finding", firsts[id].at, why, todo, one.person, going_on=True)


def _restored(one: Seen) -> Item:
    why = "An older copy was put back, and two people signed for what is lost."
    todo = "What is lost, and do the exports and the chart have it?"
    return Item(f"restored-{one.seq}", "restored", one.at, why, todo, who=one.actor, second=one.second)


def _log_key(one: Seen) -> Item:
    """A lost key is signed for by nobody: whoever pinned the one before must be told. Of a folder, who began it."""
    if one.outcome == "folder":
        why = "The folder of checkpoints was begun anew, or taken over from another copy."
        todo = "Did you mean it? What was published before may tell of more records."
        return Item(f"log-key-{one.seq}", "log-key", one.at, why, todo, who=one.actor)
    lost = one.outcome == "lost"
    why = "The log has a new key; the one before is lost." if lost else "The log has a new key."
    todo = (
        "Is it really lost? Give reviewers the new vkey." if lost else "Did you mean it? Reviewers need the new vkey."
    )
    return Item(f"log-key-{one.seq}", "log-key", one.at, why, todo, who=one.actor)


_TODO: Final = {"row-put-back": "Run: withness audit verify. Who can write to the database?"}
"""What is to be done about a finding that is not the EHR's."""

FINDING: Final = "finding-"
"""What the id of an item begins with that is a finding of the sweep; the finding's own id follows."""


_PLANS: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("waits to be sent", "Run: withness sync"),
    "sending": ("was sent, and nobody knows whether it arrived", "Run: withness sync"),
    "refused": ("was refused by the EHR", "Ask whoever runs the EHR why; then run: withness sync"),
    "orphan": ("is approved, and nothing is on its way", "Ask its clinician to save it again, or to close it."),
}


def _plan(one: PlanWaiting, now: datetime) -> Item | None:
    if now - one.since <= OLD:
        return None
    said, todo = _PLANS[one.state]
    id = f"undelivered-{one.number if one.number is not None else instant(one.since)}"
    return Item(id, "undelivered", one.since, f"A released plan {said}.", todo, who=one.actor, going_on=True)


_SIGNED: Final = {
    "override": ("An override was granted", "Was the reason one that the policy allows, and was the item asked later?"),
    "release": ("An acute hold was released by two people", "Are all needs written down, and is the new screen there?"),
    "correction": ("An acute answer was corrected as a mistaken tap", "Does the note of that day bear it out?"),
    "screen-retracted": ("A screen was retracted as entered in error", "Was it another person's, or mis-keyed?"),
    "plan-retracted": ("A plan was retracted as entered in error", "Was it saved to the wrong person?"),
}


def _signed(one: Seen) -> Item | None:
    kind = WHAT.get((one.kind, one.outcome))
    if kind is None:
        return None
    said, todo = _SIGNED[kind]
    reason = f" ({one.reason})" if one.reason else ""
    return Item(f"{kind}-{one.seq}", kind, one.at, f"{said}{reason}.", todo, one.person, one.actor, one.second)


def refusal(seq: int) -> str:
    """Return the id of the item that a refused attempt is, by its record's number."""
    return f"refused-{seq}"


def _refused(one: Seen) -> Item:
    said = f"Somebody tried {tried(one.kind, one.reason)}, and was refused: {why(one.reason)}."
    return Item(refusal(one.seq), "refused", one.at, said, asks(one.reason), one.person, one.actor, one.second)


def _policy(one: Seen) -> Item:
    signed = "act" in one.details
    how = "signed by its owner" if signed else "as shipped, signed by nobody"
    why = f"Policy version {one.details.get('version', 'unknown')} came into force, {how}."
    todo = "Is this the policy that you mean?"
    return Item(f"policy-{one.seq}", "policy", one.at, why, todo, who=one.actor if signed else "")


def _alone(one: Seen) -> bool:
    """Whether somebody was enrolled whom nobody vouched for."""
    return one.outcome == ActKind.ENROLLED and not one.second


def _enrolled(one: Seen) -> Item:
    why = "Somebody was enrolled first, and nobody vouched for them."
    return Item(f"enrolment-{one.seq}", "enrolment", one.at, why, "Is this really that person?", one.person, one.actor)


def _clock(one: ClockRun) -> Item:
    said = f"From record {one.first} to {one.last} the clock told an earlier time, by up to {one.back}."
    return Item(f"clock-{one.first}", "clock", one.at, said, "Look at the machine's clock and who may set it.")


# -- signing off


def examined(records: Iterable[Seen], acts: Mapping[str, Act]) -> dict[str, Done]:
    """Return the items that sign-offs name, with the newest of each; the examiner's words are those of `acts`."""
    found: dict[str, Done] = {}
    for one in records:
        if one.kind == Kind.TRAIL_SIGNED_OFF and one.outcome in ("item", "period"):
            done = Done(one.at, one.actor, words_of(acts.get(str(one.details.get("act")))))
            for id in one.details.get("items", ()):
                found[str(id)] = max(done, found.get(str(id), done), key=lambda each: each.at)
    return found


def signed_off(records: Iterable[Seen]) -> dict[str, datetime]:
    """Return the items that sign-offs name, with the time of the newest."""
    return {id: one.at for id, one in examined(records, {}).items()}


def history(everything: Iterable[Item], done: Mapping[str, Done]) -> tuple[Item, ...]:
    """Return every item with its sign-off, and those at the end that were signed off and are over."""
    there = tuple(replace(one, done=done.get(one.id)) for one in everything)
    left = sorted(done.keys() - {one.id for one in there}, key=lambda id: (done[id].at, id))
    return (*there, *(Item(id, "over", done[id].at, _over(id), "", done=done[id]) for id in left))


def _over(id: str) -> str:
    return "It is over, or something else is wrong by now." if id.startswith(DAMAGE) else "It is over."


def open_items(everything: Iterable[Item], done: Mapping[str, datetime], now: datetime) -> tuple[Item, ...]:
    """Return the items that are not signed off, and those that go on a week after they were."""
    return tuple(one for one in everything if one.id not in done or (one.going_on and now - done[one.id] >= AGAIN))


def of_period(some: Iterable[Item], since: datetime, until: datetime) -> tuple[Item, ...]:
    """Return the items that began from `since` until before `until`."""
    return tuple(one for one in some if since <= one.since < until)


def own(some: Iterable[Item], who: str) -> list[str]:
    """Return the ids of the items that somebody did or signed themself."""
    return [one.id for one in some if who in (one.who, one.second)]
