"""`withness questionnaire`: all six forms are listed, written as FHIR, and printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from withness.cli.app import tree
from withness.errors import InvalidInput
from withness.fhir.check import check

IDS = [
    "risk-screen",
    "first-conversation",
    "session-check-in",
    "own-priorities",
    "session-observation",
    "supervision-reflection",
]


def run(*words: str) -> str:
    done = CliRunner().invoke(tree, ["questionnaire", *words], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


def test_all_six_are_listed_in_the_contracts_order() -> None:
    listed = json.loads(run("--json"))
    assert [one["id"] for one in listed] == IDS
    assert all(one["url"].startswith(f"https://withness.example/fhir/Questionnaire/{one['id']}|") for one in listed)
    assert all(id in run() for id in IDS)


@pytest.mark.parametrize("id", IDS)
def test_each_is_written_as_a_resource(id: str, tmp_path: Path) -> None:
    run(id, "--out", str(tmp_path / "form.json"))
    written = json.loads((tmp_path / "form.json").read_text(encoding="utf-8"))
    assert (written["resourceType"], written["id"]) == ("Questionnaire", id)
    assert check(written) == ()
    assert json.loads(run(id, "--json")) == written


@pytest.mark.parametrize("id", IDS)
def test_each_is_printed(id: str, tmp_path: Path) -> None:
    """Planted and caught: the risk screen's page for every form."""
    title = json.loads(run(id, "--json"))["title"]
    run(id, "--paper", str(tmp_path / "form.html"))
    assert f"<h1>{title}</h1>" in (tmp_path / "form.html").read_text(encoding="utf-8")


def test_an_unknown_form_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidInput) as refused:
        run("mood")
    assert refused.value.field == "ID"
    assert all(id in refused.value.hint for id in IDS)


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    for option in ("--out", "--paper"):
        with pytest.raises(InvalidInput):
            run("own-priorities", option, str(tmp_path / "nowhere" / "form"))
