"""What the browser tests fetch, once and outside the checkout: axe-core and the Nu Html Checker, from npm's registry.

``tools/package-lock.json`` pins each version and its SHA-512; npm refuses a file that has another. No install script
is run.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

LISTED = Path(__file__).resolve().parent / "tools"
FETCH_TIMEOUT_S = 300.0
CHECK_TIMEOUT_S = 120.0

_JAVA = 17
_JVM_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss4m")
_FLAGS = ("--stdout", "--exit-zero-always", "--format", "json", "--no-langdetect")


class ToolError(Exception):
    """A tool could not be fetched or run; the message ends with what it said."""


@dataclass(frozen=True)
class Tools:
    """Where the fetched tools lie."""

    axe: Path
    nu: Path


@dataclass(frozen=True)
class Complaint:
    """One thing that the validator says of a page: `kind` is error, warning or information."""

    kind: str
    message: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.message}"


def available() -> str | None:
    """Say as a sentence why the tools cannot be fetched or run here; None where they can."""
    if shutil.which("java") is None:
        return "The HTML validator needs Java, and java is not on the PATH."
    version = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', version)
    if found is None or int(found[1]) < _JAVA:
        return f"The HTML validator is run with Java {_JAVA} or newer, and `java -version` says: {version.strip()!r}."
    if shutil.which("npm") is None and not _there(_folder()):
        return "axe-core and the HTML validator are fetched with npm, and npm is not on the PATH."
    return None


def fetch() -> Tools:
    """Return the tools, fetched unless they are there; processes that call this at once wait for the first.

    Raises:
        ToolError: npm failed; its output is in the message.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "fetch.lock"):
        if not _there(folder):
            for name in ("package.json", "package-lock.json"):
                shutil.copy(LISTED / name, folder / name)
            _run_npm(folder)
            (folder / "fetched").touch()
    modules = folder / "node_modules"
    return Tools(modules / "axe-core" / "axe.min.js", modules / "vnu-jar" / "build" / "dist" / "vnu.jar")


def validate(nu: Path, pages: dict[str, str], folder: Path) -> dict[str, list[Complaint]]:
    """Return what the Nu Html Checker says of each page, in one run for all of them.

    Args:
        nu: its jar.
        pages: HTML by name; a name is a file name without ".html".
        folder: where the pages are written; made if missing.

    Raises:
        ToolError: it did not run, or said something that is not of a page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8", newline="")
    command = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xss4m", "-jar", str(nu)]
    command += [
        "--stdout",
        "--exit-zero-always",
        "--format",
        "json",
        "--no-langdetect",
        *(f"{one}.html" for one in pages),
    ]
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=CHECK_TIMEOUT_S
    )
    said = done.stdout.decode(errors="replace")
    if done.returncode != 0 or not said.startswith("{"):
        raise ToolError(f"The HTML validator ended with {done.returncode}.\n{said}\n{done.stderr.decode()}")
    found: dict[str, list[Complaint]] = {name: [] for name in pages}
    for one in json.loads(said)["messages"]:
        name = Path(one.get("url", "")).stem
        if name not in found:
            raise ToolError(f"The HTML validator says: {one}")
        kind = one.get("subType") or one["type"]
        found[name].append(Complaint(kind, one["message"], one.get("lastLine", 0)))
    return found


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256((LISTED / "package-lock.json").read_bytes()).hexdigest()
    return cache / "withness-tests" / digest[:16]


def _there(folder: Path) -> bool:
    return (folder / "fetched").is_file()


def _run_npm(folder: Path) -> None:
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=FETCH_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as e:
        raise ToolError(f"`{' '.join(command)}` had not ended after {FETCH_TIMEOUT_S:g} s.") from e
    if done.returncode != 0:
        raise ToolError(
            f"`{' '.join(command)}` ended with {done.returncode}.\n{done.stdout.decode(errors='replace')[-4000:]}"
        )
