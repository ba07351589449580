"""What the software, and what the gate's PlanDefinition, say of one response: the two sides of the agreement campaign.

The software decides at the moment of the screen, on nobody's other screens, on an amendment (whose window asks for no
encounter), without a birth date: so nothing but the response speaks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from tests.fhir.package.screens import AT
from tests.fhir.package.walking import Element, Response, actions, by_id

from withness.core.gate import MemberDecision, decide_member
from withness.core.protocol import steps
from withness.core.reading import Circumstance, Readings
from withness.core.risk import Domain, RiskPolicy, Standing
from withness.core.terms import Acuity, Purpose, worst
from withness.fhir.answer_values import moment
from withness.fhir.answers import read_screen
from withness.fhir.package.gate_definition import ACUITY, risk_gate
from withness.fhir.package.protocol_definition import directive_protocols, protocol_id
from withness.packs.publication import load_publication

SCREEN = "screen"
Found = dict[str, Acuity]


@dataclass(frozen=True)
class Definitions:
    """The gate and the directive protocols of one policy; `gate` holds every action of the gate by its id."""

    policy: RiskPolicy
    whole: Element
    gate: dict[str, Element]
    protocols: dict[str, Element]


def definitions(policy: RiskPolicy) -> Definitions:
    """Generate them."""
    publication = load_publication()
    gate = risk_gate(policy, publication)
    return Definitions(policy, gate, by_id(gate), {one["id"]: one for one in directive_protocols(policy, publication)})


# --- what the software says ----------------------------------------------------------------------------------


def decided(policy: RiskPolicy, resource: dict[str, Any]) -> MemberDecision:
    """Decide on this response alone."""
    at = moment(resource.get("authored", "")) or AT
    screen = read_screen(resource, policy, id="screen-1", recorded=at)
    about = Circumstance(Purpose.AMENDMENT, screen.encounter, at, UTC)
    return decide_member(Readings(policy, Standing(), about), screen.person, (screen,))


def verdicts(policy: RiskPolicy, decision: MemberDecision) -> dict[str, str]:
    """The verdict of each domain, in which the state of the whole screen counts, and the decision's name."""
    found = {
        domain.id: worst([one.acuity for one in decision.findings if one.domain in (domain.id, SCREEN)]).value
        for domain in policy.domains
    }
    return {**found, "decision": decision.name}


def found_by_software(policy: RiskPolicy, domain: Domain, decision: MemberDecision) -> Found:
    """The gravest finding of each item, as the gate's definition names the items."""
    needs = {field: need for need in domain.condition_needs for field in reversed(policy.need_fields[need])}
    unstated = any(one.domain == domain.id and one.item == "informant" for one in decision.findings)
    listed: dict[str, list[Acuity]] = defaultdict(list)
    for one in decision.findings:
        if one.domain != domain.id:
            continue
        if one.item in needs:
            for need in domain.condition_needs:
                if one.item in policy.need_fields[need]:
                    listed[need].append(one.acuity)
        elif not one.why.startswith("a no counts here only"):
            listed[one.item].append(one.acuity)
        elif not unstated:  # that nobody is named already says why no `no` counts
            listed["informant.not-accepted"].append(one.acuity)
    return {item: worst(acuities) for item, acuities in listed.items()}


def called_for(policy: RiskPolicy, decision: MemberDecision) -> dict[str, set[str]]:
    """The steps of each directive protocol that the decision calls for."""
    found: dict[str, set[str]] = defaultdict(set)
    for step in steps(policy, decision):
        found[step.domain].add(step.id)
    return dict(found)


# --- what the definitions say --------------------------------------------------------------------------------


def said(given: Definitions, response: Response, *subjects: str) -> dict[str, list[str]]:
    """Every verdict that applies to each of these domains, or to the decision."""
    found: dict[str, list[str]] = {}
    for subject in subjects:
        places = [
            given.gate[f"{top}.{subject}"] for top in ("unreadable", "readable") if response.applies(given.gate[top])
        ]
        leaves = [leaf for place in places for leaf in response.innermost(place)]
        found[subject] = [leaf["code"][0]["coding"][0]["code"] for leaf in leaves]
    return found


def found_by_conditions(given: Definitions, domain: Domain, response: Response) -> Found:
    """The gravest finding of each item."""
    listed: dict[str, list[Acuity]] = defaultdict(list)
    for one in given.gate[domain.id]["action"]:
        if response.applies(one):
            item = one["id"].removeprefix(f"{domain.id}.").rpartition(".")[0]
            coding = one["code"][0]["coding"][0]
            assert coding["system"] == ACUITY
            withdrawn = [question.withdrawn_answer for question in domain.questions if question.withdrawn_answer]
            listed[item.rpartition(".")[0] if item.rpartition(".")[2] in withdrawn else item].append(
                Acuity(coding["code"])
            )
    return {item: worst(acuities) for item, acuities in listed.items()}


def steps_that_apply(given: Definitions, response: Response) -> dict[str, set[str]]:
    """The steps of each directive protocol that applies."""
    found: dict[str, set[str]] = {}
    for domain in given.policy.domains:
        whole = given.protocols[protocol_id(domain)]["action"][0]
        if response.applies(whole):
            found[domain.id] = {one["id"] for one in whole["action"] if response.applies(one)}
    return found


def conditions(definition: Element) -> Iterator[dict[str, str]]:
    """Every condition's Expression."""
    for one in actions(definition):
        for condition in one.get("condition", []):
            yield condition["expression"]


def disagreements(
    given: Definitions, resource: dict[str, Any], *domains: Domain, plainly: bool = False
) -> tuple[str, list[str]]:
    """The decision's name, and in what the two sides differ: decision, these domains' verdicts, findings and steps."""
    response = Response(resource, plainly=plainly)
    decision = decided(given.policy, resource)
    expected = verdicts(given.policy, decision)
    subjects = [*(domain.id for domain in domains), "decision"]
    found = said(given, response, *subjects)
    differ = [f"{one}: {found[one]}, {expected[one]}" for one in subjects if found[one] != [expected[one]]]
    readable = response.applies(given.gate["readable"])
    for domain in domains:
        ours, theirs = found_by_software(given.policy, domain, decision), found_by_conditions(given, domain, response)
        if not readable:  # which of an unreadable screen's items are named is for each to say; an acute one is not
            ours, theirs = _acute(ours), _acute(theirs)
        differ += [f"{domain.id} finds {theirs}, {ours}"] if ours != theirs else []
    if decision.acuity is Acuity.ACUTE:
        ours_steps, their_steps = called_for(given.policy, decision), steps_that_apply(given, response)
        differ += [f"steps: {their_steps}, {ours_steps}"] if ours_steps != their_steps else []
    return decision.name, differ


def _acute(found: Found) -> Found:
    return {item: acuity for item, acuity in found.items() if acuity is Acuity.ACUTE}
