"""The embedded local chart: a small FHIR store in one SQLite file, for trials, demos and single desks.

Every version of every resource is kept, and every body is sealed to its own place (contracts I6, Settings). It
accepts references to resources that it does not hold.
"""

from __future__ import annotations

import copy
import json
import os
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from withness.core.terms import REFERENCE
from withness.ehr import links, observed
from withness.ehr.port import Resource, Stored, Written
from withness.ehr.reference import person_type
from withness.ehr.transaction import Entry, entries_of
from withness.errors import CannotTell, Conflict, EhrRefused
from withness.seal import Seal

_APPLICATION: Final = 0x57697468  # "With", SQLite's mark of whose file this is
_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = (
    "CREATE TABLE resource (type TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL,"
    " written_at TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (type, id, version))",
    "CREATE TRIGGER resource_is_never_changed BEFORE UPDATE ON resource BEGIN SELECT RAISE(ABORT, 'append only'); END",
    "CREATE TRIGGER resource_is_never_removed BEFORE DELETE ON resource BEGIN SELECT RAISE(ABORT, 'append only'); END",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_SCHEMA_VERSION}",
)
_COLUMNS: Final = "SELECT type, id, version, written_at, body FROM resource"


class LocalChart:
    """The EHR port over one SQLite file (structurally an `ehr.port.Ehr`).

    `now` is the clock of meta.lastUpdated, `new_id` makes the ids of POSTed resources, `wait` is how many seconds
    a use of the file waits for another one.
    """

    address: Final = "local"
    loopback: Final = True
    embedded: Final = True

    def __init__(
        self,
        path: Path,
        seal: Seal,
        now: Callable[[], datetime],
        *,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        wait: float = 10.0,
    ) -> None:
        self._path = path.absolute()
        self._seal = seal
        self._now = now
        self._new_id = new_id
        self._wait = wait

    def hurried(self, seconds: float) -> LocalChart:
        """See `ehr.port.Ehr.hurried`."""
        same = copy.copy(self)
        same._wait = min(self._wait, seconds)
        return same

    def read(self, reference: str) -> Stored | None:
        """Return the newest version of the resource at "Type/id", None when the chart does not have it.

        Raises EhrRefused when `reference` is no "Type/id", CannotTell when the file is busy or unreadable.
        """
        return next(iter(self._versions(reference, limit=1)), None)

    def history(self, reference: str) -> list[Stored]:
        """Return every version of the resource at "Type/id", newest first. Raises as `read` does."""
        return self._versions(reference, limit=-1)

    def search(self, type: str) -> list[Stored]:
        """Return the newest version of every resource of `type`, in the order of writing.

        Raises CannotTell when the file is busy or unreadable.
        """
        newest = "(type, id, version) IN (SELECT type, id, max(version) FROM resource WHERE type = ? GROUP BY id)"
        return self._select(f"{_COLUMNS} WHERE {newest} ORDER BY rowid", (type,))

    def observations(self, patient: str, codes: Collection[str], since: datetime) -> tuple[Resource, ...]:
        """Scan the newest versions as `ehr.port.Ehr.observations` says, in the order of writing.

        Raises EhrRefused when `patient` is nobody's reference, CannotTell when the file is busy or unreadable.
        """
        if person_type(patient) != "Patient" or not codes:
            return ()
        held = (one.resource for one in self.search("Observation"))
        own = (one for one in held if observed.subject(one, self.address) == patient)
        return tuple(one for one in own if observed.counts(one, codes, since))

    def responses(self, patient: str, *questionnaires: str) -> tuple[Resource, ...]:
        """Scan the newest versions as `ehr.port.Ehr.responses` says, in the order of writing. Raises as above."""
        own = self._of(patient, "QuestionnaireResponse")
        return tuple(one for one in own if observed.answers(one, questionnaires))

    def encounters(self, patient: str) -> tuple[Resource, ...]:
        """Scan the newest versions as `ehr.port.Ehr.encounters` says. Raises as above."""
        return self._of(patient, "Encounter")

    def _of(self, patient: str, type: str) -> tuple[Resource, ...]:
        if person_type(patient) != "Patient":
            raise EhrRefused("Only what is a Patient's is looked for.", field="reference")
        held = (one.resource for one in self.search(type))
        return tuple(one for one in held if observed.subject(one, self.address) == patient)

    def held(
        self, type: str, systems: Collection[str], categories: Collection[tuple[str, str]] = ()
    ) -> Iterator[Stored]:
        """Scan the newest versions as `ehr.port.Ehr.held` says. Raises CannotTell as `search` does."""
        return (one for one in self.search(type) if observed.marked(one.resource, systems, categories))

    def linked(self, person: str) -> frozenset[str]:
        """Follow the links between the chart's Patients as `ehr.port.Ehr.linked` says.

        Raises EhrRefused, EhrUnavailable (a link that cannot be read, too many), CannotTell as `search` does.
        """
        person_type(person)
        held = [one.resource for one in self.search("Patient")]
        return links.linked(person, lambda _: held, self.address)

    def transact(self, bundle: Resource) -> tuple[Written, ...]:
        """Write a transaction Bundle of PUT and POST entries whole or not at all, in the Bundle's order.

        A PUT of what is there already makes no new version. Raises EhrRefused when the Bundle is malformed or asks
        for more, Conflict when an ifMatch names another version than the newest, CannotTell when the file is busy
        or unreadable or the fate of the commit is unknown.
        """
        entries = entries_of(bundle, self._new_id)
        with self._opened(write=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not _is_chart(connection):
                for statement in _SCHEMA:
                    connection.execute(statement)
            at = self._now().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            written = tuple(self._append(connection, entry, at) for entry in entries)
            connection.execute("COMMIT")
        return written

    def _append(self, connection: sqlite3.Connection, entry: Entry, at: str) -> Written:
        reference = f"{entry.type}/{entry.id}"
        query = f"{_COLUMNS} WHERE type = ? AND id = ? ORDER BY version DESC LIMIT 1"
        newest = connection.execute(query, (entry.type, entry.id)).fetchone()
        last = newest[2] if newest else 0
        if entry.if_match is not None and (newest is None or entry.if_match != str(last)):
            raise Conflict("The chart holds another version of a resource than the one this change was made from.")
        if newest and _canonical(self._content(newest)) == _canonical(entry.content):
            return Written(reference, str(last))
        body = self._seal.close(
            json.dumps(entry.content).encode(), table="resource", column="body", row=f"{reference}/{last + 1}"
        )
        connection.execute("INSERT INTO resource VALUES (?, ?, ?, ?, ?)", (entry.type, entry.id, last + 1, at, body))
        return Written(reference, str(last + 1))

    def _versions(self, reference: str, *, limit: int) -> list[Stored]:
        found = REFERENCE.fullmatch(reference)
        if found is None:
            raise EhrRefused("A reference must be Type/id.", field="reference")
        query = f"{_COLUMNS} WHERE type = ? AND id = ? ORDER BY version DESC LIMIT ?"
        return self._select(query, (found["type"], found["id"], limit))

    def _select(self, query: str, values: tuple[str | int, ...]) -> list[Stored]:
        if not self._exists():
            return []
        with self._opened() as connection:
            rows = connection.execute(query, values).fetchall() if _is_chart(connection) else []
        return [self._stored(row) for row in rows]

    def _stored(self, row: tuple[str, str, int, str, bytes]) -> Stored:
        content, version = self._content(row), str(row[2])
        meta = {**content.get("meta", {}), "versionId": version, "lastUpdated": row[3]}
        return Stored({**content, "meta": meta}, version)

    def _content(self, row: tuple[str, str, int, str, bytes]) -> dict[str, Any]:
        plain = self._seal.open(row[4], table="resource", column="body", row=f"{row[0]}/{row[1]}/{row[2]}")
        content: dict[str, Any] = json.loads(plain)
        return content

    @contextmanager
    def _opened(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Open the file under the file lock; leaving without COMMIT writes nothing.

        Readers take the lock too: the last connection to close checkpoints the write-ahead log, and SQLite before
        3.51.3 can damage a file where one connection writes while another checkpoints.
        """
        try:
            if write:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(f"{self._path}.lock", timeout=self._wait, mode=0o600)
            with lock.acquire(poll_interval=0.01):
                if write and not self._exists():
                    # SQLite would create it with the umask's mode, and gives -wal and -shm the mode of the file.
                    os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
                with closing(self._connect()) as connection:
                    if write:
                        connection.execute("PRAGMA journal_mode = WAL")
                        connection.execute("PRAGMA synchronous = FULL")
                    yield connection
        except Timeout:
            raise CannotTell("The local chart is busy: another Withness is using it.", hint="Try again.") from None
        except (sqlite3.Error, OSError):
            raise CannotTell("The local chart's file cannot be used, so nothing is said about what it holds.") from None

    def _connect(self) -> sqlite3.Connection:
        # mode=rw: a file that has gone missing meanwhile is an error, never silently a new and empty chart
        return sqlite3.connect(f"{self._path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=self._wait)

    def _exists(self) -> bool:
        try:
            os.stat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            raise CannotTell("The local chart's file cannot be reached.") from None
        return True


def copy_chart(path: Path, copy: Path, *, wait: float = 10.0) -> None:
    """Copy the chart's file, as sealed as it is, into a new file that only its owner reads, durably.

    Raises CannotTell when the file is busy or unreadable, OSError when the copy cannot be written.
    """
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with (
            FileLock(f"{path}.lock", timeout=wait, mode=0o600),
            closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=wait)) as source,
            closing(sqlite3.connect(copy)) as made,
        ):
            source.backup(made)
    except Timeout:
        raise CannotTell("The local chart is busy: another Withness is using it.", hint="Try again.") from None
    except sqlite3.Error:
        raise CannotTell("The local chart's file cannot be copied.", hint="Keep it as it is.") from None
    with copy.open("rb") as file:
        os.fsync(file.fileno())


def _is_chart(connection: sqlite3.Connection) -> bool:
    """Return whether the file has the chart's table (no when its first write never ended). Raises CannotTell."""
    mark = connection.execute("SELECT * FROM pragma_application_id, pragma_user_version").fetchone()
    if mark == (_APPLICATION, _SCHEMA_VERSION):
        return True
    if mark == (0, 0) and connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
        return False
    raise CannotTell("The local chart's file was not written by this version of Withness.")


def _canonical(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True)
