"""Durable records a second: one client and sixteen on SQLite, and on PostgreSQL where a server can run."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.figure import Figure, in_turn
from withness.audit.log import append
from withness.audit.record import Kind, Record
from withness.seal import Seal
from withness.store.sql import Store
from withness.store.sqlite import SqliteStore

ROUNDS = 150
IN_A_ROW = 20
CLIENTS = 16
EACH = 40
BLOCK = b"x" * 1023 + b"\n"
RECORD = Record(Kind.TRAIL_VIEWED, "Practitioner/p1", "somebody", patient="Patient/rosa")


def figures() -> list[Figure]:
    """Return the milliseconds of one durable record, alone and among sixteen who append at once."""
    with tempfile.TemporaryDirectory(prefix="withness-bench-") as folder:
        store = SqliteStore(Path(folder) / "withness.sqlite3", Seal(b"k" * 32))
        store.set_up({"data_id": "bench"})
        with (Path(folder) / "raw").open("ab", buffering=0) as raw:

            def fsync() -> None:
                raw.write(BLOCK)
                os.fsync(raw.fileno())

            one, floor = in_turn(lambda: _append(store), fsync, rounds=ROUNDS)
            in_a_row, floors = in_turn(lambda: _append(store), fsync, rounds=ROUNDS // 10, times=IN_A_ROW)
        alone, together = _in_turn(store)
        store.close()
    return [
        Figure(
            "append.sqlite",
            one * 1e3,
            "ms",
            floor * 1e3,
            10 / 3,
            "one durable audit record, one client; floor: one append of 1 KiB with fsync",
        ),
        Figure(
            "append.in-a-row",
            in_a_row * 1e3,
            "ms",
            floors * 1e3,
            means=f"one of {IN_A_ROW} such in a row, one client: {1 / in_a_row:,.0f} a second; "
            "floor: as many appends with fsync in a row",
        ),
        Figure(
            "append.sqlite-16",
            together * 1e3,
            "ms",
            alone * 1e3,
            1 / 1.3,
            "the same among 16 threads that share each COMMIT; floor: one client's time",
        ),
        *_on_postgres(),
    ]


def _append(store: Store) -> None:
    with store.transaction() as tx:
        append(tx, [RECORD], at=datetime.now(UTC))


def _in_turn(store: Store) -> tuple[float, float]:
    """Return seconds for each record of one client and of sixteen, measured A B A B."""
    pairs = [(_seconds(store, 1, EACH), _seconds(store, CLIENTS, EACH)) for _ in range(6)][1:]
    return median(one for one, _ in pairs), median(one for _, one in pairs)


def _seconds(store: Store, clients: int, each: int) -> float:
    """Return the seconds for each record while `clients` threads append `each` of them at once."""

    def work() -> None:
        for _ in range(each):
            _append(store)

    return _timed([work] * clients) / (clients * each)


def _timed(works: list[Callable[[], None]]) -> float:
    threads = [threading.Thread(target=one) for one in works]
    begun = time.perf_counter()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return time.perf_counter() - begun


def _on_postgres() -> list[Figure]:
    """Return what there is to say of PostgreSQL, nothing where no server can run."""
    from tests.servers.postgres import PostgresServer, available

    if available():
        return []
    from withness.store.postgres import PostgresStore

    found = []
    with PostgresServer() as server:
        store = PostgresStore(server.create_database(), Seal(b"k" * 32))
        store.set_up({"data_id": "bench"})
        _seconds(store, CLIENTS, 2)
        for clients in (1, 4, CLIENTS):
            seconds = median(_seconds(store, clients, EACH) for _ in range(3))
            means = f"one durable audit record on PostgreSQL, {clients} client{'s' if clients > 1 else ''}"
            found.append(Figure(f"append.postgresql-{clients}", seconds * 1e3, "ms", means=means))
        store.close()
    return found
