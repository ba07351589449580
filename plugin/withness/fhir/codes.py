"""Every canonical URL and code system, once. Codes are those read in the sources of the FHIR facts."""

from __future__ import annotations

from typing import Any, Final

BASE: Final = "https://withness.example/fhir"
"""Canonical base of every artefact."""

VERSION: Final = "0.2.0"
"""Version of the FHIR package, and of what in it has none of its own (policy, plan templates, forms)."""

PACKAGE: Final = "example.withness.fhir"
"""Name of the FHIR package."""

QUESTIONNAIRE_RISK_SCREEN: Final = f"{BASE}/Questionnaire/risk-screen"
ANSWERS: Final = f"{BASE}/CodeSystem/risk-screen-answer"
INFORMANTS: Final = f"{BASE}/CodeSystem/risk-screen-informant"
VALIDATED_RESULTS: Final = f"{BASE}/CodeSystem/validated-result"
GOAL_MEASURES: Final = f"{BASE}/CodeSystem/goal-measure"
PROBLEMS: Final = f"{BASE}/CodeSystem/problem-for-work"
LEADS: Final = f"{BASE}/CodeSystem/plan-lead"
UNIT_KINDS: Final = f"{BASE}/CodeSystem/unit-kind"
FORM_ITEMS: Final = f"{BASE}/CodeSystem/form-item"
KEY_TERMS: Final = f"{BASE}/CodeSystem/dialogic-term"
CHECK_IN_RESULTS: Final = f"{BASE}/CodeSystem/check-in-result"
GATE_AUDIT_SUBTYPES: Final = f"{BASE}/CodeSystem/gate-audit-subtype"
AUDIT_RECORD_KINDS: Final = f"{BASE}/CodeSystem/audit-record-kind"
GATE_RELEASE_REASONS: Final = f"{BASE}/CodeSystem/gate-release-reason"
RISK_GATE: Final = f"{BASE}/PlanDefinition/risk-gate"

COLLABORATIVE_CARE_PLAN: Final = f"{BASE}/StructureDefinition/collaborative-careplan"
COLLABORATIVE_GOAL: Final = f"{BASE}/StructureDefinition/collaborative-goal"
RISK_SCREEN_RESPONSE: Final = f"{BASE}/StructureDefinition/risk-screen-response"
CHECK_IN_RESPONSE: Final = f"{BASE}/StructureDefinition/check-in-response"
DIRECTIVE_CARE_PLAN: Final = f"{BASE}/StructureDefinition/directive-careplan"
GATE_RISK_ASSESSMENT: Final = f"{BASE}/StructureDefinition/gate-risk-assessment"
GATE_DETECTED_ISSUE: Final = f"{BASE}/StructureDefinition/gate-detected-issue"
GATE_FLAG: Final = f"{BASE}/StructureDefinition/gate-flag"
GATE_AUDIT_EVENT: Final = f"{BASE}/StructureDefinition/gate-audit-event"
TRAIL_AUDIT_EVENT: Final = f"{BASE}/StructureDefinition/trail-audit-event"
CLINICAL_NOTE: Final = f"{BASE}/StructureDefinition/clinical-note"

CORRECTS: Final = f"{BASE}/StructureDefinition/corrects"
SESSION_WINDOW: Final = f"{BASE}/StructureDefinition/goal-target-session-window"
BY_SESSION: Final = f"{BASE}/StructureDefinition/goal-target-by-session"
DUE_ESTIMATED: Final = f"{BASE}/StructureDefinition/goal-target-due-estimated"
EACH_PARTNER: Final = f"{BASE}/StructureDefinition/goal-target-each-partner"

UNIT_PLAN: Final = f"{BASE}/sid/unit-plan"
DECISION: Final = f"{BASE}/sid/decision"
PLAN: Final = f"{BASE}/sid/plan"
GOAL: Final = f"{BASE}/sid/goal"
SCREEN: Final = f"{BASE}/sid/screen"
PROTOCOL: Final = f"{BASE}/sid/protocol"
WORKING_COPY: Final = f"{BASE}/sid/working-copy"
NOTE: Final = f"{BASE}/sid/note"

