"""Putting keys and published checkpoints back: they lie ready beside their places, and get their names together.

Settings inside a backup never choose where a file is written: whoever changed them would choose it. So a file is put
back only where the settings of whoever restores, without the backup's, say the same place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from withness.audit.log_key import beside_main, key_in, place_of
from withness.errors import InvalidInput
from withness.files import beside, put_in_place, read_regular, write_new

LOG: Final = "log"
"""The name of the log key among a data directory's keys."""


@dataclass(frozen=True)
class Places:
    """Where a data directory's keys, published checkpoints and database belong; no `database` is one on a server."""

    keys: Mapping[str, Path]
    checkpoints: Path
    database: Path | None


class Ready:
    """Files that lie ready beside their places; `left_out` says in sentences what does not."""

    def __init__(self) -> None:
        self.left_out: tuple[str, ...] = ()
        self._files: list[tuple[Path, Path]] = []

    def add(self, path: Path, content: bytes) -> None:
        """Write one beside its place. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        ready = beside(path)
        write_new(ready, content)
        self._files.append((ready, path))

    @contextlib.contextmanager
    def named(self) -> Iterator[None]:
        """Give them their names, never over anything; each loses it again when one fails or the block raises."""
        done: list[Path] = []
        try:
            for ready, path in self._files:
                put_in_place(ready, path)
                done.append(path)
            yield
        except BaseException:
            _remove(done)
            raise

    @property
    def places(self) -> tuple[Path, ...]:
        """Where they get their names."""
        return tuple(path for _, path in self._files)

    def close(self) -> None:
        """Remove those that got no name."""
        _remove([ready for ready, _ in self._files])


def _remove(files: list[Path]) -> None:
    for one in files:
        with contextlib.suppress(OSError):
            one.unlink(missing_ok=True)


@contextlib.contextmanager
def ready_keys(own: Places, used: Places, keys: Mapping[str, str], field: str = "--keys") -> Iterator[Ready]:
    """Yield those of `keys` that are not in their places yet.

    A log key from before a rotation finds the later one in its place, and gets one of its own beside it. Raises
    InvalidInput where any other key lies there (naming `field`, by which the keys were given), or where only the
    backup's settings name the place; OSError.
    """
    without = ", or leave --keys out" if field == "--keys" else ""
    with contextlib.closing(Ready()) as ready:
        for name, text in keys.items():
            path = own.keys[name]
            if used.keys[name].absolute() != path.absolute():
                said = (
                    "Settings in a backup never choose where keys are written, and these name a place that you do not."
                )
                hint = f"Name the place yourself with WITHNESS_KEY_FILE{without}."
                raise InvalidInput(said, field="WITHNESS_KEY_FILE", hint=hint)
            if name == LOG:
                path = _log_place(path, text)
            if not path.exists():
                ready.add(path, text.encode())
            elif read_regular(path) != text.encode():
                said = f"Another key lies at {path}, and is never overwritten."
                raise InvalidInput(said, field=field, hint=f"Move it away{without}.")
        yield ready


def _log_place(main: Path, text: str) -> Path:
    """Return where a log key belongs: `main`, or beside it where another one of the same log has that place."""
    try:
        own, there = key_in(text), key_in(read_regular(main))
    except (OSError, ValueError, KeyError, TypeError):
        return main
    other = own.name == there.name and own.vkey != there.vkey
    return beside_main(main, own.vkey) if other else main


def log_key_there(main: Path, named: str) -> bool:
    """Whether the log key that a copy's trail names lies in its place; for one that names none, any does."""
    path = place_of(main, named)
    try:
        return path.exists() and (not named or key_in(read_regular(path)).vkey == named)
    except (OSError, ValueError, KeyError, TypeError):
        return False


@contextlib.contextmanager
def ready_checkpoints(own: Places, used: Places, kept: Path) -> Iterator[Ready]:
    """Yield those of the folder `kept` that are not there: what is there may tell of more than the copy has."""
    with contextlib.closing(Ready()) as ready:
        found = sorted(kept.iterdir()) if kept.is_dir() else []
        if found and used.checkpoints.absolute() != own.checkpoints.absolute():
            said = "The backup's checkpoints were not put back: only its own settings name their folder. "
            ready.left_out = (f"{said}To have them there, name it with WITHNESS_CHECKPOINT_FOLDER.",)
            found = []
        for path in found:
            if not (own.checkpoints / path.name).exists():
                ready.add(own.checkpoints / path.name, read_regular(path))
        yield ready
