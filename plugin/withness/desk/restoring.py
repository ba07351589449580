"""Restoring a backup into an empty data directory: checked whole before anything is written, put in place at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from uuid import uuid4

from withness import strict_json
from withness.audit.folder import Folder
from withness.audit.publishing import lost, state
from withness.desk.backup import (
    DATABASE,
    FORM,
    KEYS_FORM,
    MANIFEST,
    PARTS,
    damages_in,
    require_parts,
    sync_folders,
    write_private,
)
from withness.errors import InvalidInput
from withness.store.copies import opened_copy

_PIECE: Final = 1 << 20
_KEYS: Final = ("data", "log")
Opener = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Places:
    """Where a restored data directory's keys and published checkpoints belong."""

    keys: Mapping[str, Path]
    checkpoints: Path


@dataclass(frozen=True)
class Restored:
    """What was restored. `damages` are sentences about the copy's trail.

    `state`: `as-published`, `older-than-published` (records are missing: plans wait until two people acknowledge it),
    `not-provable` (nothing was published, or it cannot be read). `published` are the states that were published and
    are not there.
    """

    manifest: Mapping[str, Any]
    damages: tuple[str, ...]
    state: str
    published: tuple[Mapping[str, Any], ...]
    missing_keys: tuple[str, ...]


def restore(source: Path, home: Path, places_of: Callable[[Path, str], Places], keys_file: Path | None) -> Restored:
    """Restore `source` into the new or empty directory `home`, and keys that are not there yet from `keys_file`.

    `places_of` says where keys and checkpoints belong, from a folder with the restored settings and the data
    directory's id. Raises InvalidInput naming FROM, --home or --keys; nothing is half written then.
    """
    _require_empty(home)
    with _opened(source) as open_part:
        manifest = _manifest(open_part)
        _require_whole(open_part, manifest["parts"])
        keys = _read_keys(keys_file, manifest["data_id"]) if keys_file else {}
        work = home.with_name(f".{home.name}.{uuid4()}")
        try:
            return _put_together(open_part, manifest, work, home, places_of, keys)
        except OSError as error:
            said = f"The data directory cannot be written: {error.strerror}."
            raise InvalidInput(said, field="--home", hint="Nothing was restored.") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _require_empty(home: Path) -> None:
    try:
        used = home.is_symlink() or (home.exists() and any(home.iterdir()))
    except OSError as error:
        raise InvalidInput(f"The data directory cannot be read: {error.strerror}.", field="--home") from None
    if used:
        said = "A backup is restored into a new or empty data directory only."
        raise InvalidInput(said, field="--home", hint="Name another with --home.")


@contextmanager
def _opened(source: Path) -> Iterator[Opener]:
    """Yield what opens a part of the backup by its name. Raises InvalidInput naming FROM."""
    try:
        if source.is_dir():
            yield lambda name: (source / name).open("rb")
            return
        with tarfile.open(source, mode="r:") as tar:
            yield lambda name: _member(tar, name)
    except (FileNotFoundError, KeyError) as error:
        missing = Path(str(error.filename or "")).name if isinstance(error, OSError) else str(error.args[0])[:80]
        raise InvalidInput(f"FROM is not a whole backup: {missing or 'a part'} is missing.", field="FROM") from None
    except (OSError, tarfile.TarError):
        raise InvalidInput("FROM cannot be read as a backup.", field="FROM") from None


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    file = tar.extractfile(name) if tar.getmember(name).isreg() else None
    if file is None:
        raise tarfile.TarError
    return file


def _manifest(open_part: Opener) -> dict[str, Any]:
    with open_part(MANIFEST) as file:
        found = strict_json.parse(file.read(strict_json.MAX_BYTES + 1), name=MANIFEST)
    if not isinstance(found, dict) or found.get(FORM) != 1 or not isinstance(found.get("data_id"), str):
        raise InvalidInput("FROM holds no manifest of a backup.", field="FROM")
    parts = found.get("parts")
    if not isinstance(parts, list) or not all(_is_part(one) for one in parts):
        raise InvalidInput("FROM has a manifest that names what a backup does not hold.", field="FROM")
    if len({one["name"] for one in parts}) != len(parts) or DATABASE not in {one["name"] for one in parts}:
        said = "FROM holds no database."
        raise InvalidInput(said, field="FROM", hint="Restore PostgreSQL's own backup with its own tools.")
    return found


