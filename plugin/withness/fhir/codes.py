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
GATE_RELEASE_REASONS: Final = f"{BASE}/CodeSystem/gate-release-reason"
RISK_GATE: Final = f"{BASE}/PlanDefinition/risk-gate"
DIRECTIVE_CARE_PLAN: Final = f"{BASE}/StructureDefinition/directive-careplan"

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
GOAL_ACCEPTANCE: Final = "http://hl7.org/fhir/StructureDefinition/goal-acceptance"
UCUM: Final = "http://unitsofmeasure.org"

TEST_DATA: Final = {"system": ACT_REASON, "code": "HTEST", "display": "test health data"}
"""meta.security of everything made under a policy in demo mode."""

CARE_PLAN_CATEGORY: Final[dict[str, Any]] = {
    "coding": [
        {"system": SNOMED, "code": "734163000", "display": "Care Plan"},
        {"system": f"{US_CORE}/CodeSystem/careplan-category", "code": "assess-plan"},
    ]
}
"""ONE CodeableConcept with both codings: the 6.1.0 slice is 1..1, 9.0.0 prefers the SNOMED code."""

DIRECTIVE_CATEGORY: Final[dict[str, Any]] = {
    "coding": [{"system": SNOMED, "code": "735324008", "display": "Treatment escalation plan (record artifact)"}],
    "text": "Steps for now",
}
"""CarePlan.category of a directive protocol (FHIR facts 4.2 d)."""


def us_core(profile: str, version: str) -> str:
    """Return the canonical of a US Core profile at `version`, for meta.profile."""
    return f"{US_CORE}/StructureDefinition/{profile}|{version}"
