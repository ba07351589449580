"""The quick look at texts: it never holds back what reading the whole text finds, and remembers nothing but words."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from withness.core import claims, language
from withness.core.patterns import Element, Match, Pattern
from withness.core.phrases import Matcher
from withness.core.wording import Words, fold, folded
from withness.packs.claims import load_claims
from withness.packs.language import load_language

GUARD = claims._matcher(load_claims(None).claims)[0]
LINT = language._matcher(load_language(None))[0]
GRAMMAR = load_claims(None).claims[0].grammar
PHRASINGS = tomllib.loads((Path(__file__).parents[1] / "packs" / "claim_phrasings.toml").read_text(encoding="utf-8"))
FORBIDDEN = [one["text"] for kind in PHRASINGS.values() for one in kind["forbidden"]]
HONEST = [one["text"] for kind in PHRASINGS.values() for one in kind["honest"]]
ALTERNATIVES = sorted({" ".join(one) for each in GUARD.patterns for part in each.elements for one in part.alternatives})


def read_whole(matcher: Matcher, texts: list[str]) -> list[tuple[int, list[Match]]]:
    """What stands in the texts, each read word by word for every pattern that there is."""
    found = []
    for number, flat in enumerate(map(fold, texts)):
        words = Words(flat, matcher._grammar, matcher._knows)
        there = matcher._occurrences(words, range(len(matcher.patterns)), [range(len(words.text))])
        if matches := matcher._chained(range(len(matcher.patterns)), there):
            found.append((number, matches))
    return found


def sifted(matcher: Matcher, texts: list[str]) -> list[tuple[int, list[Match]]]:
    return [(number, matches) for number, _, matches in matcher.matches(texts) if matches]


@pytest.mark.parametrize("matcher", [GUARD, LINT], ids=["guard", "lint"])
def test_the_shipped_phrasings_are_found_alone_and_together(matcher: Matcher) -> None:
    """Planted: a text's last word left out; the next text taken for the same one; both caught."""
    every = FORBIDDEN + HONEST
    whole = read_whole(matcher, every)
    assert sifted(matcher, every) == whole
    assert [(number, found) for number, text in enumerate(every) for _, found in sifted(matcher, [text])] == whole
    assert sifted(matcher, ["\n".join(every)]) == read_whole(matcher, ["\n".join(every)])


PIECES = some.one_of(
    some.sampled_from(FORBIDDEN + HONEST),
    some.sampled_from(FORBIDDEN + HONEST).flatmap(lambda text: some.sampled_from(text.split())),
    some.sampled_from(ALTERNATIVES).map(lambda one: one.replace("*", "s").replace("#", "12.5")),
    some.sampled_from(
        ["this", "approach", "is", "evidence", "evi", "dence", "isn't", "cannot", "Dr", "e.g", "1", "80"]
    ),
    some.text(max_size=4),
)
BETWEEN = some.sampled_from(
    (
        *(" ", " ", " ", "\n", "\n\n", ". ", "? ", "! ", ".\n", ", ", "-", " - ", "-\n", "– ", "\n- ", "\n3. ", "\n1."),
        *(
            "'",
            "’",
            "*",
            "**",
            "_",
            "&nbsp;",
            "&#65;",
            "<b>",
            "</b>",
            "<",
            "…",
            "%",
            " % ",
            '."',
            "",
            "A",
            " A ",
            "\x00",
        ),
    )
)
TEXTS = some.lists(some.tuples(PIECES, BETWEEN), max_size=8).map(lambda pairs: "".join(a + b for a, b in pairs))


@settings(max_examples=300, deadline=None)
@given(some.lists(TEXTS, max_size=4), some.sampled_from([GUARD, LINT]))
def test_nothing_that_stands_in_a_text_is_held_back(texts: list[str], matcher: Matcher) -> None:
    """Planted: a text's last word left out; a word's parts taken for one; both caught."""
    assert sifted(matcher, texts) == read_whole(matcher, texts)


def matcher(*phrases: str) -> Matcher:
    elements = (Element((tuple(one.split()),)) for one in phrases)
    return Matcher([Pattern((one,), ()) for one in elements], GRAMMAR)


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("our approach", "our - approach"),
        ("our approach", "our 🌱 approach"),
        ("our approach", "our appro-\nach"),
        ("our approach", "our\napproach"),
        ("is not", "it isn't"),
        ("not so", "it isn't so"),
        ("it is", "that it's"),
        ("# percent", "12.5 percent"),
        ("5 percent", "so:\n12.5 percent"),
        ("so #", "so 3,5"),
        ("f3* disorder", "an F32.1 disorder"),
        ("# %", "of 80% there"),
        ("dr lee says so", "Dr. Lee says so"),
        ("at least as good as", "At least as good as"),
    ],
)
def test_words_are_neighbours_as_the_reader_sees_them(phrase: str, text: str) -> None:
    """Planted: a sign between two words keeps them apart; numbers held to their figures; a broken word not looked for;
    each caught."""
    made = matcher(phrase)
    assert read_whole(made, [text])
    assert sifted(made, [text]) == read_whole(made, [text])


