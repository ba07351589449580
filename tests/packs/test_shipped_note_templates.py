"""The eleven shipped note templates: what is asked for, what the examples make, and what people can read of them.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.packs.test_forms import grade

from withness import content
from withness.core.claims import claims_in, claims_in_note
from withness.core.language import lint, lint_note
from withness.core.note import (
    GUARDED,
    Attestation,
    Audience,
    FieldKind,
    Kept,
    Layout,
    Note,
    NoteField,
    NoteTemplate,
    Sensitivity,
    Whose,
    asked,
    filled,
    for_chart,
    missing,
)
from withness.packs.claims import load_claims
from withness.packs.forms import load_forms
from withness.packs.language import load_language
from withness.packs.load import load_problems
from withness.packs.note_check import check_notes
from withness.packs.note_copy import copy_of, taken_home
from withness.packs.note_file import read_note
from withness.packs.note_render import NoteIncomplete, markdown
from withness.packs.note_templates import SHIPPED, load_note_templates, parse_note_template
from withness.packs.note_texts import CLAIMS as INSTEAD_OF
from withness.packs.note_texts import instead_of

ROOT = Path(str(content.folder("note_templates")))
TEMPLATES = load_note_templates()
CLAIMS = load_claims(None)
STATEMENTS = {id: one.text for id, one in CLAIMS.statements.items()}
RELEASED = ("plan-for-client", "medical-necessity")


def example(id: str) -> Note:
    """The note of a template's example."""
    return read_note(json.loads((ROOT / id / "example.json").read_text(encoding="utf-8")), TEMPLATES)


def golden(id: str, layout: Layout) -> Path:
    """The file that holds what the example makes in a layout."""
    return ROOT / id / ("example.md" if layout is Layout.DIALOGIC else f"example.{layout.value}.md")


def declared(id: str, field: str) -> NoteField:
    """A field of a template, which is there."""
    found = TEMPLATES[id].field(field)
    assert found is not None
    return found


EXAMPLES = {id: example(id) for id in TEMPLATES}
LAYOUTS = [(id, layout) for id, one in TEMPLATES.items() for layout in (Layout.DIALOGIC, *one.layouts)]
FIELDS = [(id, one.id) for id, template in TEMPLATES.items() for _, one in template.fields()]
REQUIRED = [(id, one.id) for id, template in TEMPLATES.items() for _, one in template.fields() if one.required]
ENTRIES = [(id, field) for id, field in FIELDS if declared(id, field).parts and field in EXAMPLES[id].fields]
FOR_CLIENTS = [id for id, one in TEMPLATES.items() if one.audience is Audience.CLIENT]
TO_READ = [
    *((id, "example.md") for id in FOR_CLIENTS),
    *((id, "example.copy.md") for id in TEMPLATES if TEMPLATES[id].copy),
]
"""What a client reads: the notes for clients, and the copies to take home."""

every_template = pytest.mark.parametrize("id", TEMPLATES)
every_field = pytest.mark.parametrize(("id", "field"), FIELDS)


# -- what is there


def test_all_eleven_are_there_and_no_other() -> None:
    assert tuple(TEMPLATES) == SHIPPED
    assert len(SHIPPED) == 11
    assert sorted(one.name for one in ROOT.iterdir()) == sorted((*SHIPPED, "README.md"))


@every_template
def test_a_folder_holds_the_template_its_example_and_the_goldens_alone(id: str) -> None:
    goldens = {golden(id, layout).name for one, layout in LAYOUTS if one == id}
    goldens |= {"example.copy.md"} if TEMPLATES[id].copy else set()
    assert {one.name for one in (ROOT / id).iterdir()} == {"template.toml", "note.md.j2", "example.json", *goldens}


def test_what_each_one_is() -> None:
    """Contracts I7 and FHIR facts 4.5. Planted and caught: always_saves = false in safety."""
    told = {
        id: (one.audience.value, one.kept.value, one.needs_release, one.always_saves, one.loinc and one.loinc.code)
        for id, one in TEMPLATES.items()
    }
    assert told == {
        "first-conversation": ("clinical", "record", False, False, "18738-5"),
        "session": ("clinical", "record", False, False, "34904-3"),
        "couple-family-session": ("clinical", "record", False, False, "34904-3"),
        "plan-for-client": ("client", "record", True, False, "18776-5"),
        "safety": ("clinical", "record", False, True, "34786-4"),
        "directive-protocol": ("clinical", "record", False, True, "34786-4"),
        "medical-necessity": ("payer", "record", True, False, "51847-2"),
        "supervision-reflection": ("supervision", "supervision", False, False, None),
        "transition-closing": ("clinical", "record", False, False, "34786-4"),
        "consent-and-approach": ("client", "record", False, False, "34786-4"),
        "pre-visit-worksheet": ("client", "record", False, False, "34786-4"),
    }
    assert [id for id, one in TEMPLATES.items() if one.layouts] == ["session"]
    assert {id: one.units for id, one in TEMPLATES.items() if one.units != ("individual",)} == {
        "couple-family-session": ("couple", "family", "group")
    }


