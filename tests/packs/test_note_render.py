"""Notes rendered: words stay words, what is missing is named all at once, and the frame is never left out.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import resource
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.packs.note_samples import BODY, FIELDS, PAT, ROSA, STATEMENTS, TOM, note, only, plain, template
from tests.packs.note_words import meant, paragraphs, quotes, read, tree
from tests.packs.page_tree import said

from withness import content
from withness.core.note import Attestation, FieldKind, Layout, NoteTemplate, filled, for_chart
from withness.errors import InvalidContent, InvalidInput
from withness.packs.note_file import read_note
from withness.packs.note_render import NoteIncomplete, markdown, page, text
from withness.packs.note_templates import load_note_templates
from withness.packs.note_texts import HOLES, note_texts, parse_note_texts

TEMPLATES = load_note_templates()
ATTACKS = tomllib.loads((Path(__file__).parent / "note_attacks.toml").read_text(encoding="utf-8"))
SAMPLE = template()


class _Any(dict[str, str]):
    """A statement for every id."""

    def __missing__(self, id: str) -> str:
        return f"The statement {id}."

    def __contains__(self, _: object) -> bool:
        return True


def shipped_example(id: str) -> Any:
    path = content.folder("note_templates") / id / "example.json"
    return read_note(json.loads(path.read_text(encoding="utf-8")), TEMPLATES)


def rendered(fields: dict[str, Any] | None = None, **given: Any) -> str:
    return markdown(SAMPLE, note(fields, **given), STATEMENTS)


# -- the standard form


def test_a_note_in_its_standard_form() -> None:
    """Planted, each alone: a client's text as plain text; an answer's code for its text; a no left out; caught."""
    assert rendered() == (
        "# Sample note\n"
        "\n"
        "- **With:** Rosa\n"
        "- **Date:** 2026-12-05\n"
        "- **Clinician:** Practitioner/p1\n"
        "\n"
        "## In the client's words\n"
        "\n"
        "### What was said\n"
        "\n"
        "**Rosa:**\n"
        "\n"
        "> I talk & nobody hears me.\\\n"
        "> Nobody.\n"
        "\n"
        "### A sentence of theirs\n"
        "\n"
        "> Sonntag.\n"
        "\n"
        "## The work\n"
        "\n"
        "### What I saw\n"
        "\n"
        "Rosa led.\n"
        "\n"
        "**Nothing seen?** No\n"
        "\n"
        "### Thoughts shared\n"
        "\n"
        "- **With:** Rosa\\\n"
        "  **Thought:** I may be doing it, too.\\\n"
        "  **Answer:**\n"
        "\n"
        "  > Ja.\n"
        "\n"
        "- **Thought:** One more.\n"
        "\n"
        "**Psychoeducation:** Deferred\n"
        "\n"
        "### Why deferred\n"
        "\n"
        "Today she wanted to tell it.\n"
        "\n"
        "### Ways\n"
        "\n"
        "- Asking \\*gently\\*\n"
        "- Pause & silence\n"
        "\n"
        "## Frame\n"
        "\n"
        "**Next time:** 2026-12-12\n"
        "\n"
        "**Minutes:** 50\n"
        "\n"
        "No systematic analysis of its effects exists.\n"
        "\n"
        "## Signature\n"
        "\n"
        "Not signed. This is a draft.\n"
    )


def test_a_layout_shows_the_same_words_under_its_own_headings() -> None:
    """One session's data as SOAP without retyping. Planted: the layout's order for its headings alone; caught."""
    soap = rendered(layout=Layout.SOAP)
    headings = re.findall(r"^#+ (.*)$", soap, re.MULTILINE)
    assert headings[:3] == ["Sample note", "Subjective", "What was said"]
    assert "- **Layout:** SOAP (subjective, objective, assessment, plan)" in soap
    assert quotes(page(soap, title="x")) == quotes(page(rendered(), title="x"))


@pytest.mark.parametrize("id", [id for id, one in TEMPLATES.items() if one.layouts])
def test_every_layout_of_a_shipped_template_holds_the_same_words(id: str) -> None:
    one, found = TEMPLATES[id], shipped_example(id)
    blocks = {
        layout: sorted(markdown(one, replace(found, layout=layout), _Any()).split("\n\n"))
        for layout in (Layout.DIALOGIC, *one.layouts)
    }
    for layout, other in blocks.items():
        plain = [block for block in other if not block.startswith(("## ", "- **With:**"))]
        first = [block for block in blocks[Layout.DIALOGIC] if not block.startswith(("## ", "- **With:**"))]
        assert plain == first, layout


def test_what_was_not_written_leaves_nothing_behind() -> None:
    """Planted: a heading over nothing; caught."""
    short = markdown(
        SAMPLE, only({"voices": FIELDS["voices"], "mine": " \n ", "theirs": "\t"}), {**STATEMENTS}, partial=True
    )
    assert re.findall(r"^#+ (.*)$", short, re.MULTILINE) == [
        "Sample note",
        "In the client's words",
        "What was said",
        "Signature",
    ]


def test_a_body_shows_what_its_names_stand_for() -> None:
    """Answers show their text and are compared by code; a no is false, and shown. Planted: a no as true; caught."""
    body = (
        "{{ sections() }}{{ statement('evidence') }}\n\n"
        "{% if teaching == 'deferred' %}told later: {{ teaching }}{% endif %}\n\n"
        "{% if nothing %}true{% else %}false{% endif %}, {{ nothing }}\n\n"
        "{% for one in ways %}{% if one == 'pause' %}[{{ one }}]{% endif %}{% endfor %}\n\n"
        "{% for one in voices %}{{ one.name }}, {{ one.who }}{% endfor %}\n\n"
        "{% for one in thoughts %}({{ one.name }}){% endfor %}\n\n"
        "{% if theirs and not alcohol %}both{% endif %}\n\n"
        "{{ next_day }} {{ minutes }}\n"
    )
    made = markdown(template(body), note(), STATEMENTS)
    for expected in (
        "told later: Deferred",
        "false, No",
        "[Pause & silence]",
        "Rosa, Patient/rosa",
        "(Rosa)()",
        "both",
        "2026-12-12 50",
    ):
        assert f"\n{expected}\n" in made


def test_an_answer_that_is_offered_no_longer_is_shown_by_its_code() -> None:
    """A note is older than its template's next version. Planted: left out; caught."""
    made = rendered({"teaching": "both-ways", "ways": ["pause", "old-way"], "why": "x"})
    assert "**Psychoeducation:** both-ways" in made
    assert "- old-way" in made


