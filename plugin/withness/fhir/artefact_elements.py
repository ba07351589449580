"""What the elements of published artefacts may hold: terminology, profiles, knowledge artefacts, the guide.

FHIR R4 4.0.1: codesystem, valueset, namingsystem, structuredefinition, elementdefinition, plandefinition,
activitydefinition, library, implementationguide. The tables are read as those of `elements`.
"""

from __future__ import annotations

from typing import Final

from withness.fhir import artefact_invariants as rules
from withness.fhir.elements import DURATION, PERIOD, QUANTITY, RANGE, Part, Scalar, Shape, one_of, to
from withness.fhir.invariants import no_subject_canonical
from withness.fhir.metadata_elements import ATTACHMENT, DATA, EXPRESSION, GROUP, HEAD, R4_VERSION, RELATED
from withness.fhir.references import R4_TYPES

# --- terminology

_CONCEPT_PARTS: Final[dict[str, Part]] = {
    "designation": Shape(needs=("value",)),
    "property": Shape(needs=("code",), rule=rules.one_choice("value")),
}
_CONCEPT: Final = Shape(_CONCEPT_PARTS, needs=("code",))
_CONCEPT_PARTS["concept"] = _CONCEPT
_OPERATOR: Final = one_of("= is-a descendent-of is-not-a regex in not-in generalizes exists")
CODE_SYSTEM: Final = Shape(
    {
        **HEAD,
        **dict.fromkeys(("caseSensitive", "compositional", "versionNeeded"), Scalar.BOOLEAN),
        "valueSet": Scalar.CANONICAL,
        "hierarchyMeaning": one_of("grouped-by is-a part-of classified-with"),
        "content": one_of("not-present example fragment complete supplement"),
        "supplements": Scalar.CANONICAL,
        "count": Scalar.INTEGER,
        "filter": Shape({"operator": _OPERATOR}, needs=("code", "operator", "value")),
        "property": Shape({"type": one_of("code Coding string integer boolean dateTime decimal")}, ("code", "type")),
        "concept": _CONCEPT,
    },
    needs=("status", "content"),
    rule=rules.code_system,
)
_INCLUDE: Final = Shape(
    {
        "concept": Shape({"designation": Shape(needs=("value",))}, needs=("code",)),
        "filter": Shape({"op": _OPERATOR}, needs=("property", "op", "value")),
        "valueSet": Scalar.CANONICAL,
    },
    rule=rules.included,
)
_CONTAINS_PARTS: Final[dict[str, Part]] = dict.fromkeys(("abstract", "inactive"), Scalar.BOOLEAN)
_CONTAINS: Final = Shape(_CONTAINS_PARTS, rule=rules.contained_code)
_CONTAINS_PARTS["contains"] = _CONTAINS
VALUE_SET: Final = Shape(
    {
        **HEAD,
        "immutable": Scalar.BOOLEAN,
        "compose": Shape({"inactive": Scalar.BOOLEAN, "include": _INCLUDE, "exclude": _INCLUDE}, needs=("include",)),
        "expansion": Shape(
            {"total": Scalar.INTEGER, "offset": Scalar.INTEGER, "contains": _CONTAINS}, needs=("timestamp",)
        ),
    },
    needs=("status",),
    rule=rules.named("vsd-0"),
)
NAMING_SYSTEM: Final = Shape(
    {
        **HEAD,
        "kind": one_of("codesystem identifier root"),
        "uniqueId": Shape(
            {"type": one_of("oid uuid uri other"), "preferred": Scalar.BOOLEAN, "period": PERIOD},
            needs=("type", "value"),
        ),
    },
    needs=("name", "status", "kind", "date", "uniqueId"),
    rule=rules.naming_system,
)

# --- profiles

