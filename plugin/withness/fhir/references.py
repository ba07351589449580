"""References (FHIR R4 references.html): their forms, and the types that each element may point at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from withness.core.terms import REFERENCE

# fmt: off
R4_TYPES: Final = frozenset((
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse",
    "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct", "BodyStructure", "Bundle", "CapabilityStatement",
    "CarePlan", "CareTeam", "CatalogEntry", "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse",
    "ClinicalImpression", "CodeSystem", "Communication", "CommunicationRequest", "CompartmentDefinition", "Composition",
    "ConceptMap", "Condition", "Consent", "Contract", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDefinition", "DeviceMetric", "DeviceRequest",
    "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference", "EffectEvidenceSynthesis",
    "Encounter", "Endpoint", "EnrollmentRequest", "EnrollmentResponse", "EpisodeOfCare", "EventDefinition", "Evidence",
    "EvidenceVariable", "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GraphDefinition", "Group", "GuidanceResponse", "HealthcareService", "ImagingStudy", "Immunization",
    "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide", "InsurancePlan", "Invoice",
    "Library", "Linkage", "List", "Location", "Measure", "MeasureReport", "Media", "Medication",
    "MedicationAdministration", "MedicationDispense", "MedicationKnowledge", "MedicationRequest", "MedicationStatement",
    "MedicinalProduct", "MedicinalProductAuthorization", "MedicinalProductContraindication",
    "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
    "MedicinalProductManufactured", "MedicinalProductPackaged", "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect", "MessageDefinition", "MessageHeader", "MolecularSequence", "NamingSystem",
    "NutritionOrder", "Observation", "ObservationDefinition", "OperationDefinition", "OperationOutcome", "Organization",
    "OrganizationAffiliation", "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation", "Person",
    "PlanDefinition", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchDefinition", "ResearchElementDefinition",
    "ResearchStudy", "ResearchSubject", "RiskAssessment", "RiskEvidenceSynthesis", "Schedule", "SearchParameter",
    "ServiceRequest", "Slot", "Specimen", "SpecimenDefinition", "StructureDefinition", "StructureMap", "Subscription",
    "Substance", "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation",
    "SubstanceSourceMaterial", "SubstanceSpecification", "SupplyDelivery", "SupplyRequest", "Task",
    "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet", "VerificationResult", "VisionPrescription",
))
# fmt: on
"""The concrete resource types of FHIR R4 4.0.1 (resourcelist.html)."""

URN_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
CANONICAL: Final = re.compile(r"(urn:[a-z]+:|https?://)[^\s|#]+(\|[^\s|#]+)?(#[A-Za-z0-9.-]{1,64})?")
ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")
_VERSION: Final = re.compile(r"/_history/[A-Za-z0-9.-]{1,64}$")
_ELSEWHERE: Final = re.compile(r"https?://[^\s|#]+|urn:oid:[0-2](\.\d+)+")
"""A reference to another server, or an OID (references.html#literal)."""
_NAMES: Final = ("reference", "identifier", "display", "extension")

FORM: Final = "must be a reference such as Type/id or urn:uuid:…"
TARGET: Final = "refers to a type of resource that the element does not allow"
NOWHERE: Final = "refers to nothing in this bundle"


def reference_wrong(
    element: Mapping[str, Any],
    targets: frozenset[str],
    entries: Mapping[str, str] | None,
    *,
    foreign: bool = False,
) -> str | None:
    """Return why a Reference cannot stand, None when it can.

    `targets` are the types it may point at. `entries` maps fullUrl to the type of a bundle's entry; without a
    bundle (None) a urn:uuid is judged by its form alone. A local reference (#id) is the walker's to resolve. Withness
    writes none that points at another server or an OID; a `foreign` resource may.
    """
    named = element.get("type")
    if named is not None and (type(named) is not str or named not in targets):
        return TARGET
    text = element.get("reference")
    if text is None:
        return None if any(name in element for name in _NAMES) else "is a reference to nothing"
    if type(text) is not str:
        return FORM
    if foreign and _ELSEWHERE.fullmatch(text):
        text = "/".join(_VERSION.sub("", text).split("/")[-2:])
        if text.partition("/")[0] not in R4_TYPES:
            return None
    return _literal_wrong(text, named, targets, entries)


def _literal_wrong(text: str, named: object, targets: frozenset[str], entries: Mapping[str, str] | None) -> str | None:
    if text.startswith("#"):
        return None if text == "#" or ID.fullmatch(text, 1) else FORM
    if text.startswith("urn:uuid:"):
        return _urn_wrong(text, named, targets, entries)
    match = REFERENCE.fullmatch(_VERSION.sub("", text) if "/_history/" in text else text)
    if match is None:
        return FORM
    return TARGET if match["type"] not in targets or named not in (None, match["type"]) else None


def _urn_wrong(text: str, named: object, targets: frozenset[str], entries: Mapping[str, str] | None) -> str | None:
    if not URN_UUID.fullmatch(text):
        return FORM
    if entries is None:
        return None
    found = entries.get(text)
    if found is None:
        return NOWHERE
    return TARGET if found and (found not in targets or named not in (None, found)) else None
