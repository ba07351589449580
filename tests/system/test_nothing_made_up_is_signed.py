"""Whoever writes the database without any key makes heads up, or an acknowledgement: the log key signs none of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.system.site import Site
from withness.audit import checkpoint
from withness.audit.merkle import Frontier
from withness.audit.record import Kind, Record, make_leaf

ASKED = (["checkpoint"], ["checkpoint", "--take-over", "--yes"], ["sync-reviewer", "--state", "STATE"])


def make_up_segment(site: Site) -> bytes:
    """Put there the head of a segment that never was."""
    root = b"r" * 32
    site.desk.close()
    with sqlite3.connect(site.settings.database) as database:
        database.execute("INSERT INTO audit_head VALUES (7, 900, 3, ?, ?)", (root, b"p" * 64))
    database.close()
    return root


def edit_newest(site: Site) -> bytes:
    """Let the newest head say another tree of as many leaves, root and peaks agreeing."""
    site.desk.close()
    database = sqlite3.connect(site.settings.database)
    [size] = database.execute("SELECT size FROM audit_head").fetchone()
    tree = Frontier()
    for number in range(size):
        tree = tree.append(bytes([number % 256]) * 32)
    with database:
        database.execute("UPDATE audit_head SET root = ?, peaks = ?", (tree.root(), tree.to_bytes()))
    database.close()
    return tree.root()


def forge_acknowledgement(site: Site, lost: object = (), have: object = ()) -> bytes:
    """Begin a segment that bears itself out with a record of a loss that nobody signed for."""
    site.desk.close()
    database = sqlite3.connect(site.settings.database)
    [seq] = database.execute("SELECT max(seq) + 1 FROM audit_leaf").fetchone()
    said = Record(
        Kind.TRAIL_SIGNED_OFF,
        "Practitioner/x",
        "root",
        outcome="restored",
        details={"lost": lost, "have": have, "act": "x"},
    )
    leaf = make_leaf(said, seq=seq, segment=1, at=datetime.now(UTC), clock="ok")
    tree, row = Frontier().append(leaf.leaf_hash), vars(leaf)
    with database:
        places = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO audit_leaf ({', '.join(row)}) VALUES ({places})", tuple(row.values()))
        database.execute("INSERT INTO audit_head VALUES (1, ?, 1, ?, ?)", (seq, tree.root(), tree.to_bytes()))
    database.close()
    return tree.root()


def published(site: Site) -> dict[str, bytes]:
    """The root that each published checkpoint states."""
    folder = site.key_file.parent / "checkpoints"
    notes = {str(one): one.read_text(encoding="utf-8") for one in folder.rglob("*segment-*.checkpoint")}
    return {name: checkpoint.read(note).checkpoint.root for name, note in notes.items()}


@pytest.mark.parametrize("told", [5, [5], [{}], {"segment": 0}, [{"segment": 0, "size": "1", "root": ""}], None])
def test_whatever_a_forged_acknowledgement_names_verify_calls_it_damage(site: Site, told: object) -> None:
    """Planted: what it names taken as it stands; each was "cannot tell" (exit 7), by an error that nobody explained."""
    site.screen()
    forge_acknowledgement(site, told, told)
    done = site.console("audit", "verify")
    assert (done.returncode, "Traceback" in done.stderr) == (4, False), done.stderr


MAKING_UP = (make_up_segment, edit_newest, forge_acknowledgement)


@pytest.mark.parametrize("make_up", MAKING_UP)
@pytest.mark.parametrize("ask", ASKED, ids=" ".join)
def test_it_is_damage_and_unsigned(
    site: Site, tmp_path: Path, make_up: Callable[[Site], bytes], ask: list[str]
) -> None:
    """Planted: heads not held against their trees; a take-over that signs every head; an acknowledgement believed; each
    was caught, and each was so; of a segment it was said that a folder should be mounted (exit 7)."""
    site.screen()
    assert site.console("audit", "checkpoint").returncode == 0
    root, state = make_up(site), tmp_path / "state"
    done = site.console("audit", *(str(state) if one == "STATE" else one for one in ask))
    assert (done.returncode, "damaged" in done.stderr) == (4, True), done.stderr
    assert ("Traceback" in done.stderr, "Mount" in done.stderr) == (False, False)
    assert root not in published(site).values()
    assert root.hex() not in done.stdout
    assert not state.exists()


@pytest.mark.parametrize("make_up", MAKING_UP)
def test_what_is_there_goes_out_however_often(site: Site, tmp_path: Path, make_up: Callable[[Site], bytes]) -> None:
    """After verify too, which begins a segment. A proof of what lies under a checkpoint that fits, as well. Planted:
    damage asked of the newest end alone; caught."""
    site.screen()
    assert site.console("audit", "checkpoint").returncode == 0
    make_up(site)
    for number in range(3):
        out, proof = tmp_path / f"{number}.csv", tmp_path / f"{number}.json"
        done = site.console("audit", "export", "--format", "csv", "--out", str(out))
        assert (done.returncode, out.exists()) == (4, True), done.stderr
        assert "signed for what was lost" not in done.stdout
        done = site.console("audit", "prove", "1", "--out", str(proof))
        assert (done.returncode, proof.exists()) == (0, True), done.stderr
        assert site.console("audit", "verify").returncode == 4


def test_a_folder_that_is_away_is_named_where_the_trail_was_damaged_before(site: Site, tmp_path: Path) -> None:
    """What to mount, by verify too. Planted: called damage; caught."""
    site.screen()
    edit_newest(site)
    assert site.console("audit", "verify").returncode == 4
    shutil.move(site.key_file.parent / "checkpoints", tmp_path / "away")
    for one in ("checkpoint", "verify"):
        done = site.console("audit", one)
        assert "Mount that folder" in " ".join((done.stdout + done.stderr).split())


def test_a_copy_leaves_the_log_key_alone(site: Site, tmp_path: Path) -> None:
    """Its rotation took the live log's key away for good. Planted: rotated; caught."""
    site.screen()
    assert site.console("audit", "checkpoint").returncode == 0
    shutil.copytree(site.home, tmp_path / "copy")
    keys = {one: one.read_bytes() for one in site.key_file.parent.glob("*log-key*")}
    done = site.console("key", "rotate", "--home", str(tmp_path / "copy"))
    assert (done.returncode, "nothing is signed here" in done.stderr) == (7, True)
    assert {one: one.read_bytes() for one in site.key_file.parent.glob("*log-key*")} == keys
    assert site.console("key", "rotate").returncode == 0


def test_where_nobody_can_tell_whose_folder_it_is_nothing_is_signed(site: Site, tmp_path: Path) -> None:
    """Planted: taken for one's own; caught."""
    site.screen()
    assert site.console("audit", "checkpoint").returncode == 0
    [owner] = (site.key_file.parent / "checkpoints").glob("*/owner")
    owner.unlink()
    owner.mkdir()
    done = site.console("audit", "sync-reviewer", "--state", str(tmp_path / "state"))
    assert (done.returncode, "cannot be read" in done.stderr) == (7, True), done.stderr
    assert not (tmp_path / "state").exists()
