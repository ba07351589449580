"""What the trail says, kept on disk while it is verified: memory stays small however long the trail is.

A private SQLite database that has no name and is gone when it is closed. It holds ids, states, digests, sequence
numbers and references to people, and nothing that is sealed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

_BATCH: Final = 1000

_SCHEMA: Final = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -16000;
CREATE TABLE said (place INTEGER PRIMARY KEY, what TEXT, id TEXT, person TEXT, value TEXT, seq INTEGER,
                   UNIQUE (what, id));
CREATE INDEX said_of ON said (what, person);
CREATE TABLE there (place INTEGER PRIMARY KEY, what TEXT, id TEXT, person TEXT, value TEXT);
CREATE INDEX there_by_id ON there (what, id);
CREATE TABLE decision (id TEXT, person TEXT, outcome TEXT, PRIMARY KEY (id, person)) WITHOUT ROWID;
CREATE TABLE part (place INTEGER PRIMARY KEY, what TEXT, id TEXT, number INTEGER, value TEXT, key TEXT, seq INTEGER);
CREATE INDEX part_of ON part (what, id, number);
BEGIN;
"""


@dataclass(frozen=True)
class Said:
    """What the trail says of one row: whose it is, its state or digest, and the newest record about it."""

    id: str
    person: str
    value: str
    seq: int


@dataclass(frozen=True)
class Part:
    """What the trail says of a part of a row: a note's version, a signature under it, an approval's plan."""

    id: str
    number: int
    value: str
    key: str
    seq: int


class Ledger:
    """Two columns, as it were: what the trail said of each kind of row, and which rows are there."""

    def __init__(self) -> None:
        self._scratch = sqlite3.connect("", isolation_level=None)
        self._scratch.executescript(_SCHEMA)

    def close(self) -> None:
        """Let go of it all."""
        self._scratch.close()

    # -- what the trail says

    def say(self, what: str, id: object, value: object, seq: int, person: str = "") -> None:
        """Note what a record says of a row; a later one takes its value's place. Raises TypeError for no text."""
        self._scratch.execute(
            "INSERT INTO said (what, id, person, value, seq) VALUES (?, ?, ?, ?, ?) ON CONFLICT (what, id)"
            " DO UPDATE SET person = excluded.person, value = excluded.value, seq = excluded.seq",
            (what, _text(id), person, _text(value), seq),
        )

    def say_first(self, what: str, id: object, value: object, seq: int) -> None:
        """Note what a record says of a row, unless one said something before. Raises TypeError for no text."""
        self._scratch.execute(
            "INSERT OR IGNORE INTO said (what, id, person, value, seq) VALUES (?, ?, '', ?, ?)",
            (what, _text(id), _text(value), seq),
        )

    def said(self, what: str, id: object) -> Said | None:
        """Return what the trail says of one row. Raises TypeError for no text."""
        query = "SELECT id, person, value, seq FROM said WHERE what = ? AND id = ?"
        row = self._scratch.execute(query, (what, _text(id))).fetchone()
        return Said(*row) if row else None

    def all_said(self, what: str) -> Iterator[Said]:
        """Yield what the trail says of every row of a kind, in the order of their first records."""
        query = "SELECT id, person, value, seq FROM said WHERE what = ? ORDER BY place"
        return (Said(*row) for row in self._scratch.execute(query, (what,)))

    def of_people(self, what: str, people: Collection[str]) -> list[str]:
        """Return the ids of these people's rows, in the order of their first records."""
        marks = ", ".join("?" * len(people))
        query = f"SELECT id FROM said WHERE what = ? AND person IN ({marks}) ORDER BY place"  # noqa: S608
        return [row[0] for row in self._scratch.execute(query, (what, *people))]

    def add_part(self, what: str, id: object, number: object, value: object, seq: int, key: str = "") -> None:
        """Note what a record says of a part of a row. Raises TypeError for values of other types."""
        if type(number) is not int:
            raise TypeError("no number")
        self._scratch.execute(
            "INSERT INTO part (what, id, number, value, key, seq) VALUES (?, ?, ?, ?, ?, ?)",
            (what, _text(id), number, _text(value), key, seq),
        )

    def parts(self, what: str, id: str) -> list[Part]:
        """Return what the trail says of the parts of one row, oldest first."""
        query = "SELECT id, number, value, key, seq FROM part WHERE what = ? AND id = ? ORDER BY place"
        return [Part(*row) for row in self._scratch.execute(query, (what, id))]

    def all_parts(self, what: str) -> Iterator[Part]:
        """Yield what the trail says of the parts of every row, oldest first."""
        query = "SELECT id, number, value, key, seq FROM part WHERE what = ? ORDER BY place"
        return (Part(*row) for row in self._scratch.execute(query, (what,)))

    def decided(self, id: object, person: str, outcome: str) -> None:
        """Note one person's decision. Raises TypeError for no text."""
        self._scratch.execute("INSERT OR REPLACE INTO decision VALUES (?, ?, ?)", (_text(id), person, outcome))

    def outcomes(self, id: str) -> list[str]:
        """Return the outcomes of a decision, one for each member."""
        return [row[0] for row in self._scratch.execute("SELECT outcome FROM decision WHERE id = ?", (id,))]

    def decisions(self) -> int:
        """Return how many decisions the trail records."""
        found: int = self._scratch.execute("SELECT count(*) FROM decision").fetchone()[0]
        return found

    # -- what is there

    def found(self, what: str, rows: Iterable[tuple[str, str]], *, person: bool = False) -> None:
        """Note the rows that are there, each by id and value, or with `person` by id and whose it is."""
        column = "person" if person else "value"
        statement = f"INSERT INTO there (what, id, {column}) VALUES (?, ?, ?)"  # noqa: S608
        rest = iter(rows)
        while batch := [(what, *row) for row in islice(rest, _BATCH)]:
            self._scratch.executemany(statement, batch)

    def missing(self, what: str) -> Iterator[Said]:
        """Yield what the trail says of rows that are not there, in the order of their first records."""
        query = (
            "SELECT id, person, value, seq FROM said WHERE what = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM there WHERE there.what = ?1 AND there.id = said.id) ORDER BY place"
        )
        return (Said(*row) for row in self._scratch.execute(query, (what,)))

    def unnamed(self, what: str) -> int:
        """Return how many rows are there that no record names."""
        query = (
            "SELECT count(*) FROM there WHERE what = ?1 AND NOT EXISTS"
            " (SELECT 1 FROM said WHERE said.what = ?1 AND said.id = there.id)"
        )
        found: int = self._scratch.execute(query, (what,)).fetchone()[0]
        return found

    def both(self, what: str) -> Iterator[tuple[Said, str]]:
        """Yield what the trail says of each row that is there, and that row's own value or person, as they lie."""
        query = (
            "SELECT said.id, said.person, said.value, said.seq, coalesce(there.value, there.person) FROM there"
            " JOIN said ON said.what = there.what AND said.id = there.id WHERE there.what = ? ORDER BY there.place"
        )
        return ((Said(*row[:4]), row[4]) for row in self._scratch.execute(query, (what,)))

    def in_order(self, what: str) -> bool:
        """Whether the rows lie in the order of their first records."""
        query = (
            "SELECT said.place FROM there JOIN said ON said.what = there.what AND said.id = there.id"
            " WHERE there.what = ? ORDER BY there.place"
        )
        last = 0
        for (place,) in self._scratch.execute(query, (what,)):
            if place < last:
                return False
            last = place
        return True


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError("no text")
    return value
