"""A backup: database, embedded chart, published checkpoints and settings of one moment, with a manifest; keys apart.

    manifest.json    {"withness-backup":1,"data_id":"<uuid>","made":"2026-11-22T09:00:00.000000Z","key":"<fingerprint>",
                      "log":[{"root":"<hex>","segment":0,"size":40}],"parts":[{"name":"withness.sqlite3",
                      "sha256":"<hex>","size":118784}],"whole":true}
    withness.sqlite3, chart.sqlite3, withness.toml, checkpoints/segment-0.checkpoint

A folder, or the same files in one .tar. It is put together beside its place and renamed into it, whole or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from withness.audit import log
from withness.audit.check import check
from withness.audit.folder import Folder
from withness.audit.publishing import state
from withness.audit.record import Kind, Record, instant
from withness.desk.context import Actor
from withness.ehr.local import copy_chart
from withness.errors import CannotTell, InvalidInput
from withness.files import (
    beside,
    new_file,
    open_regular,
    put_in_place,
    read_regular,
    rename_folder,
    sync_folder,
    write_new,
)
from withness.seal import KEYS_FORM
from withness.settings import FILE_NAME, Settings
from withness.store.copies import opened_copy
from withness.store.sql import Store
from withness.store.transaction import Transaction

MANIFEST: Final = "manifest.json"
DATABASE: Final = "withness.sqlite3"
CHART: Final = "chart.sqlite3"
PARTS: Final = re.compile(rf"{DATABASE}|{CHART}|{re.escape(FILE_NAME)}|checkpoints/segment-[0-9]{{1,9}}\.checkpoint")
"""What a backup may hold: names that lead nowhere else."""

FORM: Final = "withness-backup"
_PIECE: Final = 1 << 20


@dataclass(frozen=True)
class BackedUp:
    """What a backup holds: its manifest, and why something is left out, if so."""

    manifest: Mapping[str, Any]
    left_out: tuple[str, ...]

    @property
    def whole(self) -> bool | None:
        """Whether the copy's trail is whole; None where the database is not in the backup."""
        found: bool | None = self.manifest["whole"]
        return found