def test_a_site_could_use_them_as_its_own() -> None:
    """The checks of a site's own templates find nothing: in the child process, with claims and goldens."""
    assert [f"{one.file}:{one.line} {one.said}" for one in check_notes(ROOT, CLAIMS)] == []


SOURCE = (
    r"(document [12], |clinical facts \d|contracts I\d|risk policy, |45 CFR 164\.|42 CFR part 2|LCD L33632 |"
    r"Joint Commission NPSG )"
)


@every_field
def test_every_field_has_a_help_and_a_source(id: str, field: str) -> None:
    """Planted and caught: a help of one word, a source that says "ours"."""
    one = declared(id, field)
    assert re.match(SOURCE, one.source), one.source
    assert 4 <= len(one.help.split()) <= 60
    assert one.help.endswith((".", "?")), one.help
    assert len(one.title) <= 80


@every_template
def test_help_and_titles_are_our_own_sentences(id: str) -> None:
    """No stretch of ten words stands in a source document, where those lie beside the checkout.

    Planted and caught: a sentence of document 2 as a help.
    """
    seeds = ROOT.parent.parent / "shared" / "seeds"
    if not seeds.is_dir():
        pytest.skip("the source documents do not lie beside this checkout")
    words = [_words(one.read_text(encoding="utf-8")) for one in sorted(seeds.glob("*.txt"))]
    runs = {tuple(all[at : at + 10]) for all in words for at in range(len(all) - 9)}
    texts = [text for one in (TEMPLATES[id].body, *_words_of(TEMPLATES[id])) for text in one.split("\n")]
    mine = [_words(text) for text in texts]
    assert [run for all in mine for at in range(len(all) - 9) if (run := tuple(all[at : at + 10])) in runs] == []


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("’", "'").replace("'", ""))


def _words_of(template: NoteTemplate) -> Iterator[str]:
    """All that a template says to the clinician who fills it in."""
    yield from (template.title, template.purpose)
    for section in template.sections:
        yield from (section.title, section.about)
    for _, one in template.fields():
        yield from (one.title, one.help, *(option.text for option in one.options), *(part.title for part in one.parts))


# -- examples and goldens


@pytest.mark.parametrize(("id", "layout"), LAYOUTS, ids=[f"{id}-{layout.value}" for id, layout in LAYOUTS])
def test_an_example_makes_its_golden(id: str, layout: Layout) -> None:
    """To the byte. Planted and caught: a word of a title changed."""
    made = markdown(TEMPLATES[id], replace(EXAMPLES[id], layout=layout), STATEMENTS)
    assert made == golden(id, layout).read_text(encoding="utf-8")


@every_template
def test_an_example_is_whole_and_nothing_of_it_is_left_out(id: str) -> None:
    """Every word of the example stands in the golden, in each layout. Planted and caught: a line cut from a golden."""
    template, note = TEMPLATES[id], EXAMPLES[id]
    assert missing(template, note.fields) == ()
    assert all(filled(value) for value in note.fields.values())
    for layout in (Layout.DIALOGIC, *template.layouts):
        shown = _flat(golden(id, layout).read_text(encoding="utf-8"))
        for field, value in note.fields.items():
            for text in _texts(declared(id, field), value):
                assert _flat(text) in shown, field


def _texts(one: NoteField, value: Any) -> Iterator[str]:
    options = {option.code: option.text for option in one.options}
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            yield from (words for part, words in each.items() if part != "who")
        elif not isinstance(each, bool):
            yield options.get(each, str(each))


def _flat(text: str) -> str:
    """Words alone, so that marks of Markdown and line ends make no difference."""
    return " ".join(re.findall(r"\w+", text))


@every_template
def test_an_example_fills_most_of_what_may_be_filled(id: str) -> None:
    """But for what is kept apart: of most people there is nothing to write there."""
    template, note = TEMPLATES[id], EXAMPLES[id]
    free = [one for _, one in template.fields() if not one.required and not one.when]
    optional = [one.id for one in free if one.sensitivity is Sensitivity.NONE]
    assert sum(one in note.fields for one in optional) >= len(optional) * 0.6


@every_template
def test_an_example_holds_invented_people_and_no_placeholders(id: str) -> None:
    note = EXAMPLES[id]
    assert set(note.members) <= {"Patient/rosa", "Patient/tom"}
    assert note.author == "Practitioner/p1"
    assert note.request_id
    text = (ROOT / id / "example.json").read_text(encoding="utf-8")
    assert re.search(r"lorem|ipsum|todo|tbd|xxx|\bn/a\b|…|\.\.\.|placeholder|<[a-z]|\[[a-z ]+\]", text, re.I) is None


