"""The knowledge artefacts of the package: the gate, its protocols and source attributes, the plan templates."""

from __future__ import annotations

from collections.abc import Iterator

from withness.core.knowledge import Knowledge
from withness.fhir.package.actions import Element
from withness.fhir.package.attributes_library import attributes_library
from withness.fhir.package.gate_definition import risk_gate
from withness.fhir.package.plan_definition import plan_definitions
from withness.fhir.package.protocol_definition import directive_protocols


def knowledge_artefacts(knowledge: Knowledge) -> Iterator[Element]:
    """Yield every PlanDefinition, ActivityDefinition and Library; same knowledge, same bytes."""
    yield risk_gate(knowledge.policy, knowledge.publication)
    yield from directive_protocols(knowledge.policy, knowledge.publication)
    yield attributes_library(knowledge)
    yield from plan_definitions(knowledge)
