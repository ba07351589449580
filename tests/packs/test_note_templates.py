"""The shipped note templates are there, and a template file that cannot be filled in is refused by key.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.packs.note_samples import BODY, PAT, ROSA, TOML, toml
from tests.packs.note_samples import note as sample_note

from withness import content
from withness.core.note import Attestation, FieldKind, Layout, Sensitivity, Whose
from withness.errors import InvalidContent
from withness.packs.note_copy import copy_of, taken_home
from withness.packs.note_render import markdown
from withness.packs.note_templates import FOLDER, SHIPPED, load_note_templates, parse_note_template


def refused(text: bytes, body: str = BODY, *, origin: str = "site") -> InvalidContent:
    with pytest.raises(InvalidContent) as error:
        parse_note_template(text, body, name="sample", origin=origin)
    return error.value


# -- the shipped ones


def test_the_eleven_are_there_in_the_order_of_the_contracts() -> None:
    """Planted: the templates sorted by folder name; caught."""
    assert tuple(load_note_templates()) == SHIPPED
    assert len(SHIPPED) == 11


def test_no_folder_is_left_out() -> None:
    folders = {one.name for one in content.folder(FOLDER).iterdir() if one.is_dir()}
    assert folders == set(SHIPPED)


def test_every_shipped_template_is_told_from_a_sites() -> None:
    assert {one.origin for one in load_note_templates().values()} == {"shipped"}


def test_only_the_two_documents_of_the_plan_need_a_release_and_only_safety_always_saves() -> None:
    """Contracts I7; the spec of the notes."""
    templates = load_note_templates().values()
    assert {one.id for one in templates if one.needs_release} == {"plan-for-client", "medical-necessity"}
    assert {one.id for one in templates if one.always_saves} == {"safety", "directive-protocol"}


# -- the file


def test_every_key_of_the_file_comes_through() -> None:
    """Planted: `unless` not carried over; a voice left the clinician's; caught."""
    one = parse_note_template(TOML.encode(), BODY, name="sample", origin="site")
    assert (one.id, one.version, one.title, one.units, one.origin) == (
        "sample",
        "0.1.0",
        "Sample note",
        ("individual", "couple"),
        "site",
    )
    kinds = {field.id: field.kind for _, field in one.fields()}
    assert set(kinds.values()) == set(FieldKind)
    voices, mine, why, alcohol = (one.field(id) for id in ("voices", "mine", "why", "alcohol"))
    assert voices is not None
    assert (voices.whose, voices.required, voices.help, voices.source) == (
        Whose.CLIENT,
        True,
        "Word for word.",
        "tests",
    )
    assert mine is not None
    assert (mine.whose, mine.unless) == (Whose.CLINICIAN, "nothing")
    assert why is not None
    assert why.when is not None
    assert (why.when.field, why.when.any) == ("teaching", ("deferred",))
    assert alcohol is not None
    assert alcohol.sensitivity is Sensitivity.SUBSTANCE_USE
    thoughts = one.field("thoughts")
    assert thoughts is not None
    assert [(part.id, part.whose.value, part.required) for part in thoughts.parts] == [
        ("who", "clinician", False),
        ("thought", "clinician", True),
        ("answer", "client", False),
    ]
    assert [part.title for part in one.layouts[Layout.SOAP]] == ["Subjective", "Rest"]
    assert one.loinc is not None
    assert (one.loinc.code, one.statements) == ("34904-3", ("evidence",))


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('id = "sample"', 'id = "Sample"', "id"),
        ('version = "0.1.0"', 'version = "1"', "version"),
        ('title = "Sample note"', 'title = "Sample\\nnote"', "title"),
        ('title = "Sample note"', 'title = " "', "title"),
        ('title = "Sample note"', 'name = "Sample note"', "title"),
        ('purpose = "For tests."\n', "", "purpose"),
        ('source = "tests"\n\n[[section]]', "\n[[section]]", "source"),
        ('audience = "clinical"', 'audience = "everybody"', "audience"),
        ('audience = "clinical"', 'audience = "supervision"', "kept"),
        ('audience = "clinical"', 'audience = "client"', "reading_grade"),
        ('statements = ["evidence"]', 'statements = ["evidence", "evidence"]', "statements"),
        ("needs_release = false", "needs_release = true", "needs_release"),
        ("needs_release = false", 'needs_release = "no"', "needs_release"),
        ('units = ["individual", "couple"]', "units = []", "units"),
        ('units = ["individual", "couple"]', 'units = ["individual", "crowd"]', "units.1"),
        ('units = ["individual", "couple"]', 'units = ["individual", "individual"]', "units"),
        ('code = "34904-3"', 'code = "progress"', "loinc.code"),
        ('loinc = {code = "34904-3", text = "Mental health Progress note", source = "FHIR facts 4.5"}\n', "", "loinc"),
        ('statements = ["evidence"]', 'statements = ["evidence"]\nsecret = 1', "secret"),
        ('id = "work"', 'id = "words"', "section"),
        ('id = "theirs"', 'id = "voices"', "section.field"),
        ('id = "theirs"', 'id = "block"', "block.id"),
        ('id = "theirs"', 'id = "sections"', "sections.id"),
        ('id = "theirs"', 'id = "loop"', "loop.id"),
        ('id = "theirs"', 'id = "Theirs"', "section.words.field.Theirs.id"),
        ('id = "theirs"', 'id = "__class__"', "section.words.field.__class__.id"),
        ('title = "A sentence of theirs"\n', "", "section.words.field.theirs.title"),
        ('help = "In their words."\n', "", "section.words.field.theirs.help"),
        ('kind = "text"', 'kind = "essay"', "section.words.field.theirs.kind"),
        ('kind = "voices"', 'kind = "voices"\nwhose = "clinician"', "voices.whose"),
        ('kind = "text"', 'kind = "text"\noption = [{code = "a", text = "A"}]', "theirs.option"),
        ('kind = "text"', 'kind = "text"\npart = [{id = "a", title = "A"}]', "theirs.part"),
        ('kind = "text"', 'kind = "entries"', "theirs.part"),
        ('kind = "text"', 'kind = "choices"', "theirs.option"),
        ('code = "deferred"', 'code = "given"', "teaching.option"),
        ('id = "answer"', 'id = "thought"', "thoughts.part"),
        ('id = "answer"', 'id = "name"', "thoughts.part"),
        ('id = "answer", title', 'id = "answer", colour', "section.work.field.thoughts.part.answer.title"),
        ('unless = "nothing"', 'unless = "nobody"', "mine.unless"),
        ('unless = "nothing"', 'unless = "mine"', "mine.unless"),
        ('field = "teaching"', 'field = "mine"', "why.when.field"),
        ('field = "teaching"', 'field = "why"', "why.when.field"),
        ('any = ["deferred"]', 'any = ["delayed"]', "why.when.any"),
        ('any = ["deferred"]', "any = []", "section.work.field.why.when.any"),
        ('sensitivity = "ETH"', 'sensitivity = "PSY"', "section.frame.field.alcohol.sensitivity"),
        ('sensitivity = "ETH"', 'prefill = "horoscope"', "section.frame.field.alcohol.prefill"),
        ("[[layout.soap]]", "[[layout.pie]]", "layout.pie"),
        ("[[layout.soap]]", "[[layout.dialogic]]", "layout.dialogic"),
        ('["voices", "theirs"]', '["voices"]', "layout.soap"),
        ('["voices", "theirs"]', '["voices", "theirs", "mine"]', "layout.soap"),
        ('["voices", "theirs"]', '["voices", "theirs", "hers"]', "layout.soap"),
    ],
)
def test_a_fault_is_refused_by_file_and_key(old: str, new: str, key: str) -> None:
    """Planted, each alone: no check of `unless`, of `when.any`, of a layout that leaves out or repeats a field, of
    reserved names, of options and parts by kind, of supervision and its code; caught."""
    changes = ((old, new),) if old != "[[layout.soap]]" else ((old, new), (old, new))
    error = refused(toml(*changes))
    assert error.field.startswith(f"sample:{key}")
    assert error.message.startswith(f"sample: {key}")


