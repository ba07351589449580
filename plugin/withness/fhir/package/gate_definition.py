"""The risk gate as a PlanDefinition (FHIR R4 plandefinition.html, type eca-rule).

It documents the policy for other people's machines. The software's own decision is the only one that counts: it
knows the person's other screens, their holds, the chart and the clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from withness.core.publication import Publication
from withness.core.risk import Domain, RiskPolicy
from withness.core.source_attributes import GATE
from withness.core.terms import Acuity
from withness.fhir import codes
from withness.fhir.package.actions import (
    ECA_RULE,
    Element,
    action,
    attributes_of,
    citation,
    plan_type,
    recorded_screen,
)
from withness.fhir.package.fhirpath import both, negated
from withness.fhir.package.gate_texts import DESCRIPTION, MEANS, PURPOSE, USAGE
from withness.fhir.package.protocol_definition import protocol_canonical
from withness.fhir.package.published import published
from withness.fhir.package.readable_screen import readable
from withness.fhir.package.screen_conditions import Finding, Verdict, findings, verdict
from withness.fhir.questionnaires import fields

ACUITY: Final = f"{codes.BASE}/CodeSystem/acuity"
DECISION: Final = f"{codes.BASE}/CodeSystem/gate-decision"


def risk_gate(policy: RiskPolicy, publication: Publication) -> Element:
    """Return the gate as a PlanDefinition in the policy's version; same policy, same bytes."""
    head = published(
        "PlanDefinition",
        codes.id_of(codes.RISK_GATE),
        publication,
        name="RiskGate",
        title="Risk gate before a collaborative plan",
        description=DESCRIPTION,
        version=policy.version,
        experimental=policy.demo,
    )
    sources = dict.fromkeys(source for domain in policy.domains for source in domain.basis)
    form = {"type": "depends-on", "resource": f"{codes.QUESTIONNAIRE_RISK_SCREEN}|{policy.version}"}
    whole = action(
        GATE,
        "Read a risk screen",
        description="Asked when a screen is recorded, and again whenever a plan is to be saved or amended.",
        documentation=[attributes_of(GATE, policy.version)],
        trigger=[recorded_screen(), {"type": "named-event", "name": "plan-save"}],
        input=[{"type": "QuestionnaireResponse"}],
        action=list(_actions(policy)),
    )
    return {
        **head,
        "type": plan_type(ECA_RULE),
        "purpose": PURPOSE,
        "usage": USAGE,
        "relatedArtifact": [*(citation(one) for one in sources), form],
        "action": [whole],
    }


def _actions(policy: RiskPolicy) -> Iterator[Element]:
    wholly = readable(policy)
    reasons = [
        action(
            f"screen.{one.id}",
            one.otherwise,
            code=[_acuity(Acuity.UNKNOWN)],
            documentation=[attributes_of(GATE, policy.version)],
            applies=[(one.otherwise, negated(one.expression))],
        )
        for one in wholly
    ]
    yield action("screen", "Whether the screen can be relied on", action=reasons)
    texts = {one.link: one.text for one in fields(policy)}
    for domain in policy.domains:
        yield _domain(policy, domain, texts)
    relied_on = both(*(one.expression for one in wholly))
    subjects = _subjects(policy)
    yield action(
        "unreadable",
        "What holds when the screen cannot be relied on",
        applies=[("The screen cannot be relied on.", negated(relied_on))],
        action=[_unreadable(one) for one in subjects],
    )
    yield action(
        "readable",
        "What a screen says that can be relied on",
        applies=[("The screen can be relied on.", relied_on)],
        action=[_readable(one) for one in subjects],
    )


# --- findings ------------------------------------------------------------------------------------------------


def _domain(policy: RiskPolicy, domain: Domain, texts: dict[str, str]) -> Element:
    found = [_finding(one, domain, policy, texts) for one in findings(policy, domain)]
    sources = [citation(one) for one in domain.basis]
    asked = f"How to ask: {domain.ask}." if domain.ask else None
    return action(domain.id, domain.title, description=asked, documentation=sources, action=found)


