"""The language lint's data: catalogue/language.toml, and what a site's own file adds to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from withness import content
from withness.core.language import LanguageRules, Rule
from withness.core.wording import Grammar
from withness.packs.claims import added, shipped_grammar
from withness.packs.toml import Outside, Slug, Text, no_twice, read
from withness.packs.wording import Groups, PatternTable, Words, not_too_many, only_adds

FILE: Final = "language.toml"

MOST_PATTERNS: Final = 1_000
"""Most patterns of a file's rules together."""


class _Rule(Outside):
    id: Slug
    suggestion: Text
    reason: Text
    source: Text
    pattern: Annotated[tuple[PatternTable, ...], Field(min_length=1)]


class _Rules(Outside):
    words: Annotated[dict[Slug, Words], Field(default_factory=dict)]
    rule: tuple[_Rule, ...] = ()


def load_language(packs: Path | None) -> LanguageRules:
    """Return the shipped rules, then those that a site's folder adds in a language.toml of its own.

    A site's file only adds: an id or a group of words that is there already is refused. Raises InvalidContent naming
    file and key.
    """
    shipped, groups = _shipped()
    text = added(packs, FILE)
    if text is None:
        return shipped
    own, _ = parse_language(text, shipped.grammar, name=FILE, known=groups)
    only_adds([one.id for one in own.rules], [one.id for one in shipped.rules], name=FILE, key="rule")
    return LanguageRules((*shipped.rules, *own.rules), shipped.grammar)


@cache
def _shipped() -> tuple[LanguageRules, Groups]:
    text = (content.folder("catalogue") / FILE).read_bytes()
    return parse_language(text, shipped_grammar(), name=FILE)


def parse_language(
    text: bytes, grammar: Grammar, *, name: str, known: Groups | None = None
) -> tuple[LanguageRules, Groups]:
    """Return the rules of a file, and its groups beside the `known`. Raises InvalidContent naming file and key."""
    found = read(_Rules, text, name=name)
    no_twice([one.id for one in found.rule], name=name, key="rule")
    not_too_many((one.pattern for one in found.rule), MOST_PATTERNS, name=name, key="rule")
    groups = Groups(found.words, name=name, known=known)
    rules = tuple(
        Rule(
            id=one.id,
            suggestion=one.suggestion,
            reason=one.reason,
            source=one.source,
            patterns=tuple(groups.pattern(table, key=f"rule.{one.id}.pattern") for table in one.pattern),
        )
        for one in found.rule
    )
    return LanguageRules(rules, grammar), groups
