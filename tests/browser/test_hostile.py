"""Nobody's words make a page do anything: no script, no dialog, no request, no control; in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.looks import Look
from tests.browser.pages import HOSTILE, hostile

pytestmark = pytest.mark.xdist_group("browser")

PAGES = hostile()
BYTE_FOR_BYTE = ("hostile-plan", "hostile-review")
"""Pages on which a person's words stand as they were written, and no mark is put into them."""

every_page = pytest.mark.parametrize("name", PAGES)


@every_page
def test_hostile_words_do_nothing_and_stay_on_the_page(name: str, glance: Callable[[str], Look]) -> None:
    """Planted and caught: a client's words left unescaped; a long word without a break."""
    assert glance(name) == Look({}, [], [], [], {})


@every_page
def test_hostile_words_are_shown_as_they_were_written(name: str, glance: Callable[[str], Look]) -> None:
    """Planted and caught: what looks like a tag left out."""
    said = "".join(glance(name).text.split())
    for words in HOSTILE:
        if words.isprintable():
            assert "".join(words.split()) in said


@pytest.mark.parametrize("name", [name for name in PAGES if not name.startswith(BYTE_FOR_BYTE)])
def test_what_a_reader_would_not_see_is_shown_as_a_mark(name: str, glance: Callable[[str], Look]) -> None:
    """Planted and caught: a right-to-left override left as it was."""
    said = glance(name).text
    assert not [one for one in said if one in "\u202e\u2066\u2028\u2029\x1b\x07\x7f\x00"]
    assert "[U+202E]" in said
