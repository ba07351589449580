# ruff: noqa: E501 - one row for each rule reads better as a table
"""What a chart is told of an opened directive protocol: the neutral Flag always, the rest where it may go."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.hapi import HapiServer

from withness.core.protocol import DueStep, Episode
from withness.core.risk import Step
from withness.core.terms import Acuity
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.check import check, require_valid
from withness.fhir.models import validate
from withness.fhir.risk_resources import FLAG_TEXT, Opening, directive_transaction

AT = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
WITHIN = {"now": timedelta(minutes=5), "same-session": timedelta(hours=1), "same-day": timedelta(hours=13)}
TITLES = {
    "suicide": "Active suicidality",
    "psychosis": "Acute psychosis",
    "violence": "Ongoing abuse or violence",
    "private": "A site's own private domain",
}
STEPS = {
    "suicide": (
        ("full-assessment", "Full suicide risk assessment", "same-session"),
        ("stay-with", "Stay with the person", "now"),
        ("consult", "Tell the supervisor", "same-day"),
        ("follow-up", "Follow-up contact", "PT72H"),
    ),
    "psychosis": (("contact-prescriber", "Contact the prescriber", "PT24H"),),
    "violence": (("stop-conjoint", "Stop conjoint work", "now"), ("consult", "Legal consult", "same-day")),
    "private": (("quiet-call", "A quiet call", "same-day"),),
}
INSIDE = ("violence", "private")
KINDS = ["RiskAssessment", "GuidanceResponse", "DetectedIssue", "CarePlan"]
SDV = {"system": codes.ACT_CODE, "code": "SDV"}
Resource = dict[str, Any]


def episode(domain: str, **changes: Any) -> Episode:
    """Return Patient/rosa's protocol in one domain."""
    steps = tuple(
        DueStep(Step(id, domain, text, "clinician", within), AT + WITHIN.get(within, timedelta(hours=72)))
        for id, text, within in STEPS[domain]
    )
    made = Episode(
        id=f"00000000-0000-4000-8000-{list(STEPS).index(domain):012}",
        person="Patient/rosa",
        domain=domain,
        opened=AT,
        screen="11111111-1111-4111-8111-111111111111",
        responsible="Practitioner/p1",
        backup="Practitioner/p2",
        steps=steps,
    )
    return replace(made, **changes)


def opening(*domains: str, also: tuple[tuple[str, Acuity], ...] = (), **changes: Any) -> Opening:
    """Return the opening of `domains` as acute, with `also` found."""
    made = Opening(
        episodes=tuple(episode(domain) for domain in domains),
        findings=(*((domain, Acuity.ACUTE) for domain in domains), *also),
        recorded=AT,
        organization="Organization/demo",
        demo=False,
        enforces_labels=False,
        policy_version="0.1.0",
        decision_id="6f2c1c1e-8a55-4b0f-9a53-0d5a3f6f7b10",
        inside=frozenset(INSIDE),
    )
    return replace(made, **changes)


def transaction(*domains: str, **changes: Any) -> Resource:
    return directive_transaction(opening(*domains, **changes), TITLES)


def made(*domains: str, **changes: Any) -> list[Resource]:
    return [entry["resource"] for entry in transaction(*domains, **changes)["entry"]]


def kinds(resources: list[Resource]) -> list[str]:
    return [one["resourceType"] for one in resources]


def only(kind: str, resources: list[Resource]) -> Resource:
    [one] = [one for one in resources if one["resourceType"] == kind]
    return one


def tasks(resources: list[Resource]) -> list[Resource]:
    return [one for one in resources if one["resourceType"] == "Task"]


def outcomes(resource: Resource) -> dict[str, str]:
    return {one["outcome"]["text"]: one["qualitativeRisk"]["coding"][0]["code"] for one in resource["prediction"]}


def security(resource: Resource) -> list[str]:
    return [one["code"] for one in resource.get("meta", {}).get("security", [])]


