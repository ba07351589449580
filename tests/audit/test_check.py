"""The streaming check: the quick look never lets through what the close one names; tiles; parts; a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.audit.memory_log import MemoryLog

from withness.audit import check as checking
from withness.audit.check import Part, Point, check, check_in_parts, check_part
from withness.audit.log import Head, append
from withness.audit.merkle import Frontier, leaf_hash, root_of
from withness.audit.record import Kind, Leaf, Record, canonical, damage_of, make_leaf
from withness.audit.tiles import Tile
from withness.audit.written import as_written

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
SIZE = 700


def record(number: int = 0, **other: Any) -> Record:
    said: dict[str, Any] = {"patient": "Patient/rosa", "outcome": "released", "details": {"number": number}, **other}
    return Record(kind=Kind.GATE_DECIDED, actor="Practitioner/p1", os_user="somebody", **said)


def row_of(leaf: Leaf) -> tuple[Any, ...]:
    return tuple(vars(leaf).values())


# -- one leaf

ODD = st.text(st.sampled_from('a",:{}\\[] \x00\x1f\x7fé\u2028\ue000\U0001f600') | st.characters(), max_size=8)
TEXT = ODD | st.sampled_from(['a","details":{}', '","kind":"x', "null", "Patient/rosa", '"', "\\"])
NUMBERS = st.integers() | st.sampled_from([2**53 - 1, 2**53, -0, 0, True])
DETAILS = st.dictionaries(
    TEXT, TEXT | NUMBERS | st.floats() | st.none() | st.lists(TEXT | NUMBERS, max_size=3), max_size=4
)


def made(details: dict[str, Any], text: Sequence[str | None], seq: int) -> Leaf | None:
    actor, os_user, patient, outcome, reason, second, policy, request = text
    said = Record(
        Kind.PLAN_HELD,
        actor or "",
        os_user or "",
        patient=patient,
        outcome=outcome,
        reason=reason,
        second_actor=second,
        policy=policy,
        request=request,
        asserted=seq % 2 == 0,
        details=details,
    )
    try:
        return make_leaf(said, seq=seq, segment=0, at=AT, clock="ok")
    except ValueError:
        return None  # RFC 8785 cannot write it


@settings(max_examples=300, deadline=None)
@given(DETAILS, st.lists(st.none() | TEXT, min_size=8, max_size=8), NUMBERS, st.data())
@example({}, ["a", "b", None, None, None, None, None, None], 0, None)
def test_the_quick_look_lets_through_only_what_the_close_one_does(
    details: dict[str, Any], text: list[str | None], seq: int, data: st.DataObject | None
) -> None:
    """As written, and with a piece of its bytes replaced by another and hashed anew.

    Planted: the bytes not compared with those that are written anew; this caught it.
    """
    leaf = made(details, text, seq)
    if leaf is None:
        return
    assert not as_written(row_of(leaf)) or damage_of(leaf) is None
    if data is None:
        return
    at = data.draw(st.integers(0, len(leaf.body)))
    length = data.draw(st.integers(0, 12))
    piece = data.draw(st.sampled_from([b"", b" ", b'"', b"null", b"0", b"-0", b"1.0", b'","v":1', b"\\u0061", b"\x7f"]))
    body = leaf.body[:at] + piece + leaf.body[at + length :]
    forged = replace(leaf, body=body, leaf_hash=leaf_hash(body))
    assert not as_written(row_of(forged)) or damage_of(forged) is None


FORGERIES = [
    ("actor", 'Practitioner/p1","asserted":true,"at":"x'),
    ("actor", "Practitioner/p1\x7f"),
    ("patient", 'x","policy":null,"patient":"y'),
    ("outcome", b"released"),
    ("outcome", "null"),
    ("seq", 2**53),
    ("segment", -1),
    ("v", 2),
    ("kind", ""),
]


@pytest.mark.parametrize(("column", "value"), FORGERIES)
def test_a_column_that_could_be_mistaken_takes_the_close_look(column: str, value: object) -> None:
    """Bytes built around it as the quick look would. Planted, each caught: the bytes not compared with those that the
    columns give; numbers of any size let through.
    """
    leaf = make_leaf(record(), seq=1, segment=0, at=AT, clock="ok")
    old = getattr(leaf, column)
    before = f'"{column}":' if type(old) is int else ""
    body = leaf.body.replace(f"{before}{old}".encode(), f"{before}{value}".encode(), 1)
    forged = replace(leaf, **{column: value, "body": body, "leaf_hash": leaf_hash(body)})
    assert not as_written(row_of(forged)) or damage_of(forged) is None


@pytest.mark.parametrize(("column", "value"), [("seq", True), ("segment", False), ("v", True), ("kind", b"x")])
def test_a_column_of_another_type_takes_the_close_look(column: str, value: object) -> None:
    """One that counts as alike. Planted: neither types nor bytes compared; this caught it."""
    forged = replace(make_leaf(record(), seq=1, segment=0, at=AT, clock="ok"), **{column: value})
    assert damage_of(forged)
    assert not as_written(row_of(forged))


def test_a_number_where_a_text_should_be_takes_the_close_look() -> None:
    """One that two libraries write otherwise. Planted: types not looked at; this caught it."""
    leaf = make_leaf(record(patient="Patient/rosa"), seq=1, segment=0, at=AT, clock="ok")
    body = leaf.body.replace(b'"patient":"Patient/rosa"', b'"patient":1.0')
    forged = replace(leaf, patient=1.0, body=body, leaf_hash=leaf_hash(body))  # type: ignore[arg-type]
    assert damage_of(forged)
    assert not as_written(row_of(forged))


@pytest.mark.parametrize(
    "details",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":"b c", "d":1}',
        b'{"a":\t1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":9007199254740993}',
        b'{"a":-0}',
        b'{"a":NaN}',
        b'{"a":1,"a":1}',
        b'{"a":[{"c":1,"b":2}]}',
        b'{"a":[{"b":1,"b":1}]}',
        b'{"a":1}x',
        b'{"a":1,}',
        '{"\ue000":1,"\U0001f600":2}'.encode(),
        b"",
        b"x",
    ],
)
def test_details_in_a_second_spelling_are_no_quick_matter(details: bytes) -> None:
    """Planted: the bytes not compared with those that are written anew; floats let through; names beyond U+FFFF ranked
    by code point; each was caught.
    """
    leaf = make_leaf(record(), seq=1, segment=0, at=AT, clock="ok")
    body = leaf.body.replace(b'{"number":0}', details)
    forged = replace(leaf, body=body, leaf_hash=leaf_hash(body))
    assert damage_of(forged)
    assert not as_written(row_of(forged))


def test_a_name_that_is_read_as_another_takes_the_close_look() -> None:
    """orjson takes these two names for one. Planted: whatever it reads so taken for damage; caught."""
    alike = "A6KZE51LBUC9GQ.h8hLjZHKr8RFD3D8lXYnkuNLI6tD_q6wBMRUXYqylpnMvXatL"
    said = record(details={"suicide.now": "yes", alike: "no"})
    leaf = make_leaf(said, seq=1, segment=0, at=AT, clock="ok")
    assert as_written(row_of(leaf)) == (orjson.loads(leaf.body)["details"] == said.details)
    assert damage_of(leaf) is None


def test_ordinary_records_are_seen_quickly() -> None:
    """Else the check is as slow as before. Planted: an upper bound of 0 for `seq`; this caught it."""
    for said in (
        record(),
        record(patient=None),
        record(details={"b": [1, {"c": None}], "a": True}),
        record(reason="x"),
    ):
        assert as_written(row_of(make_leaf(said, seq=7, segment=0, at=AT, clock="ok")))


# -- the log


@cache
def _filled() -> MemoryLog:
    log = MemoryLog()
    append(log, [record(number) for number in range(SIZE)], at=AT)
    return log


def copied() -> MemoryLog:
    """A log of 700 records: two full tiles and a rest."""
    log, kept = MemoryLog(), _filled()
    log._leaves, log._heads, log._tiles = list(kept._leaves), dict(kept._heads), dict(kept._tiles)
    return log


def serially(parts: Iterable[Part], log: MemoryLog) -> Iterable[Part]:
    return (check_part(log, part) for part in parts)


def both(log: MemoryLog, start: Point | None = None) -> list[str]:
    """What the check finds; in parts, it must find the same."""
    found = [one.sentence() for one in check(log, start=start)]
    assert [one.sentence() for one in check_in_parts(log, lambda parts: serially(parts, log), start=start)] == found
    return found


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "PART", 256)


def test_a_log_with_its_tiles_is_whole() -> None:
    """In one go and in parts. Planted: the rest of the last part left out; this caught it."""
    log = copied()
    assert len(list(log.tiles())) == 2
    assert both(log) == []


def forge_tile(log: MemoryLog, **other: Any) -> None:
    log._tiles[0, 0, 1] = replace(log._tiles[0, 0, 1], **other)


def test_every_tile_is_held_against_its_records() -> None:
    """Edited, moved, missing, one more. Planted, one at a time: root, hashes, number of tiles not looked at; caught."""
    tile = _filled()._tiles[0, 0, 1]
    for forged in ({"root": bytes(32)}, {"hashes": bytes(8192)}, {"hashes": "text"}, {"hashes": tile.hashes[:-1]}):
        log = copied()
        forge_tile(log, **forged)
        assert both(log) == ["Tile 1 of level 0 in segment 0 does not hold the hashes of its records."]
    log = copied()
    del log._tiles[0, 0, 1]
    assert both(log) == ["Segment 0 should have 2 full tiles of level 0, and has 1."]
    for place in ((0, 0, 2), (0, 1, 0), (1, 0, 0), (0, -1, 0), (0, 0, -1), (0, "x", 0)):
        log = copied()
        log._tiles[place] = Tile(*place, tile.root, tile.hashes)  # type: ignore[arg-type]
        log.tiles = lambda log=log: iter(log._tiles.values())  # type: ignore[method-assign, misc]
        assert len(both(log)) == 1, place


@pytest.mark.parametrize("seq", [0, 255, 256, 511, 512, SIZE - 1])
def test_an_edit_is_named_alike_in_one_go_and_in_parts(seq: int) -> None:
    """At the edges of tiles and parts. Planted: a part's irregularity not looked at; this caught it."""
    log = copied()
    log._leaves[seq] = replace(log._leaves[seq], outcome="held")
    assert both(log) == [f"Record {seq}: its column outcome does not say what its bytes say."]
    log = copied()
    del log._leaves[seq]
    assert f"Record {seq}: the record is missing; the next one there is {seq + 1}." in both(log) or seq == SIZE - 1
    assert both(log)
    log = copied()
    forged = canonical({"x": 1})
    log._leaves[seq] = replace(log._leaves[seq], body=forged)
    assert both(log)


