"""The source attributes of the gate's rules as a Library (FHIR R4 library.html, type asset-collection).

45 CFR 170.315(b)(11)(iv)(A) asks for 13 attributes of each rule. R4 has no element for them, and an extension of 13
parts on each of some eighty actions would be read by nobody's software. A Library holds any content with its type:
here JSON, one row a rule. Every action of the gate points at it, with the rule's id as label.
"""

from __future__ import annotations

import base64
import json
from typing import Final

from withness.core.knowledge import Knowledge
from withness.core.source_attributes import ATTRIBUTES
from withness.fhir import codes
from withness.fhir.package.actions import ATTRIBUTES_LIBRARY, Element, citation
from withness.fhir.package.published import published

_TYPE: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/library-type",
    "code": "asset-collection",
    "display": "Asset Collection",
}
_DESCRIPTION: Final = (
    "What stands behind each rule of the risk gate: the 13 source attributes of an evidence-based decision support "
    "intervention (45 CFR 170.315(b)(11)(iv)(A)). The content is JSON: `attributes` names the 13 in their order, "
    "`rules` has one row for each rule. The gate's actions name their rule as the label of their documentation."
)


def attributes_library(knowledge: Knowledge) -> Element:
    """Return the Library in the policy's version; same attributes, same bytes."""
    policy = knowledge.policy
    head = published(
        "Library",
        codes.id_of(ATTRIBUTES_LIBRARY),
        knowledge.publication,
        name="GateSourceAttributes",
        title="Source attributes of the risk gate",
        description=_DESCRIPTION,
        version=policy.version,
        experimental=policy.demo,
    )
    rows = {
        "policy": {"version": policy.version, "digest": policy.digest, "owner": policy.owner},
        "attributes": dict(ATTRIBUTES),
        "rules": [one.said() for one in knowledge.attributes],
    }
    data = base64.b64encode(json.dumps(rows, ensure_ascii=False, indent=1).encode()).decode("ascii")
    cited = dict.fromkeys(one.values["citation"] for one in knowledge.attributes)
    gate = {"type": "documentation", "display": "The gate", "resource": f"{codes.RISK_GATE}|{policy.version}"}
    return {
        **head,
        "type": {"coding": [_TYPE]},
        "relatedArtifact": [*(citation(one) for one in cited), gate],
        "content": [{"contentType": "application/json", "language": "en", "data": data, "title": "Rows of attributes"}],
    }
