"""values → CarePlan, Goal, QuestionnaireResponse, Provenance: worked examples and what must never get out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import pytest
from tests.fhir.makers import (
    AGREE,
    AT,
    CLINICIAN,
    DECISION_ID,
    DISAGREE,
    FRAME,
    HARD_WORDS,
    HEARD,
    MONOLOGUE,
    OWN_LIST,
    PENDING,
    POLICY,
    RE_ENGAGE,
    SCREEN_IDS,
    SHARED_YES,
    TRANSITION,
    asked,
    chart,
    couple,
    goal,
    held,
    making,
    of_kind,
    plan,
    released,
    resources,
    screen,
)

from withness.core.gate import Released
from withness.core.goal import Acceptance, Diagnosis, Goal
from withness.core.plan import Concern, Plan, Signature, charts
from withness.core.risk import RiskPolicy
from withness.core.template import Count, Limit, LimitKind
from withness.core.terms import Lead, UnitKind
from withness.errors import InvalidInput
from withness.fhir import codes
from withness.fhir.narrative import CONDITIONS, EVIDENCE, NO_SAFETY_PROTOCOL, OTHER_TREATMENT_ELSEWHERE, xhtml
from withness.fhir.plan_resources import chart_resources

EXT = "https://withness.example/fhir/StructureDefinition"
ESTIMATED = {"url": f"{EXT}/goal-target-due-estimated", "valueBoolean": True}


def measure(code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": "https://withness.example/fhir/CodeSystem/goal-measure", "code": code}], "text": text}


TARGETS = [
    pytest.param(
        goal(HEARD),
        [
            {
                "extension": [{"url": f"{EXT}/goal-target-session-window", "valuePositiveInt": 4}, ESTIMATED],
                "measure": measure("felt-understood", "The client says that they felt understood."),
                "detailRatio": {
                    "numerator": {"value": 3, "comparator": ">=", "unit": "sessions"},
                    "denominator": {"value": 4, "unit": "sessions"},
                },
                "dueDate": "2026-12-19",
            }
        ],
        "The client says that they felt understood. Target: at least 3 of 4 sessions, within 4 sessions "
        "(by 2026-12-19, estimated).",
        id="ratio-within-sessions",
    ),
    pytest.param(
        goal(MONOLOGUE),
        [
            {
                "extension": [{"url": f"{EXT}/goal-target-session-window", "valuePositiveInt": 6}, ESTIMATED],
                "measure": measure("reflected", "One person reflects the other's meaning first."),
                "detailQuantity": {"value": 2, "comparator": ">=", "unit": "instances"},
                "dueDate": "2027-01-02",
            }
        ],
        "One person reflects the other's meaning first. Target: at least 2 instances, within 6 sessions "
        "(by 2027-01-02, estimated).",
        id="count-within-sessions",
    ),
    pytest.param(
        goal(TRANSITION),
        [
            {
                "measure": measure("possibilities", "New possibilities are named and described."),
                "detailQuantity": {"value": 2, "comparator": ">=", "unit": "possibilities"},
                "dueDate": "2027-01-02",
            }
        ],
        "New possibilities are named and described. Target: at least 2 possibilities, within 6 weeks (by 2027-01-02).",
        id="count-within-weeks",
    ),
    pytest.param(
        goal(TRANSITION, target=Count(1), within=Limit(LimitKind.WEEKS, 1)),
        [
            {
                "measure": measure("possibilities", "New possibilities are named and described."),
                "detailQuantity": {"value": 1, "comparator": ">=", "unit": "possibilities"},
                "dueDate": "2026-11-28",
            }
        ],
        "New possibilities are named and described. Target: at least 1 possibility, within 1 week (by 2026-11-28).",
        id="count-of-one",
    ),
    pytest.param(
        goal(OWN_LIST),
        [
            {
                "extension": [{"url": f"{EXT}/goal-target-by-session", "valuePositiveInt": 3}, ESTIMATED],
                "measure": measure("own-list", "A list of own priorities, written together."),
                "detailBoolean": True,
                "dueDate": "2026-12-12",
            }
        ],
        "A list of own priorities, written together. Target: the list is written, by session 3 "
        "(by 2026-12-12, estimated).",
        id="exists-by-session",
    ),
    pytest.param(
        goal(SHARED_YES),
        [
            {
                "extension": [{"url": f"{EXT}/goal-target-by-session", "valuePositiveInt": 1}, ESTIMATED],
                "measure": measure("felt-shared", "The intake felt shared."),
                "detailBoolean": True,
                "dueDate": "2026-11-28",
            }
        ],
        "The intake felt shared. Target: yes, in the first session (by 2026-11-28, estimated).",
        id="yes-first-session",
    ),
    pytest.param(
        goal(RE_ENGAGE),
        [
            {
                "extension": [{"url": f"{EXT}/goal-target-session-window", "valuePositiveInt": 2}, ESTIMATED],
                "measure": measure(code, text),
                "detailBoolean": True,
                "dueDate": "2026-12-05",
            }
            for code, text in (
                ("feels-different", "Therapy feels different."),
                ("agrees", "The client agrees to continue."),
            )
        ],
        "The client gives therapy another chance. Target: both of these, within 2 sessions (by 2026-12-05, estimated).",
        id="two-parts",
    ),
]


@pytest.mark.parametrize(("one", "targets", "objective"), TARGETS)
def test_goal_target(one: Goal, targets: list[dict[str, Any]], objective: str) -> None:
    """Catches: a Duration that counts sessions, a lost comparator, a two-part goal met by one part, "1 accounts"."""
    (made,) = of_kind("Goal", resources(plan(one)))
    assert made["target"] == targets
    assert [note["text"] for note in made["note"]] == [f"Objective: {objective}", named("the client")]


def named(who: str) -> str:
    return (
        f"Named for this goal: {who}. Client and therapist both take part; a target not reached is something to talk "
        "about, nobody's fault."
    )


@pytest.mark.parametrize(
    ("responsible", "who"),
    [
        ("client", "the client"),
        ("partners", "the partners"),
        ("family", "the family"),
        ("therapist", "the therapist"),
        ("client-and-therapist", "client and therapist"),
    ],
)
def test_whoever_is_named_for_a_goal_is_named_without_blame(responsible: str, who: str) -> None:
    """Catches: a code where a person stands, and a target not reached that is somebody's fault."""
    (made,) = of_kind("Goal", resources(plan(goal(responsible=responsible))))
    assert made["note"][1] == {"text": named(who)}


