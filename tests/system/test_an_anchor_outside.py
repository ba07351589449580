"""A checkpoint kept outside the database shows every rewrite, however well the tree was rebuilt (I5)."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.audit.memory_log import MemoryLog
from tests.system.site import CLINICIAN, Site, make_draft
from withness.audit.log import Head
from withness.audit.merkle import Frontier, leaf_hash
from withness.audit.record import Leaf, canonical, columns
from withness.errors import TrailDamaged

Values = list[dict[str, Any]]


def lived_in(site: Site) -> None:
    """A saved plan, an acute screen, and looking at the trail."""
    site.screen()
    site.save()
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    site.console("audit", "show")
    site.console("audit", "show")


@pytest.fixture
def anchor(site: Site, tmp_path: Path) -> Path:
    """The checkpoint of a site that was lived in, in a place of its own."""
    lived_in(site)
    kept = tmp_path / "kept" / "monday.checkpoint"
    kept.parent.mkdir()
    code, _ = site.console_json("audit", "checkpoint", "--out", str(kept))
    assert code == 0
    return kept


def folder(site: Site) -> Path:
    """Where the site publishes its checkpoints."""
    publisher = site.context.store.publisher
    assert publisher is not None
    return publisher.folder.path


def begin_anew(site: Site) -> None:
    """Begin the folder anew, as whoever owns it can: it is on record."""
    assert site.console("audit", "checkpoint", "--take-over").returncode == 0


def forge(site: Site, change: Callable[[Values], Values]) -> None:
    """Rewrite the whole log as somebody would who owns the database: every hash and the tree fit again."""
    site.desk.close()
    database = sqlite3.connect(site.settings.database, isolation_level=None)
    triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        database.execute(f"DROP TRIGGER {name}")
    bodies = database.execute("SELECT body FROM audit_leaf ORDER BY seq").fetchall()
    forged, head = _rebuilt(change([json.loads(body) for (body,) in bodies]))
    database.execute("DELETE FROM audit_leaf")
    database.execute("DELETE FROM audit_head")
    names = list(vars(forged[0]))
    marks = ", ".join("?" * len(names))
    rows = [tuple(vars(leaf).values()) for leaf in forged]
    database.executemany(f"INSERT INTO audit_leaf ({', '.join(names)}) VALUES ({marks})", rows)
    database.execute("INSERT INTO audit_head VALUES (?, ?, ?, ?, ?)", tuple(vars(head).values()))
    for _, sql in triggers:
        database.execute(sql)
    database.close()


def _rebuilt(values: Values) -> tuple[list[Leaf], Head]:
    log, frontier = MemoryLog(), Frontier()
    for seq, value in enumerate(values):
        body = canonical({**value, "seq": seq})
        leaf = Leaf(leaf_hash=leaf_hash(body), body=body, **columns({**value, "seq": seq}))
        frontier = frontier.append(leaf.leaf_hash)
        log.put((leaf, Head(0, 0, frontier.size, frontier.root(), frontier.to_bytes())))
    [head] = log.heads()
    return list(log.leaves()), head


def another_actor(values: Values) -> Values:
    """Somebody else looked at the trail."""
    return [{**one, "actor": "Practitioner/p9"} if one["kind"] == "trail.viewed" else one for one in values]


def without_the_viewing(values: Values) -> Values:
    """Nobody looked at the trail: taken out of the middle or the end."""
    return [one for one in values if one["kind"] != "trail.viewed"]


def one_viewing_more(values: Values) -> Values:
    """Somebody looked once more."""
    viewed = next(one for one in values if one["kind"] == "trail.viewed")
    return [*values[:-1], viewed, values[-1]]


def in_another_order(values: Values) -> Values:
    """The two viewings change places."""
    places = [index for index, one in enumerate(values) if one["kind"] == "trail.viewed"]
    values[places[0]], values[places[1]] = values[places[1]], values[places[0]]
    return values


FORGERIES = {
    "a full rewrite": another_actor,
    "records cut off": without_the_viewing,
    "a record put in": one_viewing_more,
    "records in another order": in_another_order,
}


def verified(site: Site, *options: str) -> tuple[int, dict[str, Any]]:
    """What `withness audit verify` says."""
    code, said = site.console_json("audit", "verify", *options)
    assert isinstance(said, dict)
    return code, said


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_log_is_whole_by_itself_and_damaged_beside_its_anchor(site: Site, anchor: Path, name: str) -> None:
    """Planted: `against` comparing sizes alone; the two of equal length saw it."""
    shutil.rmtree(folder(site))  # the forger had that too
    forge(site, FORGERIES[name])
    code, said = verified(site, "--anchor", str(anchor))
    assert code == 4, said
    assert any("anchor" in one["what"] for one in said["damages"])


def test_without_an_anchor_the_command_says_that_the_tail_cannot_be_proved(site: Site, anchor: Path) -> None:
    """The same forgery in a folder begun anew: whole, and said not to be proved. Planted: "anchored" said always."""
    shutil.rmtree(folder(site))
    forge(site, another_actor)
    assert verified(site)[0] == 7
    begin_anew(site)
    code, said = verified(site)
    assert (code, said["beyond"]) == (0, None)
    assert "not provable" in said["tail"]


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_log_lets_no_plan_through_and_every_note(site: Site, anchor: Path, name: str) -> None:
    """Planted: a store that holds its log against nothing published; each row saw it (I7)."""
    forge(site, FORGERIES[name])
    site.open()
    with pytest.raises(TrailDamaged):
        site.save(make_draft(request_id="5f0c1a52-1f0a-4a57-9d2a-0f6b0a6f9b11"))
    assert site.screen()["decision"]
    assert verified(site)[0] == 4


def test_an_older_copy_put_back_is_noticed(site: Site, tmp_path: Path) -> None:
    """Rollback: whole and signed, but older than what was published. Planted: no look at the published size."""
    site.screen()
    site.desk.close()
    older = tmp_path / "older.sqlite3"
    shutil.copy(site.settings.database, older)
    site.open()
    lived_in(site)
    site.console("audit", "checkpoint")
    site.desk.close()
    for beside in site.home.glob("withness.sqlite3-*"):
        beside.unlink()
    shutil.copy(older, site.settings.database)
    site.open()
    with pytest.raises(TrailDamaged):
        site.save()
    code, said = verified(site)
    assert code == 4
    assert any("older copy was put back" in one["what"] for one in said["damages"])


def test_two_stories_from_one_beginning_are_told_apart(site: Site, anchor: Path, tmp_path: Path) -> None:
    """A fork: two copies go on, each whole. Planted: the anchor's root not asked where the log is longer."""
    site.desk.close()
    other = tmp_path / "other"
    shutil.copytree(site.home, other)
    site.open()
    site.console("audit", "show", "--limit", "1")
    shutil.rmtree(folder(site))
    shutil.rmtree(site.home)
    shutil.copytree(other, site.home)
    begin_anew(site)
    site.console("audit", "show", "--limit", "2")
    later = tmp_path / "kept" / "tuesday.checkpoint"
    site.console("audit", "checkpoint", "--out", str(later))
    shutil.rmtree(folder(site))
    shutil.rmtree(site.home)
    shutil.copytree(other, site.home)
    begin_anew(site)
    site.console("audit", "show", "--limit", "3")
    assert verified(site, "--anchor", str(anchor))[0] == 0
    assert verified(site, "--anchor", str(later))[0] == 4


