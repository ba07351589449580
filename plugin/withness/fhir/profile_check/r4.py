"""Which elements FHIR R4 4.0.1 has, and of which type: the table that fhirpathpy carries, made from the R4 definitions.

fhir.resources has R4B, which is another version: what it lacks or has beyond R4 shows here. It does know the required
codes and the targets of references (`json_schema_extra`), which are the same in both but for the lists kept here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from withness.fhir.references import R4_TYPES

_TEXT: Final = {"http://hl7.org/fhirpath/System.String": "string", "System.String": "string"}
_BACKBONE: Final = "BackboneElement"
_OBSERVED: Final = "registered preliminary final amended corrected cancelled entered-in-error unknown"

_CODES: Final[Mapping[str, str]] = {
    "AuditEvent.action": "C R U D E",
    "AuditEvent.outcome": "0 4 8 12",
    "AuditEvent.agent.network.type": "1 2 3 4 5",
    "Composition.confidentiality": "L M N R U V",
    "Device.udiCarrier.entryType": "barcode rfid manual card self-reported unknown",
    "DetectedIssue.status": _OBSERVED,
    "DeviceUseStatement.status": "active completed entered-in-error intended stopped on-hold",
    "DiagnosticReport.status": f"{_OBSERVED} partial appended",
    "Encounter.status": "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown",
    "Encounter.statusHistory.status": (
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown"
    ),
    "ImplementationGuide.fhirVersion": "4.0.1",
    "ImplementationGuide.definition.resource.fhirVersion": "4.0.1",
    "Observation.status": _OBSERVED,
    "OperationOutcome.issue.code": (
        "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
        "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
        "business-rule conflict transient lock-error no-store exception timeout incomplete throttled informational"
    ),
    **dict.fromkeys((f"{one}.comparator" for one in ("Quantity", "Age", "Count", "Distance", "Duration")), "< <= >= >"),
    "Questionnaire.item.type": (
        "group display boolean decimal integer date dateTime time string text url choice open-choice attachment "
        "reference quantity"
    ),
    "RiskAssessment.status": _OBSERVED,
    "StructureDefinition.fhirVersion": "4.0.1",
    "SupplyRequest.status": "draft active suspended cancelled completed entered-in-error unknown",
    "Task.status": (
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
        "entered-in-error"
    ),
    "Timing.repeat.when": (
        "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM CD CV AC "
        "ACM ACD ACV PC PCM PCD PCV"
    ),
}
"""Required codes that the models shorten ("… +") or leave out."""
_RESOURCE_TYPES: Final = frozenset(
    (
        "CapabilityStatement.rest.resource.type",
        "CompartmentDefinition.resource.code",
        "ExampleScenario.instance.resourceType",
        "GraphDefinition.start",
        "GraphDefinition.link.target.type",
        "ImplementationGuide.global.type",
        "MessageDefinition.focus.code",
        "OperationDefinition.resource",
        "Questionnaire.subjectType",
        "SearchParameter.base",
        "SearchParameter.target",
    )
)
MIME: Final = frozenset(
    ("Attachment.contentType", "Binary.contentType", "Signature.sigFormat", "Signature.targetFormat")
)
"""Elements whose required codes are all MIME types (BCP 13): their form is looked at."""
MIME_TYPE: Final = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]*/[\w!#$&^.+*-]+( *;.*)?")
ABSOLUTE: Final = frozenset(("Coding.system", "Identifier.system", "Quantity.system"))
"""Systems, which are absolute URIs (R4 datatypes.html: Identifier, Coding, Quantity)."""
_OPEN: Final = frozenset(
    ("CapabilityStatement.format", "EvidenceVariable.characteristic.definitionReference", "Expression.language")
)
"""Where the models name codes or targets that FHIR R4 does not require."""


@dataclass(frozen=True)
class Place:
    """An element's type, and the path below which its own elements are defined ("Goal.target", "CodeableConcept")."""

    path: str
    type: str

    @property
    def primitive(self) -> bool:
        """Whether it is written as a JSON string, number or boolean."""
        return self.type[0].islower()


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str], frozenset[str]]:
    """Return element → type, element → where it is defined, type → its parent, and the elements made of elements."""
    from fhirpathpy.models import models

    r4 = models["r4"]
    types: dict[str, str] = r4["path2Type"]
    elsewhere: dict[str, str] = r4["pathsDefinedElsewhere"]
    inner = {
        ".".join(parts[:length])
        for parts in (path.split(".") for path in (*types, *elsewhere))
        for length in range(2, len(parts))
    }
    return types, elsewhere, r4["type2Parent"], frozenset(inner)


@cache
def child(path: str, name: str) -> Place | None:
    """Return the element `name` of what is defined at `path`, None when FHIR R4 has no such element.

    A choice element is asked for by its full name (valueString).
    """
    types, elsewhere, _, inner = _tables()
    for owner in owners(path):
        full = f"{owner}.{name}"
        if full in elsewhere:
            return Place(elsewhere[full], _BACKBONE)
        if full in types:
            found = _TEXT.get(types[full], types[full])
            return Place(found, found)
        if full in inner:
            return Place(full, _BACKBONE)
    return None


@cache
def choice(path: str, name: str) -> str | None:
    """Return "detail" for "detailInteger" where detail[x] is defined, None for an element that is no choice."""
    stems = _choices()
    return next((stems[f"{owner}.{name}"] for owner in owners(path) if f"{owner}.{name}" in stems), None)


@cache
def _choices() -> dict[str, str]:
    from fhirpathpy.models import models

    listed: dict[str, list[str]] = models["r4"]["choiceTypePaths"]
    return {f"{path}{kind}": path.rpartition(".")[2] for path, kinds in listed.items() for kind in kinds}


@cache
def owners(path: str) -> tuple[str, ...]:
    """Return `path` and every type that it inherits elements from, the nearest first."""
    parents = _tables()[2]
    found = [path]
    above: str | None = _BACKBONE if "." in path else parents.get(path)
    while above is not None:
        found.append(above)
        above = parents.get(above)
    return tuple(found)


@cache
def codes(path: str, name: str) -> frozenset[str] | None:
    """Return the codes that FHIR R4 requires of an element, None when it requires none or they are not known here."""
    full = f"{path}.{name}"
    if full in _CODES:
        return frozenset(_CODES[full].split())
    if full in _RESOURCE_TYPES:
        return R4_TYPES
    found = _extra(path, name).get("enum_values")
    return None if not found or "+" in found or full in _OPEN else frozenset(found)


@cache
def targets(path: str, name: str) -> frozenset[str] | None:
    """Return the resource types that a reference may point at, None when it may point at any."""
    found = _extra(path, name).get("enum_reference_types")
    return None if not found or "Resource" in found or f"{path}.{name}" in _OPEN else R4_TYPES & frozenset(found)


def modelled(kind: str) -> bool:
    """Whether the R4B models have this resource type (some of R4's were renamed)."""
    return _module(kind) is not None


def _extra(path: str, name: str) -> Mapping[str, Any]:
    """Return what the R4B model says of a field beyond its type; nothing when it has no such field."""
    first, *rest = path.split(".")
    module = _module(first)
    model = getattr(module, first + "".join(part[0].upper() + part[1:] for part in rest), None)
    fields = getattr(model, "model_fields", {})
    for one in (name, f"{name}_fhir"):
        if one in fields:
            return fields[one].json_schema_extra or {}
    return {}


@cache
def _module(name: str) -> Any:
    wanted = f"fhir.resources.R4B.{name.lower()}"
    try:
        return importlib.import_module(wanted)
    except ModuleNotFoundError as error:
        if error.name != wanted:
            raise
        return None