def test_rendering_is_deterministic() -> None:
    assert len({rendered() for _ in range(3)}) == 1
    made = rendered()
    assert len({page(made, title="x") for _ in range(3)}) == 1
    assert page(made, title="x").encode()
    assert text(made).encode()


@pytest.mark.parametrize("id", TEMPLATES)
def test_a_shipped_example_renders_in_every_form(id: str) -> None:
    made = markdown(TEMPLATES[id], shipped_example(id), _Any())
    html, words = page(made, title=TEMPLATES[id].title), text(made)
    for quote in quotes(html):
        assert all(line in words for line in quote.split("\n"))
    assert said(tree(html).all("h1")[0]) == words.partition("\n")[0]


def test_a_statement_that_nobody_wrote_is_refused_by_template_and_id() -> None:
    with pytest.raises(InvalidContent) as error:
        markdown(SAMPLE, note(), {})
    assert error.value.message == "note_templates/sample/note.md.j2: there is no statement 'evidence' in claims.toml."


def test_a_template_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: no template kept; caught."""
    from withness.packs import note_body

    looked: list[NoteTemplate] = []
    monkeypatch.setattr(note_body, "check", looked.append)
    one = template()
    for _ in range(3):
        markdown(one, note(), STATEMENTS)
    assert looked == [one]


# -- what is missing


def test_all_that_is_missing_is_named_at_once_with_section_and_help() -> None:
    """Planted: only the first one named; caught."""
    short = only({"teaching": "deferred", "thoughts": [{"answer": "Ja."}], "theirs": "Geheim"})
    with pytest.raises(NoteIncomplete) as error:
        markdown(SAMPLE, short, STATEMENTS)
    assert [one.field for one in error.value.missing] == ["voices", "mine", "thoughts[0].thought", "why"]
    assert error.value.message == (
        "Sample note: 4 things are still missing. "
        "What was said (in In the client's words): Word for word. "
        "What I saw (in The work): In your words. "
        "Thought (in The work): Each with its answer. "
        "Why deferred (in The work): The reason."
    )
    told = error.value.as_dict()
    assert (told["error"], told["field"], error.value.exit_code) == ("note-incomplete", "fields.voices", 2)
    assert told["missing"][1] == {
        "field": "mine",
        "section": "The work",
        "title": "What I saw",
        "help": "In your words.",
    }
    assert "Geheim" not in json.dumps(told)
    assert isinstance(error.value, InvalidInput)


def _required() -> list[Any]:
    found = []
    for id, one in TEMPLATES.items():
        values = shipped_example(id).fields
        for section, field in one.fields():
            if field.required and filled(values.get(field.id)):
                found.append(pytest.param(id, section.title, field, id=f"{id}-{field.id}"))
    return found


@pytest.mark.parametrize(("id", "section", "field"), _required())
def test_each_required_field_removed_in_turn_is_named(id: str, section: str, field: Any) -> None:
    """Planted: missing fields not looked at in a template that always saves; caught."""
    found = shipped_example(id)
    without = {key: value for key, value in found.fields.items() if key != field.id}
    with pytest.raises(NoteIncomplete) as error:
        markdown(TEMPLATES[id], replace(found, fields=without), _Any())
    assert field.id in [one.field for one in error.value.missing]
    assert all(words in error.value.message for words in (section, field.title, field.help))


def test_a_members_share_is_not_asked_for_what_is_anothers() -> None:
    """Planted: `partial` not looked at; caught."""
    both = note(
        {"voices": [{"who": ROSA, "words": "Nobody hears me."}]},
        members=(ROSA, TOM),
        names={ROSA: "Rosa", TOM: "Tom"},
    )
    toms = for_chart(SAMPLE, both, TOM, enforces_labels=False)
    with pytest.raises(NoteIncomplete):
        markdown(SAMPLE, toms, STATEMENTS)
    made = markdown(SAMPLE, toms, STATEMENTS, partial=True)
    assert "Rosa" not in made.replace("Rosa led.", "")
    assert "- **With:** Tom\n" in made


# -- the frame


def test_no_template_can_leave_the_frame_out() -> None:
    """Planted, each alone: the date, the clinician, the signature left out; caught."""
    made = markdown(
        plain("# My own title\n\n{{ theirs }}{{ mine }}"),
        only({"theirs": "a", "mine": "b"}, encounter="Encounter/e1", names={ROSA: "Rosa", PAT: "Pat Roe"}),
        {},
        preview="PREVIEW – not released",
    )
    assert made.startswith(
        "# Sample note\n\n**PREVIEW – not released**\n\n- **With:** Rosa\n- **Date:** 2026-12-05\n"
        "- **Clinician:** Pat Roe\n- **Encounter:** Encounter/e1\n\n# My own title"
    )
    assert made.endswith("## Signature\n\nNot signed. This is a draft.\n")


def test_whose_name_is_not_known_is_named_by_reference() -> None:
    assert "- **With:** Patient/rosa, Tom\n" in rendered(members=(ROSA, TOM), names={TOM: "Tom"})


def test_each_prefilled_value_says_where_it_came_from() -> None:
    """Issue 5, 8. Planted: a value that was taken out again still listed; caught."""
    made = rendered(
        {"theirs": None}, prefilled={"minutes": "the calendar", "mine": "plan *1*\nversion 2", "theirs": "the chart"}
    )
    assert "## Filled in beforehand\n\n- What I saw: taken from plan \\*1\\*\\\n  version 2\n" in made
    assert "- Minutes: taken from the calendar\n" in made
    assert "the chart" not in made


@pytest.mark.parametrize(
    ("attestation", "expected"),
    [
        (Attestation(PAT, "2026-12-05 15:00 UTC"), ["Signed by Practitioner/p1 on 2026-12-05 15:00 UTC."]),
        (
            Attestation(PAT, "2026-12-05 15:00 UTC", credentials="LMFT *1*", shown={ROSA: "shown"}),
            [
                "Signed by Practitioner/p1 on 2026-12-05 15:00 UTC.",
                "Credentials: LMFT *1*",
                "The client saw their own page of this note before it was signed.",
            ],
        ),
        (
            Attestation(PAT, "today", shown={ROSA: "declined"}, written_together=(ROSA,)),
            [
                "Signed by Practitioner/p1 on today.",
                "The client was asked to look at their own page of this note before it was signed, "
                "and did not want to.",
                "This page was written together: the client was present and took part in the writing.",
            ],
        ),
        (
            Attestation(PAT, "today", shown={ROSA: "not-shown"}, why_code="no-time"),
            [
                "Signed by Practitioner/p1 on today.",
                "The client did not see their own page of this note before it was signed: there was no time.",
            ],
        ),
        (
            Attestation(PAT, "today", shown={ROSA: "not-shown"}),
            [
                "Signed by Practitioner/p1 on today.",
                "The client did not see their own page of this note before it was signed. The clinician can say more.",
            ],
        ),
        (
            Attestation(PAT, "today", shown={TOM: "shown"}, written_together=(TOM,)),
            ["Signed by Practitioner/p1 on today."],
        ),
    ],
)
def test_a_signed_note_says_by_whom_and_what_the_client_saw(attestation: Attestation, expected: list[str]) -> None:
    """Planted: "Not signed" under a signed note; what was said of another member; both caught."""
    html = page(rendered(attestation=attestation), title="x")
    assert paragraphs(html)[-len(expected) :] == expected
    assert "Not signed" not in html


def test_a_clients_comment_stands_there_in_their_own_words() -> None:
    """Planted: the comment as plain text of the clinician's; caught."""
    signed = Attestation(PAT, "today", comments={ROSA: "Das *stimmt* nicht.\n# Ganz", TOM: " "})
    made = rendered(attestation=signed)
    assert "## What was said about this note\n\n**Rosa:**\n\n> Das \\*stimmt\\* nicht.\\\n> \\# Ganz\n" in made
    assert quotes(page(made, title="x"))[-1] == "Das *stimmt* nicht.\n# Ganz"
    assert "Tom" not in made
    assert "tom" not in made


