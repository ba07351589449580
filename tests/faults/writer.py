"""A process that saves through Withness and writes each answer down, once it has it, where no fault reaches. ::

python -m tests.faults.writer HOME KEY_FILE records --log FILE --database URL --weaken synchronous

ready                  its desk is open
begin n17              what it is about to save
saved n17              acknowledged
not n17 7 cannot-tell The database cannot be …
closed                 it was told to stop (FILE.stop lies there), and closed what it had open

It goes on for ever, in the same process, whatever it is told: recovery by itself is that "saved" comes again.
Without arguments it is a nursery: it forks one such process for each line of arguments (JSON), and tells its id.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.engine import Engine

from tests.makers import make_screen
from tests.system.site import CLINICIAN, make_draft
from withness.audit.log import append
from withness.audit.record import Kind, Record
from withness.desk.context import Context
from withness.desk.front import Desk
from withness.errors import WithnessError
from withness.settings import read_settings
from withness.store import postgres
from withness.store.sqlite import SqliteStore
from withness.store.transaction import Transaction
from withness.wiring import build

WHO = "Patient/rosa"
WORDS = "I want somebody to get it " * 20
REST = 0.02
"""Seconds that it waits after a refusal."""


_log: int = 1
_pause: float = 0.0


def main(arguments: Sequence[str]) -> None:
    """Save until told to stop, or until the number asked for is reached."""
    global _log, _pause  # noqa: PLW0603  one process, one log
    asked = _read(arguments)
    _pause = asked.pause
    _log = os.open(asked.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for what in asked.weaken:
        WEAKENED[what]()
    given = {"home": asked.home, "key_file": asked.key_file, "database_url": asked.database}
    context = build(read_settings(given))
    desk = Desk(context)
    tell("ready")
    for number in range(asked.first, asked.first + asked.count):
        if Path(f"{asked.log}.stop").exists():
            break
        _save(asked.what, context, desk, name_of(asked.what, number))
    desk.close()
    tell("closed")


def _read(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("key_file", type=Path)
    parser.add_argument("what", choices=list(KINDS))
    parser.add_argument("--log", required=True)
    parser.add_argument("--database", default="")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--weaken", action="append", default=[], choices=list(WEAKENED))
    return parser.parse_args(arguments)


def _save(what: str, context: Context, desk: Desk, name: str) -> None:
    tell(f"begin {name}")
    try:
        KINDS[what](context, desk, name)
    except WithnessError as error:
        tell(f"not {name} {error.exit_code} {error.code} {error.message}")
        time.sleep(REST)
    else:
        tell(f"saved {name}")


def tell(line: str) -> None:
    """Write one line down at once."""
    os.write(_log, f"{line}\n".encode())


def nursery() -> None:
    """Fork a writer for each line of arguments: nothing is imported twice."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                main(json.loads(line))
            except BaseException:  # noqa: BLE001  it ends here, and says why
                tell(f"fault {traceback.format_exc()!r}")
            os._exit(0)
        print(child, flush=True)  # noqa: T201


def name_of(what: str, number: int) -> str:
    """Return the id of the save of that number: a record's, or a plan's request id."""
    return f"n{number}" if what != "plans" else str(UUID(int=number + 1, version=4))


def record(context: Context, _: Desk, name: str) -> None:
    """Save a record and, sealed, some words, in one transaction."""
    with context.store.transaction() as tx:
        _put(tx, name)


def looked_up(context: Context, _: Desk, name: str) -> None:
    """Do the same as every use case does: a COMMIT of unknown fate is looked up."""
    context.commit(lambda tx: _put(tx, name), lambda tx: tx.screen(name) is not None)


def _put(tx: Transaction, name: str) -> None:
    tx.put_screen(name, WHO, {"words": WORDS})
    said = Record(Kind.TRAIL_VIEWED, CLINICIAN, "somebody", patient=WHO, request=name)
    append(tx, [said], at=datetime.now(UTC))
    time.sleep(_pause)  # a fault may come before the COMMIT too


def plan(context: Context, desk: Desk, name: str) -> None:
    """Save a plan, its patient screened before: it is acknowledged as approved, whatever becomes of its delivery."""
    who = f"Patient/{name}"
    at = datetime.now(UTC)
    desk.screen(make_screen(context.policy, subject=who, authored=at, encounter="Encounter/e1"), actor=CLINICIAN)
    draft = make_draft(who, encounter="Encounter/e1", request_id=name)
    answer = desk.save(draft, actor=CLINICIAN)
    assert answer["decision"] == "released", answer


KINDS = {"records": record, "looked-up": looked_up, "plans": plan}


# -- bugs that a test plants to see that it can fail


def _synchronous_normal() -> None:
    @event.listens_for(Engine, "engine_connect")
    def _weaken(connection: object) -> None:
        driver = connection.connection.driver_connection  # type: ignore[attr-defined]
        driver.execute("PRAGMA synchronous=NORMAL")


def _told_before_it_is_durable() -> None:
    real: Callable[..., None] = Transaction.put_screen

    def told(tx: Transaction, id: str, *rest: object) -> None:
        tell(f"saved {id}")
        real(tx, id, *rest)

    Transaction.put_screen = told  # type: ignore[method-assign, assignment]


def _failed_commit_told_as_saved() -> None:
    def swallowed(store: SqliteStore, connection: object) -> None:
        try:
            connection.commit()  # type: ignore[attr-defined]
        except Exception:  # noqa: BLE001  the bug
            store._discard()

    SqliteStore._commit = swallowed  # type: ignore[method-assign, assignment]


def _any_server_will_do() -> None:
    postgres._DURABLE = ("synchronous_commit",)  # type: ignore[attr-defined]


WEAKENED = {
    "server": _any_server_will_do,
    "synchronous": _synchronous_normal,
    "early": _told_before_it_is_durable,
    "commit": _failed_commit_told_as_saved,
}

if __name__ == "__main__":
    if sys.argv[1:]:
        main(sys.argv[1:])
    else:
        nursery()
