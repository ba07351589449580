"""The gate's policy: TOML to RiskPolicy. It refuses whatever would let silence, or an edit, clear a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from withness import content
from withness.core.risk import (
    NO,
    YES,
    ChartEvidence,
    Domain,
    EvidenceField,
    EvidenceForm,
    OverrideRule,
    Question,
    RiskPolicy,
    Step,
    Times,
    ValidatedRule,
    Window,
)
from withness.core.terms import Acuity, Purpose
from withness.errors import InvalidContent, PolicyRefused
from withness.files import read_regular
from withness.packs.policy_check import check_policy
from withness.packs.policy_compare import refuse_loosening
from withness.packs.policy_file import (
    DomainTable,
    EvidenceFieldTable,
    PolicyFile,
    QuestionTable,
    StepTable,
    TimesTable,
    ValidatedTable,
)
from withness.packs.toml import checked, table

FILE: Final = "risk_policy.toml"
DIGEST_FILE: Final = "risk_policy.sha256"
SETTING: Final = "WITHNESS_POLICY"
"""The setting that names a site's own policy."""

UNASSIGNED: Final = "unassigned"


def load_policy(path: Path | None = None) -> RiskPolicy:
    """Return the shipped policy, or a site's own at `path`: one that tightens the shipped one, never one that loosens.

    Whether a site's own is signed and in force is asked at start-up, where the trail is. Raises PolicyRefused
    naming the key for a policy that loosens, keeps its version or has no owner, and for an installation that was
    changed; InvalidContent naming file and key for one that cannot be read.
    """
    return policy_of(policy_bytes(path), name=path.name if path else FILE)


def policy_bytes(path: Path | None = None) -> bytes:
    """Return the bytes of the shipped policy, or of the file at `path`, for the record.

    Raises PolicyRefused when the shipped policy is not the one that was shipped, InvalidContent when the file cannot
    be read.
    """
    if path is not None:
        return _edited(path)
    text = _shipped(FILE)
    if hashlib.sha256(text).hexdigest() != shipped_digest():
        raise _not_shipped()
    return text


def policy_of(text: bytes, *, name: str) -> RiskPolicy:
    """Return the policy in a TOML file, once it holds against the shipped one. Raises what `load_policy` raises."""
    policy = parse_policy(text, name=name)
    if policy.digest != shipped_digest():
        refuse_loosening(parse_policy(policy_bytes(), name=FILE), policy)
    return policy


def shipped_digest() -> str:
    """Return the SHA-256 that is kept beside the shipped policy, in hex.

    The file is as sha256sum writes it (`HEX  risk_policy.toml`), so that anybody can check it. Raises
    PolicyRefused when it says nothing.
    """
    words = _shipped(DIGEST_FILE).decode("ascii", errors="replace").split()
    if len(words) != 2 or words[1] != FILE or len(words[0]) != hashlib.sha256().digest_size * 2:
        raise PolicyRefused(f"{DIGEST_FILE} does not hold the digest of {FILE}.", field=DIGEST_FILE)
    return words[0]


def parse_policy(text: bytes, *, name: str) -> RiskPolicy:
    """Return the policy in a TOML file; it says nothing about whether that policy may decide.

    Raises PolicyRefused for a policy without a domain, InvalidContent naming file and key for any other fault.
    """
    found = table(text, name=name)
    if not found.get("domain"):
        raise PolicyRefused(
            f"{name} holds no domain: a policy that asks nothing can clear nothing.", field=f"{name}:domain"
        )
    given = checked(PolicyFile, found, name=name)
    check_policy(given, name=name)
    return _policy(given, hashlib.sha256(text).hexdigest())


def _shipped(name: str) -> bytes:
    try:
        return (content.folder("catalogue") / name).read_bytes()
    except OSError:
        raise PolicyRefused(f"{name} cannot be read from this installation.", field=name) from None


def _edited(path: Path) -> bytes:
    try:
        return read_regular(path)
    except OSError:
        raise InvalidContent(f"{SETTING} names a file that cannot be read.", field=SETTING) from None


def _not_shipped() -> PolicyRefused:
    return PolicyRefused(
        f"{FILE} of this installation is not the one that was shipped, so it decides nothing.",
        field=FILE,
        hint="Install Withness again.",
    )


