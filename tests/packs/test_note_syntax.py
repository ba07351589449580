"""The language of a note's body: what it has, what it has not, and that it leaves nothing out.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.packs.note_samples import BODY, plain, template, unchecked

from withness.errors import InvalidContent
from withness.packs import note_syntax
from withness.packs.note_language import MAX_BYTES
from withness.packs.note_syntax import faults
from withness.packs.note_templates import load_note_templates

ATTACKS = tomllib.loads((Path(__file__).parent / "note_attacks.toml").read_text(encoding="utf-8"))
SECONDS = 1.0
"""The longest that any body is looked at."""


def body_of(attack: dict[str, Any]) -> str:
    return attack.get("before", "") + attack["body"] * attack.get("repeat", 1) + attack.get("after", "")


def said(body: str) -> list[str]:
    return [one.said for one in faults(unchecked(body))]


# -- what it has not


def test_the_attack_set_is_large_enough() -> None:
    assert len(ATTACKS["template"]) >= 40
    assert len(ATTACKS["value"]) >= 30


@pytest.mark.parametrize("attack", ATTACKS["template"], ids=lambda one: one["name"])
def test_an_attack_is_refused_in_plain_words_and_soon(attack: dict[str, Any]) -> None:
    """Planted, each alone: no rule for calls, filters, subscripts, tests, loops, sizes, text before a tag; caught."""
    started = time.process_time()
    with pytest.raises(InvalidContent) as error:
        note_syntax.check(unchecked(body_of(attack)))
    assert time.process_time() - started < SECONDS
    assert attack["said"] in error.value.message
    assert error.value.message.startswith("note_templates/sample/note.md.j2")
    assert len(error.value.message) < 400


def test_every_attack_is_refused_beside_a_body_that_is_right() -> None:
    """What is refused is the attack, not what else is missing. Planted: only the first node looked at; caught."""
    for attack in ATTACKS["template"]:
        body = f"{BODY}\n\n{body_of(attack)}"
        assert any(attack["said"] in one for one in said(body)) or len(body) > MAX_BYTES, attack["name"]


@pytest.mark.parametrize(
    ("body", "line", "construct"),
    [
        ("{{ sections() }}\n\n{% set x = 1 %}", 3, "{% set %}"),
        ("{{ sections() }}\n{{ mine.x }}\n", 2, "a dot"),
        ("one\ntwo\n<b>three</b>\n", 3, "HTML"),
        ("{{ sections() }}\n\n{% if mine %}\n{{ hers }}\n{% endif %}", 4, "there is no field 'hers'"),
        ("one\r\ntwo\r\n{% include 'x' %}", 3, "{% include %}"),
        ("{# a\ncomment #}\n{{ mine|upper }}", 3, "upper"),
        ("a\n{{ mine", 2, "it cannot be read"),
    ],
)
def test_a_fault_is_found_by_its_line(body: str, line: int, construct: str) -> None:
    """Planted: lines counted from 0; caught."""
    with pytest.raises(InvalidContent) as error:
        note_syntax.check(unchecked(body))
    assert error.value.field == f"note_templates/sample/note.md.j2:{line}"
    assert f", line {line}: " in error.value.message
    assert construct in error.value.message


def test_every_fault_is_found_at_once_in_the_order_of_the_lines() -> None:
    found = faults(unchecked("{{ hers }}\n<b>\n{% set x = 1 %}\n{{ mine|quote(1) }}"))
    assert [one.line for one in found] == [1, 2, 3, 4]


def test_the_sandbox_has_nothing_to_take() -> None:
    """Planted: Jinja's own globals left there; caught."""
    environment = note_syntax.environment()
    assert (environment.globals, environment.tests, list(environment.filters)) == ({}, {}, ["quote"])
    assert environment.extensions == {}


# -- what it has


