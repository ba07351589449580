"""What the gate decides one person's part from, read under the lock: screens, acts, the chart's word, the trail's.

It is sealed with the decision, which the verifier makes again from nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from withness.audit.record import instant
from withness.core.acts import ActKind, Acts
from withness.core.risk import Observed
from withness.desk.acts import act_of, broken, directory_named, doubtful, sound
from withness.desk.context import Context
from withness.desk.facts import Facts, complete
from withness.store.rows import ActRow, ScreenRow
from withness.store.transaction import Transaction


@dataclass(frozen=True)
class Trail:
    """What the trail says of itself, and of who may sign."""

    whole: bool
    in_doubt: bool
    directory: tuple[ActRow, ...]
    directory_named: bool

    @classmethod
    def of(cls, tx: Transaction) -> Trail:
        """Return it as it stands."""
        found, directory = whole(tx), tx.directory()
        return cls(found, not found and doubtful(tx), directory, directory_named(tx, directory))


@dataclass(frozen=True)
class Read:
    """What is known of one person: screens and acts under each of their ids, in the order of recording, and facts."""

    person: str
    people: tuple[str, ...]
    screens: tuple[ScreenRow, ...]
    recorded: tuple[ActRow, ...]
    acts: Acts
    facts: Facts


def whole(tx: Transaction) -> bool:
    """Whether the trail is whole. What looks damaged while others append is looked at again once nobody does."""
    return not broken(tx) or (tx.hold_end() and not broken(tx))


def read(tx: Transaction, context: Context, known: Mapping[str, Facts]) -> dict[str, Read]:
    """Read all that opens of each person; `known` is what the EHR said of them before the transaction.

    An embedded chart that cannot be asked about one is not asked about the next: whoever saves has waited for it once.
    """
    found: dict[str, Read] = {}
    for person, facts in known.items():
        asks = not facts.begun or all(one.facts.reached for one in found.values())
        found[person] = _read(tx, context, person, facts if asks else replace(facts, reached=False))
    return found


def _read(tx: Transaction, context: Context, person: str, known: Facts) -> Read:
    people = (person, *sorted(known.aliases))
    opened = [(tx.readable_screens(one)[0], tx.readable_acts(person=one)[0]) for one in people]
    screens = tuple(sorted((row for some, _ in opened for row in some), key=lambda row: row.number))
    recorded = tuple(sorted((row for _, some in opened for row in some), key=lambda row: row.number))
    facts = complete(context, person, known, screens[-1] if screens else None)
    return Read(person, people, screens, recorded, tuple(act_of(row) for row in recorded), facts)


def inputs_of(tx: Transaction, found: Read, trail: Trail) -> dict[str, Any]:
    """Return what was read of one person as JSON values."""
    facts = found.facts
    signed = (trail.whole or trail.in_doubt) and trail.directory_named and sound(tx, found.recorded)
    fits = signed and _named(tx, found)
    return {
        "person": found.person,
        "birth_date": facts.birth_date.isoformat() if facts.birth_date else None,
        "aliases": sorted(facts.aliases),
        "chart": [_said(one) for one in _unseen(facts.chart, found.acts)],
        "chart_reached": facts.reached,
        "trainee_screens": [row.id for row in found.screens if by_trainee(row, trail.directory)],
        "screens": [row.id for row in found.screens],
        "acts": [act.id for act in found.acts],
        "intact": trail.whole and fits,
        **({"in_doubt": True} if trail.in_doubt and fits else {}),
    }


def by_trainee(row: ScreenRow, directory: Sequence[ActRow]) -> bool:
    """Whether a screen's author was enrolled as a trainee when it was recorded, whatever became of them since."""
    author = row.content["answers"].get("author")
    before = (one for one in directory if one.person == author and one.number < row.number)
    mine = [act_of(one) for one in before if one.kind == ActKind.ENROLLED]
    return bool(mine) and bool(mine[-1].body.get("trainee_of"))


def _named(tx: Transaction, found: Read) -> bool:
    """Whether screens and acts are those that the trail names, no more and no fewer."""
    return all(
        tx.named_of(one)
        == (
            tuple(row.id for row in found.screens if row.person == one),
            tuple(act.id for act in found.acts if act.person == one),
        )
        for one in found.people
    )


def _unseen(chart: Sequence[Observed], acts: Acts) -> list[Observed]:
    """Leave out what was seen before: an act stands for it since, and outlives the result."""
    seen = {(act.body.get("observation"), act.body.get("domain"), act.body.get("acuity")) for act in acts}
    return [one for one in chart if (one.id, one.domain, one.acuity.value) not in seen]


def _said(one: Observed) -> dict[str, Any]:
    return {"id": one.id, "domain": one.domain, "acuity": one.acuity.value, "at": instant(one.at) if one.at else None}
