"""Two policies side by side: what a site's own changes, and whether it stays at least as strict as the shipped one.

A change that no rule here knows counts as one that loosens, so a new key of the policy is closed until it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from withness.core.risk import NO, YES, ChartEvidence, RiskPolicy, Times, ValidatedRule, Window
from withness.core.terms import HOLDING, Acuity, Purpose
from withness.errors import PolicyRefused

Direction = Literal["tightens", "loosens", "widens", "site-data", "wording"]
"""`widens`: site data (policy: windows) that lets an older screen count; allowed, and its owner answers for it."""

PLAN: Final = frozenset(("plan", "careplan", "goal", "goals", "amendment", "necessity"))
"""Words that name what the gate is there to hold, the plan and the documents that carry it (contracts I7)."""


_DURATION: Final = TypeAdapter(timedelta)


@dataclass(frozen=True)
class Change:
    """One difference: `where` is the key as the policy file has it, `before` and `after` are as a person reads them."""

    where: str
    before: str
    after: str
    direction: Direction


Rule = Callable[[str, Any, Any], Iterator[Change]]
Rules = Mapping[str, Rule]
"""A rule yields the changes from one value to another, at a key; rules are those of a class, by its fields."""


def differences(old: RiskPolicy, new: RiskPolicy) -> tuple[Change, ...]:
    """Return every difference from `old` to `new`, in the order of the policy; () when they say the same."""
    return tuple(_table(_POLICY, "", _comparable(old), _comparable(new)))


def refuse_loosening(shipped: RiskPolicy, site: RiskPolicy) -> None:
    """Raise PolicyRefused naming the key when `site` may not stand in for `shipped`.

    It may tighten, reword and set what is site data; another text needs another version, and an owner.
    """
    if site.digest == shipped.digest:
        return
    loosened = [change for change in differences(shipped, site) if change.direction == "loosens"]
    if loosened:
        first, more = loosened[0], f", and {len(loosened) - 1} more" if len(loosened) > 1 else ""
        became = f"{first.before or 'nothing'} became {first.after or 'nothing'}"
        raise PolicyRefused(
            f"{first.where} loosens the shipped policy: {became}{more}.",
            field=first.where,
            hint="A site's policy may tighten the shipped one and set its site data, never loosen it.",
        )
    if site.version == shipped.version:
        raise PolicyRefused("version must be a new one: the policy's text was edited.", field="version")
    if site.demo:
        raise PolicyRefused("owner must name who answers for the edited policy.", field="owner")


def _comparable(policy: RiskPolicy) -> RiskPolicy:
    """Return the policy with the neutral reasons named where a choice offers them: their codes are site data."""
    neutral, named, evidence = tuple(policy.neutral_reasons), ("neutral_reasons",), {}
    for need, form in policy.evidence.items():
        asked = (replace(one, options=named) if one.options == neutral else one for one in form.fields)
        evidence[need] = replace(form, fields=tuple(asked))
    return replace(policy, evidence=evidence)


def _table(rules: Rules, where: str, old: Any, new: Any) -> Iterator[Change]:
    """Compare two values of one class field by field; a field without a rule may not change."""
    for one in fields(old):
        at = ".".join(filter(None, (where, _KEYS.get(one.name, one.name))))
        yield from rules.get(one.name, _kept)(at, getattr(old, one.name), getattr(new, one.name))


def _changed(direction: Direction, where: str, old: Any, new: Any) -> Iterator[Change]:
    if old != new:
        yield Change(where, _said(old), _said(new), direction)


_site: Final[Rule] = partial(_changed, "site-data")
_kept: Final[Rule] = partial(_changed, "loosens")


def _nothing(where: str, old: Any, new: Any) -> Iterator[Change]:
    yield from ()


def _wording(where: str, old: Any, new: Any) -> Iterator[Change]:
    yield from _changed("wording" if new or not old else "loosens", where, old, new)


def _graded(loosens: Callable[[Any, Any], bool], where: str, old: Any, new: Any) -> Iterator[Change]:
    yield from _changed("loosens" if loosens(old, new) else "tightens", where, old, new)


_stays_on: Final[Rule] = partial(_graded, lambda old, new: not new)
_stays_off: Final[Rule] = partial(_graded, lambda old, new: bool(new))
_stays_set: Final[Rule] = partial(_graded, lambda old, new: bool(old))
_not_lower: Final[Rule] = partial(_graded, lambda old, new: new < old)
_acuity: Final[Rule] = partial(_graded, lambda old, new: _lower(new, old))
_owner: Final[Rule] = partial(_graded, lambda old, new: new != "medical")


def _lower(one: Acuity, other: Acuity) -> bool:
    """An elevated finding stands until assessed and an unknown may be overridden, so unknown is lower too."""
    return one.rank < other.rank or (other in HOLDING and one not in HOLDING)


def _members(added: Direction, dropped: Direction, where: str, old: Any, new: Any) -> Iterator[Change]:
    yield from (Change(where, _said(one), "", dropped) for one in old if one not in new)
    yield from (Change(where, "", _said(one), added) for one in new if one not in old)


_grows: Final[Rule] = partial(_members, "tightens", "loosens")
_shrinks: Final[Rule] = partial(_members, "loosens", "tightens")
_same: Final[Rule] = partial(_members, "loosens", "loosens")


def _keyed(rule: Rule, where: str, old: Any, new: Any) -> Iterator[Change]:
    """Compare two mappings by key: what is dropped loosens, what is added tightens."""
    for key in dict.fromkeys((*old, *new)):
        if key in old and key in new:
            yield from rule(f"{where}.{key}", old[key], new[key])
        elif key in old:
            yield Change(f"{where}.{key}", _said(old[key]), "", "loosens")
        else:
            yield Change(f"{where}.{key}", "", _said(new[key]), "tightens")


def _entries(rules: Rules, where: str, old: Any, new: Any) -> Iterator[Change]:
    """Compare two lists of entries that have ids."""
    before, after = ({one.id.rpartition(".")[2]: one for one in some} for some in (old, new))
    yield from _keyed(partial(_table, rules), where, before, after)


def _windows(where: str, old: Any, new: Any) -> Iterator[Change]:
    for purpose in Purpose:
        yield from _window(f"{where}.{purpose.name.lower()}", old.get(purpose), new.get(purpose))


def _window(where: str, old: Any, new: Any) -> Iterator[Change]:
    """A window is the site's to set; one that lets an older screen count is named apart."""
    narrower = isinstance(old, Window) and isinstance(new, Window) and _reach(new) <= _reach(old)
    yield from _changed("site-data" if narrower else "widens", where, old, new)