def test_records_beside_the_tree_are_found_in_parts_too() -> None:
    """Before the first, after the last. Planted: only what the head counts looked at; this caught both."""
    for seq in (-1, SIZE):
        log = copied()
        leaf = make_leaf(record(), seq=seq, segment=0, at=AT, clock="ok")
        log._leaves.insert(0 if seq < 0 else SIZE, leaf)
        assert both(log)


def test_a_second_segment_is_looked_at_like_the_first() -> None:
    """In parts too. Planted: only the first segment's head compared; this caught it."""
    log = copied()
    append(log, [record(number) for number in range(300)], at=AT, fresh_segment=True)
    assert both(log) == ["The trail was found damaged before: it has 2 segments."]
    log._heads[1] = replace(log._heads[1], root=bytes(32))
    assert len(both(log)) == 2


# -- from a checkpoint on


def point(size: int) -> Point:
    return Point(0, size, root_of(leaf.leaf_hash for leaf in islice(_filled()._leaves, size)))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 600, SIZE])
def test_only_what_comes_after_a_checkpoint_is_looked_at(size: int) -> None:
    """An edit of a column before it is not found, one after it is. Planted: `start` left out; this caught it."""
    log = copied()
    assert both(log, point(size)) == []
    if size > 1:
        log._leaves[0] = replace(log._leaves[0], outcome="held")
        assert not list(check(log, start=point(size)))
    if size < SIZE:
        log._leaves[-1] = replace(log._leaves[-1], outcome="held")
        assert both(log, point(size))[-1:] == [
            f"Record {SIZE - 1}: its column outcome does not say what its bytes say."
        ]


def test_a_checkpoint_of_another_log_is_named_and_all_is_looked_at() -> None:
    """Another root, another segment, more records than there are. Planted: the root not compared; this caught it."""
    log = copied()
    log._leaves[3] = replace(log._leaves[3], outcome="held")
    for wrong in (Point(0, 600, bytes(32)), Point(4, 600, point(600).root), Point(0, SIZE + 1, point(SIZE).root)):
        found = both(log, wrong)
        assert len(found) == 2
        assert "checkpoint" in found[0]
        assert found[1].startswith("Record 3:")


def test_a_cut_tail_after_a_checkpoint_is_named() -> None:
    """Tail and head cut together, down to what fits. Planted: the size not compared with the head; this caught it."""
    log = copied()
    del log._leaves[600:]
    frontier = Frontier()
    for leaf in log._leaves:
        frontier = frontier.append(leaf.leaf_hash)
    log._heads[0] = Head(0, 0, 600, frontier.root(), frontier.to_bytes())
    assert both(log) == []
    assert "shorter than its checkpoint" in both(log, point(650))[0]
