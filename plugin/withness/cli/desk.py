"""Opening the desk or the trail for one command, and closing it whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from withness.desk.front import Desk
from withness.directory import open_trail
from withness.errors import WithnessError
from withness.settings import Settings, read_settings
from withness.store.sql import Store
from withness.wiring import load


@contextmanager
def opened(home: Path | None, *, fresh: bool = True) -> Iterator[tuple[Desk, dict[str, str]]]:
    """Yield the desk, and the wording of the screen's items by linkId; only `fresh` sets up a new directory."""
    desk = load(read_settings({"home": home}), fresh=fresh)
    try:
        yield desk, desk.questions()
    finally:
        desk.close()


@contextmanager
def opened_trail(settings: Settings) -> Iterator[tuple[Store, WithnessError | None]]:
    """Yield the store for reading the trail, and why nothing sealed can be opened there, if so."""
    store, unsealed = open_trail(settings)
    try:
        yield store, unsealed
    finally:
        store.close()
