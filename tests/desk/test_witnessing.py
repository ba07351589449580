"""A reviewer as witness: the log goes on from what they saw, or is refused with both roots named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.system.site import CLINICIAN, Site

from withness.audit import offline_verifier
from withness.desk.asking import actor_of
from withness.desk.witnessing import Synced, sync
from withness.directory import rotate_log_key
from withness.errors import InvalidInput, TrailDamaged


@pytest.fixture
def state(site: Site, tmp_path: Path) -> Path:
    """A reviewer's file, on a trail of a few records."""
    site.screen()
    folder = tmp_path / "reviewer"
    folder.mkdir()
    return folder / "mine.json"


def synced(site: Site, state: Path, **more: str | Path) -> Synced:
    return sync(site.context.store, state, **more)  # type: ignore[arg-type]


def published_nothing(site: Site) -> None:
    """Whoever puts back an old copy puts back the folder of checkpoints too, where they can."""
    assert site.context.store.publisher is not None
    shutil.rmtree(site.context.store.publisher.folder.path, ignore_errors=True)


def rewrite(site: Site, statement: str) -> None:
    """Change the database behind the software's back, triggers put away."""
    site.desk.close()
    with sqlite3.connect(site.settings.database, isolation_level=None) as database:
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
    database.close()
    published_nothing(site)


def test_the_first_use_pins_the_key_and_each_next_goes_on_from_what_was_seen(site: Site, state: Path) -> None:
    """Planted: the state left as it was at the second use; caught."""
    first = synced(site, state)
    assert site.context.store.publisher is not None
    assert (first.earlier, first.vkey) == (None, site.context.store.publisher.key.vkey)
    assert state.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in state.parent.iterdir()] == ["mine.json"]
    same = synced(site, state)
    assert (same.earlier, same.line) == (first.latest, first.line)
    site.screen()
    later = synced(site, state)
    assert later.earlier == first.latest
    assert later.latest.size > first.latest.size
    assert synced(site, state).earlier == later.latest


def test_the_line_is_size_and_the_beginning_of_the_root(site: Site, state: Path) -> None:
    """What two people say on the phone. Planted: the root of the earlier checkpoint; caught."""
    site.screen()
    done = synced(site, state)
    with site.context.store.transaction() as tx:
        head = tx.head()
    assert head is not None
    assert done.line == f"{head.size} {head.root.hex()[:16]}"


def test_the_consistency_proof_is_checked_without_us(site: Site, state: Path, tmp_path: Path) -> None:
    """Planted: the proof of the present size to itself; caught."""
    key = synced(site, state).vkey
    site.screen()
    synced(site, state, proof_out=tmp_path / "since.json")
    assert offline_verifier.main(["--consistency", str(tmp_path / "since.json"), "--vkey", key]) == 0
    before = state.read_bytes()
    with pytest.raises(InvalidInput, match="never overwritten"):
        synced(site, state, proof_out=tmp_path / "since.json")
    assert state.read_bytes() == before


def test_a_cut_log_is_refused(site: Site, state: Path) -> None:
    """An old copy put back, the published checkpoints with it. Planted: sizes not compared; caught."""
    old = site.settings.database.with_name("old")
    site.desk.close()
    shutil.copy(site.settings.database, old)
    site.open()
    site.screen()
    seen = synced(site, state)
    before = state.read_bytes()
    site.desk.close()
    shutil.copy(old, site.settings.database)
    published_nothing(site)
    with pytest.raises(TrailDamaged, match="cut off") as refused:
        synced(site, state)
    assert seen.latest.root.hex() in refused.value.message
    assert state.read_bytes() == before


def test_another_story_of_the_same_length_or_longer_is_refused(site: Site, state: Path) -> None:
    """A copy that went another way. Planted: sizes compared alone; caught. Both roots are named, the file stays."""
    old = site.settings.database.with_name("old")
    site.desk.close()
    shutil.copy(site.settings.database, old)
    site.open()
    site.screen()
    seen = synced(site, state)
    before = state.read_bytes()
    site.desk.close()
    shutil.copy(old, site.settings.database)
    published_nothing(site)
    site.open()
    for _ in range(2):
        site.screen()
        with site.context.store.transaction() as tx:
            head = tx.head()
        assert head is not None
        assert head.size >= seen.latest.size
        with pytest.raises(TrailDamaged, match="rewritten") as refused:
            synced(site, state)
        assert seen.latest.root.hex() in refused.value.message
        assert len([word for word in refused.value.message.replace(",", "").split() if len(word) == 64]) == 2
        assert state.read_bytes() == before


