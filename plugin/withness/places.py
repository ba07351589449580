"""Where a data directory's keys, published checkpoints and mark lie, and which log key is its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

from withness.audit.log_key import beside_main, place_of, read_log_key
from withness.desk.log_keys import vkeys
from withness.desk.putting_back import Places
from withness.errors import InvalidInput, KeyMissing
from withness.files import read_regular
from withness.settings import Settings, key_folder
from withness.store.opening import store_of
from withness.store.sql import Store


def key_path(settings: Settings, data_id: str) -> Path:
    """Return where the key file of a data directory lies."""
    return settings.key_file or key_folder() / f"{data_id}.key"


def log_key_path(settings: Settings, data_id: str) -> Path:
    """Return where the key that signs a data directory's checkpoints lies: beside the data key."""
    return key_path(settings, data_id).with_name(f"{data_id}.log-key")


def present_log_key(settings: Settings, data_id: str) -> Path:
    """Return where the log key lies that this directory's trail names; copies that share the place have their own."""
    main = log_key_path(settings, data_id)
    if not any(main.parent.glob(f"{main.name}-{'[0-9a-f]' * 8}")):
        return main
    with closing(store_of(settings, None)) as bare, bare.transaction() as tx:
        known = vkeys(tx)
    return place_of(main, known[-1]) if known else main


def next_log_key(settings: Settings, data_id: str) -> Path:
    """Return where a new log key lies until the trail names it."""
    return log_key_path(settings, data_id).with_suffix(".log-key-next")


def finish_rotation(settings: Settings, store: Store, *, put_away: bool = True) -> None:
    """Put a new log key in its place once the trail names it; one that the trail never named is put away.

    Without `put_away` it is left: a copy that is looked at shares the place with the directory that goes on.
    """
    with store.transaction() as tx:
        data_id, known = tx.facts().get("data_id", ""), vkeys(tx)
    path = next_log_key(settings, data_id)
    if not path.exists():
        return
    try:
        new = read_log_key(path, data_id)
    except InvalidInput:
        return  # it is left where it is; where the trail names it, the one in its place is not the log's any more
    if known and known[-1] == new.vkey:
        _put_in_place(path, log_key_path(settings, data_id), known)
        if store.publisher is not None:
            store.publisher.key = new
    elif put_away:  # another directory of the same log, which this one is a copy of, may have named it by now
        path.replace(beside_main(log_key_path(settings, data_id), new.vkey))


def _put_in_place(path: Path, main: Path, known: Sequence[str]) -> None:
    """Give the newest of the `known` keys its place; another directory's of the same log, a copy's, keeps its own."""
    data_id = main.stem
    try:
        others = read_log_key(main, data_id).vkey not in known
    except (InvalidInput, KeyMissing):
        others = False
    if not others:
        path.replace(main)
        return
    path.replace(beside_main(main, known[-1]))
    for one in {beside_main(main, vkey) for vkey in known[-2:-1]} - {main}:
        one.unlink(missing_ok=True)  # its own of before: what lies beside another directory's is that copy's


def checkpoints_path(settings: Settings, data_id: str) -> Path:
    """Return the folder of a data directory's published checkpoints."""
    return settings.checkpoint_folder or key_path(settings, data_id).parent / "checkpoints" / data_id


def owner_of(settings: Settings) -> str:
    """Return what names the database that publishes: its file, or the server's address without user and password."""
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        scheme, _, rest = settings.database_url.partition("//")
        return f"{scheme}//{rest.rpartition('@')[2]}"
    return str(settings.database.resolve())


def places_of(settings: Settings, data_id: str) -> Places:
    """Return where a data directory's keys, published checkpoints and database lie."""
    keys = {"data": key_path(settings, data_id), "log": log_key_path(settings, data_id)}
    database = None if settings.on_server else settings.database
    return Places(keys, checkpoints_path(settings, data_id), database)


def mark_of(settings: Settings) -> Path:
    return settings.home / "withness.id"


def marked(settings: Settings) -> str:
    """Return the id that stands beside the database, "" for none."""
    try:
        return read_regular(mark_of(settings), most=100).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def mark_used(settings: Settings, data_id: str) -> None:
    """Leave the data directory's id beside its database, where it is not there yet and can be written."""
    with suppress(OSError):
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark = os.open(mark_of(settings), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(mark, "w", encoding="utf-8") as file:
            file.write(f"{data_id}\n")