def references(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


# --- the whole -----------------------------------------------------------------------------------------------------

EVERY = [
    (("suicide",), False),
    (("suicide", "psychosis"), False),
    (("violence",), False),
    (("violence",), True),
    (("suicide", "violence", "private"), False),
    (("suicide", "violence", "private"), True),
]


@pytest.mark.parametrize(("domains", "labels"), EVERY)
@pytest.mark.parametrize("demo", [False, True])
def test_every_bundle_is_valid_r4(domains: tuple[str, ...], labels: bool, demo: bool) -> None:
    """Catches: a misspelt element, a code or reference type that R4 does not have there."""
    bundle = transaction(*domains, enforces_labels=labels, demo=demo, also=(("psychosis", Acuity.ELEVATED),))
    before = json.dumps(bundle)
    require_valid(bundle)
    validate(bundle)
    assert json.dumps(bundle) == before


@pytest.mark.parametrize(("domains", "labels"), EVERY)
def test_puts_under_ids_of_our_making_that_resolve(domains: tuple[str, ...], labels: bool) -> None:
    """Catches: POST (a retry writes twice), one id for two resources, a Task that is pointed at but not sent."""
    bundle = transaction(*domains, enforces_labels=labels)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    for entry in bundle["entry"]:
        one = entry["resource"]
        assert entry["request"] == {"method": "PUT", "url": f"{one['resourceType']}/{one['id']}"}
        assert entry["fullUrl"] == f"urn:uuid:{one['id']}"
    sent = {entry["request"]["url"] for entry in bundle["entry"]}
    assert len(sent) == len({entry["fullUrl"] for entry in bundle["entry"]}) == len(bundle["entry"])
    assert set(references(bundle)) - sent == {"Patient/rosa", "Practitioner/p1"}


def test_the_same_opening_makes_the_same_bytes_and_another_decision_other_ids() -> None:
    same = [json.dumps(transaction("suicide", "violence", enforces_labels=True)) for _ in range(2)]
    assert same[0] == same[1]
    other = made("suicide", decision_id="7f2c1c1e-8a55-4b0f-9a53-0d5a3f6f7b10")
    assert {one["id"] for one in other}.isdisjoint(one["id"] for one in made("suicide"))


def test_two_members_of_a_unit_share_no_id() -> None:
    """I8: one decision about a couple makes resources of one member that no resource of the other is written over by."""
    ben = made("suicide", episodes=(episode("suicide", person="Patient/ben"),))
    assert {one["id"] for one in ben}.isdisjoint(one["id"] for one in made("suicide"))
    assert "rosa" not in json.dumps(ben)


def test_it_begins_with_the_first_episode() -> None:
    later = episode("psychosis", opened=AT + timedelta(minutes=4))
    resources = made("psychosis", "suicide", episodes=(later, episode("suicide")))
    assert resources[0]["period"] == only("CarePlan", resources)["period"] == {"start": "2026-11-21T10:30:00Z"}


def test_every_resource_carries_our_identifier() -> None:
    """A look-up by an episode's id finds its Tasks and what stands above them; the Flag's names no episode."""
    resources = made("suicide", "psychosis")
    ids = [episode("suicide").id, episode("psychosis").id]
    for one in resources:
        assert {mark["system"] for mark in one["identifier"]} == {codes.PROTOCOL}
        values = [mark["value"] for mark in one["identifier"]]
        if one["resourceType"] == "Flag":
            assert values == [one["id"]]
        elif one["resourceType"] == "Task":
            assert values in ([ids[0]], [ids[1]])
        else:
            assert values == ids


def test_a_demo_policy_marks_everything_as_test_data() -> None:
    assert {tuple(security(one)) for one in made("suicide", demo=True)} == {("HTEST",)}
    assert {tuple(security(one)) for one in made("suicide")} == {()}


# --- the Flag ------------------------------------------------------------------------------------------------------


def test_the_flag_says_who_to_speak_with_and_nothing_else() -> None:
    flag = made("suicide")[0]
    assert {name: value for name, value in flag.items() if name not in ("id", "identifier")} == {
        "resourceType": "Flag",
        "meta": {"profile": [f"{codes.BASE}/StructureDefinition/gate-flag|{codes.VERSION}"]},
        "status": "active",
        "category": [{"coding": [{"system": codes.FLAG_CATEGORY, "code": "safety", "display": "Safety"}]}],
        "code": {"text": FLAG_TEXT},
        "subject": {"reference": "Patient/rosa"},
        "period": {"start": "2026-11-21T10:30:00Z"},
        "author": {"reference": "Practitioner/p1"},
    }


@pytest.mark.parametrize("demo", [False, True])
@pytest.mark.parametrize("labels", [False, True])
def test_the_flag_is_the_same_for_every_domain(demo: bool, labels: bool) -> None:
    """I8: whoever reads the banner cannot tell suicide from violence, nor one domain from three."""
    flags = [
        json.dumps(made(*domains, demo=demo, enforces_labels=labels)[0])
        for domains in (("suicide",), ("violence",), ("psychosis",), ("violence", "suicide"), ("private",))
    ]
    assert len(set(flags)) == 1


def test_the_flags_of_two_decisions_differ_in_id_and_time_alone() -> None:
    first = made("suicide")[0]
    later = AT + timedelta(days=3)
    second = made(
        "violence",
        decision_id="7f2c1c1e-8a55-4b0f-9a53-0d5a3f6f7b10",
        episodes=(episode("violence", opened=later),),
        recorded=later,
    )[0]
    assert {name for name in first if first[name] != second[name]} == {"id", "identifier", "period"}
    assert list(first) == list(second)


# --- what stays inside ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domains", [("violence",), ("private",), ("violence", "private")])
def test_inside_domains_alone_leave_the_flag_alone(domains: tuple[str, ...]) -> None:
    elevated = (("suicide", Acuity.ELEVATED),)
    assert kinds(made(*domains, also=elevated)) == ["Flag"]


def test_violence_stays_inside_whatever_a_policy_says() -> None:
    """Catches: trust in a site's policy that forgot the domain's sensitivity."""
    assert kinds(made("violence", inside=frozenset())) == ["Flag"]


def traces(domain: str) -> list[str]:
    """Return every word by which a chart could tell `domain`."""
    return [domain, TITLES[domain], *(text for _, text, _ in STEPS[domain]), episode(domain).id, "SDV", "abuse"]


@pytest.mark.parametrize("domain", INSIDE)
@pytest.mark.parametrize("beside", [(), ("suicide",), ("suicide", "psychosis")])
@pytest.mark.parametrize("demo", [False, True])
def test_no_trace_of_an_inside_domain_without_labels(domain: str, beside: tuple[str, ...], demo: bool) -> None:
    """I8, the grep: neither id, title, steps, episode nor label."""
    text = json.dumps(transaction(*beside, domain, demo=demo)).casefold()
    assert [word for word in traces(domain) if word.casefold() in text] == []
    elevated = json.dumps(transaction("suicide", demo=demo, also=((domain, Acuity.ELEVATED),))).casefold()
    assert [word for word in traces(domain) if word.casefold() in elevated] == []


@pytest.mark.parametrize("domain", INSIDE)
def test_the_grep_finds_the_traces_with_labels(domain: str) -> None:
    """Shows that the words looked for are those that would be there."""
    text = json.dumps(transaction(domain, enforces_labels=True))
    assert [word for word in traces(domain)[1:-1] if word not in text] == []


@given(
    acute=st.lists(st.sampled_from(sorted(TITLES)), min_size=1, unique=True),
    found=st.dictionaries(st.sampled_from(sorted(TITLES)), st.sampled_from(list(Acuity))),
)
def test_an_inside_domain_changes_nothing_of_the_bundle(acute: list[str], found: dict[str, Acuity]) -> None:
    """I8: with or without it, byte for byte."""
    leaving = [domain for domain in acute if domain not in INSIDE]
    given_ = transaction(*acute, also=tuple(found.items()))
    if not leaving:
        assert kinds([entry["resource"] for entry in given_["entry"]]) == ["Flag"]
        return
    also = tuple((domain, acuity) for domain, acuity in found.items() if domain not in INSIDE)
    assert json.dumps(given_) == json.dumps(transaction(*leaving, also=also))


def test_with_labels_an_inside_domain_has_resources_of_its_own() -> None:
    """Two shares: what needs no label has none and names no word of the other; every one of the other has SDV."""
    resources = made("suicide", "violence", enforces_labels=True, demo=True)
    assert kinds(resources) == ["Flag", *KINDS, *["Task"] * 4, *KINDS, *["Task"] * 2]
    open_, labelled = resources[:9], resources[9:]
    assert all(security(one) == ["HTEST"] for one in open_)
    assert all(security(one) == ["HTEST", "SDV"] for one in labelled)
    assert SDV in labelled[0]["meta"]["security"]
    assert outcomes(open_[1]) == {TITLES["suicide"]: "high"}
    assert outcomes(labelled[0]) == {TITLES["violence"]: "high"}
    ours, theirs = (
        {f"{one['resourceType']}/{one['id']}" for one in share} | {"Patient/rosa", "Practitioner/p1"}
        for share in (open_, labelled)
    )
    assert set(references(open_)) <= ours
    assert set(references(labelled)) <= theirs
    assert [word for word in traces("violence") if word in json.dumps(open_)] == []


def test_with_labels_an_elevated_inside_domain_is_told_only_beside_an_acute_one() -> None:
    also = (("private", Acuity.ELEVATED),)
    assert "private" not in json.dumps(transaction("suicide", enforces_labels=True, also=also)).casefold()
    labelled = only("RiskAssessment", made("violence", enforces_labels=True, also=also))
    assert outcomes(labelled) == {TITLES["violence"]: "high", TITLES["private"]: "moderate"}


# --- what leaves ---------------------------------------------------------------------------------------------------


def test_a_protocol_that_may_leave() -> None:
    assert kinds(made("suicide")) == ["Flag", *KINDS, *["Task"] * 4]


def test_risk_assessment_says_the_screens_result_and_no_diagnosis() -> None:
    """Acute is high, elevated moderate; a caution, and what is unknown, predict nothing."""
    also = (
        ("psychosis", Acuity.ELEVATED),
        ("screen", Acuity.UNKNOWN),
        ("medical", Acuity.CAUTION),
        ("eating", Acuity.NONE),
    )
    resources = made("suicide", also=also)
    assessment = only("RiskAssessment", resources)
    assert outcomes(assessment) == {TITLES["suicide"]: "high", TITLES["psychosis"]: "moderate"}
    assert all("not a diagnosis" in one["rationale"] for one in assessment["prediction"])
    assert all(
        "it is not a diagnosis and is not entered as one" in one["rationale"] for one in assessment["prediction"]
    )
    assert all(
        one["qualitativeRisk"]["coding"][0]["system"] == codes.RISK_PROBABILITY for one in assessment["prediction"]
    )
    assert (assessment["status"], assessment["performer"]) == ("final", {"reference": "Practitioner/p1"})
    assert assessment["occurrenceDateTime"] == "2026-11-21T10:30:00Z"
    assert "Condition" not in kinds(resources)


def test_an_episode_is_acute_even_where_the_findings_say_less() -> None:
    """Catches: a clinician's raise that the chart would be told as moderate, or not at all."""
    for findings in ((), (("suicide", Acuity.ELEVATED),), (("suicide", Acuity.ACUTE), ("suicide", Acuity.CAUTION))):
        assert outcomes(only("RiskAssessment", made("suicide", findings=findings))) == {TITLES["suicide"]: "high"}


def test_guidance_response_names_the_gate_and_its_result() -> None:
    resources = made("suicide")
    guidance = only("GuidanceResponse", resources)
    assert guidance["moduleCanonical"] == f"{codes.BASE}/PlanDefinition/risk-gate|0.1.0"
    assert (guidance["status"], guidance["subject"]) == ("success", {"reference": "Patient/rosa"})
    assert guidance["result"] == {"reference": f"CarePlan/{only('CarePlan', resources)['id']}"}
    assert "performer" not in guidance


def test_detected_issue_rests_on_both_and_implicates_nothing() -> None:
    """I1: the held plan is never in the EHR, so nothing can refer to it."""
    resources = made("suicide")
    issue = only("DetectedIssue", resources)
    assert (issue["status"], issue["severity"]) == ("final", "high")
    assert issue["code"]["coding"][0]["code"] == "COND"
    assert issue["evidence"][0]["detail"] == [
        {"reference": f"{kind}/{only(kind, resources)['id']}"} for kind in ("RiskAssessment", "GuidanceResponse")
    ]
    assert (issue["patient"], issue["author"]) == ({"reference": "Patient/rosa"}, {"reference": "Practitioner/p1"})
    assert issue["identifiedDateTime"] == "2026-11-21T10:30:00Z"
    assert "the organisation's protocol asks for these steps" in issue["detail"].casefold()
    assert "implicated" not in issue


def test_directive_care_plan_is_no_collaborative_plan() -> None:
    """I1: neither US Core's profile nor a Goal, so no rule or search for a collaborative plan finds it."""
    resources = made("suicide")
    plan = only("CarePlan", resources)
    assert plan["category"] == [codes.DIRECTIVE_CATEGORY]
    assert plan["category"][0]["coding"][0]["code"] == "735324008"
    assert (plan["status"], plan["intent"], plan["title"]) == ("active", "plan", "Steps for now")
    assert plan["period"] == {"start": "2026-11-21T10:30:00Z"}
    assert plan["meta"]["profile"] == [f"{codes.BASE}/StructureDefinition/directive-careplan|{codes.VERSION}"]
    assert {"goal", "description", "addresses"}.isdisjoint(plan)
    assert "Goal" not in kinds(resources)
    assert plan["activity"] == [{"reference": {"reference": f"Task/{one['id']}"}} for one in tasks(resources)]


def test_one_task_for_each_step_the_first_due_first() -> None:
    resources = made("suicide", "psychosis")
    assert [
        (one["code"]["text"], one["priority"], one["restriction"]["period"]["end"]) for one in tasks(resources)
    ] == [
        ("Stay with the person", "stat", "2026-11-21T10:35:00Z"),
        ("Full suicide risk assessment", "asap", "2026-11-21T11:30:00Z"),
        ("Tell the supervisor", "urgent", "2026-11-21T23:30:00Z"),
        ("Follow-up contact", "routine", "2026-11-24T10:30:00Z"),
        ("Contact the prescriber", "routine", "2026-11-24T10:30:00Z"),
    ]
    for one in tasks(resources):
        assert (one["status"], one["intent"], one["for"]) == ("requested", "order", {"reference": "Patient/rosa"})
        assert one["requester"] == one["owner"] == {"reference": "Practitioner/p1"}
        assert one["focus"] == {"reference": f"CarePlan/{only('CarePlan', resources)['id']}"}
        assert one["authoredOn"] == "2026-11-21T10:30:00Z"


def test_a_step_of_the_same_name_in_two_domains_is_two_tasks() -> None:
    """Catches: an id of the step alone (suicide and violence both have `consult`)."""
    resources = made("suicide", "violence", enforces_labels=True)
    assert len({one["id"] for one in tasks(resources)}) == 6


# --- what is refused -----------------------------------------------------------------------------------------------


def test_where_nobody_answers_for_it_the_flag_stands_alone_in_the_organizations_name() -> None:
    """A screen whose author cannot be read opens its protocol too. Planted: the clinician required; caught."""
    bundle = directive_transaction(opening(episodes=(episode("suicide", responsible=""),)), TITLES)
    [flag] = [entry["resource"] for entry in bundle["entry"]]
    assert (flag["resourceType"], flag["author"]["reference"]) == ("Flag", "Organization/demo")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"episodes": (episode("suicide", person="RelatedPerson/mia"),)}, "episodes.person"),
        ({"episodes": (episode("suicide", person="Patient/a b"),)}, "episodes.person"),
        ({"episodes": ()}, "episodes"),
        ({"episodes": (episode("suicide"), episode("psychosis", person="Patient/ben"))}, "episodes"),
        ({"episodes": (episode("suicide"), episode("suicide"))}, "episodes"),
        ({"episodes": (episode("suicide", responsible="Patient/rosa"),)}, "episodes.responsible"),
        ({"episodes": (episode("suicide", opened=datetime(2026, 11, 21)),)}, "episodes.opened"),  # noqa: DTZ001
        ({"recorded": datetime(2026, 11, 21)}, "recorded"),  # noqa: DTZ001
        ({"decision_id": "d"}, "decision_id"),
    ],
)
def test_refuses_what_cannot_go_into_a_chart(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        directive_transaction(replace(opening("suicide"), **changes), TITLES)
    assert refused.value.field == field
    assert not any(word in refused.value.message for word in ("rosa", "mia", "suicid"))


def test_refuses_a_domain_without_title() -> None:
    with pytest.raises(InvalidInput) as refused:
        directive_transaction(opening("suicide"), {})
    assert refused.value.field == "titles"


# --- the check of the new resources --------------------------------------------------------------------------------

GOOD = {
    one["resourceType"]: one
    for one in (
        *made("suicide", demo=True),
        {
            "resourceType": "DetectedIssue",
            "status": "amended",
            "mitigation": [{"action": {"text": "x"}, "author": {"reference": "Practitioner/p1"}}],
        },
    )
    if one["resourceType"] != "DetectedIssue" or "mitigation" in one
}
RANGE = {"system": codes.UCUM, "code": "%", "value": 5}
# Name: resource type, the changes by path (None: taken away), the element that is named, words of the sentence.
FAILING: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "RiskAssessment.status": ("RiskAssessment", {"status": "done"}, "status", "codes"),
    "RiskAssessment.status missing": ("RiskAssessment", {"status": None}, "status", "missing"),
    "RiskAssessment.subject missing": ("RiskAssessment", {"subject": None}, "subject", "missing"),
    "RiskAssessment of a relation": ("RiskAssessment", {"subject.reference": "RelatedPerson/m"}, "subject", "type"),
    "RiskAssessment by the patient": ("RiskAssessment", {"performer.reference": "Patient/rosa"}, "performer", "type"),
    "RiskAssessment.reasonReference": ("RiskAssessment", {"reasonReference": [{"reference": "Flag/f"}]}, "reasonReference[0]", "type"),
    "RiskAssessment without zone": ("RiskAssessment", {"occurrenceDateTime": "2026-11-21T10:30:00"}, "occurrenceDateTime", "zone"),
    "RiskAssessment probability as text": ("RiskAssessment", {"prediction.0.probabilityDecimal": "7"}, "prediction[0].probabilityDecimal", "number"),
    "ras-1": ("RiskAssessment", {"prediction.0.probabilityRange": {"low": RANGE, "high": {**RANGE, "code": "1"}}}, "prediction[0].probabilityRange.high", "ras-1"),
    "ras-2": ("RiskAssessment", {"prediction.0.probabilityDecimal": 100.5}, "prediction[0].probabilityDecimal", "ras-2"),
    "GuidanceResponse.status": ("GuidanceResponse", {"status": "final"}, "status", "codes"),
    "GuidanceResponse.status missing": ("GuidanceResponse", {"status": None}, "status", "missing"),
    "GuidanceResponse without module": ("GuidanceResponse", {"moduleCanonical": None}, "module", "once"),
    "GuidanceResponse with two modules": ("GuidanceResponse", {"moduleUri": "urn:x"}, "module", "once"),
    "GuidanceResponse.moduleCanonical": ("GuidanceResponse", {"moduleCanonical": "risk-gate"}, "moduleCanonical", "canonical"),
    "GuidanceResponse by a person": ("GuidanceResponse", {"performer": {"reference": "Practitioner/p1"}}, "performer", "type"),
    "GuidanceResponse.result": ("GuidanceResponse", {"result.reference": "Task/t"}, "result", "type"),
    "DetectedIssue.status of R5": ("DetectedIssue", {"status": "mitigated"}, "status", "codes"),
    "DetectedIssue.status missing": ("DetectedIssue", {"status": None}, "status", "missing"),
    "DetectedIssue.severity": ("DetectedIssue", {"severity": "severe"}, "severity", "codes"),
    "DetectedIssue of a group": ("DetectedIssue", {"patient": {"reference": "Group/g"}}, "patient", "type"),
    "DetectedIssue mitigated by nothing": ("DetectedIssue", {"mitigation.0.action": None}, "mitigation[0].action", "missing"),
    "DetectedIssue mitigated by a Device": ("DetectedIssue", {"mitigation.0.author.reference": "Device/d"}, "mitigation[0].author", "type"),
    "DetectedIssue mitigated by the patient": ("DetectedIssue", {"mitigation.0.author.reference": "Patient/rosa"}, "mitigation[0].author", "type"),
    "Flag.status": ("Flag", {"status": "ended"}, "status", "codes"),
    "Flag.code missing": ("Flag", {"code": None}, "code", "missing"),
    "Flag.subject missing": ("Flag", {"subject": None}, "subject", "missing"),
    "Flag by a relation": ("Flag", {"author.reference": "RelatedPerson/m"}, "author", "type"),
    "per-1": ("Flag", {"period.end": "2026-11-21T10:29:59Z"}, "period.end", "per-1"),
    "per-1 in days": ("Flag", {"period": {"start": "2026-11-21", "end": "2026-11-20"}}, "period.end", "per-1"),
    "per-1 in another zone": ("Flag", {"period.end": "2026-11-21T11:29:00+01:00"}, "period.end", "per-1"),
    "Task.status": ("Task", {"status": "done"}, "status", "codes"),
    "Task.intent": ("Task", {"intent": "directive"}, "intent", "codes"),
    "Task.intent missing": ("Task", {"intent": None}, "intent", "missing"),
    "Task.priority": ("Task", {"priority": "high"}, "priority", "codes"),
    "Task.owner": ("Task", {"owner.reference": "Group/g"}, "owner", "type"),
    "Task.requester": ("Task", {"requester.reference": "CareTeam/c"}, "requester", "type"),
    "Task.for": ("Task", {"for.reference": "junk"}, "for", "must be a reference"),
    "Task.partOf": ("Task", {"partOf": [{"reference": "CarePlan/c"}]}, "partOf[0]", "type"),
    "Task.restriction.repetitions": ("Task", {"restriction.repetitions": 0}, "restriction.repetitions", "positive"),
    "Task.input without type": ("Task", {"input": [{"valueString": "x"}]}, "input[0].type", "missing"),
    "inv-1": ("Task", {"lastModified": "2026-11-21T10:29:59Z"}, "lastModified", "inv-1"),
    "directive CarePlan with a goal": ("CarePlan", {"goal": [{"reference": "Goal/g"}]}, "goal", "directive"),
    "directive CarePlan, cpl-3": ("CarePlan", {"activity.0.detail": {"status": "scheduled"}}, "activity[0]", "cpl-3"),
    "directive CarePlan without category": ("CarePlan", {"category": None}, "category", "CodeableConcept"),
    "dom-3": ("Flag", {"contained": [{"resourceType": "Patient", "id": "p"}]}, "contained", "dom-3"),
    "dom-5": ("Flag", {"contained": [{"resourceType": "Patient", "id": "p", "meta": {"security": [SDV]}}]}, "contained", "dom-5"),
    "ref-1": ("Flag", {"subject.reference": "#p"}, "", "ref-1"),
}  # fmt: skip


