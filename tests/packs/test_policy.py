"""The shipped policy as values; one fault at a time planted in its real text is refused, file and key named."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from withness import content
from withness.core.risk import Question, RiskPolicy
from withness.core.source_attributes import ATTRIBUTES, Attributes
from withness.core.terms import Acuity, Purpose
from withness.errors import InvalidContent, PolicyRefused
from withness.packs.policy import load_policy, parse_policy, policy_bytes, shipped_digest
from withness.packs.policy_sources import FILE, source_attributes

TEXT = (content.folder("catalogue") / "risk_policy.toml").read_text(encoding="utf-8")
POLICY = load_policy()

FURTHER = {("suicide.access-to-means", "yes"), ("eating.vitals-outside", "not-measured")}
"""The only answers beside "no" that the policy lists as clearing."""


def question(id: str, policy: RiskPolicy = POLICY) -> Question:
    return next(one for one in policy.questions() if one.id == id)


def test_there_are_25_questions_in_five_domains() -> None:
    sizes = {domain.id: len(domain.questions) for domain in POLICY.domains}
    assert sizes == {"suicide": 6, "psychosis": 5, "violence": 6, "eating": 4, "medical": 4}
    assert len({one.id for one in POLICY.questions()}) == 25


@pytest.mark.parametrize("one", POLICY.questions(), ids=lambda one: one.id)
def test_no_clears_and_nothing_else_but_what_the_policy_lists(one: Question) -> None:
    assert one.answers["no"] is Acuity.NONE
    clearing = {(one.id, code) for code, acuity in one.answers.items() if acuity is Acuity.NONE and code != "no"}
    assert clearing == {pair for pair in FURTHER if pair[0] == one.id}


@pytest.mark.parametrize("one", POLICY.questions(), ids=lambda one: one.id)
def test_silence_never_clears(one: Question) -> None:
    for code in ("unsure", "not-asked", "declined", "", "unknown", "N/A"):
        assert one.answers.get(code, Acuity.UNKNOWN) not in (Acuity.NONE, Acuity.CAUTION)


def test_declined_is_elevated_for_suicide_and_unknown_elsewhere() -> None:
    elevated = [one.id for one in POLICY.questions() if one.answers.get("declined") is Acuity.ELEVATED]
    assert elevated == [one.id for one in POLICY.domains[0].questions if one.id != "suicide.access-to-means"]
    assert sum("declined" in one.answers for one in POLICY.questions()) == 5


def test_ids_carry_their_domain_everywhere() -> None:
    suicide, violence, eating = POLICY.domains[0], POLICY.domains[2], POLICY.domains[3]
    steps = {step.id: step.when for step in (*suicide.directive, *violence.directive)}
    assert steps["emergency-evaluation"] == ("suicide.now", "suicide.intent-or-plan")
    assert steps["duty-to-protect"] == ("violence.threat-to-others",)
    vitals = eating.questions[-1]
    assert vitals.withdrawn_answer == "not-measured"
    assert vitals.withdrawn_by == ("eating.rapid-loss", "eating.purging-or-driven")
    assert vitals.withdrawn_acuity is Acuity.ACUTE


def test_a_step_says_which_need_it_evidences() -> None:
    shown = {(step.domain, step.id): step.evidences for domain in POLICY.domains for step in domain.directive}
    assert shown["suicide", "full-assessment"] == "risk-assessment"
    assert shown["violence", "mandated-report"] == "report-reference-or-reason-none"
    assert shown["suicide", "stay-with"] == ""
    assert shown["suicide", "emergency-evaluation"] == ""  # "went home" is a disposition too
    assert {need for need in shown.values() if need} <= set(POLICY.evidence)


def test_the_chart_learns_nothing_from_a_plan_on_hold() -> None:
    for note in (POLICY.hold_note, POLICY.resume_note):
        for word in ("risk", "safety", "violence", "abuse", "screen", "harm", "danger", "concern", "protocol"):
            assert word not in note.casefold()


def test_windows_and_times_are_read_as_durations() -> None:
    for domain in POLICY.domains:
        assert domain.windows[Purpose.NEW_PLAN].kind == "same-encounter"
        assert domain.windows[Purpose.AMENDMENT].duration == timedelta(days=30)
        assert domain.after_positive.kind == "same-day"
    times = (POLICY.same_encounter_within, POLICY.future_tolerance, POLICY.late_entry)
    assert times == (timedelta(hours=24), timedelta(minutes=5), timedelta(hours=24))


def test_only_the_suicide_domain_needs_a_validated_result() -> None:
    assert [domain.id for domain in POLICY.domains if domain.validated] == ["suicide"]
    rule = POLICY.domains[0].validated
    assert rule is not None
    assert rule.min_age == 8
    assert [code for code, means in rule.results.items() if means is Acuity.NONE] == ["negative", "not-applicable-age"]
    assert rule.missing is Acuity.UNKNOWN


def test_known_history_is_what_never_goes_away() -> None:
    assert [one.id for one in POLICY.questions() if one.known_history] == [
        "suicide.intent-or-plan",
        "suicide.recent-behaviour",
        "suicide.past-behaviour",
        "violence.harmed-past-year",
        "violence.severe-danger",
        "violence.dependant-harmed",
        "violence.threat-to-others",
        "eating.medical-sign",
        "medical.withdrawal",
    ]


def test_the_violence_domain_is_private() -> None:
    violence = POLICY.domains[2]
    assert violence.asked_alone
    assert violence.sensitivity == "SDV"
    assert violence.informants_not_accepted == ("partner", "parent-guardian")


def test_conditions_have_their_fields_and_the_fields_their_wording() -> None:
    for domain in POLICY.domains:
        assert set(domain.condition_needs) <= set(POLICY.need_fields)
    wanted = {field for fields in POLICY.need_fields.values() for field in fields}
    assert wanted == {f"integration.{id}" for id in POLICY.integration}


def test_chart_evidence_only_raises() -> None:
    assert {one.domain for one in POLICY.chart_evidence} == {"suicide"}
    assert [(one.loinc, one.when, one.acuity.value) for one in POLICY.chart_evidence] == [
        (("44260-8",), "> 0", "elevated"),
        (("93249-1", "93250-9", "93269-9"), "yes", "acute"),
        (("93374-7",), "High", "acute"),
        (("93374-7",), "Moderate", "elevated"),
    ]


def test_every_need_has_its_form_but_the_screen_that_the_software_reads() -> None:
    wanted = set()
    for domain in POLICY.domains:
        wanted |= {*domain.assessment_needs, *domain.release_needs, *domain.condition_needs}
        wanted |= {need for needs in domain.needs_when.values() for need in needs}
    assert set(POLICY.evidence) == wanted - {"rescreen-below-acute"}
    assert all(form.need == need and form.source and form.title for need, form in POLICY.evidence.items())


def test_what_serves_another_need_as_well() -> None:
    assert {need: form.serves for need, form in POLICY.evidence.items() if form.serves} == {
        "safety-plan": ("safety-plan-or-declined",),
        "medical-clearance": ("medical-evaluation",),
    }


def test_only_the_day_on_which_a_report_is_due_may_be_any_day() -> None:
    kinds = {(form.need, one.id): one.kind for form in POLICY.evidence.values() for one in form.fields}
    assert [where for where, kind in kinds.items() if kind == "date"] == [
        ("report-reference-or-reason-none", "written-due")
    ]
    assert [where for where, kind in kinds.items() if kind == "day-ahead"] == [
        ("follow-up-date", "date"),
        ("risk-management-plan", "review-date"),
    ]


def test_the_needs_of_a_medical_clinician_name_one() -> None:
    assert {form.need for form in POLICY.evidence.values() if form.medical} == {
        "medical-evaluation",
        "medical-clearance",
        "medical-disposition",
        "specialist-plan",
        "monitoring-interval",
    }
    for form in POLICY.evidence.values():
        named = {field.id for field in form.fields if not field.optional}
        assert form.medical is bool({"clinician", "credential"} & named)


def test_every_reason_for_doing_less_is_as_long_as_an_overrides() -> None:
    asked = [
        ("safety-plan", "reason"),
        ("safety-plan-or-declined", "reason"),
        ("report-reference-or-reason-none", "rationale"),
        ("duty-to-protect-outcome", "rationale"),
    ]
    for need, id in asked:
        field = next(field for field in POLICY.evidence[need].fields if field.id == id)
        assert field.min_chars == POLICY.override.rationale_min_chars == 40


def test_telling_a_supervisor_is_no_evidence_about_a_mandated_report() -> None:
    form = POLICY.evidence["report-reference-or-reason-none"]
    codes = [code for field in form.fields for code in field.options]
    assert codes
    assert not any("supervisor" in code or "told" in code for code in codes)


def test_the_other_members_see_a_neutral_reason_only() -> None:
    reason = next(field for field in POLICY.evidence["conjoint-suitability"].fields if field.id == "reason")
    assert reason.options == tuple(POLICY.neutral_reasons)
    spoken = " ".join([*POLICY.neutral_reasons, *POLICY.neutral_reasons.values()]).casefold()
    for word in ("risk", "safety", "violence", "abuse", "screen", "harm", "danger", "concern", "partner"):
        assert word not in spoken


def test_the_times_of_the_gates_life() -> None:
    times = POLICY.times
    assert (times.now, times.same_session, times.acknowledge) == (
        timedelta(minutes=15),
        timedelta(hours=2),
        timedelta(minutes=15),
    )
    assert (times.unchanged, times.entry_error, times.override) == (
        timedelta(days=180),
        timedelta(hours=24),
        timedelta(hours=72),
    )


def test_an_override_is_narrow_and_a_trainee_is_cosigned() -> None:
    assert POLICY.override.reason_codes == (
        "validated-elsewhere-same-day",
        "client-cannot-answer-collateral-used",
        "declined-collateral-and-observation",
    )
    assert POLICY.consultants == ()
    assert POLICY.trainee_needs_cosignature


def test_decisions_have_their_contract_names() -> None:
    assert [POLICY.decisions[acuity] for acuity in Acuity] == [
        "released",
        "released-with-conditions",
        "held-for-assessment",
        "held-incomplete",
        "held-for-directive-protocol",
    ]


def test_the_shipped_policy_has_no_owner_and_is_a_demo() -> None:
    assert POLICY.demo
    owned = parse_policy(TEXT.replace('owner = "unassigned"', 'owner = "Dr Example"').encode(), name="p.toml")
    assert not owned.demo


S, V, E, PSY, M = (f"domain.{id}" for id in ("suicide", "violence", "eating", "psychosis", "medical"))

# what stands in the policy, what is planted in its place, the key that the refusal names
FAULTS = [
    # silence that would clear
    ('clearing = "no"', 'clearing = "unsure"', "clearing"),
    ('default = "unknown"', 'default = "none"', "declined.default"),
    ('suicide = "elevated"', 'suicide = "caution"', "declined.suicide"),
    ('default = "unknown"\n', "", "declined.default"),
    ('suicide = "elevated"', 'suicidal = "elevated"', "declined.suicidal"),
    ('declined = "unknown"', 'declined = "none"', f"{S}.question.access-to-means.declined"),
    ('yes = "none"', 'yes = "none", unsure = "none"', f"{S}.question.access-to-means.unsure"),
    ('{not-measured = "none"}', '{unsure = "none"}', f"{E}.question.vitals-outside.also_answers.unsure"),
    ('{not-measured = "none"}', '{not-asked = "none"}', f"{E}.question.vitals-outside.also_answers.not-asked"),
    ('{not-measured = "none"}', '{declined = "none"}', f"{E}.question.vitals-outside.also_answers.declined"),
    ('{not-measured = "none"}', '{na = "none"}', f"{E}.question.vitals-outside.also_answers.na"),
    ('{not-measured = "none"}', '{"" = "none"}', f"{E}.question.vitals-outside.also_answers..[key]"),
    ('{not-measured = "none"}', '{" " = "none"}', f"{E}.question.vitals-outside.also_answers. .[key]"),
    ('missing = "unknown"', 'missing = "none"', "validated.missing"),
    ('negative = "none"', 'unsure = "none"', "validated.results.unsure"),
    ('acuity = "acute"}}', 'acuity = "caution"}}', f"{E}.question.vitals-outside.withdrawn.acuity"),
    ('when = "> 0"\nacuity = "elevated"', 'when = "> 0"\nacuity = "none"', "chart_evidence.0.acuity"),
    # names that mean nothing
    ('yes = "elevated"', 'yes = "severe"', f"{S}.question.ideation.yes"),
    ('acute-positive = "acute"', 'acute-positive = "Acute"', "validated.results.acute-positive"),
    ('informants_not_accepted = ["partner"', 'informants_not_accepted = ["spouse"', f"{V}.informants_not_accepted"),
    ('when = ["now", "intent-or-plan"]', 'when = ["later"]', f"{S}.directive.emergency-evaluation.when"),
    ('when = ["withdrawal"]', 'when = ["afraid"]', f"{M}.directive.withdrawal-scale.when"),
    ('evidences = "danger-level"', 'evidences = "disposition"', f"{V}.directive.danger-assessment.evidences"),
    ('hold_note = "This', 'hold_note = ""\nx = "This', "hold_note"),
    ("{command-or-threat = [", "{commands = [", f"{PSY}.needs_when"),
    ('by = ["rapid-loss"', 'by = ["vitals-outside"', f"{E}.question.vitals-outside.withdrawn.by"),
    ('answer = "not-measured"', 'answer = "no"', f"{E}.question.vitals-outside.withdrawn.answer"),
    ('condition_needs = ["integration-record"]', 'condition_needs = ["nothing"]', f"{PSY}.condition_needs"),
    ('treating-clinician = ["integration.provider"', 'treating-clinician = ["provider"', "needs.treating-clinician"),
    ('age_result = "not-applicable-age"', 'age_result = "too-young"', "validated.age_result"),
    ('loinc = ["44260-8"]', 'loinc = ["PHQ9"]', "chart_evidence.0.loinc.0"),
    # decisions
    ('elevated = "held-for-assessment"', 'elevated = "released"', "decisions.elevated"),
    ('unknown = "held-incomplete"', 'unknown = "released-with-conditions"', "decisions.unknown"),
    ('acute = "held-for-directive-protocol"', 'acute = "held-incomplete"', "decisions.acute"),
    ('none = "released"', 'none = "let-through"', "decisions.none"),
    ('acute = "held-for-directive-protocol"\n', "", "decisions.acute"),
    # windows and numbers
    ('new_plan = "same-encounter"', 'new_plan = "same-week"', f"{S}.max_age.new_plan"),
    ('amendment = "P30D"', 'amendment = "P0D"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', 'amendment = "-P30D"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', 'amendment = "P1M"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', 'amendment = "P"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', 'amendment = "P367D"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', 'amendment = "P99999999999999D"', f"{S}.max_age.amendment"),
    ('amendment = "P30D"', "amendment = 30", f"{S}.max_age.amendment"),
    (', after_positive = "same-day"', "", f"{S}.max_age.after_positive"),
    ('same_encounter = "PT24H"', 'same_encounter = "P30D"', "times.same_encounter"),
    ('same_encounter = "PT24H"', "same_encounter = 24", "times.same_encounter"),
    ('future_tolerance = "PT5M"', 'future_tolerance = "P1D"', "times.future_tolerance"),
    ('late_entry = "PT24H"', 'late_entry = "PT0S"', "times.late_entry"),
    ('within = "PT72H"', 'within = "soon"', f"{S}.directive.follow-up.within"),
    ("min_age = 8", "min_age = 99", "validated.min_age"),
    ("min_age = 8", "min_age = true", "validated.min_age"),
    ('version = "0.2.0"', 'version = "latest"', "version"),
    # twice, reserved, unknown, missing, empty
    ('{id = "intent-or-plan"', '{id = "ideation"', f"{S}.question"),
    ('id = "psychosis"', 'id = "suicide"', "domain"),
    ('{step = "full-assessment"', '{step = "stay-with"', f"{S}.directive"),
    ('informants = ["client", ', 'informants = ["client", "client", ', "informants"),
    ('{id = "ideation"', '{id = "informant"', f"{S}.question.informant.id"),
    ('id = "medical"', 'id = "integration"', "domain.integration.id"),
    ('"declined", "not-asked"]', '"declined", "not-asked", "maybe"]', "answers"),
    ("asked_alone = true", 'asked_alone = "true"', f"{V}.asked_alone"),
    ("asked_alone = true", "asked_allone = true", f"{V}.asked_allone"),
    ('owner = "unassigned"', 'owner = "unassigned"\nsigned = true', "signed"),
    ('owner = "unassigned"', 'owner = " "', "owner"),
    ('owner = "unassigned"\n', "", "owner"),
    (', "rescreen-below-acute"]', "]", f"{S}.release_needs"),
    ('assessment_needs = ["medical-evaluation"]', "assessment_needs = []", f"{E}.assessment_needs"),
    ('instruments = ["ASQ", "C-SSRS-screener"]', "instruments = []", "validated.instruments"),
    # the gate's life
    ('now = "PT15M"', 'now = "PT0S"', "times.now"),
    ('same_session = "PT2H"', 'same_session = "P2D"', "times.same_session"),
    ('acknowledge = "PT15M"', 'acknowledge = "soon"', "times.acknowledge"),
    ('unchanged = "P180D"', 'unchanged = "P367D"', "times.unchanged"),
    ('entry_error = "PT24H"', 'entry_error = "P8D"', "times.entry_error"),
    ('override = "PT72H"', 'override = "P8D"', "times.override"),
    ('override = "PT72H"', 'override = "PT0S"', "times.override"),
    ('override = "PT72H"       ', "", "times.override"),
    ('["validated-elsewhere-same-day", ', '["time-pressure", ', "override.reason_codes"),
    ('["validated-elsewhere-same-day", ', '["clinician-knows-client", ', "override.reason_codes"),
    ('["validated-elsewhere-same-day", ', '["other", ', "override.reason_codes"),
    ('["validated-elsewhere-same-day", ', '["unsure", ', "override.reason_codes"),
    ("rationale_min_chars = 40", "rationale_min_chars = 39", "override.rationale_min_chars"),
    ("consultants = []", 'consultants = ["Dr Example"]', "consultants"),
    ("consultants = []", 'consultants = ["Patient/rosa"]', "consultants"),
    ("consultants = []", 'consultants = ["Practitioner/p1", "Practitioner/p1"]', "consultants"),
    ("consultants = []\n", "", "consultants"),
    ("trainee_needs_cosignature = true", 'trainee_needs_cosignature = "no"', "trainee_needs_cosignature"),
    ('scheduling = "The app', 'scheduling = " "\nx = "The app', "neutral_reasons.scheduling"),
    ('domain = "suicide"', 'domain = "sadness"', "chart_evidence.0.domain"),
    # what a need asks for in writing
    ('need = "means-counselling"', 'need = "means"', "evidence.means-counselling"),
    ('need = "means-counselling"', 'need = "disposition"', "evidence"),
    ('"capacity-to-take-part", ', "", "evidence.capacity-to-take-part"),
    ('"capacity-to-take-part", ', '"capacity", ', "evidence.capacity"),
    ('condition_needs = ["treating-clinician"]', 'condition_needs = ["rest"]', f"{M}.condition_needs"),
    ('{id = "rationale", text = "What', '{id = "level", text = "What', "evidence.risk-assessment.fields"),
    ('options = ["low", "moderate", "high"]', "options = []", "evidence.risk-assessment.fields.level.options"),
    ('["low", "moderate", "high"]', '["low", "low"]', "evidence.risk-assessment.fields.level.options"),
    ('interview)", kind = "text"}', 'interview)", kind = "essay"}', "evidence.11.fields.basis.kind"),
    (
        'text = "Risk factors", kind = "text"',
        'text = "Risk factors", kind = "text", options = ["many"]',
        "evidence.risk-assessment.fields.risk-factors.options",
    ),
    (
        'kind = "day-past", when = ["outcome", "made"]',
        'kind = "day-past", when = ["outcome", "lost"]',
        "evidence.safety-plan.fields.made-on.when",
    ),
    (
        'kind = "day-past", when = ["outcome", "made"]',
        'kind = "day-past", when = ["reason", "made"]',
        "evidence.safety-plan.fields.made-on.when",
    ),
    (
        'kind = "day-past", when = ["outcome", "made"]',
        'kind = "day-past", min_chars = 9',
        "evidence.safety-plan.fields.made-on.min_chars",
    ),
    ('options_from = "neutral_reasons"', 'options_from = "reasons"', "evidence.15.fields.reason.options_from"),
    (
        'options_from = "neutral_reasons"',
        'options_from = "neutral_reasons", options = ["x"]',
        "evidence.conjoint-suitability.fields.reason.options",
    ),
    (
        '{id = "clinician", text = "Medical clinician who evaluated", kind = "person"}',
        '{id = "clinician", text = "Medical clinician who evaluated", kind = "text"}',
        "evidence.medical-evaluation.fields.clinician",
    ),
    (
        '{id = "clinician", text = "Medical clinician who evaluated", kind = "person"}',
        '{id = "clinician", text = "Medical clinician who evaluated", kind = "person", optional = true}',
        "evidence.medical-evaluation.fields.clinician",
    ),
    ('serves = ["medical-evaluation"]', 'serves = ["medical"]', "evidence.medical-clearance.serves"),
    ('serves = ["medical-evaluation"]', 'serves = ["medical-clearance"]', "evidence.medical-clearance.serves"),
    ('serves = ["medical-evaluation"]', 'serves = ["rescreen-below-acute"]', "evidence.medical-clearance.serves"),
    (
        'serves = ["medical-evaluation"]',
        'serves = ["medical-evaluation", "medical-evaluation"]',
        "evidence.medical-clearance.serves",
    ),
    ('{id = "date", text = "Day of the f', '{text = "Day of the f', "evidence.6.fields.0.id"),
]


@pytest.mark.parametrize(("right", "wrong", "key"), FAULTS, ids=[f"{key}<-{wrong!r}" for _, wrong, key in FAULTS])
def test_a_fault_in_the_policy_is_refused_with_file_and_key(right: str, wrong: str, key: str) -> None:
    assert right in TEXT
    with pytest.raises(InvalidContent) as refused:
        parse_policy(TEXT.replace(right, wrong, 1).encode(), name="own.toml")
    assert refused.value.field == f"own.toml:{key}"
    assert refused.value.message.startswith(f"own.toml: {key} ")
    assert not {"tuple", "timedelta", "pattern", "input"} & set(re.findall("[a-z]+", refused.value.message.casefold()))
    assert refused.value.exit_code == 2


def test_a_domain_without_questions_is_refused() -> None:
    start = TEXT.index("question = [", TEXT.index('id = "eating"'))
    end = TEXT.index("\n]", start)
    with pytest.raises(InvalidContent) as refused:
        parse_policy((TEXT[:start] + "question = [" + TEXT[end:]).encode(), name="own.toml")
    assert refused.value.field == "own.toml:domain.eating.question"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", TEXT[: TEXT.index("[[domain]]")], "domain = []\n"])
def test_an_empty_policy_is_refused_as_a_policy(text: str) -> None:
    with pytest.raises(PolicyRefused) as refused:
        parse_policy(text.encode(), name="own.toml")
    assert refused.value.field == "own.toml:domain"


class TestTheShippedBytes:
    def test_the_digest_kept_is_the_files(self) -> None:
        assert policy_bytes() == TEXT.encode()
        assert shipped_digest() == POLICY.digest == hashlib.sha256(TEXT.encode()).hexdigest()

    def test_the_same_bytes_from_another_path_decide(self, tmp_path: Path) -> None:
        copy = tmp_path / "policy.toml"
        copy.write_bytes(TEXT.encode())
        assert load_policy(copy) == POLICY

    @pytest.mark.parametrize("place", [0, len(TEXT.encode()) // 2, len(TEXT.encode()) - 1])
    def test_one_byte_changed_at_another_path_refuses(self, tmp_path: Path, place: int) -> None:
        edited = bytearray(TEXT.encode())
        edited[place] ^= 1
        path = tmp_path / "policy.toml"
        path.write_bytes(edited)
        with pytest.raises((PolicyRefused, InvalidContent)):
            load_policy(path)

    def test_a_blank_line_more_refuses(self, tmp_path: Path) -> None:
        path = tmp_path / "policy.toml"
        path.write_bytes(TEXT.encode() + b"\n")
        with pytest.raises(PolicyRefused):
            load_policy(path)

    def test_an_empty_file_refuses(self, tmp_path: Path) -> None:
        path = tmp_path / "policy.toml"
        path.write_bytes(b"")
        with pytest.raises(PolicyRefused):
            load_policy(path)

    def test_a_file_that_is_not_there_is_named_by_its_setting(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidContent) as refused:
            load_policy(tmp_path / "nowhere.toml")
        assert refused.value.field == "WITHNESS_POLICY"

    @pytest.mark.parametrize(
        ("policy", "digest"),
        [
            (TEXT.replace('yes = "acute"', 'yes = "none"', 1), None),
            (TEXT, ""),
            (TEXT, "0" * 64),
            (TEXT, hashlib.sha256(TEXT.encode()).hexdigest() + "  other.toml"),
            (None, None),
        ],
        ids=["policy edited", "no digest", "short digest file", "digest of another file", "policy gone"],
    )
    def test_an_installation_that_was_changed_decides_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str | None, digest: str | None
    ) -> None:
        kept = f"{shipped_digest()}  risk_policy.toml\n" if digest is None else digest
        (tmp_path / "risk_policy.sha256").write_text(kept, encoding="ascii")
        if policy is not None:
            (tmp_path / "risk_policy.toml").write_bytes(policy.encode())
        monkeypatch.setattr(content, "folder", lambda root: tmp_path)
        with pytest.raises(PolicyRefused):
            load_policy()


class TestSourceAttributes:
    ROWS = source_attributes(POLICY)

    def row(self, rule: str) -> dict[str, str]:
        return next(row.said() for row in self.ROWS if row.rule == rule)

    def test_every_rule_has_its_row(self) -> None:
        questions = [one.id for one in POLICY.questions()]
        chart = [f"chart-evidence.{number}" for number in range(len(POLICY.chart_evidence))]
        rules = [row.rule for row in self.ROWS]
        assert sorted(rules) == sorted([*questions, "validated.suicide", *chart, "gate"])
        assert len(set(rules)) == len(rules)

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
    def test_a_row_says_all_thirteen_and_can_be_json(self, row: Attributes) -> None:
        said = json.loads(json.dumps(row.said()))
        assert list(said) == ["rule", "title", *ATTRIBUTES]
        assert len(ATTRIBUTES) == 13
        assert all(text.strip() and not re.search(r"[{}]", text) for text in said.values())

    @pytest.mark.parametrize("row", ROWS, ids=lambda row: row.rule)
    def test_no_rule_reads_who_the_person_is(self, row: Attributes) -> None:
        for name in ("race", "ethnicity", "language", "sexual-orientation", "gender-identity", "sex"):
            assert row.values[name].startswith("Not used.")

    def test_the_date_of_birth_proves_one_age_and_nothing_else(self) -> None:
        used = [row.rule for row in self.ROWS if row.values["date-of-birth"].startswith("Used")]
        assert used == ["validated.suicide", "gate"]
        assert "younger than 8" in self.row("validated.suicide")["date-of-birth"]

    def test_what_is_asked_about_home_and_health_is_told(self) -> None:
        assert all(row.values["health-status"].startswith("Used") for row in self.ROWS)
        used = [row.rule for row in self.ROWS if row.values["social-determinants"].startswith("Used")]
        assert used == [
            "psychosis.self-neglect",
            *(f"violence.{id}" for id in ("afraid", "harmed-past-year", "controlled", "severe-danger")),
            "violence.dependant-harmed",
            "gate",
        ]

    def test_the_citation_is_the_domains_own_and_never_the_seed(self) -> None:
        assert self.row("violence.afraid")["citation"] == "; ".join(POLICY.domains[2].basis)
        assert "LOINC 44260-8" in self.row("chart-evidence.0")["citation"]
        assert "written by a model" in self.row("gate")["citation"]

    def test_version_and_owner_are_the_policys(self) -> None:
        owned = parse_policy(TEXT.replace('owner = "unassigned"', 'owner = "Dr Example"').encode(), name="p.toml")
        row = source_attributes(owned)[0].said()
        assert "Dr Example" in row["developer"]
        assert POLICY.version in row["dates"]

    def test_a_domain_of_a_sites_own_has_its_thirteen_too(self) -> None:
        own = replace(POLICY.domains[0], id="sleep", basis=("Site guideline 4",))
        rows = [row for row in source_attributes(replace(POLICY, domains=(own,))) if row.rule == "validated.sleep"]
        assert rows[0].values["date-of-birth"].startswith("Used")
        assert all(text.strip() for text in rows[0].values.values())

    def test_every_exception_is_about_a_rule_there_is(self) -> None:
        written = tomllib.loads((content.folder("catalogue") / FILE).read_text(encoding="utf-8"))
        for one in written["exception"]:
            fitting = [row for row in self.ROWS if f"{row.rule}.".startswith(f"{one['rule']}.")]
            assert any(row.values[one["attribute"]][:20] == one["text"][:20] for row in fitting)

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            ('race = "Not used."\n', ""),
            ('race = "Not used."', 'race = " "'),
            ("funding = ", "fund = "),
            ("gate = ", "x = "),
        ],
    )
    def test_a_fault_in_the_texts_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str
    ) -> None:
        text = (content.folder("catalogue") / FILE).read_text(encoding="utf-8")
        assert right in text
        (tmp_path / FILE).write_text(text.replace(right, wrong), encoding="utf-8")
        monkeypatch.setattr(content, "folder", lambda root: tmp_path)
        with pytest.raises(InvalidContent, match=FILE):
            source_attributes(POLICY)

    def test_texts_that_are_gone_are_a_sentence(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(content, "folder", lambda root: tmp_path)
        with pytest.raises(InvalidContent, match="cannot be read"):
            source_attributes(POLICY)


def test_the_gate_does_not_wait_for_pydantic() -> None:
    said = "import sys, withness.core.gate, withness.core.catalogue; sys.exit('pydantic' in sys.modules)"
    plugin = Path(__file__).resolve().parents[2] / "plugin"
    subprocess.run([sys.executable, "-c", said], check=True, env={"PYTHONPATH": str(plugin)})
