"""The transactions of several threads that become durable by one COMMIT."""

from __future__ import annotations

import threading
import time
from typing import Final

from sqlalchemy import Connection

from withness.store.sql import CommitUnknown
from withness.store.trail import Memory
from withness.store.transaction import Transaction

MOST: Final = 32
"""How many transactions share one COMMIT at most."""

LONGEST: Final = 0.05
"""How long a batch goes on taking in transactions, in seconds."""


class Batch:
    """The transactions that share one COMMIT, and the threads that wait for it."""

    def __init__(self, connection: Connection, known: Memory) -> None:
        self.connection = connection
        self._known = known
        self.members: list[Transaction] = []
        self._over = threading.Lock()
        self._over.acquire()
        self.durable = False
        self._begun = time.monotonic()

    @property
    def known(self) -> Memory:
        """What the last of its blocks found of the trail's end, or what was known before the first."""
        return self.members[-1].memory() if self.members else self._known

    @property
    def full(self) -> bool:
        """Whether it takes in nobody any more."""
        return len(self.members) >= MOST or time.monotonic() - self._begun >= LONGEST

    def begin_block(self) -> None:
        """Begin a block that can be taken back without those before it."""
        self.connection.exec_driver_sql("SAVEPOINT block")

    def keep(self) -> None:
        """End a block; the first one has nothing before it that it could be told from."""
        if self.members:
            self.connection.exec_driver_sql("RELEASE block")

    def end(self) -> None:
        """Let all of its threads go on, once."""
        self._over.release()

    def wait(self) -> None:
        """Wait until it is over. Raises CommitUnknown when its COMMIT failed."""
        with self._over:  # each who waits lets the next one on
            pass
        if not self.durable:
            raise unknown()


def unknown() -> CommitUnknown:
    """Return what is said when a COMMIT failed."""
    return CommitUnknown("The database could not confirm that the record is durable.")
