"""The one place where settings meet adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from withness.core.jurisdiction import Jurisdiction
from withness.core.risk import RiskPolicy
from withness.desk.context import Context
from withness.desk.front import Desk
from withness.desk.policies import may_decide
from withness.ehr.port import Ehr
from withness.errors import CannotTell, InvalidInput, PolicyRefused, WithnessError
from withness.packs.jurisdictions import load_jurisdictions
from withness.packs.load import load_catalogue
from withness.packs.policy import FILE, SETTING, policy_bytes, policy_of, shipped_digest
from withness.packs.templates import load_templates
from withness.seal import Seal, make_key, read_key
from withness.settings import Settings, key_folder, read_settings
from withness.signing import Signer, read_signer
from withness.store.opening import store_of
from withness.store.sql import Store


def build(settings: Settings, *, fresh: bool = True) -> Context:
    """Return the desk's means for `settings`, setting up a fresh data directory where `fresh` allows it.

    Raises InvalidInput for settings that do not go together, KeyMissing for a used data directory without
    its key, PolicyRefused for a policy that is not the one in force or not signed, InvalidContent, CannotTell.
    """
    text = policy_bytes(settings.policy)
    policy = policy_of(text, name=settings.policy.name if settings.policy else FILE)
    _refuse_unsigned_start(settings, policy)
    with _opened(settings, policy, text, fresh=fresh) as context:
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
    used = settings.chart.exists() or _used(settings)
    if policy.digest != shipped_digest() and not used:
        raise PolicyRefused(
            "A new data directory starts on the shipped policy: nobody has signed another for it yet.",
            field=SETTING,
            hint=f"Leave {SETTING} out, enrol the policy's owner, then run: withness policy sign FILE",
        )


@contextmanager
def _opened(settings: Settings, policy: RiskPolicy, text: bytes, *, fresh: bool) -> Iterator[Context]:
    """Yield the means; the store is closed again when the block raises."""
    templates = load_templates(settings.packs)
    store, seal = open_store(settings, fresh=fresh)
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


def _ehr(settings: Settings, seal: Seal) -> Ehr:
    if settings.ehr_url:
        from withness.ehr.client import FhirClient

        return FhirClient(settings.ehr_url, token=settings.ehr_token, timeout=settings.ehr_timeout)
    from withness.ehr.local import LocalChart

    return LocalChart(settings.chart, seal, now=lambda: datetime.now(UTC))


def open_store(settings: Settings, *, fresh: bool = True) -> tuple[Store, Seal]:
    """Return the store and the data directory's seal; a fresh directory gets a key, a used one must have it.

    Raises KeyMissing, InvalidInput (another directory's key, an unreadable key file, a chart without its
    database, or nothing there where `fresh` is False), CannotTell.
    """
    bare = store_of(settings, None)
    facts = _facts(bare) if bare.exists() else {}
    if not facts and not fresh and not settings.chart.exists():
        raise InvalidInput(
            "There is nothing in this data directory yet.", field="WITHNESS_HOME", hint="Name it with --home."
        )
    if not facts and settings.chart.exists():
        raise InvalidInput(
            "The data directory was used before, but its database is missing or empty.",
            field="WITHNESS_HOME",
            hint="Restore withness.sqlite3, or name an empty data directory.",
        )
    if not facts:
        data_id = str(uuid4())
        path = key_path(settings, data_id)
        seal = _make_or_read(path)
        facts = bare.set_up({"data_id": data_id, "key": seal.fingerprint})
    bare.close()
    seal = read_key(key_path(settings, facts["data_id"]))
    if seal.fingerprint != facts["key"]:
        raise InvalidInput(
            "The key file belongs to another data directory.",
            field="WITHNESS_KEY_FILE",
            hint="Point WITHNESS_KEY_FILE at this directory's own key.",
        )
    return store_of(settings, seal), seal


def open_trail(settings: Settings) -> tuple[Store, InvalidInput | None]:
    """Return a store for reading the trail, and why it goes without its seal where the key does not fit.

    Raises InvalidInput when there was never a database, CannotTell when there was one.
    """
    bare = store_of(settings, None)
    if not bare.exists() and settings.chart.exists():
        raise CannotTell(
            "The data directory was used before, but its database is missing or empty.",
            field="WITHNESS_HOME",
            hint="Keep this directory as it is, and go on with a backup that verifies.",
        )
    if not bare.exists():
        raise InvalidInput(
            "The data directory holds no trail yet.", field="WITHNESS_HOME", hint="Name another with --home."
        )
    try:
        store, _ = open_store(settings, fresh=False)
    except InvalidInput as error:
        return bare, error
    bare.close()
    return store, None


def key_path(settings: Settings, data_id: str) -> Path:
    """Return where the key file of a data directory lies."""
    return settings.key_file or key_folder() / f"{data_id}.key"


def key_of(settings: Settings) -> Path:
    """Return the key file that opens an existing data directory. Raises what `open_store` raises."""
    store, _ = open_store(settings, fresh=False)
    with store.transaction() as tx:
        facts = tx.facts()
    store.close()
    return key_path(settings, facts["data_id"])


def _used(settings: Settings) -> bool:
    if not settings.on_server:
        return settings.database.exists()
    bare = store_of(settings, None)
    try:
        return bare.exists()
    finally:
        bare.close()


def _facts(store: Store) -> dict[str, str]:
    with store.transaction() as tx:
        found = tx.facts() if tx.has_table("meta") else {}
    return found if {"data_id", "key"} <= found.keys() else {}


def _make_or_read(path: Path) -> Seal:
    return read_key(path) if path.exists() else make_key(path)
