"""Words into Markdown: whatever somebody wrote stays what it is, line by line, and never becomes markup.

5 * 5 <b>        ->  5 \\* 5 \\<b>
1. not a list    ->  1\\. not a list
two, of↵lines    ->  two, of\\↵lines       (CommonMark 0.31.2, 6.7: a hard line break)
␠a blank first   ->  &#32;a blank first   (6.2 and 2.5: a raw blank at the edge of a line would be lost)
RIGHT-TO-LEFT    ->  \\[U+202E\\]           (a visible mark: shown, and never acted on)
"""

from __future__ import annotations

import re
from typing import Final

_LAST: Final = "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))

ODD: Final = re.compile(
    f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef{_LAST}]"
)
"""What is shown as a visible mark: control characters other than tab and line feed, line and paragraph separators,
bidi embeddings, overrides and isolates (UAX 9, 2.1 to 2.5), lone surrogates and noncharacters (Unicode 23.7)."""

_RETURN: Final = re.compile(r"\r\n?")

_SIGNS: Final = re.compile(r"[\\`*_\[\]<~|@&:]")
"""A quick look: most lines hold none of these."""

_SIGN: Final = re.compile(
    r"[\\`*_\[\]<~|@]"
    r"|&(?=[#A-Za-z0-9]|$)"  # a character reference, also one that begins here and ends in what follows
    r"|:(?=//)"  # an address that a Markdown reader would make a link of
)

_FIRST: Final = frozenset("-+=#>.)")
"""What would begin a list, a heading or a quote; the dot and bracket, after a number that the template wrote."""

_NUMBER: Final = re.compile(r"([0-9]{1,9})([.)])")
"""What would begin a numbered list."""


class Written(str):
    """Markdown that is ready: the renderer adds nothing to it."""

    __slots__ = ()


class Nay(Written):
    """The word for no: shown like any other, and false where a template asks."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


class Chosen(str):
    """The code of an answer, which shows its text."""

    text: Written

    def __new__(cls, code: str, text: Written) -> Chosen:
        """Return the answer `code`, shown as `text`."""
        made = super().__new__(cls, code)
        made.text = text
        return made


def visible(words: str) -> str:
    """Return `words` with line feeds alone between lines, and a mark such as [U+202E] for each odd character."""
    if "\r" in words:
        words = _RETURN.sub("\n", words)
    return ODD.sub(_mark, words)


def _mark(found: re.Match[str]) -> str:
    return f"[U+{ord(found[0]):04X}]"


def escaped(words: str, indent: str = "") -> str:
    """Return `words` as Markdown text that reads as these very words; `indent` begins each further line."""
    if "\r" in words:
        words = _RETURN.sub("\n", words)
    if "\n" not in words:
        return _line(words)
    lines = words.rstrip("\n")
    # A hard line break needs a line after it: line feeds at the very end are written as references.
    return f"\\\n{indent}".join(map(_line, lines.split("\n"))) + "&#10;" * (len(words) - len(lines))


def _line(line: str) -> str:
    if not line.isprintable():  # no blank but the space, no format or control character
        line = ODD.sub(_mark, line)
    if _SIGNS.search(line):
        line = _SIGN.sub(r"\\\g<0>", line)
    if "www." in line:
        line = line.replace("www.", "www\\.")
    first = line[:1]
    if first in _FIRST:
        line = f"\\{line}"
    elif first.isdecimal() and (found := _NUMBER.match(line)):
        line = f"{found[1]}\\{line[found.end(1) :]}"
    return _blanks(line) if first.isspace() or line[-1:].isspace() else line


def _blanks(line: str) -> str:
    """Return the line with the blanks at its edges as references: Markdown drops them otherwise."""
    inner = line.strip()
    before, after = line[: len(line) - len(line.lstrip())], line[len(line.rstrip()) :] if inner else ""
    return f"{_references(before)}{inner}{_references(after)}"


def _references(blanks: str) -> str:
    return "".join(f"&#{ord(one)};" for one in blanks)


def quoted(words: str, indent: str = "") -> str:
    """Return `words` as a Markdown block quote between empty lines."""
    return f"\n\n{indent}> {escaped(words, f'{indent}> ')}\n\n"


def quote(words: str) -> Written:
    """Return the block quote of a template's `| quote`; nothing where nothing was said."""
    return Written(quoted(words) if words.strip() else "")


def shown(value: object) -> str:
    """Return what a template's `{{ … }}` shows: Markdown as it is, an answer's text, all else escaped."""
    if isinstance(value, Written):
        return value
    if isinstance(value, Chosen):
        return value.text
    return escaped(str(value))