def test_the_redisclosure_notice_goes_with_substance_use_alone() -> None:
    """42 CFR 2.32(a)(2). Planted: the notice only where the field is required; caught."""
    notice = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
    assert notice not in rendered()
    made = rendered({"alcohol": "A glass on Sundays."})
    assert made.endswith(f"\n\n**{notice}**\n")
    assert notice in text(made)
    assert paragraphs(page(made, title="x"))[-1] == notice


def test_every_fixed_text_is_there_with_its_source() -> None:
    found = tomllib.loads((content.folder("catalogue") / "note_texts.toml").read_text(encoding="utf-8"))
    assert set(found) == set(HOLES)
    assert all(set(one) == {"text", "source"} for one in found.values())


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("yes =", "yeah =", "yes"),
        ('yes = {text = "Yes", source = "our words"}', 'yes = "Yes"', "yes"),
        ('{text = "Yes", source = "our words"}', '{text = "Yes"}', "source"),
        ("{who} on", "on", "signed"),
        ("{who} on", "{who} {what} on", "signed"),
        ("Not signed.", "Not signed by {who}.", "unsigned"),
        ("no =", 'more = {text = "x", source = "y"}\nno =', "more"),
    ],
)
def test_a_fixed_text_that_is_not_whole_is_refused_by_key(old: str, new: str, key: str) -> None:
    """Planted: holes not compared; caught."""
    shipped = (content.folder("catalogue") / "note_texts.toml").read_text(encoding="utf-8")
    assert old in shipped
    with pytest.raises(InvalidContent) as error:
        parse_note_texts(shipped.replace(old, new, 1).encode(), name="texts.toml")
    assert key in error.value.message


