"""`python -m benchmarks.picture`: a trimmed `withness demo` as the picture of the README (docs/images/demo.svg)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

PICTURE: Final = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.svg"
WIDTH: Final = 112
SHOWN: Final = (1, 2, 6, 7, 8)
"""The chapters of the picture: a plan saved, one held, one paused with its protocol, the way back, and the trail."""
ROWS: Final = 2
"""How many rows of a long table are shown."""

_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Fonts from another site: the picture must not call it."""
_TITLE: Final = re.compile(r"[1-9]\. ")
_LONG: Final = ("Steps", "Written down", "Audit trail")
"""The tables of which only the first rows are shown, and a row may take more than one line."""
_REPEATED: Final = re.compile(r"(Demo mode|For later).*?[.?]$", re.MULTILINE | re.DOTALL)
"""What is said with every hold."""
_ACUITY: Final = {"unknown": "yellow", "acute": "red", "elevated": "yellow"}


def main() -> int:
    """Run the demo, trim what it says and draw it."""
    demo, wide = [sys.executable, "-m", "withness", "demo"], {**os.environ, "COLUMNS": str(WIDTH)}
    said = subprocess.run(demo, check=True, capture_output=True, text=True, env=wide).stdout
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text("$ withness demo", style="bold cyan"))
        for line in _trimmed(said):
            console.print(_styled(line))
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        picture = _FONTS.sub("", console.export_svg(title="withness demo", unique_id="demo"))
    PICTURE.write_text(picture.rstrip() + "\n", encoding="utf-8")
    print("Wrote docs/images/demo.svg.")
    return 0


def _trimmed(said: str) -> Iterator[str]:
    """Leave out the other chapters, what is said with every hold, and all but the first rows of long tables."""
    for chapter in re.split(r"\n(?=[1-9]\. )", said):
        if not chapter.strip() or int(chapter[0]) not in SHOWN:
            continue
        yield ""
        for part in _REPEATED.sub("", chapter).split("\n\n"):
            yield from _shortened([line.rstrip() for line in part.splitlines() if line.strip()])


def _shortened(lines: list[str]) -> Iterator[str]:
    """Yield a part of a chapter; the table that it may end with is cut after its first rows."""
    begun = next((number for number, line in enumerate(lines) if line.startswith(_LONG)), len(lines))
    yield from lines[: begun + 2]
    rows = 0
    for line in lines[begun + 2 :]:
        rows += not line.startswith(" ")
        if rows > ROWS:
            yield "…"
            return
        yield line


def _styled(line: str) -> Text:
    if _TITLE.match(line):
        return Text(line, style="bold underline")
    if re.match(r"(released|held)[a-z-]*: ", line):
        return Text(line, style="bold green" if line.startswith("released") else "bold red")
    if re.match(r"(Reasons|For the chart|suicide: |Steps|Written down|Read back|Audit trail|The trail is)", line):
        return Text(line, style="bold")
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    return Text(line, style=_ACUITY.get(word, ""))


if __name__ == "__main__":
    sys.exit(main())
