"""The words of a note body's language, its limits, and what its plain text may not be in Markdown."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_BYTES: Final = 64 * 1024
"""Largest body, in bytes."""

MAX_TAGS: Final = 1_000
"""Most tags of a body."""

MAX_PIECES: Final = 60
"""Most words and signs in one tag."""

MAX_PIECE: Final = 200
"""Longest word of a tag, in characters."""

MAX_BRACKETS: Final = 8
"""Deepest brackets in one tag."""

MAX_NESTING: Final = 8
"""Deepest nesting of if and for."""

MAX_LOOPS: Final = 2
"""Deepest nesting of for."""

FUNCTIONS: Final = ("block", "section", "sections", "statement")

RESERVED: Final = frozenset(
    (
        *FUNCTIONS,
        *("quote", "loop", "self", "super", "caller", "varargs", "kwargs", "context", "environment"),
        *("true", "false", "none", "not", "and", "or", "in", "is", "if", "else", "elif", "endif", "for", "endfor"),
    )
)
"""Names that mean something in a body already."""


@dataclass(frozen=True)
class Fault:
    """One thing that a body may not say; `line` 0 is the body as a whole."""

    line: int
    said: str


def not_ours(construct: str) -> str:
    """Return the sentence that a construct is not of the language."""
    return f"{construct} is not part of the language of notes"


_HOLE: Final = "\0"
"""Where a tag stands in a line; no body holds this character itself."""

_LINE: Final = (
    (re.compile(r"`|~~~"), "a backtick or ~~~ would make code of words"),
    (re.compile(r"^(?: {4}| {0,3}\t)\s*\S"), "a line that begins with four blanks or a tab is code in Markdown"),
    (re.compile(r"<[A-Za-z/!?]"), "HTML is not shown; write Markdown"),
    (re.compile(r"\]\(|\]\[|\]:|!\["), "a note has no links and no pictures"),
    (re.compile(r"^ {0,3}\|"), "a note has no tables; write a list"),
)
_UNDERLINE: Final = re.compile(r"^ {0,3}(?:=+|-+)[ \t]*$")
_HEADING: Final = re.compile(r"^ {0,3}#{1,6}(?:[ \t]|$)")


@dataclass
class Plain:
    """The body's own text, line by line, with holes where its tags are."""

    now: str = ""
    above: str = ""
    line: int = 1
    faults: list[Fault] = field(default_factory=list)

    def text(self, text: str, line: int) -> None:
        """Take a stretch of text that begins in a line."""
        self.line = line
        first, *rest = text.split("\n")
        self.now += first
        for piece in rest:
            self.end()
            self.above, self.now = self.now, piece
            self.line += 1

    def hole(self, line: int, *, one_line: bool) -> None:
        """Take a tag that shows something; what may have several lines is no heading's."""
        if self.now[-1:] in ("\\", "&", "<", "]"):
            self.faults.append(Fault(line, f"{self.now[-1:]} stands directly before a tag and would change its words"))
        if not one_line and _HEADING.match(self.now):
            self.faults.append(Fault(line, "a heading holds words of several lines; put them below it"))
        self.now += _HOLE

    def end(self) -> None:
        """Look at the line that is complete."""
        self.faults += [Fault(self.line, said) for pattern, said in _LINE if pattern.search(self.now)]
        if _UNDERLINE.match(self.now) and self.above.strip():
            self.faults.append(Fault(self.line, "a line under words makes a heading of them; write # before a heading"))
