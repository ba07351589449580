"""The gate, its protocols and attributes, and the plan templates as FHIR knowledge artefacts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.fhir import makers
from tests.fhir.package.walking import Element, actions, by_id, compiled

from withness.core.holds import RESCREEN
from withness.core.source_attributes import ATTRIBUTES
from withness.core.template import Both, LimitKind, Ratio
from withness.core.terms import HOLDING, Acuity
from withness.fhir import codes
from withness.fhir.check import check
from withness.fhir.models import validate
from withness.fhir.package.artefacts import artefacts, text
from withness.fhir.package.gate_definition import ACUITY, DECISION
from withness.fhir.package.knowledge_artefacts import knowledge_artefacts
from withness.fhir.questionnaires import fields
from withness.packs.knowledge import load_knowledge

KNOWLEDGE = load_knowledge()
POLICY = KNOWLEDGE.policy
MADE = {f"{one['resourceType']}/{one['id']}": one for one in knowledge_artefacts(KNOWLEDGE)}
GATE = MADE["PlanDefinition/risk-gate"]
LIBRARY = MADE["Library/gate-source-attributes"]
PLANS = {name: one for name, one in MADE.items() if name.startswith("PlanDefinition/")}
ALL = artefacts(KNOWLEDGE)
PROFILES = Path(__file__).resolve().parents[3] / "fhir_profiles"
EXTERNAL = {
    "http://terminology.hl7.org/CodeSystem/plan-definition-type": {"clinical-protocol", "eca-rule"},
    "http://terminology.hl7.org/CodeSystem/library-type": {"asset-collection"},
    "http://terminology.hl7.org/CodeSystem/usage-context-type": {"workflow"},
    codes.GOAL_CATEGORY: {"behavioral"},
    codes.SNOMED: {"373066001"},
    "urn:iso:std:iso:3166": {"US"},
}
"""Codes of others: R4's own lists, and the SNOMED yes of the FHIR facts 4.4."""


def parts(value: Any) -> Iterator[Element]:
    """Every object in a resource."""
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(one)


def canonicals(resource: Element) -> Iterator[str]:
    """Every canonical that a resource names."""
    for one in parts(resource):
        named = [one.get("definitionCanonical"), one.get("resource") if "type" in one else None]
        yield from (name for name in named if isinstance(name, str))


# --- every artefact ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MADE)
def test_each_is_valid(name: str) -> None:
    validate(MADE[name])
    assert check(MADE[name]) == ()


@pytest.mark.parametrize("name", MADE)
def test_each_is_checked_in_as_it_is_made(name: str) -> None:
    kind, _, id = name.partition("/")
    assert (PROFILES / kind.lower() / f"{id}.json").read_bytes() == text(MADE[name]), "run: make generate"


def test_the_same_knowledge_makes_the_same_bytes() -> None:
    assert [text(one) for one in knowledge_artefacts(load_knowledge())] == [text(one) for one in MADE.values()]


@pytest.mark.parametrize("demo", [True, False])
def test_what_the_policy_makes_is_experimental_while_it_is_in_demo_mode(demo: bool) -> None:
    made = list(knowledge_artefacts(replace(KNOWLEDGE, policy=replace(POLICY, demo=demo, version="7.7.7"))))
    of_the_policy = [one for one in made if one["version"] == "7.7.7"]
    assert len(of_the_policy) == 2 + len(POLICY.domains)
    assert {one["experimental"] for one in of_the_policy} == {demo}


def test_every_canonical_is_in_the_package_in_that_version() -> None:
    """Planted: a form named without its version; it is not found."""
    known = {f"{one['url']}|{one['version']}" for one in ALL.values() if "url" in one and "version" in one}
    named = {canonical for one in MADE.values() for canonical in canonicals(one)}
    assert len(named) > 20
    assert named - known == set()


