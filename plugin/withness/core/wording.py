"""Text to words: folded, each with its place in the original, and cut into sentences and clauses."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

_SPECIAL: Final = re.compile(
    r"[\x80-\U0010ffff*_`~\\\[\]<&]"  # one set of signs first: all else is skipped at once
    r"(?:(?<=\])(?:\([^()\s]{0,300}\))?|(?<=<)/?[A-Za-z][^<>]{0,200}>|(?<=&)#?[0-9A-Za-z]{1,8};|(?<![\]<&]))"
)
"""What is no plain letter: other alphabets, Markdown's marks and links, tags and entities of HTML."""

_BEGIN_SPECIAL: Final = "*_`~\\[]<&"
"""A quick look at plain letters: most texts hold none of these."""

WORD: Final = re.compile(r"%|[^\W_]+(?:[.,][0-9]+)*(?:'[^\W_]+)*")
"""A word of folded text; `parts` says which words it stands for."""

BROKEN: Final = re.compile(
    r"(?<![^\W_])(?P<before>[^\W\d_]{1,40})-[ \t]*+\n[ \t]*+(?P<behind>[^\W\d_]{1,40})(?![^\W_])"
)
"""A word broken at a line's end, or two words with a hyphen between them."""

_TOKENS: Final = re.compile(
    rf"(?P<broken>{BROKEN.pattern})"
    r"|(?P<word>[^\W_]+(?:[.,][0-9]+)*(?:'[^\W_]+)*)|(?P<percent>%)"
    r"|(?P<line>\n[ \t]*+(?:\n\s*|(?:[-+|#>]|[0-9]{1,3}[.)])[ \t]*))|(?P<stop>[.!?]+)|(?P<comma>[,()])"
    r"|(?P<colon>[;:|]|[ \t\n]--?-?[ \t\n])|(?P<newline>\n)"
)
_CONTRACTIONS: Final = {"re": "are", "ve": "have", "ll": "will", "d": "would", "m": "am", "s": "is"}
_NEGATIVE: Final = {"ca": "can", "wo": "will", "sha": "shall", "ai": "is"}
_WHOLE: Final = {"cannot": ("can", "not"), "n't": ("not",)}
_IS: Final = frozenset(("it", "that", "this", "there", "here", "what", "he", "she", "who", "how", "where", "nothing"))
"""After these words 's is a verb; elsewhere it says whose something is."""
_RUN_TOGETHER: Final = re.compile(r"(is|are|was|were|do|does|did|has|have|had|ca|could|wo|would|should|must|need)nt")
"""Written without their apostrophe: isnt, cant."""

_DASHES: Final = dict.fromkeys("‐‑‒–—―−﹘﹣－", "-")
_QUOTES: Final = {**dict.fromkeys("‘’‛ʼ′＇", "'"), **dict.fromkeys("“”„‟«»", '"')}
_LINES: Final = dict.fromkeys("\u2028\u2029\x85", "\n")
_KNOWN: Final = {**_DASHES, **_QUOTES, **_LINES, "\N{EM DASH}": " - "}


@dataclass(frozen=True)
class Grammar:
    """Where English sentences and clauses end.

    One of `breaks` begins a clause; one of `starters` does after a comma or one of `joins`. A colon ends a clause,
    unless one of `leads` stands beside it. One of `pronouns` may mean what the sentence before was about.
    """

    abbreviations: frozenset[str]
    breaks: frozenset[str]
    joins: frozenset[str]
    starters: frozenset[str]
    leads: frozenset[str]
    pronouns: frozenset[str]


class Flat(NamedTuple):
    """Folded text, and where its pieces begin in it and in the original."""

    text: str
    at: tuple[int, ...]
    original: tuple[int, ...]
    length: int

    def stretch(self, start: int, end: int) -> tuple[int, int]:
        """Return where the folded stretch stands in the original."""
        return self._original(start), self._original(end - 1) + 1

    def _original(self, at: int) -> int:
        piece = bisect_right(self.at, at) - 1
        inside = self.original[piece] + at - self.at[piece]
        # A piece that grew by folding (one sign, two letters) still ends where the next one begins.
        last = self.original[piece + 1] - 1 if piece + 1 < len(self.original) else self.length - 1
        return min(inside, last)


def fold(text: str) -> Flat:
    """Return `text` as it is read: small letters, no accents, no emphasis, one kind of hyphen, quote and space."""
    if text.isascii() and not any(sign in text for sign in _BEGIN_SPECIAL):
        return Flat(text.lower(), (0,), (0,), len(text))
    pieces, at, original, done, length = [], [], [], 0, 0
    for special in _SPECIAL.finditer(text):
        for piece, start in ((text[done : special.start()].lower(), done), (_plain(special.group()), special.start())):
            if piece:
                pieces.append(piece)
                at.append(length)
                original.append(start)
                length += len(piece)
        done = special.end()
    pieces.append(text[done:].lower())
    return Flat("".join(pieces), (*at, length), (*original, done), len(text))


def folded(texts: Sequence[str]) -> list[str]:
    """Return the `text` of each one's `fold`: looked at together, most texts take next to nothing."""
    together = "".join(texts)
    if any(sign in together for sign in _BEGIN_SPECIAL):
        return [fold(text).text for text in texts]
    return [text.lower() if text.isascii() else fold(text).text for text in texts]


