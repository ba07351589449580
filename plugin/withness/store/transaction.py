"""What can be read and written inside one transaction. Sealed columns are sealed and opened here."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, select, text

from withness.store import inspecting, schema
from withness.store.check_in_rows import CheckInRows
from withness.store.note_rows import NoteRows
from withness.store.pruning import PruningRows
from withness.store.report_rows import ReportRows
from withness.store.rows import ActRow, DecisionRow, Delivery, OutboxRow, PlanRow, PlanState, ScreenRow, Sending
from withness.store.sealed import readable


class Transaction(NoteRows, CheckInRows, PruningRows, ReportRows):
    """One open transaction: the rows, and the log that the audit trail docks to (`audit.log.Log`)."""

    # -- set-up

    def has_table(self, name: str) -> bool:
        """Whether a table is there."""
        return inspecting.has_table(self._connection, name)

    def execute_ddl(self, statement: str) -> None:
        """Run one statement of the schema."""
        self._connection.execute(text(statement))

    def revision(self) -> str | None:
        """Return the revision that the schema is stamped with, None where there is no stamp."""
        return inspecting.revision(self._connection)

    @property
    def connection(self) -> Connection:
        """The open connection, for what changes the schema."""
        return self._connection

    def stamp(self, revision: str) -> None:
        """Stamp the schema, once, with its revision."""
        self._connection.execute(insert(schema.alembic_version), {"version_num": revision})

    def put_facts(self, facts: Mapping[str, str]) -> None:
        """Store the data directory's facts."""
        self._connection.execute(insert(schema.meta), [{"key": key, "value": value} for key, value in facts.items()])

    def facts(self) -> dict[str, str]:
        """Return the data directory's facts."""
        return {row.key: row.value for row in self._connection.execute(select(schema.meta))}

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
        return self._once("last policy", self._last_policy)

    def _last_policy(self) -> str | None:
        return self._connection.execute(_LAST_POLICY).scalar()

    # -- screens

    def put_screen(self, id: str, person: str, content: Mapping[str, Any]) -> None:
        """Append a screen."""
        number = self._next_number()
        sealed = self._close(content, "screen", id, person, number)
        self._connection.execute(
            insert(schema.screen), {"number": number, "id": id, "person": person, "content": sealed}
        )

    def _next_number(self) -> int:
        """Return the next place in the order of recording: screens and acts are counted together."""
        self.hold_end()
        newest = [
            self._connection.execute(select(func.max(one.c.number))).scalar() or 0
            for one in (schema.screen, schema.act)
        ]
        last = max(newest)
        return last + 1 if last < _LAST else 1 + max((one for one in newest if one < _LAST), default=0)

    def screens(self, person: str) -> tuple[ScreenRow, ...]:
        """Return a person's screens in order of recording. Raises SealBroken when one does not open."""
        query = select(schema.screen).where(schema.screen.c.person == person).order_by(schema.screen.c.number)
        return tuple(self._screen(row) for row in self._connection.execute(query))

    def readable_screens(self, person: str) -> tuple[tuple[ScreenRow, ...], bool]:
        """Return the screens of a person that open, and whether all of them do."""
        return readable(self._screen, self._connection.execute(_SCREENS_OF, {"person": person}).all())

    def readable_acts(self, *kinds: str, person: str | None = None) -> tuple[tuple[ActRow, ...], bool]:
        """Return the acts of a person, or of these kinds, that open, and whether all of them do."""
        if kinds:
            return self._once(f"acts: {kinds}", lambda: self._readable_acts(_ACTS_OF_KINDS, {"kinds": kinds}))
        return self._readable_acts(_ACTS_OF, {"person": person})

    def _readable_acts(self, query: Select[Any], given: Mapping[str, Any]) -> tuple[tuple[ActRow, ...], bool]:
        return readable(self._act, self._connection.execute(query, given).all())

    def screen_ids(self) -> tuple[tuple[str, str], ...]:
        """Return id and person of every screen, without opening any."""
        query = select(schema.screen.c.id, schema.screen.c.person).order_by(schema.screen.c.number)
        return tuple((row.id, row.person) for row in self._connection.execute(query))

    def screen(self, id: str) -> ScreenRow | None:
        """Return one screen. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.screen).where(schema.screen.c.id == id)).first()
        return self._screen(row) if row else None

    def _screen(self, row: Row[Any]) -> ScreenRow:
        return ScreenRow(
            row.number, row.id, row.person, self._open(row.content, "screen", row.id, row.person, row.number)
        )

    # -- acts

    def put_act(self, id: str, person: str, kind: str, content: Mapping[str, Any]) -> None:
        """Append an act."""
        number = self._next_number()
        sealed = self._close(content, "act", id, person, kind, number)
        values = {"number": number, "id": id, "person": person, "kind": kind, "content": sealed}
        self._connection.execute(insert(schema.act), values)
        self._seen = {what: found for what, found in self._seen.items() if not what.startswith("acts")}

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

    def _act(self, row: Row[Any]) -> ActRow:
        content = self._open(row.content, "act", row.id, row.person, row.kind, row.number)
        return ActRow(row.number, row.id, row.person, row.kind, content)

    # -- decisions

    def put_decision(self, row: DecisionRow) -> None:
        """Append one person's decision."""
        sealed = self._close(row.content, "decision", row.id, row.person)
        self._connection.execute(insert(schema.decision), {"id": row.id, "person": row.person, "content": sealed})

    def decision(self, id: str, person: str) -> DecisionRow | None:
        """Return one person's decision. Raises SealBroken when it does not open."""
        query = select(schema.decision).where(schema.decision.c.id == id, schema.decision.c.person == person)
        row = self._connection.execute(query).first()
        return DecisionRow(row.id, row.person, self._open(row.content, "decision", row.id, row.person)) if row else None

    def count(self, table: str) -> int:
        """Return the number of rows of a table of the schema."""
        return self._connection.execute(select(func.count()).select_from(schema.metadata.tables[table])).scalar() or 0

    # -- plans and outbox

    def put_plan(self, row: PlanRow) -> None:
        """Insert a plan or replace its state."""
        plain = (row.id, row.request_id, row.state.value, row.decision_id, row.updated_at)
        values = {**vars(row), "state": row.state.value, "content": self._close(row.content, "plan", *plain)}
        self._upsert(schema.plan, values, "id")

    def plan_of(self, request_id: str) -> PlanRow | None:
        """Return the plan that a request id made. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.plan).where(schema.plan.c.request_id == request_id)).first()
        return self._plan(row) if row else None

    def plan(self, id: str) -> PlanRow | None:
        """Return one plan. Raises SealBroken when it does not open."""
        row = self._connection.execute(select(schema.plan).where(schema.plan.c.id == id)).first()
        return self._plan(row) if row else None

    def plan_ids(self) -> tuple[str, ...]:
        """Return every plan's id, newest first, without opening any."""
        query = select(schema.plan.c.id).order_by(schema.plan.c.updated_at.desc(), schema.plan.c.id)
        return tuple(self._connection.execute(query).scalars())

    def _plan(self, row: Row[Any]) -> PlanRow:
        plain = (row.id, row.request_id, row.state, row.decision_id, row.updated_at)
        content = self._open(row.content, "plan", *plain)
        return PlanRow(row.id, row.request_id, PlanState(row.state), row.decision_id, row.updated_at, content)

    def plan_states(self) -> dict[str, str]:
        """Return the state of every plan by id, without opening any."""
        return {row.id: row.state for row in self._connection.execute(select(schema.plan.c.id, schema.plan.c.state))}

    def put_outbox(self, row: OutboxRow) -> None:
        """Insert an outbox row or replace its state."""
        values = {**vars(row), "state": row.state.value, "kind": row.kind.value}
        values["content"] = self._close(row.content, "outbox", *(values[name] for name in _OUTBOX))
        self._upsert(schema.outbox, values, "decision_id")

    def outbox(self, decision_id: str) -> OutboxRow | None:
        """Return one outbox row. Raises SealBroken when it does not open: its columns are bound to it."""
        row = self._connection.execute(select(schema.outbox).where(schema.outbox.c.decision_id == decision_id)).first()
        if row is None:
            return None
        plain = {name: getattr(row, name) for name in _OUTBOX}
        content = self._open(row.content, "outbox", *plain.values())
        return OutboxRow(**{**plain, "kind": Sending(row.kind), "state": Delivery(row.state)}, content=content)

    def directives(self, person: str) -> tuple[OutboxRow, ...]:
        """Return what was queued of this person's directive protocols; a row that does not open is the verifier's."""
        outbox = schema.outbox.c
        query = select(outbox.decision_id).where(outbox.kind == Sending.DIRECTIVE.value, outbox.plan_id == person)
        return readable(self.outbox, self._connection.execute(query).scalars().all())[0]

    def outbox_ids(self, *states: Delivery, plan: str | None = None, due: str | None = None) -> tuple[str, ...]:
        """Return the ids of the rows in one of `states`, oldest first, without opening any.

        `due` leaves out what is planned for later than that instant.
        """
        query = (
            select(schema.outbox.c.decision_id)
            .where(schema.outbox.c.state.in_([state.value for state in states]))
            .order_by(schema.outbox.c.approved_at, schema.outbox.c.decision_id)
        )
        if plan is not None:
            query = query.where(schema.outbox.c.plan_id == plan)
        if due is not None:
            planned = (schema.outbox.c.kind == Sending.CHANGE.value) & (schema.outbox.c.not_before > due)
            query = query.where(~planned)
        return tuple(self._connection.execute(query).scalars())

    def outbox_kinds(self) -> dict[str, str]:
        """Return what every outbox row sends, by its id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.kind)
        return {row.decision_id: row.kind for row in self._connection.execute(select(*columns))}

    def outbox_states(self) -> dict[str, str]:
        """Return the state of every outbox row by decision id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.state)
        return {row.decision_id: row.state for row in self._connection.execute(select(*columns))}

    def outbox_ehrs(self) -> dict[str, str]:
        """Return the EHR that every outbox row is for by decision id, without opening any."""
        columns = (schema.outbox.c.decision_id, schema.outbox.c.ehr)
        return {row.decision_id: row.ehr for row in self._connection.execute(select(*columns))}


_LAST: Final = 2**63 - 1
"""The largest number that a database holds: one that a forger wrote leads nowhere."""

# What every decision asks is put together once: building a statement takes longer than running it.
_LAST_POLICY: Final = (
    select(schema.audit_leaf.c.policy_hash)
    .where(schema.audit_leaf.c.kind == "policy.changed")
    .order_by(schema.audit_leaf.c.seq.desc())
    .limit(1)
)
_SCREENS_OF: Final = (
    select(schema.screen).where(schema.screen.c.person == bindparam("person")).order_by(schema.screen.c.number)
)
_ACTS_OF: Final = select(schema.act).where(schema.act.c.person == bindparam("person")).order_by(schema.act.c.number)
_ACTS_OF_KINDS: Final = (
    select(schema.act).where(schema.act.c.kind.in_(bindparam("kinds", expanding=True))).order_by(schema.act.c.number)
)

_OUTBOX = ("decision_id", "kind", "plan_id", "ehr", "state", "attempts", "not_before", "approved_at")
