"""The language lint: words that make a label of a person, each with something better (clinical facts 1.6).

It warns. It never edits, never keeps a note from being saved or signed, and never reads a client's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from withness.core.claims import clinicians_texts
from withness.core.note import Note, NoteTemplate
from withness.core.patterns import Pattern, excused
from withness.core.phrases import Matcher
from withness.core.wording import Grammar

_QUOTED: Final = re.compile(
    r"“[^“”]{0,2000}”|\"[^\"]{0,2000}\"|«[^«»]{0,2000}»|„[^„“”]{0,2000}[“”]|‘[^‘]{0,2000}?’(?!\w)"
    r"|(?:^|(?<=\n))[ \t]*+>[^\n]*"
)
"""Words in quotation marks, and lines that Markdown quotes: somebody's own, to be kept as they were said."""


@dataclass(frozen=True, eq=False)
class Rule:
    """Words to think twice about: what to write instead, why, and on whose word. Each is its own equal."""

    id: str
    suggestion: str
    reason: str
    source: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, eq=False)
class LanguageRules:
    """Everything the lint looks for."""

    rules: tuple[Rule, ...]
    grammar: Grammar


@dataclass(frozen=True)
class Warned:
    """One warning: the rule, the words as they were written, and where they begin."""

    rule: Rule
    words: str
    start: int

    @property
    def suggestion(self) -> str:
        """What to write instead."""
        return self.rule.suggestion


def lint(text: str, rules: LanguageRules) -> tuple[Warned, ...]:
    """Return a warning for each stretch of `text` that a rule names, in their order; nothing inside a quotation."""
    return tuple(one for _, one in _lint([text], rules))


def lint_note(template: NoteTemplate, note: Note, rules: LanguageRules) -> tuple[tuple[str, Warned], ...]:
    """Return each warning about what the clinician wrote, by its field, whoever reads the note."""
    written = list(clinicians_texts(template, note))
    return tuple((written[number][0], one) for number, one in _lint([text for _, text in written], rules))


def _lint(texts: Sequence[str], rules: LanguageRules) -> Iterator[tuple[int, Warned]]:
    """Yield each warning about some texts, behind its text's number."""
    matcher, owners = _matcher(rules)
    for number, found, matches in matcher.matches(texts):
        text = texts[number]
        quoted = [one.span() for one in _QUOTED.finditer(text)]
        until = -1
        for match in matches:
            if match.first <= until or excused(matcher.patterns[match.pattern], match, found):
                continue
            start, end = found.words.stretch(match.first, match.last)
            if not any(low <= start and end <= high for low, high in quoted):
                until = match.last
                yield number, Warned(owners[match.pattern], text[start:end], start)


@lru_cache(maxsize=8)
def _matcher(rules: LanguageRules) -> tuple[Matcher, tuple[Rule, ...]]:
    """Return the rules' patterns made ready, and the rule of each."""
    owners = tuple(rule for rule in rules.rules for _ in rule.patterns)
    return Matcher([one for rule in rules.rules for one in rule.patterns], rules.grammar), owners
