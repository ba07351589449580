"""The claim guard: what it reports, whose words it reads, how it reads negation, and how long it may take."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from withness.core.claims import Found, claims_in, claims_in_note
from withness.core.note import (
    Audience,
    FieldKind,
    Kept,
    Layout,
    Note,
    NoteField,
    NoteTemplate,
    Part,
    Section,
    Whose,
)
from withness.packs.claims import load_claims

CLAIMS = load_claims(None).claims
CLAIM = "Collaborative therapy is an evidence-based treatment for depression."


def found(text: str) -> tuple[Found, ...]:
    return claims_in(text, CLAIMS)


def ids(text: str) -> list[str]:
    return [one.claim.id for one in found(text)]


# -- what is reported


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CLAIM, "Collaborative therapy is an evidence-based"),
        ("**Dialogic** therapy is an _evidence_-based one.", "Dialogic** therapy is an _evidence_-based"),
        ("It’s true: this approach is evi\u00addence\u2011based.", "this approach is evi\u00addence\u2011based"),
        ("ﬁne. This approach\nis\n ｅｖｉｄｅｎｃｅ-based!", "This approach\nis\n ｅｖｉｄｅｎｃｅ-based"),
        ("🌱 İ ß ﬀ This approach is evid\u200bence-based 🌱", "This approach is evid\u200bence-based"),
        ("This approach is evidence&#8209;based.", "This approach is evidence&#8209;based"),
        ("This approach is evidence-based³", "This approach is evidence-based"),
    ],
)  # fmt: skip
def test_the_stretch_is_the_one_that_was_written(text: str, words: str) -> None:
    """Signs that fold to none, one or three letters shift nothing. Planted: places of the folded text; caught."""
    (one,) = found(text)
    assert one.words == words
    assert text[one.start : one.start + len(one.words)] == one.words


def test_claims_come_in_their_order_and_each_stretch_once() -> None:
    """Planted: every pattern's match reported; caught."""
    text = f"{CLAIM} Pat is a certified collaborative therapist. {CLAIM}"
    listed = found(text)
    assert [one.start for one in listed] == sorted(one.start for one in listed)
    for claim in {one.claim for one in listed}:
        spans = [(one.start, one.start + len(one.words)) for one in listed if one.claim is claim]
        assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert [one.claim.id for one in listed].count("evidence-based") == 2


def test_nothing_to_refuse_and_nothing_to_read() -> None:
    assert claims_in(CLAIM, ()) == ()
    assert found("") == ()
    assert found(" \n\u200b*_") == ()


# -- clauses and negation


@pytest.mark.parametrize(
    "text",
    [
        "This approach is not evidence-based.",
        "This approach isn't evidence-based.",
        "This approach isn’t evidence-based.",
        "This approach isnt evidence-based.",
        "This approach is n't evidence-based.",
        "This approach cannot be called evidence-based.",
        "Nobody says that this approach is evidence-based.",
        "It is a myth that this approach is evidence-based.",
        "I doubt that this approach is evidence-based.",
        "That this approach is evidence-based is not known.",
        "Is this approach evidence-based?",
        "This approach is evidence-based. It is not.",
        "It is unknown whether this approach is evidence-based.",
        "What this is not: an evidence-based treatment.",
        "An evidence-based treatment: none.",
    ],
)
def test_what_is_denied_is_not_claimed(text: str) -> None:
    """Planted: each of far, behind, inverting, denials, questions and the colon left out; each caught."""
    assert ids(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "This approach is not new; it is evidence-based.",
        "This approach is not new, and it is evidence-based.",
        "This approach is not new but evidence-based.",
        "Although it is not new, this approach is evidence-based.",
        "We do not use drugs because this approach is evidence-based.",
        "There is no magic. This approach is evidence-based.",
        "There is no magic\n\nThis approach is evidence-based",
        "- no magic\n- this approach is evidence-based",
        "# No magic\nThis approach is evidence-based",
        "Not new: this approach is evidence-based.",
        "Not new - this approach is evidence-based.",
        "This approach is not only kind but evidence-based.",
        "No doubt, this approach is evidence-based.",
        "Nobody doubts that this approach is evidence-based.",
        "It is not a myth that this approach is evidence-based.",
        "It is without question that this approach is evidence-based.",
        "This approach is evidence-based and does not hurt.",
        "This approach is evidence-based for people who do not like drugs.",
        "This approach is evidence-based. It is not expensive.",
        "Isn't it plain that this approach is evidence-based?",
        "Did you know that this approach is evidence-based?",
    ],
)
def test_a_negation_of_something_else_excuses_nothing(text: str) -> None:
    """Planted: the sentence taken for the clause; each kind of clause end left out; harmless ones counted; denials
    that go on counted; each caught."""
    assert "evidence-based" in ids(text)


