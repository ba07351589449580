"""Checkpoints outside the database: published in their rhythm, never backwards, and held against the log."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.audit.memory_log import MemoryLog

from withness.audit import checkpoint
from withness.audit.checkpoint import Checkpoint
from withness.audit.folder import Folder
from withness.audit.log import Doubt, append, broken, damage
from withness.audit.log_key import make_log_key, read_log_key
from withness.audit.publishing import Publisher, Rhythm
from withness.audit.record import Kind, Record
from withness.errors import InvalidInput, KeyMissing

AT = datetime(2026, 11, 21, 10, tzinfo=UTC)
SAVED = Record(Kind.NOTE_SAVED, "Practitioner/p1", "somebody")


class Published(MemoryLog):
    """A log in memory whose checkpoints are published, as a store's are."""

    def __init__(self, publisher: Publisher) -> None:
        super().__init__()
        self.publisher = publisher

    def anchor_damage(self, *, prove: bool) -> str | None:
        return self.publisher.damage(self, self.publisher.read(), prove=prove)

    def doubt(self) -> Doubt | None:
        return self.publisher.doubt(self.publisher.read(), [one.segment for one in self.heads()])

    def add(self, count: int, record: Record = SAVED) -> None:
        """Append records, each durable by itself."""
        for _ in range(count):
            [leaf] = append(self, [record], at=AT)
            head = self.head()
            assert head is not None
            self.publisher.durable([(leaf, head)])


class Clock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def publisher(tmp_path: Path, clock: Clock) -> Publisher:
    key = make_log_key(tmp_path / "keys" / "d1.log-key", "d1")
    made = Publisher("d1", Folder(tmp_path / "out"), key, now=clock, rhythm=Rhythm(records=10))
    made.begin()
    return made


def size(publisher: Publisher) -> int:
    """The size that was published last."""
    return checkpoint.verify(publisher.folder.read()[0], [publisher.key.vkey]).size


def test_a_checkpoint_is_published_at_once_then_every_so_many_records_and_by_time(
    publisher: Publisher, clock: Clock
) -> None:
    """Planted: `_due` without the count; without the time; each was seen here."""
    log = Published(publisher)
    log.add(1)
    assert size(publisher) == 1
    log.add(9)
    assert size(publisher) == 1
    log.add(1)
    assert size(publisher) == 11
    clock.at += timedelta(minutes=6)
    log.add(1)
    assert size(publisher) == 12


@pytest.mark.parametrize(
    "kind",
    [Kind.OVERRIDE_GRANTED, Kind.PROTOCOL_OPENED, Kind.PROTOCOL_RELEASED, Kind.ACUITY_RAISED, Kind.TRAIL_SIGNED_OFF],
)
def test_each_override_release_and_acute_event_is_published_at_once(publisher: Publisher, kind: Kind) -> None:
    """Planted: URGENT without the kind; its row saw it."""
    log = Published(publisher)
    log.add(2)
    log.add(1, replace(SAVED, kind=kind))
    assert size(publisher) == 3


def test_a_log_that_goes_on_stays_sound(publisher: Publisher) -> None:
    """The base line: over several tiles, nothing is damaged. Planted: a root from the tiles of another level."""
    log = Published(publisher)
    for _ in range(6):
        log.add(100)
        assert damage(log) is None
        assert not broken(log)


def cut(log: Published, by: int) -> Published:
    """What is left when the newest records were cut off and the tree was rebuilt: whole by itself."""
    return _copied(log.publisher, [SAVED] * (len(list(log.leaves())) - by))


def rewritten(publisher: Publisher, count: int) -> Published:
    """A log that is whole by itself and says that somebody else did it."""
    return _copied(publisher, [replace(SAVED, actor="Practitioner/p2")] * count)


def _copied(publisher: Publisher, records: list[Record]) -> Published:
    forged, made = MemoryLog(), Published(publisher)
    for record in records:
        [leaf] = append(forged, [record], at=AT)
        head = forged.head()
        assert head is not None
        made.put((leaf, head))
    return made


def test_a_log_shorter_than_what_was_published_is_damaged(publisher: Publisher) -> None:
    """Planted: sizes not compared; this saw it."""
    log = Published(publisher)
    log.add(11)
    shorter = cut(log, 1)
    assert "cut off" in (shorter.anchor_damage(prove=False) or "")
    assert broken(shorter)


