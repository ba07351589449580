"""Every page that Withness makes: valid, accessible, printable, and of use on a narrow screen; in a real browser.

The pages with one fault each (planted.py) show that every check catches what it is for.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser import looks
from tests.browser.looks import Look
from tests.browser.pages import pages
from tests.browser.tools import Complaint

pytestmark = pytest.mark.xdist_group("browser")

PAGES = pages()
every_page = pytest.mark.parametrize("name", PAGES)

Complaints = Callable[[str], list[Complaint]]
Looks = Callable[[str], Look]


@every_page
def test_a_page_is_valid_html_and_css(name: str, complaints: Complaints) -> None:
    assert [str(one) for one in complaints(name)] == []


@every_page
def test_a_page_is_accessible(name: str, look: Looks) -> None:
    assert look(name).accessibility == []


@every_page
def test_a_page_fits_a_narrow_screen(name: str, look: Looks) -> None:
    assert look(name).too_wide == []


@every_page
def test_a_page_prints_whole_on_a4_and_letter(name: str, look: Looks) -> None:
    assert look(name).lost_in_print == {}


@every_page
def test_whatever_can_be_used_is_reached_by_keyboard(name: str, look: Looks) -> None:
    assert look(name).out_of_reach == []


@every_page
def test_a_page_asks_for_nothing_and_runs_nothing(name: str, look: Looks) -> None:
    assert look(name).ran == {}


# -- the checks catch what they are for


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("planted-image-without-alt", "An “img” element must have an “alt” attribute"),
        ("planted-unclosed", "Unclosed element “b”"),
        ("planted-bad-css", "“colour”: Property “colour” doesn't exist"),
        ("planted-stray-end", "Stray end tag “div”"),
    ],
)
def test_the_validator_catches(name: str, said: str, complaints: Complaints) -> None:
    assert any(said in one.message for one in complaints(name)), complaints(name)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("planted-image-without-alt", "image-alt"),
        ("planted-low-contrast", "color-contrast"),
        ("planted-skipped-heading", "heading-order"),
        ("planted-no-language", "html-has-lang"),
    ],
)
def test_the_accessibility_checker_catches(name: str, rule: str, look: Looks) -> None:
    assert [one.rule for one in look(name).accessibility] == [rule]


@pytest.mark.parametrize("name", ["planted-too-wide", "planted-cut-off"])
def test_what_does_not_fit_is_caught(name: str, look: Looks) -> None:
    assert look(name).too_wide != []


@pytest.mark.parametrize(
    "name", ["planted-too-wide", "planted-cut-off", "planted-beside-the-paper", "planted-not-printed"]
)
def test_what_is_lost_in_print_is_caught(name: str, look: Looks) -> None:
    assert set(look(name).lost_in_print) == set(looks.PAPERS)


@pytest.mark.parametrize("name", ["planted-hidden-focus", "planted-out-of-order"])
def test_what_the_keyboard_does_not_reach_or_show_is_caught(name: str, look: Looks) -> None:
    assert look(name).out_of_reach != []


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("planted-inline-script", "script"),
        ("planted-dialog", "dialogs"),
        ("planted-request", "requests"),
        ("planted-fault", "console"),
        ("planted-handler", "handlers"),
        ("planted-image-without-alt", "elements"),
        ("planted-drawing-that-is-no-chart", "elements"),
        ("planted-chart-that-loads", "elements"),
    ],
)
def test_what_runs_or_calls_out_is_caught(name: str, what: str, look: Looks) -> None:
    assert what in look(name).ran


@pytest.mark.parametrize("name", ["planted-nothing", "planted-link"])
def test_a_sound_page_passes_every_check(name: str, look: Looks, complaints: Complaints) -> None:
    assert complaints(name) == []
    assert look(name) == Look({}, [], [], [], {})