def test_a_rewritten_leaf_is_refused(site: Site, state: Path) -> None:
    """Planted: the root taken from the stored head; caught."""
    synced(site, state)
    rewrite(site, "UPDATE audit_leaf SET leaf_hash = zeroblob(32) WHERE seq = 1")
    with pytest.raises(TrailDamaged, match="rewritten"):
        synced(site, state)


def test_a_new_segment_is_no_continuation(site: Site, state: Path) -> None:
    """Found damaged since: somebody must look. Planted: any segment taken; caught."""
    synced(site, state)
    before = state.read_bytes()
    site.damage_the_trail()
    with pytest.raises(TrailDamaged, match="new segment"):
        synced(site, state)
    assert state.read_bytes() == before


def test_another_logs_file_is_refused(site: Site, state: Path, tmp_path: Path) -> None:
    """Planted: the origin not compared; caught."""
    with Site(tmp_path / "other", tmp_path / "keys" / "other.key") as other:
        other.screen()
        synced(other, state)
    with pytest.raises(TrailDamaged, match="another log"):
        synced(site, state)


def lose_the_key(site: Site) -> None:
    """The log's key is gone, and another one takes its place."""
    site.desk.close()
    [path] = site.key_file.parent.glob("*.log-key")
    path.unlink()
    rotate_log_key(site.settings, actor_of(CLINICIAN), lost=True)
    site.open()


def test_the_pinned_key_holds(site: Site, state: Path) -> None:
    """Planted: the present key taken at each use; caught."""
    key = synced(site, state).vkey
    lose_the_key(site)
    publisher = site.context.store.publisher
    assert publisher is not None
    with pytest.raises(TrailDamaged, match="another key"):
        synced(site, state)
    other = publisher.key.vkey
    assert json.loads(state.read_text(encoding="utf-8"))["vkey"] == key
    assert synced(site, state, vkey=other).vkey == other
    assert synced(site, state).vkey == other
    with pytest.raises(TrailDamaged, match="another key"):
        synced(site, state.with_name("fresh"), vkey=key)
    assert not state.with_name("fresh").exists()
    with pytest.raises(InvalidInput, match="--vkey"):
        synced(site, state, vkey="no key")


def test_a_rotation_that_the_old_key_signed_leads_on(site: Site, state: Path) -> None:
    """Planted: the rotation's signatures not verified; caught. A lost key leads nowhere by itself."""
    key = synced(site, state).vkey
    site.desk.close()
    for _ in range(2):
        rotate_log_key(site.settings, actor_of(CLINICIAN))
    site.open()
    done = synced(site, state)
    assert done.rotated
    assert done.vkey != key
    assert not synced(site, state).rotated
    lose_the_key(site)
    with pytest.raises(TrailDamaged, match="another key"):
        synced(site, state)


def test_a_forged_rotation_leads_nowhere(site: Site, state: Path) -> None:
    """The record is there, the old key's signature is not. Planted: only the names of the keys compared; caught."""
    synced(site, state)
    lose_the_key(site)
    site.desk.close()
    rewrite(site, "UPDATE audit_leaf SET outcome = 'rotated' WHERE kind = 'key.rotated'")
    site.open()
    site.console("audit", "checkpoint", "--take-over")
    with pytest.raises(TrailDamaged, match="another key"):
        synced(site, state)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "no json",
        '{"format": "withness-reviewer/2", "vkey": "x", "checkpoint": "y"}',
        "\ud800",
        "edited",
    ],
)
def test_a_file_that_is_none_is_refused_and_left(site: Site, state: Path, text: str) -> None:
    """Planted: an unreadable file taken for a first use; caught."""
    if text == "edited":
        synced(site, state)
        text = state.read_text(encoding="utf-8").replace("/0\\n", "/0\\n1", 1)
    content = text.encode("utf-8", "surrogatepass")
    state.write_bytes(content)
    with pytest.raises(InvalidInput) as refused:
        synced(site, state)
    assert refused.value.field == "--state"
    assert state.read_bytes() == content


def test_a_place_that_cannot_be_written_is_told(site: Site, state: Path) -> None:
    """Planted: the error let through as it is; caught."""
    with pytest.raises(InvalidInput, match="cannot be"):
        synced(site, state.parent / "none" / "x")
    with pytest.raises(InvalidInput, match="cannot be read"):
        synced(site, state.parent)
