"""Forms beside the risk screen: what they ask, as clinicians review it, and what was answered.

An answer is taken for what it says: answered, skipped and unreadable are three things, and none becomes another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from withness.core.risk import Fault


class ItemKind(StrEnum):
    """What an item of a form is, in the words of its file."""

    GROUP = "group"
    NOTE = "note"
    """A text to read: nothing is answered."""

    WORDS = "words"
    """As much as the person wants to write."""

    LINE = "line"
    CHOICE = "choice"
    SCALE = "scale"
    COUNT = "count"
    DAY = "day"
    TICK = "tick"


class AnsweredBy(StrEnum):
    """Whose words a form holds."""

    CLIENT = "client"
    CLINICIAN = "clinician"
    TOGETHER = "together"


class Kept(StrEnum):
    """Where the answers are kept."""

    CHART = "chart"
    APART = "apart"
    """Outside the client's record."""


class Prefill(StrEnum):
    """What may be filled in before a person sees the form: never an answer."""

    PATIENT_NAME = "patient-name"
    USER_NAME = "user-name"
    ENCOUNTER_DATE = "encounter-date"


@dataclass(frozen=True)
class Option:
    """One answer to choose. `weight` orders the answers for a picture and is never added up.

    `meets` says that this answer is what the measure of a plan template asks for; `open` that it decides nothing;
    `also_meets` names another measure that it meets, and never fails; `told` that a clinician is always told of it.
    """

    code: str
    text: str
    weight: int | None = None
    meets: bool = False
    open: bool = False
    also_meets: str = ""
    told: bool = False


@dataclass(frozen=True)
class AnswerSet:
    """The answers that a choice offers; `id` is also the id of their code system, "" where there are none."""

    id: str = ""
    title: str = ""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True)
class Scale:
    """Whole numbers from `low` to `high`, what both ends mean, and the step between two of them."""

    low: int
    high: int
    step: int = 1
    low_text: str = ""
    high_text: str = ""


@dataclass(frozen=True)
class OnlyIf:
    """An item is asked only when question `link` was answered with one of `values`."""

    link: str
    values: tuple[str | bool, ...]


@dataclass(frozen=True)
class FormItem:
    """One item of a form, with where its content comes from.

    `measure` is a measure of a plan template and `code` an item code of our own: at most one of them is filled.
    `whole` names the questions of a repeating group that must all be answered for an entry to count, the first of
    them what tells one entry from another; `none_yet` says that whoever wrote elsewhere on the form, and nothing here,
    has said that there is none yet.
    `translations` maps a language (BCP 47) to the text in it; `space` is how many lines it has on paper,
    for a repeating group how many entries.
    """

    link: str
    kind: ItemKind
    text: str
    source: str
    help: str = ""
    measure: str = ""
    code: str = ""
    answers: AnswerSet = field(default_factory=AnswerSet)
    scale: Scale | None = None
    repeats: bool = False
    only_if: OnlyIf | None = None
    prefill: Prefill | None = None
    across: bool = False
    space: int = 1
    whole: tuple[str, ...] = ()
    none_yet: bool = False
    translations: Mapping[str, str] = field(default_factory=dict)
    items: tuple[FormItem, ...] = ()

    @property
    def asks(self) -> bool:
        """Whether the item has an answer of its own."""
        return self.kind not in (ItemKind.GROUP, ItemKind.NOTE)

    def option(self, code: str) -> Option | None:
        """Return the option with this code, None when the item does not offer it."""
        return next((one for one in self.answers.options if one.code == code), None)


@dataclass(frozen=True)
class Constraint:
    """A rule on the answers together, for a form filler to show: FHIRPath, and a sentence for people."""

    key: str
    severity: str
    expression: str
    human: str


@dataclass(frozen=True)
class Form:
    """One form. `reading_grade` is the stated Flesch-Kincaid grade of what a client reads, 0 where none reads it.

    `experimental` says that no clinical owner has confirmed it.
    """

    id: str
    version: str
    experimental: bool
    title: str
    about: str
    answered_by: AnsweredBy
    subjects: tuple[str, ...]
    kept: Kept
    reading_grade: int
    source: str
    items: tuple[FormItem, ...]
    constraints: tuple[Constraint, ...] = ()

    def walk(self) -> Iterator[tuple[FormItem, tuple[FormItem, ...]]]:
        """Yield every item, in order, with the groups that it stands in, the outermost first."""
        return _walk(self.items, ())

    def answer_sets(self) -> Mapping[str, AnswerSet]:
        """Return the form's answer sets by id, in order."""
        return {one.answers.id: one.answers for one, _ in self.walk() if one.answers.id}


