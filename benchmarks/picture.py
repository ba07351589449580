"""`python -m benchmarks.picture`: a trimmed `withness demo` as the picture of the README (docs/images/demo.svg)."""

from __future__ import annotations

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
STEPS: Final = 3
"""How many rows of the protocol and of the trail are shown."""

_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Fonts from another site: the picture must not call it."""
_TITLE: Final = re.compile(r"[1-9]\. ")
_ACUITY: Final = {"unknown": "yellow", "acute": "red", "elevated": "yellow"}


def main() -> int:
    """Run the demo, trim what it says and draw it."""
    demo = [sys.executable, "-m", "withness", "demo"]
    said = subprocess.run(demo, check=True, capture_output=True, text=True).stdout
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, color_system="truecolor")
        console.print(Text("$ withness demo", style="bold cyan"))
        for line in _trimmed(said.splitlines()):
            console.print(_styled(line))
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        picture = _FONTS.sub("", console.export_svg(title="withness demo", unique_id="demo"))
    PICTURE.write_text(picture.rstrip() + "\n", encoding="utf-8")
    print("Wrote docs/images/demo.svg.")
    return 0


def _trimmed(lines: list[str]) -> Iterator[str]:
    """Leave out the fourth chapter, what is said more than once, and all but the first rows of long tables."""
    chapter, rows = 0, -1
    for line in lines:
        if _TITLE.match(line):
            chapter, rows = int(line[0]), -1
            if chapter != 4:
                yield ""
        if chapter == 4 or not line.strip() or (chapter > 1 and line.startswith(("Demo mode", "For later"))):
            continue
        if line.startswith(("Directive protocol", "Audit trail")):
            rows = 0
        elif line.startswith(("Reasons", "Nothing went", "The trail")):
            rows = -1
        elif rows >= 0:
            rows += 1
        if rows <= STEPS + 1:
            yield line
        elif rows == STEPS + 2:
            yield "…"


def _styled(line: str) -> Text:
    if _TITLE.match(line):
        return Text(line, style="bold underline")
    if re.match(r"(released|held)[a-z-]*: ", line):
        return Text(line, style="bold green" if line.startswith("released") else "bold red")
    if re.match(r"(Reasons|In the chart|Directive protocol|Audit trail|The trail is)", line):
        return Text(line, style="bold")
    word = line.split(maxsplit=1)[0] if line.strip() else ""
    return Text(line, style=_ACUITY.get(word, ""))


if __name__ == "__main__":
    sys.exit(main())
