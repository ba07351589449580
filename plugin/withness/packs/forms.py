"""Forms: catalogue/forms/*.toml to Form, every refusal naming file and key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from withness import content
from withness.core.form import (
    AnsweredBy,
    AnswerSet,
    Constraint,
    Form,
    FormItem,
    ItemKind,
    Kept,
    OnlyIf,
    Option,
    Prefill,
    Scale,
)
from withness.errors import InvalidContent
from withness.packs.form_rules import check_form
from withness.packs.load import load_suitability
from withness.packs.templates import load_templates
from withness.packs.toml import Flag, Outside, Slug, Text, Version, no_twice, read, refusal

FOLDER: Final = "forms"

SHIPPED: Final = (
    "first-conversation",
    "session-check-in",
    "own-priorities",
    "session-observation",
    "supervision-reflection",
)
"""The five, in the order of the contracts."""

STRUCTURE: Final = "structure-wanted"
"""The answers to how much structure a client wants: they stand in suitability.toml, with their question."""

Link = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]*(\.[a-z][a-z-]*)?$", max_length=64)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Whole = Annotated[int, Field(strict=True, ge=0, le=1_000)]
Lines = Annotated[int, Field(strict=True, ge=1, le=20)]


class _Option(Outside):
    code: Slug
    text: Text
    weight: Whole | None = None
    meets: Flag = False
    open: Flag = False
    also_meets: Slug = ""
    told: Flag = False


class _Answers(Outside):
    id: Slug
    title: Text
    options: Annotated[tuple[_Option, ...], Field(min_length=2)]


class _Constraint(Outside):
    key: Slug
    severity: Literal["warning", "error"]
    expression: Text
    human: Text


class _Scale(Outside):
    low: Whole
    high: Whole
    step: Annotated[int, Field(strict=True, ge=1, le=100)] = 1
    low_text: Text | None = None
    high_text: Text | None = None


class _OnlyIf(Outside):
    link: Link
    any: Annotated[tuple[Slug, ...], Field(min_length=1)] | None = None
    ticked: Flag | None = None


class _Item(Outside):
    link: Link
    kind: ItemKind
    text: Text | None = None
    source: Text
    help: Text | None = None
    measure: Slug | None = None
    code: Slug | None = None
    answers: Slug | None = None
    scale: _Scale | None = None
    repeats: Flag = False
    only_if: _OnlyIf | None = None
    prefill: Prefill | None = None
    across: Flag = False
    space: Lines = 1
    whole: tuple[Link, ...] = ()
    none_yet: Flag = False
    translations: Annotated[Mapping[Language, Text], Field(default_factory=dict)]
    item: tuple[_Item, ...] = ()


class _Form(Outside):
    id: Slug
    version: Version
    experimental: Flag
    title: Text
    about: Text
    answered_by: AnsweredBy
    subjects: Annotated[tuple[Literal["Patient", "RelatedPerson", "Practitioner"], ...], Field(min_length=1)]
    kept: Kept
    reading_grade: Annotated[int, Field(strict=True, ge=0, le=8)]
    source: Text
    answers: tuple[_Answers, ...] = ()
    constraint: tuple[_Constraint, ...] = ()
    item: Annotated[tuple[_Item, ...], Field(min_length=1)]


def load_forms() -> tuple[Form, ...]:
    """Return the five forms, in the order of the contracts. Raises InvalidContent naming file and key."""
    forms = tuple(_load(id) for id in SHIPPED)
    no_twice([id for form in forms for id in form.answer_sets() if id != STRUCTURE], name=FOLDER, key="answers")
    no_twice([item.code for form in forms for item, _ in form.walk() if item.code], name=FOLDER, key="code")
    return forms


def _load(id: str) -> Form:
    name = f"{FOLDER}/{id}.toml"
    try:
        text = (content.folder("catalogue") / FOLDER / f"{id}.toml").read_bytes()
    except OSError:
        raise InvalidContent(f"{name} cannot be read.", field=name) from None
    form = parse_form(text, name=name)
    if form.id != id:
        raise refusal(name, "id", f"must be {id!r}, as the file is called")
    return form


def parse_form(text: bytes, *, name: str) -> Form:
    """Return the form in a TOML file. Raises InvalidContent naming file and key."""
    found = read(_Form, text, name=name)
    making = _Making(found, name)
    form = Form(
        id=found.id,
        version=found.version,
        experimental=found.experimental,
        title=found.title,
        about=found.about,
        answered_by=found.answered_by,
        subjects=found.subjects,
        kept=found.kept,
        reading_grade=found.reading_grade,
        source=found.source,
        items=tuple(making.item(one) for one in found.item),
        constraints=tuple(Constraint(**dict(one)) for one in found.constraint),
    )
    check_form(form, measures=_measures(), name=name)
    making.all_used()
    return form


def _measures() -> frozenset[str]:
    """The codes of what the shipped plan templates measure."""
    measures = [one.measure for one in load_templates().values()]
    parts = [part.code for measure in measures for part in measure.parts]
    return frozenset([*(one.code for one in measures if not one.parts), *parts])


class _Making:
    """One file's items, with the answer sets that they name."""

    def __init__(self, found: _Form, name: str) -> None:
        self.name = name
        no_twice([one.id for one in found.answers], name=name, key="answers")
        self.own = {one.id: self._answers(one) for one in found.answers}
        if STRUCTURE in self.own:
            raise refusal(name, f"answers.{STRUCTURE}", "stands in suitability.toml already")
        self.used: set[str] = set()

    def _answers(self, one: _Answers) -> AnswerSet:
        no_twice([option.code for option in one.options], name=self.name, key=f"answers.{one.id}")
        return AnswerSet(one.id, one.title, tuple(Option(**dict(option)) for option in one.options))

    def item(self, one: _Item) -> FormItem:
        """Return the item with everything below it."""
        question, answers = self._question(one)
        return FormItem(
            link=one.link,
            kind=one.kind,
            text=question,
            source=one.source,
            help=one.help or "",
            measure=one.measure or "",
            code=one.code or "",
            answers=answers,
            scale=None if one.scale is None else _scale(one.scale),
            repeats=one.repeats,
            only_if=None if one.only_if is None else self._only_if(one, one.only_if),
            prefill=one.prefill,
            across=one.across,
            space=one.space,
            whole=one.whole,
            none_yet=one.none_yet,
            translations=dict(one.translations),
            items=tuple(self.item(below) for below in one.item),
        )

    def _question(self, one: _Item) -> tuple[str, AnswerSet]:
        """The text and the answers: from this file, or both from suitability.toml."""
        if one.answers == STRUCTURE:
            if one.text is not None:
                raise refusal(self.name, f"{one.link}.text", "stands in suitability.toml already")
            return _structure()
        if one.text is None:
            raise refusal(self.name, f"{one.link}.text", "is missing")
        if one.answers is None:
            return one.text, AnswerSet()
        if one.answers not in self.own:
            raise refusal(self.name, f"{one.link}.answers", "is no set of answers of this file")
        self.used.add(one.answers)
        return one.text, self.own[one.answers]

    def _only_if(self, one: _Item, found: _OnlyIf) -> OnlyIf:
        if (found.any is None) == (found.ticked is None):
            raise refusal(self.name, f"{one.link}.only_if", "must name either any or ticked")
        values: tuple[str | bool, ...] = (bool(found.ticked),) if found.any is None else found.any
        return OnlyIf(found.link, values)

    def all_used(self) -> None:
        """Raise InvalidContent naming a set of answers that no item offers."""
        for id in self.own:
            if id not in self.used:
                raise refusal(self.name, f"answers.{id}", "is offered by no item")


def _structure() -> tuple[str, AnswerSet]:
    found = load_suitability()
    options = tuple(Option(one.id, one.text) for one in found.structure_options)
    return found.structure_question, AnswerSet(STRUCTURE, "How much structure a client wants", options)


def _scale(found: _Scale) -> Scale:
    return Scale(found.low, found.high, found.step, found.low_text or "", found.high_text or "")
