"""The directive protocols as PlanDefinitions (FHIR R4 plandefinition.html, type clinical-protocol), one per domain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from withness.core.holds import SHARED
from withness.core.protocol import due_steps
from withness.core.publication import Publication
from withness.core.risk import Domain, RiskPolicy, Step
from withness.fhir import codes
from withness.fhir.package.actions import (
    CLINICAL_PROTOCOL,
    Element,
    action,
    citation,
    participants,
    plan_type,
    recorded_screen,
)
from withness.fhir.package.published import name_of, published
from withness.fhir.package.screen_conditions import acute, verdict

_NAMED: Final = {
    "now": "now",
    "same-session": "in this session",
    "same-day": "on the same day, by the site's calendar",
}
_DESCRIPTION: Final = (
    "What the clinician does when something acute is found in this domain, and what must be documented before the hold "
    "ends. When the domain is acute by a clinician's judgement, or by a result in the chart, no question was answered: "
    "then every step applies, whatever its condition says. A later clear screen alone never ends the hold. "
    "The times are proposals of the policy and no legal standard."
)
_RESCREEN: Final = "A new screen below acute, made after the hold, and the signatures of two people"
"""The one need without a form."""


def protocol_id(domain: Domain) -> str:
    """Return the id of a domain's directive protocol."""
    return f"directive-{domain.id}"


def protocol_canonical(policy: RiskPolicy, domain: Domain) -> str:
    """Return the canonical of a domain's directive protocol in the policy's version."""
    return f"{codes.BASE}/PlanDefinition/{protocol_id(domain)}|{policy.version}"


def directive_protocols(policy: RiskPolicy, publication: Publication) -> Iterator[Element]:
    """Yield each domain's directive protocol in the policy's version; same policy, same bytes."""
    for domain in policy.domains:
        yield _protocol(policy, domain, publication)


def _protocol(policy: RiskPolicy, domain: Domain, publication: Publication) -> Element:
    head = published(
        "PlanDefinition",
        protocol_id(domain),
        publication,
        name=name_of(protocol_id(domain)),
        title=f"Directive protocol: {domain.title}",
        description=_DESCRIPTION,
        version=policy.version,
        experimental=policy.demo,
    )
    needs = list(_needs(policy, domain))
    whole = action(
        domain.id,
        domain.title,
        description=f"Before the hold ends, these are documented: {', '.join(one['label'] for one in needs)}.",
        documentation=needs,
        trigger=[recorded_screen()],
        applies=[("Something in this domain is acute.", verdict(policy, [domain]).acute)],
        input=[{"type": "QuestionnaireResponse"}],
        action=[_step(policy, domain, step) for step in domain.directive],
    )
    return {
        **head,
        "type": plan_type(CLINICAL_PROTOCOL),
        "relatedArtifact": [citation(one) for one in domain.basis],
        "action": [whole],
    }


# --- steps ---------------------------------------------------------------------------------------------------


def _step(policy: RiskPolicy, domain: Domain, step: Step) -> Element:
    """Return one step. A named time has no length of its own: it stands in words, with its urgency as priority."""
    length = None if step.within in _NAMED else _duration(policy, step)
    when = _NAMED[step.within] if length is None else f"within {length['value']} {length['unit']}"
    return action(
        step.id,
        step.text,
        textEquivalent=f"{step.text}: {when}.",
        priority=codes.PRIORITIES.get(step.within, "routine"),
        documentation=[_need(policy, step.evidences, "")] if step.evidences else None,
        applies=[_called_for(policy, domain, step)] if step.when else (),
        timingDuration=length,
        participant=participants(["practitioner"], step.owner),
    )


def _duration(policy: RiskPolicy, step: Step) -> Element:
    """Return the step's time as an R4 Duration, in hours where they are whole."""
    opened = datetime.min.replace(tzinfo=UTC)
    length = due_steps((step,), opened, policy.times, UTC)[0].due - opened
    unit, code, size = _HOURS if length % _HOURS[2] == timedelta(0) else _MINUTES
    return {"value": length // size, "unit": unit, "system": codes.UCUM, "code": code}


_HOURS: Final = ("hours", "h", timedelta(hours=1))
_MINUTES: Final = ("minutes", "min", timedelta(minutes=1))


def _called_for(policy: RiskPolicy, domain: Domain, step: Step) -> tuple[str, str]:
    asked = " or ".join(link.removeprefix(f"{domain.id}.") for link in step.when)
    return f"Something acute was found in {asked}.", acute(policy, step.when)


# --- what ends the hold --------------------------------------------------------------------------------------


def _needs(policy: RiskPolicy, domain: Domain) -> Iterator[Element]:
    """Yield what must be documented before a release; each of `needs_when` with what calls for it."""
    for need in domain.release_needs:
        yield _need(policy, need, "")
    for condition, needs in domain.needs_when.items():
        for need in needs:
            yield _need(policy, need, _WHEN if condition == SHARED else f"after an acute {condition}")


_WHEN: Final = "in a unit of more than one"


def _need(policy: RiskPolicy, need: str, when: str) -> Element:
    form = policy.evidence.get(need)
    title, source = (form.title, form.source) if form else (_RESCREEN, "")
    told = {"type": "documentation", "label": need, "display": f"{title} ({when})" if when else title}
    return {**told, "citation": source} if source else told
