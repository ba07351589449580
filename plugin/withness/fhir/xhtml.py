"""The narrative's div: well-formed xhtml, basic elements only, nothing that acts or reaches out (R4 txt-1, txt-2)."""

from __future__ import annotations

import re
from typing import Final
from xml.parsers import expat

_SPACE: Final = "http://www.w3.org/1999/xhtml "
_ROOT: Final = f"{_SPACE}div"
# fmt: off
_ELEMENTS: Final = frozenset(_SPACE + name for name in (
    "a", "abbr", "acronym", "b", "big", "blockquote", "br", "caption", "cite", "code", "col", "colgroup", "dd", "dfn",
    "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li", "ol", "p", "pre", "q", "samp",
    "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "ul", "var",
))
_ATTRIBUTES: Final = frozenset((
    "abbr", "align", "alt", "axis", "border", "cellpadding", "cellspacing", "class", "colspan", "compact", "dir",
    "headers", "height", "href", "id", "lang", "name", "nowrap", "rowspan", "rules", "scope", "span", "src", "start",
    "style", "summary", "title", "type", "valign", "value", "width", "http://www.w3.org/XML/1998/namespace lang",
))
# fmt: on
_LINKS: Final = ("href", "src")
_INSIDE: Final = re.compile("#")
_ANYWHERE: Final = re.compile(r"#|(https?|mailto|tel):|data:image/(png|gif|jpeg);|(?!\s*[A-Za-z][A-Za-z0-9+.-]*:)")
"""Inside the resource; on the web or relative to where it is read, never a script in the link itself."""


class _Refused(Exception):
    """Raised inside the parser's handlers; the text says why."""


_NO_URL: Final = re.compile(r"url|\\", re.IGNORECASE)
_NO_SCRIPT: Final = re.compile(r"javascript:|expression\(", re.IGNORECASE)
"""What a style must not hold: ours loads nothing, another's does not act."""


def div_wrong(text: str, *, foreign: bool = False) -> str | None:
    """Return why `text` cannot be a Narrative.div, None when it can.

    Withness' own reaches nowhere outside the resource; a `foreign` one may have links and images from the web, as R4
    allows.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    seen = _Seen(_ANYWHERE, _NO_SCRIPT) if foreign else _Seen(_INSIDE, _NO_URL)
    parser.StartElementHandler = seen.element
    parser.CharacterDataHandler = seen.characters
    parser.StartDoctypeDeclHandler = seen.forbidden
    parser.ProcessingInstructionHandler = seen.forbidden
    try:
        parser.Parse(text.encode(), True)
    except (expat.ExpatError, UnicodeEncodeError):
        return "is not well-formed xhtml (txt-1)"
    except _Refused as refused:
        return str(refused)
    return None if seen.content else "says nothing (txt-2)"


class _Seen:
    """What the parser has come by."""

    def __init__(self, links: re.Pattern[str], styles: re.Pattern[str]) -> None:
        self.links = links
        self.styles = styles
        self.content = False
        self.started = False

    def element(self, name: str, attributes: dict[str, str]) -> None:
        if not self.started and name != _ROOT:
            raise _Refused("must be one div of the xhtml namespace (txt-1)")
        self.started = True
        if name not in _ELEMENTS:
            raise _Refused("has an element that a narrative may not have (txt-1)")
        self.content = self.content or name == f"{_SPACE}img"
        for key, value in attributes.items():
            if key not in _ATTRIBUTES or (key == "style" and self.styles.search(value)):
                raise _Refused("has an attribute that a narrative may not have (txt-1)")
            if key in _LINKS and not self.links.match(value):
                raise _Refused("points outside the resource (txt-1)")

    def characters(self, text: str) -> None:
        self.content = self.content or not text.isspace()

    def forbidden(self, *_: object) -> None:
        raise _Refused("has a declaration or an instruction (txt-1)")
