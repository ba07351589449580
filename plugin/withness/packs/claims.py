"""The claim guard's data: catalogue/claims.toml, and what a site's own file adds to it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field

from withness import content
from withness.core.claims import Claim, Claims, Statement, claims_in
from withness.core.negation import Negation
from withness.core.wording import Grammar
from withness.errors import InvalidContent
from withness.files import read_regular
from withness.packs.toml import Outside, Slug, Text, no_twice, read, refusal
from withness.packs.wording import Groups, PatternTable, Words, not_too_many, only_adds

FILE: Final = "claims.toml"

MOST_PATTERNS: Final = 2_000
"""Most patterns of all claims together."""

MAX_FILE: Final = 512 * 1024
"""Largest file of a site, in bytes."""


class _Claim(Outside):
    id: Slug
    sentence: Text
    reason: Text
    source: Text
    pattern: Annotated[tuple[PatternTable, ...], Field(min_length=1)]


class _Statement(Outside):
    id: Slug
    text: Text
    source: Text


class _Grammar(Outside):
    abbreviations: Words
    breaks: Words
    joins: Words
    starters: Words
    leads: Words
    pronouns: Words


class _Negation(Outside):
    far: Words
    near: Words
    verbs: Words
    behind: Words
    stops: Words
    inverting: Words
    harmless: Words
    denials: Words
    questions: Words
    rhetorical: Words


class _Added(Outside):
    """A site's file: it has no grammar and no negation of its own, so it cannot loosen ours."""

    words: Annotated[dict[Slug, Words], Field(default_factory=dict)]
    claim: tuple[_Claim, ...] = ()
    statement: tuple[_Statement, ...] = ()


class _Shipped(_Added):
    grammar: _Grammar
    negation: _Negation


def load_claims(packs: Path | None) -> Claims:
    """Return the shipped claims and statements, then those that a site's folder adds in a claims.toml of its own.

    A site's file only adds: an id or a group of words that is there already is refused. Raises InvalidContent naming
    file and key.
    """
    shipped, groups = _shipped()
    text = added(packs, FILE)
    return shipped if text is None else add_claims(shipped, groups, text, name=FILE)


def added(packs: Path | None, file: str) -> bytes | None:
    """Return a site's own file, None where the site has no folder or the folder no such file.

    Raises InvalidContent where the folder or the file cannot be read, or the file is too large.
    """
    if packs is None:
        return None
    if not packs.is_dir():
        raise InvalidContent("WITHNESS_PACKS does not name a folder.", field="WITHNESS_PACKS")
    try:
        text = read_regular(packs / file, MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError:
        raise InvalidContent(f"{file} cannot be read.", field=file) from None
    if len(text) > MAX_FILE:
        raise InvalidContent(f"{file} is larger than {MAX_FILE} bytes.", field=file)
    return text


def shipped_grammar() -> Grammar:
    """Return where sentences and clauses end, as the shipped file says. Raises InvalidContent naming file and key."""
    return _shipped()[0].claims[0].grammar


@cache
def _shipped() -> tuple[Claims, Groups]:
    return parse_claims((content.folder("catalogue") / FILE).read_bytes(), name=FILE)


def parse_claims(text: bytes, *, name: str) -> tuple[Claims, Groups]:
    """Return the claims and statements of a whole file, and its groups. Raises InvalidContent naming file and key."""
    found = read(_Shipped, text, name=name)
    groups = Groups(found.words, name=name)
    grammar = Grammar(**{key: frozenset(_single(groups, key, words, name)) for key, words in found.grammar})
    negation = _negation(groups, found.negation, name=name)
    return _claims(found, groups, negation, grammar, name=name), groups


def add_claims(shipped: Claims, known: Groups, text: bytes, *, name: str) -> Claims:
    """Return the shipped claims and statements, then those of a site's file. Raises InvalidContent naming file, key."""
    found = read(_Added, text, name=name)
    groups = Groups(found.words, name=name, known=known)
    first = shipped.claims[0]
    own = _claims(found, groups, first.negation, first.grammar, name=name)
    only_adds([one.id for one in own.claims], [one.id for one in shipped.claims], name=name, key="claim")
    only_adds(own.statements, shipped.statements, name=name, key="statement")
    claims = (*shipped.claims, *own.claims)
    for id, one in own.statements.items():
        if claimed := claims_in(one.text, claims):
            raise refusal(name, f"statement.{id}", f"claims what may not be claimed: {claimed[0].claim.sentence}")
    return Claims(claims, MappingProxyType({**shipped.statements, **own.statements}))


def _claims(found: _Added, groups: Groups, negation: Negation, grammar: Grammar, *, name: str) -> Claims:
    no_twice([one.id for one in found.claim], name=name, key="claim")
    no_twice([one.id for one in found.statement], name=name, key="statement")
    not_too_many((one.pattern for one in found.claim), MOST_PATTERNS, name=name, key="claim")
    claims = tuple(
        Claim(
            id=one.id,
            sentence=one.sentence,
            reason=one.reason,
            source=one.source,
            patterns=tuple(groups.pattern(table, key=f"claim.{one.id}.pattern") for table in one.pattern),
            negation=negation,
            grammar=grammar,
        )
        for one in found.claim
    )
    return Claims(claims, MappingProxyType({one.id: Statement(**dict(one)) for one in found.statement}))


def _negation(groups: Groups, found: _Negation, *, name: str) -> Negation:
    questions = frozenset(_single(groups, "questions", found.questions, name, table="negation"))
    elements = {key: groups.element(words, key=f"negation.{key}") for key, words in found if key != "questions"}
    return Negation(questions=questions, **elements)


def _single(groups: Groups, key: str, words: Words, name: str, *, table: str = "grammar") -> list[str]:
    """Return the words of a list that takes single words only. Raises InvalidContent."""
    element = groups.element(words, key=f"{table}.{key}")
    if any(len(one) > 1 or one[0].endswith("*") for one in element.alternatives):
        raise refusal(name, f"{table}.{key}", "takes single whole words")
    return [one[0] for one in element.alternatives]