def test_what_a_site_does_not_word_is_still_said() -> None:
    """A template of a site's own may lack the single form and the artefact's words."""
    bare = [replace(one, measure=replace(one.measure, unit_one="", artefact="")) for one in (TRANSITION, OWN_LIST)]
    made = of_kind("Goal", resources(plan(goal(bare[0], target=Count(1)), goal(bare[1]))))
    said = [one["note"][0]["text"] for one in made]
    assert "at least 1 possibilities," in said[0]
    assert "Target: it is there, by session 3" in said[1]


EACH_PARTNER = {"url": f"{EXT}/goal-target-each-partner", "valuePositiveInt": 1}


@pytest.mark.parametrize("kind", UnitKind)
def test_each_partner_is_asked_of_a_couple_alone(kind: UnitKind) -> None:
    """Catches: a family or group told that each "partner" must do it, in the extension or in the sentence."""
    share = replace(charts(couple())[0], unit_kind=kind)
    care_plan, made, *_ = chart_resources(share, released("Patient/rosa", "Patient/ben"), making(), POLICY)
    sentence = "Target: at least 2 instances with at least 1 by each partner, within 6 sessions"
    asked_of_each = kind is UnitKind.COUPLE
    assert (EACH_PARTNER in made["target"][0]["extension"]) is asked_of_each
    assert (sentence in made["note"][0]["text"]) is asked_of_each
    assert (sentence in care_plan["text"]["div"]) is asked_of_each
    assert ("each partner" in json.dumps([care_plan, made])) is asked_of_each


def test_whole_goal() -> None:
    """Catches: a goal-acceptance status written as a CodeableConcept, an expressedBy of the clinician."""
    (made,) = of_kind("Goal", resources(plan(goal(payer_words="Improve engagement"))))
    accepted = [
        {
            "extension": [
                {"url": "individual", "valueReference": {"reference": who}},
                {"url": "status", "valueCode": "agree"},
            ],
            "url": "http://hl7.org/fhir/StructureDefinition/goal-acceptance",
        }
        for who in ("Patient/rosa", "Practitioner/p1")
    ]
    assert {name: value for name, value in made.items() if name not in ("id", "target", "note")} == {
        "resourceType": "Goal",
        "meta": {
            "profile": [
                "http://hl7.org/fhir/us/core/StructureDefinition/us-core-goal|6.1.0",
                f"{EXT}/collaborative-goal|{codes.VERSION}",
            ]
        },
        "extension": accepted,
        "identifier": [
            {
                "system": "https://withness.example/fhir/sid/unit-plan",
                "value": "99999999-9999-4999-8999-999999999999",
            },
            {"system": "https://withness.example/fhir/sid/goal", "value": made["id"]},
        ],
        "lifecycleStatus": "active",
        "achievementStatus": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-achievement", "code": "in-progress"}]
        },
        "category": [
            {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-category", "code": "behavioral"}]}
        ],
        "description": {"text": "I want somebody to get it"},
        "subject": {"reference": "Patient/rosa"},
        "startDate": "2026-11-21",
        "expressedBy": {"reference": "Patient/rosa"},
    }
    assert made["note"][2] == {"text": "Wording for the payer: Improve engagement"}