def _is_part(one: object) -> bool:
    if not isinstance(one, dict) or one.keys() != {"name", "sha256", "size"}:
        return False
    return all(isinstance(one[name], str) for name in ("name", "sha256")) and bool(PARTS.fullmatch(one["name"]))


def _require_whole(open_part: Opener, parts: list[dict[str, Any]]) -> None:
    """Raise InvalidInput unless every part is there, byte for byte: before anything is written."""
    for one in parts:
        found, size = hashlib.sha256(), 0
        with open_part(one["name"]) as file:
            while piece := file.read(_PIECE):
                found.update(piece)
                size += len(piece)
        if (found.hexdigest(), size) != (one["sha256"], one["size"]):
            said = f"{one['name']} is not as the backup's manifest says: it was changed or cut off."
            raise InvalidInput(said, field="FROM", hint="Nothing was restored. Take another backup.")


def _read_keys(file: Path, data_id: str) -> dict[str, str]:
    try:
        found = strict_json.parse(file.read_bytes(), name=file.name)
    except OSError as error:
        raise InvalidInput(f"The keys' file cannot be read: {error.strerror}.", field="--keys") from None
    keys = found.get("keys") if isinstance(found, dict) and found.get(KEYS_FORM) == 1 else None
    if not isinstance(keys, dict) or not keys.keys() <= set(_KEYS) or not all(type(v) is str for v in keys.values()):
        raise InvalidInput("The keys' file is none that a backup wrote.", field="--keys")
    if found["data_id"] != data_id:
        raise InvalidInput("The keys are those of another data directory.", field="--keys")
    return keys


def _put_together(
    open_part: Opener,
    manifest: dict[str, Any],
    work: Path,
    home: Path,
    places_of: Callable[[Path, str], Places],
    keys: Mapping[str, str],
) -> Restored:
    """Write every part beside the data directory, then keys and checkpoints, and give it its name last."""
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    work.mkdir(mode=0o700)
    for one in manifest["parts"]:
        to = work / one["name"]
        to.parent.mkdir(mode=0o700, exist_ok=True)
        with open_part(one["name"]) as file:
            _copy(file, to)
    require_parts(work, manifest["parts"])
    places = places_of(work, manifest["data_id"])
    damages = damages_in(work / DATABASE, manifest)
    _require_same_keys(places, keys)
    found, published = _against_published(work / DATABASE, places.checkpoints, manifest["data_id"])
    _put_back_checkpoints(work, places.checkpoints)
    sync_folders(work)
    _put_back_keys(places, keys)
    os.rename(work, home)
    handle = os.open(home.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    missing = tuple(name for name, path in places.keys.items() if not path.exists())
    return Restored(manifest, damages, found, published, missing)


def _copy(file: IO[bytes], to: Path) -> None:
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
        shutil.copyfileobj(file, made, _PIECE)
        made.flush()
        os.fsync(made.fileno())


def _require_same_keys(places: Places, keys: Mapping[str, str]) -> None:
    """Raise InvalidInput where another key lies in a key's place: it is never overwritten."""
    for name, text in keys.items():
        path = places.keys[name]
        if path.exists() and path.read_text(encoding="utf-8") != text:
            said = f"Another key lies at {path}, and is never overwritten."
            raise InvalidInput(said, field="--keys", hint="Move it away, or leave --keys out.")


def _put_back_keys(places: Places, keys: Mapping[str, str]) -> None:
    for name, text in keys.items():
        path = places.keys[name]
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(path, text.encode())


def _put_back_checkpoints(work: Path, folder: Path) -> None:
    """Put published checkpoints back where there are none: those that are there may tell of more than the copy has."""
    kept = work / "checkpoints"
    for path in sorted(kept.iterdir()) if kept.is_dir() else ():
        to = folder / path.name
        if not to.exists():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(to, path.read_bytes())
    shutil.rmtree(kept, ignore_errors=True)


def _against_published(database: Path, folder: Path, data_id: str) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """Return where the copy stands against what was published."""
    published = Folder(folder)
    try:
        if not published.read():
            return "not-provable", ()
        with opened_copy(database) as (tx, _):
            gone = lost(tx, published, data_id)
    except (OSError, ValueError):
        return "not-provable", ()
    states = tuple(state(segment, one.size, one.root) for segment, one in gone.items())
    return ("older-than-published" if states else "as-published"), states
