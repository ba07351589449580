# ruff: noqa: E501 - one row for each rule reads better as a table
"""Examples for the check: good resources, one wrong thing each, and what must keep passing."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.makers import make_screen

from withness.fhir import codes
from withness.packs.load import load_policy

POLICY = load_policy()
Resource = dict[str, Any]
Change = Callable[[Resource], object]
SECRET = "Rosa said that Ben hit her"


def div(inner: str) -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{inner}</div>'


def care_plan() -> Resource:
    return {
        "resourceType": "CarePlan",
        "id": "c1",
        "meta": {"profile": [codes.us_core("us-core-careplan", "6.1.0")], "security": [codes.TEST_DATA]},
        "text": {"status": "generated", "div": div("<p><b>Concern</b><br/>words &amp; more</p><ul><li>x</li></ul>")},
        "instantiatesCanonical": [f"{codes.BASE}/PlanDefinition/heard|0.1.0"],
        "status": "active",
        "intent": "plan",
        "category": [codes.CARE_PLAN_CATEGORY],
        "description": "the client's words",
        "subject": {"reference": "Patient/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "period": {"start": "2026-11-21", "end": "2027-02-19"},
        "created": "2026-11-21T10:00:00Z",
        "author": {"reference": "Practitioner/p1"},
        "contributor": [{"reference": "Patient/rosa", "type": "Patient"}],
        "addresses": [{"reference": "Condition/x1"}, {"display": "by name only"}],
        "goal": [{"reference": "Goal/g1"}],
        "activity": [
            {
                "detail": {
                    "kind": "Appointment",
                    "status": "scheduled",
                    "goal": [{"reference": "Goal/g1"}],
                    "scheduledTiming": {
                        "repeat": {
                            "frequency": 1,
                            "period": 1,
                            "periodUnit": "wk",
                            "duration": 50,
                            "durationUnit": "min",
                        }
                    },
                }
            }
        ],
        "note": [{"text": "a note", "time": "2026-11-21T10:00:00+01:00"}],
    }


def goal() -> Resource:
    return {
        "resourceType": "Goal",
        "id": "g1",
        "extension": [
            {
                "extension": [
                    {"url": "individual", "valueReference": {"reference": "Patient/rosa"}},
                    {"url": "status", "valueCode": "agree"},
                ],
                "url": codes.GOAL_ACCEPTANCE,
            }
        ],
        "lifecycleStatus": "active",
        "description": {"text": "I want somebody\r\n\tto get it"},
        "subject": {"reference": "Patient/rosa"},
        "startDate": "2026-11-21",
        "target": [
            {
                "extension": [{"url": codes.SESSION_WINDOW, "valuePositiveInt": 4}],
                "measure": {"text": "felt understood"},
                "detailRatio": {
                    "numerator": {"value": 3, "comparator": ">=", "unit": "sessions"},
                    "denominator": {"value": 4, "unit": "sessions"},
                },
                "dueDate": "2026-12-19",
            }
        ],
        "expressedBy": {"reference": "Patient/rosa"},
        "outcomeReference": [{"reference": "Observation/o1"}],
    }


def provenance() -> Resource:
    return {
        "resourceType": "Provenance",
        "id": "v1",
        "target": [{"reference": "CarePlan/c1"}, {"reference": "Goal/g1/_history/2"}],
        "recorded": "2026-11-21T10:00:00Z",
        "agent": [{"who": {"reference": "Practitioner/p1"}, "onBehalfOf": {"reference": "Organization/demo"}}],
        "entity": [{"role": "source", "what": {"reference": "QuestionnaireResponse/q1"}}],
        "signature": [
            {
                "type": [{"system": codes.SIGNATURE_TYPE, "code": "1.2.840.10065.1.12.1.1"}],
                "when": "2026-11-21T10:00:00Z",
                "who": {"reference": "Patient/rosa"},
            }
        ],
    }


def response() -> Resource:
    at = datetime(2026, 11, 21, 10, tzinfo=UTC)
    return make_screen(POLICY, authored=at, answers={"suicide.past-behaviour": "yes"}, id="q1")


def form() -> Resource:
    return {
        "resourceType": "Questionnaire",
        "url": f"{codes.BASE}/Questionnaire/x",
        "name": "Check",
        "status": "draft",
        "subjectType": ["Patient"],
        "item": [
            {
                "linkId": "g",
                "type": "group",
                "item": [
                    {"linkId": "d", "type": "display", "text": "how to ask"},
                    {"linkId": "q", "type": "choice", "answerOption": [{"valueString": "a"}]},
                    {"linkId": "n", "type": "string", "maxLength": 9, "initial": [{"valueString": "a"}]},
                    {
                        "linkId": "w",
                        "type": "choice",
                        "answerValueSet": f"{codes.BASE}/ValueSet/x",
                        "enableWhen": [{"question": "q", "operator": "exists", "answerBoolean": True}],
                    },
                ],
            }
        ],
    }


URNS = [f"urn:uuid:00000000-0000-4000-8000-00000000000{number}" for number in range(6)]


def bundle() -> Resource:
    resources = [care_plan(), goal(), response(), provenance()]
    resources[0]["goal"] = [{"reference": URNS[1]}]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": url,
                "resource": one,
                "request": {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"},
            }
            for url, one in zip(URNS, resources, strict=False)
        ],
    }


def observation() -> Resource:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "check-in"},
        "subject": {"reference": "Patient/rosa"},
        "valueQuantity": {"value": Decimal("7.50"), "system": codes.UCUM, "code": "1"},
    }


def definition() -> Resource:
    return {"resourceType": "PlanDefinition", "status": "draft"}


def issue() -> Resource:
    return {"resourceType": "DetectedIssue", "status": "final"}


MAKERS = (care_plan, goal, provenance, response, form, bundle, observation, definition, issue)


def at(*places: str | int, put: Any) -> Change:
    """Put a value at a place."""

    def change(resource: Resource) -> None:
        inner: Any = resource
        for place in places[:-1]:
            inner = inner[place]
        inner[places[-1]] = put

    return change


def without(*places: str | int) -> Change:
    def change(resource: Resource) -> None:
        inner: Any = resource
        for place in places[:-1]:
            inner = inner[place]
        del inner[places[-1]]

    return change


def both(*changes: Change) -> Change:
    def change(resource: Resource) -> None:
        for one in changes:
            one(resource)

    return change


OPTION = ("item", 0, "item", 1)
STRING = ("item", 0, "item", 2)
WHEN = ("item", 0, "item", 3)
DETAIL = ("activity", 0, "detail")
TARGET = ("target", 0)
RATIO = (*TARGET, "detailRatio")

# fmt: off
# Name: resource, what is changed, the element that is named, words of the sentence.
FAILING: dict[str, tuple[Callable[[], Resource], Change, str, str]] = {
    # what fhir.resources R4B accepts (the table of the tool facts)
    "wrong required code": (goal, at("lifecycleStatus", put="bogus"), "Goal.lifecycleStatus", "codes that FHIR R4"),
    "gol-1": (goal, without(*TARGET, "measure"), "Goal.target[0].measure", "gol-1"),
    "blank string": (goal, at("description", "text", put=" \n "), "Goal.description.text", "blank"),
    "empty string": (goal, at("description", "text", put=""), "Goal.description.text", "blank"),
    "reference to the wrong type": (goal, at("subject", "reference", put="Practitioner/p1"), "Goal.subject", "type"),
    "junk reference": (goal, at("subject", "reference", put="junk"), "Goal.subject", "must be a reference"),
    "empty reference": (goal, at("subject", put={}), "Goal.subject", "is empty"),
    "reference to nothing": (goal, at("subject", put={"type": "Patient"}), "Goal.subject", "to nothing"),
    "empty list": (goal, at("note", put=[]), "Goal.note", "empty list"),
    "list with null": (goal, at("note", put=[None]), "Goal.note[0]", "null"),
    "null": (goal, at("statusReason", put=None), "Goal.statusReason", "null"),
    "integer as text": (goal, both(without(*RATIO), at(*TARGET, "detailInteger", put="3")), "Goal.target[0].detailInteger", "number"),
    "id of 65 characters": (goal, at("id", put="x" * 65), "Goal.id", "64"),
    "id with underscore": (goal, at("id", put="a_b"), "Goal.id", "64"),
    "id is a number": (goal, at("id", put=7), "Goal.id", "64"),
    "broken xhtml": (care_plan, at("text", "div", put=div("<p>")), "CarePlan.text.div", "well-formed"),
    "R5 item type coding": (form, at(*OPTION, "type", put="coding"), "Questionnaire.item[0].item[1].type", "codes"),
    "duplicate linkId": (form, at(*OPTION, "linkId", put="g"), "Questionnaire.item", "que-2"),
    "empty group": (form, without("item", 0, "item"), "Questionnaire.item[0]", "que-1"),
    "R4B element": (definition, at("subjectCanonical", put=f"{codes.BASE}/Group/x"), "PlanDefinition.subjectCanonical", "not an element"),
    # required codes and parts
    "CarePlan.status missing": (care_plan, without("status"), "CarePlan.status", "missing"),
    "CarePlan.status": (care_plan, at("status", put="accepted"), "CarePlan.status", "codes"),
    "CarePlan.status is text": (care_plan, at("status", put=3), "CarePlan.status", "number"),
    "CarePlan.intent": (care_plan, at("intent", put="directive"), "CarePlan.intent", "codes"),
    "CarePlan.subject missing": (care_plan, without("subject"), "CarePlan.subject", "missing"),
    "activity.detail.status": (care_plan, at(*DETAIL, "status", put="active"), "CarePlan.activity[0].detail.status", "codes"),
    "activity.detail.status missing": (care_plan, without(*DETAIL, "status"), "CarePlan.activity[0].detail.status", "missing"),
    "activity.detail.kind": (care_plan, at(*DETAIL, "kind", put="Encounter"), "CarePlan.activity[0].detail.kind", "codes"),
    "Goal.lifecycleStatus missing": (goal, without("lifecycleStatus"), "Goal.lifecycleStatus", "missing"),
    "QuestionnaireResponse.status": (response, at("status", put="final"), "QuestionnaireResponse.status", "codes"),
    "Provenance.entity.role": (provenance, at("entity", 0, "role", put="origin"), "Provenance.entity[0].role", "codes"),
    "Provenance.agent missing": (provenance, without("agent"), "Provenance.agent", "missing"),
    "Provenance.agent.who missing": (provenance, at("agent", 0, put={"type": {"text": "x"}}), "Provenance.agent[0].who", "missing"),
    "Provenance.target missing": (provenance, without("target"), "Provenance.target", "missing"),
    "Provenance.recorded missing": (provenance, without("recorded"), "Provenance.recorded", "missing"),
    "Provenance.recorded is a date": (provenance, at("recorded", put="2026-11-21"), "Provenance.recorded", "instant"),
    "signature.when missing": (provenance, without("signature", 0, "when"), "Provenance.signature[0].when", "missing"),
    "Bundle.type": (bundle, at("type", put="upload"), "Bundle.type", "codes"),
    "request.method": (bundle, at("entry", 0, "request", "method", put="SAVE"), "Bundle.entry[0].request.method", "codes"),
    "narrative status": (care_plan, at("text", "status", put="done"), "CarePlan.text.status", "codes"),
    "narrative without div": (care_plan, without("text", "div"), "CarePlan.text.div", "missing"),
    "ratio comparator": (goal, at(*RATIO, "numerator", "comparator", put="=>"), "Goal.target[0].detailRatio.numerator.comparator", "codes"),
    "quantity comparator": (observation, at("valueQuantity", "comparator", put="ad"), "Observation.valueQuantity.comparator", "codes"),
    "DetectedIssue.status of R5": (issue, at("status", put="mitigated"), "DetectedIssue.status", "codes"),
    # goal-acceptance
    "acceptance status": (goal, at("extension", 0, "extension", 1, "valueCode", put="maybe"), "Goal.extension[0].extension", "agree"),
    "acceptance status as concept": (goal, at("extension", 0, "extension", 1, put={"url": "status", "valueCodeableConcept": {"text": "agree"}}), "Goal.extension[0].extension", "code"),
    "acceptance of nobody": (goal, without("extension", 0, "extension", 0), "Goal.extension[0].extension", "individual"),
    "acceptance of a group": (goal, at("extension", 0, "extension", 0, "valueReference", put={"reference": "Group/g"}), "Goal.extension[0].extension", "RelatedPerson"),
    # invariants
    "cpl-3": (care_plan, at("activity", 0, "reference", put={"reference": "Task/t1"}), "CarePlan.activity[0]", "cpl-3"),
    "rat-1": (goal, without(*RATIO, "denominator"), "Goal.target[0].detailRatio", "rat-1"),
    "qty-3": (observation, without("valueQuantity", "system"), "Observation.valueQuantity.system", "qty-3"),
    "drt-1 sessions": (goal, both(without(*TARGET, "dueDate"), at(*TARGET, "dueDuration", put={"value": 4, "unit": "sessions", "code": "{session}"})), "Goal.target[0].dueDuration.code", "drt-1"),
    "drt-1 without code": (goal, both(without(*TARGET, "dueDate"), at(*TARGET, "dueDuration", put={"value": 4, "unit": "sessions"})), "Goal.target[0].dueDuration.code", "drt-1"),
    "tim-1": (care_plan, without(*DETAIL, "scheduledTiming", "repeat", "durationUnit"), "CarePlan.activity[0].detail.scheduledTiming.repeat.durationUnit", "tim-1"),
    "tim-4": (care_plan, at(*DETAIL, "scheduledTiming", "repeat", "duration", put=-1), "CarePlan.activity[0].detail.scheduledTiming.repeat.duration", "tim-4"),
    "tim-8": (care_plan, at(*DETAIL, "scheduledTiming", "repeat", "countMax", put=3), "CarePlan.activity[0].detail.scheduledTiming.repeat.count", "tim-8"),
    "tim-10": (care_plan, both(at(*DETAIL, "scheduledTiming", "repeat", "timeOfDay", put=["10:00:00"]), at(*DETAIL, "scheduledTiming", "repeat", "when", put=["MORN"])), "CarePlan.activity[0].detail.scheduledTiming.repeat.when", "tim-10"),
    "a label twice": (care_plan, lambda one: one["meta"]["security"].append(one["meta"]["security"][0]), "CarePlan.meta.security", "more than once"),
    "a profile twice": (care_plan, lambda one: one["meta"]["profile"].append(one["meta"]["profile"][0]), "CarePlan.meta.profile", "more than once"),
    "goal-acceptance with another part": (goal, lambda one: one["extension"][0]["extension"].append({"url": "x", "valueCode": "y"}), "Goal.extension[0].extension", "does not have"),
    "tim-2": (care_plan, without(*DETAIL, "scheduledTiming", "repeat", "periodUnit"), "CarePlan.activity[0].detail.scheduledTiming.repeat.periodUnit", "tim-2"),
    "ext-1 both": (goal, at("extension", 0, "valueCode", put="agree"), "Goal.extension[0]", "ext-1"),
    "ext-1 neither": (goal, at(*TARGET, "extension", 0, put={"url": codes.SESSION_WINDOW}), "Goal.target[0].extension[0]", "ext-1"),
    "extension with two values": (goal, at(*TARGET, "extension", 0, "valueString", put="4"), "Goal.target[0].extension[0]", "more than one value"),
    "extension without url": (goal, without(*TARGET, "extension", 0, "url"), "Goal.target[0].extension[0].url", "missing"),
    "extension of an R4B type": (goal, at(*TARGET, "extension", 0, put={"url": "urn:x", "valueCodeableReference": {"concept": {"text": "x"}}}), "Goal.target[0].extension[0]", "R4 does not have"),
    "que-0": (form, at("name", put="not a name"), "Questionnaire.name", "que-0"),
    "que-1 display with items": (form, at("item", 0, "item", 0, "item", put=[{"linkId": "z", "type": "string"}]), "Questionnaire.item[0].item[0]", "que-1"),
    "que-2 deep": (form, at("item", 0, "item", 0, "linkId", put="n"), "Questionnaire.item", "que-2"),
    "que-3": (form, at("item", 0, "item", 0, "code", put=[{"code": "x"}]), "Questionnaire.item[0].item[0].code", "que-3"),
    "que-4": (form, at(*OPTION, "answerValueSet", put=f"{codes.BASE}/ValueSet/x"), "Questionnaire.item[0].item[1]", "que-4"),
    "que-5": (form, at(*STRING, "answerValueSet", put=f"{codes.BASE}/ValueSet/x"), "Questionnaire.item[0].item[2].answerValueSet", "que-5"),
    "que-6": (form, at("item", 0, "item", 0, "required", put=False), "Questionnaire.item[0].item[0]", "que-6"),
    "que-7": (form, at(*WHEN, "enableWhen", 0, put={"question": "q", "operator": "exists", "answerString": "x"}), "Questionnaire.item[0].item[3].enableWhen", "que-7"),
    "que-8": (form, at("item", 0, "initial", put=[{"valueString": "x"}]), "Questionnaire.item[0].initial", "que-8"),
    "que-9": (form, at("item", 0, "item", 0, "readOnly", put=True), "Questionnaire.item[0].item[0].readOnly", "que-9"),
    "que-10": (form, at(*OPTION, "maxLength", put=9), "Questionnaire.item[0].item[1].maxLength", "que-10"),
    "que-11": (form, at(*OPTION, "initial", put=[{"valueString": "a"}]), "Questionnaire.item[0].item[1].initial", "que-11"),
    "que-12": (form, at(*WHEN, "enableWhen", put=[{"question": "q", "operator": "exists", "answerBoolean": True}] * 2), "Questionnaire.item[0].item[3].enableBehavior", "que-12"),
    "que-13": (form, at(*STRING, "initial", put=[{"valueString": "a"}] * 2), "Questionnaire.item[0].item[2].initial", "que-13"),
    "que linkId missing": (form, without(*STRING, "linkId"), "Questionnaire.item[0].item[2].linkId", "missing"),
    "subjectType": (form, at("subjectType", put=["Person1"]), "Questionnaire.subjectType[0]", "codes"),
    "qrs-1": (response, at("item", 0, "answer", put=[{"valueString": "x"}]), "QuestionnaireResponse.item[0]", "qrs-1"),
    "qrs-2": (response, lambda one: one["item"][0]["item"].append(one["item"][0]["item"][0]), "QuestionnaireResponse.item[0].item", "qrs-2"),
    "dom-2": (goal, both(at("contained", put=[{"resourceType": "Patient", "id": "p", "contained": [{"resourceType": "Patient", "id": "q"}]}]), at("subject", "reference", put="#p")), "Goal.contained", "dom-2"),
    "dom-3": (goal, at("contained", put=[{"resourceType": "Patient", "id": "p"}]), "Goal.contained", "dom-3"),
    "dom-4": (goal, both(at("contained", put=[{"resourceType": "Patient", "id": "p", "meta": {"versionId": "1"}}]), at("subject", "reference", put="#p")), "Goal.contained", "dom-4"),
    "dom-5": (goal, both(at("contained", put=[{"resourceType": "Patient", "id": "p", "meta": {"security": [{"code": "R"}]}}]), at("subject", "reference", put="#p")), "Goal.contained", "dom-5"),
    "ref-1": (goal, at("subject", "reference", put="#p"), "Goal", "ref-1"),
    "bdl-1": (bundle, at("total", put=4), "Bundle.total", "bdl-1"),
    "bdl-2": (bundle, at("entry", 0, "search", put={"mode": "match"}), "Bundle.entry[0].search", "bdl-2"),
    "bdl-3": (bundle, without("entry", 1, "request"), "Bundle.entry[1].request", "bdl-3"),
    "bdl-3 in a collection": (bundle, at("type", put="collection"), "Bundle.entry[0].request", "bdl-3"),
    "bdl-4": (bundle, at("entry", 0, "response", put={"status": "200"}), "Bundle.entry[0].response", "bdl-4"),
    "bdl-5": (bundle, at("entry", 0, put={"fullUrl": URNS[5]}), "Bundle.entry[0]", "bdl-5"),
    "bdl-7": (bundle, at("entry", 3, "fullUrl", put=URNS[1]), "Bundle.entry[3].fullUrl", "bdl-7"),
    "bdl-8": (bundle, at("entry", 3, "fullUrl", put="https://ehr.example/Goal/1/_history/2"), "Bundle.entry[3].fullUrl", "bdl-8"),
    "put to another id": (bundle, at("entry", 0, "request", "url", put="CarePlan/c2"), "Bundle.entry[0].request.url", "type and id"),
    "put to another type's search": (bundle, at("entry", 0, "request", "url", put="Goal?identifier=x"), "Bundle.entry[0].request.url", "search"),
    "post to an id": (bundle, at("entry", 0, "request", put={"method": "POST", "url": "CarePlan/c1"}), "Bundle.entry[0].request.url", "type"),
    "write without resource": (bundle, without("entry", 1, "resource"), "Bundle.entry[1].resource", "missing"),
    "delete with resource": (bundle, at("entry", 1, "request", put={"method": "DELETE", "url": "Goal/g1"}), "Bundle.entry[1].resource", "sends none"),
    "ifNoneMatch beside a PUT": (bundle, at("entry", 0, "request", "ifNoneMatch", put="*"), "Bundle.entry[0].request.ifNoneMatch", "conditional reads"),
    # narrative
    "txt-1 script": (care_plan, at("text", "div", put=div("<script>x</script>")), "CarePlan.text.div", "txt-1"),
    "txt-1 handler": (care_plan, at("text", "div", put=div('<p onclick="x()">x</p>')), "CarePlan.text.div", "txt-1"),
    "txt-1 external image": (care_plan, at("text", "div", put=div('<img src="https://x.example/p.png" alt="x"/>')), "CarePlan.text.div", "outside"),
    "txt-1 javascript link": (care_plan, at("text", "div", put=div('<a href="javascript:x()">x</a>')), "CarePlan.text.div", "outside"),
    "txt-1 style with url": (care_plan, at("text", "div", put=div('<p style="background: URL(x)">x</p>')), "CarePlan.text.div", "txt-1"),
    "txt-1 form": (care_plan, at("text", "div", put=div("<form>x</form>")), "CarePlan.text.div", "txt-1"),
    "txt-1 other namespace": (care_plan, at("text", "div", put="<div>x</div>"), "CarePlan.text.div", "namespace"),
    "txt-1 svg": (care_plan, at("text", "div", put=div('<svg xmlns="http://www.w3.org/2000/svg"/>')), "CarePlan.text.div", "txt-1"),
    "txt-1 doctype": (care_plan, at("text", "div", put='<!DOCTYPE div [<!ENTITY a "x">]>' + div("&a;")), "CarePlan.text.div", "declaration"),
    "txt-1 entity": (care_plan, at("text", "div", put=div("&nbsp;")), "CarePlan.text.div", "well-formed"),
    "txt-1 instruction": (care_plan, at("text", "div", put=div("<?php x ?>y")), "CarePlan.text.div", "instruction"),
    "txt-1 half a pair": (care_plan, at("text", "div", put=div(json.loads('"\\ud800"'))), "CarePlan.text.div", "character"),
    "txt-2": (care_plan, at("text", "div", put=div(" <p> </p>")), "CarePlan.text.div", "txt-2"),
    # references
    "absolute reference": (goal, at("subject", "reference", put="https://ehr.example/Patient/rosa"), "Goal.subject", "must be a reference"),
    "reference id of 65": (goal, at("subject", "reference", put="Patient/" + "x" * 65), "Goal.subject", "must be a reference"),
    "reference with line break": (goal, at("subject", "reference", put="Patient/rosa\n"), "Goal.subject", "must be a reference"),
    "reference to no R4 type": (provenance, at("target", 0, "reference", put="Plan/c1"), "Provenance.target[0]", "type"),
    "reference to an R4B type": (provenance, at("target", 0, "reference", put="Citation/c1"), "Provenance.target[0]", "type"),
    "reference whose type lies": (goal, at("subject", "type", put="Group"), "Goal.subject", "type"),
    "urn:uuid in capitals": (goal, at("subject", "reference", put=URNS[0].upper()), "Goal.subject", "must be a reference"),
    "urn:uuid that is none": (goal, at("subject", "reference", put="urn:uuid:1"), "Goal.subject", "must be a reference"),
    "reference is a number": (goal, at("subject", "reference", put=3), "Goal.subject", "must be a reference"),
    "reference in an unknown place": (observation, at("focus", put=[{"reference": "junk"}]), "Observation.focus[0]", "must be a reference"),
    "urn to nothing in the bundle": (bundle, at("entry", 0, "resource", "goal", 0, "reference", put=URNS[5]), "Bundle.entry[0].resource.goal[0]", "nothing in this bundle"),
    "urn to another type": (bundle, at("entry", 0, "resource", "goal", 0, "reference", put=URNS[3]), "Bundle.entry[0].resource.goal[0]", "type"),
    "outcomeReference": (goal, at("outcomeReference", 0, "reference", put="QuestionnaireResponse/q1"), "Goal.outcomeReference[0]", "type"),
    "expressedBy twice": (goal, at("expressedBy", put=[{"reference": "Patient/rosa"}, {"reference": "Patient/ben"}]), "Goal.expressedBy", "one reference"),
    "Goal.addresses a Flag": (goal, at("addresses", put=[{"reference": "Flag/f"}]), "Goal.addresses[0]", "type"),
    "CarePlan.goal": (care_plan, at("goal", 0, "reference", put="Observation/o"), "CarePlan.goal[0]", "type"),
    "CarePlan.activity.reference": (care_plan, at("activity", 0, put={"reference": {"reference": "Goal/g1"}}), "CarePlan.activity[0].reference", "type"),
    "QuestionnaireResponse.source": (response, at("source", put={"reference": "Device/d"}), "QuestionnaireResponse.source", "type"),
    "Provenance.agent.who": (provenance, at("agent", 0, "who", "reference", put="Group/g"), "Provenance.agent[0].who", "type"),
    "canonical": (response, at("questionnaire", put="risk-screen"), "QuestionnaireResponse.questionnaire", "canonical"),
    "canonical in a list": (care_plan, at("instantiatesCanonical", 0, put="two words"), "CarePlan.instantiatesCanonical[0]", "canonical"),
    # plain values
    "positive integer as text": (goal, at(*TARGET, "extension", 0, "valuePositiveInt", put="4"), "Goal.target[0].extension[0].valuePositiveInt", "number"),
    "positive integer is zero": (goal, at(*TARGET, "extension", 0, "valuePositiveInt", put=0), "Goal.target[0].extension[0].valuePositiveInt", "positive"),
    "positive integer is true": (goal, at(*TARGET, "extension", 0, "valuePositiveInt", put=True), "Goal.target[0].extension[0].valuePositiveInt", "boolean"),
    "integer with a fraction": (goal, both(without(*RATIO), at(*TARGET, "detailInteger", put=3.5)), "Goal.target[0].detailInteger", "whole"),
    "boolean as text": (goal, both(without(*RATIO), at(*TARGET, "detailBoolean", put="true")), "Goal.target[0].detailBoolean", "true or false"),
    "boolean as number": (goal, both(without(*RATIO), at(*TARGET, "detailBoolean", put=1)), "Goal.target[0].detailBoolean", "number"),
    "quantity value as text": (goal, at(*RATIO, "numerator", "value", put="3"), "Goal.target[0].detailRatio.numerator.value", "number"),
    "timing frequency as text": (care_plan, at(*DETAIL, "scheduledTiming", "repeat", "frequency", put="1"), "CarePlan.activity[0].detail.scheduledTiming.repeat.frequency", "number"),
    "timing period as text": (care_plan, at(*DETAIL, "scheduledTiming", "repeat", "period", put="1"), "CarePlan.activity[0].detail.scheduledTiming.repeat.period", "number"),
    "not a number": (observation, at("valueQuantity", "value", put=float("nan")), "Observation.valueQuantity.value", "JSON can hold"),
    "code is true": (goal, at("lifecycleStatus", put=True), "Goal.lifecycleStatus", "boolean"),
    "time without zone": (care_plan, at("created", put="2026-11-21T10:00:00"), "CarePlan.created", "zone"),
    "note's time without zone": (care_plan, at("note", 0, "time", put="2026-11-21T10:00:00"), "CarePlan.note[0].time", "zone"),
    "control character": (goal, at("description", "text", put="a\x00b"), "Goal.description.text", "character"),
    "half a surrogate pair": (goal, at("description", "text", put=json.loads('"a\\ud83d"')), "Goal.description.text", "character"),
    "list in a list": (goal, at("note", put=[[{"text": "x"}]]), "Goal.note[0]", "within a list"),
    "not JSON": (goal, at("startDate", put=datetime(2026, 11, 21, tzinfo=UTC)), "Goal.startDate", "JSON"),
    "no R4 resource type": (goal, at("resourceType", put="Citation"), "Citation.resourceType", "R4 resource type"),
    "resourceType is a list": (goal, at("resourceType", put=["Goal"]), "resource.resourceType", "R4 resource type"),
    "no resourceType": (goal, without("resourceType"), "resource.resourceType", "missing"),
    # ours
    "blank CarePlan.description": (care_plan, at("description", put="\u3000"), "CarePlan.description", "blank"),
    "two categories": (care_plan, at("category", put=[codes.CARE_PLAN_CATEGORY] * 2), "CarePlan.category", "one CodeableConcept"),
    "no category": (care_plan, without("category"), "CarePlan.category", "one CodeableConcept"),
}
# fmt: on


PASSING: dict[str, tuple[Callable[[], Resource], Change]] = {
    "a plan without goals": (care_plan, without("goal")),
    "a plan without description": (care_plan, without("description")),
    "a contained patient": (
        goal,
        both(at("contained", put=[{"resourceType": "Patient", "id": "p"}]), at("subject", "reference", put="#p")),
    ),
    "a container that is pointed at": (
        goal,
        at("contained", put=[{**observation(), "id": "o", "focus": [{"reference": "#"}]}]),
    ),
    "an id of 64": (goal, at("id", put="x" * 64)),
    "a reference by identifier": (goal, at("subject", put={"identifier": {"system": "urn:x", "value": "1"}})),
    "a link inside the narrative": (care_plan, at("text", "div", put=div('<p id="a">x <a href="#a">y</a></p>'))),
    "a measure without detail": (goal, without(*RATIO)),
    "words of every kind": (goal, at("description", "text", put="\u00a0 أريد 👩‍👩‍👧 \u2028 \ufeff end")),
    "a time in a note's text": (care_plan, at("note", 0, "text", put="2026-11-21T10:00:00")),
    "text that looks like a reference": (care_plan, at("note", 0, "text", put="Patient/rosa")),
    "a primitive's extension": (
        response,
        at("_questionnaire", put={"extension": [{"url": "urn:x:display", "valueString": "Risk screen"}]}),
    ),
    "weeks as a duration": (
        goal,
        both(
            without(*TARGET, "dueDate"),
            at(*TARGET, "dueDuration", put={"value": 4, "unit": "weeks", "system": codes.UCUM, "code": "wk"}),
        ),
    ),
    "a post": (
        bundle,
        both(
            at("entry", 1, "request", put={"method": "POST", "url": "Goal"}),
            without("entry", 1, "resource", "id"),
        ),
    ),
    "a delete": (bundle, at("entry", 3, put={"request": {"method": "DELETE", "url": "Goal/g9"}})),
    "a conditional put": (bundle, at("entry", 1, "request", "url", put="Goal?identifier=urn:x|1")),
}
