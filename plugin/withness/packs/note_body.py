"""A note's body: one note's values poured into the compiled template, each field in its standard form.

Pure of files and settings, so that the child process of a site's templates needs nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from withness.core.note import FieldKind, Layout, Note, NoteField, NoteTemplate, Value, Whose, filled
from withness.errors import InvalidContent
from withness.packs.note_syntax import check, environment, name_of
from withness.packs.note_text import Chosen, Nay, Written, escaped, quoted

if TYPE_CHECKING:
    from jinja2 import Template

Made = TypeVar("Made")
"""What is made of a template."""

_EMPTY: Final = Written("")
_GAPS: Final = re.compile(r"\n{3,}")
_KEPT: Final = 64
"""How many templates stay compiled."""


@dataclass(frozen=True)
class Said:
    """The words for yes and no."""

    yes: str = "Yes"
    no: str = "No"


def body(template: NoteTemplate, note: Note, statements: Mapping[str, str], said: Said) -> str:
    """Return the body as Markdown. Raises InvalidContent naming the template, never what a field holds."""
    from jinja2 import TemplateError

    ready = _ready(template)
    writing = _Writing(ready, note, statements, said)
    try:
        text = ready.compiled.render(writing.context())
    except TemplateError:
        name = name_of(template)
        raise InvalidContent(f"{name} cannot be filled in.", field=name) from None
    return _GAPS.sub("\n\n", text).strip("\n")


class PerTemplate(Generic[Made]):
    """What is made once for each template that is held in memory: by its `id()`, as it has no hash."""

    def __init__(self, make: Callable[[NoteTemplate], Made]) -> None:
        self._make = make
        self._made: dict[int, tuple[NoteTemplate, Made]] = {}

    def __call__(self, template: NoteTemplate) -> Made:
        """Return what was made for `template`, or make it."""
        found = self._made.get(id(template))
        if found is None or found[0] is not template:
            found = template, self._make(template)
            while len(self._made) >= _KEPT:
                self._made.pop(next(iter(self._made)), None)
            self._made[id(template)] = found
        return found[1]


class Ready:
    """A template that was checked: compiled, with its titles and answers as Markdown."""

    def __init__(self, template: NoteTemplate) -> None:
        check(template)
        self.template = template
        self.compiled = _compiled(template.body)
        self.fields = {one.id: one for _, one in template.fields()}
        self.heads = {id: _head(one) for id, one in self.fields.items()}
        self.options = {
            id: {option.code: Chosen(option.code, Written(escaped(option.text))) for option in one.options}
            for id, one in self.fields.items()
        }
        self.sections = {one.id: (escaped(one.title), [field.id for field in one.fields]) for one in template.sections}

    def parts(self, layout: Layout) -> list[tuple[str, list[str]]]:
        """Return the headings of a layout, each with the fields below it."""
        if layout is Layout.DIALOGIC:
            return list(self.sections.values())
        return [(escaped(one.title), list(one.fields)) for one in self.template.layouts[layout]]


_ready: Final = PerTemplate(Ready)


@lru_cache(maxsize=_KEPT)
def _compiled(source: str) -> Template:
    return environment().from_string(source)


def _head(one: NoteField) -> str:
    """What stands before a field's value: a heading, or a label on the same line."""
    title = escaped(one.title)
    if one.kind in (FieldKind.CHOICE, FieldKind.FLAG, FieldKind.DATE, FieldKind.NUMBER):
        return f"\n\n{_label(title)} "
    return f"\n\n### {title}\n\n"


def _label(title: str) -> str:
    return f"**{title}**" if title.endswith(("?", "!", ".", ":")) else f"**{title}:**"