_ELEMENT: Final = Shape(
    {
        "representation": one_of("xmlAttr xmlText typeAttr cdaText xhtml"),
        "sliceIsConstraining": Scalar.BOOLEAN,
        "slicing": Shape(
            {
                "discriminator": Shape({"type": one_of("value exists pattern type profile")}, ("type", "path")),
                "ordered": Scalar.BOOLEAN,
                "rules": one_of("closed open openAtEnd"),
            },
            needs=("rules",),
            rule=rules.slicing,
        ),
        "min": Scalar.INTEGER,
        "base": Shape({"min": Scalar.INTEGER}, needs=("path", "min", "max")),
        "type": Shape(
            {
                "profile": Scalar.CANONICAL,
                "targetProfile": Scalar.CANONICAL,
                "aggregation": one_of("contained referenced bundled"),
                "versioning": one_of("either independent specific"),
            },
            needs=("code",),
            rule=rules.element_type,
        ),
        "example": Shape(needs=("label",), rule=rules.one_choice("value")),
        "maxLength": Scalar.INTEGER,
        "constraint": Shape({"severity": one_of("error warning")}, needs=("key", "severity", "human")),
        **dict.fromkeys(("mustSupport", "isModifier", "isSummary"), Scalar.BOOLEAN),
        "binding": Shape(
            {"strength": one_of("required extensible preferred example"), "valueSet": Scalar.CANONICAL},
            needs=("strength",),
            rule=rules.element_binding,
        ),
        "mapping": Shape(needs=("identity", "map")),
    },
    needs=("path",),
    rule=rules.element_definition,
)
STRUCTURE: Final = Shape(
    {
        **HEAD,
        "fhirVersion": R4_VERSION,
        "mapping": Shape(needs=("identity",)),
        "kind": one_of("primitive-type complex-type resource logical"),
        "abstract": Scalar.BOOLEAN,
        "context": Shape({"type": one_of("fhirpath element extension")}, needs=("type", "expression")),
        "baseDefinition": Scalar.CANONICAL,
        "derivation": one_of("specialization constraint"),
        "snapshot": Shape({"element": _ELEMENT}, needs=("element",), rule=rules.snapshot),
        "differential": Shape({"element": _ELEMENT}, needs=("element",)),
    },
    needs=("url", "name", "status", "kind", "abstract", "type"),
    rule=rules.structure,
)

# --- knowledge artefacts

_PRIORITY: Final = one_of("routine urgent asap stat")
_PARTICIPANT: Final = Shape({"type": one_of("patient practitioner related-person device")}, needs=("type",))
_ACTION_PARTS: Final[dict[str, Part]] = {
    "priority": _PRIORITY,
    "documentation": RELATED,
    "subjectReference": GROUP,
    "trigger": Shape(
        {
            "type": one_of(
                "named-event periodic data-changed data-added data-modified data-removed data-accessed "
                "data-access-ended"
            ),
            "timingReference": to("Schedule"),
            "data": DATA,
            "condition": EXPRESSION,
        },
        needs=("type",),
        rule=rules.trigger,
    ),
    "condition": Shape({"kind": one_of("applicability start stop"), "expression": EXPRESSION}, needs=("kind",)),
    "input": DATA,
    "output": DATA,
    "relatedAction": Shape(
        {
            "relationship": one_of(
                "before-start before before-end concurrent-with-start concurrent concurrent-with-end after-start "
                "after after-end"
            ),
            "offsetDuration": DURATION,
            "offsetRange": RANGE,
        },
        needs=("actionId", "relationship"),
    ),
    "timingDuration": DURATION,
    "timingPeriod": PERIOD,
    "participant": _PARTICIPANT,
    "groupingBehavior": one_of("visual-group logical-group sentence-group"),
    "selectionBehavior": one_of("any all all-or-none exactly-one at-most-one one-or-more"),
    "requiredBehavior": one_of("must could must-unless-documented"),
    "precheckBehavior": one_of("yes no"),
    "cardinalityBehavior": one_of("single multiple"),
    "definitionCanonical": Scalar.CANONICAL,
    "transform": Scalar.CANONICAL,
    "dynamicValue": Shape({"expression": EXPRESSION}),
}
_ACTION: Final = Shape(_ACTION_PARTS)
_ACTION_PARTS["action"] = _ACTION
PLAN_DEFINITION: Final = Shape(
    {
        **HEAD,
        "goal": Shape({"documentation": RELATED, "target": Shape({"due": DURATION})}, needs=("description",)),
        "action": _ACTION,
    },
    needs=("status",),
    rule=rules.plan_definition,
)
ACTIVITY_DEFINITION: Final = Shape(
    {
        **HEAD,
        "kind": one_of(
            "Appointment AppointmentResponse CarePlan Claim CommunicationRequest Contract DeviceRequest "
            "EnrollmentRequest ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest "
            "SupplyRequest Task VisionPrescription"
        ),
        "profile": Scalar.CANONICAL,
        "intent": one_of(
            "proposal plan directive order original-order reflex-order filler-order instance-order option"
        ),
        "priority": _PRIORITY,
        "doNotPerform": Scalar.BOOLEAN,
        "timingDuration": DURATION,
        "timingPeriod": PERIOD,
        "location": to("Location"),
        "participant": _PARTICIPANT,
        "productReference": to("Medication Substance"),
        "quantity": QUANTITY,
        "specimenRequirement": to("SpecimenDefinition"),
        **dict.fromkeys(("observationRequirement", "observationResultRequirement"), to("ObservationDefinition")),
        "transform": Scalar.CANONICAL,
        "dynamicValue": Shape({"expression": EXPRESSION}, needs=("path", "expression")),
    },
    needs=("status",),
    rule=rules.together(rules.named("adf-0"), no_subject_canonical),
)
LIBRARY: Final = Shape(
    {
        **HEAD,
        "parameter": Shape(
            {"use": one_of("in out"), "min": Scalar.INTEGER, "profile": Scalar.CANONICAL}, needs=("use", "type")
        ),
        "dataRequirement": DATA,
        "content": ATTACHMENT,
    },
    needs=("status", "type"),
    rule=rules.named("lib-0"),
)