@every_template
def test_what_an_example_says_was_filled_in_beforehand_can_be(id: str) -> None:
    template, note = TEMPLATES[id], EXAMPLES[id]
    assert set(note.prefilled) <= {one.id for _, one in template.fields() if one.prefill} & set(note.fields)


def test_examples_are_in_more_than_one_language() -> None:
    """The client's words are kept in any of them, with an accent and an emoji."""
    texts = "".join((ROOT / id / "example.json").read_text(encoding="utf-8") for id in SHIPPED)
    for words in ("und zwar so, wie ich es sage", "y los tacos", "Ayşe", "Máire", "🌱"):
        assert words in texts


# -- what must be written


@pytest.mark.parametrize(("id", "field"), REQUIRED)
def test_what_is_missing_is_named_with_its_section_and_help(id: str, field: str) -> None:
    """Planted and caught: unless = "judgement" at the risk statement of the session."""
    template, note = TEMPLATES[id], _asking_for(id, field)
    assert filled(note.fields.get(field)), "the example, or its variation, holds it"
    lacking = replace(note, fields={key: value for key, value in note.fields.items() if key != field})
    with pytest.raises(NoteIncomplete) as refused:
        markdown(template, lacking, STATEMENTS)
    section = next(section for section, one in template.fields() if one.id == field)
    one = declared(id, field)
    assert [each.field for each in refused.value.missing] == [field]
    assert refused.value.field == f"fields.{field}"
    for said in (section.title, one.title, one.help):
        assert said in refused.value.message


def _asking_for(id: str, field: str) -> Note:
    """The example, changed so that a field is asked for that its answers do not ask for, and filled in."""
    note, one = EXAMPLES[id], declared(id, field)
    fields = dict(note.fields)
    if one.when:
        fields[one.when.field] = one.when.any[0]
    if one.unless:
        fields.pop(one.unless, None)
    if not filled(fields.get(field)):
        fields[field] = 50 if one.kind is FieldKind.NUMBER else "Written down."
    for other in [each for _, each in TEMPLATES[id].fields() if each.required]:
        if asked(other, fields) and not filled(fields.get(other.id)):
            fields[other.id] = "Written down."
    return replace(note, fields=fields)


@pytest.mark.parametrize(("id", "field"), ENTRIES)
def test_an_entry_lacks_no_required_part(id: str, field: str) -> None:
    one, note = declared(id, field), EXAMPLES[id]
    for part in [part for part in one.parts if part.required]:
        first, *others = note.fields[field]
        without = [{key: value for key, value in first.items() if key != part.id}, *others]
        with pytest.raises(NoteIncomplete) as refused:
            markdown(TEMPLATES[id], replace(note, fields={**note.fields, field: without}), STATEMENTS)
        assert [each.field for each in refused.value.missing] == [f"{field}[0].{part.id}"]


def test_few_things_must_be_written() -> None:
    """A tired clinician's limit. Planted and caught: the seven ideas made required."""
    asked_for = {
        id: sum(one.required and not one.when for _, one in template.fields()) for id, template in TEMPLATES.items()
    }
    assert max(asked_for.values()) <= 13
    assert asked_for["session"] <= 10
    assert asked_for["supervision-reflection"] == asked_for["pre-visit-worksheet"] == 0


def test_a_goal_is_linked_or_the_reason_said() -> None:
    """Clinical facts 4, golden thread. Planted and caught: unless left out."""
    for id, field in (
        ("session", "goals_touched"),
        ("couple-family-session", "goals_touched"),
        ("transition-closing", "goals"),
    ):
        note = EXAMPLES[id]
        fields = {key: value for key, value in note.fields.items() if key != field}
        assert [one.field for one in missing(TEMPLATES[id], fields)] == [field]
        assert missing(TEMPLATES[id], {**fields, "why_no_goal": "No plan is in force yet."}) == ()


def test_the_payers_header_and_thread_are_required() -> None:
    """Clinical facts 4: date, type, amount, frequency, duration, signature; both wordings of each goal."""
    template = TEMPLATES["medical-necessity"]
    required = {one.id for _, one in template.fields() if one.required}
    assert {"plan_date", "service_type", "minutes", "frequency", "duration", "review_on", "signed_as"} <= required
    assert {"concern", "daily_life", "need", "goals", "other_treatment"} <= required
    parts = {part.id: (part.whose, part.required) for part in declared("medical-necessity", "goals").parts}
    assert parts["words"] == (Whose.CLIENT, True)
    assert {id for id, (whose, needed) in parts.items() if whose is Whose.CLINICIAN and needed} == {
        "payer_words",
        "measure",
        "target",
        "limit",
        "responsible",
        "progress",
    }
    without = {key: value for key, value in EXAMPLES[template.id].fields.items() if key != "diagnoses"}
    assert "No diagnosis is recorded" in markdown(
        template, replace(EXAMPLES[template.id], fields=without, prefilled={}), STATEMENTS
    )


