"""The schema: tables, and the triggers that keep append-only tables append-only.

Triggers stop accidents, not the file's owner; the verifier compares them with what this release expects.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

SCHEMA_VERSION: Final = "1"

metadata: Final = MetaData()

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))

policy = Table(
    "policy",
    metadata,
    Column("digest", String, primary_key=True),
    Column("version", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

screen = Table(
    "screen",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("person", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("screen_by_person", "person", "number"),
)

act = Table(
    "act",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("person", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("act_by_person", "person", "number"),
    Index("act_by_kind", "kind", "number"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", String, primary_key=True),
    Column("person", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

plan = Table(
    "plan",
    metadata,
    Column("id", String, primary_key=True),
    Column("request_id", String, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("decision_id", String),
    Column("updated_at", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

note_request = Table(
    "note_request",
    metadata,
    Column("request_id", String, primary_key=True),
    Column("note", String, nullable=False),
    sqlite_with_rowid=False,
)

process_note = Table(
    "process_note",
    metadata,
    Column("id", String, primary_key=True),
    Column("author", String, nullable=False),
    Column("written_at", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("process_note_by_author", "author", "written_at"),
    sqlite_with_rowid=False,
)

check_in = Table(
    "check_in",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("id", String, nullable=False, unique=True),
    Column("person", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("check_in_by_person", "person", "number"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("decision_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("plan_id", String, nullable=False),
    Column("ehr", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("not_before", String, nullable=False),
    Column("approved_at", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

audit_leaf = Table(
    "audit_leaf",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("segment", Integer, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("actor", String, nullable=False),
    Column("second_actor", String),
    Column("patient", String),
    Column("outcome", String),
    Column("reason_code", String),
    Column("policy_hash", String),
    Column("request_id", String),
    Column("v", Integer, nullable=False),
    Index("audit_leaf_by_patient", "patient", "seq"),
    Index("audit_leaf_by_kind", "kind", "seq"),
    Index("audit_leaf_by_time", "recorded_at"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("first_seq", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("peaks", LargeBinary, nullable=False),
)

audit_tile = Table(
    "audit_tile",
    metadata,
    Column("segment", Integer, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("hashes", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Full tiles of the tree, 256 hashes each (C2SP tlog-tiles): level 0 holds leaf hashes, each further level the roots
of the tiles below. A tile that is not full yet is read from the leaves, or from the roots of the level below."""

audit_feed = Table(
    "audit_feed",
    metadata,
    Column("repository", String, primary_key=True),
    Column("next_seq", Integer, nullable=False),
    Column("updated_at", String, nullable=False),
)
"""How far each audit repository has been told."""

_APPEND_ONLY: Final = {
    "audit_leaf": "seq >= NEW.seq",
    "audit_tile": "segment = NEW.segment AND level = NEW.level AND number >= NEW.number",
    "screen": "number >= NEW.number OR id = NEW.id",
    "act": "number >= NEW.number OR id = NEW.id",
    "decision": "id = NEW.id AND person = NEW.person",
    "policy": "digest = NEW.digest",
    "check_in": "number >= NEW.number OR id = NEW.id",
    "note_request": "request_id = NEW.request_id",
    "process_note": "id = NEW.id",
}
"""Append-only tables, and when an INSERT would replace or precede a row: REPLACE fires no DELETE trigger."""


def triggers() -> tuple[str, ...]:
    """Return the DDL of every trigger: no UPDATE, no DELETE, and no INSERT that replaces or precedes a row."""
    found = []
    for table, taken in _APPEND_ONLY.items():
        said = f"SELECT RAISE(ABORT, '{table} is append-only')"
        for verb in ("UPDATE", "DELETE"):
            found.append(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {said}; END")
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {taken})"
        found.append(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {said}; END")
    return tuple(found)


@cache
def ddl() -> tuple[str, ...]:
    """Return every statement that makes the schema."""
    tables = list(metadata.sorted_tables)
    made = [str(CreateTable(table).compile(dialect=sqlite.dialect())).strip() for table in tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=sqlite.dialect())).strip()
        for table in tables
        for index in sorted(table.indexes, key=lambda one: str(one.name))
    ]
    return (*made, *indexes, *triggers())