def _reach(window: Window) -> timedelta:
    """How old a screen may be at most: a calendar day and an encounter's screen are both a day's."""
    return window.duration if isinstance(window.duration, timedelta) else timedelta(days=1)


def _answers(where: str, old: Any, new: Any) -> Iterator[Change]:
    """What is not in the map is unknown, so a code that only one of the two lists is judged too."""
    question = where.removesuffix(".answers")
    for code in dict.fromkeys((*old, *new)):
        key = code if code in (YES, NO, "declined") else f"also_answers.{code}"
        yield from _acuity(f"{question}.{key}", old.get(code, Acuity.UNKNOWN), new.get(code, Acuity.UNKNOWN))


def _never_blocked(where: str, old: Any, new: Any) -> Iterator[Change]:
    for change in _members("site-data", "loosens", where, old, new):
        yield change if PLAN.isdisjoint(change.after.split("-")) else replace(change, direction="loosens")


def _called_when(where: str, old: Any, new: Any) -> Iterator[Change]:
    """A step without conditions is always called for; with some, each of them calls for it."""
    yield from (_grows if old and new else _stays_off)(where, old, new)


def _validated(where: str, old: ValidatedRule | None, new: ValidatedRule | None) -> Iterator[Change]:
    if old is None or new is None:
        yield from _stays_on(where, old is not None, new is not None)
        return
    # One table of the file serves every domain that asks for a result, so its key names no domain.
    yield from _table(_VALIDATED, "validated", old, new)
    for code in dict.fromkeys((*old.results, *new.results)):
        before, after = (rule.results.get(code, rule.missing) for rule in (old, new))
        yield from _acuity(f"validated.results.{code}", before, after)


def _chart(where: str, old: tuple[ChartEvidence, ...], new: tuple[ChartEvidence, ...]) -> Iterator[Change]:
    for number, one in enumerate(old):
        if not _covered(one, new):
            yield Change(f"{where}.{number}", _said(one), "", "loosens")
    for number, one in enumerate(new):
        if not _covered(one, old):
            yield Change(f"{where}.{number}", "", _said(one), "tightens")


def _covered(one: ChartEvidence, others: tuple[ChartEvidence, ...]) -> bool:
    """Whether `others` raise by each code of `one` whenever it does, as far or further."""
    as_far = [
        other
        for other in others
        if other.domain == one.domain and _as_wide(other.when, one.when) and not _lower(other.acuity, one.acuity)
    ]
    return all(any(code in other.loinc for other in as_far) for code in one.loinc)


