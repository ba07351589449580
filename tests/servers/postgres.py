"""Starts, kills and restarts a real PostgreSQL server for tests, on a socket in a folder of its own. ::

with PostgresServer() as server:
    address = server.create_database()
    server.kill()   # SIGKILL, as at a power cut: what was committed must still be there
    server.start()  # same folder, same data
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psycopg

_FOLDERS: Final = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin")
_ACCOUNT: Final = "postgres"
OWNER: Final = "postgres"


def _programs() -> Path | None:
    found = [path.parent for folder in _FOLDERS for path in Path("/").glob(f"{folder[1:]}/initdb")]
    where = shutil.which("initdb")
    return max(found, default=Path(where).parent if where else None, key=lambda one: (len(str(one)), str(one)))


def available() -> str | None:
    """Say whether a server can run here: None if it can, else the reason as a sentence."""
    if _programs() is None:
        return "The tests on PostgreSQL need a server (Debian: postgresql), and initdb is not here."
    if os.getuid() == 0:
        try:
            pwd.getpwnam(_ACCOUNT)
        except KeyError:
            return "PostgreSQL does not run as root, and there is no account postgres to run it."
    return None


class PostgresServer:
    """One server whose data live in a temporary folder; it listens on a socket there and nowhere else.

    `data_in` is another folder for its data, such as one on a file system of its own; `segments` the size of the
    segments of its log in MiB.
    """

    def __init__(self, data_in: Path | None = None, segments: int = 16) -> None:
        programs = _programs()
        assert programs is not None
        self._programs, self._numbers = programs, count()
        # Not in pytest's folder: the server's own account must come through to it.
        self.folder = Path(tempfile.mkdtemp(prefix="withness-pg-"))
        self.data = (data_in or self.folder) / "data"
        self.data.mkdir(mode=0o700)
        self._as: dict[str, Any] = {}
        if os.getuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            for one in (self.folder, self.data):
                os.chown(one, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        given = ("--username", OWNER, "--auth", "trust", "--no-locale", "-E", "UTF8", "--wal-segsize", str(segments))
        self._run("initdb", "--pgdata", str(self.data), *given)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nmax_connections = 100\n")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120, cwd=self.folder, **self._as
        )
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self, *settings: str) -> None:
        """Start the server and wait until it answers; a setting is such as `fsync=off`."""
        log = str(self.folder / "server.log")
        more = [part for one in settings for part in ("--options", f"-c {one}")]
        # Its output goes to the log: a pipe that it inherits would never end.
        self._run("pg_ctl", "start", "--pgdata", str(self.data), "--log", log, "--wait", "--timeout", "60", *more)

    def stop(self) -> None:
        """Stop the server; whoever is connected is cut off."""
        self._run("pg_ctl", "stop", "--pgdata", str(self.data), "--mode", "fast", "--wait")

    def crash(self) -> None:
        """Stop the server without letting it end anything: its next start recovers from its log."""
        self._run("pg_ctl", "stop", "--pgdata", str(self.data), "--mode", "immediate", "--wait")

    def processes(self) -> tuple[int, ...]:
        """Return the ids of the server's processes, the first of them before all others."""
        pid = int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return (pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def kill(self) -> None:
        """Kill every process of the server at once (SIGKILL)."""
        end(self.processes())
        self.forget()

    def forget(self) -> None:
        """Forget the processes that were killed: nobody may have reaped them, and a zombie's number stops a start."""
        for left in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            left.unlink(missing_ok=True)

    def create_database(self, *, template: str = "template1") -> str:
        """Make a database, a copy of `template` where one is named, and return its address."""
        name = f"site{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.address(name)

    def address(self, database: str, user: str = OWNER) -> str:
        """Return the address of a database for Withness."""
        return f"postgresql+psycopg://{user}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres", user: str = OWNER) -> psycopg.Connection[Any]:
        """Connect past Withness; each statement commits by itself."""
        return psycopg.connect(host=str(self.folder), dbname=database, user=user, autocommit=True)

    def execute(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run one statement past Withness, as the server's owner, and return its rows."""
        with self.connect(database) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def __enter__(self) -> PostgresServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with suppress(AssertionError, subprocess.SubprocessError):
            self._run("pg_ctl", "stop", "--pgdata", str(self.data), "--mode", "immediate")
        shutil.rmtree(self.folder, ignore_errors=True)


def end(processes: Iterable[int]) -> None:
    """Kill processes (SIGKILL) and wait until they are gone."""
    for one in processes:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)
    for one in processes:
        while _runs(one):
            time.sleep(0.001)


def _runs(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False


def database_of(address: str) -> str:
    """Return the name of the database that an address names."""
    return address.rpartition("/" if "?" not in address else "?")[0].rpartition("@/")[2] or address.rpartition("/")[2]
