"""What a test needs and this machine may lack."""

from __future__ import annotations

import os

import pytest


def require(what: str, lacking: str | None) -> None:
    """Skip, saying why, where something is lacking; fail where it is required."""
    if lacking and os.environ.get("WITHNESS_REQUIRE_SERVERS"):
        pytest.fail(f"{what} is required here: {lacking}")
    if lacking:
        pytest.skip(lacking)