def test_goal_not_agreed_to() -> None:
    """Catches: a declined goal that looks active, and a reason in anybody's words but the client's."""
    reason = "Not while he's\r\nin the room"
    declined = goal(acceptance=(Acceptance("Patient/rosa", DISAGREE, reason),))
    waiting = goal(acceptance=(Acceptance("Patient/rosa", PENDING), Acceptance(CLINICIAN, PENDING)))
    care_plan, first, second, third, *_ = resources(plan(declined, waiting, goal()))
    assert [one["lifecycleStatus"] for one in (first, second, third)] == ["rejected", "proposed", "active"]
    assert ["achievementStatus" in one for one in (first, second, third)] == [False, False, True]
    assert first["statusReason"] == reason
    assert first["note"][-1] == {"text": f"Declined, in the client's words: {reason}"}
    assert "statusReason" not in second
    every = [{"reference": f"Goal/{one['id']}"} for one in (first, second, third)]
    assert care_plan["goal"] == every
    assert care_plan["activity"][0]["detail"]["goal"] == every[1:]


def test_whole_care_plan() -> None:
    """Catches: a second category, an activity with both reference and detail (cpl-3), a missing contributor."""
    made, aim, answers, _ = resources()
    assert {name: value for name, value in made.items() if name not in ("id", "text", "note")} == {
        "resourceType": "CarePlan",
        "meta": {
            "profile": [
                "http://hl7.org/fhir/us/core/StructureDefinition/us-core-careplan|6.1.0",
                f"{EXT}/collaborative-careplan|{codes.VERSION}",
            ]
        },
        "identifier": [
            {
                "system": "https://withness.example/fhir/sid/unit-plan",
                "value": "99999999-9999-4999-8999-999999999999",
            },
            {"system": "https://withness.example/fhir/sid/decision", "value": DECISION_ID},
            {"system": "https://withness.example/fhir/sid/plan", "value": made["id"]},
        ],
        "instantiatesCanonical": ["https://withness.example/fhir/PlanDefinition/heard|0.1.0"],
        "status": "active",
        "intent": "plan",
        "category": [
            {
                "coding": [
                    {"system": "http://snomed.info/sct", "code": "734163000", "display": "Care Plan"},
                    {"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"},
                ]
            }
        ],
        "title": "Collaborative therapy plan",
        "description": "Nobody at home hears me.",
        "subject": {"reference": "Patient/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "period": {"start": "2026-11-21", "end": "2027-02-19"},
        "created": "2026-11-21T10:30:00Z",
        "author": {"reference": "Practitioner/p1"},
        "contributor": [{"reference": "Patient/rosa"}, {"reference": "Practitioner/p1"}],
        "supportingInfo": [{"reference": f"QuestionnaireResponse/{answers['id']}"}],
        "goal": [{"reference": f"Goal/{aim['id']}"}],
        "activity": [
            {
                "detail": {
                    "kind": "Appointment",
                    "code": {"text": "Individual conversation, client-led"},
                    "reasonCode": [
                        {
                            "coding": [
                                {
                                    "system": "https://withness.example/fhir/CodeSystem/problem-for-work",
                                    "code": "feeling-unheard",
                                }
                            ],
                            "text": "To talk about, not a diagnosis: feeling unheard",
                        }
                    ],
                    "goal": [{"reference": f"Goal/{aim['id']}"}],
                    "status": "scheduled",
                    "scheduledTiming": {
                        "repeat": {
                            "boundsPeriod": {"start": "2026-11-21", "end": "2027-02-19"},
                            "duration": 50,
                            "durationUnit": "min",
                            "frequency": 1,
                            "period": 1,
                            "periodUnit": "wk",
                        }
                    },
                    "description": "Conversation of 50 minutes, every week",
                }
            }
        ],
    }


def test_care_plan_notes_say_what_the_plan_is_not() -> None:
    """Catches: a plan without the two honest statements, and conditions that name a domain."""
    full = plan(
        resources_named_by_client=("my sister", "the choir"),
        psychoeducation={"given": "sleep", "deferred": "  ", "deferred-because": "the client asked to wait"},
        frame=replace(FRAME, structure_wanted="more", frequency_weeks=2),
        lead=Lead.THERAPIST,
    )
    made = resources(full, conditions=("psychosis.known-illness",))[0]
    assert [note["text"] for note in made["note"]] == [
        NO_SAFETY_PROTOCOL,
        "Other treatment indicated or considered: a grief group is under way",
        "Resources that the client names:\n- my sister\n- the choir",
        "Psychoeducation, given: sleep",
        "Psychoeducation, deferred-because: the client asked to wait",
        "Structure that the client wants: more",
        CONDITIONS,
        EVIDENCE,
        "Title of heard: No outcome trials.",
    ]
    assert "psychosis" not in json.dumps(made)
    detail = made["activity"][0]["detail"]
    assert detail["code"]["text"] == "Individual conversation, therapist-led"
    assert detail["description"] == "Conversation of 50 minutes, every 2 weeks"
    assert detail["scheduledTiming"]["repeat"]["period"] == 2


def test_a_shared_plan_says_that_other_treatment_was_considered_and_not_what() -> None:
    """Catches: silence about it, and one member's treatment in the other's chart."""
    for share in charts(couple()):
        made = chart_resources(share, released("Patient/rosa", "Patient/ben"), making(), POLICY)[0]
        assert [note["text"] for note in made["note"]][:2] == [NO_SAFETY_PROTOCOL, OTHER_TREATMENT_ELSEWHERE]
        assert "bothtreatment" not in json.dumps(made)


def test_the_narrative_begins_with_the_concern_and_the_goals() -> None:
    """Catches: a plan that opens with its frame or its diagnoses instead of the client's words."""
    said = plan(frame=replace(FRAME, diagnoses=(Diagnosis("Patient/rosa", "Grief"),)))
    div = resources(said)[0]["text"]["div"]
    parts = (
        "<b>The concern in the client's own words</b><br/>Nobody at home hears me.",
        "<b>Goal (agreed)</b><br/>I want somebody to get it",
        "<b>Frame</b><br/>Individual conversation, client-led. Conversation of 50 minutes, every week, from 2026-11-21",
        "<b>Diagnoses on record</b></p><ul><li>Grief</li></ul>",
        "<b>Notes</b>",
    )
    places = [div.index(part) for part in parts]
    assert places == sorted(places)


def test_the_evidence_is_told_as_it_is() -> None:
    """Catches: a claim beyond the sources, and one of their reservations left out."""
    for said in (
        "not presented as an empirically supported treatment for a specific disorder",
        "no treatment manual",
        "According to the sources no systematic analysis",
        "indirect, an inference",
    ):
        assert said in EVIDENCE


@pytest.mark.parametrize("words", ["risk assessment", "crisis help", "safety planning"])
def test_no_safety_protocol(words: str) -> None:
    assert words in NO_SAFETY_PROTOCOL


def test_care_plan_leaves_out_what_was_not_said() -> None:
    """Catches: empty strings and lists, which FHIR forbids."""
    silent = plan(goal(MONOLOGUE), concern=Concern("", (), ()), frame=replace(FRAME, other_treatment=" "))
    made = resources(silent)[0]
    assert "description" not in made
    assert "addresses" not in made
    assert "reasonCode" not in made["activity"][0]["detail"]
    assert [note["text"][:20] for note in made["note"]] == [
        NO_SAFETY_PROTOCOL[:20],
        EVIDENCE[:20],
        "Title of monologue: ",
    ]


def test_addresses_and_problem_titles() -> None:
    diagnoses = (
        Diagnosis("Patient/rosa", "Grief", "Condition/c1"),
        Diagnosis("Patient/rosa", "Low mood"),
        Diagnosis("Patient/rosa", "", "Condition/c2"),
    )
    one = chart(plan(frame=replace(FRAME, diagnoses=diagnoses)))
    titled = making(problem_titles={"feeling-unheard": "Feeling unheard or disempowered"})
    made = chart_resources(one, released(), titled, POLICY)[0]
    assert made["addresses"] == [
        {"reference": "Condition/c1", "display": "Grief"},
        {"display": "Low mood"},
        {"reference": "Condition/c2"},
    ]
    assert made["activity"][0]["detail"]["reasonCode"][0]["text"] == (
        "To talk about, not a diagnosis: Feeling unheard or disempowered"
    )


def test_words_stay_byte_for_byte() -> None:
    """Catches: strip(), Unicode normalisation, newline translation and escaping in structured elements."""
    spoken = plan(
        goal(words=HARD_WORDS, acceptance=(Acceptance("Patient/rosa", DISAGREE, HARD_WORDS),)),
        goal(),
        concern=Concern(HARD_WORDS, (), ()),
    )
    care_plan, aim, *_ = resources(spoken)
    assert care_plan["description"].encode() == HARD_WORDS.encode()
    assert aim["description"] == {"text": HARD_WORDS}
    assert aim["statusReason"] == HARD_WORDS


def test_narrative_is_well_formed_and_keeps_line_breaks() -> None:
    """Catches: unescaped words, CRLF shown as two breaks, and characters that no XML can hold."""
    words = HARD_WORDS + "\x00\x0b\ufffe</div><script>alert(1)</script>"
    care_plan = resources(plan(goal(words=words)))[0]
    assert care_plan["text"]["status"] == "generated"
    div = ElementTree.fromstring(care_plan["text"]["div"])  # noqa: S314 (our own narrative)
    assert div.tag == "{http://www.w3.org/1999/xhtml}div"
    allowed = {f"{{http://www.w3.org/1999/xhtml}}{tag}" for tag in ("div", "p", "b", "br", "ul", "li")}
    assert {one.tag for one in div.iter()} <= allowed
    shown = "".join(div.itertext())
    assert "<b>somebody</b> & \"me\" to 'get it'👩‍👩‍👧 أريد أن يفهمني أحد — cafe\u0301 ]]>" in shown
    assert "\ufffd\ufffd\ufffd</div><script>" in shown
    assert NO_SAFETY_PROTOCOL in shown
    assert xhtml("a\r\nb\nc\rd\u2028e") == "a<br/>b<br/>c<br/>d<br/>e"


def test_ids_are_the_same_on_a_retry_and_differ_by_member() -> None:
    """Catches: random ids (a retry would write a second plan) and one id for two members."""
    assert resources() == resources()
    both = released("Patient/rosa", "Patient/ben")
    ids = [
        {one["id"] for one in chart_resources(share, both, making(), POLICY)}
        for share in charts(couple())
    ]  # fmt: skip
    assert not ids[0] & ids[1]
    assert [len(some) for some in ids] == [5, 5]


# --- one member's chart knows nothing of the other -------------------------------------------------------------

SHARED = ("bothconcern", "bothtreatment", "bothresource", "bothpsycho", "sharedhour")
TRACES = {
    "Patient/rosa": ("rosa", SCREEN_IDS["Patient/rosa"], *SHARED),
    "Patient/ben": ("ben", SCREEN_IDS["Patient/ben"], "T17:30", *SHARED),
}


@pytest.mark.parametrize(("mine", "other"), [("Patient/rosa", "Patient/ben"), ("Patient/ben", "Patient/rosa")])
@pytest.mark.parametrize("enforces", [False, True])
def test_no_trace_of_the_other_member(mine: str, other: str, enforces: bool) -> None:
    """Catches: Goal.acceptance instead of the chart's own, the shared encounter, a partner as a screen's author."""
    answered = screen(
        mine,
        author={"reference": other, "display": "x"},
        source={"reference": other},
        encounter={"reference": "Encounter/sharedhour"},
        contained=[{"resourceType": "Patient", "id": other}],
        basedOn=[{"reference": other}],
    )
    made_with = making(screens={mine: answered, other: screen(other)}, enforces_labels=enforces)
    (share,) = [one for one in charts(couple()) if one.member == mine]
    made = chart_resources(share, released("Patient/rosa", "Patient/ben"), made_with, POLICY)
    text = json.dumps(made)
    foreign = [trace for trace in TRACES[other] if trace in text]
    assert foreign == []
    name = mine.removeprefix("Patient/")
    assert all(f"{name}{part}" in text for part in ("voice", "goal", "diagnosis", "condition"))
    assert "We answer too soon" in text
    assert "Encounter/" not in text


def goals_of(of: Plan) -> list[list[dict[str, Any]]]:
    """Return the Goals of each member's chart."""
    both = released("Patient/rosa", "Patient/ben")
    return [of_kind("Goal", chart_resources(one, both, making(), POLICY)) for one in charts(of)]


def test_each_partner_answers_for_themselves() -> None:
    """Catches: one partner's refusal shown as the other's."""
    rosas, bens = goals_of(couple())
    assert [one["lifecycleStatus"] for one in rosas] == ["active", "active"]
    assert [one["lifecycleStatus"] for one in bens] == ["active", "rejected"]
    assert ["benreason" in json.dumps(one) for one in (rosas, bens)] == [False, True]


@pytest.mark.parametrize("said", [Acceptance("Patient/ben", DISAGREE, "benreason"), Acceptance("Patient/ben", PENDING)])
def test_shared_words_that_a_partner_did_not_agree_to_are_not_in_their_chart(said: Acceptance) -> None:
    """Catches: Rosa's words in Ben's chart, and Ben's answer to them in either."""
    shared, rosas_own, bens_own = couple(said).goals
    own = replace(bens_own, acceptance=(Acceptance("Patient/ben", AGREE),))
    rosas, bens = goals_of(replace(couple(said), goals=(shared, rosas_own, own)))
    assert [one["description"]["text"] for one in rosas] == ["We answer too soon", "rosagoal"]
    assert [one["description"]["text"] for one in bens] == ["bengoal"]
    assert "Patient/ben" not in json.dumps(rosas)
    assert said.status.value not in json.dumps([one["extension"] for one in rosas])


def test_a_partner_who_agreed_to_nothing_gets_no_plan() -> None:
    """Catches: an active CarePlan in the chart of somebody who never said yes; a yes to the other's goal is one."""
    refusing = couple(Acceptance("Patient/ben", DISAGREE))
    assert [one.member for one in charts(refusing)] == ["Patient/rosa"]
    shared, rosas_own, bens_own = refusing.goals
    supported = replace(rosas_own, acceptance=(*rosas_own.acceptance, Acceptance("Patient/ben", AGREE)))
    both = charts(replace(refusing, goals=(shared, supported, bens_own)))
    assert [one.member for one in both] == ["Patient/rosa", "Patient/ben"]
    assert "rosagoal" not in [one.goal.words for one in both[1].goals]


def test_shared_words_are_expressed_by_nobody_alone() -> None:
    """Catches: the couple's words put into one partner's mouth. goal-acceptance holds that partner's own yes."""
    for who, (shared, own) in zip(("Patient/rosa", "Patient/ben"), goals_of(couple()), strict=True):
        assert "expressedBy" not in shared
        assert shared["extension"][0]["extension"] == [
            {"url": "individual", "valueReference": {"reference": who}},
            {"url": "status", "valueCode": AGREE.value},
        ]
        assert own["expressedBy"] == {"reference": who}


# --- the screen's copy ---------------------------------------------------------------------------------------


def copy(*items: dict[str, Any], policy: RiskPolicy = POLICY, enforces: bool = False, **changes: Any) -> dict[str, Any]:
    """Return the chart's copy of Patient/rosa's screen."""
    made_with = making(screens={"Patient/rosa": screen("Patient/rosa", *items, **changes)}, enforces_labels=enforces)
    (made,) = of_kind("QuestionnaireResponse", chart_resources(chart(), released(), made_with, policy))
    return made


def links(made: dict[str, Any]) -> list[str]:
    """Return every linkId of a copy."""

    def walk(items: list[dict[str, Any]]) -> list[str]:
        found = []
        for item in items:
            found += [item["linkId"], *walk(item.get("item", []))]
            for answer in item.get("answer", []):
                found += walk(answer.get("item", []))
        return found

    return walk(made.get("item", []))


def test_whole_copy_of_a_screen() -> None:
    made = copy()
    assert made == {
        "resourceType": "QuestionnaireResponse",
        "id": "a9124bc4-1ec5-5eeb-b182-5c3c04fb2b93",
        "meta": {
            "profile": [
                "http://hl7.org/fhir/us/core/StructureDefinition/us-core-questionnaireresponse|6.1.0",
                f"{EXT}/risk-screen-response|{codes.VERSION}",
            ],
        },
        "identifier": {
            "system": "https://withness.example/fhir/sid/screen",
            "value": "11111111-1111-4111-8111-111111111111",
        },
        "questionnaire": "https://withness.example/fhir/Questionnaire/risk-screen|0.1.0",
        "status": "completed",
        "subject": {"reference": "Patient/rosa"},
        "encounter": {"reference": "Encounter/e1"},
        "authored": "2026-11-21T10:00:00Z",
        "author": {"reference": "Practitioner/p1"},
        "source": {"reference": "Patient/rosa"},
        "item": [
            {
                "linkId": "suicide",
                "item": [
                    {
                        "linkId": "suicide.ideation",
                        "answer": [
                            {
                                "valueCoding": {
                                    "system": "https://withness.example/fhir/CodeSystem/risk-screen-answer",
                                    "code": "no",
                                }
                            }
                        ],
                    }
                ],
            }
        ],
    }


HIDDEN = [
    pytest.param({"linkId": "violence", "item": [asked("violence.fear", "yes")]}, id="its-own-group"),
    pytest.param(asked("violence.fear", "yes"), id="at-the-top"),
    pytest.param(asked("violence.informant", "client"), id="informant"),
    pytest.param({"linkId": "suicide", "item": [asked("violence.fear", "yes")]}, id="in-another-group"),
    pytest.param(
        {"linkId": "suicide", "item": [asked("suicide.ideation", item=[asked("violence.injury", "yes")])]},
        id="under-an-item",
    ),
    pytest.param(
        {
            "linkId": "suicide.ideation",
            "answer": [{"valueString": "no", "item": [{"linkId": "violence", "item": [asked("violence.fear")]}]}],
        },
        id="under-an-answer",
    ),
    pytest.param({"linkId": "note", "answer": [{"valueString": "violence.fear yes"}]}, id="unknown-linkId"),
    pytest.param(asked("Violence.fear", "yes"), id="another-spelling"),
]


@pytest.mark.parametrize("item", HIDDEN)
def test_violence_stays_inside(item: dict[str, Any]) -> None:
    """Catches: a filter that looks at top-level groups only, at one spelling, or not under answers."""
    made = copy(item, asked("medical.collapse"))
    assert "iolence" not in json.dumps(made)
    assert "security" not in made["meta"]
    assert links(made)[-1] == "medical.collapse"


@pytest.mark.parametrize("item", HIDDEN[:6])
def test_violence_goes_labelled_to_an_ehr_that_enforces_labels(item: dict[str, Any]) -> None:
    """Catches: violence answers that travel without the label by which the EHR could hide them."""
    made = copy(item, enforces=True)
    assert any(link.startswith("violence") for link in links(made))
    assert made["meta"]["security"] == [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "SDV"}
    ]  # fmt: skip


