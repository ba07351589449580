"""Plans, decisions and screens for the tests of fhir/, made straight from the core's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from withness.core.gate import Decision, Finding, MemberDecision, Released, release
from withness.core.goal import Acceptance, AcceptanceStatus, Diagnosis, Frame, Goal
from withness.core.plan import ChartPlan, Concern, Plan, Signature, Unit, Voice, charts
from withness.core.risk import Domain, OverrideRule, Question, RiskPolicy, Times, ValidatedRule, Window
from withness.core.template import (
    Both,
    Count,
    Exists,
    Limit,
    LimitKind,
    Measure,
    Part,
    PlanTemplate,
    Ratio,
    Target,
    Yes,
)
from withness.core.terms import Acuity, Lead, Purpose, UnitKind
from withness.fhir import codes
from withness.fhir.making import Making
from withness.fhir.plan_resources import chart_resources

AT = datetime(2026, 11, 21, 10, 30, 0, tzinfo=UTC)
DECISION_ID = "6f2c1c1e-8a55-4b0f-9a53-0d5a3f6f7b10"
SCREEN_IDS = {
    "Patient/rosa": "11111111-1111-4111-8111-111111111111",
    "Patient/ben": "22222222-2222-4222-8222-222222222222",
}
CLINICIAN = "Practitioner/p1"
AGREE, PENDING, DISAGREE = AcceptanceStatus.AGREE, AcceptanceStatus.PENDING, AcceptanceStatus.DISAGREE

HARD_WORDS = "  I want <b>somebody</b> & \"me\" to 'get it'\r\n👩‍👩‍👧 أريد أن يفهمني أحد — cafe\u0301 ]]> \t end\n"
"""Line breaks of both kinds, XML's special characters, an emoji of several code points, Arabic, a combining accent."""

FRAME = Frame(
    start=date(2026, 11, 21),
    review_by=date(2027, 2, 19),
    frequency_weeks=1,
    session_minutes=50,
    other_treatment="a grief group is under way",
)


def template(id: str, measure: Measure, target: Target, limit: Limit, **changes: Any) -> PlanTemplate:
    """Return a plan template around one measure."""
    made = PlanTemplate(
        id=id,
        version="0.1.0",
        title=f"Title of {id}",
        goal="",
        objective="",
        measure=measure,
        target=target,
        limit=limit,
        responsible="client",
        mechanism="",
        references=(3, 6),
        source="",
        problems=("feeling-unheard",),
        leads=(Lead.CLIENT,),
        units=tuple(UnitKind),
        evidence="No outcome trials.",
    )
    return replace(made, **changes)


HEARD = template(
    "heard",
    Measure("felt-understood", "The client says that they felt understood.", "sessions", "session"),
    Ratio(3, 4),
    Limit(LimitKind.SESSIONS, 4),
)
MONOLOGUE = template(
    "monologue",
    Measure("reflected", "One person reflects the other's meaning first.", "instances", "instance", each_partner=1),
    Count(2),
    Limit(LimitKind.SESSIONS, 6),
    problems=("communication-difficulties",),
)
OWN_LIST = template(
    "own-list",
    Measure("own-list", "A list of own priorities, written together.", artefact="the list is written"),
    Exists(),
    Limit(LimitKind.BY_SESSION, 3),
)
TRANSITION = template(
    "transition",
    Measure("possibilities", "New possibilities are named and described.", "possibilities", "possibility"),
    Count(2),
    Limit(LimitKind.WEEKS, 6),
)
SHARED_YES = template(
    "felt-shared", Measure("felt-shared", "The intake felt shared."), Yes(), Limit(LimitKind.BY_SESSION, 1)
)
RE_ENGAGE = template(
    "re-engage",
    Measure(
        "re-engaged",
        "The client gives therapy another chance.",
        parts=(Part("feels-different", "Therapy feels different."), Part("agrees", "The client agrees to continue.")),
    ),
    Both(("feels-different", "agrees")),
    Limit(LimitKind.SESSIONS, 2),
)