def _as_wide(when: str, than: str) -> bool:
    here, there = when.removeprefix("> "), than.removeprefix("> ")
    return int(here) <= int(there) if here.isdecimal() and there.isdecimal() else when == than


def _said(value: Any) -> str:
    """Return a value as a person reads it; an entry by its wording."""
    match value:
        case None:
            said = ""
        case bool():
            said = str(value).lower()
        case timedelta():
            said = str(_DURATION.dump_python(value, mode="json"))
        case Window():
            said = _said(value.duration or value.kind)
        case ChartEvidence():
            said = f"{', '.join(value.loinc)} {value.when}: {value.domain} {value.acuity.value}"
        case Mapping():
            said = "; ".join(f"{key}: {_said(one)}" for key, one in value.items())
        case tuple():
            said = ", ".join(_said(one) for one in value)
        case _:
            said = str(getattr(value, "text", getattr(value, "title", value))) if is_dataclass(value) else str(value)
    return said


_KEYS: Final[Mapping[str, str]] = {
    "same_encounter_within": "times.same_encounter",
    "future_tolerance": "times.future_tolerance",
    "late_entry": "times.late_entry",
    "need_fields": "needs",
    "setting_items": "setting",
    "domains": "domain",
    "questions": "question",
    "windows": "max_age",
    "after_positive": "max_age.after_positive",
    "validated": "validated_result_required",
    **{f"withdrawn_{one}": f"withdrawn.{one}" for one in ("answer", "by", "acuity")},
}
"""The key of a field where the policy file has another name for it."""

_QUESTION: Final[Rules] = {
    "text": _wording,
    "answers": _answers,
    **dict.fromkeys(("known_history", "passing", "observed"), _stays_off),
    **dict.fromkeys(("sensitivity", "also", "withdrawn_answer"), _stays_set),
    "withdrawn_by": _grows,
    "withdrawn_acuity": _acuity,
}
_STEP: Final[Rules] = {
    "text": _wording,
    "owner": _owner,
    "within": _site,
    "when": _called_when,
    "evidences": _stays_off,
}
_VALIDATED: Final[Rules] = {"instruments": _site, "min_age": _site, "results": _nothing, "missing": _acuity}
_DOMAIN: Final[Rules] = {
    **dict.fromkeys(("title", "basis", "ask"), _wording),
    "questions": partial(_entries, _QUESTION),
    "windows": _windows,
    "after_positive": _window,
    "directive": partial(_entries, _STEP),
    **dict.fromkeys(("assessment_needs", "release_needs", "condition_needs", "informants_not_accepted"), _grows),
    "needs_when": partial(_keyed, _grows),
    "validated": _validated,
    "asked_alone": _stays_on,
    "sensitivity": _stays_set,
}
_FIELD: Final[Rules] = {
    "text": _wording,
    # The codes of a choice carry rules (a level asks for a second signer), so neither more nor fewer of them.
    "options": _same,
    "optional": _stays_off,
    "min_chars": _not_lower,
    "when": _stays_off,  # a field without a condition is always asked
}
_FORM: Final[Rules] = {
    **dict.fromkeys(("title", "source"), _wording),
    "fields": partial(_entries, _FIELD),
    "medical": _stays_on,
    "serves": _shrinks,
}
_POLICY: Final[Rules] = {
    **dict.fromkeys(("digest", "demo"), _nothing),
    **dict.fromkeys(("version", "owner", "consultants", "neutral_reasons"), _site),
    **dict.fromkeys(("same_encounter_within", "future_tolerance", "late_entry"), _site),
    "times": partial(_table, {one.name: _site for one in fields(Times)}),
    "answers": _same,
    "informants": _shrinks,
    "not_an_answer": partial(_members, "site-data", "loosens"),
    "domains": partial(_entries, _DOMAIN),
    "need_fields": partial(_keyed, _grows),
    "decisions": partial(_keyed, _kept),
    "never_blocked": _never_blocked,
    "setting_items": _grows,
    **dict.fromkeys(("reflection", "unit_sentence", "hold_note", "resume_note"), _wording),
    "integration": partial(_keyed, _wording),
    "chart_evidence": _chart,
    "evidence": partial(_keyed, partial(_table, _FORM)),
    "override": partial(_table, {"reason_codes": _shrinks, "rationale_min_chars": _not_lower}),
    "trainee_needs_cosignature": _stays_on,
}
