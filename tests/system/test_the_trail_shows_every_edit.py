"""`withness audit verify`: whole as it was written; exit 4, naming the record, after any edit with sqlite3 (I5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system.site import Site, make_draft
from withness.errors import TrailDamaged
from withness.store import schema

COLUMNS = [column.name for column in schema.audit_leaf.columns]
TRIGGERS = [statement.split()[2] for statement in schema.triggers()]


@contextmanager
def behind_our_back(site: Site) -> Iterator[sqlite3.Connection]:
    """The database as its owner sees it: triggers are put aside and put back, as a forger would."""
    site.desk.close()
    database = sqlite3.connect(site.settings.database, isolation_level=None)
    kept = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in kept:
        database.execute(f"DROP TRIGGER {name}")
    yield database
    there = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
    for name, sql in kept:
        if name not in there:
            database.execute(sql)
    database.close()


def lived_in(site: Site) -> None:
    """A saved plan, a held one and an acute screen."""
    site.screen()
    site.save()
    site.screen("Patient/tom", answers={"suicide.now": "yes"})
    site.save(make_draft("Patient/tom"))


def test_an_untouched_trail_is_whole_and_every_decision_is_decided_again(site: Site) -> None:
    """The base line of all that follows."""
    lived_in(site)
    code, said = site.console_json("audit", "verify")
    assert (code, said["whole"], said["damages"]) == (0, True, [])
    assert said["recomputed"] == 4
    assert "not provable" in said["tail"]


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("record", [0, 3, "last"])
def test_an_edit_of_any_column_names_the_record(site: Site, column: str, record: int | str) -> None:
    """Planted: `columns()` without second_actor; that row of the table caught it."""
    lived_in(site)
    with behind_our_back(site) as database:
        [last] = database.execute("SELECT max(seq) FROM audit_leaf").fetchone()
        seq = last if record == "last" else record
        [value] = database.execute(f"SELECT {column} FROM audit_leaf WHERE seq = ?", (seq,)).fetchone()
        database.execute(f"UPDATE audit_leaf SET {column} = ? WHERE seq = ?", (_other(value), seq))
    code, said = site.console_json("audit", "verify")
    assert code == 4
    assert seq in [one["record"] for one in said["damages"]]


def _other(value: object) -> object:
    match value:
        case int():
            return value + 1000
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case str():
            return value + " "
        case _:
            return "somebody"


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_a_dropped_or_swallowed_trigger_is_named(site: Site, trigger: str) -> None:
    """Planted: schema compared by table names only; each row caught it."""
    lived_in(site)
    for change in (f"DROP TRIGGER {trigger}", f"CREATE TRIGGER {trigger} BEFORE UPDATE ON meta BEGIN SELECT 1; END"):
        site.desk.close()
        with sqlite3.connect(site.settings.database, isolation_level=None) as database:
            database.execute(change)
        database.close()
        code, said = site.console_json("audit", "verify")
        assert code == 4
        assert any(trigger in one["what"] for one in said["damages"])


EDITS = {
    "a record cut from the end": "DELETE FROM audit_leaf WHERE seq = (SELECT max(seq) FROM audit_leaf)",
    "a record cut from the middle": "DELETE FROM audit_leaf WHERE seq = 2",
    "the tree's head gone": "DELETE FROM audit_head",
    "the tree's root": "UPDATE audit_head SET root = zeroblob(32)",
    "the tree's size": "UPDATE audit_head SET size = size - 1",
    "a screen's answers": "UPDATE screen SET content = zeroblob(100) WHERE number = 1",
    "a screen given to another person": "UPDATE screen SET person = 'Patient/ana' WHERE number = 1",
    "a screen gone": "DELETE FROM screen WHERE number = 2",
    "a decision's reasons": "UPDATE decision SET content = zeroblob(100)",
    "a decision gone": "DELETE FROM decision",
    "a decision more": "INSERT INTO decision SELECT id || 'x', person, content FROM decision LIMIT 1",
    "the policy's text": "UPDATE policy SET content = content || '# '",
    "the policy gone": "DELETE FROM policy",
    "an approved plan": "UPDATE outbox SET content = zeroblob(100)",
    "an approved plan gone": "DELETE FROM outbox",
    "a column more": "ALTER TABLE audit_leaf ADD COLUMN extra TEXT",
    "a table more": "CREATE TABLE extra (id)",
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_behind_the_records_is_found(site: Site, name: str) -> None:
    """Each row is a planted bug of its own: the check that finds it taken out, the row failed."""
    lived_in(site)
    with behind_our_back(site) as database:
        database.execute(EDITS[name])
    code, said = site.console_json("audit", "verify")
    assert code == 4, name
    assert said["damages"]


def test_a_damaged_trail_stops_every_plan_and_no_screen(site: Site) -> None:
    """I7, as far as it goes: plan save exits 4; a screen is recorded, in a new segment, and holds."""
    lived_in(site)
    with behind_our_back(site) as database:
        database.execute("UPDATE audit_leaf SET outcome = 'cleared' WHERE seq = 3")
    assert site.console("audit", "verify").returncode == 4
    site.open()
    site.pass_time(minutes=5)
    assert site.screen("Patient/ana")["missing"] == ["trail"]
    plans = site.desk.plans()
    with pytest.raises(TrailDamaged):
        site.save(make_draft("Patient/ana"))
    assert site.desk.plans() == plans
    with site.context.store.transaction() as tx:
        assert [head.segment for head in tx.heads()] == [0, 1]
        assert tx.last().segment == 1  # type: ignore[union-attr]
    assert site.console("audit", "verify").returncode == 4


def test_a_cut_tail_stops_the_next_plan_before_anybody_verifies(site: Site) -> None:
    """The save itself looks at head, last record and schema."""
    lived_in(site)
    with behind_our_back(site) as database:
        database.execute("DELETE FROM audit_leaf WHERE seq = (SELECT max(seq) FROM audit_leaf)")
    site.open()
    with pytest.raises(TrailDamaged):
        site.save()


def test_triggers_stop_accidents(site: Site) -> None:
    """UPDATE, DELETE and a replacing INSERT are refused by the database itself."""
    lived_in(site)
    with sqlite3.connect(site.settings.database) as database:
        for accident in (
            "UPDATE audit_leaf SET outcome = 'x'",
            "DELETE FROM audit_leaf",
            "INSERT OR REPLACE INTO audit_leaf SELECT * FROM audit_leaf WHERE seq = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                database.execute(accident)
    database.close()


def test_a_database_that_cannot_be_read_is_exit_7(site: Site) -> None:
    """Cannot tell is neither whole nor damaged."""
    lived_in(site)
    site.desk.close()
    content = bytearray(site.settings.database.read_bytes())
    content[:100] = b"x" * 100
    site.settings.database.write_bytes(content)
    for command in (("audit", "verify"), ("plan", "list"), ("gate", "Patient/rosa")):
        done = site.console(*command)
        assert done.returncode == 7
        assert "Traceback" not in done.stderr
