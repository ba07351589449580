"""The writer of `writer.py` as a test sees it: started, stopped, killed; what it was told; what must hold after."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.faults.writer import WHO
from tests.system.site import PLUGIN
from withness.audit.check import check
from withness.audit.record import Kind
from withness.directory import open_store
from withness.settings import Settings
from withness.wiring import load

ROOT = PLUGIN.parent
PATIENCE = 60.0
"""Seconds that a test waits for its writer."""


@dataclass(frozen=True)
class Refusal:
    """What a writer was told that it had not saved."""

    name: str
    exit_code: int
    code: str
    message: str

    @property
    def claims_nothing_saved(self) -> bool:
        """Whether it was told so, and not that nobody can tell."""
        return "nothing was" in self.message


@dataclass(frozen=True)
class Place:
    """Where a writer writes: a data directory, its key, the database's address ("" for its file), and notes of it."""

    home: Path
    key_file: Path
    database: str = ""

    @property
    def settings(self) -> Settings:
        """The settings of a desk here."""
        return Settings(home=self.home, key_file=self.key_file, database_url=self.database)

    def prepare(self) -> Place:
        """Set the data directory up."""
        load(self.settings).close()
        return self


class Writer:
    """One writer. Its log lies beside the key: where no fault of the data directory reaches."""

    def __init__(self, place: Place, log: Path, pid: int, process: subprocess.Popen[bytes] | None = None) -> None:
        self.place, self.log, self.pid = place, log, pid
        self._process = process

    # -- what it was told

    def lines(self) -> list[str]:
        """Return all whole lines that it has written."""
        text = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
        found = text[: text.rfind("\n") + 1].splitlines()
        assert not [one for one in found if one.startswith("fault")], found[-1]
        return found

    def saved(self) -> list[str]:
        """Return what was acknowledged, in order."""
        return [one.removeprefix("saved ") for one in self.lines() if one.startswith("saved ")]

    def begun(self) -> list[str]:
        """Return what was ever tried, in order."""
        return [one.removeprefix("begin ") for one in self.lines() if one.startswith("begin ")]

    def refused(self) -> list[Refusal]:
        """Return what was refused, in order."""
        found = [one.split(" ", 4)[1:] for one in self.lines() if one.startswith("not ")]
        return [Refusal(name, int(exit_code), code, said) for name, exit_code, code, said in found]

    def wait(self, until: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < end, f"{what} did not come: {self.lines()[-5:]}"
            assert self.alive() or until(), f"the writer is gone: {self.lines()[-5:]}"
            time.sleep(0.002)

    def wait_until_ready(self) -> None:
        """Wait until it has opened its data directory and begins to save."""
        self.wait(lambda: "ready" in self.lines(), "its beginning")

    def wait_for_saves(self, more: int = 5) -> None:
        """Wait until so many more saves are acknowledged."""
        wanted = len(self.saved()) + more
        self.wait(lambda: len(self.saved()) >= wanted, f"{more} saves")

    def wait_for_refusals(self, more: int = 3) -> list[Refusal]:
        """Wait until so many more are refused, and return those."""
        before = len(self.refused())
        self.wait(lambda: len(self.refused()) >= before + more, f"{more} refusals")
        return self.refused()[before:]

    # -- its life

    def alive(self) -> bool:
        """Whether it still runs."""
        if self._process is not None:
            return self._process.poll() is None
        try:
            return " Z " not in Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8")
        except OSError:
            return False

    def send(self, number: int) -> None:
        """Send it a signal, if it is still there."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it (SIGKILL) and wait until it is gone."""
        if self.alive():
            self.send(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(PATIENCE)
        while self.alive():
            time.sleep(0.001)

    def close(self) -> None:
        """Let it end by itself."""
        Path(f"{self.log}.stop").touch()
        self.wait(lambda: not self.alive(), "its end")
        assert self.lines()[-1] == "closed", self.lines()[-5:]

    def __enter__(self) -> Writer:
        self.wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()


def arguments(place: Place, log: Path, what: str, *options: str) -> list[str]:
    """Return the command line of a writer."""
    return [str(place.home), str(place.key_file), what, "--log", str(log), "--database", place.database, *options]


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WITHNESS_")}
    return {**kept, "PYTHONPATH": str(PLUGIN)}


def started(
    place: Place,
    log: Path,
    what: str,
    *options: str,
    environment: Mapping[str, str] = {},
    command: Sequence[str] = (),
) -> Writer:
    """Start a writer in a process of its own, with an environment of its own, under a `command` that limits it."""
    process = subprocess.Popen(
        [*command, sys.executable, "-m", "tests.faults.writer", *arguments(place, log, what, *options)],
        cwd=ROOT,
        env={**_environment(), **environment},
        stdin=subprocess.DEVNULL,
    )
    return Writer(place, log, process.pid, process)


class Nursery:
    """A process that has imported everything once and forks writers."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.writer"],
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def start(self, place: Place, log: Path, what: str, *options: str) -> Writer:
        """Fork a writer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments(place, log, what, *options)).encode() + b"\n")
        self._process.stdin.flush()
        return Writer(place, log, int(self._process.stdout.readline()))

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()


