"""What a recorded risk screen says by itself, as FHIRPath: made from the policy and nothing else.

The conditions follow `core.reading` rule by rule, for one response looked at alone. What is missing, blank, doubled, of
another system or not listed is unknown, never none. An answer that raises counts wherever it stands and however
often, so that no yes is lost in a damaged response.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from withness.core.risk import NO, YES, Domain, Question, RiskPolicy, ValidatedRule
from withness.core.source_attributes import GATE
from withness.core.terms import HOLDING, Acuity
from withness.fhir import codes
from withness.fhir.package.fhirpath import among, both, either, linked, listed, negated, quoted
from withness.fhir.package.written_answers import says


@dataclass(frozen=True)
class Answer:
    """Some codes of one item."""

    link: str
    system: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that a screen may say: `expression` is true when it does.

    `item` is a linkId, `text` plain words, `rule` the rule whose source attributes belong to it. `answer` is filled
    where the finding is one of an item's answers, or unknown without one; `unless` where it is unknown: what shows
    that it is not so.
    """

    item: str
    acuity: Acuity
    text: str
    expression: str
    rule: str
    answer: Answer | None = None
    unless: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a screen says over some domains: `known` that nothing is unknown, the others that something is so acute."""

    acute: str
    known: str
    elevated: str
    caution: str


def findings(policy: RiskPolicy, domain: Domain) -> tuple[Finding, ...]:
    """Return everything that a screen may say in one domain, item by item."""
    return (
        *_frame(policy, domain),
        *(one for question in domain.questions for one in _question(question)),
        *(_validated(policy, domain, domain.validated) if domain.validated else ()),
        *_integration(policy, domain),
    )


def verdict(policy: RiskPolicy, domains: Sequence[Domain]) -> Verdict:
    """Return the verdict over `domains`: their findings, those on answers taken together."""
    found = [one for domain in domains for one in findings(policy, domain)]
    return Verdict(
        acute=_any(found, Acuity.ACUTE),
        known=_settled([one for one in found if one.acuity is Acuity.UNKNOWN]),
        elevated=_any(found, Acuity.ELEVATED),
        caution=_any(found, Acuity.CAUTION),
    )


def acute(policy: RiskPolicy, links: Iterable[str]) -> str:
    """Return whether any of these questions has an acute finding."""
    wanted = set(links)
    found = [one for domain in policy.domains for one in findings(policy, domain) if one.rule in wanted]
    return _any(found, Acuity.ACUTE)


def _any(found: Iterable[Finding], acuity: Acuity) -> str:
    fitting = [one for one in found if one.acuity is acuity]
    answers = [one.answer for one in fitting if one.answer]
    return either(*_given(answers, acuity), *(one.expression for one in fitting if not one.answer))


def _settled(open_: Sequence[Finding]) -> str:
    """Whether none of these unknown findings is there: as many right answers as items, each item there once."""
    alike = _alike(one.answer for one in open_ if one.answer)
    counted = (
        f"item.item.where({linked(links)}).where({_ONE}).answer.value"
        f".where(system = {quoted(system)} and {among('code', chosen)}).count() = {len(links)}"
        for (system, chosen), links in alike.items()
    )
    return both("item.item.linkId.isDistinct()", *counted, *(one.unless for one in open_ if not one.answer))


def _alike(answers: Iterable[Answer]) -> dict[tuple[str, tuple[str, ...]], list[str]]:
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for one in answers:
        alike.setdefault((one.system, one.codes), []).append(one.link)
    return alike


def _given(answers: Iterable[Answer], acuity: Acuity) -> Iterator[str]:
    """Whether any of these answers was given; what holds counts anywhere, a caution where it can be relied on."""
    for (system, chosen), links in _alike(answers).items():
        where = linked(links)
        place = f"descendants().where({where})" if acuity in HOLDING else f"item.item.where({where}).where({_ONE})"
        yield f"{place}.answer.value.where(system = {quoted(system)} and {among('code', chosen)}).exists()"


_ONE: Final = "answer.count() = 1 and answer.modifierExtension.empty()"


def _item(link: str) -> str:
    """The item at its place, with one answer; several of them are several."""
    group = link.partition(".")[0]
    return f"item.where(linkId = {quoted(group)}).item.where(linkId = {quoted(link)}).where({_ONE})"


def _chose(link: str, system: str, chosen: Iterable[str]) -> str:
    """Whether the item is there once and has one answer, one of these codes."""
    return f"{_item(link)}.answer.value.where(system = {quoted(system)} and {among('code', chosen)}).count() = 1"


def _open(item: str, text: str, unless: str, rule: str) -> Finding:
    return Finding(item, Acuity.UNKNOWN, text, negated(unless), rule, unless=unless)


def _unanswered(text: str, answer: Answer, rule: str) -> Finding:
    unless = _chose(answer.link, answer.system, answer.codes)
    return Finding(answer.link, Acuity.UNKNOWN, text, negated(unless), rule, answer=answer, unless=unless)


def _answered(item: str, acuity: Acuity, text: str, answer: Answer, rule: str) -> Finding:
    return Finding(item, acuity, text, either(*_given([answer], acuity)), rule, answer=answer)


def _or(words: Sequence[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


# --- who answered, and how they were asked -------------------------------------------------------------------


def _frame(policy: RiskPolicy, domain: Domain) -> Iterator[Finding]:
    known = Answer(domain.informant, codes.INFORMANTS, policy.informants)
    yield _unanswered("It is not stated who answered.", known, GATE)
    if domain.asked_alone:
        alone = Answer(f"{domain.id}.asked-alone", codes.ANSWERS, (YES, NO))
        yield _unanswered("It is not stated whether the person was asked alone.", alone, GATE)
    told = [one.id for one in domain.questions if not one.observed]
    if domain.informants_not_accepted and told:
        others = _chose(domain.informant, codes.INFORMANTS, domain.informants_not_accepted)
        denied = f"item.item.where({linked(told)}).answer.value.where({_coded((NO,))}).exists()"
        words = f"A no does not count from: {', '.join(domain.informants_not_accepted)}."
        yield _open(f"{domain.informant}.not-accepted", words, negated(both(others, denied)), GATE)


def _coded(chosen: Iterable[str]) -> str:
    return f"system = {quoted(codes.ANSWERS)} and {among('code', chosen)}"


# --- questions -----------------------------------------------------------------------------------------------


def _question(question: Question) -> Iterator[Finding]:
    for acuity in (Acuity.ACUTE, Acuity.ELEVATED, Acuity.CAUTION):
        chosen = tuple(code for code, means in question.answers.items() if means is acuity)
        if chosen:
            answer = Answer(question.id, codes.ANSWERS, chosen)
            yield _answered(question.id, acuity, f"Answered {_or(chosen)}.", answer, question.id)
    meant = tuple(code for code, means in question.answers.items() if means is not Acuity.UNKNOWN)
    words = f"Left out, not readable, or answered with anything but {_or(meant)}."
    yield _unanswered(words, Answer(question.id, codes.ANSWERS, meant), question.id)
    if question.withdrawn_answer is not None:
        yield from _withdrawn(question, question.withdrawn_answer)


def _withdrawn(question: Question, answer: str) -> Iterator[Finding]:
    """An answer that clears only while every warning sign was answered with no."""
    signs = [one.partition(".")[2] for one in question.withdrawn_by]
    given = _chose(question.id, codes.ANSWERS, (answer,))
    yes = either(*_given([Answer(one, codes.ANSWERS, (YES,)) for one in question.withdrawn_by], Acuity.ACUTE))
    no = both(*(_chose(one, codes.ANSWERS, (NO,)) for one in question.withdrawn_by))
    item = f"{question.id}.{answer}"
    if question.withdrawn_acuity is not Acuity.UNKNOWN:
        words = f"Answered {answer} beside a yes to {_or(signs)}."
        yield Finding(item, question.withdrawn_acuity, words, both(given, yes), question.id)
    settled = no if question.withdrawn_acuity is Acuity.UNKNOWN else either(no, yes)
    words = f"Answered {answer} without an explicit no to {' and to '.join(signs)}."
    yield _open(item, words, either(negated(given), settled), question.id)


# --- the validated instrument's result -----------------------------------------------------------------------


def _validated(policy: RiskPolicy, domain: Domain, rule: ValidatedRule) -> Iterator[Finding]:
    """The result, and what must stand beside it. How old it is, and the person's age, no screen can say."""
    prefix, source = f"{domain.id}.validated.", f"validated.{domain.id}"
    item = f"{prefix}result"
    holding = [code for code, means in rule.results.items() if means in HOLDING]
    clear = [code for code, means in rule.results.items() if means in (Acuity.NONE, Acuity.CAUTION)]
    clear = [code for code in clear if code != rule.age_result]
    for acuity in (*HOLDING, Acuity.CAUTION):
        chosen = tuple(code for code, means in rule.results.items() if means is acuity)
        if chosen:
            answer = Answer(item, codes.VALIDATED_RESULTS, chosen)
            yield _answered(item, acuity, f"The instrument's result is {_or(chosen)}.", answer, source)
    told = _chose(item, codes.VALIDATED_RESULTS, (*holding, *clear))
    words = f"No validated result that counts by itself; {rule.age_result} counts only with the chart's date of birth."
    yield _missing(rule, item, words, told, source)
    aside = _chose(item, codes.VALIDATED_RESULTS, (*holding, rule.age_result))
    for name, said in _beside(policy, prefix, rule):
        words = f"The result does not say {_SAID[name]}."
        yield _missing(rule, prefix + name, words, either(aside, said), source)
    dated = f"{_item(f'{prefix}date')}.answer.value.ofType(date).count() = 1"
    aged = _chose(item, codes.VALIDATED_RESULTS, (rule.age_result,))
    yield _open(f"{prefix}date", "The result has no date.", either(aged, dated), source)


