"""The report at the console: how it is written, and what is refused before anything is."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.site import Site


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


def test_a_file_that_others_could_read_is_its_owners_alone_afterwards(looked_at: Site, tmp_path: Path) -> None:
    """A report holds what is sealed. Planted: the file's mode left as it was; this caught it."""
    out = tmp_path / "r.html"
    out.write_text("before", encoding="utf-8")
    out.chmod(0o644)
    assert looked_at.console("audit", "report", "--out", str(out)).returncode == 0
    assert out.stat().st_mode & 0o777 == 0o600