def test_every_code_is_one_of_its_system() -> None:
    """Ours stand in the package; of others only those that were read in a source are used."""
    ours = {
        one["url"]: {concept["code"] for concept in one["concept"]}
        for one in ALL.values()
        if one.get("resourceType") == "CodeSystem"
    }
    known = {**ours, **EXTERNAL}
    used = [one for made in MADE.values() for one in parts(made) if "system" in one and "code" in one]
    assert len(used) > 100
    assert [one for one in used if one["system"] != codes.UCUM and one["code"] not in known[one["system"]]] == []
    assert {one["code"] for one in used if one["system"] == codes.UCUM} <= {"h", "min", "wk"}


@pytest.mark.parametrize("name", PLANS)
def test_each_plan_definition_keeps_r4s_rules(name: str) -> None:
    """pdf-0, trd-1 to trd-3, exp-1, the required codes, and that what an action points at is there."""
    definition = PLANS[name]
    assert definition["name"].isalnum()
    assert definition["name"][0].isupper()
    listed = list(actions(definition))
    ids = [one["id"] for one in listed]
    assert len(ids) == len(set(ids))
    assert all(0 < len(id) <= 64 and id.replace("-", "").replace(".", "").isalnum() for id in ids)
    goals = {goal["id"] for goal in definition.get("goal", [])}
    for one in listed:
        assert one["title"].strip()
        assert set(one.get("goalId", [])) <= goals
        assert one.get("priority", "stat") in ("routine", "urgent", "asap", "stat")
        assert all(who["type"] in ("patient", "practitioner", "related-person") for who in one.get("participant", []))
        for condition in one.get("condition", []):
            assert condition["kind"] == "applicability"
            assert condition["expression"]["language"] == "text/fhirpath"
            assert condition["expression"]["description"].strip()
        for trigger in one.get("trigger", []):
            assert ("data" in trigger) is trigger["type"].startswith("data-")
            assert trigger["name"]


@pytest.mark.parametrize("name", PLANS)
def test_each_condition_is_true_or_false_on_an_empty_response(name: str) -> None:
    """Nothing is left to what an engine makes of an empty result."""
    for one in parts(PLANS[name]):
        if one.get("language") == "text/fhirpath":
            assert compiled(one["expression"])({"resourceType": "QuestionnaireResponse"}) in ([True], [False])


def test_no_condition_uses_what_engines_do_differently() -> None:
    """A backslash in a text, a union of elements, or a function that few have."""
    for one in parts(GATE):
        if one.get("language") == "text/fhirpath":
            told = one["expression"]
            assert "\\" not in told
            assert not {"iif(", "aggregate(", "resolve(", "memberOf(", "combine(", "repeat(", "%"} & {
                word
                for word in ("iif(", "aggregate(", "resolve(", "memberOf(", "combine(", "repeat(", "%")
                if word in told
            }


# --- the gate ------------------------------------------------------------------------------------------------


def test_the_gate_says_what_it_is_and_what_it_leaves_out() -> None:
    assert (GATE["url"], GATE["version"]) == (codes.RISK_GATE, POLICY.version)
    assert GATE["type"]["coding"][0]["code"] == "eca-rule"
    assert "only one that counts" in GATE["description"]
    for left_out in (
        "windows",
        "holds that stand",
        "other screens",
        "in the chart",
        "age",
        "unit",
        "overrides",
        "trail",
    ):
        assert left_out in GATE["description"]


def test_each_question_has_an_action_for_each_acuity_that_it_may_have() -> None:
    found = by_id(GATE)
    wording = {one.link: one.text for one in fields(POLICY)}
    for question in POLICY.questions():
        for acuity in {*question.answers.values(), Acuity.UNKNOWN} - {Acuity.NONE}:
            one = found[f"{question.id}.{acuity.value}"]
            assert one["title"] == wording[question.id]
            assert one["code"][0]["coding"] == [{"system": ACUITY, "code": acuity.value}]
            assert one["textEquivalent"].strip()


def test_each_finding_names_its_source_and_its_source_attributes() -> None:
    rows = {row["rule"] for row in json.loads(base64.b64decode(LIBRARY["content"][0]["data"]))["rules"]}
    library = f"{LIBRARY['url']}|{LIBRARY['version']}"
    for domain in POLICY.domains:
        for one in by_id(GATE)[domain.id]["action"]:
            cited, attributes = one["documentation"]
            assert (cited["type"], cited["citation"]) == ("citation", "; ".join(domain.basis))
            assert attributes["resource"] == library
            assert attributes["label"] in rows