def back_up(
    store: Store,
    settings: Settings,
    out: Path,
    actor: Actor,
    at: datetime,
    *,
    keys: Mapping[str, Path] | None = None,
    keys_out: Path | None = None,
    checkpoints: Path | None = None,
) -> BackedUp:
    """Write a backup to the new folder, or .tar file, `out`, and the `keys` to the new file `keys_out`; record it.

    `checkpoints` is the folder of published ones. The copy is opened and its trail checked before it is in its place.
    Raises InvalidInput naming --out or --with-keys, CannotTell when something cannot be read or written.
    """
    _require_new(out, keys_out)
    require_outside(settings.home, out, "--out")
    if keys_out is not None:
        require_outside(settings.home, keys_out, "--with-keys")
    _record(store, actor, at)
    work = beside(out)
    keys_work = beside(keys_out) if keys_out is not None else None
    with _writing(work, keys_work):
        work.mkdir(mode=0o700)
        manifest, left_out = _parts(store, settings, work, at, checkpoints)
        write_new(work / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
        require_parts(work, manifest["parts"])
        sync_folders(work)
        ready = _tarred(work, at) if out.suffix == ".tar" else work
        if keys_work is not None:
            _write_keys(keys_work, str(manifest["data_id"]), keys or {})
        _put_in_place(ready, out, keys_work, keys_out)
    return BackedUp(manifest, left_out)


def _require_new(out: Path, keys_out: Path | None) -> None:
    for path, option in ((out, "--out"), (keys_out, "--with-keys")):
        if path is not None and (path.exists() or path.is_symlink()):
            raise InvalidInput(f"{path} is there already and is never overwritten.", field=option)
    if keys_out is not None and out.absolute() in (keys_out.absolute(), *keys_out.absolute().parents):
        said = "--with-keys must lie outside the backup: who has both can read everything."
        raise InvalidInput(said, field="--with-keys")


def require_outside(home: Path, path: Path, option: str) -> None:
    """Raise InvalidInput for a copy inside the data directory: what takes the one takes the other."""
    if home.resolve() in (path.resolve(), *path.resolve().parents):
        said = f"{option} must lie outside the data directory: a copy in it is lost with it."
        raise InvalidInput(said, field=option, hint="Name a place on another disk or machine.")


def _record(store: Store, actor: Actor, at: datetime) -> None:
    """Record the backup before it is made, so that it holds its own record, and publish where the log stands."""
    record = Record(Kind.TRAIL_EXPORTED, actor.ref, actor.os_user, outcome="backed-up")
    with store.transaction() as tx:
        log.append(tx, [record], at=at)
        head = tx.head()
    if store.publisher is not None and head is not None:
        store.publisher.publish(head)


def _parts(
    store: Store, settings: Settings, work: Path, at: datetime, checkpoints: Path | None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Copy every part of one moment: nothing is recorded, sent or written into the chart meanwhile."""
    left_out: list[str] = []
    with store.transaction() as tx:
        facts, heads = tx.facts(), tx.heads()
        if not tx.copy_to(work / DATABASE):
            left_out.append("The database is PostgreSQL's: take it at the same moment with pg_dump or pg_basebackup.")
        if settings.chart.exists():
            copy_chart(settings.chart, work / CHART)
        _copy_small(settings.home / FILE_NAME, work / FILE_NAME)
        for segment in Folder(checkpoints).read() if checkpoints else ():
            name = f"segment-{segment}.checkpoint"
            assert checkpoints is not None  # noqa: S101  for the type checker: the loop is empty without
            _copy_small(checkpoints / name, work / "checkpoints" / name)
    parts = [_part(work, one) for one in sorted(work.rglob("*")) if one.is_file()]
    manifest = {
        FORM: 1,
        "data_id": facts["data_id"],
        "key": facts["key"],
        "made": instant(at),
        "log": [state(one.segment, one.size, one.root) for one in heads],
        "parts": parts,
        "whole": None if left_out else not damages_in(work / DATABASE, facts),
    }
    return manifest, tuple(left_out)


def damages_in(database: Path, facts: Mapping[str, str]) -> tuple[str, ...]:
    """Open a copied database and return what is wrong with its pages, its facts or its trail's structure."""
    with opened_copy(database) as (tx, pages):
        if pages:
            return (pages,)
        return (*_other_facts(tx, facts), *(one.sentence() for one in check(tx)))


def _other_facts(tx: Transaction, facts: Mapping[str, str]) -> Iterator[str]:
    if any(tx.facts().get(name) != facts[name] for name in ("data_id", "key")):
        yield "The copy is another data directory's."


def _part(work: Path, path: Path) -> dict[str, Any]:
    return {"name": path.relative_to(work).as_posix(), "sha256": digest_of(path), "size": path.stat().st_size}


def digest_of(path: Path) -> str:
    """Return a file's SHA-256 in hex."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require_parts(folder: Path, parts: Sequence[Mapping[str, Any]]) -> None:
    """Raise CannotTell unless each part's bytes are those that the manifest names."""
    for one in parts:
        if digest_of(folder / one["name"]) != one["sha256"]:
            raise CannotTell(f"{one['name']} could not be written as it was read.", hint="Try another place.")


def _copy_small(source: Path, to: Path) -> None:
    if source.exists():
        to.parent.mkdir(mode=0o700, exist_ok=True)
        write_new(to, read_regular(source))


def sync_folders(folder: Path) -> None:
    """Make the names in a folder, and in those below it, durable. Raises OSError."""
    for one in (folder, *(inner for inner in folder.rglob("*") if inner.is_dir())):
        sync_folder(one)


def _tarred(work: Path, at: datetime) -> Path:
    """Return the folder as one file beside it, read back and compared."""
    made = work.with_name(f"{work.name}.tar")
    with new_file(made) as file, tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(one for one in work.rglob("*") if one.is_file()):
            entry = tarfile.TarInfo(path.relative_to(work).as_posix())
            entry.size, entry.mode, entry.mtime = path.stat().st_size, 0o600, int(at.timestamp())
            with open_regular(path) as content:
                tar.addfile(entry, content)
    with tarfile.open(made) as tar:
        for entry in tar:
            packed = tar.extractfile(entry)
            if packed is None or _digest(packed) != digest_of(work / entry.name):
                raise CannotTell("The backup could not be written as it was read.", hint="Try another place.")
    return made


def _digest(file: Any) -> str:
    found = hashlib.sha256()
    while piece := file.read(_PIECE):
        found.update(piece)
    return found.hexdigest()


def _write_keys(path: Path, data_id: str, keys: Mapping[str, Path]) -> None:
    """Write the keys' files into one new file. Raises InvalidInput when one cannot be read."""
    try:
        held = {name: read_regular(file).decode() for name, file in keys.items()}
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("A key file cannot be read.", field="WITHNESS_KEY_FILE") from None
    write_new(path, json.dumps({KEYS_FORM: 1, "data_id": data_id, "keys": held}, indent=2).encode() + b"\n")


def _put_in_place(ready: Path, out: Path, keys: Path | None, keys_out: Path | None) -> None:
    """Give what is ready its name, never over anything: both, or neither."""
    if keys is not None and keys_out is not None:
        put_in_place(keys, keys_out)
    try:
        (rename_folder if ready.is_dir() else put_in_place)(ready, out)
    except BaseException:
        if keys_out is not None:
            with contextlib.suppress(OSError):
                keys_out.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _writing(work: Path, keys: Path | None) -> Iterator[None]:
    """Say what could not be written, and leave nothing half made behind."""
    try:
        yield
    except OSError as error:
        said = f"The backup cannot be written: {error.strerror}."
        raise InvalidInput(said, field="--out", hint="Nothing was left behind.") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for one in (work.with_name(f"{work.name}.tar"), keys):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.unlink(missing_ok=True)
