"""What a sweep finds, as values: the closed list of findings, their stable ids, their records, and which still stand.

A finding is recorded once, and once more (outcome `cleared`) when it is gone; the last record of an id says where it
stands. A sweep records itself under the same kind with outcome `swept`, whatever it found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from withness.audit.record import Kind, Leaf, Record
from withness.desk.context import Actor, Context
from withness.desk.last_said import last_plan_states, last_states, only_stops
from withness.store.rows import OPEN, OutboxRow, PlanRow, PlanState
from withness.store.sealed import readable
from withness.store.transaction import Transaction


class What(StrEnum):
    """The kinds of finding: the outcomes of their records."""

    WRITTEN_AROUND = "written-around-gate"
    UNKNOWN = "unknown-plan"
    REPLACED = "decision-replaced"
    MISSING = "missing-in-ehr"
    AFTER_HOLD = "still-active-after-hold"
    AFTER_END = "still-active-after-end"
    ENDED = "ended-in-ehr"
    WORDS = "words-changed"
    PRE_GATE = "pre-gate"
    PRE_GATE_OVERDUE = "pre-gate-overdue"
    PRE_GATE_CHANGED = "pre-gate-changed"
    PUT_BACK = "row-put-back"


SAID: Final[Mapping[What, str]] = {
    What.WRITTEN_AROUND: "stands in the EHR without a decision of the gate",
    What.UNKNOWN: "names a decision that did not release it",
    What.REPLACED: "no longer names the decision, or the person, that it was released for",
    What.MISSING: "was delivered, and is not in the EHR any more",
    What.AFTER_HOLD: "is not on hold in the EHR, though Withness holds it",
    What.AFTER_END: "goes on in the EHR, though Withness has ended it",
    What.ENDED: "was ended in the EHR, and goes on in Withness",
    What.WORDS: "holds other words than those that were delivered",
    What.PRE_GATE: "was there before the gate and was adopted: to be reviewed",
    What.PRE_GATE_OVERDUE: "was there before the gate, and its review is overdue",
    What.PRE_GATE_CHANGED: "was there before the gate, and was changed since it was adopted",
    What.PUT_BACK: "waits to be sent, and the trail says otherwise: an old row was put back into the database",
}
"""What each finding says of its resource."""

SWEPT: Final = "swept"
"""Outcome of the record of a sweep."""

CLEARED: Final = "cleared"
"""Outcome of the record that a finding is gone."""


@dataclass(frozen=True)
class Finding:
    """One thing found about one resource ("CarePlan/id" or "Goal/id") in the EHR at `ehr`.

    `person` is whom it is about, None where the EHR names nobody; `decision` the decision that the resource names or
    must name, None for none. `review_by` is a day ("" but for what was adopted).
    """

    what: What
    ehr: str
    resource: str
    person: str | None
    decision: str | None = None
    review_by: str = ""

    @property
    def id(self) -> str:
        """The finding's id: the same for the same thing at every sweep."""
        return str(uuid5(NAMESPACE_URL, f"{self.ehr}|{self.what}|{self.resource}"))

    def record(self, actor: Actor, *, cleared: bool = False) -> Record:
        """Return the record that the finding stands, or is gone."""
        details: dict[str, Any] = {"finding": self.id, "resource": self.resource, "ehr": self.ehr}
        details |= {"decision": self.decision} if self.decision else {}
        details |= {"review_by": self.review_by} if self.review_by else {}
        return Record(
            kind=Kind.SWEEP_FINDING,
            actor=actor.ref,
            os_user=actor.os_user,
            patient=self.person,
            outcome=CLEARED if cleared else self.what.value,
            details={**details, "was": self.what.value} if cleared else details,
        )


@dataclass(frozen=True)
class Standing:
    """A finding that stands: `seq` and `since` are its record's number and time."""

    finding: Finding
    seq: int
    since: str


_NAMED: Final = {one.value: one for one in What}


def standing(leaves: Iterable[Leaf]) -> dict[str, Standing]:
    """Return the findings that stand by id; `leaves` are the records of this kind in their order."""
    found: dict[str, Standing] = {}
    for leaf in leaves:
        details = json.loads(leaf.body)["details"]
        id = details.get("finding")
        if leaf.outcome == CLEARED:
            found.pop(id, None)
        elif leaf.outcome in _NAMED:
            finding = Finding(
                _NAMED[leaf.outcome],
                details["ehr"],
                details["resource"],
                leaf.patient,
                details.get("decision"),
                details.get("review_by", ""),
            )
            found[id] = Standing(finding, leaf.seq, leaf.recorded_at)
    return found


def keep_put_back(tx: Transaction, context: Context, row: OutboxRow | PlanRow, actor: Actor) -> None:
    """Record once that a row is not where the trail has it."""
    finding = of_put_back(row, context.ehr.address)
    if finding.id not in standing(tx.leaves_of(Kind.SWEEP_FINDING)):
        context.record(tx, actor, context.now(), finding.record(actor))


def of_put_back(row: OutboxRow | PlanRow, ehr: str) -> Finding:
    """Return the finding of a row that was put back, under what it would have written first; of a unit, of nobody."""
    if isinstance(row, PlanRow):
        members, resource = row.content["draft"]["unit"]["members"], f"working copy {row.id}"
    else:
        members = [row.content["person"]] if "person" in row.content else list(row.content["screens"])
        ehr, resource = row.ehr, _first_written(row)
    return Finding(What.PUT_BACK, ehr, resource, members[0] if len(members) == 1 else None, row.decision_id)


def _first_written(row: OutboxRow) -> str:
    for change in row.content.get("changes", ()):
        return str(change["reference"])
    for entry in row.content.get("bundle", {}).get("entry", ()):
        return str(entry["request"]["url"])
    return f"{row.kind.value} of {row.plan_id}"


def rows_put_back(tx: Transaction, ehr: str) -> dict[str, Finding]:
    """Return what waits to be sent, or to be decided again, and is not where the trail has it, by the finding's id.

    A row that does not open is the verifier's to tell. Raises TrailDamaged where the trail cannot say.
    """
    waits = [row for row in readable(tx.outbox, tx.outbox_ids(*OPEN))[0] if not only_stops(row)]
    said = last_states(tx, [row.decision_id for row in waits])
    back: list[OutboxRow | PlanRow] = [row for row in waits if said.get(row.decision_id) != row.state]
    held = [id for id, state in tx.plan_states().items() if state == PlanState.HELD]
    back += copies_put_back(tx, [row for row in readable(tx.plan, held)[0] if row.content.get("waits_for_chart")])
    found = (of_put_back(row, ehr) for row in back)
    return {one.id: one for one in found}


def copies_put_back(tx: Transaction, held: Sequence[PlanRow]) -> list[PlanRow]:
    """Return the working copies of which the trail says something else. Raises TrailDamaged where it cannot say."""
    said = last_plan_states(tx, [row.id for row in held])
    return [row for row in held if said.get(row.id) != row.state]
