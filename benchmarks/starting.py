"""`withness --help` in a fresh process, against a fresh process that imports click and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.figure import Figure, in_turn

TARGET = 3.0
ROUNDS = 15


def figures() -> list[Figure]:
    """Return the milliseconds until the help is there."""
    script = Path(sys.executable).with_name("withness")
    command = [str(script)] if script.exists() else [sys.executable, "-m", "withness"]
    seconds, floor = in_turn(
        lambda: _run(*command, "--help"), lambda: _run(sys.executable, "-c", "import click"), rounds=ROUNDS
    )
    means = "withness --help in a new process; floor: python -c 'import click'"
    return [Figure("cli.help", seconds * 1e3, "ms", floor * 1e3, TARGET, means)]


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
