"""The one place where settings meet adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from withness.core.jurisdiction import Jurisdiction
from withness.core.risk import RiskPolicy
from withness.desk.context import Actor, Context
from withness.desk.front import Desk
from withness.desk.log_keys import require_log_key
from withness.desk.policies import may_decide
from withness.directory import has_database, open_store, was_used
from withness.ehr.port import Ehr
from withness.errors import InvalidInput, PolicyRefused, WithnessError
from withness.ids import new_id
from withness.packs.jurisdictions import load_jurisdictions
from withness.packs.load import load_catalogue
from withness.packs.policy import FILE, SETTING, policy_bytes, policy_of, shipped_digest
from withness.packs.templates import load_templates
from withness.places import finish_rotation
from withness.seal import Seal
from withness.settings import Settings, read_settings
from withness.signing import Signer, read_signer


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
        finish_rotation(settings, context.store)
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
    used = was_used(settings) or has_database(settings)
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
            new_id=new_id,
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
