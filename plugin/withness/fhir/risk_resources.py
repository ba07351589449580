"""An opened directive protocol → what the person's chart is told of it (FHIR R4, FHIR facts 4.1 to 4.3).

```json
{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:0d…","resource":{"resourceType":"Flag","id":"0d…","status":"active",…},
  "request":{"method":"PUT","url":"Flag/0d…"}}, …]}
```

The Flag is always there and always says the same. The rest comes in shares: the domains that may leave Withness,
and, only where the EHR enforces security labels, those that may leave under a label (contracts I8). Nothing names
the held plan, for it is not in the EHR (I1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from withness.core.protocol import DueStep, Episode
from withness.core.terms import Acuity, reference, worst
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.making import Resource
from withness.fhir.moments import instant
from withness.fhir.provenance import INSIDE, VIOLENCE
from withness.fhir.status import put

FLAG_TEXT: Final = "Please speak with the clinician named here before you go on."
"""The same for every domain: who reads a banner learns nothing of why."""
ISSUE_TEXT: Final = "The organisation's protocol asks for these steps before a collaborative plan is made."
RATIONALE: Final = (
    "A finding under the organisation's protocol: it is not a diagnosis and is not entered as one. "
    "A domain that is not listed has not been cleared by this."
)
TITLE: Final = "Steps for now"

_KINDS: Final = ("RiskAssessment", "GuidanceResponse", "DetectedIssue", "CarePlan")
"""What each share holds beside its Tasks, in this order."""
_PROFILES: Final = {
    "Flag": codes.GATE_FLAG,
    "RiskAssessment": codes.GATE_RISK_ASSESSMENT,
    "DetectedIssue": codes.GATE_DETECTED_ISSUE,
    "CarePlan": codes.DIRECTIVE_CARE_PLAN,
}
_SAFETY: Final = {"coding": [{"system": codes.FLAG_CATEGORY, "code": "safety", "display": "Safety"}]}
_ALERT: Final = {"coding": [{"system": codes.ACT_CODE, "code": "COND", "display": "Condition Alert"}]}
_RISKS: Final = {
    Acuity.ACUTE: {"system": codes.RISK_PROBABILITY, "code": "high", "display": "High likelihood"},
    Acuity.ELEVATED: {"system": codes.RISK_PROBABILITY, "code": "moderate", "display": "Moderate likelihood"},
}
"""Only what was found is a risk: a caution, and what is unknown, predict nothing."""
"""Task.priority by the policy's named times; R4 ranks routine < urgent < asap < stat (request-priority)."""


@dataclass(frozen=True)
class Opening:
    """What a making of a directive protocol's resources needs.

    `episodes` are one per acute domain of ONE person, opened by one decision; `findings` that decision's (domain id,
    worst acuity) of every domain with findings; `recorded` is in UTC, to the second. Ids are uuid5 of `decision_id`
    (a uuid). What belongs to a domain of `inside` stays in Withness unless the host `enforces_labels`; violence is
    always one of them. Where nobody is responsible yet, `organization` signs the Flag, which then stands alone.
    """

    episodes: tuple[Episode, ...]
    findings: tuple[tuple[str, Acuity], ...]
    recorded: datetime
    organization: str
    demo: bool
    enforces_labels: bool
    policy_version: str
    decision_id: str
    inside: frozenset[str]


@dataclass(frozen=True)
class _Share:
    """What goes into the chart together, under the same `labels` (v3-ActCode); `key` keeps the ids apart."""

    key: str
    episodes: tuple[Episode, ...]
    findings: tuple[tuple[str, Acuity], ...]
    labels: tuple[str, ...]


def directive_transaction(opening: Opening, titles: Mapping[str, str]) -> Resource:
    """Return ONE transaction Bundle of PUTs under ids of our making; `titles` gives each domain's title by its id.

    The Flag stands alone when no acute domain may leave Withness, or no clinician answers for the protocol. Raises
    InvalidInput for a person who is no Patient (a RelatedPerson's protocol stays inside), episodes of several people
    or of one domain twice, none at all, a decision id that is no UUID, a responsible clinician who is none, and a
    domain without title.
    """
    _check(opening)
    made = [_flag(opening)]
    for share in _shares(opening):
        made += _told(share, opening, titles)
    return {"resourceType": "Bundle", "type": "transaction", "entry": [put(one, "") for one in made]}


