"""docs/figures.md: the last full figures, each with the machine it was seen on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.figure import Figure

HEAD = """# Figures

Written by `make prove`; nothing here is typed by hand. A figure without its floor says little: compare ratios.
"""
BENCHMARKS = "## Benchmarks"
CAMPAIGNS = "## Campaigns"


def write(path: Path, figures: Sequence[Figure], machine: Mapping[str, str], campaigns: Path | None) -> None:
    """Write the page; without `campaigns` the page keeps the campaigns that it has.

    Raises OSError or ValueError when a file cannot be read or written.
    """
    kept = _section(path.read_text(encoding="utf-8"), CAMPAIGNS) if path.exists() else ""
    told = _campaigns(json.loads(campaigns.read_text(encoding="utf-8")), machine) if campaigns else kept
    path.write_text("\n".join(part for part in (HEAD, _benchmarks(figures, machine), told) if part), encoding="utf-8")


def _section(page: str, title: str) -> str:
    _, found, rest = page.partition(f"{title}\n")
    return found + rest


def _benchmarks(figures: Sequence[Figure], machine: Mapping[str, str]) -> str:
    rows = [
        (
            f"`{one.name}`",
            f"{one.value:.3g} {one.unit}",
            "–" if one.floor is None else f"{one.floor:.3g} {one.unit}",
            "–" if one.ratio is None else f"{one.ratio:.2f}",
            verdict(one),
            one.means,
        )
        for one in figures
    ]
    head = ("figure", "value", "floor", "ratio", "target", "what it is")
    return f"{BENCHMARKS}\n\n{_machine(machine)}\n{_table(head, rows)}"


def verdict(figure: Figure) -> str:
    """Return the target and whether it is met."""
    if figure.target is None:
        return "–"
    return f"at most {figure.target:g}: {'met' if figure.met else 'MISSED'}"


def _campaigns(found: Sequence[Mapping[str, object]], machine: Mapping[str, str]) -> str:
    rows = [(str(one["name"]), str(one["runs"]), str(one["result"])) for one in found]
    return f"{CAMPAIGNS}\n\n{_machine(machine)}\n{_table(('campaign', 'runs', 'result'), rows)}"


def _machine(machine: Mapping[str, str]) -> str:
    return "".join(f"- {name}: {value}\n" for name, value in machine.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