def changed(kind: str, changes: dict[str, Any]) -> Resource:
    """Return a good resource with `changes`."""
    resource = deepcopy(GOOD[kind])
    for path, value in changes.items():
        inner: Any = resource
        *places, last = path.split(".")
        for place in places:
            inner = inner[int(place)] if place.isdigit() else inner[place]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    return resource


@pytest.mark.parametrize("kind", GOOD)
def test_the_check_lets_good_ones_through(kind: str) -> None:
    assert check(GOOD[kind]) == ()


@pytest.mark.parametrize("name", FAILING)
def test_the_check_finds_one_wrong_thing(name: str) -> None:
    kind, changes, path, why = FAILING[name]
    found = check(changed(kind, changes))
    assert [one.path for one in found if why in one.why] == [f"{kind}.{path}".removesuffix(".")], found


@pytest.mark.parametrize("name", FAILING)
def test_a_bundle_with_one_wrong_thing_is_refused(name: str) -> None:
    kind, changes, _, _ = FAILING[name]
    wrong = changed(kind, changes)
    url = f"{kind}/{wrong.setdefault('id', 'x')}"
    entry = {"resource": wrong, "request": {"method": "PUT", "url": url}}
    with pytest.raises(InvalidInput):
        require_valid({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("Flag", {"period.end": "2026-11-21T10:30:00Z"}),
        ("Flag", {"period.end": "2026-11-21"}),
        ("Flag", {"period.end": "2026-11"}),
        ("Flag", {"period.end": "2026-11-21T09:45:00-01:00"}),
        ("Task", {"lastModified": "2026-11-21T10:30:00.000Z"}),
        ("RiskAssessment", {"prediction.0.probabilityDecimal": 100}),
        ("RiskAssessment", {"prediction.0.probabilityRange": {"low": RANGE, "high": RANGE}}),
        ("DetectedIssue", {"implicated": [{"identifier": {"system": f"{codes.BASE}/sid/working-copy", "value": "1"}}]}),
    ],
)
def test_the_check_lets_the_edge_through(kind: str, changes: dict[str, Any]) -> None:
    assert check(changed(kind, changes)) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.just("2026-02-30T25:00:00Z"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["low", "start", "end"]), inner),
    max_leaves=12,
)
NAMES = ["authoredOn", "lastModified", "period", "prediction", "moduleUri", "meta", "goal", "category", "mitigation"]


