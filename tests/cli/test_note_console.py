"""What the console says of notes: ids that can be copied, options by their name, refusals that can be read.

Bugs that were planted and seen caught stand beside the tests that caught them.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.console import console
from tests.packs.note_samples import BODY, TOML
from tests.system.notes import ROSA, TOM, make_note, released_plan, saved, signed
from tests.system.site import CLINICIAN, Site

from withness.cli import say

CLAIM = "We meet weekly. This approach is an empirically supported treatment. She sleeps better."


def narrow(site: Site, *arguments: str, columns: str) -> str:
    """What the console says in a terminal of this width."""
    return console(*arguments, environment={**site.environment(), "COLUMNS": columns}).stdout.decode()


class TestIds:
    @pytest.mark.parametrize("columns", ["40", "80", "100"])
    def test_an_id_stands_on_one_line_however_narrow_it_is(self, site: Site, columns: str) -> None:
        """In the list and above a note. Planted: a table in every width; the id as a table's title; both caught."""
        couple = make_note("couple-family-session", names={ROSA: "Rosalind", TOM: "Tomasz"})
        ids = [saved(site), site.desk.save_note(couple, actor=CLINICIAN)["note"]]
        listed = narrow(site, "note", "show", columns=columns)
        for id in (*ids, ROSA, TOM):
            assert any(id in line for line in listed.split("\n"))
        assert any(ids[0] in line for line in narrow(site, "note", "show", ids[0], columns=columns).split("\n"))

    def test_a_document_too(self, site: Site) -> None:
        """Planted: the column of the documents folds; caught."""
        id = saved(site)
        told = narrow(site, "note", "sign", id, "--shown", "shown", "--actor", CLINICIAN, columns="50")
        [document] = site.chart("DocumentReference")
        assert f"DocumentReference/{document.resource['id']}" in told

    def test_a_template_too(self, site: Site) -> None:
        """Planted: the column of the ids folds; caught."""
        listed = narrow(site, "note", "list", columns="40")
        assert "supervision-reflection" in listed

    def test_where_nothing_must_stay_whole_a_table_stays_a_table(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Planted: every narrow table a list; caught."""
        monkeypatch.setenv("COLUMNS", "20")
        say.table("T", ("one", "two"), [("a a a a a a a a", "b b b b b b")])
        assert "one: " not in capsys.readouterr().out
        say.table("T", ("one", "two"), [("a" * 30, "b")], whole=("one",))
        assert f"  one: {'a' * 30}\n  two: b\n" in capsys.readouterr().out


def test_what_is_missing_is_named_by_field_and_title(site: Site) -> None:
    """The field is what is typed in the file. At the signature, too. Planted: titles alone, as before; caught."""
    note = make_note(fields={"judgement": None})
    done = site.console("note", "save", "-", stdin=json.dumps(note))
    [row] = [line for line in done.stdout.split("\n") if line.startswith("judgement")]
    assert "My clinical judgement today" in row
    [listed] = site.desk.notes()
    signing = site.console("note", "sign", listed["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (signing.returncode, signing.stdout) == (2, "")
    assert any(line.startswith("judgement") for line in signing.stderr.split("\n"))
    code, said = site.console_json("note", "sign", listed["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (code, said["missing"][0]["field"]) == (2, "judgement")


def test_a_claim_is_refused_in_lines_of_their_own(site: Site) -> None:
    """The sentence, what it claims, why, and what to write instead; the error repeats no sentence (I9).

    Planted: the whole field as the sentence; the sentence in the error; both caught.
    """
    note = make_note("consent-and-approach", fields={"alternatives": CLAIM})
    done = site.console("note", "save", "-", stdin=json.dumps(note))
    lines = [line.strip() for line in done.stdout.split("\n")]
    at = lines.index("alternatives")
    assert lines[at + 1] == "You wrote: “This approach is an empirically supported treatment.”"
    assert [line.partition(":")[0] for line in lines[at + 2 : at + 5]] == ["What is refused", "Why", "Write instead"]
    [listed] = site.desk.notes()
    signing = site.console("note", "sign", listed["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (signing.returncode, "Write instead" in signing.stderr) == (2, True)
    assert "supported treatment. She" not in signing.stderr
    assert "You wrote" not in signing.stderr
    code, said = site.console_json("note", "sign", listed["note"], "--shown", "shown", "--actor", CLINICIAN)
    assert (code, "This approach is an" in json.dumps(said)) == (2, False)


@pytest.mark.parametrize(
    ("arguments", "begins", "field"),
    [
        (["start", "couple-family-session", "--for", ROSA, "--actor", CLINICIAN], "--for is one person", "members"),
        (["start", "session", "--for", "Rosa", "--actor", CLINICIAN], "--for must be", "members"),
        (["start", "session", "--for", ROSA, "--actor", "Pat"], "--actor must be", "actor"),
        (["start", "session", "--for", ROSA, "--layout", "soup", "--actor", CLINICIAN], "--layout must be", "layout"),
        (["sign", "{id}", "--actor", CLINICIAN], "--shown must say", "shown"),
        (["sign", "{id}", "--shown", "not-shown", "--actor", CLINICIAN], "--why-not gives", "why_not"),
        (
            ["sign", "{id}", "--shown", "shown", "--comment", TOM, "Hm", "--actor", CLINICIAN],
            "--comment may",
            "comments",
        ),
        (["sign", "{id}", "--shown", "shown", "--why-code", "x", "--actor", CLINICIAN], "--why-code is", "why_code"),
        (["render", "{id}", "--layout", "sonnet"], "--layout must be", "layout"),
    ],
)
def test_whoever_typed_an_option_is_told_of_the_option(
    site: Site, arguments: list[str], begins: str, field: str
) -> None:
    """The `field` of the document stays the datum's. Planted: the key of JSON said, as before; caught."""
    id = saved(site)
    asked = [one.format(id=id) for one in arguments]
    done = site.console("note", *asked, "--json")
    assert done.returncode == 2
    assert done.stderr.startswith(begins), done.stderr
    assert json.loads(done.stdout)["field"] == field


def test_what_stands_in_a_file_keeps_its_name(site: Site) -> None:
    """Planted: `layout` of a file called an option; caught."""
    for command in (["save", "-"], ["render", "-"]):
        done = site.console("note", *command, stdin=json.dumps(make_note(layout="soup")))
        assert (done.returncode, done.stderr.startswith("layout must be")) == (2, True)


@pytest.mark.parametrize("kind", ["md", "text", "fhir", "html"])
def test_only_a_page_is_opened_in_a_browser(site: Site, tmp_path: Path, kind: str) -> None:
    """Planted: said of every file, as before; caught."""
    out = tmp_path / f"p.{kind}"
    done = site.console("note", "render", saved(site), "--format", kind, "--out", str(out))
    assert done.stdout.startswith(f"Wrote {out}.")
    assert ("browser" in done.stdout) == (kind == "html")


def test_a_finding_is_said_at_its_file_and_line(site: Site, tmp_path: Path) -> None:
    """As an editor opens it. Planted: the file without its folder; caught."""
    folder = tmp_path / "mine" / "sample"
    folder.mkdir(parents=True)
    (folder / "template.toml").write_text(TOML, encoding="utf-8")
    (folder / "note.md.j2").write_text(f"{BODY}\n{{{{ hers }}}}", encoding="utf-8")
    (folder / "example.json").write_text('{\n  "template": "other"\n}', encoding="utf-8")
    for asked in (folder, folder.parent):
        done = site.console("note", "check", str(asked))
        assert done.returncode == 2
        assert f"{folder / 'note.md.j2'}:4: There is no field 'hers'" in done.stdout


def test_the_samples_touch_no_data_directory(tmp_path: Path) -> None:
    """They ask a temporary one for the form. Planted: the environment's, which it set up or could not read; caught."""
    samples = Path(__file__).resolve().parents[2] / "docs" / "examples" / "samples.py"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WITHNESS_")}
    places = {"WITHNESS_HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "own")}
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, str(samples)],
        env={**kept, **places, "HOME": str(tmp_path / "own"), "TMPDIR": str(tmp_path / "out")},
        cwd=tmp_path / "out",
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
    assert {one.suffix for one in (tmp_path / "out").iterdir()} == {".json"}


def test_the_list_of_commands_calls_the_notes_commands_by_their_names(site: Site) -> None:
    """One word per thing. Planted: "begin" for `start`, as before; caught."""
    said = " ".join(site.console("--help").stdout.split())
    named = said.partition("Progress notes, letters and statements: ")[2].split(", ")[:5]
    offered = site.console("note", "--help").stdout
    assert all(re.search(rf"^  {one.split()[0]} ", offered, re.MULTILINE) for one in named), named


def test_an_amendment_and_a_letter_are_told_as_before(site: Site) -> None:
    """The rooms that were moved still lead to each other: amend, sign, show, render a version."""
    released_plan(site)
    id = signed(site)["note"]
    file = json.dumps(make_note())
    assert (
        site.console("note", "amend", id, "-", "--reason", "A word.", "--actor", CLINICIAN, stdin=file).returncode == 0
    )
    assert site.console("note", "sign", id, "--shown", "shown", "--actor", CLINICIAN).returncode == 0
    assert "amended because" in site.console("note", "show", id).stdout
    assert site.console("note", "render", id, "--version", "1").returncode == 0