# -- the stance


SESSIONS = ("first-conversation", "session", "couple-family-session")


def test_the_session_asks_for_each_of_the_seven_ideas_and_requires_none() -> None:
    """Clinical facts 1.7. Planted and caught: the field of an idea left out; an idea made required."""
    for id in SESSIONS:
        about = [
            (int(number), one.required)
            for _, one in TEMPLATES[id].fields()
            for listed in re.findall(r"seven ideas(?: of document 2)?, (\d(?: and \d)?)", one.source)
            for number in re.findall(r"\d", listed)
        ]
        assert {number for number, _ in about} == {1, 2, 3, 4, 5, 6, 7}
        assert not any(required for _, required in about)


DOCUMENT_1 = ["not-knowing", "shared-inquiry", "withness", "clients-voice", "first-conversation"]
DOCUMENT_2 = [
    "own-way-own-pace",
    "genuine-interest",
    "attentive-listening",
    "verbal-and-nonverbal",
    "checking-understanding",
    "pause-and-silence",
    "questions-and-comments",
    "offering-a-perspective",
    "talking-with",
    "small-changes",
    "finding-resources",
]


@pytest.mark.parametrize("id", ["session", "couple-family-session"])
def test_each_way_of_conversing_can_be_marked_after_the_own_sentence(id: str) -> None:
    """Clinical facts 1.8. Planted and caught: one way left out; the boxes put before the sentence."""
    ways = declared(id, "ways")
    assert [option.code for option in ways.options] == DOCUMENT_1 + DOCUMENT_2
    assert (ways.kind, ways.required) == (FieldKind.CHOICES, False)
    order = [one.id for _, one in TEMPLATES[id].fields()]
    assert order.index("explored") < order.index("ways")


@pytest.mark.parametrize("id", [*SESSIONS, "transition-closing"])
def test_not_knowing_excuses_nothing(id: str) -> None:
    """Clinical facts 1.6: judgement, risk, the reporting question and psychoeducation, each session."""
    template = TEMPLATES[id]
    for field in ("judgement", "risk_statement", "report_considered", "psychoeducation"):
        assert declared(id, field).required
    for code in ("deferred", "both"):
        fields = {**EXAMPLES[id].fields, "psychoeducation": code, "psychoeducation_deferred": ""}
        assert "psychoeducation_deferred" in [one.field for one in missing(template, fields)]


@every_template
def test_the_clients_words_stand_apart_from_the_clinicians(id: str) -> None:
    """Every note that is about a client has a place for words of theirs, quoted and never edited."""
    template = TEMPLATES[id]
    theirs = [one.id for _, one in template.fields() if one.whose is Whose.CLIENT]
    assert bool(theirs) == (template.kept is Kept.RECORD)
    mixed = [one for _, one in template.fields() if one.kind is FieldKind.ENTRIES and one.whose is Whose.CLIENT]
    assert mixed == [], "of an entry each part says whose it is"


def test_thoughts_shared_aloud_have_the_clients_answer_beside_them() -> None:
    """Being public is a conversation. Planted and caught: the response made optional."""
    for id in (*SESSIONS, "transition-closing"):
        parts = {part.id: part for part in declared(id, "thoughts_shared").parts}
        assert (parts["thought"].whose, parts["response"].whose) == (Whose.CLINICIAN, Whose.CLIENT)
        assert parts["thought"].required
        assert parts["response"].required


def test_a_hypothesis_says_what_would_change_it() -> None:
    for id in SESSIONS:
        parts = declared(id, "hypotheses").parts
        assert [(part.id, part.required) for part in parts] == [("hypothesis", True), ("change_mind", True)]


def test_what_shifted_is_asked_of_both() -> None:
    assert declared("session", "shifted_client").whose is Whose.CLIENT
    assert declared("session", "shifted_therapist").whose is Whose.CLINICIAN
    assert declared("couple-family-session", "shifted_each").parts[1].whose is Whose.CLIENT


SCORE = r"fidelity|adheren|competen(ce|t)|\bscores?\b|\brat(e|es|ing|ings)\b|\bpoints\b|percent|0 to 10"
NO_SCORE = (
    "a place to begin from, and never a score.",
    "No answer is scored.",
    "so claim no fidelity to one.",
)


@every_template
def test_no_field_asks_for_a_score_of_fidelity(id: str) -> None:
    """Clinical facts 1.7 and 1.11. Planted and caught: "How closely did I keep to the approach, 0 to 10?"."""
    texts = [re.sub("|".join(map(re.escape, NO_SCORE)), "", text) for text in _words_of(TEMPLATES[id])]
    assert [text for text in texts if re.search(SCORE, text, re.IGNORECASE)] == []
    numbers = [one.id for _, one in TEMPLATES[id].fields() if one.kind is FieldKind.NUMBER]
    assert set(numbers) <= {"minutes"}


