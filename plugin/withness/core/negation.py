"""Whether an English clause says what it seems to say: negations, double negations, questions, denials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from withness.core.patterns import REACH, Element, Match, Occurrences, clause_around

_BEFORE: Final = 5
"""How many words before a match a near negator reaches."""

_BEHIND: Final = 6
"""How many words behind a match its negation may begin."""


@dataclass(frozen=True)
class Negation:
    """How an English clause says no.

    `far` reaches through its clause, `near` only what follows at once, with no word of `verbs` between; `behind`
    negates what it stands behind, unless one of `stops` stands between. `inverting` turns a statement round, and a
    negated one back again: nobody denies. `harmless` only look like a negation: not only. `denials` are whole sentences
    that deny the one before. `questions` begin a question that claims nothing, unless one of `rhetorical` stands in it.
    """

    far: Element
    near: Element
    verbs: Element
    behind: Element
    stops: Element
    inverting: Element
    harmless: Element
    denials: Element
    questions: frozenset[str]
    rhetorical: Element

    def elements(self) -> tuple[Element, ...]:
        """Return what must be looked for beside a match."""
        return (
            self.far,
            self.near,
            self.verbs,
            self.behind,
            self.stops,
            self.inverting,
            self.harmless,
            self.denials,
            self.rhetorical,
        )


def negated(match: Match, found: Occurrences, negation: Negation) -> bool:
    """Whether the clause denies or only asks what the match says; twice denied is said."""
    if _asked(match, found, negation) or _denied(match, found, negation):
        return True
    taken = {number for first, last in match.taken for number in range(first, last + 1)}
    _, high = clause_around(found.words, match)
    look = _Look(found, negation, taken, _clause_begins(match, found), high)
    return look.says_no(match) != look.turned_round(match)


def _asked(match: Match, found: Occurrences, negation: Negation) -> bool:
    words = found.words
    sentence = words.sentence[match.first]
    if sentence not in words.asked:
        return False
    first = match.first
    while first > 0 and match.first - first < REACH and words.sentence[first - 1] == sentence:
        first -= 1
    rhetorical = any(True for _ in found.between(negation.rhetorical, first, match.last))
    return words.text[first] in negation.questions and not rhetorical


def _denied(match: Match, found: Occurrences, negation: Negation) -> bool:
    """Whether the next sentence says no, and nothing else."""
    sentence, last = found.words.sentence, len(found.words.text) - 1
    end = match.last
    while end < last and end - match.last < REACH and sentence[end + 1] == sentence[match.last]:
        end += 1
    return any(
        first == end + 1
        and sentence[first] != sentence[end]
        and (until == last or sentence[until + 1] != sentence[first])
        for first, until in found.between(negation.denials, end + 1, end + REACH)
    )


def _clause_begins(match: Match, found: Occurrences) -> int:
    """Return the first word of the clause in which the match ends: what a clause before it denies is its own."""
    clause, low = found.words.clause, match.last
    while low > 0 and match.first - low < REACH and clause[low - 1] == clause[match.last]:
        low -= 1
    return low


@dataclass(frozen=True)
class _Look:
    """What stands around one match, in its clause."""

    found: Occurrences
    negation: Negation
    taken: set[int]
    low: int
    high: int

    def says_no(self, match: Match) -> bool:
        """Whether a negator reaches the match: before it, in its gaps or behind it."""
        known = self.negation
        if any(True for _ in self._free(known.far, self.low, match.last)):
            return True
        if any(self._reaches(last) for _, last in self._free(known.near, match.first - _BEFORE, match.last)):
            return True
        # The match may hold the verb that is negated: "effect sizes are not known".
        return any(self._is_behind(match, first) for first, _ in self._free(known.behind, match.last, self.high))

    def turned_round(self, match: Match) -> bool:
        """Whether the clause denies, doubts or calls wrong what it says, whether before or behind the match."""
        known = self.negation.inverting
        return any(True for _ in self._free(known, self.low, match.last, inverting=True)) or any(
            self._is_behind(match, first) for first, _ in self._free(known, match.last + 1, self.high, inverting=True)
        )

    def _free(self, element: Element, low: int, high: int, *, inverting: bool = False) -> Iterator[tuple[int, int]]:
        """Yield an element's spans that neither the match nor what is harmless holds."""
        holders = [self.negation.harmless] if inverting else [self.negation.harmless, self.negation.inverting]
        for first, last in self.found.between(element, max(low, self.low), high):
            if last not in self.taken and not any(self._held(first, last, holder) for holder in holders):
                yield first, last

    def _held(self, first: int, last: int, holder: Element) -> bool:
        around = self.found.between(holder, max(first - 4, 0), last + 4)
        return any(
            low <= first and last <= high and self.taken.isdisjoint(range(low, high + 1)) for low, high in around
        )

    def _reaches(self, negator: int) -> bool:
        """Whether nothing but a noun's own words stands between a near negator and what the match took next."""
        following = min((number for number in self.taken if number > negator), default=negator)
        return not any(True for _ in self.found.between(self.negation.verbs, negator + 1, following - 1))

    def _is_behind(self, match: Match, first: int) -> bool:
        if first - match.last > _BEHIND:
            return False
        return not any(True for _ in self.found.between(self.negation.stops, match.last + 1, first - 1))
