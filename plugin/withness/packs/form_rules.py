"""What makes a form one that can be asked, read and measured: rules that its file is held to."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from withness.core.form import AnsweredBy, Form, FormItem, ItemKind, Kept, Prefill, entry_of
from withness.packs.toml import no_twice, refusal

_ONLY: Final = {
    "answers": (ItemKind.CHOICE,),
    "scale": (ItemKind.SCALE, ItemKind.COUNT),
    "only_if": tuple(kind for kind in ItemKind if kind not in (ItemKind.GROUP, ItemKind.NOTE)),
    "prefill": (ItemKind.LINE, ItemKind.DAY),
    "repeats": (ItemKind.GROUP, ItemKind.CHOICE, ItemKind.WORDS),
    "across": (ItemKind.CHOICE,),
    "whole": (ItemKind.GROUP,),
    "items": (ItemKind.GROUP,),
    "help": tuple(kind for kind in ItemKind if kind is not ItemKind.NOTE),
}
"""Which kinds of item may have a key."""

_NEEDED: Final = {"answers": (ItemKind.CHOICE,), "scale": (ItemKind.SCALE, ItemKind.COUNT), "items": (ItemKind.GROUP,)}
_OF_DAYS: Final = (Prefill.ENCOUNTER_DATE,)
_FAULTS: Final = {"items": "item"}
"""What a key is called in the file."""


def check_form(form: Form, *, measures: Collection[str], name: str) -> None:
    """Raise InvalidContent naming file and key of the first rule that the form breaks."""
    for key, why in _faults(form, measures):
        raise refusal(name, key, why)
    no_twice([one.key for one in form.constraints], name=name, key="constraint")
    no_twice([one.link for one, _ in form.walk()], name=name, key="item")
    no_twice([one.measure for one, _ in form.walk() if one.measure], name=name, key="measure")


def _faults(form: Form, measures: Collection[str]) -> Iterator[tuple[str, str]]:
    if (form.kept is Kept.APART) != (form.subjects == ("Practitioner",)):
        yield "kept", "must be apart exactly where the subject is a Practitioner"
    if (form.reading_grade == 0) != (form.answered_by is AnsweredBy.CLINICIAN):
        yield "reading_grade", "must be stated exactly where a client reads the form"
    for one, groups in form.walk():
        siblings = groups[-1].items if groups else form.items
        for key, why in (*_kind(one), *_code(one, form, measures), *_asking(one, siblings), *_entry(one, groups)):
            yield f"{one.link}.{key}", why


def _kind(one: FormItem) -> Iterator[tuple[str, str]]:
    for key, kinds in _ONLY.items():
        if _filled(one, key) and one.kind not in kinds:
            yield _FAULTS.get(key, key), f"does not belong to an item of kind {one.kind.value!r}"
    for key, kinds in _NEEDED.items():
        if one.kind in kinds and not _filled(one, key):
            yield _FAULTS.get(key, key), "is missing"
    if one.kind is ItemKind.GROUP and one.space > 1 and not one.repeats:
        yield "space", "belongs to words, and to a group that repeats"
    if one.scale and not (one.scale.low < one.scale.high and (one.scale.high - one.scale.low) % one.scale.step == 0):
        yield "scale", "must rise from low to high in whole steps"
    if one.prefill and (one.kind is ItemKind.DAY) != (one.prefill in _OF_DAYS):
        yield "prefill", "is not of this item's kind"


def _filled(one: FormItem, key: str) -> bool:
    return bool(one.answers.id) if key == "answers" else bool(getattr(one, key))


def _code(one: FormItem, form: Form, measures: Collection[str]) -> Iterator[tuple[str, str]]:
    """A code says what the answer is extracted as: one value, or how many entries there are."""
    if not (one.measure or one.code):
        return
    counted = one.kind in (ItemKind.GROUP, ItemKind.WORDS) and one.repeats
    if one.measure and one.code:
        yield "code", "must be left out beside a measure"
    if one.measure and one.measure not in measures:
        yield "measure", "is measured by no plan template"
    if not counted and (one.repeats or one.kind not in (ItemKind.CHOICE, ItemKind.SCALE, ItemKind.COUNT)):
        yield "measure" if one.measure else "code", "belongs to one value, or to what repeats and is counted"
    if form.kept is Kept.APART:
        yield "measure" if one.measure else "code", "belongs to no form that is kept apart: nothing of it is extracted"
    if one.measure and one.kind is ItemKind.CHOICE and not any(option.meets for option in one.answers.options):
        yield "answers", "must say which answer meets the measure"
    if any(option.also_meets and option.also_meets not in measures for option in one.answers.options):
        yield "answers", "has an answer that also meets what no plan template measures"
    if any(option.meets and option.open for option in one.answers.options):
        yield "answers", "has an answer that both meets the measure and decides nothing"


def _asking(one: FormItem, siblings: Sequence[FormItem]) -> Iterator[tuple[str, str]]:
    """What decides whether an item is asked stands before it, in the same group."""
    if one.only_if is None:
        return
    earlier = {before.link: before for before in siblings[: siblings.index(one)]}
    decides = earlier.get(one.only_if.link)
    if decides is None:
        yield "only_if", "must name a question that stands before it in the same group"
        return
    offered: set[str | bool] = {True, False} if decides.kind is ItemKind.TICK else set()
    offered |= {option.code for option in decides.answers.options}
    if not offered.issuperset(one.only_if.values):
        yield "only_if", f"must name answers that {decides.link!r} offers"


def _entry(one: FormItem, groups: tuple[FormItem, ...]) -> Iterator[tuple[str, str]]:
    if one.whole and not {below.link for below in one.items if below.asks}.issuperset(one.whole):
        yield "whole", "must name questions of this group"
    if one.none_yet and not (one.measure and one.repeats):
        yield "none_yet", "belongs to what repeats and is counted"
    if one.kind is ItemKind.GROUP and one.repeats and not one.whole:
        yield "whole", "is missing: when does an entry count?"
    if one.kind is ItemKind.GROUP and one.repeats and entry_of(groups):
        yield "repeats", "does not belong to a group within a repeating group"
