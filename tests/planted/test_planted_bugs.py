"""Each planted bug is caught by the test that is said to catch it: a test that cannot fail proves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.campaign
ROOT = Path(__file__).resolve().parents[2]
BUGS = tomllib.loads((ROOT / "tests" / "planted" / "bugs.toml").read_text(encoding="utf-8"))["bug"]
RANDOM = "test_the_gates_whole_life"
"""What looks for bugs at random may miss one in a tenth of its runs: those are planted in the whole campaign."""


@pytest.mark.parametrize("number", range(len(BUGS)))
def test_the_place_of_each_bug_is_still_there(number: int) -> None:
    """A bug whose place has moved would silently plant nothing."""
    bug = BUGS[number]
    text = (ROOT / "plugin" / "withness" / bug["file"]).read_text(encoding="utf-8")
    assert text.count(bug["find"]) == 1, bug["rule"]


def test_each_planted_bug_is_caught(
    tmp_path: Path, campaign: Callable[[int], int], figure: Callable[[str, int, str], None]
) -> None:
    """Plant each bug in a copy and run its test there: it must fail (pytest's exit 1, not an error of the copy)."""
    whole = campaign(len(BUGS)) == len(BUGS)
    known = [one for one in BUGS if whole or RANDOM not in one["test"]]
    some = known[:: len(known) // campaign(len(known))]
    missed = []
    for number, bug in enumerate(some):
        copy = _planted(tmp_path / str(number), bug)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *bug["test"].split()]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "WITHNESS_"))}
        done = subprocess.run(command, cwd=copy, env=kept, capture_output=True, text=True, check=False, timeout=600)
        missed += [] if done.returncode == 1 else [(bug["rule"], done.returncode, done.stdout[-1000:])]
        shutil.rmtree(copy)
    figure("planted bugs caught", len(some), f"{len(some) - len(missed)} of {len(some)}")
    assert missed == []


def _planted(copy: Path, bug: dict[str, str]) -> Path:
    copy.mkdir(parents=True)
    ignore = shutil.ignore_patterns("target", "__pycache__", "planted")
    for name in ("plugin", "tests", "fhir_profiles", "note_templates"):
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", copy)
    path = copy / "plugin" / "withness" / bug["file"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(bug["find"], bug["put"]), encoding="utf-8")
    return copy