# --- the guide

_PAGE_PARTS: Final[dict[str, Part]] = {
    "generation": one_of("html markdown xml generated"),
    "nameReference": to("Binary"),
}
_PAGE: Final = Shape(_PAGE_PARTS, needs=("title", "generation"), rule=rules.one_choice("name"))
_PAGE_PARTS["page"] = _PAGE
_LISTED: Final[dict[str, Part]] = {"exampleBoolean": Scalar.BOOLEAN, "exampleCanonical": Scalar.CANONICAL}
GUIDE: Final = Shape(
    {
        **HEAD,
        "fhirVersion": R4_VERSION,
        "dependsOn": Shape({"uri": Scalar.CANONICAL}, needs=("uri",)),
        "global": Shape({"type": R4_TYPES, "profile": Scalar.CANONICAL}, needs=("type", "profile")),
        "definition": Shape(
            {
                "grouping": Shape(needs=("name",)),
                "resource": Shape({**_LISTED, "fhirVersion": R4_VERSION}, needs=("reference",)),
                "page": _PAGE,
                "parameter": Shape(
                    {
                        "code": one_of(
                            "apply path-resource path-pages path-tx-cache expansion-parameter rule-broken-links "
                            "generate-xml generate-json generate-turtle html-template"
                        )
                    },
                    needs=("code", "value"),
                ),
                "template": Shape(needs=("code", "source")),
            },
            needs=("resource",),
        ),
        "manifest": Shape({"resource": Shape(_LISTED, needs=("reference",))}, needs=("resource",)),
    },
    needs=("url", "name", "status", "packageId", "fhirVersion"),
    rule=rules.guide,
)

ARTEFACT_SHAPES: Final[dict[str, Shape]] = {
    "ActivityDefinition": ACTIVITY_DEFINITION,
    "CodeSystem": CODE_SYSTEM,
    "ImplementationGuide": GUIDE,
    "Library": LIBRARY,
    "NamingSystem": NAMING_SYSTEM,
    "PlanDefinition": PLAN_DEFINITION,
    "StructureDefinition": STRUCTURE,
    "ValueSet": VALUE_SET,
}