def test_a_log_rewritten_to_the_same_length_is_damaged(publisher: Publisher) -> None:
    """Planted: only the size compared (the published fix of another product); this saw it."""
    log = Published(publisher)
    log.add(11)
    other = rewritten(Publisher("d1", publisher.folder, publisher.key, now=publisher._now), 11)
    assert "not the log" in (other.anchor_damage(prove=False) or "")
    assert broken(other)


def test_a_rewrite_behind_a_running_process_stops_the_next_plan(publisher: Publisher) -> None:
    """Planted: `broken` content with what was proved once; this saw it."""
    log = Published(publisher)
    log.add(11)
    assert not broken(log)
    other = rewritten(publisher, 12)
    assert other.anchor_damage(prove=False) is None, "the cheap look asks for sizes alone"
    assert broken(other)


def test_a_shorter_log_never_takes_the_place_of_a_longer_ones_checkpoint(publisher: Publisher) -> None:
    """Planted: the newest written wins; this saw it."""
    log = Published(publisher)
    log.add(11)
    before = publisher.folder.read()[0]
    shorter = cut(log, 5).head()
    assert shorter is not None
    publisher.publish(shorter)
    assert publisher.folder.read()[0] == before
    assert "one of 11 records lies there, and the log has 6" in publisher.trouble


def test_what_lies_there_and_cannot_give_way_is_told(publisher: Publisher) -> None:
    """Planted: a note of as many records passed over in silence; an unreadable one written over; each was seen here."""
    log = Published(publisher)
    log.add(11)
    path = publisher.folder.path / "segment-0.checkpoint"
    other = rewritten(publisher, 11).head()
    head = log.head()
    assert other is not None
    assert head is not None
    publisher.publish(other)
    assert "another root" in publisher.trouble
    publisher.publish(head)
    assert publisher.trouble == ""
    path.write_text("nonsense", encoding="utf-8")
    publisher.publish(head)
    assert "could not be published" in publisher.trouble
    assert path.read_text(encoding="utf-8") == "nonsense", "what it said can still be looked for"


@pytest.mark.parametrize("text", ["", "nonsense", "withness/d1/0\n1\n", "withness/other/0\n1\n" + "A" * 43 + "=\n"])
def test_a_published_checkpoint_that_says_nothing_holds(publisher: Publisher, text: str) -> None:
    """Planted: an unreadable note passed over; this saw it."""
    log = Published(publisher)
    log.add(1)
    (publisher.folder.path / "segment-0.checkpoint").write_text(text)
    assert broken(log)


def test_another_logs_checkpoint_in_this_logs_place_holds(publisher: Publisher, tmp_path: Path) -> None:
    """Planted: the origin not asked; this saw it. The root even fits."""
    log = Published(publisher)
    log.add(1)
    head = log.head()
    assert head is not None
    other = make_log_key(tmp_path / "d2.log-key", "d2").sign(Checkpoint(checkpoint.origin("d2", 0), 1, head.root))
    (publisher.folder.path / "segment-0.checkpoint").write_text(other, encoding="utf-8")
    assert broken(log)


def test_a_folder_that_cannot_be_written_stops_no_record_and_is_told(publisher: Publisher, tmp_path: Path) -> None:
    """Planted: OSError let through; this saw it. A file stands where the folder should be."""
    away = (tmp_path / "out").rename(tmp_path / "away")
    (tmp_path / "out").write_text("in the way")
    log = MemoryLog()
    [leaf] = append(log, [SAVED], at=AT)
    head = log.head()
    assert head is not None
    publisher.durable([(leaf, head)])
    assert "could not be published" in publisher.trouble
    (tmp_path / "out").unlink()
    away.rename(tmp_path / "out")
    publisher.durable([(leaf, head)])
    assert publisher.trouble == ""
    assert size(publisher) == 1


