"""A note file is taken as it is written or refused by the place in it, and no refusal repeats what somebody wrote.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.packs.note_samples import BODY, FIELDS, PAT, ROSA, TOM, template

from withness import content
from withness.core.note import Layout, Note, NoteTemplate
from withness.core.origin import from_plan, value_digest
from withness.errors import InvalidInput
from withness.packs.note_file import MAX_CHARACTERS, MAX_ENTRIES, MAX_LINES, read_note
from withness.packs.note_templates import FOLDER, SHIPPED, load_note_templates

SAMPLE = template()
SECRET = "Sonntagsgeheimnis"
FILE: dict[str, Any] = {
    "template": "sample",
    "layout": "soap",
    "members": [ROSA],
    "names": {ROSA: "Rosa", PAT: "Pat Roe"},
    "encounter": "Encounter/e1",
    "author": PAT,
    "held_on": "2026-11-21",
    "plan": "plan-rosa-1",
    "fields": FIELDS,
    "prefilled": {"mine": {"from": from_plan("plan-rosa-1", "1"), "digest": value_digest(FIELDS["mine"])}},
    "request_id": "0b6a3c1e-0000-4000-8000-00000000000f",
}


ORIGIN = {"from": "the chart, Patient.name", "digest": "0" * 16}


def file(**given: Any) -> dict[str, Any]:
    """The sample's file with other keys; None takes one out."""
    found = {**copy.deepcopy(FILE), **given}
    return {key: value for key, value in found.items() if value is not None}


def fields(**given: Any) -> dict[str, Any]:
    return file(fields={**copy.deepcopy(FIELDS), **given})


def refused(found: Any, templates: NoteTemplate | Mapping[str, NoteTemplate] = SAMPLE) -> InvalidInput:
    with pytest.raises(InvalidInput) as error:
        read_note(found, templates)
    assert SECRET not in error.value.message
    assert SECRET not in error.value.field
    return error.value


def examples() -> list[Any]:
    root = content.folder(FOLDER)
    return [
        pytest.param(one.name, path, id=f"{one.name}/{path.name}")
        for one in sorted(root.iterdir(), key=lambda path: path.name)
        if one.is_dir()
        for path in one.iterdir()
        if path.name.startswith("example") and path.name.endswith(".json")
    ]


# -- there and back


def said(note: Note) -> dict[str, Any]:
    """The note as a file says it; what it leaves out stays out, but for names and layout."""
    given = {
        "template": note.template,
        "layout": note.layout.value,
        "members": list(note.members),
        "names": dict(note.names),
        "encounter": note.encounter,
        "author": note.author,
        "held_on": note.held_on.isoformat(),
        "plan": note.plan,
        "fields": dict(note.fields),
        "prefilled": {
            id: {"from": origin, "digest": value_digest(note.fields[id])} for id, origin in note.prefilled.items()
        },
        "request_id": note.request_id,
    }
    return {key: value for key, value in given.items() if value or key in ("fields", "names", "members")}


@pytest.mark.parametrize(("id", "path"), examples())
def test_every_shipped_example_comes_back_as_it_was(id: str, path: Any) -> None:
    """Planted: `prefilled` forgotten; caught."""
    found = json.loads(path.read_text(encoding="utf-8"))
    note = read_note(found, load_note_templates())
    assert note.template == id
    assert said(note) == {"layout": "dialogic", "names": {}, **found}
    assert note.changed == frozenset()


def test_every_template_has_an_example() -> None:
    assert {one.values[0] for one in examples()} == set(SHIPPED)


def test_a_note_holds_all_that_its_file_says() -> None:
    note = read_note(FILE, {"sample": SAMPLE})
    assert said(note) == FILE
    assert (note.version, note.layout, note.members) == ("0.1.0", Layout.SOAP, (ROSA,))
    assert note.held_on.isoformat() == "2026-11-21"


def test_what_is_not_written_yet_may_be_left_out() -> None:
    """A draft is saved before it is complete."""
    short = {key: FILE[key] for key in ("template", "members", "author", "held_on")}
    note = read_note({**short, "fields": {}, "plan": None}, SAMPLE)
    assert (note.layout, note.encounter, note.plan, note.request_id, note.names) == (Layout.DIALOGIC, "", "", "", {})
    assert said(note) == {**short, "layout": "dialogic", "names": {}, "fields": {}}