def test_violence_stays_inside_whatever_the_policy_says_of_it() -> None:
    """Catches: a site's policy that forgot the domain's sensitivity."""
    domains = tuple(replace(one, sensitivity=None) for one in POLICY.domains)
    forgetful = replace(POLICY, domains=domains)
    assert links(copy(policy=forgetful)) == ["suicide", "suicide.ideation"]
    assert copy(policy=forgetful, enforces=True)["meta"]["security"][0]["code"] == "SDV"


def test_a_question_that_a_policy_marks_so_stays_inside_too() -> None:
    """Catches: sensitivity read from domains only."""
    suicide, *rest = POLICY.domains
    first, *others = suicide.questions
    marked = replace(suicide, questions=(replace(first, sensitivity="SDV"), *others))
    policy = replace(POLICY, domains=(marked, *rest))
    items = (asked("suicide.ideation"), asked("suicide.past-behaviour"))
    assert links(copy(*items, policy=policy)) == ["suicide.past-behaviour"]


@pytest.mark.parametrize("enforces", [False, True])
def test_where_a_person_is_stays_inside(enforces: bool) -> None:
    """Catches: a place to find somebody, in a chart that others read; no label makes it go."""
    place = {"linkId": "setting.location-now", "answer": [{"valueString": "at my sister's"}]}
    for item in (place, {"linkId": "setting", "item": [place]}, {"linkId": "suicide", "item": [place]}):
        made = copy(item, asked("medical.collapse"), enforces=enforces)
        assert "setting" not in json.dumps(made)
        assert "sister" not in json.dumps(made)
        assert links(made)[-1] == "medical.collapse"


