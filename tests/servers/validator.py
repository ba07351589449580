"""Starts and asks an independent FHIR R4 validator, which also makes snapshots of profiles.

It is HL7's own validator in the small Java program in ``hapi/`` beside this file (``hapi/README.md`` says what it
knows and what it lets pass). ::

    def test_the_plan_is_valid(validator: Validator) -> None:  # the fixture; fhir_profiles/ is loaded
        assert validator.errors(plan, "http://hl7.org/fhir/us/core/StructureDefinition/us-core-careplan") == []
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import requests
from filelock import FileLock

from tests.servers import hapi

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "fhir_profiles"
PACKAGES_VARIABLE = "WITHNESS_FHIR_PACKAGES"
US_CORE = "6.1.0"
START_TIMEOUT_S = 180.0
STOP_TIMEOUT_S = 60.0
REQUEST_TIMEOUT_S = 300.0

_MAIN_CLASS = "withness.testserver.Validator"
_JVM_FLAGS = ("-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xlog:disable", "-Xlog:all=error:stderr")


class ValidatorError(Exception):
    """The validator could not be started, or refused a request; the message says why."""


@dataclass(frozen=True)
class Issue:
    """One thing that the validator says: `severity` is fatal, error, warning or information."""

    severity: str
    message: str
    location: str
    id: str | None

    @property
    def is_error(self) -> bool:
        """Whether the resource is invalid by this."""
        return self.severity in {"fatal", "error"}


def errors(issues: Iterable[Issue]) -> list[Issue]:
    """Return those that make a resource invalid."""
    return [issue for issue in issues if issue.is_error]


def packages() -> Path:
    """Return the folder of the US Core packages: named by the environment, else ``shared/fhir`` beside the checkout."""
    named = os.environ.get(PACKAGES_VARIABLE)
    return Path(named) if named else ROOT.parent / "shared" / "fhir"


def available() -> str | None:
    """Say whether the validator can be built and run here.

    Returns:
        None if it can, else the reason as a sentence.
    """
    folder = packages()
    if not (folder / f"hl7.fhir.us.core-{US_CORE}.tgz").is_file():
        return f"The FHIR validator needs hl7.fhir.us.core-{US_CORE}.tgz in {folder} (set {PACKAGES_VARIABLE})."
    return hapi.available()


def conformance_resources(folder: Path = PROFILES) -> list[dict[str, Any]]:
    """Return every JSON file below `folder` that is a FHIR resource with a canonical URL."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.json"))]
    return [one for one in read if isinstance(one, dict) and "resourceType" in one and "url" in one]


