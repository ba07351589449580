"""The report at the console: how it is written, and what is refused before anything is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.system.notes import make_note
from tests.system.site import CLINICIAN, Site


@pytest.fixture
def looked_at(site: Site) -> Site:
    """A site with one screen."""
    site.screen()
    site.desk.close()
    return site


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("r.html", "<!DOCTYPE html>"),
        ("r.HTM", "<!DOCTYPE"),
        ("r.csv", "part,"),
        ("r.txt", "Site: "),
        ("r", "Site: "),
    ],
)
def test_the_ending_says_how_it_is_written(looked_at: Site, tmp_path: Path, name: str, begins: str) -> None:
    """Planted: text in a file that ends in .html; this caught it."""
    out = tmp_path / name
    assert looked_at.console("audit", "report", "--out", str(out)).returncode == 0
    assert out.read_text(encoding="utf-8").startswith(begins)


@pytest.mark.parametrize(
    ("name", "form"), [("r.html", "csv"), ("r.csv", "text"), ("r.txt", "html"), ("r.pdf", None), ("r.docx", None)]
)
def test_a_format_that_does_not_fit_is_refused(looked_at: Site, tmp_path: Path, name: str, form: str | None) -> None:
    """Nothing is written, and nothing recorded. Planted: the option wins; this caught it."""
    before = looked_at.console_json("audit", "verify", "--structure")[1]["records"]
    given = ["--format", form] if form else []
    code, said = looked_at.console_json("audit", "report", "--out", str(tmp_path / name), *given)
    assert (code, said["field"]) == (2, "--format")
    assert not (tmp_path / name).exists()
    assert looked_at.console_json("audit", "verify", "--structure")[1]["records"] == before + 1


def test_a_format_that_is_asked_for_needs_no_ending(looked_at: Site, tmp_path: Path) -> None:
    """Planted: an ending asked for in any case; this caught it."""
    for name in ("report", "report.page"):
        assert looked_at.console("audit", "report", "--format", "html", "--out", str(tmp_path / name)).returncode == 0
        assert (tmp_path / name).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("command", ["report", "review", "paper", "note", "questionnaire", "paper form"])
def test_a_page_is_never_written_over_anything(looked_at: Site, tmp_path: Path, command: str) -> None:
    """Not over the database, a key, another page or where a link leads, and nothing is recorded of it.

    Planted: the file opened as it was before, "w"; then the place looked at after the page was made; this caught both.
    """
    looked_at.screen()
    looked_at.save()
    looked_at.desk.close()
    draft = tmp_path / "note.json"
    draft.write_text(json.dumps(make_note()), encoding="utf-8")
    plan = looked_at.console_json("plan", "list")[1][0]["plan"]
    run = {
        "report": ("audit", "report", "--format", "csv", "--out"),
        "review": ("plan", "review", plan, "--done", "--actor", CLINICIAN, "--out"),
        "paper": ("plan", "paper", "--out"),
        "note": ("note", "render", str(draft), "--out"),
        "questionnaire": ("questionnaire", "risk-screen", "--out"),
        "paper form": ("questionnaire", "risk-screen", "--paper"),
    }[command]
    link = tmp_path / "link"
    link.symlink_to(looked_at.settings.key_file)
    before = records(looked_at)
    for place in (looked_at.settings.database, looked_at.settings.key_file, draft, link):
        content = Path(place).read_bytes()
        done = looked_at.console(*run, str(place))
        assert (done.returncode, "is never overwritten" in done.stderr) == (2, True), done.stderr
        assert Path(place).read_bytes() == content
    assert records(looked_at) == before
    assert looked_at.console(*run, str(tmp_path / "new")).returncode == 0


def records(site: Site) -> int:
    """How many records the trail has."""
    with closing(sqlite3.connect(site.settings.database)) as database:
        (found,) = database.execute("SELECT count(*) FROM audit_leaf").fetchone()
    return int(found)
