"""The claim guard: what a document for a client or payer must not claim (contracts I10, clinical facts 1.11, 1.12).

What is refused is data (catalogue/claims.toml). The guard reads words, not meaning: a claim in words that no pattern
knows passes, and so does one that is spread over two sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from withness.core.negation import Negation, negated
from withness.core.note import GUARDED, Note, NoteTemplate
from withness.core.patterns import Pattern, excused
from withness.core.phrases import Matcher
from withness.core.wording import Grammar


@dataclass(frozen=True, eq=False)
class Claim:
    """One claim that is refused: `sentence` says what, `reason` why, `source` on whose word. Each is its own equal."""

    id: str
    sentence: str
    reason: str
    source: str
    patterns: tuple[Pattern, ...]
    negation: Negation
    grammar: Grammar


@dataclass(frozen=True)
class Statement:
    """An honest statement that a document shows where its template names it."""

    id: str
    text: str
    source: str


@dataclass(frozen=True)
class Claims:
    """What documents must not say, and what they must."""

    claims: tuple[Claim, ...]
    statements: Mapping[str, Statement]


@dataclass(frozen=True)
class Found:
    """A claim in a text: the stretch as it was written, and where it begins."""

    claim: Claim
    words: str
    start: int


def claims_in(text: str, claims: tuple[Claim, ...]) -> tuple[Found, ...]:
    """Return each claim in `text`, in its order; of one claim's stretches that overlap only one."""
    return tuple(one for _, one in _claims_in([text], claims))


def claims_in_note(template: NoteTemplate, note: Note, claims: tuple[Claim, ...]) -> tuple[tuple[str, Found], ...]:
    """Return each claim in what the clinician wrote, by its field; nothing where no client or payer reads the note.

    The client's own words are never read.
    """
    if template.audience not in GUARDED:
        return ()
    written = list(clinicians_texts(template, note))
    return tuple((written[number][0], one) for number, one in _claims_in([text for _, text in written], claims))


def _claims_in(texts: Sequence[str], claims: tuple[Claim, ...]) -> Iterator[tuple[int, Found]]:
    """Yield each claim in some texts, behind its text's number: texts looked at together cost less than one by one."""
    if not claims:
        return
    matcher, owners = _matcher(claims)
    for number, found, matches in matcher.matches(texts):
        until: dict[Claim, int] = {}
        for match in matches:
            claim = owners[match.pattern]
            if match.first <= until.get(claim, -1):
                continue
            if excused(matcher.patterns[match.pattern], match, found) or negated(match, found, claim.negation):
                continue
            until[claim] = match.last
            start, end = found.words.stretch(match.first, match.last)
            yield number, Found(claim, texts[number][start:end], start)


def clinicians_texts(template: NoteTemplate, note: Note) -> Iterator[tuple[str, str]]:
    """Yield what the clinician wrote in a note and what stands round it, by field, such as `thoughts[0].thought`."""
    yield from ((f"names.{who}", name) for who, name in note.names.items())
    if note.attestation is not None:
        yield "credentials", note.attestation.credentials
    for id, parts in template.clinicians:
        value = note.fields.get(id)
        if parts is None:
            if isinstance(value, str):
                yield id, value
        elif isinstance(value, list | tuple):
            for number, entry in enumerate(value):
                for part in parts if isinstance(entry, Mapping) else ():
                    if isinstance(entry.get(part), str):
                        yield f"{id}[{number}].{part}", entry[part]


@lru_cache(maxsize=8)
def _matcher(claims: tuple[Claim, ...]) -> tuple[Matcher, tuple[Claim, ...]]:
    """Return the claims' patterns made ready, and the claim of each."""
    owners = tuple(claim for claim in claims for _ in claim.patterns)
    beside = dict.fromkeys(element for claim in claims for element in claim.negation.elements())
    return Matcher([one for claim in claims for one in claim.patterns], claims[0].grammar, beside), owners