def _walk(items: tuple[FormItem, ...], groups: tuple[FormItem, ...]) -> Iterator[tuple[FormItem, tuple[FormItem, ...]]]:
    for one in items:
        yield one, groups
        yield from _walk(one.items, (*groups, one))


def entry_of(groups: tuple[FormItem, ...]) -> str:
    """Return the repeating group whose entries hold an item that stands in `groups`, "" for the form itself."""
    return next((one.link for one in reversed(groups) if one.repeats), "")


Value = str | int | bool | date
"""A text, an option's code, a whole number, a tick, a day."""


@dataclass(frozen=True)
class Answered:
    """What was answered; more than one value only where the item repeats."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Skipped:
    """No answer: a skipped question is no answer of any kind. `asked` is false where the form did not ask it."""

    asked: bool = True


@dataclass(frozen=True)
class Unreadable:
    """Something stands there that is no answer to this item; why, in sentences without the person's words."""

    why: tuple[str, ...]


Given = Answered | Skipped | Unreadable


@dataclass(frozen=True)
class Entry:
    """One filling of the form, or of a repeating group: what was given to each question, and the entries below."""

    given: Mapping[str, Given]
    entries: Mapping[str, tuple[Entry, ...]]

    def said(self) -> bool:
        """Whether anything in it was answered, readably or not."""
        return any(not isinstance(one, Skipped) for one in self.given.values()) or any(self.entries.values())


@dataclass(frozen=True)
class FormAnswers:
    """The answers of one response to one form; `faults` name what in it could not be taken.

    `source` is who answered and `author` who wrote it down: without a source nobody knows who answered (R4
    QuestionnaireResponse.source).
    """

    form: str
    version: str
    status: str
    subject: str
    authored: datetime | None
    author: str | None
    source: str | None
    encounter: str | None
    entry: Entry
    faults: tuple[Fault, ...] = ()

    @property
    def relied_on(self) -> bool:
        """Whether the response is what it must be as a whole: this form, this version, finished, dated."""
        return not any(one.whole for one in self.faults)

    def given(self, link: str) -> tuple[Given, ...]:
        """Return what was given to a question: once, or once for each entry of its group."""
        return tuple(_given(self.entry, link))

    def chosen(self, item: FormItem) -> Option | None:
        """Return the option chosen of an item that asks for one; None: nothing was, or it is no such item."""
        if item.kind is not ItemKind.CHOICE or item.repeats:
            return None
        given = next(iter(self.given(item.link)), None)
        return item.option(str(given.values[0])) if isinstance(given, Answered) else None


def _given(entry: Entry, link: str) -> Iterator[Given]:
    if link in entry.given:
        yield entry.given[link]
    for listed in entry.entries.values():
        for one in listed:
            yield from _given(one, link)


def asked(item: FormItem, given: Mapping[str, Given]) -> bool:
    """Whether a form with these answers asks `item`: an answer that cannot be read opens nothing."""
    if item.only_if is None:
        return True
    found = given.get(item.only_if.link)
    return isinstance(found, Answered) and any(one in item.only_if.values for one in found.values)


def whole_entries(item: FormItem, entry: Entry) -> tuple[tuple[tuple[Value, ...], ...], ...]:
    """Return what counts of a repeating item, each thing once: its words, or its entries with all that they need.

    An entry with a part left out is not counted, and is not a zero either.
    """
    if item.kind is not ItemKind.GROUP:
        given = entry.given.get(item.link)
        return tuple(((value,),) for value in dict.fromkeys(given.values)) if isinstance(given, Answered) else ()
    found = [[one.given.get(link) for link in item.whole] for one in entry.entries.get(item.link, ())]
    whole = [tuple(part.values for part in parts if isinstance(part, Answered)) for parts in found]
    return tuple(dict.fromkeys(parts for parts in whole if len(parts) == len(item.whole)))