def test_the_word_is_transformation_and_progress_is_for_payers() -> None:
    """Clinical facts 1.7. A note's official LOINC name is not ours to change."""
    said = [id for id, one in TEMPLATES.items() if re.search("progress", " ".join(_words_of(one)), re.IGNORECASE)]
    assert said == ["medical-necessity"]


def test_the_reflection_asks_the_sources_six_questions_in_order() -> None:
    """Clinical facts 1.10 counts five; document 1 has six. Planted and caught: the sixth left out."""
    template = TEMPLATES["supervision-reflection"]
    asked_for = [one for _, one in template.fields() if "reflective question" in one.source]
    assert [re.findall(r"reflective question (\d)", one.source) for one in asked_for] == [[str(n)] for n in range(1, 7)]
    assert all("LLM" in one.source for one in asked_for), "the source says that a model wrote them"
    assert EXAMPLES[template.id].members == ()


def test_the_reflective_question_stands_with_the_directive_note() -> None:
    assert declared("directive-protocol", "reflection").title.startswith("When does not-knowing serve")


def test_shared_questions_have_the_same_answers_as_elsewhere() -> None:
    """One question, one set of answers. Planted and caught: a code of the first conversation's changed."""
    catalogue = Path(str(content.folder("catalogue")))
    wanted = tomllib.loads((catalogue / "suitability.toml").read_text(encoding="utf-8"))["structure"]["option"]
    for id, field in (("first-conversation", "structure_wanted"), ("consent-and-approach", "structure")):
        assert [(one.code, one.text) for one in declared(id, field).options] == [
            (one["id"], one["text"]) for one in wanted
        ]
    problems = [(one.id, one.title) for one in load_problems().values()]
    assert [(one.code, one.text) for one in declared("first-conversation", "problems").options] == problems
    check_in = next(one for one in load_forms() if one.id == "session-check-in")
    together = next(item for item, _ in check_in.walk() if item.measure == "reported-collaborative")
    assert [(one.code, one.text) for one in declared("first-conversation", "collaborative").options] == [
        (one.code, one.text) for one in together.answers.options
    ]
    for field in ("modality", "psychoeducation", "report_outcome", "ways", "agenda_by"):
        sets = {
            tuple(one.code for one in template.field(field).options)  # type: ignore[union-attr]
            for template in TEMPLATES.values()
            if template.field(field)
        }
        assert len(sets) == 1, field


# -- layouts


MAPPED = {
    "client_words": {"soap": "Subjective", "dap": "Data", "birp": "Behavior", "girp": "Goal"},
    "explored": {"soap": "Objective", "dap": "Data", "birp": "Intervention", "girp": "Intervention"},
    "response": {"soap": "Assessment", "dap": "Assessment", "birp": "Response", "girp": "Response"},
    "shifted_client": {"soap": "Assessment", "dap": "Assessment", "birp": "Response", "girp": "Response"},
    "shifted_therapist": {"soap": "Assessment", "dap": "Assessment", "birp": "Response", "girp": "Response"},
    "judgement": {"soap": "Assessment", "dap": "Assessment", "birp": "Response", "girp": "Response"},
    "next_step": dict.fromkeys(("soap", "dap", "birp", "girp"), "Plan"),
    "risk_statement": dict.fromkeys(("soap", "dap", "birp", "girp"), "Safety and duties"),
    "report_considered": dict.fromkeys(("soap", "dap", "birp", "girp"), "Safety and duties"),
    "psychoeducation": dict.fromkeys(("soap", "dap", "birp", "girp"), "Safety and duties"),
}


@pytest.mark.parametrize("field", MAPPED)
def test_a_layout_puts_each_field_under_its_letter(field: str) -> None:
    """Clinical facts 4. Planted and caught: the client's words under Assessment."""
    for layout, title in MAPPED[field].items():
        parts = TEMPLATES["session"].layouts[Layout(layout)]
        assert [part.title.startswith(title) for part in parts if field in part.fields] == [True], layout


def test_one_session_in_five_layouts_holds_the_same_words() -> None:
    lines = [
        sorted(line for line in golden("session", layout).read_text(encoding="utf-8").split("\n") if line[:3] != "## ")
        for id, layout in LAYOUTS
        if id == "session"
    ]
    without = [[line for line in each if not line.startswith("- **Layout:")] for each in lines]
    assert all([line for line in each if line] == [line for line in without[0] if line] for each in without)


# -- privacy


