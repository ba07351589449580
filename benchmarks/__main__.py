"""`python -m benchmarks [--figures docs/figures.md [--campaigns FILE]]`: measure, print, write latest.json."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    building,
    checking,
    counting,
    deciding,
    machine,
    noting,
    page,
    reporting,
    saving,
    starting,
    verifying,
)
from benchmarks.figure import Figure

LATEST = Path(__file__).with_name("latest.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every figure. A missed target is printed and does not change the exit code."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    asked.add_argument("--figures", type=Path, metavar="FILE", help="write this page too, as docs/figures.md")
    asked.add_argument("--campaigns", type=Path, metavar="FILE", help="the campaigns' JSON, for that page")
    given = asked.parse_args(arguments)
    if given.campaigns and not given.figures:
        asked.error("--campaigns needs --figures")
    if given.campaigns and not given.campaigns.is_file():
        asked.error("--campaigns names no file")
    figures = [
        one
        for part in (deciding, building, checking, noting, counting, saving, reporting, verifying, starting)
        for one in part.figures()
    ]
    _print(figures)
    LATEST.write_text(json.dumps([one.as_dict() for one in figures], indent=2) + "\n", encoding="utf-8")
    if given.figures:
        page.write(given.figures, figures, machine.facts(), given.campaigns)
    return 0


def _print(figures: Sequence[Figure]) -> None:
    made = Table("figure", "value", "floor", "ratio", "target", "what it is", box=None, pad_edge=False)
    for one in figures:
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        floor = "" if one.floor is None else f"{one.floor:.3g} {one.unit}"
        made.add_row(one.name, f"{one.value:.3g} {one.unit}", floor, ratio, page.verdict(one), one.means)
    Console(width=None if sys.stdout.isatty() else 150, highlight=False).print(made)


if __name__ == "__main__":
    sys.exit(main())