def test_there_is_one_decision_of_each_kind_and_one_verdict_of_each_acuity() -> None:
    found = by_id(GATE)
    for acuity, name in POLICY.decisions.items():
        assert found[f"readable.decision.{acuity.value}"]["code"][0]["coding"] == [{"system": DECISION, "code": name}]
    for domain in POLICY.domains:
        for acuity in Acuity:
            coding = {"system": ACUITY, "code": acuity.value}
            assert found[f"readable.{domain.id}.{acuity.value}"]["code"][0]["coding"] == [coding]
        for top in ("readable", "unreadable"):
            opens = found[f"{top}.{domain.id}.acute"]["definitionCanonical"]
            assert opens == f"{codes.BASE}/PlanDefinition/directive-{domain.id}|{POLICY.version}"
    assert not any("none" in id or "caution" in id for id in found if id.startswith("unreadable"))


# --- source attributes ---------------------------------------------------------------------------------------


def test_the_library_holds_the_13_attributes_of_every_rule() -> None:
    held = json.loads(base64.b64decode(LIBRARY["content"][0]["data"]))
    assert held["policy"] == {"version": POLICY.version, "digest": POLICY.digest, "owner": POLICY.owner}
    assert held["attributes"] == dict(ATTRIBUTES)
    assert len(held["attributes"]) == 13
    assert held["rules"] == [one.said() for one in KNOWLEDGE.attributes]
    assert {question.id for question in POLICY.questions()} <= {row["rule"] for row in held["rules"]}
    assert all(row[name].strip() for row in held["rules"] for name in ATTRIBUTES)


# --- directive protocols -------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", POLICY.domains, ids=lambda one: str(one.id))
def test_a_protocol_has_every_step_with_owner_time_and_condition(domain: Any) -> None:
    definition = PLANS[f"PlanDefinition/directive-{domain.id}"]
    assert definition["version"] == POLICY.version
    assert definition["type"]["coding"][0]["code"] == "clinical-protocol"
    whole = definition["action"][0]
    assert [one["id"] for one in whole["action"]] == [step.id for step in domain.directive]
    for step, one in zip(domain.directive, whole["action"], strict=True):
        assert one["title"] == step.text
        assert one["participant"] == [{"type": "practitioner", "role": {"text": step.owner}}]
        assert ("condition" in one) is bool(step.when)
        assert ("timingDuration" in one) is step.within.startswith("P")
        assert one["priority"] == codes.PRIORITIES.get(step.within, "routine")
        labels = [label["label"] for label in one.get("documentation", [])]
        assert labels == ([step.evidences] if step.evidences else [])
    needs = [*domain.release_needs, *(need for listed in domain.needs_when.values() for need in listed)]
    assert [one["label"] for one in whole["documentation"]] == needs
    assert RESCREEN in needs
    assert all(one.get("citation") for one in whole["documentation"] if one["label"] != RESCREEN)


def test_a_time_in_hours_is_a_duration_and_a_named_time_is_words() -> None:
    suicide = by_id(PLANS["PlanDefinition/directive-suicide"])
    assert suicide["follow-up"]["timingDuration"] == {"value": 72, "unit": "hours", "system": codes.UCUM, "code": "h"}
    assert suicide["follow-up"]["textEquivalent"].endswith("within 72 hours.")
    assert suicide["full-assessment"]["textEquivalent"].endswith("in this session.")
    odd = replace(POLICY.domains[0].directive[0], within="PT90M")
    policy = replace(POLICY, domains=(replace(POLICY.domains[0], directive=(odd,)),))
    made = {one["id"]: one for one in knowledge_artefacts(replace(KNOWLEDGE, policy=policy))}
    assert by_id(made["directive-suicide"])[odd.id]["timingDuration"]["value"] == 90


def test_steps_are_as_urgent_as_their_tasks() -> None:
    assert codes.PRIORITIES == {"now": "stat", "same-session": "asap", "same-day": "urgent"}