def test_a_full_stop_inside_a_number_or_after_an_abbreviation_ends_nothing() -> None:
    """Planted: every full stop ends a sentence; caught."""
    assert ids("This approach was, as Dr. Lee says, designed for psychosis.") == ["for-a-disorder"]
    assert ids("Collaborative therapy is indicated for F32.1.") == ["for-a-disorder"]


# -- whose words are read


def field(id: str, kind: FieldKind, whose: Whose = Whose.CLINICIAN, parts: tuple[Part, ...] = ()) -> NoteField:
    return NoteField(id, id, kind, "", "ours", required=False, whose=whose, parts=parts)


PARTS = (
    Part("said", "Said", Whose.CLIENT, required=False),
    Part("thought", "Thought", Whose.CLINICIAN, required=False),
)
FIELDS = (
    field("summary", FieldKind.TEXT),
    field("words", FieldKind.TEXT, Whose.CLIENT),
    field("voices", FieldKind.VOICES, Whose.CLIENT),
    field("thoughts", FieldKind.ENTRIES, parts=PARTS),
    field("seen", FieldKind.DATE),
)


def template(audience: Audience) -> NoteTemplate:
    return NoteTemplate(
        id="x",
        version="0.1.0",
        title="X",
        purpose="X",
        audience=audience,
        kept=Kept.RECORD,
        needs_release=False,
        always_saves=False,
        units=("individual",),
        loinc=None,
        sections=(Section("s", "S", FIELDS),),
        layouts={},
        statements=(),
        reading_grade=None,
        source="ours",
        body="",
    )


def note(**fields: Any) -> Note:
    return Note("x", "0.1.0", Layout.DIALOGIC, ("Patient/rosa",), "Practitioner/p1", date(2026, 11, 21), fields)


def paths(audience: Audience, **fields: Any) -> list[str]:
    return [path for path, one in claims_in_note(template(audience), note(**fields), CLAIMS) if one.words]


GUARDED = pytest.mark.parametrize("audience", [Audience.CLIENT, Audience.PAYER])


@GUARDED
def test_what_the_clinician_writes_is_read(audience: Audience) -> None:
    """Texts and the clinician's parts of entries, each named. Planted: entries left out; caught."""
    fields = {"summary": CLAIM, "thoughts": [{"said": "x", "thought": "y"}, {"said": "x", "thought": CLAIM}]}
    assert paths(audience, **fields) == ["summary", "thoughts[1].thought"]


@GUARDED
def test_the_clients_words_are_never_read(audience: Audience) -> None:
    """Planted: client fields read; client parts read; both caught."""
    voices = [{"who": "Patient/rosa", "words": CLAIM}]
    assert paths(audience, words=CLAIM, voices=voices, thoughts=[{"said": CLAIM, "thought": ""}]) == []


@pytest.mark.parametrize("audience", [Audience.CLINICAL, Audience.SUPERVISION])
def test_only_what_clients_and_payers_read_is_guarded(audience: Audience) -> None:
    """Planted: every audience guarded; caught."""
    assert paths(audience, summary=CLAIM) == []


@GUARDED
@pytest.mark.parametrize("value", [None, 3, True, [CLAIM], {"a": CLAIM}, [None], ["x"], [{"thought": 3}]])
def test_a_value_of_another_kind_is_no_text(audience: Audience, value: Any) -> None:
    """A draft may be half written. Planted: `isinstance` left out of the parts; caught."""
    assert paths(audience, summary=value, thoughts=value) == []