def test_the_words_are_kept_byte_for_byte() -> None:
    """Planted: words stripped when read; caught."""
    words = " \u202e\t<b>&amp; {{ 7*7 }}\r\n\r\n\x00 é e\u0301 "
    note = read_note(fields(theirs=words, voices=[{"who": ROSA, "words": words}]), SAMPLE)
    assert note.fields["theirs"] == words
    assert note.fields["voices"][0]["words"] == words


def test_a_note_does_not_change_when_its_file_does() -> None:
    """Planted: the file's own lists kept; caught."""
    found = fields()
    note = read_note(found, SAMPLE)
    found["fields"]["voices"][0]["words"] = "other"
    found["fields"]["voices"].append({"who": ROSA, "words": "more"})
    assert note.fields["voices"] == FIELDS["voices"]


# -- the frame


@pytest.mark.parametrize(
    ("found", "field"),
    [
        ([], ""),
        (file(template=None), "template"),
        (file(template="other"), "template"),
        (file(template=["sample"]), "template"),
        (file(members=None), "members"),
        (file(members=[]), "members"),
        (file(members=ROSA), "members"),
        (file(members=[ROSA, 7]), "members[1]"),
        (file(members=[ROSA, ROSA]), "members[1]"),
        (file(members=["Group/g1"]), "members[0]"),
        (file(members=[SECRET]), "members[0]"),
        (file(members=[f"Patient/p{number}" for number in range(31)]), "members"),
        (file(author=None), "author"),
        (file(author=ROSA), "author"),
        (file(author=SECRET), "author"),
        (file(held_on=None), "held_on"),
        (file(held_on="2026-02-30"), "held_on"),
        (file(held_on="20261121"), "held_on"),
        (file(held_on="2026-W47-6"), "held_on"),
        (file(held_on="2026-11-21T10:00:00Z"), "held_on"),
        (file(held_on=20261121), "held_on"),
        (file(fields=None), "fields"),
        (file(fields=[]), "fields"),
        (file(layout="dap"), "layout"),
        (file(layout="pie"), "layout"),
        (file(layout=["soap"]), "layout"),
        (file(encounter="e1"), "encounter"),
        (file(encounter=7), "encounter"),
        (file(plan=0), "plan"),
        (file(plan="a plan"), "plan"),
        (file(request_id="1"), "request_id"),
        (file(names={TOM: "Tom"}), "names"),
        (file(names={ROSA: 7}), f"names.{ROSA}"),
        (file(names={ROSA: "Rosa\nSigned by Pat"}), f"names.{ROSA}"),
        (file(names={ROSA: "R" * 201}), f"names.{ROSA}"),
        (file(prefilled={"hers": ORIGIN}), "prefilled.hers"),
        (file(prefilled={"theirs": ORIGIN}), "prefilled.theirs"),
        (file(prefilled={"mine": "plan plan-rosa-1, version 1"}), "prefilled.mine"),
        (file(prefilled={"mine": {"from": "the chart, Patient.name"}}), "prefilled.mine.digest"),
        (file(prefilled={"mine": {**ORIGIN, "colour": "red"}}), "prefilled.mine.colour"),
        (file(prefilled={"mine": {**ORIGIN, "from": SECRET}}), "prefilled.mine.from"),
        (file(prefilled={"mine": {**ORIGIN, "from": "the trail, 2026-11-21\nsigned"}}), "prefilled.mine.from"),
        (file(prefilled={"mine": {**ORIGIN, "from": "plan plan-tom-7, version 1"}}), "prefilled.mine.from"),
        (file(prefilled={"mine": {**ORIGIN, "digest": SECRET}}), "prefilled.mine.digest"),
        (file(prefilled={"mine": 7}), "prefilled.mine"),
        (file(colour="red"), "colour"),
        (file(**{SECRET + "!": "red"}), "?"),
    ],
)
def test_a_frame_that_is_not_right_is_refused_by_its_key(found: Any, field: str) -> None:
    """Planted, each alone: members twice, any layout, names of anybody, a date in another spelling; caught."""
    assert refused(found).field == field


@pytest.mark.parametrize(
    ("units", "members", "taken"),
    [
        (["individual"], [ROSA], True),
        (["individual"], [ROSA, TOM], False),
        (["couple"], [ROSA], False),
        (["couple"], [ROSA, TOM], True),
        (["family"], [ROSA, TOM, "RelatedPerson/r1"], True),
        (["group"], [ROSA, TOM], True),
        (["individual", "group"], [ROSA], True),
    ],
)
def test_a_template_is_for_the_units_that_it_names(units: list[str], members: list[str], taken: bool) -> None:
    """Planted: the number of members not looked at; caught."""
    one = template(BODY, ('units = ["individual", "couple"]', f"units = {json.dumps(units)}"))
    if taken:
        assert read_note(file(members=members), one).members == tuple(members)
    else:
        assert refused(file(members=members), one).field == "members"