# --- plan templates ------------------------------------------------------------------------------------------

TEMPLATES = KNOWLEDGE.templates


def test_a_saved_plan_instantiates_the_canonical_of_its_template() -> None:
    template = TEMPLATES["heard"]
    goal = makers.goal(template, target=template.target, within=template.limit)
    plan = makers.of_kind("CarePlan", makers.resources(makers.plan(goal)))[0]
    made = PLANS["PlanDefinition/heard"]
    assert plan["instantiatesCanonical"] == [f"{made['url']}|{made['version']}"]


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_template_says_where_it_comes_from_and_what_is_known(id: str) -> None:
    template, made = TEMPLATES[id], PLANS[f"PlanDefinition/{id}"]
    assert (made["version"], made["title"], made["description"]) == (
        template.version,
        template.title,
        template.objective,
    )
    assert made["usage"].endswith(template.evidence)
    assert template.mechanism in made["purpose"]
    cited = [one["citation"] for one in made["relatedArtifact"] if one["type"] == "citation"]
    sources = KNOWLEDGE.catalogue.sources.resources
    assert cited == [template.source, *(sources[number] for number in template.references)]


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_template_has_its_goal_with_measure_target_and_limit(id: str) -> None:
    template, made = TEMPLATES[id], PLANS[f"PlanDefinition/{id}"]
    (goal,) = made["goal"]
    assert goal["description"]["text"] == template.objective
    assert [one["coding"][0]["code"] for one in goal.get("addresses", [])] == list(template.problems)
    targets = goal["target"]
    wanted = list(template.target.codes) if isinstance(template.target, Both) else [template.measure.code]
    assert [one["measure"]["coding"][0]["code"] for one in targets] == wanted
    for one in targets:
        limits = {extension["url"]: extension["valuePositiveInt"] for extension in one.get("extension", [])}
        assert ("due" in one) is (template.limit.kind is LimitKind.WEEKS)
        if template.limit.kind is not LimitKind.WEEKS:
            urls = {LimitKind.SESSIONS: codes.SESSION_WINDOW, LimitKind.BY_SESSION: codes.BY_SESSION}
            assert limits[urls[template.limit.kind]] == template.limit.number
        assert limits.get(codes.EACH_PARTNER, 0) == template.measure.each_partner
        if isinstance(template.target, Ratio):
            assert one["detailQuantity"]["value"] == template.target.count
            assert f"{template.target.count} of {template.target.of}" in one["measure"]["text"]


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_template_names_every_form_that_asks_its_measure(id: str) -> None:
    """The link is the measure, in the forms' own files; every measure, and every part of one, is asked somewhere."""
    template, made = TEMPLATES[id], PLANS[f"PlanDefinition/{id}"]
    measures = {part.code for part in template.measure.parts} or {template.measure.code}
    asking = [form for form in KNOWLEDGE.forms if measures & {item.measure for item, _ in form.walk()}]
    assert measures <= {item.measure for form in asking for item, _ in form.walk()}
    named = {
        one["definitionCanonical"] for one in actions(made) if "/Questionnaire/" in one.get("definitionCanonical", "")
    }
    assert named == {f"{codes.questionnaire(form.id)}|{form.version}" for form in asking}


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_templates_activities_are_there(id: str) -> None:
    template = TEMPLATES[id]
    for part, kind in (("conversation", "Appointment"), ("check", "Task")):
        made = MADE[f"ActivityDefinition/{id}-{part}"]
        assert (made["kind"], made["version"]) == (kind, template.version)
        types = [one["type"] for one in made["participant"]]
        assert types[:2] == ["patient", "practitioner"]


def test_holding_findings_count_anywhere() -> None:
    """So that no yes is lost: an acute or elevated answer is looked for in the whole response."""
    found = by_id(GATE)
    for question in POLICY.questions():
        for acuity in set(question.answers.values()) & set(HOLDING):
            expression = found[f"{question.id}.{acuity.value}"]["condition"][0]["expression"]["expression"]
            assert expression.startswith("descendants()")