# -- time


MEGABYTE = 1_000_000
PROSE = "Rosa said that the week was hard, and that the evidence for CBT is CBT's own. Pat asked what helped. "
HOSTILE: dict[str, Callable[[int], str]] = {
    "prose": lambda size: PROSE * (size // len(PROSE)),
    "one word": lambda size: "a" * size,
    "one accented word": lambda size: "é" * size,
    "no full stop": lambda size: "this approach is evidence-based " * (size // 32),
    "claims": lambda size: (CLAIM + " ") * (size // 69),
    "negations": lambda size: "no " * (size // 3),
    "denied claims": lambda size: "no this approach is not evidence-based " * (size // 39),
    "subjects": lambda size: "collaborative therapy is " * (size // 25),
    "figures": lambda size: "80 % of clients recover " * (size // 24),
    "one long word, one broken": lambda size: "evi-\ndence " + "a" * size,
    "hyphens at line ends": lambda size: "a-\n" * (size // 3),
    "blanks after a hyphen": lambda size: "a-" + " " * size,
    "blanks after a line end": lambda size: "\n" + " " * size + "x",
    "tags": lambda size: "<a" * (size // 2),
    "entities": lambda size: "&a" * (size // 2),
    "brackets": lambda size: "](" * (size // 2),
    "apostrophes": lambda size: "a'" * (size // 2),
    "numbers": lambda size: "1." * (size // 2),
    "zero width": lambda size: "\u200b" * size,
    "other words": lambda size: " ".join(f"w{number}" for number in range(size // 7)),
}


def seconds(text: str) -> float:
    """The processor's time, so that a busy machine changes little."""
    begin = time.process_time()
    found(text)
    return time.process_time() - begin


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_time_grows_with_the_length_and_no_faster(kind: str) -> None:
    """Four times the text: at most about four times the time. Planted: a broken word looked for from every letter,
    however long; the words beside a match read without a limit; both caught."""
    small, large = HOSTILE[kind](MEGABYTE // 40), HOSTILE[kind](MEGABYTE // 10)
    found(small)
    first = min(seconds(small) for _ in range(3))
    assert min(seconds(large) for _ in range(2)) <= 7 * first + 0.05


def test_a_megabyte_is_read_within_ten_seconds() -> None:
    """Prose takes about one second; the bound leaves room for a slow machine."""
    assert seconds(HOSTILE["prose"](MEGABYTE)) < 10


@pytest.mark.parametrize("kind", ["no full stop", "denied claims"])
def test_an_adversarial_megabyte_is_read_within_half_a_minute(kind: str) -> None:
    """The worst that was found: nothing but claims in one sentence; it takes about three seconds."""
    assert seconds(HOSTILE[kind](MEGABYTE)) < 30


def test_any_text_is_read_without_an_error() -> None:
    """Random pieces of everything, reported stretches always the text's own."""
    pieces = [
        "evidence",
        "-",
        "based",
        "this approach",
        " ",
        "\n",
        "\n\n",
        "\n- ",
        "#",
        "*",
        "`",
        "&nbsp;",
        "<b>",
        "İ",
        "ß",
    ]
    pieces += [
        "½",
        "\u200b",
        "\u00ad",
        "\u202e",
        "\x00",
        "'",
        "’",
        "“",
        "is",
        "not",
        "no",
        "?",
        ".",
        ":",
        ";",
        "(",
        "80",
        "%",
    ]
    pieces += ["CBT", "cures", "depression", "🌱", "é", "e\u0301", "ﬁ", "]", "(x)", "\\", "Collaborative therapy"]
    chance = random.Random(5)  # noqa: S311
    for _ in range(500):
        text = "".join(chance.choice(pieces) + chance.choice(["", " "]) for _ in range(40))
        for one in found(text):
            assert one.words
            assert text[one.start : one.start + len(one.words)] == one.words