class _Writing:
    """One note on its way into Markdown."""

    def __init__(self, ready: Ready, note: Note, statements: Mapping[str, str], said: Said) -> None:
        self.ready, self.note, self.statements, self.said = ready, note, statements, said

    def context(self) -> dict[str, Any]:
        """Return what the names of a body stand for: every declared field, written or not, and the four functions."""
        found: dict[str, Any] = {
            id: self._value(one, self.note.fields.get(id)) for id, one in self.ready.fields.items()
        }
        found["block"], found["section"] = self.block, self.section
        found["sections"], found["statement"] = self.sections, self.statement
        return found

    def _value(self, one: NoteField, value: Value) -> object:  # noqa: PLR0911  one way out for each kind
        """Return a field's value as a body sees it; what was not written is empty."""
        if not filled(value):
            return _EMPTY
        match one.kind:
            case FieldKind.VOICES:
                return [self._voice(voice) for voice in value if filled(voice["words"])]
            case FieldKind.ENTRIES:
                return [self._entry(one, entry) for entry in value]
            case FieldKind.CHOICE:
                return self._chosen(one, value)
            case FieldKind.CHOICES:
                return [self._chosen(one, code) for code in value]
            case FieldKind.FLAG:
                return Written(escaped(self.said.yes)) if value else Nay(escaped(self.said.no))
            case _:
                return value

    def _chosen(self, one: NoteField, code: str) -> Chosen:
        """Return an answer; one that an older version of the template offered shows its code."""
        return self.ready.options[one.id].get(code) or Chosen(code, Written(escaped(code)))

    def _name(self, who: str) -> str:
        return self.note.names.get(who) or who

    def _voice(self, voice: Mapping[str, str]) -> SimpleNamespace:
        return SimpleNamespace(who=voice["who"], name=self._name(voice["who"]), words=voice["words"])

    def _entry(self, one: NoteField, entry: Mapping[str, str]) -> SimpleNamespace:
        parts = {part.id: value if filled(value := entry.get(part.id, "")) else "" for part in one.parts}
        return SimpleNamespace(**{"name": self._name(parts.get("who", "")), **parts})

    # -- the four functions of a body

    def block(self, id: str) -> Written:
        """Return a field in its standard form; nothing where nothing was written."""
        one, value = self.ready.fields[id], self.note.fields.get(id)
        text = self._block(one, value) if filled(value) else ""
        return Written(f"{self.ready.heads[id]}{text}\n\n") if text else _EMPTY

    def section(self, id: str) -> Written:
        """Return a section's heading and fields; nothing where all are empty."""
        return Written(self._under(*self.ready.sections[id]))

    def sections(self) -> Written:
        """Return every field, under the headings of the note's layout."""
        return Written("".join(self._under(*one) for one in self.ready.parts(self.note.layout)))

    def statement(self, id: str) -> Written:
        """Return an honest statement. Raises InvalidContent where no claims file has it."""
        if id not in self.statements:
            name = name_of(self.ready.template)
            raise InvalidContent(f"{name}: there is no statement {id!r} in claims.toml.", field=name)
        return Written(escaped(self.statements[id]))

    def _under(self, title: str, fields: list[str]) -> str:
        blocks = "".join(self.block(id) for id in fields)
        return f"\n\n## {title}\n\n{blocks}" if blocks else ""

    def _block(self, one: NoteField, value: Value) -> str:  # noqa: PLR0911  one way out for each kind
        match one.kind:
            case FieldKind.TEXT:
                return quoted(value) if one.whose is Whose.CLIENT else escaped(value)
            case FieldKind.VOICES:
                return "".join(self._spoken(voice) for voice in value if filled(voice["words"]))
            case FieldKind.ENTRIES:
                return "".join(self._listed(one, entry) for entry in value)
            case FieldKind.CHOICES:
                return "".join(f"- {self._chosen(one, code).text}\n" for code in value)
            case FieldKind.CHOICE:
                return self._chosen(one, value).text
            case FieldKind.FLAG:
                return escaped(self.said.yes if value else self.said.no)
            case FieldKind.DATE | FieldKind.NUMBER:
                return escaped(str(value))

    def _spoken(self, voice: Mapping[str, str]) -> str:
        return f"{_label(escaped(self._name(voice['who'])))}{quoted(voice['words'])}"

    def _listed(self, one: NoteField, entry: Mapping[str, str]) -> str:
        """One entry as a list item: each part with its title, the client's as a quote."""
        lines = ""
        for part in one.parts:
            words = entry.get(part.id, "")
            if not filled(words):
                continue
            if part.id == "who":
                words = self._name(words)
            if lines:
                lines += "  " if lines.endswith("\n") else "\\\n  "
            label = _label(escaped(part.title))
            lines += (
                f"{label}{quoted(words, '  ')}" if part.whose is Whose.CLIENT else f"{label} {escaped(words, '  ')}"
            )
        return "- {}\n\n".format(lines.rstrip("\n")) if lines else ""
