"""Whether words can be found in what lies on the disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.system.site import Site

Look = Callable[[Callable[[Site], None], Sequence[str]], None]
"""Lets something happen at a site, and looks for words in all that it left."""


def found(folder: Path, words: Sequence[str]) -> list[str]:
    """Return which file of the folder holds which of the words."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name}: {word}" for path in files for word in words if word.encode() in path.read_bytes()]
