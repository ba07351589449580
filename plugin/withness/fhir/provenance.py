"""What a plan in the chart rests on: the risk screen it was released on, and who made it with whom.

The screen's copy is a list of what is kept, never of what is removed: only the elements and linkIds that the
policy knows can reach a chart (contracts I8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from withness.core.gate import Decision
from withness.core.plan import ChartPlan, Signature
from withness.core.risk import RiskPolicy
from withness.core.terms import REFERENCE
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.questionnaires import SETTING, fields

if TYPE_CHECKING:
    from withness.fhir.making import Making

Resource = dict[str, Any]

VIOLENCE: Final = "violence"
"""The domain that stays inside Withness whatever a site's policy says of its sensitivity."""
INSIDE: Final = "SDV"
"""The label of answers that stay inside Withness unless the EHR enforces labels (v3-ActCode)."""

SIGNATURE_MEANINGS: Final = {
    "author": "1.2.840.10065.1.12.1.1",
    "co-author": "1.2.840.10065.1.12.1.2",
    "consent": "1.2.840.10065.1.12.1.7",
}
"""Signature.type by meaning (ASTM E1762-95, FHIR R4 valueset-signature-type)."""

_ROLES: Final = ("Practitioner/", "PractitionerRole/", "Organization/")
_VALUES: Final = ("valueString", "valueDate")
AUTHOR: Final = {"coding": [{"system": codes.PARTICIPANT_TYPE, "code": "author"}]}
_CREATE: Final = {"coding": [{"system": codes.DATA_OPERATION, "code": "CREATE"}]}


def provenance(
    chart: ChartPlan, decision: Decision, making: Making, *, id: str, targets: Sequence[str], screen: str
) -> Resource:
    """Return the Provenance of one member's plan: client and clinician as its two authors.

    `targets` and `screen` are references. Raises InvalidInput for a signature of unknown meaning or without zone.
    """
    clinician = {"type": AUTHOR, "who": {"reference": chart.author}, "onBehalfOf": {"reference": making.organization}}
    resource: Resource = {
        "resourceType": "Provenance",
        "id": id,
        "meta": making.meta("us-core-provenance", decision),
        "target": [{"reference": target} for target in targets],
        "recorded": making.instant(making.recorded, field="recorded"),
        "activity": _CREATE,
        "agent": [{"type": AUTHOR, "who": {"reference": chart.member}}, clinician],
        "entity": [{"role": "source", "what": {"reference": screen}}],
    }
    if chart.signatures:
        resource["signature"] = [_signature(one, making) for one in chart.signatures]
    return resource


def _signature(signature: Signature, making: Making) -> Resource:
    oid = SIGNATURE_MEANINGS.get(signature.meaning)
    if oid is None:
        wanted = ", ".join(SIGNATURE_MEANINGS)
        raise InvalidInput(f"signatures.meaning must be one of: {wanted}.", field="signatures.meaning")
    return {
        "type": [{"system": codes.SIGNATURE_TYPE, "code": oid}],
        "when": making.instant(signature.when, field="signatures.when"),
        "who": {"reference": signature.who},
    }


def screen_copy(chart: ChartPlan, decision: Decision, making: Making, policy: RiskPolicy, *, id: str) -> Resource:
    """Return the member's screen as their chart may hold it (US Core QuestionnaireResponse).

    Kept: status, questionnaire, subject, authored, author, source, and the items whose linkId the policy knows,
    with coded, written and dated answers. Extensions, contained resources, narrative, meta and displays are left
    behind. Raises InvalidInput when the recorded screen is another person's.
    """
    screen = making.screens[chart.member]
    subject = screen.get("subject")
    about = str(subject.get("reference")) if isinstance(subject, Mapping) else ""
    if about.partition("/_history/")[0] != chart.member:
        raise InvalidInput("A screen's subject is not the member whose chart it is for.", field="screens.subject")
    keep = _keep(policy, enforces_labels=making.enforces_labels)
    labels: set[str] = set()
    items = _items(screen.get("item"), keep, labels)
    resource: Resource = {
        "resourceType": "QuestionnaireResponse",
        "id": id,
        "meta": making.meta(
            "us-core-questionnaireresponse", decision, *sorted(labels), ours=codes.RISK_SCREEN_RESPONSE
        ),
        "identifier": {"system": codes.SCREEN, "value": making.screen_ids[chart.member]},
        "questionnaire": screen.get("questionnaire"),
        "status": screen.get("status"),
        "subject": {"reference": chart.member},
        "encounter": None if chart.encounter is None else _reference(screen.get("encounter"), "Encounter/"),
        "authored": screen.get("authored"),
        "author": _reference(screen.get("author"), *_ROLES, chart.member),
        "source": _reference(screen.get("source"), *_ROLES, chart.member),
        "item": items,
    }
    return {name: value for name, value in resource.items() if value}