def test_the_log_key_is_its_owners_alone_and_its_own_logs(tmp_path: Path) -> None:
    """Planted: mode not asked; name not asked; each was seen here."""
    path = tmp_path / "d1.log-key"
    made = make_log_key(path, "d1")
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert read_log_key(path, "d1").vkey == made.vkey
    with pytest.raises(InvalidInput, match="another data directory"):
        read_log_key(path, "d2")
    with pytest.raises(InvalidInput, match="never overwritten"):
        make_log_key(path, "d1")
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match="read by others"):
        read_log_key(path, "d1")
    with pytest.raises(KeyMissing):
        read_log_key(tmp_path / "none.log-key", "d1")


def test_a_folder_that_cannot_be_read_holds_while_it_lasts_and_is_no_damage(publisher: Publisher) -> None:
    """Planted: taken for damage, which begins a segment and ends every plan; this saw it."""
    log = Published(publisher)
    log.add(11)
    path = publisher.folder.path / "segment-0.checkpoint"
    kept = path.read_text(encoding="utf-8")
    for spoiled in (b"", b"\xff\xfe", b"x" * 100_000):
        path.write_bytes(spoiled)
        assert broken(log)
        assert damage(log) is None
        append(log, [SAVED], at=AT)
        head = log.head()
        assert head is not None
        assert head.segment == 0
    path.write_text(kept, encoding="utf-8")
    assert not broken(log)


def test_what_lies_about_in_the_folder_stops_nothing(publisher: Publisher) -> None:
    """Planted: any number taken for a segment; a pipe opened; each was seen here (the second by hanging)."""
    log = Published(publisher)
    (publisher.folder.path).mkdir(exist_ok=True)
    (publisher.folder.path / "segment-9007199254740991.checkpoint").write_text("nonsense")
    log.add(11)
    assert not broken(log)
    os.mkfifo(publisher.folder.path / "segment-9.checkpoint")
    log.add(1)
    assert broken(log)
    assert damage(log) is None


def test_a_pipe_among_the_daily_checkpoints_holds_nothing_up(publisher: Publisher) -> None:
    """An export reads all of them. Planted: each opened, whatever it is; seen by hanging."""
    Published(publisher).add(1)
    folder = publisher.folder
    there = list(folder.notes(0))
    os.mkfifo(folder.path / "2026-11-01-segment-0.checkpoint")
    (folder.path / "2026-11-02-segment-0.checkpoint").mkdir()
    found: list[str] = []
    reading = threading.Thread(target=lambda: found.extend(folder.notes(0)), daemon=True)
    reading.start()
    reading.join(timeout=10)
    assert not reading.is_alive()
    assert sorted(found) == sorted(there) != []


def test_a_copy_whose_segment_is_missing_is_told_that_another_one_publishes(publisher: Publisher) -> None:
    """To mount the folder sends somebody who acknowledged a loss astray. Planted: the owner not asked; this saw it."""
    live = Publisher("d1", Folder(publisher.folder.path, "/data/live"), publisher.key, now=publisher._now)
    copy = Publisher("d1", Folder(publisher.folder.path, "/data/copy"), publisher.key, now=publisher._now)
    Published(live).add(1)
    of_the_live, of_the_copy = live.doubt(live.read(), [0, 1]), copy.doubt(copy.read(), [0, 1])
    assert of_the_live is not None
    assert of_the_copy is not None
    assert "Mount that folder" in of_the_live.hint
    assert "Another copy" in of_the_copy.hint
    assert "Mount" not in of_the_copy.hint
    assert "--take-over" in of_the_copy.hint


def test_a_copy_publishes_nothing_until_it_takes_over(publisher: Publisher) -> None:
    """A copy looked at, or restored for a drill, has the same log. Planted: the owner not asked; this saw it."""
    live = Publisher("d1", Folder(publisher.folder.path, "/data/live"), publisher.key, now=publisher._now)
    copy = Publisher("d1", Folder(publisher.folder.path, "/data/copy"), publisher.key, now=publisher._now)
    log = Published(live)
    log.add(11)
    assert size(live) == 1
    elsewhere = _copied(copy, [SAVED] * 12)
    head = elsewhere.head()
    assert head is not None
    copy.publish(head)
    assert "another copy" in copy.trouble
    assert size(live) == 1
    assert not broken(log)
    copy.folder.take_over()
    copy.publish(head)
    assert copy.trouble == ""
    assert size(copy) == 12
    live.publish(head)
    assert "another copy" in live.trouble