def _plain(sign: str) -> str:
    """Return how a sign reads; nothing for marks that only dress a word."""
    if sign[0] == "&":
        known = html.unescape(sign)
        return known.lower() if known.isascii() and known not in "*_`~" else "".join(map(_letter, known))
    return "" if sign[0] in "*_`~\\[]<" else _letter(sign)


@lru_cache(maxsize=4096)
def _letter(sign: str) -> str:
    if sign in _KNOWN:
        return _KNOWN[sign]
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", sign).casefold())
    plain = "".join(one for one in folded if unicodedata.category(one) not in ("Mn", "Me", "Cf"))
    # A raised figure is a footnote's, and no part of the word before it.
    return f" {plain}" if unicodedata.category(sign) == "No" else plain


@lru_cache(maxsize=20_000)
def parts(word: str) -> tuple[str, ...]:
    """Return a word as the words it stands for: isn't as is and not, it's as it and is, client's as client."""
    if word in _WHOLE:
        return _WHOLE[word]
    if together := _RUN_TOGETHER.fullmatch(word):
        return _NEGATIVE.get(together[1], together[1]), "not"
    head, mark, tail = word.partition("'")
    if not mark:
        return (word,)
    if tail == "t" and head.endswith("n"):
        return _NEGATIVE.get(head[:-1], head[:-1]), "not"
    if tail == "s" and head not in _IS:
        return (head,)
    return (head, _CONTRACTIONS[tail]) if tail in _CONTRACTIONS else (head, tail)


def sure_end(abbreviations: Iterable[str]) -> re.Pattern[str]:
    """Return where sentences of folded text surely end: `Words`, which looks closer, ends some more, and none less."""
    unless = "".join(rf"(?<!\b{re.escape(one)}.)" for one in sorted(abbreviations))
    return re.compile(rf"[.!?](?<=[^\W\d_]{{2}}.){unless}[.!?]*(?=\s)")


class Words:
    """The words of a text in order: `text`, `span` in the folded text, `clause` and `sentence` by number.

    `asked` names the sentences that end with a question mark, `begins` the first word of each sentence that has any.
    """

    def __init__(self, flat: Flat, grammar: Grammar, knows: Callable[[str], bool]) -> None:
        self.text: list[str] = []
        self.span: list[tuple[int, int]] = []
        self.clause: list[int] = []
        self.sentence: list[int] = []
        self.asked: set[int] = set()
        self.begins: list[int] = []
        self.grammar = grammar
        self._flat = flat
        self._clause = self._sentence = 0
        self._comma = self._colon = False
        self._heading = flat.text.startswith("#")
        begun = -1
        for token in _TOKENS.finditer(flat.text):
            kind = token.lastgroup
            if kind != "word":
                self._mark(kind, token, flat.text, knows)
                continue
            for word in parts(token.group()):
                self._put(word, token.span())
        for number, sentence in enumerate(self.sentence):
            if sentence != begun:
                self.begins.append(number)
                begun = sentence

    def stretch(self, first: int, last: int) -> tuple[int, int]:
        """Return where the words `first` to `last` stand in the original."""
        return self._flat.stretch(self.span[first][0], self.span[last][1])

    def _put(self, word: str, span: tuple[int, int]) -> None:
        """Add a word. A clause begins at: but; ", it"; "and it"; ": it"; not at "not: it" or ": none"."""
        grammar = self.grammar
        if word in grammar.breaks:
            self._clause += 1
        elif self._colon or word in grammar.starters:
            last = self.text[-1] if self.text else ""
            joined = (self._comma or last in grammar.joins) and word in grammar.starters
            led = word in grammar.leads or last in grammar.leads
            self._clause += joined or (self._colon and not led)
        self.text.append(word)
        self.span.append(span)
        self.clause.append(self._clause)
        self.sentence.append(self._sentence)
        self._comma = self._colon = False

    def _mark(self, kind: str | None, token: re.Match[str], text: str, knows: Callable[[str], bool]) -> None:
        """Take what is no plain word: a mark, or a word broken at a line's end."""
        match kind:
            case "percent":
                self._put("%", token.span())
            case "broken":
                first, second = token.group("before"), token.group("behind")
                if knows(first + second):
                    self._put(first + second, token.span())
                else:
                    self._put(first, token.span("before"))
                    self._put(second, token.span("behind"))
            case "comma":
                self._comma = True
            case "colon":
                self._colon = True
            case "stop":
                self._stop(token, text)
            case _:
                if kind == "line" or self._heading:
                    self._end_sentence()
                self._heading = token.group().endswith("#")

    def _stop(self, token: re.Match[str], text: str) -> None:
        """End the sentence at a full stop, unless it stands inside a word or after an abbreviation."""
        following = text[token.end() : token.end() + 1]
        if following and not following.isspace() and following not in "\"')]}":
            return
        if token.group() == "." and self.text and self.text[-1] in self.grammar.abbreviations:
            return
        if "?" in token.group():
            self.asked.add(self._sentence)
        self._end_sentence()

    def _end_sentence(self) -> None:
        self._sentence += 1
        self._clause += 1
        self._comma = self._colon = False
