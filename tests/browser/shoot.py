"""`python -m tests.browser.shoot`: pictures of notes, a review and a report in docs/images, as a browser shows them.

Taken with fonts-liberation and fonts-noto-color-emoji, Debian's stand-ins for what people have.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC
from pathlib import Path

from tests.browser import chromium
from tests.browser.chromium import Chromium
from tests.browser.pages import PREVIEW, ROOT, note_page
from tests.packs import report_samples, review_samples
from withness.desk import report_formats
from withness.packs.paper_review import paper_review

IMAGES = ROOT / "docs" / "images"
WIDTH = 800


def main() -> None:
    """Take the pictures; where there is no browser, exit 1 and say so."""
    lacking = chromium.available()
    if lacking:
        sys.exit(lacking)
    shown = {
        "note-session.png": (note_page("session"), 1000),
        "note-plan-for-client.png": (note_page("plan-for-client", preview=PREVIEW), 905),
        "report.png": (report_formats.html(report_samples.sample(), UTC), 1050),
        "review.png": (paper_review(review_samples.for_the_docs()), 1940),
    }
    with tempfile.TemporaryDirectory(prefix="shoot-") as folder, Chromium(Path(folder)) as browser:
        for name, (html, height) in shown.items():
            with browser.open(html, width=WIDTH, height=height) as page:
                (IMAGES / name).write_bytes(page.picture(whole=False))


if __name__ == "__main__":
    main()