def _reference(element: object, *allowed: str) -> Resource | None:
    """Return the bare reference when it names one of `allowed` (a kind ending in "/", or one person)."""
    text = element.get("reference") if isinstance(element, Mapping) else None
    if not isinstance(text, str) or not REFERENCE.fullmatch(text):
        return None
    if any(text == one or (one.endswith("/") and text.startswith(one)) for one in allowed):
        return {"reference": text}
    return None


@dataclass(frozen=True)
class _Kept:
    """What may stay of an item: the policy's own `wording` of it, and the `labels` that its presence asks for."""

    wording: str
    labels: frozenset[str]


_LAST: Final[list[tuple[RiskPolicy, bool, dict[str, _Kept]]]] = []
"""The last list made. A process works under one policy; making its list costs as much as the whole Bundle."""


def _keep(policy: RiskPolicy, *, enforces_labels: bool) -> Mapping[str, _Kept]:
    """Return the linkIds that may reach a chart; an id that the policy's screen does not have is not among them."""
    for known, enforced, listed in tuple(_LAST):
        if known is policy and enforced is enforces_labels:
            return listed
    listed = _listed(policy, enforces_labels=enforces_labels)
    _LAST[:] = [(policy, enforces_labels, listed)]
    return listed


def _listed(policy: RiskPolicy, *, enforces_labels: bool) -> dict[str, _Kept]:
    labels = {domain.id: domain.sensitivity for domain in policy.domains}
    labels |= {question.id: question.sensitivity for question in policy.questions()}
    listed = {}
    for one in fields(policy):
        top = one.link.partition(".")[0]
        if top == SETTING:  # where a person is, and how to reach them, is for an emergency alone
            continue
        asked = {labels.get(top), labels.get(one.link.removesuffix(".new")), INSIDE if top == VIOLENCE else None}
        if enforces_labels or INSIDE not in asked:
            listed[one.link] = _Kept(one.text, frozenset(label for label in asked if label))
    return listed


def _items(items: object, keep: Mapping[str, _Kept], labels: set[str]) -> list[Resource]:
    """Return what is kept of `items` at every depth; adds the labels of what is kept to `labels`."""
    copies = []
    for item in _mappings(items):
        link = item.get("linkId")
        kept = keep.get(link) if isinstance(link, str) else None
        if kept is None:
            continue
        answers = [one for answer in _mappings(item.get("answer")) if (one := _answer(answer, keep, labels))]
        children = _items(item.get("item"), keep, labels)
        if not answers and not children:
            continue
        labels |= kept.labels
        copy: Resource = {"linkId": link}
        if item.get("text") == kept.wording:
            copy["text"] = kept.wording
        if answers:
            copy["answer"] = answers
        if children:
            copy["item"] = children
        copies.append(copy)
    return copies


def _answer(answer: Mapping[str, Any], keep: Mapping[str, _Kept], labels: set[str]) -> Resource | None:
    """Return a coded, written or dated answer with what is kept of its children, None for any other."""
    copy: Resource = {name: answer[name] for name in _VALUES if isinstance(answer.get(name), str)}
    coding = answer.get("valueCoding")
    if isinstance(coding, Mapping):
        copy["valueCoding"] = {name: coding[name] for name in ("system", "code") if isinstance(coding.get(name), str)}
    if not copy:
        return None
    if children := _items(answer.get("item"), keep, labels):
        copy["item"] = children
    return copy


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