def test_a_document_for_clients_or_payers_states_the_evidence() -> None:
    """Contracts I10. Planted: no check of `statements` for payers; caught."""
    for audience, grade in (("client", "reading_grade = 6\n"), ("payer", "")):
        as_theirs = ('audience = "clinical"\n', f'audience = "{audience}"\n{grade}')
        assert parse_note_template(toml(as_theirs), BODY, name="sample", origin="site").audience == audience
        without = refused(toml(as_theirs, ('statements = ["evidence"]\n', "")), "{{ sections() }}")
        assert without.field == "sample:statements"
        unsaid = refused(toml(as_theirs), "{{ sections() }}")
        assert "the statement 'evidence' must always be shown" in unsaid.message
        hidden = refused(toml(as_theirs), '{{ sections() }}{% if mine %}{{ statement("evidence") }}{% endif %}')
        assert "the statement 'evidence' must always be shown" in hidden.message


def test_supervision_is_kept_outside_the_record_and_has_no_code() -> None:
    outside = (('audience = "clinical"', 'audience = "supervision"'), ('kept = "record"', 'kept = "supervision"'))
    assert refused(toml(*outside)).field == "sample:loinc"
    without = re.sub(rb"loinc = .*\n", b"", toml(*outside))
    assert parse_note_template(without, BODY, name="sample", origin="site").loinc is None