@pytest.mark.parametrize("link", ["psychosis.known-illness", "medical.withdrawal"])
@pytest.mark.parametrize("answer", ["yes", "no", "declined"])
def test_substance_use_is_labelled_by_presence_not_by_answer(link: str, answer: str) -> None:
    """Catches: a label that itself tells the answer."""
    made = copy({"linkId": link.split(".", maxsplit=1)[0], "item": [asked(link, answer)]})
    assert made["meta"]["security"] == [{"system": codes.ACT_CODE, "code": "ETH"}]
    assert "security" not in copy(asked("medical.collapse", answer))["meta"]


def test_copy_leaves_behind_what_could_carry_anything() -> None:
    """Catches: copying by removing, instead of by listing what is kept."""
    loose = {"extension": [{"url": "x", "valueString": "secret"}], "id": "secret", "definition": "secret"}
    made = copy(
        {
            "linkId": "suicide",
            "text": "Title of suicide",
            "item": [
                {
                    "linkId": "suicide.ideation",
                    "text": "secret",
                    "answer": [
                        {"valueCoding": {"system": codes.ANSWERS, "code": "no", "display": "secret"}, **loose},
                        {"valueReference": {"reference": "Patient/secret"}},
                        {"valueAttachment": {"title": "secret"}},
                    ],
                    **loose,
                },
                {"linkId": "suicide.validated.by", "answer": [{"valueString": "Dr Validated"}]},
                {"linkId": "suicide.validated.date", "answer": [{"valueDate": "2026-11-21"}]},
                {"linkId": "suicide.informant", "text": "unanswered"},
                asked("suicide.past-behaviour", item=[asked("suicide.past-behaviour.new")]),
            ],
            **loose,
        },
        {"linkId": "integration", "item": [{"linkId": "integration.provider", "answer": [{"valueString": "Dr P"}]}]},
        {"linkId": "setting", "item": [{"linkId": "setting.modality", "answer": [{"valueString": "video"}]}]},
        meta={"tag": [{"code": "secret"}]},
        text={"status": "generated", "div": "secret"},
        contained=[{"resourceType": "Basic", "id": "secret"}],
        partOf=[{"reference": "Observation/secret"}],
        language="secret",
        **loose,
    )
    assert "secret" not in json.dumps(made)
    assert links(made) == [
        "suicide",
        "suicide.ideation",
        "suicide.validated.by",
        "suicide.validated.date",
        "suicide.past-behaviour",
        "suicide.past-behaviour.new",
        "integration",
        "integration.provider",
    ]
    assert made["item"][0]["text"] == "Title of suicide"
    assert "text" not in made["item"][0]["item"][0]
    assert made["item"][0]["item"][1]["answer"] == [{"valueString": "Dr Validated"}]


