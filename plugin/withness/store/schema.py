"""The schema: tables, and the triggers that keep append-only tables append-only.

Triggers stop accidents, not the file's owner; the verifier compares them with what this release expects.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from withness.store import triggers as _triggers

SCHEMA_VERSION: Final = "1"
"""What the facts of a data directory say; acts are signed over them, so it stays as it is."""

REVISION: Final = "0003"
"""The newest revision of the schema (store/migrations); a new data directory is made and stamped with it at once."""

TEXT: Final = String().with_variant(String(collation="C"), "postgresql")
"""Text that both engines put in one order: by its bytes."""

NUMBER: Final = Integer().with_variant(BigInteger(), "postgresql")

metadata: Final = MetaData()

meta = Table("meta", metadata, Column("key", TEXT, primary_key=True), Column("value", TEXT, nullable=False))

policy = Table(
    "policy",
    metadata,
    Column("digest", TEXT, primary_key=True),
    Column("version", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

screen = Table(
    "screen",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("id", TEXT, nullable=False, unique=True),
    Column("person", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("screen_by_person", "person", "number"),
)

act = Table(
    "act",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("id", TEXT, nullable=False, unique=True),
    Column("person", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("act_by_person", "person", "number"),
    Index("act_by_kind", "kind", "number"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("person", TEXT, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

plan = Table(
    "plan",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("request_id", TEXT, nullable=False, unique=True),
    Column("state", TEXT, nullable=False),
    Column("decision_id", TEXT),
    Column("updated_at", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("updated_at", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

note_request = Table(
    "note_request",
    metadata,
    Column("request_id", TEXT, primary_key=True),
    Column("note", TEXT, nullable=False),
    sqlite_with_rowid=False,
)

process_note = Table(
    "process_note",
    metadata,
    Column("id", TEXT, primary_key=True),
    Column("author", TEXT, nullable=False),
    Column("written_at", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("process_note_by_author", "author", "written_at"),
    sqlite_with_rowid=False,
)

check_in = Table(
    "check_in",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("id", TEXT, nullable=False, unique=True),
    Column("person", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("check_in_by_person", "person", "number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("decision_id", TEXT, primary_key=True),
    Column("kind", TEXT, nullable=False),
    Column("plan_id", TEXT, nullable=False),
    Column("ehr", TEXT, nullable=False),
    Column("state", TEXT, nullable=False),
    Column("attempts", NUMBER, nullable=False),
    Column("not_before", TEXT, nullable=False),
    Column("approved_at", TEXT, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("outbox_by_plan", "plan_id"),
    Index("outbox_by_state", "state", "approved_at"),
)

audit_leaf = Table(
    "audit_leaf",
    metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("segment", NUMBER, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("second_actor", TEXT),
    Column("patient", TEXT),
    Column("outcome", TEXT),
    Column("reason_code", TEXT),
    Column("policy_hash", TEXT),
    Column("request_id", TEXT),
    Column("v", NUMBER, nullable=False),
    Index("audit_leaf_by_patient", "patient", "kind", "seq"),
    Index("audit_leaf_by_kind", "kind", "seq"),
    Index("audit_leaf_by_time", "recorded_at"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("segment", NUMBER, primary_key=True, autoincrement=False),
    Column("first_seq", NUMBER, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)

audit_tile = Table(
    "audit_tile",
    metadata,
    Column("segment", NUMBER, primary_key=True, autoincrement=False),
    Column("level", NUMBER, primary_key=True, autoincrement=False),
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Full tiles of the tree, 256 hashes each (C2SP tlog-tiles): level 0 holds leaf hashes, each further level the roots
of the tiles below. A tile that is not full yet is read from the leaves, or from the roots of the level below."""

audit_feed = Table(
    "audit_feed",
    metadata,
    Column("repository", TEXT, primary_key=True),
    Column("next_seq", NUMBER, nullable=False),
    Column("updated_at", TEXT, nullable=False),
)
"""How far each audit repository has been told."""

person = Table("person", metadata, Column("id", TEXT, primary_key=True), sqlite_with_rowid=False)
"""One row for each person whom a transaction on PostgreSQL has locked; SQLite needs none."""

alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""The revision of the schema, where the migrations look for it."""

SQLITE: Final = "sqlite"
POSTGRES: Final = "postgresql"
_DIALECTS: Final[dict[str, type[Dialect]]] = {SQLITE: sqlite.dialect, POSTGRES: postgresql.dialect}


def triggers(engine: str = SQLITE) -> tuple[str, ...]:
    """Return the DDL of every trigger: no UPDATE, no DELETE, and no INSERT that replaces or precedes a row."""
    return _triggers.on_sqlite() if engine == SQLITE else _triggers.on_postgres()


@cache
def ddl(engine: str = SQLITE) -> tuple[str, ...]:
    """Return every statement that makes the schema on an engine ("sqlite" or "postgresql")."""
    dialect = _DIALECTS[engine]()
    tables = list(metadata.sorted_tables)
    made = [str(CreateTable(table).compile(dialect=dialect)).strip() for table in tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=dialect)).strip()
        for table in tables
        for index in sorted(table.indexes, key=lambda one: str(one.name))
    ]
    return (*made, *indexes, *triggers(engine))


def ddl_of(table: str, engine: str = SQLITE) -> tuple[str, ...]:
    """Return every statement that makes one table with its indexes and triggers."""
    name = f'"?{table}"?'
    about = re.compile(rf"CREATE TABLE {name} |CREATE (INDEX|TRIGGER) .*? ON {name} |ALTER TABLE {name} ", re.DOTALL)
    return tuple(one for one in ddl(engine) if about.match(one))