def _policy(given: PolicyFile, digest: str) -> RiskPolicy:
    return RiskPolicy(
        version=given.version,
        owner=given.owner,
        digest=digest,
        demo=given.owner.strip().casefold() == UNASSIGNED,
        answers=given.answers,
        informants=given.informants,
        # The gate compares a written answer without case and outer blanks (core.gate.blank).
        not_an_answer=tuple(word.strip().casefold() for word in given.not_an_answer),
        domains=tuple(_domain(one, given) for one in given.domain),
        same_encounter_within=given.times.same_encounter,
        future_tolerance=given.times.future_tolerance,
        late_entry=given.times.late_entry,
        need_fields=MappingProxyType(dict(given.needs)),
        decisions=MappingProxyType({acuity: getattr(given.decisions, acuity.value) for acuity in Acuity}),
        never_blocked=given.never_blocked,
        setting_items=given.setting,
        reflection=given.reflection,
        unit_sentence=given.unit_sentence,
        hold_note=given.hold_note,
        resume_note=given.resume_note,
        integration=MappingProxyType(dict(given.integration)),
        chart_evidence=tuple(
            ChartEvidence(one.loinc, one.when, one.acuity, one.domain) for one in given.chart_evidence
        ),
        evidence=_evidence(given),
        times=_times(given.times),
        override=OverrideRule(given.override.reason_codes, given.override.rationale_min_chars),
        consultants=given.consultants,
        neutral_reasons=MappingProxyType(dict(given.neutral_reasons)),
        trainee_needs_cosignature=given.trainee_needs_cosignature,
    )


def _times(given: TimesTable) -> Times:
    return Times(
        now=given.now,
        same_session=given.same_session,
        acknowledge=given.acknowledge,
        unchanged=given.unchanged,
        entry_error=given.entry_error,
        override=given.override,
    )


def _evidence(policy: PolicyFile) -> Mapping[str, EvidenceForm]:
    tables = {"neutral_reasons": tuple(policy.neutral_reasons)}
    return MappingProxyType(
        {
            one.need: EvidenceForm(
                need=one.need,
                title=one.title,
                source=one.source,
                fields=tuple(_evidence_field(field, tables) for field in one.fields),
                medical=one.medical,
                serves=one.serves,
            )
            for one in policy.evidence
        }
    )


def _evidence_field(given: EvidenceFieldTable, tables: Mapping[str, tuple[str, ...]]) -> EvidenceField:
    return EvidenceField(
        id=given.id,
        text=given.text,
        kind=given.kind,
        options=tables[given.options_from] if given.options_from else given.options,
        optional=given.optional,
        min_chars=given.min_chars,
        when=given.when,
    )


def _domain(given: DomainTable, policy: PolicyFile) -> Domain:
    return Domain(
        id=given.id,
        title=given.title,
        basis=given.basis,
        questions=tuple(_question(one, given, policy.declined) for one in given.question),
        windows=MappingProxyType(
            {
                Purpose.NEW_PLAN: _window(given.max_age.new_plan),
                Purpose.AMENDMENT: _window(given.max_age.amendment),
            }
        ),
        after_positive=_window(given.max_age.after_positive),
        directive=tuple(_step(one, given) for one in given.directive),
        assessment_needs=given.assessment_needs,
        release_needs=given.release_needs,
        needs_when=MappingProxyType(dict(given.needs_when)),
        condition_needs=given.condition_needs,
        validated=_validated(policy.validated) if given.validated_result_required else None,
        informants_not_accepted=given.informants_not_accepted,
        asked_alone=given.asked_alone,
        sensitivity=given.sensitivity,
        ask=given.ask,
    )


def _step(given: StepTable, domain: DomainTable) -> Step:
    return Step(
        id=given.step,
        domain=domain.id,
        text=given.text,
        owner=given.owner,
        within=given.within,
        when=tuple(f"{domain.id}.{item}" for item in given.when),
        evidences=given.evidences or "",
    )


def _question(given: QuestionTable, domain: DomainTable, declined: Mapping[str, Acuity]) -> Question:
    refused = given.declined or declined.get(domain.id, declined["default"])
    answers = {YES: given.yes, NO: Acuity.NONE, "declined": refused, **given.also_answers}
    withdrawn = given.withdrawn
    return Question(
        id=f"{domain.id}.{given.id}",
        domain=domain.id,
        text=given.text,
        # What is not in the map is unknown, so an unknown need not be in it.
        answers=MappingProxyType({code: means for code, means in answers.items() if means is not Acuity.UNKNOWN}),
        known_history=given.known_history,
        passing=given.passing,
        observed=given.observed,
        sensitivity=given.sensitivity,
        also=given.also,
        withdrawn_answer=withdrawn.answer if withdrawn else None,
        withdrawn_by=tuple(f"{domain.id}.{item}" for item in withdrawn.by) if withdrawn else (),
        withdrawn_acuity=withdrawn.acuity if withdrawn else Acuity.UNKNOWN,
    )


def _window(given: timedelta | str) -> Window:
    return Window("duration", given) if isinstance(given, timedelta) else Window(given)


def _validated(given: ValidatedTable) -> ValidatedRule:
    return ValidatedRule(
        instruments=given.instruments,
        min_age=given.min_age,
        results=MappingProxyType(dict(given.results)),
        age_result=given.age_result,
        missing=given.missing,
    )