def test_no_pattern_goes_on_in_the_next_text() -> None:
    """Planted: each text begins where the first one does; caught."""
    sieve = matcher("our approach").sieve
    assert sieve.passing(["this is our", "approach"]) == []
    assert sieve.passing(["x", "our approach", "our"]) == [1]
    assert sieve.passing([]) == []


def test_a_sentence_goes_on_behind_an_abbreviation_and_ends_elsewhere() -> None:
    """Planted: no sentence looked at by itself; cut behind "dr." too; both caught."""
    both = Pattern((Element((("first",),)), Element((("second",),))), (20,))
    sieve = Matcher([both], GRAMMAR).sieve
    assert sieve.passing(["first as dr. lee said second", "first it ended. then second", "first ok? second"]) == [0]


def in_order(*phrases: str) -> Matcher:
    elements = tuple(Element((tuple(one.split()),)) for one in phrases)
    return Matcher([Pattern(elements, (20,) * (len(elements) - 1))], GRAMMAR)


@pytest.mark.parametrize(
    ("phrases", "text", "passes"),
    [
        (("our work", "helps"), "our work helps", True),
        (("our work", "helps"), "helps our work", False),
        (("our work", "work"), "our work is good", False),
        (("our work", "work"), "our work is work", True),
        (("our work", "work"), "our work-work", True),
        (("evidence", "based"), "it is evidence-based", True),
        (("is", "not"), "it isn't", True),
        (("work", "work"), "this work", False),
        (("one", "two", "three"), "one three two", False),
    ],
)
def test_the_closer_look_keeps_the_order(phrases: tuple[str, ...], text: str, passes: bool) -> None:
    """Planted: each element looked for from the beginning; the next one never taken from the same chunk; a word taken
    twice; each caught."""
    made = in_order(*phrases)
    assert made.sieve.passing([text]) == ([0] if passes else [])
    assert bool(read_whole(made, [text])) == passes


def test_a_glance_needs_each_of_the_rarest_elements() -> None:
    """Planted: one row of bits not looked at; a pattern with few elements held to rows that it has not; both caught."""
    six = in_order("alpha", "beta", "gamma", "delta", "epsilon", "zeta").sieve._glance
    whole = "alpha beta gamma delta epsilon zeta"
    seen = [six.at([whole.replace(one, "")]) for one in whole.split()]
    assert six.at([whole, "", whole]) == [[0], [], [0]]
    assert seen.count([[]]) == 4
    assert in_order("alpha").sieve._glance.at(["alpha", "beta"]) == [[0], []]
    assert six.at([]) == []


@settings(max_examples=300, deadline=None)
@given(some.lists(TEXTS, max_size=4))
def test_texts_folded_together_are_folded_alike(texts: list[str]) -> None:
    """Planted: one text's signs looked for and not the others'; caught."""
    assert folded(texts) == [fold(text).text for text in texts]


def test_folded_text_has_no_capital_letter() -> None:
    """The sieve's mark between two texts is one. Planted: `lower` left out of the entities; caught."""
    for code in range(sys.maxunicode + 1):
        assert not re.search("[A-Z]", fold(f"{chr(code)}&#{code};" if code % 64 == 1 else chr(code)).text), hex(code)


def test_only_single_words_are_remembered_and_no_number() -> None:
    """A number may be a birthday or a telephone's. Planted: figures kept as they are; all chunks kept; both caught."""
    made = matcher("our approach")
    texts = [
        "Rosa was born on 3/4/1985 at 17b Elm St. and has 555-0142, rosa85@example.org,or.at,home. " + "x" * 99,
        "our approach",
    ]
    texts.append(f"an approach of our own {texts[0].replace('. ', ' ')}")
    list(made.matches(texts))
    look = made.sieve._look
    for memory in (made.sieve._glance._memory, look._ahead, look._behind):
        assert memory
        assert not any(re.search(r"[1-9\s/@-]|\w[.,]\w|x{50}", word) for word in memory)
    assert set(made._memory) == {"our", "approach"}


def test_the_sieve_forgets_when_there_are_too_many_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: `clear` left out; caught."""
    monkeypatch.setattr("withness.core.sieve._REMEMBERED", 50)
    made = matcher("our approach")
    text = " ".join(f"{first}{second}" for first in "stuvwxyz" for second in "abcdefghijkl")
    assert sifted(made, [text, "our approach"]) == read_whole(made, [text, "our approach"])
    look = made.sieve._look
    assert all(len(memory) <= 50 for memory in (made.sieve._glance._memory, look._ahead, look._behind))
