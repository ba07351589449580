"""Opening the desk for one command, and closing it whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from withness.desk.front import Desk
from withness.settings import read_settings
from withness.wiring import load


@contextmanager
def opened(home: Path | None, *, fresh: bool = True) -> Iterator[tuple[Desk, dict[str, str]]]:
    """Yield the desk, and the wording of the screen's items by linkId; only `fresh` sets up a new directory."""
    desk = load(read_settings({"home": home}), fresh=fresh)
    try:
        yield desk, desk.questions()
    finally:
        desk.close()