US_CORE: Final = "http://hl7.org/fhir/us/core"
SNOMED: Final = "http://snomed.info/sct"
LOINC: Final = "http://loinc.org"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
ACT_CODE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PARTICIPANT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
DATA_OPERATION: Final = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
GOAL_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/goal-category"
GOAL_ACHIEVEMENT: Final = "http://terminology.hl7.org/CodeSystem/goal-achievement"
RISK_PROBABILITY: Final = "http://terminology.hl7.org/CodeSystem/risk-probability"
FLAG_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/flag-category"
SIGNATURE_TYPE: Final = "urn:iso-astm:E1762-95:2013"
GOAL_RELATIONSHIP: Final = "http://hl7.org/fhir/StructureDefinition/goal-relationship"
GOAL_RELATIONSHIP_TYPE: Final = "http://hl7.org/fhir/goal-relationship-type"
GOAL_ACCEPTANCE: Final = "http://hl7.org/fhir/StructureDefinition/goal-acceptance"
UCUM: Final = "http://unitsofmeasure.org"

OBSERVATION_CATEGORY: Final = "http://terminology.hl7.org/CodeSystem/observation-category"

_CORE: Final = "http://hl7.org/fhir/StructureDefinition"
_SDC: Final = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire"
ITEM_CONTROL: Final = f"{_CORE}/questionnaire-itemControl"
ITEM_CONTROLS: Final = "http://hl7.org/fhir/questionnaire-item-control"
CHOICE_ORIENTATION: Final = f"{_CORE}/questionnaire-choiceOrientation"
SLIDER_STEP: Final = f"{_CORE}/questionnaire-sliderStepValue"
MIN_VALUE: Final = f"{_CORE}/minValue"
MAX_VALUE: Final = f"{_CORE}/maxValue"
ORDINAL_VALUE: Final = f"{_CORE}/ordinalValue"
ITEM_WEIGHT: Final = f"{_CORE}/itemWeight"
TRANSLATION: Final = f"{_CORE}/translation"
TARGET_CONSTRAINT: Final = f"{_CORE}/targetConstraint"
VERSION_ALGORITHM: Final = f"{_CORE}/artifact-versionAlgorithm"
VERSION_ALGORITHMS: Final = "http://hl7.org/fhir/version-algorithm"
LAUNCH_CONTEXT: Final = f"{_SDC}-launchContext"
LAUNCH_CONTEXTS: Final = "http://hl7.org/fhir/uv/sdc/CodeSystem/launchContext"
INITIAL_EXPRESSION: Final = f"{_SDC}-initialExpression"
OBSERVATION_EXTRACT: Final = f"{_SDC}-observationExtract"
OBSERVATION_EXTRACT_CATEGORY: Final = f"{_SDC}-observation-extract-category"

SURVEY: Final[dict[str, Any]] = {"coding": [{"system": OBSERVATION_CATEGORY, "code": "survey", "display": "Survey"}]}
"""Observation.category of what was extracted from a form."""

TEST_DATA: Final = {"system": ACT_REASON, "code": "HTEST", "display": "test health data"}
"""meta.security of everything made under a policy in demo mode."""

CARE_PLAN_CATEGORY: Final[dict[str, Any]] = {
    "coding": [
        {"system": SNOMED, "code": "734163000", "display": "Care Plan"},
        {"system": f"{US_CORE}/CodeSystem/careplan-category", "code": "assess-plan"},
    ]
}
"""ONE CodeableConcept with both codings: the 6.1.0 slice is 1..1, 9.0.0 prefers the SNOMED code."""

CLINICAL_NOTE_CATEGORY: Final[dict[str, Any]] = {
    "coding": [{"system": f"{US_CORE}/CodeSystem/us-core-documentreference-category", "code": "clinical-note"}]
}
"""DocumentReference.category of every note (FHIR facts 1)."""

PRIORITIES: Final = {"now": "stat", "same-session": "asap", "same-day": "urgent"}
"""How urgent a step is (R4 request-priority) by the policy's named times; all others are routine."""

DIRECTIVE_CATEGORY: Final[dict[str, Any]] = {
    "coding": [{"system": SNOMED, "code": "735324008", "display": "Treatment escalation plan (record artifact)"}],
    "text": "Steps for now",
}
"""CarePlan.category of a directive protocol (FHIR facts 4.2 d)."""


def id_of(canonical: str) -> str:
    """Return the id of one of our artefacts, which its canonical ends with."""
    return canonical.rpartition("/")[2]


def us_core(profile: str, version: str) -> str:
    """Return the canonical of a US Core profile at `version`, for meta.profile."""
    return f"{US_CORE}/StructureDefinition/{profile}|{version}"


def versioned(profile: str) -> str:
    """Return the canonical of a profile of ours at the package's version, for meta.profile."""
    return f"{profile}|{VERSION}"


def questionnaire(form: str) -> str:
    """Return the canonical of a form's Questionnaire, without version."""
    return f"{BASE}/Questionnaire/{form}"


def answer_set(id: str) -> str:
    """Return the code system of a set of answers to choose from."""
    return f"{BASE}/CodeSystem/{id}"
