"""The compliance report as one HTML page, to read and to print."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from withness import content
from withness.core.sheet import Sheet
from withness.packs.paper_page import FOLDER, page
from withness.packs.report_chart import Times, Weeks, times_svg, weeks_svg

if TYPE_CHECKING:
    from markupsafe import Markup


def report_page(
    sheets: Sequence[Sheet],
    *,
    title: str,
    notice: str,
    facts: Sequence[tuple[str, str]],
    limits: Sequence[str],
    attention: Sequence[tuple[str, str]],
    worklist: str,
    weeks: Weeks,
    times: Times,
) -> str:
    """Return the page; `attention` are sentences, each with the id of the sheet that has more; `worklist` follows them.

    Raises InvalidContent naming the template.
    """
    style, style_hash = _style()
    pictures = (
        ("Decisions of each week", weeks_svg(weeks, id="picture-weeks")),
        ("Acute holds: how long after they were flagged", times_svg(times, id="picture-times")),
    )
    return page(
        "report",
        style=style,
        style_hash=style_hash,
        title=title,
        notice=notice,
        facts=facts,
        limits=limits,
        attention=attention,
        worklist=worklist,
        pictures=[(name, one) for name, one in pictures if one is not None],
        sheets=sheets,
    )


@cache
def _style() -> tuple[Markup, str]:
    from markupsafe import Markup

    style = (content.folder("catalogue") / FOLDER / "report.css").read_text(encoding="utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Markup(style), f"sha256-{digest}"  # noqa: S704  our own style sheet
