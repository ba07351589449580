"""The triggers that keep append-only tables append-only, in the words of each engine.

They stop accidents, not the owner of the database; the verifier compares them with what this release expects.
"""

from __future__ import annotations

from typing import Final

APPEND_ONLY: Final = {
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

_NEWEST: Final = {
    "audit_leaf": ("seq", ""),
    "audit_tile": ("number", " WHERE segment = NEW.segment AND level = NEW.level"),
    "screen": ("number", ""),
    "act": ("number", ""),
    "check_in": ("number", ""),
}
"""The tables in which rows have an order: PostgreSQL finds the newest by the index, whatever it guesses of an OR.

Another unique column needs no words there: nothing can replace a row but an UPDATE, which has its own trigger.
"""

FUNCTION: Final = "withness_append_only"
"""The trigger function of PostgreSQL that refuses whatever fires it."""


def on_sqlite() -> tuple[str, ...]:
    """Return the DDL of every trigger for SQLite."""
    found = []
    for table, taken in APPEND_ONLY.items():
        said = f"SELECT RAISE(ABORT, '{table} is append-only')"
        for verb in ("UPDATE", "DELETE"):
            found.append(f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN {said}; END")
        exists = f"EXISTS (SELECT 1 FROM {table} WHERE {taken})"
        found.append(f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN {exists} BEGIN {said}; END")
    return tuple(found)


def on_postgres() -> tuple[str, ...]:
    """Return the DDL of every trigger and its function for PostgreSQL; no setting of a session passes them by."""
    made = [_made(name, body) for name, body in functions().items()]
    for name, (table, firing) in postgres_triggers().items():
        made.append(f"CREATE TRIGGER {name} {firing}")
        made.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return tuple(made)


def functions() -> dict[str, str]:
    """Return the body of each trigger function of PostgreSQL by its name."""
    refuse = "RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';"
    found = {FUNCTION: f"BEGIN {refuse} END"}
    for table, taken in APPEND_ONLY.items():
        column, where = _NEWEST.get(table, ("", ""))
        precedes = f"NEW.{column} <= (SELECT max({column}) FROM {table}{where})"
        condition = precedes if column else f"EXISTS (SELECT 1 FROM {table} WHERE {taken})"
        found[f"{table}_no_replace"] = f"BEGIN IF {condition} THEN {refuse} END IF; RETURN NEW; END"
    return found


def postgres_triggers(schema: str = "") -> dict[str, tuple[str, str]]:
    """Return table and firing of each trigger of PostgreSQL by its name; `schema.` stands before the table's name."""
    found = {}
    for table in APPEND_ONLY:
        for verb, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            firing = f"BEFORE {verb} ON {schema}{table} FOR EACH {each} EXECUTE FUNCTION {FUNCTION}()"
            found[f"{table}_no_{verb.lower()}"] = (table, firing)
        name = f"{table}_no_replace"
        found[name] = (table, f"BEFORE INSERT ON {schema}{table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    return found


def _made(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
