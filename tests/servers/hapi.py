"""Starts, kills and restarts a real HAPI FHIR R4 JPA server for tests.

The server is the small Java program in ``hapi/`` beside this file (``hapi/README.md`` says what it is). ::

    with HapiServer(tmp_path) as server:
        server.create_world()
        requests.get(f"{server.base_url}/Patient/rosa", timeout=30)
        server.kill()   # SIGKILL: what was answered must still be there
        server.start()  # same port, same data
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

PROJECT = Path(__file__).resolve().parent / "hapi"
TARGET = PROJECT / "target"
BUILD_TIMEOUT_S = 1800.0
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 30.0
REQUEST_TIMEOUT_S = 60.0

_MAIN_CLASS = "withness.testserver.HapiServer"
_STAMP = TARGET / "built.sha256"
_ARCHIVE = TARGET / "classes.jsa"
# C1 only and the serial collector: a third faster to start and 300 MB smaller than the JVM's defaults.
_JVM_FLAGS = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=error:stderr")
# Below Linux's range for outgoing connections (32768 and up), so that a killed server finds its port free again.
_PORTS = range(20000, 32000)


class HapiError(Exception):
    """The server could not be built, started or filled; the message ends with the tail of the log."""


def available() -> str | None:
    """Say whether the server can be built and run here.

    Returns:
        None if it can, else the reason as a sentence.
    """
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            return f"The HAPI test server needs a JDK 17 and Maven, and {tool} is not on the PATH."
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', version)
    if found is None or int(found[1]) < 17:
        return f"The HAPI test server needs Java 17 or newer, and `java -version` says: {version.strip()!r}."
    return None


def build() -> Path:
    """Build the server unless ``target/`` already holds what the pom and the sources say.

    An up-to-date ``target/`` costs neither Maven nor the network. Processes that call this at once wait for the first.
    The build ends with one start of the server, which also writes an archive of its classes that makes later starts
    a quarter faster.

    Returns:
        The folder that holds the server's jar and ``lib/``.

    Raises:
        HapiError: Maven failed (its output is in the message), or the built server does not start.
    """
    TARGET.mkdir(exist_ok=True)
    with _locked(TARGET / "build.lock"):
        digest = _digest()
        if _STAMP.exists() and _STAMP.read_text() == digest:
            return TARGET
        for old in (_STAMP, _ARCHIVE):
            old.unlink(missing_ok=True)
        shutil.rmtree(TARGET / "lib", ignore_errors=True)
        _run_maven()
        with tempfile.TemporaryDirectory(prefix="hapi-build-") as folder:
            _write_archive(Path(folder))
        _STAMP.write_text(digest)
    return TARGET


class HapiServer:
    """One HAPI FHIR R4 JPA server on 127.0.0.1 whose data live in one folder.

    The port is chosen at the first start and kept. The log is ``folder/server.log``.
    """

    def __init__(self, folder: Path, *, stale_if_match_412: bool = False) -> None:
        """Name the server's folder; nothing is started yet.

        Args:
            folder: where the database and the log go; made if missing.
            stale_if_match_412: answer a stale If-Match with 412 (the FHIR specification) instead of 409 (HAPI).
        """
        self.folder = folder
        self.log = folder / "server.log"
        self._stale_if_match_412 = stale_if_match_412
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        """The FHIR base, without a slash at the end.

        Raises:
            HapiError: the server was never started, so it has no port yet.
        """
        if self._port is None:
            raise HapiError("The HAPI server has no port before its first start.")
        return f"http://127.0.0.1:{self._port}/fhir"

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, else None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Build if need be, start, and return when the server answers; nothing happens if it already runs.

        Raises:
            HapiError: the build failed, or the server ended or was not ready in time.
        """
        if self.pid is not None:
            return
        build()
        flags = [f"-XX:SharedArchiveFile={_ARCHIVE}", "-Xshare:auto"] if _ARCHIVE.exists() else []
        self._start(flags, timeout_s)

    def kill(self) -> None:
        """End the server with SIGKILL, as a crash would; nothing happens if it does not run.

        Another thread may call this, also while `start` waits: `start` then raises.
        """
        process = self._process
        if process is not None:
            process.kill()
            self._reap(process)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """End the server with SIGTERM and wait; it is killed if it has not ended in time."""
        process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
        self._reap(process)

    def create_world(self) -> None:
        """PUT the resources that the tests refer to: one organization, two practitioners, three patients and visits.

        Raises:
            HapiError: the server refused them; the message holds its answer.
            requests.RequestException: the server could not be reached.
        """
        entries = [
            {"resource": resource, "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}}
            for resource in _world()
        ]
        answer = requests.post(
            self.base_url,
            json={"resourceType": "Bundle", "type": "transaction", "entry": entries},
            headers={"Content-Type": "application/fhir+json"},
            timeout=REQUEST_TIMEOUT_S,
        )
        if answer.status_code != 200:
            raise HapiError(f"The HAPI server refused the world with {answer.status_code}: {answer.text}")

    def __enter__(self) -> HapiServer:
        """Start the server; raises what `start` raises."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def _start(self, flags: list[str], timeout_s: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        first_start = self._port is None
        if self._port is None:
            self._port = _free_port()
        with self.log.open("ab") as log:
            log_start = log.tell()
            process = subprocess.Popen(self._command(flags), stdin=subprocess.PIPE, stdout=log, stderr=log)
        self._process = process
        try:
            self._wait_until_ready(process, log_start, timeout_s)
        except HapiError as e:
            self.kill()
            if first_start:
                self._port = None
                if "java.net.BindException" in str(e):  # another process was given the same free port meanwhile
                    self._start(flags, timeout_s)
                    return
            raise

    def _command(self, flags: list[str]) -> list[str]:
        jars = [*sorted(TARGET.glob("hapi-test-server-*.jar")), *sorted((TARGET / "lib").glob("*.jar"))]
        return [
            "java",
            *_JVM_FLAGS,
            *flags,
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dwithness.exitOnStdinEof=true",
            f"-Dwithness.status412={str(self._stale_if_match_412).lower()}",
            "-cp",
            os.pathsep.join(str(jar) for jar in jars),
            _MAIN_CLASS,
            str(self.folder),
            str(self._port),
        ]

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log_start: int, timeout_s: float) -> None:
        ready = f"READY {self.base_url}\n".encode()
        deadline = time.monotonic() + timeout_s
        while True:
            code = process.poll()
            if code is None and ready in _read_from(self.log, log_start):
                return
            if code is not None:
                raise HapiError(f"The HAPI server ended with {code} before it was ready.\n{_tail(self.log, log_start)}")
            if time.monotonic() > deadline:
                tail = _tail(self.log, log_start)
                raise HapiError(f"The HAPI server was not ready after {timeout_s:g} s.\n{tail}")
            time.sleep(0.05)

    def _reap(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        if process.stdin is not None:
            process.stdin.close()
        if self._process is process:
            self._process = None


def _world() -> list[dict[str, Any]]:
    people = [("rosa", "e1", "Rosa"), ("tom", "e2", "Tom"), ("ana", "e3", "Ana")]
    ambulatory = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    return [
        {"resourceType": "Organization", "id": "demo", "name": "Demo"},
        {"resourceType": "Practitioner", "id": "p1", "name": [{"family": "One"}]},
        {"resourceType": "Practitioner", "id": "p2", "name": [{"family": "Two"}]},
        *({"resourceType": "Patient", "id": patient, "name": [{"given": [name]}]} for patient, _, name in people),
        *(
            {
                "resourceType": "Encounter",
                "id": encounter,
                "status": "in-progress",
                "class": ambulatory,
                "subject": {"reference": f"Patient/{patient}"},
            }
            for patient, encounter, _ in people
        ),
    ]


def _digest() -> str:
    digest = hashlib.sha256()
    for path in [PROJECT / "pom.xml", *sorted((PROJECT / "src").rglob("*.java"))]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(PROJECT)}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


def _run_maven() -> None:
    try:
        done = subprocess.run(
            ["mvn", "-q", "-B", "package"],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise HapiError(f"`mvn package` in {PROJECT} had not ended after {BUILD_TIMEOUT_S:g} s.") from e
    if done.returncode != 0:
        output = done.stdout.decode(errors="replace")[-4000:]
        raise HapiError(f"`mvn package` in {PROJECT} ended with {done.returncode}.\n{output}")


def _write_archive(folder: Path) -> None:
    """Start the server once, use it, and let the JVM archive the classes it loaded.

    Raises:
        HapiError: the server did not start.
    """
    server = HapiServer(folder)
    server._start([f"-XX:ArchiveClassesAtExit={_ARCHIVE}"], START_TIMEOUT_S)
    try:
        server.create_world()
        requests.get(f"{server.base_url}/Patient?identifier=a|b", timeout=REQUEST_TIMEOUT_S)
    finally:
        server.stop(timeout_s=120)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing the file gives the lock back


def _free_port() -> int:
    """Find a loopback port that nothing listens on.

    Raises:
        HapiError: none was found.
    """
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise HapiError(f"No free port was found on 127.0.0.1 between {_PORTS.start} and {_PORTS.stop}.")


def _read_from(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read()


def _tail(path: Path, start: int, lines: int = 60) -> str:
    text = _read_from(path, start).decode(errors="replace")
    return f"Tail of {path}:\n" + "\n".join(text.splitlines()[-lines:])
