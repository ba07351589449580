"""Ids are UUIDs of version 7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import time
from uuid import RFC_4122, UUID

from withness.ids import new_id


def test_an_id_says_its_version_and_its_time() -> None:
    """Planted: the time in microseconds; the variant's bits left random."""
    before = time.time_ns() // 1_000_000
    written = [new_id() for _ in range(1000)]
    after = time.time_ns() // 1_000_000
    made = [UUID(one) for one in written]
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}
    assert all(before <= one.int >> 80 <= after for one in made)
    assert [str(one) for one in made] == written


def test_no_two_ids_of_one_millisecond_are_alike() -> None:
    """Planted: 16 random bits in the place of 74."""
    made = {new_id() for _ in range(20_000)}
    assert len(made) == 20_000
    assert len({UUID(one).int & (1 << 62) - 1 for one in made}) == 20_000