def test_what_lies_beyond_the_last_anchor_is_said(site: Site, anchor: Path) -> None:
    """Planted: the anchor's own records counted too; this saw it."""
    assert verified(site, "--anchor", str(anchor))[1]["beyond"] == 0
    assert verified(site, "--anchor", str(anchor))[1]["beyond"] == 1
    assert "Records beyond the last anchor: 2." in site.console("audit", "verify", "--anchor", str(anchor)).stdout


@pytest.mark.parametrize("spoiled", ["", "no checkpoint\n", "signature"])
def test_an_anchor_that_proves_nothing_is_cannot_tell(site: Site, anchor: Path, spoiled: str) -> None:
    """Planted: an unreadable anchor passed over; each row saw it (exit 7)."""
    text = anchor.read_text(encoding="utf-8")
    changed = (
        text.replace(text[-9:], ("B" if text[-9] != "B" else "C") + text[-8:]) if spoiled == "signature" else spoiled
    )
    anchor.write_text(changed, encoding="utf-8")
    assert verified(site, "--anchor", str(anchor))[0] == 7
    anchor.unlink()
    assert verified(site, "--anchor", str(anchor))[0] == 7


def test_only_the_key_that_a_reviewer_knows_counts(site: Site, anchor: Path) -> None:
    """Planted: `pinned` not asked; this saw it. A rotated key signs for itself, and the reviewer pins the old one."""
    code, first = site.console_json("audit", "checkpoint")
    assert code == 0
    site.console("key", "rotate")
    later = anchor.with_name("later.checkpoint")
    assert site.console("audit", "checkpoint", "--out", str(later)).returncode == 0
    assert verified(site, "--anchor", str(anchor), "--anchor", str(later))[0] == 0
    assert verified(site, "--anchor", str(anchor), "--vkey", first["vkey"])[0] == 0
    assert verified(site, "--anchor", str(later), "--vkey", first["vkey"])[0] == 7


def test_the_log_key_can_be_rotated_and_be_lost(site: Site, anchor: Path) -> None:
    """Planted: a rotation that nobody signed; `rotation_fault` without the old signature; this saw both."""
    code, said = site.console_json("key", "rotate", "--actor", CLINICIAN)
    assert (code, bool(said["old"]), said["lost"]) == (0, True, False)
    site.open()
    site.screen()
    assert verified(site, "--anchor", str(anchor))[0] == 0
    [path] = site.key_file.parent.glob("*.log-key")
    path.unlink()
    assert site.console("audit", "checkpoint").returncode == 7
    assert site.console("key", "rotate").returncode == 7
    code, said = site.console_json("key", "rotate", "--lost")
    assert (code, said["lost"]) == (0, True)
    assert verified(site, "--anchor", str(anchor))[0] == 0
    site.open()
    site.catch_up()
    site.screen()
    assert site.save()["decision"] == "released"
