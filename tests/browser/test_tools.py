"""What the browser tests fetch is what was listed, and what cannot run here says why."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.browser import chromium, tools
from tests.browser.tools import Tools

pytestmark = pytest.mark.xdist_group("browser")


def test_what_is_there_is_not_fetched_again(fetched: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "_run_npm", lambda _: pytest.fail("It was fetched again."))
    assert tools.fetch() == fetched


def test_a_file_with_another_digest_is_refused(fetched: Tools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted and caught: the lock file left out, so that npm takes what it gets."""
    listed = shutil.copytree(tools.LISTED, tmp_path / "listed")
    lock = listed / "package-lock.json"
    lock.write_text(lock.read_text(encoding="utf-8").replace("sha512-", "sha512-AAAA"), encoding="utf-8")
    monkeypatch.setattr(tools, "LISTED", listed)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(tools.ToolError, match="EINTEGRITY"):
        tools.fetch()


def test_every_tool_is_pinned_by_its_digest() -> None:
    lock = (tools.LISTED / "package-lock.json").read_text(encoding="utf-8")
    assert lock.count('"version": ') == lock.count('"integrity": "sha512-') == 2


def test_where_something_lacks_it_says_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.available() == "No browser is on the PATH (looked for chromium, chromium-browser, google-chrome)."
    assert tools.available() == "The HTML validator needs Java, and java is not on the PATH."
