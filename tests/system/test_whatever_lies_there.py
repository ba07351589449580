"""Whatever somebody wrote by hand into rows, keys or the folder of checkpoints: notes and screens are saved (I7)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.system.notes import notes_go_on
from tests.system.site import Site, make_draft
from tests.system.test_the_trail_shows_every_edit import behind_our_back
from withness.audit.log_key import make_log_key
from withness.errors import CannotTell, TrailDamaged

NO_UTF8 = "CAST(x'ff' AS TEXT)"


def edit(site: Site, sql: str) -> None:
    """Edit the closed database."""
    with behind_our_back(site) as database:
        database.execute(sql)
    site.open()


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("audit_leaf.kind", NO_UTF8),
        ("audit_leaf.body", NO_UTF8),
        ("audit_leaf.recorded_at", NO_UTF8),
        ("audit_head.root", NO_UTF8),
        ("screen.id", NO_UTF8),
        ("screen.content", NO_UTF8),
        ("screen.content", "7"),
        ("screen.id", "x'ff00'"),
        ("act.content", "7"),
        ("outbox.kind", "x'ff00'"),
        ("outbox.content", "7"),
        ("plan.state", "x'ff00'"),
        ("plan.content", "7"),
        ("alembic_version.version_num", NO_UTF8),
        ("alembic_version.version_num", "'zzz'"),
        ("alembic_version.version_num", "'0001'"),
    ],
)
def test_a_cell_that_nobody_can_read_stops_no_note_and_is_named(site: Site, cell: str, value: str) -> None:
    """Planted: the driver's own reading of texts, a seal that takes what is no bytes; each was seen here."""
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    site.screen()
    site.save()
    table, _, column = cell.partition(".")
    edit(site, f"UPDATE {table} SET {column} = {value} WHERE rowid = (SELECT max(rowid) FROM {table})")
    notes_go_on(site)
    assert site.console("audit", "verify").returncode == 4
    if table == "audit_leaf":
        assert site.console("audit", "show").returncode == 0


@pytest.mark.parametrize(
    ("cell", "commands"),
    [
        ("plan.id", ["plan list"]),
        ("plan.state", ["plan list"]),
        ("audit_leaf.recorded_at", ["audit show"]),
        ("audit_leaf.kind", ["audit show"]),
        ("audit_leaf.actor", ["audit show"]),
        ("audit_leaf.second_actor", ["audit show"]),
        ("audit_leaf.patient", ["audit show"]),
        ("audit_leaf.outcome", ["audit show"]),
        ("audit_leaf.policy_hash", []),
        ("audit_leaf.leaf_hash", []),
        ("outbox.approved_at", []),
    ],
)
def test_bytes_where_a_text_should_be_are_shown_as_unreadable(site: Site, cell: str, commands: list[str]) -> None:
    """Planted: the column as it is, in each of the places that read it; "a fault" and exit 7 was seen of each cell that
    `commands` stand for. A report takes what its bytes say, names every record, and exits 4."""
    site.screen()
    site.save()
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    table, _, column = cell.partition(".")
    edit(site, f"UPDATE {table} SET {column} = x'ff00'")
    for command in ("plan list", "audit show", "audit report", "audit worklist"):
        done = site.console(*command.split())
        code = 4 if command == "audit report" and table == "audit_leaf" else 0
        assert (done.returncode, "fault" in done.stderr) == (code, False)
        assert command not in commands or "the trail is damaged" in done.stdout
        assert site.console_json(*command.split())[0] == code


def test_a_second_stamp_is_damage(site: Site) -> None:
    """Planted: the first stamp asked alone; caught."""
    edit(site, "INSERT INTO alembic_version VALUES ('0000')")
    assert site.console("audit", "verify").returncode == 4


def open_to_all(path: Path) -> None:
    path.chmod(0o644)


def garbled(path: Path) -> None:
    path.write_bytes(b"\xff{")


def anothers(path: Path) -> None:
    data_id = path.stem
    path.unlink()
    make_log_key(path, data_id)


def garbled_next(path: Path) -> None:
    path.with_suffix(".log-key-next").write_bytes(b"x")


@pytest.mark.parametrize("spoil", [open_to_all, garbled, anothers, garbled_next])
def test_a_log_key_that_cannot_be_used_stops_no_note(site: Site, spoil: Callable[[Path], None]) -> None:
    """Planted: KeyMissing caught alone; a foreign key refused at the start; a next one read at any price; each seen."""
    site.screen()
    site.desk.close()
    [path] = site.key_file.parent.glob("*.log-key")
    spoil(path)
    site.open()
    notes_go_on(site)
    if spoil is garbled_next:
        return
    with pytest.raises(CannotTell) as refused:
        site.save(make_draft())
    assert "log key" in refused.value.hint


def test_a_fact_that_names_another_log_key_stops_no_note(site: Site) -> None:
    """Planted: the table of facts not held against the first record; a plan was saved."""
    site.screen()
    edit(site, "UPDATE meta SET value = value || 'x' WHERE key = 'log_key'")
    notes_go_on(site)
    with pytest.raises((CannotTell, TrailDamaged)):
        site.save(make_draft())


def test_a_pipe_for_an_owner_makes_nobody_wait(site: Site) -> None:
    """Planted: the owner read as it lay there (it waited for ever, the lock in its hand); caught."""
    site.screen()
    owner = next(site.key_file.parent.glob("checkpoints/*/owner"))
    owner.unlink()
    os.mkfifo(owner)
    notes_go_on(site)
    assert "no regular file" in site.context.store.publisher.trouble  # type: ignore[union-attr]


@pytest.mark.parametrize("edited", ["content = x'00'", "kind = 'zzz'"])
def test_a_plans_broken_row_keeps_no_acute_screen_out(site: Site, edited: str) -> None:
    """It is recorded, its plan paused, and no plan goes out after it. Planted: the row's seal asked at any price; seen:
    the screen was lost, and the next plan released on the one before it.
    """
    site.screen()
    site.save()
    site.pass_time(minutes=1)
    edit(site, f"UPDATE outbox SET {edited} WHERE kind = 'plan'")
    assert site.screen(answers={"suicide.now": "yes"})["decision"].startswith("held")
    assert site.plan_status() == "on-hold"
    site.pass_time(minutes=1)
    assert site.save(make_draft())["decision"].startswith("held")


@pytest.mark.parametrize("state", ["zzz", "held"])
def test_a_plan_whose_state_was_written_over_is_told_at_an_acute_screen(site: Site, state: str) -> None:
    """It cannot be paused, and somebody must look. Planted: rows of these states alone counted; caught."""
    site.screen()
    site.save()
    site.pass_time(minutes=1)
    edit(site, f"UPDATE plan SET state = '{state}'")
    told = site.screen(answers={"suicide.now": "yes"})["troubles"]
    assert any("cannot be read here" in one for one in told)


def test_a_plan_whose_row_is_gone_is_told_at_an_acute_screen(site: Site) -> None:
    """The trail names it, and the chart holds it. Planted: the rows that are there counted alone; caught."""
    site.screen()
    site.save()
    site.pass_time(minutes=1)
    edit(site, "DELETE FROM plan")
    told = site.screen(answers={"suicide.now": "yes"})["troubles"]
    assert any("1 plan cannot be read here" in one for one in told)


def test_nothing_of_the_kind_is_said_of_plans_that_are_there(site: Site) -> None:
    """Planted: each approved plan counted as gone; caught."""
    site.screen()
    site.save()
    site.pass_time(minutes=1)
    assert site.screen(answers={"suicide.now": "yes"})["troubles"] == []
