"""What `ig check` is given, as resources: a resource or Bundle in JSON, one a line (NDJSON), or a package (.tgz).

What it is shows in its bytes, not in its name: gzip's first two bytes; a first line that is a JSON object by itself.
Nothing is unpacked to disk, and a package is read up to a stated number of files and bytes.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from withness import strict_json
from withness.errors import InvalidInput

MOST_BYTES: Final = 64 * 1024 * 1024
"""The most that is taken of one file, and of one package when it is unpacked."""
MOST_FILES: Final = 20_000
_GZIP: Final = b"\x1f\x8b"
_BESIDE: Final = ("openapi", "other", "tests", "xml", "bin")
"""Folders of a package that hold no resources for use (packages.html)."""


@dataclass(frozen=True)
class Piece:
    """One resource, and where it came from: the file, with a line or an entry of the package."""

    where: str
    resource: dict[str, Any]


@dataclass
class Intake:
    """What was read; `unread` is (where, why) of what could not be, `description` a package's package.json."""

    pieces: list[Piece] = field(default_factory=list)
    unread: list[tuple[str, str]] = field(default_factory=list)
    description: dict[str, Any] | None = None
    index: dict[str, dict[str, Any]] = field(default_factory=dict)

    def take(self, content: bytes, where: str) -> None:
        """Read one JSON object; why it cannot be read is kept."""
        try:
            self.pieces.append(Piece(where, strict_json.parse(content, name="It")))
        except InvalidInput as error:
            self.unread.append((where, _why(error)))

    def beside(self, content: bytes, where: str) -> dict[str, Any]:
        """Return a JSON object that is no resource; {} when it cannot be read, which is kept."""
        apart = Intake(unread=self.unread)
        apart.take(content, where)
        return apart.pieces[0].resource if apart.pieces else {}


def read(content: bytes, name: str) -> Intake:
    """Return what a file holds; nothing is raised for what cannot be read."""
    taken = Intake()
    if len(content) > MOST_BYTES:
        taken.unread.append((name, f"is larger than {MOST_BYTES // 1024 // 1024} MB"))
    elif content.startswith(_GZIP):
        _package(content, name, taken)
    elif _by_line(content):
        for number, line in enumerate(content.splitlines(), start=1):
            if line.strip():
                taken.take(line, f"{name}, line {number}")
    elif not content.strip():
        taken.unread.append((name, "is empty"))
    else:
        taken.take(content, name)
    return taken


def _by_line(content: bytes) -> bool:
    first, _, rest = content.removeprefix(b"\xef\xbb\xbf").lstrip().partition(b"\n")
    if not rest.strip():
        return False
    try:
        return isinstance(json.loads(first), dict)
    except (ValueError, RecursionError):
        return False


def _why(error: InvalidInput) -> str:
    """Return the rest of a sentence about the file: the reader's own begins with the name that it was given."""
    return error.message.removeprefix("It ").removesuffix(".")


def _package(content: bytes, name: str, taken: Intake) -> None:
    try:
        for path, data in _entries(content):
            _entry(path, data, name, taken)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, OSError):
        taken.unread.append((name, "is no readable package (a gzip tar)"))
    except _TooLarge as error:
        taken.unread.append((name, str(error)))
    if taken.description is None and not taken.unread:
        taken.unread.append((f"{name}: package/package.json", "is missing"))


class _TooLarge(Exception):
    pass


def _entries(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of every file of a package, within the limits."""
    left, count = MOST_BYTES, 0
    with tarfile.open(fileobj=io.BytesIO(_unzipped(content)), mode="r:") as tar:
        for entry in tar:
            count += 1
            left -= entry.size
            if count > MOST_FILES or left < 0:
                raise _TooLarge(f"unpacks to more than {MOST_FILES} files or {MOST_BYTES // 1024 // 1024} MB")
            file = tar.extractfile(entry) if entry.isfile() else None
            if file is not None:
                yield entry.name.removeprefix("./"), file.read()


def _unzipped(content: bytes) -> bytes:
    """Return the tar inside, no more of it than is taken."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as zipped:
        data = zipped.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _TooLarge(f"unpacks to more than {MOST_BYTES // 1024 // 1024} MB")
    return data


def _entry(path: str, data: bytes, name: str, taken: Intake) -> None:
    folder, _, file = path.rpartition("/")
    parts = folder.split("/")
    if parts[0] != "package" or not file.endswith(".json") or any(one in _BESIDE for one in parts):
        return
    where = f"{name}: {path}"
    if path == "package/package.json":
        taken.description = taken.beside(data, where)
    elif file == ".index.json":
        taken.index[folder] = taken.beside(data, where)
    else:
        taken.take(data, where)
