"""Restoring a backup into an empty data directory: checked whole before anything is written, then whole or not at all.

Every file lies ready beside its place before the first gets its name: keys, then the data directory, then published
checkpoints. Where one fails before the data directory is there, all is taken back; after it, a second run goes on.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from filelock import FileLock, Timeout

from withness import strict_json
from withness.audit.folder import Folder
from withness.audit.publishing import lost, state
from withness.desk.backup import (
    DATABASE,
    FORM,
    MANIFEST,
    PARTS,
    damages_in,
    digest_of,
    require_parts,
    sync_folders,
)
from withness.desk.keys_file import read_keys
from withness.desk.log_keys import vkeys
from withness.desk.putting_back import LOG, Places, Ready, log_key_there, ready_checkpoints, ready_keys
from withness.errors import CannotTell, InvalidInput, WithnessError
from withness.files import beside, new_file, open_regular, rename_folder
from withness.store.copies import opened_copy

_PIECE: Final = 1 << 20
_DATA_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATES: Final = ("not-provable", "as-published", "older-than-published")
Opener = Callable[[str], IO[bytes]]
Own = Callable[[str], Places]
"""Where files belong by whoever restores, from the data directory's id."""
Used = Callable[[Path, str], Places]
"""Where they are looked for later, from a folder with the restored settings and the data directory's id."""


@dataclass(frozen=True)
class Restored:
    """What was restored. `damages` are sentences about the copy's trail.

    `state`: `as-published`, `older-than-published` (records are missing: plans wait until two people acknowledge it),
    `not-provable` (nothing was published, or it cannot be read). `published` are the states that were published and
    are not there, `left_out` sentences about what was not put in its place or is not used there. `other_copy` names
    the database that publishes where this one would, "" for none.
    """

    manifest: Mapping[str, Any]
    damages: tuple[str, ...]
    state: str
    published: tuple[Mapping[str, Any], ...]
    missing_keys: tuple[str, ...]
    left_out: tuple[str, ...]
    other_copy: str = ""


def restore(source: Path, home: Path, own: Own, used: Used, keys_file: Path | None) -> Restored:
    """Restore `source` into the new or empty directory `home`, and keys that are not there yet from `keys_file`.

    `own` says where keys and checkpoints belong by whoever restores, `used` by the restored settings too: files are
    written where both say the same. Raises InvalidInput naming FROM, --home, --keys or WITHNESS_KEY_FILE; nothing is
    half written then. CannotTell where the data directory is there and its checkpoints are not: run it again.
    """
    empty = _is_empty(home)
    with _opened(source) as open_part:
        manifest = _manifest(open_part)
        if not empty:
            _require_the_same(home, manifest["parts"])
        _require_whole(open_part, manifest["parts"])
        keys = read_keys(keys_file, [manifest["data_id"]], [manifest.get("key")]) if keys_file else {}
        work = beside(home)
        try:
            return _put_together(open_part, manifest, work, home, (own, used), keys)
        except OSError as error:
            said = f"The data directory cannot be written: {error.strerror}."
            raise InvalidInput(said, field="--home", hint="Nothing was restored.") from None
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _is_empty(home: Path) -> bool:
    try:
        return not home.is_symlink() and not (home.exists() and any(not _is_lock(one) for one in home.iterdir()))
    except OSError as error:
        raise InvalidInput(f"The data directory cannot be read: {error.strerror}.", field="--home") from None


def _is_lock(path: Path) -> bool:
    """Whether this is what a look at a data directory that never was leaves there: an empty lock file."""
    return path.name == f"{DATABASE}.lock" and path.is_file() and not path.is_symlink() and not path.stat().st_size


def _remove_lock(home: Path) -> None:
    """Remove the lock file of a folder that holds nothing else. Raises OSError where somebody holds it."""
    path = home / f"{DATABASE}.lock"
    if not path.exists():
        return
    try:
        with FileLock(path, timeout=0):
            path.unlink()
    except Timeout:
        raise OSError(errno.EBUSY, "another process is at work there") from None


