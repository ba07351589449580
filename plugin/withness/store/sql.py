"""What a store is, whichever engine it stands on: one database, and transactions that are durable when they end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

from withness.audit.publishing import Publisher
from withness.errors import CannotTell
from withness.seal import Seal
from withness.store import schema
from withness.store.transaction import Transaction

LOCK_SECONDS: Final = 10.0
"""How long a transaction waits for another, in seconds."""


class CommitUnknown(CannotTell):
    """COMMIT failed: it may still have become durable; only a look-up can tell (exit 7)."""

    code = "commit-unknown"


class TryAgain(CannotTell):
    """Two transactions were in each other's way, and nothing of this one was saved: it may be run again (exit 7)."""

    code = "try-again"


class Store(ABC):
    """The one database of a data directory. `seal` is None where only the trail's structure is read.

    `publisher` learns what has become durable, and holds the log against what was published; None does neither.
    """

    engine: str
    """Its engine, as `schema.ddl` calls it."""

    def __init__(self, seal: Seal | None, publisher: Publisher | None = None) -> None:
        self._seal = seal
        self.publisher = publisher

    @abstractmethod
    def exists(self) -> bool:
        """Whether the database has been set up."""

    @abstractmethod
    def transaction(self, people: Iterable[str] = ()) -> AbstractContextManager[Transaction]:
        """Run one transaction; it commits when the block ends, and rolls back when the block raises.

        It runs alone. With `people` (every person whose rows it reads or writes) it may run beside others that name
        nobody of them, where the engine can do that; it ends them one after another, by the trail's end.

        Raises CannotTell when the database is busy or unreadable, CommitUnknown when COMMIT itself failed, TryAgain
        when another transaction was in its way.
        """

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Read the database as it is at this moment, however long that takes, while others go on saving.

        Writes are refused. Raises CannotTell.
        """

    @abstractmethod
    def glance(self) -> AbstractContextManager[Transaction]:
        """Read what is durable now, in a moment: whoever looks at a few rows waits for nobody's save.

        Writes are refused. Raises CannotTell.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the database."""

    def now(self) -> datetime:
        """Return the time by the clock that all who save here share."""
        return datetime.now(UTC)

    def set_up(self, facts: dict[str, str]) -> dict[str, str]:
        """Create the schema where it is missing and return the stored facts (`facts` when new)."""
        with self.transaction() as tx:
            if not tx.has_table("meta"):
                for statement in schema.ddl(self.engine):
                    tx.execute_ddl(statement)
                tx.put_facts({**facts, "schema": schema.SCHEMA_VERSION})
                tx.stamp(schema.REVISION)
            return tx.facts()

    def _publish(self, *done: Transaction) -> None:
        """Tell the publisher what transactions made durable."""
        if self.publisher is not None:
            self.publisher.durable([one for tx in done for one in tx.written])


def busy() -> CannotTell:
    """Return what is said when a transaction waited too long for another."""
    message = f"The data directory has been busy for {LOCK_SECONDS:.0f} seconds; nothing was written."
    return CannotTell(message, hint="Try again in a moment.")
