"""What the elements of metadata types may hold: what every published artefact has, and the types that it is made of.

FHIR R4 4.0.1: metadatatypes, datatypes (identifier, contactpoint, attachment). Read as the tables of `elements`.
"""

from __future__ import annotations

from typing import Final

from withness.fhir import artefact_invariants as rules
from withness.fhir.elements import DURATION, PERIOD, QUANTITY, RANGE, Part, Scalar, Shape, one_of, to

PUBLICATION: Final = one_of("draft active retired unknown")
R4_VERSION: Final = one_of("4.0.1")
"""The one version that Withness speaks; R4 lists the older ones too."""

CONTACT_POINT: Final = Shape(
    {
        "system": one_of("phone fax email pager url sms other"),
        "use": one_of("home work temp old mobile"),
        "rank": Scalar.POSITIVE,
        "period": PERIOD,
    },
    rule=rules.contact_point,
)
CONTACT: Final = Shape({"telecom": CONTACT_POINT})
IDENTIFIER: Final = Shape(
    {"use": one_of("usual official temp secondary old"), "period": PERIOD, "assigner": to("Organization")}
)
ATTACHMENT: Final = Shape({"size": Scalar.INTEGER, "creation": Scalar.MOMENT}, rule=rules.attachment)
EXPRESSION: Final = Shape(needs=("language",), rule=rules.expression)
GROUP: Final = to("Group")
_USE_CONTEXT: Final = Shape(
    {
        "valueReference": to(
            "PlanDefinition ResearchStudy InsurancePlan HealthcareService Group Location Organization"
        ),
        "valueQuantity": QUANTITY,
        "valueRange": RANGE,
    },
    needs=("code",),
    rule=rules.one_choice("value"),
)
RELATED: Final = Shape(
    {
        "type": one_of(
            "documentation justification citation predecessor successor derived-from depends-on composed-of"
        ),
        "document": ATTACHMENT,
        "resource": Scalar.CANONICAL,
    },
    needs=("type",),
)
DATA: Final = Shape(
    {
        "profile": Scalar.CANONICAL,
        "subjectReference": GROUP,
        "codeFilter": Shape({"valueSet": Scalar.CANONICAL}, rule=rules.data_filter("drq-1")),
        "dateFilter": Shape({"valueDuration": DURATION, "valuePeriod": PERIOD}, rule=rules.data_filter("drq-2")),
        "limit": Scalar.POSITIVE,
        "sort": Shape({"direction": one_of("ascending descending")}, needs=("path", "direction")),
    },
    needs=("type",),
)
HEAD: Final[dict[str, Part]] = {
    "identifier": IDENTIFIER,
    "status": PUBLICATION,
    "experimental": Scalar.BOOLEAN,
    "contact": CONTACT,
    "useContext": _USE_CONTEXT,
    "effectivePeriod": PERIOD,
    **dict.fromkeys(("author", "editor", "reviewer", "endorser"), CONTACT),
    "relatedArtifact": RELATED,
    "library": Scalar.CANONICAL,
    "subjectReference": GROUP,
}