def goal(of: PlanTemplate = HEARD, words: str = "I want somebody to get it", **changes: Any) -> Goal:
    """Return a goal of the template's own target and limit, agreed by Patient/rosa."""
    made = Goal(
        template=of,
        words=words,
        payer_words=None,
        by=None,
        within=of.limit,
        target=of.target,
        responsible="client",
        acceptance=(Acceptance("Patient/rosa", AGREE), Acceptance(CLINICIAN, AGREE)),
    )
    return replace(made, **changes)


def plan(*goals: Goal, **changes: Any) -> Plan:
    """Return Patient/rosa's plan with `goals` (one worked example when none is given)."""
    made = Plan(
        unit=Unit(UnitKind.INDIVIDUAL, ("Patient/rosa",)),
        encounter="Encounter/e1",
        author=CLINICIAN,
        lead=Lead.CLIENT,
        concern=Concern("Nobody at home hears me.", (), ("feeling-unheard",)),
        frame=FRAME,
        goals=goals or (goal(),),
        resources_named_by_client=(),
        psychoeducation={},
        signatures=(),
        supersedes=None,
        request_id="r1",
    )
    return replace(made, **changes)


BEN_AGREES = Acceptance("Patient/ben", AGREE)


def couple(ben: Acceptance = BEN_AGREES) -> Plan:
    """Return a couple's plan where every word of one member is unlike every word of the other.

    They share its first goal; `ben` is what Patient/ben says to that one.
    """
    return plan(
        goal(MONOLOGUE, "We answer too soon", acceptance=(
            Acceptance("Patient/rosa", AGREE),
            ben,
            Acceptance(CLINICIAN, AGREE),
        )),
        goal(HEARD, "rosagoal", by="Patient/rosa", payer_words="rosapayer"),
        goal(OWN_LIST, "bengoal", by="Patient/ben", acceptance=(Acceptance("Patient/ben", DISAGREE, "benreason"),)),
        unit=Unit(UnitKind.COUPLE, ("Patient/rosa", "Patient/ben")),
        encounter="Encounter/sharedhour",
        concern=Concern(
            "bothconcern",
            (Voice("Patient/rosa", "rosavoice"), Voice("Patient/ben", "benvoice")),
            ("communication-difficulties", "feeling-unheard"),
        ),
        frame=replace(
            FRAME,
            other_treatment="bothtreatment",
            diagnoses=(
                Diagnosis("Patient/rosa", "rosadiagnosis", "Condition/rosacondition"),
                Diagnosis("Patient/ben", "bendiagnosis", "Condition/bencondition"),
            ),
        ),
        resources_named_by_client=("bothresource",),
        psychoeducation={"given": "bothpsycho"},
        signatures=(
            Signature("Patient/rosa", AT, "co-author"),
            Signature("Patient/ben", AT + timedelta(hours=7), "consent"),
            Signature(CLINICIAN, AT, "author"),
        ),
    )  # fmt: skip


def decision(*members: str, demo: bool = False, conditions: tuple[str, ...] = (), **changes: Any) -> Decision:
    """Return a decision that releases `members` (Patient/rosa when none is given)."""
    acuity = Acuity.CAUTION if conditions else Acuity.NONE
    judged = tuple(
        MemberDecision(
            person=person,
            name="released-with-conditions" if conditions else "released",
            acuity=acuity,
            by="screen",
            findings=(Finding("psychosis", "known-illness", acuity, "why"),) if conditions else (),
            missing=(),
            conditions=conditions,
            screen=SCREEN_IDS[person],
            expires=None,
        )
        for person in members or ("Patient/rosa",)
    )
    made = Decision(
        id=DECISION_ID,
        kind=UnitKind.INDIVIDUAL if len(judged) == 1 else UnitKind.COUPLE,
        members=judged,
        purpose=Purpose.NEW_PLAN,
        at=AT,
        policy_version="0.1.0",
        policy_digest="d",
        demo=demo,
    )
    return replace(made, **changes)


def released(*members: str, **changes: Any) -> Released:
    """Return the proof of such a release."""
    proof = release(decision(*members, **changes))
    assert proof is not None
    return proof


def held(decided: Decision) -> Decision:
    """Return the same decision with its first member acute."""
    return replace(decided, members=(replace(decided.members[0], acuity=Acuity.ACUTE), *decided.members[1:]))


