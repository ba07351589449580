"""What a save or preview of a plan came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from withness.store.rows import Delivery, PlanState


@dataclass(frozen=True)
class Answer:
    """What a save or preview came to, as it is told to people and programs."""

    told: Mapping[str, Any]
    state: PlanState | None
    plan: str | None = None
    bundle: Mapping[str, Any] | None = None
    delivery: Delivery | None = None
    trouble: str | None = None
    advisories: tuple[str, ...] = ()
    decision_id: str = ""
    version: str = "1"
    follow: tuple[str, ...] = ()
    conflict: tuple[Mapping[str, Any], ...] | None = None
    repeated: str | None = None
    care_plans: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the contract's JSON document."""
        return {
            **self.told,
            "saved": self.state is PlanState.DELIVERED and self.trouble is None,
            "plan": self.plan,
            "version": self.version,
            "care_plans": _care_plans(self.bundle) or list(self.care_plans),
            "bundle": self.bundle,
            "delivery": self.delivery.value if self.delivery else None,
            "trouble": self.trouble,
            "advisories": list(self.advisories),
            "repeated": self.repeated,
        }


def _care_plans(bundle: Mapping[str, Any] | None) -> list[str]:
    entries = bundle["entry"] if bundle else []
    return [entry["request"]["url"] for entry in entries if entry["resource"]["resourceType"] == "CarePlan"]