@pytest.mark.parametrize(
    "body",
    [
        "{{ theirs }} and {{ mine }}",
        "{{ theirs|quote }} {{ mine | quote }}",
        '{{ block("theirs") }}{{ block("mine") }}',
        '{{ section("words") }}',
        "{{ sections() }}",
        "{{- sections() -}}",
        "{# a comment #}{{ sections() }}",
        "{% if theirs %}{{ theirs }}{% endif %}{% if mine %}\n## Heading\n\n{{ mine }}{% endif %}",
        "{% if not theirs %}Nothing.{% else %}{{ theirs }}{% endif %}{{ mine }}",
        "{% if theirs or mine %}## Both\n\n{{ theirs }}{{ mine }}{% endif %}",
        "{% if theirs == 'x' %}{{ theirs }}{% else %}{{ theirs }}{% endif %}{{ mine }}",
        "{% if (theirs and mine) or not mine != 'a' %}x{% endif %}{{ sections() }}",
        "- one\n- {{ theirs }}\n\n***\n\n1. {{ mine }}\n\n> {{ mine }}",
        "**{{ theirs }}** *{{ mine }}* &nbsp; 3 < 4 & 5 > 3, a|b, [ ] to tick, ~5",
        "above\n\n---\n\n{{ sections() }}",
    ],
)
def test_what_the_language_has_is_taken(body: str) -> None:
    plain(body)


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("{% for one in voices %}{{ one.name }}: {{ one.words | quote }}{% endfor %}", ("voices",)),
        ("{% for one in voices %}{{ one.who }}{{ one.words }}{% endfor %}", ("voices",)),
        ("{% for one in voices %}\n### {{ one.name }}\n\n{{ one.words|quote }}{% endfor %}", ("voices",)),
        ("{% for one in ways %}- {{ one }}\n{% endfor %}", ("ways",)),
        ("{% for one in ways %}{% if one == 'pause' %}{{ one }}{% else %}{{ one }}{% endif %}{% endfor %}", ("ways",)),
        ("{% if teaching == 'given' %}Told.{% endif %}{{ teaching }}", ("teaching",)),
        ("{% if minutes == 50 %}An hour.{% endif %}{{ minutes }}", ("minutes",)),
        ("{% if nothing %}Nothing.{% endif %}{{ nothing }}", ("nothing",)),
        (
            "{% for one in thoughts %}{{ one.name }}{{ one.thought }}{% if one.answer %}{{ one.answer|quote }}"
            "{% endif %}{% endfor %}",
            ("thoughts",),
        ),
        (
            "{% for a in ways %}{% for b in voices %}{{ b.words }}{% endfor %}{{ a }}{% endfor %}{{ block('voices') }}",
            ("ways", "voices"),
        ),
    ],
)
def test_loops_and_comparisons_are_taken(body: str, fields: tuple[str, ...]) -> None:
    plain(body, fields)


def test_every_shipped_body_is_in_the_language() -> None:
    assert {id: faults(one) for id, one in load_note_templates().items() if faults(one)} == {}


# -- nothing is left out


@pytest.mark.parametrize(
    ("body", "fields", "left_out"),
    [
        ("{{ theirs }}", ("theirs", "mine"), ["mine"]),
        ("{% if theirs %}{{ mine }}{% endif %}{{ theirs }}", ("theirs", "mine"), ["mine"]),
        ("{% if theirs and mine %}{{ theirs }}{{ mine }}{% endif %}", ("theirs", "mine"), ["theirs", "mine"]),
        ("{% if theirs == 'x' %}{{ theirs }}{% endif %}{{ mine }}", ("theirs", "mine"), ["theirs"]),
        ("{% if not theirs %}{{ theirs }}{% endif %}{{ mine }}", ("theirs", "mine"), ["theirs"]),
        ("{% if mine %}{{ mine }}{% elif theirs %}{{ theirs }}{% endif %}", ("theirs", "mine"), ["theirs"]),
        ("{% if minutes %}{{ minutes }}{% endif %}", ("minutes",), ["minutes"]),
        ("{% if nothing %}{{ nothing }}{% endif %}", ("nothing",), ["nothing"]),
        ("{% for one in voices %}{{ one.words }}{% endfor %}", ("voices",), ["voices"]),
        ("{% for one in voices %}{{ one.who }}{% endfor %}", ("voices",), ["voices"]),
        ("{% for one in thoughts %}{{ one.who }}{{ one.thought }}{% endfor %}", ("thoughts",), ["thoughts"]),
        ("{% for one in thoughts %}{{ one.thought }}{{ one.answer }}{% endfor %}", ("thoughts",), ["thoughts"]),
        (
            "{% for one in thoughts %}{{ one.who }}{{ one.thought }}{% if one.thought %}{{ one.answer }}{% endif %}"
            "{% endfor %}",
            ("thoughts",),
            ["thoughts"],
        ),
        ("{% for one in ways %}x{% endfor %}", ("ways",), ["ways"]),
        ("{% for one in ways %}{{ one }}{{ mine }}{% endfor %}", ("ways", "mine"), ["mine"]),
    ],
)
def test_a_field_that_might_be_left_out_is_named(body: str, fields: tuple[str, ...], left_out: list[str]) -> None:
    """Nothing that was written is silently dropped. Planted, each alone: an if counted as always shown; an `and` as
    an `or`; a flag or number as true whenever written; a loop that shows only a part of each entry; caught."""
    with pytest.raises(InvalidContent) as error:
        plain(body, fields)
    assert f"the field {left_out[0]!r} might be left out" in error.value.message


