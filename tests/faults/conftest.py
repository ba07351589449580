"""What the faults' tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.child import Nursery, Place


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """A process that forks writers."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A data directory that has been set up."""
    return Place(tmp_path / "home", tmp_path / "site.key").prepare()
