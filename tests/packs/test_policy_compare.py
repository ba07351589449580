"""A site's policy against the shipped one: each way to loosen it is refused by its key, each way to tighten passes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from withness import content
from withness.core.risk import ChartEvidence, RiskPolicy, Window
from withness.core.terms import Acuity
from withness.errors import PolicyRefused
from withness.packs.policy import load_policy, parse_policy
from withness.packs.policy_compare import Change, differences, refuse_loosening

TEXT = (content.folder("catalogue") / "risk_policy.toml").read_text(encoding="utf-8")
SHIPPED = load_policy()
OWNED = TEXT.replace('version = "0.2.0"', 'version = "1.0.0"').replace('owner = "unassigned"', 'owner = "Dr Example"')

S, V, E, PSY, M = (f"domain.{id}" for id in ("suicide", "violence", "eating", "psychosis", "medical"))


def edited(right: str, wrong: str) -> RiskPolicy:
    assert right in OWNED
    return parse_policy(OWNED.replace(right, wrong, 1).encode(), name="site.toml")


def changes(policy: RiskPolicy) -> list[tuple[str, str]]:
    """Where and how `policy` differs, its version and owner aside."""
    found = differences(SHIPPED, policy)
    return [(one.where, one.direction) for one in found if one.where not in ("version", "owner")]


# what stands in the shipped policy, what a site plants in its place, the key that the refusal names
LOOSENED = [
    # answers
    ('"Thinking about it right now?", yes = "acute"', '"Thinking?", yes = "elevated"', f"{S}.question.now.yes"),
    ('"Thinking about it right now?", yes = "acute"', '"Thinking?", yes = "unknown"', f"{S}.question.now.yes"),
    ('past month?", yes = "elevated"', 'past month?", yes = "unknown"', f"{S}.question.ideation.yes"),
    ('past month?", yes = "elevated"', 'past month?", yes = "none"', f"{S}.question.ideation.yes"),
    ('yes = "caution", sensitivity', 'yes = "none", sensitivity', f"{PSY}.question.known-illness.yes"),
    ('suicide = "elevated"', 'suicide = "unknown"', f"{S}.question.ideation.declined"),
    ('default = "unknown"', 'default = "elevated"', f"{PSY}.question.command-or-threat.declined"),
    ('right now?", yes = "acute"', 'right now?", yes = "acute", declined = "unknown"', f"{S}.question.now.declined"),
    (
        'right now?", yes = "acute"',
        'right now?", yes = "acute", also_answers = {no-more = "none"}',
        f"{S}.question.now.also_answers.no-more",
    ),
    ('by = ["rapid-loss", "purging-or-driven"]', 'by = ["rapid-loss"]', f"{E}.question.vitals-outside.withdrawn.by"),
    (
        '"purging-or-driven"], acuity = "acute"}',
        '"purging-or-driven"], acuity = "elevated"}',
        f"{E}.question.vitals-outside.withdrawn.acuity",
    ),
    (
        ', withdrawn = {answer = "not-measured", by = ["rapid-loss", "purging-or-driven"], acuity = "acute"}',
        "",
        f"{E}.question.vitals-outside.withdrawn.answer",
    ),
    # what a question is
    ('right now?", yes = "acute"', 'now?", yes = "acute", known_history = true', f"{S}.question.now.known_history"),
    ('right now?", yes = "acute"', 'now?", yes = "acute", passing = true', f"{S}.question.now.passing"),
    ('right now?", yes = "acute"', 'now?", yes = "acute", observed = true', f"{S}.question.now.observed"),
    ('"caution", sensitivity = "ETH"', '"caution"', f"{PSY}.question.known-illness.sensitivity"),
    ('"caution", sensitivity = "ETH"', '"caution", sensitivity = "PSY"', f"{PSY}.question.known-illness.sensitivity"),
    (', also = "mandated-report"', "", f"{V}.question.dependant-harmed.also"),
    (re.findall(r'  \{id = "controlled".*\n', TEXT)[0], "", f"{V}.question.controlled"),
    # what a domain asks for
    ('assessment_needs = ["risk-assessment", ', "assessment_needs = [", f"{S}.assessment_needs"),
    ('assessment_needs = ["danger-level", ', "assessment_needs = [", f"{V}.assessment_needs"),
    ('"disposition", "follow-up-date", "rescreen', '"disposition", "rescreen', f"{S}.release_needs"),
    ('condition_needs = ["integration-record"]', "condition_needs = []", f"{PSY}.condition_needs"),
    ('["safety-plan-or-declined", "supervisor-consult"]}', '["supervisor-consult"]}', f"{PSY}.needs_when.command-or"),
    ("unit-of-more-than-one = [", "afraid = [", f"{V}.needs_when.unit-of-more-than-one"),
    ('when = ["withdrawal"]', 'when = ["withdrawal"], evidences = "treating-clinician"', f"{M}.directive.withdrawal-"),
    ("asked_alone = true", "asked_alone = false", f"{V}.asked_alone"),
    ('informants_not_accepted = ["partner", ', "informants_not_accepted = [", f"{V}.informants_not_accepted"),
    ('sensitivity = "SDV"', "", f"{V}.sensitivity"),
    ('ask = "privately, one member at a time; never where a partner or proxy can read it"', "", f"{V}.ask"),
    (re.findall(r'  \{step = "means-safety".*\n', TEXT)[0], "", f"{S}.directive.means-safety"),
    ('within = "now", when = ["now", "intent-or-plan"]', 'within = "now", when = ["now"]', f"{S}.directive.emergency-"),
    (
        'Stay with the person or keep the line open", owner = "clinician", within = "now"',
        'Stay", owner = "clinician", within = "now", when = ["now"]',
        f"{S}.directive.stay-with.when",
    ),
    (
        '"Stay with the person or keep the line open", owner = "clinician"',
        '"Stay", owner = "client"',
        f"{S}.directive.stay-with.owner",
    ),
    ('owner = "medical"', 'owner = "clinician"', f"{M}.directive.withdrawal-scale.owner"),
    # the validated result
    ("validated_result_required = true", "", f"{S}.validated_result_required"),
    ('\npositive = "elevated"', '\npositive = "caution"', "validated.results.positive"),
    ('\nnegative = "none"', '\nnegative = "none"\nfine = "none"', "validated.results.fine"),
    ('missing = "unknown"', 'missing = "elevated"', "validated.missing"),
    ('age_result = "not-applicable-age"', 'age_result = "negative"', "validated.age_result"),
    # the whole gate
    ('"record"]', '"record", "neighbour"]', "informants"),
    ('not_an_answer = ["n/a", ', "not_an_answer = [", "not_an_answer"),
    ('never_blocked = ["progress-note", "safety-plan", ', 'never_blocked = ["progress-note", ', "never_blocked"),
    ('never_blocked = ["progress-note", ', 'never_blocked = ["progress-note", "new-plan", ', "never_blocked"),
    ('setting = ["modality", "location-now", ', 'setting = ["modality", ', "setting"),
    (', "integration.relapse-plan"]', "]", "needs.integration-record"),
    # evidence in the chart
    ('when = "> 0"', 'when = "> 1"', "chart_evidence.0"),
    ('when = "yes"\nacuity = "acute"', 'when = "yes"\nacuity = "elevated"', "chart_evidence.1"),
    ('"93250-9", "93269-9"]', '"93250-9"]', "chart_evidence.1"),
    ('when = "High"\nacuity = "acute"\ndomain = "suicide"', 'when = "High"\nacuity = "acute"\ndomain = "eating"', "ch"),
    # overrides and trainees
    ('reason_codes = ["valid', 'reason_codes = ["busy-day", "valid', "override.reason_codes"),
    ("trainee_needs_cosignature = true", "trainee_needs_cosignature = false", "trainee_needs_cosignature"),
    # evidence of needs
    (
        re.findall(r'  \{id = "protective-factors".*\n', TEXT)[0],
        "",
        "evidence.risk-assessment.fields.protective-factors",
    ),
    (
        'text = "Risk factors", kind = "text"',
        'text = "Risk factors", kind = "text", optional = true',
        "evidence.risk-assessment.fields.risk-factors.optional",
    ),
    (
        'text = "Risk factors", kind = "text"',
        'text = "Risk factors", kind = "text", when = ["level", "high"]',
        "evidence.risk-assessment.fields.risk-factors.when",
    ),
    (
        'kind = "text", min_chars = 40, when = ["outcome", "no-report"]',
        'kind = "text", min_chars = 39, when = ["outcome", "no-report"]',
        "evidence.report-reference-or-reason-none.fields.rationale.min_chars",
    ),
    (
        '"outside-the-definition-in-law"]',
        '"outside-the-definition-in-law", "told-my-supervisor"]',
        "evidence.report-reference-or-reason-none.fields.reason.options",
    ),
    ('"low", "moderate", "high"]', '"low", "moderate"]', "evidence.risk-assessment.fields.level.options"),
    ('text = "When", kind = "time"', 'text = "When", kind = "text"', "evidence.supervisor-consult.fields.when.kind"),
    ("medical = true", "medical = false", "evidence.medical-evaluation.medical"),
    ('need = "disposition"', 'need = "disposition"\nserves = ["follow-up-date"]', "evidence.disposition.serves"),
    (
        '"Day of the clearance", kind = "day-past"',
        '"Day", kind = "date"',
        "evidence.medical-clearance.fields.date.kind",
    ),
]


@pytest.mark.parametrize(
    ("right", "wrong", "key"), LOOSENED, ids=[f"{key}<-{wrong[:40]!r}" for _, wrong, key in LOOSENED]
)
def test_a_policy_that_loosens_is_refused_by_its_key(right: str, wrong: str, key: str) -> None:
    site = edited(right, wrong)
    with pytest.raises(PolicyRefused) as refused:
        refuse_loosening(SHIPPED, site)
    assert refused.value.field.startswith(key)
    assert refused.value.message.startswith(f"{refused.value.field} loosens")
    assert refused.value.exit_code == 2


TIGHTENED = [
    ('past month?", yes = "elevated"', 'past month?", yes = "acute"', f"{S}.question.ideation.yes"),
    ('yes = "caution", sensitivity', 'yes = "elevated", sensitivity', f"{PSY}.question.known-illness.yes"),
    (
        '{not-measured = "none"}',
        '{not-measured = "none", abroad = "acute"}',
        f"{E}.question.vitals-outside.also_answers.",
    ),
    ("question = [\n", 'question = [\n  {id = "sleep", text = "Sleep?", yes = "caution"},\n', f"{S}.question.sleep"),
    ('longer ago than 3 months?", yes = "elevated", known_history = true', 'ago?", yes = "elevated"', f"{S}.question."),
    (', sensitivity = "ETH", passing = true', ', sensitivity = "ETH"', f"{M}.question.intoxicated.passing"),
    (", observed = true", "", f"{PSY}.question.disorganised.observed"),
    ('right now?", yes = "acute"', 'right now?", yes = "acute", sensitivity = "PSY"', f"{S}.question.now.sensitivity"),
    (
        'assessment_needs = ["danger-level", ',
        'assessment_needs = ["danger-level", "disposition", ',
        f"{V}.assessment_ne",
    ),
    (
        "needs_when = {command",
        'needs_when = {new-or-worse = ["disposition"], command',
        f"{PSY}.needs_when.new-or-worse",
    ),
    ('condition_needs = ["treating-clinician"]', 'condition_needs = ["treating-clinician", "integration-record"]', M),
    ("directive = [\n", 'directive = [\n  {step = "call", text = "Call", owner = "clinician", within = "now"},\n', S),
    (', when = ["withdrawal"]', "", f"{M}.directive.withdrawal-scale.when"),
    ('"parent-guardian"]   # their', '"parent-guardian", "record"]   # their', f"{V}.informants_not_accepted"),
    ('"clinician-observed", "record"]', '"clinician-observed"]', "informants"),
    ('\npositive = "elevated"', '\npositive = "acute"', "validated.results.positive"),
    ('when = "Moderate"\nacuity = "elevated"', 'when = "Moderate"\nacuity = "acute"', "chart_evidence.3"),
    ('["93374-7"]', '["93374-7", "93375-4"]', "chart_evidence.2"),
    ("rationale_min_chars = 40", "rationale_min_chars = 80", "override.rationale_min_chars"),
    ('reason_codes = ["validated-elsewhere-same-day", ', "reason_codes = [", "override.reason_codes"),
    (
        'interview)", kind = "text"}',
        'interview)", kind = "text", min_chars = 20}',
        "evidence.danger-level.fields.basis.min_chars",
    ),
    ('kind = "date", optional = true', 'kind = "date"', "evidence.report-reference-or-reason-none.fields.written-due."),
    ('serves = ["medical-evaluation"]\n', "", "evidence.medical-clearance.serves"),
    ('"interpreter"]', '"interpreter", "who-is-near"]', "setting"),
]


@pytest.mark.parametrize(
    ("right", "wrong", "key"), TIGHTENED, ids=[f"{key}<-{wrong[:40]!r}" for _, wrong, key in TIGHTENED]
)
def test_a_policy_that_tightens_passes(right: str, wrong: str, key: str) -> None:
    site = edited(right, wrong)
    refuse_loosening(SHIPPED, site)
    found = [(where, how) for where, how in changes(site) if how == "tightens"]
    assert found
    assert all(where.startswith(key) for where, _ in found)


SITE_DATA = [
    ('new_plan = "same-encounter"', 'new_plan = "same-day"', f"{S}.max_age.new_plan"),
    ('amendment = "P30D"', 'amendment = "P60D"', f"{S}.max_age.amendment"),
    ('after_positive = "same-day"', 'after_positive = "P2D"', f"{S}.max_age.after_positive"),
    ('instruments = ["ASQ", "C-SSRS-screener"]', 'instruments = ["ASQ"]', "validated.instruments"),
    ("min_age = 8", "min_age = 10", "validated.min_age"),
    ('same_encounter = "PT24H"', 'same_encounter = "PT12H"', "times.same_encounter"),
    ('late_entry = "PT24H"', 'late_entry = "PT48H"', "times.late_entry"),
    ('acknowledge = "PT15M"', 'acknowledge = "PT30M"', "times.acknowledge"),
    ('override = "PT72H"', 'override = "PT24H"', "times.override"),
    ('within = "PT72H"', 'within = "PT48H"', f"{S}.directive.follow-up.within"),
    ("consultants = []", 'consultants = ["Practitioner/p9"]', "consultants"),
    ('scheduling = "The', 'holiday = "A holiday"\nscheduling = "The', "neutral_reasons"),
    ('not_an_answer = ["n/a", ', 'not_an_answer = ["n/a", "see above", ', "not_an_answer"),
    ('never_blocked = ["progress-note", ', 'never_blocked = ["progress-note", "invoice", ', "never_blocked"),
]


WIDENED = ('amendment = "P30D"', 'after_positive = "same-day"')
"""What lets an older screen count is named apart. Planted: every window taken for a narrower one; caught."""


@pytest.mark.parametrize(("right", "wrong", "key"), SITE_DATA, ids=[key for _, _, key in SITE_DATA])
def test_what_is_site_data_may_be_set(right: str, wrong: str, key: str) -> None:
    site = edited(right, wrong)
    refuse_loosening(SHIPPED, site)
    assert changes(site) == [(key, "widens" if right in WIDENED else "site-data")]


WORDING = [
    ('title = "Active suicidality"', 'title = "Suicidality"', f"{S}.title"),
    ('"Columbia triage"]', '"Columbia triage", "our own policy 7"]', f"{S}.basis"),
    ('"Thinking about it right now?"', '"¿Lo está pensando ahora mismo?"', f"{S}.question.now.text"),
    ('"Means-safety conversation"', '"Talk about means"', f"{S}.directive.means-safety.text"),
    ('relapse-plan = "Relapse plan"', 'relapse-plan = "Plan for a relapse"', "integration.relapse-plan"),
    ('text = "Risk factors"', 'text = "Factors"', "evidence.risk-assessment.fields.risk-factors.text"),
    ('title = "Full suicide risk assessment"', 'title = "Assessment"', "evidence.risk-assessment.title"),
]


@pytest.mark.parametrize(("right", "wrong", "key"), WORDING, ids=[key for _, _, key in WORDING])
def test_another_wording_is_told_and_not_refused(right: str, wrong: str, key: str) -> None:
    site = edited(right, wrong)
    refuse_loosening(SHIPPED, site)
    assert changes(site) == [(key, "wording")]


# What the policy file's own checks keep out is kept out here as well.
REPLACED: list[tuple[str, dict[str, Any]]] = [
    ("domain.suicide", {"domains": SHIPPED.domains[1:]}),
    ("reflection", {"reflection": ""}),
    ("unit_sentence", {"unit_sentence": ""}),
    ("decisions.elevated", {"decisions": {**SHIPPED.decisions, Acuity.ELEVATED: "released"}}),
    ("override.rationale_min_chars", {"override": replace(SHIPPED.override, rationale_min_chars=39)}),
    ("evidence.disposition", {"evidence": {k: v for k, v in SHIPPED.evidence.items() if k != "disposition"}}),
    ("integration.supports", {"integration": {k: v for k, v in SHIPPED.integration.items() if k != "supports"}}),
    ("answers", {"answers": (*SHIPPED.answers, "maybe")}),
    ("chart_evidence.0", {"chart_evidence": ()}),
    ("needs.treating-clinician", {"need_fields": {"integration-record": SHIPPED.need_fields["integration-record"]}}),
]


@pytest.mark.parametrize(("key", "changed"), REPLACED, ids=[key for key, _ in REPLACED])
def test_what_no_file_could_say_is_refused_too(key: str, changed: dict[str, Any]) -> None:
    site = replace(SHIPPED, digest="another", version="1.0.0", demo=False, **changed)
    with pytest.raises(PolicyRefused) as refused:
        refuse_loosening(SHIPPED, site)
    assert refused.value.field == key


def test_the_same_bytes_pass() -> None:
    refuse_loosening(SHIPPED, SHIPPED)
    assert differences(SHIPPED, SHIPPED) == ()


def test_an_edited_text_needs_a_new_version() -> None:
    site = parse_policy((OWNED.replace('"1.0.0"', '"0.2.0"')).encode(), name="site.toml")
    with pytest.raises(PolicyRefused) as refused:
        refuse_loosening(SHIPPED, site)
    assert refused.value.field == "version"


def test_a_comment_more_is_an_edited_text() -> None:
    text = TEXT + "\n# ours\n"
    site = parse_policy(text.encode(), name="site.toml")
    assert site.digest == hashlib.sha256(text.encode()).hexdigest()
    assert differences(SHIPPED, site) == ()
    with pytest.raises(PolicyRefused):
        refuse_loosening(SHIPPED, site)


@pytest.mark.parametrize("owner", ["unassigned", " Unassigned "])
def test_an_edited_text_needs_an_owner(owner: str) -> None:
    site = parse_policy(OWNED.replace("Dr Example", owner).encode(), name="site.toml")
    with pytest.raises(PolicyRefused) as refused:
        refuse_loosening(SHIPPED, site)
    assert refused.value.field == "owner"


def test_every_loosening_is_counted_and_the_first_one_named() -> None:
    site = parse_policy(OWNED.replace('"caution"', '"none"').encode(), name="site.toml")
    with pytest.raises(PolicyRefused, match=r"known-illness.yes loosens .* caution became none, and 1 more\.$"):
        refuse_loosening(SHIPPED, site)


def test_a_change_reads_as_a_person_would_say_it() -> None:
    site = parse_policy(
        OWNED.replace('amendment = "P30D"', 'amendment = "PT36H"', 1)
        .replace("asked_alone = true", "asked_alone = false")
        .replace('when = "> 0"', 'when = "> 2"')
        .encode(),
        name="site.toml",
    )
    assert differences(SHIPPED, site) == (
        Change("version", "0.2.0", "1.0.0", "site-data"),
        Change("owner", "unassigned", "Dr Example", "site-data"),
        Change(f"{S}.max_age.amendment", "P30D", "P1DT12H", "site-data"),
        Change(f"{V}.asked_alone", "true", "false", "loosens"),
        Change("chart_evidence.0", "44260-8 > 0: suicide elevated", "", "loosens"),
    )


@pytest.mark.parametrize(("right", "wrong", "key"), TIGHTENED)
def test_what_tightens_one_way_loosens_the_other(right: str, wrong: str, key: str) -> None:
    back = [change for change in differences(edited(right, wrong), SHIPPED) if change.direction == "loosens"]
    assert back
    assert all(change.where.startswith(key) for change in back)


def _other(value: Any) -> Any:
    """Return a value of the same kind that is not `value`."""
    match value:
        case None:
            other: Any = "something"
        case bool():
            other = not value
        case Acuity():
            other = Acuity.CAUTION if value is not Acuity.CAUTION else Acuity.NONE
        case str():
            other = f"{value}-x"
        case int():
            other = value + 1
        case timedelta():
            other = value + timedelta(hours=1)
        case Window():
            other = Window("duration", timedelta(hours=7))
        case Mapping():
            other = MappingProxyType(dict(list(value.items())[1:]) if value else {"x": ("y",)})
        case tuple() if value and is_dataclass(value[0]):
            other = value[1:]
        case tuple():
            other = (*value, "added")
        case _:
            raise AssertionError(type(value))
    return other


def _replaced(value: Any, path: str) -> list[tuple[str, Any]]:
    """Return `value` once for each field below it, with that one field changed."""
    found = []
    for one in fields(value):
        here, at = getattr(value, one.name), f"{path}.{one.name}"
        if is_dataclass(here) and not isinstance(here, Window):
            found += [(deeper, replace(value, **{one.name: new})) for deeper, new in _replaced(here, at)]
            continue
        found.append((at, replace(value, **{one.name: _other(here)})))
        if isinstance(here, tuple) and here and is_dataclass(here[0]):
            found += [
                (deeper, replace(value, **{one.name: (*here[:place], new, *here[place + 1 :])}))
                for place in (0, len(here) - 1)
                for deeper, new in _replaced(here[place], f"{at}.{place}")
            ]
        if isinstance(here, Mapping) and here and is_dataclass(next(iter(here.values()))):
            for key, inner in here.items():
                made = [(deeper, {**here, key: new}) for deeper, new in _replaced(inner, f"{at}.{key}")]
                found += [(deeper, replace(value, **{one.name: new})) for deeper, new in made]
    return found


def test_no_field_of_a_policy_can_change_unseen() -> None:
    unseen = [path for path, policy in _replaced(SHIPPED, "policy") if not differences(SHIPPED, policy)]
    assert unseen == ["policy.digest", "policy.demo"]


def test_evidence_in_the_chart_may_be_written_another_way() -> None:
    first, second, *rest = SHIPPED.chart_evidence
    apart = [ChartEvidence((code,), second.when, second.acuity, second.domain) for code in second.loinc]
    assert differences(SHIPPED, replace(SHIPPED, chart_evidence=(*apart, *rest, first))) == ()