def test_what_is_filled_into_a_text_is_not_read_again() -> None:
    """Planted: the holes filled in twice; caught."""
    assert note_texts()("signed", who="{when}", when="{who}") == "Signed by {when} on {who}."


# -- words stay words

PLACES = plain(
    "{{ sections() }}\n\nBefore, {{ mine }}, after.\n\nJoined: {{ mine }}lt; {{ mine }}{{ mine }}\n\n"
    "- {{ mine }}\n\n{{ theirs|quote }}\n\n"
    "{% for one in thoughts %}{% if one.thought %}**{{ one.thought }}**{% endif %} {{ one.answer|quote }}{% endfor %}\n"
    "{% for one in voices %}{{ one.name }} {{ one.words|quote }}{% endfor %}",
    ("voices", "theirs", "mine", "thoughts"),
)
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main"),
    *("h1", "h2", "h3", "p", "strong", "ul", "li", "blockquote", "br"),
}


def everywhere(words: str) -> dict[str, Any]:
    return {
        "voices": [{"who": ROSA, "words": words}],
        "theirs": words,
        "mine": words,
        "thoughts": [{"thought": words, "answer": words}],
    }


def stock(made: str) -> str:
    """The page that a CommonMark reader with nothing added makes of a note."""
    return MarkdownIt("commonmark", {"html": False}).render(made).replace("<br />\n", "<br>").replace("<hr />", "<hr>")


