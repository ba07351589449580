"""Building and checking a Bundle of five resources, against the bare model layer on the same five."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any
from uuid import uuid4

from benchmarks.figure import Figure, in_turn
from withness.cli import samples
from withness.core.gate import Decision, decide_member, release
from withness.core.plan import charts
from withness.core.reading import Circumstance, Readings
from withness.core.risk import Standing
from withness.core.terms import Purpose, UnitKind
from withness.desk.draft import read_draft
from withness.fhir.answers import read_screen
from withness.fhir.bundle import plan_transaction
from withness.fhir.check import require_valid
from withness.fhir.making import Making
from withness.packs.policy import load_policy
from withness.packs.templates import load_templates

TARGET = 1.5


def figures() -> list[Figure]:
    """Return the milliseconds of one Bundle: 1 CarePlan, 2 Goals, 1 QuestionnaireResponse, 1 Provenance."""
    build = builder()
    resources = [entry["resource"] for entry in build()["entry"]]
    assert sorted(one["resourceType"] for one in resources) == [
        "CarePlan",
        "Goal",
        "Goal",
        "Provenance",
        "QuestionnaireResponse",
    ]
    models = [(_model(one["resourceType"]), one) for one in resources]

    def bare() -> list[str]:
        return [model.model_validate(one).model_dump_json() for model, one in models]

    seconds, floor = in_turn(build, bare, rounds=25, times=10)
    means = "building and checking five resources; floor: fhir.resources validate and dump of the same five"
    return [Figure("bundle.five-resources", seconds * 1e3, "ms", floor * 1e3, TARGET, means)]


def builder() -> Any:
    """Return a function that makes the Bundle anew and checks it, as plan save does."""
    policy, rosa, now = load_policy(), samples.people()["rosa"], datetime.now(UTC)
    resource = samples.screen(policy, rosa, now, {})
    screen = read_screen(resource, policy, id=str(uuid4()), recorded=now)
    about = Circumstance(Purpose.NEW_PLAN, rosa["encounter"], now, UTC)
    member = decide_member(Readings(policy, Standing(), about), rosa["member"], (screen,))
    decision = Decision(
        id=str(uuid4()),
        kind=UnitKind.INDIVIDUAL,
        members=(member,),
        purpose=Purpose.NEW_PLAN,
        at=now,
        policy_version=policy.version,
        policy_digest=policy.digest,
        demo=policy.demo,
    )
    draft = samples.draft(rosa, now)
    draft["goals"].append({**draft["goals"][0], "words": "I want to hear myself, too"})
    plan = read_draft(draft, load_templates())
    making = Making(
        recorded=now,
        unit_plan=str(uuid4()),
        organization="Organization/demo",
        us_core="6.1.0",
        enforces_labels=False,
        screens={rosa["member"]: resource},
        screen_ids={rosa["member"]: screen.id},
    )
    released = release(decision)
    assert released is not None

    def build() -> dict[str, Any]:
        bundle = plan_transaction(charts(plan), released, making, policy)
        require_valid(bundle)
        return bundle

    return build


def _model(name: str) -> Any:
    return getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name)
