"""A note's Markdown as a printable page and as plain text: words and headings, lists and quotes, and nothing else.

No HTML, link, picture, code or table is read: what looks like one is text. The Markdown is CommonMark; this reads the
part of it that the renderer and its templates write (packs/note_language.py keeps the rest out of them).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html.entities import html5
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from withness import content
from withness.packs.note_text import visible
from withness.packs.paper_page import FOLDER
from withness.packs.paper_page import page as paper

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_NESTING: Final = 60
"""Deepest nesting of lists and quotes that is read."""

_STRETCH: Final = re.compile(r"(?:[^\\*_]++|\\.)++", re.DOTALL)
"""All up to the next mark of emphasis."""

_WRITTEN: Final = re.compile(
    r"\\(?P<broken>\n)[ \t]*|(?P<two>(?<! ) {2,}\n)[ \t]*| ?\n(?P<soft>[ \t]*)|\\(?P<sign>[!-/:-@\[-`{-~])"
    r"|&#(?P<number>[0-9]{1,7});|&#[xX](?P<hex>[0-9a-fA-F]{1,6});|&(?P<name>[A-Za-z][A-Za-z0-9]{1,31});"
)


def page(markdown: str, *, title: str, language: str = "en", mark: str = "") -> str:
    """Return the note as one HTML page to read and print; `mark` stands across each printed page.

    Deterministic bytes: the same Markdown makes the same page. Raises InvalidContent naming the page's template.
    """
    from markupsafe import Markup

    reader = _reader()
    style, style_hash = _style()
    return paper(
        "note",
        title=visible(title),
        language=language,
        mark=visible(mark),
        style=Markup(style),  # noqa: S704  our own style sheet
        style_hash=style_hash,
        body=Markup(reader.renderer.render(_read(markdown), reader.options, {})),  # noqa: S704  made of tokens below
    )


def text(markdown: str) -> str:
    """Return the note as plain text. Only headings begin at the left edge: nobody's words look like one."""
    written, tokens = _Lines(), _read(markdown)
    for token, following in zip_longest(tokens, tokens[1:]):
        written.take(token, following)
    return "\n".join(written.lines).strip("\n") + "\n"


@cache
def _style() -> tuple[str, str]:
    import base64
    import hashlib

    style = (content.folder("catalogue") / FOLDER / "note.css").read_text(encoding="utf-8").strip()
    return style, "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _read(markdown: str) -> list[Token]:
    """Return the tokens, with one first heading and no level left out, and every paragraph a paragraph of its own."""
    tokens, level = _reader().parse(markdown), 0
    for token in tokens:
        if token.type == "heading_open":
            level = min(max(int(token.tag[1]), 2 if level else 1), level + 1)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{level}"
        elif token.type in ("paragraph_open", "paragraph_close"):
            token.meta["tight"], token.hidden = token.hidden, False
        elif token.type == "blockquote_open":
            # lang="": a person's own words, in a language that nobody stated.
            token.attrs = {"lang": "", "dir": "auto"}
    return tokens


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("zero", {"maxNesting": _NESTING})
    made.enable(["heading", "blockquote", "list", "hr", "emphasis"])
    made.inline.ruler.at("text", _stretch)
    made.add_render_rule("text", _as_html)
    return made


def _stretch(state: StateInline, silent: bool) -> bool:
    """Take the words up to the next mark of emphasis as one token: a million escapes are not a million tokens."""
    found = _STRETCH.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.pending += _WRITTEN.sub(_meant, found[0])
    state.pos = found.end()
    return True


def _meant(found: re.Match[str]) -> str:
    """Return what an escape, a reference or the end of a line means; a line feed is a break that shows."""
    if found["sign"]:
        return found["sign"]
    if found["broken"] or found["two"]:
        return "\n"
    if found["soft"] is not None:
        return " "
    if found["name"]:
        return html5.get(f"{found['name']};", found[0])
    code = int(found["number"]) if found["number"] else int(found["hex"], 16)
    return visible(chr(code)) if 0 < code <= 0x10FFFF else "\ufffd"


def _as_html(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    from markupsafe import escape

    return str(escape(tokens[index].content)).replace("\n", "<br>")


class _Lines:
    """Plain text, token by token; `before` holds what begins each line of the quotes and lists that are open."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.before: list[str] = []
        self.mark = ""
        self.rule = ""
        self.apart = False

    def take(self, token: Token, following: Token | None) -> None:
        """Write one token."""
        match token.type:
            case "heading_open":
                self.rule = {"h1": "=", "h2": "-"}.get(token.tag, " ")
            case "heading_close":
                self.rule = ""
            case "blockquote_open":
                self._gap()
                self.before.append("> ")
            case "bullet_list_open" | "ordered_list_open":
                self._gap()
            case "list_item_open":
                if following and following.meta.get("tight"):
                    self.apart = False
                self._gap()
                self.mark = f"{token.info}{token.markup} " if token.info else "- "
                self.before.append(" " * len(self.mark))
            case "blockquote_close" | "list_item_close":
                self.before.pop()
                self.mark = ""
            case "bullet_list_close" | "ordered_list_close":
                self.apart = True
            case "hr":
                self._write(["* * *"])
            case "inline":
                self._write("".join(one.content for one in token.children or () if one.type == "text").split("\n"))

    def _write(self, lines: list[str]) -> None:
        if self.apart:
            self._gap()
        if self.rule:
            self.lines += lines if self.rule == " " else [*lines, self.rule * max(1, *map(len, lines))]
        else:
            self._below(lines)
        self.apart = True

    def _below(self, lines: list[str]) -> None:
        for line in lines:
            before = "".join(self.before)
            if self.mark:
                before, self.mark = before[: -len(self.mark)] + self.mark, ""
            self.lines.append(f"  {before}{line}")

    def _gap(self) -> None:
        if self.lines and self.apart:
            self.lines.append(f"  {''.join(self.before)}".rstrip())
        self.apart = False
