"""`withness demo`: the whole main job on sample people, told without a contradiction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from withness.cli import samples
from withness.cli.demo import demo


@pytest.fixture(scope="module")
def told() -> str:
    done = CliRunner(env={"COLUMNS": "1000"}).invoke(demo)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    with pytest.MonkeyPatch.context() as set_for:
        folder = tmp_path_factory.mktemp("demo")
        set_for.setenv("WITHNESS_KEY_FILE", str(folder / "demo.key"))
        done = CliRunner(env={"COLUMNS": "1000"}).invoke(demo, ["--json", "--home", str(folder / "data")])
    assert done.exit_code == 0, done.output
    found: dict[str, dict[str, object]] = json.loads(done.output)
    return found


def chapter(told: str, number: int) -> str:
    _, _, begun = told.partition(f"\n{number}. ")
    return begun.partition(f"\n{number + 1}. ")[0].rstrip()


def test_every_chapter_comes_to_what_it_says(chapters: dict[str, dict[str, object]]) -> None:
    assert list(chapters) == ["clear", "incomplete", "acute", "sticky", "couple", "trail"]
    decisions = [one.get("decision") for one in chapters.values()]
    acute = "held-for-directive-protocol"
    assert decisions == ["released", "held-incomplete", acute, acute, "held", None]
    assert [one["saved"] for one in list(chapters.values())[:5]] == [True, False, False, False, False]
    assert chapters["trail"]["whole"] is True


def test_an_acute_answer_has_an_acute_result(chapters: dict[str, dict[str, object]]) -> None:
    """Catches: somebody who thinks about suicide right now, beside an instrument that says negative."""
    findings = chapters["acute"]["findings"]
    assert isinstance(findings, list)
    assert {(one["item"], one["acuity"]) for one in findings} == {
        ("ideation", "elevated"),
        ("now", "acute"),
        ("validated.result", "acute"),
    }


def test_nobody_can_read_from_the_couples_hold_whose_it_is(told: str, chapters: dict[str, dict[str, object]]) -> None:
    couple = chapters["couple"]
    assert [couple[name] for name in ("findings", "missing", "protocol", "bundle")] == [[], [], [], None]
    said = chapter(told, 5)
    assert str(couple["sentence"]) in said
    assert "In Mia's words: “" in said
    assert "In Jon's words: “" in said
    assert "suicide." not in said


def test_a_hold_does_not_end_the_story(told: str) -> None:
    stays = "The clinician stays with Tom. His notes and safety plan are written as always; his words wait."
    ends = "It ends with the documented needs, a new screen below acute, and a second signer (a later release)."
    assert chapter(told, 3).endswith(stays)
    assert chapter(told, 4).endswith(ends)


def test_a_date_that_is_an_estimate_says_so(told: str) -> None:
    assert "(estimated)" in " ".join(chapter(told, 1).split())


def test_words_are_shown_as_they_were_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catches: a program's notation of them, with its \\n and its straight quotation marks."""
    people = samples.people()
    people["rosa"]["words"] = "I want somebody\nto get it – it's 🌱"
    monkeypatch.setattr(samples, "people", lambda: people)
    done = CliRunner(env={"COLUMNS": "1000"}).invoke(demo)
    assert "In the client's words: “I want somebody\n    to get it – it's 🌱”\n" in done.output


def test_the_examples_people_answer_as_the_demos_do() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "examples" / "samples.py").read_text(encoding="utf-8")
    for link, code in samples.ACUTE.items():
        assert f'"{link}": "{code}"' in text
