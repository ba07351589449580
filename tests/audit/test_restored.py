"""Segments: what two people acknowledged goes on as sound; whatever was found damaged stays so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.audit.memory_log import MemoryLog

from withness.audit.check import but_for_a_loss, check
from withness.audit.checkpoint import Checkpoint
from withness.audit.log import RESTORED, acknowledged, append, broken, found_damaged
from withness.audit.publishing import shortfall, state
from withness.audit.record import Kind, Record

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
ACKNOWLEDGED = Record(Kind.TRAIL_SIGNED_OFF, "Practitioner/c1", "somebody", outcome=RESTORED, details={"lost": []})
NOTE = Record(Kind.NOTE_SAVED, "Practitioner/p1", "somebody", outcome="saved")


class Anchored(MemoryLog):
    """A log that falls short of what was published for as long as `short` says so."""

    short: str | None = None
    published = -1

    def anchor_damage(self, *, prove: bool) -> str | None:
        return self.short

    def newest_published(self) -> int:
        return self.published


@pytest.fixture
def kept() -> Anchored:
    made = Anchored()
    add(made, NOTE, NOTE)
    return made


def add(kept: Anchored, *records: Record, fresh: bool = False) -> None:
    append(kept, records, at=AT + timedelta(seconds=len(list(kept.leaves()))), fresh_segment=fresh)


def segments(kept: Anchored) -> list[int]:
    return [one.segment for one in kept.heads()]


def test_a_segment_that_an_acknowledgement_begins_is_sound_and_goes_on(kept: Anchored) -> None:
    """Planted: every later segment taken for damage, as it was before."""
    add(kept, ACKNOWLEDGED, fresh=True)
    add(kept, NOTE)
    assert (segments(kept), broken(kept), list(check(kept))) == ([0, 1], False, [])


@pytest.mark.parametrize(
    "first",
    [
        NOTE,
        replace(ACKNOWLEDGED, outcome="signed-off"),
        replace(ACKNOWLEDGED, kind=Kind.NOTE_SAVED),
        replace(NOTE, details={"short_of_checkpoint": True}),
    ],
)
def test_a_segment_that_anything_else_begins_is_damage_for_good(kept: Anchored, first: Record) -> None:
    """An acknowledgement further on in it changes nothing. Planted: kind alone, outcome alone; nothing asked."""
    add(kept, first, fresh=True)
    add(kept, ACKNOWLEDGED)
    assert (broken(kept), acknowledged(kept, kept.heads()[1])) == (True, None)


def test_a_record_that_was_made_an_acknowledgement_afterwards_is_none(kept: Anchored) -> None:
    """Its bytes do not fit its hash. Planted: the record's own damage not looked at."""
    add(kept, NOTE, fresh=True)
    add(kept, NOTE)
    kept._leaves[2] = replace(kept._leaves[2], kind=Kind.TRAIL_SIGNED_OFF.value, outcome=RESTORED)
    assert broken(kept)


def test_damage_in_a_sound_segment_begins_another_and_stays(kept: Anchored) -> None:
    """Also when the bytes are put back. Planted: a new segment begun from segment 0 alone."""
    add(kept, ACKNOWLEDGED, NOTE, fresh=True)
    whole = kept._leaves[-1]
    kept._leaves[-1] = replace(whole, outcome="other")
    add(kept, NOTE)
    kept._leaves[3] = whole
    assert (segments(kept), broken(kept)) == ([0, 1, 2], True)


def test_what_was_begun_for_a_longer_published_log_waits_for_its_acknowledgement(kept: Anchored) -> None:
    """Planted: no mark on such a segment, so that it counts as damage for ever; and counted as nothing."""
    kept.short = "segment 0 has 2 records, and a checkpoint of 5 was published"
    add(kept, NOTE)
    assert (segments(kept), found_damaged(kept, kept.heads()[1]), but_for_a_loss(kept)) == ([0, 1], False, ())
    kept.short = None
    assert broken(kept)
    add(kept, ACKNOWLEDGED, fresh=True)
    assert (segments(kept), broken(kept)) == ([0, 1, 2], False)


def test_damage_that_was_found_is_not_acknowledged_with_it(kept: Anchored) -> None:
    """Planted: whatever lies before an acknowledgement passed over."""
    add(kept, NOTE, fresh=True)
    assert but_for_a_loss(kept) != ()
    add(kept, ACKNOWLEDGED, fresh=True)
    assert broken(kept)


def test_a_new_segment_takes_no_number_that_was_published(kept: Anchored) -> None:
    """Else its checkpoint would be held against another log's. Planted: the next number of this log alone."""
    kept.published = 4
    add(kept, ACKNOWLEDGED, fresh=True)
    assert segments(kept) == [0, 5]


def test_exactly_the_loss_that_was_signed_for_is_acknowledged(kept: Anchored) -> None:
    """Another published size or root, or less than was left, is a shortfall. Planted: any acknowledgement enough."""
    [left] = kept.heads()
    gone, other = bytes(32), bytes([1]) * 32
    said = {"lost": [state(0, 5, gone)], "have": [state(0, left.size, left.root)]}
    add(kept, replace(ACKNOWLEDGED, details=said), fresh=True)
    asked = [(5, gone), (5, other), (6, gone)]
    found = [shortfall(kept, 0, Checkpoint("withness/x/0", size, root)) for size, root in asked]
    assert [one is None for one in found] == [True, False, False]
    assert shortfall(kept, 1, Checkpoint("withness/x/1", 5, gone)) is not None
    kept._heads[0] = replace(left, size=1)
    assert shortfall(kept, 0, Checkpoint("withness/x/0", 5, gone)) is not None