def survive(words: str) -> None:
    """Assert that words stand on page, in text and for any CommonMark reader as what they are, everywhere."""
    shown = meant(words)
    made = markdown(PLACES, only(everywhere(words)), {}, partial=True)
    html = page(made, title="x")
    # Once in each standard form, once in each of the body's own; in the CommonMark reader's page, too.
    expected = [shown] * 6 if words.strip() else []
    assert quotes(html) == expected
    assert quotes(stock(made)) == expected
    assert {one.tag for one in tree(html).all()} <= ELEMENTS
    if words.strip():
        for found in (paragraphs(html), paragraphs(stock(made))):
            assert shown in found
            assert f"Before, {shown}, after." in found
            assert f"Joined: {shown}lt; {shown}{shown}" in found
        assert f"Thought: {shown}\nAnswer:" in paragraphs(html)
        lines = text(made)
        for before in ("  > ", "  ", "    > "):
            assert "\n" + "\n".join(f"{before}{line}" for line in shown.split("\n")) + "\n" in lines
    harmless = page(markdown(PLACES, only(everywhere("x" if words.strip() else "")), {}, partial=True), title="x")
    assert [one.tag for one in tree(html).all() if one.tag != "br"] == [
        one.tag for one in tree(harmless).all() if one.tag != "br"
    ]
    assert "\r" not in html
    html.encode()
    made.encode()


MARKUP = "\\`*_[](){}<>&#-+=|~.!:/\"'$%^@;0129ax \t\n\r\xa0\u0301"
ODD = "\x00\x85\u200b\u200f\u2028\u202e\u2066\ud800\udc00\ufeff\U0001fffe"


@settings(max_examples=250, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(MARKUP + ODD),
            st.sampled_from(
                ["&amp;", "&#60;", "](", "www.", "http://", "\n\n", "  \n", "- ", "1. ", "> ", "***", "```"]
            ),
            st.characters(codec=None),
        ),
        max_size=30,
    ).map("".join)
)
@example("&")
@example("a\n")
@example("\n\na\n\n")
@example("1. a\n2) b\n. c")
@example("\\\n\\")
@example("a \n b\t\n\xa0c\xa0")
@example("=\n---")
@example("*\n*")
def test_any_words_survive_and_become_no_markup(words: str) -> None:
    """Planted, each alone: `&` not escaped at the end of a value; blanks at an edge as they are; a number at the
    start of a second line; a line feed at the end as a hard break; C1 controls not marked; caught."""
    survive(words)


