"""Emptying old records of the trail in an SQLite database: the one change that an append-only table ever sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, func, select, text

from withness.audit.record import Kind, Leaf
from withness.store import schema
from withness.store.leaves import between
from withness.store.sealed import Sealed

_TRIGGER: Final = "audit_leaf_no_update"

_EMPTY: Final = text(
    "UPDATE audit_leaf SET body = x'', actor = '', second_actor = NULL, patient = NULL, outcome = NULL,"
    " reason_code = NULL, policy_hash = NULL, request_id = NULL"
    " WHERE seq BETWEEN :first AND :last AND length(body) > 0"
)


class PruningRows(Sealed):
    """What pruning reads and writes in one transaction."""

    def newest_seq(self, kind: Kind) -> int | None:
        """Return the number of the newest record of a kind, None where there is none."""
        leaf = schema.audit_leaf.c
        return self._connection.execute(select(func.max(leaf.seq)).where(leaf.kind == kind.value)).scalar()

    def older(self, kinds: Iterable[str], before: str) -> Iterator[Leaf]:
        """Yield the leaves of these kinds that were recorded before an instant and have bytes, by sequence number."""
        leaf = schema.audit_leaf.c
        query = select(schema.audit_leaf).where(leaf.kind.in_(sorted(kinds)), leaf.recorded_at < before)
        query = query.where(func.length(leaf.body) > 0).order_by(leaf.seq)
        for row in self._connection.execute(query.execution_options(yield_per=1000)):
            yield Leaf(*row)

    def count_emptied(self, first: int, last: int) -> int:
        """Return how many leaves from `first` up to, not including, `last` are without bytes."""
        leaf = schema.audit_leaf.c
        query = select(func.count()).where(between(first, last), func.length(leaf.body) == 0)
        return int(self._connection.execute(query).scalar_one())

    def empty(self, spans: Iterable[Sequence[int]]) -> int:
        """Leave of the records in these runs (first and last) only what stays of a pruned one; return how many.

        The trigger that forbids it is away for these statements alone, and back before anybody sees them. Only for
        SQLite, in a transaction that runs alone.
        """
        self.changed_otherwise()
        return _empty(self._connection, spans)


def _empty(connection: Connection, spans: Iterable[Sequence[int]]) -> int:
    """Empty the records of these runs (first and last), overwriting their bytes in the file; return how many.

    Dropping and making a trigger belongs to the transaction: it is undone with it. Raises ValueError on another engine.
    """
    if connection.dialect.name != schema.SQLITE:
        raise ValueError("only on SQLite")
    [ddl] = [one for one in schema.triggers() if one.startswith(f"CREATE TRIGGER {_TRIGGER} ")]
    connection.exec_driver_sql("PRAGMA secure_delete=ON")
    connection.exec_driver_sql(f"DROP TRIGGER {_TRIGGER}")
    done = sum(connection.execute(_EMPTY, {"first": first, "last": last}).rowcount for first, last in spans)
    connection.exec_driver_sql(ddl)
    return done