def test_the_recorded_screen_is_not_touched() -> None:
    """Catches: a copy that shares lists with the record and prunes them there."""
    recorded = screen()
    before = json.dumps(recorded)
    chart_resources(chart(), released(), making(screens={"Patient/rosa": recorded}), POLICY)
    assert json.dumps(recorded) == before


# --- Provenance, labels, refusals ----------------------------------------------------------------------------


def test_whole_provenance() -> None:
    """Catches: a clinician without onBehalfOf (US Core provenance-1), and a target left out."""
    author = {
        "coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author"},
        ]
    }
    signed = plan(signatures=(Signature("Patient/rosa", AT, "consent"), Signature(CLINICIAN, AT, "author")))
    care_plan, aim, answers, made = resources(signed)
    assert made == {
        "resourceType": "Provenance",
        "id": made["id"],
        "meta": {"profile": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance|6.1.0"]},
        "target": [
            {"reference": f"CarePlan/{care_plan['id']}"},
            {"reference": f"Goal/{aim['id']}"},
            {"reference": f"QuestionnaireResponse/{answers['id']}"},
        ],
        "recorded": "2026-11-21T10:30:00Z",
        "activity": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}],
        },
        "agent": [
            {"type": author, "who": {"reference": "Patient/rosa"}},
            {
                "type": author,
                "who": {"reference": "Practitioner/p1"},
                "onBehalfOf": {"reference": "Organization/demo"},
            },
        ],
        "entity": [{"role": "source", "what": {"reference": f"QuestionnaireResponse/{answers['id']}"}}],
        "signature": [
            {
                "type": [{"system": "urn:iso-astm:E1762-95:2013", "code": f"1.2.840.10065.1.12.1.{number}"}],
                "when": "2026-11-21T10:30:00Z",
                "who": {"reference": who},
            }
            for number, who in ((7, "Patient/rosa"), (1, "Practitioner/p1"))
        ],
    }