def test_a_section_shows_its_own_fields_alone() -> None:
    found = said('{{ section("words") }}{{ section("frame") }}{{ statement("evidence") }}')
    assert [one for one in found if "'mine'" in one or "'voices'" in one] == [
        "the field 'mine' might be left out; show it with {{ block(\"mine\") }}"
    ]


def test_a_no_and_a_zero_are_shown_where_nobody_asks_about_them() -> None:
    """The same body with the field shown after the question is taken: see above."""
    plain("{% if nothing %}x{% endif %}{{ nothing }}{{ minutes }}", ("nothing", "minutes"))


def test_a_template_with_layouts_shows_the_sections() -> None:
    """A layout that changes nothing would be a lie. Planted: not looked at; caught."""
    ids = [one.id for _, one in template().fields()]
    blocks = "".join(f'{{{{ block("{id}") }}}}' for id in ids) + '{{ statement("evidence") }}'
    assert said(blocks) == ["a template with layouts must always show {{ sections() }}"]


def test_only_an_individuals_voices_go_without_a_name() -> None:
    """Couple and family notes hold several voices, attributed. Planted: units not looked at; caught."""
    body = "{% for one in voices %}{{ one.words|quote }}{% endfor %}"
    with pytest.raises(InvalidContent):
        plain(body, ("voices",))
    from dataclasses import replace

    one = plain("{{ sections() }}", ("voices",))
    note_syntax.check(replace(one, units=("individual",), body=body))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{{ voices }}", "'voices' is a list"),
        ("{% for one in voices %}{{ one }}{% endfor %}", "'one' has parts"),
        ("{% for one in ways %}{{ one.code }}{% endfor %}", "there is no 'code' in an entry of 'ways'"),
        ("{% for one in voices %}{{ one.mood }}{% endfor %}", "there is no 'mood' in an entry of 'voices'"),
        ("{{ one.words }}", "a dot after anything but the name of a for"),
        ("{{ voices|quote }}", "quote is for words"),
        ("{{ minutes|quote }}", "quote is for words"),
        ("{% if teaching == 'delayed' %}x{% endif %}", "'delayed' is no answer of this field"),
        ("{% if ways == 'pause' %}x{% endif %}", "is not compared"),
        ("{% if nothing == true %}x{% endif %}", "is not compared"),
        ("{% if minutes == '50' %}x{% endif %}", "not of the field's kind"),
        ("{% if mine == theirs %}x{% endif %}", "between a field and a fixed value"),
        ("{% if 1 == 1 %}x{% endif %}", "between a field and a fixed value"),
        ("{% if 'x' %}x{% endif %}", "a fixed value"),
        ('{{ block("hers") }}', "there is no field 'hers'"),
        ('{{ section("hers") }}', "there is no section 'hers'"),
        ('{{ statement("cure") }}', "there is no statement 'cure'"),
        ("{{ block(mine) }}", "block() takes one fixed id"),
        ("{{ block(id='mine') }}", "block() takes one fixed id"),
        ("{{ block('mine', 'x') }}", "block() takes one fixed id"),
        ("{{ block(7) }}", "block() takes one fixed id"),
        ("{{ sections('mine') }}", "sections() takes nothing"),
        ("{{ block(*mine) }}", "block() takes one fixed id"),
        ("{{ block }}", "there is no field 'block'"),
        ("{% for one in voices %}x{% else %}y{% endfor %}", "a for with recursive, if or else"),
        ("{% for a, b in voices %}x{% endfor %}", "by one name"),
        ("{% for mine in voices %}x{% endfor %}", "the name 'mine' means something already"),
        ("{% if sections() %}x{% endif %}", "calling something in a test"),
        ("a\n| b | c |", "no tables"),
        ("Words\n---", "a line under words"),
    ],
)
def test_a_name_means_what_it_says(body: str, why: str) -> None:
    assert any(why in one for one in said(body)), said(body)