class Validator:
    """One validator on 127.0.0.1 for everybody who names the same folder: the first to start it starts the process.

    It ends with this process or, for sharing among several, with the process `ends_with`. Its log is
    ``folder/validator.log``.
    """

    def __init__(self, folder: Path, *, ends_with: int | None = None) -> None:
        """Name the validator's folder, made if missing; nothing is started yet.

        Args:
            folder: where the log goes and where the address stands for those who share it.
            ends_with: the id of the process whose end ends the validator; `stop` then leaves it to that.
        """
        self.folder = folder
        self.log = folder / "validator.log"
        self.base_url = ""
        self._ends_with = ends_with
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Connect to the folder's validator if it runs; else build if need be, start, and return when it answers.

        Raises:
            ValidatorError: it ended or was not ready in time.
            HapiError: the build failed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        address = self.folder / "validator.url"
        with FileLock(self.folder / "validator.lock"):
            if address.is_file() and _answers(address.read_text(encoding="ascii")):
                self.base_url = address.read_text(encoding="ascii")
                return
            self.base_url = self._launch(timeout_s)
            address.write_text(self.base_url, encoding="ascii")

    def stop(self) -> None:
        """End the validator if this object started it and it ends with no other process."""
        process = self._process
        if process is None or self._ends_with is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)  # after the first run with new classes the JVM archives them as it ends
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def load(self, resources: Iterable[Mapping[str, Any]]) -> None:
        """Make conformance resources known; one with the same type and URL as an earlier one takes its place.

        Raises:
            ValidatorError: one has no type or no URL; then none is loaded.
        """
        self._post("load", list(resources))

    def validate(self, resource: Mapping[str, Any] | str, *profiles: str, us_core: str = US_CORE) -> list[Issue]:
        """Return what the validator says about a resource by R4, its own meta.profile and the profiles named.

        Args:
            resource: the resource, or its JSON text to be judged as it is written.
            profiles: further canonicals that it must conform to.
            us_core: the version of US Core that is known meanwhile.

        Raises:
            ValidatorError: a profile of `profiles` or the version of US Core is not known.
        """
        answer = self._post("validate", {"resource": resource, "profiles": profiles, "us_core": us_core})
        return [Issue(**issue) for issue in answer["issues"]]

    def errors(self, resource: Mapping[str, Any] | str, *profiles: str, us_core: str = US_CORE) -> list[Issue]:
        """Return only what makes the resource invalid; see `validate`."""
        return errors(self.validate(resource, *profiles, us_core=us_core))

    def snapshot(self, definition: Mapping[str, Any], *, us_core: str = US_CORE) -> dict[str, Any]:
        """Return a StructureDefinition with the snapshot that its differential makes, in front of the differential.

        Raises:
            ValidatorError: its base is not known, or the differential does not fit it.
        """
        made: dict[str, Any] = self._post("snapshot", {"resource": definition, "us_core": us_core})
        return made

    def __enter__(self) -> Validator:
        """Start the validator; raises what `start` raises."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the validator; see `stop`."""
        self.stop()

    def _launch(self, timeout_s: float) -> str:
        hapi.build()
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            base_url = self._wait_until_ready(self._process, timeout_s)
        except ValidatorError:
            self._process.kill()
            self._process.wait()
            raise
        if self._ends_with is not None:
            self._process.returncode = 0  # it outlives this process on purpose; a Popen thrown away would warn of that
        return base_url

    def _command(self) -> list[str]:
        jars = [*sorted(hapi.TARGET.glob("hapi-test-server-*.jar")), *sorted((hapi.TARGET / "lib").glob("*.jar"))]
        return [
            "java",
            *_JVM_FLAGS,
            _archive_flag(),
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
            "-cp",
            os.pathsep.join(str(jar) for jar in jars),
            _MAIN_CLASS,
            "0",
            str(packages()),
            str(self._ends_with or os.getpid()),
        ]

    def _wait_until_ready(self, process: subprocess.Popen[bytes], timeout_s: float) -> str:
        deadline = time.monotonic() + timeout_s
        while True:
            code = process.poll()
            said = self.log.read_text(encoding="utf-8", errors="replace")
            ready = [line for line in said.splitlines(keepends=True) if line.startswith("READY ") and line[-1] == "\n"]
            if code is None and ready:
                return ready[0].split()[1]
            tail = "\n".join([f"Tail of {self.log}:", *said.splitlines()[-60:]])
            if code is not None:
                raise ValidatorError(f"The FHIR validator ended with {code} before it was ready.\n{tail}")
            if time.monotonic() > deadline:
                raise ValidatorError(f"The FHIR validator was not ready after {timeout_s:g} s.\n{tail}")
            time.sleep(0.05)

    def _post(self, path: str, body: object) -> Any:
        text = json.dumps(body, default=_plain)
        answer = requests.post(
            f"{self.base_url}/{path}",
            data=text.encode(),
            headers={"Content-Type": "application/json"},
            timeout=REQUEST_TIMEOUT_S,
        )
        if answer.status_code != 200:
            raise ValidatorError(f"{path}: {answer.json()['error']}")
        return answer.json()


@contextmanager
def shared(base: Path) -> Iterator[Validator]:
    """Give the test run's one validator, with fhir_profiles/ loaded; it ends with the run.

    Args:
        base: pytest's base folder for temporary files; each worker of pytest-xdist has its own in the run's.

    Raises:
        ValidatorError: it could not be started, or refused a profile.
        HapiError: the build failed.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:  # a worker's parent is the run's controller
        one = Validator(base.parent / "validator", ends_with=os.getppid())
    else:
        one = Validator(base / "validator")
    with one:
        one.load(conformance_resources())
        yield one


def _answers(base_url: str) -> bool:
    try:
        return requests.get(f"{base_url}/ready", timeout=10).status_code == 200
    except requests.RequestException:
        return False


def _archive_flag() -> str:
    """Use the archive of the validator's classes, which makes a start a third faster; else have the JVM write it."""
    archive = hapi.TARGET / f"validator-{(hapi.TARGET / 'built.sha256').read_text(encoding='ascii')[:12]}.jsa"
    if archive.exists():
        return f"-XX:SharedArchiveFile={archive}"
    for old in hapi.TARGET.glob("validator-*.jsa"):
        old.unlink(missing_ok=True)
    return f"-XX:ArchiveClassesAtExit={archive}"


def _plain(value: object) -> float:
    """Decimals lose only their trailing zeros; give the resource as text where those matter."""
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"{type(value).__name__} is not JSON.")
