"""A data directory: its store opened with its two keys, set up where it is fresh, its log key changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from withness.audit.folder import Folder
from withness.audit.log_key import LogKey, make_log_key, read_log_key
from withness.audit.publishing import Publisher, Rhythm
from withness.desk import identity
from withness.desk.context import SAMPLE, Actor
from withness.desk.doubt import require_own
from withness.desk.identity import Named
from withness.desk.log_keys import LOG_KEY, require_named, rotate, vkeys
from withness.errors import CannotTell, InvalidInput, KeyMissing, WithnessError
from withness.places import (
    checkpoints_path,
    finish_rotation,
    key_path,
    log_key_path,
    mark_of,
    mark_used,
    marked,
    next_log_key,
    owner_of,
    present_log_key,
)
from withness.seal import Seal, make_key, read_key
from withness.settings import Settings
from withness.store.dropped import put_back
from withness.store.opening import store_of
from withness.store.sql import Store
from withness.store.upgrading import upgrade


def open_store(
    settings: Settings, *, fresh: bool = True, log_key: bool = True, sample: bool = False
) -> tuple[Store, Seal]:
    """Return the store and the data directory's seal; a fresh directory gets its keys, a used one must have them.

    Without `log_key` the store publishes nothing, and holds the log against nothing. `sample`: see `build`.

    Raises KeyMissing, InvalidInput (another directory's key, an unreadable key file, a chart without its
    database, or nothing there where `fresh` is False), CannotTell.
    """
    used, begun = was_used(settings), False
    with closing(store_of(settings, None)) as bare:
        mended, found = _named(settings, bare)
        if found is None and not fresh and not used:
            raise InvalidInput(
                "There is nothing in this data directory yet.", field="WITHNESS_HOME", hint="Name it with --home."
            )
        if found is None and used:
            raise InvalidInput(
                "The data directory was used before, but its database is missing or empty.",
                field="WITHNESS_HOME",
                hint="Restore its database, or name an empty data directory.",
            )
        if found is None:
            found, begun = _set_up(settings, bare, sample=sample), True
    seal = identity.open_key(
        found,
        lambda one: key_path(settings, one),
        identity.opens_with(lambda seal: store_of(settings, seal)),
    )
    data_id = identity.id_of(found, lambda one: log_key_path(settings, one))
    mark_used(settings, data_id)
    publisher = publisher_of(settings, {**found.facts, "data_id": data_id}) if log_key else None
    if publisher is not None and begun:
        publisher.begin()
    store = store_of(settings, seal, publisher)
    if publisher is not None and mended:
        _publish(store, publisher)
    return store, seal


def _named(settings: Settings, bare: Store) -> tuple[bool, Named | None]:
    """Return what the database says of its data directory, brought up to this release; None where it says nothing.

    Before it, whether tables had been dropped and were put back: a new segment then waits to be published.
    """
    if not bare.exists():
        return False, None
    upgrade(bare)
    mended = put_back(bare, datetime.now(UTC))
    return mended, identity.named(bare, marked(settings))


def _publish(store: Store, publisher: Publisher) -> None:
    """Publish the first checkpoint of the newest segment."""
    with store.transaction() as tx:
        head = tx.head()
    if head is not None:
        publisher.publish(head, begin=True)


def _set_up(settings: Settings, bare: Store, *, sample: bool) -> Named:
    """Set up a fresh data directory: its id, its two keys, its database."""
    data_id = str(uuid4())
    path = key_path(settings, data_id)
    seal = _make_or_read(path)
    log_key = make_log_key(log_key_path(settings, data_id), data_id)
    marked = {SAMPLE: "yes"} if sample else {}
    facts = bare.set_up({"data_id": data_id, "key": seal.fingerprint, LOG_KEY: log_key.vkey, **marked})
    return Named(facts, (facts["data_id"],), (facts["key"],))


def publisher_of(settings: Settings, facts: Mapping[str, str]) -> Publisher:
    """Return what publishes the log's checkpoints.

    A directory from before there were checkpoints gets its log key here. One whose log key is missing, or cannot be
    used, publishes nothing, and lets no plan through.
    """
    data_id = facts["data_id"]
    path = present_log_key(settings, data_id)
    fresh = LOG_KEY not in facts and not path.exists()
    key: LogKey | KeyMissing
    try:
        key = make_log_key(path, data_id) if fresh else read_log_key(path, data_id)
    except InvalidInput as error:
        key = KeyMissing(error.message, field=error.field, hint=error.hint)
    return Publisher(
        data_id,
        Folder(checkpoints_path(settings, data_id), owner_of(settings)),
        key,
        now=lambda: datetime.now(UTC),
        stream=settings.checkpoint_stream,
        rhythm=Rhythm(settings.checkpoint_records, timedelta(minutes=settings.checkpoint_minutes)),
    )


def open_trail(settings: Settings) -> tuple[Store, WithnessError | None]:
    """Return a store for reading the trail, and why it goes without its seal where the key does not fit.

    Raises InvalidInput when there was never a database, CannotTell when there was one.
    """
    bare = store_of(settings, None)
    found = bare.exists()
    bare.close()  # it opens again by itself
    if not found and was_used(settings):
        raise CannotTell(
            "The data directory was used before, but its database is missing or empty.",
            field="WITHNESS_HOME",
            hint="Keep this directory as it is, and go on with a backup that verifies.",
        )
    if not found:
        raise InvalidInput(
            "The data directory holds no trail yet.", field="WITHNESS_HOME", hint="Name another with --home."
        )
    try:
        return _opened_trail(settings, bare)
    except CannotTell as error:
        if not _pages_damaged(bare):
            raise
        return bare, error


def _opened_trail(settings: Settings, bare: Store) -> tuple[Store, WithnessError | None]:
    upgrade(bare)  # a later release's database is refused, not called damaged
    try:
        store, _ = open_store(settings, fresh=False)
    except InvalidInput as error:
        return _without_its_seal(settings, bare), error
    bare.close()
    finish_rotation(settings, store, put_away=False)
    with store.transaction() as tx:
        require_named(store, tx)
    return store, None


def _pages_damaged(bare: Store) -> bool:
    """Whether a database that cannot be read says itself that its pages are damaged."""
    with suppress(CannotTell), bare.snapshot() as tx:
        return tx.page_damage() is not None
    return False


def _without_its_seal(settings: Settings, bare: Store) -> Store:
    """Return a store that opens nothing sealed, and is held against what was published: that needs no data key."""
    found = identity.named(bare, marked(settings))
    if found is None or LOG_KEY not in found.facts:
        return bare
    bare.close()
    data_id = identity.id_of(found, lambda one: log_key_path(settings, one))
    return store_of(settings, None, publisher_of(settings, {**found.facts, "data_id": data_id}))


def keys_of(settings: Settings) -> tuple[Path, Path]:
    """Return the data key and the log key of an existing data directory. Raises what `open_store` raises."""
    store, _ = open_store(settings, fresh=False)
    with closing(store):
        with store.transaction() as tx:
            data_id = tx.facts().get("data_id") or marked(settings)
        return key_path(settings, data_id), present_log_key(settings, data_id)


def rotate_log_key(settings: Settings, actor: Actor, *, lost: bool = False) -> tuple[str, str]:
    """Give the log a new signing key and return the old vkey ("" where it is lost) and the new one.

    The new key is on disk before the trail names it, and takes the old one's place after that. Raises what
    `open_store` raises, InvalidInput, CannotTell.
    """
    store, _ = open_store(settings, fresh=False, log_key=not lost)
    with closing(store):
        with store.transaction() as tx:
            data_id = tx.facts().get("data_id") or marked(settings)
        finish_rotation(settings, store)
        if lost:
            _require_lost(settings, store, data_id)
        elif store.publisher is not None:
            require_own(store.publisher)
        old = store.publisher.key.vkey if store.publisher else ""
        new = make_log_key(next_log_key(settings, data_id), data_id)
        rotate(store, new, actor, datetime.now(UTC), lost=lost)
        finish_rotation(settings, store)
        with store.transaction() as tx:
            head = tx.head()
        publisher = store.publisher or publisher_of(settings, {"data_id": data_id, LOG_KEY: new.vkey})
        if head is not None:
            publisher.publish(head)
    return old, new.vkey


def _require_lost(settings: Settings, store: Store, data_id: str) -> None:
    """Raise InvalidInput where the present log key is there: it signs for the next one."""
    try:
        key = read_log_key(present_log_key(settings, data_id), data_id)
    except (InvalidInput, KeyMissing):
        return
    with store.transaction() as tx:
        known = vkeys(tx)
    if known and known[-1] == key.vkey:
        raise InvalidInput("The present log key is there, and signs for the next one.", field="--lost")


def was_used(settings: Settings) -> bool:
    """Whether the data directory has seen use, whatever became of its database: none is silently begun anew."""
    return settings.chart.exists() or mark_of(settings).exists()


def has_database(settings: Settings) -> bool:
    if not settings.on_server:
        return settings.database.exists()
    bare = store_of(settings, None)
    try:
        return bare.exists()
    finally:
        bare.close()


def _make_or_read(path: Path) -> Seal:
    return read_key(path) if path.exists() else make_key(path)
