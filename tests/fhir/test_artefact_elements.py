# ruff: noqa: E501 - one row for each rule reads better as a table
"""Published artefacts and records: their required codes are R4's, and each invariant has one that keeps and one that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy

import pytest
from tests.fhir.check_examples import Change, Resource, at, both, observation, without

from withness.fhir.artefact_elements import ARTEFACT_SHAPES
from withness.fhir.check import check
from withness.fhir.elements import SHAPES, Shape
from withness.fhir.models import validate
from withness.fhir.profile_check import r4
from withness.fhir.record_elements import RECORD_SHAPES
from withness.fhir.risk_elements import RISK_SHAPES

# --- the tables against what R4 says elsewhere


def _tables() -> Iterator[tuple[str, str, Shape | frozenset[str]]]:
    """Yield each code list and reference of the tables, with where R4 defines it."""
    for kind, shape in {**SHAPES, **RISK_SHAPES, **ARTEFACT_SHAPES, **RECORD_SHAPES}.items():
        seen: set[tuple[int, str]] = set()
        waiting = [(kind, shape)]
        while waiting:
            path, one = waiting.pop()
            if (id(one), path) in seen:
                continue
            seen.add((id(one), path))
            for name, part in one.parts.items():
                place = r4.child(path, name)
                if isinstance(part, frozenset) or (isinstance(part, Shape) and part.targets is not None):
                    yield path, name, part
                elif isinstance(part, Shape) and place is not None:
                    waiting.append((place.path, part))


TABLES = [one for one in _tables() if r4.child(one[0], one[1]) is not None]


@pytest.mark.parametrize(("path", "name", "part"), TABLES, ids=lambda one: one if isinstance(one, str) else "")
def test_required_codes_and_targets_are_those_of_the_models(path: str, name: str, part: Shape | frozenset[str]) -> None:
    """fhir.resources knows both and asks for neither. Catches a code or type left out of a table, or misspelt."""
    known = r4.codes(path, name) if isinstance(part, frozenset) else r4.targets(path, name)
    listed = part if isinstance(part, frozenset) else part.targets
    if known is not None and f"{path}.{name}" not in ("Observation.subject",):
        assert listed == known


def test_the_tables_reach_far() -> None:
    assert len(TABLES) > 180


# --- invariants


def element(**changes: object) -> Resource:
    return {"id": "Goal.note", "path": "Goal.note", **changes}


def profile() -> Resource:
    return {
        "resourceType": "StructureDefinition",
        "url": "https://site.example/fhir/StructureDefinition/x",
        "name": "X",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Goal",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Goal",
        "derivation": "constraint",
        "snapshot": {
            "element": [
                {
                    **element(definition="x", min=0, max="*"),
                    "base": {"path": "Goal", "min": 0, "max": "*"},
                    "id": id,
                    "path": id,
                }
                for id in ("Goal", "Goal.note")
            ]
        },
        "differential": {"element": [{"id": "Goal", "path": "Goal"}, element(type=[{"code": "Annotation"}])]},
    }


def extension() -> Resource:
    return {
        **profile(),
        "kind": "complex-type",
        "type": "Extension",
        "context": [{"type": "element", "expression": "Goal"}],
        "snapshot": None,
        "differential": {
            "element": [{"id": "Extension", "path": "Extension"}, {"id": "Extension.url", "path": "Extension.url"}]
        },
    }


def bare(resource: Callable[[], Resource]) -> Resource:
    return {name: value for name, value in resource().items() if value is not None}


def code_system() -> Resource:
    return {
        "resourceType": "CodeSystem", "name": "X", "status": "draft", "content": "complete", "count": 3,
        "concept": [{"code": "a", "concept": [{"code": "b"}]}, {"code": "c"}],
    }  # fmt: skip


def value_set() -> Resource:
    return {
        "resourceType": "ValueSet", "name": "X", "status": "draft",
        "compose": {"include": [{"system": "urn:x", "concept": [{"code": "a"}]}, {"valueSet": ["http://x.example/v"]}]},
        "expansion": {"timestamp": "2026-11-22", "contains": [{"system": "urn:x", "code": "a"}, {"abstract": True, "display": "x"}]},
    }  # fmt: skip


def naming_system() -> Resource:
    return {
        "resourceType": "NamingSystem", "name": "X", "status": "draft", "kind": "identifier", "date": "2026-11-22",
        "uniqueId": [{"type": "uri", "value": "urn:x", "preferred": True}, {"type": "uuid", "value": "x"}],
    }  # fmt: skip


def plan() -> Resource:
    return {
        "resourceType": "PlanDefinition", "name": "X", "status": "draft",
        "contact": [{"telecom": [{"system": "url", "value": "https://x.example"}]}],
        "useContext": [{"code": {"code": "focus"}, "valueCodeableConcept": {"text": "x"}}],
        "relatedArtifact": [{"type": "citation", "citation": "x"}],
        "action": [
            {"id": "a", "trigger": [{"type": "named-event", "name": "save"}], "condition": [{"kind": "applicability", "expression": {"language": "text/fhirpath", "expression": "true"}}]},
            {"id": "b", "relatedAction": [{"actionId": "a", "relationship": "after"}], "input": [{"type": "Goal", "codeFilter": [{"path": "category"}], "dateFilter": [{"path": "startDate"}]}]},
        ],
    }  # fmt: skip


def activity() -> Resource:
    return {"resourceType": "ActivityDefinition", "name": "X", "status": "draft", "kind": "Task", "intent": "proposal"}


def library() -> Resource:
    return {
        "resourceType": "Library", "name": "X", "status": "draft", "type": {"coding": [{"code": "asset-collection"}]},
        "content": [{"contentType": "application/json", "data": "e30="}],
    }  # fmt: skip


def guide() -> Resource:
    return {
        "resourceType": "ImplementationGuide", "url": "https://x.example/ImplementationGuide/x", "name": "X", "status": "draft",
        "packageId": "x.y", "fhirVersion": ["4.0.1"],
        "definition": {"grouping": [{"id": "g", "name": "G"}], "resource": [{"reference": {"reference": "Goal/g"}, "groupingId": "g", "fhirVersion": ["4.0.1"]}]},
    }  # fmt: skip


def document() -> Resource:
    return {
        "resourceType": "DocumentReference", "status": "current", "date": "2026-11-22T10:00:00Z",
        "content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}],
    }  # fmt: skip


def audit_event() -> Resource:
    return {
        "resourceType": "AuditEvent", "type": {"code": "110100"}, "action": "E", "recorded": "2026-11-22T10:00:00Z", "outcome": "0",
        "agent": [{"requestor": True, "network": {"type": "2"}}], "source": {"observer": {"display": "x"}},
        "entity": [{"query": "eA==", "detail": [{"type": "digest", "valueString": "x"}]}],
    }  # fmt: skip


def component() -> Resource:
    return {**observation(), "component": [{"code": {"coding": [{"code": "x"}]}}], "code": {"coding": [{"code": "y"}]}}


MAKERS = (
    profile,
    extension,
    code_system,
    value_set,
    naming_system,
    plan,
    activity,
    library,
    guide,
    document,
    audit_event,
    component,
)
SNAP, DIFF = ("snapshot", "element"), ("differential", "element")
ELEMENT = (*DIFF, 1)

# fmt: off
# Name: resource, what is changed, the element that is named, words of the sentence.
FAILING: dict[str, tuple[Callable[[], Resource], Change, str, str]] = {
    "csd-0": (code_system, at("name", put="not a name"), "CodeSystem.name", "csd-0"),
    "csd-1": (code_system, at("concept", 1, "code", put="b"), "CodeSystem.concept", "csd-1"),
    "count": (code_system, at("count", put=2), "CodeSystem.count", "number of concepts"),
    "vsd-0": (value_set, at("name", put="x"), "ValueSet.name", "vsd-0"),
    "vsd-1": (value_set, at("compose", "include", 1, put={"version": "1"}), "ValueSet.compose.include[1]", "vsd-1"),
    "vsd-2": (value_set, both(without("compose", "include", 0, "system"), at("compose", "include", 0, "valueSet", put=["http://x.example/v"])), "ValueSet.compose.include[0].system", "vsd-2"),
    "vsd-3": (value_set, at("compose", "include", 0, "filter", put=[{"property": "concept", "op": "is-a", "value": "a"}]), "ValueSet.compose.include[0]", "vsd-3"),
    "vsd-6": (value_set, at("expansion", "contains", 1, put={"abstract": True}), "ValueSet.expansion.contains[1]", "vsd-6"),
    "vsd-9": (value_set, at("expansion", "contains", 1, put={"display": "x"}), "ValueSet.expansion.contains[1]", "vsd-9"),
    "vsd-10": (value_set, without("expansion", "contains", 0, "system"), "ValueSet.expansion.contains[0].system", "vsd-10"),
    "nsd-0": (naming_system, at("name", put="a b"), "NamingSystem.name", "nsd-0"),
    "nsd-1": (naming_system, at("kind", put="root"), "NamingSystem.uniqueId", "nsd-1"),
    "nsd-2": (naming_system, at("uniqueId", 1, put={"type": "uri", "value": "urn:y", "preferred": True}), "NamingSystem.uniqueId", "nsd-2"),
    "sdf-0": (profile, at("name", put="a b"), "StructureDefinition.name", "sdf-0"),
    "sdf-1": (profile, both(at("derivation", put="specialization"), at(*SNAP, 1, "path", put="Goal"), at(*SNAP, 1, "id", put="Goal.x")), "StructureDefinition.snapshot.element", "sdf-1"),
    "sdf-3": (profile, without(*SNAP, 1, "min"), "StructureDefinition.snapshot.element[1].min", "sdf-3"),
    "sdf-4": (profile, without("baseDefinition"), "StructureDefinition.baseDefinition", "sdf-4"),
    "sdf-5": (extension, without("context"), "StructureDefinition.context", "sdf-5"),
    "sdf-6": (profile, both(without("snapshot"), without("differential")), "StructureDefinition", "sdf-6"),
    "sdf-8": (profile, at(*SNAP, 1, "path", put="Flag.note"), "StructureDefinition.snapshot.element", "sdf-8"),
    "sdf-8a": (profile, at(*DIFF, 1, "path", put="Flag.note"), "StructureDefinition.differential.element", "sdf-8a"),
    "sdf-8b": (profile, without(*SNAP, 1, "base"), "StructureDefinition.snapshot.element[1].base", "sdf-8b"),
    "sdf-11": (profile, at("type", put="Flag"), "StructureDefinition.snapshot.element[0].path", "sdf-11"),
    "sdf-14": (profile, without(*DIFF, 1, "id"), "StructureDefinition.differential.element", "sdf-14"),
    "sdf-16": (profile, at(*SNAP, 1, "id", put="Goal"), "StructureDefinition.snapshot.element", "sdf-16"),
    "sdf-17": (profile, at(*DIFF, 1, "id", put="Goal"), "StructureDefinition.differential.element", "sdf-17"),
    "sdf-18": (profile, at("contextInvariant", put=["true"]), "StructureDefinition.contextInvariant", "sdf-18"),
    "sdf-23": (profile, at(*DIFF, 0, "sliceName", put="x"), "StructureDefinition.differential.element", "sdf-23"),
    "eld-1": (profile, at(*ELEMENT, "slicing", put={"rules": "open"}), "StructureDefinition.differential.element[1].slicing.discriminator", "eld-1"),
    "eld-2": (profile, both(at(*ELEMENT, "min", put=2), at(*ELEMENT, "max", put="1")), "StructureDefinition.differential.element[1].max", "eld-2"),
    "eld-3": (profile, at(*ELEMENT, "max", put="many"), "StructureDefinition.differential.element[1].max", "eld-3"),
    "eld-5": (profile, at(*ELEMENT, "contentReference", put="#Goal"), "StructureDefinition.differential.element[1].contentReference", "eld-5"),
    "eld-6": (profile, both(at(*ELEMENT, "type", put=[{"code": "code"}, {"code": "string"}]), at(*ELEMENT, "fixedCode", put="x")), "StructureDefinition.differential.element[1]", "eld-6"),
    "eld-7": (profile, both(at(*ELEMENT, "type", put=[{"code": "code"}, {"code": "string"}]), at(*ELEMENT, "patternCode", put="x")), "StructureDefinition.differential.element[1]", "eld-7"),
    "eld-8": (profile, both(at(*ELEMENT, "fixedCode", put="x"), at(*ELEMENT, "patternCode", put="x")), "StructureDefinition.differential.element[1]", "eld-8"),
    "eld-12": (profile, at(*ELEMENT, "binding", put={"strength": "required", "valueSet": "urn-x"}), "StructureDefinition.differential.element[1].binding.valueSet", "eld-12"),
    "eld-13": (profile, at(*ELEMENT, "type", put=[{"code": "code"}, {"code": "code"}]), "StructureDefinition.differential.element[1].type", "eld-13"),
    "eld-14": (profile, at(*ELEMENT, "constraint", put=[{"key": "x", "severity": "error", "human": "x"}] * 2), "StructureDefinition.differential.element[1].constraint", "eld-14"),
    "eld-16": (profile, at(*ELEMENT, "sliceName", put="a b"), "StructureDefinition.differential.element[1].sliceName", "eld-16"),
    "eld-17": (profile, at(*ELEMENT, "type", 0, "targetProfile", put=["http://x.example/p"]), "StructureDefinition.differential.element[1].type[0].targetProfile", "eld-17"),
    "eld-18": (profile, at(*ELEMENT, "isModifier", put=True), "StructureDefinition.differential.element[1].isModifierReason", "eld-18"),
    "eld-22": (profile, at(*ELEMENT, "sliceIsConstraining", put=True), "StructureDefinition.differential.element[1].sliceName", "eld-22"),
    "discriminator type": (profile, at(*ELEMENT, "slicing", put={"rules": "open", "discriminator": [{"type": "position", "path": "x"}]}), "StructureDefinition.differential.element[1].slicing.discriminator[0].type", "codes"),
    "fhirVersion": (profile, at("fhirVersion", put="4.3.0"), "StructureDefinition.fhirVersion", "codes"),
    "pdf-0": (plan, at("name", put="a b"), "PlanDefinition.name", "pdf-0"),
    "relatedAction": (plan, at("action", 1, "relatedAction", 0, "actionId", put="c"), "PlanDefinition.action", "not there"),
    "participant": (plan, at("action", 0, "participant", put=[{"type": "therapist"}]), "PlanDefinition.action[0].participant[0].type", "codes"),
    "trd-1": (plan, at("action", 0, "trigger", 0, put={"type": "periodic", "timingDate": "2026-11-22", "data": [{"type": "Goal"}]}), "PlanDefinition.action[0].trigger[0]", "trd-1"),
    "trd-2": (plan, at("action", 0, "trigger", 0, "condition", put={"language": "text/fhirpath", "expression": "true"}), "PlanDefinition.action[0].trigger[0].data", "trd-2"),
    "trd-3": (plan, at("action", 0, "trigger", 0, "type", put="data-added"), "PlanDefinition.action[0].trigger[0].data", "trd-3"),
    "exp-1": (plan, without("action", 0, "condition", 0, "expression", "expression"), "PlanDefinition.action[0].condition[0].expression.expression", "exp-1"),
    "drq-1": (plan, at("action", 1, "input", 0, "codeFilter", 0, "searchParam", put="x"), "PlanDefinition.action[1].input[0].codeFilter[0]", "drq-1"),
    "drq-2": (plan, without("action", 1, "input", 0, "dateFilter", 0, "path"), "PlanDefinition.action[1].input[0].dateFilter[0]", "empty"),
    "cpt-2": (plan, without("contact", 0, "telecom", 0, "system"), "PlanDefinition.contact[0].telecom[0].system", "cpt-2"),
    "useContext": (plan, without("useContext", 0, "valueCodeableConcept"), "PlanDefinition.useContext[0].value", "once"),
    "relatedArtifact": (plan, at("relatedArtifact", 0, "type", put="see-also"), "PlanDefinition.relatedArtifact[0].type", "codes"),
    "adf-0": (activity, at("name", put="a b"), "ActivityDefinition.name", "adf-0"),
    "kind": (activity, at("kind", put="Goal"), "ActivityDefinition.kind", "codes"),
    "R4B's subject": (activity, at("subjectCanonical", put="http://x.example/g"), "ActivityDefinition.subjectCanonical", "R4"),
    "lib-0": (library, at("name", put="a b"), "Library.name", "lib-0"),
    "att-1": (library, without("content", 0, "contentType"), "Library.content[0].contentType", "att-1"),
    "MIME": (document, at("content", 0, "attachment", "contentType", put="text"), "DocumentReference.content[0].attachment.contentType", "MIME"),
    "ig-0": (guide, at("name", put="a b"), "ImplementationGuide.name", "ig-0"),
    "ig-1": (guide, at("definition", "resource", 0, "groupingId", put="h"), "ImplementationGuide.definition.resource[0].groupingId", "ig-1"),
    "relatesTo": (document, at("relatesTo", put=[{"code": "amends", "target": {"reference": "DocumentReference/d"}}]), "DocumentReference.relatesTo[0].code", "codes"),
    "author": (document, at("author", put=[{"reference": "Group/g"}]), "DocumentReference.author[0]", "does not allow"),
    "docStatus": (document, at("docStatus", put="signed"), "DocumentReference.docStatus", "codes"),
    "action": (audit_event, at("action", put="X"), "AuditEvent.action", "codes"),
    "outcome": (audit_event, at("outcome", put="1"), "AuditEvent.outcome", "codes"),
    "requestor": (audit_event, at("agent", 0, "requestor", put="true"), "AuditEvent.agent[0].requestor", "true or false"),
    "sev-1": (audit_event, at("entity", 0, "name", put="x"), "AuditEvent.entity[0]", "sev-1"),
    "detail": (audit_event, without("entity", 0, "detail", 0, "valueString"), "AuditEvent.entity[0].detail[0].value", "once"),
    "obs-3": (component, at("referenceRange", put=[{"appliesTo": [{"text": "x"}]}]), "Observation.referenceRange[0]", "obs-3"),
    "obs-6": (component, at("dataAbsentReason", put={"text": "x"}), "Observation.dataAbsentReason", "obs-6"),
    "obs-7": (component, at("component", 0, "code", "coding", 0, "code", put="y"), "Observation.component", "obs-7"),
    "hasMember": (component, at("hasMember", put=[{"reference": "Goal/g"}]), "Observation.hasMember[0]", "does not allow"),
}
# fmt: on


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_good_artefact_passes(make: Callable[[], Resource]) -> None:
    resource = bare(make)
    assert check(resource) == ()
    validate(resource)


@pytest.mark.parametrize("name", FAILING)
def test_one_wrong_thing_is_found(name: str) -> None:
    """Planted: each rule left out in turn; its row fails."""
    make, change, path, why = FAILING[name]
    resource = deepcopy(bare(make))
    change(resource)
    found = check(resource)
    assert any(one.path == path and why in one.why for one in found), found
