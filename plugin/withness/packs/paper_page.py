"""One page on paper: a template of catalogue/paper, filled in by a sandbox that leaves nothing undefined."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from withness import content
from withness.errors import InvalidContent

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER: Final = "paper"

_UNPRINTABLE: Final = re.compile("[\x00\ud800-\udfff]")


def page(name: str, **given: Any) -> str:
    """Return the template `name` filled in with `given`, as one HTML page.

    Raises InvalidContent naming the template; the fault's own message may hold a client's words and is dropped.
    """
    from jinja2 import TemplateError

    try:
        return _environment().get_template(f"{name}.html.j2").render(given)
    except TemplateError:
        key = f"{FOLDER}/{name}.html.j2"
        raise InvalidContent(f"{key} cannot be filled in.", field=key) from None


@cache
def _environment() -> Environment:
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_as_html_keeps_it,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(name: str) -> str:
    try:
        return (content.folder("catalogue") / FOLDER / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise InvalidContent(f"{FOLDER}/{name} cannot be read.", field=f"{FOLDER}/{name}") from None


def _as_html_keeps_it(value: object) -> object:
    """Return `value` for the page so that a browser reads back its very characters.

    A browser makes one line feed of "\\r\\n" and of "\\r" unless the "\\r" is a character reference (HTML standard,
    13.2.3.5 and 13.2.5.80). NUL and a lone surrogate cannot stand in HTML: U+FFFD shows that something was there.
    """
    from markupsafe import Markup, escape

    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return escape(_UNPRINTABLE.sub("\ufffd", value)).replace("\r", Markup("&#13;"))
