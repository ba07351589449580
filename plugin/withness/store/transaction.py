"""What can be read and written inside one transaction. Sealed columns are sealed and opened here."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, insert, select, text

from withness.core.acts import DIRECTORY
from withness.store import inspecting, schema
from withness.store.check_in_rows import CheckInRows
from withness.store.note_rows import NoteRows
from withness.store.plan_rows import PlanRows
from withness.store.prepared import Prepared, given
from withness.store.pruning import PruningRows
from withness.store.report_rows import ReportRows
from withness.store.rows import ActRow, DecisionRow, ScreenRow
from withness.store.sealed import readable


class Transaction(PlanRows, NoteRows, CheckInRows, PruningRows, ReportRows):
    """One open transaction: the rows, and the log that the audit trail docks to (`audit.log.Log`)."""

    # -- set-up

    def has_table(self, name: str) -> bool:
        """Whether a table is there."""
        return inspecting.has_table(self._connection, name)

    def execute_ddl(self, statement: str) -> None:
        """Run one statement of the schema."""
        self.changed_otherwise()
        self._connection.execute(text(statement))

    def missing_tables(self) -> tuple[str, ...]:
        """Return the schema's tables that are not there, none where there is none of them at all."""
        return inspecting.missing_tables(self._connection)

    def make_tables(self, names: Iterable[str]) -> None:
        """Make tables of the schema, empty, with their indexes and triggers."""
        for statement in (one for name in names for one in schema.ddl_of(name, self._connection.dialect.name)):
            self.execute_ddl(statement)

    def revision(self) -> str | None:
        """Return the revision that the schema is stamped with, None where there is no stamp."""
        return inspecting.revision(self._connection)

    @property
    def connection(self) -> Connection:
        """The open connection, for what changes the schema."""
        self.changed_otherwise()
        if not self._connection.in_transaction():
            self._connection.begin()  # it is told of the one that is open
        return self._connection

    def stamp(self, revision: str) -> None:
        """Stamp the schema, once, with its revision."""
        self._connection.execute(insert(schema.alembic_version), {"version_num": revision})

    def put_facts(self, facts: Mapping[str, str]) -> None:
        """Store the data directory's facts."""
        self.changed_otherwise()
        self._connection.execute(insert(schema.meta), [{"key": key, "value": value} for key, value in facts.items()])

    def proves_key(self) -> bool:
        """Whether any sealed screen, act or plan opens with the data key that is at hand."""
        readers: tuple[tuple[Iterable[str], Callable[[str], object]], ...] = (
            ((id for id, _ in self.screen_ids()), self.screen),
            ((id for id, _ in self.act_ids()), self.act),
            (self.plan_ids(), self.plan),
        )
        return any(readable(read, (id,))[0] for ids, read in readers for id in ids)

    def copy_to(self, path: Path) -> bool:
        """Copy the database, as this transaction finds it, into a new file that only its owner reads, durably.

        False where it is no SQLite database: PostgreSQL's own tools copy that. Raises OSError.
        """
        source = self._connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            return False
        file = source.execute("PRAGMA database_list").fetchone()[2]
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # A connection of its own: SQLite copies nothing from one that is inside a write, and the lock is held here.
        uri = f"{Path(file).as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as reader, closing(sqlite3.connect(path)) as copy:
            reader.backup(copy)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return True

    def durable_end(self) -> int | None:
        """Return the number of the newest durable record, -1 for none; None where nobody shares this one's COMMIT."""
        source = self._connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            return None
        file = source.execute("PRAGMA database_list").fetchone()[2]
        # A connection of its own sees what is durable, and nothing of the others' blocks before this one.
        with closing(sqlite3.connect(f"{Path(file).as_uri()}?mode=ro", uri=True)) as reader:
            newest = reader.execute("SELECT max(seq) FROM audit_leaf").fetchone()[0]
        return -1 if newest is None else int(newest)

    def pairs(self, table: str, id: str, value: str) -> Iterator[tuple[str, str]]:
        """Yield two columns of every row of a table of the schema, in the order of its key, without opening any."""
        whole = schema.metadata.tables[table]
        query = select(whole.c[id], whole.c[value]).order_by(*whole.primary_key.columns)
        for row in self._connection.execute(query.execution_options(yield_per=1000)):
            yield row[0], row[1]

    # -- policy

    def put_policy(self, digest: str, version: str, content: bytes) -> None:
        """Keep a policy version for ever; one that is there stays as it is."""
        if self.policy(digest) is None:
            self._connection.execute(insert(schema.policy), {"digest": digest, "version": version, "content": content})

    def policy(self, digest: str) -> bytes | None:
        """Return a policy version's bytes."""
        return self._connection.execute(
            select(schema.policy.c.content).where(schema.policy.c.digest == digest)
        ).scalar()

    def policies(self) -> dict[str, str]:
        """Return the version of every policy by digest."""
        columns = (schema.policy.c.digest, schema.policy.c.version)
        return {row.digest: row.version for row in self._connection.execute(select(*columns))}

    def last_policy(self) -> str | None:
        """Return the digest of the policy that the last policy.changed record put in force."""
        return self.once("last policy", self._last_policy)

    def _last_policy(self) -> str | None:
        found: str | None = _LAST_POLICY.scalar(self._connection)
        return found

    # -- screens

    def put_screen(self, id: str, person: str, content: Mapping[str, Any]) -> None:
        """Append a screen."""
        number = self._next_number()
        sealed = self._close(content, "screen", id, person, number)
        _PUT_SCREEN.run(self._connection, {"number": number, "id": id, "person": person, "content": sealed})

    def _next_number(self) -> int:
        """Return the next place in the order of recording: screens and acts are counted together."""
        self.hold_end()
        newest = [one.scalar(self._connection) or 0 for one in _NEWEST_NUMBERS]
        last = max(newest)
        return last + 1 if last < _LAST else 1 + max((one for one in newest if one < _LAST), default=0)

    def screens(self, person: str) -> tuple[ScreenRow, ...]:
        """Return a person's screens in order of recording. Raises SealBroken when one does not open."""
        return tuple(self._screen(row) for row in _SCREENS_OF.all(self._connection, {"person": person}))

    def readable_screens(self, person: str) -> tuple[tuple[ScreenRow, ...], bool]:
        """Return the screens of a person that open, and whether all of them do."""
        return readable(self._screen, _SCREENS_OF.all(self._connection, {"person": person}))

    def readable_acts(self, *kinds: str, person: str | None = None) -> tuple[tuple[ActRow, ...], bool]:
        """Return the acts of a person, or of these kinds, that open, and whether all of them do."""
        if kinds:
            return self._readable_acts(_acts_of_kinds(kinds), {})
        return self._readable_acts(_ACTS_OF, {"person": person})

    def directory(self) -> tuple[ActRow, ...]:
        """Return the enrolments and revocations that open, in the order of recording.

        There may be hundreds: on SQLite they are taken over from the transaction before, as the trail's end is.
        """
        return self.once("directory", lambda: self.readable_acts(*DIRECTORY)[0])

    def _readable_acts(self, query: Prepared, given: Mapping[str, Any]) -> tuple[tuple[ActRow, ...], bool]:
        return readable(self._act, query.all(self._connection, given))

    def screen_ids(self) -> tuple[tuple[str, str], ...]:
        """Return id and person of every screen, without opening any."""
        query = select(schema.screen.c.id, schema.screen.c.person).order_by(schema.screen.c.number)
        return tuple((row.id, row.person) for row in self._connection.execute(query))

    def screen(self, id: str) -> ScreenRow | None:
        """Return one screen. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.screen).where(schema.screen.c.id == id)).first()
        return self._screen(row) if row else None

    def _screen(self, row: Sequence[Any]) -> ScreenRow:
        number, id, person, sealed = row
        return ScreenRow(number, id, person, self._open(sealed, "screen", id, person, number))

    # -- acts

    def put_act(self, id: str, person: str, kind: str, content: Mapping[str, Any]) -> None:
        """Append an act."""
        number = self._next_number()
        sealed = self._close(content, "act", id, person, kind, number)
        values = {"number": number, "id": id, "person": person, "kind": kind, "content": sealed}
        _PUT_ACT.run(self._connection, values)
        if kind in DIRECTORY:
            self._seen.pop("directory", None)

    def acts(self, person: str) -> tuple[ActRow, ...]:
        """Return a person's acts in order of recording. Raises SealBroken when one does not open."""
        return self._acts(schema.act.c.person == person)

    def acts_of_kinds(self, *kinds: str) -> tuple[ActRow, ...]:
        """Return everybody's acts of these kinds in order of recording. Raises SealBroken when one does not open."""
        return self._acts(schema.act.c.kind.in_(kinds))

    def act(self, id: str) -> ActRow | None:
        """Return one act. Raises SealBroken when it does not open."""
        return next(iter(self._acts(schema.act.c.id == id)), None)

    def act_ids(self) -> tuple[tuple[str, str], ...]:
        """Return id and person of every act, without opening any."""
        query = select(schema.act.c.id, schema.act.c.person).order_by(schema.act.c.number)
        return tuple((row.id, row.person) for row in self._connection.execute(query))

    def _acts(self, where: ColumnElement[bool]) -> tuple[ActRow, ...]:
        rows = self._connection.execute(select(schema.act).where(where).order_by(schema.act.c.number))
        return tuple(self._act(row) for row in rows)

    def _act(self, row: Sequence[Any]) -> ActRow:
        number, id, person, kind, sealed = row
        return ActRow(number, id, person, kind, self._open(sealed, "act", id, person, kind, number))

    # -- decisions

    def put_decision(self, row: DecisionRow) -> None:
        """Append one person's decision."""
        sealed = self._close(row.content, "decision", row.id, row.person)
        _PUT_DECISION.run(self._connection, {"id": row.id, "person": row.person, "content": sealed})

    def decision(self, id: str, person: str) -> DecisionRow | None:
        """Return one person's decision. Raises SealBroken when it does not open."""
        query = select(schema.decision).where(schema.decision.c.id == id, schema.decision.c.person == person)
        row = self._connection.execute(query).first()
        return DecisionRow(row.id, row.person, self._open(row.content, "decision", row.id, row.person)) if row else None

    def count(self, table: str) -> int:
        """Return the number of rows of a table of the schema."""
        return self._connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar() or 0


_LAST: Final = 2**63 - 1
"""The largest number that a database holds: one that a forger wrote leads nowhere."""

_LAST_POLICY: Final = Prepared(
    select(schema.audit_leaf.c.policy_hash)
    .where(schema.audit_leaf.c.kind == "policy.changed")
    .order_by(schema.audit_leaf.c.seq.desc())
    .limit(1)
)
_NEWEST_NUMBERS: Final = tuple(Prepared(select(func.max(one.c.number))) for one in (schema.screen, schema.act))
_PUT_SCREEN: Final = Prepared(insert(schema.screen))
_PUT_ACT: Final = Prepared(insert(schema.act))
_PUT_DECISION: Final = Prepared(insert(schema.decision))
_SCREENS_OF: Final = Prepared(
    select(schema.screen).where(schema.screen.c.person == given("person")).order_by(schema.screen.c.number)
)
_ACTS_OF: Final = Prepared(
    select(schema.act).where(schema.act.c.person == given("person")).order_by(schema.act.c.number)
)


@cache
def _acts_of_kinds(kinds: tuple[str, ...]) -> Prepared:
    return Prepared(select(schema.act).where(schema.act.c.kind.in_(kinds)).order_by(schema.act.c.number))