def _question(id: str, **changes: Any) -> Question:
    domain, _, _ = id.partition(".")
    return Question(id=id, domain=domain, text=f"Wording of {id}", answers={"no": Acuity.NONE}, **changes)


def _domain(id: str, *questions: Question, **changes: Any) -> Domain:
    window = Window("same-encounter")
    return Domain(
        id=id,
        title=f"Title of {id}",
        basis=(),
        questions=questions,
        windows=dict.fromkeys(Purpose, window),
        after_positive=window,
        directive=(),
        assessment_needs=(),
        release_needs=(),
        needs_when={},
        **changes,
    )


POLICY = RiskPolicy(
    version="0.1.0",
    owner="Dr Owner",
    digest="d",
    demo=False,
    answers=("yes", "no", "unsure", "declined", "not-asked"),
    informants=("client",),
    not_an_answer=(),
    domains=(
        _domain(
            "suicide",
            _question("suicide.ideation"),
            _question("suicide.past-behaviour", known_history=True),
            validated=ValidatedRule(("ASQ",), 8, {"negative": Acuity.NONE}, "not-applicable-age", Acuity.UNKNOWN),
        ),
        _domain("psychosis", _question("psychosis.known-illness", sensitivity="ETH")),
        _domain(
            "violence", _question("violence.fear"), _question("violence.injury"), asked_alone=True, sensitivity="SDV"
        ),
        _domain("medical", _question("medical.withdrawal", sensitivity="ETH"), _question("medical.collapse")),
    ),
    same_encounter_within=timedelta(hours=24),
    future_tolerance=timedelta(minutes=5),
    late_entry=timedelta(hours=24),
    integration={"provider": "Treating provider", "supports": "Structured supports"},
    chart_evidence=(),
    need_fields={"integration-record": ("integration.provider", "integration.supports")},
    decisions={},
    never_blocked=(),
    setting_items=("modality", "location-now"),
    reflection="",
    unit_sentence="",
    hold_note="Paused",
    resume_note="Resumed",
    evidence={},
    times=Times(*[timedelta(minutes=15)] * 6),
    override=OverrideRule((), 40),
    consultants=(),
    neutral_reasons={},
    trainee_needs_cosignature=True,
)


def asked(link: str, code: str = "no", **more: Any) -> dict[str, Any]:
    """Return one answered item of a screen."""
    return {"linkId": link, "answer": [{"valueCoding": {"system": codes.ANSWERS, "code": code}}], **more}


def screen(member: str = "Patient/rosa", *items: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a recorded screen, with one quiet answer per domain when no item is given."""
    quiet = (
        {"linkId": "suicide", "item": [asked("suicide.ideation")]},
        {"linkId": "violence", "item": [asked("violence.fear"), asked("violence.asked-alone", "yes")]},
    )
    return {
        "resourceType": "QuestionnaireResponse",
        "id": "as-recorded",
        "questionnaire": f"{codes.QUESTIONNAIRE_RISK_SCREEN}|0.1.0",
        "status": "completed",
        "subject": {"reference": member},
        "encounter": {"reference": "Encounter/e1"},
        "authored": "2026-11-21T10:00:00Z",
        "author": {"reference": CLINICIAN},
        "source": {"reference": member},
        "item": list(items or quiet),
        **changes,
    }


def making(**changes: Any) -> Making:
    """Return a Making for Patient/rosa and Patient/ben."""
    made = Making(
        recorded=AT,
        unit_plan="99999999-9999-4999-8999-999999999999",
        organization="Organization/demo",
        us_core="6.1.0",
        enforces_labels=False,
        screens={member: screen(member) for member in SCREEN_IDS},
        screen_ids=SCREEN_IDS,
    )
    return replace(made, **changes)


def chart(of: Plan | None = None) -> ChartPlan:
    """Return the first member's chart plan."""
    return charts(of or plan())[0]


def resources(of: Plan | None = None, **changes: Any) -> tuple[dict[str, Any], ...]:
    """Return the resources of a one-member plan; `changes` go to the decision."""
    return chart_resources(chart(of), released(**changes), making(), POLICY)


def of_kind(kind: str, made: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the resources of one type."""
    return [one for one in made if one["resourceType"] == kind]
