"""What a policy may not say, however well formed: nothing may clear by silence, and every name must mean something.

Each check raises InvalidContent naming file and key.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from withness.core.risk import NO, YES
from withness.core.terms import REFERENCE, RELEASING, Acuity
from withness.packs.policy_file import DomainTable, EvidenceFieldTable, EvidenceTable, PolicyFile, QuestionTable
from withness.packs.toml import no_twice, refusal

SILENT: Final = ("unsure", "declined", "not-asked")
"""Answers that never clear (contracts I2)."""

ANSWERS: Final = (YES, NO, *SILENT)
RESERVED: Final = ("informant", "asked-alone", "validated")
"""Items of a domain that are no question (contracts: the risk screen file)."""

GROUPS: Final = ("integration", "setting")
"""Groups of the screen that are no domain."""

SHARED: Final = "unit-of-more-than-one"
"""The one condition of `needs_when` that is no question."""

RESCREEN: Final = "rescreen-below-acute"
"""Without it an acute finding could end unscreened (contracts I3)."""

NO_REASONS: Final = ("time-pressure", "clinician-knows-client", "other", "free-text")
"""Reasons that never grant an override, however a site words them (gate content: override.not_accepted)."""

MEDICAL_FIELDS: Final = {"clinician": "person", "credential": "choice"}
"""What shows that a medical clinician made a finding, and the kind of each field."""


def check_policy(policy: PolicyFile, *, name: str) -> None:
    """Check the whole policy. Raises InvalidContent naming file and key of the first fault."""
    if set(policy.answers) != set(ANSWERS):
        raise refusal(name, "answers", f"must be {', '.join(ANSWERS)}")
    for key in ("answers", "informants", "not_an_answer", "never_blocked", "setting", "consultants"):
        no_twice(getattr(policy, key), name=name, key=key)
    no_twice([domain.id for domain in policy.domain], name=name, key="domain")
    _check_declined(policy, name=name)
    _check_validated(policy, name=name)
    _check_needs(policy, name=name)
    _check_chart_evidence(policy, name=name)
    _check_override(policy, name=name)
    _check_consultants(policy, name=name)
    for domain in policy.domain:
        _check_domain(domain, policy, name=name)
    _check_forms(policy, name=name)


def _check_declined(policy: PolicyFile, *, name: str) -> None:
    if "default" not in policy.declined:
        raise refusal(name, "declined.default", "is missing")
    domains = [domain.id for domain in policy.domain]
    for where, acuity in policy.declined.items():
        key = f"declined.{where}"
        if where not in ("default", *domains):
            raise refusal(name, key, "names no domain")
        _must_hold(acuity, "a declined question", name=name, key=key)


def _check_validated(policy: PolicyFile, *, name: str) -> None:
    rule = policy.validated
    no_twice(rule.instruments, name=name, key="validated.instruments")
    _must_hold(rule.missing, "a missing result", name=name, key="validated.missing")
    for code, acuity in rule.results.items():
        if _says_nothing(code, policy):
            _must_hold(acuity, f"the result {code!r}", name=name, key=f"validated.results.{code}")
    if rule.age_result not in rule.results:
        raise refusal(name, "validated.age_result", "is not one of validated.results")


def _check_chart_evidence(policy: PolicyFile, *, name: str) -> None:
    domains = [domain.id for domain in policy.domain]
    for number, evidence in enumerate(policy.chart_evidence):
        if evidence.acuity is Acuity.NONE:
            raise refusal(name, f"chart_evidence.{number}.acuity", "must raise: evidence in the chart never clears")
        _known([evidence.domain], domains, "a domain", name=name, key=f"chart_evidence.{number}.domain")


def _check_override(policy: PolicyFile, *, name: str) -> None:
    key = "override.reason_codes"
    no_twice(policy.override.reason_codes, name=name, key=key)
    for code in policy.override.reason_codes:
        if code in NO_REASONS or _says_nothing(code, policy):
            raise refusal(name, key, f"holds {code!r}, which is no reason for an override")


def _check_consultants(policy: PolicyFile, *, name: str) -> None:
    for consultant in policy.consultants:
        found = REFERENCE.fullmatch(consultant)
        if found is None or found["type"] != "Practitioner":
            raise refusal(name, "consultants", "must hold references such as Practitioner/id")


def _check_needs(policy: PolicyFile, *, name: str) -> None:
    fields = [f"integration.{one}" for one in policy.integration]
    for need, wanted in policy.needs.items():
        _known(wanted, fields, "an item of the integration group", name=name, key=f"needs.{need}")


def _check_domain(domain: DomainTable, policy: PolicyFile, *, name: str) -> None:
    key = f"domain.{domain.id}"
    if domain.id in GROUPS:
        raise refusal(name, f"{key}.id", "is the name of another group of the screen")
    ids = [question.id for question in domain.question]
    no_twice(ids, name=name, key=f"{key}.question")
    no_twice([step.step for step in domain.directive], name=name, key=f"{key}.directive")
    _known(
        domain.informants_not_accepted,
        policy.informants,
        "an informant",
        name=name,
        key=f"{key}.informants_not_accepted",
    )
    _known(domain.condition_needs, policy.needs, "a need", name=name, key=f"{key}.condition_needs")
    _known(domain.needs_when, (*ids, SHARED), "a question of this domain", name=name, key=f"{key}.needs_when")
    if RESCREEN not in domain.release_needs:
        raise refusal(name, f"{key}.release_needs", f"must hold {RESCREEN}")
    for step in domain.directive:
        where = f"{key}.directive.{step.step}"
        _known(step.when, ids, "a question of this domain", name=name, key=f"{where}.when")
        shown = (step.evidences,) if step.evidences else ()
        _known(shown, _needs(domain), "a need of this domain", name=name, key=f"{where}.evidences")
    for question in domain.question:
        _check_question(question, ids, policy, name=name, key=f"{key}.question.{question.id}")


def _check_question(question: QuestionTable, ids: list[str], policy: PolicyFile, *, name: str, key: str) -> None:
    if question.id in RESERVED:
        raise refusal(name, f"{key}.id", "is the name of another item of the domain")
    if question.declined is not None:
        _must_hold(question.declined, "a declined question", name=name, key=f"{key}.declined")
    for code in question.also_answers:
        if code in ANSWERS or _says_nothing(code, policy):
            raise refusal(
                name, f"{key}.also_answers.{code}", "is no further answer: its meaning is not a question's own"
            )
    if question.withdrawn is None:
        return
    where = f"{key}.withdrawn"
    if question.also_answers.get(question.withdrawn.answer) is not Acuity.NONE:
        raise refusal(name, f"{where}.answer", "is not a further answer that clears")
    others = [one for one in ids if one != question.id]
    _known(question.withdrawn.by, others, "another question of this domain", name=name, key=f"{where}.by")
    _must_hold(question.withdrawn.acuity, "a withdrawn answer", name=name, key=f"{where}.acuity")


def _says_nothing(code: str, policy: PolicyFile) -> bool:
    nothing = {word.strip().casefold() for word in policy.not_an_answer}
    return code in SILENT or code.casefold() in nothing


def _must_hold(acuity: Acuity, what: str, *, name: str, key: str) -> None:
    if acuity in RELEASING:
        raise refusal(name, key, f"would let {what} clear, and silence never clears")


def _known(found: Iterable[str], known: Iterable[str], what: str, *, name: str, key: str) -> None:
    for one in found:
        if one not in known:
            raise refusal(name, key, f"names {one!r}, which is not {what}")


def _check_forms(policy: PolicyFile, *, name: str) -> None:
    forms = [form.need for form in policy.evidence]
    no_twice(forms, name=name, key="evidence")
    wanted = {need for domain in policy.domain for need in _needs(domain)} - {RESCREEN}
    for need in sorted(wanted.difference(forms)):
        raise refusal(name, f"evidence.{need}", "is missing: nothing says what this need asks for in writing")
    for form in policy.evidence:
        key = f"evidence.{form.need}"
        if form.need not in wanted:
            raise refusal(name, key, "is no need of any domain")
        no_twice(form.serves, name=name, key=f"{key}.serves")
        _known(form.serves, wanted - {form.need}, "another need with a form", name=name, key=f"{key}.serves")
        _check_form(form, name=name, key=key)


def _needs(domain: DomainTable) -> tuple[str, ...]:
    further = [need for needs in domain.needs_when.values() for need in needs]
    return (*domain.assessment_needs, *domain.release_needs, *domain.condition_needs, *further)


def _check_form(form: EvidenceTable, *, name: str, key: str) -> None:
    no_twice([field.id for field in form.fields], name=name, key=f"{key}.fields")
    if not any(_always_asked(field) for field in form.fields):
        raise refusal(name, f"{key}.fields", "holds no field that is always asked")
    for place, field in enumerate(form.fields):
        _check_field(field, form.fields[:place], name=name, key=f"{key}.fields.{field.id}")
    if not form.medical:
        return
    kinds = {field.id: field.kind for field in form.fields if _always_asked(field)}
    for id, kind in MEDICAL_FIELDS.items():
        if kinds.get(id) != kind:
            raise refusal(name, f"{key}.fields.{id}", f"must be a {kind} that is always asked: the need is medical")


def _always_asked(field: EvidenceFieldTable) -> bool:
    return not field.optional and field.when is None


def _check_field(field: EvidenceFieldTable, earlier: tuple[EvidenceFieldTable, ...], *, name: str, key: str) -> None:
    choice, lists = field.kind == "choice", bool(field.options) + bool(field.options_from)
    if choice and lists != 1:
        raise refusal(name, f"{key}.options", "is missing, or stands beside options_from")
    if lists and not choice:
        raise refusal(name, f"{key}.options", "belongs to a choice alone")
    no_twice(field.options, name=name, key=f"{key}.options")
    if field.min_chars > 1 and field.kind != "text":
        raise refusal(name, f"{key}.min_chars", "belongs to a text alone")
    if field.when is None:
        return
    asked, code = field.when
    options = {one.id: one.options for one in earlier if one.kind == "choice"}
    _known([asked], options, "an earlier choice of this form", name=name, key=f"{key}.when")
    _known([code], options[asked], "an option of that choice", name=name, key=f"{key}.when")
