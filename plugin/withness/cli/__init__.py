"""The console command: translates, never decides. Each command's module is imported when it is used."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the console command; every error is one sentence and an exit code, never a traceback."""
    from withness.cli.app import run

    sys.exit(run(sys.argv[1:]))
