"""The language of a note's body, held on Jinja's syntax tree: what is not listed here is refused, by line and name.

Text, comments, fields, `if`, `for` over a declared field, block, section, sections, statement and quote. No include,
macro, assignment, test, arithmetic, subscript or other call: nothing that reads files, calls code or loops without
bound. A body that might leave a field or a statement out is refused, too: nothing that was written is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from withness.core.note import NoteTemplate
from withness.errors import InvalidContent
from withness.packs.note_language import (
    MAX_BRACKETS,
    MAX_BYTES,
    MAX_NESTING,
    MAX_PIECE,
    MAX_PIECES,
    MAX_TAGS,
    Fault,
    not_ours,
)
from withness.packs.note_text import ODD, quote, shown

if TYPE_CHECKING:
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

BODY: Final = "note.md.j2"

_OPENS: Final = {"if": 1, "for": 1, "endif": -1, "endfor": -1}


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """Return the sandbox of every body: no globals, no tests, one filter, nothing undefined."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, finalize=shown, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    made.globals.clear()
    made.tests = {}
    made.filters = {"quote": quote}
    return made


def name_of(template: NoteTemplate) -> str:
    """Return what a template's body is called in a message."""
    return f"note_templates/{template.id}/{BODY}"


def check(template: NoteTemplate) -> None:
    """Raise InvalidContent naming template, line and construct of the first fault in the body."""
    for fault in faults(template):
        name = name_of(template)
        where = f", line {fault.line}" if fault.line else ""
        raise InvalidContent(f"{name}{where}: {fault.said}.", field=f"{name}:{fault.line}" if fault.line else name)


def faults(template: NoteTemplate) -> tuple[Fault, ...]:
    """Return what the body may not say, by line. Size, length and depth are looked at before anything is parsed."""
    found = tuple(_before_parsing(template.body))
    return found or tuple(sorted(_parsed(template), key=lambda fault: (not fault.line, fault.line)))


def _before_parsing(body: str) -> Iterator[Fault]:
    if len(body.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        yield Fault(0, f"it is larger than {MAX_BYTES // 1024} KiB")
    elif odd := ODD.search(body.replace("\r\n", "\n")):
        line = body.count("\n", 0, odd.start()) + 1
        yield Fault(line, f"it holds the character U+{ord(odd[0]):04X}, which nobody can see")
    else:
        yield from _tags(body)


@dataclass
class _Tag:
    """What was counted up to a place in the body; all but tags and nesting, within the tag that is open there."""

    open: str = ""
    tags: int = 0
    nesting: int = 0
    pieces: int = 0
    brackets: int = 0
    length: int = 0

    def take(self, kind: str, piece: str) -> None:
        """Count one token of Jinja's lexer."""
        if kind in ("variable_begin", "block_begin"):
            self.open, self.tags, self.pieces, self.brackets, self.length = kind, self.tags + 1, 0, 0, 0
        elif kind in ("variable_end", "block_end"):
            self.open = ""
        elif self.open and kind != "whitespace":
            self.pieces, self.length = self.pieces + 1, len(piece)
            if kind == "operator":
                self.brackets += (piece in "([{") - (piece in ")]}")
            if self.pieces == 1 and self.open == "block_begin":
                self.nesting += _OPENS.get(piece, 0)

    def too_much(self) -> str:
        """Return what is more than a body may have, or nothing."""
        said = {
            f"there are more than {MAX_TAGS} tags": self.tags > MAX_TAGS,
            f"a tag has more than {MAX_PIECES} words and signs": self.pieces > MAX_PIECES,
            f"a word of a tag is longer than {MAX_PIECE} characters": self.length > MAX_PIECE,
            f"brackets are nested deeper than {MAX_BRACKETS} levels": self.brackets > MAX_BRACKETS,
            f"if and for are nested deeper than {MAX_NESTING} levels": self.nesting > MAX_NESTING,
        }
        return next((one for one, true in said.items() if true), "")


def _tags(body: str) -> Iterator[Fault]:
    """What is too long or too deep for the parser, which recurses and reads long numbers slowly; and {% raw %}."""
    from jinja2 import TemplateSyntaxError

    counted = _Tag()
    try:
        for line, kind, piece in environment().lexer.tokeniter(body, None):
            if kind == "raw_begin":
                yield Fault(line, not_ours("{% raw %}"))
            counted.take(kind, piece)
            if said := counted.too_much():
                yield Fault(line, said)
                return
    except TemplateSyntaxError as error:
        yield _unreadable(error)


def _parsed(template: NoteTemplate) -> Iterator[Fault]:
    from jinja2 import TemplateSyntaxError

    from withness.packs.note_tree import Reader

    try:
        tree = environment().parse(template.body)
    except TemplateSyntaxError as error:
        yield _unreadable(error)
        return
    yield from Reader(template).read(tree)


def _unreadable(error: TemplateSyntaxError) -> Fault:
    said = " ".join((error.message or "").split()).rstrip(".")
    return Fault(error.lineno, f"it cannot be read: {said[:200]}")