def words_of(attack: dict[str, Any]) -> str:
    points = "".join(map(chr, attack.get("points", [])))
    before, after = attack.get("before", ""), attack.get("after", "")
    return attack.get("words", "") + points + before + attack.get("body", "") * attack.get("repeat", 0) + after


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS["value"] if not one.get("large")], ids=lambda one: str(one["name"])
)
def test_a_hostile_value_comes_out_as_the_words_that_it_is(attack: dict[str, Any]) -> None:
    survive(words_of(attack))


@pytest.mark.parametrize("kind", ["name", "author", "credentials", "when", "comment", "origin", "encounter", "title"])
@pytest.mark.parametrize("words", ["<b>x</b> *y* [z](http://e)", "a\n\n# Signature\n\nSigned", "\u202ex\x00 {who}"])
def test_hostile_words_around_a_note_are_words_too(kind: str, words: str) -> None:
    """Planted: names not escaped in the facts; caught."""
    signed = Attestation(
        PAT,
        words if kind == "when" else "today",
        words if kind == "credentials" else "",
        comments={ROSA: words if kind == "comment" else ""},
    )
    one = replace(SAMPLE, title=words.partition("\n")[0]) if kind == "title" else SAMPLE
    made = markdown(
        one,
        note(
            names={ROSA: words if kind == "name" else "Rosa", PAT: words if kind == "author" else "Pat"},
            prefilled={"mine": words if kind == "origin" else "x"},
            encounter=words if kind == "encounter" else "",
            attestation=signed,
        ),
        STATEMENTS,
    )
    html = page(made, title=words)
    assert {one.tag for one in tree(html).all()} <= ELEMENTS
    shown = meant(words.partition("\n")[0] if kind == "title" else words)
    assert any(shown in read(one) for one in tree(html).all("main"))
    assert len(re.findall("^Signature$", text(made), re.MULTILINE)) == 1


def test_only_headings_begin_at_the_left_edge_of_the_text() -> None:
    """Nobody's words look like a heading or a signature. Planted: paragraphs at the left edge; caught."""
    words = "Signature\n---------\n\nSigned by Pat Roe."
    lines = text(markdown(PLACES, only(everywhere(words)), {}, partial=True)).split("\n")
    headings = {"x", "Sample note", "In the client's words", "What was said", "A sentence of theirs", "What I saw"}
    for line in lines:
        if line and not line.startswith("  ") and set(line) - {"=", "-"}:
            assert line in headings | {"Thoughts shared", "Signature"}
    assert lines.count("Signature") == 1


# -- sizes, measured

CPU_SECONDS, MEMORY_MIB = 15, 512
"""What the largest value may take, from template to all three forms, the start of Python included."""

MEASURED = """
import json, resource, sys
sys.path[:0] = sys.argv[1:]
from tests.packs.note_samples import only, plain
from withness.packs.note_render import markdown, page, text
one = plain("{{ sections() }}", ("theirs", "thoughts"))
made = markdown(one, only(json.load(sys.stdin)), {}, partial=True)
assert min(len(page(made, title="x")), len(text(made))) > 1_000
"""


