"""What a making of resources needs beside the plan and its release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from withness.core.gate import Decision
from withness.core.plan import ChartPlan
from withness.errors import InvalidInput
from withness.fhir import codes

Resource = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """What one member's chart holds of a plan that is amended: its CarePlan, and the ids of its goals.

    `goals` maps a goal's identity (see `goal_key`) to the id it has in the chart.
    """

    care_plan: Mapping[str, Any]
    goals: Mapping[str, str]


@dataclass(frozen=True)
class Making:
    """What a making of resources needs beside the plan and its release.

    `recorded` is in UTC, to the second; `unit_plan` is the identifier that the charts of a unit share; `screens`
    and `screen_ids` hold each member's QuestionnaireResponse as it was recorded, and its id; `problem_titles` are
    the catalogue's titles of the problems-for-work (a problem without one is shown by its code); `standing` is what
    the charts hold of the plan that an amendment amends, and `today` the day from which a goal that it adds counts.
    """

    recorded: datetime
    unit_plan: str
    organization: str
    us_core: str
    enforces_labels: bool
    screens: Mapping[str, Mapping[str, Any]]
    screen_ids: Mapping[str, str]
    problem_titles: Mapping[str, str] | None = None
    standing: Mapping[str, Standing] | None = None
    today: date | None = None

    def start(self, chart: ChartPlan, goal: str) -> date:
        """Return the day from which a goal counts: the plan's first, or that of the amendment that adds it."""
        there = (self.standing or {}).get(chart.member)
        if there is None or self.today is None or goal in there.goals:
            return chart.frame.start
        return max(chart.frame.start, self.today)

    def meta(self, profile: str, decision: Decision, *labels: str, ours: str = "") -> Resource:
        """Return Resource.meta: US Core's profile and `ours`, the security `labels`, and HTEST under a demo policy."""
        own = [codes.versioned(ours)] if ours else []
        meta: Resource = {"profile": [codes.us_core(profile, self.us_core), *own]}
        security = [codes.TEST_DATA] if decision.demo else []
        security += [{"system": codes.ACT_CODE, "code": label} for label in labels]
        if security:
            meta["security"] = security
        return meta

    def instant(self, when: datetime, *, field: str) -> str:
        """Return `when` as a FHIR instant in UTC, to the second. Raises InvalidInput for a time without zone."""
        if when.tzinfo is None:
            raise InvalidInput(f"{field} must name its time zone.", field=field)
        return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
