"""The one place where settings meet adapters."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from withness.audit.folder import Folder
from withness.audit.log_key import LogKey, beside_main, make_log_key, place_of, read_log_key
from withness.audit.publishing import Publisher, Rhythm
from withness.core.jurisdiction import Jurisdiction
from withness.core.risk import RiskPolicy
from withness.desk import identity
from withness.desk.context import SAMPLE, Actor, Context
from withness.desk.front import Desk
from withness.desk.identity import Named
from withness.desk.log_keys import LOG_KEY, require_log_key, require_named, rotate, vkeys
from withness.desk.policies import may_decide
from withness.desk.putting_back import Places
from withness.ehr.port import Ehr
from withness.errors import CannotTell, InvalidInput, KeyMissing, PolicyRefused, WithnessError
from withness.files import read_regular
from withness.packs.jurisdictions import load_jurisdictions
from withness.packs.load import load_catalogue
from withness.packs.policy import FILE, SETTING, policy_bytes, policy_of, shipped_digest
from withness.packs.templates import load_templates
from withness.seal import Seal, make_key, read_key
from withness.settings import Settings, key_folder, read_settings
from withness.signing import Signer, read_signer
from withness.store.dropped import put_back
from withness.store.opening import store_of
from withness.store.sql import Store
from withness.store.upgrading import upgrade


def build(settings: Settings, *, fresh: bool = True, sample: bool = False) -> Context:
    """Return the desk's means for `settings`, setting up a fresh data directory where `fresh` allows it.

    One that is set up with `sample` says for ever that it holds sample data.

    Raises InvalidInput for settings that do not go together, KeyMissing for a used data directory without
    its key, PolicyRefused for a policy that is not the one in force or not signed, InvalidContent, CannotTell.
    """
    text = policy_bytes(settings.policy)
    policy = policy_of(text, name=settings.policy.name if settings.policy else FILE)
    _refuse_unsigned_start(settings, policy)
    with _opened(settings, policy, text, fresh=fresh, sample=sample) as context:
        _finish_rotation(settings, context.store)
        require_log_key(context.store, Actor("Device/withness", ""), context.now())
        with context.store.transaction() as tx:
            may_decide(tx, policy, settings.policy)
        if policy.demo and not context.ehr.loopback:
            raise InvalidInput(
                "The gate's policy is in demo mode (it has no owner): it writes to no EHR but one on this machine.",
                field="WITHNESS_EHR_URL",
                hint="Use an EHR on a loopback address, or none: then the embedded chart is used.",
            )
        return context


def build_for_signing(settings: Settings) -> Context:
    """Return the means of an existing data directory to sign a policy, whatever WITHNESS_POLICY names.

    Its own policy is the shipped one. Raises what `build` raises, but not for the policy in force.
    """
    text = policy_bytes()
    with _opened(settings, policy_of(text, name=FILE), text, fresh=False) as context:
        return context


def _refuse_unsigned_start(settings: Settings, policy: RiskPolicy) -> None:
    """Raise PolicyRefused before a fresh data directory is set up: nobody can have signed a policy for it yet."""
    used = _was_used(settings) or _used(settings)
    if policy.digest != shipped_digest() and not used:
        raise PolicyRefused(
            "A new data directory starts on the shipped policy: nobody has signed another for it yet.",
            field=SETTING,
            hint=f"Leave {SETTING} out, enrol the policy's owner, then run: withness policy sign FILE",
        )


@contextmanager
def _opened(
    settings: Settings, policy: RiskPolicy, text: bytes, *, fresh: bool, sample: bool = False
) -> Iterator[Context]:
    """Yield the means; the store is closed again when the block raises."""
    templates = load_templates(settings.packs)
    store, seal = open_store(settings, fresh=fresh, sample=sample)
    try:
        yield Context(
            settings=settings,
            store=store,
            ehr=_ehr(settings, seal),
            policy=policy,
            policy_bytes=text,
            templates=templates,
            catalogue=load_catalogue(),
            jurisdictions=_jurisdictions(settings),
            now=store.now,
            new_id=lambda: str(uuid4()),
            repository=_repository(settings),
        )
    except WithnessError:
        store.close()
        raise


def load(settings: Settings | None = None, *, fresh: bool = True) -> Desk:
    """Return the desk for `settings` (default: the environment's), setting up a fresh data directory.

    Raises what `build` raises: a host that cannot load the desk must not start.
    """
    return Desk(build(settings or read_settings(), fresh=fresh))


def _jurisdictions(settings: Settings) -> Mapping[str, Jurisdiction]:
    found = load_jurisdictions(settings.jurisdictions)
    if settings.jurisdiction and settings.jurisdiction not in found:
        raise InvalidInput(
            "WITHNESS_JURISDICTION is not in the table of reporting laws.",
            field="WITHNESS_JURISDICTION",
            hint=f"It holds: {', '.join(found)}. A site's own table: WITHNESS_JURISDICTIONS.",
        )
    return found


def open_signer(who: str, key_file: Path, passphrase: str) -> Signer:
    """Open a person's key file, to sign with. Raises InvalidInput."""
    return read_signer(who, key_file, passphrase)


def _repository(settings: Settings) -> Ehr | None:
    if not settings.audit_repository:
        return None
    from withness.ehr.client import FhirClient

    return FhirClient(settings.audit_repository, token=settings.audit_repository_token, timeout=settings.ehr_timeout)


def _ehr(settings: Settings, seal: Seal) -> Ehr:
    if settings.ehr_url:
        from withness.ehr.client import FhirClient

        return FhirClient(settings.ehr_url, token=settings.ehr_token, timeout=settings.ehr_timeout)
    from withness.ehr.local import LocalChart

    return LocalChart(settings.chart, seal, now=lambda: datetime.now(UTC))


def open_store(
    settings: Settings, *, fresh: bool = True, log_key: bool = True, sample: bool = False
) -> tuple[Store, Seal]:
    """Return the store and the data directory's seal; a fresh directory gets its keys, a used one must have them.

    Without `log_key` the store publishes nothing, and holds the log against nothing. `sample`: see `build`.

    Raises KeyMissing, InvalidInput (another directory's key, an unreadable key file, a chart without its
    database, or nothing there where `fresh` is False), CannotTell.
    """
    used, begun = _was_used(settings), False
    with closing(store_of(settings, None)) as bare:
        found = _named(settings, bare)
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
    _mark_used(settings, data_id)
    publisher = publisher_of(settings, {**found.facts, "data_id": data_id}) if log_key else None
    if publisher is not None and begun:
        publisher.begin()
    return store_of(settings, seal, publisher), seal


def _named(settings: Settings, bare: Store) -> Named | None:
    """Return what the database says of its data directory, brought up to this release; None where it says nothing."""
    if not bare.exists():
        return None
    upgrade(bare)
    put_back(bare, datetime.now(UTC))
    return identity.named(bare, _marked(settings))


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
    path = _present_log_key(settings, data_id)
    fresh = LOG_KEY not in facts and not path.exists()
    key: LogKey | KeyMissing
    try:
        key = make_log_key(path, data_id) if fresh else read_log_key(path, data_id)
    except InvalidInput as error:
        key = KeyMissing(error.message, field=error.field, hint=error.hint)
    return Publisher(
        data_id,
        Folder(checkpoints_path(settings, data_id), _owner(settings)),
        key,
        now=lambda: datetime.now(UTC),
        stream=settings.checkpoint_stream,
        rhythm=Rhythm(settings.checkpoint_records, timedelta(minutes=settings.checkpoint_minutes)),
    )


def log_key_path(settings: Settings, data_id: str) -> Path:
    """Return where the key that signs a data directory's checkpoints lies: beside the data key."""
    return key_path(settings, data_id).with_name(f"{data_id}.log-key")


def _present_log_key(settings: Settings, data_id: str) -> Path:
    """Return where the log key lies that this directory's trail names; copies that share the place have their own."""
    main = log_key_path(settings, data_id)
    if not any(main.parent.glob(f"{main.name}-{'[0-9a-f]' * 8}")):
        return main
    with closing(store_of(settings, None)) as bare, bare.transaction() as tx:
        known = vkeys(tx)
    return place_of(main, known[-1]) if known else main


def _owner(settings: Settings) -> str:
    """Return what names the database that publishes: its file, or the server's address without user and password."""
    if settings.database_url and not settings.database_url.startswith("sqlite"):
        scheme, _, rest = settings.database_url.partition("//")
        return f"{scheme}//{rest.rpartition('@')[2]}"
    return str(settings.database.resolve())


def checkpoints_path(settings: Settings, data_id: str) -> Path:
    """Return the folder of a data directory's published checkpoints."""
    return settings.checkpoint_folder or key_path(settings, data_id).parent / "checkpoints" / data_id


def places_of(settings: Settings, data_id: str) -> Places:
    """Return where a data directory's keys, published checkpoints and database lie."""
    keys = {"data": key_path(settings, data_id), "log": log_key_path(settings, data_id)}
    database = None if settings.on_server else settings.database
    return Places(keys, checkpoints_path(settings, data_id), database)


def open_trail(settings: Settings) -> tuple[Store, InvalidInput | None]:
    """Return a store for reading the trail, and why it goes without its seal where the key does not fit.

    Raises InvalidInput when there was never a database, CannotTell when there was one.
    """
    bare = store_of(settings, None)
    found = bare.exists()
    bare.close()  # it opens again by itself
    if not found and _was_used(settings):
        raise CannotTell(
            "The data directory was used before, but its database is missing or empty.",
            field="WITHNESS_HOME",
            hint="Keep this directory as it is, and go on with a backup that verifies.",
        )
    if not found:
        raise InvalidInput(
            "The data directory holds no trail yet.", field="WITHNESS_HOME", hint="Name another with --home."
        )
    upgrade(bare)
    put_back(bare, datetime.now(UTC))
    try:
        store, _ = open_store(settings, fresh=False)
    except InvalidInput as error:
        return bare, error
    bare.close()
    _finish_rotation(settings, store, put_away=False)
    with store.transaction() as tx:
        require_named(store, tx)
    return store, None


def _next_log_key(settings: Settings, data_id: str) -> Path:
    return log_key_path(settings, data_id).with_suffix(".log-key-next")


def rotate_log_key(settings: Settings, actor: Actor, *, lost: bool = False) -> tuple[str, str]:
    """Give the log a new signing key and return the old vkey ("" where it is lost) and the new one.

    The new key is on disk before the trail names it, and takes the old one's place after that. Raises what
    `open_store` raises, InvalidInput, CannotTell.
    """
    store, _ = open_store(settings, fresh=False, log_key=not lost)
    with closing(store):
        with store.transaction() as tx:
            data_id = tx.facts()["data_id"]
        _finish_rotation(settings, store)
        if lost:
            _require_lost(settings, store, data_id)
        old = store.publisher.key.vkey if store.publisher else ""
        new = make_log_key(_next_log_key(settings, data_id), data_id)
        rotate(store, new, actor, datetime.now(UTC), lost=lost)
        _finish_rotation(settings, store)
        with store.transaction() as tx:
            head = tx.head()
        publisher = store.publisher or publisher_of(settings, {"data_id": data_id, LOG_KEY: new.vkey})
        if head is not None:
            publisher.publish(head)
    return old, new.vkey


def _require_lost(settings: Settings, store: Store, data_id: str) -> None:
    """Raise InvalidInput where the present log key is there: it signs for the next one."""
    try:
        key = read_log_key(_present_log_key(settings, data_id), data_id)
    except (InvalidInput, KeyMissing):
        return
    with store.transaction() as tx:
        known = vkeys(tx)
    if known and known[-1] == key.vkey:
        raise InvalidInput("The present log key is there, and signs for the next one.", field="--lost")


def _finish_rotation(settings: Settings, store: Store, *, put_away: bool = True) -> None:
    """Put a new log key in its place once the trail names it; one that the trail never named is put away.

    Without `put_away` it is left: a copy that is looked at shares the place with the directory that goes on.
    """
    with store.transaction() as tx:
        data_id, known = tx.facts().get("data_id", ""), vkeys(tx)
    path = _next_log_key(settings, data_id)
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
    elif put_away:
        path.unlink()


def _put_in_place(path: Path, main: Path, known: Sequence[str]) -> None:
    """Give the newest of the `known` keys its place; another directory's of the same log, a copy's, keeps its own."""
    data_id = main.stem
    try:
        others = read_log_key(main, data_id).vkey not in known
    except (InvalidInput, KeyMissing):
        others = False
    path.replace(beside_main(main, known[-1]) if others else main)
    for one in {beside_main(main, vkey) for vkey in known[:-1]} - {main}:
        one.unlink(missing_ok=True)


def key_path(settings: Settings, data_id: str) -> Path:
    """Return where the key file of a data directory lies."""
    return settings.key_file or key_folder() / f"{data_id}.key"


def keys_of(settings: Settings) -> tuple[Path, Path]:
    """Return the data key and the log key of an existing data directory. Raises what `open_store` raises."""
    store, _ = open_store(settings, fresh=False)
    with closing(store):
        with store.transaction() as tx:
            data_id = tx.facts()["data_id"]
        return key_path(settings, data_id), _present_log_key(settings, data_id)


def _was_used(settings: Settings) -> bool:
    """Whether the data directory has seen use, whatever became of its database: none is silently begun anew."""
    return settings.chart.exists() or _mark(settings).exists()


def _mark(settings: Settings) -> Path:
    return settings.home / "withness.id"


def _marked(settings: Settings) -> str:
    """Return the id that stands beside the database, "" for none."""
    try:
        return read_regular(_mark(settings), most=100).decode().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _mark_used(settings: Settings, data_id: str) -> None:
    """Leave the data directory's id beside its database, where it is not there yet and can be written."""
    with suppress(OSError):
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        mark = os.open(_mark(settings), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(mark, "w", encoding="utf-8") as file:
            file.write(f"{data_id}\n")


def _used(settings: Settings) -> bool:
    if not settings.on_server:
        return settings.database.exists()
    bare = store_of(settings, None)
    try:
        return bare.exists()
    finally:
        bare.close()


def _make_or_read(path: Path) -> Seal:
    return read_key(path) if path.exists() else make_key(path)
