"""A report as one tidy CSV table (RFC 4180): one row for each cell of each sheet, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

from withness.core.sheet import Sheet

HEADS: Final = ("part", "row", "column", "value")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a cell that a spreadsheet would calculate begins with (OWASP, CSV injection)."""


def csv_text(sheets: Iterable[Sheet], facts: Iterable[tuple[str, str]] = ()) -> str:
    """Return the sheets as CSV, `facts` about the report before them; no cell is a formula."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(HEADS)
    for name, value in facts:
        writer.writerow(("report", "1", harmless(name), harmless(value)))
    for sheet in sheets:
        for number, row in enumerate(sheet.rows, start=1):
            for head, cell in zip(sheet.heads, row, strict=True):
                writer.writerow((sheet.id, str(number), harmless(head), harmless(cell)))
    return made.getvalue()


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: an apostrophe goes before what begins like one."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
