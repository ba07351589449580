"""Fixed texts with holes: a TOML file of the catalogue in which every key is there, and none besides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from withness.packs.toml import Outside, Text, checked, refusal, table

_HOLE: Final = re.compile(r"\{([a-z]*)\}")


class _Said(Outside):
    text: Text
    source: Text


class FixedTexts:
    """The texts by key, each with its holes filled in."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = MappingProxyType(dict(texts))

    def __call__(self, key: str, **given: object) -> str:
        """Return the text `key` with `given` in its holes: put in as they are, and never read again."""
        return _HOLE.sub(lambda hole: str(given[hole[1]]), self._texts[key])


def parse_fixed_texts(text: bytes, holes: Mapping[str, tuple[str, ...]], *, name: str) -> FixedTexts:
    """Return the texts in a TOML file; `holes` is every key, and what is filled into it.

    Raises InvalidContent naming file and key.
    """
    found: dict[str, Any] = table(text, name=name)
    texts = {}
    for key in (*holes, *found):
        if key not in holes:
            raise refusal(name, key, "is not a key of this file")
        if not isinstance(found.get(key), dict):
            raise refusal(name, key, "is missing" if key not in found else "should be a table")
        texts[key] = checked(_Said, found[key], name=f"{name}: {key}").text
        if sorted(_HOLE.findall(texts[key])) != sorted(holes[key]):
            room = ", ".join(f"{{{hole}}}" for hole in holes[key]) or "nothing"
            raise refusal(name, key, f"must leave room for {room}")
    return FixedTexts(texts)