def _require_the_same(home: Path, parts: list[dict[str, Any]]) -> None:
    """Raise InvalidInput unless a directory is what an earlier run made of this backup, not used since."""
    wanted = {one["name"]: one["sha256"] for one in parts if "/" not in one["name"]}
    try:
        there = {one.name for one in home.iterdir()} if not home.is_symlink() else set()
        if there == wanted.keys() and all(digest_of(home / name) == digest for name, digest in wanted.items()):
            return
    except OSError:
        pass  # a folder, say: nothing that a restore wrote
    said = "A backup is restored into a new or empty data directory only."
    raise InvalidInput(said, field="--home", hint="Name another with --home.")


@contextmanager
def _opened(source: Path) -> Iterator[Opener]:
    """Yield what opens a part of the backup by its name. Raises InvalidInput naming FROM."""
    try:
        if source.is_dir():
            yield lambda name: open_regular(source / name)
            return
        with open_regular(source) as whole, tarfile.open(fileobj=whole, mode="r:") as tar:
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
    if not isinstance(found, dict) or found.get(FORM) != 1 or not _DATA_ID.fullmatch(str(found.get("data_id"))):
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


def _put_together(
    open_part: Opener,
    manifest: dict[str, Any],
    work: Path,
    home: Path,
    places: tuple[Own, Used],
    keys: Mapping[str, str],
) -> Restored:
    """Write every part beside the data directory, and keys and checkpoints beside their places; then name them all."""
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    work.mkdir(mode=0o700)
    for one in manifest["parts"]:
        to = work / one["name"]
        to.parent.mkdir(mode=0o700, exist_ok=True)
        with open_part(one["name"]) as file, new_file(to) as made:
            shutil.copyfileobj(file, made, _PIECE)
    require_parts(work, manifest["parts"])
    data_id = manifest["data_id"]
    own, used = places[0](data_id), places[1](work, data_id)
    damages = damages_in(work / DATABASE, manifest)
    named = _log_key_named(work / DATABASE)
    found, published = _against_all(work / DATABASE, (used.checkpoints, own.checkpoints), data_id)
    with ready_keys(own, used, keys) as first, ready_checkpoints(own, used, work / "checkpoints") as last:
        if (work / "checkpoints").exists():
            shutil.rmtree(work / "checkpoints")
        sync_folders(work)
        with first.named():
            if _is_empty(home):
                _remove_lock(home)
                rename_folder(work, home)
        _name_last(last)
        left_out = (*last.left_out, *_other_database(used, home))
    there = {name: log_key_there(path, named) if name == LOG else path.exists() for name, path in used.keys.items()}
    missing = tuple(name for name, found_there in there.items() if not found_there)
    return Restored(manifest, damages, found, published, missing, left_out, _other_copy(used))


def _log_key_named(database: Path) -> str:
    """Return the vkey that a copy's trail names as its present one, "" for none that can be read."""
    try:
        with opened_copy(database) as (tx, _):
            return next(iter(reversed(vkeys(tx))), "")
    except (OSError, ValueError, WithnessError):
        return ""


def _other_copy(used: Places) -> str:
    try:
        return Folder(used.checkpoints, str(used.database.resolve())).other() if used.database else ""
    except (OSError, ValueError):
        return ""  # whoever publishes next is told


def _name_last(checkpoints: Ready) -> None:
    try:
        with checkpoints.named():
            pass
    except OSError as error:
        raise CannotTell(
            f"The data directory and its keys are restored, and its published checkpoints are not: {error.strerror}.",
            field="WITHNESS_CHECKPOINT_FOLDER",
            hint="Run the same again before anything else: it goes on from there.",
        ) from None


def _other_database(used: Places, home: Path) -> Iterator[str]:
    if used.database is None or used.database.absolute() != (home / DATABASE).absolute():
        yield "The restored withness.toml names another database than the one restored here: look at its database_url."


def _against_all(database: Path, folders: tuple[Path, ...], data_id: str) -> tuple[str, tuple[Mapping[str, Any], ...]]:
    """Return where the copy stands against what was published in several folders: the worst that one of them tells."""
    found = [_against_published(database, one, data_id) for one in dict.fromkeys(folders)]
    return max(found, key=lambda one: _STATES.index(one[0]))


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
