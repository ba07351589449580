"""What was pruned, held against what two people signed for: runs, digests, and what is named wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.audit.memory_log import MemoryLog

from withness.audit.check import Part, check, check_in_parts, check_part
from withness.audit.log import append
from withness.audit.pruned import NOBODY, Digest, emptied, prunable, ranges
from withness.audit.record import Kind, Leaf, Record, instant, make_leaf

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
OLD = AT - timedelta(days=8 * 366)
BEFORE = instant(AT - timedelta(days=7 * 366))


def record(kind: Kind = Kind.TRAIL_VIEWED, outcome: str | None = "shown", **details: Any) -> Record:
    """A record of somebody's."""
    return Record(kind=kind, actor="Practitioner/c1", os_user="kim", outcome=outcome, details=details)


class Forged(MemoryLog):
    """A log whose leaves can be put in the place of others."""

    def put_back(self, seq: int, leaf: Leaf) -> None:
        """Put a leaf in the place of another."""
        self._leaves[seq] = leaf


def pruned(spans: list[list[int]], gone: list[int] | None = None, **said: Any) -> Forged:
    """A log of 600 looks, whose records in `gone` were emptied, and a record that names `spans`."""
    log, digest = Forged(), Digest()
    append(log, [record(Kind.GATE_DECIDED if one % 7 == 0 else Kind.TRAIL_VIEWED) for one in range(600)], at=OLD)
    seqs = [seq for first, last in spans for seq in range(first, last + 1)]
    leaves = list(log.leaves())
    for seq in seqs:
        digest.add(leaves[seq])
    for seq in seqs if gone is None else gone:
        log.put_back(seq, emptied(leaves[seq]))
    named = {"before": BEFORE, "count": digest.count, "leaves": digest.hex(), "ranges": spans, **said}
    append(log, [record(Kind.TRAIL_SIGNED_OFF, "pruned", **named)], at=AT)
    return log


def found(log: Forged) -> list[tuple[int | None, str]]:
    """What is wrong: the same in one go and in parts."""

    def run(parts: Any) -> Iterator[Part]:
        return (check_part(log, part) for part in parts)

    serial = [(one.record, one.what) for one in check(log)]
    assert [(one.record, one.what) for one in check_in_parts(log, run)] == serial
    return serial


def test_what_was_signed_for_is_no_damage() -> None:
    """Planted: records without bytes left out of the tree; this caught it."""
    assert found(pruned([[1, 6], [9, 9], [500, 503]])) == []
    assert found(pruned([[1, 1]])) == []


@pytest.mark.parametrize("extra", [0, 8, 10, 599])
def test_a_record_beside_the_runs_is_damage(extra: int) -> None:
    """Planted: a run's end taken for the next one's beginning; this caught it."""
    log = pruned([[1, 6], [9, 9]])
    leaf = log.leaf(extra)
    assert leaf is not None
    log.put_back(extra, emptied(leaf))
    never = "its bytes are gone, and a record of its kind is never pruned"
    assert found(log) == [(extra, never if extra % 7 == 0 else NOBODY)]


def test_fewer_than_were_signed_for_is_damage() -> None:
    """Planted: the count not compared; this caught it, with the digest left out too."""
    assert found(pruned([[1, 6]], gone=[1, 2, 3, 4, 5])) == [(600, "what it pruned is not what was signed for")]


@pytest.mark.parametrize(
    "said",
    [
        {"ranges": None},
        {"ranges": [[2, 1]]},
        {"ranges": [[1, 3], [3, 4]]},
        {"ranges": [[4, 5], [1, 2]]},
        {"ranges": [[1, 600]]},
        {"ranges": [[1, True]]},
        {"ranges": [[-5, 2]]},
        {"ranges": ["1-2"]},
        {"count": "2"},
        {"leaves": None},
        {"before": 7},
    ],
)
def test_an_act_that_names_nothing_sensible_is_damage(said: dict[str, Any]) -> None:
    """Planted: each look at a detail left out in turn; this caught them."""
    wrong = found(pruned([[1, 2]], **said))
    assert (600, "its details are not what such a record holds") in wrong
    assert {(1, NOBODY), (2, NOBODY)} <= set(wrong)


def test_two_acts_name_their_own() -> None:
    """Planted: one digest for all acts; this caught it."""
    log, digest = pruned([[1, 2], [5, 5]]), Digest()
    leaves = list(log.leaves())
    for seq in (3, 4):
        digest.add(leaves[seq])
        log.put_back(seq, emptied(leaves[seq]))
    said = {"before": BEFORE, "count": 2, "leaves": digest.hex(), "ranges": [[3, 4]]}
    append(log, [record(Kind.TRAIL_SIGNED_OFF, "pruned", **said)], at=AT)
    assert found(log) == []
    log.put_back(4, replace(emptied(leaves[4]), recorded_at=instant(OLD + timedelta(days=1))))
    assert found(log) == [(601, "what it pruned is not what was signed for")]


@pytest.mark.parametrize("column", ["actor", "patient", "outcome", "request_id"])
def test_a_column_that_was_left_is_damage(column: str) -> None:
    """Planted: the columns not looked at; this caught it."""
    log = pruned([[1, 2]])
    leaf = log.leaf(1)
    assert leaf is not None
    log.put_back(1, replace(leaf, **{column: "Patient/rosa"}))
    assert (1, "its bytes are gone, and its columns are not") in found(log)


def test_what_is_not_six_years_old_is_damage() -> None:
    """Planted: the time of the act not looked at; this caught it."""
    young = instant(AT - timedelta(days=5 * 365))
    assert found(pruned([[1, 2]], before=young)) == [(600, "it pruned what was not 6 years old")]
    early = instant(OLD - timedelta(days=1))
    assert (1, NOBODY) in found(pruned([[1, 2]], before=early))


@pytest.mark.parametrize(
    ("said", "may"),
    [
        (record(), True),
        (record(act="a"), False),
        (record(Kind.TRAIL_EXPORTED, "csv"), True),
        (record(Kind.TRAIL_EXPORTED, "backed-up"), False),
        (record(Kind.TRAIL_EXPORTED, "ndjson", act="a"), False),
        (record(Kind.TRAIL_VERIFIED, "whole"), True),
        (record(Kind.TRAIL_VERIFIED, "damaged", after_break="x"), False),
        (record(Kind.NOTE_SAVED, "refused"), True),
        (record(Kind.NOTE_SAVED, "saved"), False),
        (record(Kind.NOTE_SAVED, "refused", note="n"), False),
        (record(Kind.POLICY_CHANGED, "refused"), False),
        (record(Kind.ACTOR_CHANGED, "refused"), False),
        (record(Kind.GATE_DECIDED, "refused"), False),
        (record(Kind.TRAIL_SIGNED_OFF, "pruned"), False),
        (record(Kind.PLAN_SENT, "sent"), False),
    ],
)
def test_only_what_nothing_rests_on_may_go(said: Record, may: bool) -> None:
    """Planted: each condition of `prunable` left out in turn; this caught them."""
    assert prunable(make_leaf(said, seq=3, segment=0, at=OLD, clock="ok")) is may
    assert not prunable(make_leaf(said, seq=3, segment=0, at=OLD, clock="suspect"))


@given(st.sets(st.integers(0, 60)))
def test_runs_name_each_number_once(seqs: set[int]) -> None:
    """Planted: a run begun anew after two neighbours; this caught it."""
    spans = ranges(sorted(seqs))
    assert [seq for first, last in spans for seq in range(first, last + 1)] == sorted(seqs)
    assert all(one[1] + 1 < other[0] for one, other in pairwise(spans))