@pytest.mark.parametrize(("mine", "other"), [("tom", "rosa"), ("rosa", "tom")])
def test_a_members_share_of_a_couples_note_holds_nobody_else(mine: str, other: str) -> None:
    """Contracts I8. Planted and caught: a name in a shared field."""
    template, note = TEMPLATES["couple-family-session"], EXAMPLES["couple-family-session"]
    share = for_chart(template, note, f"Patient/{mine}", enforces_labels=False)
    page = markdown(template, share, STATEMENTS, partial=True)
    assert other not in page.lower()
    listed = [one for value in note.fields.values() if isinstance(value, list) for one in value if "who" in one]
    theirs = {text for one in listed if one["who"] == f"Patient/{other}" for text in one.values()}
    ours = {text for one in listed if one["who"] == f"Patient/{mine}" for text in one.values()}
    assert not any(text in page for text in theirs - ours)
    assert len(share.fields["client_words"]) == 2


def test_a_note_of_several_has_no_place_for_private_answers() -> None:
    """What is said alone, and any outcome about one person, stands in that person's own note.

    Planted and caught: the field report_outcome of the session.
    """
    fields = {one.id: one for _, one in TEMPLATES["couple-family-session"].fields()}
    assert {one.sensitivity for one in fields.values()} == {Sensitivity.NONE, Sensitivity.SUBSTANCE_USE}
    assert not {"report_outcome", "report_details", "violence_told", "risk_screen", "standing_decision"} & set(fields)
    assert not {one.prefill for one in fields.values()} & {"screen", "standing-decision", "last-check-in"}
    for one in fields.values():
        if one.parts and one.id != "hypotheses":
            assert (one.parts[0].id, one.parts[0].required) == ("who", True)


def test_violence_reporting_and_substance_use_bear_their_labels() -> None:
    """Planted and caught: sensitivity left out at the report's details."""
    labels = {
        "violence_told": "SDV",
        "safe_from_somebody": "SDV",
        "report_outcome": "SDV",
        "report_details": "SDV",
        "reason_violence": "SDV",
        "steps_violence": "SDV",
        "violence_words": "SDV",
        "substance_use": "ETH",
        "substance_words": "ETH",
    }
    for id, field in FIELDS:
        one = declared(id, field)
        assert one.sensitivity.value == labels.get(one.id, ""), f"{id}.{one.id}"
        assert one.sensitivity is Sensitivity.NONE or not one.required or one.when, "what is apart is never a must"


@pytest.mark.parametrize("id", [*SESSIONS, "directive-protocol", "transition-closing"])
def test_the_clients_words_have_a_place_apart_too(id: str) -> None:
    """Beside each sealed account stand sealed words. Planted and caught: whose and kind of the clinician's."""
    pairs = {"violence_told": "violence_words", "steps_violence": "violence_words", "substance_use": "substance_words"}
    fields = {one.id: one for _, one in TEMPLATES[id].fields()}
    for account, words in pairs.items():
        if account in fields:
            assert (fields[words].kind, fields[words].whose) == (FieldKind.VOICES, Whose.CLIENT)
            assert fields[words].sensitivity is fields[account].sensitivity
            assert not fields[words].required


@pytest.mark.parametrize("id", [*SESSIONS, "directive-protocol", "transition-closing"])
def test_the_reporting_question_looks_the_same_whatever_came_of_it(id: str) -> None:
    """One answer, one explanation below. Planted and caught: the explanation left out; a second answer."""
    one = declared(id, "report_considered")
    assert (one.kind, one.required) == (FieldKind.CHOICE, True)
    assert [(option.code, option.text) for option in one.options] == [("asked", "Asked")]
    assert one.title == "The reporting question, asked in every session of everybody"
    assert "is part of every session. If something comes of it, that is kept apart" in TEMPLATES[id].body


@pytest.mark.parametrize("id", [*SESSIONS, "safety", "transition-closing"])
def test_a_risk_statement_is_silent_about_violence(id: str) -> None:
    """A no in one note and nothing in the next give it away. Planted and caught: the help's last words."""
    assert "about abuse or violence, not even that there is none" in declared(id, "risk_statement").help
    said = str(EXAMPLES[id].fields["risk_statement"])
    assert re.search(r"abuse|violen|afraid|every part|cause for concern", said, re.IGNORECASE) is None


@every_template
def test_no_field_holds_an_answer_of_the_risk_screen(id: str) -> None:
    """Contracts I2: what may be filled in is the screen's day, or the standing decision."""
    policy = tomllib.loads((Path(str(content.folder("catalogue"))) / "risk_policy.toml").read_text(encoding="utf-8"))
    questions = {question["id"].replace("-", "_") for domain in policy["domain"] for question in domain["question"]}
    assert not questions & {one.id for _, one in TEMPLATES[id].fields()}
    assert not {question["text"] for domain in policy["domain"] for question in domain["question"]} & {
        text for _, one in TEMPLATES[id].fields() for text in (one.title, one.help)
    }


