"""The page of a report: its pictures, its policy against what is foreign, and words that stay words."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, date, timedelta

from tests.packs import report_samples

from withness.desk import report_formats
from withness.packs.report_chart import times_svg, weeks_svg

MONDAY = date(2026, 11, 2)
WEEKS = [(MONDAY + place * timedelta(days=7), place + 1, 2) for place in range(3)]


def test_the_same_report_makes_the_same_page_and_its_style_is_the_one_allowed() -> None:
    """Planted: the hash of another style sheet; this caught it."""
    page = report_formats.html(report_samples.sample(), UTC)
    assert page == report_formats.html(report_samples.sample(), UTC)
    [style] = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page
    assert "<script" not in page


def test_every_link_of_what_needs_eyes_leads_to_its_part() -> None:
    """Planted: a section without its id; this caught it."""
    page = report_formats.html(report_samples.sample(), UTC)
    links = re.findall(r'<a href="#([\w-]+)">', page)
    assert links
    assert set(links) <= set(re.findall(r' id="([\w-]+)"', page))


def test_a_page_with_nothing_on_it_says_so_and_has_no_picture() -> None:
    """Planted: the empty list left without a word; this caught it."""
    page = report_formats.html(report_samples.quiet(), UTC)
    assert "<p>Nothing.</p>" in page
    assert "<svg" not in page


def test_a_picture_says_in_words_what_it_shows() -> None:
    """Planted: only what was held counted in the words; this caught it."""
    picture = str(weeks_svg(WEEKS, id="weeks"))
    assert "3 weeks from 2026-11-02 to 2026-11-16: 12 decisions, 6 of them held." in picture
    assert 'role="img"' in picture
    assert weeks_svg(WEEKS[:1], id="weeks") is None


def test_what_nobody_waited_for_has_no_row() -> None:
    """Planted: empty rows drawn; this caught it."""
    picture = str(times_svg([("to protocol", [0.0, 61.0]), ("to release", [])], id="times"))
    assert "to protocol: 2." in picture
    assert "to release" not in picture
    assert times_svg([("to release", [])], id="times") is None
