"""`withness demo`: the whole main job on sample people, told without a contradiction.

Planted and caught: a release that leaves the plan paused (`shares.lift` queues nothing), a story without its chapter 7,
an acute screen that leaves the plan active.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from withness.cli import samples
from withness.cli.app import run
from withness.cli.demo import demo
from withness.ehr.local import LocalChart
from withness.packs.policy import load_policy
from withness.seal import read_key

Chapters = dict[str, dict[str, Any]]
POLICY = load_policy()
ACUTE = "held-for-directive-protocol"


@pytest.fixture(scope="module")
def told() -> str:
    done = CliRunner(env={"COLUMNS": "1000"}).invoke(demo)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def chapters(home: Path) -> Chapters:
    with pytest.MonkeyPatch.context() as set_for:
        set_for.setenv("WITHNESS_KEY_FILE", str(home.with_name("demo.key")))
        done = CliRunner(env={"COLUMNS": "1000"}).invoke(demo, ["--json", "--home", str(home)])
    assert done.exit_code == 0, done.output
    found: Chapters = json.loads(done.output)
    return found


def chapter(told: str, number: int) -> str:
    _, _, begun = told.partition(f"\n{number}. ")
    return begun.partition(f"\n{number + 1}. ")[0].rstrip()


def test_every_chapter_comes_to_what_it_says(chapters: Chapters) -> None:
    names = ["clear", "incomplete", "acute", "sticky", "couple", "paused", "way_back", "check_in", "trail"]
    assert list(chapters) == [*names, "keys"]
    decisions = [chapters[name].get("decision") for name in names]
    assert decisions == ["released", "held-incomplete", ACUTE, ACUTE, "held", ACUTE, "held-for-assessment", None, None]
    assert [one["saved"] for one in list(chapters.values())[:5]] == [True, False, False, False, False]
    assert chapters["trail"]["whole"] is True


def test_the_chapters_are_numbered_in_order(told: str) -> None:
    assert re.findall(r"^([0-9]+)\. ", told, re.MULTILINE) == [str(number) for number in range(1, 10)]


def test_the_active_plan_is_paused_and_the_protocol_has_somebody_for_each_step(told: str, chapters: Chapters) -> None:
    """Catches: a plan that stays active in the chart, and a protocol that opens for nobody."""
    paused = chapters["paused"]
    [plan] = chapters["clear"]["care_plans"]
    assert (paused["before"]["plan"], paused["before"]["status"]) == (plan, "active")
    assert paused["chart"] == {"plan": plan, "status": "on-hold", "note": POLICY.hold_note}
    [episode] = paused["opened"]["episodes"]
    assert (episode["responsible"], episode["backup"], episode["ended"]) == (samples.CLINICIAN, "Practitioner/s1", None)
    assert all(step["due"] > episode["opened"] for step in episode["steps"])
    said = chapter(told, 6)
    assert "Three people are enrolled, each with a key of their own: " in said
    assert all(f"{name} ({role}, {who})" in said for role, who, name, _ in samples.TEAM)
    assert f"{paused['decision']}: {paused['sentence']}" in said
    assert all(step["text"] in said for step in episode["steps"])
    assert f"is on-hold. “{POLICY.hold_note}”" in said


def test_the_way_back_is_documented_asked_again_and_signed_by_two(told: str, chapters: Chapters) -> None:
    """Catches: a need that nobody wrote down, a release by one person alone, a plan that stays paused."""
    back, paused = chapters["way_back"], chapters["paused"]
    wanted = paused["opened"]["missing_needs"]["suicide"]
    assert [one["need"] for one in back["evidence"]] == wanted != []
    assert {one["by"] for one in back["evidence"]} == {samples.CLINICIAN}
    assert back["screened"]["decision"] == ACUTE
    assert back["refused"]["message"] == "This needs a second signer: --second and their key."
    assert back["episodes"][0]["ended"] is not None
    assert back["chart"] == {**paused["chart"], "status": "active", "note": POLICY.resume_note}
    said = chapter(told, 7)
    rosa = samples.people()["rosa"]
    sentences = [one for need in wanted for one in rosa["evidence"][need].values() if one.endswith(".")]
    assert len(sentences) > len(wanted)
    assert [one for one in sentences if one not in said] == []
    ends = [back["refused"]["message"], f"“{rosa['release']}”", f"is active. “{POLICY.resume_note}”", "no all-clear"]
    assert [said.find(one) for one in ends] == sorted(said.find(one) for one in ends)
    assert all(one in said for one in ends)


def test_the_chart_holds_what_the_story_says(home: Path, chapters: Chapters) -> None:
    """The chart itself is asked, not the story. Catches: a reading back that reads nothing."""
    [plan] = chapters["clear"]["care_plans"]
    chart = LocalChart(home / "chart.sqlite3", read_key(home.with_name("demo.key")), now=lambda: datetime.now(UTC))
    versions = [one.resource for one in reversed(chart.history(plan))]
    assert [one["status"] for one in versions] == ["active", "on-hold", "active"]
    assert "suicid" not in json.dumps(versions).lower()


def test_every_step_of_the_way_is_on_record_the_refusal_too(chapters: Chapters) -> None:
    trail = chapters["trail"]
    kinds = [(one["kind"], one["outcome"]) for one in trail["listed"]]
    way = [
        ("screen.recorded", "readable"),
        ("protocol.opened", "protocol-opened"),
        ("plan.on-hold", "delivered"),
        ("protocol.step", "evidence"),
        ("screen.recorded", "readable"),
        ("protocol.released", "refused"),
        ("protocol.released", "released"),
        ("gate.decided", "held-for-assessment"),
    ]
    left = iter(kinds[kinds.index(("plan.confirmed", "delivered")) :])
    assert all(one in left for one in way), kinds
    assert kinds.count(("protocol.step", "evidence")) == len(chapters["way_back"]["evidence"])


def test_a_directory_that_was_used_is_refused_in_one_sentence_and_left_alone(
    home: Path, chapters: Chapters, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Catches: sample people put among a site's own, and a crash on people enrolled with other keys."""
    monkeypatch.setenv("WITHNESS_KEY_FILE", str(home.with_name("demo.key")))
    before = (home / "withness.sqlite3").read_bytes()
    assert run(["demo", "--home", str(home)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.endswith("use a fresh --home.\n")
    assert (home / "withness.sqlite3").read_bytes() == before


def test_it_fits_a_narrow_terminal_and_asks_nothing_of_the_site(tmp_path: Path) -> None:
    """Catches: a line that is not wrapped, and a site's own policy or on-call clinician in the story."""
    site = {"WITHNESS_POLICY": str(tmp_path / "none.toml"), "WITHNESS_ON_CALL": "Practitioner/x9"}
    done = CliRunner(env={**site, "COLUMNS": "80"}).invoke(demo)
    assert done.exit_code == 0, done.output
    assert [line for line in done.output.splitlines() if len(line.rstrip()) > 80] == []
    assert "Practitioner/x9" not in done.output


def test_an_acute_answer_has_an_acute_result(chapters: Chapters) -> None:
    """Catches: somebody who thinks about suicide right now, beside an instrument that says negative."""
    assert {(one["item"], one["acuity"]) for one in chapters["acute"]["findings"]} == {
        ("ideation", "elevated"),
        ("now", "acute"),
        ("validated.result", "acute"),
    }


def test_nobody_can_read_from_the_couples_hold_whose_it_is(told: str, chapters: Chapters) -> None:
    couple = chapters["couple"]
    assert [couple[name] for name in ("findings", "missing", "protocol", "bundle")] == [[], [], [], None]
    said = chapter(told, 5)
    assert str(couple["sentence"]) in said
    assert "In Mia's words: “" in said
    assert "In Jon's words: “" in said
    assert "suicide." not in said


def test_a_hold_does_not_end_the_story(told: str) -> None:
    stays = "The clinician stays with Tom. His notes and safety plan are written as always; his words wait."
    ends = "It ends with the documented needs, a new screen below acute, and a second signer: see chapter 7."
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


def test_a_check_in_counts_the_goal_and_skips_are_no_answers(told: str, chapters: Chapters) -> None:
    """In the story, the answer and the chart alike. Planted: the check-in told and not recorded; caught."""
    [goal] = chapters["check_in"]["goals"]
    assert (goal["achievement"], goal["now"], goal["needed"], goal["sessions_left"]) == ("in-progress", 1, 3, 3)
    assert "in progress, 1 of 3" in chapter(told, 8)
    assert "Nobody had asked that.\n    Das war gut." in chapter(told, 8)


def test_the_directory_that_it_leaves_can_be_tried(
    home: Path, chapters: Chapters, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that open, their owner's alone, and reports that say what the data are.

    Planted: the keys left in memory only, and the mark left out of the facts; both were caught.
    """
    monkeypatch.setenv("WITHNESS_KEY_FILE", str(home.with_name("demo.key")))
    left = sorted((home / samples.KEYS).iterdir())
    assert [one.name for one in left] == ["kim.key", "passphrase.txt", "pat.key", "sam.key"]
    assert {one.stat().st_mode & 0o777 for one in left} == {0o600}
    key = chapters["keys"]["files"]["Practitioner/c1"]
    signs = ["--actor", "Practitioner/c1", "--key", key, "--passphrase-file", str(left[1])]
    assert run(["audit", "report", "--names", "--home", str(home), *signs]) == 0
    assert capsys.readouterr().out.startswith("SAMPLE DATA: ")
    assert run(["audit", "sign-off", "release-51", "--note", "Asked Sam", "--home", str(home), *signs]) == 0
    assert run(["audit", "verify", "--home", str(home)]) == 0


def test_the_key_of_a_sample_person_is_in_no_ordinary_story(told: str) -> None:
    """Without --home nothing stays. Planted: the keys' paths told there too; caught."""
    assert "sample-keys" not in told
    assert samples.PASSPHRASE not in told