def test_the_consent_carves_the_private_talk_out_of_the_rule_on_secrets() -> None:
    """And it says so only where more than one person takes part. Planted and caught: the exception left out."""
    template, note = TEMPLATES["consent-and-approach"], EXAMPLES["consent-and-approach"]
    page = markdown(template, note, STATEMENTS)
    assert "I keep no secrets" in page
    assert "There is one thing that is not part of this rule" in page
    alone = markdown(template, replace(note, fields={**note.fields, "work_with": "alone"}), STATEMENTS)
    assert "I keep no secrets" not in alone


def test_a_calm_day_announces_what_safety_may_need() -> None:
    """So that a change of how they meet gives nobody away. Planted and caught: the paragraph moved out of the if."""
    template, note = TEMPLATES["consent-and-approach"], EXAMPLES["consent-and-approach"]
    page = markdown(template, note, STATEMENTS)
    alone = markdown(template, replace(note, fields={**note.fields, "work_with": "alone"}), STATEMENTS)
    for said in (
        "I may change how we meet.",
        "This is so for all of you alike.",
        "It need not mean that somebody told me something.",
        "I cannot promise that they will.",
        "I will not tell it for you.",
    ):
        assert said in page
        assert said not in alone


def test_a_safety_plan_about_somebody_needs_no_untrue_word() -> None:
    """Clinical facts 2.4. Planted and caught: unless left out at what helps."""
    template, note = TEMPLATES["safety"], EXAMPLES["safety"]
    left_out = ("warning_signs", "what_helps", "means_talk")
    fields = {key: value for key, value in note.fields.items() if key not in left_out}
    assert {one.field for one in missing(template, fields)} == set(left_out)
    assert missing(template, {**fields, "safe_from_somebody": "The key is with Gran, and the bag is packed."}) == ()


def test_a_safety_plan_is_no_contract_and_can_be_declined() -> None:
    """Clinical facts 2.2: own headings, no no-suicide contract, nobody made to write one."""
    template, note = TEMPLATES["safety"], EXAMPLES["safety"]
    assert "It is no promise and no contract." in markdown(template, note, STATEMENTS)
    kept = ("professionals", "follow_up", "means_talk")
    declined = {key: value for key, value in note.fields.items() if key in kept}
    declined |= {"outcome": "declined", "why_declined": "Tom wants to sleep first; I stay until his gran is here."}
    page = markdown(template, replace(note, fields=declined, prefilled={}), STATEMENTS)
    assert "No plan was written today." in page
    assert "988" in page
    theirs = "warning signs|internal coping|social settings|distraction|reasons for living|environment safe"
    titles = [text for section in template.sections for text in (section.title, *(one.title for one in section.fields))]
    assert [text for text in titles if re.search(theirs, text, re.IGNORECASE)] == []


def test_the_copy_of_a_safety_plan_holds_what_helps_and_nothing_for_the_record() -> None:
    """Clinical facts 2.2 and 2.4. Planted: the risk statement taken into the copy; the encounter left on it; each
    caught.
    """
    template, note = TEMPLATES["safety"], EXAMPLES["safety"]
    own = copy_of(template)
    assert own is not None
    signed = Attestation(
        "Practitioner/p1", "2026-11-18 18:00 (UTC)", "LPC", {"Patient/tom": "shown"}, comments={"a": "b"}
    )
    page = markdown(own, taken_home(note, signed), {}, partial=True)
    assert page == (ROOT / "safety" / "example.copy.md").read_text(encoding="utf-8").replace(
        "Not signed. This is a draft.", "Signed by Pat Roe on 2026-11-18 18:00 (UTC).\n\nCredentials: LPC"
    )
    kept = {one.id for _, one in own.fields()}
    assert kept.isdisjoint(one.id for section in template.sections[-1:] for one in section.fields)
    assert {id for id in kept if declared("safety", id).sensitivity is Sensitivity.VIOLENCE} == set()
    assert {"warning_signs", "what_helps", "people_to_ask", "professionals", "follow_up"} <= kept
    assert lint(own.body, load_language(None)) == ()
    assert claims_in(own.body, CLAIMS.claims) == ()


def test_a_copy_of_a_declined_plan_says_whom_to_call() -> None:
    """Nobody can be made to write a plan. Planted: a heading over nothing; caught."""
    template, note = TEMPLATES["safety"], EXAMPLES["safety"]
    own = copy_of(template)
    assert own is not None
    fields = {id: note.fields[id] for id in ("professionals", "follow_up")} | {"outcome": "declined"}
    page = markdown(own, taken_home(replace(note, fields=fields), None), {}, partial=True)
    assert re.findall("^## (.*)$", page, re.MULTILINE) == [
        "Professionals and emergency numbers",
        "Afterwards",
        "Signature",
    ]
    assert copy_of(TEMPLATES["session"]) is None


# -- honesty


@every_template
def test_what_clients_and_payers_read_claims_nothing(id: str) -> None:
    """Contracts I10: neither the template nor its example. Planted and caught: "It is shown to work."."""
    template, note = TEMPLATES[id], EXAMPLES[id]
    assert claims_in_note(template, note, CLAIMS.claims) == ()
    if template.audience in GUARDED:
        body = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template.body, flags=re.DOTALL)
        assert claims_in(body, CLAIMS.claims) == ()
        assert template.statements