_SAID = {"instrument": "which instrument that the policy lists", "version": "which version", "by": "who gave it"}


def _missing(rule: ValidatedRule, item: str, words: str, unless: str, source: str) -> Finding:
    if rule.missing is Acuity.UNKNOWN:
        return _open(item, words, unless, source)
    return Finding(item, rule.missing, words, negated(unless), source)


def _beside(policy: RiskPolicy, prefix: str, rule: ValidatedRule) -> Iterator[tuple[str, str]]:
    known = f"{_written(f'{prefix}instrument')}.where($this in {listed(rule.instruments)}).exists()"
    yield "instrument", known
    for name in ("version", "by"):
        yield name, _tells(policy, prefix + name)


def _written(link: str) -> str:
    return f"{_item(link)}.answer.value.ofType(string)"


def _tells(policy: RiskPolicy, link: str) -> str:
    return f"{_written(link)}.where({says(policy.not_an_answer)}).exists()"


# --- what a caution asks for ---------------------------------------------------------------------------------


def _integration(policy: RiskPolicy, domain: Domain) -> Iterator[Finding]:
    cautions = [one for question in domain.questions for one in _question(question) if one.acuity is Acuity.CAUTION]
    if not cautions:
        return
    none = negated(_any(cautions, Acuity.CAUTION))
    for need in domain.condition_needs:
        fields = tuple(dict.fromkeys(policy.need_fields[need]))
        written = f"item.item.where({linked(fields)}).where({_ONE}).answer.value.ofType(string)"
        told = f"{written}.where({says(policy.not_an_answer)}).count() = {len(fields)}"
        words = f"A caution needs its record of other care: {', '.join(fields)}."
        yield _open(f"{domain.id}.{need}", words, either(none, told), cautions[0].rule)