def test_demo_policy_marks_every_resource() -> None:
    """Catches: a resource of a demonstration that looks like care."""
    test_data = [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}
    ]
    assert [one["meta"]["security"] for one in resources(demo=True)] == [test_data] * 4
    assert all("security" not in one["meta"] for one in resources(demo=False))


@pytest.mark.parametrize("version", ["6.1.0", "7.0.0", "8.0.0"])
def test_profiles_name_the_us_core_version(version: str) -> None:
    made = chart_resources(chart(), released(), making(us_core=version), POLICY)
    assert all(one["meta"]["profile"][0].endswith(f"|{version}") for one in made)


def a_plan_signed(meaning: str, when: datetime = AT) -> Plan:
    return plan(signatures=(Signature(CLINICIAN, when, meaning),))


@pytest.mark.parametrize(
    ("one", "proof", "changes", "field"),
    [
        pytest.param(plan(), released("Patient/ben"), {}, "unit.members", id="another-members-release"),
        pytest.param(plan(), Released(held(released().decision)), {}, "unit.members", id="hand-made-release"),
        pytest.param(plan(), released(id="d1"), {}, "decision.id", id="decision-without-uuid"),
        pytest.param(plan(), released(), {"screens": {}}, "screens", id="no-screen"),
        pytest.param(
            plan(), released(), {"screen_ids": {"Patient/rosa": DECISION_ID}}, "screens", id="not-the-decided-screen"
        ),
        pytest.param(
            plan(),
            released(),
            {"screens": {"Patient/rosa": screen("Patient/ben")}},
            "screens.subject",
            id="wrong-person",
        ),
        pytest.param(a_plan_signed("witness"), released(), {}, "signatures.meaning", id="unknown-meaning"),
        pytest.param(
            a_plan_signed("author", AT.replace(tzinfo=None)), released(), {}, "signatures.when", id="no-time-zone"
        ),
        pytest.param(plan(), released(), {"recorded": AT.replace(tzinfo=None)}, "recorded", id="recorded-without-zone"),
    ],
)
def test_refuses(one: Plan, proof: Released, changes: dict[str, Any], field: str) -> None:
    """Catches: resources made without, or beside, the release that they need."""
    with pytest.raises(InvalidInput) as caught:
        chart_resources(chart(one), proof, making(**changes), POLICY)
    assert caught.value.field == field
    assert "rosa" not in caught.value.message
