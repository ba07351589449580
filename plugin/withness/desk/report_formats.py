"""A report in the formats that leave the house: HTML to read and print, CSV for a spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import tzinfo
from typing import Final

from withness.audit.report import Report, attention
from withness.audit.report_csv import csv_text
from withness.audit.report_sheets import RECORDED, WORKLIST, heading, sheets
from withness.core.sheet import Sheet
from withness.packs.note_text import visible
from withness.packs.report_page import report_page

TITLE: Final = "Report of the risk gate and its audit trail"


def told(report: Report, zone: tzinfo) -> tuple[Sheet, ...]:
    """Return the report's sheets; a character that nobody would see is shown as a mark, and never acted on."""
    return tuple(
        replace(one, rows=tuple(tuple(visible(cell) for cell in row) for row in one.rows))
        for one in sheets(report, zone)
    )


def html(report: Report, zone: tzinfo) -> str:
    """Return the report as one self-contained page. Raises InvalidContent naming the template."""
    return report_page(
        [one for one in told(report, zone) if one.id != "attention"],
        title=TITLE,
        notice=report.notice,
        facts=heading(report, zone),
        limits=report.limits,
        attention=[(one.said, one.part) for one in attention(report)],
        worklist=WORKLIST,
        weeks=[(one.begins, one.released, one.held) for one in report.weeks],
        times=[
            ("to protocol", [(one.opened - one.flagged).total_seconds() for one in report.acute]),
            ("to first step", [(one.first - one.flagged).total_seconds() for one in report.acute if one.first]),
            ("to release", _released(report)),
        ],
    )


def _released(report: Report) -> list[float]:
    ended = ((one.ended, one.flagged) for one in report.acute if one.how == "released")
    return [(end - flagged).total_seconds() for end, flagged in ended if end is not None]


def csv(report: Report, zone: tzinfo) -> str:
    """Return the report as one tidy table, the notice and what it leaves out in its first rows."""
    facts = [*heading(report, zone), ("Times of steps", RECORDED), *(("Left out", one) for one in report.limits)]
    return csv_text(told(report, zone), [("Notice", report.notice), *facts] if report.notice else facts)