def _check(opening: Opening) -> None:
    people = {one.person for one in opening.episodes}
    domains = {one.domain for one in opening.episodes}
    if len(people) != 1 or len(domains) != len(opening.episodes):
        raise InvalidInput("A protocol is opened for one person, once in each domain.", field="episodes")
    for one in opening.episodes:
        reference(one.person, "Patient", field="episodes.person")
        if one.responsible:
            reference(one.responsible, "Practitioner", "PractitionerRole", field="episodes.responsible")


def _shares(opening: Opening) -> list[_Share]:
    """Return the shares that have an opened episode, what needs no label first."""
    inside = opening.inside | {VIOLENCE}
    shares = [
        _Share(
            key,
            tuple(one for one in opening.episodes if (one.domain in inside) is labelled),
            tuple(one for one in opening.findings if (one[0] in inside) is labelled),
            (INSIDE,) if labelled else (),
        )
        for key, labelled in (("open", False), ("labelled", True))
    ]
    named = [one for one in shares if one.episodes and all(episode.responsible for episode in one.episodes)]
    return [one for one in named if opening.enforces_labels or not one.labels]


# --- Flag ----------------------------------------------------------------------------------------------------


def _flag(opening: Opening) -> Resource:
    """Return the Flag (R4 flag.html): nothing in it, its id and identifier neither, depends on a domain."""
    id = _id(opening, "Flag")
    body: Resource = {
        "status": "active",
        "category": [_SAFETY],
        "code": {"text": FLAG_TEXT},
        "subject": {"reference": opening.episodes[0].person},
        "period": {"start": _opened(opening.episodes)},
        "author": {"reference": opening.episodes[0].responsible or opening.organization},
    }
    return _resource(opening, "Flag", id, (id,), (), body)


# --- what a share holds --------------------------------------------------------------------------------------


def _told(share: _Share, opening: Opening, titles: Mapping[str, str]) -> list[Resource]:
    """Return RiskAssessment, GuidanceResponse, DetectedIssue, the directive CarePlan and its Tasks, first due first."""
    ids = {kind: _id(opening, share.key, kind) for kind in _KINDS}
    plan = f"CarePlan/{ids['CarePlan']}"
    due = sorted(((one, step) for one in share.episodes for step in one.steps), key=lambda pair: _due(pair[1]))
    tasks = {_id(opening, "Task", one.domain, step.step.id): (one, step) for one, step in due}
    bodies = (
        _risk_assessment(share, titles),
        _guidance(share, opening, plan=plan),
        _issue(share, evidence=[f"{kind}/{ids[kind]}" for kind in ("RiskAssessment", "GuidanceResponse")]),
        _care_plan(share, tasks=[f"Task/{id}" for id in tasks]),
    )
    marks = tuple(one.id for one in share.episodes)
    return [
        *(
            _resource(opening, kind, ids[kind], marks, share.labels, body)
            for kind, body in zip(_KINDS, bodies, strict=True)
        ),
        *(
            _resource(opening, "Task", id, (one.id,), share.labels, _task(one, step, opening, plan=plan))
            for id, (one, step) in tasks.items()
        ),
    ]


def _risk_assessment(share: _Share, titles: Mapping[str, str]) -> Resource:
    """One prediction per domain; an opened episode is acute, whatever else was found (R4 riskassessment.html)."""
    found: dict[str, Acuity] = {}
    for domain, acuity in (*share.findings, *((one.domain, Acuity.ACUTE) for one in share.episodes)):
        found[domain] = worst([acuity, found.get(domain, Acuity.NONE)])
    return {
        "status": "final",
        "code": {"text": "Risk screen"},
        "subject": {"reference": share.episodes[0].person},
        "occurrenceDateTime": _opened(share.episodes),
        "performer": {"reference": share.episodes[0].responsible},
        "prediction": [
            {
                "outcome": {"text": _title(domain, titles)},
                "qualitativeRisk": {"coding": [_RISKS[acuity]]},
                "rationale": RATIONALE,
            }
            for domain, acuity in found.items()
            if acuity in _RISKS
        ],
    }


