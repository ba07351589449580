"""One browser, the accessibility checker and the HTML validator for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from tests.browser import chromium, looks, tools
from tests.browser.chromium import Chromium
from tests.browser.looks import Look
from tests.browser.pages import hostile, pages
from tests.browser.planted import PLANTED
from tests.browser.tools import Complaint, Tools
from tests.requiring import require


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """A real browser; skipped, saying why, where there is none."""
    require("a real browser", chromium.available())
    with Chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="session")
def fetched() -> Tools:
    """axe-core and the Nu Html Checker; skipped, saying why, where they cannot be had."""
    require("what the browser tests fetch", tools.available())
    return tools.fetch()


@pytest.fixture(scope="session")
def axe(fetched: Tools) -> str:
    """The source of the accessibility checker."""
    return fetched.axe.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def look(browser: Chromium, axe: str) -> Callable[[str], Look]:
    """What is found on a page, by its name; each is visited once."""

    @cache
    def look(name: str) -> Look:
        with browser.open(_html(name)) as page:
            return looks.look(page, axe)

    return look


@pytest.fixture(scope="session")
def glance(browser: Chromium) -> Callable[[str], Look]:
    """What is found on a page of hostile words, by its name."""

    @cache
    def glance(name: str) -> Look:
        with browser.open(_html(name)) as page:
            return looks.glance(page)

    return glance


@pytest.fixture(scope="session")
def complaints(fetched: Tools, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Complaint]]:
    """What the HTML validator says of a page, by its name: one run for all of them, the planted ones too."""
    written = {name: make() for name, make in pages().items()} | PLANTED
    found = tools.validate(fetched.nu, written, tmp_path_factory.mktemp("html"))
    return found.__getitem__


def _html(name: str) -> str:
    return PLANTED[name] if name in PLANTED else {**pages(), **hostile()}[name]()