@pytest.mark.parametrize(
    "attack", [one for one in ATTACKS["value"] if one.get("large")], ids=lambda one: str(one["name"])
)
def test_a_value_of_any_size_takes_its_time_and_no_more(attack: dict[str, Any]) -> None:
    """Planted: a pattern that begins inside a run of blanks, whose time grows with the square; caught."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MIB * 2**20, MEMORY_MIB * 2**20))

    words, root = words_of(attack), Path(__file__).parents[2]
    entries = attack.get("entries", 0)
    fields = {"thoughts": [{"thought": words, "answer": words}] * entries} if entries else {"theirs": words}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(root), str(root / "plugin")],
        input=json.dumps(fields).encode(),
        capture_output=True,
        check=False,
        preexec_fn=limits,
    )
    assert done.returncode == 0, done.stderr[-500:]


# -- the page


def test_a_page_can_be_read_aloud_and_printed() -> None:
    """Language, title, one main, one first heading, no level left out. Planted: headings as they come; caught."""
    body = "##### Deep\n\n{{ sections() }}\n\n# Another title\n\n#### Deeper\n\n" + '{{ statement("evidence") }}'
    root = tree(page(markdown(template(body), note(), STATEMENTS), title="A <note>", language="de"))
    assert root.all("html")[0].attributes["lang"] == "de"
    assert said(root.all("title")[0]) == "A <note>"
    assert len(root.all("main")) == 1
    levels = [int(one.tag[1]) for one in root.all() if re.fullmatch("h[1-6]", one.tag)]
    assert (levels.count(1), levels[0]) == (1, 1)
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))
    for quote in root.all("blockquote"):
        assert (quote.attributes["dir"], quote.attributes["lang"]) == ("auto", "")


def test_a_page_needs_nothing_from_outside_and_runs_nothing() -> None:
    html = page(rendered(), title="x", mark="PREVIEW")
    for one in tree(html).all():
        assert one.tag not in ("script", "link", "img", "iframe", "object", "svg", "base", "a", "form", "input")
        assert not [name for name in one.attributes if name in ("src", "href", "style") or name.startswith("on")]
    assert not [outside for outside in ("http:", "https:", "url(", "@import", "//") if outside in html]


def test_the_page_allows_its_own_style_and_nothing_else() -> None:
    """Planted: the hash of another style sheet; caught."""
    root = tree(page(rendered(), title="x"))
    policy = next(one for one in root.all("meta") if "http-equiv" in one.attributes).attributes["content"] or ""
    style = root.all("style")[0].text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def test_the_mark_of_a_preview_is_on_every_printed_page_and_not_read_twice() -> None:
    html = page(rendered(), title="x", mark="PREVIEW <1>")
    mark = tree(html).all(css="watermark")[0]
    assert (mark.text(), mark.attributes["aria-hidden"]) == ("PREVIEW <1>", "true")
    assert not tree(page(rendered(), title="x")).all(css="watermark")


# -- plain text


def test_a_note_as_plain_text() -> None:
    """Planted: an empty line between the facts; a quote's own line feed lost; caught."""
    words = text(rendered())
    assert words.startswith(
        "Sample note\n"
        "===========\n"
        "\n"
        "  - With: Rosa\n"
        "  - Date: 2026-12-05\n"
        "  - Clinician: Practitioner/p1\n"
        "\n"
        "In the client's words\n"
        "---------------------\n"
        "\n"
        "What was said\n"
        "\n"
        "  Rosa:\n"
        "\n"
        "  > I talk & nobody hears me.\n"
        "  > Nobody.\n"
        "\n"
        "A sentence of theirs\n"
        "\n"
        "  > Sonntag.\n"
    )
    assert (
        "  - With: Rosa\n    Thought: I may be doing it, too.\n    Answer:\n\n    > Ja.\n\n  - Thought: One more.\n"
    ) in words


def test_lists_rules_and_numbers_of_a_body_are_written_as_they_are_meant() -> None:
    body = "1. one\n2. two *three*\n\n***\n\n> quoted {{ theirs }}\n>\n> again\n\nsoft\nline, {{ mine }}&nbsp;&lt;&#33;"
    words = text(markdown(plain(body), only({"theirs": "a", "mine": "b"}), {}))
    assert ("  1. one\n  2. two three\n\n  * * *\n\n  > quoted a\n  >\n  > again\n\n  soft line, b\xa0<!\n") in words


def test_every_kind_of_field_has_a_form_of_its_own() -> None:
    assert {field.kind for _, field in SAMPLE.fields()} == set(FieldKind)
    assert BODY.startswith("{{ sections() }}")
