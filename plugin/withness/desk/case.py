"""One draft on its way through preview or save: what was read of it and of the chart, and the Bundle that it makes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from withness.audit.record import canonical
from withness.core.catalogue import advisories
from withness.core.gate import release
from withness.core.plan import Plan, charts
from withness.core.terms import Purpose
from withness.desk import amending, facts, standing
from withness.desk.context import Actor, Context
from withness.desk.draft import read_draft, refuse_claims
from withness.errors import InvalidInput
from withness.fhir.bundle import plan_transaction
from withness.fhir.check import require_valid
from withness.fhir.goal_progress import carried_over
from withness.fhir.making import Making
from withness.fhir.status import put


@dataclass(frozen=True)
class Case:
    """One draft on its way through preview or save."""

    context: Context
    draft: Mapping[str, Any]
    plan: Plan
    question: standing.Question
    decision_id: str
    at: datetime
    base: amending.Base | None

    @property
    def advice(self) -> tuple[str, ...]:
        """Return what the plan's author might look at: none of it holds anything."""
        found = advisories(self.plan, self.context.catalogue)
        patients = [one for one in self.plan.unit.members if one.startswith("Patient/")]
        silent = not all(self.plan.has_yes_of(one) for one in patients)
        return (*found, "A member who has agreed to no goal gets no plan in the chart.") if silent else found

    def digest(self, actor: Actor) -> str:
        """What a repeated request must equal: the draft (RFC 8785) and who asks."""
        return hashlib.sha256(canonical({"draft": dict(self.draft), "actor": actor.ref})).hexdigest()

    def making(self, answered: standing.Answered, plan_id: str) -> Making:
        """Return what the making of resources needs beside the plan."""
        latest = {member: rows[-1] for member, rows in answered.screens.items() if rows}
        return Making(
            recorded=self.at,
            unit_plan=plan_id,
            organization=self.context.settings.organization,
            us_core=self.context.settings.us_core,
            enforces_labels=self.context.settings.ehr_enforces_labels,
            # A merged record's newest screen may stand under the person's other id.
            screens={one: {**row.content["resource"], "subject": {"reference": one}} for one, row in latest.items()},
            screen_ids={member: row.id for member, row in latest.items()},
            problem_titles={one.id: one.title for one in self.context.catalogue.problems.values()},
            standing=self.base.standing() if self.base else None,
            today=self.at.astimezone(self.context.settings.zone).date(),
        )

    def bundle(self, answered: standing.Answered, plan_id: str) -> dict[str, Any] | None:
        """Return the checked transaction Bundle, None when the gate holds: it takes a release to build one."""
        released = release(answered.decision)
        if released is None:
            return None
        unit_plan = self.base.row.id if self.base else plan_id
        made = plan_transaction(charts(self.plan), released, self.making(answered, unit_plan), self.context.policy)
        if self.base is not None:
            made = _amended(self.context, made, self.base, self.plan, self.at)
        require_valid(made)
        return made


def _amended(context: Context, made: dict[str, Any], base: amending.Base, plan: Plan, at: datetime) -> dict[str, Any]:
    """Write what is there already only over the version that was read; goals left out are cancelled."""
    versions = {f"CarePlan/{one.resource['id']}": one.version for one in base.live.values()}
    versions |= {f"Goal/{one.resource['id']}": one.version for some in base.goals.values() for one in some}
    goals = {f"Goal/{one.resource['id']}": one.resource for some in base.goals.values() for one in some}
    entries = []
    for entry in made["entry"]:
        url = entry["request"]["url"]
        resource = carried_over(entry["resource"], goals[url]) if url in goals else entry["resource"]
        entries.append({**entry, "resource": resource, "request": put(resource, versions.get(url, ""))["request"]})
    there = amending.charts_in(made, plan)
    dropped = [
        one
        for chart in charts(plan)
        for one in amending.dropped_goals(context, base, chart, there[chart.member]["goals"], at)
    ]
    dropped += amending.withdrawn(base, plan, at)
    return {**made, "entry": [*entries, *(put(resource, version) for resource, version in dropped)]}


def open_case(context: Context, draft: Mapping[str, Any]) -> Case:
    """Read the draft, and ask a remote EHR what the gate will need: nothing remote happens under the lock."""
    plan = read_draft(draft, context.templates)
    base = amending.base_of(context, plan)
    if any(one.payer_words for one in plan.goals):
        stands = [one.get("payer_words") for one in base.row.content["draft"]["goals"]] if base else []
        refuse_claims(plan, context.claims.claims, standing=stands)
    known = dict(facts.begin(context, plan.unit.members))
    for member in base.unread if base else ():
        known[member] = replace(known[member], reached=False)  # what is amended must be seen first
    if any(not known[one].aliases.isdisjoint(plan.unit.members) for one in plan.unit.members):
        said = "unit.members names one person twice: the EHR says that two of these records are one person's."
        raise InvalidInput(said, field="unit.members")
    purpose = Purpose.NEW_PLAN if base is None else Purpose.AMENDMENT
    question = standing.Question(plan.unit.kind, plan.unit.members, purpose, plan.encounter, known)
    return Case(context, draft, plan, question, context.new_id(), context.now(), base)
