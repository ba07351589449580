"""What words become on a page, told apart from how the renderer does it: for the tests of notes."""

from __future__ import annotations

import re
import unicodedata

from tests.packs.page_tree import Node, Tree

VOID = ("meta", "br", "hr")
BIDI = range(0x202A, 0x202F), range(0x2066, 0x206A)


def meant(words: str) -> str:
    """The words as they are shown: line feeds alone between lines, and a mark for what must not be acted on."""
    return "".join(f"[U+{ord(one):04X}]" if _odd(one) else one for one in re.sub(r"\r\n|\r", "\n", words))


def _odd(one: str) -> bool:
    code = ord(one)
    if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp"):
        return one not in "\t\n"
    return any(code in span for span in BIDI) or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE


def tree(page: str) -> Node:
    """A page as a tree; an element that is left open fails."""
    return Tree(page, VOID).root


def read(node: Node) -> str:
    """A node's text as a browser reads it: a br is a line feed."""
    return "".join(one if isinstance(one, str) else "\n" if one.tag == "br" else read(one) for one in node.inner)


def quotes(page: str) -> list[str]:
    """The words of each block quote."""
    found = [[read(one) for one in quote.all("p")] for quote in tree(page).all("blockquote")]
    assert all(len(one) == 1 for one in found), found
    return [one[0] for one in found]


def paragraphs(page: str) -> list[str]:
    """Every paragraph's text, in order."""
    return [read(one) for one in tree(page).all("p")]