def _guidance(share: _Share, opening: Opening, *, plan: str) -> Resource:
    """The gate's evaluation. It names no performer: R4 allows a Device alone, and the EHR holds none of ours."""
    return {
        "moduleCanonical": f"{codes.RISK_GATE}|{opening.policy_version}",
        "status": "success",
        "subject": {"reference": share.episodes[0].person},
        "occurrenceDateTime": _opened(share.episodes),
        "result": {"reference": plan},
    }


def _issue(share: _Share, *, evidence: list[str]) -> Resource:
    """Nothing is implicated: the plan that waits is never in the EHR (contracts I1)."""
    return {
        "status": "final",
        "code": _ALERT,
        "severity": "high",
        "patient": {"reference": share.episodes[0].person},
        "identifiedDateTime": _opened(share.episodes),
        "author": {"reference": share.episodes[0].responsible},
        "evidence": [{"detail": [{"reference": one} for one in evidence]}],
        "detail": ISSUE_TEXT,
    }


def _care_plan(share: _Share, *, tasks: list[str]) -> Resource:
    """The directive CarePlan: a profile of ours, never US Core's, and no Goal (FHIR facts, head)."""
    return {
        "status": "active",
        "intent": "plan",
        "category": [codes.DIRECTIVE_CATEGORY],
        "title": TITLE,
        "subject": {"reference": share.episodes[0].person},
        "period": {"start": _opened(share.episodes)},
        "author": {"reference": share.episodes[0].responsible},
        "activity": [{"reference": {"reference": task}} for task in tasks],
    }


def _task(episode: Episode, due: DueStep, opening: Opening, *, plan: str) -> Resource:
    """One step as a Task (R4 task.html) of whoever answers for the episode."""
    return {
        "status": "requested",
        "intent": "order",
        "priority": codes.PRIORITIES.get(due.step.within, "routine"),
        "code": {"text": due.step.text},
        "focus": {"reference": plan},
        "for": {"reference": episode.person},
        "authoredOn": instant(opening.recorded, field="recorded"),
        "requester": {"reference": episode.responsible},
        "owner": {"reference": episode.responsible},
        "restriction": {"period": {"end": _due(due)}},
    }


# --- parts ---------------------------------------------------------------------------------------------------


def _resource(
    opening: Opening, kind: str, id: str, marks: tuple[str, ...], labels: tuple[str, ...], body: Resource
) -> Resource:
    """Return the resource; `marks` are its identifiers, by which a look-up knows it as ours."""
    security = [codes.TEST_DATA] if opening.demo else []
    security += [{"system": codes.ACT_CODE, "code": label} for label in labels]
    profiles = [codes.versioned(_PROFILES[kind])] if kind in _PROFILES else []
    meta = {name: value for name, value in (("profile", profiles), ("security", security)) if value}
    made: Resource = {
        "resourceType": kind,
        "id": id,
        "meta": meta,
        "identifier": [{"system": codes.PROTOCOL, "value": one} for one in marks],
        **body,
    }
    return {name: value for name, value in made.items() if value}


def _id(opening: Opening, *parts: str) -> str:
    try:
        space = UUID(opening.decision_id)
    except ValueError:
        raise InvalidInput("decision_id must be a UUID.", field="decision_id") from None
    return str(uuid5(space, "|".join((opening.episodes[0].person, "directive", *parts))))


def _opened(episodes: tuple[Episode, ...]) -> str:
    return min(instant(one.opened, field="episodes.opened") for one in episodes)


def _due(step: DueStep) -> str:
    return instant(step.due, field="episodes.steps.due")


def _title(domain: str, titles: Mapping[str, str]) -> str:
    title = titles.get(domain, "")
    if not title.strip():
        raise InvalidInput("A domain of the protocol has no title.", field="titles")
    return title
