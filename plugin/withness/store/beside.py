"""What a transaction on PostgreSQL needs that runs beside others: the end of the trail, locked last, and the time."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

HERE: Final = "hashtext(coalesce(current_schema(), ''))"
"""The second half of each lock's key: two data directories in one database are not in each other's way."""

WHOLE: Final = f"1466528872, {HERE}"
"""The lock that a transaction takes alone, or shares with those beside it."""

END: Final = f"1466528873, {HERE}"
"""The lock on the end of the trail: who holds it appends, and nobody else until that is durable."""


class Clock:
    """The server's clock, by which all machines save: each thread goes on from what it was told last."""

    def __init__(self) -> None:
        self._told = threading.local()

    def tell(self, at: datetime) -> None:
        """Note the server's time now."""
        self._told.at, self._told.since = at.astimezone(UTC), time.monotonic()

    def now(self) -> datetime:
        """Return the server's time, never later than it is there; this machine's while it was not asked yet."""
        at: datetime | None = getattr(self._told, "at", None)
        if at is None:
            return datetime.now(UTC)
        return at + timedelta(seconds=time.monotonic() - self._told.since)


class Beside:
    """The locks of a transaction that runs beside others."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._connection, self._clock = connection, clock
        self._holds_end = False

    def hold_end(self) -> bool:
        """Wait until nobody else appends; whether this was the first call, so that others may have appended before."""
        if self._holds_end:
            return False
        self.tell(f"SELECT pg_advisory_xact_lock({END}), clock_timestamp()")
        self._holds_end = True
        return True

    def tell(self, question: str) -> object:
        """Ask something and, after it, the time; return the answer."""
        answer, at = self._connection.execute(text(question)).one()
        self._clock.tell(at)
        return answer