# -- what must hold after a fault


def check_records(place: Place, *writers: Writer) -> list[str]:
    """Nothing acknowledged is lost, nothing refused as not saved is there, row and record together; the log is whole.

    Returns the ids of what is there.
    """
    store, _ = open_store(place.settings)
    with closing(store), store.transaction() as tx:
        rows = [row.id for row in tx.screens(WHO)]
        told = [one.request_id for one in tx.leaves() if one.kind == Kind.TRAIL_VIEWED]
        damages, shortfall = list(check(tx)), tx.anchor_damage(prove=True)
    _check(rows, writers)
    assert rows == told, "a row without its record, or a record without its row"
    assert damages == []
    assert shortfall is None
    return rows


def check_plans(place: Place, *writers: Writer) -> list[str]:
    """Say the same of plans, with at most one of each request, in the database and in the chart, and verify whole."""
    store, _ = open_store(place.settings)
    with closing(store), store.transaction() as tx:
        plans = {row.request_id: row for row in filter(None, map(tx.plan, tx.plan_ids()))}
        assert len(plans) == len(tx.plan_ids())
        approved = [one.request_id for one in tx.leaves() if one.kind == Kind.PLAN_APPROVED]
    assert sorted(approved) == sorted(plans), "a plan without its record, or twice"
    _check(list(plans), writers)
    with closing(load(place.settings)) as desk:
        assert desk.sync(actor="Practitioner/p1")["waiting"] == 0
        desk.health()  # raises where anything is damaged
        chart = [one.resource for one in desk._context.ehr.search("CarePlan")]  # type: ignore[attr-defined]
    people = [one["subject"]["reference"] for one in chart]
    assert sorted(people) == sorted(f"Patient/{one}" for one in plans), "a second plan, or one that never arrived"
    return list(plans)


def _check(there: Sequence[str], writers: Sequence[Writer]) -> None:
    found = set(there)
    assert len(found) == len(there), "something is there twice"
    for one in writers:
        lost = [name for name in one.saved() if name not in found]
        assert lost == [], f"acknowledged, and lost: {lost}"
        claimed = [said.name for said in one.refused() if said.claims_nothing_saved and said.name in found]
        assert claimed == [], f"refused as not saved, and there: {claimed}"
    assert found <= {name for one in writers for name in one.begun()}, "something is there that nobody saved"


def assert_one_sentence(refusals: Sequence[Refusal]) -> None:
    """Every refusal is exit 7 and one sentence, without a path or what was to be saved."""
    for one in refusals:
        assert one.exit_code == 7, one
        assert one.message.endswith("."), one
        assert ". " not in one.message, one
        assert "/" not in one.message, one
        assert WHO not in one.message, one