@every_template
def test_no_label_stands_for_a_person(id: str) -> None:
    """Nothing that the language lint would warn of, in an example or in what a template says; and a client is none's
    patient. Planted and caught: "a borderline" in the session's example, "the patient" in a help.
    """
    rules = load_language(None)
    assert list(lint_note(TEMPLATES[id], EXAMPLES[id], rules)) == []
    texts = [TEMPLATES[id].body, *_words_of(TEMPLATES[id])]
    assert [text for text in texts if lint(text, rules) or re.search(r"\bpatients?\b", text, re.IGNORECASE)] == []


# -- reading level


def own_words(id: str, file: str) -> list[str]:
    """What a golden says in words that are not the client's: no quotes, no facts above it, no marks."""
    text = (ROOT / id / file).read_text(encoding="utf-8")
    body = text.split("\n\n", 2)[2].split("\n## Filled in beforehand")[0]
    lines = [re.sub(r"[*#\\]", "", re.sub(r"^\s*- ", "", line)).strip() for line in body.split("\n") if line[:1] != ">"]
    return [line for line in lines if re.search(r"[A-Za-z]", line)]


@pytest.mark.parametrize(("id", "file"), TO_READ)
def test_what_a_client_reads_is_at_the_stated_level(id: str, file: str) -> None:
    """Planted and caught: a stated level of 1."""
    stated = TEMPLATES[id].reading_grade
    assert stated is not None
    assert 0 < stated <= 7
    assert grade(own_words(id, file)) <= stated


@pytest.mark.parametrize(("id", "file"), TO_READ)
def test_no_sentence_that_a_client_reads_is_hard(id: str, file: str) -> None:
    """One hard sentence among many easy ones hardly moves the whole; the honest statements are held elsewhere.

    Planted and caught: "Confidentiality notwithstanding, statutory obligations may necessitate disclosure.".
    """
    ours = [line for line in own_words(id, file) if line not in STATEMENTS.values()]
    for sentence in [one for line in ours for one in re.split(r"(?<=[.?!:])\s+", line)]:
        assert len(sentence.split()) <= 25, sentence
        assert len(sentence.split()) < 6 or grade([sentence]) <= 9, sentence


# -- the page that explains it


def test_the_page_on_templates_names_each_and_its_example_can_be_used() -> None:
    """note_templates/README.md. Planted and caught: a kind of field that there is not."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    for id in SHIPPED:
        assert f"[`{id}`]({id}/example.md)" in page
    for path in re.findall(r"\]\(([^)]+)\)", page):
        assert (ROOT / path).is_file(), path
    [toml] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    [body] = re.findall(r"```jinja\n(.*?)```", page, re.DOTALL)
    made = parse_note_template(toml.encode(), body, name="walk/template.toml", origin="site")
    assert made.id == "walk"
    for kind in FieldKind:
        assert f"`{kind.value}`" in page


# -- half filled in


@pytest.mark.parametrize("id", SHIPPED)
def test_no_heading_or_label_stands_over_nothing(id: str) -> None:
    """A draft is looked at, too; the client's own sheet keeps its open questions. Planted: an empty label; caught."""
    bare = replace(EXAMPLES[id], fields={}, prefilled={})
    text = markdown(TEMPLATES[id], bare, STATEMENTS, partial=True)
    assert not re.search(r"^#+ [^\n]*\n+(?=#|\Z)", text.partition("\n")[2], re.MULTILINE)
    assert not re.search(r"^(Dear ,|\*\*\*\*|You said:)$", text, re.MULTILINE)
    if id != "pre-visit-worksheet":
        assert not re.search(r":\*\* *$", text, re.MULTILINE)


def test_the_letter_takes_a_day_however_it_is_said() -> None:
    """ "on 20 December" is not said twice. Planted: "again on {{ look_again }}", as before; caught."""
    letter = EXAMPLES["plan-for-client"]
    for said in ("on 20 December", "20 December", "In spring."):
        note = replace(letter, fields={**letter.fields, "look_again": said})
        text = markdown(TEMPLATES["plan-for-client"], note, STATEMENTS)
        assert f"**We look at this plan again:** {said}\n" in text


def test_every_shipped_claim_says_what_to_write_instead() -> None:
    """And what it says is none itself. Planted: one left out; one that claims; caught."""
    assert [one.id for one in CLAIMS.claims] == list(INSTEAD_OF)
    for one in (*INSTEAD_OF, "a-site's own"):
        assert instead_of(one)
        assert claims_in(instead_of(one), CLAIMS.claims) == ()
    assert instead_of("a-site's own") == "Leave it out, or say what you saw in this one client's work."