def test_a_body_is_checked_when_it_is_read() -> None:
    """Planted: `parse_note_template` without the check; caught."""
    error = refused(toml(), "{{ sections() }}\n{% include 'x' %}")
    assert error.field == "note_templates/sample/note.md.j2:2"


# -- a site's own


@pytest.fixture
def packs(tmp_path: Path) -> Path:
    (tmp_path / FOLDER).mkdir()
    return tmp_path


def write(packs: Path, id: str, text: str | bytes, body: str | bytes = BODY) -> Path:
    folder = packs / FOLDER / id
    folder.mkdir()
    (folder / "template.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "note.md.j2").write_bytes(body if isinstance(body, bytes) else body.encode())
    return folder


def shipped(id: str) -> tuple[str, str]:
    folder = content.folder(FOLDER) / id
    return tuple((folder / name).read_text(encoding="utf-8") for name in ("template.toml", "note.md.j2"))  # type: ignore[return-value]


def test_a_sites_template_comes_after_the_shipped_ones(packs: Path) -> None:
    write(packs, "sample", TOML)
    found = load_note_templates(packs)
    assert tuple(found) == (*SHIPPED, "sample")
    assert found["sample"].origin == "site"


def test_a_sites_template_stands_in_a_shipped_ones_place(packs: Path) -> None:
    text, body = shipped("session")
    write(packs, "session", text.replace('title = "Session note"', 'title = "Our session note"'), body)
    found = load_note_templates(packs)
    assert tuple(found) == SHIPPED
    assert (found["session"].title, found["session"].origin) == ("Our session note", "site")


def test_a_folder_without_templates_is_no_fault(tmp_path: Path) -> None:
    assert tuple(load_note_templates(tmp_path)) == SHIPPED


def test_packs_that_are_no_folder_are_refused_by_setting(tmp_path: Path) -> None:
    with pytest.raises(InvalidContent) as error:
        load_note_templates(tmp_path / "nowhere")
    assert error.value.field == "WITHNESS_PACKS"


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda folder: (folder / "template.toml").unlink(), "note_templates/sample/template.toml"),
        (lambda folder: (folder / "note.md.j2").unlink(), "note_templates/sample/note.md.j2"),
        (lambda folder: (folder / "note.md.j2").write_bytes(b"\xff"), "note_templates/sample/note.md.j2"),
        (lambda folder: (folder / "note.md.j2").write_bytes(b"a" * 65_537), "note_templates/sample/note.md.j2"),
        (lambda folder: (folder / "template.toml").write_bytes(b"#" * 600_000), "note_templates/sample/template.toml"),
        (lambda folder: (folder / "template.toml").write_bytes(b"= 1"), "note_templates/sample/template.toml"),
        (lambda folder: folder.rename(folder.with_name("other")), "note_templates/other/template.toml:id"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(packs: Path, spoil: object, field: str) -> None:
    """A site's template that is silently left out would be the shipped one again. Planted: it is left out; caught."""
    folder = write(packs, "sample", TOML)
    spoil(folder)  # type: ignore[operator]
    with pytest.raises(InvalidContent) as error:
        load_note_templates(packs)
    assert error.value.field == field


LOOSER = [
    ("plan-for-client", "needs_release = true", "needs_release = false", "needs_release"),
    ("medical-necessity", "needs_release = true", "needs_release = false", "needs_release"),
    ("safety", "always_saves = true", "always_saves = false", "always_saves"),
    ("directive-protocol", "always_saves = true", "always_saves = false", "always_saves"),
    ("plan-for-client", 'audience = "client"', 'audience = "clinical"', "audience"),
    ("medical-necessity", 'audience = "payer"', 'audience = "clinical"', "audience"),
    ("session", 'sensitivity = "SDV"\n', "", "sensitivity"),
    ("session", 'sensitivity = "ETH"\n', "", "sensitivity"),
]


@pytest.mark.parametrize(("id", "old", "new", "key"), LOOSER)
def test_a_site_may_not_loosen_what_a_shipped_template_guards(
    packs: Path, id: str, old: str, new: str, key: str
) -> None:
    """Contracts I7, I8, I10. Planted, each alone: no comparison of always_saves, audience, sensitivity; caught."""
    text, body = shipped(id)
    assert old in text
    write(packs, id, text.replace(old, new, 1), body)
    with pytest.raises(InvalidContent) as error:
        load_note_templates(packs)
    assert key in error.value.field
    assert error.value.message.startswith(f"note_templates/{id}/template.toml: ")


def test_a_site_may_not_drop_an_honest_statement(packs: Path) -> None:
    """Planted: no comparison of statements; caught."""
    text, body = shipped("plan-for-client")
    first, *rest = load_note_templates()["plan-for-client"].statements
    kept = ", ".join(f'"{id}"' for id in rest)
    text = re.sub(r"^statements = .*$", f"statements = [{kept}]", text, flags=re.MULTILINE)
    write(packs, "plan-for-client", text, body.replace(f'{{{{ statement("{first}") }}}}', ""))
    with pytest.raises(InvalidContent) as error:
        load_note_templates(packs)
    assert error.value.field == "note_templates/plan-for-client/template.toml:statements"


def test_a_site_may_not_call_the_clinicians_words_the_clients(packs: Path) -> None:
    """The claim guard reads the clinician's words alone. Planted: no comparison of `whose`; caught."""
    text, body = shipped("medical-necessity")
    template = load_note_templates()["medical-necessity"]
    mine = next(f for _, f in template.fields() if f.kind is FieldKind.TEXT and f.whose is Whose.CLINICIAN)
    changed = text.replace(f'id = "{mine.id}"\n', f'id = "{mine.id}"\nwhose = "client"\n', 1)
    changed = re.sub(r'(whose = "client"\n(?:(?!\[\[).)*?)whose = "clinician"\n', r"\1", changed, flags=re.DOTALL)
    write(packs, "medical-necessity", changed, body)
    with pytest.raises(InvalidContent) as error:
        load_note_templates(packs)
    assert error.value.field == f"note_templates/medical-necessity/template.toml:{mine.id}.whose"


# -- a copy to take home

COPY = """\
source = "tests"

[copy]
title = "Mine"
opening = "{opening}"
[[copy.part]]
title = "Mine"
fields = [{fields}]

"""


def copied(opening: str = "This is mine.", fields: str = '"theirs"', *, graded: bool = True, label: str = "") -> bytes:
    """The sample with a copy."""
    top, rest = TOML.split('source = "tests"\n\n', 1)
    made = COPY.format(opening=opening, fields=fields)
    grade = "reading_grade = 5\n" if graded else ""
    rest = rest.replace('whose = "client"', f'whose = "client"{label}', 1)
    return f"{top}{grade}{made}{rest}".encode()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (copied(graded=False), "reading_grade"),
        (copied(fields='"nobodys"'), "copy"),
        (copied(fields='"theirs", "theirs"'), "copy"),
        (copied(fields=""), "copy.part.0.fields"),
        (copied(label='\nsensitivity = "SDV"'), "copy"),
        (copied(opening="{{ hers }}"), "copy.opening"),
        (copied(opening="{% raw %}"), "copy.opening"),
        (copied(opening="<b>mine</b>"), "copy.opening"),
    ],
)
def test_what_a_copy_cannot_hold_is_named(text: bytes, key: str) -> None:
    """Planted: a field that tells of violence let in; the opening not looked at; both caught."""
    assert refused(text).field == f"sample:{key}"


def test_a_copy_holds_its_own_fields_and_the_signature_alone() -> None:
    """Planted: what was filled in beforehand left on it; the encounter, too; both caught."""
    template = parse_note_template(copied(), BODY, name="sample", origin="shipped")
    own = copy_of(template)
    assert own is not None
    assert copy_of(own) is None
    signed = Attestation(PAT, "today", "LPC", shown={ROSA: "shown"}, comments={ROSA: "Yes"}, written_together=(ROSA,))
    note = sample_note(prefilled={"theirs": "the gate, 2026-11-20"}, encounter="Encounter/e9", attestation=signed)
    page = markdown(own, taken_home(note, signed), {}, partial=True)
    assert page.startswith("# Mine\n")
    assert "This is mine." in page
    assert re.findall("^## (.*)$", page, re.MULTILINE) == ["Mine", "Signature"]
    assert not [one for one in ("the gate", "e9", "Yes", "saw", "together") if one in page]
    assert "Credentials: LPC" in page