def _finding(one: Finding, domain: Domain, policy: RiskPolicy, texts: dict[str, str]) -> Element:
    """Return one finding: a question (or what stands beside it) and one acuity that it may have."""
    return action(
        f"{one.item}.{one.acuity.value}",
        _asked(one.item, texts) or domain.title,
        textEquivalent=f"{one.text} {MEANS[one.acuity]}",
        code=[_acuity(one.acuity)],
        documentation=[citation("; ".join(domain.basis)), attributes_of(one.rule, policy.version)],
        applies=[(one.text, one.expression)],
    )


def _asked(item: str, texts: dict[str, str]) -> str:
    """The wording of an item, or of the item that it is a part of."""
    return texts.get(item) or texts.get(item.rpartition(".")[0], "")


def _acuity(acuity: Acuity) -> Element:
    return {"coding": [{"system": ACUITY, "code": acuity.value}]}


# --- verdicts ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Subject:
    """What a verdict is about: a domain, or the whole. `protocol` is what something acute opens."""

    id: str
    title: str
    says: Verdict
    names: dict[Acuity, tuple[Element, str]]
    protocol: str = ""


def _subjects(policy: RiskPolicy) -> list[_Subject]:
    domains = [
        _Subject(
            one.id,
            one.title,
            verdict(policy, [one]),
            {acuity: (_acuity(acuity), acuity.value.capitalize()) for acuity in Acuity},
            protocol_canonical(policy, one),
        )
        for one in policy.domains
    ]
    decided = {
        acuity: ({"coding": [{"system": DECISION, "code": name}]}, name.replace("-", " ").capitalize())
        for acuity, name in policy.decisions.items()
    }
    return [*domains, _Subject("decision", "The decision", verdict(policy, policy.domains), decided)]


def _unreadable(one: _Subject) -> Element:
    """What raises counts even in a screen that cannot be relied on; all else is unknown."""
    at = f"unreadable.{one.id}"
    acute = ("Something is acute.", one.says.acute)
    other = ("Nothing is acute.", negated(one.says.acute))
    return action(
        at,
        one.title,
        groupingBehavior="logical-group",
        action=[_leaf(at, one, Acuity.ACUTE, acute), _leaf(at, one, Acuity.UNKNOWN, other)],
    )


def _readable(one: _Subject) -> Element:
    """The gravest counts: acute, unknown, elevated, caution, none; each is asked when those before it are not so."""
    at, says = f"readable.{one.id}", one.says
    lowest = action(
        f"{at}.lower",
        "Nothing acute, unknown or elevated",
        applies=[("Nothing is elevated.", negated(says.elevated))],
        action=[
            _leaf(at, one, Acuity.CAUTION, ("There is a caution.", says.caution)),
            _leaf(at, one, Acuity.NONE, ("There is no caution.", negated(says.caution))),
        ],
    )
    known = action(
        f"{at}.known",
        "Nothing acute or unknown",
        applies=[("Every item has an answer that counts.", says.known)],
        action=[_leaf(at, one, Acuity.ELEVATED, ("Something is elevated.", says.elevated)), lowest],
    )
    below = action(
        f"{at}.below-acute",
        "Nothing acute",
        applies=[("Nothing is acute.", negated(says.acute))],
        action=[_leaf(at, one, Acuity.UNKNOWN, ("Something is unknown.", negated(says.known))), known],
    )
    acute = _leaf(at, one, Acuity.ACUTE, ("Something is acute.", says.acute))
    return action(at, one.title, groupingBehavior="logical-group", action=[acute, below])


def _leaf(at: str, one: _Subject, acuity: Acuity, applies: tuple[str, str]) -> Element:
    code, name = one.names[acuity]
    opens = one.protocol if acuity is Acuity.ACUTE else None
    return action(
        f"{at}.{acuity.value}",
        f"{one.title}: {name}",
        textEquivalent=MEANS[acuity],
        code=[code],
        applies=[applies],
        definitionCanonical=opens,
    )