# -- the fields

VOICES, THOUGHTS = "fields.voices", "fields.thoughts"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"hers": "x"}, "fields.hers"),
        ({SECRET + "!": "x"}, "fields.?"),
        ({"theirs": 7}, "fields.theirs"),
        ({"theirs": [SECRET]}, "fields.theirs"),
        ({"theirs": {"words": SECRET}}, "fields.theirs"),
        ({"theirs": True}, "fields.theirs"),
        ({"voices": SECRET}, VOICES),
        ({"voices": {"who": ROSA, "words": SECRET}}, VOICES),
        ({"voices": [SECRET]}, f"{VOICES}[0]"),
        ({"voices": [{"who": ROSA}]}, f"{VOICES}[0].words"),
        ({"voices": [{"words": SECRET}]}, f"{VOICES}[0].who"),
        ({"voices": [{"who": TOM, "words": SECRET}]}, f"{VOICES}[0].who"),
        ({"voices": [{"who": "Rosa", "words": SECRET}]}, f"{VOICES}[0].who"),
        ({"voices": [{"who": ROSA, "words": 7}]}, f"{VOICES}[0].words"),
        ({"voices": [*FIELDS["voices"], {"who": ROSA, "words": "", "mood": 3}]}, f"{VOICES}[1].mood"),
        ({"thoughts": {}}, THOUGHTS),
        ({"thoughts": [SECRET]}, f"{THOUGHTS}[0]"),
        ({"thoughts": [{"colour": SECRET}]}, f"{THOUGHTS}[0].colour"),
        ({"thoughts": [{"thought": [SECRET]}]}, f"{THOUGHTS}[0].thought"),
        ({"thoughts": [{"who": TOM, "thought": "x"}]}, f"{THOUGHTS}[0].who"),
        ({"teaching": "never"}, "fields.teaching"),
        ({"teaching": ""}, "fields.teaching"),
        ({"teaching": ["given"]}, "fields.teaching"),
        ({"ways": "pause"}, "fields.ways"),
        ({"ways": ["pause", "shouting"]}, "fields.ways[1]"),
        ({"ways": ["pause", "pause"]}, "fields.ways"),
        ({"nothing": "yes"}, "fields.nothing"),
        ({"nothing": 0}, "fields.nothing"),
        ({"next_day": "soon"}, "fields.next_day"),
        ({"next_day": "2026-13-01"}, "fields.next_day"),
        ({"minutes": "50"}, "fields.minutes"),
        ({"minutes": 50.0}, "fields.minutes"),
        ({"minutes": True}, "fields.minutes"),
        ({"minutes": 10**5000}, "fields.minutes"),
    ],
)
def test_a_value_that_is_not_of_its_kind_is_refused_by_its_place(given: dict[str, Any], field: str) -> None:
    """Planted, each alone: true as a number, who unchecked in entries, an answer given twice; caught."""
    assert refused(fields(**given)).field == field


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"theirs": "a" * MAX_CHARACTERS, "mine": "b"}, "fields.mine"),
        ({"mine": "a" * (MAX_CHARACTERS + 1)}, "fields.mine"),
        ({"voices": [{"who": ROSA, "words": "a" * 1_000}] * 2_001}, "fields.voices"),
        ({"mine": "a\n" * (MAX_LINES + 1)}, "fields.mine"),
        ({"mine": "a\r" * (MAX_LINES + 1)}, "fields.mine"),
        ({"thoughts": [{"thought": "a"}] * (MAX_ENTRIES + 1)}, "fields.thoughts"),
    ],
)
def test_more_than_anybody_writes_is_refused_by_the_field_that_makes_it_too_much(
    given: dict[str, Any], field: str
) -> None:
    """Planted, each alone: no limit of characters, lines, entries; caught."""
    assert refused(file(fields=given)).field == field


def test_as_much_as_may_be_written_is_taken() -> None:
    read_note(file(fields={"mine": "a" * MAX_CHARACTERS}), SAMPLE)
    read_note(file(fields={"mine": "\n" * MAX_LINES}), SAMPLE)
    read_note(file(fields={"thoughts": [{"thought": "a"}] * MAX_ENTRIES}), SAMPLE)