@given(kind=st.sampled_from(sorted(GOOD)), body=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_garbage_never_raises(kind: str, body: Resource) -> None:
    check({**body, "resourceType": kind})
    check({**GOOD[kind], **body})


# --- a real server -------------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("hapi")
def test_a_real_server_takes_it_and_finds_it_again(hapi_server: HapiServer) -> None:
    """Against HAPI: taken twice without a second version, found by the episode's identifier, read back as sent."""
    domains = ("suicide", "psychosis", "violence")
    episodes = tuple(episode(domain, person="Patient/ana") for domain in domains)
    bundle = transaction(*domains, episodes=episodes, enforces_labels=True, demo=True)
    headers = {"Content-Type": "application/fhir+json", "Cache-Control": "no-cache"}
    for _ in range(2):
        answer = requests.post(hapi_server.base_url, json=bundle, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
    for entry in bundle["entry"]:
        found = requests.get(f"{hapi_server.base_url}/{entry['request']['url']}", timeout=60).json()
        assert found["meta"]["versionId"] == "1"
        assert sorted(security(found)) == sorted(security(entry["resource"]))  # HAPI keeps labels as a set
        sent = {name: value for name, value in entry["resource"].items() if name != "meta"}
        assert {name: value for name, value in found.items() if name != "meta"} == sent
    query = {"identifier": f"{codes.PROTOCOL}|{episode('suicide').id}"}
    listed = requests.get(f"{hapi_server.base_url}/Task", params=query, headers=headers, timeout=60).json()
    assert len(listed["entry"]) == 4
