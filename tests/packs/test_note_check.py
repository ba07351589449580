"""`note check` looks a site's templates through: each thing that can be wrong is found, by file and line.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from tests.packs.note_samples import BODY, FIELDS, PAT, ROSA, TOML

from withness import content
from withness.core.claims import Claims, Statement
from withness.packs.claims import load_claims
from withness.packs.note_check import Finding, check_notes
from withness.packs.note_lines import json_line, toml_line
from withness.packs.note_templates import FOLDER, SHIPPED

SHIPPED_CLAIMS = load_claims(None)
CLAIMS = Claims(
    SHIPPED_CLAIMS.claims, {"evidence": Statement("evidence", "No systematic analysis of its effects exists.", "tests")}
)
EXAMPLE: dict[str, Any] = {
    "template": "sample",
    "members": [ROSA],
    "names": {ROSA: "Rosa"},
    "author": PAT,
    "held_on": "2026-12-05",
    "fields": FIELDS,
}
UNLESS = TOML.split("\n").index('unless = "nothing"') + 1
PAYER = TOML.replace('audience = "clinical"', 'audience = "payer"')


def written(example: dict[str, Any]) -> str:
    """The example as a person writes it, a line for each value."""
    return json.dumps(example, indent=2)


class Folder:
    """A site's folder with one template, whole until a test spoils it."""

    def __init__(self, path: Path) -> None:
        self.root = path
        self.path = path / "sample"
        self.path.mkdir()
        self.write("template.toml", TOML)
        self.write("note.md.j2", BODY)
        self.write("example.json", json.dumps(EXAMPLE))
        _, *made = [line[1:] for line in self.only().diff.splitlines(keepends=True) if line.startswith("+")]
        self.write("example.md", "".join(made))

    def write(self, name: str, text: str | bytes) -> None:
        (self.path / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def findings(self, folder: Path | None = None) -> tuple[Finding, ...]:
        return check_notes(folder or self.root, CLAIMS)

    def only(self) -> Finding:
        (found,) = self.findings()
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_whole_template_has_no_findings(folder: Folder) -> None:
    """From its own folder, the folder above, and a site's packs. Planted: only the folder above looked at; caught."""
    assert folder.findings() == ()
    assert folder.findings(folder.path) == ()
    (folder.root / FOLDER).mkdir()
    folder.path.rename(folder.root / FOLDER / "sample")
    assert folder.findings() == ()


def test_every_shipped_template_is_whole() -> None:
    root = content.folder(FOLDER)
    assert isinstance(root, Path)
    assert check_notes(root, SHIPPED_CLAIMS) == ()
    assert {one.name for one in root.iterdir() if one.is_dir()} == set(SHIPPED)


def test_a_copy_has_a_golden_of_its_own_and_claims_nothing(folder: Folder) -> None:
    """Contracts I10: a client takes it home. Planted: no golden of the copy; its opening not looked at; both caught."""
    folder.change("template.toml", "audience =", "reading_grade = 5\naudience =")
    copy = '[copy]\ntitle = "Mine"\nopening = "This is mine."\n[[copy.part]]\ntitle = "Mine"\nfields = ["theirs"]\n\n'
    folder.change("template.toml", "[[section]]", f"{copy}[[section]]")
    lacks = folder.only()
    assert (lacks.file, lacks.said[:13]) == ("sample/example.copy.md", "It is missing")
    assert "+# Mine" in lacks.diff
    _, *made = [line[1:] for line in lacks.diff.splitlines(keepends=True) if line.startswith("+")]
    folder.write("example.copy.md", "".join(made))
    assert folder.findings() == ()
    folder.change("template.toml", "This is mine.", "Our approach is evidence-based.")
    folder.change("example.copy.md", "This is mine.", "Our approach is evidence-based.")
    claimed = folder.findings()[0]
    assert (claimed.file, claimed.line) == ("sample/template.toml", toml_line_of(folder, "opening ="))


def toml_line_of(folder: Folder, words: str) -> int:
    lines = (folder.path / "template.toml").read_text(encoding="utf-8").split("\n")
    return next(number for number, line in enumerate(lines, start=1) if words in line)


# -- what cannot be read


@pytest.mark.parametrize(
    ("name", "text", "line", "said"),
    [
        ("template.toml", "= 1", 1, "It is not TOML"),
        ("template.toml", b"id = 1\n\xff", 2, "It is not UTF-8 text."),
        ("template.toml", "#" * 600_000, 0, "It is larger than 512 KiB."),
        ("template.toml", TOML.replace('id = "sample"', 'id = "other"'), 2, "Its id must be 'sample'"),
        (
            "template.toml",
            TOML.replace('unless = "nothing"', 'unless = "nobody"'),
            UNLESS,
            "mine.unless names no other field",
        ),
        ("note.md.j2", b"\xff", 1, "It is not UTF-8 text."),
        ("note.md.j2", "a" * 70_000, 0, "It is larger than 64 KiB."),
        ("note.md.j2", "{{ sections() }}\n{{ mine", 2, "It cannot be read"),
        ("note.md.j2", f"{BODY}\n{{{{ hers }}}}", 4, "There is no field 'hers' in template.toml."),
        ("note.md.j2", f"{BODY}\n{{% include 'x' %}}", 4, "{% include %} is not part of the language of notes."),
        ("note.md.j2", "{{ sections() }}", 0, "The statement 'evidence' must always be shown"),
        ("example.json", "{\n{", 2, "is not JSON"),
        ("example.json", written({**EXAMPLE, "template": "other"}), 2, "template must be one of sample."),
        ("example.json", written({**EXAMPLE, "fields": {"hers": "x"}}), 12, "fields.hers is not known here."),
        ("example.json", written({**EXAMPLE, "fields": {}}), 11, "Sample note: 2 things are still missing."),
        ("example.md", b"# A\n\xff", 2, "It is not UTF-8 text."),
    ],
)
def test_a_fault_is_found_by_file_and_line(folder: Folder, name: str, text: str | bytes, line: int, said: str) -> None:
    """Planted, each alone: the id not compared with the folder; faults of the body not looked for; no line; caught."""
    folder.write(name, text)
    found = folder.only()
    assert (found.file, found.line) == (f"sample/{name}", line)
    assert said in found.said


def test_every_fault_of_a_body_is_found_at_once(folder: Folder) -> None:
    folder.write("note.md.j2", "{{ hers }}\n{% set x = 1 %}\n<b>\n")
    assert [one.line for one in folder.findings()] == [1, 2, 3]


@pytest.mark.parametrize("name", ["template.toml", "note.md.j2", "example.json", "example.md"])
def test_a_file_that_is_missing_is_named(folder: Folder, name: str) -> None:
    """Planted: a template without example let through; caught."""
    (folder.path / name).unlink()
    found = folder.only()
    assert found.file == f"sample/{name}"
    assert found.said.startswith("It is missing")


@pytest.mark.parametrize("name", ["template.toml", "note.md.j2", "example.json", "example.md"])
@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_named_and_nobody_waits_for_it(folder: Folder, name: str, kind: str) -> None:
    """Planted: a named pipe opened, which waits for ever; caught."""
    (folder.path / name).unlink()
    if kind == "folder":
        (folder.path / name).mkdir()
    else:
        os.mkfifo(folder.path / name)
    assert folder.only().file == f"sample/{name}"


def test_a_folder_that_is_not_there_or_empty_is_said(tmp_path: Path) -> None:
    """Planted: an empty folder passes; caught."""
    assert "no such folder" in check_notes(tmp_path / "nowhere", CLAIMS)[0].said
    (tmp_path / "template").write_text("x", encoding="utf-8")
    assert "no such folder" in check_notes(tmp_path / "template", CLAIMS)[0].said
    (tmp_path / "empty").mkdir()
    assert "holds no template" in check_notes(tmp_path / "empty", CLAIMS)[0].said


def test_each_template_of_a_folder_is_looked_at(folder: Folder) -> None:
    (folder.root / "other").mkdir()
    (folder.root / ".git").mkdir()
    folder.change("note.md.j2", "{{ sections() }}", "{{ sections() }}{% set x = 1 %}")
    assert [one.file for one in folder.findings()] == ["other/template.toml", "sample/note.md.j2"]


def test_a_loosened_shipped_template_is_found(tmp_path: Path) -> None:
    """Planted: the shipped one not compared; caught."""
    shipped = content.folder(FOLDER) / "safety"
    (tmp_path / "safety").mkdir()
    for one in shipped.iterdir():
        (tmp_path / "safety" / one.name).write_bytes(one.read_bytes())
    path = tmp_path / "safety" / "template.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("always_saves = true", "always_saves = false"))
    (found,) = check_notes(tmp_path, SHIPPED_CLAIMS)
    assert found.file == "safety/template.toml"
    assert found.said == "always_saves must stay as in the shipped template: true."


def test_a_statement_that_no_claims_file_has_is_found_by_its_line(folder: Folder) -> None:
    folder.change("template.toml", '"evidence"]', '"evidence", "cure"]')
    folder.change("note.md.j2", '{{ statement("evidence") }}', '{{ statement("evidence") }}{{ statement("cure") }}')
    found = folder.findings()
    assert (found[0].file, found[0].line) == ("sample/template.toml", 12)
    assert found[0].said == "There is no statement 'cure' in claims.toml."


# -- the golden


def test_drift_from_the_golden_is_shown_as_a_diff(folder: Folder) -> None:
    """Planted: the two the wrong way round; caught."""
    folder.change("template.toml", 'title = "What I saw"', 'title = "What I noticed"')
    found = folder.only()
    assert (found.file, found.said) == ("sample/example.md", "The example makes something else.")
    assert found.diff.splitlines()[:2] == ["--- example.md", "+++ what the example makes"]
    assert "\n-### What I saw\n+### What I noticed\n" in found.diff
    golden = (folder.path / "example.md").read_text(encoding="utf-8").split("\n")
    assert golden[found.line - 1] == "### What I saw"


def test_a_blank_more_is_drift_too(folder: Folder) -> None:
    text = (folder.path / "example.md").read_text(encoding="utf-8")
    for changed in (f"{text}\n", text.rstrip("\n"), text.replace("\n", "\r\n")):
        folder.write("example.md", changed)
        assert folder.only().said == "The example makes something else."


def test_every_example_has_a_golden_of_its_own(folder: Folder) -> None:
    """Planted: only example.json looked at; caught."""
    folder.write("example-short.json", json.dumps({**EXAMPLE, "held_on": "2026-12-06"}))
    assert [one.file for one in folder.findings()] == ["sample/example-short.md"]


def test_a_site_template_is_rendered_in_a_child(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: an unknown template rendered in process; caught."""
    from withness.packs import note_child

    seen: list[str] = []
    body = note_child.body_in_child
    monkeypatch.setattr(note_child, "body_in_child", lambda one, *rest: seen.append(one.id) or body(one, *rest))
    folder.findings()
    assert seen == ["sample"]


# -- lines


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("id", 1),
        ("always_saves", 2),
        ("section.one.title", 6),
        ("section.one.field.mine.kind", 11),
        ("mine.kind", 11),
        ("other.kind", 16),
        ("mine.option", 10),
        ("layout.dap", 17),
        ("nowhere", 0),
    ],
)
def test_a_key_is_found_on_its_line(key: str, line: int) -> None:
    """A key that is not there leads to its table. Planted: the first key of that name taken, whosever it is; caught."""
    text = """id = "sample"
always_saves = true

[[section]]
id = "one"
title = "One"

[[section.field]]
title = "kind"
id = "mine"
kind = "text"

[[section]]
[[section.field]]
id = "other"
kind = "text"
[[layout.dap]]
title = "D"
"""
    assert toml_line(text, key) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("fields.goals[1].words", 6),
        ("fields.goals[0]", 4),
        ("fields.goals[7].words", 3),
        ("fields.none", 2),
        ("names.Patient/rosa", 8),
        ("none", 0),
        ("", 0),
    ],
)
def test_a_place_in_an_example_is_found_on_its_line(path: str, line: int) -> None:
    """Brackets and escapes in words are words. Planted: brackets counted in strings; caught."""
    text = (
        '{\n"fields": {\n"goals": [\n{"words": "a [ \\" { ,"},\n{\n"words": "b"}]},\n'
        '"names": {\n"Patient/rosa": "Rosa"}}'
    )
    assert json_line(text, path) == line
    assert json_line(text[:-1], path) == 0


# -- claims

CLAIM = "This approach is empirically supported for depression."


def test_a_claim_in_a_templates_own_words_is_found_by_its_line(folder: Folder) -> None:
    """Contracts I10. Planted, each alone: titles, options, the body not looked at; caught."""
    folder.write("template.toml", PAYER)
    assert folder.findings() == ()
    for name, old, new in (
        ("template.toml", 'title = "What I saw"', f'title = "{CLAIM}"'),
        ("template.toml", 'text = "Given"', f'text = "{CLAIM}"'),
        ("template.toml", 'title = "The work"', f'title = "{CLAIM}"'),
        ("template.toml", 'title = "Thought"', f'title = "{CLAIM}"'),
        ("template.toml", 'title = "Subjective"', f'title = "{CLAIM}"'),
        ("template.toml", 'title = "Sample note"', f'title = "{CLAIM}"'),
        ("note.md.j2", "{{ sections() }}", f"{{{{ sections() }}}}\n\n{CLAIM}"),
    ):
        kept = (folder.path / name).read_text(encoding="utf-8")
        folder.change(name, old, new)
        line = kept[: kept.index(old)].count("\n") + 1 + 2 * (name == "note.md.j2")
        found = [one for one in folder.findings() if not one.file.endswith(".md")]
        assert [(one.file, one.line) for one in found] == [(f"sample/{name}", line)], old
        assert "empirically supported" in found[0].said
        folder.write(name, kept)


def test_a_claim_in_an_example_is_found_by_its_field(folder: Folder) -> None:
    """And the client's words are not looked at."""
    folder.write("template.toml", PAYER)
    text = written({**EXAMPLE, "fields": {**FIELDS, "mine": CLAIM, "theirs": CLAIM}})
    folder.write("example.json", text)
    found = [one for one in folder.findings() if one.file == "sample/example.json"]
    assert [one.said.partition(" ")[0] for one in found] == ["fields.mine"]
    assert text.split("\n")[found[0].line - 1].strip().startswith('"mine": ')


def test_a_clinicians_own_note_is_not_held_to_claims(folder: Folder) -> None:
    folder.write("example.json", json.dumps({**EXAMPLE, "fields": {**FIELDS, "mine": CLAIM}}))
    assert [one.file for one in folder.findings()] == ["sample/example.md"]
